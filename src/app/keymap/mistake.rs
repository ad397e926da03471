//! What can be wrong with a keymap, as sentences that name the place and the next thing to do.

use super::sheet::Origin;
use crate::app::command::{COMMANDS, Command, Context};
use crate::app::input::UnknownKey;
use crate::config::nearest;
use strum::IntoEnumIterator;

/// A mistake in a keymap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {}{kind}", place(at))]
pub struct Mistake {
    /// The file and the line.
    pub origin: Origin,
    /// The context and the keys, as `[list] "g g"`; empty where it is about the whole file.
    pub at: String,
    /// What is wrong.
    pub kind: MistakeKind,
}

/// What can be wrong. Whatever it is, the binding is left out and the rest holds, unless said
/// otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MistakeKind {
    /// The file cannot be read.
    #[error("it cannot be read ({0})")]
    Unreadable(String),
    /// It is no TOML.
    #[error("it is no TOML: {0}")]
    Syntax(String),
    /// No keymap comes with the program under this name.
    #[error("there is no keymap {0:?}{1}; there is {2}")]
    UnknownKeymap(String, String, String),
    /// No such context.
    #[error("there is no context {0:?}{1}; there is {2}")]
    UnknownContext(String, String, String),
    /// No such command.
    #[error("there is no command {0:?}{1}")]
    UnknownCommand(String, String),
    /// No such key.
    #[error(transparent)]
    UnknownKey(#[from] UnknownKey),
    /// The command means nothing there.
    #[error("{0} means nothing in this context; it does in {1}")]
    OutOfPlace(String, String),
    /// No keys at all.
    #[error("a binding needs at least one key")]
    NoKeys,
    /// Neither a name nor `false`.
    #[error("{0} is neither the name of a command nor false")]
    NotACommand(String),
    /// The same keys again.
    #[error("these keys are bound already, at {0}")]
    Twice(Origin),
    /// A key that is the beginning of a sequence, or a sequence that begins with a bound key.
    #[error(
        "{short} at {first} and {long} clash: {short} is the beginning of the other, which could never be pressed"
    )]
    Prefix {
        /// The keys that are the beginning.
        short: String,
        /// The keys that begin so.
        long: String,
        /// Where the other of the two stands.
        first: Origin,
    },
    /// It takes a key of an outer context away. Both stay bound.
    #[error(
        "it shadows {keys} ({command}) of [{context}], from {origin}: where both hold, only the inner one can be pressed"
    )]
    Shadows {
        /// The keys that cannot be pressed there any more.
        keys: String,
        /// What they would have meant.
        command: &'static str,
        /// Their context.
        context: Context,
        /// Where they were bound.
        origin: Origin,
    },
    /// `abort` on a key that is pressed by mistake.
    #[error(
        "{0} may not stand on one key without ctrl or alt: it must not happen by a slip; use a modifier or a sequence"
    )]
    OneBareKey(String),
    /// A plan is not approved by a key.
    #[error("no key approves a plan: what approves it is typed under it")]
    Approving,
    /// A yes on a key that is pressed by habit.
    #[error("a yes may not stand on {0}, which is pressed by habit; use a letter")]
    Habit(String),
    /// A key that could not be typed any more.
    #[error("{0} could no longer be typed into a line; use a modifier or a named key")]
    Typed(String),
    /// Nothing would be left to do this by.
    #[error("no key would be left for {0} in [{1}], so {2} keeps its meaning")]
    NoWayOut(&'static str, Context, String),
}

fn place(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!("{at}: ") }
}

/// `, did you mean "quit"?`, where something is like enough.
fn meant(word: &str, known: &[String]) -> String {
    nearest(word, known).map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default()
}

impl MistakeKind {
    pub(super) fn unknown_context(name: &str) -> Self {
        let all: Vec<_> = Context::iter().map(|context| context.to_string()).collect();
        Self::UnknownContext(name.to_owned(), meant(name, &all), all.join(", "))
    }

    pub(super) fn unknown_command(name: &str) -> Self {
        if name == "approve" {
            return Self::Approving;
        }
        let all: Vec<_> = COMMANDS.iter().map(|command| command.name.to_owned()).collect();
        Self::UnknownCommand(name.to_owned(), meant(name, &all))
    }

    pub(super) fn out_of_place(command: &Command, context: Context) -> Self {
        if context == Context::Review && command.name == "accept" {
            return Self::Approving;
        }
        let all: Vec<_> = command.contexts.iter().map(|context| format!("[{context}]")).collect();
        Self::OutOfPlace(command.name.to_owned(), all.join(", "))
    }

    /// It as a sentence of its own.
    pub fn sentence(&self) -> String {
        let text = self.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        format!("{}{}.", first.unwrap_or_default(), letters.as_str())
    }

    /// No shipped keymap is called so.
    pub fn unknown_keymap(name: &str, known: &[String]) -> Self {
        Self::UnknownKeymap(name.to_owned(), meant(name, known), known.join(", "))
    }
}
