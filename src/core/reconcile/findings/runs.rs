//! Findings about runs, of whatever host: what a dead one left behind, what one keeps pinned, which
//! nodes were drained on purpose.

use super::{Scene, listed};
use crate::core::estate::Node;
use crate::core::finding::{Finding, FindingKind, Fix};
use crate::core::ids::StackId;
use crate::core::inventory::AutoScalingGroup;
use crate::core::lock::LockView;
use crate::core::rollback_record::{NOT_READ, RollbackView};
use std::collections::BTreeSet;

pub(super) fn look(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    found.extend(scene.records.locks.iter().filter_map(|lock| leftover(scene, lock)));
    found.extend(scene.records.rollbacks.iter().filter_map(|view| record_left(scene, view)));
    if scene.index.inventory.groups.current(scene.index.now).is_ok() {
        let groups = scene.index.fleet_groups();
        found.extend(groups.filter_map(|(group, stack)| pinned(scene, group, stack)));
    }
    let drained = scene.nodes.values().filter(|node| node.drained_on_purpose);
    found.extend(drained.filter_map(|node| drained_on_purpose(scene, node)));
}

fn leftover(scene: &Scene<'_>, lock: &LockView) -> Option<Finding> {
    let said = lock.record().filter(|_| lock.is_left())?;
    let leaves = said.leaves();
    let leaves =
        if leaves.is_empty() { String::new() } else { format!(" It left {}.", listed(&leaves)) };
    let text = format!("{}{leaves}", lock.sentence());
    let since = lock.quiet_since.unwrap_or(scene.index.now);
    Some(
        Finding::new(FindingKind::LeftoverRun, since, text)
            .stack(lock.giving())
            .service(&lock.service_id)
            .fix(Fix::Takeover)
            .identified(""),
    )
}

/// A record without its run's lock: the run is over, and something of it is not.
fn record_left(scene: &Scene<'_>, view: &RollbackView) -> Option<Finding> {
    if view.locked {
        return None;
    }
    let (stack, text) = match &view.said {
        Ok(said) => (
            said.giving.clone(),
            format!(
                "Run {} of {} is over and has left traffic split or processes suspended; \
                 `quarterdeck takeover {} --rollback` puts that back.",
                said.run, said.holder, view.scope
            ),
        ),
        Err(why) if why == NOT_READ => return None,
        Err(why) => (None, format!("A rollback record on {} cannot be used: {why}.", view.scope)),
    };
    Some(
        Finding::new(FindingKind::LeftoverRecord, scene.index.now, text)
            .stack(stack.as_ref().or(view.fleets.first()))
            .service(&view.service_id)
            .identified(""),
    )
}

fn pinned(scene: &Scene<'_>, group: &AutoScalingGroup, stack: &StackId) -> Option<Finding> {
    let processes = pins_of(scene, group);
    if processes.is_empty() {
        return None;
    }
    let names: Vec<_> = processes.into_iter().collect();
    let by = scene.records.pins.get(&group.name).map(|pinned| pinned.by.as_str())?;
    let text = format!("{} has {} suspended by {by}", group.name, listed(&names));
    Some(
        Finding::new(FindingKind::Pinned, scene.index.now, text)
            .stack(Some(stack))
            .identified(group.name.as_str()),
    )
}

/// The processes of a group that are suspended, and that a record says a run of ours suspended.
pub(super) fn pins_of<'a>(scene: &Scene<'_>, group: &'a AutoScalingGroup) -> BTreeSet<&'a str> {
    let pinned = scene.records.pins.get(&group.name);
    let is_ours = |name: &&str| pinned.is_some_and(|pinned| pinned.processes.contains(*name));
    group.suspended.keys().map(String::as_str).filter(is_ours).collect()
}

fn drained_on_purpose(scene: &Scene<'_>, node: &Node) -> Option<Finding> {
    let lifecycle = node.lifecycle.as_deref().filter(|text| text.contains("Standby"));
    let text = match (lifecycle, scene.records.drained_by(&node.id)) {
        (Some(lifecycle), None) => format!("{} is in {lifecycle}: taken out on purpose", node.id),
        (Some(lifecycle), Some(by)) => {
            format!("{} is in {lifecycle}: taken out on purpose by {by}", node.id)
        }
        // The record was read too long ago to say that it is still so.
        (None, _) if !scene.records.proven.contains(&node.id) => return None,
        (None, by) => {
            let by = by.unwrap_or("somebody");
            format!("{} is out of the load balancer: drained on purpose by {by}", node.id)
        }
    };
    Some(
        Finding::new(FindingKind::DrainedOnPurpose, scene.index.now, text)
            .stack(node.stack_id.as_ref())
            .instance(&node.id)
            .fix(Fix::Undrain)
            .identified(""),
    )
}
