//! `keys` and `keys check FILE`: the keymap in force with where each binding comes from, and what is
//! wrong with a file.

use super::args::{Format, Output};
use super::json;
use super::output::{Reader, Streams};
use super::read::unprintable;
use super::table::Table;
use super::{ExitCode, Failure};
use crate::config::{self, Chosen, Environment, Flags};
use crate::tui::{KeysInForce, keys_in_force};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::PathBuf;

/// `keys …`; without a command: the keymap in force.
#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: Option<KeysCommand>,
    #[command(flatten)]
    format: Format,
    /// The same as `-o json`.
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

/// `keys check`.
#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Reads a keymap of your own and says what is wrong with it.
    Check {
        /// The file. It is laid over the keymap that is chosen (`keymap`, --keymap).
        file: PathBuf,
    },
}

impl KeysArgs {
    /// Whether nothing but the keymap in force is asked for: no file is named.
    pub(super) fn only_prints(&self) -> bool {
        self.command.is_none()
    }
}

pub(super) fn run(
    args: KeysArgs,
    env: &Environment,
    flags: &Flags,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    match args.command {
        Some(KeysCommand::Check { file }) => check(file, env, flags, streams),
        None => {
            let chosen = config::load(env, flags)?.keymap;
            let keys = keys_in_force(&chosen);
            let json = args.json || args.format.output == Output::Json;
            let text = if json { document(&keys, &chosen)? } else { table(&keys, &chosen) };
            if print(streams, &text)? == Reader::Listens {
                for mistake in &keys.made.mistakes {
                    streams
                        .say(&format!("left out: {}\n", super::table::clean(&mistake.to_string())));
                }
            }
            Ok(ExitCode::Done)
        }
    }
}

fn print(streams: &mut Streams<'_>, text: &str) -> Result<Reader, Failure> {
    streams.print(text).map_err(|error| unprintable(&error))
}

/// Ends with 2 where anything is wrong.
fn check(
    file: PathBuf,
    env: &Environment,
    flags: &Flags,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    // A broken configuration must not keep the operator from what helps with another file.
    let name = match (config::load(env, flags), &flags.keymap) {
        (Ok(settings), _) => settings.keymap.name,
        (Err(_), Some(name)) => name.clone(),
        (Err(_), None) => "default".to_owned(),
    };
    let shown = file.display().to_string();
    let keys = keys_in_force(&Chosen { name, file: Some(file) });
    let causes: Vec<String> = keys.made.mistakes.iter().map(ToString::to_string).collect();
    if !causes.is_empty() {
        return Err(Failure {
            what: format!("take all of the keymap {shown}"),
            causes,
            next: "Correct these lines; the rest of the file holds. `quarterdeck keys` prints what is in force."
                .into(),
            code: ExitCode::Usage,
        });
    }
    let _ = print(streams, &format!("{shown}: ok, over the keymap {}\n", keys.name))?;
    Ok(ExitCode::Done)
}

fn table(keys: &KeysInForce, chosen: &Chosen) -> String {
    let mut table = Table::new(["CONTEXT", "KEYS", "COMMAND", "FROM", "WHAT IT DOES"]);
    for bound in &keys.made.bindings {
        let command = bound.action.command();
        table.row([
            bound.context.to_string(),
            bound.keys.clone(),
            command.name.to_owned(),
            bound.origin.to_string(),
            command.doc.to_owned(),
        ]);
    }
    let own = match &chosen.file {
        Some(path) => format!(", over it {}", super::table::clean(&path.display().to_string())),
        None => String::new(),
    };
    format!("# keymap: {}{own}\n{}", keys.name, table.render())
}

/// `keys --json`.
#[derive(Serialize)]
struct KeysView {
    schema: &'static str,
    /// The one that comes with the program.
    keymap: String,
    /// The operator's own, laid over it.
    file: Option<String>,
    keys: Vec<KeyView>,
    /// What was left out of the operator's own, as sentences.
    mistakes: Vec<String>,
}

#[derive(Serialize)]
struct KeyView {
    context: String,
    keys: String,
    command: &'static str,
    doc: &'static str,
    /// The keymap that comes with the program, or the operator's file.
    from: String,
    line: Option<usize>,
}

fn document(keys: &KeysInForce, chosen: &Chosen) -> Result<String, Failure> {
    let views = keys.made.bindings.iter().map(|bound| KeyView {
        context: bound.context.to_string(),
        keys: bound.keys.clone(),
        command: bound.action.command().name,
        doc: bound.action.command().doc,
        from: bound.origin.sheet.to_string(),
        line: bound.origin.line,
    });
    json::document(&KeysView {
        schema: json::SCHEMA,
        keymap: keys.name.clone(),
        file: chosen.file.as_ref().map(|path| path.display().to_string()),
        keys: views.collect(),
        mistakes: keys.made.mistakes.iter().map(ToString::to_string).collect(),
    })
}
