//! Where we are, on every screen and in every dialog; runs of another place; a fleet at a glance.

use super::screens::{SCREENS, WORLDS, told};
use super::{THEME, buffer, dump};
use crate::app::fixture::{self, at, feed, healthy, model, press, show};
use crate::app::operate::{Answer, Seen, Trouble};
use crate::app::{EventKind, Model, Place};
use crate::config::Frame;
use crate::tui::theme::{Palette, Theme};
use ratatui::style::Color;
use std::sync::Arc;

/// A console that knows who it is, with a run of this place or of another.
fn with_run(region: &str) -> Model {
    let mut model = model(120, 40);
    fixture::sources_ok(&mut model, 1);
    show(&mut model, 2, healthy());
    let mut run = fixture::run();
    run.plan.region = region.into();
    run.plan.account = "123456789012".into();
    let seen = Arc::new(Seen { run, alive: false });
    feed(&mut model, 3, EventKind::Operation(Answer::Run(seen)));
    model
}

#[test]
fn the_place_stands_on_every_screen_at_every_size() {
    for world in WORLDS {
        for (screen, keys) in SCREENS {
            if world == "empty" && keys.ends_with("enter") {
                continue;
            }
            for (columns, rows) in [(120, 40), (80, 24), (80, 9), (40, 8)] {
                let mut told = told(world, columns, rows);
                press(&mut told, keys);
                let frame = dump(&buffer(&told, THEME));
                let production = if rows < 10 { "PROD" } else { "PRODUCTION" };
                assert!(frame.contains("prod/us-west-2"), "{screen} {columns}x{rows}: {frame}");
                assert!(frame.contains(production), "{screen} {columns}x{rows}: {frame}");
            }
        }
    }
}

#[test]
fn every_dialog_names_the_place() {
    let place = "prod/us-west-2 123456789012 PRODUCTION";
    for keys in ["A", "R o", "R ctrl-x"] {
        let mut model = with_run("us-west-2");
        model.operation.allowed = true;
        model.operation.armed_until = Some(jiff::Timestamp::MAX);
        press(&mut model, keys);
        let frame = dump(&buffer(&model, THEME));
        assert!(model.layers.last().is_some(), "{keys}");
        let titles = frame.lines().filter(|line| line.contains(place)).count();
        assert!(titles >= 1, "{keys}: {frame}");
    }
}

#[test]
fn a_run_of_another_place_says_so_and_is_not_taken_up_from_here() {
    let mut own = with_run("us-west-2");
    press(&mut own, "R");
    let frame = dump(&buffer(&own, THEME));
    assert!(!frame.contains("OF us-west-2") && !frame.contains("not of what"), "{frame}");
    let mut other = with_run("eu-west-1");
    press(&mut other, "R");
    let frame = dump(&buffer(&other, THEME));
    assert!(frame.contains("OF eu-west-1 123456789012"), "{frame}");
    assert!(frame.contains("This run is of 123456789012 in eu-west-1"), "{frame}");
    // Its process has died: another would look at this place.
    press(&mut other, "o");
    assert!(other.layers.is_empty());
    let said = other.notices.current(other.now).unwrap().text.clone();
    assert!(said.ends_with("go to its context first."), "{said}");
    // Its fleets are not the ones that have the same names here.
    press(&mut other, "enter");
    let frame = dump(&buffer(&other, THEME));
    assert!(frame.contains("This run is of") && !frame.contains("API says"), "{frame}");
}

#[test]
fn what_cannot_be_connected_to_is_said_in_the_place_of_the_data() {
    let mut model = model(80, 24);
    let what = "AWS cannot be asked: no usable AWS credentials: run `aws sso login --profile x`.";
    let trouble = Trouble { what: what.into(), next: "It is tried again.".into() };
    feed(&mut model, 1, EventKind::Unconnected(trouble));
    let frame = dump(&buffer(&model, THEME));
    assert!(
        frame.contains("aws sso login --profile x") && frame.contains("tried again"),
        "{frame}"
    );
    feed(&mut model, 2, EventKind::Connected("us-west-2".into()));
    assert!(!dump(&buffer(&model, THEME)).contains("cannot be asked"));
}

#[test]
fn nothing_of_the_place_before_stays_but_the_runs_and_what_was_said() {
    let mut model = with_run("us-west-2");
    model.operation.allowed = true;
    press(&mut model, "A y enter m");
    assert!(model.operation.is_armed(model.now));
    let place = Place { context: Some("dev".into()), ..Place::default() };
    feed(&mut model, 5, EventKind::Entered { place: place.clone(), allowed: true });
    let mut fresh = fixture::model(120, 40);
    fresh = Model::new(place, Arc::clone(&fresh.keymap), fresh.size, at(5));
    fresh.looks = model.looks.clone();
    fresh.notices = model.notices.clone();
    fresh.operation.runs = model.operation.runs.clone();
    fresh.operation.allowed = true;
    fresh.operation.asked = 1;
    assert_eq!(model, fresh);
    assert_eq!(model.operation.runs.len(), 1);
}

#[test]
fn a_frame_has_its_contexts_colour_and_none_where_there_are_none() {
    let mut red = told("healthy", 80, 24);
    red.place.frame = Some(Frame::Red);
    let color = |theme: Theme| buffer(&red, theme.of_place(&red.place))[(40, 2)].fg;
    assert_eq!(color(Theme::of(true, false, true)), Color::Red);
    assert_eq!(color(Theme::of(false, false, true)), Color::Reset);
    let grey = Palette::sixteen().without_colors();
    assert_eq!(color(Theme { palette: grey, ..Theme::of(true, false, true) }), Color::Reset);
}

#[test]
fn a_fleet_at_a_glance_where_there_is_room() {
    let mut wide = told("healthy", 120, 40);
    let estate = wide.estate.as_deref().unwrap().clone();
    show(&mut wide, 70, estate);
    let frame = dump(&buffer(&wide, THEME));
    assert!(frame.contains(" healthy   ") && frame.contains("fewest"), "{frame}");
    assert!(frame.contains("Against blue-412: ") || frame.contains("As blue-412: "), "{frame}");
    let narrow = dump(&buffer(&told("healthy", 100, 40), THEME));
    assert!(!narrow.contains(" healthy   "), "{narrow}");
}
