//! Which fleet is expected in which registry service, and which node is due there.

use super::index::Index;
use super::nodes::Nodes;
use crate::core::estate::Node;
use crate::core::ids::{LoadBalancerArn, ServiceId, StackId};
use std::collections::{BTreeMap, BTreeSet};

/// The fleets expected in each of our registry services.
#[derive(Debug, Default)]
pub(super) struct Expectation {
    fleets: BTreeMap<ServiceId, BTreeSet<StackId>>,
    named: BTreeSet<StackId>,
}

impl Expectation {
    /// A fleet is expected in a service when a living node of its STACK is in it, or the
    /// configuration says so. A fleet that is in no service at all, though it has living nodes
    /// behind the load balancer of fleets that are in one, is expected where they are: a fleet
    /// whose registration never worked once must not look like one that needs none.
    pub fn new(index: &Index<'_>, nodes: &Nodes) -> Self {
        let mut this = Self::default();
        for (service, observed) in &index.services {
            let fleets = this.fleets.entry(service.id.clone()).or_default();
            fleets.extend(index.policy.registry.get(&service.id).into_iter().flatten().cloned());
            for member in observed.value().into_iter().flat_map(|all| all.iter()) {
                let Some(stack) = &member.stack else { continue };
                // One living node is enough to expect the others.
                let proven = fleets.contains(stack);
                let living = !proven
                    && nodes.get(&index.resolve_member(member)).is_some_and(|node| {
                        node.is_living() && node.stack_id.as_ref() == Some(stack)
                    });
                if living {
                    fleets.insert(stack.clone());
                }
                if !this.named.contains(stack) {
                    this.named.insert(stack.clone());
                }
            }
        }
        this.expect_counterparts(index, nodes);
        this
    }

    fn expect_counterparts(&mut self, index: &Index<'_>, nodes: &Nodes) {
        let with_balancers = balancers_of_fleets(index);
        let living: BTreeSet<_> = nodes
            .values()
            .filter(|node| node.is_living())
            .filter_map(|node| node.stack_id.as_ref())
            .collect();
        let nowhere = living.into_iter().filter(|stack| {
            !self.named.contains(*stack) && !self.fleets.values().any(|of| of.contains(*stack))
        });
        for stack in nowhere.collect::<Vec<_>>() {
            let Some(own) = with_balancers.get(stack) else { continue };
            for fleets in self.fleets.values_mut() {
                let counterpart = |other: &StackId| {
                    with_balancers.get(other).is_some_and(|theirs| !theirs.is_disjoint(own))
                };
                if fleets.iter().any(counterpart) {
                    fleets.insert(stack.clone());
                }
            }
        }
    }

    /// Every stack id that a registry entry or the configuration names.
    pub fn stacks(&self) -> impl Iterator<Item = &StackId> {
        self.named.iter().chain(self.fleets.values().flatten())
    }

    /// Whether the fleet is expected in the service.
    pub fn contains(&self, service: &ServiceId, stack: &StackId) -> bool {
        self.fleets.get(service).is_some_and(|fleets| fleets.contains(stack))
    }

    /// The fleets expected in a service.
    pub fn fleets(&self, service: &ServiceId) -> impl Iterator<Item = &StackId> {
        self.fleets.get(service).into_iter().flatten()
    }

    /// Whether a node of an expected fleet should be in the service by now: it serves, nobody
    /// took it out on purpose, and it is either there already or past its grace period.
    pub fn is_due(&self, node: &Node, service: &ServiceId) -> bool {
        let there = node.members.iter().any(|member| &member.service_id == service);
        node.is_living() && !node.drained_on_purpose && (there || !node.in_grace)
    }
}

/// The load balancers behind which each fleet has target groups.
fn balancers_of_fleets<'a>(index: &Index<'a>) -> BTreeMap<StackId, BTreeSet<&'a LoadBalancerArn>> {
    let mut all: BTreeMap<StackId, BTreeSet<_>> = BTreeMap::new();
    for (arn, owners) in &index.owners {
        let Some(group) = index.target_groups.get(arn) else { continue };
        for stack in owners {
            all.entry(stack.clone()).or_default().extend(&group.load_balancers);
        }
    }
    all
}
