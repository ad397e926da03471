//! How long `reconcile` takes, and how long a snapshot and the difference of two estates take, at
//! 100, 1,000 and 10,000 nodes. Results stand in `benches/README.md`.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on should say where")]

use divan::Bencher;
use quarterdeck::core::diff::diff;
use quarterdeck::core::estate::Policy;
use quarterdeck::core::reconcile::reconcile;

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
