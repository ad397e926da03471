//! Rings and requests in `nodes -o json` and `fleets -o json`.

use super::{stamp, stamped};
use crate::core::ids::{InstanceId, Product, StackId};
use crate::core::rings::{Debris, FleetRequests, FleetRing, NodeRequests, NodeRing, RingStanding};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct NodeRingView {
    pub service: Product,
    /// The server's word for its state, or `alone`, `not shared`, `missing`, `left`, `unknown`.
    pub standing: String,
    /// Why it is unknown, where it is.
    pub detail: Option<String>,
    pub heartbeat_age_s: Option<u64>,
    pub tokens: Option<u32>,
    pub sees: Option<u32>,
    pub observed_at: Option<Timestamp>,
}

impl NodeRingView {
    pub fn of(ring: &NodeRing) -> Self {
        let member = ring.member.as_ref();
        Self {
            service: ring.product.clone(),
            standing: ring.standing.to_string(),
            detail: match &ring.standing {
                RingStanding::Unknown(why) => Some(why.clone()),
                _ => None,
            },
            heartbeat_age_s: member.and_then(|member| member.heartbeat_age),
            tokens: member.and_then(|member| member.tokens),
            sees: ring.sees,
            observed_at: stamped(ring.observed_at),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct NodeRequestsView {
    pub service: Product,
    /// Null until there are two samples.
    pub per_second: Option<f64>,
    pub over_s: Option<u64>,
    pub quiet_since: Option<Timestamp>,
    pub observed_at: Timestamp,
}

impl NodeRequestsView {
    pub fn of(requests: &NodeRequests) -> Self {
        Self {
            service: requests.product.clone(),
            per_second: requests.per_second.map(rounded),
            over_s: requests.over.map(|over| over.as_secs()),
            quiet_since: stamped(requests.quiet_since),
            observed_at: stamp(requests.observed_at),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct FleetRingView {
    pub service: Product,
    pub active: u32,
    pub expected: u32,
    pub unknown: u32,
    /// Nodes that see each other; more than one group is a split.
    pub groups: Vec<Vec<InstanceId>>,
    pub not_shared: u32,
    pub foreign: Vec<Arc<str>>,
    pub other_fleets: BTreeSet<StackId>,
    pub debris: Vec<DebrisView>,
}

impl FleetRingView {
    pub fn of(ring: &FleetRing) -> Self {
        Self {
            service: ring.product.clone(),
            active: ring.active,
            expected: ring.of,
            unknown: ring.unknown,
            groups: ring.groups.clone(),
            not_shared: u32::try_from(ring.not_shared.len()).unwrap_or(u32::MAX),
            foreign: ring.foreign.clone(),
            other_fleets: ring.colours.clone(),
            debris: ring.debris.iter().map(DebrisView::of).collect(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct DebrisView {
    pub id: Arc<str>,
    pub address: Arc<str>,
    pub state: String,
    pub heartbeat_age_s: Option<u64>,
    pub instance_id: Option<InstanceId>,
    pub blocks: Vec<InstanceId>,
    /// The command that makes the ring forget it, for people to run.
    pub forget: Option<String>,
}

impl DebrisView {
    fn of(debris: &Debris) -> Self {
        Self {
            id: Arc::clone(&debris.member.id),
            address: Arc::clone(&debris.member.address),
            state: debris.member.state.to_string(),
            heartbeat_age_s: debris.member.heartbeat_age,
            instance_id: debris.instance.clone(),
            blocks: debris.blocks.clone(),
            forget: debris.forget.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct FleetRequestsView {
    pub service: Product,
    /// The sum over the nodes of which it is known; null where it is of none.
    pub per_second: Option<f64>,
    pub known: u32,
    pub of: u32,
}

impl FleetRequestsView {
    pub fn of(requests: &FleetRequests) -> Self {
        Self {
            service: requests.product.clone(),
            per_second: requests.per_second.map(rounded),
            known: requests.known,
            of: requests.of,
        }
    }
}

/// Three decimals: a request in a quarter of an hour still shows.
fn rounded(rate: f64) -> f64 {
    (rate * 1000.0).round() / 1000.0
}
