//! Every screen, at four sizes, on four worlds; and what must hold of all of them.

use super::world::{self, World};
use super::{THEME, buffer, dump};
use crate::app::fixture::{at, feed, model, press, show};
use crate::app::replay::{Replay, State};
use crate::app::{EventKind, Model, fixture};
use crate::core::error::ErrorKind;
use crate::core::estate::Role;
use crate::core::finding::{Finding, FindingKind};
use crate::core::ids::StackId;
use crate::core::source::Scope;
use crate::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use std::collections::BTreeMap;

pub(super) const WORLDS: [&str; 4] = ["healthy", "troubled", "stale", "empty"];
const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 60), (20, 5)];
/// Each screen and the keys that lead to it, from a selected fleet that is not the first.
pub(super) const SCREENS: [(&str, &str); 9] = [
    ("fleets", ""),
    ("nodes", "enter"),
    ("node", "enter down down enter"),
    ("traffic", "t"),
    ("findings", "F"),
    ("timeline", "T"),
    ("rings", "O down down"),
    ("ring", "O down down enter"),
    ("sources", "S"),
];

/// The four worlds of the frames.
pub(super) fn told(name: &str, columns: u16, rows: u16) -> Model {
    let mut model = model(columns, rows);
    match name {
        "healthy" => {
            world::tell(&mut model, 0, &world::healthy(6));
            world::tell(&mut model, 5, &world::healthy(6));
        }
        "troubled" => {
            world::tell(&mut model, 0, &world::healthy(6));
            world::tell(&mut model, 5, &world::troubled(6));
            let scope = Scope::Refreshes("blue-412-asg".into());
            world::fail(&mut model, 6, scope, ErrorKind::Denied);
        }
        "stale" => {
            let troubled = world::troubled(6);
            world::tell(&mut model, 0, &troubled);
            world::fail_all(&mut model, 30, &World { fleets: Vec::new() }, ErrorKind::Throttled);
            world::join(&mut model, 300);
            feed(&mut model, 300, EventKind::Tick);
        }
        "empty" => world::tell(&mut model, 0, &World { fleets: Vec::new() }),
        other => panic!("no world {other}"),
    }
    press(&mut model, "down");
    model
}

#[test]
fn frames() {
    for (columns, rows) in SIZES {
        for name in WORLDS {
            for (screen, keys) in SCREENS {
                // Where there is no fleet, there are no nodes to open.
                if name == "empty" && keys.ends_with("enter") {
                    continue;
                }
                let mut model = told(name, columns, rows);
                press(&mut model, keys);
                let frame = dump(&buffer(&model, THEME));
                insta::assert_snapshot!(format!("{screen}_{name}_{columns}x{rows}"), frame);
            }
        }
    }
}

/// That this is over stands first on every screen, in the words of a tape.
#[test]
fn a_recording_says_so_on_every_screen() {
    let mut heads = String::new();
    for (columns, rows) in [(80, 24), (120, 40), (60, 8)] {
        for state in [State::Playing, State::Paused] {
            let mut model = told("troubled", columns, rows);
            let span = (at(-190), at(410));
            model.replay = Some(Replay { state, speed: 8, ..Replay::new(span) });
            for (_, keys) in SCREENS {
                let mut model = model.clone();
                press(&mut model, keys);
                let frame = dump(&buffer(&model, THEME));
                assert!(frame.starts_with("| REPLAY "), "{keys}: {frame}");
                assert!(
                    !frame.contains("READ-ONLY") && !frame.contains("ARMED"),
                    "{keys}: {frame}"
                );
            }
            let frame = dump(&buffer(&model, THEME));
            let head: Vec<&str> = frame.lines().take(2).collect();
            let last: Vec<&str> = frame.lines().rev().take(2).collect();
            heads += &format!("{columns}x{rows}\n{}\n{}\n{}\n", head.join("\n"), last[1], last[0]);
        }
    }
    insta::assert_snapshot!("replay_head", heads);
}

/// Runs of cells of one colour, with the texts that stand in them.
fn runs(buffer: &Buffer) -> Vec<(String, bool)> {
    let mut all: Vec<(String, bool)> = Vec::new();
    for y in 0..buffer.area.height {
        let mut last = None;
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let told = !matches!(cell.fg, Color::Reset);
            if last != Some(told) {
                all.push((String::new(), told));
            }
            last = Some(told);
            if let Some((text, _)) = all.last_mut() {
                text.push_str(cell.symbol());
            }
        }
    }
    all
}

/// Whatever stands in colour somewhere stands nowhere without it: the words alone tell the state.
#[test]
fn no_state_is_told_by_colour_alone() {
    let mut seen: BTreeMap<String, (bool, String)> = BTreeMap::new();
    let mut colored = 0;
    for name in WORLDS {
        for (screen, keys) in SCREENS {
            for (columns, rows) in [(80, 24), (200, 60)] {
                let mut model = told(name, columns, rows);
                press(&mut model, keys);
                for (text, told) in runs(&buffer(&model, THEME)) {
                    // A cell of a table is a piece of a run without colour, so pieces are compared.
                    let pieces = text.split("  ").map(str::trim).filter(|piece| !piece.is_empty());
                    for piece in pieces {
                        colored += usize::from(told);
                        let place = format!("{screen} of {name} at {columns}");
                        let first =
                            seen.entry(piece.to_owned()).or_insert_with(|| (told, place.clone()));
                        assert_eq!(first.0, told, "{piece:?} in {} and in {place}", first.1);
                    }
                }
            }
        }
    }
    assert!(colored > 100, "{colored}");
}

/// Greyscale, no colour, no Unicode: everything is still said.
#[test]
fn every_screen_is_ascii_where_it_must_be() {
    let plain = Theme::of(false, true, true);
    for name in WORLDS {
        for (_, keys) in SCREENS {
            let mut model = told(name, 130, 40);
            press(&mut model, keys);
            for cell in buffer(&model, plain).content() {
                // What the world says of itself may be anything; our own words and shapes are not.
                assert!(cell.symbol().is_ascii() || "→".contains(cell.symbol()), "{:?}", cell);
                assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
            }
        }
    }
}

/// Nothing that is too old to act on is drawn as a number of today, as zero or as health.
#[test]
fn what_is_stale_is_never_drawn_as_known() {
    let text = |keys: &str| {
        let mut model = told("stale", 130, 40);
        press(&mut model, keys);
        dump(&buffer(&model, THEME))
    };
    let fleets = text("");
    let row = fleets.lines().find(|line| line.contains("blue-412  ")).unwrap();
    assert!(!row.contains("100%") && !row.contains("6/6 ") && !row.contains('–'), "{row}");
    let traffic = text("t");
    assert!(traffic.contains("listeners are not known (stale)"), "{traffic}");
    assert!(!traffic.contains("healthy"), "{traffic}");
    let node = text("enter enter");
    assert!(node.matches("STALE").count() > 5, "{node}");
    assert!(!node.contains(" healthy for"), "{node}");
    assert!(text("F").contains("unknown is not well"));
    assert!(text("S").contains("! THROTTLED") && text("S").contains("! STALE"));
}

#[test]
fn the_traffic_screen_says_out_loud_what_goes_wrong() {
    let mut model = told("troubled", 130, 40);
    press(&mut model, "t");
    let text = dump(&buffer(&model, THEME));
    for said in [
        "0/6 FAILS OPEN",
        "2c is OUT OF DNS",
        "cross-zone off",
        "◈ blue-412 SHIFTING",
        " 75%",
        "2c 0/2!",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

/// What comes of something stands with it, and only with that.
#[test]
fn the_zone_that_is_lost_explains_the_targets_in_it() {
    let model = told("troubled", 80, 24);
    let cause = |kind| model.causes.iter().find(|cause| cause.key.kind == kind).unwrap();
    let zone = cause(FindingKind::ZoneOutOfDns);
    assert_eq!(zone.with_it(model.findings()), ["2 unhealthy to the load balancer"]);
    // Loki is down on one node; that otlp fails open has another reason.
    assert!(cause(FindingKind::FailOpen).follows.is_empty());
    assert_eq!(cause(FindingKind::ProbeFailed).cases.len(), 1);
    // Where the group of the very product fails open, it stands with that.
    let mut world = world::healthy(3);
    for node in &mut world.fleets[0].nodes {
        node.targets[1] = "unhealthy";
    }
    world.fleets[0].nodes[0].probes[1] = crate::core::inventory::ProbeReason::Refused;
    let mut model = fixture::model(80, 24);
    world::tell(&mut model, 0, &world);
    let open = model.causes.iter().find(|cause| cause.key.kind == FindingKind::FailOpen).unwrap();
    let with = open.with_it(model.findings()).join(", ");
    assert!(with.contains("1 failing a probe"), "{with}");
}

#[test]
fn the_node_screen_marks_what_contradicts() {
    let mut model = model(130, 60);
    let mut told = world::healthy(3);
    let node = &mut told.fleets[0].nodes[0];
    node.member = Some(("10.9.9.9".into(), "green-413".into()));
    node.targets[1] = "unhealthy";
    world::tell(&mut model, 0, &told);
    press(&mut model, "enter enter");
    let text = dump(&buffer(&model, THEME));
    for said in [
        "AWS_INSTANCE_IPV4=10.9.9.9, STACK=green-413",
        "! but EC2 says its address is 10.0.0.4",
        "! but the node's own STACK is blue-412",
        "! but our probe of loki says pass",
        "! but the load balancer says unhealthy (blue-412-loki)",
        "Target.FailedHealthChecks: Health checks failed",
        "http://10.0.0.4:3100/ready, status 200, 3 ms",
        "Fix: reregister (`quarterdeck reregister i-0",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // A node that no registry service has: that is an answer too.
    let node = &mut told.fleets[0].nodes[0];
    node.member = None;
    world::tell(&mut model, 5, &told);
    let text = dump(&buffer(&model, THEME));
    assert!(text.contains("no entry in a registry service"), "{text}");
    assert!(text.contains("! but its fleet is registered in glt"), "{text}");
}

/// Names are other people's: none moves the cursor or turns the line round, on any screen.
#[test]
fn hostile_names_are_only_text() {
    let evil = "a\u{1b}[2Jb\nc\u{202e}d\u{7}\u{9b}日本";
    let mut world = world::troubled(3);
    for fleet in &mut world.fleets {
        fleet.stack = format!("{evil}{}", fleet.stack).as_str().into();
        for node in &mut fleet.nodes {
            node.id = format!("{evil}{}", node.id).as_str().into();
            node.member = Some((evil.into(), evil.into()));
        }
        for activity in &mut fleet.activities {
            activity.group = format!("{}-asg", fleet.stack).as_str().into();
            activity.description = format!("Launching {evil}");
            activity.message = Some(evil.into());
        }
    }
    for (columns, rows) in [(80, 24), (200, 60), (20, 5)] {
        for (screen, keys) in SCREENS {
            let mut model = model(columns, rows);
            world::tell(&mut model, 0, &world::healthy(3));
            world::tell(&mut model, 5, &world);
            press(&mut model, keys);
            for cell in buffer(&model, THEME).content() {
                let bad = |c: char| c.is_control() || c == '\u{202e}';
                assert!(!cell.symbol().contains(bad), "{screen}: {:?}", cell.symbol());
            }
        }
    }
}

#[test]
fn every_screen_can_be_drawn_at_any_size() {
    for name in WORLDS {
        for (_, keys) in SCREENS {
            let mut model = told(name, 80, 24);
            press(&mut model, keys);
            for columns in (0..=30).chain([60, 79, 99, 100, 110, 131, 400]) {
                for rows in (0..=14).chain([60, 300]) {
                    model.size = crate::app::Size { columns, rows };
                    drop(buffer(&model, THEME));
                }
            }
        }
    }
}

/// Findings by the thousand are a few lines, and a frame builds only what is seen.
#[test]
fn thousands_of_findings_are_one_line() {
    let stack = StackId::from("blue-412");
    let findings = (1..=5_000).map(|number| {
        Finding::new(FindingKind::UnregisteredNode, at(0), "it is not registered")
            .stack(Some(&stack))
            .instance(&fixture::node_id("blue-412", number))
            .identified("")
    });
    let mut model = model(120, 40);
    let fleets = vec![fixture::fleet("blue-412", Role::Live, 3)];
    show(&mut model, 2, fixture::estate(fleets, findings.collect()));
    assert_eq!(model.causes.len(), 1);
    let text = dump(&buffer(&model, THEME));
    assert!(text.contains("! 5000 unregistered"), "{text}");
    press(&mut model, "F");
    let text = dump(&buffer(&model, THEME));
    assert!(text.contains("5000 nodes: unregistered"), "{text}");
    let shown = text.matches("it is not registered").count();
    assert!(shown > 10 && text.contains(&format!("… and {} more", 5_000 - shown)), "{text}");
}
