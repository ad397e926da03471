//! What stands between a key, or a piece of news, and the bytes of its frame, at 100, 1,000 and
//! 10,000 nodes: frames at 200×60 from the model to the bytes, and what the loop does with an
//! event before it can paint. Results stand in `benches/README.md`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should say where")]

use divan::Bencher;
use quarterdeck::app::{Event, EventKind, Input, Model, Place, Size, update};
use quarterdeck::config::{Environment, Flags, Settings, load};
use quarterdeck::core::estate::Policy;
use quarterdeck::core::joined::Joined;
use quarterdeck::core::reconcile::reconcile;
use quarterdeck::core::source::{Scope, SourceEvent};
use quarterdeck::engine::console::Operator;
use quarterdeck::sources::{Pace, demand};
use quarterdeck::tui::{Canvas, default_keymap};
use std::sync::Arc;

#[path = "../tests/it/reconcile/world.rs"]
#[expect(dead_code, reason = "the tests need more of it than the bench")]
mod world;

const NODES: [usize; 3] = [100, 1_000, 10_000];
const SIZE: Size = Size { columns: 200, rows: 60 };

fn main() {
    divan::main();
}

fn settings() -> Settings {
    load(
        &[("HOME", "/"), ("LANG", "C.UTF-8")].into_iter().collect::<Environment>(),
        &Flags::default(),
    )
    .unwrap()
}

/// Two fleets of half the nodes each, one of them sick: unregistered, and failing on one port.
fn events(nodes: usize) -> Vec<SourceEvent> {
    let mut world = world::sized(&[("blue", nodes / 2, 100), ("green", nodes / 2, 0)]);
    for (number, node) in world.fleets[0].nodes.iter_mut().enumerate() {
        if number % 2 == 0 {
            node.member = None;
        }
        node.targets.insert(3100, "unhealthy");
    }
    world.events()
}

fn take(model: &mut Model, kind: EventKind) {
    drop(update(model, Event::new(world::now(), kind)));
}

/// A console on such a world, joined, with these keys pressed.
fn model(nodes: usize, keys: &str) -> Model {
    let place = Place { region: Some("us-west-2".into()), probing: true, ..Place::default() };
    let keymap = Arc::new(default_keymap());
    let mut model = Model::new(place, keymap, SIZE, world::now());
    for event in events(nodes) {
        take(&mut model, EventKind::Source(event));
    }
    let estate = reconcile(&model.inventory, world::now(), &Policy::default());
    let (generation, as_of) = (model.generation, world::now());
    let joined = Some(Joined::new(None, estate, as_of));
    take(&mut model, EventKind::Reconciled { generation, as_of, joined });
    press(&mut model, keys);
    model
}

fn press(model: &mut Model, keys: &str) {
    for key in keys.split_whitespace() {
        take(model, EventKind::Input(Input::Chord(key.parse().unwrap())));
    }
}

/// A key that moves the selection, and the frame it asks for.
fn moving(bencher: Bencher<'_, '_>, nodes: usize, keys: &str, operator: Operator) {
    let mut model = model(nodes, keys);
    let mut canvas = Canvas::new(&settings());
    let mut down = true;
    bencher.bench_local(move || {
        press(&mut model, if down { "down" } else { "up" });
        down = !down;
        canvas.compose(&model, operator)
    });
}

#[divan::bench(args = NODES)]
fn fleets_move(bencher: Bencher<'_, '_>, nodes: usize) {
    moving(bencher, nodes, "", Operator::AtRest);
}

#[divan::bench(args = NODES)]
fn nodes_move(bencher: Bencher<'_, '_>, nodes: usize) {
    moving(bencher, nodes, "enter", Operator::AtRest);
}

#[divan::bench(args = NODES)]
fn nodes_whole_frame(bencher: Bencher<'_, '_>, nodes: usize) {
    let model = model(nodes, "enter");
    let mut canvas = Canvas::new(&settings());
    bencher.bench_local(move || {
        canvas.forget();
        canvas.compose(&model, Operator::AtRest)
    });
}

/// A letter more and a letter less in the filter of the nodes: every row is asked whether it
/// stays. Both keys and their frames.
#[divan::bench(args = NODES)]
fn nodes_filter_typed(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut model = model(nodes, "enter / l o k");
    let mut canvas = Canvas::new(&settings());
    bencher.bench_local(move || {
        press(&mut model, "i");
        let more = canvas.compose(&model, Operator::Moving);
        press(&mut model, "backspace");
        (more, canvas.compose(&model, Operator::Moving))
    });
}

#[divan::bench(args = NODES)]
fn nothing_changed(bencher: Bencher<'_, '_>, nodes: usize) {
    let model = model(nodes, "enter");
    let mut canvas = Canvas::new(&settings());
    canvas.compose(&model, Operator::AtRest);
    bencher.bench_local(move || canvas.compose(&model, Operator::AtRest));
}

/// One event, while a join holds the inventory as it was. Making it and taking apart what it
/// replaced is not measured: the loop does neither.
fn event(bencher: Bencher<'_, '_>, nodes: usize, kind: impl Fn(&Model) -> EventKind) {
    let model = std::cell::RefCell::new(model(nodes, ""));
    let input = || {
        let model = model.borrow();
        (kind(&model), Arc::clone(&model.inventory), model.estate.clone())
    };
    bencher.with_inputs(input).bench_local_values(|(kind, joining, shown)| {
        take(&mut model.borrow_mut(), kind);
        (joining, shown)
    });
}

fn is_probe(event: &SourceEvent) -> bool {
    matches!(event.scope, Scope::Probe(_))
}

#[divan::bench(args = NODES)]
fn news_of_a_probe(bencher: Bencher<'_, '_>, nodes: usize) {
    let news = events(nodes).into_iter().find(is_probe).unwrap();
    event(bencher, nodes, move |_| EventKind::Source(news.clone()));
}

#[divan::bench(args = NODES)]
fn news_of_a_group(bencher: Bencher<'_, '_>, nodes: usize) {
    let news = events(nodes).into_iter().find(|news| matches!(news.scope, Scope::Groups)).unwrap();
    event(bencher, nodes, move |_| EventKind::Source(news.clone()));
}

#[divan::bench(args = NODES)]
fn a_second_passes(bencher: Bencher<'_, '_>, nodes: usize) {
    event(bencher, nodes, |_| EventKind::Tick);
}

#[divan::bench(args = NODES)]
fn an_estate_comes(bencher: Bencher<'_, '_>, nodes: usize) {
    event(bencher, nodes, |model| EventKind::Reconciled {
        generation: model.generation,
        as_of: model.now,
        joined: model
            .estate
            .as_deref()
            .map(|estate| Joined::new(Some(estate), estate.clone(), model.now)),
    });
}

#[divan::bench(args = NODES)]
fn what_to_read(bencher: Bencher<'_, '_>, nodes: usize) {
    let (model, settings) = (model(nodes, ""), settings());
    bencher.bench_local(|| demand(&model.inventory, &settings, &Pace::default()));
}
