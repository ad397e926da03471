//! Waiting: what came of a mutation is read until it is so, or until its limit; a bake is watched
//! from its beginning to its end.

use super::step::stopped_by;
use super::{Engine, Flow, Stop};
use crate::core::observed::age;
use crate::core::plan::check::guard_reads;
use crate::core::plan::guard::Effect;
use crate::core::plan::{Answer, Claim, Mutation, PastLimit, Step, StepAction};
use crate::core::run::HoldReason;
use crate::core::run::journal::Entry;
use jiff::Timestamp;
use std::time::Duration;

/// How often what a step waits for is read.
const LOOK: Duration = Duration::from_secs(5);
/// In a fast world a look must still not follow upon the other.
const LOOK_REAL: Duration = Duration::from_millis(300);

impl Engine {
    /// Waits until what the step is for has come about, and for as long as it takes at least.
    pub(super) async fn observe(&mut self, step: &Step) -> Flow<()> {
        let from = self.since(step);
        // A run that was taken up again gives what it waits for the whole time once more.
        let start = self.clock.now();
        loop {
            let needs = self.eye.needs(step.after.iter());
            let missing = self.look(&needs).await?;
            let answers = self.eye.ask(step.after.iter(), &missing);
            let now = self.clock.now();
            let open = answers.iter().find(|(_, answer)| !answer.holds()).cloned();
            match open {
                None if age(from, now) >= step.at_least => {
                    return self.seen(step, answers);
                }
                Some((_, answer)) if age(start, now) > step.limit.max(step.at_least) => {
                    self.seen(step, answers)?;
                    return self.past_limit(step, &answer).await;
                }
                _ => {}
            }
            self.pause_for_a_look().await?;
        }
    }

    /// Watches that everything stays so for the whole time. What cannot be told for a moment ends
    /// nothing, but the watch does not end either.
    pub(super) async fn watch(&mut self, step: &Step) -> Flow<()> {
        let from = self.clock.now();
        let mut untold_since = None;
        loop {
            let mut needs = self.eye.needs(step.after.iter());
            needs.merge(self.eye.show(|picture| guard_reads(self.plan(), picture)));
            let missing = self.look(&needs).await?;
            let answers = self.eye.ask(step.after.iter(), &missing);
            let reports = self.judged();
            let now = self.clock.now();
            let unknown = |answer: &Answer| matches!(answer, Answer::Unknown { .. });
            let untold = answers.iter().any(|(_, answer)| unknown(answer))
                || reports.iter().any(|report| report.effect == Effect::CannotTell);
            let since = *untold_since.get_or_insert(now);
            if !untold {
                untold_since = None;
            }
            let patient = untold && age(since, now) < self.patience();
            let passes = |answer: &Answer| answer.holds() || patient && unknown(answer);
            let bad = answers.iter().find(|(_, answer)| !passes(answer)).cloned();
            if let Some((claim, answer)) = bad
                && let Some(stop) = stopped_by(&answer)
            {
                self.seen(step, answers)?;
                return Err(match (claim, answer) {
                    // Somebody else's hand is no regression, and is not fought.
                    (Claim::Forwards { .. }, Answer::Broken { .. }) => stop,
                    _ => self.turned(step, stop),
                });
            }
            let blocks = reports.iter().any(|report| report.effect == Effect::Blocks);
            if blocks || !patient {
                let taken = self.take_guards(step.number, reports);
                taken.map_err(|stop| self.turned(step, stop))?;
            }
            if !untold && age(from, now) >= step.at_least {
                return self.seen(step, answers);
            }
            self.pause_for_a_look().await?;
        }
    }

    /// From when on the step's least time runs.
    fn since(&self, step: &Step) -> Timestamp {
        let sent = self.ledger.sent.get(&step.number).map(|sent| sent.at);
        let began = self.ledger.began.get(&step.number).copied();
        sent.or(began).unwrap_or_else(|| self.clock.now())
    }

    /// Waits until it is worth looking again; hears what is said meanwhile.
    pub(super) async fn pause_for_a_look(&mut self) -> Flow<()> {
        self.beat(false).await;
        let rate = self.settings.clock.as_ref().map_or(1.0, |clock| clock.rate);
        self.pause(LOOK.max(LOOK_REAL.mul_f64(rate.max(1.0)))).await
    }

    fn seen(&mut self, step: &Step, answers: Vec<(Claim, Answer)>) -> Flow<()> {
        if answers.is_empty() {
            return Ok(());
        }
        Ok(self.note(Entry::Seen { step: step.number, answers })?)
    }

    /// What was waited for did not come. An addition of ours is taken back where the plan says so.
    async fn past_limit(&mut self, step: &Step, answer: &Answer) -> Flow<()> {
        let waited = format!("waited {} s for step {}", step.limit.as_secs(), step.number);
        let because = match answer {
            Answer::Broken { was, is } => format!("{waited}: expected {was}; found {is}"),
            Answer::Unknown { why, what } => format!("{waited}: cannot tell {what}: {why}"),
            Answer::Holds => waited,
        };
        match step.undo.clone().filter(|_| step.past_limit == PastLimit::TakeBack) {
            Some(undo) => self.take_back(step, &undo, &because).await,
            None => Err(Stop::Hold(HoldReason::TooLong, because)),
        }
    }

    async fn take_back(&mut self, step: &Step, undo: &Mutation, because: &str) -> Flow<()> {
        self.carry_out(step.number, undo).await?;
        let because = format!("{because}. What the step had added was taken back.");
        Err(Stop::Hold(HoldReason::TooLong, because))
    }

    /// A process before this one was about to take back what the step had added. That is brought to its
    /// end before anything is waited for: all that time traffic may reach nodes that failed.
    pub(super) async fn finish_taking_back(&mut self, step: &Step) -> Flow<()> {
        let open = self.ledger.open.as_ref().filter(|open| open.step == step.number);
        let undo = open.map(|open| open.mutation.clone()).filter(|mutation| {
            let takes_back = step.undo.as_ref() == Some(mutation);
            takes_back && step.action != StepAction::Change(mutation.clone())
        });
        match undo {
            Some(undo) => {
                let because = format!("step {} had waited for too long", step.number);
                self.take_back(step, &undo, &because).await
            }
            None => Ok(()),
        }
    }
}
