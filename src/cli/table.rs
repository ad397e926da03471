//! Aligned plain text, by display width. What comes from outside (tags, attributes, messages) is
//! cleaned of control characters: a tag must not be able to write to the operator's terminal.

use unicode_width::UnicodeWidthStr;

/// What stands for a value that is not known. Never 0, never empty.
pub(super) const UNKNOWN: &str = "?";
/// What stands for "there is none".
pub(super) const NONE: &str = "-";

/// Rows of text under a head.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new<S: Into<String>>(head: impl IntoIterator<Item = S>) -> Self {
        Self { rows: vec![head.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row; an empty cell reads as "none".
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let filled = |cell: String| if cell.is_empty() { NONE.to_owned() } else { clean(&cell) };
        self.rows.push(cells.into_iter().map(|cell| filled(cell.into())).collect());
    }

    /// The table as text. Columns are two spaces apart; no line ends in spaces.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max()
        };
        let widths: Vec<usize> =
            (0..columns).map(|column| width(column).unwrap_or_default()).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width - cell.width() + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// The text without anything a terminal would obey or reorder.
pub(super) fn clean(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if odd(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_what_is_seen() {
        let mut table = Table::new(["A", "B"]);
        table.row(["日本", "x"]);
        table.row(["é", ""]);
        assert_eq!(table.render(), "A     B\n日本  x\né     -\n");
    }

    #[test]
    fn nothing_from_outside_reaches_the_terminal_raw() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
    }
}
