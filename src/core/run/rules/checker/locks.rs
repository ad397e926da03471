//! Locks and the rollback record.

use super::super::{Listener, may_drop_record, plan_needs_record};
use super::{Checker, Rule, Shares, Verdict, require};
use crate::core::inventory::Forward;
use crate::core::plan::{ActionId, Intent, Mutation, StepAction};

impl Checker {
    pub(super) fn locked(&mut self, token: &str) -> Verdict {
        let first = !self.locks.contains(token) && self.locks.len() < self.locks_needed();
        require(first && self.unlocking.is_empty(), Rule::OneLockEach, || {
            format!("{token} is one more than the plan takes")
        })?;
        self.locks.insert(token.to_owned());
        Ok(())
    }

    pub(super) fn taking_over(&self) -> Verdict {
        let intent = self.plan.as_ref().map(|plan| &plan.intent);
        let may = matches!(intent, Some(Intent::Rollback { .. } | Intent::Takeover { .. }));
        require(may, Rule::TakesOverWhatItMay, || "the plan is neither".to_owned())
    }

    /// Whether this run writes a rollback record before its first change. Runs of a version without
    /// one write none.
    pub(super) fn needs_the_record(&self) -> bool {
        let plan = self.plan.as_deref();
        self.rules >= 1 && self.locks_needed() > 0 && plan.is_some_and(plan_needs_record)
    }

    pub(super) fn recorded(&mut self) -> Verdict {
        let held = self.locks.len() >= self.locks_needed() && self.unlocking.is_empty();
        require(held, Rule::LockFirst, || "the rollback record without the lock".to_owned())?;
        self.recorded = true;
        Ok(())
    }

    pub(super) fn dropping_record(&mut self) -> Verdict {
        let held = self.locks.len() >= self.locks_needed() && self.unlocking.is_empty();
        require(held, Rule::LockFirst, || "the rollback record without the lock".to_owned())?;
        require(self.open.is_none(), Rule::RecordStays, || {
            "it is not known what became of the last call".to_owned()
        })?;
        let listeners = self.shares.iter().map(|(action, shares)| self.stands(action, shares));
        // What stays suspended for nodes that are out is kept as marks.
        let suspended = !self.pins.is_empty() && !self.out;
        require(may_drop_record(suspended, listeners), Rule::RecordStays, || {
            "by the run's own calls something is suspended, or traffic is split".to_owned()
        })?;
        self.recorded = false;
        Ok(())
    }

    /// How a listener stands, as far as the run's own writes tell.
    fn stands(&self, action: &ActionId, shares: &Shares) -> Listener {
        let last =
            self.plan.iter().flat_map(|plan| plan.steps.iter().rev()).find_map(|step| match &step
                .action
            {
                StepAction::Change(Mutation::Forward { action: of, to }) if of == action => {
                    Some(to)
                }
                _ => None,
            });
        let is = |one: &Forward| one == &shares.now;
        if self.goes_back() || is(&shares.first) {
            Listener::First
        } else if last.is_some_and(is) {
            Listener::Last
        } else {
            Listener::Between
        }
    }

    pub(super) fn unlocking(&mut self, token: &str) -> Verdict {
        require(self.locks.contains(token), Rule::UnlocksItsOwn, || {
            format!("{token} is not held")
        })?;
        require(self.open.is_none(), Rule::OneIntentAtATime, || {
            "the lock is given back while a call has no outcome".to_owned()
        })?;
        let pinned: Vec<_> = self.pins.keys().map(|group| group.as_str()).collect();
        // Processes that stay suspended for nodes that are out are kept as marks.
        require(pinned.is_empty() || self.out, Rule::PinsBeforeTheLock, || {
            format!("processes of {} are suspended", pinned.join(", "))
        })?;
        self.unlocking.insert(token.to_owned());
        Ok(())
    }

    pub(super) fn unlocked(&mut self, token: &str) -> Verdict {
        require(self.unlocking.contains(token), Rule::UnlocksItsOwn, || {
            format!("{token} was not about to be given back")
        })?;
        self.locks.remove(token);
        Ok(())
    }
}
