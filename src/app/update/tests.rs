//! (model, keys, expected) through the real `update`, and what each event asks for.

use super::*;
use crate::app::fixture::{
    at, estate, feed, fleet, healthy, model, node_id, press, read, show, sources_fail, sources_ok,
    troubled,
};
use crate::app::{Layer, RowId, ScreenKind, Size, SourceState};
use crate::core::error::ErrorKind;
use crate::core::estate::Role;
use crate::core::ids::InstanceId;
use crate::core::inventory::Inventory;
use crate::core::joined::Joined;
use crate::core::source::Fragment;

fn selected_fleet(model: &Model) -> Option<&str> {
    match model.screens()[0].list.selected() {
        Some(RowId::Fleet(stack)) => Some(stack.as_str()),
        _ => None,
    }
}

fn selected_node(model: &Model) -> Option<&InstanceId> {
    match model.screen().list.selected() {
        Some(RowId::Node(id)) => Some(id),
        _ => None,
    }
}

fn said(model: &Model) -> Option<&str> {
    model.notices.current(model.now).map(|notice| notice.text.as_str())
}

fn effects_of(model: &mut Model, key: &str) -> Effects {
    let kind = EventKind::Input(Input::Chord(key.parse().unwrap()));
    update(model, Event::new(model.now, kind))
}

#[test]
fn every_key_of_the_default_keymap_means_what_it_says() {
    let mut fleets = model(80, 24);
    show(&mut fleets, 1, healthy());
    for (key, effect) in [
        ("q", Effect::Quit(Ending::Quit)),
        ("ctrl-c", Effect::Quit(Ending::Quit)),
        ("ctrl-z", Effect::Suspend),
        ("ctrl-l", Effect::Repaint),
        ("r", Effect::PollNow),
    ] {
        assert_eq!(effects_of(&mut fleets, key), Effects::from(effect), "{key}");
    }
    for (keys, expected) in [
        ("down", "green-413"),
        ("up", "blue-412"),
        ("j", "green-413"),
        ("k", "blue-412"),
        ("end", "green-413"),
        ("home", "blue-412"),
        ("G", "green-413"),
        ("g g", "blue-412"),
        ("pagedown", "green-413"),
        ("pageup", "blue-412"),
        ("ctrl-d", "green-413"),
        ("ctrl-u", "blue-412"),
    ] {
        press(&mut fleets, keys);
        assert_eq!(selected_fleet(&fleets), Some(expected), "{keys}");
    }
    for (there, back) in [("enter", "esc"), ("right", "left"), ("enter", "backspace")] {
        press(&mut fleets, there);
        assert!(matches!(fleets.screen().kind, ScreenKind::Nodes(_)), "{there}");
        press(&mut fleets, back);
        assert_eq!(fleets.screens().len(), 1, "{back}");
    }
    for (open, close) in [("?", "esc"), ("f1", "q"), ("?", "?"), ("m", "esc")] {
        press(&mut fleets, open);
        assert_eq!(fleets.layers.len(), 1, "{open}");
        press(&mut fleets, close);
        assert_eq!(fleets.layers.len(), 0, "{close}");
    }
}

#[test]
fn a_selection_stays_with_its_fleet_whatever_comes_and_goes() {
    let mut model = model(80, 24);
    show(&mut model, 1, healthy());
    press(&mut model, "down");
    let more = ["amber-1", "blue-412", "green-413"];
    let three = more.map(|name| fleet(name, Role::Idle, 1)).into();
    show(&mut model, 2, estate(three, Vec::new()));
    assert_eq!(selected_fleet(&model), Some("green-413"));
    assert_eq!(said(&model), None);

    let two = ["amber-1", "blue-412"].map(|name| fleet(name, Role::Idle, 1)).into();
    show(&mut model, 3, estate(two, Vec::new()));
    assert_eq!(selected_fleet(&model), Some("blue-412"));
    assert_eq!(
        said(&model),
        Some("The fleet green-413 is gone; fleet blue-412 is selected instead.")
    );

    show(&mut model, 4, estate(Vec::new(), Vec::new()));
    assert_eq!(selected_fleet(&model), None);
    assert_eq!(said(&model), Some("The fleet blue-412 is gone; nothing is selected."));
    press(&mut model, "enter");
    assert_eq!(model.screens().len(), 1, "there is nothing to open");
}

#[test]
fn a_node_that_vanishes_is_named_and_the_fleet_stays_open() {
    let mut model = model(80, 24);
    show(&mut model, 1, healthy());
    press(&mut model, "enter down down");
    assert_eq!(selected_node(&model), Some(&node_id("blue-412", 3)));
    let (mut blue, mut nodes) = fleet("blue-412", Role::Live, 3);
    let gone = blue.nodes.pop().unwrap();
    nodes.pop();
    show(&mut model, 2, estate(vec![(blue, nodes)], Vec::new()));
    assert_eq!(selected_node(&model), Some(&node_id("blue-412", 2)));
    assert!(said(&model).unwrap().contains(gone.as_str()));

    show(&mut model, 3, estate(Vec::new(), Vec::new()));
    assert_eq!(model.screens().len(), 2, "nobody is thrown out of a screen");
    assert_eq!(selected_node(&model), None);
}

#[test]
fn sequences_wait_show_nothing_wrong_and_can_be_cancelled() {
    let mut model = model(80, 24);
    show(&mut model, 1, healthy());
    press(&mut model, "down g");
    assert_eq!(model.pending.len(), 1);
    press(&mut model, "q");
    assert_eq!(model.pending.len(), 0);
    assert_eq!(effects_of(&mut model, "q"), Effects::from(Effect::Quit(Ending::Quit)));
    assert_eq!(selected_fleet(&model), Some("green-413"), "the sequence was given up");
}

#[test]
fn a_layer_takes_the_keys_of_the_screen_below() {
    let mut model = model(80, 24);
    show(&mut model, 1, healthy());
    press(&mut model, "? down");
    assert_eq!(model.layers, [Layer::Help { scroll: 1 }]);
    assert_eq!(selected_fleet(&model), Some("blue-412"));
    press(&mut model, "G G enter");
    let lines = model.keymap.help(&model.screen_contexts()).len();
    assert_eq!(model.layers, [Layer::Help { scroll: lines - 1 }], "no further than the last line");
    press(&mut model, "m ?");
    assert_eq!(model.layers.len(), 1, "? in a layer closes it");
}

#[test]
fn news_is_kept_joined_and_read_further() {
    let mut model = model(80, 24);
    let groups = read(Scope::Groups, 1, Ok(Fragment::Groups(Vec::new())));
    let effects = update(&mut model, Event::new(at(1), groups));
    assert_eq!(effects, Effects::from([Effect::Want, Effect::Reconcile]));
    let probe = Scope::Probe(InstanceId::from("i-1"));
    let probed = read(probe, 1, Ok(Fragment::Probes(Vec::new())));
    let effects = update(&mut model, Event::new(at(1), probed));
    assert_eq!(effects, Effects::from(Effect::Reconcile), "a probe shows nothing new to read");
    assert_eq!(model.generation, 2);
}

#[test]
fn time_alone_makes_things_stale_so_time_alone_reconciles() {
    let mut model = model(80, 24);
    let tick = |model: &mut Model, second| update(model, Event::new(at(second), EventKind::Tick));
    assert_eq!(tick(&mut model, 60), Effects::none(), "there is nothing to join yet");
    sources_ok(&mut model, 60);
    show(&mut model, 60, healthy());
    assert_eq!(tick(&mut model, 64), Effects::none());
    assert_eq!(tick(&mut model, 65), Effects::from(Effect::Reconcile));
    feed(&mut model, 100, EventKind::Tick);
    assert!(model.sources.iter().all(|line| line.state == SourceState::Stale));
}

#[test]
fn failing_sources_leave_the_estate_standing() {
    let mut model = model(80, 24);
    sources_ok(&mut model, 1);
    show(&mut model, 1, troubled());
    sources_fail(&mut model, 20, ErrorKind::Unreachable);
    assert_eq!(model.screen().list.rows().len(), 2);
    let failed = SourceState::Failed(ErrorKind::Unreachable);
    assert_eq!(model.sources.iter().filter(|line| line.state == failed).count(), 4);
}

#[test]
fn signals_end_stop_and_repaint() {
    let mut model = model(80, 24);
    for (signal, effects) in [
        (Signal::Interrupt, Effect::Quit(Ending::Interrupted).into()),
        (Signal::Terminate, Effect::Quit(Ending::Terminated).into()),
        (Signal::HangUp, Effect::Quit(Ending::HungUp).into()),
        (Signal::Suspend, Effect::Suspend.into()),
        (Signal::Continue, Effects::from([Effect::Resume, Effect::Repaint])),
    ] {
        let event = Event::new(at(1), EventKind::Signal(signal));
        assert_eq!(update(&mut model, event), effects);
    }
}

#[test]
fn notices_go_by_time_and_by_key() {
    let mut model = model(80, 24);
    press(&mut model, "x");
    assert_eq!(said(&model), Some("x does nothing here."));
    feed(&mut model, 10, EventKind::Tick);
    assert_eq!(said(&model), None);
    press(&mut model, "x down");
    assert_eq!(said(&model), None);
    let paste = EventKind::Input(Input::Paste("rm -rf\n".repeat(1000)));
    feed(&mut model, 11, paste);
    assert_eq!(said(&model), Some("There is no text field to paste into here."));
}

#[test]
fn a_resize_is_kept() {
    let mut model = model(80, 24);
    let size = Size { columns: 1, rows: 1 };
    feed(&mut model, 1, EventKind::Input(Input::Resize(size)));
    assert_eq!(model.size, size);
    press(&mut model, "pagedown pageup");
}

/// A recording keeps of a join its generation and its time only; a replay joins again. It must end
/// in the same model.
#[test]
fn a_recording_replays_exactly() {
    let join = |inventory: &Inventory| {
        if inventory.groups.error().is_some() { troubled() } else { healthy() }
    };
    let key = |key: &str| EventKind::Input(Input::Chord(key.parse().unwrap()));
    let joined =
        |generation, second| EventKind::Reconciled { generation, as_of: at(second), joined: None };
    let script = [
        read(Scope::Groups, 1, Ok(Fragment::Groups(Vec::new()))),
        joined(1, 1),
        key("down"),
        key("enter"),
        key("G"),
        read(Scope::Groups, 5, Err(ErrorKind::Throttled)),
        joined(2, 5),
        EventKind::Tick,
        key("g"),
        key("?"),
        EventKind::Input(Input::Resize(Size { columns: 120, rows: 40 })),
    ];
    let run = |events: Vec<Event>| {
        let mut model = model(80, 24);
        for mut event in events {
            if let EventKind::Reconciled { joined, as_of, .. } = &mut event.kind {
                let estate = join(&model.inventory);
                *joined = Some(Joined::new(model.estate.as_deref(), estate, *as_of));
            }
            drop(update(&mut model, event));
        }
        model
    };
    let events: Vec<_> =
        (1..).zip(script).map(|(second, kind)| Event::new(at(second), kind)).collect();
    let recording: Vec<String> =
        events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    let replayed = recording.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let live = run(events);
    assert_eq!(selected_node(&live), Some(&node_id("green-413", 3)));
    assert_eq!(run(replayed), live);
}
