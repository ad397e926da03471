//! A run's journal in words, a line each.

use super::table::clean;
use crate::core::ids::InstanceId;
use crate::core::plan::guard::Effect;
use crate::core::plan::{Answer, Claim, GuardReport, Plan, StepAction};
use crate::core::rings::{SafeToStop, StopVerdict};
use crate::core::run::journal::{End, Entry, Outcome};
use crate::core::run::{Ask, Line, Who};

/// One line of a journal.
pub(super) fn said(line: &Line, plan: Option<&Plan>) -> String {
    let at = line.at.strftime("%H:%M:%SZ");
    let (step, text) = text(&line.entry, plan);
    let of = plan.map_or(0, |plan| plan.steps.len());
    let step = step.filter(|step| *step > 0).map_or(String::new(), |step| format!("{step}/{of}"));
    format!("{}\n", clean(format!("{at}  {step:>6}  {text}").trim_end()))
}

fn text(entry: &Entry, plan: Option<&Plan>) -> (Option<u32>, String) {
    let title = |number: u32| {
        let step = plan.and_then(|plan| plan.steps.iter().find(|step| step.number == number));
        step.map_or_else(|| format!("step {number}"), |step| step.title.clone())
    };
    match entry {
        Entry::Opened { run, approved, .. } => {
            (None, format!("run {run}: {} by {}", approved.plan.intent.verb(), who(&approved.by)))
        }
        Entry::TakenUp { by, pid } => (None, format!("taken up by process {pid} of {}", who(by))),
        Entry::Cut { bytes } => (None, format!("{bytes} bytes of a torn last line were cut off")),
        Entry::StepBegan { step } => (Some(*step), title(*step)),
        Entry::Intent { step, attempt, mutation } => {
            let again = if *attempt > 1 { format!(", try {attempt}") } else { String::new() };
            (Some(*step), format!("about to call {}{again}", mutation.permission()))
        }
        Entry::Outcome { step, outcome, .. } => (Some(*step), self::outcome(outcome)),
        Entry::Seen { step, answers } => (Some(*step), seen(answers)),
        Entry::Guards { step, reports } => (Some(*step), guards(reports)),
        Entry::StepDone { step } => (Some(*step), "done".to_owned()),
        Entry::Locked { token, scope } => {
            let on = scope.as_ref().map(|of| format!(" on {}", of.name())).unwrap_or_default();
            (None, format!("lock {token} taken{on}"))
        }
        Entry::TakingOver { token, from } => {
            (None, format!("about to take lock {token} from {from}"))
        }
        Entry::NotTold { event, because } => {
            (None, format!("webhook not told of {event}: {because}"))
        }
        Entry::Recorded { services, .. } => (None, record("written", services)),
        Entry::DroppingRecord { services } => (None, record("about to be deleted", services)),
        Entry::Unlocking { token } => (None, format!("gives lock {token} back")),
        Entry::Unlocked { token } => (None, format!("lock {token} given back")),
        Entry::Throttled { step, call } => (Some(*step), format!("{call} is throttled: waiting")),
        Entry::Held { reason, because } => (None, format!("HOLDS ({reason}): {because}")),
        Entry::Asked { ask: Ask::Override { guard, reason }, by } => {
            (None, format!("{} overrides {guard} for the rest of the run: {reason}", who(by)))
        }
        Entry::Asked { ask, by } => {
            let word = format!("{ask:?}").to_lowercase();
            (None, format!("{} asked: {word}", who(by)))
        }
        Entry::ProcessEnded { because } => {
            (None, format!("its process ended ({because}); the run holds"))
        }
        Entry::Unknown { name } => {
            (None, format!("{name}: another version's note, not known to this one"))
        }
        Entry::GoesOn => (None, "goes on".to_owned()),
        Entry::PinsReleased { what } => (None, format!("pins released: {what}")),
        Entry::TurnedBack { because, plan } => {
            let steps = plan.steps.len();
            (None, format!("TURNS BACK by itself, in {steps} steps: {because}"))
        }
        Entry::SafeToStop { nodes } => (None, stops(nodes)),
        Entry::Ended { end } => (None, self::end(end)),
    }
}

fn seen(answers: &[(Claim, Answer)]) -> String {
    match answers.iter().find(|(_, answer)| !answer.holds()) {
        None => format!("{} facts hold", answers.len()),
        Some((_, answer)) => self::answer(answer),
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { request, .. } => {
            let request = request.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default();
            format!("accepted{request}")
        }
        Outcome::AlreadyDone => "had been taken already; not sent again".to_owned(),
        Outcome::Refused { kind, message, .. } => format!("refused, {kind}: {message}"),
    }
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Holds => "holds".to_owned(),
        Answer::Broken { was, is } => format!("expected {was}; found {is}"),
        Answer::Unknown { why, what } => format!("cannot tell {what}: {why}"),
    }
}

fn guards(reports: &[GuardReport]) -> String {
    let bad = reports.iter().filter(|report| report.effect != Effect::Passes);
    let bad: Vec<String> = bad.map(|one| format!("{} {}", one.guard, one.effect)).collect();
    format!("guards: {}", if bad.is_empty() { "all pass".to_owned() } else { bad.join(", ") })
}

fn record(what: &str, services: &[String]) -> String {
    format!("rollback record {what}: {}", services.join(", "))
}

fn stops(nodes: &[(InstanceId, SafeToStop)]) -> String {
    let said: Vec<String> = nodes.iter().map(|(id, told)| stop(id.as_str(), told)).collect();
    said.join("; ")
}

/// Whether a node may be stopped: the verdict, what is against it, what gets it there.
pub(super) fn stop(id: &str, told: &SafeToStop) -> String {
    let against = told.reasons.iter().filter(|of| of.verdict != StopVerdict::Yes);
    let against: Vec<&str> = against.map(|reason| reason.text.as_str()).collect();
    let reasons =
        if against.is_empty() { String::new() } else { format!(": {}", against.join(", ")) };
    let run = if told.commands.is_empty() {
        String::new()
    } else {
        format!("; run {}", told.commands.join(", then "))
    };
    format!("{id} safe to stop: {}{reasons}{run}", told.verdict)
}

/// How a run ended.
pub(super) fn end(end: &End) -> String {
    match end {
        End::Done => "DONE".to_owned(),
        End::Aborted => "ABORTED".to_owned(),
        End::RolledBack { by } => format!("ROLLED BACK by {by}"),
        End::Failed { because } => format!("FAILED: {because}"),
    }
}

/// Somebody by name, host and origin.
pub(super) fn who(who: &Who) -> String {
    let name = match (&who.user, who.uid) {
        (Some(user), _) => user.clone(),
        (None, Some(uid)) => format!("uid {uid}"),
        (None, None) => "somebody".to_owned(),
    };
    let host = who.host.as_ref().map(|host| format!("@{host}")).unwrap_or_default();
    let from = who.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    format!("{name}{host}{from}")
}

/// What a step does, in a word.
pub(super) fn action(action: &StepAction) -> String {
    match action {
        StepAction::Lock => "lock".to_owned(),
        StepAction::Change(mutation) => mutation.permission().to_owned(),
        StepAction::Wait => "wait".to_owned(),
        StepAction::Watch => "watch".to_owned(),
        StepAction::Gate(gate) => format!("gate {gate}"),
        StepAction::Unlock => "unlock".to_owned(),
    }
}
