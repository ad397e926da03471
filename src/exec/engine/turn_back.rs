//! `--on-regression rollback`: what turns bad while traffic is shifted makes the run go back by
//! itself, because its plan said so. The way back is planned by the planner of every rollback, from
//! this run's own journal, and stands in the journal before its first step.

use super::{Engine, Flow, Stop};
use crate::core::plan::check::guard_reads;
use crate::core::plan::{Context, Intent, OnRegression, Options, Request, Step, StepAction, plan};
use crate::core::run::journal::Entry;
use crate::core::run::{HoldReason, Run};
use crate::exec::state::RunDir;

impl Engine {
    /// What a stop of a shift or of a bake comes to: the hold that it is, or the way back.
    pub(super) fn turned(&self, step: &Step, stop: Stop) -> Stop {
        use HoldReason::{FactBroken, Guard, Unknown};
        let plan = &self.approved.plan;
        let sent = |one: &Step| one.shifting && self.ledger.sent.contains_key(&one.number);
        let goes_back = step.shifting
            && self.ledger.back.is_none()
            && plan.options.on_regression == OnRegression::Rollback
            && plan.steps.iter().any(sent);
        match stop {
            Stop::Hold(Guard | Unknown | FactBroken, because) if goes_back => {
                Stop::TurnBack(because)
            }
            other => other,
        }
    }

    /// Plans the way back and notes it; from then on it is what this run carries out.
    pub(super) async fn turn_back(&mut self, because: String) -> Flow<()> {
        // What can be read is read; what cannot be is taken from the journal.
        let needs = self.eye.show(|picture| guard_reads(self.plan(), picture));
        self.eye.look(&needs).await;
        let hold = |why: String| {
            Stop::Hold(
                HoldReason::Guard,
                format!("{because}; it was to go back by itself, and cannot: {why}"),
            )
        };
        let told = RunDir::find(&self.settings.state_dir, self.run.as_str())
            .map_err(|error| hold(error.to_string()))?
            .told()
            .map_err(|error| hold(error.to_string()))?;
        let approved = &self.approved.plan.options;
        let options = Options {
            min_healthy: approved.min_healthy,
            max_hold: approved.max_hold,
            reason: Some(because.clone()),
            ..Options::default()
        };
        let request = Request { intent: Intent::Rollback { run: self.run.clone() }, options };
        let context = Context {
            region: self.aws.region.clone(),
            who: self.approved.by.clone(),
            runs: Run::fold(&told.lines).into_iter().collect(),
            ..Context::default()
        };
        let planned = self.eye.show(|picture| plan(picture, &request, &context));
        let mut back = planned.map_err(|refusal| hold(refusal.why))?;
        // The lock is ours already.
        back.steps.retain(|step| step.action != StepAction::Lock);
        let from = self.approved.plan.steps.iter().map(|step| step.number).max();
        for (number, step) in (from.unwrap_or_default() + 1..).zip(&mut back.steps) {
            step.number = number;
        }
        self.note(Entry::TurnedBack { because, plan: Box::new(back) })?;
        self.last_guards.clear();
        Ok(())
    }
}
