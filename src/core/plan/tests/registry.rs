//! reregister, repair and deregister.

use super::*;
use crate::core::inventory::{Member, ProbeReason};
use std::net::IpAddr;

fn reregister(nodes: &[crate::core::ids::InstanceId]) -> Request {
    wish(Intent::Reregister { nodes: nodes.to_vec() }, |_| ())
}

fn repair() -> Request {
    wish(Intent::Repair { stack: "blue".into() }, |_| ())
}

fn ghost(id: &str, ip: &str) -> Member {
    Member::new(id.into(), entry(ip, "blue"))
}

fn written(plan: &Plan) -> Vec<std::collections::BTreeMap<String, String>> {
    mutations(plan)
        .into_iter()
        .filter_map(|of| match of {
            Mutation::RegisterInstance { attributes, .. } => Some(attributes.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn an_entry_keeps_its_other_attributes_and_gets_the_key_of_its_peers() {
    let mut wrong = world();
    let attributes = wrong.node(&blue(0)).attributes.as_mut().unwrap();
    attributes.insert("AWS_INSTANCE_IPV4".into(), "127.9.9.9".into());
    attributes.insert("OWNER".into(), "team".into());
    let plan = planned(&wrong, &reregister(&[blue(0)])).unwrap();
    let mut right = entry(&wrong.node(&blue(0)).ip.to_string(), "blue");
    right.insert("OWNER".into(), "team".into());
    assert_eq!(written(&plan), [right]);
    assert_eq!(plan.lock, None);
    assert_eq!(plan.confirmation, Confirmation::YesNo);
    assert_eq!(guards::exit_code(&plan.guards), 0, "{:#?}", plan.guards);
    let line = &diff(&plan)[0];
    assert!(line.before.contains("127.9.9.9") && line.after.contains("OWNER=team"), "{line:?}");

    let mut others_key = world();
    for index in 1..4 {
        let attributes = others_key.node(&blue(index)).attributes.as_mut().unwrap();
        let stack = attributes.remove("STACK").unwrap();
        attributes.insert("STACK_ID".into(), stack);
    }
    others_key.node(&blue(0)).attributes = None;
    let plan = planned(&others_key, &reregister(&[blue(0)])).unwrap();
    assert!(written(&plan)[0].contains_key("STACK_ID"), "{:?}", written(&plan));
    assert!(!written(&plan)[0].contains_key("STACK"));

    let mut torn = world();
    let attributes = torn.node(&blue(0)).attributes.as_mut().unwrap();
    attributes.insert("STACK_ID".into(), "green".into());
    let plan = planned(&torn, &reregister(&[blue(0)])).unwrap();
    assert_eq!(written(&plan)[0]["STACK_ID"], "blue");
}

#[test]
fn targets_only_where_its_own_group_is_attached() {
    let mut missing = world();
    missing.node(&blue(0)).targets.remove(&3200);
    let plan = planned(&missing, &reregister(&[blue(0)])).unwrap();
    let expected =
        [&format!("register {}:3200 in blue-3200", blue(0)) as &str, "wait until healthy"];
    assert_eq!(titles(&plan), expected);
    missing.fleets[0].attached = false;
    assert_eq!(refused(planned(&missing, &reregister(&[blue(0)]))).0, RefusalKind::NothingToDo);
}

#[test]
fn only_what_serves_and_is_ready_is_registered() {
    type Bend = fn(&mut Node);
    let rows: [(&str, Bend, Effect); 4] = [
        ("standby", |of| of.lifecycle = "Standby", Effect::Blocks),
        ("stopped", |of| of.ec2 = Some("stopped"), Effect::Blocks),
        ("not ready", |of| of.probe = ProbeReason::Starting, Effect::Blocks),
        ("well", |_| (), Effect::Passes),
    ];
    for (name, bend, expected) in rows {
        let mut world = world();
        let node = world.node(&blue(0));
        node.attributes = None;
        bend(node);
        let plan = planned(&world, &reregister(&[blue(0)])).unwrap();
        assert_eq!(
            effect(&plan, GuardName::Ready),
            expected,
            "{name}: {:?}",
            report(&plan, GuardName::Ready)
        );
    }
}

#[test]
fn a_boot_wipe_is_repaired_in_one_plan_and_the_ghost_goes_last() {
    let mut wiped = world();
    for index in 0..3 {
        wiped.node(&blue(index)).attributes = None;
    }
    wiped.strangers = vec![ghost("i-0dead0dead0dead00", "127.9.9.9")];
    wiped.stranger_probe = Some(ProbeReason::Refused);
    let plan = planned(&wiped, &repair()).unwrap();
    let expected = [
        "take the lock on front".to_owned(),
        format!("register {} in glt", blue(0)),
        format!("register {} in glt", blue(1)),
        format!("register {} in glt", blue(2)),
        "prove that they are gone".into(),
        "deregister i-0dead0dead0dead00 from glt".into(),
        "give the lock on front back".into(),
    ];
    assert_eq!(titles(&plan), expected);
    assert_eq!(plan.confirmation, Confirmation::Type("blue".into()));
    assert_eq!(effect(&plan, GuardName::ProvenGone), Effect::Passes);
    assert_eq!(guards::exit_code(&plan.guards), 0, "{:#?}", plan.guards);
}

#[test]
fn repair_leaves_alone_what_was_drained_or_is_not_ready() {
    let mut world = world();
    for index in 0..3 {
        world.node(&blue(index)).attributes = None;
    }
    world.node(&blue(0)).lifecycle = "Standby";
    world.node(&blue(1)).probe = ProbeReason::Starting;
    let mut marked = context();
    marked.drained.insert(blue(2));
    let (kind, why) = refused(planned_in(&world, &repair(), &marked));
    assert!(kind == RefusalKind::NothingToDo && why.contains("drained on purpose"), "{why}");
    assert!(why.contains("left alone"), "{why}");
    assert_eq!(refused(planned(&fixture::world(), &repair())).0, RefusalKind::NothingToDo);
    let nobody = wish(Intent::Repair { stack: "red".into() }, |_| ());
    assert_eq!(refused(planned(&world, &nobody)).0, RefusalKind::Usage);
}

#[test]
fn only_the_proven_dead_are_removed() {
    const DEAD: &str = "i-0dead0dead0dead00";
    let request = |id: &str| wish(Intent::Deregister { members: vec![id.into()] }, |_| ());
    type Bend = fn(&mut World);
    let rows: Vec<(&str, Bend, Effect)> = vec![
        ("gone, address refuses", |_| (), Effect::Passes),
        ("address answers", |of| of.stranger_probe = Some(ProbeReason::Ready), Effect::Blocks),
        ("address freezes", |of| of.stranger_probe = Some(ProbeReason::Frozen), Effect::Blocks),
        ("address not asked", |of| of.stranger_probe = None, Effect::Warns),
        (
            "address reused by green",
            |of| {
                of.stranger_probe = Some(ProbeReason::Ready);
                let ip: IpAddr = of.strangers[0].ipv4().unwrap().parse().unwrap();
                of.node(&green(0)).ip = ip;
                of.node(&green(0)).attributes = Some(entry(&ip.to_string(), "green"));
            },
            Effect::Passes,
        ),
        ("another account's", |of| of.strangers[0].account = Some("999".into()), Effect::Blocks),
        (
            "EC2 unread",
            |of| {
                let scope = crate::core::source::Scope::Instances(0);
                of.failing.push((scope, crate::core::error::ErrorKind::Throttled));
            },
            Effect::CannotTell,
        ),
        (
            "groups partial",
            |of| of.partial.push(crate::core::source::Scope::Groups),
            Effect::CannotTell,
        ),
    ];
    for (name, bend, expected) in rows {
        let mut world = world();
        world.strangers = vec![ghost(DEAD, "127.9.9.9")];
        world.stranger_probe = Some(ProbeReason::Refused);
        bend(&mut world);
        let plan = planned(&world, &request(DEAD)).unwrap();
        assert_eq!(
            effect(&plan, GuardName::ProvenGone),
            expected,
            "{name}: {:?}",
            report(&plan, GuardName::ProvenGone)
        );
    }
    let alive = planned(&world(), &request(blue(0).as_str())).unwrap();
    assert_eq!(effect(&alive, GuardName::ProvenGone), Effect::Blocks);
    assert_eq!(alive.confirmation, Confirmation::Type("blue".into()));
    assert_eq!(refused(planned(&world(), &request(DEAD))).0, RefusalKind::NothingToDo);
}

#[test]
fn a_registry_keeps_a_member_of_a_fleet_that_lives_and_needs_none_of_one_that_does_not() {
    let mut alone = world();
    for index in 0..4 {
        alone.node(&blue(index)).attributes = None;
    }
    alone.strangers = vec![ghost("i-0dead0dead0dead00", "127.9.9.9")];
    alone.stranger_probe = Some(ProbeReason::Refused);
    let members = vec!["i-0dead0dead0dead00".into()];
    let request = wish(Intent::Deregister { members }, |_| ());
    let plan = planned(&alone, &request).unwrap();
    assert_eq!(
        effect(&plan, GuardName::Floor),
        Effect::Blocks,
        "{:?}",
        report(&plan, GuardName::Floor)
    );
    alone.fleets[0].nodes.clear();
    let plan = planned(&alone, &request).unwrap();
    assert_eq!(
        effect(&plan, GuardName::Floor),
        Effect::Passes,
        "{:?}",
        report(&plan, GuardName::Floor)
    );
    for fleet in &mut alone.fleets {
        fleet.nodes.iter_mut().for_each(|node| node.attributes = None);
    }
    let plan = planned(&alone, &request).unwrap();
    assert_eq!(effect(&plan, GuardName::Floor), Effect::Blocks, "left empty");
}

#[test]
fn names_stand_for_exactly_one_thing() {
    use super::resolve::{fleet, members, nodes};
    let mut world = world();
    world.strangers = vec![ghost("i-0dead0dead0dead00", "127.9.9.9")];
    let ip = world.node(&green(1)).ip.to_string();
    let told = world.told();
    let picture = told.picture();
    let text = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let found = |words: &[&str]| nodes(&text(words), &picture);
    assert_eq!(found(&[blue(0).as_str(), &ip, blue(0).as_str()]).unwrap(), [blue(0), green(1)]);
    assert_eq!(found(&["i-0dead"]).unwrap(), ["i-0dead0dead0dead00".into()]);
    for (words, why) in [
        (&[] as &[&str], "nothing is selected"),
        (&[""], "stands for no node"),
        (&["i-00"], "stands for 4 nodes"),
        (&["i-ffff"], "stands for no node"),
        (&["127.9.9.8"], "stands for no node"),
    ] {
        let refusal = found(words).unwrap_err();
        assert!(refusal.why.contains(why), "{words:?}: {refusal}");
        assert_eq!(refusal.kind, RefusalKind::Usage, "{words:?}");
    }
    assert!(found(&["i-00"]).unwrap_err().why.contains(blue(0).as_str()));
    assert_eq!(members(&text(&["127.9.9.9"]), &picture).unwrap(), ["i-0dead0dead0dead00".into()]);
    assert!(fleet(&"blue".into(), &picture).is_ok());
    assert!(fleet(&"red".into(), &picture).unwrap_err().next.contains("blue and green"));
    world.partial.push(crate::core::source::Scope::Groups);
    let told = world.told();
    let refusal = nodes(&text(&["i-ffff"]), &told.picture()).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unknown, "what was not read may be there");
}
