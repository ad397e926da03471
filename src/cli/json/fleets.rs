//! `fleets -o json`.

use super::rings::{DnsAnswerView, FleetRequestsView, FleetRingView, shows};
use super::{FindingView, Head, share, stamped};
use crate::cli::world::Round;
use crate::core::estate::{
    Estate, Fleet, GroupSummary, ListenerShare, ProbeSummary, RegistrySummary, Role, TargetSummary,
};
use crate::core::ids::{
    GroupName, InstanceId, ListenerArn, LoadBalancerArn, Product, ServiceId, StackId,
    TargetGroupArn,
};
use crate::core::lock::LockView;
use crate::core::record::LockRecord;
use crate::core::rings::shown;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct FleetsView {
    #[serde(flatten)]
    pub head: Head,
    pub fleets: Vec<FleetView>,
    pub findings: Vec<FindingView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct FleetView {
    pub stack_id: StackId,
    pub role: Role,
    /// What the API says.
    pub traffic_share: Option<f64>,
    /// What the traffic shows: the fleet's part of all requests; null unless all are counted.
    pub traffic_shows: Option<f64>,
    pub listeners: Vec<ListenerPart>,
    pub auto_scaling_groups: Vec<GroupView>,
    pub members: Option<u32>,
    pub registry: Vec<RegistryView>,
    pub targets: Vec<TargetsView>,
    pub probes: Vec<ProbesView>,
    pub rings: Vec<FleetRingView>,
    pub requests: Vec<FleetRequestsView>,
    pub lock: Option<LockPart>,
    pub worst: String,
}

/// Who is at work on the fleet's load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct LockPart {
    pub service_id: ServiceId,
    pub held_on: String,
    /// Why the record is not known now; then what it would say is null.
    pub unknown: Option<String>,
    pub holder: Option<String>,
    pub reason: Option<String>,
    pub run: Option<String>,
    pub step: Option<String>,
    pub giving: Option<StackId>,
    pub receiving: Option<StackId>,
    pub heartbeat: Option<Timestamp>,
    /// Whether its run is taken for dead.
    pub left: bool,
    pub suspended: BTreeMap<GroupName, BTreeSet<String>>,
    pub drained: BTreeSet<InstanceId>,
    pub observed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct ListenerPart {
    pub load_balancer: LoadBalancerArn,
    pub listener: ListenerArn,
    pub port: u16,
    pub share: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct GroupView {
    pub name: GroupName,
    pub min: u32,
    pub max: u32,
    pub desired: u32,
    pub in_service: u32,
    pub health_check_type: String,
    pub suspended_processes: Vec<String>,
    pub observed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct RegistryView {
    pub service_id: ServiceId,
    pub registered: Option<u32>,
    pub expected: u32,
    /// What DNS answers for its name; null where it was never asked.
    pub dns: Option<DnsAnswerView>,
    pub observed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct TargetsView {
    pub target_group: TargetGroupArn,
    pub name: String,
    pub port: u16,
    pub healthy: Option<u32>,
    pub registered: Option<u32>,
    pub fail_open: Option<bool>,
    pub observed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct ProbesView {
    pub service: Product,
    pub pass: u32,
    pub fail: u32,
    pub unknown: u32,
    pub observed_at: Option<Timestamp>,
}

impl FleetsView {
    pub fn of(round: &Round) -> Self {
        Self {
            head: Head::of(round),
            fleets: round
                .estate
                .fleets
                .values()
                .map(|fleet| FleetView::of(&round.estate, fleet))
                .collect(),
            findings: round.estate.findings.iter().map(FindingView::of).collect(),
        }
    }
}

impl FleetView {
    fn of(estate: &Estate, fleet: &Fleet) -> Self {
        let registry = fleet.registry.iter();
        let lock = estate.lock_on(&fleet.stack_id);
        Self {
            stack_id: fleet.stack_id.clone(),
            role: fleet.role,
            traffic_share: fleet.traffic_share.map(share),
            traffic_shows: shows(shown(estate, &fleet.stack_id, None)),
            listeners: fleet.listeners.iter().map(ListenerPart::of).collect(),
            auto_scaling_groups: fleet.groups.iter().map(GroupView::of).collect(),
            members: fleet.members,
            registry: registry.map(|of| RegistryView::of(estate, of)).collect(),
            targets: fleet.targets.iter().map(TargetsView::of).collect(),
            probes: fleet.probes.iter().map(ProbesView::of).collect(),
            rings: fleet.rings.iter().map(FleetRingView::of).collect(),
            requests: fleet.requests.iter().map(FleetRequestsView::of).collect(),
            lock: lock.map(LockPart::of),
            worst: fleet.worst.map_or_else(|| "none".to_owned(), |worst| worst.to_string()),
        }
    }
}

impl LockPart {
    fn of(lock: &LockView) -> Self {
        let said = lock.record();
        let text =
            |pick: fn(&LockRecord) -> &String| said.map(pick).filter(|text| !text.is_empty());
        Self {
            service_id: lock.service_id.clone(),
            held_on: lock.scope.clone(),
            unknown: lock.said.as_ref().err().map(ToString::to_string),
            holder: text(|said| &said.holder).cloned(),
            reason: text(|said| &said.reason).cloned(),
            run: text(|said| &said.run).cloned(),
            step: text(|said| &said.step).cloned(),
            giving: said.and_then(|said| said.giving.clone()),
            receiving: said.and_then(|said| said.receiving.clone()),
            heartbeat: stamped(said.and_then(|said| said.heartbeat)),
            left: lock.is_left(),
            suspended: said.map(|said| said.suspended.clone()).unwrap_or_default(),
            drained: said.map(|said| said.drained.clone()).unwrap_or_default(),
            observed_at: stamped(lock.observed_at),
        }
    }
}

impl ListenerPart {
    fn of(part: &ListenerShare) -> Self {
        Self {
            load_balancer: part.load_balancer.clone(),
            listener: part.listener.clone(),
            port: part.port,
            share: part.share.map(share),
        }
    }
}

impl GroupView {
    fn of(group: &GroupSummary) -> Self {
        Self {
            name: group.name.clone(),
            min: group.min,
            max: group.max,
            desired: group.desired,
            in_service: group.in_service,
            health_check_type: group.health_check_type.clone(),
            suspended_processes: group.suspended_processes.clone(),
            observed_at: stamped(group.observed_at),
        }
    }
}

impl RegistryView {
    fn of(estate: &Estate, registry: &RegistrySummary) -> Self {
        let dns = estate.dns.iter().find(|view| view.service == registry.service_id);
        Self {
            service_id: registry.service_id.clone(),
            registered: registry.registered,
            expected: registry.expected,
            dns: dns.map(DnsAnswerView::of),
            observed_at: stamped(registry.observed_at),
        }
    }
}

impl TargetsView {
    fn of(targets: &TargetSummary) -> Self {
        Self {
            target_group: targets.target_group.clone(),
            name: targets.name.clone(),
            port: targets.port,
            healthy: targets.capacity.as_ref().map(|capacity| capacity.healthy),
            registered: targets.capacity.as_ref().map(|capacity| capacity.registered),
            fail_open: targets.fail_open,
            observed_at: stamped(targets.observed_at),
        }
    }
}

impl ProbesView {
    fn of(probes: &ProbeSummary) -> Self {
        Self {
            service: probes.service.clone(),
            pass: probes.pass,
            fail: probes.fail,
            unknown: probes.unknown,
            observed_at: stamped(probes.observed_at),
        }
    }
}
