//! What the console says about itself in passing: a line that goes away, kept for reading later.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A notice stays on the line so long: enough to read a sentence twice.
pub const SHOWN: Duration = Duration::from_secs(10);
/// So many notices are kept for reading later: an hour of a bad night, and a few kilobytes.
const KEPT: usize = 200;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Done as asked.
    Info,
    /// Not what you may have expected.
    Warning,
}

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When it was said.
    pub at: Timestamp,
    /// How much it matters.
    pub kind: NoticeKind,
    /// A sentence.
    pub text: String,
}

/// The notices so far, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    all: Vec<Notice>,
    dismissed: bool,
}

impl Notices {
    /// Says something.
    pub fn say(&mut self, at: Timestamp, kind: NoticeKind, text: impl Into<String>) {
        if self.all.len() == KEPT {
            self.all.remove(0);
        }
        self.all.push(Notice { at, kind, text: text.into() });
        self.dismissed = false;
    }

    /// Takes the current one off the line.
    pub fn dismiss(&mut self) {
        self.dismissed = true;
    }

    /// The one that stands on the line.
    pub fn current(&self, now: Timestamp) -> Option<&Notice> {
        let last = self.all.last().filter(|_| !self.dismissed)?;
        (crate::core::observed::age(last.at, now) < SHOWN).then_some(last)
    }

    /// All that are kept, oldest first.
    pub fn all(&self) -> &[Notice] {
        &self.all
    }
}
