//! undrain: drained nodes back where they belong, and a wait until they are healthy.

use super::draft::{Do, Draft};
use super::drain::STANDBY_AT_MOST;
use super::entries::wrong;
use super::locks::locks_of;
use super::registry::register;
use super::targets::{belongs_to, is_named, missing, taken_in};
use super::{
    HEALTHY_WITHIN, REGISTERED_AFTER, REGISTRATION_TAKES, Request, blocked, nothing, one_fleet,
};
use crate::core::estate::Node;
use crate::core::ids::{GroupName, InstanceId, TargetGroupArn};
use crate::core::plan::view::{count, counted, listed};
use crate::core::plan::{Claim, Context, FactKind, Mutation, Picture, Plan, Refusal, Target};
use std::collections::BTreeMap;

pub(super) fn plan(
    picture: Picture<'_>,
    request: &Request,
    context: &Context,
    ids: &[InstanceId],
) -> Result<Plan, Refusal> {
    let stack = one_fleet(&picture, ids)?;
    let mut draft = Draft::new(picture, request, context)?;
    draft.giving = Some(stack.clone());
    for arn in picture.target_groups_of(&stack) {
        draft.ledger.watch(arn, None, 0);
    }
    draft.take_lock(locks_of(&picture, &[&stack])?);
    let before = draft.steps().len();
    let nodes: Vec<&Node> = ids.iter().filter_map(|id| picture.node(id)).collect();
    let (standing_by, others): (Vec<&Node>, Vec<&Node>) =
        nodes.iter().partition(|node| node.lifecycle.as_deref() == Some("Standby"));
    entries(&mut draft, &nodes)?;
    exit_standby(&mut draft, &standing_by)?;
    for node in others {
        if !node.is_in_service() {
            let lifecycle = node.lifecycle.as_deref().unwrap_or("listed by no group");
            let why = format!("{} is {lifecycle}: there is nothing to bring back", node.id);
            return Err(blocked(why, "Choose nodes that are in standby or in service."));
        }
        register(&mut draft, &missing(&picture, node)?, None);
    }
    unpin(&mut draft, &nodes);
    if draft.steps().len() == before {
        let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
        return Err(nothing(format!("{}: in the load balancer already", listed(&names))));
    }
    draft.give_lock_back();
    let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
    draft.undo.push(format!("`quarterdeck drain {}`.", names.join(" ")));
    Ok(draft.finish())
}

/// What a drain with --remove-members took out of the registry comes back first.
fn entries(draft: &mut Draft<'_>, nodes: &[&Node]) -> Result<(), Refusal> {
    for node in nodes {
        for entry in wrong(&draft.picture, node)? {
            draft.write_entry(&entry, None);
        }
    }
    Ok(())
}

fn exit_standby(draft: &mut Draft<'_>, nodes: &[&Node]) -> Result<(), Refusal> {
    let mut of_group: BTreeMap<&GroupName, Vec<&Node>> = BTreeMap::new();
    for node in nodes {
        if let Some(group) = &node.group {
            of_group.entry(group).or_default().push(node);
        }
    }
    for (name, nodes) in of_group {
        let Some(group) = draft.picture.group(name) else { continue };
        let more = count(nodes.iter());
        if group.desired + more > group.max {
            let why = format!(
                "{} of {name} cannot leave standby: desired {} and {more} more is over MaxSize {}",
                counted(more, "node"),
                group.desired,
                group.max
            );
            let next = format!("Raise MaxSize of {name}, or bring back fewer nodes.");
            return Err(blocked(why, next));
        }
        for batch in nodes.chunks(STANDBY_AT_MOST) {
            leave(draft, name, batch);
        }
    }
    Ok(())
}

fn leave(draft: &mut Draft<'_>, group: &GroupName, batch: &[&Node]) {
    let ids: Vec<InstanceId> = batch.iter().map(|node| node.id.clone()).collect();
    let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let lifecycle = |instance: &InstanceId, is: &str| Claim::Lifecycle {
        group: group.clone(),
        instance: instance.clone(),
        is: is.into(),
    };
    let by = i32::try_from(ids.len()).unwrap_or(i32::MAX);
    let mut step = Do::change(
        format!("{} out of standby", listed(&names)),
        Mutation::ExitStandby { group: group.clone(), instances: ids.clone() },
    )
    .before(FactKind::Identity, draft.place())
    .before(FactKind::Predicate, Claim::Room { group: group.clone(), by })
    .undo(Mutation::EnterStandby { group: group.clone(), instances: ids.clone() })
    .within(HEALTHY_WITHIN);
    let groups = at_own_ports(draft, batch);
    if groups.keys().any(|arn| is_named(&draft.picture, arn)) {
        step = step.at_least(REGISTERED_AFTER, REGISTRATION_TAKES);
    }
    for id in &ids {
        step = step.before(FactKind::Identity, lifecycle(id, "Standby"));
        step = step.after(lifecycle(id, "InService"));
    }
    for (arn, targets) in groups {
        step = step.after(taken_in(&draft.picture, &arn, targets));
    }
    draft.add(step);
}

/// Auto Scaling registers an instance with each group's own port.
fn at_own_ports(draft: &Draft<'_>, batch: &[&Node]) -> BTreeMap<TargetGroupArn, Vec<Target>> {
    let mut all: BTreeMap<TargetGroupArn, Vec<Target>> = BTreeMap::new();
    for node in batch {
        for arn in belongs_to(&draft.picture, node) {
            let Some(group) = draft.picture.target_group(arn) else { continue };
            let target = Target { id: node.id.clone(), port: group.port };
            all.entry(arn.clone()).or_default().push(target);
        }
    }
    all
}

/// Resumes what the drain suspended, once no other node of the group is drained.
fn unpin(draft: &mut Draft<'_>, nodes: &[&Node]) {
    let groups: std::collections::BTreeSet<_> =
        nodes.iter().filter_map(|node| node.group.clone()).collect();
    for name in groups {
        let Some(group) = draft.picture.group(&name) else { continue };
        let still_drained = group.instances.iter().any(|one| {
            draft.context.drained.contains(&one.id) && nodes.iter().all(|node| node.id != one.id)
        });
        let ours = draft.context.pins.get(&name);
        let suspended: std::collections::BTreeSet<String> = super::pins::REPLACING
            .iter()
            .filter(|process| group.suspended.contains_key(**process))
            .map(|process| (*process).to_owned())
            .collect();
        let resumed: std::collections::BTreeSet<String> = suspended
            .iter()
            .filter(|one| ours.is_some_and(|of| of.contains(*one)))
            .cloned()
            .collect();
        let others: Vec<_> = suspended.difference(&resumed).cloned().collect();
        if !others.is_empty() {
            draft.notes.push(format!(
                "{} of {name} stays suspended: not by a run this host knows.",
                listed(&others)
            ));
        }
        if still_drained && !resumed.is_empty() {
            draft.notes.push(format!("{name} stays pinned: other nodes of it are drained."));
        } else if !resumed.is_empty() {
            draft.unpin(&vec![(name, resumed)]);
        }
    }
}
