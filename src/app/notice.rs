//! What the console says about itself in passing: a line that goes away, kept for reading later.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A notice stays on the line so long, by the operator's watch: enough to read a sentence twice.
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
    /// How many times as fast as real time the model's clock runs; 0 where nobody said so.
    #[serde(default)]
    times: u32,
}

impl Notices {
    /// Notices by a clock that runs so many times as fast as real time.
    pub fn by(times: u32) -> Self {
        Self { times, ..Self::default() }
    }

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
        let shown = SHOWN * self.times.max(1);
        (crate::core::observed::age(last.at, now) < shown).then_some(last)
    }

    /// All that are kept, oldest first.
    pub fn all(&self) -> &[Notice] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture::at;

    /// A demo at sixty times the speed leaves its operator as long to read as any other console.
    #[test]
    fn a_notice_stays_by_the_operators_watch() {
        for (times, until) in [(0, 10), (1, 10), (60, 600)] {
            let mut notices = Notices::by(times);
            notices.say(at(0), NoticeKind::Info, "It is so.");
            assert!(notices.current(at(until - 1)).is_some(), "{times}");
            assert!(notices.current(at(until)).is_none(), "{times}");
        }
    }
}
