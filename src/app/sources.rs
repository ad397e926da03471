//! How each source stands, in one line for the head of every screen.

use crate::core::error::{Dated, ErrorKind, SourceError};
use crate::core::inventory::ScopeStatus;
use crate::core::observed::Status;
use crate::core::source::{Scope, Source};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use strum::IntoEnumIterator;

/// How a source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Something of it was never read.
    Waiting,
    /// All of it is young.
    Ok,
    /// Some of it is older than twice its interval.
    Stale,
    /// Some of it failed when last read.
    Failed(ErrorKind),
}

/// A source in one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceLine {
    /// Which.
    pub source: Source,
    /// How it stands.
    pub state: SourceState,
    /// How old the data is that the state is said of; `None` when there is none.
    pub observed_at: Option<Timestamp>,
    /// The interval of its quickest reads.
    pub every: Duration,
    /// The error, where it failed.
    pub error: Option<Dated<SourceError>>,
}

/// All sources, each in one line, in their own order.
pub fn lines(statuses: &[ScopeStatus]) -> Vec<SourceLine> {
    Source::iter()
        .filter(|source| source.is_in_head())
        .map(|source| {
            let own = statuses.iter().filter(|one| one.source == source && is_telling(one));
            line(source, &own.collect::<Vec<_>>())
        })
        .collect()
}

/// Reads that only explain (activities, refreshes, attributes, tags) are said in Sources; a head
/// that shouts about them would hide what matters. Who we are and the probes stand for themselves.
fn is_telling(status: &ScopeStatus) -> bool {
    status.essential || matches!(status.scope, None | Some(Scope::Identity))
}

fn line(source: Source, own: &[&ScopeStatus]) -> SourceLine {
    let with = |wanted: Status| own.iter().copied().filter(move |one| one.status == wanted);
    let every = own.iter().map(|one| one.every).min().unwrap_or_default();
    let of = |state, observed_at| SourceLine { source, state, observed_at, every, error: None };
    let oldest = |status| with(status).filter_map(|one| one.observed_at).min();
    // The error of the read whose data is oldest; one that never succeeded is older than all.
    if let Some(worst) = with(Status::Error).min_by_key(|one| one.observed_at) {
        let kind = worst.error.as_ref().map_or(ErrorKind::Failed, |error| error.value.kind);
        return SourceLine {
            error: worst.error.clone(),
            ..of(SourceState::Failed(kind), worst.observed_at)
        };
    }
    if let Some(at) = oldest(Status::Stale) {
        return of(SourceState::Stale, Some(at));
    }
    if own.is_empty() || with(Status::Never).next().is_some() {
        return of(SourceState::Waiting, None);
    }
    // What is read rarely is always older; the age that tells is that of the quickest reads.
    let quick = own.iter().filter(|one| one.every == every);
    of(SourceState::Ok, quick.filter_map(|one| one.observed_at).min())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::GroupName;
    use crate::core::inventory::Inventory;
    use crate::core::source::{Fragment, SourceEvent};
    use std::time::Duration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn event(scope: Scope, result: Result<Fragment, ErrorKind>) -> SourceEvent {
        SourceEvent {
            scope,
            observed_at: at(0),
            every: Duration::from_secs(15),
            calls: 1,
            result: result.map_err(|kind| SourceError::new(kind, "DescribeThings", "no answer")),
            missing: None,
        }
    }

    fn state_of(inventory: &Inventory, source: Source, second: i64) -> SourceState {
        let all = lines(&inventory.statuses(at(second)));
        all.into_iter().find(|line| line.source == source).unwrap().state
    }

    #[test]
    fn a_source_waits_then_is_ok_then_stale() {
        let mut inventory = Inventory::default();
        assert_eq!(state_of(&inventory, Source::AutoScaling, 0), SourceState::Waiting);
        assert_eq!(state_of(&inventory, Source::Probes, 0), SourceState::Waiting);
        inventory.apply(event(Scope::Groups, Ok(Fragment::Groups(Vec::new()))));
        assert_eq!(state_of(&inventory, Source::AutoScaling, 30), SourceState::Ok);
        assert_eq!(state_of(&inventory, Source::AutoScaling, 31), SourceState::Stale);
    }

    #[test]
    fn what_only_explains_spoils_nothing() {
        let mut inventory = Inventory::default();
        inventory.apply(event(Scope::Groups, Ok(Fragment::Groups(Vec::new()))));
        let refreshes = Scope::Refreshes(GroupName::from("blue-asg"));
        inventory.apply(event(refreshes, Err(ErrorKind::Unsupported)));
        assert_eq!(state_of(&inventory, Source::AutoScaling, 1), SourceState::Ok);
        inventory.apply(event(Scope::Groups, Err(ErrorKind::Throttled)));
        let throttled = SourceState::Failed(ErrorKind::Throttled);
        assert_eq!(state_of(&inventory, Source::AutoScaling, 1), throttled);
    }
}
