//! zone-cover: no zone that has a healthy target loses its last one. With cross-zone load balancing
//! off the zone leaves the load balancer's DNS.

use super::scene::Scene;
use super::{block, nothing, pass, unknown, warn, worst_of};
use crate::core::ids::{TargetGroupArn, Zone};
use crate::core::inventory::TargetHealth;
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::listed;
use crate::core::plan::{Target, Verb};
use std::collections::BTreeSet;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let removed = scene.removed().into_iter();
    let verdicts = match scene.verb() {
        // Where traffic goes to, the receiving fleet must serve each zone.
        Verb::Cutover => scene.received().into_iter().map(|group| received(scene, group)).collect(),
        _ => removed
            .filter(|(group, _)| scene.picture.carries(group))
            .map(|(group, targets)| taken(scene, group, &targets))
            .collect(),
    };
    worst_of(verdicts, nothing("nothing is taken away"))
}

fn taken(scene: &Scene<'_>, group: &TargetGroupArn, targets: &[&Target]) -> Verdict {
    let picture = &scene.picture;
    let name = picture.name_of(group);
    let all = match picture.targets(group) {
        Ok(all) => all,
        Err(why) => return unknown(format!("target health of {name}: {why}")),
    };
    let goes = |of: &TargetHealth| {
        targets.iter().any(|target| target.id == of.id && target.port == of.port)
    };
    let zones = |goes_too: bool| -> BTreeSet<Zone> {
        let healthy = all.iter().map(|held| &held.value).filter(|of| of.is_healthy());
        let kept = healthy.filter(|of| goes_too || !goes(of));
        kept.filter_map(|of| picture.zone_of(of)).collect()
    };
    let lost: Vec<Zone> = zones(true).difference(&zones(false)).cloned().collect();
    bare(scene, group, &lost, &format!("{name} loses its last healthy target"))
}

/// Zones that would be bare, and what that means here.
fn bare(scene: &Scene<'_>, group: &TargetGroupArn, zones: &[Zone], what: &str) -> Verdict {
    if zones.is_empty() {
        return pass("every zone keeps a healthy target");
    }
    let names: Vec<_> = zones.iter().map(Zone::as_str).collect();
    let what = format!("{what} in {}", listed(&names));
    match scene.picture.cross_zone(group) {
        Some(true) => {
            warn(format!("{what}; cross-zone load balancing sends its traffic elsewhere"))
        }
        Some(false) => block(format!(
            "{what}, and without cross-zone load balancing the zone leaves the load balancer's DNS"
        )),
        None => {
            unknown(format!("{what}, and whether cross-zone load balancing is on is not known"))
        }
    }
}

/// Zones that the giving fleet serves in any group and the receiving fleet has no node in.
fn received(scene: &Scene<'_>, group: &TargetGroupArn) -> Verdict {
    let (Some(from), Some(to)) = (&scene.plan.giving, &scene.plan.receiving) else {
        return nothing("no fleet receives");
    };
    let zones = |stack| -> BTreeSet<Zone> {
        scene.living(stack).iter().filter_map(|node| node.zone.clone()).collect()
    };
    let lost: Vec<Zone> = zones(from).difference(&zones(to)).cloned().collect();
    bare(scene, group, &lost, &format!("{to} has no node"))
}
