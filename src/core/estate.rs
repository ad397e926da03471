//! The estate: the truth about each fleet and node as `reconcile` joined it from what the sources
//! said. Plain data; a number that could not be known is `None`, never zero.

mod policy;

pub use policy::Policy;

use super::finding::{Finding, Severity};
use super::ids::{
    GroupName, InstanceId, ListenerArn, LoadBalancerArn, Product, ServiceId, StackId,
    TargetGroupArn, Zone,
};
use super::inventory::{MemberHealth, ProbeOutcome, Verdict};
use super::lock::LockView;
use super::observed::Why;
use super::rings::{DnsView, FleetRequests, FleetRing, NodeRequests, NodeRing, RingView};
use super::rollback_record::RollbackView;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// What a fleet does for the traffic (contract.md, Roles).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// Some listener sends it weight and none shares it with another fleet.
    Live,
    /// It shares a listener with another fleet, or its listeners differ.
    Shifting,
    /// In every listener at weight 0, or unattached and its probes pass.
    Standby,
    /// None of these.
    Idle,
    /// The listeners could not be read.
    Unknown,
}

/// Everything that is known, joined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Estate {
    /// The account, once known.
    pub account: Option<String>,
    /// Whether every group and every registry service could be listed, so that a fleet that is not
    /// here is nowhere.
    pub whole: bool,
    /// The fleets by stack id.
    pub fleets: BTreeMap<StackId, Fleet>,
    /// All nodes by id, those without a fleet too. A node that did not change is shared with the
    /// estate before.
    pub nodes: BTreeMap<InstanceId, Arc<Node>>,
    /// What disagrees, worst first.
    pub findings: Vec<Finding>,
    /// The load balancers and where they send.
    pub traffic: Vec<Balancer>,
    /// Each product's rings over all fleets: who sees whom.
    #[serde(default)]
    pub rings: BTreeMap<Product, RingView>,
    /// What DNS answers for the registry's names.
    #[serde(default)]
    pub dns: Vec<DnsView>,
    /// Who is at work on which load balancer, from whatever host.
    #[serde(default)]
    pub locks: Vec<LockView>,
    /// Rollback records that are there.
    #[serde(default)]
    pub rollbacks: Vec<RollbackView>,
}

/// A fleet: all nodes of one STACK.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// Its name.
    pub stack_id: StackId,
    /// What it does.
    pub role: Role,
    /// The smallest of its listeners' shares, 0 to 1; `None` when it cannot be known or it is in
    /// no listener.
    pub traffic_share: Option<f64>,
    /// Its part of each listener that names one of its groups.
    pub listeners: Vec<ListenerShare>,
    /// Its Auto Scaling groups.
    pub groups: Vec<GroupSummary>,
    /// Its nodes, by id.
    pub nodes: Vec<InstanceId>,
    /// How many registry entries carry its STACK, in all services; `None` when unknown.
    pub members: Option<u32>,
    /// Its registry services.
    pub registry: Vec<RegistrySummary>,
    /// Its target groups.
    pub targets: Vec<TargetSummary>,
    /// Its probes, a product at a time.
    pub probes: Vec<ProbeSummary>,
    /// Its rings, a product at a time.
    #[serde(default)]
    pub rings: Vec<FleetRing>,
    /// The requests that reach it, a product at a time: what the traffic shows, where
    /// `traffic_share` is what the API says.
    #[serde(default)]
    pub requests: Vec<FleetRequests>,
    /// The worst finding about it.
    pub worst: Option<Severity>,
}

impl Estate {
    /// The lock that keeps others off a fleet, where somebody holds one.
    pub fn lock_on(&self, stack: &StackId) -> Option<&LockView> {
        self.locks.iter().find(|lock| {
            lock.fleets.contains(stack) || lock.concerns().any(|concerned| concerned == stack)
        })
    }

    /// The fleet that an Auto Scaling group belongs to.
    pub fn stack_of_group(&self, name: &GroupName) -> Option<&StackId> {
        let has = |fleet: &&Fleet| fleet.groups.iter().any(|group| group.name == *name);
        self.fleets.values().find(has).map(|fleet| &fleet.stack_id)
    }
}

impl Fleet {
    /// Instances in service over all groups, and the desired number; `None` without any group.
    pub fn in_service(&self) -> Option<(u32, u32)> {
        (!self.groups.is_empty()).then(|| {
            self.groups.iter().fold((0, 0), |(up, desired), group| {
                (up + group.in_service, desired + group.desired)
            })
        })
    }
}

impl Fleet {
    /// What cannot be said of it now, a fragment each: `its role`, `loki on 2 nodes`. Whether what the
    /// groups said is said of the present, only the inventory knows.
    pub fn unknowns(&self, groups_are_current: bool) -> Vec<String> {
        let single = [
            (self.role == Role::Unknown, "its role"),
            (!groups_are_current, "its nodes in service"),
            (self.members.is_none(), "its members"),
        ];
        let single = single.into_iter().filter(|(unknown, _)| *unknown);
        let mut all: Vec<String> = single.map(|(_, what)| what.to_owned()).collect();
        let ports = self.targets.iter().filter(|target| target.capacity.is_none());
        let ports: BTreeSet<u16> = ports.map(|target| target.port).collect();
        let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
        if !ports.is_empty() {
            all.push(format!("its targets on {}", ports.join(" ")));
        }
        let probes = self.probes.iter().filter(|probe| probe.unknown > 0);
        all.extend(probes.map(|probe| format!("{} on {} nodes", probe.service, probe.unknown)));
        all
    }
}

/// A fleet's part of a listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerShare {
    /// The load balancer.
    pub load_balancer: LoadBalancerArn,
    /// The listener.
    pub listener: ListenerArn,
    /// Its port.
    pub port: u16,
    /// 0 to 1; `None` when a shared group's health is unknown.
    pub share: Option<f64>,
    /// Whether another fleet gets something from the same listener.
    pub shared: bool,
}

/// An Auto Scaling group in a fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// Its name.
    pub name: GroupName,
    /// MinSize.
    pub min: u32,
    /// MaxSize.
    pub max: u32,
    /// DesiredCapacity.
    pub desired: u32,
    /// Instances whose lifecycle is InService.
    pub in_service: u32,
    /// AWS's list, comma-separated.
    pub health_check_type: String,
    /// Suspended processes.
    pub suspended_processes: Vec<String>,
    /// When Auto Scaling said so.
    pub observed_at: Option<Timestamp>,
}

/// A fleet in a registry service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegistrySummary {
    /// The service.
    pub service_id: ServiceId,
    /// Its name.
    pub name: String,
    /// Entries with this STACK; `None` when unknown.
    pub registered: Option<u32>,
    /// Nodes that should be in it.
    pub expected: u32,
    /// When Cloud Map said so.
    pub observed_at: Option<Timestamp>,
}

/// A fleet in a target group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetSummary {
    /// The group.
    pub target_group: TargetGroupArn,
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// This fleet's targets in it; `None` when unknown.
    pub capacity: Option<Capacity>,
    /// Whether the whole group fails open (all fleets' targets counted).
    pub fail_open: Option<bool>,
    /// When ELBv2 said so.
    pub observed_at: Option<Timestamp>,
}

/// Targets that are registered, and those of them that are healthy, in all and per zone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Registered, those that are leaving apart.
    pub registered: u32,
    /// Healthy.
    pub healthy: u32,
    /// (healthy, registered) per zone, where the zone is known.
    pub zones: BTreeMap<Zone, (u32, u32)>,
}

/// A product's probes over a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeSummary {
    /// The product.
    pub service: Product,
    /// Nodes where it passes.
    pub pass: u32,
    /// Nodes where it fails.
    pub fail: u32,
    /// Nodes where nothing can be said.
    pub unknown: u32,
    /// The oldest of the observations counted.
    pub observed_at: Option<Timestamp>,
}

/// A node, with all truths side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its EC2 id, or what else it is known by.
    pub id: InstanceId,
    /// Its true private address (EC2's word).
    pub private_ip: Option<IpAddr>,
    /// Its zone.
    pub zone: Option<Zone>,
    /// Its fleet.
    pub stack_id: Option<StackId>,
    /// The Auto Scaling group that lists it.
    pub group: Option<GroupName>,
    /// LifecycleState, AWS's word; `None` when no group lists it.
    pub lifecycle: Option<Arc<str>>,
    /// Whether a complete, current list of groups proves that none lists it.
    pub unlisted: bool,
    /// The group's HealthStatus.
    pub asg_health: Option<Arc<str>>,
    /// LaunchTemplate version.
    pub launch_template_version: Option<Arc<str>>,
    /// EC2's state name; `None` when EC2 does not know it or could not be asked.
    pub ec2_state: Option<Arc<str>>,
    /// What is known of its existence.
    pub existence: Existence,
    /// LaunchTime.
    pub launched: Option<Timestamp>,
    /// Whether it is still within its group's grace period.
    pub in_grace: bool,
    /// Whether it was taken out on purpose.
    pub drained_on_purpose: bool,
    /// Its registry entries.
    pub members: Vec<NodeMember>,
    /// Its registrations as a target.
    pub targets: Vec<NodeTarget>,
    /// Its probes.
    pub probes: Vec<NodeProbe>,
    /// How it stands in the rings.
    #[serde(default)]
    pub rings: Vec<NodeRing>,
    /// The requests that reach it.
    #[serde(default)]
    pub requests: Vec<NodeRequests>,
    /// The versions of its products, as they say.
    #[serde(default)]
    pub versions: BTreeMap<Product, Arc<str>>,
    /// The worst finding about it.
    pub worst: Option<Severity>,
}

impl Node {
    /// Whether its group counts it as serving.
    pub fn is_in_service(&self) -> bool {
        self.lifecycle.as_deref() == Some("InService")
    }

    /// Whether it is meant to serve: its group has it in service, or it is proven that no group
    /// lists it and EC2 says it runs. Without a complete list of groups a node that none lists may
    /// as well be in standby.
    pub fn standing(&self) -> Standing {
        match (self.lifecycle.as_deref(), self.existence) {
            (_, Existence::Gone) => Standing::Apart,
            (Some("InService"), _) => Standing::Serving,
            (Some(_), _) => Standing::Apart,
            (None, _) if !self.unlisted => Standing::Unknown,
            (None, Existence::Running) => Standing::Serving,
            (None, Existence::Present) => Standing::Apart,
            (None, Existence::Unknown) => Standing::Unknown,
        }
    }

    /// Whether it is known to be meant to serve.
    pub fn is_living(&self) -> bool {
        self.standing() == Standing::Serving
    }
}

/// Whether a node is meant to serve traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Serving,
    /// It is not: gone, stopped, in standby, coming or going.
    Apart,
    /// Nobody can say.
    Unknown,
}

/// What is known of an instance's existence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Existence {
    /// EC2 says it runs.
    Running,
    /// EC2 knows it in another state (pending, stopped, …).
    Present,
    /// EC2 says terminated or does not know it, and no group lists it.
    Gone,
    /// Nobody could say.
    Unknown,
}

/// A registry entry of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeMember {
    /// The registry service.
    pub service_id: ServiceId,
    /// Its name.
    pub service: Arc<str>,
    /// The id it is registered under (differs from the node's where joined by IP).
    pub member_id: InstanceId,
    /// The STACK, as written.
    pub stack: Option<StackId>,
    /// All attributes.
    pub attributes: Arc<BTreeMap<String, String>>,
    /// Custom health, where the service has it.
    pub health: Option<MemberHealth>,
    /// When Cloud Map said so.
    pub observed_at: Option<Timestamp>,
}

impl NodeMember {
    /// The address, as written.
    pub fn ipv4(&self) -> Option<&str> {
        self.attributes.get("AWS_INSTANCE_IPV4").map(String::as_str)
    }
}

/// A node as a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeTarget {
    /// The target group.
    pub target_group: TargetGroupArn,
    /// Its name.
    pub name: Arc<str>,
    /// The port it is registered with.
    pub port: u16,
    /// AWS's word for its state, or why the read says nothing of the present.
    pub state: Result<Arc<str>, Why>,
    /// Since when it has been in this state, as far as we saw.
    pub since: Timestamp,
    /// AWS's reason.
    pub reason: Option<String>,
    /// AWS's description.
    pub description: Option<String>,
    /// When ELBv2 said so.
    pub observed_at: Option<Timestamp>,
}

impl NodeTarget {
    /// Healthy by a current read.
    pub fn is_healthy(&self) -> bool {
        self.state.as_deref() == Ok("healthy")
    }

    /// The state as text; too old is `unknown`.
    pub fn state_text(&self) -> &str {
        self.state.as_deref().unwrap_or("unknown")
    }
}

/// A probe of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProbe {
    /// The outcome as observed.
    pub outcome: Arc<ProbeOutcome>,
    /// What it means: `Unknown` where the outcome is too old, or no node answers from here.
    pub verdict: Verdict,
    /// Since when it has been so, as far as we saw.
    pub since: Timestamp,
    /// When.
    pub observed_at: Timestamp,
}

/// A load balancer and where it sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balancer {
    /// Its ARN.
    pub arn: LoadBalancerArn,
    /// Its name.
    pub name: String,
    /// The zones it serves.
    pub zones: Vec<Zone>,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// Whether cross-zone is on; `None` when unknown.
    pub cross_zone: Option<bool>,
    /// Its listeners, or why they are unknown.
    pub listeners: Result<Vec<ListenerView>, Why>,
    /// When ELBv2 said so.
    pub observed_at: Option<Timestamp>,
}

/// A listener and where it sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerView {
    /// Its ARN.
    pub arn: ListenerArn,
    /// Its port.
    pub port: u16,
    /// Its protocol.
    pub protocol: String,
    /// The default action, then the rules that forward.
    pub actions: Vec<ActionView>,
}

/// One forward action of a listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionView {
    /// `default`, or the rule's priority.
    pub rule: String,
    /// The groups it sends to.
    pub groups: Vec<ForwardView>,
}

/// A target group in a forward action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForwardView {
    /// The group.
    pub target_group: TargetGroupArn,
    /// Its name.
    pub name: String,
    /// 0–999.
    pub weight: u32,
    /// Its part of the action, 0 to 1.
    pub share: f64,
    /// All its targets; `None` when unknown.
    pub capacity: Option<Capacity>,
    /// Whether it fails open; `None` when unknown.
    pub fail_open: Option<bool>,
    /// Each fleet's part of the group, 0 to 1.
    pub fleets: BTreeMap<StackId, Option<f64>>,
}
