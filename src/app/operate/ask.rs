//! What is asked of a run: hold, go on, abort, roll back. Going on changes more, so it needs an armed
//! console; the others do not, because stopping a run must always be possible.

use super::approve::not_armed;
use crate::app::effect::Effect;
use crate::app::field::TextField;
use crate::app::layer::{Answering, Dialog};
use crate::app::model::Model;
use crate::app::notice::NoticeKind;
use crate::app::screen::{RowId, ScreenKind};
use crate::core::run::{Ask, HoldReason, Run, RunId, RunState};

/// Asks whether the run is to hold.
pub(in crate::app) fn hold(model: &mut Model) {
    let Some(run) = selected(model) else { return };
    if run.state.is_over() {
        return over(model, &run);
    }
    let lines = vec!["It finishes the step it is at, then waits.".to_owned()];
    ask(model, &run.id, ("Hold", Ask::Hold), (lines, Answering::YesNo));
}

/// Asks whether the run is to go on.
pub(in crate::app) fn go_on(model: &mut Model) {
    let Some(run) = selected(model) else { return };
    if is_out_of_reach(model, &run) {
        return;
    }
    let lines = match &run.state {
        RunState::Held { reason: HoldReason::Gate, because } => {
            vec![format!("It waits at its {because}."), "It goes on with the next step.".to_owned()]
        }
        RunState::Held { because, .. } => {
            let next = "It reads the world afresh, and holds again where that has not changed.";
            vec![format!("It holds: {because}"), next.to_owned()]
        }
        // Its process may have died: then going on means taking it up again.
        RunState::Running => vec!["Its process is started again if it has died.".to_owned()],
        _ => return over(model, &run),
    };
    if !model.operation.may_approve(&run.plan, model.now) {
        let why = not_armed(model);
        model.notices.say(model.now, NoticeKind::Warning, why);
        return;
    }
    ask(model, &run.id, ("Go on with", Ask::Resume), (lines, Answering::YesNo));
}

/// Asks whether the run is to be aborted.
pub(in crate::app) fn abort(model: &mut Model) {
    let Some(run) = selected(model) else { return };
    if run.state.is_over() {
        return over(model, &run);
    }
    if is_out_of_reach(model, &run) {
        return;
    }
    let name = run.plan.giving.as_ref().map_or_else(|| run.id.to_string(), ToString::to_string);
    let lines = vec![
        "No further step is taken, what it suspended is resumed, the lock is given back."
            .to_owned(),
        "Traffic stays as it is now. To take it back, roll back instead.".to_owned(),
    ];
    let answer = Answering::TypeName { name, field: TextField::default() };
    ask(model, &run.id, ("Abort", Ask::Abort), (lines, answer));
}

fn ask(
    model: &mut Model,
    run: &RunId,
    (verb, ask): (&str, Ask),
    (lines, answer): (Vec<String>, Answering),
) {
    let title = format!("{verb} run {run}?");
    let then = Effect::Tell { run: run.clone(), ask };
    model.ask(Dialog { title, lines, answer, then });
}

/// A run without a process would be taken up by one that looks at this place, and it is about
/// another. One that has its process is heard from everywhere.
fn is_out_of_reach(model: &mut Model, run: &Run) -> bool {
    let alive = model.operation.runs.get(&run.id).is_some_and(|seen| seen.alive);
    let reached = alive || !model.is_elsewhere(run);
    if !reached {
        let (account, region) = (&run.plan.account, &run.plan.region);
        let text = format!(
            "Run {} is of {region} {account}, and its process has died: go to its context first.",
            run.id
        );
        model.notices.say(model.now, NoticeKind::Warning, text);
    }
    !reached
}

fn selected(model: &mut Model) -> Option<Run> {
    let id = match (&model.screen().kind, model.screen().list.selected()) {
        (ScreenKind::Run(id), _) | (_, Some(RowId::Run(id))) => Some(id.clone()),
        _ => None,
    };
    let seen = id.and_then(|id| model.operation.runs.get(&id));
    let run = seen.map(|seen| seen.run.clone());
    if run.is_none() {
        model.notices.say(model.now, NoticeKind::Info, "Select a run first.");
    }
    run
}

fn over(model: &mut Model, run: &Run) {
    let text = format!("Run {} is over: {}.", run.id, run.state.word());
    model.notices.say(model.now, NoticeKind::Info, text);
}
