//! Roles, shares and counts.

use super::estate;
use super::reconcile;
use super::world::{self, PORTS, blue_green, sized};
use quarterdeck::core::error::{ErrorKind, SourceError};
use quarterdeck::core::estate::{Policy, Role};
use quarterdeck::core::inventory::ProbeReason;
use quarterdeck::core::observed::Status;
use quarterdeck::core::source::{Scope, SourceEvent};
use std::time::Duration;

fn role(world: &world::World, stack: &str) -> (Role, Option<f64>) {
    let estate = estate(world);
    let fleet = &estate.fleets[&stack.into()];
    (fleet.role, fleet.traffic_share)
}

#[test]
fn blue_is_live_and_green_stands_by() {
    let world = blue_green();
    assert_eq!(role(&world, "blue"), (Role::Live, Some(1.0)));
    assert_eq!(role(&world, "green"), (Role::Standby, Some(0.0)));
    let estate = estate(&world);
    let blue = &estate.fleets[&"blue".into()];
    assert_eq!(blue.in_service(), Some((3, 3)));
    assert_eq!(blue.members, Some(3));
    assert_eq!((blue.registry[0].registered, blue.registry[0].expected), (Some(3), 3));
    assert_eq!(blue.targets.len(), 3);
    for target in &blue.targets {
        let capacity = target.capacity.as_ref().unwrap();
        assert_eq!((capacity.healthy, capacity.registered, capacity.zones.len()), (3, 3, 3));
        assert_eq!(target.fail_open, Some(false));
    }
    let probes: Vec<_> = blue.probes.iter().map(|of| (of.service.as_str(), of.pass)).collect();
    assert_eq!(probes, [("grafana", 3), ("loki", 3), ("tempo", 3)]);
}

#[test]
fn who_shares_a_listener_is_shifting() {
    let mut world = sized(&[("blue", 3, 75), ("green", 3, 25)]);
    assert_eq!(role(&world, "blue"), (Role::Shifting, Some(0.75)));
    assert_eq!(role(&world, "green"), (Role::Shifting, Some(0.25)));
    world.fleets[1].weights = PORTS.iter().map(|(_, port)| (*port, 0)).collect();
    world.fleets[1].weights.insert(3100, 75);
    assert_eq!(role(&world, "green").0, Role::Shifting, "its listeners differ");
}

#[test]
fn fleets_of_shared_groups_share_by_their_healthy_targets() {
    let mut world = blue_green();
    world.shared_groups = true;
    assert_eq!(role(&world, "blue"), (Role::Shifting, Some(0.5)));
    for node in &mut world.fleets[1].nodes {
        node.targets.values_mut().for_each(|state| *state = "unhealthy");
    }
    assert_eq!(role(&world, "green").1, Some(0.0));
    assert_eq!(role(&world, "blue"), (Role::Live, Some(1.0)));
}

#[test]
fn an_unattached_fleet_stands_by_only_while_every_probe_passes() {
    let mut world = blue_green();
    world.fleets[1].weights.clear();
    assert_eq!(role(&world, "green"), (Role::Standby, None));
    world.fleets[1].nodes[0].probes.insert("loki", ProbeReason::Starting);
    assert_eq!(role(&world, "green"), (Role::Idle, None));
    for node in &mut world.fleets[1].nodes {
        node.probes.clear();
    }
    assert_eq!(role(&world, "green"), (Role::Idle, None), "nothing is known");
}

#[test]
fn without_listeners_every_role_is_unknown() {
    let mut inventory = blue_green().inventory();
    let error = SourceError::new(ErrorKind::Denied, "DescribeListeners", "no");
    let mut fresh = quarterdeck::core::inventory::Inventory::default();
    for event in blue_green().events() {
        if !matches!(event.scope, Scope::Listeners(_)) {
            fresh.apply(event);
        }
    }
    let denied = SourceEvent {
        scope: Scope::Listeners(world::balancer()),
        observed_at: world::now(),
        every: Duration::from_secs(10),
        calls: 1,
        result: Err(error),
        missing: None,
    };
    fresh.apply(denied.clone());
    let estate = reconcile(&fresh, world::now(), &Policy::default());
    assert!(estate.fleets.values().all(|fleet| fleet.role == Role::Unknown));

    // A failed poll leaves the last good listeners standing until they are stale.
    inventory.apply(denied);
    let estate = reconcile(&inventory, world::now(), &Policy::default());
    assert_eq!(estate.fleets[&"blue".into()].role, Role::Live);
    let later = world::now().checked_add(Duration::from_secs(21)).unwrap();
    let estate = reconcile(&inventory, later, &Policy::default());
    let blue = &estate.fleets[&"blue".into()];
    assert_eq!((blue.role, blue.traffic_share), (Role::Unknown, None));
    assert!(!blue.listeners.is_empty() && blue.listeners.iter().all(|of| of.share.is_none()));
}

/// Nobody probes a node that left, so its last answer grows old, and the probes are well.
#[test]
fn a_node_that_left_makes_no_probe_stale() {
    let mut world = blue_green();
    let mut inventory = world.inventory();
    let later = world::now().checked_add(Duration::from_secs(600)).unwrap();
    let left = world.fleets[1].nodes.pop().unwrap();
    let statuses = |inventory: &quarterdeck::core::inventory::Inventory| {
        let probes = inventory.statuses(later).into_iter().find(|of| of.scope.is_none()).unwrap();
        (probes.status, probes.observed_at)
    };
    let again = |event: SourceEvent| SourceEvent { observed_at: later, ..event };
    for event in world.events().into_iter().map(again) {
        if matches!(event.scope, Scope::Probe(_)) {
            inventory.apply(event);
        }
    }
    assert_eq!(statuses(&inventory).0, Status::Stale, "{} is still named", left.id);
    world.events().into_iter().map(again).for_each(|event| inventory.apply(event));
    assert_eq!(statuses(&inventory), (Status::Ok, Some(later)));
}

#[test]
fn a_group_without_a_tag_belongs_where_its_members_agree() {
    let mut world = blue_green();
    world.fleets[0].tagged = false;
    assert_eq!(estate(&world).fleets[&"blue".into()].in_service(), Some((3, 3)));
}

#[test]
fn one_fleet_may_have_several_groups() {
    let mut world = blue_green();
    let mut second = world.fleets.remove(1);
    second.stack = "green";
    let mut events = world.events();
    world.fleets.push(second);
    // The second group carries blue's tag.
    let mut inventory = quarterdeck::core::inventory::Inventory::default();
    events.extend(world.events());
    for mut event in events {
        if let Ok(quarterdeck::core::source::Fragment::Groups(groups)) = &mut event.result {
            for group in groups {
                group.tags.insert("STACK".into(), "blue".into());
            }
        }
        inventory.apply(event);
    }
    let estate = reconcile(&inventory, world::now(), &Policy::default());
    let blue = &estate.fleets[&"blue".into()];
    assert_eq!(blue.in_service(), Some((6, 6)));
    assert_eq!(blue.groups.len(), 2);
    assert_eq!(blue.traffic_share, Some(1.0), "both groups' target groups are blue's");
}

#[test]
fn only_what_was_listed_whole_lets_anybody_say_that_there_is_no_fleet() {
    let whole = |lost: Option<Scope>| {
        let mut inventory = quarterdeck::core::inventory::Inventory::default();
        let events =
            sized(&[]).events().into_iter().filter(|event| Some(&event.scope) != lost.as_ref());
        events.for_each(|event| inventory.apply(event));
        let estate = reconcile(&inventory, world::now(), &Policy::default());
        assert!(estate.fleets.is_empty());
        estate.whole
    };
    assert!(whole(None));
    let namespace = Scope::Services("ns-1".into());
    for lost in [Scope::Groups, Scope::Namespaces, namespace, Scope::Members(world::service())] {
        assert!(!whole(Some(lost.clone())), "without {lost}");
    }
}

#[test]
fn members_are_not_zero_while_a_service_is_still_to_be_listed() {
    let mut world = blue_green();
    world.fleets[1].nodes.iter_mut().for_each(|node| node.member = None);
    let mut inventory = world.inventory();
    let members = |inventory: &_| {
        let estate = reconcile(inventory, world::now(), &Policy::default());
        estate.fleets[&"green".into()].members
    };
    assert_eq!(members(&inventory), Some(0));
    let service = |id: &str| quarterdeck::core::inventory::RegistryService {
        id: id.into(),
        name: id.into(),
        namespace: "ns-1".into(),
        custom_health: false,
        description: None,
        created: None,
    };
    let both = vec![service("srv-1"), service("srv-2")];
    let services = quarterdeck::core::source::Fragment::Services(both);
    inventory.apply(world::event(Scope::Services("ns-1".into()), services));
    assert_eq!(members(&inventory), None, "srv-2 was not listed yet");
}
