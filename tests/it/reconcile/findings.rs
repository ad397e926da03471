//! Each thing that goes wrong, and exactly what is said about it.

use super::world::{self, World, blue_green, member, sized};
use super::{estate, kinds, reconcile, told};
use jiff::Timestamp;
use quarterdeck::core::estate::Policy;
use quarterdeck::core::finding::{Finding, FindingKind, Fix, Severity};
use quarterdeck::core::inventory::{
    Activity, Forward, Listener, Member, MemberHealth, OwnWrite, ProbeReason, Written,
};
use quarterdeck::core::source::{Fragment, Scope};
use std::time::Duration;

fn bent(bend: impl FnOnce(&mut World)) -> World {
    let mut world = blue_green();
    bend(&mut world);
    world
}

fn only(world: &World) -> Finding {
    let estate = estate(world);
    assert_eq!(estate.findings.len(), 1, "{:#?}", estate.findings);
    estate.findings[0].clone()
}

#[test]
fn a_healthy_world_has_no_finding() {
    assert_eq!(told(&estate(&blue_green())), []);
    let mut attached = blue_green();
    attached.shared_groups = true;
    assert_eq!(told(&estate(&attached)), []);
    assert_eq!(told(&estate(&sized(&[("blue", 3, 50), ("green", 3, 50)]))), []);
}

#[test]
fn an_unregistered_node() {
    let world = bent(|world| world.fleets[0].nodes[1].member = None);
    let finding = only(&world);
    assert_eq!((finding.kind, finding.fix), (FindingKind::UnregisteredNode, Some(Fix::Reregister)));
    assert_eq!(finding.instance_id, Some(world.fleets[0].nodes[1].id.clone()));
    assert_eq!(
        finding.summary,
        "i-00000000000000001 of blue is in service and not registered in glt"
    );
}

#[test]
fn a_new_node_is_given_its_grace() {
    let world = bent(|world| {
        world.cross_zone = true;
        let node = &mut world.fleets[0].nodes[1];
        node.member = None;
        node.age = Duration::from_secs(299);
        node.targets.clear();
        node.probes.insert("loki", ProbeReason::Starting);
    });
    assert_eq!(kinds(&world), []);
}

#[test]
fn the_boot_race_stands_for_the_nodes_it_hit() {
    let mut world = sized(&[("blue", 6, 100), ("green", 3, 0)]);
    world.fleets[0].nodes[1..].iter_mut().for_each(|node| node.member = None);
    let finding = only(&world);
    assert_eq!((finding.kind, finding.fix), (FindingKind::BootRace, Some(Fix::Repair)));
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.summary, "boot race: 6 nodes of blue in service, 1 in glt");
}

#[test]
fn a_fleet_that_never_registered_is_not_taken_for_one_that_need_not() {
    let world = bent(|world| world.fleets[1].nodes.iter_mut().for_each(|node| node.member = None));
    assert_eq!(kinds(&world), [FindingKind::UnregisteredNode; 3]);
}

#[test]
fn an_empty_service_is_one_finding() {
    let world = bent(|world| {
        world.fleets.iter_mut().flat_map(|of| &mut of.nodes).for_each(|node| node.member = None);
    });
    let mut inventory = blue_green().inventory();
    world.events().into_iter().for_each(|event| inventory.apply(event));
    let estate = reconcile(&inventory, world::now(), &Policy::default());
    assert_eq!(told(&estate), [(FindingKind::ServiceEmpty, String::new())]);
    // Never seen with a stack key and not configured, it is nobody's service.
    assert_eq!(kinds(&world), []);
    let mut policy = Policy::default();
    policy.registry.insert(world::service(), ["blue".into()].into());
    let estate = reconcile(&world.inventory(), world::now(), &policy);
    assert_eq!(told(&estate), [(FindingKind::ServiceEmpty, String::new())]);
}

#[test]
fn a_ghost_and_what_became_of_its_address() {
    let ghost = "i-0dead000000000000";
    let mut world = bent(|world| world.strangers.push(member(ghost, "127.9.9.9", "blue")));
    let finding = only(&world);
    assert_eq!((finding.kind, finding.fix), (FindingKind::GhostMember, Some(Fix::Deregister)));
    assert_eq!(
        finding.summary,
        "i-0dead000000000000 is registered in glt with 127.9.9.9 and is gone: \
         EC2 does not know it and no group lists it"
    );
    // The address belongs to somebody else now; it is still the same ghost, and no duplicate.
    world.strangers[0] = member(ghost, &world.fleets[1].nodes[0].ip.to_string(), "blue");
    let finding = only(&world);
    assert_eq!(finding.kind, FindingKind::GhostMember);
    assert!(finding.summary.ends_with("that address now belongs to i-01000000000000000"));
}

#[test]
fn no_ghost_of_another_account() {
    let world = bent(|world| {
        let mut entry = member("i-0dead000000000000", "127.9.9.9", "blue");
        entry.account = Some("210987654321".into());
        world.strangers.push(entry);
    });
    assert_eq!(kinds(&world), []);
}

#[test]
fn a_node_that_refuses_is_a_node_that_answers() {
    let world = bent(|world| {
        for node in world.fleets.iter_mut().flat_map(|fleet| &mut fleet.nodes) {
            node.probes.values_mut().for_each(|reason| *reason = ProbeReason::Refused);
        }
    });
    let kinds = kinds(&world);
    assert!(!kinds.contains(&FindingKind::UnreachableFromHere), "{kinds:?}");
    assert!(!kinds.is_empty());
}

#[test]
fn no_ghost_without_proof() {
    let ghost = "i-0dead000000000000";
    let world = bent(|world| world.strangers.push(member(ghost, "127.9.9.9", "blue")));
    for lost in [Scope::Instances(0), Scope::Groups] {
        let mut inventory = quarterdeck::core::inventory::Inventory::default();
        let events = world.events().into_iter().filter(|event| event.scope != lost);
        events.for_each(|event| inventory.apply(event));
        let estate = reconcile(&inventory, world::now(), &Policy::default());
        let ghosts = estate.findings.iter().filter(|one| one.kind == FindingKind::GhostMember);
        assert_eq!(ghosts.count(), 0, "without {lost}");
    }
}

#[test]
fn a_wrong_address_names_whose_it_is() {
    let world = bent(|world| {
        let other = world.fleets[0].nodes[1].ip.to_string();
        let node = &mut world.fleets[0].nodes[0];
        node.member = Some(member(node.id.as_str(), &other, "blue"));
    });
    let finding = only(&world);
    assert_eq!(finding.kind, FindingKind::WrongIp);
    assert_eq!(
        finding.summary,
        "i-00000000000000000 is registered in glt with 127.10.0.1, \
         which is i-00000000000000001's; its address is 127.10.0.0"
    );
}

#[test]
fn a_wrong_stack_three_ways() {
    let with = |attributes: &[(&str, &str)]| {
        bent(|world| {
            let node = &mut world.fleets[0].nodes[0];
            let address = ("AWS_INSTANCE_IPV4".to_owned(), node.ip.to_string());
            let more = attributes.iter().map(|(key, value)| ((*key).into(), (*value).into()));
            let all = std::iter::once(address).chain(more).collect();
            node.member = Some(Member::new(node.id.clone(), all));
        })
    };
    for (attributes, ends) in [
        (&[("STACK", "green")][..], "registered in glt with STACK green"),
        (&[][..], "registered in glt without a STACK"),
        (
            &[("STACK", "blue"), ("STACK_ID", "green")][..],
            "registered in glt with STACK blue and STACK_ID green",
        ),
    ] {
        let finding = only(&with(attributes));
        assert_eq!(finding.kind, FindingKind::WrongStack);
        assert!(finding.summary.ends_with(ends), "{}", finding.summary);
    }
    assert_eq!(kinds(&with(&[("STACK_ID", "blue")])), [], "the other key is as good");
}

#[test]
fn two_members_with_one_address() {
    let world = bent(|world| {
        let ip = world.fleets[0].nodes[0].ip.to_string();
        world.strangers.push(member("by-hand", &ip, "blue"));
    });
    let finding = only(&world);
    assert_eq!(finding.kind, FindingKind::DuplicateIp);
    assert_eq!(finding.summary, "i-00000000000000000 and by-hand share 127.10.0.0 in glt");
}

#[test]
fn custom_health() {
    let world = bent(|world| {
        world.custom_health = true;
        for node in world.fleets.iter_mut().flat_map(|fleet| &mut fleet.nodes) {
            node.member_health = Some(MemberHealth::Healthy);
        }
        world.fleets[0].nodes[0].member_health = Some(MemberHealth::Unhealthy);
        world.fleets[0].nodes[1].member_health = Some(MemberHealth::Unknown);
    });
    assert_eq!(only(&world).kind, FindingKind::UnhealthyMember);
}

#[test]
fn a_node_missing_from_a_target_group() {
    let world = bent(|world| {
        world.cross_zone = true;
        world.fleets[0].nodes[0].targets.remove(&3100);
    });
    let finding = only(&world);
    assert_eq!((finding.kind, finding.fix), (FindingKind::NotInTargetGroup, Some(Fix::Undrain)));
    assert!(finding.target_group.unwrap().as_str().contains("blue-3100"));
}

#[test]
fn a_foreign_target() {
    let mut world = blue_green();
    let id = world.fleets[1].nodes[0].id.clone();
    let stranger = quarterdeck::core::inventory::TargetHealth {
        id: id.clone(),
        port: 3100,
        zone: None,
        state: "healthy".into(),
        reason: None,
        description: None,
    };
    let mut inventory = quarterdeck::core::inventory::Inventory::default();
    let blue = world.target_group("blue", 3100);
    for mut event in world.events() {
        if let (true, Ok(Fragment::TargetHealth(all))) =
            (event.scope == Scope::TargetHealth(blue.clone()), &mut event.result)
        {
            all.push(stranger.clone());
        }
        inventory.apply(event);
    }
    let estate = reconcile(&inventory, world::now(), &Policy::default());
    assert_eq!(told(&estate), [(FindingKind::ForeignTarget, id.to_string())]);
    assert_eq!(
        estate.findings[0].summary,
        "i-01000000000000000:3100 is a target of blue-3100, which is for blue, and belongs to green"
    );
    world.shared_groups = true;
    assert_eq!(kinds(&world), [], "under attach both fleets are at home");
}

#[test]
fn an_unhealthy_target_is_told_by_whoever_knows_why() {
    let mut world = bent(|world| {
        world.cross_zone = true;
        let node = &mut world.fleets[0].nodes[0];
        node.targets.insert(3100, "unhealthy");
        node.probes.clear();
    });
    let finding = only(&world);
    assert_eq!(finding.kind, FindingKind::UnhealthyTarget);
    assert_eq!(
        finding.summary,
        "i-00000000000000000 is unhealthy in blue-3100 on 3100 (Target.FailedHealthChecks)"
    );
    // With probes the failing one says why, and the load balancer's word adds nothing.
    let node = &mut world.fleets[0].nodes[0];
    node.probes = blue_green().fleets[0].nodes[0].probes.clone();
    node.probes.insert("loki", ProbeReason::BlockedBy("127.0.1.3:9095".into()));
    assert_eq!(kinds(&world), [FindingKind::ProbeFailed]);
}

#[test]
fn fail_open_with_and_without_traffic() {
    let sick = |fleet: usize| {
        bent(|world| {
            for node in &mut world.fleets[fleet].nodes {
                node.targets.insert(3100, "unhealthy");
                node.probes.clear();
            }
        })
    };
    let finding = only(&sick(0));
    assert_eq!((finding.kind, finding.severity), (FindingKind::FailOpen, Severity::Critical));
    assert_eq!(
        finding.summary,
        "blue-3100 of blue has no healthy target of 3: its traffic goes to nobody or to unhealthy nodes"
    );
    assert_eq!(only(&sick(1)).severity, Severity::Warning, "at weight 0");
}

#[test]
fn an_empty_group_fails_open_too() {
    let mut world = blue_green();
    world.fleets[1].nodes.clear();
    let kinds = kinds(&world);
    assert_eq!(kinds, [FindingKind::FailOpen; 3]);
}

#[test]
fn a_zone_without_nodes_and_a_zone_out_of_dns() {
    let world = |cross_zone| {
        bent(|world| {
            world.cross_zone = cross_zone;
            world.fleets[0].nodes[2].zone = "z-a";
        })
    };
    let finding = only(&world(true));
    assert_eq!(finding.kind, FindingKind::ZoneUncovered);
    assert_eq!(
        finding.summary,
        "front serves zone z-c, and blue has no node there, only in z-a and z-b"
    );
    let finding = only(&world(false));
    assert_eq!(finding.kind, FindingKind::ZoneOutOfDns);
    assert!(finding.summary.contains("blue-3000, blue-3100 and blue-3200"));
}

#[test]
fn one_sick_group_takes_a_zone_out_of_dns() {
    let world = bent(|world| {
        world.fleets[1].nodes[1].targets.insert(3200, "initial");
    });
    let finding = only(&world);
    assert_eq!(finding.kind, FindingKind::ZoneOutOfDns);
    assert!(finding.summary.starts_with("zone z-b is out of front's DNS"), "{}", finding.summary);
}

#[test]
fn listeners_that_differ() {
    let world = bent(|world| {
        world.fleets[0].weights.insert(3100, 0);
        world.fleets[1].weights.insert(3100, 100);
    });
    let finding = only(&world);
    assert_eq!((finding.kind, finding.fix), (FindingKind::ListenersSplit, Some(Fix::Cutover)));
    assert_eq!(
        finding.summary,
        "listeners of front differ: 3000 to blue 100%, 3100 to green 100% and 3200 to blue 100%"
    );
    assert_eq!(finding.stack_id, Some("blue".into()));
}

#[test]
fn a_change_from_outside_is_noticed_and_forgotten_after_an_hour() {
    let mut inventory = blue_green().inventory();
    let changed = sized(&[("blue", 3, 0), ("green", 3, 100)]);
    changed.events().into_iter().for_each(|event| inventory.apply(event));
    let estate = reconcile(&inventory, world::now(), &Policy::default());
    let kinds: Vec<_> = estate.findings.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [FindingKind::TrafficChangedOutside; 3]);
    assert_eq!(
        estate.findings[0].summary.split(" within").next().unwrap(),
        "front:3000: weights went from blue-3000=100 green-3000=0 to blue-3000=0 green-3000=100"
    );
    let later = world::now().checked_add(Duration::from_secs(3601)).unwrap();
    assert_eq!(inventory.memory.recent_changes(later).count(), 0);
}

/// What a run of ours wrote is nobody else's change; what it did not write, or not then, is.
#[test]
fn a_change_of_our_own_is_not_one_from_outside() {
    let mut inventory = blue_green().inventory();
    let changed = sized(&[("blue", 3, 0), ("green", 3, 100)]);
    changed.events().into_iter().for_each(|event| inventory.apply(event));
    let at = |second: i64| Timestamp::from_second(world::now().as_second() + second).unwrap();
    let told = |sent: i64, until: i64, bend: fn(&mut Forward)| {
        let mut inventory = inventory.clone();
        let write = |of: &Listener| {
            let mut to = of.default.clone();
            bend(&mut to);
            // AWS answers in an order of its own.
            to.groups.reverse();
            let what = Written::Listener(of.arn.clone(), to);
            OwnWrite { what, sent: at(sent), until: at(until) }
        };
        let writes: Vec<_> = inventory.all_listeners().map(write).collect();
        assert_eq!(writes.len(), 3);
        inventory.memory.wrote(writes);
        let estate = reconcile(&inventory, world::now(), &Policy::default());
        estate.findings.len()
    };
    assert_eq!(told(-60, 60, |_| {}), 0);
    assert_eq!(told(-60, 60, |to| to.groups[0].weight += 1), 3, "other weights than we wrote");
    assert_eq!(told(-600, -300, |_| {}), 3, "the old state was still seen after that write");
    assert_eq!(told(1, 60, |_| {}), 3, "it was there before we wrote");
}

#[test]
fn a_load_balancer_without_security_group() {
    let finding = only(&bent(|world| world.security_groups.clear()));
    assert_eq!(finding.kind, FindingKind::NlbWithoutSecurityGroup);
    assert_eq!(finding.severity, Severity::Info);
}

#[test]
fn a_failing_probe_and_a_dead_node() {
    let finding = only(&bent(|world| {
        world.fleets[0].nodes[0].probes.insert("loki", ProbeReason::Starting);
    }));
    assert_eq!(finding.kind, FindingKind::ProbeFailed);
    assert_eq!(finding.summary, "i-00000000000000000 loki: Starting");
    let finding = only(&bent(|world| {
        let probes = &mut world.fleets[0].nodes[0].probes;
        probes.values_mut().for_each(|reason| *reason = ProbeReason::NoRoute);
    }));
    assert_eq!(finding.summary, "i-00000000000000000 answers on none of 3 ports: NoRoute");
}

#[test]
fn the_aggregator_adds_nothing_when_a_product_fails() {
    let world = bent(|world| {
        let probes = &mut world.fleets[0].nodes[0].probes;
        probes.insert("healthz", ProbeReason::WrongStatus);
        probes.insert("loki", ProbeReason::Starting);
    });
    assert_eq!(only(&world).summary, "i-00000000000000000 loki: Starting");
}

#[test]
fn load_balancer_and_probe_may_disagree_for_a_while() {
    let mut inventory = bent(|world| {
        world.fleets[0].nodes[0].probes.insert("loki", ProbeReason::Frozen);
    })
    .inventory();
    let at = |seconds: u64| world::now().checked_add(Duration::from_secs(seconds)).unwrap();
    let kinds_at = |inventory: &quarterdeck::core::inventory::Inventory, at: Timestamp| {
        let estate = reconcile(inventory, at, &Policy::default());
        estate.findings.iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    // Interval 10 s × threshold 2: the load balancer may take 20 s to notice.
    assert_eq!(kinds_at(&inventory, at(20)), [FindingKind::ProbeFailed]);
    let again = bent(|world| {
        world.fleets[0].nodes[0].probes.insert("loki", ProbeReason::Frozen);
    });
    for mut event in again.events() {
        event.observed_at = at(15);
        inventory.apply(event);
    }
    assert_eq!(kinds_at(&inventory, at(21)), [FindingKind::ProbeDisagrees]);
}

#[test]
fn a_shared_dependency() {
    let world = bent(|world| {
        for node in world.fleets.iter_mut().flat_map(|fleet| &mut fleet.nodes) {
            node.probes.insert("grafana", ProbeReason::DatabaseFailing);
            node.probes.insert("healthz", ProbeReason::WrongStatus);
        }
    });
    let finding = only(&world);
    assert_eq!(finding.kind, FindingKind::DependencyFailure);
    assert_eq!(finding.summary, "grafana fails the same way on all 6 nodes: DatabaseFailing");
}

#[test]
fn nobody_answers_is_not_everything_down() {
    let world = bent(|world| {
        for node in world.fleets.iter_mut().flat_map(|fleet| &mut fleet.nodes) {
            node.probes.values_mut().for_each(|reason| *reason = ProbeReason::NoRoute);
        }
    });
    assert_eq!(only(&world).kind, FindingKind::UnreachableFromHere);
    let estate = estate(&world);
    let blue = &estate.fleets[&"blue".into()];
    assert!(blue.probes.iter().all(|of| (of.pass, of.fail, of.unknown) == (0, 0, 3)));
}

#[test]
fn groups() {
    let finding = only(&bent(|world| world.fleets[0].health_checks = vec!["EC2".into()]));
    assert_eq!((finding.kind, finding.severity), (FindingKind::NoSelfHeal, Severity::Info));
    let finding = only(&bent(|world| world.fleets[0].suspended = vec!["AZRebalance", "Launch"]));
    assert_eq!(finding.kind, FindingKind::SuspendedProcesses);
    assert_eq!(finding.summary, "blue-asg has AZRebalance and Launch suspended");
    let finding = only(&bent(|world| world.fleets[0].nodes[0].version = "2"));
    assert_eq!(finding.kind, FindingKind::MixedVersions);
}

#[test]
fn launch_failures_until_a_launch_succeeds() {
    let activity = |minutes: u64, status: &str| Activity {
        id: format!("{minutes}-{status}"),
        group: "blue-asg".into(),
        started: world::now().checked_sub(Duration::from_secs(minutes * 60)).unwrap(),
        ended: None,
        status: status.into(),
        description: "Launching a new EC2 instance".into(),
        message: Some("no capacity".into()),
    };
    let mut world = bent(|world| {
        world.fleets[0].activities = vec![activity(5, "Failed"), activity(9, "Failed")];
    });
    let finding = only(&world);
    assert_eq!(finding.kind, FindingKind::LaunchFailures);
    assert_eq!(finding.summary, "blue-asg failed 2 launches in the last hour: no capacity");
    world.fleets[0].activities.push(activity(1, "Successful"));
    assert_eq!(kinds(&world), []);
    world.fleets[0].activities = vec![activity(61, "Failed")];
    assert_eq!(kinds(&world), []);
}

#[test]
fn standby_is_on_purpose_and_nothing_else_is_said() {
    let world = bent(|world| {
        let node = &mut world.fleets[0].nodes[0];
        node.lifecycle = "Standby";
        node.targets.clear();
        node.member = None;
        node.probes.insert("loki", ProbeReason::Stopping);
        world.cross_zone = true;
        world.zones = vec!["z-b", "z-c"];
    });
    assert_eq!(kinds(&world), [FindingKind::DrainedOnPurpose]);
}

#[test]
fn words_of_next_year_pass_through() {
    let world = bent(|world| {
        let node = &mut world.fleets[0].nodes[0];
        node.lifecycle = "Quarantined:Deep";
        node.targets.insert(3000, "resting");
        world.cross_zone = true;
        world.zones = vec!["z-b", "z-c"];
    });
    let estate = estate(&world);
    let node = &estate.nodes[&world.fleets[0].nodes[0].id];
    assert_eq!(node.lifecycle.as_deref(), Some("Quarantined:Deep"));
    assert_eq!(node.targets[0].state_text(), "resting");
    assert_eq!(estate.findings, []);
}

#[test]
fn a_finding_keeps_its_id_and_its_age() {
    let world = bent(|world| world.fleets[0].nodes[1].member = None);
    let first = estate(&world);
    let later = world::now().checked_add(Duration::from_secs(5)).unwrap();
    let mut second = reconcile(&world.inventory(), later, &Policy::default());
    assert_eq!(first.findings[0].id, second.findings[0].id);
    second.carry_since(&first);
    assert_eq!(second.findings[0].since, world::now());
}
