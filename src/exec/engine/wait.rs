//! Waiting: what came of a mutation is read until it is so, or until its limit; a bake is watched
//! from its beginning to its end.

use super::step::stopped_by;
use super::{Engine, Flow, Stop};
use crate::core::observed::{Why, age};
use crate::core::plan::check::guard_reads;
use crate::core::plan::guard::Effect;
use crate::core::plan::{Answer, Claim, GuardReport, Mutation, PastLimit, Step, StepAction, Verb};
use crate::core::run::HoldReason;
use crate::core::run::journal::Entry;
use jiff::Timestamp;
use std::time::Duration;

/// How often what a step waits for is read.
const LOOK: Duration = Duration::from_secs(5);
/// In a fast world a look must still not follow upon the other.
const LOOK_REAL: Duration = Duration::from_millis(300);

/// A launch hook of a group keeps an instance for an hour where nothing else is set; meanwhile what a
/// step waits for cannot come.
const HOOK_MOST: Duration = Duration::from_secs(3600);

/// What looks at the world have shown of late. One look is no proof: a single target that flaps is
/// half of a small fleet.
#[derive(Debug, Default)]
struct Doubt {
    bad: bool,
    untold_since: Option<Timestamp>,
}

/// What a look comes to, given those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comes {
    /// All is well.
    Well,
    /// Something is bad or cannot be told; another look decides.
    Again,
    /// It was bad twice, or could not be told for too long.
    Bad,
}

impl Doubt {
    fn take(&mut self, bad: bool, untold: bool, (now, patience): (Timestamp, Duration)) -> Comes {
        let twice = bad && self.bad;
        self.bad = bad;
        let since = *self.untold_since.get_or_insert(now);
        if !untold {
            self.untold_since = None;
        }
        match (bad, untold) {
            (true, _) if twice => Comes::Bad,
            (true, _) => Comes::Again,
            (false, true) if age(since, now) >= patience => Comes::Bad,
            (false, true) => Comes::Again,
            (false, false) => Comes::Well,
        }
    }
}

impl Engine {
    /// Waits until what the step is for has come about, and for as long as it takes at least. Its
    /// limit is one around the looks too: what cannot be read by then has not come.
    pub(super) async fn observe(&mut self, step: &Step) -> Flow<()> {
        let from = self.since(step);
        // A run that was taken up again gives what it waits for the whole time once more.
        let began = self.clock.now();
        let (mut start, mut doubt) = (began, Doubt::default());
        let limit = step.limit.max(step.at_least);
        loop {
            let mut needs = self.eye.needs(step.after.iter());
            if self.is_guarded(step) {
                needs.merge(self.eye.show(|picture| guard_reads(self.plan(), picture)));
            }
            let Some(missing) = self.look_within(&needs, (start, limit)).await? else {
                let what = format!("what step {} waits for", step.number);
                let answer = Answer::Unknown { why: Why::Stale, what };
                return self.past_limit(step, &answer).await;
            };
            let answers = self.eye.ask(step.after.iter(), &missing);
            let now = self.clock.now();
            let open = answers.iter().find(|(_, answer)| !answer.holds()).cloned();
            if answers.iter().any(is_hooked) && age(began, now) < HOOK_MOST {
                start = now;
            }
            match open {
                None if age(from, now) >= step.at_least => {
                    return self.seen(step, answers);
                }
                Some((_, answer)) if age(start, now) > limit => {
                    self.seen(step, answers)?;
                    return self.past_limit(step, &answer).await;
                }
                _ => {}
            }
            if self.is_guarded(step) {
                self.guard_wait(step, &mut doubt).await?;
            }
            self.pause_for_a_look().await?;
        }
    }

    /// Whether traffic may reach already who is waited for: attaching is the shift, and healthy comes
    /// minutes later.
    fn is_guarded(&self, step: &Step) -> bool {
        let plan = self.plan();
        let receives = |claim: &Claim| match claim {
            Claim::Healthy { stack, .. } => stack.is_some() && *stack == plan.receiving,
            _ => false,
        };
        plan.intent.verb() == Verb::Cutover
            && step.shifting
            && step.action == StepAction::Wait
            && step.after.iter().any(receives)
    }

    /// Asks the guards in a wait. What stands in the way ends it; an addition of ours is taken back
    /// then, as it is past the limit.
    async fn guard_wait(&mut self, step: &Step, doubt: &mut Doubt) -> Flow<()> {
        let reports = self.judged();
        let is = |effect| reports.iter().any(|report| report.effect == effect);
        let (bad, untold) = (is(Effect::Blocks), is(Effect::CannotTell));
        let comes = doubt.take(bad, untold, (self.clock.now(), self.patience()));
        if comes != Comes::Bad {
            return self.note_guards(step.number, &reports);
        }
        let Err(stop) = self.take_guards(step.number, reports) else { return Ok(()) };
        let undo = step.undo.clone().filter(|_| step.past_limit == PastLimit::TakeBack);
        match (self.turned(step, stop), undo) {
            (Stop::Hold(reason, because), Some(undo)) => {
                self.take_back(step, &undo, (reason, &because)).await
            }
            (stop, _) => Err(stop),
        }
    }

    /// Watches that everything stays so for the whole time. What cannot be told for a moment ends
    /// nothing, but the watch does not end either.
    pub(super) async fn watch(&mut self, step: &Step) -> Flow<()> {
        let from = self.clock.now();
        let mut doubt = Doubt::default();
        loop {
            let mut needs = self.eye.needs(step.after.iter());
            needs.merge(self.eye.show(|picture| guard_reads(self.plan(), picture)));
            let limit = step.limit.max(step.at_least);
            let Some(missing) = self.look_within(&needs, (from, limit)).await? else {
                let because = format!("the world could not be read for step {}", step.number);
                return Err(self.turned(step, Stop::Hold(HoldReason::Unknown, because)));
            };
            let answers = self.eye.ask(step.after.iter(), &missing);
            let reports = self.judged();
            let now = self.clock.now();
            if let Some(stop) = answers.iter().find_map(by_another_hand) {
                self.seen(step, answers)?;
                return Err(stop);
            }
            let is = |effect| reports.iter().any(|report| report.effect == effect);
            let broken = |answer: &Answer| matches!(answer, Answer::Broken { .. });
            let unknown = |answer: &Answer| matches!(answer, Answer::Unknown { .. });
            let any = |of: fn(&Answer) -> bool| answers.iter().any(|(_, answer)| of(answer));
            let untold = any(unknown) || is(Effect::CannotTell);
            let bad = any(broken) || is(Effect::Blocks);
            match doubt.take(bad, untold, (now, self.patience())) {
                Comes::Bad => return self.ended_badly(step, answers, reports),
                Comes::Well => {
                    self.take_guards(step.number, reports)?;
                    if age(from, now) >= step.at_least {
                        return self.seen(step, answers);
                    }
                }
                Comes::Again => self.note_guards(step.number, &reports)?,
            }
            self.pause_for_a_look().await?;
        }
    }

    /// The end of a watch in which a claim was broken, a guard stood in the way, or neither could be
    /// told for too long.
    fn ended_badly(
        &mut self,
        step: &Step,
        answers: Vec<(Claim, Answer)>,
        reports: Vec<GuardReport>,
    ) -> Flow<()> {
        let of = |wanted: fn(&Answer) -> bool| {
            answers.iter().map(|(_, answer)| answer).find(|answer| wanted(answer))
        };
        let broken = of(|answer| matches!(answer, Answer::Broken { .. }));
        let claim = broken.or_else(|| of(|answer| !answer.holds())).and_then(stopped_by);
        self.seen(step, answers)?;
        let guard = self.take_guards(step.number, reports);
        let stop = claim.map_or(guard, Err);
        stop.map_err(|stop| self.turned(step, stop))
    }

    /// What was verified holds no longer once the run was held for longer than the window: it is
    /// watched once more before traffic moves.
    pub(super) async fn verify_again(&mut self, step: &Step) -> Flow<()> {
        if !self.ledger.unverified {
            return Ok(());
        }
        let watched = |claim: &&Claim| matches!(claim, Claim::ProbesPass { .. });
        let verified = |one: &&Step| {
            one.action == StepAction::Watch
                && !one.shifting
                && self.ledger.done.contains(&one.number)
                && one.after.iter().any(|claim| watched(&claim))
        };
        let Some(verify) = self.plan().steps.iter().rfind(verified) else { return Ok(()) };
        let stays = |claim: &&Claim| watched(claim) || matches!(claim, Claim::Healthy { .. });
        let again = Step {
            number: step.number,
            after: verify.after.iter().filter(stays).cloned().collect(),
            shifting: step.shifting,
            ..verify.clone()
        };
        self.watch(&again).await
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
        let hook = match answer {
            Answer::Broken { is, .. } if is.starts_with(IN_HOOK) => {
                "; a launch hook of its group holds it: complete or abandon it, then resume"
            }
            _ => "",
        };
        let because = match answer {
            Answer::Broken { was, is } => format!("{waited}: expected {was}; found {is}{hook}"),
            Answer::Unknown { why, what } => format!("{waited}: cannot tell {what}: {why}"),
            Answer::Holds => waited,
        };
        match step.undo.clone().filter(|_| step.past_limit == PastLimit::TakeBack) {
            Some(undo) => self.take_back(step, &undo, (HoldReason::TooLong, &because)).await,
            None => Err(Stop::Hold(HoldReason::TooLong, because)),
        }
    }

    async fn take_back(
        &mut self,
        step: &Step,
        undo: &Mutation,
        (reason, because): (HoldReason, &str),
    ) -> Flow<()> {
        self.carry_out(step.number, undo).await?;
        let because = format!("{because}. What the step had added was taken back.");
        Err(Stop::Hold(reason, because))
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
                self.take_back(step, &undo, (HoldReason::TooLong, &because)).await
            }
            None => Ok(()),
        }
    }
}

/// How Auto Scaling says that a launch hook holds an instance: `Pending:Wait`, `Pending:Proceed`.
const IN_HOOK: &str = "Pending:";

fn is_hooked((claim, answer): &(Claim, Answer)) -> bool {
    let held = matches!(answer, Answer::Broken { is, .. } if is.starts_with(IN_HOOK));
    held && matches!(claim, Claim::Lifecycle { .. })
}

/// The hold for a claim that somebody else's hand has broken: it is no regression, and is not fought.
fn by_another_hand((claim, answer): &(Claim, Answer)) -> Option<Stop> {
    let theirs = matches!(claim, Claim::Forwards { .. } | Claim::Attached { .. });
    let broken = matches!(answer, Answer::Broken { .. });
    stopped_by(answer).filter(|_| theirs && broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_look_is_looked_at_again_and_silence_has_a_limit() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let patience = Duration::from_secs(60);
        let mut doubt = Doubt::default();
        let rows = [
            (0, true, false, Comes::Again),
            (5, false, false, Comes::Well),
            (10, true, false, Comes::Again),
            (15, true, true, Comes::Bad),
            (20, false, false, Comes::Well),
            (25, false, true, Comes::Again),
            (80, false, true, Comes::Again),
            (85, false, true, Comes::Bad),
        ];
        for (second, bad, untold, comes) in rows {
            assert_eq!(doubt.take(bad, untold, (at(second), patience)), comes, "{second}");
        }
    }
}
