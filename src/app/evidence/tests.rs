//! Evidence to the letter, and what must never be in it.

use super::*;
use crate::app::fixture::{self, at, feed, press, show};
use crate::app::{EventKind, operate};
use crate::core::error::ErrorKind;
use std::sync::Arc;

fn console() -> Model {
    let mut model = fixture::model(80, 24);
    model.desk.by = "ana@bastion".into();
    fixture::sources_ok(&mut model, 1);
    show(&mut model, 2, fixture::healthy());
    show(&mut model, 3, fixture::troubled());
    let seen = operate::Seen { run: fixture::run(), alive: true };
    feed(&mut model, 4, EventKind::Operation(operate::Answer::Run(Arc::new(seen))));
    model
}

#[test]
fn evidence_says_what_is_known() {
    let mut model = console();
    press(
        &mut model,
        "F j : s n o o z e space 1 h space d i s k enter n c a l l e d enter T b esc",
    );
    insta::assert_snapshot!("evidence", evidence(&model));
    assert_eq!(name(&model), "evidence-20261118T110644Z-prod.md");
}

#[test]
fn of_nothing_it_says_that_nothing_is_known() {
    let model = fixture::model(80, 24);
    insta::assert_snapshot!("evidence_of_nothing", evidence(&model));
}

/// Whatever says it: a name, a finding, an error of a source, an operator.
#[test]
fn no_secret_is_in_it_and_nothing_breaks_the_document() {
    let mut model = console();
    let key = "AKIAIOSFODNN7EXAMPLE";
    let hook = "https://hooks.slack.com/services/T0/B0/letmein";
    let mut world = fixture::troubled();
    world.findings[0].summary = format!("x | y\n```\n# {key} {hook} http://op:letmein@proxy:1/");
    let id = fixture::node_id("green-413", 3);
    let node = Arc::make_mut(world.nodes.get_mut(&id).unwrap());
    Arc::make_mut(&mut node.probes[1].outcome).detail = "token=letmein".into();
    node.group = Some("$(letmein)".into());
    show(&mut model, 5, world);
    fixture::sources_fail(&mut model, 6, ErrorKind::Denied);
    press(&mut model, ": n o t e space p a s s w o r d = l e t m e i n enter");
    model.place.endpoint = Some("http://op:letmein@127.0.0.1:5000".into());
    let text = evidence(&model);
    assert!(!text.contains(key) && !text.contains("T0/B0"), "{text}");
    let left: Vec<&str> = text.lines().filter(|line| line.contains("letmein")).collect();
    let quoted = |line: &&str| line.contains("'$(letmein)'") || line.starts_with("# ");
    assert!(left.iter().all(quoted), "{left:#?}");
    assert_eq!(text.matches("```").count() % 2, 0);
    assert!(model.now == at(6) && text.contains("FAILED: denied"));
}
