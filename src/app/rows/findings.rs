//! Rows of the Findings screen: a row per thing that is wrong, worst first.

use super::Key;
use super::fleets::severity;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::screen::RowId;
use crate::core::cause::Cause;

pub(super) fn all(model: &Model) -> Vec<RowId> {
    model.causes.iter().map(|one| RowId::Cause(one.key.clone())).collect()
}

/// What is wrong in a row.
pub(in crate::app) fn find<'a>(model: &'a Model, row: &RowId) -> Option<&'a Cause> {
    let RowId::Cause(key) = row else { return None };
    model.causes.iter().find(|one| one.key == *key)
}

pub(super) fn key(model: &Model, row: &RowId, column: &Column) -> Key {
    let Some(cause) = find(model, row) else { return Key::Unknown };
    match column {
        Column::Severity => Key::Number(severity(Some(cause.severity))),
        Column::Kind => Key::text(cause.key.kind.to_string()),
        Column::Count => Key::count(cause.cases.len() + cause.follows.len()),
        Column::Stack => Key::maybe(cause.key.stack_id.as_ref().map(|stack| stack.as_str())),
        Column::Since => Key::time(Some(cause.since)),
        _ => Key::Unknown,
    }
}
