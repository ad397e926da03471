//! Findings about rings. A node that is alone is said as that, and is no split as well; a node whose
//! process does not answer is a failed probe, and not one that has not joined.

use super::{Scene, counted, listed};
use crate::core::estate::{Fleet, Node};
use crate::core::finding::{Finding, FindingKind, Severity};
use crate::core::ids::{InstanceId, Product};
use crate::core::inventory::Verdict;
use crate::core::rings::{Debris, FleetRing, RingStanding};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) fn look(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let mut debris_told = BTreeSet::new();
    for fleet in scene.fleets.values() {
        for ring in &fleet.rings {
            for of in &ring.debris {
                // Fleets that share a ring see the same member; it is said once.
                let name = (&ring.product, &of.member.id, &of.member.address);
                if debris_told.insert(name) {
                    found.push(unhealthy(scene, fleet, ring, of));
                }
            }
            let alone = alone(scene, fleet, ring, found);
            found.extend(split(scene, fleet, ring, &alone));
            found.extend(cross_joined(scene, fleet, ring));
            found.extend(not_shared(scene, fleet, ring));
            missing(scene, fleet, &ring.product, found);
        }
        versions(scene, fleet, found);
    }
}

fn unhealthy(scene: &Scene<'_>, fleet: &Fleet, ring: &FleetRing, of: &Debris) -> Finding {
    let member = &of.member;
    let silent = member.heartbeat_age.map_or_else(String::new, |age| {
        format!(", last heard of {} ago", crate::core::rings::span(age))
    });
    let whose = match &of.instance {
        Some(id) => format!("address of {id}"),
        None => "no instance has its address".into(),
    };
    let mut text = format!(
        "{} ({}, {whose}) is {} in the ring of {}{silent}, as {} see it",
        member.id,
        member.address,
        member.state,
        ring.product,
        counted(usize::try_from(of.seen_by).unwrap_or(usize::MAX), "node"),
    );
    if !of.blocks.is_empty() {
        let names: Vec<_> = of.blocks.iter().map(InstanceId::as_str).collect();
        text.push_str(&format!("; it keeps {} from becoming ready", listed(&names)));
    }
    let severity = if of.blocks.is_empty() { Severity::Warning } else { Severity::Critical };
    let mut finding = Finding::new(FindingKind::RingUnhealthy, scene.index.now, text)
        .stack(Some(&fleet.stack_id))
        .severity(severity)
        .identified(&format!("{} {} {}", ring.product, member.id, member.address));
    finding.instance_id.clone_from(&of.instance);
    finding.runbook = forget_runbook(of.forget.as_deref());
    finding
}

/// What to do about a member without a heartbeat, with the command to copy.
pub(super) fn forget_runbook(command: Option<&str>) -> String {
    let command = command.map_or_else(
        || "use Forget on the ring's page of any node".to_owned(),
        |command| format!("run: {command}"),
    );
    format!("Make sure that it is gone for good, then make the ring forget it: {command}")
}

/// Nodes whose ring is themselves alone, a finding each, unless all are.
fn alone(
    scene: &Scene<'_>,
    fleet: &Fleet,
    ring: &FleetRing,
    found: &mut Vec<Finding>,
) -> BTreeSet<InstanceId> {
    let is_alone = |node: &&Node| {
        let own = node.rings.iter().find(|of| of.product == ring.product);
        own.is_some_and(|of| of.standing == RingStanding::Alone)
    };
    let by_themselves =
        ring.groups.iter().filter(|group| group.len() == 1).flatten().collect::<BTreeSet<_>>();
    let alone: Vec<&Node> = scene
        .nodes_of(fleet)
        .filter(|node| by_themselves.contains(&node.id))
        .filter(is_alone)
        .collect();
    if !ring.is_split() || alone.len() == ring.groups.len() {
        return BTreeSet::new();
    }
    for node in &alone {
        let text = format!(
            "{} is alone in a ring of {}: it sees only itself, and {} do not see it",
            node.id,
            ring.product,
            counted(peers(ring, node), "node")
        );
        found.push(about(scene, node, FindingKind::RingIsolatedNode, text, &ring.product));
    }
    alone.iter().map(|node| node.id.clone()).collect()
}

fn peers(ring: &FleetRing, node: &Node) -> usize {
    ring.groups.iter().flatten().filter(|id| **id != node.id).count()
}

fn split(
    scene: &Scene<'_>,
    fleet: &Fleet,
    ring: &FleetRing,
    alone: &BTreeSet<InstanceId>,
) -> Option<Finding> {
    let groups: Vec<_> =
        ring.groups.iter().filter(|group| !group.iter().all(|id| alone.contains(id))).collect();
    if groups.len() < 2 {
        return None;
    }
    let each: Vec<_> = groups
        .iter()
        .map(|group| match group.as_slice() {
            [one] => one.to_string(),
            [first, ..] => format!("{} with {first}", counted(group.len(), "node")),
            [] => String::new(),
        })
        .collect();
    let text = format!(
        "the ring of {} in {} has fallen into {} parts that do not see each other: {}",
        ring.product,
        fleet.stack_id,
        groups.len(),
        listed(&each)
    );
    Some(
        Finding::new(FindingKind::RingSplit, scene.index.now, text)
            .stack(Some(&fleet.stack_id))
            .identified(ring.product.as_str()),
    )
}

/// Two products whose rings have become one; where only the gossip is shared it is a warning. It is
/// said once for the two of them.
fn cross_joined(scene: &Scene<'_>, fleet: &Fleet, ring: &FleetRing) -> Option<Finding> {
    // A fleet that runs only one of them has no members in the other's ring.
    let mut rings = fleet.rings.iter();
    let first = rings
        .clone()
        .find(|of| !of.foreign.is_empty())
        .or_else(|| rings.find(|of| of.gossip_shared))?;
    if first.product != ring.product {
        return None;
    }
    let others: Vec<_> = fleet
        .rings
        .iter()
        .filter(|of| of.product != ring.product && (!of.foreign.is_empty() || of.gossip_shared))
        .map(|of| of.product.as_str())
        .collect();
    let (severity, text) = match ring.foreign.len() {
        0 => (
            Severity::Warning,
            format!(
                "{} and {} in {} share one gossip cluster: their smaller rings (compactors) mix",
                ring.product,
                listed(&others),
                fleet.stack_id
            ),
        ),
        members => (
            Severity::Critical,
            format!(
                "{} and {} in {} have one ring between them, of {}: writes of each go to the other",
                ring.product,
                listed(&others),
                fleet.stack_id,
                counted(members, "member")
            ),
        ),
    };
    Some(
        Finding::new(FindingKind::RingCrossJoined, scene.index.now, text)
            .stack(Some(&fleet.stack_id))
            .severity(severity)
            .identified(""),
    )
}

/// A product that has no ring to share: not an error, but what it means must be known.
fn not_shared(scene: &Scene<'_>, fleet: &Fleet, ring: &FleetRing) -> Option<Finding> {
    if ring.not_shared.len() < 2 {
        return None;
    }
    let text = format!(
        "{} on {} of {} has no shared ring (target=all): what is recent is only on the node that got it",
        ring.product,
        counted(ring.not_shared.len(), "node"),
        fleet.stack_id
    );
    let mut finding = Finding::new(FindingKind::RingNotJoined, scene.index.now, text)
        .stack(Some(&fleet.stack_id))
        .severity(Severity::Info)
        .identified(ring.product.as_str());
    finding.runbook = "Nothing is broken; run it as scalable-single-binary (Tempo up to 2.10) if its nodes should share a ring.".into();
    Some(finding)
}

/// Nodes that are well and that the ring of their peers does not have.
fn missing(scene: &Scene<'_>, fleet: &Fleet, product: &Product, found: &mut Vec<Finding>) {
    for node in scene.nodes_of(fleet).filter(|node| node.is_living() && !node.in_grace) {
        let own = node.rings.iter().find(|of| &of.product == product);
        let well = node
            .probes
            .iter()
            .any(|of| &of.outcome.product == product && of.verdict == Verdict::Pass);
        if well && own.is_some_and(|of| of.standing == RingStanding::Missing) {
            let text = format!(
                "{} is in service and in no ring of {product} that its fleet sees",
                node.id
            );
            found.push(about(scene, node, FindingKind::RingNotJoined, text, product));
        }
    }
}

fn about(
    scene: &Scene<'_>,
    node: &Node,
    kind: FindingKind,
    text: String,
    product: &Product,
) -> Finding {
    Finding::new(kind, scene.index.now, text)
        .stack(node.stack_id.as_ref())
        .instance(&node.id)
        .identified(product.as_str())
}

/// Nodes of one fleet whose products say different versions.
fn versions(scene: &Scene<'_>, fleet: &Fleet, found: &mut Vec<Finding>) {
    let mut all: BTreeMap<&Product, BTreeMap<&Arc<str>, usize>> = BTreeMap::new();
    for node in scene.nodes_of(fleet).filter(|node| node.is_living() && !node.in_grace) {
        for (product, version) in node.versions.iter() {
            *all.entry(product).or_default().entry(version).or_default() += 1;
        }
    }
    for (product, versions) in all.into_iter().filter(|(_, versions)| versions.len() > 1) {
        let each: Vec<_> = versions
            .iter()
            .map(|(version, nodes)| format!("{} of {version}", counted(*nodes, "node")))
            .collect();
        let text = format!("{product} in {} runs on {}", fleet.stack_id, listed(&each));
        let mut finding = Finding::new(FindingKind::MixedVersions, scene.index.now, text)
            .stack(Some(&fleet.stack_id))
            .identified(&format!("software {product}"));
        finding.runbook =
            "Finish or roll back the upgrade: nodes of one ring should run one version.".into();
        found.push(finding);
    }
}
