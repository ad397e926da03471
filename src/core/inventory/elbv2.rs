//! ELBv2's words: load balancers, listeners, rules, target groups, target health.

use crate::core::ids::{InstanceId, ListenerArn, LoadBalancerArn, TargetGroupArn, Zone, arn_name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tags of one resource.
pub type Tags = BTreeMap<String, String>;

/// A network load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Its ARN.
    pub arn: LoadBalancerArn,
    /// Its name.
    pub name: String,
    /// Its DNS name.
    pub dns_name: String,
    /// State code: `active`, `provisioning`, …
    pub state: String,
    /// The zones it serves.
    pub zones: Vec<Zone>,
    /// Its security groups; an NLB made without one can never get one.
    pub security_groups: Vec<String>,
}

/// Attributes of a load balancer that change what its data plane does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerAttributes {
    /// `load_balancing.cross_zone.enabled`; off unless said otherwise.
    pub cross_zone: bool,
}

/// A target group and its weight in a forward action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightedGroup {
    /// The group.
    pub target_group: TargetGroupArn,
    /// 0–999.
    pub weight: u32,
}

/// A forward action: the groups it sends to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// In AWS's order.
    pub groups: Vec<WeightedGroup>,
    /// Whether group stickiness is on.
    pub sticky: bool,
    /// For how long, where AWS says so: what is written back must lose nothing.
    #[serde(default)]
    pub sticky_seconds: Option<u32>,
}

impl Forward {
    /// Whether both send alike: AWS does not promise to list groups in the order they were written
    /// in, and a single group gets all whatever its weight.
    pub fn is_alike(&self, other: &Self) -> bool {
        let stickiness = |of: &Self| (of.sticky, of.sticky_seconds.filter(|_| of.sticky));
        let groups = |of: &Self| {
            let weight = |one: &WeightedGroup| if of.groups.len() == 1 { 1 } else { one.weight };
            let all = of.groups.iter().map(|one| (one.target_group.clone(), weight(one)));
            all.collect::<std::collections::BTreeMap<_, _>>()
        };
        stickiness(self) == stickiness(other) && groups(self) == groups(other)
    }

    /// The part of new connections that the group gets, 0 to 1. One group alone gets all of it
    /// whatever its weight; if all weights are 0 nobody can say, and it counts as none.
    pub fn share_of(&self, group: &TargetGroupArn) -> f64 {
        let weight = |of: &WeightedGroup| if self.groups.len() == 1 { 1 } else { of.weight };
        let total: u32 = self.groups.iter().map(weight).sum();
        let own: u32 = self.groups.iter().filter(|of| &of.target_group == group).map(weight).sum();
        if total == 0 { 0.0 } else { f64::from(own) / f64::from(total) }
    }
}

/// A listener with its default action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its ARN.
    pub arn: ListenerArn,
    /// The load balancer it belongs to.
    pub load_balancer: LoadBalancerArn,
    /// Its port.
    pub port: u16,
    /// `TCP`, `TLS`, `UDP`, `TCP_UDP`, …
    pub protocol: String,
    /// The default action's groups (empty where it forwards to none).
    pub default: Forward,
}

/// A listener's rule other than the default one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// Its priority, as AWS writes it.
    pub priority: String,
    /// What its action forwards to.
    pub forward: Forward,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: TargetGroupArn,
    /// Its name.
    pub name: Arc<str>,
    /// The port targets get traffic on unless registered with another.
    pub port: u16,
    /// `TCP`, `TLS`, …
    pub protocol: String,
    /// `instance`, `ip`, `alb`.
    pub target_type: String,
    /// The load balancers that use it (at most one for an NLB).
    pub load_balancers: Vec<LoadBalancerArn>,
    /// `TCP`, `HTTP`, `HTTPS`.
    pub check_protocol: String,
    /// The port the health check asks; `None` is the target's own ("traffic-port").
    pub check_port: Option<u16>,
    /// The path an HTTP check asks.
    pub check_path: Option<String>,
    /// Seconds between checks.
    pub check_interval_seconds: u32,
    /// Checks that must fail before a target is unhealthy.
    pub unhealthy_threshold: u32,
    /// Checks that must pass before an unhealthy target is healthy again.
    pub healthy_threshold: u32,
}

impl TargetGroup {
    /// The port the health check of a target on `port` asks.
    pub fn checked_port(&self, port: u16) -> u16 {
        self.check_port.unwrap_or(port)
    }
}

/// Attributes of a target group that change what happens to its targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroupAttributes {
    /// `deregistration_delay.timeout_seconds`, where given (AWS's default is 300).
    pub deregistration_delay_seconds: Option<u32>,
    /// `load_balancing.cross_zone.enabled`: `None` where the load balancer decides.
    pub cross_zone: Option<bool>,
    /// `stickiness.enabled`.
    pub sticky: bool,
    /// `target_group_health.dns_failover.minimum_healthy_targets.count` is `off`.
    pub dns_failover_off: bool,
}

/// A registered target and its health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealth {
    /// The target's id: an instance id or an IP address.
    pub id: InstanceId,
    /// The port it is registered with. The same id may be registered with several.
    pub port: u16,
    /// The zone, where AWS gives it.
    pub zone: Option<Zone>,
    /// AWS's own word: `initial`, `healthy`, `unhealthy`, `unhealthy.draining`, `unused`,
    /// `draining`, `unavailable`, or a newer one.
    pub state: Arc<str>,
    /// AWS's reason code (`Target.FailedHealthChecks`), where given.
    pub reason: Option<String>,
    /// AWS's description, where given.
    pub description: Option<String>,
}

impl TargetHealth {
    /// Healthy, and nothing else counts as healthy.
    pub fn is_healthy(&self) -> bool {
        &*self.state == "healthy"
    }

    /// On its way out; it does not count as registered.
    pub fn is_leaving(&self) -> bool {
        self.state.ends_with("draining")
    }
}

impl LoadBalancer {
    /// The name people know it by.
    pub fn display_name(&self) -> &str {
        if self.name.is_empty() { arn_name(self.arn.as_str()) } else { &self.name }
    }
}
