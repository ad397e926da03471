//! Words for values that several tables share: shares, ages, counts, scopes.

use super::table::{NONE, UNKNOWN};
use crate::core::inventory::ScopeStatus;
use crate::core::observed::{Status, age};
use jiff::Timestamp;
use std::time::Duration;

/// A share of traffic as a percentage; fractions only where they tell something.
pub(super) fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).round() / 10.0;
    if tenths.fract() == 0.0 { format!("{tenths:.0}%") } else { format!("{tenths:.1}%") }
}

/// A value, or the mark of what is not known.
pub(super) fn or_unknown<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_string())
}

/// A value, or the mark of what is not there.
pub(super) fn or_none<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

/// Ages come in buckets, so that two looks at the same thing print the same.
pub(super) fn bucket(age: Duration) -> String {
    match age.as_secs() {
        0..5 => "<5s".into(),
        5..15 => "<15s".into(),
        15..60 => "<1m".into(),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// When something was last seen so, and whether that is too old to go by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The oldest of what is shown.
    pub oldest: Option<Timestamp>,
    /// Whether any of it is older than twice its interval.
    pub stale: bool,
    /// Whether any of it was never seen.
    pub never: bool,
}

impl Seen {
    /// Takes in one more thing that is shown together with the others.
    pub fn and(&mut self, at: Option<Timestamp>, status: Option<Status>) {
        self.never |= at.is_none();
        self.stale |= status == Some(Status::Stale);
        self.oldest = match (self.oldest, at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// As a cell.
    pub fn text(self, now: Timestamp) -> String {
        let mark = if self.stale { " STALE" } else { "" };
        match self.oldest {
            Some(at) if !self.never => format!("{}{mark}", bucket(age(at, now))),
            _ => UNKNOWN.into(),
        }
    }
}

/// What a read is about; all probes are one.
pub(super) fn scope(status: &ScopeStatus) -> String {
    status.scope.as_ref().map_or_else(|| "nodes".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_come_in_buckets() {
        let rows = [
            (0, "<5s"),
            (4, "<5s"),
            (5, "<15s"),
            (59, "<1m"),
            (60, "1m"),
            (3599, "59m"),
            (7200, "2h"),
            (172_800, "2d"),
        ];
        for (seconds, text) in rows {
            assert_eq!(bucket(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn shares_read_as_percentages() {
        for (share, text) in [(0.0, "0%"), (0.25, "25%"), (1.0 / 3.0, "33.3%"), (1.0, "100%")] {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn one_part_never_seen_makes_the_whole_unknown() {
        let now = Timestamp::from_second(1000).unwrap();
        let mut seen = Seen::default();
        assert_eq!(seen.text(now), "?");
        seen.and(Some(now), Some(Status::Ok));
        assert_eq!(seen.text(now), "<5s");
        seen.and(Timestamp::from_second(880).ok(), Some(Status::Stale));
        assert_eq!(seen.text(now), "2m STALE");
        seen.and(None, None);
        assert_eq!(seen.text(now), "?");
    }
}
