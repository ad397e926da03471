//! Rows of the Runs screen, the latest first, and of a run: a row a step.

use super::Key;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::operate::Seen;
use crate::app::screen::RowId;
use crate::core::lock::LockView;
use crate::core::run::RunId;

/// The runs of other hosts, by the locks they hold, then those of this one.
pub(super) fn all(model: &Model) -> Vec<RowId> {
    let own = model.operation.runs.keys().rev().cloned().map(RowId::Run);
    foreign(model).map(|lock| RowId::Lock(lock.service_id.clone())).chain(own).collect()
}

/// The locks of runs that this host does not know.
fn foreign(model: &Model) -> impl Iterator<Item = &LockView> {
    let locks = model.estate.iter().flat_map(|estate| &estate.locks);
    locks.filter(|lock| {
        let run = lock.record().map(|said| RunId::from(&said.run));
        run.is_none_or(|run| !model.operation.runs.contains_key(&run))
    })
}

/// The lock of a row.
pub(in crate::app) fn lock<'a>(model: &'a Model, row: &RowId) -> Option<&'a LockView> {
    let RowId::Lock(id) = row else { return None };
    model.estate.as_ref()?.locks.iter().find(|lock| &lock.service_id == id)
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
    if let Some(lock) = lock(model, row) {
        return lock_key(lock, column);
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

fn lock_key(lock: &LockView, column: &Column) -> Key {
    match (column, lock.record()) {
        (Column::Run, Some(said)) => Key::text(&said.run),
        (Column::Stack, _) => Key::maybe(lock.giving().map(|stack| stack.as_str())),
        (Column::Status, _) => Key::text(if lock.is_left() { "left" } else { "elsewhere" }),
        (Column::Time, _) => Key::time(lock.quiet_since),
        _ => Key::Unknown,
    }
}
