//! velocity: nodes go one at a time unless the operator says otherwise, and the next only when the
//! last has settled: while targets of the fleet still leave or come, nothing more is taken.

use super::scene::Scene;
use super::{block, pass, unknown, warn, worst_of};
use crate::core::ids::StackId;
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::{count, counted};
use crate::core::plan::{Intent, Mutation};
use std::collections::BTreeSet;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let removes = scene.removed();
    if removes.is_empty() {
        return pass("one call at a time, each seen before the next");
    }
    let mut verdicts = vec![pace(scene)];
    verdicts.extend(scene.plan.giving.iter().map(|stack| settling(scene, stack)));
    worst_of(verdicts, pass("one at a time"))
}

/// How many nodes go in one step.
fn pace(scene: &Scene<'_>) -> Verdict {
    let wanted = scene.plan.options.at_a_time;
    let most = scene.mutations().map(|mutation| match mutation {
        Mutation::EnterStandby { instances, .. } => count(instances.iter()),
        Mutation::DeregisterTargets { targets, .. } => {
            count(targets.iter().map(|target| &target.id).collect::<BTreeSet<_>>().iter())
        }
        _ => 0,
    });
    match most.max().unwrap_or_default() {
        0 | 1 => pass("one node at a time"),
        most if most > wanted => {
            block(format!("{} in one step, and {wanted} are allowed", counted(most, "node")))
        }
        most => warn(format!("{} at a time instead of 1", counted(most, "node"))),
    }
}

/// Targets of the fleet that are coming or going, those of this plan apart.
fn settling(scene: &Scene<'_>, stack: &StackId) -> Verdict {
    let picture = &scene.picture;
    let ours = match &scene.plan.intent {
        Intent::Drain { nodes } => nodes.as_slice(),
        _ => &[],
    };
    for group in picture.target_groups_of(stack) {
        let name = picture.name_of(group);
        let targets = match picture.targets(group) {
            Ok(targets) => targets,
            Err(why) => return unknown(format!("target health of {name}: {why}")),
        };
        let moving = targets.iter().map(|held| &held.value).find(|of| {
            (of.is_leaving() || &*of.state == "initial")
                && picture.behind(of).is_some_and(|node| {
                    node.stack_id.as_ref() == Some(stack) && !ours.contains(&node.id)
                })
        });
        if let Some(target) = moving {
            return block(format!(
                "{} is {} in {name}: it has not settled",
                target.id, target.state
            ));
        }
    }
    pass("nothing is coming or going")
}
