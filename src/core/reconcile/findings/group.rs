//! Findings about Auto Scaling groups.

use super::runs::pins_of;
use super::{Scene, counted, listed};
use crate::core::finding::{Finding, FindingKind, Severity};
use crate::core::ids::StackId;
use crate::core::inventory::{Activity, AutoScalingGroup};
use crate::core::observed::{Observed, age};
use std::collections::BTreeMap;
use std::time::Duration;

/// A failed launch is news for so long: Auto Scaling retries within minutes, so an hour without
/// another failure means that it is over.
const LAUNCH_FAILURES_SHOWN: Duration = Duration::from_secs(3600);

pub(super) fn look(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    if scene.index.inventory.groups.current(scene.index.now).is_ok() {
        for (group, stack) in scene.index.fleet_groups() {
            found.extend(no_self_heal(scene, group, stack));
            found.extend(suspended(scene, group, stack));
            found.extend(launch_failures(scene, group, stack));
            found.extend(mixed_versions(scene, group, stack));
        }
    }
}

fn no_self_heal(scene: &Scene<'_>, group: &AutoScalingGroup, stack: &StackId) -> Option<Finding> {
    if group.heals_by_elb() {
        return None;
    }
    let text = format!(
        "{} checks health by {} only: nothing replaces a node that fails its load balancer's check",
        group.name,
        group.health_check_types.join(",")
    );
    Some(
        Finding::new(FindingKind::NoSelfHeal, scene.index.now, text)
            .stack(Some(stack))
            .identified(group.name.as_str()),
    )
}

fn suspended(scene: &Scene<'_>, group: &AutoScalingGroup, stack: &StackId) -> Option<Finding> {
    // What a run of ours has suspended is said of that run.
    let ours = pins_of(scene, group);
    let theirs = || group.suspended.iter().filter(|(name, _)| !ours.contains(name.as_str()));
    let names: Vec<_> = theirs().map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return None;
    }
    let reason = theirs()
        .map(|(_, reason)| reason)
        .find(|reason| !reason.is_empty())
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    let text = format!("{} has {} suspended{reason}", group.name, listed(&names));
    Some(
        Finding::new(FindingKind::SuspendedProcesses, scene.index.now, text)
            .stack(Some(stack))
            .identified(group.name.as_str()),
    )
}

/// Failed launches of the last hour that no successful launch has followed.
fn launch_failures(
    scene: &Scene<'_>,
    group: &AutoScalingGroup,
    stack: &StackId,
) -> Option<Finding> {
    let activities = scene.index.inventory.activities.get(&group.name).and_then(Observed::value)?;
    let launches = || activities.iter().filter(|of| of.description.starts_with("Launching"));
    let healed = launches().filter(|of| of.status == "Successful").map(|of| of.started).max();
    let failed: Vec<&Activity> = launches()
        .filter(|of| of.status == "Failed")
        .filter(|of| age(of.started, scene.index.now) <= LAUNCH_FAILURES_SHOWN)
        .filter(|of| healed.is_none_or(|healed| of.started > healed))
        .collect();
    let last = failed.iter().max_by_key(|of| of.started)?;
    let why = last.message.as_deref().unwrap_or("no reason given");
    let text = format!(
        "{} failed {} in the last hour: {why}",
        group.name,
        if failed.len() == 1 { "1 launch".into() } else { format!("{} launches", failed.len()) },
    );
    let since = failed.iter().map(|of| of.started).min().unwrap_or(scene.index.now);
    Some(
        Finding::new(FindingKind::LaunchFailures, since, text)
            .stack(Some(stack))
            .identified(group.name.as_str()),
    )
}

/// States of an instance refresh in which it is still replacing or watching what it replaced (API
/// reference, InstanceRefresh).
const REFRESHING: [&str; 5] =
    ["Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"];

/// Nodes in service of one group made from different versions of one launch template. Versions of
/// different templates (a mixed instances policy) have nothing to do with each other. While a
/// refresh runs that is what it looks like, and only worth knowing.
fn mixed_versions(scene: &Scene<'_>, group: &AutoScalingGroup, stack: &StackId) -> Option<Finding> {
    let mut templates: BTreeMap<Option<&str>, BTreeMap<&str, usize>> = BTreeMap::new();
    for instance in group.instances.iter().filter(|one| &*one.lifecycle == "InService") {
        let Some(version) = instance.launch_template_version.as_deref() else { continue };
        let versions = templates.entry(instance.launch_template.as_deref()).or_default();
        *versions.entry(version).or_default() += 1;
    }
    let versions = templates.into_values().find(|versions| versions.len() > 1)?;
    let refreshing = scene
        .index
        .inventory
        .refreshes
        .get(&group.name)
        .and_then(|of| of.current(scene.index.now).ok())
        .is_some_and(|all| all.iter().any(|of| REFRESHING.contains(&of.status.as_str())));
    let each: Vec<_> = versions
        .iter()
        .map(|(version, number)| format!("{} of version {version}", counted(*number, "node")))
        .collect();
    let (severity, why) = if refreshing {
        (Severity::Info, ", an instance refresh is running")
    } else {
        (Severity::Warning, "")
    };
    let text = format!("{} has {}{why}", group.name, listed(&each));
    Some(
        Finding::new(FindingKind::MixedVersions, scene.index.now, text)
            .stack(Some(stack))
            .severity(severity)
            .identified(group.name.as_str()),
    )
}
