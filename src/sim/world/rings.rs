//! The rings of Loki and Tempo: who gossips with whom, and what each gossip cluster remembers. A
//! product joins what its name answers when it starts, and once it reached anybody it asks no more
//! (unless its configuration says so): that is how rings split, and stay split.
//!
//! Nothing ticks here. A heartbeat is worked out from the time at which somebody looks.

use super::agenda::Due;
use super::{Phase, World};
use crate::core::ids::{InstanceId, Product};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

/// A product of a node, as the gossip knows it.
pub(crate) type PeerId = (InstanceId, Product);

/// From a product's start to its place in the ring.
pub(super) const JOINS_AFTER: Duration = Duration::from_secs(1);
/// A join that reaches nobody is tried again after these waits, and then never more.
const RETRIES: [u64; 10] = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60];
/// How often a product that joins anew now and then does so in what matters of its life: later
/// ones find nothing that the first did not.
const REJOINS: u32 = 5;

/// Who may gossip with whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Label {
    /// The products of one fleet (`cluster_label` of fleet and product).
    #[default]
    Fleet,
    /// One product of all fleets.
    Product,
    /// Everybody: no label, as in the article.
    Nobody,
}

/// How a fleet's products are configured, as far as rings go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RingConfig {
    pub(crate) label: Label,
    /// Whether both products join the one port, 7946, as in the article.
    pub(crate) one_port: bool,
    /// `rejoin_interval`; zero is never, which is the products' default.
    pub(crate) rejoin: Duration,
    /// Whether members without a heartbeat are forgotten by themselves.
    pub(crate) forgets: bool,
    /// Whether Tempo runs as `-target=all`, whose ring is in its own memory.
    pub(crate) tempo_alone: bool,
    /// How many tokens an ingester has.
    pub(crate) tokens: u32,
}

/// A product that gossips.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) ip: Ipv4Addr,
    pub(crate) gossip_port: u16,
    label: String,
    pub(super) cluster: u32,
    /// The start of its product that it belongs to.
    start: u64,
    pub(crate) joined: Timestamp,
    /// Since when nothing is heard of it.
    pub(super) silent: Option<Timestamp>,
    /// Whether it left by itself.
    left: bool,
}

/// A member of a ring of ingesters.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) owner: PeerId,
    pub(super) address: String,
    pub(super) registered: Timestamp,
    /// Its last heartbeat, where none comes any more.
    pub(super) last_beat: Option<Timestamp>,
    pub(super) left: Option<Timestamp>,
    pub(super) tokens: Arc<str>,
    pub(super) forgets: bool,
}

/// What gossips together, and what it remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    pub(super) peers: BTreeSet<PeerId>,
    pub(super) entries: BTreeMap<String, Entry>,
}

/// All gossip of a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rings {
    pub(super) peers: BTreeMap<PeerId, Peer>,
    /// Who listens where.
    listening: BTreeMap<(Ipv4Addr, u16), PeerId>,
    pub(super) clusters: BTreeMap<u32, Cluster>,
    clusters_made: u32,
    /// The first of those that stand there from the beginning, by label and gossip port.
    standing: BTreeMap<(String, u16), PeerId>,
}

/// Whether a product has a ring at all.
pub(crate) fn has_ring(product: &Product) -> bool {
    matches!(product.as_str(), "loki" | "tempo")
}

/// What a product calls itself: what stands in its compose file as `hostname`.
pub(crate) fn host_name(id: &InstanceId, product: &Product) -> String {
    let text = id.as_str();
    let tail = text.get(text.len().saturating_sub(8)..).unwrap_or(text);
    format!("{product}-{tail}")
}

/// Tokens: the same for the same name, spread over the circle, in order.
fn tokens(name: &str, count: u32) -> Arc<str> {
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut random = super::Random::new(seed);
    let mut all: Vec<u32> = (0..count).map(|_| (random.next() >> 32) as u32).collect();
    all.sort_unstable();
    all.iter().map(u32::to_string).collect::<Vec<_>>().join(",").into()
}

impl World {
    /// How a node's products are configured. A node of no group has the products' defaults.
    pub(crate) fn ring_config(&self, id: &InstanceId) -> RingConfig {
        self.group_of(id).map_or(RingConfig::default(), |group| group.rings)
    }

    /// Whether this product's ring is in its own memory.
    pub(crate) fn ring_is_alone(&self, id: &InstanceId, product: &Product) -> bool {
        let held = self.instances.get(id).and_then(|node| node.products.get(product));
        let newest = held.is_some_and(|one| super::version(&one.version) >= (3, 0));
        product.as_str() == "tempo" && (newest || self.ring_config(id).tempo_alone)
    }

    /// The gossip port of a product on its node: the first one there has the usual port.
    pub(crate) fn gossip_port(&self, id: &InstanceId, product: &Product) -> u16 {
        7946 + self.second_on_host(id, product)
    }

    /// The gRPC port, which its ring tells.
    pub(crate) fn grpc_port(&self, id: &InstanceId, product: &Product) -> u16 {
        9095 + self.second_on_host(id, product)
    }

    fn second_on_host(&self, id: &InstanceId, product: &Product) -> u16 {
        let both =
            self.instances.get(id).is_some_and(|node| node.products.contains_key(&"loki".into()));
        u16::from(product.as_str() == "tempo" && both)
    }

    fn label_of(&self, id: &InstanceId, product: &Product, config: RingConfig) -> String {
        let stack = self.instances.get(id).and_then(|node| node.stack.clone());
        match (config.label, stack) {
            (Label::Nobody, _) => String::new(),
            (Label::Product, _) => product.to_string(),
            (Label::Fleet, Some(stack)) => format!("{stack}-{product}"),
            (Label::Fleet, None) => format!("{id}-{product}"),
        }
    }

    /// A product starts: its place in the ring comes a moment later.
    pub(super) fn ring_starts(&mut self, id: &InstanceId, product: &Product, start: u64) {
        self.ring_leaves(id, product);
        self.ring_ends(id, product);
        if has_ring(product) && !self.ring_is_alone(id, product) {
            let due = Due::RingJoin { node: id.clone(), product: product.clone(), start, tries: 0 };
            self.plan(JOINS_AFTER, due);
        }
    }

    /// A product that has been running for long: it has its place already, with its like.
    pub(crate) fn ring_stands(&mut self, id: &InstanceId, product: &Product) {
        if !has_ring(product) || self.ring_is_alone(id, product) {
            return;
        }
        let start = self.start_of(id, product).unwrap_or_default();
        self.enter_ring(id, product, start);
        let Some(own) = self.rings.peers.get(&(id.clone(), product.clone())) else { return };
        let port = self.join_port(id, product);
        let (label, cluster) = (own.label.clone(), own.cluster);
        let key = (id.clone(), product.clone());
        self.rings.standing.entry((label.clone(), own.gossip_port)).or_insert(key);
        let mate = self.rings.standing.get(&(label, port));
        if let Some(other) = mate.and_then(|key| self.rings.peers.get(key)).map(|one| one.cluster) {
            self.merge(other, cluster);
        }
    }

    fn join_port(&self, id: &InstanceId, product: &Product) -> u16 {
        if self.ring_config(id).one_port { 7946 } else { self.gossip_port(id, product) }
    }

    fn start_of(&self, id: &InstanceId, product: &Product) -> Option<u64> {
        Some(self.instances.get(id)?.products.get(product)?.start)
    }

    /// A product asks its name who is there, and joins them.
    pub(super) fn ring_join(&mut self, peer: &PeerId, start: u64, tries: u32) {
        let (id, product) = peer;
        if self.start_of(id, product) != Some(start) || !self.is_up(id, product) {
            return;
        }
        if self.rings.peers.get(peer).is_none_or(|one| one.start != start) {
            self.enter_ring(id, product, start);
        }
        let config = self.ring_config(id);
        let reached = self.join_seeds(peer);
        let again = |wait: u64, tries: u32| {
            let due = Due::RingJoin { node: id.clone(), product: product.clone(), start, tries };
            (Duration::from_secs(wait), due)
        };
        let next = match RETRIES.get(tries as usize) {
            Some(wait) if !reached => Some(again(*wait, tries + 1)),
            _ if config.rejoin.is_zero() => None,
            // The count of rejoins goes on behind that of the tries.
            _ => {
                let done = tries.max(RETRIES.len() as u32);
                let more = done < RETRIES.len() as u32 + REJOINS;
                more.then(|| again(config.rejoin.as_secs(), done + 1))
            }
        };
        if let Some((wait, due)) = next {
            self.plan(wait, due);
        }
    }

    /// Joins everybody that the name answers; whether anybody was reached, oneself among them.
    fn join_seeds(&mut self, peer: &PeerId) -> bool {
        let port = self.join_port(&peer.0, &peer.1);
        let services = self.group_of(&peer.0).map(|group| group.services.clone());
        let (mut reached, mut answered) = (false, Vec::new());
        for service in services.unwrap_or_default() {
            answered.extend(self.resolve(&service));
        }
        for ip in answered {
            let Some(own) = self.rings.peers.get(peer) else { return false };
            let there = self.rings.listening.get(&(ip, port));
            let there = there.and_then(|key| self.rings.peers.get(key));
            // A label that differs is a stream that is discarded.
            let Some(other) = there.filter(|one| one.label == own.label && one.silent.is_none())
            else {
                continue;
            };
            let (kept, merged) = (other.cluster, own.cluster);
            reached = true;
            self.merge(kept, merged);
        }
        reached
    }

    /// A ring of one, from which to join others.
    fn enter_ring(&mut self, id: &InstanceId, product: &Product, start: u64) {
        let Some(node) = self.instances.get(id) else { return };
        let (ip, now) = (node.ip, self.now);
        let config = self.ring_config(id);
        let host = host_name(id, product);
        let peer = Peer {
            name: format!("{host}-{:08x}", start.wrapping_mul(0x9e37_79b1) as u32),
            ip,
            gossip_port: self.gossip_port(id, product),
            label: self.label_of(id, product, config),
            cluster: self.rings.clusters_made,
            start,
            joined: now,
            silent: None,
            left: false,
        };
        let key = (id.clone(), product.clone());
        let entry = Entry {
            owner: key.clone(),
            address: format!("{ip}:{}", self.grpc_port(id, product)),
            registered: now,
            last_beat: None,
            left: None,
            tokens: tokens(&host, config.tokens),
            forgets: config.forgets,
        };
        self.leave_cluster(&key);
        self.rings.listening.insert((ip, peer.gossip_port), key.clone());
        let cluster = Cluster {
            peers: BTreeSet::from([key.clone()]),
            entries: BTreeMap::from([(host, entry)]),
        };
        self.rings.clusters.insert(self.rings.clusters_made, cluster);
        self.rings.clusters_made += 1;
        self.rings.peers.insert(key, peer);
    }

    /// A peer is no longer among those of its cluster; a cluster without any is forgotten.
    fn leave_cluster(&mut self, key: &PeerId) {
        let Some(old) = self.rings.peers.remove(key) else { return };
        if self.rings.listening.get(&(old.ip, old.gossip_port)) == Some(key) {
            self.rings.listening.remove(&(old.ip, old.gossip_port));
        }
        if let Some(cluster) = self.rings.clusters.get_mut(&old.cluster) {
            cluster.peers.remove(key);
            if cluster.peers.is_empty() {
                self.rings.clusters.remove(&old.cluster);
            }
        }
    }

    /// Two clusters become one; of two entries of a name the later one counts.
    fn merge(&mut self, kept: u32, merged: u32) {
        if kept == merged {
            return;
        }
        let Some(from) = self.rings.clusters.remove(&merged) else { return };
        for key in &from.peers {
            if let Some(peer) = self.rings.peers.get_mut(key) {
                peer.cluster = kept;
            }
        }
        let Some(into) = self.rings.clusters.get_mut(&kept) else { return };
        into.peers.extend(from.peers);
        for (name, entry) in from.entries {
            let held = into.entries.get(&name);
            if held.is_none_or(|held| held.registered <= entry.registered) {
                into.entries.insert(name, entry);
            }
        }
    }

    fn entry_mut(&mut self, key: &PeerId) -> Option<&mut Entry> {
        let cluster = self.rings.peers.get(key)?.cluster;
        let host = host_name(&key.0, &key.1);
        self.rings.clusters.get_mut(&cluster)?.entries.get_mut(&host)
    }

    /// A product leaves by itself: it says so, and is out of the ring at once.
    pub(super) fn ring_leaves(&mut self, id: &InstanceId, product: &Product) {
        let (now, key) = (self.now, (id.clone(), product.clone()));
        if self.rings.peers.get(&key).is_none_or(|peer| peer.silent.is_some()) {
            return;
        }
        if let Some(entry) = self.entry_mut(&key) {
            entry.left = Some(now);
        }
        if let Some(peer) = self.rings.peers.get_mut(&key) {
            peer.left = true;
        }
    }

    /// A product that left and stopped gossips no more; one that did not leave died.
    pub(super) fn ring_ends(&mut self, id: &InstanceId, product: &Product) {
        let (now, key) = (self.now, (id.clone(), product.clone()));
        let Some(peer) = self.rings.peers.get(&key) else { return };
        if peer.left {
            self.leave_cluster(&key);
        } else if peer.silent.is_none() {
            let beat = self.rings_beat(&key, now);
            if let Some(entry) = self.entry_mut(&key) {
                entry.last_beat = beat;
            }
            if let Some(peer) = self.rings.peers.get_mut(&key) {
                peer.silent = Some(now);
            }
        }
    }

    /// What was frozen or cut off goes on.
    pub(super) fn ring_goes_on(&mut self, id: &InstanceId, product: &Product) {
        let key = (id.clone(), product.clone());
        if let Some(peer) = self.rings.peers.get_mut(&key) {
            peer.silent = None;
        }
        if let Some(entry) = self.entry_mut(&key) {
            entry.last_beat = None;
        }
    }

    /// A ring forgets a member, as somebody asked a product of a node to.
    ///
    /// # Errors
    /// The server's words when there is no such member.
    pub(crate) fn ring_forgets(
        &mut self,
        id: &InstanceId,
        product: &Product,
        member: &str,
    ) -> Result<(), String> {
        let now = self.now;
        let peer = self.rings.peers.get(&(id.clone(), product.clone()));
        let cluster = peer.map(|peer| peer.cluster);
        let cluster = cluster.and_then(|one| self.rings.clusters.get_mut(&one));
        let entry = cluster.and_then(|one| one.entries.get_mut(member));
        match entry.filter(|one| one.left.is_none()) {
            // One that lives registers again with its next heartbeat: nothing changes for long.
            Some(entry) if entry.last_beat.is_none() => Ok(()),
            Some(entry) => {
                entry.left = Some(now);
                Ok(())
            }
            None => Err(format!(
                "error forgetting instance '{member}': fn returned no change: no change detected"
            )),
        }
    }

    /// Whether a product runs and can be reached.
    pub(crate) fn is_up(&self, id: &InstanceId, product: &Product) -> bool {
        self.instances.get(id).is_some_and(|node| {
            let phase = node.products.get(product).map(|one| one.phase);
            node.state == "running"
                && node.alive
                && !self.zone_failed(&node.zone)
                && phase.is_some_and(|phase| !matches!(phase, Phase::Down | Phase::Frozen))
        })
    }

    /// Ends or takes up the gossip of a node's products, as they are now.
    pub(super) fn rings_follow(&mut self, id: &InstanceId) {
        for product in ["loki", "tempo"].map(Product::from) {
            if self.is_up(id, &product) {
                let silent = self.rings.peers.get(&(id.clone(), product.clone()));
                let same = self.start_of(id, &product);
                if silent.is_some_and(|peer| peer.silent.is_some() && Some(peer.start) == same) {
                    self.ring_goes_on(id, &product);
                }
            } else {
                self.ring_ends(id, &product);
            }
        }
    }
}

impl Default for RingConfig {
    fn default() -> Self {
        Self {
            label: Label::Fleet,
            one_port: false,
            rejoin: Duration::from_secs(60),
            forgets: true,
            tempo_alone: false,
            tokens: 128,
        }
    }
}
