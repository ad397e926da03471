//! rings and ring-debris: what the rings of the fleet that is to carry the traffic (of a drain: the
//! fleet that goes on carrying it) say against the plan. Where no ring was ever read, that is said.

use super::scene::Scene;
use super::{block, nothing, pass, unknown, warn, worst_of};
use crate::core::ids::StackId;
use crate::core::inventory::{Held, Page};
use crate::core::observed::Observed;
use crate::core::plan::guard::Verdict;
use crate::core::plan::view::count;
use crate::core::plan::{Intent, Picture};
use crate::core::rings::{
    RingFact, blocking_debris, foreign_colour, foreign_product, other_debris, replication, split,
};

/// Another product in a ring, a ring in parts, a dead member that keeps nodes from becoming ready.
pub(super) fn look(scene: &Scene<'_>) -> Verdict {
    let asked = [foreign_product, split, blocking_debris];
    judge(scene, |picture, stack| {
        let facts = asked.iter().map(|ask| ask(picture, stack));
        facts.map(|fact| verdict(fact, block)).collect()
    })
}

/// Members that only lie about, another fleet's nodes, and how few ingesters stay.
pub(super) fn look_for_debris(scene: &Scene<'_>) -> Verdict {
    let leaving = match &scene.plan.intent {
        Intent::Drain { nodes } => count(nodes.iter()),
        _ => 0,
    };
    judge(scene, |picture, stack| {
        let facts = [
            other_debris(picture, stack),
            foreign_colour(picture, stack),
            replication(picture, stack, leaving),
        ];
        facts.into_iter().map(|fact| verdict(fact, warn)).collect()
    })
}

fn judge(scene: &Scene<'_>, ask: impl Fn(Picture<'_>, &StackId) -> Vec<Verdict>) -> Verdict {
    if !was_ever_read(scene.picture) {
        return nothing("no ring was ever read: look at /ring yourself");
    }
    let carrying = scene.plan.receiving.as_ref().or(scene.plan.giving.as_ref());
    match carrying {
        Some(stack) => worst_of(ask(scene.picture, stack), nothing("no ring is shared")),
        None => nothing("no fleet is to carry traffic"),
    }
}

/// Whether any node ever showed its ring, or said that it has none to share.
fn was_ever_read(picture: Picture<'_>) -> bool {
    let all = picture.inventory.rings.values().filter_map(Observed::value).flatten();
    let mut pages = all.map(|Held { value, .. }| &value.ring);
    pages.any(|page| matches!(page, Page::Read(_) | Page::NotUsed))
}

/// What an answer is worth, where what is wrong has this weight.
fn verdict(fact: RingFact, wrong: fn(String) -> Verdict) -> Verdict {
    match fact {
        RingFact::Well(text) => pass(text),
        RingFact::Wrong(text) => wrong(text),
        RingFact::Unknown(text) => unknown(text),
        RingFact::NotApplicable(text) => nothing(text),
    }
}
