//! `reconcile`: from what each source said to the truth about each fleet, and to what disagrees.
//!
//! A pure function of the inventory, the time and the policy. Things are joined by instance id; by
//! IP address only where something is known only by an address, and never for an id shaped like an
//! EC2 id. What is unknown stays unknown: it raises no finding and makes nothing healthier.

mod findings;
mod fleets;
mod index;
mod nodes;
mod records;
mod registry;
mod rings;
mod traffic;

use super::estate::{Estate, Policy};
use super::finding::Finding;
use super::inventory::Inventory;
use index::Index;
use jiff::Timestamp;
use registry::Expectation;
use std::collections::BTreeMap;

/// Joins everything that is known.
pub fn reconcile(inventory: &Inventory, now: Timestamp, policy: &Policy) -> Estate {
    reconcile_after(inventory, None, now, policy)
}

/// The same, where an estate was joined before: what did not change since is shared with it instead
/// of made again. The outcome is equal with whatever estate before, or with none.
pub fn reconcile_after(
    inventory: &Inventory,
    before: Option<&Estate>,
    now: Timestamp,
    policy: &Policy,
) -> Estate {
    let index = Index::new(inventory, now, policy);
    let mut nodes = nodes::build(&index, before);
    let records = records::Records::new(&index);
    records.tell_nodes(&mut nodes);
    let rings = rings::Rings::new(&index);
    rings.tell_nodes(&index, &mut nodes);
    let expected = Expectation::new(&index, &nodes);
    let parts: fleets::Parts = index
        .owners
        .keys()
        .map(|arn| ((*arn).clone(), traffic::parts(&index, &nodes, arn)))
        .collect();
    let mut fleets = fleets::build(&index, &nodes, &parts, &expected);
    rings.tell_fleets(&index, &nodes, &mut fleets);
    let dns = rings::dns_views(&index);
    let findings = findings::all(&findings::Scene {
        index: &index,
        nodes: &nodes,
        fleets: &fleets,
        expected: &expected,
        parts: &parts,
        dns: &dns,
        records: &records,
    });
    let mut estate = Estate {
        account: inventory.identity.value().map(|identity| identity.account.clone()),
        whole: inventory.groups.whole(now).is_ok() && index.every_service_is_listed(),
        traffic: traffic::balancers(&index, &nodes, &parts),
        rings: rings.views(&index),
        dns,
        locks: records.locks,
        rollbacks: records.rollbacks,
        fleets,
        nodes: BTreeMap::new(),
        findings,
    };
    nodes.mark_worst(&estate.findings);
    estate.nodes = nodes.into_sorted(before);
    mark_worst(&mut estate);
    estate
}

fn mark_worst(estate: &mut Estate) {
    for finding in &estate.findings {
        if let Some(fleet) = finding.stack_id.as_ref().and_then(|id| estate.fleets.get_mut(id)) {
            fleet.worst = fleet.worst.max(Some(finding.severity));
        }
    }
}

impl Estate {
    /// Dates findings that stood before back to when they were first seen.
    pub fn carry_since(&mut self, previous: &Estate) {
        let before: BTreeMap<&str, Timestamp> =
            previous.findings.iter().map(|one| (one.id.as_str(), one.since)).collect();
        for finding in &mut self.findings {
            let since = before.get(finding.id.as_str()).copied();
            finding.since = since.map_or(finding.since, |since| since.min(finding.since));
        }
    }

    /// The findings about a fleet.
    pub fn findings_of(&self, stack: &crate::core::ids::StackId) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |one| one.stack_id.as_ref() == Some(stack))
    }
}
