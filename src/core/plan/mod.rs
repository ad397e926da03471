//! Plans: what is to be done to the world, as data (safety.md, Plans). A plan is one intent, exact
//! ids and numbered steps; it can be printed as a diff, written to a file, approved and carried out
//! without a choice being left to whoever carries it out (invariant 8).

pub mod check;
pub mod context;
pub mod diff;
pub mod fact;
pub mod file;
#[cfg(test)]
pub(crate) mod fixture;
pub mod guard;
pub mod guards;
pub mod intent;
mod make;
pub mod mutation;
pub mod refusal;
pub mod resolve;
pub mod samples;
#[cfg(test)]
mod tests;
mod view;
mod words;

pub use check::{Reads, check, reads};
pub use context::{Context, LockStanding};
pub use diff::{DiffLine, diff};
pub use fact::{Answer, Claim, Fact, FactKind, TargetIs};
pub use file::{accept, is_for};
pub use guard::{GuardName, GuardReport};
pub use intent::{DrainMethod, Gate, Intent, MinHealthy, OnRegression, Options, Strategy, Verb};
pub use make::{REPLACING, Request, plan};
pub use mutation::{ActionId, Mutation, Target};
pub use refusal::{Refusal, RefusalKind};
pub use samples::Samples;
pub use words::{BadWord, gates, min_healthy, schedule};

use super::record::LockRecord;
use crate::core::estate::Estate;
use crate::core::ids::{LoadBalancerArn, NamespaceId, ServiceId, StackId, TargetGroupArn, Zone};
use crate::core::inventory::{Forward, Inventory};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The schema of a plan file.
pub const SCHEMA: &str = "quarterdeck-plan/v1";
/// A plan is good for so long.
pub const GOOD_FOR: Duration = Duration::from_secs(15 * 60);

/// How long that is on a clock that runs so many times as fast as real time. These minutes are a
/// person's, who reads and decides no faster because the world does (a demo, a drill).
pub fn good_for(times: u32) -> Duration {
    GOOD_FOR.saturating_mul(times.max(1))
}

/// The world as it was read for a plan, a guard or a fact: observations, what follows from them,
/// and the time they are judged at.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// What each source said.
    pub inventory: &'a Inventory,
    /// The same, joined.
    pub estate: &'a Estate,
    /// Now.
    pub now: Timestamp,
    /// The region that was read; without it nothing that depends on the region holds.
    pub region: Option<&'a str>,
    /// What probes answered over time; without it only the last answers count.
    pub samples: Option<&'a Samples>,
    /// Whether nodes are probed at all; where the configuration says no, nothing waits for it.
    pub probed: bool,
}

impl<'a> Picture<'a> {
    /// A picture of which neither the region nor the past is known.
    pub fn new(inventory: &'a Inventory, estate: &'a Estate, now: Timestamp) -> Self {
        Self { inventory, estate, now, region: None, samples: None, probed: true }
    }

    /// Of this region.
    pub fn in_region(self, region: &'a str) -> Self {
        Self { region: Some(region), ..self }
    }

    /// With what probes answered over time.
    pub fn with_samples(self, samples: &'a Samples) -> Self {
        Self { samples: Some(samples), ..self }
    }

    /// Where the configuration says that nodes are not probed.
    pub fn without_probes(self) -> Self {
        Self { probed: false, ..self }
    }
}

/// What the lock is taken on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockScope {
    /// A load balancer, by its ARN and name.
    LoadBalancer(LoadBalancerArn, String),
    /// A namespace, where there is no load balancer.
    Namespace(NamespaceId, String),
}

/// A lock of another run that is to be taken over, as its planner saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftLock {
    /// What it is held on.
    pub scope: LockScope,
    /// Its Cloud Map service: another lock of the same name is not meant.
    pub service: ServiceId,
    /// The heartbeat that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beat: Option<Timestamp>,
    /// For how long this heartbeat had been watched without a change.
    #[serde(default)]
    pub unchanged_for: Duration,
}

impl Plan {
    /// Everything a lock is taken on, in the order in which it is.
    pub fn scopes(&self) -> impl DoubleEndedIterator<Item = &LockScope> {
        let only = self.lock.iter().filter(|_| self.locks.is_empty());
        self.locks.iter().chain(only)
    }
}

/// How the operator agrees to a plan (safety.md, Armed or not).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// y or n.
    YesNo,
    /// The name of the fleet that gives, or is changed, typed in full.
    Type(StackId),
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// The account it was made for.
    pub account: String,
    /// The region it was made for.
    pub region: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// What is wanted.
    pub intent: Intent,
    /// How.
    pub options: Options,
    /// The fleet that loses, or is changed.
    pub giving: Option<StackId>,
    /// The fleet that receives.
    pub receiving: Option<StackId>,
    /// How the operator agrees to it.
    pub confirmation: Confirmation,
    /// What the first lock is taken on; `None` for verbs that take none.
    pub lock: Option<LockScope>,
    /// Everything a lock is taken on, in the order in which it is: every load balancer that the
    /// plan touches or is about to enter. Plans of older versions have `lock` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<LockScope>,
    /// The namespace that holds the locks, chosen from complete reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<NamespaceId>,
    /// Locks of another run that this plan takes over, with how long each had been silent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<LeftLock>,
    /// What the dead run has left whose lock is taken over: whoever holds the lock answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherits: Option<LockRecord>,
    /// What stands in its way, and what does not.
    pub guards: Vec<GuardReport>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// The way back, in sentences: how, and what it would cost now.
    pub undo: Vec<String>,
    /// What it does not do, and what to do afterwards, in sentences.
    pub notes: Vec<String>,
    /// Over all of the above, so that a plan file that was edited is found.
    #[serde(default)]
    pub digest: String,
}

impl Plan {
    /// Whether it puts back what a run did: the guards are then those of a rollback.
    pub fn goes_back(&self) -> bool {
        match self.intent.verb() {
            Verb::Rollback => true,
            Verb::Takeover => self.options.with_rollback,
            _ => false,
        }
    }

    /// The column of guards that it is held to.
    pub fn column(&self) -> guard::Column {
        match self.intent.verb() {
            Verb::Takeover if self.goes_back() => guard::Column::TakeoverBack,
            verb => verb.column(),
        }
    }
}

/// A step: at most one mutation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// From 1.
    pub number: u32,
    /// What it does, as an operator would say it.
    pub title: String,
    /// What it does.
    pub action: StepAction,
    /// What must hold just before.
    pub before: Vec<Fact>,
    /// For the write of a rollback: what it may replace. Where it cannot be read the write goes on,
    /// because a rollback does not wait for reads; any other value was written by another, and stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finds: Option<Finds>,
    /// What it waits for.
    pub after: Vec<Claim>,
    /// How long that may take.
    pub limit: Duration,
    /// What is done when it takes longer.
    #[serde(default)]
    pub past_limit: PastLimit,
    /// How long it takes at least.
    pub at_least: Duration,
    /// Why so long.
    pub because: String,
    /// What takes it back, where it can be taken back.
    pub undo: Option<Mutation>,
    /// Whether traffic is on the move from here on, so that a guard that turns holds the run.
    pub shifting: bool,
    /// Worst-case healthy targets after it.
    pub capacity: Vec<CapacityAfter>,
}

/// The values that a rollback may replace in a listener's or rule's action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finds {
    /// As the run that is rolled back found it.
    pub first: Forward,
    /// Every value that the run wrote, or was to write.
    pub writes: Vec<Forward>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepAction {
    /// Takes the lock.
    Lock,
    /// Changes something.
    Change(Mutation),
    /// Changes nothing, waits for what must come about (`after`).
    Wait,
    /// Watches for `at_least` that all guards and `after` go on holding.
    Watch,
    /// Waits for a word from the operator.
    Gate(Gate),
    /// Gives the lock back.
    Unlock,
}

/// What is done when what a step waits for does not come in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PastLimit {
    /// The run holds.
    #[default]
    Hold,
    /// The step's `undo` is carried out, then the run holds: taking an addition back takes nothing
    /// away, while holding it leaves traffic on nodes that failed (safety.md, attach).
    TakeBack,
}

/// Worst-case healthy targets of a fleet in a group once a step is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapacityAfter {
    /// The target group.
    pub group: TargetGroupArn,
    /// Its name.
    pub name: String,
    /// The fleet; `None` counts all.
    pub stack: Option<StackId>,
    /// Healthy before; `None` where it is unknown.
    pub before: Option<u32>,
    /// Healthy after, at worst.
    pub after: Option<u32>,
    /// The same after, a zone at a time.
    pub zones: BTreeMap<Zone, u32>,
    /// The floor it must not go under.
    pub floor: u32,
}

/// A plan that the operator has agreed to, pinned to the plan they saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovedPlan {
    /// The plan.
    pub plan: Plan,
    /// When it was approved.
    pub approved_at: Timestamp,
    /// By whom, as far as this host knows.
    pub by: crate::core::run::Who,
    /// What they typed: a name, or `y`.
    pub typed: String,
}
