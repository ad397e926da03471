//! change-in-flight: nothing else is changing these fleets, as far as can be seen.

use super::scene::Scene;
use super::{block, pass, warn, worst_of};
use crate::core::ids::StackId;
use crate::core::inventory::AutoScalingGroup;
use crate::core::plan::Intent;
use crate::core::plan::guard::Verdict;

/// States in which an instance refresh still replaces, or watches what it replaced.
const REFRESHING: [&str; 5] =
    ["Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"];
/// States in which a scaling activity is over.
const OVER: [&str; 3] = ["Successful", "Failed", "Cancelled"];

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let mut verdicts = vec![runs(scene)];
    for stack in scene.stacks() {
        // Who receives is left free to scale out: during the run that is no reason to stop. What it
        // must have healthy is asked by floor and capacity.
        let free = scene.is_under_way() && scene.plan.receiving.as_ref() == Some(stack);
        for group in scene.picture.groups_of(stack) {
            verdicts.push(group_in_flight(scene, group, free));
        }
        if scene.picture.inventory.groups.whole(scene.picture.now).is_err() {
            verdicts.push(warn(format!("what the groups of {stack} do could not be read")));
        }
    }
    worst_of(verdicts, pass("nothing is in flight"))
}

fn runs(scene: &Scene<'_>) -> Verdict {
    let undone = match &scene.plan.intent {
        Intent::Rollback { run } => Some(run),
        _ => None,
    };
    let touches = |stack: &StackId| scene.stacks().any(|own| own == stack);
    let other = scene.context.runs.iter().find(|run| {
        !run.state.is_over()
            && Some(&run.id) != undone
            // A run asks its own guards with its own plan.
            && run.plan.digest != scene.plan.digest
            && run.plan.giving.iter().chain(&run.plan.receiving).any(touches)
    });
    match other {
        Some(run) => block(format!("run {} ({}) is at work", run.id, run.plan.intent.verb())),
        None => pass("no other run of this host"),
    }
}

fn group_in_flight(scene: &Scene<'_>, group: &AutoScalingGroup, free: bool) -> Verdict {
    let in_flight: fn(String) -> Verdict = if free { warn } else { block };
    let (inventory, now) = (scene.picture.inventory, scene.picture.now);
    let refreshes = inventory.refreshes.get(&group.name).map(|of| of.current(now));
    if let Some(Ok(refreshes)) = refreshes
        && let Some(of) = refreshes.iter().find(|of| REFRESHING.contains(&of.status.as_str()))
    {
        return block(format!("instance refresh {} of {} is {}", of.id, group.name, of.status));
    }
    let moving = group.instances.iter().find(|one| {
        ["Pending", "Terminating", "EnteringStandby", "Detaching"]
            .iter()
            .any(|state| one.lifecycle.starts_with(state))
    });
    if let Some(one) = moving.filter(|one| !is_ours(scene, &one.id)) {
        return in_flight(format!("{} of {} is {}", one.id, group.name, one.lifecycle));
    }
    let activities = inventory.activities.get(&group.name).map(|of| of.current(now));
    if let Some(Ok(activities)) = activities {
        let open = activities.iter().find(|of| {
            of.ended.is_none() && !OVER.contains(&of.status.as_str()) && !is_described(scene, of)
        });
        if let Some(of) = open {
            return in_flight(format!("{}: {} ({})", group.name, of.description, of.status));
        }
    }
    match (refreshes, activities) {
        (Some(Ok(_)), Some(Ok(_))) => pass(format!("nothing is in flight in {}", group.name)),
        // Not every account grants these reads, and some endpoints do not know them.
        _ => warn(format!("activities and refreshes of {} could not be read", group.name)),
    }
}

/// Whether a node moves because this plan moves it.
fn is_ours(scene: &Scene<'_>, id: &crate::core::ids::InstanceId) -> bool {
    match &scene.plan.intent {
        Intent::Drain { nodes } | Intent::Undrain { nodes } => nodes.contains(id),
        _ => false,
    }
}

/// Whether an activity is about a node that this plan moves.
fn is_described(scene: &Scene<'_>, of: &crate::core::inventory::Activity) -> bool {
    match &scene.plan.intent {
        Intent::Drain { nodes } | Intent::Undrain { nodes } => {
            nodes.iter().any(|id| of.description.contains(id.as_str()))
        }
        _ => false,
    }
}
