//! What the model does with other places: their rows, the way there, and that nothing acts on them.

use super::fixture::{alone, seen, tell, theirs, with_others};
use super::*;
use crate::app::fixture::{at, feed, healthy, press, show, sources_ok};
use crate::app::{Chord, Effect, Event, EventKind, Input, Layer, update};
use crate::core::estate::Capacity;

/// The rows as words: a fleet, `context/fleet`, `(context)`.
fn rows(model: &Model) -> Vec<String> {
    let word = |row: &RowId| match row {
        RowId::Fleet(stack) => stack.to_string(),
        RowId::Far(context, stack) => format!("{context}/{stack}"),
        RowId::Place(context) => format!("({})", context.as_deref().unwrap_or("here")),
        other => other.name(),
    };
    model.screen().list.rows().iter().map(word).collect()
}

fn said(model: &Model) -> &str {
    model.notices.current(model.now).map_or("", |notice| notice.text.as_str())
}

/// Presses one key; what it is to bring about.
fn key(model: &mut Model, key: &str) -> Vec<Effect> {
    let chord: Chord = key.parse().unwrap();
    let event = Event::new(model.now, EventKind::Input(Input::Chord(chord)));
    update(model, event).into_iter().collect()
}

fn types(model: &mut Model, text: &str) {
    for c in text.chars() {
        press(model, &Chord::plain(crate::app::Key::Char(c)).to_string());
    }
}

#[test]
fn the_fleets_of_others_stand_below_ones_own_and_count_as_none_of_ones_own() {
    let mut model = with_others(80, 24);
    assert_eq!(
        rows(&model),
        [
            "blue-412",
            "green-413",
            "east/amber-7",
            "east/blue-412",
            "(apac)",
            "apac/blue-412",
            "apac/green-413"
        ]
    );
    assert!(model.causes.is_empty() && model.findings().is_empty(), "its trouble is not ours");
    assert_eq!(model.estate.as_ref().unwrap().fleets.len(), 2);
    for (filter, left) in [
        ("context:east", &["east/amber-7", "east/blue-412"][..]),
        ("context:prod", &["blue-412", "green-413"]),
        ("region:us-west-2 role:live", &["blue-412"]),
        ("region:eu-west-1 role:live", &["east/amber-7"]),
        ("stack:blue finding:unregistered", &["east/blue-412"]),
        ("context:apac role:unknown", &["apac/blue-412", "apac/green-413"]),
    ] {
        press(&mut model, "/");
        types(&mut model, filter);
        press(&mut model, "enter");
        assert_eq!(rows(&model), left, "{filter}");
        assert_eq!(model.screen().list.total(), 7);
        press(&mut model, "esc");
    }
    for (column, first) in
        [("finding", "east/blue-412"), ("place", "(apac)"), ("members", "east/blue-412")]
    {
        press(&mut model, ":");
        types(&mut model, &format!("sort {column}"));
        press(&mut model, "enter");
        assert_eq!(rows(&model)[0], first, "{column}");
    }
}

#[test]
fn a_place_is_unread_first_and_hides_nothing_and_a_late_word_is_nobodys() {
    let mut model = alone(80, 24);
    tell(&mut model, 1, seen("east", (1, 1), theirs(), None));
    // Nothing is known of this place, and the other stands there nevertheless.
    assert_eq!(rows(&model), ["(here)", "east/amber-7", "east/blue-412", "(apac)"]);
    assert_eq!(find(&model, "apac").unwrap().standing, Standing::Waiting);
    sources_ok(&mut model, 2);
    show(&mut model, 2, healthy());
    assert_eq!(rows(&model)[..3], ["blue-412", "green-413", "east/amber-7"]);
    assert_eq!(model.screen().list.selected(), Some(&RowId::Fleet("blue-412".into())));
    assert_eq!(said(&model), "", "that this place is there needs no word");
    tell(&mut model, 3, seen("void", (3, 3), theirs(), None));
    assert_eq!(model.elsewhere.len(), 2, "one that is not shown here");
    // A fleet that vanishes there is said, as one's own is.
    press(&mut model, "G up up");
    let selected = model.screen().list.selected().cloned().unwrap();
    assert_eq!(selected.name(), "fleet amber-7 of east");
    let mut fewer = seen("east", (4, 4), theirs(), None);
    fewer.fleets.remove(&StackId::from("amber-7"));
    tell(&mut model, 4, fewer);
    assert!(said(&model).starts_with("The fleet amber-7 of east is gone;"), "{}", said(&model));
}

#[test]
fn what_cannot_be_read_is_said_with_its_age_and_is_never_well() {
    let model = with_others(80, 24);
    let apac = find(&model, "apac").unwrap();
    let Standing::Lacking(lacking) = &apac.standing else { panic!("{:?}", apac.standing) };
    assert_eq!(lacking.state, SourceState::Failed(ErrorKind::Unreachable));
    assert_eq!(lacking.observed_at, Some(at(1)), "when it was last read");
    assert!(lacking.sources.contains(&Source::AutoScaling) && lacking.error.is_some());
    assert!(apac.has_a_word());
    for far in apac.fleets.values() {
        assert!(!far.unknowns().is_empty(), "{far:?}");
    }
    let east = find(&model, "east").unwrap();
    assert_eq!((&east.standing, east.has_a_word()), (&Standing::Current, false));
    // A place without any fleet says that.
    let none = seen("east", (1, 2), crate::app::fixture::estate(vec![], vec![]), None);
    assert!(none.standing == Standing::Current && none.has_a_word());
    let mut old = theirs();
    old.whole = false;
    assert_eq!(seen("east", (1, 2), old, None).standing, Standing::Waiting);
    let stale = seen("east", (1, 60), theirs(), None);
    assert!(matches!(&stale.standing, Standing::Lacking(it) if it.state == SourceState::Stale));
}

#[test]
fn a_place_that_is_not_heard_of_any_more_is_unknown() {
    let mut model = with_others(80, 24);
    feed(&mut model, 62, EventKind::Tick);
    assert_eq!(find(&model, "east").unwrap().standing, Standing::Current, "twice as long at most");
    feed(&mut model, 63, EventKind::Tick);
    assert_eq!(find(&model, "east").unwrap().standing, Standing::Silent);
    assert!(rows(&model).contains(&"(east)".to_owned()));
    let amber = fleet(&model, "east", &"amber-7".into()).unwrap();
    assert_eq!((amber.fleet.role, amber.fleet.traffic_share), (Role::Unknown, None));
    assert!(amber.fleet.targets.iter().all(|target| target.capacity.is_none()));
    assert!(amber.fleet.probes.iter().all(|probe| probe.pass == 0 && probe.unknown > 0));
    assert!(!amber.groups_are_current && amber.fleet.members.is_none());
    tell(&mut model, 64, seen("east", (64, 64), theirs(), None));
    assert!(!rows(&model).contains(&"(east)".to_owned()), "it is there again");
}

#[test]
fn what_only_grows_older_is_the_same_and_what_is_told_does_not_grow_with_the_nodes() {
    let first = seen("east", (1, 2), theirs(), None);
    let later = seen("east", (5, 6), theirs(), None);
    assert!(later.looks_as(&first) && later != first);
    let mut worse = theirs();
    let blue = worse.fleets.get_mut(&StackId::from("blue-412")).unwrap();
    blue.targets[0].capacity = Some(Capacity { registered: 2, healthy: 1, ..Capacity::default() });
    assert!(!seen("east", (5, 6), worse, None).looks_as(&first));
    let of = |nodes| {
        let one = crate::app::fixture::fleet("amber-7", Role::Live, nodes);
        let seen = seen("east", (1, 2), crate::app::fixture::estate(vec![one], vec![]), None);
        serde_json::to_string(&seen).unwrap().len()
    };
    assert!(of(9_000) < of(3) + 100, "{} {}", of(9_000), of(3));
}

#[test]
fn enter_goes_there_and_selects_the_fleet_once_it_is_seen() {
    let mut model = with_others(80, 24);
    press(&mut model, "down down down");
    assert_eq!(key(&mut model, "enter"), [Effect::Enter("east".into())]);
    assert_eq!(said(&model), "Going to east.");
    let place = crate::app::Place { context: Some("east".into()), ..model.place.clone() };
    feed(&mut model, 11, EventKind::Entered { place, allowed: true });
    let mut half = theirs();
    half.whole = false;
    half.fleets.remove(&StackId::from("blue-412"));
    show(&mut model, 12, half);
    assert_eq!(model.screen().list.selected().unwrap().name(), "fleet amber-7");
    show(&mut model, 13, theirs());
    assert_eq!(model.screen().list.selected(), Some(&RowId::Fleet("blue-412".into())));
    // Once is enough: whoever walks on is not brought back.
    press(&mut model, "up");
    show(&mut model, 14, theirs());
    assert_eq!(model.screen().list.selected(), Some(&RowId::Fleet("amber-7".into())));
}

#[test]
fn who_looks_elsewhere_meanwhile_is_not_led_away_and_a_fleet_that_is_gone_is_said() {
    let there = |model: &mut Model| {
        press(model, "down down down");
        assert_eq!(key(model, "enter"), [Effect::Enter("east".into())]);
        let place = crate::app::Place { context: Some("east".into()), ..model.place.clone() };
        feed(model, 11, EventKind::Entered { place, allowed: true });
    };
    let mut model = with_others(80, 24);
    there(&mut model);
    press(&mut model, "down");
    show(&mut model, 12, theirs());
    assert_eq!(model.screen().list.selected(), Some(&RowId::Fleet("amber-7".into())));
    let mut model = with_others(80, 24);
    there(&mut model);
    show(&mut model, 12, healthy_without_blue());
    assert_eq!(said(&model), "The fleet blue-412 is not here any more.");
    // Not gone there at all: the next that is gone to is another matter.
    let mut model = with_others(80, 24);
    press(&mut model, "down down down enter");
    let trouble = Trouble { what: "No.".into(), next: "Stay.".into() };
    feed(&mut model, 11, EventKind::NotEntered(trouble));
    assert_eq!(model.bound_for, None);
}

fn healthy_without_blue() -> Estate {
    let mut estate = healthy();
    estate.fleets.remove(&StackId::from("blue-412"));
    estate
}

#[test]
fn whatever_acts_is_refused_on_the_row_of_another_place() {
    // The fleet of the same name is ours: nothing may be taken for it.
    for row in [3, 4] {
        for pressed in ["f", "c"] {
            let mut model = with_others(80, 24);
            model.operation.allowed = true;
            press(&mut model, "A y");
            press(&mut model, &"down ".repeat(row));
            let before = model.screen().list.selected().cloned();
            assert_eq!(key(&mut model, pressed), [], "{pressed}");
            assert!(model.layers.is_empty() && model.operation.marks.is_empty(), "{pressed}");
            let context = if row == 3 { "east" } else { "apac" };
            let next = format!("go there first with `:context {context}`.");
            assert!(said(&model).ends_with(&next), "{pressed}: {}", said(&model));
            assert_eq!(model.screen().list.selected().cloned(), before, "{pressed}");
        }
        for line in ["drain", "cutover", "repair", "reregister", "note all well"] {
            let mut model = with_others(80, 24);
            press(&mut model, &"down ".repeat(row));
            press(&mut model, ":");
            types(&mut model, line);
            assert_eq!(key(&mut model, "enter"), [], "{line}");
            let problem = match model.layers.last() {
                Some(Layer::Prompt(prompt)) => prompt.problem.as_ref().map(|it| it.text.clone()),
                _ => Some(said(&model).to_owned()),
            };
            let problem = problem.unwrap_or_default();
            assert!(problem.contains("of another place"), "{line}: {problem}");
        }
    }
    // What is named is meant, wherever the selection is.
    let mut model = with_others(80, 24);
    press(&mut model, "down down down :");
    types(&mut model, "repair green-413");
    assert!(matches!(key(&mut model, "enter")[..], [Effect::Plan { .. }]));
}

#[test]
fn a_jump_finds_the_fleets_of_others_and_never_guesses_between_two_of_one_name() {
    let mut model = with_others(80, 24);
    press(&mut model, "J");
    types(&mut model, "amber");
    assert_eq!(key(&mut model, "enter"), [Effect::Enter("east".into())]);
    let mut model = with_others(80, 24);
    press(&mut model, ":");
    types(&mut model, "fleet amber");
    assert_eq!(key(&mut model, "enter"), [Effect::Enter("east".into())]);
    let mut model = with_others(80, 24);
    press(&mut model, "J");
    types(&mut model, "blue-412");
    assert_eq!(key(&mut model, "enter"), []);
    let Some(Layer::Prompt(prompt)) = model.layers.last() else { panic!("no prompt") };
    assert_eq!(prompt.matches, 3);
    assert_eq!(prompt.choices[1].doc, "fleet of another place: east, idle");
    press(&mut model, "down");
    assert_eq!(key(&mut model, "enter"), [Effect::Enter("east".into())]);
}

#[test]
fn a_recording_goes_nowhere() {
    let mut model = with_others(80, 24);
    model.replay = Some(crate::app::replay::Replay::new((at(0), at(60))));
    press(&mut model, "down down");
    assert_eq!(key(&mut model, "enter"), []);
    assert_eq!(said(&model), "This is a recording: east cannot be gone to from here.");
}
