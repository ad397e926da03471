//! A product's ring over one fleet: who sees whom, what lies about in it, and whose else it is.

use super::{Class, OfProduct, View, count, requests};
use crate::core::estate::Node;
use crate::core::ids::{InstanceId, Product, StackId};
use crate::core::inventory::{LeftMember, ProbeReason, RingMember, RingState};
use crate::core::observed::age;
use crate::core::reconcile::index::Index;
use crate::core::reconcile::nodes::Nodes;
use crate::core::rings::{Debris, FleetRing, RingStanding};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A page read this much before a node joined need not have it: gossip takes a second or two.
const JOINS_WITHIN: Duration = Duration::from_secs(10);
/// A member that is still called active and has been silent for so long has stopped: heartbeats
/// come every 5 to 15 seconds.
const SILENT_AFTER: u64 = 60;
/// Keys that only Loki has in its gossip.
const LOKIS_KEYS: [&str; 2] = ["collectors/distributor", "collectors/scheduler"];

/// What a fleet's ring is judged by.
pub(super) struct Scene<'a> {
    pub index: &'a Index<'a>,
    pub nodes: &'a Nodes,
    pub living: &'a [&'a Node],
    pub stack: &'a StackId,
}

/// The nodes of one fleet that see the same, with their addresses.
struct Part<'c, 'a> {
    class: &'c Class<'a>,
    nodes: Vec<(&'c Node, IpAddr)>,
}

impl<'a> OfProduct<'a> {
    /// The ring over a fleet; `others` are the rings of the other products.
    pub(super) fn fleet_ring(
        &self,
        scene: &Scene<'_>,
        product: &Product,
        others: &[&OfProduct<'_>],
    ) -> FleetRing {
        let parts = self.parts(scene);
        let is = |wanted: fn(&RingStanding) -> bool| {
            let own = |node: &&&Node| {
                node.rings.iter().any(|of| &of.product == product && wanted(&of.standing))
            };
            count(scene.living.iter().filter(own).count())
        };
        let not_shared = |node: &&&Node| self.not_shared.contains(&node.id);
        FleetRing {
            product: product.clone(),
            active: is(|of| matches!(of, RingStanding::Member(RingState::Active))),
            of: count(scene.living.len()),
            unknown: is(|of| matches!(of, RingStanding::Unknown(_))),
            not_shared: scene.living.iter().filter(not_shared).map(|one| one.id.clone()).collect(),
            groups: groups(&parts),
            held: self.held(scene),
            debris: debris(scene, product, &parts),
            foreign: self.foreign(&parts, others),
            gossip_shared: others.iter().any(|of| self.shares_gossip(of)),
            colours: colours(scene, &parts),
            left: self.left_of(scene),
            compactors: compactors(scene, product, &parts),
            versions: versions(scene, product),
            observed_at: self.views_of(scene).map(|view| view.at).min(),
        }
    }

    /// The fleet's nodes by what they see. Nodes that only just came are left out: their peers'
    /// pages may be older than they are.
    fn parts<'c>(&'c self, scene: &'c Scene<'_>) -> Vec<Part<'c, 'a>> {
        let mut by_place: BTreeMap<usize, Vec<(&Node, IpAddr)>> = BTreeMap::new();
        for node in scene.living.iter().filter(|node| !node.in_grace) {
            if let (Some(place), Some(ip)) = (self.class_of.get(&node.id), node.private_ip) {
                by_place.entry(*place).or_default().push((node, ip));
            }
        }
        let parts = by_place
            .into_iter()
            .filter_map(|(place, nodes)| Some(Part { class: self.classes.get(place)?, nodes }));
        parts.collect()
    }

    /// For how long no view of the fleet's nodes has changed.
    fn held(&self, scene: &Scene<'_>) -> Duration {
        let views = self.views_of(scene);
        views.map(|view| age(view.since, view.at)).min().unwrap_or_default()
    }

    /// The views of the fleet's nodes.
    fn views_of<'c>(&'c self, scene: &'c Scene<'_>) -> impl Iterator<Item = &'c View<'a>> {
        scene.living.iter().filter_map(|node| {
            let views = &self.class(&node.id)?.views;
            views.binary_search_by(|view| view.id.cmp(&node.id)).ok().and_then(|at| views.get(at))
        })
    }

    /// Who left the ring of late, as the fleet's nodes tell.
    fn left_of(&self, scene: &Scene<'_>) -> Vec<LeftMember> {
        let told = self.views_of(scene).filter_map(|view| view.told.left.read()).flatten();
        let each: BTreeMap<_, _> = told.map(|one| ((&one.id, &one.address), one)).collect();
        each.into_values().cloned().collect()
    }

    /// Members that are in another product's ring as well, under the same name and address.
    fn foreign(&self, parts: &[Part<'_, '_>], others: &[&OfProduct<'_>]) -> Vec<Arc<str>> {
        let theirs: BTreeSet<(&str, &str)> = others
            .iter()
            .flat_map(|of| &of.classes)
            .flat_map(|class| class.members)
            .map(|one| (&*one.id, &*one.address))
            .collect();
        let ours = parts.iter().flat_map(|part| part.class.members);
        let shared = ours.filter(|one| theirs.contains(&(&*one.id, &*one.address)));
        let names: BTreeSet<Arc<str>> = shared.map(|one| Arc::clone(&one.id)).collect();
        names.into_iter().collect()
    }

    /// Whether both products are in one gossip cluster: some name at some address is in both, or
    /// both spread the keys that only Loki has.
    fn shares_gossip(&self, other: &OfProduct<'_>) -> bool {
        let lokis = |of: &OfProduct<'_>| LOKIS_KEYS.iter().any(|key| of.keys.contains(key));
        self.gossip.intersection(&other.gossip).next().is_some() || (lokis(self) && lokis(other))
    }
}

/// Groups of nodes that see each other, the largest first.
fn groups(parts: &[Part<'_, '_>]) -> Vec<Vec<InstanceId>> {
    let mut group_of: Vec<usize> = (0..parts.len()).collect();
    for (a, one) in parts.iter().enumerate() {
        for (b, other) in parts.iter().enumerate().skip(a + 1) {
            if sees_each_other(one, other) {
                let (from, to) = (group_of[b], group_of[a]);
                for group in &mut group_of {
                    if *group == from {
                        *group = to;
                    }
                }
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<InstanceId>> = BTreeMap::new();
    for (part, group) in parts.iter().zip(group_of) {
        let ids = part.nodes.iter().map(|(node, _)| node.id.clone());
        groups.entry(group).or_default().extend(ids);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    groups
}

/// Whether nodes of two parts see each other, or may not have had the time to. Where addresses say
/// nothing, the same members by name would have made them one part.
fn sees_each_other(one: &Part<'_, '_>, other: &Part<'_, '_>) -> bool {
    sees(one, other) && sees(other, one)
}

fn sees(one: &Part<'_, '_>, other: &Part<'_, '_>) -> bool {
    if !one.class.matched || !other.class.matched {
        return one
            .class
            .members
            .iter()
            .any(|member| other.class.members.iter().any(|theirs| theirs.id == member.id));
    }
    other.nodes.iter().any(|(_, ip)| one.class.by_ip.contains_key(ip) || is_new(one, other, ip))
}

/// Whether a node registered so shortly before the other's page was read that it need not be there.
fn is_new(reader: &Part<'_, '_>, joiner: &Part<'_, '_>, ip: &IpAddr) -> bool {
    let own = joiner.class.by_ip.get(ip);
    own.and_then(|own| own.registered_age).is_some_and(|registered| {
        let since_read = age(reader.class.at, joiner.class.at);
        Duration::from_secs(registered) < since_read + JOINS_WITHIN
    })
}

/// The nodes that run the compactor in the rings that the fleet sees; `None` where none is
/// known to and not all of them say: the one that does not say may be the one. Of a ring that
/// several fleets share there is one compactor in all, wherever it runs.
fn compactors(
    scene: &Scene<'_>,
    product: &Product,
    parts: &[Part<'_, '_>],
) -> Option<Vec<InstanceId>> {
    let runs = |id: &InstanceId| requests::sample(scene.index, id, product)?.compactor_running;
    let own = || scene.living.iter().map(|node| &node.id);
    let members = parts.iter().flat_map(|part| part.class.members);
    let others = members.filter_map(|one| scene.index.owner_of_ip(&one.ip()?));
    let ids: BTreeSet<&InstanceId> = own().chain(others).collect();
    let lives = |id: &InstanceId| scene.nodes.get(id).is_some_and(|node| node.is_living());
    let all_say = !scene.living.is_empty() && ids.iter().all(|id| runs(id).is_some() || !lives(id));
    let running: Vec<_> = ids.into_iter().filter(|id| runs(id) == Some(true)).cloned().collect();
    (!running.is_empty() || all_say).then_some(running)
}

/// The versions that run, and on how many nodes each.
fn versions(scene: &Scene<'_>, product: &Product) -> BTreeMap<Arc<str>, u32> {
    let mut all = BTreeMap::new();
    for version in scene.living.iter().filter_map(|node| node.versions.get(product)) {
        *all.entry(Arc::clone(version)).or_default() += 1;
    }
    all
}

/// Members that have no heartbeat any more, in the ring of a fleet.
fn debris(scene: &Scene<'_>, product: &Product, parts: &[Part<'_, '_>]) -> Vec<Debris> {
    let mut all: BTreeMap<(&str, &str), (&RingMember, u32)> = BTreeMap::new();
    for part in parts {
        for member in part.class.members.iter().filter(|one| is_silent(scene, one)) {
            let entry = all.entry((&member.id, &member.address)).or_insert((member, 0));
            entry.1 += count(part.nodes.len());
        }
    }
    all.into_values()
        .map(|(member, seen_by)| Debris {
            member: member.clone(),
            instance: member.ip().and_then(|ip| scene.index.owner_of_ip(&ip)).cloned(),
            seen_by,
            blocks: blocked_by(scene, product, &member.address),
            forget: forget(product, member, parts),
        })
        .collect()
}

/// Unhealthy by the server's word, or silent for long though its ring has not noticed yet and no
/// instance has its address any more.
fn is_silent(scene: &Scene<'_>, member: &RingMember) -> bool {
    let silent = member.heartbeat_age.is_some_and(|age| age >= SILENT_AFTER);
    let nobodys = || {
        let ip = member.ip();
        ip.is_some_and(|ip| scene.index.owner_of_ip(&ip).is_none())
            && scene.index.every_address_is_known()
    };
    match member.state {
        RingState::Unhealthy => true,
        RingState::Left => false,
        _ => silent && nobodys(),
    }
}

/// Nodes that say they wait for the member at this address.
fn blocked_by(scene: &Scene<'_>, product: &Product, address: &str) -> Vec<InstanceId> {
    let names =
        |reason: &ProbeReason| matches!(reason, ProbeReason::BlockedBy(by) if by == address);
    let waits = |node: &&Node| {
        node.probes.iter().any(|of| &of.outcome.product == product && names(&of.outcome.reason))
    };
    scene.nodes.values().filter(waits).map(|node| node.id.clone()).collect()
}

/// The command that makes the ring forget a member, at a node that sees it. A name with characters
/// that a shell would read is not put into one.
fn forget(product: &Product, member: &RingMember, parts: &[Part<'_, '_>]) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    if member.id.is_empty() || member.id.len() > 128 || !member.id.chars().all(plain) {
        return None;
    }
    let part =
        parts.iter().find(|part| part.class.members.iter().any(|one| one.id == member.id))?;
    let (node, ip) = part.nodes.iter().find(|(_, ip)| Some(*ip) != member.ip())?;
    let probe = node.probes.iter().find(|of| &of.outcome.product == product)?;
    let view = part.class.views.iter().find(|view| view.id == &node.id)?;
    let at = std::net::SocketAddr::new(*ip, probe.outcome.port);
    let path = &view.told.ring_path;
    Some(format!("curl -sS -X POST --data-urlencode forget={} http://{at}{path}", member.id))
}

/// Other fleets whose nodes are members too.
fn colours(scene: &Scene<'_>, parts: &[Part<'_, '_>]) -> BTreeSet<StackId> {
    let members = parts.iter().flat_map(|part| part.class.members);
    let alive = members.filter(|one| one.state == RingState::Active);
    alive
        .filter_map(|one| scene.nodes.get(scene.index.owner_of_ip(&one.ip()?)?))
        .filter_map(|node| node.stack_id.clone())
        .filter(|stack| stack != scene.stack)
        .collect()
}
