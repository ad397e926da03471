//! Rows of the Findings screen, worst first.

use super::Key;
use super::fleets::severity;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::screen::RowId;

pub(super) fn all(model: &Model) -> Vec<RowId> {
    model.findings().iter().map(|one| RowId::Finding(one.id.as_str().into())).collect()
}

pub(super) fn key(model: &Model, row: &RowId, column: &Column) -> Key {
    let RowId::Finding(id) = row else { return Key::Unknown };
    let Some(finding) = model.findings().iter().find(|one| *one.id == **id) else {
        return Key::Unknown;
    };
    match column {
        Column::Severity => Key::Number(severity(Some(finding.severity))),
        Column::Kind => Key::text(finding.kind.to_string()),
        Column::Count => Key::Number(1.0),
        Column::Stack => Key::maybe(finding.stack_id.as_ref().map(|stack| stack.as_str())),
        Column::Since => Key::time(Some(finding.since)),
        _ => Key::Unknown,
    }
}
