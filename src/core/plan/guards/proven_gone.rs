//! proven-gone: what is removed is proven gone, or nothing speaks against it and the run proves it
//! before it removes anything.

use super::scene::Scene;
use super::{block, nothing, pass, unknown, warn, worst_of};
use crate::core::plan::Claim;
use crate::core::plan::StepAction;
use crate::core::plan::check::gone::{Proof, proof};
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::counted;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let waits = scene.plan.steps.iter().filter(|step| step.action == StepAction::Wait);
    let mut proofs = Vec::new();
    for step in waits {
        for claim in &step.after {
            let Claim::Gone { instance, address } = claim else { continue };
            proofs.push(match proof(&scene.picture, instance, address.as_deref()) {
                Proof::Gone => pass(format!("{instance} is gone")),
                Proof::Not(is) => block(format!("{instance} is not gone: {is}")),
                Proof::NotYet(what) => warn(format!(
                    "{what}; step {} proves it before anything is removed",
                    step.number
                )),
                Proof::Unknown(why, what) => unknown(format!("{what}: {why}")),
            });
        }
    }
    let number = proofs.len();
    match worst_of(proofs, nothing("nothing is removed")) {
        Verdict::Pass { .. } => pass(format!("{} proven gone", counted(number as u64, "instance"))),
        other => other,
    }
}
