//! What machines read: the views of contract.md, made from a round and nothing else. Field names
//! and nulls are the contract; a value that is not known is null, never 0 and never left out.

mod change;
mod findings;
mod fleets;
mod head;
mod nodes;
mod rings;
mod runs;
mod traffic;

pub(super) use change::ChangeView;
pub(super) use findings::{FindingView, FindingsView};
pub(super) use fleets::FleetsView;
pub(super) use head::Head;
pub(super) use nodes::NodesView;
pub(super) use runs::{OneRunView, RunView, RunsView, StepView, StopView, written_state};
pub(super) use traffic::TrafficView;

use super::{ExitCode, Failure};
use jiff::{Timestamp, Unit};
use serde::Serialize;

/// The version of the contract.
pub(super) const SCHEMA: &str = "quarterdeck/v1";

/// A view as text: one document, a line's end behind it.
pub(super) fn document<T: Serialize>(view: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(view).map(|text| text + "\n").map_err(|error| unwritable(&error))
}

/// A view as one line.
pub(super) fn line<T: Serialize>(view: &T) -> Result<String, Failure> {
    serde_json::to_string(view).map(|text| text + "\n").map_err(|error| unwritable(&error))
}

fn unwritable(error: &serde_json::Error) -> Failure {
    let next = "This is a fault of quarterdeck: please report it.";
    Failure::new(ExitCode::Failed, "write JSON", error, next)
}

/// A share of 0 to 1 with four decimals: finer than a weight of 1 in 999 and free of binary dust.
fn share(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

/// A time to the millisecond.
fn stamp(at: Timestamp) -> Timestamp {
    at.round(Unit::Millisecond).unwrap_or(at)
}

fn stamped(at: Option<Timestamp>) -> Option<Timestamp> {
    at.map(stamp)
}
