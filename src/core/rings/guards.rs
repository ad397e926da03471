//! The questions about rings that guards ask (safety.md, Guards). Each is answered from a picture of
//! the world and a fleet; the guards decide what an answer is worth.

use super::{Debris, FleetRing, RingStanding};
use crate::core::estate::{Fleet, NodeProbe};
use crate::core::ids::{InstanceId, StackId};
use crate::core::inventory::ProbeReason;
use crate::core::plan::Picture;
use std::time::Duration;

/// A split is proven when the views have been the same over two reads so far apart.
pub const SPLIT_PROVEN_AFTER: Duration = Duration::from_secs(30);
/// With the usual replication factor of three, writes need two ingesters.
const QUORUM: u32 = 2;

/// An answer, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingFact {
    /// It is as it should be.
    Well(String),
    /// It is not.
    Wrong(String),
    /// Nobody can say.
    Unknown(String),
    /// There is nothing to look at.
    NotApplicable(String),
}

/// Whether another product is in a fleet's rings.
pub fn foreign_product(picture: Picture<'_>, stack: &StackId) -> RingFact {
    over(picture, stack, |ring| {
        if !ring.foreign.is_empty() {
            let text = format!("{} of its members are another product's", ring.foreign.len());
            return RingFact::Wrong(text);
        }
        if ring.gossip_shared {
            return RingFact::Wrong("another product shares its gossip".into());
        }
        RingFact::Well("no other product is in it".into())
    })
}

/// Whether a fleet's rings have fallen apart, as two reads at least 30 seconds apart show.
pub fn split(picture: Picture<'_>, stack: &StackId) -> RingFact {
    over(picture, stack, |ring| match (ring.is_split(), ring.held >= SPLIT_PROVEN_AFTER) {
        (false, _) => RingFact::Well("its nodes see each other".into()),
        (true, true) => RingFact::Wrong(format!("it is in {} parts", ring.groups.len())),
        (true, false) => {
            let held = ring.held.as_secs();
            RingFact::Unknown(format!(
                "it looks to be in {} parts, and only for {held} s: read again in {} s. A ring that is \
                 forming has come together by then; one that says the same again is split",
                ring.groups.len(),
                SPLIT_PROVEN_AFTER.as_secs().saturating_sub(held).max(1)
            ))
        }
    })
}

/// Whether a member without a heartbeat keeps a node of this fleet from becoming ready.
pub fn blocking_debris(picture: Picture<'_>, stack: &StackId) -> RingFact {
    over(picture, stack, |ring| {
        let blocks = |of: &&Debris| of.blocks.iter().any(|id| is_of(picture, id, stack));
        match ring.debris.iter().find(blocks) {
            Some(of) => RingFact::Wrong(format!(
                "{} ({}) keeps {} from becoming ready",
                of.member.id,
                of.member.address,
                crate::core::rings::names(&of.blocks)
            )),
            None => RingFact::Well("nothing in it keeps a node from becoming ready".into()),
        }
    })
}

/// Whether members without a heartbeat lie about that keep nobody of this fleet from being ready.
pub fn other_debris(picture: Picture<'_>, stack: &StackId) -> RingFact {
    over(picture, stack, |ring| {
        let harmless = ring
            .debris
            .iter()
            .filter(|of| !of.blocks.iter().any(|id| is_of(picture, id, stack)))
            .map(|of| of.member.id.to_string());
        let names: Vec<_> = harmless.collect();
        match names.as_slice() {
            [] => RingFact::Well("no member of it is without a heartbeat".into()),
            names => RingFact::Wrong(format!("without a heartbeat: {}", names.join(", "))),
        }
    })
}

/// Whether another fleet's nodes are in this fleet's rings.
pub fn foreign_colour(picture: Picture<'_>, stack: &StackId) -> RingFact {
    over(picture, stack, |ring| {
        if ring.colours.is_empty() {
            return RingFact::Well("only its own nodes are in it".into());
        }
        let names: Vec<_> = ring.colours.iter().map(StackId::as_str).collect();
        RingFact::Wrong(format!("nodes of {} are in it too", names.join(", ")))
    })
}

/// Whether enough ingesters stay when so many of a fleet's nodes go. No page says what the
/// replication factor is, so this counts for the usual three.
pub fn replication(picture: Picture<'_>, stack: &StackId, leaving: u32) -> RingFact {
    over(picture, stack, |ring| {
        let staying = ring.active.saturating_sub(leaving);
        if staying < QUORUM {
            return RingFact::Wrong(format!(
                "{staying} of {} active members stay, and a replication factor of 3 needs {QUORUM}",
                ring.active
            ));
        }
        RingFact::Well(format!("{staying} of {} active members stay", ring.active))
    })
}

fn is_of(picture: Picture<'_>, id: &InstanceId, stack: &StackId) -> bool {
    picture.estate.nodes.get(id).is_some_and(|node| node.stack_id.as_ref() == Some(stack))
}

/// The worst answer over a fleet's products: wrong before unknown before well.
fn over(picture: Picture<'_>, stack: &StackId, ask: impl Fn(&FleetRing) -> RingFact) -> RingFact {
    let Some(fleet) = picture.estate.fleets.get(stack) else {
        return RingFact::Unknown(format!("{stack} is not known"));
    };
    let mut answers = Vec::new();
    for ring in &fleet.rings {
        let of = |text: String| format!("{}: {text}", ring.product);
        answers.push(match readable(picture, fleet, ring) {
            Readable::Not => continue,
            Readable::Partly(why) => match ask(ring) {
                RingFact::Wrong(text) => RingFact::Wrong(of(text)),
                _ => RingFact::Unknown(of(why)),
            },
            Readable::Wholly => match ask(ring) {
                RingFact::Wrong(text) => RingFact::Wrong(of(text)),
                RingFact::Unknown(text) => RingFact::Unknown(of(text)),
                RingFact::Well(text) => RingFact::Well(of(text)),
                RingFact::NotApplicable(text) => RingFact::NotApplicable(of(text)),
            },
        });
    }
    let rank = |answer: &RingFact| match answer {
        RingFact::Wrong(_) => 0,
        RingFact::Unknown(_) => 1,
        RingFact::Well(_) => 2,
        RingFact::NotApplicable(_) => 3,
    };
    match answers.into_iter().min_by_key(rank) {
        Some(answer) => answer,
        None if picture.inventory.rings.is_empty() => {
            RingFact::Unknown("no ring was read yet (or nodes are not asked)".into())
        }
        None if fleet.rings.is_empty() => {
            RingFact::Unknown("what was read of the rings is too old".into())
        }
        None => RingFact::NotApplicable("no product of this fleet shares a ring".into()),
    }
}

/// Why no node of a fleet is old enough to say anything.
fn young(picture: Picture<'_>, fleet: &Fleet) -> &'static str {
    let mut nodes = fleet.nodes.iter().filter_map(|id| picture.estate.nodes.get(id));
    if nodes.any(|node| node.is_living() && node.launched > Some(picture.now)) {
        return "by this host's clock they are launched in the future; set it right";
    }
    "none is in service and past its grace period"
}

/// Whether a fleet's ring can be read.
enum Readable {
    /// On every node.
    Wholly,
    /// Not on all: what is wrong is wrong, what looks well may not be.
    Partly(String),
    /// There is none.
    Not,
}

fn readable(picture: Picture<'_>, fleet: &Fleet, ring: &FleetRing) -> Readable {
    let living = fleet
        .nodes
        .iter()
        .filter_map(|id| picture.estate.nodes.get(id))
        .filter(|node| node.is_living() && !node.in_grace);
    let (mut told, mut untold, mut shared, mut without) = (0, Vec::new(), false, false);
    for node in living {
        // A node may do without a product: it has no word about its ring, and needs none.
        let lacks = |of: &NodeProbe| {
            of.outcome.product == ring.product && of.outcome.reason == ProbeReason::NotPresent
        };
        if node.probes.iter().any(lacks) {
            without = true;
            continue;
        }
        let own = node.rings.iter().find(|of| of.product == ring.product);
        match own.map(|own| (&own.standing, own.sees)) {
            Some((RingStanding::NotShared, _)) => told += 1,
            Some((RingStanding::Unknown(_), _) | (_, None)) | None => untold.push(node.id.clone()),
            Some((_, Some(_))) => {
                told += 1;
                shared = true;
            }
        }
    }
    match (shared, told, untold.as_slice()) {
        (true, _, []) => Readable::Wholly,
        (false, 1.., []) => Readable::Not,
        (false, 0, []) if without => Readable::Not,
        (_, _, []) => Readable::Partly(format!(
            "what its nodes see cannot be told: {}",
            young(picture, fleet)
        )),
        (_, _, untold) => Readable::Partly(format!(
            "what {} see cannot be told",
            crate::core::rings::names(untold)
        )),
    }
}
