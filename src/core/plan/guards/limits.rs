//! limits: MinSize and MaxSize leave room, and so do the load balancer's quotas for targets.

use super::scene::Scene;
use super::{block, pass, unknown, worst_of};
use crate::core::ids::TargetGroupArn;
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::count;
use crate::core::plan::{Mutation, Picture, Verb};
use std::collections::{BTreeMap, BTreeSet};

/// With cross-zone load balancing on, a network load balancer takes so many targets, a target
/// counted once for each of its groups (ELB quotas).
const TARGETS_AT_MOST: u32 = 500;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let mut verdicts = sizes(scene);
    verdicts.extend(quotas(scene));
    let verdict = worst_of(verdicts, pass("no size or quota is touched"));
    match (scene.verb(), verdict) {
        // What cannot be read does not stand in the way of a rollback: AWS would say no.
        (Verb::Rollback, Verdict::Unknown { because }) => super::warn(because),
        (_, verdict) => verdict,
    }
}

fn sizes(scene: &Scene<'_>) -> Vec<Verdict> {
    let mut by: BTreeMap<&crate::core::ids::GroupName, i64> = BTreeMap::new();
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
    let judge = |(name, by): (&crate::core::ids::GroupName, i64)| {
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
fn still(
    scene: &Scene<'_>,
    group: &crate::core::ids::GroupName,
    instances: &[crate::core::ids::InstanceId],
    lifecycle: &str,
) -> i64 {
    let group = scene.picture.group(group).into_iter().flat_map(|group| &group.instances);
    let there = group.filter(|one| instances.contains(&one.id) && &*one.lifecycle == lifecycle);
    i64::from(count(there))
}

/// Targets that attaching adds, against the quota of the load balancer.
fn quotas(scene: &Scene<'_>) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for mutation in scene.mutations() {
        let Mutation::AttachTargetGroups { group, target_groups } = mutation else { continue };
        let picture = &scene.picture;
        if !target_groups.iter().any(|arn| picture.cross_zone(arn) != Some(false)) {
            continue;
        }
        let nodes = picture.group(group).map(|group| count(group.instances.iter()));
        let adds = nodes.unwrap_or_default() * count(target_groups.iter());
        let groups: BTreeSet<&TargetGroupArn> = target_groups.iter().collect();
        verdicts.push(match registered(picture, &groups) {
            Err(name) => unknown(format!("target health of {name}")),
            Ok(there) if there + adds > TARGETS_AT_MOST => block(format!(
                "{} targets on the load balancer, and with cross-zone load balancing \
                 {TARGETS_AT_MOST} are the most",
                there + adds
            )),
            Ok(there) => pass(format!("{} targets of {TARGETS_AT_MOST}", there + adds)),
        });
    }
    verdicts
}

/// What the load balancer of these groups has registered in all groups.
fn registered(picture: &Picture<'_>, groups: &BTreeSet<&TargetGroupArn>) -> Result<u32, String> {
    let balancers = picture.balancers_of(groups);
    let all = picture.inventory.target_groups.value().into_iter().flatten();
    let of = all.filter(|group| group.load_balancers.iter().any(|arn| balancers.contains(arn)));
    let mut sum = 0;
    for group in of {
        // Groups that nobody of ours is in are not read; what is not read is not counted.
        if picture.inventory.target_health.contains_key(&group.arn) {
            let targets = picture.targets(&group.arn).map_err(|_| group.name.to_string())?;
            sum += count(targets.iter());
        }
    }
    Ok(sum)
}
