//! Rings and requests in `nodes -o json` and `fleets -o json`.

use super::{stamp, stamped};
use crate::core::ids::{InstanceId, Product, StackId};
use crate::core::inventory::DnsRecords;
use crate::core::rings::{
    Debris, DnsView, FleetRequests, FleetRing, NodeRequests, NodeRing, RingStanding, Shown,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct NodeRingView {
    pub service: Product,
    /// The server's word for its state, or `alone`, `not shared`, `missing`, `left`, `unknown`.
    pub standing: String,
    /// Why it is unknown, where it is.
    pub detail: Option<String>,
    /// The name it registered under.
    pub member: Option<Arc<str>>,
    pub address: Option<Arc<str>>,
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
            member: member.map(|member| Arc::clone(&member.id)),
            address: member.map(|member| Arc::clone(&member.address)),
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
    /// Who left by themselves within the last minutes.
    pub left: Vec<LeftView>,
    /// Nodes that run the compactor; null where none says.
    pub compactors: Option<Vec<InstanceId>>,
    /// Versions, and on how many nodes each runs.
    pub versions: BTreeMap<Arc<str>, u32>,
    pub observed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct LeftView {
    pub id: Arc<str>,
    pub address: Arc<str>,
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
            left: ring
                .left
                .iter()
                .map(|one| LeftView { id: one.id.clone(), address: one.address.clone() })
                .collect(),
            compactors: ring.compactors.clone(),
            versions: ring.versions.clone(),
            observed_at: stamped(ring.observed_at),
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
    pub observed_at: Option<Timestamp>,
}

impl FleetRequestsView {
    pub fn of(requests: &FleetRequests) -> Self {
        Self {
            service: requests.product.clone(),
            per_second: requests.per_second.map(rounded),
            known: requests.known,
            of: requests.of,
            observed_at: stamped(requests.observed_at),
        }
    }
}

/// A fleet's part of the requests, where all of them are counted and there are any.
pub(super) fn shows(shown: Option<Shown>) -> Option<f64> {
    shown.filter(|shown| shown.whole).and_then(|shown| shown.share()).map(super::share)
}

/// Requests a second, as far as they are counted.
pub(super) fn per_second(shown: Option<Shown>) -> Option<f64> {
    shown.map(|shown| rounded(shown.per_second))
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct DnsAnswerView {
    pub name: String,
    /// Who was asked; this and what follows is null where the answer is too old to go by.
    pub resolver: Option<String>,
    /// Empty where the name has none, or is not there.
    pub addresses: Option<BTreeSet<IpAddr>>,
    pub exists: Option<bool>,
    pub ttl_s: Option<u32>,
    pub negative_ttl_s: Option<u32>,
    /// Addresses that no member has.
    pub foreign: BTreeSet<IpAddr>,
    pub observed_at: Option<Timestamp>,
}

impl DnsAnswerView {
    pub fn of(view: &DnsView) -> Self {
        let answer = view.answer.as_ref();
        Self {
            name: view.name.to_string(),
            resolver: answer.map(|answer| answer.resolver.clone()),
            addresses: answer.map(|answer| answer.addresses().copied().collect()),
            exists: answer.map(|answer| answer.records != DnsRecords::NoSuchName),
            ttl_s: answer.and_then(|answer| answer.ttl()),
            negative_ttl_s: answer.and_then(|answer| answer.negative_ttl),
            foreign: view.foreign.clone(),
            observed_at: stamped(view.observed_at),
        }
    }
}

/// Three decimals: a request in a quarter of an hour still shows.
fn rounded(rate: f64) -> f64 {
    (rate * 1000.0).round() / 1000.0
}
