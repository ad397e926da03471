//! Auto Scaling's words: groups with their instances, activities, instance refreshes.

use crate::core::ids::{GroupName, InstanceId, TargetGroupArn, Zone};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An Auto Scaling group as DescribeAutoScalingGroups gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoScalingGroup {
    /// The group's name.
    pub name: GroupName,
    /// MinSize.
    pub min: u32,
    /// MaxSize.
    pub max: u32,
    /// DesiredCapacity.
    pub desired: u32,
    /// The zones the group may launch into.
    pub zones: Vec<Zone>,
    /// The kinds of health check, in AWS's order: `EC2`, `ELB`, `VPC_LATTICE`, `EBS`, …
    pub health_check_types: Vec<String>,
    /// HealthCheckGracePeriod, seconds.
    pub grace_seconds: u32,
    /// Suspended processes and AWS's reason for each.
    pub suspended: BTreeMap<String, String>,
    /// Target groups the group is attached to, from `TargetGroupARNs` and `TrafficSources`.
    pub target_groups: Vec<TargetGroupArn>,
    /// The group's tags.
    pub tags: BTreeMap<String, String>,
    /// The group's instances.
    pub instances: Vec<GroupInstance>,
}

impl AutoScalingGroup {
    /// Whether the group replaces a node that fails its load balancer's health check.
    pub fn heals_by_elb(&self) -> bool {
        self.health_check_types.iter().any(|kind| kind == "ELB")
    }
}

/// An instance as its group sees it (there is no IP address here).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInstance {
    /// The EC2 instance id.
    pub id: InstanceId,
    /// Its zone.
    pub zone: Zone,
    /// LifecycleState in AWS's own words, including words newer than this program.
    pub lifecycle: Arc<str>,
    /// HealthStatus: `Healthy` or `Unhealthy`.
    pub health: Arc<str>,
    /// The id of the launch template it was made from, where it was made from one. A group with a
    /// mixed instances policy has several.
    #[serde(default)]
    pub launch_template: Option<Arc<str>>,
    /// The version of the launch template it was made from, where it was made from one.
    pub launch_template_version: Option<Arc<str>>,
    /// ProtectedFromScaleIn.
    pub protected: bool,
}

/// A scaling activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// ActivityId.
    pub id: String,
    /// The group.
    pub group: GroupName,
    /// StartTime.
    pub started: Timestamp,
    /// EndTime, once it has ended.
    pub ended: Option<Timestamp>,
    /// StatusCode: `Successful`, `Failed`, `InProgress`, …
    pub status: String,
    /// AWS's one-line description ("Launching a new EC2 instance: i-…").
    pub description: String,
    /// AWS's longer message, where it gives one.
    pub message: Option<String>,
}

/// An instance refresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// InstanceRefreshId.
    pub id: String,
    /// Status: `Pending`, `InProgress`, `Successful`, …
    pub status: String,
    /// PercentageComplete.
    pub percent: Option<u32>,
    /// StartTime.
    pub started: Option<Timestamp>,
}
