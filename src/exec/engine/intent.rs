//! One mutation, carried out once: the lock asked for, the intent on disk, the call, the outcome on
//! disk. A call whose answer was not heard is compared with the world before anything is sent again.

use super::fence::stop_of;
use super::{Engine, Flow, Stop};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::inventory::{Forward, WeightedGroup};
use crate::core::observed::age;
use crate::core::plan::{ActionId, Claim, Mutation, Step, StepAction};
use crate::core::run::HoldReason;
use crate::core::run::journal::{Entry, Outcome};
use crate::core::run::rules::{
    Answer, FENCE_GOOD_FOR, FenceSays, Refusal, Restore, Sending, may_send, meaning, restore,
};
use crate::exec::compare::{Shown, compare, needs};
use crate::exec::ledger::Open;
use crate::exec::mutate::{self, Followed};
use std::time::Duration;

/// How often an operation is looked at.
const FOLLOW: Duration = Duration::from_secs(2);
/// An accepted registration is carried out within seconds; one that is not after so long is held.
const OPERATION_MOST: Duration = Duration::from_secs(300);

/// What a call replaces was read no longer ago than this when the call is sent.
const READ_GOOD_FOR: Duration = Duration::from_secs(15);
/// So often it is read and the lock asked for, before the run holds.
const READY_TRIES: u32 = 20;

/// What became of one try.
enum Tried {
    /// It was taken.
    Taken,
    /// It was not, and may be sent again.
    Again,
}

impl Engine {
    /// Carries a mutation out under a step's number: the step's own, or what takes a pin back.
    pub(super) async fn carry_out(&mut self, step: u32, mutation: &Mutation) -> Flow<()> {
        loop {
            if let Tried::Taken = self.attempt(step, mutation).await? {
                return self.follow(step).await;
            }
        }
    }

    async fn attempt(&mut self, step: u32, mutation: &Mutation) -> Flow<Tried> {
        // The call that nobody heard the answer of may have been another one than this: a hold that
        // lets pins go, a way back. That it was taken does not do this one's work.
        if let Some(open) = self.ledger.open.clone()
            && let Tried::Taken = self.settle().await?
            && (open.step, &open.mutation) == (step, mutation)
        {
            return Ok(Tried::Taken);
        }
        self.first_beat().await?;
        let attempt = self.ledger.attempts.get(&step).copied().unwrap_or_default() + 1;
        self.note(Entry::Intent { step, attempt, mutation: mutation.clone() })?;
        let ready = match self.make_ready(step, mutation).await {
            Ok(ready) => ready,
            Err(stop) => return self.not_sent((step, attempt), stop),
        };
        let token = format!("{}-{step}-{attempt}", self.run);
        match mutate::send(&self.aws, mutation, ready, &token).await {
            Ok(taken) => {
                self.failures = 0;
                let (request, operation) = (taken.request, taken.operation);
                self.outcome((step, attempt), Outcome::Accepted { request, operation })?;
                Ok(Tried::Taken)
            }
            Err(error) => self.refused((step, attempt), mutation, error).await,
        }
    }

    /// Reads what the call replaces and asks for the lock. Both come after the intent is on the disk,
    /// which may take minutes on a stalled one, and both are young when the call is sent.
    async fn make_ready(&mut self, step: u32, mutation: &Mutation) -> Flow<mutate::Ready> {
        for _ in 0..READY_TRIES {
            let read_at = self.clock.real_elapsed();
            let ready = match mutate::prepare(&self.aws, mutation).await {
                Ok(ready) => ready,
                Err(error) => {
                    self.after_failure(&error, "read what the call replaces").await?;
                    continue;
                }
            };
            self.as_expected(step, mutation, &ready)?;
            if !self.is_heard().await {
                self.pause(super::TRY_AGAIN).await?;
                continue;
            }
            let asked_at = self.clock.real_elapsed();
            self.fence().await?;
            let now = self.clock.real_elapsed();
            let sending = may_send(true, now.saturating_sub(asked_at), FenceSays::Held);
            if sending == Sending::Now && now.saturating_sub(read_at) <= READ_GOOD_FOR {
                self.aws.send_until(&self.clock, asked_at + FENCE_GOOD_FOR);
                return Ok(ready);
            }
            self.pause(super::TRY_AGAIN).await?;
        }
        let because = if self.is_heard().await {
            "answers take so long that the lock may be another run's by the time a call is sent; \
             nothing was sent. Check the way to AWS, then resume."
        } else {
            "this run's heartbeat has not been accepted for a minute, so another host may take it for \
             dead; nothing was sent. Check the way to AWS, then resume."
        };
        Err(Stop::Hold(HoldReason::TooLong, because.to_owned()))
    }

    /// A listener or a rule is written only while it forwards as the step expects: a value that nobody
    /// here has written is somebody else's decision.
    fn as_expected(&self, step: u32, mutation: &Mutation, ready: &mutate::Ready) -> Flow<()> {
        let (Mutation::Forward { action, to }, Some(found)) = (mutation, ready.forwards_to())
        else {
            return Ok(());
        };
        let step = self.plan().steps.iter().find(|one| one.number == step);
        if let Some(finds) = step.and_then(|step| step.finds.as_ref()) {
            return match restore(&finds.first, &finds.writes, Some(&found)) {
                // A write of an earlier try may be seen already.
                _ if found.is_alike(to) => Ok(()),
                Restore::Write(back) if back.is_alike(to) => Ok(()),
                _ => Err(changed_by_another(action, &[&finds.first], &found)),
            };
        }
        let known: Vec<&Forward> = step.map(|step| expected(step, action)).unwrap_or_default();
        if known.is_empty() || found.is_alike(to) || known.iter().any(|one| found.is_alike(one)) {
            return Ok(());
        }
        Err(changed_by_another(action, &known, &found))
    }

    /// Closes an intent whose call was never sent.
    fn not_sent(&mut self, numbers: (u32, u32), stop: Stop) -> Flow<Tried> {
        let why = match &stop {
            Stop::Hold(_, why) | Stop::Fail(why) | Stop::TurnBack(why) => why.as_str(),
            Stop::Abort => "the run was aborted",
        };
        let message = format!("not sent: {why}");
        let outcome = Outcome::Refused { kind: ErrorKind::Refused, message, request: None };
        self.outcome(numbers, outcome)?;
        Err(stop)
    }

    async fn refused(
        &mut self,
        (step, attempt): (u32, u32),
        mutation: &Mutation,
        error: SourceError,
    ) -> Flow<Tried> {
        let code = error.code.as_deref();
        let refusal = Refusal { kind: error.kind, status: error.status, code };
        match meaning(refusal, takes_away(mutation)) {
            Answer::Unknown => return self.unanswered(step, &error).await,
            Answer::Done | Answer::AlreadySo => {
                self.failures = 0;
                self.outcome((step, attempt), Outcome::AlreadyDone)?;
                return Ok(Tried::Taken);
            }
            Answer::NotDone | Answer::Throttled => {}
        }
        let again = is_busy(&error);
        let outcome = Outcome::Refused {
            kind: error.kind,
            message: error.message.clone(),
            request: error.request_id.clone(),
        };
        self.outcome((step, attempt), outcome)?;
        if error.kind == ErrorKind::Throttled {
            self.back_off(&error.operation).await?;
            return Ok(Tried::Again);
        }
        self.failures += 1;
        if again && self.failures <= super::TRIES {
            self.pause(super::TRY_AGAIN).await?;
            return Ok(Tried::Again);
        }
        self.failures = 0;
        Err(self.explained(step, mutation, &error))
    }

    /// Nobody knows whether the call was carried out: it is compared with the world before it is sent
    /// again.
    async fn unanswered(&mut self, step: u32, error: &SourceError) -> Flow<Tried> {
        tracing::warn!(%error, step, "no answer that says what was done: comparing with the world");
        self.failures += 1;
        let settled = self.settle().await?;
        if matches!(settled, Tried::Again) && self.failures > super::TRIES {
            self.failures = 0;
            return Err(stop_of(error, "carry the step out"));
        }
        Ok(settled)
    }

    /// Brings an intent to its end that was open when the run was to end early.
    pub(super) async fn settle_open(&mut self, open: &Open) -> Flow<()> {
        match self.settle().await? {
            Tried::Taken => self.follow(open.step).await,
            Tried::Again => Ok(()),
        }
    }

    /// Compares the open intent with the world, and notes what it shows.
    async fn settle(&mut self) -> Flow<Tried> {
        let Some(open) = self.ledger.open.clone() else { return Ok(Tried::Again) };
        let shown = self.compared(&open).await?;
        let numbers = (open.step, open.attempt);
        match shown {
            Shown::Taken => {
                self.outcome(numbers, Outcome::AlreadyDone)?;
                Ok(Tried::Taken)
            }
            Shown::NotTaken => {
                let message = "no answer was heard, and the world shows that it was not taken";
                let (kind, message) = (ErrorKind::TimedOut, message.to_owned());
                self.outcome(numbers, Outcome::Refused { kind, message, request: None })?;
                Ok(Tried::Again)
            }
            Shown::Partly(how) => Err(Stop::Hold(
                HoldReason::FactBroken,
                format!("step {} was sent and its answer not heard; now {how}", open.step),
            )),
            Shown::Unknown(why) => Err(Stop::Hold(
                HoldReason::Unknown,
                format!("step {} was sent and its answer not heard; {why}", open.step),
            )),
        }
    }

    /// What the world shows. That it shows nothing yet counts only when the call, had it been sent
    /// at the last moment, would have arrived or failed.
    async fn compared(&mut self, open: &Open) -> Flow<Shown> {
        // The limit of a call runs by real time, the journal's times by the world's.
        let rate = self.settings.clock.as_ref().map_or(1.0, |clock| clock.rate).max(1.0);
        let on_its_way = self.settings.aws.call_timeout.mul_f64(1.5 * rate);
        loop {
            let arrived = age(open.at, self.clock.now()) > on_its_way;
            let shown = self.look_back(open).await?;
            if shown != Shown::NotTaken || arrived {
                return Ok(shown);
            }
            self.pause(on_its_way / 10).await?;
        }
    }

    async fn look_back(&mut self, open: &Open) -> Flow<Shown> {
        if self.writes_what_is_there(open) {
            return Ok(Shown::NotTaken);
        }
        if let Some(shown) = self.operation_of(open).await? {
            return Ok(shown);
        }
        let reads = self.eye.show(|picture| needs(&open.mutation, picture));
        let missing = self.look(&reads).await?;
        if let Some((scope, error)) = missing.iter().next() {
            return Ok(Shown::Unknown(format!("{scope} could not be read: {error}")));
        }
        Ok(compare(&open.mutation, self.eye.inventory()))
    }

    /// An action written back unchanged (the proof that it may be written) leaves no trace to look
    /// for. It is written again: that changes nothing, and the proof is had.
    fn writes_what_is_there(&self, open: &Open) -> bool {
        let Mutation::Forward { action, to } = &open.mutation else { return false };
        let step = self.plan().steps.iter().find(|step| step.number == open.step);
        let is_fact = |step: &Step| {
            step.before.iter().any(|fact| {
                matches!(&fact.claim, Claim::Forwards { action: of, is } if of == action && is == to)
            })
        };
        step.is_some_and(is_fact)
    }

    /// A registry's write may have been accepted and not be seen yet; its operation tells.
    async fn operation_of(&mut self, open: &Open) -> Flow<Option<Shown>> {
        let (service, member, registers) = match &open.mutation {
            Mutation::RegisterInstance { service, member, .. } => (service, member, true),
            Mutation::DeregisterInstance { service, member } => (service, member, false),
            _ => return Ok(None),
        };
        // AWS gives whole seconds, and its clock is not ours.
        let since = open.at.checked_sub(Duration::from_secs(5)).unwrap_or(open.at);
        loop {
            let found =
                mutate::find_operation(&self.aws, (service, member), registers, since).await;
            let operation = match found {
                Ok(Some(operation)) => operation,
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.after_failure(&error, "look for the operation").await?;
                    continue;
                }
            };
            match mutate::follow_operation(&self.aws, &operation).await {
                Ok(Followed::Done) => return Ok(Some(Shown::Taken)),
                Ok(Followed::UnderWay) => self.pause(FOLLOW).await?,
                Ok(Followed::Failed(_)) => return Ok(Some(Shown::NotTaken)),
                Err(error) => self.after_failure(&error, "follow the operation").await?,
            }
        }
    }

    /// Follows a step's operation to its end: that a call was accepted says nothing yet.
    pub(super) async fn follow(&mut self, step: u32) -> Flow<()> {
        let Some(sent) = self.ledger.sent.get(&step).cloned() else { return Ok(()) };
        let Some(operation) = sent.operation else { return Ok(()) };
        loop {
            match mutate::follow_operation(&self.aws, &operation).await {
                Ok(Followed::Done) => return Ok(()),
                Ok(Followed::UnderWay) if age(sent.at, self.clock.now()) > OPERATION_MOST => {
                    let because = format!("operation {operation} is still under way");
                    return Err(Stop::Hold(HoldReason::TooLong, because));
                }
                Ok(Followed::UnderWay) => self.pause(FOLLOW).await?,
                Ok(Followed::Failed(error))
                    if error.kind == ErrorKind::NotFound && self.takes_away(step) =>
                {
                    return Ok(());
                }
                Ok(Followed::Failed(error)) => {
                    let attempt = self.ledger.attempts.get(&step).copied().unwrap_or(1);
                    let outcome = Outcome::Refused {
                        kind: error.kind,
                        message: error.message.clone(),
                        request: None,
                    };
                    self.outcome((step, attempt), outcome)?;
                    return Err(stop_of(&error, "carry the step out"));
                }
                Err(error) => self.after_failure(&error, "follow the operation").await?,
            }
        }
    }

    /// Whether what a step sends takes something away.
    fn takes_away(&self, step: u32) -> bool {
        let step = self.plan().steps.iter().find(|one| one.number == step);
        let action = step.map(|step| &step.action);
        matches!(action, Some(StepAction::Change(mutation)) if takes_away(mutation))
    }

    fn outcome(&mut self, (step, attempt): (u32, u32), outcome: Outcome) -> Flow<()> {
        Ok(self.note(Entry::Outcome { step, attempt, outcome })?)
    }

    /// The hold after a call was refused. Where one listener of several was denied, it says which
    /// are shifted and which are not.
    fn explained(&self, step: u32, mutation: &Mutation, error: &SourceError) -> Stop {
        let permission = mutation.permission();
        let what = format!("carry step {step} out ({permission})");
        let stop = stop_of(error, &what);
        match (stop, self.split_at(step)) {
            (Stop::Hold(reason, because), Some(split)) => {
                Stop::Hold(reason, format!("{because} {split}"))
            }
            (stop, _) => stop,
        }
    }

    /// The listeners of the steps around this one that forward as planned, and those that do not.
    fn split_at(&self, step: u32) -> Option<String> {
        let forwards =
            |one: &&Step| matches!(&one.action, StepAction::Change(Mutation::Forward { .. }));
        let steps = &self.plan().steps;
        let at = steps.iter().position(|one| one.number == step)?;
        let before = steps[..at].iter().rev().take_while(forwards);
        let done: Vec<&str> = before.map(|one| one.title.as_str()).collect();
        let open: Vec<&str> =
            steps[at..].iter().take_while(forwards).map(|one| one.title.as_str()).collect();
        if done.is_empty() || open.is_empty() || !steps[at].shifting {
            return None;
        }
        Some(format!(
            "listeners_split: done are {}; not done are {}. Resume to try again, or roll back.",
            done.join(", "),
            open.join(", ")
        ))
    }
}

/// The hold of a run that finds a listener or a rule as neither the plan nor the run left it.
fn changed_by_another(action: &ActionId, known: &[&Forward], found: &Forward) -> Stop {
    let known: Vec<String> = known.iter().map(|one| in_words(one)).collect();
    let because = format!(
        "expected {} to send to {}; it sends to {}: somebody else has changed it. It was not \
         overwritten",
        arn_name(action.rule.as_deref().unwrap_or(action.listener.as_str())),
        known.join(", or to "),
        in_words(found)
    );
    Stop::Hold(HoldReason::FactBroken, because)
}

/// What a step may find where it writes, by its facts.
fn expected<'a>(step: &'a Step, of: &ActionId) -> Vec<&'a Forward> {
    let facts = step.before.iter().filter_map(|fact| match &fact.claim {
        Claim::Forwards { action, is } if action == of => Some(is),
        _ => None,
    });
    facts.collect()
}

/// Where new connections go, in words.
fn in_words(forward: &Forward) -> String {
    let one = |of: &WeightedGroup| format!("{} {}", arn_name(of.target_group.as_str()), of.weight);
    let all: Vec<String> = forward.groups.iter().map(one).collect();
    if all.is_empty() { "no target group".to_owned() } else { all.join(" / ") }
}

/// An ARN without what all of its kind have in common.
fn arn_name(arn: &str) -> &str {
    let name = arn.rsplit(':').next().unwrap_or(arn);
    name.strip_prefix("targetgroup/").and_then(|rest| rest.split('/').next()).unwrap_or(name)
}

/// Whether a call takes something away, so that finding it gone is what it wanted.
fn takes_away(mutation: &Mutation) -> bool {
    matches!(
        mutation,
        Mutation::DeregisterInstance { .. }
            | Mutation::DeregisterTargets { .. }
            | Mutation::DetachTargetGroups { .. }
    )
}

/// Somebody else's change of the same thing is under way.
fn is_busy(error: &SourceError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    let busy =
        ["DuplicateRequest", "ResourceContention", "ResourceInUse", "ScalingActivityInProgress"];
    busy.iter().any(|word| code.starts_with(word))
}
