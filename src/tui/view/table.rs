//! A table: heads, rows, one of them selected. Only the rows that are seen are built. The page is
//! found from the selection alone, so there is no scroll position that could disagree with it; and
//! a move within the page changes two rows, which is what a slow line wants.

use super::{Line, Span, draw, rule};
use crate::app::{Column as By, List};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::ops::Range;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub title: String,
    pub width: u16,
    /// What rows are sorted by, where it is this column's content.
    by: Vec<By>,
    /// The direction in which the rows are sorted by it, if they are.
    sorted: Option<bool>,
}

impl Column {
    /// A column so many cells wide. The last column of a table takes what is left.
    pub(super) fn new(title: impl Into<String>, width: u16) -> Self {
        Self { title: title.into(), width, by: Vec::new(), sorted: None }
    }

    /// The same, bearing a mark when the rows are sorted by this.
    pub(super) fn by(mut self, by: By) -> Self {
        self.by.push(by);
        self
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub selected: bool,
    /// Whether the operator marked it.
    pub marked: bool,
    /// The name, cut in its middle where it must be.
    pub name: String,
    /// The other cells. Where they are fewer than the columns, the last takes what is left.
    pub cells: Line,
}

/// A table with the rows of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub title: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// Whether there is room for the heads of the columns.
    pub heads: bool,
    /// Rows on the terminal, rule and heads included.
    pub height: u16,
}

/// Cells before the name: the marker and a space.
pub(super) const MARGIN: u16 = 2;
/// With fewer rows than this, the heads of the columns are left out.
const ROWS_FOR_HEADS: u16 = 4;

/// The page of rows that a table so high shows, and whether it has room for heads.
pub(super) fn page(selected: usize, total: usize, height: u16) -> (Range<usize>, bool) {
    let heads = height >= ROWS_FOR_HEADS;
    let room = usize::from(height.saturating_sub(1 + u16::from(heads))).max(1);
    let first = selected / room * room;
    (first.min(total)..(first + room).min(total), heads)
}

/// A title that says which rows are seen, where not all are, by what they are sorted and filtered.
pub(super) fn title(name: &str, page: &Range<usize>, list: &List, theme: Theme) -> String {
    let shown = list.rows().len();
    let mut title = name.to_owned();
    let mut say = |part: String| {
        title.push(' ');
        title.push_str(&part);
    };
    if page.len() < shown {
        say(format!("{}-{} of", page.start + 1, page.end));
    }
    // A filter's count, and of how many.
    say(if list.filter().is_empty() {
        shown.to_string()
    } else {
        format!("{shown}/{}", list.total())
    });
    if !list.filter().text().is_empty() {
        say(format!("/ {}", list.filter().text()));
    }
    if let Some(sort) = list.sort() {
        say(format!("by {} {}", sort.by, theme.direction(sort.descending)));
    }
    title
}

/// The columns, with the mark at the one by which the rows are sorted.
pub(super) fn marked(mut columns: Vec<Column>, list: &List) -> Vec<Column> {
    for column in &mut columns {
        column.sorted = column.by.iter().find_map(|by| list.sorted_by(by));
    }
    columns
}

/// How many cells these columns leave for a last one.
pub(super) fn left(columns: &[Column], width: u16) -> u16 {
    let taken: u16 = columns.iter().map(|column| column.width + 1).sum();
    width.saturating_sub(MARGIN + taken)
}

impl Table {
    /// Rows on the terminal.
    pub(super) fn height(&self) -> u16 {
        self.height
    }

    /// Whether this is the same page with another row selected.
    pub(super) fn is_moved_from(&self, before: &Self) -> bool {
        let rows = || self.rows.iter().zip(&before.rows);
        self.title == before.title
            && self.height == before.height
            && self.rows.len() == before.rows.len()
            && rows().all(|(row, before)| row.name == before.name)
            && rows().any(|(row, before)| row.selected != before.selected)
    }

    /// Draws it.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer, theme: Theme) {
        if area.is_empty() {
            return;
        }
        rule(buffer, area, area.y, &self.title, theme);
        let mut lines = Vec::new();
        if self.heads {
            self.draw_heads(Rect { y: area.y + 1, ..area }, buffer, theme);
        }
        for row in &self.rows {
            let marker = if row.selected { theme.marker() } else { " " };
            let mark = row.marked.then(|| Span::new("*", Tone::Strong));
            lines.push((marker, mark, self.cells(row, theme)));
        }
        let first = area.y + 1 + u16::from(self.heads);
        for ((marker, mark, cells), y) in lines.iter().zip(first..area.bottom()) {
            let mut margin = vec![Span::new(*marker, Tone::Strong)];
            margin.extend(mark.clone());
            draw(buffer, (area.x, y), &margin, MARGIN, theme);
            for (number, (column, cell)) in self.places(area).zip(cells).enumerate() {
                let is_last = number + 1 == cells.len();
                let len = if is_last { area.right() - column.start } else { column.len };
                draw(buffer, (column.start, y), std::slice::from_ref(cell), len, theme);
            }
        }
    }

    /// The heads, and behind one of them the direction of the sort: where the title fills its column,
    /// in the cell between it and the next.
    fn draw_heads(&self, area: Rect, buffer: &mut Buffer, theme: Theme) {
        draw(buffer, (area.x, area.y), &[Span::new(" ", Tone::Strong)], 1, theme);
        for (column, place) in self.columns.iter().zip(self.places(area)) {
            let head = (place.start, area.y);
            draw(buffer, head, &[Span::new(&*column.title, Tone::Dim)], place.len, theme);
            if let Some(descending) = column.sorted {
                let title = u16::try_from(text::width(&column.title)).unwrap_or(u16::MAX);
                // At the right edge it stands on the title's last letter rather than nowhere.
                let edge = area.right().saturating_sub(1);
                let at = place.start.saturating_add(title.min(place.len)).min(edge);
                let mark = [Span::new(theme.direction(descending), Tone::Strong)];
                draw(buffer, (at, area.y), &mark, u16::from(at < area.right()), theme);
            }
        }
    }

    fn cells(&self, row: &Row, theme: Theme) -> Line {
        let tone = if row.selected { Tone::Selected } else { Tone::Plain };
        let width = self.columns.first().map_or(0, |column| column.width);
        let name = text::fit_name(&text::clean(&row.name), width.into(), theme.ellipsis());
        let mut cells = vec![Span::new(name, tone)];
        cells.extend(row.cells.iter().cloned());
        cells
    }

    /// Where each column stands; the last one takes what is left, and one without room nothing.
    fn places(&self, area: Rect) -> impl Iterator<Item = Place> {
        let last = self.columns.len().saturating_sub(1);
        self.columns.iter().enumerate().scan(area.x + MARGIN, move |x, (place, column)| {
            let start = (*x).min(area.right());
            *x = start.saturating_add(column.width + 1);
            let room = area.right().saturating_sub(start);
            let len = if place == last { room } else { column.width.min(room) };
            Some(Place { start, len })
        })
    }
}

/// A column's cells.
struct Place {
    start: u16,
    len: u16,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::fixture;

    fn heads(keys: &str, ascii: bool) -> String {
        let mut model = fixture::model(80, 24);
        fixture::sources_ok(&mut model, 1);
        fixture::show(&mut model, 2, fixture::healthy());
        fixture::press(&mut model, keys);
        let area = Rect::new(0, 0, 80, 24);
        let mut buffer = Buffer::empty(area);
        let frame = super::super::frame(&model, Theme::of(true, ascii, false));
        ratatui::widgets::Widget::render(&frame, area, &mut buffer);
        (0..80).map(|x| buffer[(x, 3)].symbol()).collect::<String>().trim_end().to_owned()
    }

    #[test]
    fn the_head_that_is_sorted_by_bears_the_mark() {
        let plain = "  STACK       ROLE       TRAFFIC   NODES MEMBERS TARGETS  PROBES    FINDING";
        assert_eq!(heads("", false), plain);
        assert_eq!(heads(">", false), plain.replace("STACK ", "STACK▲"));
        assert_eq!(heads("> s", false), plain.replace("STACK ", "STACK▼"));
        assert_eq!(heads("> s", true), plain.replace("STACK ", "STACKv"));
        // Where the title fills its column, the mark stands between it and the next.
        assert_eq!(heads("> > > > > >", true), plain.replace("NODES ", "NODES^"));
        assert_eq!(heads("> > > > > > >", true), plain.replace("MEMBERS ", "MEMBERS^"));
        assert_eq!(heads("<", true), format!("{plain}v"));
        assert_eq!(heads("enter <", true).matches('v').count(), 1);
        // Every column that rows can be sorted by.
        for times in 1..=6 {
            let head = heads(&format!("S {}", "> ".repeat(times)), false);
            assert_eq!(head.matches(['▲', '▼']).count(), 1, "{times}: {head}");
        }
    }

    #[test]
    fn a_page_holds_the_selection_and_nothing_unseen() {
        assert_eq!(page(0, 2, 10), (0..2, true));
        assert_eq!(page(7, 20, 10), (0..8, true));
        assert_eq!(page(8, 20, 10), (8..16, true));
        assert_eq!(page(19, 20, 10), (16..20, true));
        assert_eq!(page(1, 20, 3), (0..2, false));
        assert_eq!(page(5, 20, 0), (5..6, false));
        assert_eq!(page(0, 0, 10), (0..0, true));
    }
}
