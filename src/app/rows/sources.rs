//! Rows of the Sources screen: a row per read, all probes in one.

use super::Key;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::screen::RowId;
use crate::core::inventory::ScopeStatus;
use crate::core::observed::Status;

pub(super) fn all(model: &Model) -> Vec<RowId> {
    model.statuses.iter().map(|one| RowId::Read(one.scope.clone())).collect()
}

/// How a read stands.
pub(in crate::app) fn find<'a>(model: &'a Model, row: &RowId) -> Option<&'a ScopeStatus> {
    let RowId::Read(scope) = row else { return None };
    model.statuses.iter().find(|one| one.scope == *scope)
}

pub(super) fn key(model: &Model, row: &RowId, column: &Column) -> Key {
    let Some(read) = find(model, row) else { return Key::Unknown };
    match column {
        Column::Source => Key::text(read.source.to_string()),
        Column::Scope => Key::maybe(read.scope.as_ref().map(ToString::to_string)),
        Column::Status => Key::count(rank(read.status)),
        Column::Age => match Key::time(read.observed_at) {
            Key::Number(at) => Key::Number(-at),
            other => other,
        },
        Column::Every => Key::Number(read.every.as_secs_f64()),
        Column::Calls => Key::count(read.calls),
        _ => Key::Unknown,
    }
}

/// The worst first.
fn rank(status: Status) -> u32 {
    match status {
        Status::Error => 0,
        Status::Never => 1,
        Status::Stale => 2,
        Status::Ok => 3,
    }
}
