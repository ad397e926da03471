//! Everything that a plan may change in the world: a closed list, each entry one AWS call with all
//! its arguments, so that whoever carries it out has nothing left to choose (invariant 8).

use crate::core::ids::{GroupName, InstanceId, ListenerArn, ServiceId, TargetGroupArn};
use crate::core::inventory::Forward;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A target as it is registered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The instance.
    pub id: InstanceId,
    /// The port.
    pub port: u16,
}

/// An action of a listener: its default one, or a rule's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ActionId {
    /// The listener.
    pub listener: ListenerArn,
    /// The rule's ARN; `None` is the default action.
    pub rule: Option<String>,
}

/// One call that changes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Mutation {
    /// Cloud Map RegisterInstance: writes the whole entry.
    RegisterInstance {
        /// The registry service.
        service: ServiceId,
        /// The id to register under.
        member: InstanceId,
        /// All attributes.
        attributes: BTreeMap<String, String>,
    },
    /// Cloud Map DeregisterInstance.
    DeregisterInstance {
        /// The registry service.
        service: ServiceId,
        /// The id it is registered under.
        member: InstanceId,
    },
    /// ELBv2 RegisterTargets.
    RegisterTargets {
        /// The target group.
        group: TargetGroupArn,
        /// The targets.
        targets: Vec<Target>,
    },
    /// ELBv2 DeregisterTargets.
    DeregisterTargets {
        /// The target group.
        group: TargetGroupArn,
        /// The targets.
        targets: Vec<Target>,
    },
    /// Auto Scaling EnterStandby, always with the desired capacity decremented.
    EnterStandby {
        /// The Auto Scaling group.
        group: GroupName,
        /// At most 20.
        instances: Vec<InstanceId>,
    },
    /// Auto Scaling ExitStandby.
    ExitStandby {
        /// The Auto Scaling group.
        group: GroupName,
        /// At most 20.
        instances: Vec<InstanceId>,
    },
    /// ELBv2 ModifyListener or ModifyRule: writes the whole forward action.
    Forward {
        /// Which action.
        action: ActionId,
        /// What it is to be.
        to: Forward,
    },
    /// Auto Scaling AttachTrafficSources: all groups in one call.
    AttachTargetGroups {
        /// The Auto Scaling group.
        group: GroupName,
        /// The target groups.
        target_groups: Vec<TargetGroupArn>,
    },
    /// Auto Scaling DetachTrafficSources.
    DetachTargetGroups {
        /// The Auto Scaling group.
        group: GroupName,
        /// The target groups.
        target_groups: Vec<TargetGroupArn>,
    },
    /// Auto Scaling SuspendProcesses.
    Suspend {
        /// The Auto Scaling group.
        group: GroupName,
        /// The processes.
        processes: BTreeSet<String>,
    },
    /// Auto Scaling ResumeProcesses.
    Resume {
        /// The Auto Scaling group.
        group: GroupName,
        /// The processes.
        processes: BTreeSet<String>,
    },
}

impl Mutation {
    /// The IAM action that allows it.
    pub fn permission(&self) -> &'static str {
        match self {
            Self::RegisterInstance { .. } => "servicediscovery:RegisterInstance",
            Self::DeregisterInstance { .. } => "servicediscovery:DeregisterInstance",
            Self::RegisterTargets { .. } => "elasticloadbalancing:RegisterTargets",
            Self::DeregisterTargets { .. } => "elasticloadbalancing:DeregisterTargets",
            Self::EnterStandby { .. } => "autoscaling:EnterStandby",
            Self::ExitStandby { .. } => "autoscaling:ExitStandby",
            Self::Forward { action: ActionId { rule: None, .. }, .. } => {
                "elasticloadbalancing:ModifyListener"
            }
            Self::Forward { .. } => "elasticloadbalancing:ModifyRule",
            Self::AttachTargetGroups { .. } => "autoscaling:AttachTrafficSources",
            Self::DetachTargetGroups { .. } => "autoscaling:DetachTrafficSources",
            Self::Suspend { .. } => "autoscaling:SuspendProcesses",
            Self::Resume { .. } => "autoscaling:ResumeProcesses",
        }
    }
}
