//! Every rule of a journal, broken once.

use super::*;
use crate::core::error::ErrorKind;
use crate::core::inventory::WeightedGroup;
use crate::core::plan::{ApprovedPlan, Confirmation, Gate, LockScope, Options, PastLimit, SCHEMA};
use crate::core::run::journal::{End, Outcome};
use crate::core::run::{RunId, Who};
use jiff::Timestamp;
use std::time::Duration;

fn forward(blue: u32, green: u32) -> Mutation {
    let group = |name: &str, weight| WeightedGroup { target_group: name.into(), weight };
    let groups = vec![group("blue", blue), group("green", green)];
    let to = Forward { groups, ..Forward::default() };
    Mutation::Forward { action: ActionId { listener: "front".into(), rule: None }, to }
}

fn pin(suspend: bool) -> Mutation {
    let (group, processes) = ("blue".into(), BTreeSet::from(["AZRebalance".to_owned()]));
    if suspend {
        Mutation::Suspend { group, processes }
    } else {
        Mutation::Resume { group, processes }
    }
}

/// Lock, pin, a gate, two shifts, unpin, unlock.
fn plan() -> Plan {
    let actions = [
        (StepAction::Lock, None),
        (StepAction::Change(pin(true)), Some(pin(false))),
        (StepAction::Gate(Gate::BeforeShift), None),
        (StepAction::Change(forward(90, 10)), Some(forward(100, 0))),
        (StepAction::Change(forward(0, 100)), Some(forward(90, 10))),
        (StepAction::Change(pin(false)), None),
        (StepAction::Unlock, None),
    ];
    let step = |(number, (action, undo)): (u32, (StepAction, Option<Mutation>))| Step {
        number,
        title: format!("step {number}"),
        action,
        before: Vec::new(),
        after: Vec::new(),
        limit: Duration::ZERO,
        past_limit: PastLimit::Hold,
        at_least: Duration::ZERO,
        because: String::new(),
        undo,
        finds: None,
        shifting: false,
        capacity: Vec::new(),
    };
    let text = serde_json::json!({
        "schema": SCHEMA, "account": "1", "region": "r", "made_at": Timestamp::UNIX_EPOCH,
        "intent": Intent::Cutover { from: "blue".into(), to: "green".into() },
        "options": Options::default(), "giving": "blue", "receiving": "green",
        "confirmation": Confirmation::YesNo,
        "lock": LockScope::LoadBalancer("arn".into(), "front".into()),
        "guards": [], "undo": [], "notes": [],
        "steps": (1..).zip(actions).map(step).collect::<Vec<_>>(),
    });
    serde_json::from_value(text).unwrap()
}

fn opened(rules: u32) -> Entry {
    let approved = ApprovedPlan {
        plan: plan(),
        approved_at: Timestamp::UNIX_EPOCH,
        by: Who::default(),
        typed: "blue".into(),
    };
    let (run, approved) = (RunId::from("r-1"), Box::new(approved));
    Entry::Opened { run, approved, version: "0".into(), rules }
}

fn began(step: u32) -> Entry {
    Entry::StepBegan { step }
}

fn done(step: u32) -> Entry {
    Entry::StepDone { step }
}

fn sends(step: u32, attempt: u32, mutation: Mutation) -> Entry {
    Entry::Intent { step, attempt, mutation }
}

fn accepted(step: u32, attempt: u32) -> Entry {
    let outcome = Outcome::Accepted { request: None, operation: None };
    Entry::Outcome { step, attempt, outcome }
}

fn refused(step: u32, attempt: u32) -> Entry {
    let outcome =
        Outcome::Refused { kind: ErrorKind::TimedOut, message: String::new(), request: None };
    Entry::Outcome { step, attempt, outcome }
}

fn held(reason: HoldReason) -> Entry {
    Entry::Held { reason, because: String::new() }
}

fn asked(ask: Ask) -> Entry {
    Entry::Asked { ask, by: Who::default() }
}

fn token() -> String {
    "srv-1".into()
}

/// A cutover from its first line to its last; line 1 is the opening.
fn whole() -> Vec<Entry> {
    let locked: Entry =
        serde_json::from_value(serde_json::json!({ "entry": "locked", "token": token() })).unwrap();
    let services = || vec!["srv-2".to_owned()];
    vec![
        opened(1),
        began(1),
        locked,
        Entry::Recorded { services: services(), checksum: String::new() },
        done(1),
        began(2),
        sends(2, 1, pin(true)),
        accepted(2, 1),
        done(2),
        began(3),
        held(HoldReason::Gate),
        asked(Ask::Resume),
        Entry::GoesOn,
        done(3),
        began(4),
        sends(4, 1, forward(90, 10)),
        refused(4, 1),
        sends(4, 2, forward(90, 10)),
        accepted(4, 2),
        done(4),
        began(5),
        sends(5, 1, forward(0, 100)),
        accepted(5, 1),
        done(5),
        began(6),
        sends(6, 1, pin(false)),
        accepted(6, 1),
        done(6),
        began(7),
        Entry::DroppingRecord { services: services() },
        Entry::Unlocking { token: token() },
        Entry::Unlocked { token: token() },
        done(7),
        Entry::Ended { end: End::Done },
    ]
}

fn broken(entries: Vec<Entry>) -> Option<(u64, Rule)> {
    let line = |(number, entry)| Line {
        number,
        at: Timestamp::UNIX_EPOCH,
        before: String::new(),
        entry,
        hash: String::new(),
    };
    let lines: Vec<Line> = (1..).zip(entries).map(line).collect();
    Checker::check(&lines).err().map(|error| (error.line, error.rule))
}

/// The journal up to a line, and then these.
fn then(line: usize, more: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
    whole().into_iter().take(line).chain(more).collect()
}

/// The journal without some lines.
fn without(lines: std::ops::RangeInclusive<usize>) -> Vec<Entry> {
    let kept = (1..).zip(whole()).filter(|(number, _)| !lines.contains(number));
    kept.map(|(_, entry)| entry).collect()
}

#[test]
fn a_cutover_is_lawful_at_each_of_its_lines() {
    for through in 1..=whole().len() {
        assert_eq!(broken(then(through, [])), None, "the first {through} lines");
    }
}

#[test]
fn each_rule_names_the_first_line_that_breaks_it() {
    let rows = [
        (without(1..=1), 1, Rule::OpensOnce),
        (then(4, [opened(1)]), 5, Rule::OpensOnce),
        (then(34, [began(7)]), 35, Rule::NothingAfterTheEnd),
        (without(3..=4), 3, Rule::DoneMeansDone),
        (without(3..=5), 3, Rule::StepsInOrder),
        (without(4..=4), 6, Rule::RecordFirst),
        (without(8..=8), 8, Rule::DoneMeansDone),
        (without(11..=13), 11, Rule::GatesByAPerson),
        (without(12..=12), 12, Rule::GoesOnByAWord),
        (without(12..=13), 12, Rule::StillWhileHeld),
        (without(17..=17), 17, Rule::OneIntentAtATime),
        (without(16..=18), 16, Rule::IntentFirst),
        (then(19, [sends(4, 3, forward(90, 10))]), 20, Rule::NothingTwice),
        (then(17, [sends(4, 3, forward(90, 10))]), 18, Rule::AttemptsInOrder),
        (then(15, [sends(4, 1, forward(50, 50))]), 16, Rule::OnlyWhatIsPlanned),
        (then(15, [sends(5, 1, forward(0, 100))]), 16, Rule::StepsInOrder),
        (without(20..=20), 20, Rule::StepsInOrder),
        (then(20, [began(4)]), 21, Rule::StepsInOrder),
        (then(20, [Entry::DroppingRecord { services: vec![] }]), 21, Rule::RecordStays),
        (then(24, [Entry::Unlocking { token: token() }]), 25, Rule::PinsBeforeTheLock),
        (then(28, [Entry::Unlocking { token: "srv-9".into() }]), 29, Rule::UnlocksItsOwn),
        (then(28, [Entry::Unlocked { token: token() }]), 29, Rule::UnlocksItsOwn),
        (then(31, [sends(6, 2, pin(false))]), 32, Rule::LockFirst),
        (then(19, [asked(Ask::Abort), began(5)]), 21, Rule::NoTrafficInAnAbort),
        (then(28, [Entry::Ended { end: End::Done }]), 29, Rule::EndsClean),
        (then(28, [Entry::Ended { end: End::Aborted }]), 29, Rule::EndsClean),
        (
            then(2, [Entry::TakingOver { token: token(), from: "x".into() }]),
            3,
            Rule::TakesOverWhatItMay,
        ),
    ];
    for (number, (entries, line, rule)) in rows.into_iter().enumerate() {
        assert_eq!(broken(entries), Some((line, rule)), "row {number}");
    }
}

#[test]
fn a_journal_of_a_version_without_a_record_is_excused() {
    let mut old = without(4..=4);
    old[0] = opened(0);
    old.retain(|entry| !matches!(entry, Entry::DroppingRecord { .. }));
    assert_eq!(broken(old), None);
}

#[test]
fn an_abort_keeps_the_record_of_split_traffic() {
    let ends = [
        asked(Ask::Abort),
        sends(2, 2, pin(false)),
        accepted(2, 2),
        Entry::Unlocking { token: token() },
        Entry::Unlocked { token: token() },
        Entry::Ended { end: End::Aborted },
    ];
    assert_eq!(broken(then(20, ends.clone())), None);
    let mut drops = ends.to_vec();
    drops.insert(3, Entry::DroppingRecord { services: vec![] });
    assert_eq!(broken(then(20, drops)), Some((24, Rule::RecordStays)));
}
