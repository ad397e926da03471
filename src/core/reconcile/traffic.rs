//! Where the traffic goes: listeners, weights, each fleet's part, and the roles that follow.

use super::index::Index;
use super::nodes::Nodes;
use crate::core::capacity;
use crate::core::estate::{
    ActionView, Balancer, Capacity, Fleet, ForwardView, ListenerShare, ListenerView, Role,
};
use crate::core::ids::{StackId, TargetGroupArn};
use crate::core::inventory::{Forward, Listener, LoadBalancer, Verdict};
use crate::core::observed::{Observed, Why};
use std::collections::{BTreeMap, BTreeSet};

/// Two shares closer than this are the same: weights are whole numbers up to 999, so real
/// differences are larger.
pub(super) const SAME_SHARE: f64 = 0.0005;

/// Each fleet's part of a target group: all of it for the only owner; for several owners (the
/// attach wiring) the part of healthy targets, or of registered ones where none is healthy
/// (fail-open sends to all); `None` when the health is unknown.
pub(super) fn parts(
    index: &Index<'_>,
    nodes: &Nodes,
    arn: &TargetGroupArn,
) -> BTreeMap<StackId, Option<f64>> {
    let Some(owners) = index.owners.get(arn) else { return BTreeMap::new() };
    if owners.len() == 1 {
        return owners.iter().map(|stack| (stack.clone(), Some(1.0))).collect();
    }
    let known = index.inventory.target_health.get(arn).map(|health| health.current(index.now));
    if !matches!(known, Some(Ok(_))) {
        return owners.iter().map(|stack| (stack.clone(), None)).collect();
    }
    let all = group_capacity(index, nodes, arn, |_| true);
    owners
        .iter()
        .map(|stack| {
            let own = group_capacity(index, nodes, arn, |of| of == Some(stack));
            let part = match (all.healthy, all.registered) {
                (0, 0) => 0.0,
                (0, registered) => f64::from(own.registered) / f64::from(registered),
                (healthy, _) => f64::from(own.healthy) / f64::from(healthy),
            };
            (stack.clone(), Some(part))
        })
        .collect()
}

/// The targets of a group whose node's fleet is wanted, counted.
pub(super) fn group_capacity(
    index: &Index<'_>,
    nodes: &Nodes,
    arn: &TargetGroupArn,
    wanted: impl Fn(Option<&StackId>) -> bool,
) -> Capacity {
    let targets = nodes.targets(index, arn).filter(|(_, node)| wanted(node.stack_id.as_ref()));
    capacity::count(targets.map(|(held, node)| (&held.value, node.zone.as_ref())))
}

/// A fleet's part of every listener that names one of its groups.
pub(super) fn listener_shares(
    index: &Index<'_>,
    parts: &BTreeMap<TargetGroupArn, BTreeMap<StackId, Option<f64>>>,
    stack: &StackId,
) -> Vec<ListenerShare> {
    let mut shares = Vec::new();
    for listener in index.inventory.all_listeners() {
        // The rule that gives this fleet least decides: what one rule withholds is withheld.
        let of_actions: Vec<_> = index
            .forwards(listener)
            .filter_map(|(_, forward)| share(parts, forward, stack))
            .collect();
        let Some(least) = of_actions.iter().min_by(|a, b| order(a.0, b.0)) else { continue };
        // Weights that were read too long ago say nothing of where the traffic goes now.
        let current = index
            .inventory
            .listeners
            .get(&listener.load_balancer)
            .is_some_and(|of| of.current(index.now).is_ok());
        shares.push(ListenerShare {
            load_balancer: listener.load_balancer.clone(),
            listener: listener.arn.clone(),
            port: listener.port,
            share: least.0.filter(|_| current),
            shared: of_actions.iter().any(|(_, others)| *others),
        });
    }
    shares.sort_by(|a, b| (&a.load_balancer, a.port).cmp(&(&b.load_balancer, b.port)));
    shares
}

/// Orders shares; unknown is less than anything, so that it is never hidden by a known one.
fn order(a: Option<f64>, b: Option<f64>) -> std::cmp::Ordering {
    a.unwrap_or(-1.0).total_cmp(&b.unwrap_or(-1.0))
}

/// A fleet's part of one action, and whether another fleet gets something from it; `None` when
/// the action names no group of this fleet.
fn share(
    parts: &BTreeMap<TargetGroupArn, BTreeMap<StackId, Option<f64>>>,
    forward: &Forward,
    stack: &StackId,
) -> Option<(Option<f64>, bool)> {
    let (mut own, mut named, mut others) = (Some(0.0), false, false);
    for of in &forward.groups {
        let weight = forward.share_of(&of.target_group);
        for (fleet, part) in parts.get(&of.target_group).into_iter().flatten() {
            if fleet == stack {
                named = true;
                // Weight 0 of an unknown part is still nothing.
                let add = if weight == 0.0 { Some(0.0) } else { part.map(|part| part * weight) };
                own = own.zip(add).map(|(own, add)| own + add);
            } else {
                others |= weight > 0.0 && *part != Some(0.0);
            }
        }
    }
    named.then_some((own, others))
}

/// The smallest of the listeners' shares; `None` when there is none or one is unknown.
pub(super) fn traffic_share(listeners: &[ListenerShare]) -> Option<f64> {
    listeners.iter().map(|listener| listener.share).min_by(|a, b| order(*a, *b)).flatten()
}

/// The role of a fleet (contract.md, Roles).
pub(super) fn role(index: &Index<'_>, fleet: &Fleet, nodes: &Nodes) -> Role {
    if !listeners_readable(index) || fleet.listeners.iter().any(|of| of.share.is_none()) {
        return Role::Unknown;
    }
    let shares: Vec<f64> = fleet.listeners.iter().filter_map(|of| of.share).collect();
    let Some(first) = shares.first() else {
        return if every_probe_passes(fleet, nodes) { Role::Standby } else { Role::Idle };
    };
    let differ = shares.iter().any(|share| (share - first).abs() > SAME_SHARE);
    let gets_some = |of: &crate::core::estate::ListenerShare| of.share.is_some_and(|s| s > 0.0);
    if differ || fleet.listeners.iter().any(|of| of.shared && gets_some(of)) {
        Role::Shifting
    } else if *first > 0.0 {
        Role::Live
    } else {
        Role::Standby
    }
}

/// Whether the listeners of every load balancer that a group of ours hangs on could be read.
/// Others are nobody's business here, and nobody reads their listeners.
fn listeners_readable(index: &Index<'_>) -> bool {
    let current = |observed: &Observed<_>| observed.whole(index.now).is_ok();
    let groups = index.owners.keys().filter_map(|arn| index.target_groups.get(*arn));
    let ours: BTreeSet<_> = groups.flat_map(|group| &group.load_balancers).collect();
    index.inventory.load_balancers.whole(index.now).is_ok()
        && index.inventory.target_groups.whole(index.now).is_ok()
        && index.inventory.groups.whole(index.now).is_ok()
        && index
            .balancers()
            .filter(|of| ours.contains(&of.arn))
            .all(|of| index.inventory.listeners.get(&of.arn).is_some_and(current))
}

fn every_probe_passes(fleet: &Fleet, nodes: &Nodes) -> bool {
    let living: Vec<_> =
        fleet.nodes.iter().filter_map(|id| nodes.get(id)).filter(|node| node.is_living()).collect();
    !living.is_empty()
        && living.iter().all(|node| {
            let required = || node.probes.iter().filter(|of| !is_absent(of));
            required().next().is_some() && required().all(|of| of.verdict == Verdict::Pass)
        })
}

fn is_absent(probe: &crate::core::estate::NodeProbe) -> bool {
    probe.outcome.reason == crate::core::inventory::ProbeReason::NotPresent
}

/// The load balancers that send to a fleet; when none does, all of them, so that an operator sees
/// what there is.
pub(super) fn balancers(
    index: &Index<'_>,
    nodes: &Nodes,
    parts: &BTreeMap<TargetGroupArn, BTreeMap<StackId, Option<f64>>>,
) -> Vec<Balancer> {
    let ours = |balancer: &LoadBalancer| {
        index.listeners(&balancer.arn).any(|listener| {
            index
                .forwards(listener)
                .any(|(_, to)| to.groups.iter().any(|of| parts.contains_key(&of.target_group)))
        })
    };
    let any = index.balancers().any(ours);
    index
        .balancers()
        .filter(|balancer| !any || ours(balancer))
        .map(|balancer| view(index, nodes, parts, balancer))
        .collect()
}

fn view(
    index: &Index<'_>,
    nodes: &Nodes,
    parts: &BTreeMap<TargetGroupArn, BTreeMap<StackId, Option<f64>>>,
    balancer: &LoadBalancer,
) -> Balancer {
    let observed = index.inventory.listeners.get(&balancer.arn);
    let readable = observed.map_or(Err(Why::Never), |of| of.current(index.now).map(|_| ()));
    let one = |listener: &Listener| ListenerView {
        arn: listener.arn.clone(),
        port: listener.port,
        protocol: listener.protocol.clone(),
        actions: actions(index, nodes, parts, listener),
    };
    // By port: AWS gives no order, and people read diagrams in one.
    let by_port = || {
        let mut all: Vec<_> = index.listeners(&balancer.arn).map(one).collect();
        all.sort_by(|a, b| (a.port, &a.arn).cmp(&(b.port, &b.arn)));
        all
    };
    Balancer {
        arn: balancer.arn.clone(),
        name: balancer.display_name().to_owned(),
        zones: balancer.zones.clone(),
        security_groups: balancer.security_groups.clone(),
        cross_zone: index
            .inventory
            .load_balancer_attributes
            .get(&balancer.arn)
            .and_then(Observed::value)
            .map(|attributes| attributes.cross_zone),
        listeners: readable.map(|()| by_port()),
        observed_at: observed.and_then(Observed::observed_at),
    }
}

fn actions(
    index: &Index<'_>,
    nodes: &Nodes,
    parts: &BTreeMap<TargetGroupArn, BTreeMap<StackId, Option<f64>>>,
    listener: &Listener,
) -> Vec<ActionView> {
    let forwards = index.inventory.rules.get(&listener.arn).and_then(Observed::value);
    let rules = forwards.into_iter().flatten().map(|rule| (rule.priority.as_str(), &rule.forward));
    std::iter::once(("default", &listener.default))
        .chain(rules)
        .map(|(rule, forward)| ActionView {
            rule: rule.to_owned(),
            groups: forward
                .groups
                .iter()
                .map(|of| {
                    let known = index
                        .inventory
                        .target_health
                        .get(&of.target_group)
                        .is_some_and(|health| health.current(index.now).is_ok());
                    let group = index.target_groups.get(&of.target_group);
                    ForwardView {
                        target_group: of.target_group.clone(),
                        name: group.map_or_else(
                            || crate::core::ids::arn_name(of.target_group.as_str()).to_owned(),
                            |group| group.name.to_string(),
                        ),
                        weight: of.weight,
                        share: forward.share_of(&of.target_group),
                        capacity: known
                            .then(|| group_capacity(index, nodes, &of.target_group, |_| true)),
                        fail_open: known.then(|| is_open(index, &of.target_group)),
                        fleets: parts.get(&of.target_group).cloned().unwrap_or_default(),
                    }
                })
                .collect(),
        })
        .collect()
}

/// Whether a group as a whole fails open.
pub(super) fn is_open(index: &Index<'_>, arn: &TargetGroupArn) -> bool {
    capacity::opening(index.targets(arn).iter().map(|held| &held.value)).is_open()
}
