//! `traffic -o json`: load balancer, listener, action, target group with its weight, fleets.

use super::rings::{per_second, shows};
use super::{Head, share, stamped};
use crate::cli::world::Round;
use crate::core::estate::{ActionView, Balancer, Estate, ForwardView, ListenerView};
use crate::core::ids::{ListenerArn, LoadBalancerArn, StackId, TargetGroupArn, Zone};
use crate::core::rings::shown_at;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct TrafficView {
    #[serde(flatten)]
    pub head: Head,
    pub traffic: Vec<BalancerView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct BalancerView {
    pub load_balancer: LoadBalancerArn,
    pub name: String,
    pub availability_zones: Vec<Zone>,
    pub security_groups: Vec<String>,
    pub cross_zone: Option<bool>,
    /// Null when they could not be read; `unknown` says why.
    pub listeners: Option<Vec<ListenerPorts>>,
    pub unknown: Option<String>,
    pub observed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct ListenerPorts {
    pub listener: ListenerArn,
    pub port: u16,
    pub protocol: String,
    pub actions: Vec<Forwarding>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct Forwarding {
    /// `default`, or the rule's priority.
    pub rule: String,
    pub target_groups: Vec<WeightedView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct WeightedView {
    pub target_group: TargetGroupArn,
    pub name: String,
    pub weight: u32,
    pub share: f64,
    pub healthy: Option<u32>,
    pub registered: Option<u32>,
    pub fail_open: Option<bool>,
    pub fleets: Vec<FleetPart>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct FleetPart {
    pub stack_id: StackId,
    /// Its part of the group's healthy targets.
    pub share: Option<f64>,
    /// What the traffic shows on the listener's port: the fleet's part of the requests; null unless
    /// all are counted.
    pub shows: Option<f64>,
    /// Its requests a second there, as far as they are counted.
    pub requests_per_second: Option<f64>,
}

impl TrafficView {
    pub fn of(round: &Round) -> Self {
        let traffic = round.estate.traffic.iter();
        let traffic = traffic.map(|of| BalancerView::of(&round.estate, of)).collect();
        Self { head: Head::of(round), traffic }
    }
}

impl BalancerView {
    fn of(estate: &Estate, balancer: &Balancer) -> Self {
        let listeners = balancer.listeners.as_ref();
        Self {
            load_balancer: balancer.arn.clone(),
            name: balancer.name.clone(),
            availability_zones: balancer.zones.clone(),
            security_groups: balancer.security_groups.clone(),
            cross_zone: balancer.cross_zone,
            listeners: listeners
                .ok()
                .map(|all| all.iter().map(|of| ListenerPorts::of(estate, of)).collect()),
            unknown: listeners.err().map(ToString::to_string),
            observed_at: stamped(balancer.observed_at),
        }
    }
}

impl ListenerPorts {
    fn of(estate: &Estate, listener: &ListenerView) -> Self {
        let at = |of: &ActionView| Forwarding::of((estate, listener.port), of);
        Self {
            listener: listener.arn.clone(),
            port: listener.port,
            protocol: listener.protocol.clone(),
            actions: listener.actions.iter().map(at).collect(),
        }
    }
}

impl Forwarding {
    fn of(at: (&Estate, u16), action: &ActionView) -> Self {
        let target_groups = action.groups.iter().map(|of| WeightedView::of(at, of)).collect();
        Self { rule: action.rule.clone(), target_groups }
    }
}

impl WeightedView {
    fn of((estate, port): (&Estate, u16), group: &ForwardView) -> Self {
        let fleets = group.fleets.iter().map(|(stack_id, part)| {
            let seen = shown_at(estate, stack_id, port);
            FleetPart {
                stack_id: stack_id.clone(),
                share: part.map(share),
                shows: shows(seen),
                requests_per_second: per_second(seen),
            }
        });
        Self {
            target_group: group.target_group.clone(),
            name: group.name.clone(),
            weight: group.weight,
            share: share(group.share),
            healthy: group.capacity.as_ref().map(|capacity| capacity.healthy),
            registered: group.capacity.as_ref().map(|capacity| capacity.registered),
            fail_open: group.fail_open,
            fleets: fleets.collect(),
        }
    }
}
