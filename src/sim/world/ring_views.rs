//! The rings as somebody sees them who looks now: heartbeats, health, who left.

use super::rings::{Cluster, JOINS_AFTER, Peer, PeerId};
use super::{World, since};
use crate::core::ids::{InstanceId, Product};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Peers drop a dead one from their member lists after so long (measured: 26 to 28 s).
const DROPPED_AFTER: Duration = Duration::from_secs(27);
/// Who left is remembered for so long (`left_ingesters_timeout`).
const LEFT_FOR: Duration = Duration::from_secs(300);
/// Where that is configured, the dead are forgotten after so long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// A member as a page shows it.
#[derive(Clone, Debug)]
pub(crate) struct Shard {
    pub(crate) id: String,
    pub(crate) address: String,
    pub(crate) state: &'static str,
    pub(crate) beat: Timestamp,
    pub(crate) registered: Timestamp,
    pub(crate) tokens: Arc<str>,
    pub(crate) left: bool,
    pub(crate) owner: PeerId,
}

/// How long a product of this kind may be silent before its ring calls it unhealthy.
fn timeout(product: &Product) -> Duration {
    Duration::from_secs(if product.as_str() == "tempo" { 300 } else { 60 })
}

fn period(product: &Product) -> Duration {
    Duration::from_secs(if product.as_str() == "tempo" { 5 } else { 15 })
}

impl World {
    /// The last heartbeat of a living product before a time, by its own clock.
    pub(super) fn rings_beat(&self, key: &PeerId, at: Timestamp) -> Option<Timestamp> {
        let peer = self.rings.peers.get(key)?;
        let every = period(&key.1).as_secs().max(1);
        let lived = since(peer.joined, at).as_secs();
        let beat = super::later(peer.joined, Duration::from_secs(lived - lived % every));
        beat.checked_add(self.skew_of(&key.0)).ok()
    }

    /// How far a node's clock is off.
    pub(crate) fn skew_of(&self, id: &InstanceId) -> SignedDuration {
        self.instances.get(id).map_or(SignedDuration::ZERO, |node| node.skew)
    }

    /// What a node's clock says.
    pub(crate) fn node_time(&self, id: &InstanceId) -> Timestamp {
        self.now.checked_add(self.skew_of(id)).unwrap_or(self.now)
    }

    fn cluster_of(&self, id: &InstanceId, product: &Product) -> Option<&Cluster> {
        let peer = self.rings.peers.get(&(id.clone(), product.clone()))?;
        self.rings.clusters.get(&peer.cluster)
    }

    /// Those that a product gossips with, itself among them.
    pub(crate) fn gossip(&self, id: &InstanceId, product: &Product) -> Vec<(&PeerId, &Peer)> {
        let Some(cluster) = self.cluster_of(id, product) else { return Vec::new() };
        let heard =
            |peer: &Peer| peer.silent.is_none_or(|silent| since(silent, self.now) < DROPPED_AFTER);
        let mut all: Vec<_> = cluster
            .peers
            .iter()
            .filter_map(|key| Some((key, self.rings.peers.get(key)?)))
            .filter(|(_, peer)| heard(peer))
            .collect();
        all.sort_by(|a, b| a.1.name.cmp(&b.1.name));
        all
    }

    /// The ring of ingesters as a product of a node sees it, those that left among them for as
    /// long as they are remembered.
    pub(crate) fn ring(&self, id: &InstanceId, product: &Product) -> Vec<Shard> {
        let Some(cluster) = self.cluster_of(id, product) else { return Vec::new() };
        let (own_now, patience) = (self.node_time(id), timeout(product));
        let shards = cluster.entries.iter().filter_map(|(name, entry)| {
            let beat = match entry.last_beat {
                Some(beat) => beat,
                None => self.rings_beat(&entry.owner, self.now).unwrap_or(entry.registered),
            };
            if entry.left.is_some_and(|left| since(left, self.now) > LEFT_FOR) {
                return None;
            }
            let silent = since(beat, own_now);
            if entry.forgets && entry.last_beat.is_some() && silent > FORGOTTEN_AFTER {
                return None;
            }
            let state = match entry.left {
                Some(_) => "LEFT",
                None if silent > patience => "UNHEALTHY",
                None if since(entry.registered, self.now) < JOINS_AFTER => "PENDING",
                None => "ACTIVE",
            };
            Some(Shard {
                id: name.clone(),
                address: entry.address.clone(),
                state,
                beat,
                registered: entry.registered,
                tokens: Arc::clone(&entry.tokens),
                left: entry.left.is_some(),
                owner: entry.owner.clone(),
            })
        });
        shards.collect()
    }

    /// The address of the member for which a product that wants to become ready waits.
    pub(crate) fn ring_blocks(&self, id: &InstanceId, product: &Product) -> Option<String> {
        let all = self.ring(id, product);
        all.into_iter().find(|one| one.state == "UNHEALTHY").map(|one| one.address)
    }
}
