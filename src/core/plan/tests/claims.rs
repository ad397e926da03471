//! Claims: each holds, is broken and is unknown; nothing holds by a read that proves nothing.

use super::*;
use crate::core::error::ErrorKind;
use crate::core::ids::{GroupName, StackId};
use crate::core::inventory::ProbeReason;
use crate::core::observed::Why;
use crate::core::source::Scope;
use std::collections::BTreeSet;
use std::time::Duration;

fn asked(world: &World, claim: &Claim) -> Answer {
    check(claim, &world.told().picture())
}

fn blue_asg() -> GroupName {
    GroupName::from("blue-asg")
}

fn target(port: u16) -> Target {
    Target { id: blue(0), port }
}

/// Each kind of claim as it holds in the plain world, and one like it that is broken there.
fn claims() -> Vec<(Claim, Claim)> {
    let world = world();
    let group = world.group("blue", 3100);
    let ip = world.clone().node(&blue(0)).ip.to_string();
    let account = |account: &str| Claim::Account { account: account.into(), region: REGION.into() };
    let member = |is| Claim::Member { service: SERVICE.into(), member: blue(0), is };
    let least =
        |least| Claim::MembersAtLeast { service: SERVICE.into(), stack: "blue".into(), least };
    let targets = |are| Claim::Targets { group: group.clone(), targets: vec![target(3100)], are };
    let healthy = |stack: Option<StackId>, least| Claim::Healthy {
        group: group.clone(),
        stack,
        zone: None,
        least,
    };
    let in_zone = |least| Claim::Healthy {
        group: group.clone(),
        stack: Some("blue".into()),
        zone: Some("z-a".into()),
        least,
    };
    let lifecycle =
        |is: &str| Claim::Lifecycle { group: blue_asg(), instance: blue(0), is: is.into() };
    let action = ActionId { listener: listener(3100), rule: None };
    let forwards = |is| Claim::Forwards { action: action.clone(), is };
    let attached = |to: bool| {
        let all = BTreeSet::from([group.clone()]);
        let (to, not_to) = if to { (all, BTreeSet::new()) } else { (BTreeSet::new(), all) };
        Claim::Attached { group: blue_asg(), to, not_to }
    };
    let suspended = |on: bool| {
        let all = BTreeSet::from(["AZRebalance".to_owned()]);
        let (suspended, running) = if on { (all, BTreeSet::new()) } else { (BTreeSet::new(), all) };
        Claim::Suspended { group: blue_asg(), suspended, running }
    };
    let room = |by| Claim::Room { group: blue_asg(), by };
    let ready = |address: &str| Claim::Ready { instance: blue(0), address: address.into() };
    vec![
        (account(ACCOUNT), account("999")),
        (member(Some(entry(&ip, "blue"))), member(None)),
        (least(4), least(5)),
        (targets(TargetIs::Healthy), targets(TargetIs::Absent)),
        (healthy(None, 4), healthy(None, 5)),
        (healthy(Some("blue".into()), 4), healthy(Some("green".into()), 1)),
        (in_zone(2), in_zone(3)),
        (lifecycle("InService"), lifecycle("Standby")),
        (forwards(world.forward(3100)), forwards(Default::default())),
        (attached(true), attached(false)),
        (suspended(false), suspended(true)),
        (room(-3), room(5)),
        (Claim::AllHealthy { group: blue_asg() }, Claim::AllHealthy { group: "none".into() }),
        (ready(&ip), ready("127.1.1.1")),
    ]
}

#[test]
fn claims_hold_or_are_broken() {
    let told = world().told();
    for (holds, is_broken) in claims() {
        assert_eq!(check(&holds, &told.picture()), Answer::Holds, "{holds:?}");
        assert!(
            matches!(check(&is_broken, &told.picture()), Answer::Broken { .. }),
            "{is_broken:?}"
        );
    }
}

/// For every claim and every read it needs: a part of an answer, an old one, a failed one (that was
/// never better) and none at all leave it unknown.
#[test]
fn an_empty_partial_or_old_read_never_lets_a_claim_hold() {
    let told = world().told();
    for (claim, _) in claims() {
        let needs = reads(&claim, &told.picture());
        assert!(!needs.is_empty(), "{claim:?}");
        let mut scopes: Vec<Scope> = needs.scopes.into_iter().collect();
        scopes.extend(needs.probes.into_keys().map(Scope::Probe));
        if !needs.instances.is_empty() {
            scopes.push(Scope::Instances(0));
        }
        for scope in scopes {
            let mut worlds = vec![];
            for spoil in [
                |of: &mut World, scope: Scope| of.partial.push(scope),
                |of: &mut World, scope: Scope| of.stale.push(scope),
                |of: &mut World, scope: Scope| of.failing.push((scope, ErrorKind::Throttled)),
            ] {
                let mut world = world();
                spoil(&mut world, scope.clone());
                worlds.push(world);
            }
            // What EC2 said of an instance in half an answer was said of that instance.
            if matches!(scope, Scope::Instances(_) | Scope::Identity) {
                worlds.remove(0);
            }
            for world in worlds {
                let told = world.told();
                let picture = told.picture();
                assert!(!check(&claim, &picture).holds(), "{claim:?} with bad {scope}");
            }
        }
    }
    let nothing =
        (crate::core::inventory::Inventory::default(), crate::core::estate::Estate::default());
    let picture = Picture::new(&nothing.0, &nothing.1, now()).in_region(REGION);
    for (claim, is_broken) in claims() {
        for claim in [claim, is_broken] {
            let answer = check(&claim, &picture);
            assert!(!answer.holds(), "{claim:?}: {answer:?}");
        }
    }
}

#[test]
fn proven_gone_is_no_less_than_proven() {
    let id = "i-0dead0dead0dead00";
    let claim = Claim::Gone { instance: id.into(), address: Some("127.9.9.9".into()) };
    let dead = |bend: fn(&mut World)| {
        let mut world = world();
        world.strangers =
            vec![crate::core::inventory::Member::new(id.into(), entry("127.9.9.9", "blue"))];
        world.stranger_probe = Some(ProbeReason::Refused);
        bend(&mut world);
        asked(&world, &claim)
    };
    assert_eq!(dead(|_| ()), Answer::Holds);
    assert_eq!(
        dead(|of| of.stranger_probe = Some(ProbeReason::NoRoute)),
        Answer::Holds,
        "times out"
    );
    assert_eq!(
        dead(|of| of.stranger_probe = Some(ProbeReason::NotPresent)),
        Answer::Holds,
        "an optional product's port that refuses"
    );
    assert!(matches!(
        dead(|of| of.stranger_probe = Some(ProbeReason::Frozen)),
        Answer::Broken { .. }
    ));
    for scope in [Scope::Groups, Scope::Identity, Scope::Instances(0)] {
        let mut world = world();
        world.strangers =
            vec![crate::core::inventory::Member::new(id.into(), entry("127.9.9.9", "blue"))];
        world.stranger_probe = Some(ProbeReason::Refused);
        world.failing.push((scope.clone(), ErrorKind::Throttled));
        assert!(matches!(asked(&world, &claim), Answer::Unknown { .. }), "{scope}");
    }
    // Once is not twice.
    let mut world = world();
    world.strangers =
        vec![crate::core::inventory::Member::new(id.into(), entry("127.9.9.9", "blue"))];
    world.stranger_probe = Some(ProbeReason::Refused);
    let mut inventory = crate::core::inventory::Inventory::default();
    world.events(now()).into_iter().for_each(|event| inventory.apply(event));
    let estate = crate::core::reconcile::reconcile(&inventory, now(), &Default::default());
    let picture = Picture::new(&inventory, &estate, now());
    assert!(matches!(check(&claim, &picture), Answer::Unknown { .. }));
    assert!(matches!(dead(|of| of.strangers.clear()), Answer::Unknown { .. }), "EC2 was not asked");
}

#[test]
fn a_window_of_probes_takes_a_window() {
    let claim = Claim::ProbesPass {
        stack: "green".into(),
        percent: 95,
        last: 3,
        window: Duration::from_secs(60),
    };
    // Looks at the world every ten seconds; at the times given, the first green node fails.
    let watched = |times: i64, fails: &[i64]| {
        let (mut inventory, mut samples) =
            (crate::core::inventory::Inventory::default(), Samples::default());
        for time in 0..times {
            let mut world = world();
            if fails.contains(&time) {
                world.node(&green(0)).probe = ProbeReason::Starting;
            }
            world.events(after(time * 10)).into_iter().for_each(|event| inventory.apply(event));
            samples.note(&inventory);
            samples.note(&inventory);
        }
        let at = after((times - 1) * 10);
        let estate = crate::core::reconcile::reconcile(&inventory, at, &Default::default());
        check(&claim, &Picture::new(&inventory, &estate, at).with_samples(&samples))
    };
    assert!(matches!(watched(2, &[]), Answer::Unknown { why: Why::Never, .. }));
    assert!(
        matches!(watched(5, &[]), Answer::Unknown { why: Why::Never, .. }),
        "not the window yet"
    );
    assert_eq!(watched(7, &[]), Answer::Holds);
    assert_eq!(watched(9, &[4]), Answer::Holds, "2 of 56 is within 95%");
    assert!(matches!(watched(9, &[3, 4]), Answer::Broken { .. }), "4 of 56 is not");
    assert!(matches!(watched(9, &[8]), Answer::Broken { .. }), "the last ones must pass");
    assert_eq!(watched(12, &[0, 1]), Answer::Holds, "before the window");
    let told = world().told();
    assert!(matches!(check(&claim, &told.picture()), Answer::Unknown { .. }), "no history at all");
}

#[test]
fn a_single_groups_weight_says_nothing() {
    let mut alone = world();
    alone.fleets[1].weights.clear();
    let mut is = alone.forward(3100);
    is.groups[0].weight = 1;
    let action = ActionId { listener: listener(3100), rule: None };
    assert_eq!(asked(&alone, &Claim::Forwards { action, is }), Answer::Holds);
}
