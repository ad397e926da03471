//! How many calls each source has cost in the last minute: what the Sources screen holds against
//! the budgets. Counted in slots of ten seconds, so that it is small and needs no timer.

use super::observed::age;
use super::source::{Source, SourceEvent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The window that is counted.
const WINDOW: Duration = Duration::from_secs(60);
/// What is younger than this is counted together.
const SLOT: Duration = Duration::from_secs(10);

/// Calls of the last minute, a source at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter(BTreeMap<Source, VecDeque<Slot>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Slot {
    /// The first call counted in it.
    from: Timestamp,
    calls: u32,
}

impl Meter {
    /// Counts the calls that a piece of news took.
    pub fn count(&mut self, news: &SourceEvent) {
        let (at, calls) = (news.observed_at, news.calls);
        let slots = self.0.entry(news.scope.source()).or_default();
        match slots.back_mut() {
            Some(last) if age(last.from, at) < SLOT => {
                last.calls = last.calls.saturating_add(calls)
            }
            _ => slots.push_back(Slot { from: at, calls }),
        }
        while slots.front().is_some_and(|first| age(first.from, at) > WINDOW) {
            slots.pop_front();
        }
    }

    /// How many calls the source has cost in the minute up to now.
    pub fn per_minute(&self, source: Source, now: Timestamp) -> u32 {
        let slots = self.0.get(&source).into_iter().flatten();
        let young = slots.filter(|slot| age(slot.from, now) <= WINDOW);
        young.fold(0, |sum, slot| sum.saturating_add(slot.calls))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::source::{Fragment, Scope};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn news(second: i64, calls: u32) -> SourceEvent {
        SourceEvent {
            scope: Scope::Groups,
            observed_at: at(second),
            every: Duration::from_secs(15),
            calls,
            result: Ok(Fragment::Groups(Vec::new())),
            missing: None,
        }
    }

    #[test]
    fn what_is_older_than_a_minute_does_not_count() {
        let mut meter = Meter::default();
        for second in [0, 5, 30, 61] {
            meter.count(&news(second, 2));
        }
        let of = |source, second| meter.per_minute(source, at(second));
        assert_eq!(of(Source::AutoScaling, 61), 4, "the first slot is over");
        assert_eq!(of(Source::AutoScaling, 200), 0);
        assert_eq!(of(Source::Elbv2, 61), 0);
    }

    #[test]
    fn a_thousand_calls_take_a_few_slots() {
        let mut meter = Meter::default();
        for second in 0..1000 {
            meter.count(&news(second, 1));
        }
        assert!(meter.0[&Source::AutoScaling].len() <= 8);
        let count = meter.per_minute(Source::AutoScaling, at(999));
        assert!((60..=70).contains(&count), "{count}");
    }
}
