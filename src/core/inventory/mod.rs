//! The inventory: what each source said, each thing in its source's own shape and with its own
//! time. Nothing is joined here (that is `reconcile`), and nothing is ever removed by a failure.

mod autoscaling;
mod by_id;
mod cloudmap;
mod dns;
mod ec2;
mod elbv2;
mod memory;
mod metrics;
mod probe;
mod ring;
mod status;
mod store;
mod told;

pub use autoscaling::{Activity, AutoScalingGroup, GroupInstance, Refresh};
pub use by_id::ById;
pub use cloudmap::{Member, MemberHealth, Namespace, RegistryService, STACK_KEYS};
pub use dns::{DnsAnswer, DnsRecords, RECORDS_AT_MOST};
pub use ec2::{Ec2Instance, Identity};
pub use elbv2::{
    Forward, Listener, LoadBalancer, LoadBalancerAttributes, Rule, Tags, TargetGroup,
    TargetGroupAttributes, TargetHealth, WeightedGroup,
};
pub use memory::{Memory, OwnWrite, TrafficChange, Written};
pub use metrics::{Measured, ProductMetrics, Rate, Sample};
pub use probe::{ProbeOutcome, ProbeReason, Verdict};
pub use ring::{
    Gossip, GossipMember, LeftMember, Page, ProductRings, Ring, RingMember, RingState, ip_of,
};
pub use status::ScopeStatus;
pub use store::{Held, Inventory, Outcomes};
pub use told::{MetricsSeen, RecordSeen, RingsSeen};
