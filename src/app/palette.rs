//! The command palette: a line such as `sort role`, completed from the one registry.

mod arguments;
pub(super) mod flags;

use super::command::{Action, Argument, COMMANDS, Command, Context};
use super::jump::Found;
use super::layer::{Choice, Then};
use super::model::Model;

/// A line of the palette, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub action: Action,
    /// What follows the name; empty where nothing does.
    pub argument: String,
}

/// Understands a line.
///
/// # Errors
/// A sentence: there is no such command, or not here.
pub(super) fn parse(model: &Model, text: &str) -> Result<Line, String> {
    let text = text.trim();
    let (name, argument) = text.split_once(' ').unwrap_or((text, ""));
    let command = Command::named(name).ok_or_else(|| format!("There is no command {name:?}."))?;
    if !is_here(model, command) {
        return Err(format!("{name} means nothing on this screen."));
    }
    let argument = argument.trim();
    if command.action.argument() == Argument::None && !argument.is_empty() {
        return Err(format!("{name} takes nothing after its name."));
    }
    Ok(Line { action: command.action, argument: argument.to_owned() })
}

/// What the line may become.
pub(super) fn complete(model: &Model, text: &str) -> Found {
    let text = text.trim_start();
    match text.split_once(' ') {
        Some((name, argument)) => {
            let command = Command::named(name).filter(|command| is_here(model, command));
            let found = command.map(|it| arguments::complete(model, (name, it.action), argument));
            found.unwrap_or_default()
        }
        None => names(model, text),
    }
}

/// Whether a command means something on the screen below.
fn is_here(model: &Model, command: &Command) -> bool {
    // What only moves within a layer or a line of text is no command of its own.
    model.screen_contexts().iter().any(|context| command.contexts.contains(context))
        || command.contexts.contains(&Context::Global)
}

fn names(model: &Model, text: &str) -> Found {
    let contexts = model.screen_contexts();
    let help = model.keymap.help(&contexts);
    let mut ranked: Vec<(usize, Choice)> = COMMANDS
        .iter()
        .filter(|command| is_here(model, command) && command.action != Action::Palette)
        .filter_map(|command| {
            let rank = rank(command, text)?;
            let keys = help.iter().find(|hint| hint.action == command.action);
            let then = match command.action.argument() {
                Argument::None | Argument::Plan(_) | Argument::Rows => {
                    Then::Run(command.name.to_owned())
                }
                _ => Then::Complete(format!("{} ", command.name)),
            };
            let keys = keys.map(|hint| hint.keys.clone()).unwrap_or_default();
            Some((rank, Choice { name: command.name.into(), keys, doc: command.doc.into(), then }))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    // Before anything is typed, nothing is meant; nor is a command in whose sentence alone it stands.
    let named = ranked.first().is_some_and(|(rank, _)| *rank < BY_ITS_SENTENCE);
    let sure = named && !text.is_empty();
    let choices: Vec<_> = ranked.into_iter().map(|(_, choice)| choice).collect();
    Found { matches: choices.len(), sure, choices }
}

/// The rank of a command in whose sentence a text stands, not in its name.
const BY_ITS_SENTENCE: usize = 4;

/// How well a text names a command; `None` where it does not.
fn rank(command: &Command, text: &str) -> Option<usize> {
    let text = text.to_lowercase().replace('-', "_");
    let mut letters = command.name.chars();
    let mut follows = || text.chars().all(|c| letters.any(|own| own == c));
    if command.name == text {
        Some(0)
    } else if command.name.starts_with(&text) {
        Some(1)
    } else if command.name.contains(&text) {
        Some(2)
    } else if follows() {
        Some(3)
    } else {
        command.doc.to_lowercase().contains(&text).then_some(BY_ITS_SENTENCE)
    }
}
