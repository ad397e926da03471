//! From the text of a keymap to its trie, with every mistake named by its place and its reason.

use super::{Keymap, Node};
use crate::app::command::{Action, Command, Context};
use crate::app::input::{Chord, UnknownKey};
use std::collections::BTreeMap;

/// A keymap as a file holds it: context, keys, command.
pub type KeymapText = BTreeMap<String, BTreeMap<String, String>>;

/// A mistake in a keymap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {kind}")]
pub struct KeymapError {
    /// Where: `list."g g"`.
    pub path: String,
    /// What.
    pub kind: KeymapErrorKind,
}

/// What can be wrong with a binding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapErrorKind {
    /// No such context.
    #[error("there is no context of this name (global, list, fleets, nodes, layer)")]
    UnknownContext,
    /// No such command.
    #[error("there is no command {0:?}")]
    UnknownCommand(String),
    /// No such key.
    #[error(transparent)]
    UnknownKey(#[from] UnknownKey),
    /// The command means nothing there.
    #[error("the command {0:?} means nothing in this context")]
    OutOfPlace(String),
    /// No keys at all.
    #[error("a binding needs at least one key")]
    NoKeys,
    /// The same keys twice, or a sequence that begins with another binding.
    #[error("the keys clash with another binding of this context")]
    Clash,
    /// Not a keymap at all.
    #[error("{0}")]
    Syntax(String),
}

impl Keymap {
    /// Builds the trie.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn build(text: &KeymapText) -> Result<Self, KeymapError> {
        let mut keymap = Self::default();
        for (name, bindings) in text {
            let context: Context = name.parse().map_err(|_| KeymapError {
                path: name.clone(),
                kind: KeymapErrorKind::UnknownContext,
            })?;
            let branch = keymap.contexts.entry(context).or_default();
            for (keys, command) in bindings {
                bind(branch, context, keys, command)
                    .map_err(|kind| KeymapError { path: format!("{name}.{keys:?}"), kind })?;
            }
        }
        Ok(keymap)
    }
}

fn bind(
    branch: &mut BTreeMap<Chord, Node>,
    context: Context,
    keys: &str,
    command: &str,
) -> Result<(), KeymapErrorKind> {
    let unknown = || KeymapErrorKind::UnknownCommand(command.to_owned());
    let known = Command::named(command).ok_or_else(unknown)?;
    if !known.fits(context) {
        return Err(KeymapErrorKind::OutOfPlace(command.to_owned()));
    }
    let chords = keys.split_whitespace().map(str::parse).collect::<Result<Vec<Chord>, _>>()?;
    let (last, before) = chords.split_last().ok_or(KeymapErrorKind::NoKeys)?;
    insert(branch, before, *last, known.action)
}

fn insert(
    branch: &mut BTreeMap<Chord, Node>,
    before: &[Chord],
    last: Chord,
    action: Action,
) -> Result<(), KeymapErrorKind> {
    if let Some((first, rest)) = before.split_first() {
        let next = branch.entry(*first).or_insert_with(|| Node::Prefix(BTreeMap::new()));
        return match next {
            Node::Prefix(next) => insert(next, rest, last, action),
            Node::Action(_) => Err(KeymapErrorKind::Clash),
        };
    }
    match branch.insert(last, Node::Action(action)) {
        None => Ok(()),
        Some(_) => Err(KeymapErrorKind::Clash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(context: &str, bindings: &[(&str, &str)]) -> (String, KeymapErrorKind) {
        let own = bindings.iter().map(|(keys, name)| ((*keys).into(), (*name).into())).collect();
        let error = Keymap::build(&KeymapText::from([(context.into(), own)])).unwrap_err();
        (error.path, error.kind)
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        assert_eq!(
            mistake("globl", &[("q", "quit")]),
            ("globl".into(), KeymapErrorKind::UnknownContext)
        );
        assert_eq!(
            mistake("global", &[("q", "qiut")]),
            ("global.\"q\"".into(), KeymapErrorKind::UnknownCommand("qiut".into()))
        );
        assert_eq!(
            mistake("sources", &[("x", "open")]).1,
            KeymapErrorKind::OutOfPlace("open".into())
        );
        assert!(matches!(
            mistake("global", &[("strg-q", "quit")]).1,
            KeymapErrorKind::UnknownKey(_)
        ));
        assert_eq!(mistake("global", &[(" ", "quit")]).1, KeymapErrorKind::NoKeys);
        for pair in [["g", "g g"], ["g g", "g"], ["G", "shift-g"]] {
            let both = pair.map(|keys| (keys, "quit"));
            assert_eq!(mistake("global", &both).1, KeymapErrorKind::Clash, "{pair:?}");
        }
    }
}
