//! `reconcile` on small worlds: a healthy one has no finding, and each thing that goes wrong has
//! exactly its own.

mod findings;
mod properties;
mod realistic;
mod records;
mod rings;
mod roles;
pub mod world;

use jiff::Timestamp;
use quarterdeck::core::estate::{Estate, Policy};
use quarterdeck::core::finding::FindingKind;
use quarterdeck::core::inventory::Inventory;
use quarterdeck::core::reconcile::{reconcile as alone, reconcile_after};
use std::sync::Arc;
use world::World;

/// Joins, and holds the outcome to what an estate before may change of it: nothing, whether it was
/// the same or one where all was well, on the way there and on the way back. And what is as it was
/// is shared.
fn reconcile(inventory: &Inventory, now: Timestamp, policy: &Policy) -> Estate {
    let estate = alone(inventory, now, policy);
    let again = reconcile_after(inventory, Some(&estate), now, policy);
    assert_eq!(again, estate);
    for (id, node) in &again.nodes {
        assert!(Arc::ptr_eq(node, &estate.nodes[id]), "{id} is as it was, and not shared");
    }
    let (well, none) = (world::blue_green().inventory(), Policy::default());
    let healthy = alone(&well, world::now(), &none);
    assert_eq!(reconcile_after(inventory, Some(&healthy), now, policy), estate);
    assert_eq!(reconcile_after(&well, Some(&estate), world::now(), &none), healthy);
    estate
}

fn estate(world: &World) -> Estate {
    reconcile(&world.inventory(), world::now(), &Policy::default())
}

/// The kinds of all findings, in order, and what they are about.
fn told(estate: &Estate) -> Vec<(FindingKind, String)> {
    let about = |one: &quarterdeck::core::finding::Finding| {
        let id = one.instance_id.as_ref().map(ToString::to_string);
        id.or_else(|| one.stack_id.as_ref().map(ToString::to_string)).unwrap_or_default()
    };
    estate.findings.iter().map(|one| (one.kind, about(one))).collect()
}

fn kinds(world: &World) -> Vec<FindingKind> {
    estate(world).findings.iter().map(|one| one.kind).collect()
}
