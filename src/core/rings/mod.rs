//! What the rings, the request counters and DNS amount to, joined with the nodes: how each node
//! stands, who sees whom, what stands in the way. And the questions that follow: may this node be
//! stopped, may this fleet take the traffic.

mod guards;
mod seen;
mod shown;
mod stop;
mod words;

pub use guards::{
    RingFact, SPLIT_PROVEN_AFTER, blocking_debris, foreign_colour, foreign_product, other_debris,
    replication, split,
};
pub use seen::{MemberSeen, SeenBy, members_seen, outside, views_of};
pub use shown::{Shown, shown, shown_at};
pub use stop::{Reason, SafeToStop, StopVerdict, safe_to_stop, safe_to_stop_once_out};
pub use words::{Trouble, troubles};

use super::ids::{DnsName, InstanceId, Product, ServiceId, StackId};
use super::inventory::{DnsAnswer, LeftMember, RingMember, RingState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A time in seconds, as people say it: `45 s`, `2 min 20 s`, `3 h 5 min`.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Ids in one phrase.
pub(crate) fn names(ids: &[InstanceId]) -> String {
    ids.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(", ")
}

/// How a node stands in a product's ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RingStanding {
    /// It is a member, in this state.
    Member(RingState),
    /// Its ring is itself alone, though its fleet has more nodes.
    Alone,
    /// Its ring is in its own memory: nothing is shared, and nothing is meant to be.
    NotShared,
    /// The ring that its peers see does not have it.
    Missing,
    /// It left the ring by itself.
    Left,
    /// Nobody can say; the fragment says why.
    Unknown(String),
}

impl std::fmt::Display for RingStanding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Member(state) => write!(f, "{state}"),
            Self::Alone => f.write_str("alone"),
            Self::NotShared => f.write_str("not shared"),
            Self::Missing => f.write_str("missing"),
            Self::Left => f.write_str("left"),
            Self::Unknown(_) => f.write_str("unknown"),
        }
    }
}

/// A node in a product's ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRing {
    /// The product.
    pub product: Product,
    /// How it stands.
    pub standing: RingStanding,
    /// Its own entry, by its own page where that is read, else by a peer's.
    pub member: Option<RingMember>,
    /// How many members it sees; `None` where its own page cannot be read.
    pub sees: Option<u32>,
    /// When its own page was read.
    pub observed_at: Option<Timestamp>,
}

/// The requests that reach a product of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeRequests {
    /// The product.
    pub product: Product,
    /// Requests a second; `None` before there are two samples, or where nobody counts.
    pub per_second: Option<f64>,
    /// Over how long.
    pub over: Option<Duration>,
    /// Since when there has been none, as far as samples show.
    pub quiet_since: Option<Timestamp>,
    /// When it was last sampled.
    pub observed_at: Timestamp,
}

/// The requests that reach a product of a fleet: what the traffic shows, beside what the API says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FleetRequests {
    /// The product.
    pub product: Product,
    /// Requests a second over the nodes of which it is known; `None` where it is of none.
    pub per_second: Option<f64>,
    /// Of how many nodes it is known.
    pub known: u32,
    /// Of how many nodes it should be known.
    pub of: u32,
    /// When the oldest of the samples was taken.
    #[serde(default)]
    pub observed_at: Option<Timestamp>,
}

/// A ring's member that has no heartbeat any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debris {
    /// The member.
    pub member: RingMember,
    /// The instance that has its address now, if EC2 knows one.
    pub instance: Option<InstanceId>,
    /// How many nodes see it so.
    pub seen_by: u32,
    /// Nodes whose readiness it blocks.
    pub blocks: Vec<InstanceId>,
    /// The command that makes the ring forget it, to be copied.
    pub forget: Option<String>,
}

/// A product's ring over the nodes of one fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetRing {
    /// The product.
    pub product: Product,
    /// Nodes that are ACTIVE in it.
    pub active: u32,
    /// Nodes that should be.
    pub of: u32,
    /// Nodes of which it cannot be told.
    pub unknown: u32,
    /// Nodes whose ring is in their own memory.
    pub not_shared: Vec<InstanceId>,
    /// Nodes that see each other, a group at a time, the largest first. More than one group is a
    /// split.
    pub groups: Vec<Vec<InstanceId>>,
    /// For how long the views of all of them have been what they are: a split that has held for
    /// less than it takes to read twice may be a join that we watched.
    pub held: Duration,
    /// Members without a heartbeat.
    pub debris: Vec<Debris>,
    /// Members that are another product's as well: two rings that have become one.
    pub foreign: Vec<Arc<str>>,
    /// Whether another product shares the gossip, so that smaller rings mix.
    pub gossip_shared: bool,
    /// Other fleets whose nodes are in this ring.
    pub colours: BTreeSet<StackId>,
    /// Who left it by themselves within the last minutes.
    #[serde(default)]
    pub left: Vec<LeftMember>,
    /// Nodes that run the compactor, of which there should be one in the whole ring, another fleet's
    /// too where they share it; `None` where none of its own says.
    #[serde(default)]
    pub compactors: Option<Vec<InstanceId>>,
    /// The versions of the product, and on how many nodes each runs.
    #[serde(default)]
    pub versions: BTreeMap<Arc<str>, u32>,
    /// When the oldest of the views was read.
    #[serde(default)]
    pub observed_at: Option<Timestamp>,
}

impl FleetRing {
    /// Whether its nodes do not all see each other.
    pub fn is_split(&self) -> bool {
        self.groups.len() > 1
    }
}

/// Nodes that see the same ring, and what they see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingGroup {
    /// Who sees it.
    pub nodes: Vec<InstanceId>,
    /// What they see, and whose each member is, as far as addresses tell.
    pub members: Vec<(RingMember, Option<InstanceId>)>,
    /// When the latest of the views was read.
    pub observed_at: Timestamp,
}

/// A product's rings over all fleets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingView {
    /// Groups of nodes that agree, the largest first.
    pub groups: Vec<RingGroup>,
    /// Nodes that tell nothing, and why.
    pub untold: BTreeMap<InstanceId, String>,
    /// Nodes whose ring is in their own memory.
    pub not_shared: Vec<InstanceId>,
    /// Nodes that run the compactor, of which there should be one in all.
    pub compactors: Vec<InstanceId>,
}

/// A registry service's name in DNS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsView {
    /// The name.
    pub name: DnsName,
    /// The registry service.
    pub service: ServiceId,
    /// What it resolves to; `None` where that is not known now.
    pub answer: Option<DnsAnswer>,
    /// Addresses in the answer that no member has.
    pub foreign: BTreeSet<std::net::IpAddr>,
    /// When it was resolved.
    pub observed_at: Option<Timestamp>,
}
