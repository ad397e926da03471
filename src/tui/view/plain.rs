//! A screen without a picture of its own: its rows by name.

use super::table::{self, Column, Row, Table};
use super::{Body, Layout};
use crate::app::Model;
use crate::tui::theme::Theme;

/// The body of the screen.
pub(super) fn body(model: &Model, theme: Theme, layout: Layout) -> Body {
    let list = &model.screen().list;
    let (page, heads) = table::page(list.place(), list.rows().len(), layout.body);
    let title = table::title(model.screen().kind.crumb(), &page, list, theme);
    let rows = list.rows()[page].iter().map(|row| Row {
        selected: list.selected() == Some(row),
        name: row.name(),
        cells: Vec::new(),
    });
    let columns = vec![Column::new("ROW", layout.columns.saturating_sub(table::MARGIN))];
    let rows = rows.collect();
    Body::Screen(Table { title, columns, rows, heads, height: layout.body }, None)
}
