//! The last hour of each fleet at a glance: healthy targets, the slowest answer, requests, a value a
//! minute. What was not known in a minute is a gap, never nothing. Small whatever happens: so many
//! minutes of so many fleets, and no timer.

use super::estate::{Estate, Fleet};
use super::ids::StackId;
use super::inventory::Verdict;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Minutes that are kept.
pub const MINUTES: usize = 60;
/// Fleets whose hours are kept; more than these are on nobody's screen at once.
const MOST_FLEETS: usize = 64;

/// What is kept of each fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::EnumIter)]
pub enum Series {
    /// Targets that are healthy, over all ports; of a minute, the fewest.
    Healthy,
    /// The slowest answer to a probe, in milliseconds; of a minute, the slowest.
    Answer,
    /// Requests a second over all products; of a minute, the latest.
    Requests,
}

/// The last hour of each fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History(BTreeMap<StackId, VecDeque<Minute>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Minute {
    /// Minutes since 1970.
    number: i64,
    healthy: Option<f64>,
    answer: Option<f64>,
    requests: Option<f64>,
}

impl History {
    /// Takes in what is known now.
    pub fn record(&mut self, estate: &Estate, now: Timestamp) {
        let number = minute(now);
        let oldest = number - span();
        for hour in self.0.values_mut() {
            // A clock that was put back has no minutes to come.
            hour.retain(|one| one.number > oldest && one.number <= number);
        }
        self.0.retain(|_, hour| !hour.is_empty());
        for (stack, fleet) in &estate.fleets {
            if self.0.len() >= MOST_FLEETS && !self.0.contains_key(stack) {
                continue;
            }
            let hour = self.0.entry(stack.clone()).or_default();
            if hour.back().is_none_or(|last| last.number != number) {
                hour.push_back(Minute { number, ..Minute::default() });
            }
            if let Some(last) = hour.back_mut() {
                let answer = slowest(estate, fleet);
                last.healthy = either(last.healthy, healthy(fleet), f64::min);
                last.answer = either(last.answer, answer, f64::max);
                last.requests = requests(fleet).or(last.requests);
            }
        }
    }

    /// The last hour of a fleet, oldest first: a value or a gap for each minute.
    pub fn of(&self, stack: &StackId, series: Series, now: Timestamp) -> Vec<Option<f64>> {
        let first = minute(now) - span() + 1;
        let mut values = vec![None; MINUTES];
        for one in self.0.get(stack).into_iter().flatten() {
            let place = usize::try_from(one.number - first).ok();
            if let Some(value) = place.and_then(|place| values.get_mut(place)) {
                *value = match series {
                    Series::Healthy => one.healthy,
                    Series::Answer => one.answer,
                    Series::Requests => one.requests,
                };
            }
        }
        values
    }
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

fn span() -> i64 {
    i64::try_from(MINUTES).unwrap_or(i64::MAX)
}

fn either(one: Option<f64>, other: Option<f64>, choose: fn(f64, f64) -> f64) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(choose(one, other)),
        (one, other) => one.or(other),
    }
}

/// Known only where every group's targets are.
fn healthy(fleet: &Fleet) -> Option<f64> {
    if fleet.targets.is_empty() {
        return None;
    }
    fleet
        .targets
        .iter()
        .try_fold(0.0, |sum, target| Some(sum + f64::from(target.capacity.as_ref()?.healthy)))
}

/// Of the answers that came and are young enough to mean something.
fn slowest(estate: &Estate, fleet: &Fleet) -> Option<f64> {
    let nodes = fleet.nodes.iter().filter_map(|id| estate.nodes.get(id));
    let probes = nodes.flat_map(|node| &node.probes);
    let known = probes.filter(|probe| probe.verdict != Verdict::Unknown);
    known.filter_map(|probe| probe.outcome.latency_ms).max().map(f64::from)
}

/// Known only where every node of every product counts.
fn requests(fleet: &Fleet) -> Option<f64> {
    if fleet.requests.is_empty() {
        return None;
    }
    let whole = fleet.requests.iter().filter(|one| one.known == one.of);
    let known: Vec<f64> = whole.filter_map(|one| one.per_second).collect();
    (known.len() == fleet.requests.len()).then(|| known.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::plan::fixture::{now, world};
    use strum::IntoEnumIterator;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(now().as_second() + second).unwrap()
    }

    /// The first second of a minute.
    fn start() -> i64 {
        60 - now().as_second().rem_euclid(60)
    }

    fn well() -> Estate {
        world().told().estate
    }

    /// As it is while the target groups cannot be read.
    fn unknown() -> Estate {
        let mut estate = well();
        for target in estate.fleets.values_mut().flat_map(|fleet| &mut fleet.targets) {
            target.capacity = None;
        }
        estate
    }

    fn values(history: &History, series: Series, second: i64) -> Vec<Option<f64>> {
        history.of(&"blue".into(), series, at(second))
    }

    #[test]
    fn what_was_not_known_is_a_gap_and_never_nothing() {
        let mut history = History::default();
        history.record(&well(), at(start()));
        history.record(&unknown(), at(start() + 60));
        let mut fewer = well();
        let own = fewer.fleets.get_mut(&StackId::from("blue")).unwrap();
        own.targets[0].capacity.as_mut().unwrap().healthy -= 1;
        history.record(&well(), at(start() + 120));
        history.record(&fewer, at(start() + 130));
        history.record(&well(), at(start() + 140));
        let seen = values(&history, Series::Healthy, start() + 140);
        assert_eq!(seen.len(), MINUTES);
        let [before @ .., first, gap, last] = seen.as_slice() else { panic!() };
        assert!(before.iter().all(Option::is_none), "before it there was nobody to look");
        assert_eq!(*gap, None);
        assert_eq!(last.unwrap(), first.unwrap() - 1.0, "the fewest of the minute");
    }

    #[test]
    fn an_hour_is_kept_and_no_more_whatever_comes() {
        let mut history = History::default();
        for second in 0..100 {
            history.record(&well(), at(start() + second * 45));
        }
        assert!(history.0.values().all(|hour| hour.len() <= MINUTES));
        for number in 0..200 {
            let mut many = well();
            let fleet = many.fleets[&StackId::from("blue")].clone();
            for more in 0..20 {
                many.fleets.insert(format!("f{number}-{more}").as_str().into(), fleet.clone());
            }
            history.record(&many, at(start() + 4500));
        }
        assert_eq!(history.0.len(), MOST_FLEETS);
        // A clock put back, and a day without a look.
        history.record(&well(), at(0));
        assert!(history.0.values().all(|hour| hour.len() == 1));
        history.record(&Estate::default(), at(90_000));
        assert!(history.0.is_empty());
        for series in Series::iter() {
            assert!(values(&history, series, 90_000).iter().all(Option::is_none), "{series:?}");
        }
    }
}
