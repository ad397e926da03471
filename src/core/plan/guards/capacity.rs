//! capacity: the receiving fleet can carry what it is given. It needs as many healthy targets as the
//! share it takes (less blocks below 80 %, warns below 100 %), a node in every zone served now, one
//! launch template version, and products that pass.

use super::scene::{Scene, Strength};
use super::{block, nothing, pass, unknown, warn, worst_of};
use crate::core::estate::Node;
use crate::core::ids::{StackId, TargetGroupArn, Zone};
use crate::core::inventory::{ProbeReason, Verdict as ProbeVerdict};
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::listed;
use crate::core::plan::{Answer, Claim, Mutation, Verb, check};
use std::collections::BTreeSet;

/// Below so many percent it blocks.
const ENOUGH: u32 = 80;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let (Some(from), Some(to)) = (&scene.plan.giving, &scene.plan.receiving) else {
        return nothing("no traffic moves");
    };
    let mut verdicts: Vec<Verdict> = pairs(scene, (from, to))
        .into_iter()
        .map(|(had, has)| enough(scene, (from, had), (to, has)))
        .collect();
    verdicts.push(zones(scene, from, to));
    verdicts.push(templates(scene, to));
    verdicts.push(probes(scene, to));
    worst_of(verdicts, nothing("no traffic moves"))
}

/// Which group gives to which: of each action the one that loses and the one that gains; where
/// groups are shared, each to itself.
fn pairs<'a>(
    scene: &Scene<'a>,
    (from, to): (&StackId, &StackId),
) -> BTreeSet<(&'a TargetGroupArn, &'a TargetGroupArn)> {
    let own = |stack| -> BTreeSet<TargetGroupArn> {
        scene.picture.target_groups_of(stack).into_iter().cloned().collect()
    };
    let (giving, receiving) = (own(from), own(to));
    let mut all = BTreeSet::new();
    for mutation in scene.mutations() {
        match mutation {
            Mutation::Forward { to, .. } => {
                let of = |groups: &BTreeSet<TargetGroupArn>| {
                    to.groups.iter().map(|of| &of.target_group).find(|arn| groups.contains(*arn))
                };
                all.extend(of(&giving).zip(of(&receiving)));
            }
            Mutation::AttachTargetGroups { target_groups, .. } => {
                all.extend(target_groups.iter().map(|arn| (arn, arn)));
            }
            _ => {}
        }
    }
    all
}

fn enough(
    scene: &Scene<'_>,
    (from, had): (&StackId, &TargetGroupArn),
    (to, has): (&StackId, &TargetGroupArn),
) -> Verdict {
    let name = scene.picture.name_of(has);
    let gives = match scene.strength(from, had) {
        Strength::Healthy(number) | Strength::Ready(number) => number,
        Strength::Unknown(why) => return unknown(why),
    };
    let (receives, word) = match scene.strength(to, has) {
        Strength::Healthy(number) => (number, "healthy"),
        Strength::Ready(number) => (number, "ready by their probes"),
        Strength::Unknown(why) => return unknown(why),
    };
    let text = format!("{to} has {receives} {word} for {name}, {from} {gives} healthy");
    if receives == 0 || receives * 100 < gives * ENOUGH {
        block(format!("{text}: under {ENOUGH}%"))
    } else if receives < gives {
        warn(format!("{text}: under 100%"))
    } else {
        pass(text)
    }
}

fn zones(scene: &Scene<'_>, from: &StackId, to: &StackId) -> Verdict {
    let zones = |stack| -> BTreeSet<Zone> {
        scene.living(stack).iter().filter_map(|node| node.zone.clone()).collect()
    };
    let received = scene.received();
    let is_dark = |zone: &&Zone| {
        !received.is_empty() && received.iter().all(|arn| scene.picture.is_dark(arn, zone))
    };
    let (serving, has) = (zones(from), zones(to));
    let (lost, there): (Vec<&Zone>, Vec<&Zone>) = serving.iter().partition(is_dark);
    let bare: Vec<_> = there.into_iter().filter(|zone| !has.contains(zone)).collect();
    let names = |zones: &[&Zone]| listed(&zones.iter().map(|of| of.as_str()).collect::<Vec<_>>());
    match (bare.is_empty(), lost.is_empty()) {
        (true, true) => pass("every zone is served"),
        // What no fleet has healthy is a fault of the zone.
        (true, false) => warn(format!(
            "nothing is healthy in {}, of any fleet: that is not held against {to}",
            names(&lost)
        )),
        (false, _) => block(format!("{to} has no node in {}, which {from} serves", names(&bare))),
    }
}

fn templates(scene: &Scene<'_>, to: &StackId) -> Verdict {
    let mut versions = BTreeSet::new();
    for group in scene.picture.groups_of(to) {
        let serving = group.instances.iter().filter(|one| &*one.lifecycle == "InService");
        for one in serving {
            if let Some(version) = one.launch_template_version.as_deref() {
                versions.insert((one.launch_template.as_deref().unwrap_or("template"), version));
            }
        }
    }
    let templates: BTreeSet<_> = versions.iter().map(|(template, _)| template).collect();
    if versions.len() == templates.len() {
        return pass("one launch template version");
    }
    let each: Vec<_> = versions.iter().map(|(_, version)| format!("version {version}")).collect();
    block(format!("the nodes of {to} are made from {} of one launch template", listed(&each)))
}

/// The samples of the window where the run keeps them; at planning time the last answers, since the
/// run watches for the window before anything moves.
fn probes(scene: &Scene<'_>, to: &StackId) -> Verdict {
    if !scene.picture.probed {
        return warn(format!("the nodes of {to} are not probed"));
    }
    let claim = scene.claims().find(|claim| matches!(claim, Claim::ProbesPass { .. }));
    if let (Some(claim), true) = (claim, scene.picture.samples.is_some()) {
        return match check(claim, &scene.picture) {
            Answer::Holds => pass("probes pass"),
            Answer::Broken { was, is } => block(format!("{was}: {is}")),
            Answer::Unknown { why, what } => unknown(format!("{what}: {why}")),
        };
    }
    let living = scene.living(to);
    if living.is_empty() {
        return block(format!("{to} has no node in service"));
    }
    let verdicts = living.iter().map(|node| last(scene, node)).collect();
    worst_of(verdicts, nothing("nothing is probed"))
}

fn last(scene: &Scene<'_>, node: &Node) -> Verdict {
    let present = || node.probes.iter().filter(|of| of.outcome.reason != ProbeReason::NotPresent);
    if let Some(probe) = present().find(|of| of.verdict == ProbeVerdict::Fail) {
        let outcome = &probe.outcome;
        return block(format!("{} on {}: {}", outcome.product, node.id, outcome.detail));
    }
    if present().next().is_none() || present().any(|of| of.verdict == ProbeVerdict::Unknown) {
        return unknown(format!("probes of {}", node.id));
    }
    let watched =
        if scene.verb() == Verb::Cutover { "; the run watches them for the window" } else { "" };
    pass(format!("every product passes now{watched}"))
}
