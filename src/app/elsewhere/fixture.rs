//! A console that shows other places too, for tests of what is done with them and how they are drawn.

use super::Elsewhere;
use crate::app::fixture::{at, estate, feed, fleet, healthy, model, show, sources_ok};
use crate::app::{EventKind, Model, Place};
use crate::config::ContextLine;
use crate::core::error::ErrorKind;
use crate::core::estate::{Estate, Role};
use crate::core::finding::{Finding, FindingKind};
use crate::core::joined::Joined;
use std::sync::Arc;
use std::time::Duration;

/// A console that shows `east` and `apac` too, and has heard of neither.
pub(crate) fn alone(columns: u16, rows: u16) -> Model {
    let plain = model(columns, rows);
    let line = |name: &str| ContextLine { name: name.into(), about: String::new() };
    let place = Place {
        also: ["east", "apac"].map(str::to_owned).into(),
        contexts: ["apac", "dev", "east", "prod"].map(line).into(),
        ..plain.place
    };
    let mut model = Model::new(place, Arc::clone(&plain.keymap), plain.size, at(0));
    model.looks = plain.looks;
    model
}

/// The fleets of another place: one of them has the name of one of ours.
pub(crate) fn theirs() -> Estate {
    let kind = FindingKind::UnregisteredNode;
    let finding = Finding::new(kind, at(0), "i-0a1 of blue-412 is not in glt");
    let finding = Finding { stack_id: Some("blue-412".into()), ..finding };
    let fleets = vec![fleet("amber-7", Role::Live, 3), fleet("blue-412", Role::Idle, 2)];
    estate(fleets, vec![finding])
}

/// What is seen of a place whose fleets are these, all read at a second, or failing so since then.
pub(crate) fn seen(
    context: &str,
    (second, now): (i64, i64),
    fleets: Estate,
    failing: Option<ErrorKind>,
) -> Elsewhere {
    let mut there = model(80, 24);
    sources_ok(&mut there, second);
    show(&mut there, second, fleets);
    if let Some(kind) = failing {
        crate::app::fixture::sources_fail(&mut there, now, kind);
    }
    let region = Some("eu-west-1".to_owned());
    let every = Duration::from_secs(30);
    let mut seen = Elsewhere { region, every, ..Elsewhere::unread(context, at(now)) };
    let estate = there.estate.as_deref().unwrap().clone();
    seen.see(&there.inventory, &Joined::new(None, estate, at(second)), at(now));
    seen
}

/// Tells a console what is seen.
pub(crate) fn tell(model: &mut Model, second: i64, seen: Elsewhere) {
    feed(model, second, EventKind::Elsewhere(Box::new(seen)));
}

/// A console with two fleets here and two in `east`, one of them not well; `apac` cannot be reached.
pub(crate) fn with_others(columns: u16, rows: u16) -> Model {
    let mut model = alone(columns, rows);
    sources_ok(&mut model, 1);
    show(&mut model, 2, healthy());
    tell(&mut model, 2, seen("east", (1, 2), theirs(), None));
    let lost = seen("apac", (1, 9), crate::app::fixture::unknown(), Some(ErrorKind::Unreachable));
    tell(&mut model, 9, lost);
    feed(&mut model, 10, EventKind::Tick);
    model
}
