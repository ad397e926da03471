//! Findings about zones: a zone without a node, and a zone that one group's sickness takes out of
//! the load balancer's DNS.

use super::{Scene, listed};
use crate::core::estate::{Fleet, Node};
use crate::core::finding::{Finding, FindingKind};
use crate::core::ids::{StackId, TargetGroupArn, Zone};
use crate::core::inventory::{LoadBalancer, TargetGroup};
use crate::core::observed::Observed;
use std::collections::BTreeSet;

pub(super) fn look(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let mut told: BTreeSet<(StackId, Zone)> = BTreeSet::new();
    for balancer in scene.index.balancers() {
        for zone in &balancer.zones {
            out_of_dns(scene, balancer, zone, (found, &mut told));
        }
    }
    // A list that is not current or not whole proves no absence.
    if scene.index.inventory.groups.whole(scene.index.now).is_ok() {
        for fleet in scene.fleets.values() {
            uncovered(scene, fleet, &told, found);
        }
    }
}

/// With cross-zone off, a zone in which one group in use has no healthy target leaves DNS for the
/// whole load balancer, even if every other group is well there (ELB documentation, "Target group
/// health"). A group that fails open everywhere takes no single zone out, and has its own finding.
fn out_of_dns(
    scene: &Scene<'_>,
    balancer: &LoadBalancer,
    zone: &Zone,
    (found, told): (&mut Vec<Finding>, &mut BTreeSet<(StackId, Zone)>),
) {
    if groups_in_use(scene, balancer).next().is_none() {
        return;
    }
    // A group that is nobody's of ours takes the zone from all fleets on this load balancer too.
    let culprits: Vec<&TargetGroup> = scene
        .index
        .target_groups
        .values()
        .copied()
        .filter(|group| is_in_use(scene, balancer, group))
        .filter(|group| is_zonal(scene, balancer, &group.arn) == Some(true))
        .filter(|group| has_no_healthy_target(scene, &group.arn, zone))
        .collect();
    let Some(first) = culprits.first() else { return };
    let owners = |group: &TargetGroup| scene.index.owners.get(&group.arn);
    for group in &culprits {
        told.extend(owners(group).into_iter().flatten().map(|of| (of.clone(), zone.clone())));
    }
    let names: Vec<_> = culprits.iter().map(|group| &*group.name).collect();
    let text = format!(
        "zone {zone} is out of {}'s DNS: no healthy target there in {}, and cross-zone is off",
        balancer.display_name(),
        listed(&names)
    );
    found.push(
        Finding::new(FindingKind::ZoneOutOfDns, scene.index.now, text)
            .stack(owners(first).and_then(BTreeSet::first))
            .identified(&format!("{} {zone}", balancer.arn)),
    );
}

fn is_in_use(scene: &Scene<'_>, balancer: &LoadBalancer, group: &TargetGroup) -> bool {
    group.load_balancers.contains(&balancer.arn) && scene.index.weight(&group.arn).is_some()
}

/// Groups of our fleets that a listener of the load balancer names.
fn groups_in_use<'s>(
    scene: &'s Scene<'_>,
    balancer: &'s LoadBalancer,
) -> impl Iterator<Item = &'s TargetGroup> {
    scene
        .index
        .owners
        .keys()
        .filter_map(|arn| scene.index.target_groups.get(*arn).copied())
        .filter(|group| is_in_use(scene, balancer, group))
}

/// Whether a group is judged zone by zone: cross-zone off for it, and DNS failover not switched
/// off. `None` when the attributes could not be read.
fn is_zonal(scene: &Scene<'_>, balancer: &LoadBalancer, arn: &TargetGroupArn) -> Option<bool> {
    let own = scene.index.inventory.target_group_attributes.get(arn).and_then(Observed::value)?;
    let cross_zone = match own.cross_zone {
        Some(own) => own,
        None => {
            let of_balancer = scene.index.inventory.load_balancer_attributes.get(&balancer.arn)?;
            of_balancer.value()?.cross_zone
        }
    };
    Some(!cross_zone && !own.dns_failover_off)
}

/// Whether a group that has healthy targets elsewhere has none in this zone. A target whose zone
/// is unknown might be there, so then nothing is said.
fn has_no_healthy_target(scene: &Scene<'_>, arn: &TargetGroupArn, zone: &Zone) -> bool {
    let current = scene
        .index
        .inventory
        .target_health
        .get(arn)
        .is_some_and(|health| health.current(scene.index.now).is_ok());
    let zone_of = |id| {
        let id = scene.index.resolve(id, None);
        let node = scene.nodes.get(&id).and_then(|of: &Node| of.zone.as_ref());
        node.or_else(|| scene.index.ec2(&id)?.zone.as_ref())
    };
    let healthy_in: Vec<Option<&Zone>> = scene
        .index
        .targets(arn)
        .iter()
        .filter(|held| held.value.is_healthy())
        .map(|held| zone_of(&held.value.id))
        .collect();
    current && !healthy_in.is_empty() && healthy_in.iter().all(|of| of.is_some_and(|of| of != zone))
}

/// A zone that this fleet's load balancer serves, in which the fleet has no node in service while
/// it has some elsewhere.
fn uncovered(
    scene: &Scene<'_>,
    fleet: &Fleet,
    told: &BTreeSet<(StackId, Zone)>,
    found: &mut Vec<Finding>,
) {
    let mut covered = BTreeSet::new();
    for node in scene.nodes_of(fleet).filter(|node| node.is_living()) {
        let Some(zone) = &node.zone else { return };
        covered.insert(zone);
    }
    if covered.is_empty() {
        return;
    }
    for balancer in scene.index.balancers() {
        let serves = groups_in_use(scene, balancer)
            .any(|group| scene.index.owners[&group.arn].contains(&fleet.stack_id));
        for zone in balancer.zones.iter().filter(|zone| serves && !covered.contains(zone)) {
            if told.contains(&(fleet.stack_id.clone(), zone.clone())) {
                continue;
            }
            let here: Vec<_> = covered.iter().map(|zone| zone.as_str()).collect();
            let text = format!(
                "{} serves zone {zone}, and {} has no node there, only in {}",
                balancer.display_name(),
                fleet.stack_id,
                listed(&here)
            );
            found.push(
                Finding::new(FindingKind::ZoneUncovered, scene.index.now, text)
                    .stack(Some(&fleet.stack_id))
                    .identified(&format!("{} {zone}", balancer.arn)),
            );
        }
    }
}
