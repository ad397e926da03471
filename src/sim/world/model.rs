//! The nouns of the world: plain data that the verbs in the neighbouring files change.

use crate::core::ids::{
    GroupName, InstanceId, ListenerArn, LoadBalancerArn, NamespaceId, Product, ServiceId, StackId,
    TargetGroupArn, Zone,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

/// A Cloud Map namespace.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) id: NamespaceId,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
}

/// What kind of Cloud Map service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceKind {
    /// In DNS too.
    DnsHttp,
    /// Found by API calls only.
    Http,
}

/// A Cloud Map service.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) id: ServiceId,
    pub(crate) name: String,
    pub(crate) namespace: NamespaceId,
    pub(crate) kind: ServiceKind,
    pub(crate) description: Option<String>,
    pub(crate) custom_health: bool,
    pub(crate) creator_request_id: Option<String>,
    pub(crate) created: Timestamp,
    /// The control plane's members.
    pub(crate) members: BTreeMap<InstanceId, Member>,
    /// What DiscoverInstances knows, a little later.
    pub(crate) published: BTreeMap<InstanceId, BTreeMap<String, String>>,
    /// Grows with every registration and deregistration, never with health.
    pub(crate) revision: u64,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// A member of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) healthy: bool,
    /// A status that was set and has not taken effect yet.
    pub(crate) pending_health: Option<(Timestamp, bool)>,
    pub(crate) registered: Timestamp,
    pub(crate) creator_request_id: Option<String>,
}

/// What an operation will do when it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Register { attributes: BTreeMap<String, String>, creator_request_id: Option<String> },
    Deregister,
}

/// An asynchronous Cloud Map operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) service: ServiceId,
    pub(crate) member: InstanceId,
    pub(crate) work: Work,
    /// `SUBMITTED`, `PENDING`, `SUCCESS` or `FAIL`.
    pub(crate) status: &'static str,
    pub(crate) error: Option<(String, String)>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// A load balancer.
#[derive(Clone, Debug)]
pub(crate) struct Balancer {
    pub(crate) arn: LoadBalancerArn,
    pub(crate) name: String,
    pub(crate) zones: Vec<Zone>,
    pub(crate) cross_zone: bool,
    pub(crate) security_groups: Vec<String>,
    pub(crate) created: Timestamp,
    pub(crate) tags: BTreeMap<String, String>,
}

/// What a listener's action forwards to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forward {
    pub(crate) groups: Vec<(TargetGroupArn, u32)>,
    pub(crate) sticky: bool,
    pub(crate) sticky_seconds: Option<u32>,
}

/// A listener.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) arn: ListenerArn,
    pub(crate) balancer: LoadBalancerArn,
    pub(crate) port: u16,
    pub(crate) protocol: String,
    /// What the API says.
    pub(crate) forward: Forward,
    /// What the data plane does.
    pub(crate) in_force: Forward,
    /// Actions on their way to the data plane, by the number of the change.
    pub(crate) pending: BTreeMap<u64, Forward>,
    /// Simulated new connections a second.
    pub(crate) connections_per_second: f64,
    /// Simulated long-lived connections.
    pub(crate) streams: Vec<Stream>,
    /// How many of them the clients want.
    pub(crate) streams_wanted: u32,
    pub(crate) tags: BTreeMap<String, String>,
    /// Its rules beside the default one, in their order.
    pub(crate) rules: Vec<Rule>,
}

/// A listener's rule for a host. Only the API knows it: the world's clients send no names, so no
/// traffic follows it.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) arn: String,
    pub(crate) host: String,
    pub(crate) forward: Forward,
}

/// A long-lived connection, and where it ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stream {
    pub(crate) group: TargetGroupArn,
    pub(crate) id: InstanceId,
    pub(crate) port: u16,
    /// When its group lost its place in the listener; it lives an hour more at most.
    pub(crate) orphaned: Option<Timestamp>,
}

/// How a target group checks its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// `TCP` or `HTTP`.
    pub(crate) protocol: String,
    /// `None` is the target's own port.
    pub(crate) port: Option<u16>,
    pub(crate) path: Option<String>,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) healthy_threshold: u32,
    pub(crate) unhealthy_threshold: u32,
    /// The accepted statuses, `200-399`.
    pub(crate) matcher: (u16, u16),
}

/// A target group.
#[derive(Clone, Debug)]
pub(crate) struct TargetGroup {
    pub(crate) arn: TargetGroupArn,
    pub(crate) name: String,
    pub(crate) port: u16,
    pub(crate) protocol: String,
    pub(crate) check: Check,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) targets: BTreeMap<(InstanceId, u16), Target>,
    /// Whether a listener names it; health checks happen only then.
    pub(crate) used: bool,
    pub(crate) balancer: Option<LoadBalancerArn>,
}

/// What a target group knows of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetState {
    /// The registration is on its way to the data plane.
    Registering,
    /// Registered, no check passed yet.
    Checking,
    Healthy,
    Unhealthy,
    Draining,
}

/// A target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) state: TargetState,
    pub(crate) since: Timestamp,
    /// Counts what was scheduled for it: an entry of the agenda with an older number is void.
    pub(crate) change: u64,
}

/// An attachment of a group to a target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub(crate) target_group: TargetGroupArn,
    /// `Adding`, `Added`, `InService` or `Removing`.
    pub(crate) state: &'static str,
    /// Whether it was made with AttachLoadBalancerTargetGroups; the older calls see only those.
    pub(crate) by_older_call: bool,
}

/// An instance in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupMember {
    /// AWS's word: `Pending`, `InService`, `Terminating`, `EnteringStandby`, `Standby`, …
    pub(crate) lifecycle: &'static str,
    pub(crate) healthy: bool,
    pub(crate) protected: bool,
    pub(crate) template_version: String,
    pub(crate) in_service_since: Option<Timestamp>,
    /// The activity that is still open about it.
    pub(crate) activity: Option<String>,
}

/// A scaling activity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Activity {
    pub(crate) id: String,
    pub(crate) group: GroupName,
    pub(crate) description: String,
    pub(crate) cause: String,
    pub(crate) started: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) status: &'static str,
    pub(crate) message: Option<String>,
    pub(crate) progress: u32,
}

/// An instance refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refresh {
    pub(crate) id: String,
    pub(crate) status: &'static str,
    pub(crate) started: Timestamp,
    pub(crate) ended: Option<Timestamp>,
}

/// What nodes do about the registry when they boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boot {
    /// The published script: deregister every member of the same STACK, then register oneself.
    Wiping,
    /// Register oneself, and leave at shutdown.
    Register,
    /// Nothing.
    None,
}

/// An Auto Scaling group.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) name: GroupName,
    pub(crate) arn: String,
    pub(crate) stack: StackId,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) desired: u32,
    pub(crate) zones: Vec<Zone>,
    pub(crate) health_check_type: String,
    pub(crate) grace: Duration,
    pub(crate) suspended: BTreeMap<String, String>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) members: BTreeMap<InstanceId, GroupMember>,
    /// Newest first.
    pub(crate) activities: VecDeque<Activity>,
    pub(crate) refreshes: Vec<Refresh>,
    pub(crate) template: String,
    pub(crate) template_version: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: Timestamp,
    pub(crate) boot: Boot,
    /// The registry services its nodes register in.
    pub(crate) services: Vec<ServiceId>,
    /// Whether EC2 refuses to launch for it.
    pub(crate) launches_fail: bool,
    /// The products its nodes run, and their versions.
    pub(crate) products: Vec<(Product, String)>,
    /// How its products' rings are configured.
    pub(crate) rings: super::RingConfig,
    /// When it may replace the next unhealthy instance.
    pub(crate) next_replacement: Timestamp,
    /// What is launched when.
    pub(crate) launch_retry: Timestamp,
}

/// An EC2 instance and the node on it.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) ip: Ipv4Addr,
    pub(crate) zone: Zone,
    pub(crate) group: Option<GroupName>,
    pub(crate) stack: Option<StackId>,
    /// EC2's word: `pending`, `running`, `shutting-down`, `terminated`.
    pub(crate) state: &'static str,
    pub(crate) launched: Timestamp,
    pub(crate) tags: BTreeMap<String, String>,
    /// Whether the machine answers at all: EC2 may say running while it does not.
    pub(crate) alive: bool,
    pub(crate) products: BTreeMap<Product, ProductState>,
    pub(crate) script: Script,
    /// How far its clock is off.
    pub(crate) skew: SignedDuration,
    /// What clients got from it, and what they lost on it.
    pub(crate) served: f64,
    pub(crate) lost: f64,
}

/// Where a node's boot script is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// Calls still to make.
    pub(crate) todo: VecDeque<ScriptCall>,
    /// Why it stopped, when a call failed that it does not catch.
    pub(crate) failed: Option<String>,
}

/// One call of a boot script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ScriptCall {
    /// List the members of the same STACK, and put a deregistration of each at the front.
    List(ServiceId),
    Deregister(ServiceId, InstanceId),
    Register(ServiceId),
}

/// What a product on a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing listens.
    Down,
    /// Listening, services not running yet.
    Starting,
    /// Running, waiting the usual while.
    Settling,
    Ready,
    /// The kernel accepts connections, the process does not answer.
    Frozen,
    /// Answers, shutting down.
    Stopping,
}

/// A product on a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProductState {
    pub(crate) phase: Phase,
    pub(crate) version: String,
    pub(crate) port: u16,
    /// Counts starts, so that a phase change of an earlier start is void.
    pub(crate) start: u64,
    /// When its process began.
    pub(crate) started: Timestamp,
    /// Whether a member of its ring kept it from becoming ready.
    pub(crate) was_blocked: bool,
    /// Requests of clients since then.
    pub(crate) requests: f64,
    /// When the last one came.
    pub(crate) last_request: Option<Timestamp>,
    /// When somebody made it write everything.
    pub(crate) flushed: Option<Timestamp>,
}
