//! Moving about: screens and the way back, order, filter, jumps, the palette, questions.

use super::*;
use crate::app::fixture::{
    at, estate, feed, fleet, healthy, model, node_id, press, show, troubled,
};
use crate::app::{
    Action, Answering, Column, Context, Dialog, Layer, Prompt, RowId, ScreenKind, Size, TextField,
};
use crate::core::estate::{Estate, Node, Role};
use crate::core::finding::FindingKind;
use crate::core::source::{Fragment, Scope};
use proptest::prelude::*;
use strum::IntoEnumIterator;

mod found;

/// A model on an estate, with sources that answer.
fn on(estate: Estate) -> Model {
    let mut model = model(80, 24);
    crate::app::fixture::sources_ok(&mut model, 1);
    show(&mut model, 1, estate);
    model
}

/// Types a text, a key a character.
fn types(model: &mut Model, text: &str) {
    for c in text.chars() {
        press(model, &Chord::plain(crate::app::Key::Char(c)).to_string());
    }
}

fn at_now() -> jiff::Timestamp {
    crate::app::fixture::at(2)
}

fn crumbs(model: &Model) -> String {
    let crumbs: Vec<_> = model.screens().iter().map(|screen| screen.kind.crumb()).collect();
    crumbs.join(" > ")
}

/// The rows by name, without the word for their kind.
fn rows(model: &Model) -> Vec<String> {
    let name = |row: &RowId| row.name().split(' ').next_back().unwrap_or_default().to_owned();
    model.screen().list.rows().iter().map(name).collect()
}

fn said(model: &Model) -> &str {
    model.notices.current(model.now).map_or("", |notice| notice.text.as_str())
}

fn prompt(model: &Model) -> &Prompt {
    match model.layers.last() {
        Some(Layer::Prompt(prompt)) => prompt,
        other => panic!("no prompt but {other:?}"),
    }
}

fn problem(model: &Model) -> (usize, &str) {
    let problem = prompt(model).problem.as_ref();
    problem.map_or((0, ""), |problem| (problem.at, problem.text.as_str()))
}

#[test]
fn the_way_in_is_the_way_back_and_every_screen_is_as_it_was_left() {
    let mut model = on(troubled());
    press(&mut model, "down enter > > down down");
    let nodes = model.screen().clone();
    press(&mut model, "enter down");
    let node = model.screen().clone();
    press(&mut model, "t S");
    let id = nodes.list.selected().map(RowId::name).unwrap();
    let id = id.trim_start_matches("node ");
    assert_eq!(crumbs(&model), format!("fleets > green-413 > {id} > traffic > sources"));
    press(&mut model, "backspace backspace");
    assert_eq!(*model.screen(), node);
    press(&mut model, "backspace");
    assert_eq!(*model.screen(), nodes);
    press(&mut model, "backspace backspace backspace");
    assert_eq!((crumbs(&model).as_str(), rows(&model).len()), ("fleets", 2), "home is not left");
}

#[test]
fn a_screen_on_the_way_here_is_gone_back_to() {
    let mut model = on(troubled());
    press(&mut model, "t S t");
    assert_eq!(crumbs(&model), "fleets > traffic");
    press(&mut model, "F T S t");
    assert_eq!(crumbs(&model), "fleets > traffic");
}

#[test]
fn the_way_back_is_bounded_and_leads_home() {
    let mut model = on(estate(vec![fleet("blue-412", Role::Live, 60)], Vec::new()));
    for number in 1..=60 {
        press(&mut model, "J");
        types(&mut model, node_id("blue-412", number).as_str());
        press(&mut model, "enter");
    }
    assert_eq!(model.screens().len(), 32);
    assert_eq!(model.screens()[0].kind, ScreenKind::Fleets);
    press(&mut model, &"backspace ".repeat(40));
    assert_eq!(crumbs(&model), "fleets");
}

#[test]
fn nodes_of_no_fleet_have_a_row_and_a_screen() {
    let mut world = healthy();
    let mut stray = Node::clone(world.nodes.values().next().unwrap());
    (stray.id, stray.stack_id) = ("i-0stray".into(), None);
    world.nodes.insert(stray.id.clone(), Arc::new(stray));
    let mut model = on(world);
    assert_eq!(model.screen().list.rows().last(), Some(&RowId::NoFleet));
    press(&mut model, "G enter");
    assert_eq!(
        (crumbs(&model).as_str(), rows(&model)),
        ("fleets > no fleet", vec!["i-0stray".into()])
    );
    show(&mut model, 2, healthy());
    assert_eq!(said(&model), "The node i-0stray is gone; nothing is selected.");
    press(&mut model, "backspace");
    assert_eq!(
        said(&model),
        "The row of the nodes without a fleet is gone; fleet green-413 is selected instead."
    );
}

#[test]
fn rows_lead_to_what_they_are_about() {
    let mut model = on(troubled());
    press(&mut model, "F");
    let kinds: Vec<_> = model.causes.iter().map(|cause| cause.key.kind).collect();
    assert_eq!(kinds, [FindingKind::BootRace, FindingKind::ProbeFailed]);
    press(&mut model, "enter");
    assert_eq!(crumbs(&model), "fleets > findings > green-413", "of a fleet");
    press(&mut model, "backspace down enter");
    let sick = node_id("green-413", 3);
    assert_eq!(crumbs(&model), format!("fleets > findings > {sick}"), "of a node");

    let mut model = on(healthy());
    show(&mut model, 5, troubled());
    press(&mut model, "T");
    let places: Vec<String> = (0..model.timeline.len())
        .map(|_| {
            press(&mut model, "enter");
            let here = crumbs(&model);
            press(&mut model, "backspace down");
            here
        })
        .collect();
    assert!(places.contains(&format!("fleets > timeline > {sick}")), "{places:?}");
    assert!(places.contains(&"fleets > timeline > green-413".to_owned()), "{places:?}");
}

#[test]
fn every_column_sorts_stably_both_ways_with_the_unknown_last() {
    let mut world = troubled();
    let id = node_id("green-413", 2);
    let node = Arc::make_mut(world.nodes.get_mut(&id).unwrap());
    (node.private_ip, node.zone, node.lifecycle) = (None, None, None);
    let mut model = on(world);
    press(&mut model, "down enter");
    let own = rows(&model);
    let columns = model.screen().kind.columns().len();
    for _ in 0..columns {
        press(&mut model, ">");
        let sort = model.screen().list.sort().unwrap().clone();
        let up = rows(&model);
        press(&mut model, "s");
        let down = rows(&model);
        if matches!(sort.by, Column::Ip | Column::Zone | Column::Lifecycle) {
            assert_eq!((up.last(), down.last()), (Some(&id.to_string()), Some(&id.to_string())));
        }
        if sort.by == Column::Instance {
            assert!(up.is_sorted() && down.iter().rev().is_sorted());
        }
        let mut again = up.clone();
        again.sort();
        assert_eq!(again, own, "{}: nothing is lost", sort.by);
        press(&mut model, "s");
        assert_eq!(rows(&model), up, "{}: as before", sort.by);
    }
    press(&mut model, ">");
    assert_eq!(
        (model.screen().list.sort(), rows(&model)),
        (None, own),
        "and their own order again"
    );
}

#[test]
fn addresses_sort_as_numbers_and_the_worst_comes_first() {
    let mut model = on(estate(vec![fleet("blue-412", Role::Live, 12)], Vec::new()));
    press(&mut model, "enter");
    press(&mut model, ":");
    types(&mut model, "sort ip");
    press(&mut model, "enter");
    assert!(model.layers.is_empty());
    let last = model.screen().list.rows().last().unwrap().clone();
    assert_eq!(last, RowId::Node(node_id("blue-412", 12)), "10.0.0.13 after 10.0.0.2");
    let mut model = on(troubled());
    press(&mut model, ":");
    types(&mut model, "sort find");
    press(&mut model, "enter");
    assert_eq!(rows(&model), ["green-413", "blue-412"]);
    for (line, first) in
        [("sort loki", "green-413"), ("sort 3100", "green-413"), ("sort role", "blue-412")]
    {
        press(&mut model, ":");
        types(&mut model, line);
        press(&mut model, "enter");
        assert_eq!(rows(&model)[0], first, "{line}");
    }
    press(&mut model, ":");
    types(&mut model, "sort nonsense");
    press(&mut model, "enter");
    assert!(problem(&model).1.starts_with("There is no column \"nonsense\"; there is stack, role"));
}

#[test]
fn a_filter_narrows_as_it_is_typed_and_the_selection_stays_where_it_can() {
    let mut model = on(troubled());
    press(&mut model, "down enter down down /");
    types(&mut model, "probe:loki");
    let sick = node_id("green-413", 3);
    assert_eq!(rows(&model), [sick.to_string()]);
    assert_eq!(model.screen().list.total(), 6);
    press(&mut model, "enter");
    assert!(model.layers.is_empty());
    assert_eq!(model.screen().list.filter().text(), "probe:loki");
    press(&mut model, "/");
    assert_eq!(prompt(&model).field.text(), "probe:loki", "a filter is taken up again");
    press(&mut model, "ctrl-u");
    types(&mut model, "-member:none -loki");
    assert_eq!(rows(&model), [node_id("green-413", 1).to_string()]);
    press(&mut model, "esc");
    assert_eq!((rows(&model).len(), model.screen().list.filter().is_empty()), (6, true));
    for (text, count) in [
        ("lifecycle:terminating", 1),
        ("az:2b", 2),
        ("ip:10.0.0.4", 1),
        ("10.0.0.", 6),
        ("finding:probe_failed", 1),
        ("severity:warning", 1),
        ("stack:blue", 0),
        ("target:unhealthy", 1),
        ("inserv 2c", 1),
    ] {
        press(&mut model, "/");
        types(&mut model, text);
        assert_eq!(rows(&model).len(), count, "{text}");
        press(&mut model, "esc");
    }
}

#[test]
fn a_filter_that_does_not_parse_is_marked_and_is_not_kept() {
    let mut model = on(troubled());
    press(&mut model, "/");
    types(&mut model, "blue \"");
    assert_eq!(problem(&model), (5, "this quote is never closed"));
    assert_eq!(rows(&model), ["blue-412"], "the last good filter holds");
    press(&mut model, "backspace");
    types(&mut model, "shack:x");
    let (at, text) = problem(&model);
    assert_eq!(at, 5);
    assert!(text.contains("no `shack:` here"), "{text}");
    press(&mut model, "enter");
    assert_eq!(problem(&model).0, 5, "it stays to be mended");
    press(&mut model, "ctrl-w ctrl-w ctrl-w enter");
    assert!(model.layers.is_empty());
    assert_eq!(model.screen().list.filter().text(), "blue ");
}

#[test]
fn a_row_that_a_filter_hides_after_news_is_not_called_gone() {
    let mut model = on(troubled());
    press(&mut model, "down enter /");
    types(&mut model, "probe:loki");
    press(&mut model, "enter");
    show(&mut model, 5, healthy());
    assert_eq!(
        said(&model),
        format!("The node {} is filtered out; nothing is selected.", node_id("green-413", 3))
    );
    press(&mut model, "enter");
    assert_eq!(said(&model), "There is nothing to open yet.");
    press(&mut model, "esc");
    assert_eq!(
        (crumbs(&model).as_str(), rows(&model).len()),
        ("fleets > green-413", 3),
        "first the filter goes"
    );
    press(&mut model, "esc");
    assert_eq!(crumbs(&model), "fleets");
}

#[test]
fn a_huge_paste_into_the_filter_is_cut_and_said() {
    let mut model = on(troubled());
    press(&mut model, "/");
    feed(&mut model, 2, EventKind::Input(Input::Paste("rm -rf / ".repeat(120_000))));
    assert_eq!(prompt(&model).field.text().chars().count(), 256);
    assert!(said(&model).contains("cut"), "{}", said(&model));
    assert!(problem(&model).1.contains("more than"), "{:?}", problem(&model));
    press(&mut model, "esc");
    assert_eq!(rows(&model).len(), 2);
}

#[test]
fn a_world_that_empties_while_a_row_is_selected_leaves_everything_usable() {
    let mut model = on(troubled());
    press(&mut model, "down enter down > /");
    types(&mut model, "i");
    press(&mut model, "enter enter");
    show(&mut model, 5, estate(Vec::new(), Vec::new()));
    let keys = "down up pagedown G g g enter > < s / x enter F enter T enter t enter S enter esc esc esc esc esc esc esc esc J x enter esc";
    for size in [(80, 24), (1, 1), (0, 0)] {
        let size = Size { columns: size.0, rows: size.1 };
        feed(&mut model, 6, EventKind::Input(Input::Resize(size)));
        press(&mut model, keys);
    }
    press(&mut model, "esc esc esc esc esc");
    assert_eq!((crumbs(&model).as_str(), rows(&model).len()), ("fleets", 0));
}

#[test]
fn a_question_is_answered_by_yes_or_by_its_name_and_else_given_up() {
    let mut model = on(healthy());
    let ask = |model: &mut Model, answer| {
        model.ask(Dialog {
            title: "Move all traffic to green-413".into(),
            lines: vec!["It takes 20 minutes.".into()],
            answer,
            then: Effect::PollNow,
        });
    };
    let pressed = |model: &mut Model, key: &str| {
        let event = EventKind::Input(Input::Chord(key.parse().unwrap()));
        update(model, Event::new(at_now(), event))
    };
    ask(&mut model, Answering::YesNo);
    assert_eq!(pressed(&mut model, "enter"), Effects::none(), "Enter alone says nothing");
    assert_eq!(pressed(&mut model, "down"), Effects::none());
    assert_eq!(pressed(&mut model, "y"), Effects::from(Effect::PollNow));
    assert!(model.layers.is_empty());
    let name = || Answering::TypeName { name: "green-413".into(), field: TextField::default() };
    ask(&mut model, name());
    for typed in ["", "green", "green-4133"] {
        types(&mut model, typed);
        assert_eq!(pressed(&mut model, "enter"), Effects::none(), "{typed}");
        assert_eq!(said(&model), "Type green-413 to go on, or leave.");
        press(&mut model, "ctrl-u");
    }
    types(&mut model, "green-413");
    assert_eq!(pressed(&mut model, "enter"), Effects::from(Effect::PollNow));
    ask(&mut model, name());
    types(&mut model, "yq?");
    press(&mut model, "esc");
    assert!(model.layers.is_empty());
}

#[test]
fn only_the_screen_that_is_seen_is_made_again() {
    let mut model = on(healthy());
    press(&mut model, "enter");
    let below = model.screens()[0].clone();
    show(&mut model, 5, troubled());
    feed(
        &mut model,
        6,
        crate::app::fixture::read(Scope::Groups, 6, Ok(Fragment::Groups(Vec::new()))),
    );
    assert_eq!(model.screens()[0], below);
    assert_eq!(rows(&model).len(), 6);
}

/// A run's screen opens on the step under way and goes along with it; an operator who looks at
/// another step stays there.
#[test]
fn the_screen_of_a_run_goes_along_with_its_steps() {
    use crate::app::operate::{Answer, Seen};
    let mut model = on(healthy());
    let at_step = |model: &mut Model, number| {
        let run = crate::core::run::Run { at_step: number, ..crate::app::fixture::run() };
        let seen = std::sync::Arc::new(Seen { run, alive: true });
        feed(model, 3, EventKind::Operation(Answer::Run(seen)));
        model.screen().list.selected().map(RowId::name).unwrap_or_default()
    };
    at_step(&mut model, None);
    press(&mut model, "R enter");
    assert_eq!(at_step(&mut model, None), "step 1");
    assert_eq!(at_step(&mut model, Some(2)), "step 2", "from the first row on");
    press(&mut model, "esc");
    at_step(&mut model, Some(3));
    press(&mut model, "enter");
    assert_eq!(at_step(&mut model, Some(3)), "step 3");
    assert_eq!(at_step(&mut model, Some(4)), "step 4");
    assert_eq!(at_step(&mut model, None), "step 4", "after the last one");
    press(&mut model, "up");
    assert_eq!(at_step(&mut model, Some(5)), "step 3");
    press(&mut model, "down down");
    assert_eq!(at_step(&mut model, Some(6)), "step 6");
}

/// What a run of ours writes is known before anybody sees that it has changed; a run of another place
/// says nothing about this one.
#[test]
fn what_a_run_writes_is_remembered_as_ours() {
    use crate::app::operate::{Answer, Seen};
    let told = |region: &str, sent: Option<jiff::Timestamp>| {
        let mut model = on(healthy());
        let mut run = crate::app::fixture::run();
        run.plan.region = region.into();
        run.steps.iter_mut().for_each(|of| of.sent = sent);
        let seen = std::sync::Arc::new(Seen { run, alive: true });
        feed(&mut model, 3, EventKind::Operation(Answer::Run(seen)));
        model.inventory.memory.own.len()
    };
    // Two listeners, written back unchanged and then in three steps.
    assert_eq!(told("us-west-2", Some(at(2))), 8);
    assert_eq!(told("us-west-2", None), 0, "nothing was sent yet");
    assert_eq!(told("eu-west-1", Some(at(2))), 0);
}

/// Fleets of some of these names.
fn worlds() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["amber", "blue", "cyan", "green", "red", "teal"], 0..=6)
}

proptest! {
    /// Whatever comes and goes, and however rows are sorted and filtered: the selection is among
    /// the rows wherever there are any, it never changes without a word, and it stays with its
    /// thing as long as that is to be seen.
    #[test]
    fn a_selection_is_always_a_row_and_never_moves_unsaid(
        steps in prop::collection::vec((worlds(), prop::sample::select(vec![
            "", "down", "up", "G", ">", "<", "s", "/ e", "/ e enter", "/ - b enter", "esc", "enter", "esc esc",
        ])), 1..12),
    ) {
        let mut model = on(healthy());
        for (second, (names, keys)) in (2..).zip(steps) {
            // A key takes the last notice off the line.
            press(&mut model, "x");
            let before = model.screen().list.selected().cloned();
            let kind = model.screen().kind.clone();
            let fleets = names.iter().map(|name| fleet(name, Role::Idle, 2)).collect();
            show(&mut model, second, estate(fleets, Vec::new()));
            let list = &model.screen().list;
            let is_row = list.selected().is_some_and(|it| list.rows().get(list.place()) == Some(it));
            prop_assert!(is_row || list.rows().is_empty() && list.selected().is_none());
            if let Some(before) = before.filter(|_| kind == model.screen().kind) {
                let stays = list.rows().contains(&before);
                prop_assert_eq!(stays, list.selected() == Some(&before));
                prop_assert!(stays || said(&model).contains(&before.name()), "{}", said(&model));
            }
            press(&mut model, keys);
        }
    }
}
