//! Rows of the Runs screen, the latest first, and of a run: a row a step.

use super::Key;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::operate::Seen;
use crate::app::screen::RowId;
use crate::core::run::RunId;

pub(super) fn all(model: &Model) -> Vec<RowId> {
    model.operation.runs.keys().rev().cloned().map(RowId::Run).collect()
}

pub(super) fn steps(model: &Model, run: &RunId) -> Vec<RowId> {
    let seen = model.operation.runs.get(run);
    let steps = seen.into_iter().flat_map(|seen| &seen.run.plan.steps);
    steps.map(|step| RowId::Step(step.number)).collect()
}

/// The run of a row.
pub(in crate::app) fn find<'a>(model: &'a Model, row: &RowId) -> Option<&'a Seen> {
    let RowId::Run(id) = row else { return None };
    model.operation.runs.get(id).map(|seen| &**seen)
}

pub(super) fn key(model: &Model, row: &RowId, column: &Column) -> Key {
    if let RowId::Step(number) = row {
        return Key::count(*number);
    }
    let Some(seen) = find(model, row) else { return Key::Unknown };
    match column {
        Column::Run => Key::text(seen.run.id.as_str()),
        Column::Kind => Key::text(seen.run.plan.intent.verb().to_string()),
        Column::Stack => Key::maybe(seen.run.plan.giving.as_ref().map(|stack| stack.as_str())),
        Column::Status => Key::text(seen.run.state.word()),
        Column::Time => Key::time(Some(seen.run.started)),
        _ => Key::Unknown,
    }
}
