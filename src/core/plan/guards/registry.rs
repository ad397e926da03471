//! registry: the receiving fleet's registry is complete and right; ghosts warn.

use super::scene::Scene;
use super::{block, nothing, pass, unknown, warn, worst_of};
use crate::core::finding::FindingKind;
use crate::core::plan::guard::Verdict;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let (Some(from), Some(to)) = (&scene.plan.giving, &scene.plan.receiving) else {
        return nothing("no fleet receives");
    };
    let picture = &scene.picture;
    let registry = |stack| picture.fleet(stack).into_iter().flat_map(|fleet| &fleet.registry);
    let mut verdicts = Vec::new();
    for finding in picture.estate.findings_of(to) {
        match finding.kind {
            FindingKind::UnregisteredNode
            | FindingKind::BootRace
            | FindingKind::WrongIp
            | FindingKind::WrongStack
            | FindingKind::DuplicateIp
            | FindingKind::ServiceEmpty => verdicts.push(block(finding.summary.clone())),
            FindingKind::GhostMember | FindingKind::UnhealthyMember => {
                verdicts.push(warn(finding.summary.clone()));
            }
            _ => {}
        }
    }
    for of in registry(to) {
        match of.registered {
            None => verdicts.push(unknown(format!("members of {}", of.name))),
            Some(registered) => verdicts.push(pass(format!("{registered} of {to} in {}", of.name))),
        }
    }
    for of in registry(from).filter(|of| of.registered != Some(0)) {
        let has = registry(to).any(|own| own.service_id == of.service_id);
        if !has {
            verdicts.push(block(format!("{to} is not in {}, where {from} is", of.name)));
        }
    }
    worst_of(verdicts, nothing("neither fleet is in a registry"))
}
