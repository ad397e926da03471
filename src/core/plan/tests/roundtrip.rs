//! Every kind of plan and of journal line survives being written and read, and a journal folds into
//! the run it tells of.

use super::*;
use crate::core::error::ErrorKind;
use crate::core::plan::guard::{Verdict, Weight};
use crate::core::run::journal::End;
use crate::core::run::{Ask, HoldReason, RunState};
use proptest::prelude::*;
use proptest::strategy::Strategy;
use std::time::Duration;

fn read_back<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
    value: &T,
) {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
}

/// A plan of every verb and strategy.
fn plans() -> Vec<Plan> {
    let mut wrong = world();
    wrong.node(&blue(0)).attributes = None;
    wrong.strangers = vec![crate::core::inventory::Member::new(
        "i-0dead0dead0dead00".into(),
        entry("127.9.9.9", "blue"),
    )];
    let mut standing = world();
    standing.node(&blue(0)).lifecycle = "Standby";
    let intents = [
        (&wrong, Intent::Reregister { nodes: vec![blue(0)] }),
        (&wrong, Intent::Repair { stack: "blue".into() }),
        (&wrong, Intent::Deregister { members: vec!["i-0dead0dead0dead00".into()] }),
        (&standing, Intent::Undrain { nodes: vec![blue(0)] }),
        (&world(), drain(&[blue(0)])),
        (&world(), cutover()),
        (&attach_world(), cutover()),
    ];
    let mut plans: Vec<_> = intents
        .into_iter()
        .map(|(world, intent)| planned(world, &wish(intent, |_| ())).unwrap())
        .collect();
    let targets = wish(drain(&[blue(0)]), |of| {
        of.options.method = Some(DrainMethod::Targets);
        of.options.min_healthy = MinHealthy::Count(1);
        of.options.overrides = [GuardName::Velocity, GuardName::ZoneCover].into();
        of.options.reason = Some("a drill".into());
        of.options.remove_members = true;
    });
    plans.push(planned(&world(), &targets).unwrap());
    let run = run_of(&plans[5], 12);
    let context = Context { runs: vec![run], ..context() };
    let back = wish(Intent::Rollback { run: RunId::from("r-1") }, |_| ());
    plans.push(planned_in(&world(), &back, &context).unwrap());
    plans
}

#[test]
fn every_plan_reads_back_and_its_digest_with_it() {
    for plan in plans() {
        read_back(&plan);
        let text = serde_json::to_string(&plan).unwrap();
        let read: Plan = serde_json::from_str(&text).unwrap();
        assert_eq!(file::digest(&read), plan.digest);
        assert!(!diff(&plan).is_empty(), "{:?}", plan.intent);
        for (number, step) in (1..).zip(&plan.steps) {
            assert_eq!(step.number, number);
            assert!(!step.title.is_empty() && !step.because.is_empty(), "{step:?}");
            assert!(step.limit >= step.at_least, "{}", step.title);
        }
    }
}

#[test]
fn a_diff_says_what_becomes_of_what() {
    let plan =
        planned(&world(), &wish(cutover(), |of| of.options.schedule = Some(vec![100]))).unwrap();
    let lines = diff(&plan);
    let moves: Vec<_> = lines.iter().filter(|line| line.thing == "listener :3100").collect();
    assert_eq!(moves.len(), 1, "{lines:#?}");
    assert_eq!(moves[0].before, "blue-3100 100, green-3100 0");
    assert_eq!(moves[0].after, "blue-3100 0, green-3100 100");
}

fn entries() -> Vec<Entry> {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let mut all: Vec<Entry> = journal(&plan, 12).into_iter().map(|line| line.entry).collect();
    let who = Who { user: Some("ann".into()), arn: Some("arn:x".into()), ..Who::default() };
    let mutation = mutations(&plan)[0].clone();
    let claim = plan.steps[1].before[0].claim.clone();
    let unknown = Answer::Unknown { why: crate::core::observed::Why::Partial, what: "it".into() };
    let outcomes = [
        Outcome::Accepted { request: None, operation: Some("op-1".into()) },
        Outcome::AlreadyDone,
        Outcome::Refused {
            kind: ErrorKind::Denied,
            message: "no".into(),
            request: Some("r".into()),
        },
    ];
    all.extend(outcomes.map(|outcome| Entry::Outcome { step: 2, attempt: 2, outcome }));
    all.extend(
        [Ask::Hold, Ask::Resume, Ask::Abort].map(|ask| Entry::Asked { ask, by: who.clone() }),
    );
    let ends = [
        End::Done,
        End::Aborted,
        End::RolledBack { by: RunId::from("r-2") },
        End::Failed { because: "it could not".into() },
    ];
    all.extend(ends.map(|end| Entry::Ended { end }));
    all.extend([
        Entry::TakenUp { by: who, pid: 7 },
        Entry::Cut { bytes: 12 },
        Entry::Intent { step: 2, attempt: 2, mutation },
        Entry::Seen { step: 2, answers: vec![(claim.clone(), Answer::Holds), (claim, unknown)] },
        Entry::Guards { step: 2, reports: plan.guards.clone() },
        Entry::Locked { token: "srv-9".into(), scope: None },
        Entry::Recorded { services: vec!["srv-8".into()], checksum: "ab".into() },
        Entry::DroppingRecord { services: vec!["srv-8".into()] },
        Entry::Unlocking { token: "srv-9".into() },
        Entry::Unlocked { token: "srv-9".into() },
        Entry::Throttled { step: 2, call: "DescribeTargetHealth".into() },
        Entry::Held { reason: HoldReason::TooLong, because: "it is late".into() },
        Entry::GoesOn,
        Entry::PinsReleased { what: "green-asg".into() },
        Entry::TurnedBack { because: "capacity".into(), plan: Box::new(plan.clone()) },
        Entry::SafeToStop { nodes: vec![("i-1".into(), stop())] },
    ]);
    all
}

#[test]
fn every_line_of_a_journal_reads_back() {
    for line in lines(entries()) {
        read_back(&line);
    }
}

#[test]
fn a_journal_folds_into_its_run() {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let told = |more: Vec<Entry>| {
        let mut all: Vec<Entry> = journal(&plan, 2).into_iter().map(|line| line.entry).collect();
        all.extend(more);
        Run::fold(&lines(all)).unwrap()
    };
    let run = told(vec![]);
    assert_eq!((run.id.as_str(), run.at_step, run.state), ("r-1", Some(2), RunState::Running));
    assert_eq!(run.steps[1].requests, ["req-2"]);
    assert!(run.steps[1].sent.is_some() && run.steps[1].done.is_some());
    assert_eq!(run.steps[2], Default::default());
    let held = Entry::Held { reason: HoldReason::Gate, because: "gate".into() };
    assert!(matches!(
        told(vec![held.clone()]).state,
        RunState::Held { reason: HoldReason::Gate, .. }
    ));
    assert_eq!(told(vec![held, Entry::GoesOn]).state, RunState::Running);
    let locked = Entry::Locked { token: "srv-9".into(), scope: None };
    assert_eq!(told(vec![locked.clone()]).lock.as_deref(), Some("srv-9"));
    assert_eq!(told(vec![locked, Entry::Unlocked { token: "srv-9".into() }]).lock, None);
    let throttled = Entry::Throttled { step: 3, call: "X".into() };
    assert_eq!(told(vec![throttled.clone()]).throttled.as_deref(), Some("X"));
    let seen = |answer| Entry::Seen {
        step: 3,
        answers: vec![(plan.steps[1].before[0].claim.clone(), answer)],
    };
    let broken = Answer::Broken { was: "a".into(), is: "b".into() };
    let run = told(vec![throttled, seen(broken.clone())]);
    assert_eq!(
        (run.throttled, run.steps[2].waiting_for.as_slice()),
        (None, &["a; now b".to_owned()][..])
    );
    assert!(told(vec![seen(broken), seen(Answer::Holds)]).steps[2].waiting_for.is_empty());
    assert!(
        told(vec![Entry::StepBegan { step: 99 }, Entry::StepDone { step: 99 }]).state
            == RunState::Running
    );
    for (end, state) in [
        (End::Done, RunState::Done),
        (End::Aborted, RunState::Aborted),
        (
            End::RolledBack { by: RunId::from("r-2") },
            RunState::RolledBack { by: RunId::from("r-2") },
        ),
    ] {
        let run = told(vec![Entry::Ended { end }]);
        assert!(run.state == state && run.state.is_over());
    }
    let whole = run_of(&plan, plan.steps.len());
    assert_eq!(whole.at_step, None, "after the last");
    assert_eq!(Run::fold(&[]), None);
    assert_eq!(Run::fold(&lines(vec![Entry::GoesOn])), None, "no opening");
}

/// Any text in any place that takes one.
#[expect(clippy::too_many_lines, reason = "a table, a row a kind")]
fn mutation() -> impl Strategy<Value = Mutation> {
    let text = ".{0,12}";
    let ids = || proptest::collection::vec(text.prop_map(crate::core::ids::InstanceId::from), 0..3);
    let words = || proptest::collection::btree_set(text, 0..3);
    let map = || proptest::collection::btree_map(text, text, 0..3);
    let arns =
        || proptest::collection::vec(text.prop_map(crate::core::ids::TargetGroupArn::from), 0..3);
    let targets = || {
        proptest::collection::vec((text, any::<u16>()), 0..3).prop_map(|all| {
            all.into_iter().map(|(id, port)| Target { id: id.into(), port }).collect::<Vec<_>>()
        })
    };
    let forward =
        (proptest::collection::vec((text, 0_u32..1000), 0..5), any::<bool>(), any::<Option<u32>>())
            .prop_map(|(groups, sticky, sticky_seconds)| crate::core::inventory::Forward {
                groups: groups
                    .into_iter()
                    .map(|(arn, weight)| crate::core::inventory::WeightedGroup {
                        target_group: arn.into(),
                        weight,
                    })
                    .collect(),
                sticky,
                sticky_seconds,
            });
    prop_oneof![
        (text, text, map()).prop_map(|(service, member, attributes)| Mutation::RegisterInstance {
            service: service.into(),
            member: member.into(),
            attributes
        }),
        (text, text).prop_map(|(service, member)| Mutation::DeregisterInstance {
            service: service.into(),
            member: member.into()
        }),
        (text, targets()).prop_map(|(group, targets)| Mutation::RegisterTargets {
            group: group.into(),
            targets
        }),
        (text, targets()).prop_map(|(group, targets)| Mutation::DeregisterTargets {
            group: group.into(),
            targets
        }),
        (text, ids()).prop_map(|(group, instances)| Mutation::EnterStandby {
            group: group.into(),
            instances
        }),
        (text, ids()).prop_map(|(group, instances)| Mutation::ExitStandby {
            group: group.into(),
            instances
        }),
        (text, any::<Option<u8>>(), forward).prop_map(|(listener, rule, to)| Mutation::Forward {
            action: ActionId { listener: listener.into(), rule: rule.map(|of| of.to_string()) },
            to
        }),
        (text, arns()).prop_map(|(group, target_groups)| Mutation::AttachTargetGroups {
            group: group.into(),
            target_groups
        }),
        (text, arns()).prop_map(|(group, target_groups)| Mutation::DetachTargetGroups {
            group: group.into(),
            target_groups
        }),
        (text, words())
            .prop_map(|(group, processes)| Mutation::Suspend { group: group.into(), processes }),
        (text, words())
            .prop_map(|(group, processes)| Mutation::Resume { group: group.into(), processes }),
    ]
}

fn report_of() -> impl Strategy<Value = GuardReport> {
    let verdict = (0_u8..5, ".{0,12}").prop_map(|(kind, because)| match kind {
        0 => Verdict::Pass { because },
        1 => Verdict::Warn { because },
        2 => Verdict::Block { because },
        3 => Verdict::Unknown { because },
        _ => Verdict::NotApplicable { because },
    });
    (verdict, any::<bool>()).prop_map(|(verdict, overridden)| {
        let weight = Weight::BlocksUnlessOverridden;
        let effect = verdict.effect(weight, overridden);
        GuardReport { guard: GuardName::Capacity, verdict, weight, effect }
    })
}

proptest! {
    #[test]
    fn any_plan_and_line_reads_back(
        all in proptest::collection::vec(mutation(), 1..4),
        reports in proptest::collection::vec(report_of(), 0..3),
        millis in 0_u64..10_000_000,
        words in proptest::collection::vec(".{0,20}", 0..3),
    ) {
        let mut plan = planned(&world(), &wish(drain(&[blue(0)]), |_| ())).unwrap();
        let time = Duration::from_millis(millis);
        for (step, mutation) in plan.steps.iter_mut().zip(&all) {
            step.action = StepAction::Change(mutation.clone());
            step.undo = Some(mutation.clone());
            step.limit = time;
        }
        plan.options.settle = time;
        plan.guards.clone_from(&reports);
        plan.notes.clone_from(&words);
        plan.digest = file::digest(&plan);
        read_back(&plan);
        let read: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        prop_assert_eq!(file::digest(&read), plan.digest);
        let mutations = all.into_iter().map(|mutation| Entry::Intent { step: 1, attempt: 1, mutation });
        for line in lines(mutations.chain([Entry::Guards { step: 1, reports }]).collect()) {
            read_back(&line);
        }
    }
}

fn stop() -> crate::core::rings::SafeToStop {
    use crate::core::rings::{Reason, SafeToStop, StopVerdict};
    let reason = Reason { verdict: StopVerdict::No, text: "it is active".into() };
    let commands = vec!["docker compose stop".to_owned()];
    SafeToStop { verdict: StopVerdict::No, reasons: vec![reason], commands }
}
