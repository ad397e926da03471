//! What is read, how often, and of whom: the demand on worlds with neighbours.

use crate::reconcile::world::{self, blue_green, event, sized};
use quarterdeck::config::{DnsSetting, Environment, Flags, Settings, load};
use quarterdeck::core::error::{ErrorKind, SourceError};
use quarterdeck::core::ids::TargetGroupArn;
use quarterdeck::core::inventory::{
    Inventory, Namespace, ProbeReason, RegistryService, TargetHealth,
};
use quarterdeck::core::source::{Fragment, Scope, Source, SourceEvent};
use quarterdeck::sources::{Ask, Pace, Want, demand};
use std::collections::BTreeSet;

fn settings() -> Settings {
    let env: Environment = [("HOME", "/nonexistent")].into_iter().collect();
    load(&env, &Flags::default()).unwrap()
}

/// With the fleet `f0` on screen.
fn focused(inventory: &Inventory) -> Vec<Want> {
    demand(inventory, &settings(), &Pace { idle: false, focus: Some("f0".into()) })
}

fn wants(inventory: &Inventory) -> Vec<Want> {
    demand(inventory, &settings(), &Pace::default())
}

/// ELBv2 calls a second in steady state, jitter (shorter by 5 % on average) included.
fn elbv2_rate(wants: &[Want]) -> f64 {
    let own = wants.iter().filter(|want| want.scope.source() == Source::Elbv2);
    own.map(|want| 1.0 / (want.every.as_secs_f64() * 0.95)).sum()
}

fn neighbours(inventory: &mut Inventory, number: usize) {
    let mut groups = inventory.target_groups.value().unwrap().clone();
    for index in 0..number {
        let mut stranger = groups[0].clone();
        stranger.arn = TargetGroupArn::from(format!(
            "arn:aws:elasticloadbalancing:r:1:targetgroup/n{index}/1"
        ));
        stranger.load_balancers.clear();
        groups.push(stranger);
    }
    inventory.apply(event(Scope::TargetGroups, Fragment::TargetGroups(groups)));
}

#[test]
fn elbv2_gets_at_most_one_call_a_second() {
    for fleets in [1, 2, 10, 33] {
        let names: Vec<&'static str> =
            (0..fleets).map(|n| &*Box::leak(format!("f{n}").into_boxed_str())).collect();
        let all: Vec<_> = names.iter().map(|name| (*name, 3, 1)).collect();
        let mut inventory = sized(&all).inventory();
        neighbours(&mut inventory, 300);
        let rate = elbv2_rate(&wants(&inventory)).max(elbv2_rate(&focused(&inventory)));
        assert!(rate <= 1.0, "{} groups: {rate} calls a second", fleets * 3);
    }
}

#[test]
fn a_neighbours_nodes_are_not_probed() {
    let world = blue_green();
    let mut inventory = world.inventory();
    let stranger = "i-0bad0000000000000";
    let mut groups = inventory.target_groups.value().unwrap().clone();
    let mut beside = groups[0].clone();
    beside.arn = TargetGroupArn::from("arn:aws:elasticloadbalancing:r:1:targetgroup/beside/1");
    groups.push(beside.clone());
    inventory.apply(event(Scope::TargetGroups, Fragment::TargetGroups(groups)));
    let target = TargetHealth {
        id: stranger.into(),
        port: 80,
        zone: None,
        state: "healthy".into(),
        reason: None,
        description: None,
    };
    inventory.apply(event(Scope::TargetHealth(beside.arn), Fragment::TargetHealth(vec![target])));
    let mut found = inventory.instances.values().find_map(|of| of.value.clone()).unwrap();
    found.id = stranger.into();
    found.private_ip = Some("127.66.0.1".parse().unwrap());
    let answer = Fragment::Instances { asked: vec![stranger.into()], found: vec![found] };
    inventory.apply(event(Scope::Instances(0), answer));
    let probed: Vec<_> = wants(&inventory)
        .into_iter()
        .filter_map(|want| match want.scope {
            Scope::Probe(id) => Some(id),
            _ => None,
        })
        .collect();
    assert_eq!(probed.len(), 6, "{probed:?}");
}

#[test]
fn a_service_that_may_not_be_listed_is_not_asked_again_and_again() {
    let mut inventory = Inventory::default();
    let namespace =
        Namespace { id: "ns-1".into(), name: "n".into(), http_name: "n".into(), has_dns: true };
    let services: Vec<_> = (0..300)
        .map(|number| RegistryService {
            id: format!("srv-{number}").into(),
            name: "other".into(),
            namespace: "ns-1".into(),
            custom_health: false,
            description: None,
            created: None,
        })
        .collect();
    inventory.apply(event(Scope::Namespaces, Fragment::Namespaces(vec![namespace])));
    for service in &services {
        let error = SourceError::new(ErrorKind::Denied, "ListInstances", "not authorised");
        let scope = Scope::Members(service.id.clone());
        inventory
            .apply(SourceEvent { result: Err(error), ..event(scope, Fragment::MembersUnchanged) });
    }
    inventory.apply(event(Scope::Services("ns-1".into()), Fragment::Services(services)));
    let wants = wants(&inventory);
    let own = wants.iter().filter(|want| matches!(want.scope, Scope::Members(_)));
    let rate: f64 = own.map(|want| 1.0 / want.every.as_secs_f64()).sum();
    assert!(rate < 1.0, "{rate} calls a second");
}

#[test]
fn an_account_without_fleets_costs_little() {
    let mut inventory = blue_green().inventory();
    inventory.apply(event(Scope::Groups, Fragment::Groups(Vec::new())));
    inventory.apply(event(Scope::Members(world::service()), Fragment::Members(Vec::new())));
    let mut groups = inventory.target_groups.value().unwrap().clone();
    for index in 0..300 {
        let mut one = groups[0].clone();
        one.arn = TargetGroupArn::from(format!(
            "arn:aws:elasticloadbalancing:r:1:targetgroup/n{index}/1"
        ));
        groups.push(one);
    }
    inventory.apply(event(Scope::TargetGroups, Fragment::TargetGroups(groups)));
    let own = wants(&inventory).into_iter().filter(|want| want.scope.source() == Source::Elbv2);
    let number = own.count();
    assert!(number < 150, "{number} ELBv2 calls in a round");
}

#[test]
fn a_target_group_of_addresses_is_found_by_them() {
    let mut inventory = blue_green().inventory();
    let mut groups = inventory.target_groups.value().unwrap().clone();
    let mut by_address = groups[0].clone();
    by_address.arn = TargetGroupArn::from("arn:aws:elasticloadbalancing:r:1:targetgroup/ips/1");
    by_address.target_type = "ip".into();
    by_address.load_balancers.clear();
    groups.push(by_address.clone());
    inventory.apply(event(Scope::TargetGroups, Fragment::TargetGroups(groups)));
    let target = TargetHealth {
        id: "127.10.0.0".into(),
        port: 3100,
        zone: None,
        state: "healthy".into(),
        reason: None,
        description: None,
    };
    let scope = Scope::TargetHealth(by_address.arn);
    inventory.apply(event(scope.clone(), Fragment::TargetHealth(vec![target])));
    let every = |wanted: &Scope| wants(&inventory).into_iter().find(|of| &of.scope == wanted);
    let attached = Scope::TargetHealth(blue_green().target_group("blue", 3000));
    assert_eq!(every(&scope).unwrap().every, every(&attached).unwrap().every);
}

#[test]
fn the_fleet_on_screen_is_read_often_among_a_hundred_groups() {
    let names: Vec<&'static str> =
        (0..33).map(|number| &*Box::leak(format!("f{number}").into_boxed_str())).collect();
    let all: Vec<_> = names.iter().map(|name| (*name, 3, 1)).collect();
    let world = sized(&all);
    let inventory = world.inventory();
    let every = |stack: &str| {
        let scope = Scope::TargetHealth(world.target_group(stack, 3100));
        focused(&inventory).into_iter().find(|want| want.scope == scope).unwrap().every
    };
    assert!(every("f0").as_secs() <= 20, "{:?}", every("f0"));
    assert!(every("f1").as_secs() > 100, "{:?}", every("f1"));
}

/// How often each node's rings and metrics are read, in seconds; nothing where it is not.
fn told(inventory: &Inventory) -> BTreeSet<(Source, u64)> {
    let ours = |want: &Want| matches!(want.scope, Scope::Rings(_) | Scope::Metrics(_));
    let wants = wants(inventory).into_iter().filter(ours);
    wants.map(|want| (want.scope.source(), want.every.as_secs())).collect()
}

#[test]
fn rings_and_metrics_are_read_of_nodes_that_answer() {
    let mut world = blue_green();
    assert_eq!(told(&world.inventory()), [(Source::Rings, 30), (Source::Metrics, 15)].into());
    for node in world.fleets.iter_mut().flat_map(|fleet| &mut fleet.nodes) {
        node.probes.values_mut().for_each(|reason| *reason = ProbeReason::Frozen);
    }
    assert_eq!(told(&world.inventory()), BTreeSet::new(), "who hangs would hold up the others");
    // 200 nodes are all read in their interval; of 10,000 the budget makes it longer.
    let many = sized(&[("blue", 100, 100), ("green", 100, 0)]);
    assert_eq!(told(&many.inventory()), [(Source::Rings, 30), (Source::Metrics, 15)].into());
    let more = sized(&[("blue", 5_000, 100), ("green", 5_000, 0)]);
    assert_eq!(told(&more.inventory()), [(Source::Rings, 666), (Source::Metrics, 333)].into());
}

#[test]
fn the_registrys_name_is_resolved_unless_an_endpoint_stands_for_aws() {
    let inventory = blue_green().inventory();
    let names = |settings: &Settings| -> Vec<String> {
        let wants = demand(&inventory, settings, &Pace::default()).into_iter();
        let names = wants.filter_map(|want| match (want.scope, want.ask) {
            (Scope::Dns(name), Ask::Zone(zone)) => Some(format!("{name} in {zone}")),
            _ => None,
        });
        names.collect()
    };
    let home = || [("HOME", "/h")].into_iter().collect::<Environment>();
    let system = load(&home(), &Flags::default()).unwrap();
    assert_eq!(names(&system), ["glt.n in n"]);
    let elsewhere = Flags { endpoint_url: Some("http://127.0.0.1:1".into()), ..Flags::default() };
    assert_eq!(names(&load(&home(), &elsewhere).unwrap()), [] as [&str; 0]);
    let told = Flags { dns_server: Some("127.0.0.1:5353".into()), ..elsewhere };
    let settings = load(&home(), &told).unwrap();
    assert_eq!(names(&settings), ["glt.n in n"]);
    assert_eq!(settings.dns, DnsSetting::Server("127.0.0.1:5353".parse().unwrap()));
    let single = [("HOME", "/h"), ("AWS_ENDPOINT_URL_SERVICEDISCOVERY", "http://127.0.0.1:1")];
    let single = load(&single.into_iter().collect(), &Flags::default()).unwrap();
    assert_eq!(names(&single), [] as [&str; 0], "an endpoint for one service is one too");
    let wrong = Flags { dns_server: Some("resolver".into()), ..Flags::default() };
    assert!(load(&home(), &wrong).is_err());
}
