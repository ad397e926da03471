//! Rows of the Timeline, the latest first.

use super::Key;
use super::fleets::severity;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::screen::RowId;

pub(super) fn all(model: &Model) -> Vec<RowId> {
    model.timeline.newest_first().map(|entry| RowId::Change(entry.seq)).collect()
}

pub(super) fn key(model: &Model, row: &RowId, column: &Column) -> Key {
    let RowId::Change(seq) = row else { return Key::Unknown };
    let Some(entry) = model.timeline.get(*seq) else { return Key::Unknown };
    match column {
        Column::Time => Key::time(Some(entry.at)),
        Column::Severity => Key::Number(severity(entry.severity)),
        Column::Stack => Key::maybe(entry.stack_id.as_ref().map(|stack| stack.as_str())),
        Column::Instance => Key::maybe(entry.instance_id.as_ref().map(|id| id.as_str())),
        Column::Kind => Key::text(entry.word()),
        Column::Change => Key::text(&entry.text),
        _ => Key::Unknown,
    }
}
