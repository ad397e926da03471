//! What happens in real accounts every day: neighbours, rolling deploys, denied reads. None of it
//! may make a finding that is not true, or hide what is known.

use super::reconcile;
use super::world::{self, World, blue_green, event, sized};
use quarterdeck::core::error::{ErrorKind, SourceError};
use quarterdeck::core::estate::{Estate, Policy, Role};
use quarterdeck::core::finding::{FindingKind, Severity};
use quarterdeck::core::ids::{InstanceId, TargetGroupArn};
use quarterdeck::core::inventory::{
    Ec2Instance, Inventory, LoadBalancer, ProbeReason, Refresh, TargetGroup, TargetHealth,
    WeightedGroup,
};
use quarterdeck::core::observed::Status;
use quarterdeck::core::source::{Fragment, Scope, Source, SourceEvent};
use std::collections::BTreeSet;
use std::time::Duration;

fn at_now(inventory: &Inventory) -> Estate {
    reconcile(inventory, world::now(), &Policy::default())
}

fn kinds(estate: &Estate) -> Vec<FindingKind> {
    estate.findings.iter().map(|one| one.kind).collect()
}

/// The world's inventory with some of the answers changed on the way.
fn bent(world: &World, mut bend: impl FnMut(&mut SourceEvent)) -> Inventory {
    let mut inventory = Inventory::default();
    for mut event in world.events() {
        bend(&mut event);
        inventory.apply(event);
    }
    inventory
}

fn denied(scope: Scope) -> SourceEvent {
    let why = SourceError::new(ErrorKind::Denied, "x", "not authorised");
    SourceEvent { result: Err(why), ..event(scope, Fragment::MembersUnchanged) }
}

#[test]
fn a_neighbours_load_balancer_hides_no_role() {
    let inventory = bent(&blue_green(), |event| {
        if let Ok(Fragment::LoadBalancers(all)) = &mut event.result {
            let neighbour = LoadBalancer {
                arn: "arn:aws:elasticloadbalancing:r:1:loadbalancer/net/other/2".into(),
                name: "other".into(),
                ..all[0].clone()
            };
            all.push(neighbour);
        }
    });
    let estate = at_now(&inventory);
    assert_eq!(estate.fleets[&"blue".into()].role, Role::Live);
    assert_eq!(estate.fleets[&"green".into()].role, Role::Standby);
}

#[test]
fn a_starting_target_is_given_its_grace() {
    let mut world = blue_green();
    world.cross_zone = true;
    let node = &mut world.fleets[0].nodes[1];
    node.age = Duration::from_secs(60);
    node.targets.insert(3100, "unhealthy");
    node.probes.insert("loki", ProbeReason::Starting);
    assert_eq!(kinds(&at_now(&world.inventory())), []);
    let node = &mut world.fleets[0].nodes[1];
    (node.age, node.lifecycle) = (Duration::from_secs(86_400), "Terminating:Wait");
    node.targets.insert(3100, "unhealthy.draining");
    world.zones = vec!["z-a", "z-c"];
    assert_eq!(kinds(&at_now(&world.inventory())), []);
}

#[test]
fn no_member_is_claimed_missing_where_services_are_denied() {
    let mut inventory = Inventory::default();
    for event in blue_green().events() {
        let event = match event.scope {
            Scope::Services(_) | Scope::Members(_) => denied(event.scope),
            _ => event,
        };
        inventory.apply(event);
    }
    assert_eq!(at_now(&inventory).fleets[&"blue".into()].members, None);
}

#[test]
fn old_words_of_auto_scaling_make_nobody_unregistered() {
    let world = {
        let mut world = blue_green();
        world.fleets[0].nodes[1].member = None;
        world
    };
    let mut inventory = world.inventory();
    let later = world::now().checked_add(Duration::from_secs(21)).unwrap();
    for mut event in world.events() {
        if event.scope != Scope::Groups {
            event.observed_at = later;
            inventory.apply(event);
        }
    }
    let estate = reconcile(&inventory, later, &Policy::default());
    assert_eq!(kinds(&estate), []);
}

#[test]
fn the_probes_of_a_node_that_is_gone_age_nobody() {
    let mut world = blue_green();
    let mut inventory = world.inventory();
    world.fleets[0].nodes.pop();
    let later = world::now().checked_add(Duration::from_secs(60)).unwrap();
    // The groups are read once more after everybody else has stopped naming the node.
    for mut event in world.events().into_iter().chain(world.events()) {
        event.observed_at = later;
        inventory.apply(event);
    }
    let probes = inventory.statuses(later).into_iter().find(|of| of.source == Source::Probes);
    assert_eq!(probes.unwrap().status, Status::Ok);
}

#[test]
fn a_shared_dependency_is_named_when_only_one_product_is_probed() {
    let mut world = blue_green();
    for node in world.fleets.iter_mut().flat_map(|fleet| &mut fleet.nodes) {
        node.probes.clear();
        node.probes.insert("grafana", ProbeReason::DatabaseFailing);
    }
    assert_eq!(kinds(&at_now(&world.inventory())), [FindingKind::DependencyFailure]);
}

#[test]
fn a_group_just_attached_is_given_time_to_register() {
    let mut world = blue_green();
    world.cross_zone = true;
    let blue = world.target_group("blue", 3100);
    let inventory = bent(&world, |event| {
        if let Ok(Fragment::Groups(groups)) = &mut event.result {
            groups[1].target_groups.retain(|arn| arn != &blue);
        }
    });
    let mut inventory = inventory;
    for mut event in world.events() {
        if let Ok(Fragment::Groups(groups)) = &mut event.result {
            groups[1].target_groups.push(blue.clone());
        }
        inventory.apply(event);
    }
    let estate = at_now(&inventory);
    let missing = estate.findings.iter().filter(|of| of.kind == FindingKind::NotInTargetGroup);
    assert_eq!(missing.count(), 0);
}

#[test]
fn a_tcp_check_contradicts_no_answering_product() {
    let world = {
        let mut world = blue_green();
        world.fleets[0].nodes[0].probes.insert("loki", ProbeReason::Starting);
        world
    };
    let tcp = |at: jiff::Timestamp, inventory: &mut Inventory| {
        for mut event in world.events() {
            if let Ok(Fragment::TargetGroups(groups)) = &mut event.result {
                groups.iter_mut().for_each(|of| of.check_protocol = "TCP".into());
            }
            event.observed_at = at;
            inventory.apply(event);
        }
    };
    let mut inventory = Inventory::default();
    let later = world::now().checked_add(Duration::from_secs(600)).unwrap();
    tcp(world::now(), &mut inventory);
    tcp(later, &mut inventory);
    let estate = reconcile(&inventory, later, &Policy::default());
    assert_eq!(kinds(&estate), [FindingKind::ProbeFailed]);
}

#[test]
fn versions_of_different_templates_are_not_mixed_versions() {
    let mut world = blue_green();
    world.fleets[0].nodes[0].version = "7";
    let of = |template: fn(usize) -> &'static str| {
        bent(&world, |event| {
            if let Ok(Fragment::Groups(groups)) = &mut event.result {
                for (index, instance) in groups[0].instances.iter_mut().enumerate() {
                    instance.launch_template = Some(template(index).into());
                }
            }
        })
    };
    let mixed_policy = of(|index| if index == 0 { "lt-arm" } else { "lt-x86" });
    assert_eq!(kinds(&at_now(&mixed_policy)), []);
    assert_eq!(kinds(&at_now(&of(|_| "lt-x86"))), [FindingKind::MixedVersions]);
}

#[test]
fn a_refresh_excuses_mixed_versions_only_while_it_is_known_to_run() {
    let mut world = blue_green();
    world.fleets[0].nodes[0].version = "2";
    let severity = |status: &str, seconds: u64| {
        let refresh =
            Refresh { id: "r".into(), status: status.into(), percent: None, started: None };
        let mut inventory = Inventory::default();
        let scope = Scope::Refreshes("blue-asg".into());
        inventory.apply(event(scope, Fragment::Refreshes(vec![refresh])));
        let later = world::now().checked_add(Duration::from_secs(seconds)).unwrap();
        for mut event in world.events() {
            event.observed_at = later;
            inventory.apply(event);
        }
        let estate = reconcile(&inventory, later, &Policy::default());
        assert_eq!(kinds(&estate), [FindingKind::MixedVersions]);
        estate.findings[0].severity
    };
    for running in ["InProgress", "Baking", "RollbackInProgress"] {
        assert_eq!(severity(running, 0), Severity::Info, "{running}");
    }
    assert_eq!(severity("Successful", 0), Severity::Warning);
    assert_eq!(severity("InProgress", 21), Severity::Warning, "an old word");
}

#[test]
fn one_wrong_entry_makes_no_fleet_without_a_tag_nobodys() {
    let mut world = blue_green();
    world.fleets[0].tagged = false;
    let node = &mut world.fleets[0].nodes[0];
    node.member = Some(world::member(node.id.as_str(), &node.ip.to_string(), "green"));
    let estate = at_now(&world.inventory());
    assert_eq!(kinds(&estate), [FindingKind::WrongStack]);
    assert_eq!(estate.fleets[&"blue".into()].role, Role::Live);
}

#[test]
fn weights_that_go_to_and_fro_are_told_once_each_way() {
    let mut inventory = blue_green().inventory();
    let there = sized(&[("blue", 3, 0), ("green", 3, 100)]);
    for world in [&there, &blue_green(), &there] {
        world.events().into_iter().for_each(|event| inventory.apply(event));
    }
    let estate = at_now(&inventory);
    let ids: BTreeSet<_> = estate.findings.iter().map(|of| &of.id).collect();
    assert_eq!((ids.len(), estate.findings.len()), (6, 6));
}

#[test]
fn groups_in_another_order_are_no_change_of_traffic() {
    let mut inventory = blue_green().inventory();
    for mut event in blue_green().events() {
        if let Ok(Fragment::Listeners(all)) = &mut event.result {
            all.iter_mut().for_each(|listener| listener.default.groups.reverse());
        }
        inventory.apply(event);
    }
    assert_eq!(kinds(&at_now(&inventory)), []);
}

#[test]
fn the_services_of_a_namespace_that_is_gone_are_gone() {
    let mut inventory = blue_green().inventory();
    inventory.apply(event(Scope::Namespaces, Fragment::Namespaces(Vec::new())));
    assert_eq!(inventory.all_services().count(), 0);
}

#[test]
fn a_neighbours_group_that_takes_a_zone_out_of_dns_is_named() {
    let world = blue_green();
    let arn = TargetGroupArn::from("arn:aws:elasticloadbalancing:r:1:targetgroup/neighbour/1");
    let stranger = InstanceId::from("i-0bad0000000000000");
    let mut inventory = bent(&world, |event| match &mut event.result {
        Ok(Fragment::TargetGroups(all)) => {
            let own = TargetGroup { arn: arn.clone(), name: "neighbour".into(), ..all[0].clone() };
            all.push(own);
        }
        Ok(Fragment::Listeners(all)) => {
            let forward = WeightedGroup { target_group: arn.clone(), weight: 1 };
            let mut own = all[0].clone();
            (own.arn, own.port, own.default.groups) = ("listener/9".into(), 9, vec![forward]);
            all.push(own);
        }
        Ok(Fragment::Instances { asked, found }) => {
            asked.push(stranger.clone());
            found.push(Ec2Instance { id: stranger.clone(), ..found[0].clone() });
        }
        _ => {}
    });
    let target = |state: &str| TargetHealth {
        id: stranger.clone(),
        port: 9,
        zone: None,
        state: state.into(),
        reason: None,
        description: None,
    };
    let scope = Scope::TargetGroupAttributes(arn.clone());
    inventory.apply(event(scope, Fragment::TargetGroupAttributes(<_>::default())));
    let scope = Scope::TargetHealth(arn.clone());
    inventory.apply(event(scope, Fragment::TargetHealth(vec![target("healthy")])));
    let estate = at_now(&inventory);
    assert_eq!(kinds(&estate), [FindingKind::ZoneOutOfDns; 2]);
    let text = "zone z-b is out of front's DNS: no healthy target there in neighbour, \
                and cross-zone is off";
    assert!(estate.findings.iter().any(|of| of.summary == text), "{:#?}", estate.findings);
}
