//! Drains and undrains.

use super::*;
use crate::core::inventory::ProbeReason;
use std::collections::BTreeSet;

fn plain(intent: Intent) -> Request {
    wish(intent, |_| ())
}

#[test]
fn standby_where_health_checks_include_the_load_balancer() {
    let plan = planned(&world(), &plain(drain(&[blue(0), blue(1)]))).unwrap();
    let expected = [
        "take the lock on front",
        &format!("{} into standby", blue(0)),
        &format!("{} into standby", blue(1)),
        "give the lock on front back",
    ];
    assert_eq!(titles(&plan), expected);
    let step = &plan.steps[1];
    assert_eq!(step.at_least.as_secs(), 300);
    assert!(step.because.contains("deregistration delay of 300 s"), "{}", step.because);
    assert!(matches!(&step.undo, Some(Mutation::ExitStandby { .. })));
    let row = &step.capacity[0];
    assert_eq!((row.before, row.after, row.floor), (Some(4), Some(3), 2), "{row:?}");
    assert_eq!(plan.steps[2].capacity[0].after, Some(2));
    assert_eq!(guards::exit_code(&plan.guards), 0, "{:#?}", plan.guards);
    assert_eq!(plan.confirmation, Confirmation::Type("blue".into()));
    assert!(plan.notes.iter().any(|note| note.starts_with("Safe to stop: unknown")));
}

#[test]
fn targets_where_nothing_replaces_them_or_when_asked() {
    let mut ec2 = world();
    ec2.fleets[0].elb = false;
    let plan = planned(&ec2, &plain(drain(&[blue(0)]))).unwrap();
    let expected = [
        "take the lock on front",
        &format!("deregister {}:3100 from blue-3100", blue(0)),
        &format!("deregister {}:3200 from blue-3200", blue(0)),
        "wait until they are out",
        "give the lock on front back",
    ];
    assert_eq!(titles(&plan), expected);
    let asked = wish(drain(&[blue(0)]), |of| of.options.method = Some(DrainMethod::Targets));
    let plan = planned(&world(), &asked).unwrap();
    let pin = "suspend HealthCheck and ReplaceUnhealthy of blue-asg";
    assert_eq!(titles(&plan)[1], pin);
    assert!(plan.notes.iter().any(|note| note.contains("stay suspended")), "{:?}", plan.notes);
}

#[test]
fn a_target_on_two_ports_leaves_with_both() {
    let mut world = world();
    world.fleets[0].elb = false;
    world.node(&blue(0)).targets.insert(3100, "healthy");
    let told = {
        let mut told = world.told();
        let group = world.group("blue", 3100);
        let mut targets: Vec<_> = told.inventory.target_health[&group]
            .value()
            .unwrap()
            .iter()
            .map(|held| held.value.clone())
            .collect();
        targets.push(crate::core::inventory::TargetHealth { port: 3101, ..targets[0].clone() });
        told.inventory.apply(crate::core::source::SourceEvent {
            scope: crate::core::source::Scope::TargetHealth(group),
            observed_at: after(30),
            every: std::time::Duration::from_secs(10),
            calls: 1,
            result: Ok(crate::core::source::Fragment::TargetHealth(targets)),
            missing: None,
        });
        told.estate =
            crate::core::reconcile::reconcile(&told.inventory, after(30), &Default::default());
        told
    };
    let plan = plan(&told.picture(), &plain(drain(&[blue(0)])), &context()).unwrap();
    let gone = mutations(&plan).into_iter().find_map(|of| match of {
        Mutation::DeregisterTargets { targets, .. } => Some(targets.clone()),
        _ => None,
    });
    let ports: Vec<_> = gone.unwrap().into_iter().map(|target| target.port).collect();
    assert_eq!(ports, [3100, 3101]);
}

#[test]
fn what_cannot_be_drained_is_refused_with_the_ways_out() {
    use RefusalKind::{Blocked, NothingToDo, Unknown, Usage};
    type Bend = fn(&mut World);
    let rows: Vec<(&str, Bend, Intent, RefusalKind, &str)> = vec![
        ("nothing", |_| (), drain(&[]), Usage, "nothing is selected"),
        ("nobody", |_| (), drain(&[id(7, 7)]), Usage, "no node"),
        ("two fleets", |_| (), drain(&[blue(0), green(0)]), Usage, "one fleet"),
        ("MinSize", |of| of.fleets[0].min = 4, drain(&[blue(0)]), Blocked, "under MinSize 4"),
        (
            "leaving",
            |of| of.node(&blue(0)).lifecycle = "Terminating",
            drain(&[blue(0)]),
            Blocked,
            "leaves by itself",
        ),
        (
            "drained",
            |of| of.node(&blue(0)).targets.clear(),
            drain(&[blue(0)]),
            NothingToDo,
            "nothing to drain",
        ),
        (
            "health unread",
            |of| {
                let group = of.group("blue", 3100);
                of.stale.push(crate::core::source::Scope::TargetHealth(group));
            },
            drain(&[blue(0)]),
            Unknown,
            "target health of blue-3100",
        ),
        (
            "groups unread",
            |of| of.partial.push(crate::core::source::Scope::Groups),
            drain(&[blue(0)]),
            Unknown,
            "Auto Scaling groups",
        ),
    ];
    for (name, bend, intent, kind, word) in rows {
        let mut world = world();
        bend(&mut world);
        let (is, why) = refused(planned(&world, &plain(intent)));
        assert!(is == kind && why.contains(word), "{name}: {is}: {why}");
    }
    let mut tight = world();
    tight.fleets[0].min = 4;
    let refusal = planned(&tight, &plain(drain(&[blue(0)]))).unwrap_err();
    assert!(refusal.next.contains("Lower MinSize") && refusal.next.contains("--method targets"));
    let zero = wish(drain(&[blue(0)]), |of| of.options.at_a_time = 0);
    assert_eq!(refused(planned(&world(), &zero)).0, Usage);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, a row a case")]
fn guards_of_a_drain() {
    type Bend = fn(&mut World);
    let three = || drain(&[blue(0), blue(1), blue(2)]);
    let rows: Vec<(&str, Bend, Intent, GuardName, Effect)> = vec![
        ("over the whole selection", |_| (), three(), GuardName::Floor, Effect::Blocks),
        ("floor kept", |_| (), drain(&[blue(0), blue(1)]), GuardName::Floor, Effect::Passes),
        (
            "sick ones need no replacing",
            |of| {
                of.node(&blue(0)).targets.values_mut().for_each(|of| *of = "unhealthy");
                of.node(&blue(1)).targets.values_mut().for_each(|of| *of = "unhealthy");
            },
            drain(&[blue(0), blue(1)]),
            GuardName::Floor,
            Effect::Passes,
        ),
        (
            "last of its zone, cross-zone",
            |_| (),
            drain(&[blue(1)]),
            GuardName::ZoneCover,
            Effect::Warns,
        ),
        (
            "last of its zone",
            |of| of.cross_zone = false,
            drain(&[blue(1)]),
            GuardName::ZoneCover,
            Effect::Blocks,
        ),
        (
            "two in the zone",
            |of| of.cross_zone = false,
            drain(&[blue(0)]),
            GuardName::ZoneCover,
            Effect::Passes,
        ),
        (
            "another leaves",
            |of| {
                of.node(&blue(3)).targets.values_mut().for_each(|of| *of = "draining");
            },
            drain(&[blue(0)]),
            GuardName::Velocity,
            Effect::Blocks,
        ),
        (
            "all fail alike",
            |of| {
                for index in 0..4 {
                    of.node(&blue(index)).probe = ProbeReason::DatabaseFailing;
                    of.node(&green(index)).probe = ProbeReason::DatabaseFailing;
                }
            },
            drain(&[blue(0)]),
            GuardName::Dependency,
            Effect::Blocks,
        ),
        (
            "blue fails, green does not",
            |of| {
                for index in 0..4 {
                    of.node(&blue(index)).probe = ProbeReason::DatabaseFailing;
                }
            },
            drain(&[blue(0)]),
            GuardName::Dependency,
            Effect::Passes,
        ),
        (
            "refresh",
            |of| of.refreshing = true,
            drain(&[blue(0)]),
            GuardName::ChangeInFlight,
            Effect::Blocks,
        ),
        (
            "refresh unread",
            |of| {
                let scope = crate::core::source::Scope::Refreshes("blue-asg".into());
                of.failing.push((scope, crate::core::error::ErrorKind::Denied));
            },
            drain(&[blue(0)]),
            GuardName::ChangeInFlight,
            Effect::Warns,
        ),
    ];
    for (name, bend, intent, guard, expected) in rows {
        let mut world = world();
        bend(&mut world);
        let plan = planned(&world, &plain(intent)).unwrap();
        assert_eq!(effect(&plan, guard), expected, "{name}: {:?}", report(&plan, guard));
    }
}

#[test]
fn this_host_is_not_drained_from_under_the_run() {
    let mut own = context();
    own.own_addresses = Some(BTreeSet::from([world().node(&blue(3)).ip]));
    let plan = planned_in(&world(), &plain(drain(&[blue(0)])), &own).unwrap();
    assert_eq!(effect(&plan, GuardName::OwnHost), Effect::Blocks);
    own.own_addresses = None;
    let plan = planned_in(&world(), &plain(drain(&[blue(0)])), &own).unwrap();
    assert_eq!(effect(&plan, GuardName::OwnHost), Effect::CannotTell);
    assert_eq!(guards::exit_code(&plan.guards), 4);
}

#[test]
fn twenty_nodes_a_call_at_most() {
    let mut big = world();
    big.fleets[0] = fleet(0, "blue", 50, 100);
    let nodes: Vec<_> = (0..25).map(blue).collect();
    let request = wish(drain(&nodes), |of| of.options.at_a_time = 25);
    let plan = planned(&big, &request).unwrap();
    let sizes: Vec<_> = mutations(&plan)
        .into_iter()
        .filter_map(|of| match of {
            Mutation::EnterStandby { instances, .. } => Some(instances.len()),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [20, 5]);
    assert_eq!(effect(&plan, GuardName::Velocity), Effect::Warns);
}

#[test]
fn members_go_last_and_never_the_last_one() {
    let request = wish(drain(&[blue(0)]), |of| of.options.remove_members = true);
    let plan = planned(&world(), &request).unwrap();
    let step = &plan.steps[2];
    assert_eq!(step.title, format!("deregister {} from glt", blue(0)));
    assert!(
        step.before.iter().any(|fact| matches!(fact.claim, Claim::MembersAtLeast { least: 2, .. }))
    );
    let mut alone = world();
    for index in 1..4 {
        alone.node(&blue(index)).attributes = None;
    }
    let plan = planned(&alone, &request).unwrap();
    assert_eq!(
        effect(&plan, GuardName::Floor),
        Effect::Blocks,
        "{:?}",
        report(&plan, GuardName::Floor)
    );
}

#[test]
fn undrain_leaves_standby_or_registers_as_its_peers() {
    let mut standing = world();
    standing.fleets[0].desired = 3;
    let node = standing.node(&blue(0));
    node.lifecycle = "Standby";
    node.targets.clear();
    let intent = Intent::Undrain { nodes: vec![blue(0)] };
    let plan = planned(&standing, &plain(intent.clone())).unwrap();
    assert_eq!(titles(&plan)[1], format!("{} out of standby", blue(0)));
    assert_eq!(plan.confirmation, Confirmation::YesNo);
    assert_eq!(guards::exit_code(&plan.guards), 0, "{:#?}", plan.guards);
    standing.fleets[0].max = 3;
    let (kind, why) = refused(planned(&standing, &plain(intent.clone())));
    assert!(kind == RefusalKind::Blocked && why.contains("over MaxSize 3"), "{why}");
    let mut out = world();
    out.node(&blue(0)).targets.clear();
    let mut known = context();
    known.pins.insert(
        "blue-asg".into(),
        ["HealthCheck".to_owned(), "ReplaceUnhealthy".to_owned()].into(),
    );
    out.fleets[0].suspended = ["HealthCheck".to_owned(), "ReplaceUnhealthy".to_owned()].into();
    let plan = planned_in(&out, &plain(intent.clone()), &known).unwrap();
    let expected = [
        "take the lock on front",
        &format!("register {}:3100 in blue-3100", blue(0)),
        &format!("register {}:3200 in blue-3200", blue(0)),
        "wait until healthy",
        "resume HealthCheck and ReplaceUnhealthy of blue-asg",
        "give the lock on front back",
    ];
    assert_eq!(titles(&plan), expected);
    assert!(plan.steps[4].before.iter().any(|fact| matches!(fact.claim, Claim::AllHealthy { .. })));
    assert_eq!(refused(planned(&world(), &plain(intent))).0, RefusalKind::NothingToDo);
}

/// What is still on its way out is registered again: a drain that is thought better of need not be
/// waited for.
#[test]
fn undrain_takes_back_what_still_drains() {
    for state in ["draining", "unhealthy.draining"] {
        let mut world = world();
        world.node(&blue(0)).targets.values_mut().for_each(|of| *of = state);
        let plan = planned(&world, &plain(Intent::Undrain { nodes: vec![blue(0)] })).unwrap();
        let told = world.told();
        let registers: Vec<_> =
            plan.steps.iter().filter(|step| step.title.starts_with("register ")).collect();
        assert_eq!(registers.len(), 2, "{:?}", titles(&plan));
        for fact in registers.iter().flat_map(|step| &step.before) {
            assert_eq!(check(&fact.claim, &told.picture()), Answer::Holds, "{fact:?}");
        }
        world.node(&blue(0)).targets.values_mut().for_each(|of| *of = "initial");
        let told = world.told();
        let away = registers[0].before.iter().find(|it| matches!(it.claim, Claim::Targets { .. }));
        let answer = check(&away.unwrap().claim, &told.picture());
        assert!(matches!(answer, Answer::Broken { .. }), "{answer:?}");
    }
}
