//! The registry and the boot scripts: races, ghosts, addresses used again.

use super::*;

fn booting(boot: &str) -> World {
    let mut world = pair(&format!("boot = \"{boot}\"\nmin = 0\nmax = 6"));
    event(&mut world, "set_desired", "group = \"blue-asg\"\ndesired = 0");
    pass(&mut world, 800);
    event(&mut world, "set_desired", "group = \"blue-asg\"\ndesired = 6");
    pass(&mut world, 300);
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 6)]));
    world
}

fn of_stack(world: &World, stack: &str) -> usize {
    let service = world.services.values().next().unwrap();
    let of = |one: &&crate::sim::world::Member| one.attributes["STACK"] == stack;
    service.members.values().filter(of).count()
}

#[test]
fn six_nodes_that_boot_together_with_the_published_script_wipe_each_other() {
    let world = booting("wiping");
    assert!(of_stack(&world, "blue") < 6, "the wipe removed nobody");
    assert_eq!(of_stack(&world, "green"), 3, "the other stack is left alone");
}

#[test]
fn six_nodes_that_only_register_themselves_are_all_there() {
    assert_eq!(of_stack(&booting("register"), "blue"), 6);
}

#[test]
fn a_later_self_heal_with_the_published_script_leaves_exactly_one() {
    let mut world = pair("boot = \"wiping\"");
    event(&mut world, "terminate_machine", "node = \"blue/1\"");
    pass(&mut world, 600);
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 3)]));
    assert_eq!(of_stack(&world, "blue"), 1, "three in service, one registered");
}

#[test]
fn scale_in_leaves_a_ghost_unless_nodes_leave_by_themselves() {
    for (boot, left) in [("wiping", 3), ("register", 2)] {
        let mut world = pair(&format!("boot = \"{boot}\""));
        event(&mut world, "set_desired", "group = \"blue-asg\"\ndesired = 2");
        pass(&mut world, 600);
        assert_eq!(of_stack(&world, "blue"), left, "{boot}");
    }
}

#[test]
fn a_freed_address_is_used_again_so_a_ghost_can_point_at_a_stranger() {
    let mut world = pair("boot = \"wiping\"");
    let ghost = node(&world, "blue/1");
    let address = world.instances[&ghost].ip;
    event(&mut world, "set_desired", "group = \"blue-asg\"\ndesired = 2");
    event(&mut world, "terminate_instance", "node = \"blue/1\"");
    pass(&mut world, 600);
    for _ in 0..3 {
        event(&mut world, "set_desired", "group = \"green-asg\"\ndesired = 6");
    }
    pass(&mut world, 100);
    let stranger = world.instances.values().find(|one| one.ip == address && one.state == "running");
    assert!(stranger.is_some_and(|one| one.id != ghost));
}

#[test]
fn the_entries_of_a_service_are_bounded() {
    let mut world = pair("");
    let service = world.services.keys().next().unwrap().clone();
    for index in 0..994 {
        let attributes = BTreeMap::from([("AWS_INSTANCE_IPV4".to_owned(), "127.0.0.1".to_owned())]);
        world.put_member(&service, &format!("x-{index}").into(), attributes, None);
    }
    let attributes = BTreeMap::from([("AWS_INSTANCE_IPV4".to_owned(), "127.0.0.1".to_owned())]);
    let refused = world.register_member(service.as_str(), &"one-more".into(), attributes, None);
    assert_eq!(refused.unwrap_err().code, "ResourceLimitExceeded");
}
