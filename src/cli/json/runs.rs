//! Runs as machines read them: `runs` is a list of these, `run show` is one with its steps.

use super::{Head, stamp, stamped};
use crate::cli::run_words::action;
use crate::core::ids::InstanceId;
use crate::core::plan::Verb;
use crate::core::rings::SafeToStop;
use crate::core::run::journal::{Entry, Outcome};
use crate::core::run::{Line, Run, RunState, Who};
use crate::exec::process::{approved, plan_so_far};
use crate::exec::start::Standing;
use jiff::Timestamp;
use serde::Serialize;

/// What `runs -o json` says.
#[derive(Clone, Debug, Serialize)]
pub(in crate::cli) struct RunsView {
    #[serde(flatten)]
    pub head: Head,
    pub runs: Vec<RunView>,
}

/// What `run show -o json` says.
#[derive(Clone, Debug, Serialize)]
pub(in crate::cli) struct OneRunView {
    #[serde(flatten)]
    pub head: Head,
    pub run: RunView,
    pub steps: Vec<StepView>,
    /// Of a drain: whether its nodes may be stopped.
    pub safe_to_stop: Vec<StopView>,
    /// What an operator must know beside its steps, in sentences.
    pub notes: Vec<String>,
}

/// Whether a node may be stopped, why, and what gets it there.
#[derive(Clone, Debug, Serialize)]
pub(in crate::cli) struct StopView {
    pub instance_id: String,
    #[serde(flatten)]
    pub told: SafeToStop,
}

impl StopView {
    /// What the journal says of each node, as it was said last.
    pub fn all(lines: &[Line]) -> Vec<Self> {
        let last = lines.iter().rev().find_map(|line| match &line.entry {
            Entry::SafeToStop { nodes } => Some(nodes),
            _ => None,
        });
        let view = |(id, told): &(InstanceId, SafeToStop)| Self {
            instance_id: id.to_string(),
            told: told.clone(),
        };
        last.into_iter().flatten().map(view).collect()
    }
}

/// A run in short.
#[derive(Clone, Debug, Serialize)]
pub(in crate::cli) struct RunView {
    pub id: String,
    pub verb: Option<Verb>,
    pub giving: Option<String>,
    pub receiving: Option<String>,
    #[serde(flatten)]
    pub state: StateView,
    pub at_step: Option<u32>,
    pub steps_total: usize,
    pub started: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub by: Who,
    pub lock: Option<String>,
}

/// How it stands.
#[derive(Clone, Debug, Serialize)]
pub(in crate::cli) struct StateView {
    #[serde(flatten)]
    pub state: RunState,
    /// Whether a process carries it out.
    pub alive: bool,
}

/// A step and how it stands.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::cli) struct StepView {
    pub number: u32,
    pub title: String,
    pub action: String,
    pub began: Option<Timestamp>,
    pub sent: Option<Timestamp>,
    pub done: Option<Timestamp>,
    /// Nobody will carry it out any more, or not to its end.
    pub skipped: bool,
    pub at_least_seconds: u64,
    pub limit_seconds: u64,
    pub requests: Vec<String>,
}

/// How a run stands by its journal alone.
pub(in crate::cli) fn written_state(lines: &[Line]) -> RunState {
    use crate::core::run::journal::End;
    let mut state = RunState::Running;
    for line in lines {
        match &line.entry {
            Entry::Held { reason, because } => {
                state = RunState::Held { reason: *reason, because: because.clone() };
            }
            Entry::GoesOn | Entry::Asked { ask: crate::core::run::Ask::Abort, .. } => {
                state = RunState::Running;
            }
            Entry::Ended { end } => {
                state = match end.clone() {
                    End::Done => RunState::Done,
                    End::Aborted => RunState::Aborted,
                    End::RolledBack { by } => RunState::RolledBack { by },
                    End::Failed { because } => RunState::Failed { because },
                };
            }
            _ => {}
        }
    }
    state
}

impl RunView {
    /// What its journal says, and whether anybody carries it out.
    pub fn of(id: String, lines: &[Line], standing: Standing) -> Self {
        let plan = approved(lines);
        let steps = StepView::all(lines);
        let lock = lines.iter().fold(None, |held, line| match &line.entry {
            Entry::Locked { token, .. } => Some(token.clone()),
            Entry::Unlocking { .. } | Entry::Unlocked { .. } => None,
            _ => held,
        });
        let open = |step: &&StepView| step.began.is_some() && step.done.is_none() && !step.skipped;
        Self {
            id,
            verb: plan.as_ref().map(|approved| approved.plan.intent.verb()),
            giving: plan.as_ref().and_then(|of| of.plan.giving.as_ref().map(ToString::to_string)),
            receiving: plan
                .as_ref()
                .and_then(|of| of.plan.receiving.as_ref().map(ToString::to_string)),
            at_step: steps.iter().rfind(open).map(|step| step.number),
            steps_total: steps.len(),
            started: stamped(lines.first().map(|line| line.at)),
            last: stamped(lines.last().map(|line| line.at)),
            by: plan.map(|approved| approved.by).unwrap_or_default(),
            lock,
            state: StateView { state: standing.state, alive: standing.alive },
        }
    }
}

impl StepView {
    /// The plan's steps with what the journal says of each.
    pub fn all(lines: &[Line]) -> Vec<Self> {
        let Some(plan) = plan_so_far(lines) else { return Vec::new() };
        let mut steps: Vec<Self> = plan
            .steps
            .iter()
            .map(|step| Self {
                number: step.number,
                title: step.title.clone(),
                action: action(&step.action),
                at_least_seconds: step.at_least.as_secs(),
                limit_seconds: step.limit.as_secs(),
                ..Self::default()
            })
            .collect();
        for line in lines {
            let at = Some(stamp(line.at));
            let (number, entry) = match &line.entry {
                Entry::StepBegan { step }
                | Entry::Intent { step, .. }
                | Entry::Outcome { step, .. }
                | Entry::StepDone { step } => (*step, &line.entry),
                _ => continue,
            };
            let Some(step) = steps.iter_mut().find(|step| step.number == number) else { continue };
            match entry {
                Entry::StepBegan { .. } => step.began = step.began.or(at),
                Entry::Intent { .. } => step.sent = at,
                Entry::Outcome { outcome, .. } => match outcome {
                    Outcome::Accepted { request, .. } | Outcome::Refused { request, .. } => {
                        step.requests.extend(request.clone());
                    }
                    Outcome::AlreadyDone => {}
                },
                _ => step.done = at,
            }
        }
        let run = Run::fold(lines);
        for (step, standing) in steps.iter_mut().zip(run.iter().flat_map(|run| &run.steps)) {
            step.skipped = standing.skipped;
        }
        steps
    }
}
