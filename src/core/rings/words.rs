//! What is wrong with a ring, in a few words: for a line that must tell it all.

use super::{FleetRing, names};
use crate::core::estate::Fleet;
use crate::core::finding::Severity;
use crate::core::ids::{Product, StackId};

/// Something that is wrong with a ring, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// How bad.
    pub severity: Severity,
    /// In a few words.
    pub text: String,
}

/// Everything that is wrong with one of a fleet's rings, worst first.
pub fn troubles(fleet: &Fleet, ring: &FleetRing) -> Vec<Trouble> {
    let mut all = Vec::new();
    let mut say = |severity, text: String| all.push(Trouble { severity, text });
    parts(ring, &mut say);
    joined(fleet, ring, &mut say);
    for of in &ring.debris {
        let state = format!("{} {}", of.member.id, of.member.state);
        match of.blocks.as_slice() {
            [] => say(Severity::Warning, state),
            blocks => {
                say(Severity::Critical, format!("{state} KEEPS {} FROM READY", names(blocks)));
            }
        }
    }
    let shared = usize::try_from(ring.of).unwrap_or(usize::MAX) > ring.not_shared.len();
    let out = ring.of.saturating_sub(ring.active).saturating_sub(ring.unknown);
    let out = out.saturating_sub(u32::try_from(ring.not_shared.len()).unwrap_or(u32::MAX));
    let out = out.saturating_sub(alone(ring));
    if shared && out > 0 {
        say(Severity::Warning, format!("{out} NOT ACTIVE"));
    }
    match ring.compactors.as_deref() {
        Some([]) => say(Severity::Warning, "NO COMPACTOR".into()),
        Some(several @ [_, _, ..]) => {
            say(Severity::Warning, format!("{} COMPACTORS", several.len()));
        }
        Some([_]) | None => {}
    }
    if ring.versions.len() > 1 {
        say(Severity::Warning, format!("{} VERSIONS", ring.versions.len()));
    }
    all.sort_by_key(|trouble| std::cmp::Reverse(trouble.severity));
    all
}

/// Nodes by themselves beside a larger part.
fn alone(ring: &FleetRing) -> u32 {
    let single = ring.groups.iter().filter(|group| group.len() == 1).count();
    if ring.is_split() { u32::try_from(single).unwrap_or(u32::MAX) } else { 0 }
}

fn parts(ring: &FleetRing, say: &mut impl FnMut(Severity, String)) {
    if !ring.is_split() {
        return;
    }
    let sizes: Vec<_> = ring.groups.iter().map(|group| group.len().to_string()).collect();
    let single: Vec<_> =
        ring.groups.iter().filter(|group| group.len() == 1).flatten().cloned().collect();
    // Nodes by themselves beside one larger part are isolated; anything else is a split.
    if single.len() + 1 == ring.groups.len() && single.len() < ring.groups.len() {
        say(Severity::Critical, format!("ISOLATED {}", names(&single)));
    } else {
        say(Severity::Critical, format!("SPLIT {}", sizes.join("+")));
    }
}

fn joined(fleet: &Fleet, ring: &FleetRing, say: &mut impl FnMut(Severity, String)) {
    let others = |wanted: fn(&FleetRing) -> bool| {
        let others = fleet.rings.iter().filter(|of| of.product != ring.product && wanted(of));
        others.map(|of| of.product.clone()).collect::<Vec<Product>>()
    };
    let list = |all: &[Product]| all.iter().map(Product::as_str).collect::<Vec<_>>().join(", ");
    if !ring.foreign.is_empty() {
        let with = list(&others(|of| !of.foreign.is_empty()));
        say(Severity::Critical, format!("CROSS-JOINED with {with}"));
    } else if ring.gossip_shared {
        let with = list(&others(|of| of.gossip_shared));
        say(Severity::Warning, format!("GOSSIP SHARED with {with}"));
    }
    if !ring.colours.is_empty() {
        let names: Vec<_> = ring.colours.iter().map(StackId::as_str).collect();
        say(Severity::Info, format!("shared with {}", names.join(", ")));
    }
}
