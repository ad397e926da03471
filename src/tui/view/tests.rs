//! Frames, with their styles: under each line that is not all plain stands a line of letters, one
//! a cell (d dim, b bold, r reversed, c cyan, y yellow, R bold red, m magenta).

mod contexts;
mod elsewhere;
mod locks;
mod screens;
mod themes;
mod told;
mod world;

use super::*;
use crate::app::fixture::{
    estate, healthy, model, press, show, sources_fail, sources_ok, troubled, unknown,
};
use crate::app::{EventKind, fixture};
use crate::core::error::ErrorKind;
use crate::core::estate::{Estate, Existence, Fleet, Node, Role};
use crate::core::finding::{Finding, FindingKind};
use crate::core::ids::StackId;
use crate::core::inventory::Verdict;
use crate::tui::painter::Painter;
use ratatui::style::{Color, Modifier};
use std::fmt::Write;

const THEME: Theme = Theme::of(true, false, true);

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
    let drawn = buffer(&model, Theme::of(false, true, true));
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

/// Names that a tag may hold, however unlikely.
const HOSTILE: [&str; 16] = [
    "日本語クラスタ",
    "e\u{301}\u{302}\u{303}\u{304}t\u{e9}",
    "שלום-עולם",
    "مرحبا-لا",
    "\u{202e}eulb\u{2066}",
    "a\u{1b}[2J\u{1b}]0;x\u{7}b",
    "tab\there\r\nand\u{85}there",
    "\u{1f469}\u{200d}\u{1f680}\u{1f1e9}\u{1f1ea}\u{1f44d}\u{1f3fd}",
    "❤\u{fe0f}☁\u{fe0f}1\u{fe0f}\u{20e3}",
    "\u{200b}\u{200b}",
    "\u{301}",
    "한글\u{1112}\u{1161}\u{11ab}",
    "क्षत्रिय",
    "ﾊﾞﾟ",
    "w\u{ff37}\u{ff49}\u{ff44}\u{ff45}",
    "\u{e0041}\u{feff}\u{ad}",
];

/// Whatever a name holds, the columns behind it stand where they stand in every other row, and
/// the terminal shows the frame, cell by cell.
#[test]
fn no_name_moves_what_stands_behind_it() {
    for name in HOSTILE.map(str::to_owned).into_iter().chain([HOSTILE[0].repeat(40)]) {
        for (columns, rows) in [(80, 24), (120, 40), (20, 5)] {
            let mut model = model(columns, rows);
            sources_ok(&mut model, 1);
            let fleets = [name.as_str(), "zebra-1"].map(|name| fixture::fleet(name, Role::Live, 1));
            show(&mut model, 2, estate(fleets.into(), Vec::new()));
            let mut terminal =
                vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
            let mut painter = Painter::new();
            for keys in ["enter", "esc", "down"] {
                press(&mut model, keys);
                let bytes = painter.compose(model.size, |buffer| {
                    let area = buffer.area;
                    (&frame(&model, THEME)).render(area, buffer);
                });
                terminal.process(&bytes);
                let drawn = buffer(&model, THEME);
                assert_eq!(shown(&terminal), cells(&drawn), "{name:?} {columns}x{rows}");
            }
            let shapes = |x: u16| {
                let held = (0..rows).map(|y| terminal.screen().cell(y, x).unwrap().contents());
                held.filter(|held| *held == "◆").count()
            };
            if columns >= 80 {
                let rows = shown(&terminal);
                let head = rows.iter().find_map(|row| row.find("ROLE")).unwrap();
                let stand = shapes(head.try_into().unwrap());
                assert_eq!(stand, 2, "{name:?} {columns}x{}: {rows:#?}", rows.len());
            }
        }
    }
}

/// What a terminal shows, a row a line.
fn shown(terminal: &vt100::Parser) -> Vec<String> {
    let (rows, columns) = terminal.screen().size();
    let row = |y| {
        let cells = (0..columns.get()).filter_map(|x| terminal.screen().cell(y, x));
        let cells = cells.filter(|cell| !cell.is_wide_continuation());
        let text = cells.map(|cell| if cell.has_contents() { cell.contents() } else { " " });
        text.collect::<String>().trim_end().to_owned()
    };
    (0..rows.get()).map(row).collect()
}

/// What a buffer holds, a row a line.
fn cells(buffer: &Buffer) -> Vec<String> {
    let rows = buffer.content.chunks(buffer.area.width.into());
    let row = |row: &[ratatui::buffer::Cell]| {
        let (mut text, mut covered) = (String::new(), 0);
        for cell in row {
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = ratatui::buffer::CellWidth::cell_width(cell).saturating_sub(1);
            text.push_str(cell.symbol());
        }
        text.trim_end().to_owned()
    };
    rows.map(row).collect()
}

/// A frame without its colours and other styles: what is left on a shared screen in greyscale, on
/// paper, or to somebody who sees no red.
fn letters(model: &Model) -> String {
    let theme = Theme { production: model.place.production, ..THEME };
    cells(&buffer(model, theme)).join("\n")
}

/// The states that anybody must be able to tell apart, each on a screen of its own.
#[derive(Default)]
struct States(Vec<(String, Model)>);

impl States {
    fn add(&mut self, name: &str, keys: &str, change: &dyn Fn(&mut Model)) {
        let mut model = model(120, 40);
        sources_ok(&mut model, 1);
        change(&mut model);
        press(&mut model, keys);
        self.0.push((name.to_owned(), model));
    }

    fn of_fleets(&mut self) {
        for keys in ["", "down", "enter", "enter down", "?", "m"] {
            self.add(&format!("keys {keys}"), keys, &|model| show(model, 2, two(&|_, _| ())));
        }
        for role in [Role::Shifting, Role::Standby, Role::Idle, Role::Unknown] {
            let change = |model: &mut Model| show(model, 2, two(&|fleet, _| fleet.role = role));
            self.add(&format!("role {role:?}"), "", &change);
        }
        for kind in [FindingKind::NoSelfHeal, FindingKind::UnregisteredNode, FindingKind::BootRace]
        {
            self.add(&format!("finding {kind:?}"), "", &|model| {
                let stack = StackId::from("blue-412");
                let one = Finding::new(kind, fixture::at(0), "something").stack(Some(&stack));
                show(model, 2, Estate { findings: vec![one], ..two(&|_, _| ()) });
            });
        }
        for members in [Some(1), None] {
            let change =
                |model: &mut Model| show(model, 2, two(&|fleet, _| fleet.members = members));
            self.add(&format!("members {members:?}"), "", &change);
        }
    }

    fn of_nodes(&mut self) {
        for state in ["unhealthy", "initial", "draining", "unused", "unavailable"] {
            self.add(&format!("target {state}"), "enter", &|model| {
                show(model, 2, two(&|_, node| node.targets[0].state = Ok(state.into())));
            });
        }
        for verdict in [Verdict::Fail, Verdict::Unknown] {
            self.add(&format!("probe {verdict}"), "enter", &|model| {
                show(model, 2, two(&|_, node| node.probes[0].verdict = verdict));
            });
        }
        self.add("gone", "enter", &|model| {
            show(model, 2, two(&|_, node| node.existence = Existence::Gone));
        });
    }

    fn of_sources(&mut self) {
        self.add("stale", "", &|model| {
            show(model, 2, two(&|_, _| ()));
            fixture::feed(model, 200, EventKind::Tick);
        });
        for kind in [ErrorKind::Throttled, ErrorKind::Unreachable] {
            self.add(&format!("failing {kind:?}"), "", &|model| {
                show(model, 2, two(&|_, _| ()));
                sources_fail(model, 2, kind);
            });
        }
        self.add("another environment", "", &|model| {
            model.place.production = false;
            show(model, 2, two(&|_, _| ()));
        });
    }
}

/// Two fleets, of which one, or a node of it, is as it should not be.
fn two(change: &dyn Fn(&mut Fleet, &mut Node)) -> Estate {
    let (mut blue, mut nodes) = fixture::fleet("blue-412", Role::Live, 2);
    change(&mut blue, &mut nodes[0]);
    estate(vec![(blue, nodes), fixture::fleet("green-413", Role::Standby, 2)], Vec::new())
}

#[test]
fn no_state_is_told_by_colour_alone() {
    let mut states = States::default();
    states.of_fleets();
    states.of_nodes();
    states.of_sources();
    let letters = |(name, model): (String, Model)| (name, letters(&model));
    let all: Vec<_> = states.0.into_iter().map(letters).collect();
    for (place, (name, text)) in all.iter().enumerate() {
        for (other, as_text) in &all[..place] {
            assert_ne!(text, as_text, "{name} and {other} look alike:\n{text}");
        }
    }
}
