//! The worlds that come with the binary: what each says is wrong must be wrong in it.

use super::*;
use crate::sim::catalog::{catalog, named};

fn opened(name: &str) -> World {
    let spec = named(name).unwrap().unwrap();
    let start = "2026-11-22T14:00:00Z".parse().unwrap();
    build(&spec, Site { start, network: 64, port_offset: 0 })
}

fn lost_in(world: &mut World, seconds: u64) -> f64 {
    let before = world.traffic.lost;
    pass(world, seconds);
    world.traffic.lost - before
}

fn of_stack(world: &World, stack: &str) -> Vec<InstanceId> {
    let service = world.services.values().find(|one| one.name == "glt").unwrap();
    let own = service.members.iter().filter(|(_, one)| one.attributes["STACK"] == stack);
    own.map(|(id, _)| id.clone()).collect()
}

fn living(world: &World, stack: &str) -> usize {
    let own = |one: &&crate::sim::world::Instance| {
        one.stack.as_ref().is_some_and(|of| of.as_str() == stack)
    };
    world.instances.values().filter(own).filter(|one| one.state == "running").count()
}

fn weights(world: &World, port: u16) -> Vec<u32> {
    let listener = world.listeners.values().find(|one| one.port == port).unwrap();
    let mut weights: Vec<_> = listener
        .forward
        .groups
        .iter()
        .map(|(arn, weight)| (&world.target_groups[arn].name, *weight))
        .collect();
    weights.sort();
    weights.into_iter().map(|(_, weight)| weight).collect()
}

#[test]
fn no_scheduled_event_comes_to_nothing_in_the_first_hour() {
    for entry in catalog().iter().filter(|one| one.name != "thousand-members") {
        let mut world = opened(entry.name);
        pass(&mut world, 3_600);
        let failed: Vec<_> = world
            .chronicle
            .iter()
            .filter(|(_, said)| said.starts_with("nothing came of"))
            .collect();
        assert!(failed.is_empty(), "{}: {failed:?}", entry.name);
    }
}

#[test]
fn healthy_worlds_lose_nothing() {
    for name in
        ["blue-green", "attach", "empty-fleet", "two-groups", "weights-reverted", "second-operator"]
    {
        assert_eq!(lost_in(&mut opened(name), 1_800), 0.0, "{name}");
    }
}

#[test]
fn registries_are_wrong_as_they_say() {
    let world = opened("boot-race");
    assert_eq!(living(&world, "blue-412"), 6);
    assert!(of_stack(&world, "blue-412").len() <= 2, "{:?}", of_stack(&world, "blue-412"));

    let world = opened("stale-after-scale-in");
    assert_eq!((living(&world, "blue-412"), of_stack(&world, "blue-412").len()), (3, 5));

    let world = opened("ghost-ip-reused");
    let service = world.services.values().next().unwrap();
    let held = |ip: &str| {
        world.instances.values().find(|one| one.state == "running" && one.ip.to_string() == ip)
    };
    let crossed = service.members.iter().any(|(id, one)| {
        held(&one.attributes["AWS_INSTANCE_IPV4"]).is_some_and(|node| &node.id != id)
    });
    assert!(crossed, "no entry points at a stranger");

    let world = opened("names-swapped");
    let wrong = |stack: &str, other: &str| {
        of_stack(&world, stack)
            .iter()
            .filter(|id| world.instances[*id].stack.as_ref().unwrap().as_str() == other)
            .count()
    };
    assert_eq!((wrong("blue-412", "green-413"), wrong("green-413", "blue-412")), (2, 2));

    let world = opened("wrong-address");
    assert_eq!(of_stack(&world, "blue-412").len(), 2);
    let first = node(&world, "blue-412/1");
    let service = world.services.values().next().unwrap();
    assert_eq!(service.members[&first].attributes["AWS_INSTANCE_IPV4"], "127.17.0.2");

    let world = opened("member-unhealthy");
    let service = world.services.values().next().unwrap();
    assert_eq!(service.members.values().filter(|one| !one.healthy).count(), 1);

    let world = opened("thousand-members");
    assert_eq!(members(&world).len(), 1_000);

    assert!(opened("lock-left").services.values().any(|one| one.attributes.contains_key("holder")));
}

#[test]
fn load_balancers_are_wrong_as_they_say() {
    let world = opened("green-zone-sick");
    let listener = world.listeners.values().next().unwrap();
    let zones = world.zones_in_dns(listener);
    assert!(zones.len() == 2 && !zones.contains(&"us-west-2b".into()), "{zones:?}");

    let mut world = opened("fail-open");
    assert_eq!(targets(&world, "blue-412-loki"), BTreeMap::from([("Unhealthy".to_owned(), 3)]));
    assert!(lost_in(&mut world, 60) >= 300.0);
    event(&mut world, "set_weights", "weights = { blue-412 = 0, green-413 = 100 }");
    pass(&mut world, 40);
    assert_eq!(lost_in(&mut world, 60), 0.0, "the world can be solved");

    let mut world = opened("frozen-product");
    assert_eq!(targets(&world, "blue-412-tempo"), BTreeMap::from([("Healthy".to_owned(), 3)]));
    assert!(lost_in(&mut world, 60) > 60.0);

    let mut world = opened("failed-green");
    assert!(lost_in(&mut world, 60) >= 300.0);

    let world = opened("draining-still-serving");
    assert_eq!(targets(&world, "blue-412-loki")["Draining"], 1);

    let mut world = opened("two-ports");
    assert_eq!(targets(&world, "blue-412-loki"), BTreeMap::from([("Healthy".to_owned(), 4)]));
    assert!(lost_in(&mut world, 60) > 30.0);

    let mut world = opened("stranger");
    let stranger = node(&world, "stranger");
    pass(&mut world, 60);
    assert!(world.instances[&stranger].served > 0.0 && world.instances[&stranger].group.is_none());

    let world = opened("listeners-split");
    assert_eq!((weights(&world, 3000), weights(&world, 3100)), (vec![0, 100], vec![100, 0]));
}

#[test]
fn what_others_do_happens_when_they_say() {
    let mut world = opened("weights-reverted");
    assert_eq!(weights(&world, 3000), [0, 100]);
    pass(&mut world, 181);
    assert_eq!(weights(&world, 3000), [100, 0]);

    let mut world = opened("second-operator");
    pass(&mut world, 121);
    assert_eq!((weights(&world, 3000), weights(&world, 3100)), (vec![90, 10], vec![100, 0]));
    pass(&mut world, 120);
    assert_eq!(weights(&world, 3100), [90, 10]);

    let mut world = opened("pins-resumed");
    assert_eq!(lifecycles(&world, "blue-412-asg"), BTreeMap::from([("InService", 3)]));
    pass(&mut world, 181);
    assert_eq!(lifecycles(&world, "blue-412-asg")["Terminating"], 1);
}

#[test]
fn groups_are_wrong_as_they_say() {
    let dead = |world: &World, group: &str| {
        world.group(group).unwrap().members.keys().filter(|id| !world.instances[*id].alive).count()
    };
    let world = opened("pins-left");
    assert_eq!(dead(&world, "blue-412-asg"), 1, "the dead node is not replaced");

    let world = opened("no-self-heal");
    for name in ["grafana", "loki", "tempo"] {
        assert_eq!(targets(&world, &format!("blue-412-{name}"))["Unhealthy"], 1);
    }

    let mut world = opened("database-down");
    pass(&mut world, 600);
    assert!(!world.database_up);
    assert!(lifecycles(&world, "blue-412-asg").get("Terminating").is_some_and(|count| *count > 0));

    let mut world = opened("replaced-mid-cutover");
    pass(&mut world, 240);
    assert_eq!(lifecycles(&world, "green-413-asg")["Terminating"], 1);

    let world = opened("standby-at-min");
    assert_eq!(world.group("blue-412-asg").unwrap().min, 3);
    let green = world.group("green-413-asg").unwrap();
    assert_eq!(
        (green.desired, green.max, lifecycles(&world, "green-413-asg")["Standby"]),
        (3, 3, 1)
    );

    let world = opened("launch-failures");
    let group = world.group("blue-412-asg").unwrap();
    assert!(group.activities.iter().filter(|one| one.status == "Failed").count() > 3);

    let world = opened("mixed-versions");
    let group = world.group("green-413-asg").unwrap();
    let versions: std::collections::BTreeSet<_> =
        group.members.values().map(|one| one.template_version.as_str()).collect();
    assert_eq!((versions.len(), group.refreshes[0].status), (2, "InProgress"));

    let world = opened("two-groups");
    let group = world.group("blue-412-asg-2").unwrap();
    assert_eq!((group.desired, group.counted()), (4, 3));

    let world = opened("empty-fleet");
    assert_eq!(living(&world, "green-413"), 0);

    let mut world = opened("zone-loss");
    pass(&mut world, 1_500);
    assert_eq!(lifecycles(&world, "blue-412-asg"), BTreeMap::from([("InService", 3)]));
}
