//! The data plane: weights with their lag, connections that stay, fail-open, zones out of DNS,
//! drains; requests are counted, and the lost ones too.

use super::*;

/// Requests served by a stack's nodes since the books were opened.
fn served(world: &mut World, stack: &str) -> f64 {
    world.book_traffic();
    let own = |one: &&crate::sim::world::Instance| {
        one.stack.as_ref().is_some_and(|of| of.as_str() == stack)
    };
    world.instances.values().filter(own).map(|one| one.served).sum()
}

fn lost(world: &mut World) -> f64 {
    world.book_traffic();
    world.traffic.lost
}

/// What flows a second now, by stack.
fn rates(world: &mut World) -> (f64, f64) {
    let before = (served(world, "blue"), served(world, "green"));
    pass(world, 1);
    let after = (served(world, "blue"), served(world, "green"));
    (after.0 - before.0, after.1 - before.1)
}

fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 0.01, "found {found}, wanted {wanted}");
}

#[test]
fn weights_reach_the_data_plane_later_and_old_connections_stay_for_an_hour() {
    let mut world = pair("");
    let (blue, green) = rates(&mut world);
    near(blue, 10.0 + 4.0 * 0.2);
    near(green, 0.0);
    event(&mut world, "set_weights", "weights = { blue = 0, green = 100 }");
    let (_, green) = rates(&mut world);
    near(green, 0.0);
    pass(&mut world, 40);
    let (blue, green) = rates(&mut world);
    near(green, 10.0);
    near(blue, 4.0 * 0.2);
    pass(&mut world, 3_600);
    let (blue, green) = rates(&mut world);
    near(blue, 0.0);
    near(green, 10.0 + 4.0 * 0.2);
    near(lost(&mut world), 0.0);
}

#[test]
fn shares_follow_the_weights() {
    let mut world = pair("");
    event(&mut world, "set_weights", "weights = { blue = 3, green = 1 }");
    pass(&mut world, 40);
    let (blue, green) = rates(&mut world);
    near(green, 2.5);
    near(blue, 7.5 + 4.0 * 0.2);
}

#[test]
fn a_group_without_a_healthy_target_fails_open_and_what_is_lost_is_counted() {
    let mut world = pair("health_checks = \"EC2\"");
    for name in ["blue/1", "blue/2", "blue/3"] {
        event(&mut world, "crash_product", &format!("node = \"{name}\"\nproduct = \"loki\""));
    }
    pass(&mut world, 120);
    assert_eq!(targets(&world, "blue-loki"), BTreeMap::from([("Unhealthy".to_owned(), 3)]));
    let before = lost(&mut world);
    pass(&mut world, 10);
    // The streams have found no node that answers, but the new connections go to all targets.
    assert!(lost(&mut world) - before >= 100.0, "weights are static: nothing moves to green");
    near(served(&mut world, "green"), 0.0);
    assert!(world.instances[&node(&world, "blue/1")].lost > 0.0, "on the nodes, not before them");
}

#[test]
fn a_dead_node_loses_requests_until_the_checks_notice() {
    let mut world = pair("health_checks = \"EC2\"");
    event(&mut world, "kill_node", "node = \"blue/1\"");
    pass(&mut world, 60);
    let first = lost(&mut world);
    // A third of 10 a second, for three checks at most and two at least, or so.
    assert!((20.0..140.0).contains(&first), "{first} lost");
    let then = lost(&mut world);
    pass(&mut world, 5);
    near(lost(&mut world), then);
}

#[test]
fn one_sick_group_takes_its_zone_of_the_whole_load_balancer_out_of_dns() {
    let mut world = pair("health_checks = \"EC2\"");
    let sick = node(&world, "green/1");
    let zone = world.instances[&sick].zone.clone();
    event(&mut world, "crash_product", "node = \"green/1\"\nproduct = \"tempo\"");
    pass(&mut world, 60);
    let listener = world.listeners.values().next().unwrap();
    let zones = world.zones_in_dns(listener);
    assert_eq!(zones.len(), 2, "an idle fleet's node empties a zone: {zones:?}");
    assert!(!zones.contains(&zone));
    near(lost(&mut world), 0.0);
}

#[test]
fn a_draining_target_gets_connections_for_a_while_and_keeps_those_it_has() {
    let mut world = world(
        "zones = [\"a\"]\n[[listener]]\nproduct = \"loki\"\nport = 3100\n\
         connections_per_second = 10.0\nstreams = 4\n\
         [[fleet]]\nstack = \"blue\"\nnodes = 3\nweight = 100\n",
    );
    let id = node(&world, "blue/1");
    event(&mut world, "remove_target", "target_group = \"blue-loki\"\nnode = \"blue/1\"");
    let begun = world.instances[&id].served;
    pass(&mut world, 20);
    world.book_traffic();
    let early = world.instances[&id].served - begun;
    assert!(early > 20.0 * 2.0, "connections arrive while it drains: {early}");
    pass(&mut world, 20);
    world.book_traffic();
    let before = world.instances[&id].served;
    pass(&mut world, 100);
    world.book_traffic();
    let kept = world.instances[&id].served - before;
    assert!((0.0..=100.0 * 0.8).contains(&kept), "only its streams: {kept}");
    assert!(kept > 0.0);
}

#[test]
fn attaching_is_the_shift_with_the_first_passed_check() {
    let mut world = world(
        "wiring = \"attach\"\n[[listener]]\nproduct = \"loki\"\nport = 3100\nstreams = 0\n\
         [[fleet]]\nstack = \"blue\"\nnodes = 3\nattached = true\n\
         [[fleet]]\nstack = \"green\"\nnodes = 3\n",
    );
    event(&mut world, "attach", "group = \"green-asg\"\ntarget_group = \"front-loki\"");
    pass(&mut world, 60);
    near(served(&mut world, "green"), 0.0);
    pass(&mut world, 250);
    assert!(served(&mut world, "green") > 0.0);
    event(&mut world, "detach", "group = \"blue-asg\"\ntarget_group = \"front-loki\"");
    pass(&mut world, 340);
    let (blue, green) = rates(&mut world);
    near(blue, 0.0);
    near(green, 5.0);
    near(lost(&mut world), 0.0);
    assert!(world.group("blue-asg").unwrap().attachments.is_empty());
    assert_eq!(lifecycles(&world, "blue-asg"), BTreeMap::from([("InService", 3)]), "they run on");
}

#[test]
fn a_listener_that_is_changed_again_and_again_still_changes() {
    let mut world = pair("");
    for weight in 1..=10 {
        event(&mut world, "set_weights", &format!("weights = {{ blue = 0, green = {weight} }}"));
        pass(&mut world, 7);
    }
    let (_, green) = rates(&mut world);
    near(green, 10.0);
}

#[test]
fn a_group_that_no_listener_uses_has_nothing_to_drain() {
    let mut world = world(
        "[[fleet]]\nstack = \"blue\"\nnodes = 3\nweight = 100\n\
         [[fleet]]\nstack = \"green\"\nnodes = 3\n",
    );
    for name in ["blue", "green"] {
        let rest = format!("target_group = \"{name}-loki\"\nnode = \"{name}/1\"");
        event(&mut world, "remove_target", &rest);
    }
    assert_eq!(targets(&world, "blue-loki")["Draining"], 1);
    assert_eq!(targets(&world, "green-loki"), BTreeMap::from([("Checking".to_owned(), 2)]));
}
