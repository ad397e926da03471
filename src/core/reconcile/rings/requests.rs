//! Requests: what reaches each node, and each fleet.

use super::count;
use crate::core::estate::Node;
use crate::core::ids::{InstanceId, Product};
use crate::core::inventory::{Measured, Sample};
use crate::core::reconcile::index::Index;
use crate::core::rings::{FleetRequests, NodeRequests};
use indexmap::IndexMap;
use std::collections::BTreeMap;
use std::sync::Arc;

fn measured<'a>(index: &Index<'a>, id: &InstanceId) -> impl Iterator<Item = &'a Arc<Measured>> {
    let slot = index.inventory.metrics.get(id);
    slot.and_then(|of| of.current(index.now).ok()).into_iter().flatten()
}

/// The latest sample of a node's product, if it is young enough.
pub(super) fn sample<'a>(
    index: &Index<'a>,
    id: &InstanceId,
    product: &Product,
) -> Option<&'a Sample> {
    measured(index, id).find(|one| &one.product == product)?.sample.read()
}

/// The versions of a node's products: by their own pages, else by their metrics.
pub(super) fn versions(index: &Index<'_>, id: &InstanceId) -> BTreeMap<Product, Arc<str>> {
    let measured = measured(index, id)
        .filter_map(|one| Some((one.product.clone(), one.sample.read()?.version.clone()?)));
    let mut all: BTreeMap<_, _> = measured.collect();
    let rings = index.inventory.rings.get(id).and_then(|of| of.current(index.now).ok());
    all.extend(
        rings.into_iter().flatten().filter_map(|held| {
            Some((held.value.product.clone(), held.value.version.read()?.clone()))
        }),
    );
    all
}

/// What reaches each product of a node.
pub(super) fn of_node(index: &Index<'_>, id: &InstanceId) -> Vec<NodeRequests> {
    measured(index, id)
        .map(|one| {
            let rate = one.rate();
            NodeRequests {
                product: one.product.clone(),
                per_second: rate.map(|rate| rate.per_second),
                over: rate.map(|rate| rate.over),
                quiet_since: one.quiet_since,
                observed_at: one.at,
            }
        })
        .collect()
}

/// What reaches each product of a fleet's nodes.
pub(super) fn of_fleet(living: &[&Node]) -> Vec<FleetRequests> {
    let mut all: IndexMap<&Product, FleetRequests> = IndexMap::new();
    for one in living.iter().flat_map(|node| &node.requests) {
        let sum = all.entry(&one.product).or_insert_with(|| FleetRequests {
            product: one.product.clone(),
            per_second: None,
            known: 0,
            of: count(living.len()),
            observed_at: None,
        });
        let oldest = sum.observed_at.map_or(one.observed_at, |at| at.min(one.observed_at));
        sum.observed_at = Some(oldest);
        if let Some(rate) = one.per_second {
            sum.per_second = Some(sum.per_second.unwrap_or(0.0) + rate);
            sum.known += 1;
        }
    }
    all.into_values().collect()
}

/// The nodes that run a product's compactor.
pub(super) fn compactors(index: &Index<'_>, product: &Product) -> Vec<InstanceId> {
    let nodes = index.inventory.metrics.keys();
    let running = |id: &&InstanceId| {
        sample(index, id, product).is_some_and(|of| of.compactor_running == Some(true))
    };
    nodes.filter(running).cloned().collect()
}
