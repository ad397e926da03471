//! What the engine answers: plans, runs that were started, everything that runs say.

use super::{Answer, Review, Seen, Stage, Trouble};
use crate::app::layer::Layer;
use crate::app::model::Model;
use crate::app::navigate;
use crate::app::notice::NoticeKind;
use crate::app::screen::ScreenKind;
use crate::core::run::{Ask, HoldReason, Run, RunId, RunState};
use std::sync::Arc;

/// Takes in an answer.
pub(in crate::app) fn take(model: &mut Model, answer: Answer) {
    match answer {
        Answer::Planned { number, outcome } => {
            let stage = match outcome {
                Ok(plan) => Stage::Ready(plan),
                Err(refusal) => Stage::Refused(refusal),
            };
            // An answer to a review that was given up, or asked for again, is nobody's.
            if let Some(review) = review(model, number) {
                review.stage = stage;
                review.scroll = 0;
            }
        }
        Answer::Started { number, outcome } => started(model, number, outcome),
        Answer::Told { run, ask, outcome } => told(model, &run, &ask, outcome),
        Answer::Run(seen) => run(model, seen),
    }
}

fn review(model: &mut Model, number: u64) -> Option<&mut Review> {
    model.layers.iter_mut().find_map(|layer| match layer {
        Layer::Review(review) if review.number == number => Some(&mut **review),
        _ => None,
    })
}

fn started(model: &mut Model, number: u64, outcome: Result<RunId, Trouble>) {
    match outcome {
        Ok(run) => {
            model.operation.marks.clear();
            model.notices.say(model.now, NoticeKind::Info, format!("Run {run} has started."));
            if review(model, number).is_some() {
                navigate::enter(model, ScreenKind::Run(run));
            }
        }
        Err(trouble) => {
            let text = format!("{} {}", trouble.what, trouble.next);
            model.notices.say(model.now, NoticeKind::Warning, text);
            if let Some(review) = review(model, number)
                && let Stage::Starting(plan) = &review.stage
            {
                review.stage = Stage::NotStarted(Arc::clone(plan), trouble);
            }
        }
    }
}

fn told(model: &mut Model, run: &RunId, ask: &Ask, outcome: Result<(), Trouble>) {
    let (kind, text) = match (outcome, ask) {
        (Ok(()), Ask::Hold) => (NoticeKind::Info, format!("Run {run} holds after this step.")),
        (Ok(()), Ask::Resume) => (NoticeKind::Info, format!("Run {run} goes on.")),
        (Ok(()), Ask::Override { guard, .. }) => {
            (NoticeKind::Info, format!("Run {run}: {guard} is overridden."))
        }
        (Ok(()), Ask::Abort) => (NoticeKind::Info, format!("Run {run} is being aborted.")),
        (Err(trouble), _) => (NoticeKind::Warning, format!("{} {}", trouble.what, trouble.next)),
    };
    model.notices.say(model.now, kind, text);
}

/// What a run of ours writes is remembered, so that it is not taken for a change from outside.
fn own_writes(model: &mut Model, run: &Run) {
    if model.is_elsewhere(run) {
        return;
    }
    let writes = run.writes();
    // The inventory may be shared with a join that is under way: it is not copied for nothing.
    if writes.iter().any(|write| !model.inventory.memory.knows(write)) {
        Arc::make_mut(&mut model.inventory).memory.wrote(writes);
    }
}

/// A run said something. What an operator must not miss is said on every screen.
fn run(model: &mut Model, seen: Arc<Seen>) {
    let id = seen.run.id.clone();
    let before = model.operation.runs.get(&id).cloned();
    let was = before.as_ref().map(|before| &before.run.state);
    let changed = was != Some(&seen.run.state);
    let left = seen.is_left() && !before.as_ref().is_some_and(|before| before.is_left());
    // What was over before this console began is history.
    let told = changed && (before.is_some() || !seen.run.state.is_over());
    if left {
        let text = format!("Run {id} is not over, and no process carries it out: see Runs.");
        model.notices.say(model.now, NoticeKind::Warning, text);
    } else if told {
        let kind = match &seen.run.state {
            RunState::Running | RunState::Done => NoticeKind::Info,
            RunState::Held { reason: HoldReason::Asked, .. } => NoticeKind::Info,
            _ => NoticeKind::Warning,
        };
        let text = format!("Run {id}: {}.", seen.run.state.sentence());
        model.notices.say(model.now, kind, text);
    }
    own_writes(model, &seen.run);
    model.operation.runs.insert(id.clone(), seen);
    if matches!(model.screen().kind, ScreenKind::Runs | ScreenKind::Run(_)) {
        navigate::refresh(model);
    }
    if model.screen().kind == ScreenKind::Run(id) {
        navigate::follow(model, before.and_then(|before| before.run.at_step));
    }
}
