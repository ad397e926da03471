//! undo-ready: what the way back needs holds now.

use super::scene::{Scene, Strength};
use super::{block, nothing, pass, unknown, warn, worst_of};
use crate::core::estate::Existence;
use crate::core::ids::{InstanceId, StackId};
use crate::core::plan::guard::Verdict;
use crate::core::plan::{Mutation, StepAction};

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let mut verdicts: Vec<Verdict> = scene
        .plan
        .steps
        .iter()
        .filter_map(|step| step.undo.as_ref())
        .map(|undo| match undo {
            Mutation::RegisterTargets { targets, .. } => {
                let ids = targets.iter().map(|target| &target.id);
                running(scene, ids.filter(|id| id.is_ec2()))
            }
            Mutation::ExitStandby { instances, group } => {
                let room = scene.picture.group(group).map(|group| group.desired <= group.max);
                match room {
                    Some(true) => running(scene, instances.iter()),
                    Some(false) => block(format!("{group} is over its MaxSize")),
                    None => unknown(format!("the sizes of {group}")),
                }
            }
            _ => pass("each step has its way back"),
        })
        .collect();
    let moves = scene.plan.receiving.is_some();
    verdicts.extend(scene.plan.giving.iter().filter(|_| moves).map(|stack| carries(scene, stack)));
    let changes = |step: &&crate::core::plan::Step| {
        matches!(step.action, StepAction::Change(_)) && step.shifting
    };
    if let Some(step) = scene.plan.steps.iter().filter(changes).find(|step| step.undo.is_none()) {
        verdicts.push(warn(format!("step {} has no way back", step.number)));
    }
    worst_of(verdicts, nothing("there is nothing to undo"))
}

/// RegisterTargets takes running instances only.
fn running<'i>(scene: &Scene<'_>, ids: impl Iterator<Item = &'i InstanceId>) -> Verdict {
    let verdicts = ids.map(|id| match scene.picture.node(id).map(|node| node.existence) {
        Some(Existence::Running) => pass("the nodes run and can be registered again"),
        Some(Existence::Present | Existence::Gone) => block(format!("{id} does not run")),
        Some(Existence::Unknown) | None => unknown(format!("whether {id} runs")),
    });
    worst_of(verdicts.collect(), nothing("there is nothing to undo"))
}

/// The fleet that gives could take its traffic back now.
fn carries(scene: &Scene<'_>, stack: &StackId) -> Verdict {
    let groups = scene.picture.target_groups_of(stack);
    let verdicts = groups.into_iter().filter(|group| scene.picture.carries(group)).map(|group| {
        let name = scene.picture.name_of(group);
        match scene.strength(stack, group) {
            Strength::Healthy(0) => {
                block(format!("{stack} has nothing healthy in {name} to go back to"))
            }
            Strength::Healthy(number) | Strength::Ready(number) => {
                pass(format!("{stack} has {number} healthy to go back to"))
            }
            Strength::Unknown(why) => unknown(why),
        }
    });
    worst_of(verdicts.collect(), nothing("nothing carries traffic"))
}
