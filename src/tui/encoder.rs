//! From the cells on the screen to the cells wanted, in the shortest sequences that every terminal
//! since the VT100 understands: of several ways to go somewhere the shortest, no attribute that
//! cannot be seen, sixteen colours by their short codes. Over a slow line, bytes are time.

use ratatui::buffer::{Buffer, Cell, CellWidth};
use ratatui::style::{Color, Modifier};
use std::fmt::Write;

/// Modifiers that show on a blank.
const SEEN_ON_BLANKS: Modifier = Modifier::REVERSED
    .union(Modifier::UNDERLINED)
    .union(Modifier::SLOW_BLINK)
    .union(Modifier::RAPID_BLINK)
    .union(Modifier::CROSSED_OUT);

/// Modifiers and their codes.
const MODIFIERS: [(Modifier, u8); 9] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::RAPID_BLINK, 6),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

/// Erases from the cursor to the end of the row.
const ERASE: &str = "\x1b[K";

/// With what the terminal writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Pen {
    /// Bold and dim are one attribute of three values on some terminals, so they never go together.
    fn of(cell: &Cell) -> Self {
        let mut modifier = cell.modifier;
        if modifier.contains(Modifier::BOLD) {
            modifier.remove(Modifier::DIM);
        }
        Self { fg: cell.fg, bg: cell.bg, modifier }
    }

    /// What of it can be seen on a blank.
    fn on_blank(self) -> Self {
        let modifier = self.modifier & SEEN_ON_BLANKS;
        let fg = if modifier.is_empty() { Color::Reset } else { self.fg };
        Self { fg, bg: self.bg, modifier }
    }

    /// Whether the cell looks as it should when written with this.
    fn suits(self, cell: &Cell) -> bool {
        if is_blank(cell) {
            return self.on_blank() == Self::of(cell).on_blank();
        }
        self == Self::of(cell)
    }
}

/// Writes sequences, and remembers where that leaves the terminal.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    pen: Pen,
    /// Where the cursor is; not known at the beginning of a frame, because somebody else's message
    /// may have moved it, nor behind a character about whose width terminals disagree. A column
    /// beyond the last is the last one, with the next character to go to the next row.
    cursor: Option<(u16, u16)>,
    columns: u16,
    out: String,
}

/// A row's cells by column; `None` is covered by the wide character before it.
type Row<'c> = Vec<Option<&'c Cell>>;

impl Encoder {
    /// Begins a frame on a screen that is cleared first, with no attribute set.
    pub(super) fn clear(&mut self) {
        self.pen = Pen::default();
        self.out.push_str("\x1b[m\x1b[2J");
    }

    /// Brings the screen from what is shown to what is next. Both have the same size.
    pub(super) fn change(&mut self, shown: &Buffer, next: &Buffer) {
        self.cursor = None;
        self.columns = next.area.width;
        let columns = usize::from(self.columns).max(1);
        let rows = shown.content.chunks(columns).zip(next.content.chunks(columns));
        for ((old, new), y) in rows.zip(0..) {
            if old != new {
                self.row(y, &row(old), &row(new));
            }
        }
    }

    /// What has been written since the last time.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    fn row(&mut self, y: u16, old: &Row<'_>, new: &Row<'_>) {
        let changed: Vec<usize> = (0..new.len()).filter(|x| differ(old[*x], new[*x])).collect();
        let end = new.iter().rposition(|cell| !is_background(*cell)).map_or(0, |last| last + 1);
        let last = changed.last().copied().unwrap_or_default();
        for x in changed {
            let Some(cell) = new[x] else { continue };
            self.go((x, y), new);
            if x >= end && last - x >= ERASE.len() {
                self.pen_for(cell);
                self.out.push_str(ERASE);
                return;
            }
            self.put(cell);
        }
    }

    /// Writes a cell where the cursor is.
    fn put(&mut self, cell: &Cell) {
        self.pen_for(cell);
        self.out.push_str(cell.symbol());
        let is_sure = is_sure(cell.symbol());
        let next = |(x, y): (u16, u16)| (x + cell.cell_width(), y);
        self.cursor = self.cursor.filter(|_| is_sure).map(next);
    }

    /// Goes to a cell, by the shortest of the ways there are.
    fn go(&mut self, (x, y): (usize, u16), row: &Row<'_>) {
        let to = (u16::try_from(x).unwrap_or(u16::MAX), y);
        if self.cursor == Some(to) {
            return;
        }
        let mut way = absolute(to);
        let mut offer = |other: Option<String>| {
            if let Some(other) = other.filter(|other| other.len() < way.len()) {
                way = other;
            }
        };
        if let Some(from) = self.cursor {
            let is_waiting = from.0 >= self.columns;
            let lines = lines(from.1, to.1);
            offer(lines.clone().map(|lines| format!("\r{lines}{}", columns(0, to.0))));
            if !is_waiting {
                offer(lines.map(|lines| format!("{lines}{}", columns(from.0, to.0))));
                offer(self.again(from, to, row));
            }
        }
        self.out.push_str(&way);
        self.cursor = Some(to);
    }

    /// The cells between cursor and goal once more, where they can be written as the pen is.
    fn again<'c>(&self, from: (u16, u16), to: (u16, u16), row: &Row<'c>) -> Option<String> {
        if from.1 != to.1 || from.0 >= to.0 {
            return None;
        }
        let between = row.get(usize::from(from.0)..usize::from(to.0))?;
        let again = |cell: Option<&'c Cell>| {
            cell.filter(|cell| cell.symbol().len() == 1 && self.pen.suits(cell)).map(Cell::symbol)
        };
        between.iter().copied().map(again).collect()
    }

    /// Changes the pen if the cell would look otherwise. Attributes are only ever added or all
    /// reset: to take away a single one is not understood everywhere, and hardly shorter.
    fn pen_for(&mut self, cell: &Cell) {
        if self.pen.suits(cell) {
            return;
        }
        let old = self.pen;
        self.pen = Pen::of(cell);
        if is_blank(cell) {
            self.pen = self.pen.on_blank();
        }
        let afresh = codes(Pen::default(), self.pen);
        let afresh = if afresh.is_empty() { afresh } else { format!(";{afresh}") };
        let added = old.modifier.difference(self.pen.modifier).is_empty()
            && is_added(old.fg, self.pen.fg)
            && is_added(old.bg, self.pen.bg);
        let added = added.then(|| codes(old, self.pen));
        let shortest = added.filter(|added| added.len() < afresh.len()).unwrap_or(afresh);
        // Writing to a string never fails.
        let _ = write!(self.out, "\x1b[{shortest}m");
    }
}

fn row(cells: &[Cell]) -> Row<'_> {
    let mut covered = 0;
    let glyph = |cell| {
        if covered > 0 {
            covered -= 1;
            return None;
        }
        covered = Cell::cell_width(cell).saturating_sub(1);
        Some(cell)
    };
    cells.iter().map(glyph).collect()
}

fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " "
}

/// Whether erasing leaves just this.
fn is_background(cell: Option<&Cell>) -> bool {
    cell.is_some_and(|cell| is_blank(cell) && Pen::default().suits(cell))
}

/// Whether two cells differ to the eye.
fn differ(old: Option<&Cell>, new: Option<&Cell>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => old.symbol() != new.symbol() || !Pen::of(old).suits(new),
        (old, new) => old.is_some() != new.is_some(),
    }
}

/// Whether all terminals agree about where the cursor is afterwards: not behind emoji and what is
/// put together of several characters.
fn is_sure(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    let first = chars.next().is_some_and(|first| first < '\u{1f000}');
    first && chars.next().is_none()
}

fn absolute((x, y): (u16, u16)) -> String {
    match (x, y) {
        (0, 0) => "\x1b[H".into(),
        (0, y) => format!("\x1b[{}H", y + 1),
        (x, y) => format!("\x1b[{};{}H", y + 1, x + 1),
    }
}

/// The shortest way down; there is none up that is shorter than saying where to.
fn lines(from: u16, to: u16) -> Option<String> {
    to.checked_sub(from).map(|down| match down {
        0..=3 => "\n".repeat(down.into()),
        down => format!("\x1b[{down}B"),
    })
}

/// The shortest way along a row.
fn columns(from: u16, to: u16) -> String {
    let (way, back) = (from.abs_diff(to), to < from);
    match (way, back) {
        (0, _) => String::new(),
        (way, true) if way <= 4 => "\x08".repeat(way.into()),
        (1, false) => "\x1b[C".into(),
        (way, true) => format!("\x1b[{way}D"),
        (way, false) => format!("\x1b[{way}C"),
    }
}

/// Whether a colour can be had without a reset.
fn is_added(old: Color, new: Color) -> bool {
    old == new || new != Color::Reset
}

/// The codes that lead from one pen to another that has no attribute less.
fn codes(from: Pen, to: Pen) -> String {
    let mut all = Vec::new();
    for (modifier, code) in MODIFIERS {
        if to.modifier.contains(modifier) && !from.modifier.contains(modifier) {
            all.push(code.to_string());
        }
    }
    for (old, new, base) in [(from.fg, to.fg, 30), (from.bg, to.bg, 40)] {
        if old != new {
            all.push(color(new, base));
        }
    }
    all.join(";")
}

/// A colour's code, from 30 for the foreground or 40 for the background.
fn color(color: Color, base: u8) -> String {
    let dark = |number: u8| (base + number).to_string();
    let bright = |number: u8| (base + 60 + number).to_string();
    match color {
        Color::Reset => dark(9),
        Color::Black => dark(0),
        Color::Red => dark(1),
        Color::Green => dark(2),
        Color::Yellow => dark(3),
        Color::Blue => dark(4),
        Color::Magenta => dark(5),
        Color::Cyan => dark(6),
        Color::Gray => dark(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(number @ 0..=7) => dark(number),
        Color::Indexed(number @ 8..=15) => bright(number - 8),
        Color::Indexed(number) => format!("{};5;{number}", base + 8),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    /// A screen, as a terminal of another make sees it.
    struct Screen {
        encoder: Encoder,
        shown: Buffer,
        terminal: vt100::Parser,
    }

    impl Screen {
        fn new(columns: u16, rows: u16) -> Self {
            let terminal =
                vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
            let shown = Buffer::empty(Rect::new(0, 0, columns, rows));
            Self { encoder: Encoder::default(), shown, terminal }
        }

        /// Goes on to these pieces (column, row, text, style); returns what that took.
        fn show(&mut self, pieces: &[(u16, u16, &str, Style)]) -> String {
            let mut next = Buffer::empty(self.shown.area);
            for (x, y, text, style) in pieces {
                next.set_string(*x, *y, text, Style::reset().patch(*style));
            }
            self.encoder.change(&self.shown, &next);
            let out = self.encoder.take();
            self.terminal.process(out.as_bytes());
            self.shown = next;
            out
        }

        /// What the terminal shows that it should not: (column, row, its cell, ours).
        fn faults(&self) -> Vec<String> {
            let area = self.shown.area;
            let mut faults = Vec::new();
            for y in 0..area.height {
                let cells: Vec<_> = (0..area.width).map(|x| self.shown[(x, y)].clone()).collect();
                for (ours, x) in row(&cells).into_iter().zip(0..) {
                    let theirs = self.terminal.screen().cell(y, x).unwrap();
                    let fault = match ours {
                        None => !theirs.is_wide_continuation(),
                        Some(ours) => !is_shown(ours, theirs),
                    };
                    if fault {
                        faults.push(format!("{x},{y}: {theirs:?} instead of {ours:?}"));
                    }
                }
            }
            faults
        }
    }

    fn is_shown(ours: &Cell, theirs: &vt100::Cell) -> bool {
        let symbol = if theirs.has_contents() { theirs.contents() } else { " " };
        let index = |color: Color| match color {
            Color::Reset => vt100::Color::Default,
            Color::Red => vt100::Color::Idx(1),
            Color::Yellow => vt100::Color::Idx(3),
            Color::LightCyan => vt100::Color::Idx(14),
            Color::Indexed(number) => vt100::Color::Idx(number),
            Color::Rgb(red, green, blue) => vt100::Color::Rgb(red, green, blue),
            other => panic!("not among the tests' colours: {other:?}"),
        };
        let (mut pen, reversed) = (Pen::of(ours), theirs.inverse());
        if is_blank(ours) {
            pen = pen.on_blank();
        }
        let unseen = is_blank(ours) && pen.modifier.is_empty();
        symbol == ours.symbol()
            && (unseen || index(pen.fg) == theirs.fgcolor())
            && index(pen.bg) == theirs.bgcolor()
            && pen.modifier.contains(Modifier::REVERSED) == reversed
            && pen.modifier.contains(Modifier::UNDERLINED) == theirs.underline()
            && (is_blank(ours) || pen.modifier.contains(Modifier::BOLD) == theirs.bold())
            && (is_blank(ours) || pen.modifier.contains(Modifier::DIM) == theirs.dim())
    }

    const PLAIN: Style = Style::new();

    #[test]
    fn the_shortest_sequences() {
        let mut screen = Screen::new(20, 5);
        let (bold, red) = (PLAIN.bold(), PLAIN.fg(Color::Red));
        for (pieces, bytes) in [
            (&[(0, 0, "one", PLAIN)][..], "\x1b[Hone"),
            (&[(0, 0, "one", PLAIN)], ""),
            // Two letters, and the one between them once more.
            (&[(0, 0, "ane", PLAIN)], "\x1b[Ha"),
            (&[(0, 0, "bnf", PLAIN)], "\x1b[Hbnf"),
            // The next row; then a longer way on it.
            (&[(0, 0, "b", bold), (0, 1, "b", bold)], "\x1b[H\x1b[1mb  \r\nb"),
            (&[(0, 0, "b", bold), (0, 1, "b", red), (9, 1, "c", red)], "\x1b[2H\x1b[;31mb\x1b[8Cc"),
            (&[(0, 0, "b", red), (0, 1, "b", red), (9, 1, "c", red)], "\x1b[Hb"),
            (&[(0, 0, "b", red.bold())], "\x1b[H\x1b[1mb\r\n\x1b[K"),
            // What no style makes visible takes none.
            (&[(0, 0, "b", red.bold()), (2, 0, " ", red)], ""),
            (&[(0, 0, "b", PLAIN), (2, 0, "  ", PLAIN.reversed())], "\x1b[H\x1b[mb \x1b[7m  "),
            (
                &[(0, 4, "cccccccccccccccccccc", PLAIN)],
                "\x1b[H\x1b[m\x1b[K\x1b[5Hcccccccccccccccccccc",
            ),
        ] {
            assert_eq!(
                screen.show(pieces).escape_debug().to_string(),
                bytes.escape_debug().to_string()
            );
            assert_eq!(screen.faults(), [""; 0], "{pieces:?}");
        }
    }

    #[test]
    fn sixteen_colours_are_short_and_the_others_are_there() {
        let codes = |color| {
            let style = PLAIN.fg(color);
            Screen::new(20, 5).show(&[(0, 0, "x", style)])
        };
        for (color, bytes) in [
            (Color::Red, "\x1b[H\x1b[31mx"),
            (Color::Gray, "\x1b[H\x1b[37mx"),
            (Color::DarkGray, "\x1b[H\x1b[90mx"),
            (Color::White, "\x1b[H\x1b[97mx"),
            (Color::Indexed(12), "\x1b[H\x1b[94mx"),
            (Color::Indexed(208), "\x1b[H\x1b[38;5;208mx"),
            (Color::Rgb(1, 2, 3), "\x1b[H\x1b[38;2;1;2;3mx"),
        ] {
            assert_eq!(codes(color), bytes, "{color}");
        }
    }

    #[test]
    fn behind_a_character_of_doubtful_width_the_place_is_said() {
        let mut screen = Screen::new(20, 5);
        let bytes = screen.show(&[(0, 0, "a\u{1f469}\u{200d}\u{1f680}b日c", PLAIN)]);
        assert_eq!(bytes, "\x1b[Ha\u{1f469}\u{200d}\u{1f680}\x1b[1;4Hb日c");
    }

    fn pieces() -> impl Strategy<Value = Vec<(u16, u16, String, Style)>> {
        let texts = prop::sample::select(vec![
            "a",
            "ab",
            "abc",
            "  ",
            "日",
            "日本語",
            "é",
            "◆ LIVE",
            "════════",
            "x y z",
            "longer text",
        ]);
        let styles = prop::sample::select(vec![
            PLAIN,
            PLAIN.bold(),
            PLAIN.dim(),
            PLAIN.dim().bold(),
            PLAIN.reversed(),
            PLAIN.underlined(),
            PLAIN.fg(Color::Red),
            PLAIN.fg(Color::Red).bold(),
            PLAIN.fg(Color::Yellow).reversed(),
            PLAIN.fg(Color::LightCyan).bg(Color::Indexed(200)),
            PLAIN.bg(Color::Rgb(1, 2, 3)),
        ]);
        let piece = (0u16..20, 0u16..5, texts, styles)
            .prop_map(|(x, y, text, style)| (x, y, text.to_owned(), style));
        prop::collection::vec(piece, 0..12)
    }

    proptest! {
        /// Whatever is drawn after whatever, the terminal shows it, cell by cell with its style.
        #[test]
        fn the_bytes_lead_to_the_cells(frames in prop::collection::vec(pieces(), 1..6)) {
            let mut screen = Screen::new(20, 5);
            for frame in &frames {
                let pieces: Vec<_> =
                    frame.iter().map(|(x, y, text, style)| (*x, *y, text.as_str(), *style)).collect();
                let bytes = screen.show(&pieces);
                prop_assert_eq!(screen.faults(), Vec::<String>::new(), "{:?}", bytes);
            }
        }
    }
}
