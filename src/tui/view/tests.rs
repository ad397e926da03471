//! Frames, with their styles: under each line that is not all plain stands a line of letters, one
//! a cell (d dim, b bold, r reversed, c cyan, y yellow, R bold red, m magenta).

mod screens;
mod world;

use super::*;
use crate::app::fixture::{
    estate, healthy, model, press, show, sources_fail, sources_ok, troubled, unknown,
};
use crate::app::{EventKind, fixture};
use crate::core::error::ErrorKind;
use crate::core::estate::Role;
use crate::tui::painter::Painter;
use ratatui::style::{Color, Modifier};
use std::fmt::Write;

const THEME: Theme = Theme { color: true, ascii: false, production: true };

fn buffer(model: &Model, theme: Theme) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, model.size.columns, model.size.rows));
    let area = buffer.area;
    (&frame(model, theme)).render(area, &mut buffer);
    buffer
}

fn letter(style: Style) -> char {
    let has = |modifier| style.add_modifier.contains(modifier);
    match style.fg {
        Some(Color::Red) if has(Modifier::BOLD) => 'R',
        Some(Color::Yellow) => 'y',
        Some(Color::Cyan) => 'c',
        Some(Color::Magenta) => 'm',
        Some(Color::Reset) | None if has(Modifier::REVERSED) => 'r',
        Some(Color::Reset) | None if has(Modifier::BOLD) => 'b',
        Some(Color::Reset) | None if has(Modifier::DIM) => 'd',
        Some(Color::Reset) | None => ' ',
        other => panic!("a style without a letter: {other:?}"),
    }
}

fn dump(buffer: &Buffer) -> String {
    let mut all = String::new();
    for y in 0..buffer.area.height {
        let cells = (0..buffer.area.width).map(|x| &buffer[(x, y)]);
        let text: String = cells.clone().map(|cell| cell.symbol()).collect();
        let styles: String = cells.map(|cell| letter(cell.style())).collect();
        writeln!(all, "|{}", text.trim_end()).unwrap();
        if !styles.trim().is_empty() {
            writeln!(all, ":{}", styles.trim_end()).unwrap();
        }
    }
    all
}

/// The four worlds of the frames.
fn world(name: &str, columns: u16, rows: u16) -> Model {
    let mut model = model(columns, rows);
    match name {
        "healthy" => {
            sources_ok(&mut model, 1);
            show(&mut model, 2, healthy());
        }
        "troubled" => {
            sources_ok(&mut model, 1);
            show(&mut model, 2, troubled());
        }
        "unknown" => {
            sources_ok(&mut model, 1);
            show(&mut model, 2, unknown());
            sources_fail(&mut model, 30, ErrorKind::Unreachable);
            fixture::feed(&mut model, 200, EventKind::Tick);
        }
        "empty" => {
            sources_ok(&mut model, 1);
            show(&mut model, 2, estate(Vec::new(), Vec::new()));
        }
        "first" => {}
        "failing" => sources_fail(&mut model, 1, ErrorKind::Unreachable),
        other => panic!("no world {other}"),
    }
    model
}

#[test]
fn frames() {
    for (columns, rows) in [(80, 24), (120, 40), (20, 5)] {
        let size = format!("{columns}x{rows}");
        for name in ["unknown", "first", "failing"] {
            let model = world(name, columns, rows);
            insta::assert_snapshot!(format!("fleets_{name}_{size}"), dump(&buffer(&model, THEME)));
        }
        let mut model = world("healthy", columns, rows);
        press(&mut model, "?");
        let help = dump(&buffer(&model, THEME));
        insta::assert_snapshot!(format!("help_{size}"), help);
    }
}

#[test]
fn ascii_is_ascii_and_no_colour_is_no_colour() {
    let mut model = world("troubled", 120, 40);
    press(&mut model, "down g");
    let drawn = buffer(&model, Theme { color: false, ascii: true, production: true });
    for cell in drawn.content() {
        assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
}

#[test]
fn no_size_is_too_small_or_too_large_to_draw() {
    for name in ["troubled", "unknown", "failing"] {
        for keys in ["", "enter", "?", "m", "g"] {
            for columns in (0..=30).chain([79, 131, 400]) {
                for rows in (0..=14).chain([60, 300]) {
                    let mut model = world(name, columns, rows);
                    press(&mut model, keys);
                    drop(buffer(&model, THEME));
                }
            }
        }
    }
}

/// Nothing unknown looks like a number or like health.
#[test]
fn unknown_is_a_question_mark() {
    let model = world("unknown", 120, 40);
    let text = dump(&buffer(&model, THEME));
    let row = text.lines().find(|line| line.contains("blue-412")).unwrap();
    assert!(!row.contains("100%") && !row.contains("6/6 ") && !row.contains('–'), "{row}");
    assert!(text.contains("elbv2 UNREACHABLE 3m"), "{text}");
    assert!(text.contains("STALE"), "{text}");
}

#[test]
fn names_from_outside_move_no_cursor() {
    let mut model = model(80, 24);
    sources_ok(&mut model, 1);
    let evil = fixture::fleet("a\u{1b}[2Jb\nc", Role::Live, 1);
    show(&mut model, 2, estate(vec![evil], Vec::new()));
    let mut painter = Painter::new();
    let bytes = painter.compose(model.size, |buffer| {
        let area = buffer.area;
        (&frame(&model, THEME)).render(area, buffer);
    });
    let clears = bytes.windows(4).filter(|four| four == b"\x1b[2J").count();
    assert_eq!(clears, 1, "only our own first clearing");
    let mut terminal = vt100::Parser::new(24.try_into().unwrap(), 80.try_into().unwrap(), 0);
    terminal.process(&bytes);
    let rows: Vec<String> = terminal.screen().rows(0, 80).collect();
    assert!(rows[4].starts_with("▶ a [2Jb c "), "{rows:#?}");
}

fn paint(painter: &mut Painter, model: &Model) -> usize {
    let composed = painter.compose(model.size, |buffer| {
        let area = buffer.area;
        (&frame(model, THEME)).render(area, buffer);
    });
    composed.len()
}

/// The byte budgets of console.md.
#[test]
fn bytes_on_the_wire() {
    let mut model = world("troubled", 80, 24);
    let mut painter = Painter::new();
    let first = paint(&mut painter, &model);
    assert!(first <= 4096, "the first paint takes {first} bytes");
    fixture::feed(&mut model, 3, EventKind::Tick);
    assert_eq!(paint(&mut painter, &model), 0, "no bucket changed");
    // Where what is told of the two rows is alike, a move is small.
    let mut model = world("healthy", 80, 24);
    let mut painter = Painter::new();
    paint(&mut painter, &model);
    press(&mut model, "down");
    let on_fleets = paint(&mut painter, &model);
    press(&mut model, "enter");
    paint(&mut painter, &model);
    press(&mut model, "down");
    let on_nodes = paint(&mut painter, &model);
    println!("first {first}, a move on fleets {on_fleets}, on nodes {on_nodes}");
    assert!(on_fleets <= 250 && on_nodes <= 250, "{on_fleets} {on_nodes}");
}

#[test]
fn only_the_rows_that_are_seen_are_built() {
    let mut model = model(200, 60);
    sources_ok(&mut model, 1);
    let fleets = vec![fixture::fleet("blue-412", Role::Live, 10_000)];
    show(&mut model, 2, estate(fleets, Vec::new()));
    press(&mut model, "enter G");
    let Body::Screen(Main::Table(table), _) = frame(&model, THEME).body else { panic!("a table") };
    assert!(table.rows.len() <= 60, "{}", table.rows.len());
    assert!(table.rows.iter().any(|row| row.selected));
}

/// What a terminal shows after any walk is the frame of the model, cell by cell.
#[test]
fn the_terminal_shows_the_frame_after_every_key() {
    let mut model = world("troubled", 80, 24);
    let mut painter = Painter::new();
    let (rows, columns) = (24.try_into().unwrap(), 80.try_into().unwrap());
    let mut terminal = vt100::Parser::new(rows, columns, 0);
    for key in ["down", "enter", "G", "g", "g", "?", "down", "esc", "x", "m", "esc", "esc", "up"] {
        press(&mut model, key);
        let composed = painter.compose(model.size, |buffer| {
            let area = buffer.area;
            (&frame(&model, THEME)).render(area, buffer);
        });
        terminal.process(&composed);
        let drawn = buffer(&model, THEME);
        for (row, y) in terminal.screen().rows(0, 80).zip(0..24) {
            let cells = (0..80).map(|x| drawn[(x, y)].symbol());
            assert_eq!(row.trim_end(), cells.collect::<String>().trim_end(), "{key}, row {y}");
        }
    }
}
