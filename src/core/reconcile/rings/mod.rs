//! Rings, requests and DNS joined with the nodes. Nodes that see the same members are one class, and
//! everything is judged class by class: a fleet of two hundred nodes that agree is one comparison.

mod dns;
mod fleet;
mod requests;

pub(super) use dns::views as dns_views;

use super::index::Index;
use super::nodes::Nodes;
use crate::core::estate::{Fleet, Node};
use crate::core::ids::{InstanceId, Product, StackId};
use crate::core::inventory::{Gossip, Page, ProductRings, RingMember, RingState, ip_of};
use crate::core::observed::Observed;
use crate::core::rings::{NodeRing, RingGroup, RingStanding, RingView};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// One node's word about one product's ring.
#[derive(Clone, Copy)]
struct View<'a> {
    id: &'a InstanceId,
    told: &'a ProductRings,
    /// When it was read.
    at: Timestamp,
    /// Since when it has been the same.
    since: Timestamp,
}

/// Nodes that see the same members, by name and address.
struct Class<'a> {
    views: Vec<View<'a>>,
    /// The latest word.
    members: &'a [RingMember],
    at: Timestamp,
    by_ip: BTreeMap<IpAddr, &'a RingMember>,
    /// Whether any member's address is an instance's: else they are containers', and say nothing.
    matched: bool,
}

/// One product's classes, and who tells nothing.
#[derive(Default)]
struct OfProduct<'a> {
    classes: Vec<Class<'a>>,
    /// The class of each node, by its place.
    class_of: BTreeMap<&'a InstanceId, usize>,
    not_shared: BTreeSet<&'a InstanceId>,
    untold: BTreeMap<&'a InstanceId, String>,
    /// Addresses of members that left by themselves.
    left: BTreeSet<IpAddr>,
    /// Names and addresses in the gossip, and the keys that it spreads.
    gossip: BTreeSet<(&'a str, &'a str)>,
    keys: BTreeSet<&'a str>,
    /// The clusters that are in those two: many nodes share one.
    taken: BTreeSet<*const Gossip>,
}

/// The living nodes of each fleet that see a product's ring.
type Peers<'a> = BTreeMap<Option<StackId>, Vec<&'a InstanceId>>;

/// Every product's rings.
pub(super) struct Rings<'a> {
    products: BTreeMap<&'a Product, OfProduct<'a>>,
}

impl<'a> Rings<'a> {
    pub fn new(index: &Index<'a>) -> Self {
        let mut views: BTreeMap<&'a Product, Vec<View<'a>>> = BTreeMap::new();
        for (id, observed) in index.inventory.rings.iter() {
            let (Ok(all), Some(at)) = (observed.current(index.now), observed.observed_at()) else {
                continue;
            };
            for held in all {
                let view = View { id, told: &held.value, at, since: held.since };
                views.entry(&held.value.product).or_default().push(view);
            }
        }
        let products =
            views.into_iter().map(|(product, views)| (product, OfProduct::new(index, views)));
        Self { products: products.collect() }
    }

    /// Puts into the nodes how they stand, and what reaches them.
    pub fn tell_nodes(&self, index: &Index<'_>, nodes: &mut Nodes) {
        let all = self.products.iter();
        let peers: Vec<(&Product, &OfProduct<'_>, Peers<'_>)> =
            all.map(|(product, of)| (*product, of, of.peers(nodes))).collect();
        for node in nodes.values_mut() {
            let ring = |(product, of, peers): &(&Product, &OfProduct<'_>, Peers<'_>)| {
                let peers = peers.get(&node.stack_id).map_or(&[][..], Vec::as_slice);
                of.node_ring(index, product, node, peers)
            };
            let mut rings: Vec<NodeRing> = peers.iter().filter_map(ring).collect();
            let mut requests = requests::of_node(index, &node.id);
            let versions = requests::versions(index, &node.id);
            // A node that is shared with the estate before says it all already, nearly always.
            if (&node.rings, &node.requests, &node.versions) != (&rings, &requests, &versions) {
                rings.shrink_to_fit();
                requests.shrink_to_fit();
                let node = Arc::make_mut(node);
                (node.rings, node.requests, node.versions) = (rings, requests, versions);
            }
        }
    }

    /// Every product's rings over all fleets.
    pub fn views(&self, index: &Index<'_>) -> BTreeMap<Product, RingView> {
        let one = |(product, of): (&&Product, &OfProduct<'_>)| {
            let compactors = requests::compactors(index, product);
            ((*product).clone(), RingView { compactors, ..of.view(index) })
        };
        self.products.iter().map(one).collect()
    }

    /// Puts into the fleets what their rings and requests amount to.
    pub fn tell_fleets(
        &self,
        index: &Index<'_>,
        nodes: &Nodes,
        fleets: &mut BTreeMap<StackId, Fleet>,
    ) {
        for fleet in fleets.values_mut() {
            let living: Vec<&Node> = fleet
                .nodes
                .iter()
                .filter_map(|id| nodes.get(id))
                .filter(|node| node.is_living())
                .collect();
            fleet.requests = requests::of_fleet(&living);
            let scene = fleet::Scene { index, nodes, living: &living, stack: &fleet.stack_id };
            let one = |(product, of): (&&Product, &OfProduct<'_>)| {
                let others = self.products.iter().filter(|(other, _)| *other != product);
                of.fleet_ring(&scene, product, &others.map(|(_, of)| of).collect::<Vec<_>>())
            };
            fleet.rings = self.products.iter().map(one).collect();
        }
    }
}

impl<'a> OfProduct<'a> {
    fn new(index: &Index<'a>, views: Vec<View<'a>>) -> Self {
        let (mut this, mut places) = (Self::default(), BTreeMap::new());
        for view in views {
            this.take_gossip(view.told);
            match &view.told.ring {
                Page::Read(ring) if ring.is_in_memory() => {
                    this.not_shared.insert(view.id);
                }
                Page::Read(ring) => {
                    let next = this.classes.len();
                    let place = *places.entry(view.told.digest).or_insert(next);
                    this.class_of.insert(view.id, place);
                    this.add(place, view, &ring.members);
                }
                Page::NotUsed => {
                    this.not_shared.insert(view.id);
                }
                Page::Absent => {
                    this.untold.insert(view.id, "this version has no such page".into());
                }
                Page::CannotTell(why) => {
                    this.untold.insert(view.id, why.clone());
                }
            }
        }
        for class in &mut this.classes {
            class.look_up(index);
        }
        this
    }

    fn take_gossip(&mut self, told: &'a ProductRings) {
        if let Page::Read(gossip) = &told.gossip
            && self.taken.insert(Arc::as_ptr(gossip))
        {
            self.gossip.extend(gossip.members.iter().map(|one| (&*one.name, &*one.address)));
            self.keys.extend(gossip.keys.iter().map(String::as_str));
        }
        let left = told.left.read().into_iter().flatten();
        self.left.extend(left.filter_map(|one| ip_of(&one.address)));
    }

    fn add(&mut self, place: usize, view: View<'a>, members: &'a [RingMember]) {
        if place == self.classes.len() {
            let (views, by_ip) = (Vec::new(), BTreeMap::new());
            self.classes.push(Class { views, members, at: view.at, by_ip, matched: false });
        }
        let Some(class) = self.classes.get_mut(place) else { return };
        if view.at >= class.at {
            (class.at, class.members) = (view.at, members);
        }
        class.views.push(view);
    }

    fn class(&self, id: &InstanceId) -> Option<&Class<'a>> {
        self.classes.get(*self.class_of.get(id)?)
    }

    /// The living nodes of each fleet that see a ring.
    fn peers(&self, nodes: &Nodes) -> Peers<'a> {
        let mut all = Peers::new();
        for node in nodes.values().filter(|node| node.is_living()) {
            if let Some((id, _)) = self.class_of.get_key_value(&node.id) {
                all.entry(node.stack_id.clone()).or_default().push(id);
            }
        }
        all
    }

    /// How a node stands; nothing where nobody speaks of a ring that it could be in.
    fn node_ring(
        &self,
        index: &Index<'_>,
        product: &Product,
        node: &Node,
        peers: &[&InstanceId],
    ) -> Option<NodeRing> {
        let ip = node.private_ip?;
        let own = self.class(&node.id);
        let others = || peers.iter().filter(|peer| **peer != &node.id);
        let (standing, member) = if self.not_shared.contains(&node.id) {
            (RingStanding::NotShared, None)
        } else if let Some(class) = own {
            class.standing(ip, others().next().is_some())
        } else {
            let classes = others().filter_map(|peer| self.class(peer)).filter(|of| of.matched);
            let mut classes = classes.peekable();
            let any = classes.peek().is_some();
            let untold = self.untold.get(&node.id);
            match classes.find_map(|class| class.by_ip.get(&ip)) {
                Some(member) => (RingStanding::Member(member.state.clone()), Some(*member)),
                None if self.left.contains(&ip) => (RingStanding::Left, None),
                None if any => (RingStanding::Missing, None),
                None => (RingStanding::Unknown(untold?.clone()), None),
            }
        };
        let observed = index.inventory.rings.get(&node.id);
        Some(NodeRing {
            product: product.clone(),
            standing,
            member: member.cloned(),
            sees: own.map(|class| count(class.members.len())),
            observed_at: observed.and_then(Observed::observed_at),
        })
    }

    fn view(&self, index: &Index<'_>) -> RingView {
        let mut groups: Vec<RingGroup> =
            self.classes.iter().map(|class| class.group(index)).collect();
        groups
            .sort_by(|a, b| b.nodes.len().cmp(&a.nodes.len()).then_with(|| a.nodes.cmp(&b.nodes)));
        RingView {
            groups,
            untold: self.untold.iter().map(|(id, why)| ((*id).clone(), why.clone())).collect(),
            not_shared: self.not_shared.iter().map(|id| (*id).clone()).collect(),
            compactors: Vec::new(),
        }
    }
}

impl<'a> Class<'a> {
    fn look_up(&mut self, index: &Index<'a>) {
        for member in self.members.iter().filter(|one| one.state != RingState::Left) {
            let Some(ip) = member.ip() else { continue };
            self.matched |= index.owner_of_ip(&ip).is_some();
            // A container that was made anew has its address twice; the entry that lives counts.
            let known = self.by_ip.entry(ip).or_insert(member);
            if known.state != RingState::Active {
                *known = member;
            }
        }
    }

    /// How the node at this address stands by its own word.
    fn standing(&self, ip: IpAddr, has_peers: bool) -> (RingStanding, Option<&'a RingMember>) {
        let own = self.by_ip.get(&ip).copied();
        match own {
            Some(member) if self.members.len() == 1 && has_peers => {
                (RingStanding::Alone, Some(member))
            }
            Some(member) => (RingStanding::Member(member.state.clone()), Some(member)),
            None if self.matched => (RingStanding::Missing, None),
            None => {
                let why = "the ring's addresses are not the instances' own";
                (RingStanding::Unknown(why.into()), None)
            }
        }
    }

    fn group(&self, index: &Index<'_>) -> RingGroup {
        let owner = |member: &RingMember| index.owner_of_ip(&member.ip()?).cloned();
        RingGroup {
            nodes: self.views.iter().map(|view| view.id.clone()).collect(),
            members: self.members.iter().map(|one| (one.clone(), owner(one))).collect(),
            observed_at: self.at,
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
