//! Mutations: what may be sent when, and what came of it.

use super::super::needs_record;
use super::{Checker, Open, Rule, Shares, Verdict, require};
use crate::core::plan::{Mutation, StepAction};
use crate::core::run::journal::Outcome;

impl Checker {
    pub(super) fn intent(&mut self, (step, attempt): (u32, u32), mutation: &Mutation) -> Verdict {
        let what = mutation.permission();
        let open = self.open.as_ref().map(|open| (open.step, open.attempt));
        require(open.is_none(), Rule::OneIntentAtATime, || {
            let (step, attempt) = open.unwrap_or_default();
            format!("{what} while try {attempt} of step {step} has no outcome")
        })?;
        let held = self.locks.len() >= self.locks_needed() && self.unlocking.is_empty();
        require(held, Rule::LockFirst, || format!("{what} without the lock"))?;
        let next = self.attempts.get(&step).copied().unwrap_or_default() + 1;
        require(attempt == next, Rule::AttemptsInOrder, || {
            format!("try {attempt} of step {step}, where {next} is next")
        })?;
        self.may_be_sent_now(step, mutation)?;
        let needs = self.needs_the_record() && needs_record(mutation);
        require(!needs || self.recorded, Rule::RecordFirst, || format!("{what} without it"))?;
        self.attempts.insert(step, attempt);
        let in_hold = self.held.is_some() && !self.aborting;
        self.open = Some(Open { step, attempt, mutation: mutation.clone(), in_hold });
        Ok(())
    }

    fn may_be_sent_now(&self, step: u32, mutation: &Mutation) -> Verdict {
        let what = mutation.permission();
        let resumes = matches!(mutation, Mutation::Resume { .. });
        if self.aborting {
            return require(resumes, Rule::NoTrafficInAnAbort, || what.to_owned());
        }
        require(self.held.is_none() || resumes, Rule::StillWhileHeld, || what.to_owned())?;
        let Some(of) = self.step(step) else {
            return Err((Rule::OnlyWhatIsPlanned, format!("{what}: there is no step {step}")));
        };
        let own = of.action == StepAction::Change(mutation.clone());
        let takes_back = of.undo.as_ref() == Some(mutation);
        // A way back writes what is right when it writes it, where the plan says that it writes.
        let same_call =
            matches!(&of.action, StepAction::Change(planned) if about(planned, mutation));
        let planned = own || takes_back || self.goes_back() && same_call || self.lets_go(mutation);
        require(planned || self.pins_again(mutation), Rule::OnlyWhatIsPlanned, || {
            format!("{what} is not what step {step} does")
        })?;
        if self.pins_again(mutation) || self.lets_go(mutation) && !own {
            return Ok(());
        }
        let at_it = self.began.contains(&step) && !self.done.contains(&step);
        require(at_it, Rule::StepsInOrder, || format!("{what}: step {step} is not under way"))?;
        let again = self.sent.contains(&step) && !takes_back;
        require(!again, Rule::NothingTwice, || format!("{what} of step {step} was carried out"))
    }

    /// Whether a mutation resumes what this run has suspended, or a rollback what its old run has.
    fn lets_go(&self, mutation: &Mutation) -> bool {
        let Mutation::Resume { group, processes } = mutation else { return false };
        let own = self.pins.get(group).is_some_and(|pins| processes.is_subset(pins));
        own || self.goes_back()
    }

    /// Whether a mutation suspends again what a long hold let go.
    fn pins_again(&self, mutation: &Mutation) -> bool {
        let Mutation::Suspend { group, processes } = mutation else { return false };
        self.released.get(group).is_some_and(|pins| processes.is_subset(pins))
    }

    pub(super) fn outcome(&mut self, (step, attempt): (u32, u32), outcome: &Outcome) -> Verdict {
        let Some(open) = self.open.clone() else {
            // An operation that was accepted may fail later.
            let failed = matches!(outcome, Outcome::Refused { .. }) && self.sent.remove(&step);
            let so = matches!(outcome, Outcome::AlreadyDone) && self.goes_back();
            if so {
                self.sent.insert(step);
            }
            return require(failed || so, Rule::IntentFirst, || {
                format!("an outcome of step {step}, of which nothing was open")
            });
        };
        require((open.step, open.attempt) == (step, attempt), Rule::IntentFirst, || {
            format!(
                "an outcome of try {attempt} of step {step}, while try {} of step {} is open",
                open.attempt, open.step
            )
        })?;
        self.open = None;
        match outcome {
            Outcome::Refused { .. } => {
                self.sent.remove(&step);
            }
            Outcome::Accepted { .. } | Outcome::AlreadyDone => self.carried_out(&open),
        }
        Ok(())
    }

    fn carried_out(&mut self, open: &Open) {
        let step = self.step(open.step).cloned();
        let own = step.as_ref().is_some_and(|step| match &step.action {
            StepAction::Change(planned) => {
                *planned == open.mutation || self.goes_back() && about(planned, &open.mutation)
            }
            _ => false,
        });
        let undo = step.as_ref().and_then(|step| step.undo.as_ref());
        if own {
            self.sent.insert(open.step);
        } else if undo == Some(&open.mutation) {
            self.taken_back(open);
        }
        match &open.mutation {
            Mutation::Suspend { group, processes } => {
                self.pins.entry(group.clone()).or_default().extend(processes.clone());
                self.released.remove(group);
            }
            Mutation::Resume { group, processes } => {
                if let Some(pins) = self.pins.get_mut(group) {
                    pins.retain(|one| !processes.contains(one));
                }
                self.pins.retain(|_, pins| !pins.is_empty());
                if open.in_hold {
                    self.released.insert(group.clone(), processes.clone());
                }
            }
            Mutation::Forward { action, to } => {
                let first = match undo {
                    Some(Mutation::Forward { to: first, .. }) => first.clone(),
                    _ => to.clone(),
                };
                let entry = self.shares.entry(action.clone());
                entry.or_insert_with(|| Shares { first, now: to.clone() }).now = to.clone();
            }
            Mutation::DeregisterTargets { .. } | Mutation::EnterStandby { .. } => self.out = true,
            _ => {}
        }
    }

    /// A step that was taken back is taken anew, and so is the one before it that made the change.
    fn taken_back(&mut self, open: &Open) {
        let pins = matches!(open.mutation, Mutation::Suspend { .. } | Mutation::Resume { .. });
        let same = self.steps().filter(|step| step.undo.as_ref() == Some(&open.mutation));
        let before = same.map(|step| step.number).filter(|number| *number <= open.step && !pins);
        for number in before.collect::<Vec<_>>() {
            self.sent.remove(&number);
            self.done.remove(&number);
        }
        self.sent.remove(&open.step);
    }
}

/// Whether two mutations are the same call about the same thing, whatever they make of it.
fn about(a: &Mutation, b: &Mutation) -> bool {
    match (a, b) {
        (Mutation::Forward { action: a, .. }, Mutation::Forward { action: b, .. }) => a == b,
        _ => a.permission() == b.permission(),
    }
}
