//! Recordings of a console: everything its loop took in and every frame it painted, so that what an
//! operator saw can be seen again. Always the latest of it is kept in memory; with `--record` all of it
//! is in a file.
//!
//! A file is a line that says what it is, and then a line a frame: a link of a chain of SHA-256 over
//! all lines so far, the time, and records as JSON. A whole model begins it, and follows now and then,
//! so that a reader can begin there. The last line says that it is the last.

mod chain;
mod file;
mod packed;
mod recorder;
mod ring;
mod tape;
#[cfg(test)]
mod tests;

pub use file::{FileError, RecordingFile};
pub use recorder::Recorder;
pub use tape::{Cut, Moment, Tape, TapeError};

use super::console::Operator;
use crate::app::{Event, Model};
use crate::core::error::SourceError;
use crate::core::estate::Policy;
use crate::core::source::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One thing that happened in the loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The console as it stood, and the rules by which the inventory is joined. No join was under way.
    Start(Box<Model>, Policy),
    /// Something happened.
    Event(Box<Event>),
    /// A read brought what it had brought before.
    Same(Same),
    /// A join began, of what was known then.
    Joining,
    /// A frame was painted.
    Painted(Operator),
    /// More happened than could be written down. It goes on with a whole model.
    Gap,
    /// The console ended.
    End,
}

/// A read whose result is, byte for byte, the one before it of the same scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Same {
    /// When it reached the loop.
    pub at: Timestamp,
    /// What was read.
    pub scope: Scope,
    /// As in the news itself.
    pub observed_at: Timestamp,
    /// As in the news itself.
    pub every: Duration,
    /// As in the news itself.
    pub calls: u32,
    /// As in the news itself.
    pub missing: Option<SourceError>,
}

/// The version of the format that is written and read.
const VERSION: u32 = 1;
/// With what every recording begins.
const MAGIC: &str = "quarterdeck-recording ";
