//! A step: what must hold before it, what it does, what it waits for.

use super::{Engine, Flow, Stop};
use crate::core::plan::check::guard_reads;
use crate::core::plan::guard::Effect;
use crate::core::plan::{Answer, Claim, Gate, GuardReport, Mutation, Step, StepAction};
use crate::core::run::HoldReason;
use crate::core::run::journal::Entry;
use std::time::Duration;

/// A read that failed for a passing reason is tried so often before the run holds.
const LOOKS: u32 = 3;
/// A throttled run waits so long by real time, then twice as long, up to the longest.
const BACK_OFF: Duration = Duration::from_secs(1);
const BACK_OFF_MOST: Duration = Duration::from_secs(30);

impl Engine {
    /// Takes one step.
    pub(super) async fn step(&mut self, step: &Step) -> Flow<()> {
        if !self.ledger.began.contains_key(&step.number) {
            self.note(Entry::StepBegan { step: step.number })?;
        }
        self.beat(false).await;
        match &step.action {
            StepAction::Lock if self.ledger.lock.is_none() => self.take_lock().await?,
            StepAction::Lock => self.fence().await?,
            StepAction::Change(mutation) => self.change(step, mutation).await?,
            StepAction::Wait => self.observe(step).await?,
            StepAction::Watch => self.watch(step).await?,
            StepAction::Gate(gate) => self.gate(step, *gate)?,
            StepAction::Unlock => self.give_lock_back().await?,
        }
        self.note(Entry::StepDone { step: step.number })?;
        Ok(())
    }

    async fn change(&mut self, step: &Step, mutation: &Mutation) -> Flow<()> {
        let number = step.number;
        let open = self.ledger.open.as_ref().is_some_and(|open| open.step == number);
        if self.ledger.sent.contains_key(&number) {
            self.follow(number).await?;
        } else {
            if !open {
                self.check_facts(step).await?;
            }
            self.carry_out(number, mutation).await?;
        }
        self.observe(step).await
    }

    /// A gate is passed by a person, and by nothing else.
    fn gate(&mut self, step: &Step, gate: Gate) -> Flow<()> {
        if self.ledger.passed == Some(step.number) {
            return Ok(());
        }
        Err(Stop::Hold(HoldReason::Gate, format!("gate {gate}: {}", step.title)))
    }

    /// What must hold just before a mutation, read for it: facts, and guards while traffic moves.
    async fn check_facts(&mut self, step: &Step) -> Flow<()> {
        let claims: Vec<Claim> = step.before.iter().map(|fact| fact.claim.clone()).collect();
        self.must_hold(step.number, &claims).await?;
        if step.shifting { self.check_guards(step.number).await } else { Ok(()) }
    }

    /// Reads for these claims until each has an answer, and holds unless all are yes.
    pub(super) async fn must_hold(&mut self, step: u32, claims: &[Claim]) -> Flow<()> {
        for look in 1.. {
            let needs = self.eye.needs(claims.iter());
            let missing = self.look(&needs).await?;
            let answers = self.eye.ask(claims.iter(), &missing);
            let unknown =
                answers.iter().any(|(_, answer)| matches!(answer, Answer::Unknown { .. }));
            let broken = answers.iter().any(|(_, answer)| matches!(answer, Answer::Broken { .. }));
            if unknown && !broken && look < LOOKS {
                self.pause(super::TRY_AGAIN).await?;
                continue;
            }
            let stop = answers.iter().find_map(|(_, answer)| stopped_by(answer));
            if !answers.is_empty() {
                self.note(Entry::Seen { step, answers })?;
            }
            return stop.map_or(Ok(()), Err);
        }
        Ok(())
    }

    /// Reads for the guards and holds if one stands in the way.
    pub(super) async fn check_guards(&mut self, step: u32) -> Flow<()> {
        for look in 1.. {
            let needs = self.eye.show(|picture| guard_reads(&self.approved.plan, picture));
            self.look(&needs).await?;
            let reports = self.judged();
            let cannot_tell = reports.iter().any(|report| report.effect == Effect::CannotTell);
            let blocks = reports.iter().any(|report| report.effect == Effect::Blocks);
            if cannot_tell && !blocks && look < LOOKS {
                self.pause(super::TRY_AGAIN).await?;
                continue;
            }
            return self.take_guards(step, reports);
        }
        Ok(())
    }

    /// What the guards say of what was just read.
    pub(super) fn judged(&self) -> Vec<GuardReport> {
        self.eye.show(|picture| (self.guards)(&self.approved.plan, picture))
    }

    /// Notes guards that changed, and holds if one stands in the way.
    pub(super) fn take_guards(&mut self, step: u32, reports: Vec<GuardReport>) -> Flow<()> {
        let effects =
            |all: &[GuardReport]| all.iter().map(|one| (one.guard, one.effect)).collect::<Vec<_>>();
        if effects(&reports) != effects(&self.last_guards) {
            self.note(Entry::Guards { step, reports: reports.clone() })?;
        }
        let worst = reports.iter().max_by_key(|report| report.effect);
        let stop = worst.and_then(|report| {
            let because = format!("guard {}: {}", report.guard, report.verdict.because());
            match report.effect {
                Effect::Blocks => Some(Stop::Hold(HoldReason::Guard, because)),
                Effect::CannotTell => Some(Stop::Hold(HoldReason::Unknown, because)),
                Effect::Passes | Effect::Warns | Effect::Overridden => None,
            }
        });
        self.last_guards = reports;
        stop.map_or(Ok(()), Err)
    }

    /// Waits out a throttled call: the run stays on its step, and says so.
    pub(super) async fn back_off(&mut self, call: &str) -> Flow<()> {
        let step = self.ledger.began.keys().next_back().copied().unwrap_or_default();
        let span = BACK_OFF.saturating_mul(1 << self.throttled.min(5)).min(BACK_OFF_MOST);
        if self.throttled == 0 {
            self.note(Entry::Throttled { step, call: call.to_owned() })?;
        }
        self.throttled += 1;
        // AWS's buckets refill by real time, whatever the world's clock does.
        let rate = self.settings.clock.as_ref().map_or(1.0, |clock| clock.rate);
        self.pause(span.mul_f64(rate.max(1.0))).await
    }
}

/// The hold that an answer makes.
pub(super) fn stopped_by(answer: &Answer) -> Option<Stop> {
    match answer {
        Answer::Holds => None,
        Answer::Broken { was, is } => {
            Some(Stop::Hold(HoldReason::FactBroken, format!("expected {was}; found {is}")))
        }
        Answer::Unknown { why, what } => {
            Some(Stop::Hold(HoldReason::Unknown, format!("cannot tell {what}: {why}")))
        }
    }
}
