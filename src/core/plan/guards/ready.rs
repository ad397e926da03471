//! ready: what is registered is in service, running and ready.

use super::scene::Scene;
use super::{block, nothing, pass, unknown, worst_of};
use crate::core::ids::InstanceId;
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::counted;
use crate::core::plan::{Answer, Claim, Mutation, check};
use std::collections::BTreeSet;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let mut nodes: BTreeSet<&InstanceId> =
        scene.registered().into_iter().map(|(_, member)| member).collect();
    for mutation in scene.mutations() {
        if let Mutation::RegisterTargets { targets, .. } = mutation {
            nodes.extend(targets.iter().map(|target| &target.id).filter(|id| id.is_ec2()));
        }
    }
    let judge = |id: &&InstanceId| {
        let address = scene.picture.node(id).and_then(|node| node.private_ip);
        let address = address.map(|ip| ip.to_string()).unwrap_or_default();
        match check(&Claim::Ready { instance: (*id).clone(), address }, &scene.picture) {
            Answer::Holds => {
                pass(format!("{} in service, running and ready", counted(1_u64, "node")))
            }
            Answer::Broken { is, .. } => block(format!("{id}: {is}")),
            Answer::Unknown { why, what } => unknown(format!("{what}: {why}")),
        }
    };
    let number = nodes.len();
    match worst_of(nodes.iter().map(judge).collect(), nothing("nothing is registered")) {
        Verdict::Pass { .. } if scene.picture.probed => {
            pass(format!("{} in service, running and ready", counted(number as u64, "node")))
        }
        Verdict::Pass { .. } => super::warn("in service and running; nodes are not probed"),
        other => other,
    }
}
