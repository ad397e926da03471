//! Findings from our own probes, alone and against what the load balancer says.

use super::{Scene, counted};
use crate::core::estate::{Node, NodeProbe, NodeTarget};
use crate::core::finding::{Finding, FindingKind};
use crate::core::ids::Product;
use crate::core::inventory::{ProbeReason, TargetGroup, Verdict};
use crate::core::observed::age;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The node's own `/healthz`, which sums up its products.
const AGGREGATOR: &str = "healthz";

pub(super) fn look(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    if super::super::nodes::nobody_answers(scene.index) {
        found.push(unreachable(scene));
        return;
    }
    let shared = dependency_failures(scene, found);
    for node in probed(scene) {
        let disagreeing = disagreements(scene, node, found);
        failed(scene, node, (&shared, &disagreeing), found);
    }
}

/// Nodes whose probes count: meant to serve, past their grace, not taken out on purpose.
fn probed<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = &'s Node> {
    scene
        .nodes
        .values()
        .filter(|node| node.is_living() && !node.in_grace && !node.drained_on_purpose)
        .filter(|node| node.probes.iter().any(|probe| !is_absent(probe)))
}

fn is_absent(probe: &NodeProbe) -> bool {
    probe.outcome.reason == ProbeReason::NotPresent
}

fn unreachable(scene: &Scene<'_>) -> Finding {
    let nodes = scene.nodes.values().filter(|node| !node.probes.is_empty()).count();
    let text = format!(
        "none of {} answers a probe from here: nothing is known about them by probing",
        counted(nodes, "node")
    );
    Finding::new(FindingKind::UnreachableFromHere, scene.index.now, text).identified("")
}

/// What makes two failures the same one: the product and the reason, whatever its details.
type SameCheck = (Product, std::mem::Discriminant<ProbeReason>);

fn check_of(probe: &NodeProbe) -> SameCheck {
    (probe.outcome.product.clone(), std::mem::discriminant(&probe.outcome.reason))
}

/// A check that fails in the same way on every probed node, two at least, while something answers
/// somewhere, if only to say no. It is the shared dependency then, not the nodes.
fn dependency_failures(scene: &Scene<'_>, found: &mut Vec<Finding>) -> BTreeSet<Product> {
    let nodes: Vec<&Node> = probed(scene).collect();
    let mut failing: BTreeMap<Product, Vec<(&Node, &NodeProbe)>> = BTreeMap::new();
    let mut answering = false;
    for node in &nodes {
        for probe in &node.probes {
            answering |= probe.verdict == Verdict::Pass || probe.outcome.status.is_some();
            if probe.verdict == Verdict::Fail {
                failing.entry(probe.outcome.product.clone()).or_default().push((node, probe));
            }
        }
    }
    failing.retain(|_, cases| {
        let same = cases.windows(2).all(|two| check_of(two[0].1) == check_of(two[1].1));
        nodes.len() >= 2 && cases.len() >= nodes.len() && same && answering
    });
    // The aggregator fails because a product does, and adds nothing.
    if failing.len() > 1 {
        failing.remove(&Product::from(AGGREGATOR));
    }
    let mut shared = BTreeSet::new();
    for (product, cases) in failing {
        let since = cases.iter().map(|(_, probe)| probe.since).max().unwrap_or(scene.index.now);
        let text = format!(
            "{product} fails the same way on all {}: {}",
            counted(cases.len(), "node"),
            cases[0].1.outcome.detail
        );
        let stacks: BTreeSet<_> = cases.iter().map(|(node, _)| node.stack_id.as_ref()).collect();
        let stack = if stacks.len() == 1 { stacks.into_iter().next().flatten() } else { None };
        found.push(
            Finding::new(FindingKind::DependencyFailure, since, text)
                .stack(stack)
                .identified(product.as_str()),
        );
        shared.insert(product);
    }
    shared
}

/// Where the load balancer and the probe contradict each other about the node for too long.
/// Answers the products that need no finding of their own any more.
fn disagreements(scene: &Scene<'_>, node: &Node, found: &mut Vec<Finding>) -> BTreeSet<Product> {
    let mut told = BTreeSet::new();
    for target in &node.targets {
        let Some(group) = scene.index.target_groups.get(&target.target_group) else { continue };
        let Some((probe, since)) = disagreement(scene, node, group, target) else { continue };
        let (load_balancer, ours) = (target.state_text(), &probe.outcome);
        let text = format!(
            "{} on {}: the load balancer says {load_balancer} in {}, {} says {}",
            node.id, target.port, group.name, ours.product, ours.detail
        );
        told.insert(ours.product.clone());
        found.push(
            Finding::new(FindingKind::ProbeDisagrees, since, text)
                .stack(node.stack_id.as_ref())
                .instance(&node.id)
                .group(&group.arn)
                .identified(&target.port.to_string()),
        );
    }
    told
}

/// The probe that contradicts a target's state, and since when: both must have held longer than
/// the load balancer needs to make up its mind (interval × threshold).
pub(super) fn disagreement<'n>(
    scene: &Scene<'_>,
    node: &'n Node,
    group: &TargetGroup,
    target: &NodeTarget,
) -> Option<(&'n NodeProbe, Timestamp)> {
    if node.drained_on_purpose || node.in_grace || !node.is_living() {
        return None;
    }
    let contradicts = match target.state.as_deref().ok()? {
        "healthy" => Verdict::Fail,
        "unhealthy" => Verdict::Pass,
        _ => return None,
    };
    let port = group.checked_port(target.port);
    let probe = node
        .probes
        .iter()
        .find(|probe| probe.outcome.port == port && probe.verdict == contradicts)?;
    // A TCP check asks only whether somebody listens: one who answers "no" does.
    let reason = &probe.outcome.reason;
    let listens = !reason.is_silence() && *reason != ProbeReason::Refused;
    if group.check_protocol == "TCP" && contradicts == Verdict::Fail && listens {
        return None;
    }
    let since = probe.since.max(target.since);
    let threshold = match contradicts {
        Verdict::Fail => group.unhealthy_threshold,
        _ => group.healthy_threshold,
    };
    let checks = group.check_interval_seconds.saturating_mul(threshold);
    let patience = Duration::from_secs(u64::from(checks));
    (age(since, scene.index.now) > patience).then_some((probe, since))
}

/// One finding for a node that answers nothing, else one a failing product. The node's own
/// `/healthz` adds nothing when it fails because a product does.
fn failed(
    scene: &Scene<'_>,
    node: &Node,
    (shared, disagreeing): (&BTreeSet<Product>, &BTreeSet<Product>),
    found: &mut Vec<Finding>,
) {
    let failing: Vec<&NodeProbe> =
        node.probes.iter().filter(|probe| probe.verdict == Verdict::Fail).collect();
    let present = node.probes.iter().filter(|probe| !is_absent(probe)).count();
    let silent = failing.iter().all(|probe| probe.outcome.status.is_none());
    if failing.len() > 1 && failing.len() == present && silent {
        let detail = &failing[0].outcome.detail;
        let since = failing.iter().map(|probe| probe.since).max().unwrap_or(failing[0].since);
        let text = format!("{} answers on none of {present} ports: {detail}", node.id);
        found.push(about(node, since, text).identified("all"));
        return;
    }
    let aggregator = Product::from(AGGREGATOR);
    let products_fail = failing.iter().any(|probe| probe.outcome.product != aggregator);
    for probe in failing {
        let product = &probe.outcome.product;
        let said = shared.contains(product) || disagreeing.contains(product);
        if said || (*product == aggregator && products_fail) {
            continue;
        }
        let alive = if probe.outcome.alive == Some(true) { "; the process answers" } else { "" };
        let text = format!("{} {product}: {}{alive}", node.id, probe.outcome.detail);
        let mut finding = about(node, probe.since, text).identified(product.as_str());
        link_blocker(scene, probe, &mut finding);
        found.push(finding);
    }
}

/// A node that waits for a ring's member is told which one it is, and how the ring forgets it.
fn link_blocker(scene: &Scene<'_>, probe: &NodeProbe, finding: &mut Finding) {
    let ProbeReason::BlockedBy(address) = &probe.outcome.reason else { return };
    let rings = scene.fleets.values().flat_map(|fleet| &fleet.rings);
    let mut debris =
        rings.filter(|ring| ring.product == probe.outcome.product).flat_map(|ring| &ring.debris);
    let Some(of) = debris.find(|of| *of.member.address == **address) else { return };
    let whose = match &of.instance {
        Some(id) => format!("whose address is {id}'s"),
        None => "whose address no instance has".into(),
    };
    finding.summary.push_str(&format!("; that is the ring's member {}, {whose}", of.member.id));
    finding.runbook = super::rings::forget_runbook(of.forget.as_deref());
}

fn about(node: &Node, since: Timestamp, text: String) -> Finding {
    Finding::new(FindingKind::ProbeFailed, since, text)
        .stack(node.stack_id.as_ref())
        .instance(&node.id)
}
