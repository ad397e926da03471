//! dependency: where the same check fails on every node there is, what they share is down, and
//! moving traffic or draining nodes mends nothing.

use super::scene::Scene;
use super::{block, nothing, pass};
use crate::core::estate::Node;
use crate::core::ids::Product;
use crate::core::inventory::Verdict as ProbeVerdict;
use crate::core::plan::Verb;
use crate::core::plan::guard::Verdict;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    if !scene.picture.probed {
        return nothing("nodes are not probed");
    }
    if scene.verb() == Verb::Undrain {
        return nothing("nothing is taken away");
    }
    let nodes: Vec<&Node> = match scene.acts_as() {
        Verb::Cutover | Verb::Rollback => {
            scene.stacks().flat_map(|stack| scene.living(stack)).collect()
        }
        // A drain has one fleet: the others tell whether it is the fleet or what all share.
        _ => {
            let all = scene.picture.estate.nodes.values().map(Arc::as_ref);
            all.filter(|node| node.is_living()).collect()
        }
    };
    let products: BTreeSet<&Product> =
        nodes.iter().flat_map(|node| &node.probes).map(|of| &of.outcome.product).collect();
    let fails = |node: &&Node, product: &Product| {
        node.probes
            .iter()
            .any(|of| &of.outcome.product == product && of.verdict == ProbeVerdict::Fail)
    };
    // One node that fails is a node that fails.
    let several = nodes.len() > 1;
    match products.into_iter().find(|product| several && nodes.iter().all(|of| fails(of, product)))
    {
        Some(product) => {
            block(format!("{product} fails on all {} nodes: what they share is down", nodes.len()))
        }
        None => pass("no check fails on every node"),
    }
}
