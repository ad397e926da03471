//! A step: what must hold before it, what it does, what it waits for.

use super::{Engine, Flow, Stop};
use crate::core::observed::age;
use crate::core::plan::check::guard_reads;
use crate::core::plan::guard::Effect;
use crate::core::plan::{
    Answer, Claim, Context, GuardReport, LockStanding, Mutation, Step, StepAction,
};
use crate::core::run::HoldReason;
use crate::core::run::journal::Entry;
use std::time::Duration;

/// A read that failed for a passing reason is tried so often before the run holds.
const LOOKS: u32 = 3;
/// A fact or a guard may be unknown for so long, beyond the window of probes.
const PATIENCE: Duration = Duration::from_secs(60);
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
        self.finish_taking_back(step).await?;
        match &step.action {
            StepAction::Lock => {
                self.take_lock().await?;
                self.end_old_run();
                self.record_or_back_out().await?;
            }
            StepAction::Change(mutation) => self.change(step, mutation).await?,
            StepAction::Wait => self.observe(step).await?,
            StepAction::Watch => self.watch(step).await?,
            StepAction::Gate(_) => self.gate(step)?,
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
    fn gate(&mut self, step: &Step) -> Flow<()> {
        if self.ledger.passed == Some(step.number) {
            return Ok(());
        }
        Err(Stop::Hold(HoldReason::Gate, format!("{}: {}", step.title, step.because)))
    }

    /// What must hold just before a mutation, read for it: facts, and guards while traffic moves.
    async fn check_facts(&mut self, step: &Step) -> Flow<()> {
        if step.shifting {
            self.verify_again(step).await?;
        }
        let claims: Vec<Claim> = step.before.iter().map(|fact| fact.claim.clone()).collect();
        if let Err(stop) = self.must_hold(step.number, &claims).await {
            // Somebody else's hand is no regression, and is not fought.
            let now = self.eye.ask(claims.iter(), &<_>::default());
            let theirs = now.iter().any(|(claim, answer)| {
                let broken = matches!(answer, Answer::Broken { .. });
                broken && matches!(claim, Claim::Forwards { .. } | Claim::Attached { .. })
            });
            return Err(if theirs { stop } else { self.turned(step, stop) });
        }
        if !step.shifting {
            return Ok(());
        }
        let checked = self.check_guards(step.number).await;
        checked.map_err(|stop| self.turned(step, stop))
    }

    /// Reads for these claims until each has an answer, and holds unless all are yes.
    pub(super) async fn must_hold(&mut self, step: u32, claims: &[Claim]) -> Flow<()> {
        let mut doubted = false;
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
            // One look at what flaps is no proof.
            if broken && !doubted && answers.iter().all(may_flap) {
                doubted = true;
                self.pause_for_a_look().await?;
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

    /// Before anything is touched: the guards once more, as the world is now. Nothing is left behind,
    /// so a run that may not begin is over.
    pub(super) async fn preflight(&mut self) -> Flow<()> {
        if self.ledger.has_begun() {
            return Ok(());
        }
        self.read_for_guards().await?;
        let context = self.context();
        let plan = self.plan();
        let reports = self.eye.show_to_planners(|picture| (self.guards)(picture, plan, &context));
        match self.take_guards(0, reports) {
            Err(Stop::Hold(HoldReason::Guard | HoldReason::Unknown, because)) => {
                Err(Stop::Fail(because))
            }
            other => other,
        }
    }

    /// Reads for the guards and holds if one stands in the way. What cannot be told is given the
    /// time that samples of a window take: a process that has just taken the run up has none.
    pub(super) async fn check_guards(&mut self, step: u32) -> Flow<()> {
        let start = self.clock.now();
        let mut doubted = false;
        loop {
            self.read_for_guards().await?;
            let reports = self.judged();
            let cannot_tell = reports.iter().any(|report| report.effect == Effect::CannotTell);
            let blocks = reports.iter().any(|report| report.effect == Effect::Blocks);
            if cannot_tell && !blocks && age(start, self.clock.now()) < self.patience() {
                self.pause_for_a_look().await?;
                continue;
            }
            // One look at what flaps is no proof.
            if blocks && !doubted {
                doubted = true;
                self.pause_for_a_look().await?;
                continue;
            }
            return self.take_guards(step, reports);
        }
    }

    /// How long something may be unknown before the run holds for it.
    pub(super) fn patience(&self) -> Duration {
        self.plan().options.window + PATIENCE
    }

    /// The way back is not kept waiting by throttled reads: what cannot be read only warns there.
    async fn read_for_guards(&mut self) -> Flow<()> {
        let needs = self.eye.show(|picture| guard_reads(self.plan(), picture));
        if self.goes_back() {
            self.eye.look(&needs).await;
        } else {
            self.look(&needs).await?;
        }
        Ok(())
    }

    /// What the guards say of what was just read.
    pub(super) fn judged(&self) -> Vec<GuardReport> {
        let context = self.context();
        self.eye.show(|picture| (self.guards)(picture, self.plan(), &context))
    }

    /// What guards must be told beside the picture.
    fn context(&self) -> Context {
        let held = self.ledger.holds(&self.approved.plan);
        let pins = self.ledger.pins.iter();
        Context {
            region: self.aws.region.clone(),
            who: self.by.clone(),
            own_addresses: Some(self.eye.own_addresses()),
            // Other runs of this host were asked about when the plan was made. From here on the lock
            // decides: two that were started at once would otherwise both give up.
            runs: Vec::new(),
            watched: Vec::new(),
            lock: if held { LockStanding::Ours } else { LockStanding::NotAsked },
            drained: self.ledger.drained.clone(),
            pins: pins.map(|(name, (_, all))| (name.clone(), all.clone())).collect(),
        }
    }

    /// Notes guards that changed, and holds if one stands in the way.
    pub(super) fn take_guards(&mut self, step: u32, reports: Vec<GuardReport>) -> Flow<()> {
        self.note_guards(step, &reports)?;
        let worst = reports.iter().max_by_key(|report| report.effect);
        let stop = worst.and_then(|report| {
            let because = format!("guard {}: {}", report.guard, report.verdict.because());
            match report.effect {
                Effect::Blocks => Some(Stop::Hold(HoldReason::Guard, because)),
                Effect::CannotTell => Some(Stop::Hold(HoldReason::Unknown, because)),
                Effect::Passes | Effect::Warns | Effect::Overridden => None,
            }
        });
        stop.map_or(Ok(()), Err)
    }

    /// Notes guards that changed.
    pub(super) fn note_guards(&mut self, step: u32, reports: &[GuardReport]) -> Flow<()> {
        let effects =
            |all: &[GuardReport]| all.iter().map(|one| (one.guard, one.effect)).collect::<Vec<_>>();
        if effects(reports) != effects(&self.last_guards) {
            self.note(Entry::Guards { step, reports: reports.to_vec() })?;
        }
        self.last_guards = reports.to_vec();
        Ok(())
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

/// Whether an answer is none that stops a run, or is about what may be otherwise a moment later.
fn may_flap((claim, answer): &(Claim, Answer)) -> bool {
    let flaps =
        matches!(claim, Claim::Healthy { .. } | Claim::ProbesPass { .. } | Claim::Ready { .. });
    flaps || !matches!(answer, Answer::Broken { .. })
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
