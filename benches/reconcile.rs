//! How long `reconcile` takes, and how long a snapshot and the difference of two estates take, at
//! 100, 1,000 and 10,000 nodes. Results stand in `benches/README.md`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should say where")]

use divan::Bencher;
use jiff::SignedDuration;
use quarterdeck::core::diff::diff;
use quarterdeck::core::estate::{Estate, Policy};
use quarterdeck::core::inventory::Inventory;
use quarterdeck::core::reconcile::{reconcile, reconcile_after};
use quarterdeck::core::source::Scope;

#[path = "../tests/it/reconcile/world.rs"]
#[expect(dead_code, reason = "the tests need more of it than the bench")]
mod world;

const NODES: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    divan::main();
}

/// Two fleets of half the nodes each, all registered, each in three target groups, all probed.
fn world(nodes: usize) -> world::World {
    world::sized(&[("blue", nodes / 2, 100), ("green", nodes / 2, 0)])
}

#[divan::bench(args = NODES)]
fn whole_estate(bencher: Bencher<'_, '_>, nodes: usize) {
    let inventory = world(nodes).inventory();
    bencher.bench(|| reconcile(&inventory, world::now(), &Policy::default()));
}

/// Of one node in ten the probes were read again.
#[divan::bench(args = NODES)]
fn estate_after_another(bencher: Bencher<'_, '_>, nodes: usize) {
    let (before, inventory) = one_second_on(nodes);
    let (now, policy) = (world::now(), Policy::default());
    bencher.bench(|| reconcile_after(&inventory, Some(&before), now, &policy));
}

#[divan::bench(args = NODES)]
fn difference_to_the_estate_before(bencher: Bencher<'_, '_>, nodes: usize) {
    let (before, inventory) = one_second_on(nodes);
    let after = reconcile_after(&inventory, Some(&before), world::now(), &Policy::default());
    bencher.bench(|| diff(&before, &after, world::now()));
}

/// An estate, and what is known when one node in ten has been probed again.
fn one_second_on(nodes: usize) -> (Estate, Inventory) {
    let world = world(nodes);
    let mut inventory = world.inventory();
    let before = reconcile(&inventory, world::now(), &Policy::default());
    let probes = world.events().into_iter().filter(|one| matches!(one.scope, Scope::Probe(_)));
    for mut event in probes.step_by(10) {
        event.observed_at += SignedDuration::from_secs(1);
        inventory.apply(event);
    }
    (before, inventory)
}

#[divan::bench(args = NODES)]
fn whole_estate_with_a_sick_fleet(bencher: Bencher<'_, '_>, nodes: usize) {
    let mut sick = world(nodes);
    for node in &mut sick.fleets[0].nodes {
        node.member = None;
        node.targets.insert(3100, "unhealthy");
    }
    let inventory = sick.inventory();
    bencher.bench(|| reconcile(&inventory, world::now(), &Policy::default()));
}

#[divan::bench(args = NODES)]
fn difference_of_two_estates(bencher: Bencher<'_, '_>, nodes: usize) {
    let before = reconcile(&world(nodes).inventory(), world::now(), &Policy::default());
    let mut changed = world(nodes);
    changed.fleets[0].nodes[0].member = None;
    let after = reconcile(&changed.inventory(), world::now(), &Policy::default());
    bencher.bench(|| diff(&before, &after, world::now()));
}

#[divan::bench(args = NODES)]
fn snapshot_of_the_inventory(bencher: Bencher<'_, '_>, nodes: usize) {
    let inventory = world(nodes).inventory();
    bencher.bench(|| inventory.clone());
}
