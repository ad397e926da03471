//! The data plane: simulated clients that connect through the load balancers by what is in force
//! there, counted per node, so that a lost request is a number.
//!
//! Between two changes the flow is constant, so it is added up when something changes or somebody
//! asks, never ticked.

use super::{Listener, ProductState, Stream, TargetGroup, TargetState, World, since};
use crate::core::ids::{InstanceId, ListenerArn, TargetGroupArn, Zone};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// A connection whose group lost its place lives an hour more at most (ELBv2, listener updates).
pub(crate) const STREAM_LIFE: Duration = Duration::from_secs(3600);
/// Requests a second on each long-lived connection.
const REQUESTS_PER_STREAM: f64 = 0.2;

/// The part of a flow that goes to one target.
type Share = ((TargetGroupArn, InstanceId, u16), f64);

/// What flows where, a second.
#[derive(Clone, Debug, Default)]
struct Flow {
    /// Requests that are answered, by node and port.
    served: BTreeMap<(InstanceId, u16), f64>,
    /// Requests that a node gets and does not answer.
    failed: BTreeMap<(InstanceId, u16), f64>,
    /// Requests that reach no node, by listener.
    nowhere: BTreeMap<ListenerArn, f64>,
}

/// The clients' books.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    flow: Option<Flow>,
    since: Timestamp,
    /// Requests answered.
    pub(crate) served: f64,
    /// Requests lost, on a node or before one.
    pub(crate) lost: f64,
    /// Requests lost, by listener port.
    pub(crate) lost_by_port: BTreeMap<u16, f64>,
    /// Long-lived connections that ended under their client: the node, or its target, failed.
    pub(crate) streams_cut: usize,
    /// Those that ended because their group had lost its place an hour before.
    pub(crate) streams_expired: usize,
}

impl Traffic {
    /// Empty books.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            flow: None,
            since: now,
            served: 0.0,
            lost: 0.0,
            lost_by_port: BTreeMap::new(),
            streams_cut: 0,
            streams_expired: 0,
        }
    }
}

impl World {
    /// Something in the data plane changed now: the flow is worked out anew. Everything until now
    /// was booked when the world got here (`advance`).
    pub(crate) fn traffic_changes(&mut self) {
        self.traffic.flow = None;
    }

    /// Books what flowed since the last booking.
    pub(crate) fn book_traffic(&mut self) {
        let seconds = since(self.traffic.since, self.now).as_secs_f64();
        self.traffic.since = self.now;
        if seconds <= 0.0 {
            return;
        }
        let flow = match self.traffic.flow.take() {
            Some(flow) => flow,
            None => self.settle_flow(),
        };
        let now = self.now;
        for ((id, port), rate) in &flow.served {
            self.traffic.served += rate * seconds;
            if let Some(node) = self.instances.get_mut(id) {
                node.served += rate * seconds;
                let product = node.products.values_mut().find(|one| one.port == *port);
                if let Some(product) = product.filter(|_| *rate > 0.0) {
                    product.requests += rate * seconds;
                    product.last_request = Some(now);
                }
            }
        }
        for ((id, _), rate) in &flow.failed {
            self.traffic.lost += rate * seconds;
            if let Some(node) = self.instances.get_mut(id) {
                node.lost += rate * seconds;
            }
        }
        for (arn, rate) in &flow.nowhere {
            self.traffic.lost += rate * seconds;
            if let Some(listener) = self.listeners.get(arn) {
                *self.traffic.lost_by_port.entry(listener.port).or_default() += rate * seconds;
            }
        }
        self.traffic.flow = Some(flow);
    }

    /// Books where nobody knows what flows: after that it is known, and a counter needs no booking.
    pub(crate) fn know_flow(&mut self) {
        if self.traffic.flow.is_none() {
            self.book_traffic();
        }
    }

    /// Requests that a product's process was sent until now, and when the last one was.
    pub(crate) fn requests_of(
        &self,
        id: &InstanceId,
        product: &ProductState,
    ) -> (f64, Option<Timestamp>) {
        let flow = self.traffic.flow.as_ref();
        let rate = flow.and_then(|flow| flow.served.get(&(id.clone(), product.port)));
        let seconds = since(self.traffic.since, self.now).as_secs_f64();
        match rate.filter(|rate| **rate > 0.0) {
            Some(rate) => (product.requests + rate * seconds, Some(self.now)),
            None => (product.requests, product.last_request),
        }
    }

    /// Moves long-lived connections whose place is gone, and works out the flow.
    fn settle_flow(&mut self) -> Flow {
        let mut flow = Flow::default();
        let arns: Vec<_> = self.listeners.keys().cloned().collect();
        for arn in arns {
            let Some(listener) = self.listeners.get(&arn) else { continue };
            let shares = self.shares(listener);
            let (expired, cut) = self.streams_ended(listener);
            let streams = self.settle_streams(listener, &shares);
            let rate = listener.connections_per_second;
            let mut given = 0.0;
            for ((_, id, target_port), share) in &shares {
                given += share;
                self.pour(&mut flow, id, *target_port, share * rate);
            }
            if rate > 0.0 && given < 0.999_999 {
                *flow.nowhere.entry(arn.clone()).or_default() += (1.0 - given) * rate;
            }
            for stream in &streams {
                self.pour(&mut flow, &stream.id, stream.port, REQUESTS_PER_STREAM);
            }
            if let Some(listener) = self.listeners.get_mut(&arn) {
                listener.streams = streams;
            }
            self.traffic.streams_expired += expired;
            self.traffic.streams_cut += cut;
        }
        flow
    }

    fn pour(&self, flow: &mut Flow, id: &InstanceId, port: u16, rate: f64) {
        let book = if self.serves(id, port) { &mut flow.served } else { &mut flow.failed };
        *book.entry((id.clone(), port)).or_default() += rate;
    }

    /// The zones that the load balancer's DNS name answers: those in which every group it uses
    /// has a healthy target; all of them when there would be none.
    pub(crate) fn zones_in_dns(&self, listener: &Listener) -> Vec<Zone> {
        let Some(balancer) = self.balancers.get(&listener.balancer) else { return Vec::new() };
        let groups: Vec<_> = self
            .target_groups
            .values()
            .filter(|one| one.balancer.as_ref() == Some(&balancer.arn))
            .filter(|one| {
                let key = "target_group_health.dns_failover.minimum_healthy_targets.count";
                one.attributes.get(key).map(String::as_str) != Some("off")
            })
            .collect();
        let good: Vec<_> = balancer
            .zones
            .iter()
            .filter(|zone| {
                groups.iter().all(|group| self.zone_healthy(group, zone, balancer.cross_zone))
            })
            .cloned()
            .collect();
        if good.is_empty() { balancer.zones.clone() } else { good }
    }

    fn zone_healthy(&self, group: &TargetGroup, zone: &Zone, cross_zone: bool) -> bool {
        if self.zone_failed(zone) {
            return false;
        }
        let own = |id: &InstanceId| self.instances.get(id).is_some_and(|one| &one.zone == zone);
        let mut here = group.targets.iter().filter(|((id, _), _)| cross_zone || own(id));
        here.any(|(_, target)| target.state == TargetState::Healthy)
    }

    /// Which part of a listener's new connections each target gets. What is missing to 1 reaches
    /// nobody.
    fn shares(&self, listener: &Listener) -> Vec<Share> {
        let cross = self.balancers.get(&listener.balancer).is_some_and(|one| one.cross_zone);
        let zones = self.zones_in_dns(listener);
        let forward = &listener.in_force;
        let single = forward.groups.len() == 1;
        let weight = |weight: u32| f64::from(if single { 1 } else { weight });
        let total: f64 = forward.groups.iter().map(|(_, one)| weight(*one)).sum();
        let mut shares: BTreeMap<(TargetGroupArn, InstanceId, u16), f64> = BTreeMap::new();
        if total <= 0.0 || zones.is_empty() {
            return Vec::new();
        }
        for (arn, one) in &forward.groups {
            let part = weight(*one) / total / zones.len() as f64;
            if part <= 0.0 {
                continue;
            }
            let Some(group) = self.target_groups.get(arn) else { continue };
            for zone in &zones {
                let takers = self.takers(group, zone, cross);
                for key in &takers {
                    let key = (arn.clone(), key.0.clone(), key.1);
                    *shares.entry(key).or_default() += part / takers.len() as f64;
                }
            }
        }
        shares.into_iter().collect()
    }

    /// The targets that take new connections of a zone: the healthy ones, or all of them when the
    /// whole group has none (it fails open).
    fn takers(&self, group: &TargetGroup, zone: &Zone, cross: bool) -> Vec<(InstanceId, u16)> {
        let here =
            |id: &InstanceId| cross || self.instances.get(id).is_some_and(|one| &one.zone == zone);
        let good = |target: &super::Target| self.gets_connections(target);
        let fails_open = !group.targets.values().any(good);
        group
            .targets
            .iter()
            .filter(|((id, _), target)| here(id) && (fails_open || good(target)))
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn settle_streams(&self, listener: &Listener, shares: &[Share]) -> Vec<Stream> {
        let mut streams: Vec<_> =
            listener.streams.iter().filter(|one| self.stream_stays(one)).cloned().collect();
        let mut counts: BTreeMap<(TargetGroupArn, InstanceId, u16), f64> = BTreeMap::new();
        for one in &streams {
            let key = (one.group.clone(), one.id.clone(), one.port);
            *counts.entry(key).or_default() += 1.0;
        }
        while streams.len() < listener.streams_wanted as usize {
            // The target that is furthest below its share gets the next connection.
            let fill = |(key, share): &Share| counts.get(key).copied().unwrap_or(0.0) / share;
            let next = shares
                .iter()
                .filter(|(_, share)| *share > 0.0)
                .min_by(|a, b| fill(a).total_cmp(&fill(b)));
            let Some(((group, id, port), _)) = next.cloned() else { break };
            *counts.entry((group.clone(), id.clone(), port)).or_default() += 1.0;
            streams.push(Stream { group, id, port, orphaned: None });
        }
        streams
    }

    /// How many of a listener's connections have ended: for their age, and under their clients.
    fn streams_ended(&self, listener: &Listener) -> (usize, usize) {
        let ended = listener.streams.iter().filter(|one| !self.stream_stays(one));
        let (expired, cut): (Vec<_>, Vec<_>) = ended.partition(|one| {
            let old = one.orphaned.is_some_and(|at| since(at, self.now) >= STREAM_LIFE);
            old && self.serves(&one.id, one.port)
        });
        (expired.len(), cut.len())
    }

    /// A connection stays while its node answers, its target is not unhealthy (connections are
    /// then cut, by default), its target is still registered or drains without being cut, and not
    /// for more than an hour after its group lost its place.
    fn stream_stays(&self, stream: &Stream) -> bool {
        if !self.serves(&stream.id, stream.port) {
            return false;
        }
        if stream.orphaned.is_some_and(|at| since(at, self.now) >= STREAM_LIFE) {
            return false;
        }
        let Some(group) = self.target_groups.get(&stream.group) else { return false };
        match group.targets.get(&(stream.id.clone(), stream.port)) {
            Some(target) => target.state != TargetState::Unhealthy,
            None => !group.is_on("deregistration_delay.connection_termination.enabled"),
        }
    }
}
