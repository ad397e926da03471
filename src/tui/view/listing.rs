//! Rows of more than one line: a tree, or answers in full. As with a table, the page is found from
//! the selection alone, and only what can be seen is built: at most as many rows as there are lines.

use super::{Line, Span, draw, rule};
use crate::tui::theme::{Theme, Tone};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::ops::Range;

/// A row: its lines, and the one that carries the mark of the selection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub lines: Vec<Line>,
    pub marked: usize,
}

/// A line, and whether it carries the mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marked {
    pub selected: bool,
    pub line: Line,
}

/// The lines of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub title: String,
    pub lines: Vec<Marked>,
    /// Rows on the terminal, rule included.
    pub height: u16,
}

/// The page with the selected row. `block` makes a row, and is told whether it is the first of its
/// page: then it says whatever the rows before it would have said. Pages begin anew every `room`
/// rows, so that no more than those are ever made.
pub(super) fn page(
    (place, total): (usize, usize),
    room: usize,
    mut block: impl FnMut(usize, bool) -> Block,
) -> (Range<usize>, Vec<Marked>) {
    let room = room.max(1);
    let place = place.min(total.saturating_sub(1));
    let start = place / room * room;
    let end = (start + room).min(total);
    let (mut from, mut lines) = (start, Vec::new());
    for row in start..end {
        let mut made = block(row, lines.is_empty());
        if !lines.is_empty() && lines.len() + made.lines.len() > room {
            if row > place {
                return (from..row, lines);
            }
            lines.clear();
            from = row;
            made = block(row, true);
        }
        let marked = made.marked;
        // Of a row that is longer than the page, the line with the mark is seen.
        let skip = (marked + 1).saturating_sub(room);
        let own = made.lines.into_iter().enumerate().skip(skip);
        lines.extend(own.map(|(number, line)| {
            let selected = row == place && number == marked;
            Marked { selected, line }
        }));
    }
    (from..end, lines)
}

impl Listing {
    /// Whether this is the same page with another row selected.
    pub(super) fn is_moved_from(&self, before: &Self) -> bool {
        let lines = || self.lines.iter().zip(&before.lines);
        self.title == before.title
            && self.height == before.height
            && self.lines.len() == before.lines.len()
            && lines().all(|(line, before)| line.line == before.line)
            && lines().any(|(line, before)| line.selected != before.selected)
    }

    /// Draws it.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer, theme: Theme) {
        if area.is_empty() {
            return;
        }
        rule(buffer, area, area.y, &self.title, theme);
        for (marked, y) in self.lines.iter().zip(area.y + 1..area.bottom()) {
            let marker = if marked.selected { theme.marker() } else { " " };
            draw(buffer, (area.x, y), &[Span::new(marker, Tone::Strong)], 1, theme);
            let (x, columns) = (area.x + MARGIN, area.width.saturating_sub(MARGIN));
            draw(buffer, (x, y), &marked.line, columns, theme);
        }
    }
}

/// Cells before a line: the marker and a space.
pub(super) const MARGIN: u16 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::view::line;

    /// Rows of so many lines each; the first of a page has one more.
    fn shown(heights: &[usize], place: usize, room: usize) -> (Range<usize>, usize, usize) {
        let mut made = 0;
        let (page, lines) = super::page((place, heights.len()), room, |row, first| {
            made += 1;
            let count = heights[row] + usize::from(first);
            Block { lines: vec![line("x", Tone::Plain); count], marked: count - 1 }
        });
        assert_eq!(
            lines.iter().filter(|line| line.selected).count(),
            usize::from(!heights.is_empty())
        );
        assert!(made <= 2 * room, "{made} rows made for {room} lines");
        (page, lines.len(), made)
    }

    #[test]
    fn a_page_holds_the_selection_and_begins_with_what_came_before() {
        assert_eq!(shown(&[1; 5], 0, 10), (0..5, 6, 5));
        assert_eq!(shown(&[2, 2, 2, 2], 0, 5), (0..2, 5, 3));
        let (page, lines, _) = shown(&[2, 2, 2, 2], 2, 5);
        assert_eq!((page, lines), (2..4, 5));
        assert_eq!(shown(&[9], 0, 3), (0..1, 3, 1), "a row that is too long for any page is cut");
        let (_, lines) = super::page((0, 1), 3, |_, _| Block {
            lines: vec![line("x", Tone::Plain); 9],
            marked: 7,
        });
        assert!(lines[2].selected, "what is selected is seen, however long its head");
        assert_eq!(shown(&[], 0, 3).0, 0..0);
        shown(&[1; 10_000], 9_999, 20);
    }
}
