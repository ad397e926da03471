//! floor: a group with weight keeps enough healthy targets over the whole selection, and a registry
//! service keeps a member of each fleet that has nodes. A rollback needs one healthy target where
//! traffic returns to; that reads are throttled does not stand in its way.

use super::scene::{Scene, Strength};
use super::{block, nothing, pass, unknown, warn, worst_of};
use crate::core::ids::{InstanceId, ServiceId, StackId, TargetGroupArn};
use crate::core::plan::Verb;
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::count;
use std::collections::BTreeSet;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let mut verdicts = entries(scene);
    match scene.acts_as() {
        Verb::Drain => verdicts.extend(drained(scene)),
        Verb::Cutover => verdicts.extend(received(scene)),
        Verb::Rollback => verdicts.extend(returned(scene)),
        Verb::Reregister | Verb::Repair | Verb::Deregister | Verb::Undrain | Verb::Takeover => {}
    }
    worst_of(verdicts, nothing("nothing is taken away"))
}

fn drained(scene: &Scene<'_>) -> Vec<Verdict> {
    let Some(stack) = &scene.plan.giving else { return Vec::new() };
    let picture = &scene.picture;
    let judge = |(group, targets): (&TargetGroupArn, Vec<&crate::core::plan::Target>)| {
        let name = picture.name_of(group);
        let least = scene.floor(stack, group);
        let all = match picture.targets(group) {
            Ok(all) => all,
            Err(why) => return unknown(format!("target health of {name}: {why}")),
        };
        let goes = |of: &crate::core::inventory::TargetHealth| {
            targets.iter().any(|target| target.id == of.id && target.port == of.port)
        };
        let healthy = all.iter().map(|held| &held.value).filter(|of| of.is_healthy());
        let kept = count(healthy.filter(|of| !goes(of)));
        let text = format!("{name} keeps {kept} healthy, and {least} are the least");
        if kept < least { block(text) } else { pass(text) }
    };
    let removed = scene.removed().into_iter();
    removed.filter(|(group, _)| picture.carries(group)).map(judge).collect()
}

fn received(scene: &Scene<'_>) -> Vec<Verdict> {
    let Some(stack) = &scene.plan.receiving else { return Vec::new() };
    let judge = |group: &TargetGroupArn| {
        let name = scene.picture.name_of(group);
        let least = scene.floor(stack, group);
        let (has, word) = match scene.strength(stack, group) {
            Strength::Healthy(number) => (number, "healthy"),
            Strength::Ready(number) => (number, "ready by their probes"),
            Strength::Unknown(why) => return unknown(why),
        };
        let text = format!("{stack} has {has} {word} for {name}, and {least} are the least");
        if has < least { block(text) } else { pass(text) }
    };
    scene.received().into_iter().map(judge).collect()
}

fn returned(scene: &Scene<'_>) -> Vec<Verdict> {
    let picture = &scene.picture;
    let judge = |group: &TargetGroupArn| {
        let name = picture.name_of(group);
        let stack = scene.plan.receiving.as_ref();
        match (picture.targets(group), picture.targets_known(group)) {
            (Ok(targets), _) => {
                let now = picture.count_healthy(targets, None, None);
                // Nodes that come back are not there yet: the run waits for them.
                let comes = scene.mutations().any(|of| {
                    matches!(of, crate::core::plan::Mutation::AttachTargetGroups { target_groups, .. }
                        if target_groups.contains(group))
                });
                match (now, comes, stack) {
                    (_, true, Some(stack)) => {
                        warn(format!("{name}: the run waits until {stack} is healthy again"))
                    }
                    (0, _, _) => {
                        block(format!("{name}, which traffic would return to, has nothing healthy"))
                    }
                    (_, _, _) => pass(format!("{name} has {now} healthy")),
                }
            }
            (Err(why), Some(last)) => {
                let seen = picture.count_healthy(last, None, None);
                warn(format!("target health of {name}: {why}; when last seen {seen} were healthy"))
            }
            (Err(why), None) => warn(format!("target health of {name}: {why}")),
        }
    };
    scene.returned().into_iter().map(judge).collect()
}

/// Entries that go, service by service. A fleet without a living node needs none.
fn entries(scene: &Scene<'_>) -> Vec<Verdict> {
    let registered = scene.registered();
    let removed = scene.unregistered();
    let mut verdicts = Vec::new();
    for (service, going) in &removed {
        let name = scene.picture.service_name(service);
        let members = match scene.picture.members(service) {
            Ok(members) => members,
            Err(why) => {
                verdicts.push(unknown(format!("members of {name}: {why}")));
                continue;
            }
        };
        let stays = |id: &&InstanceId| !going.contains(*id);
        let kept: BTreeSet<&InstanceId> = members.iter().map(|one| &one.id).filter(stays).collect();
        let added: BTreeSet<&InstanceId> = of_service(&registered, service).filter(stays).collect();
        if kept.is_empty() && added.is_empty() {
            verdicts.push(block(format!("{name} would be left empty")));
            continue;
        }
        let stacks: BTreeSet<&StackId> = members
            .iter()
            .filter(|one| going.contains(&one.id))
            .filter_map(|one| one.stack.as_ref())
            .collect();
        for stack in stacks {
            let own = |id: &&InstanceId| {
                let entry = members.iter().find(|one| one.id == **id);
                entry.and_then(|one| one.stack.as_ref()) == Some(stack)
                    || scene.picture.node(id).and_then(|node| node.stack_id.as_ref()) == Some(stack)
            };
            let left = count(kept.union(&added).filter(|id| own(id)));
            let gives = scene.verb() == Verb::Cutover;
            verdicts.push(match (left, scene.living(stack).is_empty() || gives) {
                (0, false) => block(format!("{name} would be left without a member of {stack}")),
                (0, true) => pass(format!("{name} keeps members of other fleets")),
                (left, _) => pass(format!("{name} keeps {left} of {stack}")),
            });
        }
    }
    verdicts
}

fn of_service<'a>(
    registered: &BTreeSet<(&'a ServiceId, &'a InstanceId)>,
    service: &ServiceId,
) -> impl Iterator<Item = &'a InstanceId> {
    registered.iter().filter(move |(of, _)| *of == service).map(|(_, id)| *id)
}
