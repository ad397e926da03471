//! `reconcile` on small worlds: a healthy one has no finding, and each thing that goes wrong has
//! exactly its own.

mod findings;
mod properties;
mod realistic;
mod records;
mod rings;
mod roles;
pub mod world;

use quarterdeck::core::estate::{Estate, Policy};
use quarterdeck::core::finding::FindingKind;
use quarterdeck::core::reconcile::reconcile;
use world::World;

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
