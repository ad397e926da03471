//! A keymap as a file says it, with the place of each word: nothing is understood yet, so that every
//! mistake can be told where it stands.

use std::fmt;
use std::sync::Arc;

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The name of a keymap that comes with the program, or the path of a file.
    pub sheet: Arc<str>,
    /// The line, from 1, where that helps to find it.
    pub line: Option<usize>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.sheet),
            None => f.write_str(&self.sheet),
        }
    }
}

/// A keymap file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// What it is called: the name of one that comes with the program, or a path.
    pub name: Arc<str>,
    /// Its tables, in the order of the file.
    pub tables: Vec<Table>,
}

/// The bindings of one context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What the context is called.
    pub context: String,
    /// The line of its head.
    pub line: usize,
    /// Its bindings, in the order of the file.
    pub bindings: Vec<Written>,
}

/// A binding as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The keys.
    pub keys: String,
    /// What they are to mean.
    pub binding: Binding,
    /// The line.
    pub line: usize,
}

/// What a file says of some keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// They mean this command.
    Command(String),
    /// They mean nothing (`false`).
    Nothing,
    /// Neither a name nor `false`; as written.
    Other(String),
}

impl Sheet {
    /// A place in it.
    pub(super) fn at(&self, line: usize) -> Origin {
        Origin { sheet: Arc::clone(&self.name), line: Some(line) }
    }
}
