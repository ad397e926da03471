//! Runs: a plan being carried out, told entirely by its journal. What a run is, where it stands and
//! what it did is computed from the journal's entries by [`Run::fold`]; the console, the commands
//! and a resumed engine read the same.

mod fold;
pub mod journal;
pub mod rules;
mod words;

pub use journal::{Entry, Line};

use super::ids::InstanceId;
use super::inventory::{OwnWrite, Written};
use super::plan::{ActionId, GuardName, GuardReport, Mutation, Plan, StepAction};
use super::rings::SafeToStop;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A run's id: the time it was started and a few random letters (`20261122-140355-k3xq`), so that
/// ids sort by time and two hosts never make the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Arc<str>);

impl RunId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: AsRef<str>> From<S> for RunId {
    fn from(text: S) -> Self {
        Self(Arc::from(text.as_ref()))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Who did something, as far as this host and AWS know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The local user's name.
    pub user: Option<String>,
    /// The local user's number.
    pub uid: Option<u32>,
    /// This host's name.
    pub host: Option<String>,
    /// Where an SSH session came from (`SSH_CONNECTION`'s first field).
    pub from: Option<String>,
    /// The ARN that AWS knows the caller by.
    pub arn: Option<String>,
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// It goes on by itself.
    Running,
    /// It waits for a word.
    Held {
        /// Why.
        reason: HoldReason,
        /// The case, in a sentence.
        because: String,
    },
    /// All steps are done.
    Done,
    /// Stopped for good; traffic stays as it is.
    Aborted,
    /// Ended by a rollback.
    RolledBack {
        /// The run that rolled it back.
        by: RunId,
    },
    /// It could not go on, and nothing of it is left to go on with.
    Failed {
        /// Why, in a sentence.
        because: String,
    },
}

impl RunState {
    /// Whether nothing more will come.
    pub fn is_over(&self) -> bool {
        !matches!(self, Self::Running | Self::Held { .. })
    }
}

/// Why a run holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HoldReason {
    /// A gate of the plan.
    Gate,
    /// The operator asked, or a signal came.
    Asked,
    /// A fact no longer holds.
    FactBroken,
    /// A fact or a guard cannot be known.
    Unknown,
    /// A guard turned to Block.
    Guard,
    /// What the step waits for did not come in time.
    TooLong,
    /// AWS refused the call.
    Denied,
    /// The call failed otherwise.
    Failed,
    /// The credentials expire or have expired.
    Credentials,
    /// The lock is no longer ours.
    LockLost,
    /// The journal could not be written.
    Journal,
}

/// What is asked of a run over its control socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Finish the step, then hold.
    Hold,
    /// Go on (past a gate too).
    Resume,
    /// No further traffic step; unpin, unlock, end.
    Abort,
    /// Let a guard not stand in the way for the rest of the run; only of one that holds.
    Override {
        /// The guard.
        guard: GuardName,
        /// Why.
        reason: String,
    },
}

/// Where a step stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStanding {
    /// When it began.
    pub began: Option<Timestamp>,
    /// When its mutation was sent for the last time.
    pub sent: Option<Timestamp>,
    /// When it was done.
    pub done: Option<Timestamp>,
    /// What it waits for now, in words.
    pub waiting_for: Vec<String>,
    /// AWS's request ids, one an attempt.
    pub requests: Vec<String>,
    /// It will not be carried out, or not to its end: the run turned back before it, or is over.
    #[serde(default)]
    pub skipped: bool,
}

/// A run as its journal tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its plan.
    pub plan: Plan,
    /// Who started it.
    pub by: Who,
    /// When it was started.
    pub started: Timestamp,
    /// When it last said something.
    pub last: Timestamp,
    /// Where it stands.
    pub state: RunState,
    /// Where each step stands, in the plan's order.
    pub steps: Vec<StepStanding>,
    /// The step it is at, from 1; `None` before the first and after the last.
    pub at_step: Option<u32>,
    /// The lock's id while it is held.
    pub lock: Option<String>,
    /// The guards as they last stood.
    #[serde(default)]
    pub guards: Vec<GuardReport>,
    /// The call that AWS throttles now, where it does: a state to be seen, not a fault.
    #[serde(default)]
    pub throttled: Option<String>,
    /// Pins that were let go because the run was held too long, in words.
    #[serde(default)]
    pub pins_released: Option<String>,
    /// Whether the nodes that it drained may be stopped, and what was seen of each.
    #[serde(default)]
    pub safe_to_stop: Vec<(InstanceId, SafeToStop)>,
}

impl Run {
    /// What it has written of the traffic, so that nobody takes it for a stranger's.
    pub fn writes(&self) -> Vec<OwnWrite> {
        let steps = self.plan.steps.iter().zip(&self.steps);
        let sent = steps.filter_map(|(step, of)| {
            let StepAction::Change(mutation) = &step.action else { return None };
            let sent = of.sent?;
            // A call that was made again was sent for the first time no later than its step began.
            let sent = of.began.map_or(sent, |began| began.min(sent));
            Some((mutation, sent, of.done.unwrap_or(self.last).max(sent)))
        });
        let write = |(mutation, sent, until): (&Mutation, _, _)| {
            let what = match mutation {
                Mutation::Forward { action: ActionId { listener, rule: None }, to } => {
                    Written::Listener(listener.clone(), to.clone())
                }
                Mutation::AttachTargetGroups { group, .. }
                | Mutation::DetachTargetGroups { group, .. } => Written::Group(group.clone()),
                _ => return None,
            };
            Some(OwnWrite { what, sent, until })
        };
        sent.filter_map(write).collect()
    }
}
