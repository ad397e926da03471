//! limits: MinSize and MaxSize leave room, and so do the load balancer's quotas for targets.

use super::scene::Scene;
use super::{block, pass, unknown, worst_of};
use crate::core::ids::{GroupName, InstanceId, LoadBalancerArn, TargetGroupArn, Zone};
use crate::core::inventory::TargetHealth;
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::count;
use crate::core::plan::{Mutation, Picture, Verb};
use std::collections::{BTreeMap, BTreeSet};

/// A network load balancer takes so many targets, a target counted once for each of its groups: in
/// all with cross-zone load balancing, in each zone without it (ELB quotas).
const TARGETS_AT_MOST: u32 = 500;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let mut verdicts = sizes(scene);
    verdicts.extend(quotas(scene));
    let verdict = worst_of(verdicts, pass("no size or quota is touched"));
    match (scene.acts_as(), verdict) {
        // What cannot be read does not stand in the way of a rollback: AWS would say no.
        (Verb::Rollback, Verdict::Unknown { because }) => super::warn(because),
        (_, verdict) => verdict,
    }
}

fn sizes(scene: &Scene<'_>) -> Vec<Verdict> {
    let mut by: BTreeMap<&GroupName, i64> = BTreeMap::new();
    for mutation in scene.mutations() {
        match mutation {
            Mutation::EnterStandby { group, instances } => {
                *by.entry(group).or_default() -= still(scene, group, instances, "InService");
            }
            Mutation::ExitStandby { group, instances } => {
                *by.entry(group).or_default() += still(scene, group, instances, "Standby");
            }
            _ => {}
        }
    }
    let judge = |(name, by): (&GroupName, i64)| {
        let Some(group) = scene.picture.group(name) else {
            return unknown(format!("the sizes of {name}"));
        };
        let wanted = i64::from(group.desired) + by;
        let text = format!("{name}: {wanted} desired of {} to {}", group.min, group.max);
        let fits = (i64::from(group.min)..=i64::from(group.max)).contains(&wanted);
        if fits { pass(text) } else { block(text) }
    };
    by.into_iter().map(judge).collect()
}

/// How many of these are in a lifecycle still: what a run has moved already moves no more.
fn still(scene: &Scene<'_>, group: &GroupName, instances: &[InstanceId], lifecycle: &str) -> i64 {
    let group = scene.picture.group(group).into_iter().flat_map(|group| &group.instances);
    let there = group.filter(|one| instances.contains(&one.id) && &*one.lifecycle == lifecycle);
    i64::from(count(there))
}

/// What each load balancer would have once the plan is carried out, against its quota. A target that
/// is registered already is counted once: a run asks this again after it has attached.
fn quotas(scene: &Scene<'_>) -> Vec<Verdict> {
    let mut adds: BTreeMap<&LoadBalancerArn, Added> = BTreeMap::new();
    for mutation in scene.mutations() {
        match mutation {
            Mutation::AttachTargetGroups { group, target_groups } => {
                for arn in target_groups {
                    for balancer in scene.picture.balancers_of(&BTreeSet::from([arn])) {
                        attached(scene, (group, arn), adds.entry(balancer).or_default());
                    }
                }
            }
            Mutation::Forward { action, to } => {
                let Some(listener) = scene.picture.listener(&action.listener) else { continue };
                let added = adds.entry(&listener.load_balancer).or_default();
                to.groups.iter().for_each(|of| named(scene, &of.target_group, added));
            }
            _ => {}
        }
    }
    let fits = |(balancer, added): (&LoadBalancerArn, Added)| match added.unknown.first() {
        Some(what) => Some(unknown(format!("target health of {what}"))),
        None if added.targets.is_empty() && !added.attaches => None,
        None => Some(fits(&scene.picture, balancer, &added)),
    };
    adds.into_iter().filter_map(fits).collect()
}

/// Targets that a load balancer gets beside those it has.
#[derive(Default)]
struct Added {
    /// Each target of each group once, and its zone.
    targets: BTreeMap<(TargetGroupArn, InstanceId), Option<Zone>>,
    /// Whether groups are attached, so that the quota is worth a word.
    attaches: bool,
    /// Groups that could not be read.
    unknown: Vec<String>,
}

/// Nodes of an Auto Scaling group that attaching it registers: those that are no targets yet.
fn attached(scene: &Scene<'_>, (name, arn): (&GroupName, &TargetGroupArn), added: &mut Added) {
    let picture = &scene.picture;
    added.attaches = true;
    let Ok(targets) = picture.targets(arn) else {
        added.unknown.push(picture.name_of(arn));
        return;
    };
    let there = |id: &InstanceId| {
        let is = |of: &TargetHealth| picture.behind(of).map_or(&of.id, |node| &node.id) == id;
        targets.iter().any(|held| is(&held.value))
    };
    let instances = picture.group(name).into_iter().flat_map(|group| &group.instances);
    let comes = |lifecycle: &str| lifecycle == "InService" || lifecycle.starts_with("Pending");
    for one in instances.filter(|one| comes(&one.lifecycle) && !there(&one.id)) {
        added.targets.insert((arn.clone(), one.id.clone()), Some(one.zone.clone()));
    }
}

/// Targets of a group that no listener names yet: naming it brings them to the load balancer.
fn named(scene: &Scene<'_>, arn: &TargetGroupArn, added: &mut Added) {
    let picture = &scene.picture;
    if picture.target_group(arn).is_none_or(|group| !group.load_balancers.is_empty()) {
        return;
    }
    let Ok(targets) = picture.targets(arn) else {
        added.unknown.push(picture.name_of(arn));
        return;
    };
    for held in targets {
        added.targets.insert((arn.clone(), held.value.id.clone()), picture.zone_of(&held.value));
    }
}

fn fits(picture: &Picture<'_>, balancer: &LoadBalancerArn, added: &Added) -> Verdict {
    let mut zones: BTreeMap<Option<Zone>, u32> = BTreeMap::new();
    let mut per_zone = true;
    let all = picture.inventory.target_groups.value().into_iter().flatten();
    for group in all.filter(|group| group.load_balancers.contains(balancer)) {
        // Groups that no fleet of ours is in are not read; what is not read is not counted.
        if !picture.inventory.target_health.contains_key(&group.arn) {
            continue;
        }
        let Ok(targets) = picture.targets(&group.arn) else {
            return unknown(format!("target health of {}", group.name));
        };
        per_zone &= picture.cross_zone(&group.arn) == Some(false);
        for held in targets {
            *zones.entry(picture.zone_of(&held.value)).or_default() += 1;
        }
    }
    for zone in added.targets.values() {
        *zones.entry(zone.clone()).or_default() += 1;
    }
    let (most, at, how) = if per_zone {
        let fullest = zones.into_iter().max_by_key(|(_, number)| *number).unwrap_or_default();
        let zone = fullest.0.map_or("one zone".to_owned(), |zone| zone.to_string());
        (fullest.1, format!("in {zone}"), "without cross-zone load balancing, a zone")
    } else {
        let sum = zones.values().sum();
        (sum, "on the load balancer".to_owned(), "with cross-zone load balancing")
    };
    // What is there already was let in: only what is added can be too much.
    if most > TARGETS_AT_MOST && !added.targets.is_empty() {
        return block(format!("{most} targets {at}, and {how} {TARGETS_AT_MOST} are the most"));
    }
    pass(format!("{most} targets {at} of {TARGETS_AT_MOST}"))
}
