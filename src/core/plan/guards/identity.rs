//! identity: account, region, one giving fleet, fleets differ, and they are there.

use super::scene::Scene;
use super::{block, pass, unknown};
use crate::core::plan::Verb;
use crate::core::plan::guard::Verdict;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let plan = scene.plan;
    // Who we are does not change with the age of the answer, and a rollback must not wait for STS.
    let Some(identity) = scene.picture.inventory.identity.value() else {
        return unknown("the account could not be read");
    };
    if identity.account != plan.account {
        return block(format!(
            "this is account {}, the plan's is {}",
            identity.account, plan.account
        ));
    }
    if scene.context.region != plan.region {
        let here = &scene.context.region;
        return block(format!("this is {here}, the plan's region is {}", plan.region));
    }
    if plan.giving.is_some() && plan.giving == plan.receiving {
        return block("the fleet that gives is the one that receives");
    }
    // What failed may be gone altogether: traffic returns to the other fleet, and that one must be there.
    let needed = |stack: &&crate::core::ids::StackId| match scene.acts_as() {
        Verb::Rollback => plan.receiving.as_ref().or(plan.giving.as_ref()) == Some(*stack),
        _ => true,
    };
    let absent = scene.stacks().filter(needed).find(|stack| scene.picture.fleet(stack).is_none());
    match absent {
        Some(stack) if scene.picture.estate.whole => {
            block(format!("there is no fleet {stack} any more"))
        }
        Some(stack) if scene.acts_as() != Verb::Rollback => {
            unknown(format!("whether there is a fleet {stack}"))
        }
        _ => pass(format!("account {} in {}", plan.account, plan.region)),
    }
}
