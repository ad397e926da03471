//! A day of random events: what must hold holds after each, nothing grows without end, and when
//! everything is repaired the world comes back to what it should be.

use super::*;
use proptest::prelude::*;

/// Something that can happen, from two numbers.
fn any_event(kind: u8, which: u8) -> (&'static str, String) {
    let node =
        ["blue/1", "blue/2", "blue/3", "green/1", "green/2", "green/3"][usize::from(which % 6)];
    let group = ["blue-asg", "green-asg"][usize::from(which % 2)];
    let target = ["blue-loki", "green-loki"][usize::from(which % 2)];
    let product = ["loki", "tempo", "grafana", "healthz"][usize::from(which % 4)];
    let zone = ["a", "b", "c"][usize::from(which % 3)];
    let process = ["ReplaceUnhealthy", "Launch", "HealthCheck", "AddToLoadBalancer", "Terminate"];
    let process = process[usize::from(which % 5)];
    match kind % 17 {
        0 => ("kill_node", format!("node = \"{node}\"")),
        1 => ("revive_node", format!("node = \"{node}\"")),
        2 if which.is_multiple_of(2) => {
            ("crash_product", format!("node = \"{node}\"\nproduct = \"{product}\""))
        }
        2 => ("stop_product", format!("node = \"{node}\"\nproduct = \"{product}\"")),
        3 => ("start_product", format!("node = \"{node}\"\nproduct = \"{product}\"")),
        4 => ("freeze_product", format!("node = \"{node}\"\nproduct = \"{product}\"")),
        5 => ("database_down", String::new()),
        6 => ("database_up", String::new()),
        7 => ("zone_down", format!("zone = \"{zone}\"")),
        8 => ("zone_up", format!("zone = \"{zone}\"")),
        9 => ("set_weights", format!("weights = {{ blue = {which}, green = {} }}", 255 - which)),
        10 => ("suspend", format!("group = \"{group}\"\nprocesses = [\"{process}\"]")),
        11 => ("resume", format!("group = \"{group}\"")),
        12 => ("set_desired", format!("group = \"{group}\"\ndesired = {}", which % 7)),
        13 => ("terminate_machine", format!("node = \"{node}\"")),
        14 => ("detach", format!("group = \"{group}\"\ntarget_group = \"{target}\"")),
        15 => ("attach", format!("group = \"{group}\"\ntarget_group = \"{target}\"")),
        _ => ("enter_standby", format!("node = \"{node}\"")),
    }
}

fn repair(world: &mut World) {
    make(world, "[[event]]\ndo = \"database_up\"\n");
    for zone in ["a", "b", "c"] {
        event(world, "zone_up", &format!("zone = \"{zone}\""));
    }
    for stack in ["blue", "green"] {
        event(world, "resume", &format!("group = \"{stack}-asg\""));
        let attached = &world.group(&format!("{stack}-asg")).unwrap().attachments;
        if attached.iter().all(|one| one.state != "Removing") {
            let rest = format!("group = \"{stack}-asg\"\ntarget_group = \"{stack}-loki\"");
            event(world, "attach", &rest);
        }
    }
    // Products that died with nobody checking them are started by hand.
    let all: Vec<_> = world.instances.values().cloned().collect();
    for node in all.iter().filter(|one| one.state == "running" && one.alive) {
        for (name, held) in &node.products {
            if matches!(
                held.phase,
                crate::sim::world::Phase::Down | crate::sim::world::Phase::Frozen
            ) {
                world.start_product(&node.id, name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_day_of_random_events(events in prop::collection::vec((0u64..2_400, any::<u8>(), any::<u8>()), 72)) {
        let mut world = pair("min = 0");
        let mut passed = 0;
        for (wait, kind, which) in events {
            let (word, rest) = any_event(kind, which);
            let sent = parse_events(&format!("[[event]]\ndo = \"{word}\"\n{rest}\n"), "us-west-2").unwrap();
            for one in &sent.events {
                // Not everything can happen at any time: a node may be gone.
                let _nothing_came_of_it = world.happens(one);
            }
            passed += wait;
            pass(&mut world, wait);
        }
        world.book_traffic();
        let all = world.traffic.served + world.traffic.lost;
        let (least, most) = (10.0 * passed as f64, (10.0 + 4.0 * 0.2) * passed as f64);
        prop_assert!(all > least - 1.0 && all < most + 1.0, "{all} is not within {least} to {most}");

        repair(&mut world);
        pass(&mut world, 2 * 3_600);
        repair(&mut world);
        pass(&mut world, 4 * 3_600);
        for name in ["blue-asg", "green-asg"] {
            let group = world.group(name).unwrap();
            prop_assert_eq!(group.counted(), group.desired as usize, "{}", name);
            let odd: Vec<_> = group.members.values().filter(|one| !matches!(one.lifecycle, "InService" | "Standby")).collect();
            prop_assert!(odd.is_empty(), "{odd:?}");
        }
        let waiting = world.waiting();
        prop_assert!(waiting < 500, "{waiting} entries wait in a calm world");
        let terminated = world.instances.values().filter(|one| one.state == "terminated").count();
        prop_assert_eq!(terminated, 0, "EC2 forgets");
    }
}
