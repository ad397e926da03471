//! Groups: launching, replacing, health check types, suspended processes, zones.

use super::*;

#[test]
fn a_launched_node_boots_registers_and_gets_traffic_minutes_later() {
    let mut world = pair("");
    let before = world.group("blue-asg").unwrap().members.clone();
    event(&mut world, "set_desired", "group = \"blue-asg\"\ndesired = 4");
    pass(&mut world, 12);
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 3), ("Pending", 1)]));
    let group = world.group("blue-asg").unwrap();
    let new = group.members.keys().find(|id| !before.contains_key(*id)).unwrap().clone();
    assert!(world.instances[&new].tags.contains_key("STACK"));
    pass(&mut world, 25);
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 4)]));
    assert_eq!(state_of(&world, "blue-loki", &new), Some(TargetState::Registering));
    pass(&mut world, 30);
    assert!(members(&world).contains(&new), "it registered itself at boot");
    assert_eq!(world.instances[&new].served, 0.0, "no traffic before a passed check");
    pass(&mut world, 300);
    world.book_traffic();
    assert_eq!(state_of(&world, "blue-loki", &new), Some(TargetState::Healthy));
    assert!(world.instances[&new].served > 0.0);
    assert_eq!(world.traffic.lost, 0.0);
    let activity = &world.group("blue-asg").unwrap().activities[0];
    assert_eq!((activity.status, activity.ended.is_some()), ("Successful", true));
}

#[test]
fn only_elb_health_checks_replace_a_node_whose_product_died() {
    for (types, replaced) in [("EC2", false), ("EC2,ELB", true)] {
        let mut world = pair(&format!("health_checks = \"{types}\""));
        let sick = node(&world, "blue/1");
        event(&mut world, "crash_product", "node = \"blue/1\"\nproduct = \"loki\"");
        pass(&mut world, 20);
        assert!(!targets(&world, "blue-loki").contains_key("Unhealthy"), "three checks");
        pass(&mut world, 20);
        let state = state_of(&world, "blue-loki", &sick);
        assert!(matches!(state, Some(TargetState::Unhealthy | TargetState::Draining)), "{state:?}");
        pass(&mut world, 1_200);
        assert_eq!(!world.group("blue-asg").unwrap().members.contains_key(&sick), replaced);
        assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 3)]));
    }
}

#[test]
fn a_dead_machine_is_replaced_whatever_the_health_checks() {
    let mut world = pair("health_checks = \"EC2\"");
    let dead = node(&world, "blue/1");
    event(&mut world, "kill_node", "node = \"blue/1\"");
    pass(&mut world, 1_200);
    assert!(!world.group("blue-asg").unwrap().members.contains_key(&dead));
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 3)]));
    assert!(members(&world).contains(&dead), "a dead node leaves nothing: its entry is a ghost");
    assert_eq!(world.instances[&dead].state, "terminated");
    pass(&mut world, 3_700);
    assert!(!world.instances.contains_key(&dead), "EC2 forgets it after an hour");
}

#[test]
fn suspended_processes_do_not_run_and_resuming_replaces_all_marked_at_once() {
    let mut world = pair("");
    event(&mut world, "suspend", "group = \"blue-asg\"\nprocesses = [\"ReplaceUnhealthy\"]");
    for name in ["blue/1", "blue/2", "blue/3"] {
        event(&mut world, "crash_product", &format!("node = \"{name}\"\nproduct = \"tempo\""));
    }
    pass(&mut world, 600);
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 3)]));
    assert!(world.group("blue-asg").unwrap().members.values().all(|one| !one.healthy));
    event(&mut world, "resume", "group = \"blue-asg\"\nprocesses = [\"ReplaceUnhealthy\"]");
    pass(&mut world, 1);
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("Terminating", 3)]));
}

#[test]
fn otherwise_unhealthy_instances_are_replaced_one_at_a_time() {
    let mut world = pair("");
    event(&mut world, "database_down", "");
    pass(&mut world, 70);
    let leaving = lifecycles(&world, "blue-asg")["Terminating"];
    assert_eq!(leaving, 1, "a tenth of the group, or one, a minute");
    pass(&mut world, 600);
    let all: Vec<_> = ["blue/1", "blue/2", "blue/3"].map(|name| node(&world, name)).into();
    let group = world.group("blue-asg").unwrap();
    assert!(
        all.iter().all(|id| group.members.get(id).is_none_or(|one| one.lifecycle != "InService")),
        "one outage of the shared database replaces the whole fleet"
    );
}

#[test]
fn nodes_launched_while_add_to_load_balancer_is_suspended_are_never_added() {
    let mut world = pair("health_checks = \"EC2\"");
    event(&mut world, "suspend", "group = \"blue-asg\"\nprocesses = [\"AddToLoadBalancer\"]");
    event(&mut world, "set_desired", "group = \"blue-asg\"\ndesired = 4");
    pass(&mut world, 120);
    event(&mut world, "resume", "group = \"blue-asg\"\nprocesses = [\"AddToLoadBalancer\"]");
    pass(&mut world, 3_600);
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 4)]));
    assert_eq!(targets(&world, "blue-loki"), BTreeMap::from([("Healthy".to_owned(), 3)]));
}

#[test]
fn failed_launches_are_activities_and_are_tried_again() {
    let mut world = pair("");
    event(&mut world, "launches_fail", "group = \"blue-asg\"");
    event(&mut world, "terminate_machine", "node = \"blue/1\"");
    pass(&mut world, 400);
    let group = world.group("blue-asg").unwrap();
    let failed = group.activities.iter().filter(|one| one.status == "Failed").count();
    assert!((3..10).contains(&failed), "{failed} failed launches");
    assert!(group.activities[0].message.as_ref().unwrap().contains("sufficient capacity"));
    event(&mut world, "launches_work", "group = \"blue-asg\"");
    pass(&mut world, 400);
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 3)]));
}

#[test]
fn after_the_loss_of_a_zone_the_group_launches_elsewhere() {
    let mut world = pair("");
    let zone = world.zones[0].name.clone();
    event(&mut world, "zone_down", &format!("zone = \"{zone}\""));
    pass(&mut world, 1_500);
    let group = world.group("blue-asg").unwrap();
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 3)]));
    assert!(group.members.keys().all(|id| world.instances[id].zone != zone));
}

#[test]
fn a_drain_is_waited_for_before_the_machine_ends() {
    let mut world = pair("");
    event(&mut world, "set_desired", "group = \"blue-asg\"\ndesired = 2");
    pass(&mut world, 200);
    let group = world.group("blue-asg").unwrap();
    assert_eq!(group.activities[0].status, "WaitingForELBConnectionDraining");
    assert_eq!(targets(&world, "blue-loki")["Draining"], 1);
    let leaving = group.members.iter().find(|(_, one)| one.lifecycle == "Terminating");
    assert_eq!(world.instances[leaving.unwrap().0].state, "running");
    pass(&mut world, 200);
    assert_eq!(targets(&world, "blue-loki"), BTreeMap::from([("Healthy".to_owned(), 2)]));
}

#[test]
fn a_group_whose_zones_are_uneven_rebalances_unless_that_is_suspended() {
    for suspended in [false, true] {
        let mut world = pair("");
        let zone = world.zones[0].name.clone();
        event(&mut world, "zone_down", &format!("zone = \"{zone}\""));
        event(&mut world, "set_desired", "group = \"blue-asg\"\ndesired = 4");
        pass(&mut world, 1_800);
        if suspended {
            event(&mut world, "suspend", "group = \"blue-asg\"\nprocesses = [\"AZRebalance\"]");
        }
        event(&mut world, "zone_up", &format!("zone = \"{zone}\""));
        pass(&mut world, 1_800);
        let group = world.group("blue-asg").unwrap();
        let here = group.members.keys().filter(|id| world.instances[*id].zone == zone).count();
        assert_eq!((group.counted(), here > 0), (4, !suspended));
    }
}

#[test]
fn an_activity_that_a_termination_overtakes_is_cancelled() {
    let mut world = pair("");
    event(&mut world, "enter_standby", "node = \"blue/1\"");
    pass(&mut world, 10);
    event(&mut world, "terminate_instance", "node = \"blue/1\"");
    let group = world.group("blue-asg").unwrap();
    let open = group.activities.iter().filter(|one| one.ended.is_none()).count();
    let words: Vec<_> = group.activities.iter().map(|one| one.status).collect();
    assert_eq!(open, 1, "{words:?}");
    assert!(words.contains(&"Cancelled"), "{words:?}");
}

#[test]
fn more_in_service_than_desired_is_no_room_for_standby() {
    let mut world = pair("min = 0");
    event(&mut world, "suspend", "group = \"blue-asg\"\nprocesses = [\"Terminate\"]");
    event(&mut world, "set_desired", "group = \"blue-asg\"\ndesired = 0");
    pass(&mut world, 60);
    let id = node(&world, "blue/1");
    assert!(world.enter_standby("blue-asg", std::slice::from_ref(&id), true).is_err());
    assert_eq!(world.group("blue-asg").unwrap().desired, 0);
    assert!(world.enter_standby("blue-asg", &[id], false).is_ok());
}
