//! Acting from the console: what may be done here, what is asked about, what is being done. Keys
//! plan and typing approves; what is approved goes to the engine as an effect, and everything that a
//! run does comes back as an event. Nothing here changes the world.

mod approve;
mod ask;
pub(super) mod choose;
mod news;

pub use approve::arms;
pub(super) use approve::{approve, arm, armed, disarm};
pub(super) use ask::{abort, go_on, hold};
pub(super) use choose::{drop_marks, mark, plan_for, plan_of_words, run_named};
pub(super) use news::take;

use super::field::TextField;
use super::model::Model;
use crate::core::ids::InstanceId;
use crate::core::plan::{Plan, Refusal, Request, Verb, good_for};
use crate::core::run::{Ask, Run, RunId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Arming lasts so long (safety.md, Armed or not), by a person's time: where the world's clock runs
/// fast, so many times as long by it.
pub const ARMED_FOR: Duration = Duration::from_secs(15 * 60);

/// What may be done, and what is being done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Whether plans may be approved at all: `--operate`, or a context with `mode = "operate"`.
    pub allowed: bool,
    /// Until when plans may be approved.
    pub armed_until: Option<Timestamp>,
    /// Nodes that are marked for the next plan.
    pub marks: BTreeSet<InstanceId>,
    /// The runs of this host's state directory.
    pub runs: BTreeMap<RunId, Arc<Seen>>,
    /// How many plans have been asked for: the number of the latest.
    pub asked: u64,
}

impl Operation {
    /// Whether plans may be approved now.
    pub fn is_armed(&self, now: Timestamp) -> bool {
        self.allowed && self.armed_until.is_some_and(|until| now < until)
    }

    /// Whether this plan may be approved now. The way back of a run needs no armed console: what it
    /// takes back was approved (safety.md, Armed or not).
    pub fn may_approve(&self, plan: &Plan, now: Timestamp) -> bool {
        self.is_armed(now) || plan.intent.verb() == Verb::Rollback
    }
}

/// A run, and whether its process lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// What its journal tells.
    pub run: Run,
    /// Whether a process is carrying it out.
    pub alive: bool,
}

impl Seen {
    /// Whether it was left behind: not over, and nobody carries it out.
    pub fn is_left(&self) -> bool {
        !self.alive && !self.run.state.is_over()
    }
}

/// Something that could not be done, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What, in a sentence.
    pub what: String,
    /// The next thing to do, in a sentence.
    pub next: String,
}

/// What the engine answers to an effect of this part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A plan that was asked for, made from a fresh look at the world.
    Planned {
        /// The number it was asked for with.
        number: u64,
        /// The plan, or why there is none.
        outcome: Result<Arc<Plan>, Refusal>,
    },
    /// A run that was to be started.
    Started {
        /// The number of its plan.
        number: u64,
        /// The run, or why there is none.
        outcome: Result<RunId, Trouble>,
    },
    /// Something was asked of a run.
    Told {
        /// The run.
        run: RunId,
        /// What.
        ask: Ask,
        /// Whether it took it.
        outcome: Result<(), Trouble>,
    },
    /// A run said something, or its process began or ended.
    Run(Arc<Seen>),
}

/// A plan that is being looked at, before it is approved or given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The number it was asked for with.
    pub number: u64,
    /// What was asked for.
    pub request: Request,
    /// How far it is.
    pub stage: Stage,
    /// The first line that is shown.
    pub scroll: usize,
    /// What is typed to approve it.
    pub field: TextField,
}

/// How far a review is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The world is being read for it.
    Reading,
    /// It stands to be approved.
    Ready(Arc<Plan>),
    /// There is none.
    Refused(Refusal),
    /// It was approved, and its run is being started.
    Starting(Arc<Plan>),
    /// Its run could not be started.
    NotStarted(Arc<Plan>, Trouble),
}

impl Stage {
    /// The plan, where there is one.
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Ready(plan) | Self::Starting(plan) | Self::NotStarted(plan, _) => Some(plan),
            Self::Reading | Self::Refused(_) => None,
        }
    }
}

/// Whether a plan is too old to be approved.
pub fn is_too_old(plan: &Plan, model: &Model) -> bool {
    crate::core::observed::age(plan.made_at, model.now) > good_for(model.place.times)
}
