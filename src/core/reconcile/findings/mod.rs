//! The detectors: each looks for one kind of disagreement and says nothing it cannot prove. Where
//! two would say the same thing, the more telling one stands.

mod dns;
mod group;
mod health;
mod load_balancer;
mod registry;
mod rings;
mod runs;
mod zones;

use super::fleets::Parts;
use super::index::Index;
use super::nodes::Nodes;
use super::records::Records;
use super::registry::Expectation;
use crate::core::estate::{Fleet, Node};
use crate::core::finding::Finding;
use crate::core::ids::StackId;
use crate::core::rings::DnsView;
use std::collections::BTreeMap;

/// What the detectors look at.
pub(super) struct Scene<'a> {
    pub index: &'a Index<'a>,
    pub nodes: &'a Nodes,
    pub fleets: &'a BTreeMap<StackId, Fleet>,
    pub expected: &'a Expectation,
    pub parts: &'a Parts,
    pub dns: &'a [DnsView],
    pub records: &'a Records,
}

impl Scene<'_> {
    /// The nodes of a fleet.
    fn nodes_of<'s>(&'s self, fleet: &'s Fleet) -> impl Iterator<Item = &'s Node> {
        fleet.nodes.iter().filter_map(|id| self.nodes.get(id))
    }
}

/// All findings, worst first, in an order that depends on nothing but themselves.
pub(super) fn all(scene: &Scene<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    registry::look(scene, &mut found);
    health::look(scene, &mut found);
    load_balancer::look(scene, &mut found);
    zones::look(scene, &mut found);
    group::look(scene, &mut found);
    rings::look(scene, &mut found);
    dns::look(scene, &mut found);
    runs::look(scene, &mut found);
    found.sort_by(|a, b| {
        let key = |one: &Finding| (one.kind, one.stack_id.clone(), one.instance_id.clone());
        b.severity
            .cmp(&a.severity)
            .then_with(|| key(a).cmp(&key(b)))
            .then_with(|| (&a.summary, &a.id).cmp(&(&b.summary, &b.id)))
    });
    found
}

/// "1 node", "3 nodes".
fn counted(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Puts names into one phrase: "a", "a and b", "a, b and c".
fn listed<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => "none".into(),
        [one] => one.as_ref().into(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}
