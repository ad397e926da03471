//! `Observed<T>`: the last good value beside the last error, each with its time. A failed poll
//! never removes data (invariant 5); what is too old to act on is `Unknown` (invariant 6).

use super::error::{Dated, ErrorKind, SourceError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Why something is not known right now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nobody has read it yet.
    Never,
    /// It was never read because the attempt failed so.
    Failed(ErrorKind),
    /// The last good value is older than twice its interval.
    Stale,
    /// Some pages or parts are missing, so absence proves nothing.
    Partial,
    /// What it depends on is itself unknown.
    Depends,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Never => f.write_str("not read yet"),
            Self::Failed(kind) => write!(f, "{kind}"),
            Self::Stale => f.write_str("stale"),
            Self::Partial => f.write_str("partial"),
            Self::Depends => f.write_str("depends on something unknown"),
        }
    }
}

/// The state of a read, in the contract's four words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// The last attempt succeeded, and is young enough.
    Ok,
    /// Nothing failed, but the value is older than twice its interval.
    Stale,
    /// The last attempt failed, or brought only a part.
    Error,
    /// No attempt has ended yet.
    Never,
}

/// The last good value beside the last error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed<T> {
    good: Option<Dated<T>>,
    error: Option<Dated<SourceError>>,
    /// Whether `good` holds everything there was to read.
    complete: bool,
    /// The interval at which the reader promised to look again.
    every: Duration,
    /// Calls made for it so far.
    calls: u64,
}

impl<T> Default for Observed<T> {
    fn default() -> Self {
        Self { good: None, error: None, complete: false, every: Duration::ZERO, calls: 0 }
    }
}

/// A value is stale when it is older than this many of its own intervals (console.md, Manners).
const STALE_INTERVALS: u32 = 2;

impl<T> Observed<T> {
    /// Takes in a complete good value.
    pub fn succeed(&mut self, at: Timestamp, value: T) {
        self.good = Some(Dated { at, value });
        self.error = None;
        self.complete = true;
    }

    /// Takes in a value of which a part is missing, for the reason given.
    pub fn succeed_partly(&mut self, at: Timestamp, value: T, missing: SourceError) {
        self.good = Some(Dated { at, value });
        self.error = Some(Dated { at, value: missing });
        self.complete = false;
    }

    /// Says that the last good value still holds (a cheap change detector said so).
    pub fn confirm(&mut self, at: Timestamp) {
        if let Some(good) = &mut self.good {
            good.at = good.at.max(at);
            if self.complete {
                self.error = None;
            }
        }
    }

    /// Takes in a failure. The last good value stays.
    pub fn fail(&mut self, at: Timestamp, error: SourceError) {
        self.error = Some(Dated { at, value: error });
    }

    /// Notes the cost and the promised interval of an attempt.
    pub fn note_attempt(&mut self, every: Duration, calls: u32) {
        self.every = every;
        self.calls += u64::from(calls);
    }

    /// The last good value, whatever its age.
    pub fn value(&self) -> Option<&T> {
        self.good.as_ref().map(|good| &good.value)
    }

    /// When the last good value was observed.
    pub fn observed_at(&self) -> Option<Timestamp> {
        self.good.as_ref().map(|good| good.at)
    }

    /// When the last attempt ended, well or not.
    pub fn last_attempt(&self) -> Option<Timestamp> {
        self.observed_at().max(self.error.as_ref().map(|error| error.at))
    }

    /// The last error that no success has followed.
    pub fn error(&self) -> Option<&Dated<SourceError>> {
        self.error.as_ref()
    }

    /// How many calls it has cost so far.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// The interval at which it is read.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// The value if it is young enough to say something about the present.
    pub fn current(&self, now: Timestamp) -> Result<&T, Why> {
        match (&self.good, &self.error) {
            (Some(good), _) if self.is_stale(good.at, now) => Err(Why::Stale),
            (Some(good), _) => Ok(&good.value),
            (None, Some(error)) => Err(Why::Failed(error.value.kind)),
            (None, None) => Err(Why::Never),
        }
    }

    /// The value if it is young enough *and* complete: only then does absence prove anything.
    pub fn whole(&self, now: Timestamp) -> Result<&T, Why> {
        let value = self.current(now)?;
        if self.complete { Ok(value) } else { Err(Why::Partial) }
    }

    /// The state of the read in one word.
    pub fn status(&self, now: Timestamp) -> Status {
        match (&self.good, &self.error) {
            (None, None) => Status::Never,
            (_, Some(_)) => Status::Error,
            (Some(good), None) if self.is_stale(good.at, now) => Status::Stale,
            (Some(_), None) => Status::Ok,
        }
    }

    fn is_stale(&self, at: Timestamp, now: Timestamp) -> bool {
        age(at, now) > self.every * STALE_INTERVALS
    }
}

/// How old something is; a clock that went backwards makes nothing younger than zero.
pub fn age(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn throttled() -> SourceError {
        SourceError::new(ErrorKind::Throttled, "ListInstances", "rate exceeded")
    }

    fn read_once() -> Observed<u8> {
        let mut observed = Observed::default();
        observed.note_attempt(Duration::from_secs(10), 1);
        observed.succeed(at(0), 7);
        observed
    }

    #[test]
    fn a_failed_poll_never_removes_data() {
        let mut observed = read_once();
        observed.fail(at(10), throttled());
        assert_eq!(observed.value(), Some(&7));
        assert_eq!(observed.observed_at(), Some(at(0)));
        assert_eq!(observed.status(at(10)), Status::Error);
        assert_eq!(observed.current(at(10)), Ok(&7));
        assert_eq!(observed.current(at(21)), Err(Why::Stale));
    }

    #[test]
    fn stale_is_older_than_twice_the_interval() {
        let observed = read_once();
        assert_eq!(observed.status(at(20)), Status::Ok);
        assert_eq!(observed.status(at(21)), Status::Stale);
        assert_eq!(observed.status(at(-60)), Status::Ok, "a clock that jumped back");
    }

    #[test]
    fn a_part_proves_no_absence() {
        let mut observed = read_once();
        observed.succeed_partly(at(10), 3, throttled());
        assert_eq!(observed.current(at(10)), Ok(&3));
        assert_eq!(observed.whole(at(10)), Err(Why::Partial));
        observed.succeed(at(20), 4);
        assert_eq!(observed.whole(at(20)), Ok(&4));
        assert_eq!(observed.error(), None);
    }

    #[test]
    fn never_read_is_unknown() {
        let mut observed = Observed::<u8>::default();
        assert_eq!(observed.current(at(0)), Err(Why::Never));
        observed.fail(at(0), throttled());
        assert_eq!(observed.current(at(0)), Err(Why::Failed(ErrorKind::Throttled)));
    }
}
