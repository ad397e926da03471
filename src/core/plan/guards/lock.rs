//! lock: nobody else is changing the same load balancer.

use super::scene::Scene;
use super::{block, nothing, pass, unknown};
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::listed;
use crate::core::plan::{LockScope, LockStanding, Verb};

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let names: Vec<&str> = scene.plan.scopes().map(LockScope::name).collect();
    if names.is_empty() {
        return nothing("this verb takes no lock: its steps are safe beside another's");
    }
    let name = listed(&names);
    match &scene.context.lock {
        LockStanding::Ours => pass(format!("the lock on {name} is ours")),
        LockStanding::Free => pass(format!("the lock on {name} is free")),
        LockStanding::NotAsked => {
            pass(format!("the first step takes the lock on {name}, or changes nothing"))
        }
        LockStanding::Theirs { holder } if scene.verb() == Verb::Takeover => {
            match &scene.plan.options.holder_is_dead {
                Some(host) => pass(format!("{holder} The operator says that {host} is gone")),
                None => pass(format!(
                    "{holder} Its heartbeat is watched for 90 s first, and it keeps its lock if that \
                     changes"
                )),
            }
        }
        LockStanding::Theirs { holder } => block(format!("the lock on {name} is held: {holder}")),
        LockStanding::Left { holder } if scene.verb() == Verb::Takeover => pass(holder),
        LockStanding::Left { holder } => block(format!(
            "a dead run left its lock, `quarterdeck takeover {name}` ends that: {holder}"
        )),
        LockStanding::Unknown { why } => unknown(format!("who holds the lock on {name}: {why}")),
    }
}
