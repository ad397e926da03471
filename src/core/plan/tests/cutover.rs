//! Cutovers: arithmetic over whole listeners, order, pins, and everything that is refused.

use super::*;
use crate::core::ids::{StackId, TargetGroupArn};
use crate::core::inventory::{Forward, ProbeReason, Rule, WeightedGroup};

fn weights(plan: &Plan, port: u16) -> Vec<Vec<u32>> {
    let wanted = listener(port);
    mutations(plan)
        .into_iter()
        .filter_map(|mutation| match mutation {
            Mutation::Forward { action, to } if action.listener == wanted => {
                Some(to.groups.iter().map(|of| of.weight).collect())
            }
            _ => None,
        })
        .collect()
}

#[test]
fn weights_go_over_all_listeners_before_the_next_step() {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let expected = vec![vec![100, 0], vec![90, 10], vec![50, 50], vec![0, 100]];
    assert_eq!((weights(&plan, 3100), weights(&plan, 3200)), (expected.clone(), expected));
    let titles = titles(&plan);
    let place = |title: &str| {
        titles.iter().position(|of| *of == title).unwrap_or_else(|| panic!("{title}: {titles:#?}"))
    };
    let order = [
        "take the lock on front",
        "write listener :3100 back unchanged",
        "write listener :3200 back unchanged",
        "suspend AZRebalance, AlarmNotification, InstanceRefresh and ScheduledActions of blue-asg",
        "suspend AZRebalance, InstanceRefresh and ScheduledActions of green-asg",
        "wait until green is healthy",
        "verify green",
        "gate before-shift",
        "listener :3100: 10% to green",
        "listener :3200: 10% to green",
        "settle with 10% at green",
        "listener :3100: 50% to green",
        "listener :3200: 50% to green",
        "settle with 50% at green",
        "listener :3100: 100% to green",
        "listener :3200: 100% to green",
        "settle with 100% at green",
        "bake with all traffic at green",
        "gate before-end",
        "see that nothing sends to blue any more",
        "resume AZRebalance, AlarmNotification, InstanceRefresh and ScheduledActions of blue-asg",
        "resume AZRebalance, InstanceRefresh and ScheduledActions of green-asg",
        "give the lock on front back",
    ];
    let places: Vec<_> = order.iter().map(|title| place(title)).collect();
    assert!(places.is_sorted(), "{titles:#?}");
    assert_eq!(order.len(), titles.len(), "{titles:#?}");
    assert!(!mutations(&plan).iter().any(|of| matches!(of, Mutation::DeregisterTargets { .. })));
    assert_eq!(guards::exit_code(&plan.guards), 0, "{:#?}", plan.guards);
    assert_eq!(plan.confirmation, Confirmation::Type(StackId::from("blue")));
    assert!(
        plan.notes.iter().any(|note| note.contains("must now write") && note.contains(":3100"))
    );
}

#[test]
fn others_groups_weights_order_and_stickiness_stay() {
    let mut world = world();
    world.sticky = true;
    let other =
        TargetGroupArn::from("arn:aws:elasticloadbalancing:us-west-2:1:targetgroup/other/9");
    world.extra_groups = vec![WeightedGroup { target_group: other.clone(), weight: 100 }];
    let plan = planned(&world, &wish(cutover(), |_| ())).unwrap();
    let expected = vec![vec![100, 0, 100], vec![90, 10, 100], vec![50, 50, 100], vec![0, 100, 100]];
    assert_eq!(weights(&plan, 3100), expected);
    for mutation in mutations(&plan) {
        if let Mutation::Forward { to, .. } = mutation {
            assert_eq!((to.sticky, to.sticky_seconds), (true, Some(300)));
            assert_eq!(to.groups[2].target_group, other);
        }
    }
}

#[test]
fn rules_move_with_their_listener() {
    let mut world = world();
    let group = |world: &World, stack| world.group(stack, 3100);
    let forward = Forward {
        groups: vec![WeightedGroup { target_group: group(&world, "blue"), weight: 1 }],
        ..Forward::default()
    };
    let rule = Rule { arn: "rule/5".into(), priority: "5".into(), forward };
    world.rules.insert(3100, vec![rule]);
    let plan = planned(&world, &wish(cutover(), |_| ())).unwrap();
    let moved: Vec<_> = mutations(&plan)
        .into_iter()
        .filter_map(|mutation| match mutation {
            Mutation::Forward { action: ActionId { rule: Some(_), .. }, to } => {
                Some(to.groups.iter().map(|of| of.weight).collect::<Vec<_>>())
            }
            _ => None,
        })
        .collect();
    assert_eq!(moved, [vec![1], vec![100, 0], vec![90, 10], vec![50, 50], vec![0, 100]]);
    assert!(titles(&plan).contains(&"listener :3100 rule 5: 10% to green"));
}

#[test]
fn a_cutover_that_stopped_half_way_goes_on_from_there() {
    let mut world = world();
    for (fleet, weight) in [(0, 50), (1, 50)] {
        world.fleets[fleet].weights.values_mut().for_each(|of| *of = weight);
    }
    let plan = planned(&world, &wish(cutover(), |_| ())).unwrap();
    assert_eq!(weights(&plan, 3100), [vec![50, 50], vec![0, 100]]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, a row a case")]
fn wishes_that_make_no_sense_are_refused() {
    use RefusalKind::{Blocked, Unknown, Usage};
    let to = |from: &str, to: &str| Intent::Cutover { from: from.into(), to: to.into() };
    let plain = |intent| wish(intent, |_| ());
    let schedule = |steps: &[u8]| wish(cutover(), |of| of.options.schedule = Some(steps.to_vec()));
    let strategy = |of| wish(cutover(), |wish| wish.options.strategy = Some(of));
    type Bend = fn(&mut World);
    let rows: Vec<(&str, Bend, Request, RefusalKind, &str)> = vec![
        ("same", |_| (), plain(to("blue", "blue")), Usage, "both blue"),
        ("unknown", |_| (), plain(to("blue", "red")), Usage, "no fleet red"),
        ("swapped", |_| (), plain(to("green", "blue")), Usage, "carries no traffic"),
        ("empty schedule", |_| (), schedule(&[]), Usage, "no schedule"),
        ("schedule to 90", |_| (), schedule(&[10, 90]), Usage, "no schedule"),
        ("schedule down", |_| (), schedule(&[50, 10, 100]), Usage, "no schedule"),
        ("schedule from 0", |_| (), schedule(&[0, 100]), Usage, "no schedule"),
        ("attach", |_| (), strategy(Strategy::Attach), Blocked, "groups of their own"),
        (
            "listeners unread",
            |of| {
                of.failing.push((
                    crate::core::source::Scope::Listeners(balancer()),
                    crate::core::error::ErrorKind::Throttled,
                ))
            },
            plain(cutover()),
            Unknown,
            "listeners",
        ),
        (
            "rules unread",
            |of| of.partial.push(crate::core::source::Scope::Rules(listener(3100))),
            plain(cutover()),
            Unknown,
            "rules of listener :3100",
        ),
        (
            "more at the receiver",
            |of| {
                of.fleets[0].weights.values_mut().for_each(|of| *of = 10);
                of.fleets[1].weights.values_mut().for_each(|of| *of = 90);
            },
            plain(cutover()),
            Usage,
            "carries more",
        ),
        (
            "coarse beside another fleet",
            |of| {
                of.fleets[0].weights.values_mut().for_each(|of| *of = 2);
                let target_group = TargetGroupArn::from("arn:x:targetgroup/other/9");
                of.extra_groups.push(WeightedGroup { target_group, weight: 3 });
            },
            plain(cutover()),
            Blocked,
            "no whole weight",
        ),
    ];
    for (name, bend, request, kind, word) in rows {
        let mut world = world();
        bend(&mut world);
        let (is, why) = refused(planned(&world, &request));
        assert!(is == kind && why.contains(word), "{name}: {is}: {why}");
    }
    let refusal = planned(&world(), &plain(to("green", "blue"))).unwrap_err();
    assert!(refusal.next.contains("cutover blue green"), "{}", refusal.next);
}

#[test]
fn an_override_needs_a_reason_and_a_guard_that_may_be() {
    let wish = |guard, reason: Option<&str>| {
        wish(cutover(), |of| {
            of.options.overrides.insert(guard);
            of.options.reason = reason.map(str::to_owned);
        })
    };
    for (guard, reason) in [
        (GuardName::Capacity, None),
        (GuardName::Capacity, Some("  ")),
        (GuardName::Floor, Some("because")),
        (GuardName::Lock, Some("because")),
    ] {
        assert_eq!(
            refused(planned(&world(), &wish(guard, reason))).0,
            RefusalKind::Usage,
            "{guard}"
        );
    }
    let mut sick = world();
    let failing = "unhealthy";
    for index in 0..2 {
        sick.node(&green(index)).targets.values_mut().for_each(|of| *of = failing);
    }
    let plan = planned(&sick, &wish(GuardName::Capacity, Some("drill"))).unwrap();
    assert_eq!(effect(&plan, GuardName::Capacity), Effect::Overridden);
    assert_eq!(guards::exit_code(&plan.guards), 0, "{:#?}", plan.guards);
}

#[test]
fn groups_pair_by_port_protocol_and_path() {
    let mut world = world();
    world.fleets[1].nodes.clear();
    world.fleets[1].attached = false;
    // Green now owns no group, so it would have to share blue's.
    let plan =
        planned(&world, &wish(cutover(), |of| of.options.strategy = Some(Strategy::Weights)));
    assert_eq!(refused(plan).0, RefusalKind::Blocked);
}

#[test]
fn attaching_adds_waits_and_only_then_removes() {
    let plan = planned(&attach_world(), &wish(cutover(), |_| ())).unwrap();
    let order = [
        "take the locks on front and n",
        "verify green by probes",
        "suspend AZRebalance, AlarmNotification, InstanceRefresh and ScheduledActions of blue-asg",
        "suspend AZRebalance, InstanceRefresh and ScheduledActions of green-asg",
        "suspend HealthCheck and ReplaceUnhealthy of green-asg",
        "gate before-shift",
        "attach green-asg to all-3100 and all-3200",
        "wait until green is healthy",
        "resume HealthCheck and ReplaceUnhealthy of green-asg",
        "bake with traffic at blue and green",
        "gate before-end",
        "detach blue-asg from all-3100 and all-3200",
        "wait until blue is out",
        "bake with all traffic at green",
        "see that nothing sends to blue any more",
        "resume AZRebalance, AlarmNotification, InstanceRefresh and ScheduledActions of blue-asg",
        "resume AZRebalance, InstanceRefresh and ScheduledActions of green-asg",
        "give the locks on front and n back",
    ];
    assert_eq!(titles(&plan), order);
    let wait = &plan.steps[7];
    assert_eq!(wait.past_limit, PastLimit::TakeBack);
    assert!(matches!(wait.undo, Some(Mutation::DetachTargetGroups { .. })), "{:?}", wait.undo);
    let detach = &plan.steps[11];
    assert!(
        detach.capacity.iter().all(|row| row.after >= Some(row.floor)),
        "{:#?}",
        detach.capacity
    );
    assert!(detach.before.iter().any(|fact| matches!(&fact.claim,
        Claim::Healthy { stack: Some(stack), zone: Some(_), .. } if stack.as_str() == "green")));
    assert_eq!(guards::exit_code(&plan.guards), 0, "{:#?}", plan.guards);
    let bad = wish(cutover(), |of| of.options.schedule = Some(vec![50, 100]));
    assert_eq!(refused(planned(&attach_world(), &bad)).0, RefusalKind::Usage);
}

#[test]
fn what_was_suspended_by_others_is_not_ours_to_resume() {
    let mut world = world();
    world.fleets[0].suspended = ["AZRebalance".to_owned()].into();
    let plan = planned(&world, &wish(cutover(), |_| ())).unwrap();
    for mutation in mutations(&plan) {
        if let Mutation::Suspend { group, processes } | Mutation::Resume { group, processes } =
            mutation
            && group.as_str() == "blue-asg"
        {
            assert!(!processes.contains("AZRebalance"), "{mutation:?}");
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, a row a case")]
fn a_receiving_fleet_that_cannot_carry_blocks() {
    type Bend = fn(&mut World);
    let rows: [(&str, Bend, GuardName, Effect); 8] = [
        (
            "half sick",
            |of| {
                for index in 0..2 {
                    of.node(&green(index)).targets.values_mut().for_each(|of| *of = "unhealthy");
                }
            },
            GuardName::Capacity,
            Effect::Blocks,
        ),
        (
            "sick in one group only",
            |of| {
                for index in 0..2 {
                    of.node(&green(index)).targets.insert(3200, "unhealthy");
                }
            },
            GuardName::Capacity,
            Effect::Blocks,
        ),
        (
            "a probe fails",
            |of| of.node(&green(0)).probe = ProbeReason::Starting,
            GuardName::Capacity,
            Effect::Blocks,
        ),
        (
            "two versions",
            |of| of.node(&green(0)).version = "2",
            GuardName::Capacity,
            Effect::Blocks,
        ),
        (
            "a zone bare",
            |of| {
                of.node(&green(1)).zone = "z-a";
            },
            GuardName::Capacity,
            Effect::Blocks,
        ),
        (
            "unregistered",
            |of| of.node(&green(1)).attributes = None,
            GuardName::Registry,
            Effect::Blocks,
        ),
        ("refresh", |of| of.refreshing = true, GuardName::ChangeInFlight, Effect::Blocks),
        (
            "all down",
            |of| {
                for index in 0..4 {
                    of.node(&green(index)).probe = ProbeReason::DatabaseFailing;
                    of.node(&blue(index)).probe = ProbeReason::DatabaseFailing;
                }
            },
            GuardName::Dependency,
            Effect::Blocks,
        ),
    ];
    for (name, bend, guard, expected) in rows {
        let mut world = world();
        bend(&mut world);
        let plan = planned(&world, &wish(cutover(), |_| ())).unwrap();
        assert_eq!(effect(&plan, guard), expected, "{name}: {:?}", report(&plan, guard));
        assert_eq!(guards::exit_code(&plan.guards), 3, "{name}");
    }
}
