//! What the readers say: which source was asked about what (`Scope`), when, at what cost, and what
//! it answered (`Fragment`). A `SourceEvent` is the only way news of the world reaches the model.

use super::error::SourceError;
use super::ids::{
    DnsName, GroupName, InstanceId, ListenerArn, LoadBalancerArn, NamespaceId, ServiceId,
    TargetGroupArn,
};
use super::inventory::{
    Activity, AutoScalingGroup, DnsAnswer, Ec2Instance, Identity, Listener, LoadBalancer,
    LoadBalancerAttributes, Member, MemberHealth, Namespace, ProbeOutcome, ProductMetrics,
    ProductRings, Refresh, RegistryService, Rule, Tags, TargetGroup, TargetGroupAttributes,
    TargetHealth,
};
use super::record::Attributes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The sources of truth, each with its own budget.
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
    strum::EnumIter,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Source {
    /// Who we are (`GetCallerIdentity`).
    Sts,
    /// The registry.
    CloudMap,
    /// The groups that own the instances.
    AutoScaling,
    /// Load balancers, listeners, target groups, target health.
    Elbv2,
    /// Addresses and states of instances.
    Ec2,
    /// Our own requests to the nodes: are they well?
    Probes,
    /// What the nodes say of their rings.
    Rings,
    /// What the nodes count: requests, what is not flushed.
    Metrics,
    /// What the resolver says of the registry's names.
    Dns,
}

impl Source {
    /// Whether the head of every screen names it. The others are said in Sources: they explain and
    /// warn, and nothing lacks data without them.
    pub fn is_in_head(self) -> bool {
        !matches!(self, Self::Rings | Self::Metrics | Self::Dns)
    }
}

/// What a source may be asked: so many calls at once, and so many a second after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Calls at once.
    pub burst: u32,
    /// Calls a second in the long run.
    pub per_second: u32,
}

impl Source {
    /// Our own budget for it.
    ///
    /// ELBv2 has one bucket of 40 tokens, refilled at 10 a second, for the whole account and every
    /// tool in it (Elastic Load Balancing API throttling); we take at most 30 at once and 5 a second,
    /// for a first round over many groups; the cadences keep the steady state below one. Auto Scaling
    /// shares one bucket of unpublished size. Cloud Map publishes no numbers for ListInstances; AWS's
    /// own controllers use 2 to 100 a second. EC2 describes refill at 20 a second. Probes go to our
    /// own nodes; how many run at once is bounded by the scheduler.
    pub fn budget(self) -> Budget {
        let (burst, per_second) = match self {
            Self::Sts => (5, 1),
            Self::CloudMap => (60, 20),
            Self::AutoScaling => (20, 3),
            Self::Elbv2 => (30, 5),
            Self::Ec2 => (20, 5),
            Self::Probes => (10_000, 10_000),
            // Nodes, not requests: several pages each. A first round over hundreds of nodes must not
            // hold up their probes.
            Self::Rings => (100, 20),
            Self::Metrics => (100, 35),
            // A host may send its resolver 1,024 packets a second; a handful of names needs none of it.
            Self::Dns => (20, 5),
        };
        Budget { burst, per_second }
    }
}

/// Batches of ids that EC2 was never asked about have numbers of their own from here on, made from
/// the ids, so that a new set of ids is a new question.
pub const NEW_INSTANCES: u16 = 0x8000;

/// What a read is about. One refresh of a scope is in flight at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// `GetCallerIdentity`.
    Identity,
    /// `ListNamespaces`.
    Namespaces,
    /// `ListServices` of one namespace.
    Services(NamespaceId),
    /// `ListInstances` of one service (or, when nothing changed, `DiscoverInstancesRevision`).
    Members(ServiceId),
    /// `GetInstancesHealthStatus` of one service with custom health.
    MemberHealth(ServiceId),
    /// `GetServiceAttributes` of one record that a run left for other hosts.
    Record(ServiceId),
    /// `DescribeAutoScalingGroups`.
    Groups,
    /// `DescribeScalingActivities` of one group.
    Activities(GroupName),
    /// `DescribeInstanceRefreshes` of one group.
    Refreshes(GroupName),
    /// `DescribeLoadBalancers`.
    LoadBalancers,
    /// `DescribeLoadBalancerAttributes` of one load balancer.
    LoadBalancerAttributes(LoadBalancerArn),
    /// `DescribeListeners` of one load balancer.
    Listeners(LoadBalancerArn),
    /// `DescribeRules` of one listener.
    Rules(ListenerArn),
    /// `DescribeTargetGroups`.
    TargetGroups,
    /// `DescribeTargetGroupAttributes` of one group.
    TargetGroupAttributes(TargetGroupArn),
    /// `DescribeTags` of a batch of at most 20 target groups, by the batch's number.
    Tags(u16),
    /// `DescribeTargetHealth` of one group.
    TargetHealth(TargetGroupArn),
    /// `DescribeInstances` of a batch of at most 200 ids, by the batch's number.
    Instances(u16),
    /// The probes of one node.
    Probe(InstanceId),
    /// The rings as one node's products see them.
    Rings(InstanceId),
    /// The metrics of one node's products.
    Metrics(InstanceId),
    /// The addresses of a registry service's name.
    Dns(DnsName),
}

impl Scope {
    /// The source that answers for this scope.
    pub fn source(&self) -> Source {
        match self {
            Self::Identity => Source::Sts,
            Self::Namespaces
            | Self::Services(_)
            | Self::Members(_)
            | Self::MemberHealth(_)
            | Self::Record(_) => Source::CloudMap,
            Self::Groups | Self::Activities(_) | Self::Refreshes(_) => Source::AutoScaling,
            Self::LoadBalancers
            | Self::LoadBalancerAttributes(_)
            | Self::Listeners(_)
            | Self::Rules(_)
            | Self::TargetGroups
            | Self::TargetGroupAttributes(_)
            | Self::Tags(_)
            | Self::TargetHealth(_) => Source::Elbv2,
            Self::Instances(_) => Source::Ec2,
            Self::Probe(_) => Source::Probes,
            Self::Rings(_) => Source::Rings,
            Self::Metrics(_) => Source::Metrics,
            Self::Dns(_) => Source::Dns,
        }
    }

    /// Whether a read command lacks data without it (exit code 4). The others explain or warn,
    /// and their absence is only said in Sources.
    pub fn is_essential(&self) -> bool {
        !matches!(
            self,
            Self::Identity
                | Self::Record(_)
                | Self::Activities(_)
                | Self::Refreshes(_)
                | Self::LoadBalancerAttributes(_)
                | Self::TargetGroupAttributes(_)
                | Self::Tags(_)
                | Self::Probe(_)
                | Self::Rings(_)
                | Self::Metrics(_)
                | Self::Dns(_)
        )
    }
}

impl std::fmt::Display for Scope {
    /// The scope as `sources` prints it: the kind, and the id where there are several.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Identity => f.write_str("identity"),
            Self::Namespaces => f.write_str("namespaces"),
            Self::Services(id) => write!(f, "services {id}"),
            Self::Members(id) => write!(f, "{id}"),
            Self::MemberHealth(id) => write!(f, "health {id}"),
            Self::Record(id) => write!(f, "record {id}"),
            Self::Groups => f.write_str("groups"),
            Self::Activities(name) => write!(f, "activities {name}"),
            Self::Refreshes(name) => write!(f, "refreshes {name}"),
            Self::LoadBalancers => f.write_str("load balancers"),
            Self::LoadBalancerAttributes(arn) => write!(f, "attributes {}", name(arn.as_str())),
            Self::Listeners(arn) => write!(f, "listeners {}", name(arn.as_str())),
            Self::Rules(arn) => write!(f, "rules {}", name(arn.as_str())),
            Self::TargetGroups => f.write_str("target groups"),
            Self::TargetGroupAttributes(arn) => write!(f, "attributes {}", name(arn.as_str())),
            Self::Tags(batch) => write!(f, "tags {batch}"),
            Self::TargetHealth(arn) => write!(f, "health {}", name(arn.as_str())),
            Self::Instances(batch) if *batch >= NEW_INSTANCES => f.write_str("new instances"),
            Self::Instances(batch) => write!(f, "instances {batch}"),
            Self::Probe(id) | Self::Rings(id) | Self::Metrics(id) => write!(f, "{id}"),
            Self::Dns(name) => write!(f, "{name}"),
        }
    }
}

/// An ARN without its account part: everything after the sixth colon.
fn name(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}

/// What a successful read brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fragment {
    /// Who we are.
    Identity(Identity),
    /// All namespaces.
    Namespaces(Vec<Namespace>),
    /// All services of the scope's namespace.
    Services(Vec<RegistryService>),
    /// All members of the scope's service.
    Members(Vec<Member>),
    /// The members of the scope's service are as they were when last listed.
    MembersUnchanged,
    /// Custom health of the scope's members.
    MemberHealth(BTreeMap<InstanceId, MemberHealth>),
    /// What the scope's record says; `None` where the record is gone.
    Record(Option<Attributes>),
    /// All Auto Scaling groups.
    Groups(Vec<AutoScalingGroup>),
    /// The latest scaling activities of the scope's group.
    Activities(Vec<Activity>),
    /// The latest instance refreshes of the scope's group.
    Refreshes(Vec<Refresh>),
    /// All network load balancers.
    LoadBalancers(Vec<LoadBalancer>),
    /// The attributes of the scope's load balancer.
    LoadBalancerAttributes(LoadBalancerAttributes),
    /// The listeners of the scope's load balancer.
    Listeners(Vec<Listener>),
    /// The rules of the scope's listener, the default rule apart.
    Rules(Vec<Rule>),
    /// All target groups.
    TargetGroups(Vec<TargetGroup>),
    /// The attributes of the scope's target group.
    TargetGroupAttributes(TargetGroupAttributes),
    /// The tags of target groups.
    Tags(BTreeMap<TargetGroupArn, Tags>),
    /// The health of every target of the scope's group.
    TargetHealth(Vec<TargetHealth>),
    /// What EC2 said about the ids it was asked about: an id in `asked` and not in `found` is
    /// unknown to EC2.
    Instances {
        /// The ids that were asked about.
        asked: Vec<InstanceId>,
        /// The instances EC2 knows.
        found: Vec<Ec2Instance>,
    },
    /// One outcome a product of the scope's node.
    Probes(Vec<ProbeOutcome>),
    /// The rings of the scope's node, a product each.
    Rings(Vec<ProductRings>),
    /// The metrics of the scope's node, a product each.
    Metrics(Vec<ProductMetrics>),
    /// What the scope's name resolves to.
    Dns(DnsAnswer),
}

/// One answer, or one failure, of one read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceEvent {
    /// What was read.
    pub scope: Scope,
    /// When the answer was complete (by our clock).
    pub observed_at: Timestamp,
    /// When the reader promises to look again.
    pub every: Duration,
    /// How many calls it took.
    pub calls: u32,
    /// What came of it.
    pub result: Result<Fragment, SourceError>,
    /// Why a part of a successful read is missing, if one is.
    pub missing: Option<SourceError>,
}
