//! Facts: what a step relies on before it, and what it waits for after it. A fact is data; whether
//! it holds is asked of a picture of the world read afresh (`super::check`).

use super::mutation::{ActionId, Target};
use crate::core::ids::{GroupName, InstanceId, ServiceId, StackId, TargetGroupArn, Zone};
use crate::core::inventory::Forward;
use crate::core::observed::Why;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Why a fact must hold (safety.md, Plans).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum FactKind {
    /// It must be equal to what the plan was made for.
    Identity,
    /// It must still be true.
    Predicate,
    /// It must be what our last step wrote.
    Own,
}

/// A claim about the world, and why it must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Why.
    pub kind: FactKind,
    /// What.
    pub claim: Claim,
}

/// How a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum TargetIs {
    /// Registered, in whatever state but leaving.
    Registered,
    /// Healthy.
    Healthy,
    /// Not registered, or on its way out: registering takes one that drains back.
    Away,
    /// Not there any more: neither registered nor draining.
    Absent,
}

/// Something that is so or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "claim", rename_all = "snake_case")]
pub enum Claim {
    /// We act in this account and region.
    Account {
        /// The account number.
        account: String,
        /// The region.
        region: String,
    },
    /// The entry is exactly this; `None` is "there is none".
    Member {
        /// The registry service.
        service: ServiceId,
        /// The id it is registered under.
        member: InstanceId,
        /// All attributes.
        is: Option<BTreeMap<String, String>>,
    },
    /// A registry service has at least so many entries of a fleet.
    MembersAtLeast {
        /// The registry service.
        service: ServiceId,
        /// The fleet.
        stack: StackId,
        /// At least.
        least: u32,
    },
    /// The instance is proven gone (safety.md, Intents).
    Gone {
        /// The instance.
        instance: InstanceId,
        /// The address its entry gives, which must not answer, or belong to another instance.
        address: Option<String>,
    },
    /// The instance runs, its group has it in service, and its own products are ready.
    Ready {
        /// The instance.
        instance: InstanceId,
        /// Its true address.
        address: String,
    },
    /// Targets of a group stand so.
    Targets {
        /// The target group.
        group: TargetGroupArn,
        /// The targets.
        targets: Vec<Target>,
        /// How each of them stands.
        are: TargetIs,
    },
    /// A fleet has at least so many healthy targets in a group.
    Healthy {
        /// The target group.
        group: TargetGroupArn,
        /// The fleet whose targets count; `None` counts all.
        stack: Option<StackId>,
        /// Only those in this zone.
        zone: Option<Zone>,
        /// At least.
        least: u32,
    },
    /// The instance's lifecycle in its group is this word.
    Lifecycle {
        /// The Auto Scaling group.
        group: GroupName,
        /// The instance.
        instance: InstanceId,
        /// AWS's word: `InService`, `Standby`, …
        is: String,
    },
    /// A listener's action forwards exactly so.
    Forwards {
        /// Which action.
        action: ActionId,
        /// Groups, weights, order, stickiness.
        is: Forward,
    },
    /// The Auto Scaling group is attached to exactly these target groups, among those named.
    Attached {
        /// The Auto Scaling group.
        group: GroupName,
        /// Those that it is attached to.
        to: BTreeSet<TargetGroupArn>,
        /// Those that it is not attached to.
        not_to: BTreeSet<TargetGroupArn>,
    },
    /// Of these processes exactly those are suspended.
    Suspended {
        /// The Auto Scaling group.
        group: GroupName,
        /// Suspended.
        suspended: BTreeSet<String>,
        /// Not suspended.
        running: BTreeSet<String>,
    },
    /// Every instance of the group reads Healthy, so that resuming terminates nothing.
    AllHealthy {
        /// The Auto Scaling group.
        group: GroupName,
    },
    /// The group's sizes allow so many more (positive) or fewer (negative) in service.
    Room {
        /// The Auto Scaling group.
        group: GroupName,
        /// Change of the desired capacity.
        by: i32,
    },
    /// No action of any listener or rule gives a fleet's groups any weight.
    CarriesNothing {
        /// The fleet.
        stack: StackId,
    },
    /// The share of passing probe samples of a fleet's products over the window, and the last ones.
    ProbesPass {
        /// The fleet.
        stack: StackId,
        /// Of so many percent of the samples.
        percent: u8,
        /// And of the last so many of each node and product.
        last: u8,
        /// The window.
        window: Duration,
    },
}

/// What a fresh look at the world says of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "lowercase")]
pub enum Answer {
    /// It is so.
    Holds,
    /// It is not so.
    Broken {
        /// What was claimed, in words.
        was: String,
        /// What is, in words.
        is: String,
    },
    /// Nobody can say.
    Unknown {
        /// Why.
        why: Why,
        /// What could not be known, in words.
        what: String,
    },
}

impl Answer {
    /// Whether it is known to be so. Unknown is not (invariant 6).
    pub fn holds(&self) -> bool {
        matches!(self, Self::Holds)
    }
}
