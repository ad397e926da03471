//! Fleets: all nodes of one STACK, and what each source says of them, summed up.

use super::index::Index;
use super::nodes::Nodes;
use super::registry::Expectation;
use super::traffic;
use crate::core::estate::{
    Fleet, GroupSummary, Node, ProbeSummary, RegistrySummary, Role, Standing, TargetSummary,
};
use crate::core::ids::{InstanceId, Product, StackId, TargetGroupArn};
use crate::core::inventory::{Member, ProbeReason, Verdict};
use crate::core::observed::Observed;
use std::collections::BTreeMap;

/// Each target group's parts by fleet.
pub(super) type Parts = BTreeMap<TargetGroupArn, BTreeMap<StackId, Option<f64>>>;

/// Builds the fleets: every stack id that a group's tag or a registry entry names.
pub(super) fn build(
    index: &Index<'_>,
    nodes: &Nodes,
    parts: &Parts,
    expected: &Expectation,
) -> BTreeMap<StackId, Fleet> {
    let mut of_stack: BTreeMap<StackId, Vec<InstanceId>> =
        index.stack_of_group.values().map(|stack| (stack.clone(), Vec::new())).collect();
    for node in nodes.values() {
        if let Some(stack) = &node.stack_id {
            of_stack.entry(stack.clone()).or_default().push(node.id.clone());
        }
    }
    for stack in expected.stacks() {
        of_stack.entry(stack.clone()).or_default();
    }
    of_stack
        .into_iter()
        .map(|(stack, mut ids)| {
            ids.sort_unstable();
            let mut fleet = fleet(index, nodes, parts, (&stack, ids));
            fleet.registry = expected.summaries(index, nodes, &fleet);
            fleet.members = members(index, &fleet);
            fleet.role = traffic::role(index, &fleet, nodes);
            (stack, fleet)
        })
        .collect()
}

fn fleet(
    index: &Index<'_>,
    nodes: &Nodes,
    parts: &Parts,
    (stack, ids): (&StackId, Vec<InstanceId>),
) -> Fleet {
    let listeners = traffic::listener_shares(index, parts, stack);
    Fleet {
        stack_id: stack.clone(),
        role: Role::Unknown,
        traffic_share: traffic::traffic_share(&listeners),
        listeners,
        groups: groups(index, stack),
        members: None,
        registry: Vec::new(),
        targets: targets(index, nodes, stack),
        probes: probes(ids.iter().filter_map(|id| nodes.get(id))),
        nodes: ids,
        rings: Vec::new(),
        requests: Vec::new(),
        worst: None,
    }
}

fn groups(index: &Index<'_>, stack: &StackId) -> Vec<GroupSummary> {
    index
        .fleet_groups()
        .filter(|(_, of)| *of == stack)
        .map(|(group, _)| GroupSummary {
            name: group.name.clone(),
            min: group.min,
            max: group.max,
            desired: group.desired,
            in_service: count(group.instances.iter().filter(|one| &*one.lifecycle == "InService")),
            health_check_type: group.health_check_types.join(","),
            suspended_processes: group.suspended.keys().cloned().collect(),
            observed_at: index.inventory.groups.observed_at(),
        })
        .collect()
}

/// Registry entries with this STACK over all services; unknown when any of them is.
fn members(index: &Index<'_>, fleet: &Fleet) -> Option<u32> {
    let own = |one: &&Member| one.stack.as_ref() == Some(&fleet.stack_id);
    let members: Option<u32> = index
        .services
        .iter()
        .map(|(_, observed)| Some(count(observed.whole(index.now).ok()?.iter().filter(own))))
        .sum();
    // A service that was not listed yet may be the one that they are in.
    members.filter(|members| *members > 0 || index.every_service_is_listed())
}

fn targets(index: &Index<'_>, nodes: &Nodes, stack: &StackId) -> Vec<TargetSummary> {
    let mut all: Vec<_> = index
        .owners
        .iter()
        .filter(|(_, owners)| owners.contains(stack))
        .filter_map(|(arn, _)| {
            let group = index.target_groups.get(arn)?;
            let observed = index.inventory.target_health.get(*arn);
            let known = observed.is_some_and(|of| of.current(index.now).is_ok());
            Some(TargetSummary {
                target_group: group.arn.clone(),
                name: group.name.to_string(),
                port: group.port,
                capacity: known
                    .then(|| traffic::group_capacity(index, nodes, arn, |of| of == Some(stack))),
                fail_open: known.then(|| traffic::is_open(index, arn)),
                observed_at: observed.and_then(Observed::observed_at),
            })
        })
        .collect();
    all.sort_by(|a, b| (a.port, &a.name).cmp(&(b.port, &b.name)));
    all
}

/// Probes of the nodes that are meant to serve, a product at a time, in the order of the probes.
/// A node of which nobody can say whether it is meant to serve counts as unknown.
fn probes<'n>(nodes: impl Iterator<Item = &'n Node>) -> Vec<ProbeSummary> {
    let mut all: indexmap::IndexMap<Product, ProbeSummary> = indexmap::IndexMap::new();
    for node in nodes.filter(|node| node.standing() != Standing::Apart) {
        for probe in &node.probes {
            if probe.outcome.reason == ProbeReason::NotPresent {
                continue;
            }
            let summary = all.entry(probe.outcome.product.clone()).or_insert_with_key(|product| {
                let service = product.clone();
                ProbeSummary { service, pass: 0, fail: 0, unknown: 0, observed_at: None }
            });
            match (node.standing(), probe.verdict) {
                (Standing::Serving, Verdict::Pass) => summary.pass += 1,
                (Standing::Serving, Verdict::Fail) => summary.fail += 1,
                (_, _) => summary.unknown += 1,
            }
            let at = probe.observed_at;
            summary.observed_at = Some(summary.observed_at.map_or(at, |oldest| oldest.min(at)));
        }
    }
    all.into_values().collect()
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

impl Expectation {
    /// What each registry service should hold and holds of a fleet.
    fn summaries(&self, index: &Index<'_>, nodes: &Nodes, fleet: &Fleet) -> Vec<RegistrySummary> {
        index
            .services
            .iter()
            .filter_map(|(service, observed)| {
                let all = observed.value()?;
                let own = all.iter().filter(|one| one.stack.as_ref() == Some(&fleet.stack_id));
                let registered = count(own);
                let expects = self.contains(&service.id, &fleet.stack_id);
                if registered == 0 && !expects {
                    return None;
                }
                let due = |id: &&InstanceId| {
                    nodes.get(id).is_some_and(|node| self.is_due(node, &service.id))
                };
                Some(RegistrySummary {
                    service_id: service.id.clone(),
                    name: service.name.to_string(),
                    registered: observed.whole(index.now).is_ok().then_some(registered),
                    expected: if expects { count(fleet.nodes.iter().filter(due)) } else { 0 },
                    observed_at: observed.observed_at(),
                })
            })
            .collect()
    }
}
