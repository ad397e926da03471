//! What an operator may want done (safety.md, Intents), and how. An intent names exact ids; texts
//! such as a prefix or an address are resolved before there is one.

use crate::core::ids::{InstanceId, ServiceId, StackId};
use crate::core::run::RunId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "lowercase")]
pub enum Intent {
    /// Write these nodes' registry entries and targets as they should be.
    Reregister {
        /// The nodes.
        nodes: Vec<InstanceId>,
    },
    /// Every safe fix of a fleet's findings, in one plan.
    Repair {
        /// The fleet.
        stack: StackId,
    },
    /// Remove registry entries of instances proven gone.
    Deregister {
        /// The ids they are registered under.
        members: Vec<InstanceId>,
    },
    /// Take nodes out of the load balancer and wait until they are really out.
    Drain {
        /// The nodes.
        nodes: Vec<InstanceId>,
    },
    /// Bring drained nodes back and wait until they are healthy.
    Undrain {
        /// The nodes.
        nodes: Vec<InstanceId>,
    },
    /// Move traffic from one fleet to another.
    Cutover {
        /// The fleet that gives.
        from: StackId,
        /// The fleet that receives.
        to: StackId,
    },
    /// End a run by undoing what it did, in a run of its own.
    Rollback {
        /// The run to undo.
        run: RunId,
    },
    /// Take the lock of a dead run over, from any host, and end what it left.
    Takeover {
        /// The lock, by its service's id: another lock of the same name is not meant.
        lock: ServiceId,
    },
}

/// The verbs, without what they are about.
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
    strum::EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Verb {
    /// See [`Intent::Reregister`].
    Reregister,
    /// See [`Intent::Repair`].
    Repair,
    /// See [`Intent::Deregister`].
    Deregister,
    /// See [`Intent::Drain`].
    Drain,
    /// See [`Intent::Undrain`].
    Undrain,
    /// See [`Intent::Cutover`].
    Cutover,
    /// See [`Intent::Rollback`].
    Rollback,
    /// See [`Intent::Takeover`].
    Takeover,
}

impl Intent {
    /// Its verb.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Reregister { .. } => Verb::Reregister,
            Self::Repair { .. } => Verb::Repair,
            Self::Deregister { .. } => Verb::Deregister,
            Self::Drain { .. } => Verb::Drain,
            Self::Undrain { .. } => Verb::Undrain,
            Self::Cutover { .. } => Verb::Cutover,
            Self::Rollback { .. } => Verb::Rollback,
            Self::Takeover { .. } => Verb::Takeover,
        }
    }
}

/// How a node is drained.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum DrainMethod {
    /// EnterStandby of its Auto Scaling group, with the desired capacity decremented.
    Standby,
    /// DeregisterTargets from every target group it is in.
    Targets,
}

/// How traffic is moved.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Strategy {
    /// Each fleet has its own target groups, and listeners weigh them.
    Weights,
    /// The fleets share target groups; attaching one to them is the shift.
    Attach,
}

/// Where a cutover waits for a word from the operator.
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
    strum::EnumString,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Gate {
    /// Before any traffic moves.
    BeforeShift,
    /// Before what is left of the giving fleet is let go.
    BeforeEnd,
}

/// What a run does when a guard turns against it while traffic is shifted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum OnRegression {
    /// Holds and offers the rollback.
    Hold,
    /// Rolls back by itself.
    Rollback,
}

/// How many targets must stay healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MinHealthy {
    /// So many.
    Count(u32),
    /// So many percent of desired plus standby, rounded up, at least one.
    Percent(u8),
}

/// How an intent is carried out. Defaults as in safety.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The floor.
    pub min_healthy: MinHealthy,
    /// Nodes in one step.
    pub at_a_time: u32,
    /// How to drain; `None` chooses by the group's health checks.
    pub method: Option<DrainMethod>,
    /// Whether a drain (or the end of a cutover) also removes registry entries.
    pub remove_members: bool,
    /// How to cut over; `None` chooses by what is there.
    pub strategy: Option<Strategy>,
    /// Percent of the traffic after each step of a cutover, ascending, ending in 100; `None` is
    /// the strategy's own.
    pub schedule: Option<Vec<u8>>,
    /// How long each step of a cutover settles.
    pub settle: Duration,
    /// How long probes are watched before they count.
    pub window: Duration,
    /// How long a finished shift is watched.
    pub bake: Duration,
    /// Where to wait for the operator.
    pub gates: BTreeSet<Gate>,
    /// What to do when things turn bad while shifted.
    pub on_regression: OnRegression,
    /// How long a run may be held before it lets go of the pins of the fleet that carries traffic.
    pub max_hold: Duration,
    /// Guards that the operator overrides by name.
    pub overrides: BTreeSet<super::GuardName>,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// The host of a lock's holder that the operator says is gone for good: a take-over then does
    /// not watch the heartbeat first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_is_dead: Option<String>,
    /// Whether a take-over also puts back what the dead run did.
    #[serde(default)]
    pub with_rollback: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            min_healthy: MinHealthy::Percent(50),
            at_a_time: 1,
            method: None,
            remove_members: false,
            strategy: None,
            schedule: None,
            settle: Duration::from_secs(120),
            window: Duration::from_secs(60),
            bake: Duration::from_secs(600),
            gates: BTreeSet::from([Gate::BeforeShift, Gate::BeforeEnd]),
            on_regression: OnRegression::Hold,
            max_hold: Duration::from_secs(1800),
            overrides: BTreeSet::new(),
            reason: None,
            holder_is_dead: None,
            with_rollback: false,
        }
    }
}
