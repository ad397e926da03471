//! The run that a rollback ends. Its process is told to give way; its directory is held from then
//! on, so that nobody resumes it; once the lock is taken over its journal says who ended it.

use super::{Engine, Flow, Stop, Word};
use crate::core::ids::GroupName;
use crate::core::plan::{Intent, Mutation, StepAction};
use crate::core::record::Pins;
use crate::core::run::journal::{End, Entry, Line};
use crate::core::run::{HoldReason, RunId};
use crate::exec::control;
use crate::exec::journal::Journal;
use crate::exec::ledger::Ledger;
use crate::exec::process::approved;
use crate::exec::state::{Alive, RunDir};
use std::collections::BTreeSet;
use std::time::Duration;

/// A process that is well answers between two calls. One that does not is frozen, and the lock that
/// is taken from it keeps it from doing anything more.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// Then it ends, and somebody may look whether it lives.
const ENDS_WITHIN: u32 = 100;
const LOOK: Duration = Duration::from_millis(100);

/// The run that this one rolls back.
pub(super) struct OldRun {
    run: RunDir,
    /// Its directory and its journal, while nobody else has them.
    held: Option<(Alive, Journal)>,
    /// What it had done.
    pub ledger: Ledger,
}

impl Engine {
    /// Stops the run that this one rolls back. What it did after this run was planned must be within
    /// the plan; otherwise nothing has been changed, it holds, and the plan is made anew.
    pub(super) async fn stop_old_run(&mut self) -> Flow<()> {
        let Some(old) = self.rolls_back().filter(|_| self.old.is_none()) else { return Ok(()) };
        let failed = |why: String| Stop::Hold(HoldReason::Failed, why);
        let found = RunDir::find(&self.settings.state_dir, old.as_str());
        if found.is_err() && self.approved.plan.inherits.is_some() {
            // It ran on another host: the plan says what it left.
            return Ok(());
        }
        let run =
            found.map_err(|error| failed(format!("run {old} is to be rolled back: {error}")))?;
        let alive = self.directory_of(&run).await;
        let read = match alive {
            Some(alive) => Journal::open(&run.path, self.clock.now())
                .map(|(journal, lines)| (Some((alive, journal)), lines)),
            None => run.told().map(|told| (None, told.lines)),
        };
        let (held, lines) =
            read.map_err(|error| failed(format!("{error}. {}", error.next_step())))?;
        if !self.ledger.has_begun()
            && let Some(step) = self.not_planned_for(&lines)
        {
            return Err(Stop::Fail(format!(
                "run {old} went on after this plan was made (step {step} was sent); it is stopped \
                 now: plan the rollback anew"
            )));
        }
        let Some(plan) = approved(&lines) else {
            return Err(failed(format!("the journal of run {old} has no plan")));
        };
        self.old = Some(OldRun { run, held, ledger: Ledger::of(&plan, &lines) });
        if self.ledger.holds(&self.approved.plan) {
            self.end_old_run();
        }
        Ok(())
    }

    /// What the old run had done, where this process has not looked yet and only wants to know.
    pub(super) fn load_old_run(&mut self) {
        let Some(old) = self.rolls_back().filter(|_| self.old.is_none()) else { return };
        let Ok(run) = RunDir::find(&self.settings.state_dir, old.as_str()) else { return };
        let lines = run.told().map(|told| told.lines).unwrap_or_default();
        let plan = approved(&lines);
        let ended = |ledger: &Ledger| ledger.ended.clone();
        let ledger = plan.map(|plan| Ledger::of(&plan, &lines));
        // A run that was never taken over keeps its pins.
        let by = Some(End::RolledBack { by: self.run.clone() });
        if let Some(ledger) = ledger.filter(|ledger| ended(ledger) == by) {
            self.old = Some(OldRun { run, held: None, ledger });
        }
    }

    /// Notes in the old run's journal that this run has ended it; once.
    pub(super) fn end_old_run(&mut self) {
        let (now, end) = (self.clock.now(), End::RolledBack { by: self.run.clone() });
        let Some(old) = &mut self.old else { return };
        if old.ledger.ended.as_ref() == Some(&end) {
            old.held = None;
            return;
        }
        if old.held.is_none()
            && let Ok(Some(alive)) = old.run.take()
            && let Ok((journal, _)) = Journal::open(&old.run.path, now)
        {
            old.held = Some((alive, journal));
        }
        let run = &old.run.id;
        match old.held.take() {
            Some((_alive, mut journal)) => {
                match journal.append(now, Entry::Ended { end: end.clone() }) {
                    Ok(_) => old.ledger.ended = Some(end),
                    Err(error) => tracing::error!(%run, %error, "its journal cannot say its end"),
                }
            }
            None => tracing::warn!(%run, "its process does not give way; the lock keeps it still"),
        }
    }

    /// Processes that the old run suspended and this one has not resumed.
    pub(super) fn old_pins(&self) -> Pins {
        let pins = self.old.iter().flat_map(|old| &old.ledger.pins);
        let left = pins.map(|(group, (_, processes))| {
            let resumed = self.ledger.resumed.get(group);
            let stays = |one: &&String| resumed.is_none_or(|of| !of.contains(*one));
            (group.clone(), processes.iter().filter(stays).cloned().collect::<BTreeSet<_>>())
        });
        left.filter(|(_, processes)| !processes.is_empty()).collect()
    }

    /// Processes that this run, or the one that it rolls back, keeps suspended.
    pub(super) fn suspended(&self) -> Pins {
        let mut all = self.old_pins();
        for (group, (_, processes)) in &self.ledger.pins {
            let of: &mut BTreeSet<String> = all.entry(GroupName::clone(group)).or_default();
            of.extend(processes.iter().cloned());
        }
        all
    }

    /// The other run that this one rolls back.
    fn rolls_back(&self) -> Option<RunId> {
        match &self.approved.plan.intent {
            Intent::Rollback { run } => Some(run.clone()),
            _ => None,
        }
    }

    /// The old run's directory, once its process has ended.
    async fn directory_of(&self, run: &RunDir) -> Option<Alive> {
        for look in 0..ENDS_WITHIN {
            if let Ok(Some(alive)) = run.take() {
                return Some(alive);
            }
            if look == 0 {
                let word = Word::GiveWay(self.run.clone());
                let from = self.journal.directory();
                let said = control::say_of(run, (word, from), &self.by, ANSWERS_WITHIN).await;
                if let Err(error) = said {
                    tracing::warn!(run = %run.id, %error, "it does not give way");
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }

    /// The step of the old run that was sent after this run was planned and that the plan does not
    /// put back. Weights are put back to where they began, however far they have gone.
    fn not_planned_for(&self, lines: &[Line]) -> Option<u32> {
        let plan = self.plan();
        let written = |action| {
            plan.steps.iter().any(|step| {
                matches!(&step.action, StepAction::Change(Mutation::Forward { action: of, .. }) if of == action)
            })
        };
        let later = lines.iter().filter(|line| line.at > plan.made_at);
        later
            .filter_map(|line| match &line.entry {
                Entry::Intent { step, mutation, .. } => Some((*step, mutation)),
                _ => None,
            })
            .find(|(_, mutation)| match mutation {
                Mutation::Forward { action, .. } => !written(action),
                Mutation::Resume { .. } => false,
                _ => true,
            })
            .map(|(step, _)| step)
    }
}
