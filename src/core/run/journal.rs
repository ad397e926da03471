//! The journal's lines. Each carries the hash of the line before it, so that a line that was
//! changed, lost or put in is found; what a run did is told by these and nothing else.

use super::{Ask, HoldReason, RunId, Who};
use crate::core::ids::InstanceId;
use crate::core::plan::{Answer, ApprovedPlan, Claim, GuardReport, LockScope, Mutation, Plan};
use crate::core::rings::SafeToStop;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A line: what was noted, when, and the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// From 1, without a gap.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The hash of the line before; of the first, the hash of nothing.
    pub before: String,
    /// What.
    #[serde(flatten)]
    pub entry: Entry,
    /// SHA-256 over this line without this field, as hexadecimal digits.
    pub hash: String,
}

/// What may be noted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// The run was made: its plan, who wanted it and why.
    Opened {
        /// The run.
        run: RunId,
        /// The plan as approved.
        approved: Box<ApprovedPlan>,
        /// The version of the program.
        version: String,
        /// The rules that the program keeps (`rules::VERSION`); 0 in journals older than the field.
        #[serde(default)]
        rules: u32,
    },
    /// A process took the run up (again).
    TakenUp {
        /// By whom.
        by: Who,
        /// Its process id, for the reader only.
        pid: u32,
    },
    /// A torn last line was cut off.
    Cut {
        /// Bytes.
        bytes: u64,
    },
    /// A step began.
    StepBegan {
        /// Its number.
        step: u32,
    },
    /// A mutation is about to be sent. Written and synced before the call.
    Intent {
        /// The step.
        step: u32,
        /// From 1.
        attempt: u32,
        /// What.
        mutation: Mutation,
    },
    /// What came of it. Written and synced after the call.
    Outcome {
        /// The step.
        step: u32,
        /// As in the intent.
        attempt: u32,
        /// What came.
        outcome: Outcome,
    },
    /// What was seen, on which a wait or a hold was decided.
    Seen {
        /// The step.
        step: u32,
        /// Each claim that was asked, and the answer.
        answers: Vec<(Claim, Answer)>,
    },
    /// Guards as they stand, when they changed.
    Guards {
        /// The step.
        step: u32,
        /// All of them.
        reports: Vec<GuardReport>,
    },
    /// A step is done.
    StepDone {
        /// Its number.
        step: u32,
    },
    /// A lock was taken.
    Locked {
        /// The service's id: the fencing token.
        token: String,
        /// What it is held on. Journals of older versions know one lock and do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<LockScope>,
    },
    /// The lock of another run is about to be removed. Written and synced before the call.
    TakingOver {
        /// The service's id.
        token: String,
        /// Whose it is, as its record says.
        from: String,
    },
    /// Somebody who was to be told of the run was not.
    NotTold {
        /// Of what.
        event: String,
        /// Why.
        because: String,
    },
    /// The rollback record is whole in Cloud Map, written and read back: another host can undo
    /// whatever comes from here on.
    Recorded {
        /// Its services, in order.
        services: Vec<String>,
        /// Its checksum.
        checksum: String,
    },
    /// The rollback record is about to be deleted. Written and synced before the call.
    DroppingRecord {
        /// Its services, in order.
        services: Vec<String>,
    },
    /// The lock is about to be given back. Written and synced before the call.
    Unlocking {
        /// The service's id.
        token: String,
    },
    /// The lock was given back.
    Unlocked {
        /// The service's id.
        token: String,
    },
    /// AWS throttles; the run backs off and stays on the step.
    Throttled {
        /// The step.
        step: u32,
        /// The call.
        call: String,
    },
    /// It holds.
    Held {
        /// Why.
        reason: HoldReason,
        /// The case, in a sentence.
        because: String,
    },
    /// Somebody asked something of it.
    Asked {
        /// What.
        ask: Ask,
        /// Who.
        by: Who,
    },
    /// It goes on.
    GoesOn,
    /// Its process ended while it was held; whoever speaks to it next starts another.
    ProcessEnded {
        /// Why.
        because: String,
    },
    /// Something that another version notes and this one does not know.
    Unknown {
        /// What that version calls it.
        name: String,
    },
    /// Pins were let go because the run was held too long.
    PinsReleased {
        /// Of which groups, in words.
        what: String,
    },
    /// Things turned bad while shifted: it goes back by itself, as its plan says.
    TurnedBack {
        /// What turned bad.
        because: String,
        /// The way back; its steps are numbered on from those of the plan.
        plan: Box<Plan>,
    },
    /// Whether the nodes that were drained may be stopped.
    SafeToStop {
        /// Each of them, and what was seen.
        nodes: Vec<(InstanceId, SafeToStop)>,
    },
    /// It is over.
    Ended {
        /// How.
        end: End,
    },
}

/// What came of a mutation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// AWS took it.
    Accepted {
        /// AWS's request id.
        request: Option<String>,
        /// The id of the operation to follow, where it is asynchronous.
        operation: Option<String>,
    },
    /// The world shows that an earlier attempt had been taken: it was not sent again.
    AlreadyDone,
    /// AWS refused it, or it could not be sent.
    Refused {
        /// The kind of error.
        kind: crate::core::error::ErrorKind,
        /// AWS's words.
        message: String,
        /// AWS's request id.
        request: Option<String>,
    },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// All steps are done.
    Done,
    /// Aborted.
    Aborted,
    /// Rolled back by another run.
    RolledBack {
        /// Which.
        by: RunId,
    },
    /// It could not go on.
    Failed {
        /// Why.
        because: String,
    },
}
