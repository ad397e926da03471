//! Findings about target groups, listeners and the load balancer itself.

use super::{Scene, listed};
use crate::core::capacity::{self, Opening};
use crate::core::estate::{Existence, Node, NodeTarget};
use crate::core::finding::{Finding, FindingKind, Fix, Severity};
use crate::core::ids::{LoadBalancerArn, StackId, TargetGroupArn, arn_name};
use crate::core::inventory::{AutoScalingGroup, Listener, LoadBalancer, TargetGroup, Verdict};
use crate::core::observed::age;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A group that was just attached has its instances registered within minutes (EC2 Auto Scaling
/// User Guide, traffic source states: `Adding` before `Added`).
const ATTACHING: Duration = Duration::from_secs(300);

pub(super) fn look(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    for (arn, owners) in &scene.index.owners {
        if let Some(group) = scene.index.target_groups.get(arn) {
            target_group(scene, group, owners, found);
        }
    }
    for balancer in scene.index.balancers().filter(|of| is_ours(scene, of)) {
        listeners_split(scene, balancer, found);
        if balancer.security_groups.is_empty() {
            found.push(without_security_group(scene, balancer));
        }
    }
    changed_outside(scene, found);
}

fn is_ours(scene: &Scene<'_>, balancer: &LoadBalancer) -> bool {
    scene.index.owners.keys().any(|arn| {
        scene
            .index
            .target_groups
            .get(*arn)
            .is_some_and(|group| group.load_balancers.contains(&balancer.arn))
    })
}

fn target_group(
    scene: &Scene<'_>,
    group: &TargetGroup,
    owners: &BTreeSet<StackId>,
    found: &mut Vec<Finding>,
) {
    let Some(health) = scene.index.inventory.target_health.get(&group.arn) else { return };
    let open = health.current(scene.index.now).ok().and_then(|_| fail_open(scene, group, owners));
    if health.whole(scene.index.now).is_ok() {
        missing_targets(scene, group, found);
    }
    for (held, node) in scene.nodes.targets(scene.index, &group.arn) {
        let Some(target) = node
            .targets
            .iter()
            .find(|of| of.target_group == group.arn && of.port == held.value.port)
        else {
            continue;
        };
        if let Ok(state) = &target.state {
            found.extend(foreign(scene, group, node, (target, state)));
            // Of a group that fails open the group is the news, not each of its targets.
            if open.is_none() {
                found.extend(unhealthy(scene, group, node, (target, state)));
            }
        }
    }
    found.extend(open);
}

/// Only fleets whose groups are attached are expected to have their nodes in a target group.
fn missing_targets(scene: &Scene<'_>, group: &TargetGroup, found: &mut Vec<Finding>) {
    // Where a record could not be read, nobody knows whether they were drained on purpose.
    if scene.index.inventory.groups.current(scene.index.now).is_err() || scene.records.unread {
        return;
    }
    for (owner, stack) in scene.index.fleet_groups() {
        if !owner.target_groups.contains(&group.arn) || is_being_attached(scene, owner) {
            continue;
        }
        for instance in &owner.instances {
            let Some(node) = scene.nodes.get(&instance.id) else { continue };
            let present = node.targets.iter().any(|target| target.target_group == group.arn);
            if present || !node.is_in_service() || node.in_grace || node.drained_on_purpose {
                continue;
            }
            let why = if owner.suspended.contains_key("AddToLoadBalancer") {
                "; AddToLoadBalancer is suspended, so it will never be added by itself"
            } else {
                ""
            };
            let text = format!(
                "{} of {stack} is in service and not a target of {}, to which {} is attached{why}",
                node.id, group.name, owner.name
            );
            found.push(
                Finding::new(FindingKind::NotInTargetGroup, scene.index.now, text)
                    .stack(Some(stack))
                    .instance(&node.id)
                    .group(&group.arn)
                    .fix(Fix::Undrain)
                    .identified(""),
            );
        }
    }
}

/// Whether a change of the group's attachments was seen so lately that Auto Scaling may still be
/// adding its instances.
fn is_being_attached(scene: &Scene<'_>, owner: &AutoScalingGroup) -> bool {
    let now = scene.index.now;
    scene.index.inventory.memory.recent_changes(now).any(|change| {
        change.group.as_ref() == Some(&owner.name) && age(change.seen, now) <= ATTACHING
    })
}

fn foreign(
    scene: &Scene<'_>,
    group: &TargetGroup,
    node: &Node,
    (target, state): (&NodeTarget, &str),
) -> Option<Finding> {
    let owners = scene.index.owners.get(&group.arn)?;
    let attached = scene.index.fleet_groups().any(|(of, _)| of.target_groups.contains(&group.arn));
    let at_home = node.stack_id.as_ref().is_some_and(|stack| owners.contains(stack));
    if at_home || !attached || state.ends_with("draining") {
        return None;
    }
    // Without a current list of groups nobody can say where a node belongs.
    scene.index.inventory.groups.whole(scene.index.now).ok()?;
    let owners: Vec<_> = owners.iter().map(StackId::as_str).collect();
    let whose = match (&node.stack_id, node.existence) {
        (Some(stack), _) => format!("belongs to {stack}"),
        (None, Existence::Gone) => "is gone".into(),
        (None, _) => "belongs to no fleet".into(),
    };
    let text = format!(
        "{}:{} is a target of {}, which is for {}, and {whose}",
        node.id,
        target.port,
        group.name,
        listed(&owners)
    );
    Some(
        Finding::new(FindingKind::ForeignTarget, scene.index.now, text)
            .stack(scene.index.owners.get(&group.arn).and_then(BTreeSet::first))
            .instance(&node.id)
            .group(&group.arn)
            .identified(&target.port.to_string()),
    )
}

/// A target that the load balancer holds for unhealthy, unless a probe says why (then that
/// finding stands) or contradicts it for long enough (then that one does).
fn unhealthy(
    scene: &Scene<'_>,
    group: &TargetGroup,
    node: &Node,
    (target, state): (&NodeTarget, &str),
) -> Option<Finding> {
    let invalid = state == "unused"
        && matches!(target.reason.as_deref(), Some("Target.InvalidState" | "Target.IpUnusable"));
    if !(state == "unhealthy" || state == "unhealthy.draining" || invalid)
        || is_in_passing(node)
        || explained(node, group, target)
        || super::health::disagreement(scene, node, group, target).is_some()
    {
        return None;
    }
    let reason = target.reason.as_deref().map(|of| format!(" ({of})")).unwrap_or_default();
    let text = format!("{} is {state} in {} on {}{reason}", node.id, group.name, target.port);
    Some(
        Finding::new(FindingKind::UnhealthyTarget, target.since, text)
            .stack(node.stack_id.as_ref())
            .instance(&node.id)
            .group(&group.arn)
            .identified(&target.port.to_string()),
    )
}

/// Whether the node is coming, going or taken out, so that failing the check is to be expected.
/// One that no group lists is none of these.
fn is_in_passing(node: &Node) -> bool {
    node.in_grace || (node.lifecycle.is_some() && !node.is_in_service())
}

/// Whether a failing probe of the node says why the load balancer is unhappy: of the port it
/// checks, or of the port it sends to.
fn explained(node: &Node, group: &TargetGroup, target: &NodeTarget) -> bool {
    node.is_living()
        && !node.in_grace
        && node.probes.iter().any(|probe| {
            probe.verdict == Verdict::Fail
                && (probe.outcome.port == target.port
                    || probe.outcome.port == group.checked_port(target.port))
        })
}

fn fail_open(
    scene: &Scene<'_>,
    group: &TargetGroup,
    owners: &BTreeSet<StackId>,
) -> Option<Finding> {
    let weight = scene.index.weight(&group.arn)?;
    let targets = scene.index.targets(&group.arn);
    let what = match capacity::opening(targets.iter().map(|held| &held.value)) {
        Opening::Closed => return None,
        Opening::Empty => "has no target".to_owned(),
        Opening::AllUnhealthy => {
            let all = targets.iter().filter(|held| !held.value.is_leaving()).count();
            format!("has no healthy target of {all}")
        }
    };
    let (severity, so) = if weight > 0 {
        (Severity::Critical, "its traffic goes to nobody or to unhealthy nodes")
    } else {
        (Severity::Warning, "it has weight 0, but can take zones of the load balancer out of DNS")
    };
    let owners: Vec<_> = owners.iter().map(StackId::as_str).collect();
    let text = format!("{} of {} {what}: {so}", group.name, listed(&owners));
    let stack = scene.index.owners.get(&group.arn).and_then(BTreeSet::first);
    Some(
        Finding::new(FindingKind::FailOpen, scene.index.now, text)
            .stack(stack)
            .group(&group.arn)
            .severity(severity)
            .identified(""),
    )
}

/// How a listener shares its traffic out among owners of groups. Owners, not parts: under the
/// attach wiring parts move with health, and that is no split.
type Wiring = BTreeMap<BTreeSet<StackId>, u64>;

/// Fleets that share a listener belong together; within such a set every listener must send the
/// same way.
fn listeners_split(scene: &Scene<'_>, balancer: &LoadBalancer, found: &mut Vec<Finding>) {
    let readable = |arn: &LoadBalancerArn| {
        scene.index.inventory.listeners.get(arn).is_some_and(|of| of.whole(scene.index.now).is_ok())
    };
    if !readable(&balancer.arn) {
        return;
    }
    let wired: Vec<(u16, Wiring)> = scene
        .index
        .listeners(&balancer.arn)
        .map(|listener| (listener.port, wiring(scene, listener)))
        .filter(|(_, wiring)| !wiring.is_empty())
        .collect();
    for component in components(&wired) {
        let own: Vec<_> = wired
            .iter()
            .filter(|(_, of)| of.keys().flatten().any(|stack| component.contains(stack)))
            .collect();
        let Some((_, first)) = own.first() else { continue };
        let weighted = |of: &Wiring| -> Wiring {
            of.iter().filter(|(_, share)| **share > 0).map(|(k, v)| (k.clone(), *v)).collect()
        };
        if own.iter().all(|(_, of)| weighted(of) == weighted(first)) {
            continue;
        }
        let each: Vec<_> =
            own.iter().map(|(port, of)| format!("{port} to {}", in_words(&weighted(of)))).collect();
        let text = format!("listeners of {} differ: {}", balancer.display_name(), listed(&each));
        found.push(
            Finding::new(FindingKind::ListenersSplit, scene.index.now, text)
                .stack(heaviest(&own).as_ref())
                .fix(Fix::Cutover)
                .identified(balancer.arn.as_str()),
        );
    }
}

/// Shares in thousandths of a listener, summed over its default action (rules match special
/// clients and may differ on purpose).
fn wiring(scene: &Scene<'_>, listener: &Listener) -> Wiring {
    let mut wiring = Wiring::new();
    for of in &listener.default.groups {
        if let Some(owners) = scene.index.owners.get(&of.target_group) {
            let share = listener.default.share_of(&of.target_group) * 1000.0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=1000")]
            let share = share.round() as u64;
            *wiring.entry(owners.clone()).or_default() += share;
        }
    }
    wiring
}

/// Sets of fleets that are connected by sharing a listener.
fn components(wired: &[(u16, Wiring)]) -> Vec<BTreeSet<StackId>> {
    let mut sets: Vec<BTreeSet<StackId>> = Vec::new();
    for (_, wiring) in wired {
        let mut joined: BTreeSet<StackId> = wiring.keys().flatten().cloned().collect();
        let (touching, apart): (Vec<_>, Vec<_>) =
            sets.into_iter().partition(|set| !set.is_disjoint(&joined));
        joined.extend(touching.into_iter().flatten());
        sets = apart;
        sets.push(joined);
    }
    sets
}

fn heaviest(wired: &[&(u16, Wiring)]) -> Option<StackId> {
    let mut sums: BTreeMap<&StackId, u64> = BTreeMap::new();
    for (stacks, share) in wired.iter().flat_map(|(_, of)| of) {
        for stack in stacks {
            *sums.entry(stack).or_default() += share;
        }
    }
    let most = sums.values().max().copied()?;
    sums.into_iter().find(|(_, sum)| *sum == most).map(|(stack, _)| stack.clone())
}

fn in_words(wiring: &Wiring) -> String {
    let parts: Vec<_> = wiring
        .iter()
        .map(|(stacks, share)| {
            let names: Vec<_> = stacks.iter().map(StackId::as_str).collect();
            format!("{} {}%", names.join("+"), share.div_ceil(10))
        })
        .collect();
    if parts.is_empty() { "no fleet".into() } else { parts.join("/") }
}

fn without_security_group(scene: &Scene<'_>, balancer: &LoadBalancer) -> Finding {
    let text = format!("load balancer {} has no security group", balancer.display_name());
    Finding::new(FindingKind::NlbWithoutSecurityGroup, scene.index.now, text)
        .identified(balancer.arn.as_str())
}

fn changed_outside(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    for change in scene.index.inventory.memory.outside_changes(scene.index.now) {
        let listener = change.listener.as_ref().and_then(|arn| {
            scene.index.inventory.all_listeners().find(|listener| &listener.arn == arn)
        });
        let stack = match (&change.group, listener) {
            (Some(group), _) => scene.index.stack_of_group.get(group).cloned(),
            (None, Some(listener)) => main_fleet(scene, listener),
            (None, None) => None,
        };
        // A listener or group that is not, or no longer, any fleet's is nobody's traffic here.
        let Some(stack) = stack else { continue };
        let place = listener
            .map(|of| format!("{}:{}: ", arn_name(of.load_balancer.as_str()), of.port))
            .unwrap_or_default();
        let minutes = age(change.after, change.seen).as_secs().div_ceil(60).max(1);
        let text = format!(
            "{place}{} within {} before it was seen, and no run of ours did it",
            change.what,
            if minutes == 1 { "1 minute".into() } else { format!("{minutes} minutes") },
        );
        found.push(
            Finding::new(FindingKind::TrafficChangedOutside, change.seen, text)
                .stack(Some(&stack))
                .identified(&format!("{place}{}", change.what)),
        );
    }
}

fn main_fleet(scene: &Scene<'_>, listener: &Listener) -> Option<StackId> {
    let heaviest: Option<&TargetGroupArn> = listener
        .default
        .groups
        .iter()
        .filter(|of| scene.parts.contains_key(&of.target_group))
        .max_by_key(|of| of.weight)
        .map(|of| &of.target_group);
    scene.index.owners.get(heaviest?)?.first().cloned()
}
