//! The table of guards, and what no other test says of single guards.

use super::guards::{exit_code, weight};
use super::*;
use crate::core::plan::file::digest;
use crate::core::plan::guard::{Column, Verdict, Weight};
use std::collections::BTreeMap;
use strum::IntoEnumIterator;

/// The table of safety.md, a row a guard: registry verbs, drain, cutover, rollback; takeover, and
/// takeover with a rollback.
#[test]
fn the_table() {
    use GuardName as G;
    let rows = [
        (G::Identity, "B B B B B B"),
        (G::Lock, "B B B - O O"),
        (G::FreshReads, "B B B W W W"),
        (G::Ready, "O - - - - -"),
        (G::ProvenGone, "B - - - - -"),
        (G::Floor, "B B B B - B"),
        (G::ZoneCover, "- O W W - W"),
        (G::Velocity, "W O - - - -"),
        (G::Capacity, "- - O W - W"),
        (G::Registry, "- - O W - W"),
        (G::Rings, "- W O W - W"),
        (G::RingDebris, "- W W W - W"),
        (G::ChangeInFlight, "W O O W - W"),
        (G::Dependency, "- O O W - W"),
        (G::OwnHost, "- O W - - -"),
        (G::UndoReady, "W W O - - -"),
        (G::Limits, "- B B B - B"),
        (G::Versions, "- - W W - W"),
    ];
    assert_eq!(rows.len(), GuardName::iter().count());
    for (guard, cells) in rows {
        let is: Vec<_> = Column::iter()
            .map(|column| match weight(guard, column) {
                Weight::None => "-",
                Weight::Warns => "W",
                Weight::Blocks => "B",
                Weight::BlocksUnlessOverridden => "O",
            })
            .collect();
        assert_eq!(is.join(" "), cells, "{guard}");
        assert!(guard.sentence().ends_with('.'), "{guard}");
        let (others, takeovers) = cells.split_at(8);
        assert_eq!(guard.may_be_overridden(Verb::Cutover), others.contains('O'), "{guard}");
        assert_eq!(guard.may_be_overridden(Verb::Takeover), takeovers.contains('O'), "{guard}");
    }
}

#[test]
fn unknown_blocks_where_the_cell_says_block_and_warns_where_it_says_warn() {
    let because = String::new;
    let verdicts = [
        Verdict::Pass { because: because() },
        Verdict::NotApplicable { because: because() },
        Verdict::Warn { because: because() },
        Verdict::Unknown { because: because() },
        Verdict::Block { because: because() },
    ];
    use Effect::{Blocks, CannotTell, Overridden, Passes, Warns};
    let rows = [
        (Weight::None, false, [Passes, Passes, Passes, Passes, Passes]),
        (Weight::Warns, false, [Passes, Passes, Warns, Warns, Warns]),
        (Weight::Warns, true, [Passes, Passes, Warns, Warns, Warns]),
        (Weight::Blocks, false, [Passes, Passes, Warns, CannotTell, Blocks]),
        (Weight::Blocks, true, [Passes, Passes, Warns, CannotTell, Blocks]),
        (Weight::BlocksUnlessOverridden, false, [Passes, Passes, Warns, CannotTell, Blocks]),
        (Weight::BlocksUnlessOverridden, true, [Passes, Passes, Warns, Overridden, Overridden]),
    ];
    for (weight, overridden, effects) in rows {
        let are = verdicts.clone().map(|verdict| verdict.effect(weight, overridden));
        assert_eq!(are, effects, "{weight} {overridden}");
    }
    assert_eq!(exit_code(&[]), 0);
}

#[test]
fn a_lock_that_is_held_blocks_and_one_that_cannot_be_read_too() {
    for (lock, expected) in [
        (LockStanding::NotAsked, Effect::Passes),
        (LockStanding::Free, Effect::Passes),
        (LockStanding::Ours, Effect::Passes),
        (LockStanding::Theirs { holder: "ann".into() }, Effect::Blocks),
        (LockStanding::Left { holder: "ann".into() }, Effect::Blocks),
        (LockStanding::Unknown { why: "denied".into() }, Effect::CannotTell),
    ] {
        let context = Context { lock, ..context() };
        let plan = planned_in(&world(), &wish(cutover(), |_| ()), &context).unwrap();
        assert_eq!(effect(&plan, GuardName::Lock), expected, "{:?}", context.lock);
    }
}

#[test]
fn another_run_at_the_same_fleets_blocks() {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let run = run_of(&plan, 5);
    let busy = Context { runs: vec![run.clone()], ..context() };
    let other = wish(drain(&[blue(0)]), |_| ());
    let drained = planned_in(&world(), &other, &busy).unwrap();
    assert_eq!(effect(&drained, GuardName::ChangeInFlight), Effect::Blocks);
    let told = world().told();
    let own = guards::evaluate(&told.picture(), &plan, &busy);
    let report = own.iter().find(|of| of.guard == GuardName::ChangeInFlight).unwrap();
    assert_eq!(report.effect, Effect::Passes, "a run does not stand in its own way");
}

#[test]
fn a_wholly_good_plan_has_nothing_but_what_nobody_can_read() {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let doubtful: Vec<_> =
        plan.guards.iter().filter(|of| of.effect != Effect::Passes).map(|of| of.guard).collect();
    assert_eq!(doubtful, [GuardName::Versions]);
    let rings = report(&plan, GuardName::Rings);
    assert!(matches!(rings.verdict, Verdict::NotApplicable { .. }), "{rings:?}");
}

#[test]
fn targets_over_the_quota_block() {
    let mut big = attach_world();
    big.fleets[0] = fleet(0, "blue", 130, 100);
    big.fleets[1] = {
        let mut green = fleet(1, "green", 130, 0);
        green.attached = false;
        green.weights.clear();
        green
    };
    for node in &mut big.fleets[1].nodes {
        node.targets.clear();
    }
    let plan = planned(&big, &wish(cutover(), |_| ())).unwrap();
    assert_eq!(
        effect(&plan, GuardName::Limits),
        Effect::Blocks,
        "{:?}",
        report(&plan, GuardName::Limits)
    );
    big.cross_zone = false;
    let plan = planned(&big, &wish(cutover(), |_| ())).unwrap();
    assert_eq!(effect(&plan, GuardName::Limits), Effect::Passes);
}

/// A run asks its guards again after it has attached: what is registered by then counts once.
#[test]
fn targets_that_a_run_has_attached_already_count_once() {
    let mut big = attach_world();
    big.fleets[0] = fleet(0, "blue", 100, 100);
    big.fleets[1] = Fleet { attached: false, ..fleet(1, "green", 100, 0) };
    big.fleets[1].weights.clear();
    big.fleets[1].nodes.iter_mut().for_each(|node| node.targets.clear());
    let plan = planned(&big, &wish(cutover(), |_| ())).unwrap();
    assert_eq!(effect(&plan, GuardName::Limits), Effect::Passes);
    let mut attached = big.clone();
    attached.fleets[1] = Fleet { weights: BTreeMap::new(), ..fleet(1, "green", 100, 0) };
    let told = attached.told();
    let under_way = Context { lock: LockStanding::Ours, ..context() };
    let reports = guards::evaluate(&told.picture(), &plan, &under_way);
    let limits = reports.iter().find(|report| report.guard == GuardName::Limits).unwrap();
    assert_eq!(limits.effect, Effect::Passes, "{limits:?}");
    assert!(limits.verdict.because().starts_with("400 targets"), "{limits:?}");
}

/// Who receives may launch nodes while a run moves traffic to it, and not before.
#[test]
fn launches_of_who_receives_warn_while_the_run_is_under_way() {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    for (fleet, lock, expected) in [
        (1, LockStanding::Ours, Effect::Warns),
        (1, LockStanding::Free, Effect::Blocks),
        (0, LockStanding::Ours, Effect::Blocks),
    ] {
        let mut growing = world();
        growing.fleets[fleet].nodes[3].lifecycle = "Pending";
        let told = growing.told();
        let reports = guards::evaluate(&told.picture(), &plan, &Context { lock, ..context() });
        let of = |name| reports.iter().find(|report| report.guard == name).unwrap();
        let is = of(GuardName::ChangeInFlight);
        assert_eq!(is.effect, expected, "{is:?}");
    }
    // A fleet that was told to grow needs no more than when the plan was made.
    let mut growing = world();
    growing.fleets[1].desired = 20;
    let told = growing.told();
    let under_way = Context { lock: LockStanding::Ours, ..context() };
    let reports = guards::evaluate(&told.picture(), &plan, &under_way);
    let floor = reports.iter().find(|report| report.guard == GuardName::Floor).unwrap();
    assert_eq!(floor.effect, Effect::Passes, "{floor:?}");
}

#[test]
fn a_plan_file_is_taken_as_it_was_made_or_not_at_all() {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let text = serde_json::to_string_pretty(&plan).unwrap();
    let read = |text: &str| serde_json::from_str::<Plan>(text).unwrap();
    let take = |plan: Plan, at, account: &str, region: &str| {
        accept(&plan, at, 1).and_then(|()| is_for(&plan, account, region))
    };
    assert_eq!(take(read(&text), after(60), ACCOUNT, REGION), Ok(()));
    assert_eq!(take(read(&text), after(930), ACCOUNT, REGION), Ok(()), "15 minutes");
    let bare = Plan { steps: Vec::new(), ..read(&text) };
    let bare = Plan { digest: digest(&bare), ..bare };
    assert!(accept(&bare, after(60), 1).unwrap_err().why.contains("no steps"));
    let edited = text.replacen("\"weight\": 90", "\"weight\": 91", 1);
    assert_ne!(edited, text);
    let schema = text.replacen("quarterdeck-plan/v1", "quarterdeck-plan/v9", 1);
    for (text, at, account, region, word) in [
        (&edited, 60, ACCOUNT, REGION, "edited"),
        (&schema, 60, ACCOUNT, REGION, "schema"),
        (&text, 931, ACCOUNT, REGION, "good for 15 minutes"),
        (&text, -3600, ACCOUNT, REGION, "future"),
        (&text, 60, "999", REGION, "account"),
        (&text, 60, ACCOUNT, "eu-west-1", "us-west-2"),
    ] {
        let refusal = take(read(text), after(at), account, region).unwrap_err();
        assert!(refusal.why.contains(word), "{word}: {refusal}");
        assert_eq!(refusal.kind, RefusalKind::Usage);
    }
    // Who reads a plan in a world that runs twenty times as fast has the same minutes for it.
    assert_eq!(accept(&read(&text), after(20 * 900), 20), Ok(()));
    assert!(accept(&read(&text), after(20 * 900 + 31), 20).is_err());
    assert_eq!(accept(&read(&text), after(900), 0), Ok(()), "nobody said how fast");
}
