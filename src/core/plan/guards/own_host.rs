//! own-host: the run lives on this host, so this host must not be a node of the fleet that loses.

use super::scene::Scene;
use super::{block, nothing, pass, unknown};
use crate::core::plan::Verb;
use crate::core::plan::guard::Verdict;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    if scene.verb() == Verb::Undrain {
        return nothing("nothing is taken away");
    }
    let Some(giving) = &scene.plan.giving else { return nothing("no fleet loses") };
    let Some(own) = &scene.context.own_addresses else {
        return unknown("the addresses of this host could not be told");
    };
    let here = scene
        .picture
        .nodes_of(giving)
        .find(|node| node.private_ip.is_some_and(|address| own.contains(&address)));
    match here {
        Some(node) => block(format!("this host is {} of {giving}", node.id)),
        None => pass(format!("this host is no node of {giving}")),
    }
}
