//! A terminal's screen as an SVG: one text a run of cells that look the same, in a palette of
//! sixteen colours and whatever monospace font there is. The same screen is always the same text.

use std::fmt::Write;

/// A cell's width and height, and the room around the screen, in pixels.
pub const CELL: (usize, usize) = (8, 17);
pub const MARGIN: usize = 10;
/// From a cell's top to the line its letters stand on.
const BASELINE: usize = 13;
const INK: &str = "#d6d9dc";
const PAPER: &str = "#16191d";
/// The palette: eight colours, and the bright ones.
const PALETTE: [&str; 16] = [
    "#2b3036", "#ef6b6b", "#7cc47f", "#e3b341", "#6ca8f0", "#c792ea", "#56c2c9", "#d6d9dc",
    "#7d868f", "#ff8f8f", "#a0dca2", "#f5cf73", "#97c3ff", "#deb3f7", "#86dde2", "#ffffff",
];

/// How a run of cells looks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: &'static str,
    paper: &'static str,
    bold: bool,
    dim: bool,
    underline: bool,
}

/// A piece of a row.
struct Run {
    column: u16,
    cells: u16,
    text: String,
    look: Look,
}

/// Draws a screen.
pub fn draw(screen: &vt100::Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (CELL.0 * usize::from(columns), CELL.1 * usize::from(rows));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-size=\"13\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{PAPER}\"/>\n",
        width + 2 * MARGIN,
        height + 2 * MARGIN,
        escaped(title),
    );
    for row in 0..rows {
        for run in runs(screen, row, columns) {
            write_run(&mut svg, row, &run);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn write_run(svg: &mut String, row: u16, run: &Run) {
    let Run { column, cells, text, look } = run;
    let x = MARGIN + CELL.0 * usize::from(*column);
    let y = MARGIN + CELL.1 * usize::from(row);
    let width = CELL.0 * usize::from(*cells);
    if look.paper != PAPER {
        let (height, paper) = (CELL.1, look.paper);
        writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{paper}\"/>"
        )
        .unwrap();
    }
    if text.trim().is_empty() {
        return;
    }
    let mut more = String::new();
    for (is_so, attribute) in [
        (look.bold, " font-weight=\"bold\""),
        (look.dim, " fill-opacity=\".6\""),
        (look.underline, " text-decoration=\"underline\""),
    ] {
        if is_so {
            more.push_str(attribute);
        }
    }
    writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\" fill=\"{}\"{more}>{}</text>",
        y + BASELINE,
        look.ink,
        escaped(text),
    )
    .unwrap();
}

/// The cells of a row that look the same, together. Blanks at the ends of a text are left out, and
/// shapes stand apart from letters: fonts draw them in other widths.
fn runs(screen: &vt100::Screen, row: u16, columns: u16) -> Vec<Run> {
    let mut runs: Vec<(Run, bool)> = Vec::new();
    for column in 0..columns {
        let cell = screen.cell(row, column).unwrap();
        if cell.is_wide_continuation() {
            continue;
        }
        let symbol = if cell.has_contents() { cell.contents() } else { " " };
        let cells = if cell.is_wide() { 2 } else { 1 };
        let (look, plain) = (look(cell, symbol), symbol.is_ascii());
        match runs.last_mut() {
            Some((run, was_plain)) if run.look == look && *was_plain == plain => {
                run.cells += cells;
                run.text.push_str(symbol);
            }
            _ => runs.push((Run { column, cells, text: symbol.to_owned(), look }, plain)),
        }
    }
    runs.into_iter().map(|(run, _)| trimmed(run)).collect()
}

/// A run without the blanks around it, where they show nothing.
fn trimmed(run: Run) -> Run {
    if run.look.paper != PAPER || run.look.underline {
        return run;
    }
    let before = run.text.len() - run.text.trim_start().len();
    let behind = run.text.trim_start().len() - run.text.trim().len();
    let count = |blanks: usize| u16::try_from(blanks).unwrap();
    Run {
        column: run.column + count(before),
        cells: run.cells - count(before + behind),
        text: run.text.trim().to_owned(),
        ..run
    }
}

fn look(cell: &vt100::Cell, symbol: &str) -> Look {
    let (mut ink, mut paper) = (color(cell.fgcolor(), INK), color(cell.bgcolor(), PAPER));
    if cell.inverse() {
        std::mem::swap(&mut ink, &mut paper);
    }
    let look = Look { ink, paper, bold: cell.bold(), dim: cell.dim(), underline: cell.underline() };
    // A blank in the text's own colours shows none of this, so it need not end a run.
    let unseen = symbol == " " && paper == PAPER && !look.underline;
    if unseen { Look { ink: INK, paper, bold: false, dim: false, underline: false } } else { look }
}

fn color(color: vt100::Color, default: &'static str) -> &'static str {
    match color {
        vt100::Color::Default => default,
        vt100::Color::Idx(index) if index < 16 => PALETTE[usize::from(index)],
        other => panic!("only sixteen colours are used: {other:?}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[test]
fn a_screen_becomes_its_runs() {
    let mut terminal = vt100::Parser::new(2.try_into().unwrap(), 12.try_into().unwrap(), 0);
    terminal.process("\x1b[1ma<b\x1b[m  \x1b[7mc \x1b[m\r\n\x1b[31m日\x1b[2m◆".as_bytes());
    let svg = draw(terminal.screen(), "A & B");
    let lines: Vec<_> = svg.lines().skip(1).collect();
    assert_eq!(lines[0], "<title>A &amp; B</title>");
    let text = |line: &str| line.split_once('>').unwrap().1.replace("</text>", "");
    assert!(
        lines[2].contains("x=\"10\" y=\"23\" textLength=\"24\"") && lines[2].contains("bold"),
        "{svg}"
    );
    assert_eq!(text(lines[2]), "a&lt;b");
    assert!(lines[3].starts_with("<rect x=\"50\" y=\"10\" width=\"16\""), "{svg}");
    assert_eq!(text(lines[4]), "c ");
    assert!(lines[5].contains("textLength=\"16\"") && lines[5].contains(PALETTE[1]), "{svg}");
    assert!(lines[6].contains("x=\"26\"") && lines[6].contains("fill-opacity"), "{svg}");
    assert_eq!(lines.len(), 8, "{svg}");
}
