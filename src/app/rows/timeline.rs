//! Rows of the Timeline, the latest first.

use super::Key;
use super::fleets::severity;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::screen::RowId;
use crate::core::timeline::Entry;
use std::collections::BTreeMap;

pub(super) fn all(model: &Model) -> Vec<RowId> {
    model.timeline.newest_first().map(|entry| RowId::Change(entry.seq)).collect()
}

/// The entries by their number, for work on all of them.
pub(super) fn index(model: &Model) -> BTreeMap<u64, &Entry> {
    model.timeline.newest_first().map(|entry| (entry.seq, entry)).collect()
}

pub(super) fn key(entry: &Entry, column: &Column) -> Key {
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
