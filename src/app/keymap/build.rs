//! From the text of a keymap to its trie, with every mistake named by its place and its reason.

use super::{Keymap, Node};
use crate::app::command::{Action, Command, Context};
use crate::app::input::{Chord, UnknownKey};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use strum::IntoEnumIterator;

/// A keymap as a file holds it: context, keys, command.
pub type KeymapText = BTreeMap<String, BTreeMap<String, Binding>>;

/// What a file says of some keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// They mean this command.
    Command(String),
    /// They mean nothing (`false`).
    Nothing,
}

// By hand, because serde's `untagged` would not say what is expected.
impl<'de> Deserialize<'de> for Binding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BindingVisitor)
    }
}

struct BindingVisitor;

impl Visitor<'_> for BindingVisitor {
    type Value = Binding;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a command, or false")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Binding, E> {
        Ok(Binding::Command(name.to_owned()))
    }

    fn visit_bool<E: de::Error>(self, bound: bool) -> Result<Binding, E> {
        match bound {
            false => Ok(Binding::Nothing),
            true => Err(E::invalid_value(de::Unexpected::Bool(true), &self)),
        }
    }
}

/// The bindings of one context, each sequence of chords once.
type Flat = BTreeMap<(Context, Vec<Chord>), Option<Action>>;

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
    #[error("there is no context of this name; there is {0}")]
    UnknownContext(String),
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
    /// Nothing would be left to leave the console by.
    #[error("no key is left for this command")]
    NoWayOut,
    /// Not a keymap at all.
    #[error("{0}")]
    Syntax(String),
}

impl KeymapErrorKind {
    fn unknown_context() -> Self {
        let all: Vec<_> = Context::iter().map(|context| context.to_string()).collect();
        Self::UnknownContext(all.join(", "))
    }
}

impl Keymap {
    /// Builds the trie.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn build(text: &KeymapText) -> Result<Self, KeymapError> {
        Self::of(read(text)?)
    }

    /// Lays an operator's own keymap over another, binding by binding: what it says of some keys
    /// comes in the place of everything that clashes with it there.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn over(base: &KeymapText, own: &KeymapText) -> Result<Self, KeymapError> {
        let (mut all, own) = (read(base)?, read(own)?);
        all.retain(|(context, keys), _| {
            !own.keys().any(|(there, other)| there == context && clash(keys, other))
        });
        all.extend(own);
        let quits = all.values().any(|action| *action == Some(Action::Quit));
        let keymap = Self::of(all)?;
        if quits {
            return Ok(keymap);
        }
        Err(KeymapError { path: "quit".into(), kind: KeymapErrorKind::NoWayOut })
    }

    fn of(all: Flat) -> Result<Self, KeymapError> {
        let mut keymap = Self::default();
        for ((context, chords), action) in all {
            let Some(action) = action else { continue };
            let Some((last, before)) = chords.split_last() else { continue };
            let branch = keymap.contexts.entry(context).or_default();
            insert(branch, before, *last, action).map_err(|kind| {
                let keys: Vec<_> = chords.iter().map(ToString::to_string).collect();
                KeymapError { path: place(context, &keys.join(" ")), kind }
            })?;
        }
        Ok(keymap)
    }
}

fn place(context: impl fmt::Display, keys: &str) -> String {
    format!("{context}.{keys:?}")
}

/// Whether one sequence is the other, or its beginning.
fn clash(one: &[Chord], other: &[Chord]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn read(text: &KeymapText) -> Result<Flat, KeymapError> {
    let mut all = Flat::new();
    for (name, bindings) in text {
        let unknown =
            || KeymapError { path: name.clone(), kind: KeymapErrorKind::unknown_context() };
        let context: Context = name.parse().map_err(|_| unknown())?;
        for (keys, binding) in bindings {
            let error = |kind| KeymapError { path: place(name, keys), kind };
            let (chords, action) = read_one(context, keys, binding).map_err(error)?;
            if all.insert((context, chords), action).is_some() {
                return Err(error(KeymapErrorKind::Clash));
            }
        }
    }
    Ok(all)
}

fn read_one(
    context: Context,
    keys: &str,
    binding: &Binding,
) -> Result<(Vec<Chord>, Option<Action>), KeymapErrorKind> {
    let chords = keys.split_whitespace().map(str::parse).collect::<Result<Vec<Chord>, _>>()?;
    if chords.is_empty() {
        return Err(KeymapErrorKind::NoKeys);
    }
    let Binding::Command(name) = binding else { return Ok((chords, None)) };
    let unknown = || KeymapErrorKind::UnknownCommand(name.clone());
    let command = Command::named(name).ok_or_else(unknown)?;
    if !command.fits(context) {
        return Err(KeymapErrorKind::OutOfPlace(name.clone()));
    }
    Ok((chords, Some(command.action)))
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

    fn text(context: &str, bindings: &[(&str, &str)]) -> KeymapText {
        let own = bindings.iter().map(|(keys, name)| {
            let binding = match *name {
                "false" => Binding::Nothing,
                name => Binding::Command(name.into()),
            };
            ((*keys).into(), binding)
        });
        KeymapText::from([(context.into(), own.collect())])
    }

    fn mistake(context: &str, bindings: &[(&str, &str)]) -> (String, KeymapErrorKind) {
        let error = Keymap::build(&text(context, bindings)).unwrap_err();
        (error.path, error.kind)
    }

    #[test]
    fn an_own_keymap_takes_the_place_of_what_it_clashes_with() {
        let base = text("global", &[("q", "quit"), ("g g", "help"), ("m", "messages")]);
        let over = |own: &[(&str, &str)]| Keymap::over(&base, &text("global", own));
        let keys = |keymap: Keymap| -> Vec<String> {
            let hints = keymap.hints(&[Context::Global], &[]);
            hints
                .iter()
                .map(|hint| format!("{} {}", hint.keys, hint.action.command().name))
                .collect()
        };
        let same = ["g g help", "q quit", "m messages"];
        assert_eq!(keys(over(&[]).unwrap()), same);
        assert_eq!(keys(over(&[("x", "false")]).unwrap()), same);
        assert_eq!(keys(over(&[("m", "false")]).unwrap()), ["g g help", "q quit"]);
        let over_prefix = keys(over(&[("g", "redraw")]).unwrap());
        assert_eq!(over_prefix, ["q quit", "m messages", "g redraw"]);
        let over_leaf = keys(over(&[("m m", "redraw")]).unwrap());
        assert_eq!(over_leaf, ["g g help", "q quit", "m m redraw"]);
        let moved = keys(over(&[("q", "help"), ("x", "quit")]).unwrap());
        assert!(moved.contains(&"x quit".to_owned()), "{moved:?}");
        assert_eq!(over(&[("q", "false")]).unwrap_err().kind, KeymapErrorKind::NoWayOut);
        let clash = over(&[("x", "help"), ("x x", "help")]).unwrap_err();
        assert_eq!(clash.kind, KeymapErrorKind::Clash);
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        assert_eq!(
            mistake("globl", &[("q", "quit")]),
            ("globl".into(), KeymapErrorKind::unknown_context())
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
