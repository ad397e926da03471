//! The course of a run: steps, gates, holds, the end.

use super::{Checker, Rule, Verdict, require};
use crate::core::plan::{OnRegression, Plan, StepAction};
use crate::core::run::HoldReason;
use crate::core::run::journal::End;

impl Checker {
    pub(super) fn began(&mut self, number: u32) -> Verdict {
        let order = |why: &str| (Rule::StepsInOrder, format!("step {number} {why}"));
        require(self.held.is_none(), Rule::StillWhileHeld, || format!("step {number} begins"))?;
        require(!self.aborting, Rule::NoTrafficInAnAbort, || format!("step {number} begins"))?;
        let steps = self.active().map(|plan| plan.steps.as_slice()).unwrap_or_default();
        let Some(place) = steps.iter().position(|step| step.number == number) else {
            return Err(order("is not in the plan"));
        };
        // On the way back every listener is tried, also after one that failed.
        let passable = |number: &u32| {
            self.done.contains(number) || self.goes_back() && self.began.contains(number)
        };
        if let Some(open) = steps[..place].iter().find(|step| !passable(&step.number)) {
            return Err(order(&format!("begins before step {} is done", open.number)));
        }
        if !self.began.insert(number) {
            return Err(order("begins again"));
        }
        Ok(())
    }

    pub(super) fn done(&mut self, number: u32) -> Verdict {
        let done = |why: &str| (Rule::DoneMeansDone, format!("step {number} {why}"));
        require(self.held.is_none(), Rule::StillWhileHeld, || format!("step {number} is done"))?;
        let Some(step) = self.step(number) else { return Err(done("is not in the plan")) };
        if !self.began.contains(&number) {
            return Err(done("had not begun"));
        }
        if self.open.as_ref().is_some_and(|open| open.step == number) {
            return Err(done("has a call without an outcome"));
        }
        match &step.action {
            StepAction::Lock if self.locks.len() < self.locks_needed() => {
                return Err(done("took no lock"));
            }
            StepAction::Change(_) if !self.sent.contains(&number) && !self.goes_back() => {
                return Err(done("changed nothing"));
            }
            StepAction::Gate(_) if !self.passed.contains(&number) => {
                let why = format!("step {number} was resumed by nobody");
                return Err((Rule::GatesByAPerson, why));
            }
            StepAction::Unlock if !self.locks.is_empty() => {
                return Err(done("gave no lock back"));
            }
            _ => {}
        }
        self.done.insert(number);
        Ok(())
    }

    pub(super) fn goes_on(&mut self) -> Verdict {
        let held = self.held.take();
        require(held.is_some() && self.word, Rule::GoesOnByAWord, || {
            if held.is_some() { "nobody asked for it" } else { "it was not held" }.to_owned()
        })?;
        if held == Some(HoldReason::Gate) {
            let at = self.began.iter().filter(|number| !self.done.contains(number));
            self.passed.extend(at.copied().collect::<Vec<_>>());
        }
        self.word = false;
        Ok(())
    }

    pub(super) fn turned_back(&mut self, plan: &Plan) -> Verdict {
        let says = self.plan.as_ref().map(|plan| plan.options.on_regression);
        let may = self.back.is_none() && says == Some(OnRegression::Rollback);
        require(may && self.held.is_none(), Rule::TurnsBackOnce, || "it may not".to_owned())?;
        self.back = Some(Box::new(plan.clone()));
        Ok(())
    }

    pub(super) fn end(&mut self, end: &End) -> Verdict {
        let unclean = |why: String| Err((Rule::EndsClean, why));
        let own_end = matches!(end, End::Done) || self.back.is_some();
        let undone = self.active().into_iter().flat_map(|plan| &plan.steps);
        let undone = undone.map(|step| step.number).find(|number| !self.done.contains(number));
        match (end, undone) {
            (End::RolledBack { .. }, _) if self.back.is_none() => {}
            (End::Failed { .. }, _) => {}
            (End::Done | End::RolledBack { .. }, Some(step)) if own_end => {
                return unclean(format!("step {step} is not done"));
            }
            (End::Aborted, _) if !self.aborting => {
                return unclean("nobody aborted it".to_owned());
            }
            _ if self.open.is_some() => {
                return unclean("a call has no outcome".to_owned());
            }
            _ if !self.locks.is_empty() => {
                return unclean("the lock is held".to_owned());
            }
            _ => {}
        }
        self.ended = true;
        Ok(())
    }
}
