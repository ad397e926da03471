//! What nodes tell of themselves on the screens: rings, requests, DNS. What must hold of the words.

use super::world::{self, World};
use super::{THEME, buffer, dump};
use crate::app::fixture::{at, feed, healthy, model, press, read, show, with_rings};
use crate::app::operate::{Answer, Seen};
use crate::app::{EventKind, Model, RowId, fixture};
use crate::core::estate::Estate;
use crate::core::finding::Severity;
use crate::core::ids::StackId;
use crate::core::inventory::{DnsAnswer, DnsRecords};
use crate::core::plan::Intent;
use crate::core::rings::{DnsView, FleetRequests, FleetRing, NodeRequests, troubles};
use crate::core::source::{Fragment, Scope};
use std::sync::Arc;
use std::time::Duration;

fn text(model: &Model) -> String {
    let dumped = dump(&buffer(model, THEME));
    let lines = dumped.lines().filter_map(|line| line.strip_prefix('|'));
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

fn on(world: &World, columns: u16, rows: u16) -> Model {
    let mut model = model(columns, rows);
    world::tell(&mut model, 0, world);
    world::tell(&mut model, 5, world);
    model
}

fn counted(estate: &mut Estate, stack: &str, per_second: Option<f64>) {
    let fleet = estate.fleets.get_mut(&StackId::from(stack)).unwrap();
    let known = if per_second.is_some() { 3 } else { 0 };
    let product = "loki".into();
    fleet.requests =
        vec![FleetRequests { product, per_second, known, of: 3, observed_at: Some(at(0)) }];
}

fn with_metrics(estate: Estate) -> Model {
    let mut model = model(200, 60);
    let scope = Scope::Metrics(fixture::node_id("blue-412", 1));
    feed(&mut model, 1, read(scope, 1, Ok(Fragment::Metrics(Vec::new()))));
    show(&mut model, 2, estate);
    model
}

#[test]
fn a_fleet_is_still_served_only_where_no_listener_gives_it_anything() {
    let mut estate = healthy();
    counted(&mut estate, "blue-412", Some(90.0));
    counted(&mut estate, "green-413", Some(10.0));
    let mut model = with_metrics(estate.clone());
    press(&mut model, "down");
    let said = text(&model);
    assert!(said.contains("! STILL SERVED: API says 0%, traffic shows 10%: 10 req"), "{said}");
    estate.fleets.get_mut(&StackId::from("green-413")).unwrap().listeners[0].share = Some(0.25);
    show(&mut model, 3, estate.clone());
    let said = text(&model);
    assert!(!said.contains("STILL SERVED"), "{said}");
    assert!(said.contains("API says 0% to 25%, traffic shows 10%"), "{said}");
    counted(&mut estate, "green-413", None);
    show(&mut model, 4, estate);
    let said = text(&model);
    assert!(said.contains("traffic shows ?: requests are not counted now"), "{said}");
    assert!(said.contains("100%?"), "blue's part is not known to be all: {said}");
    let mut estate = healthy();
    counted(&mut estate, "blue-412", None);
    let mut model = with_metrics(estate);
    let said = text(&model);
    assert!(said.contains("traffic shows ?: no rate now (it takes two reads)"), "{said}");
    feed(&mut model, 45, EventKind::Tick);
    let said = text(&model);
    assert!(said.contains("traffic shows ?: requests are not counted now (STALE <1m)"), "{said}");
}

#[test]
fn a_drain_says_who_is_still_served_and_by_how_much() {
    let mut estate = healthy();
    let node = |number| fixture::node_id("blue-412", number);
    for (number, per_second) in [(1, 3.0), (2, 0.0)] {
        let requests = NodeRequests {
            product: "loki".into(),
            per_second: Some(per_second),
            over: Some(Duration::from_secs(15)),
            quiet_since: None,
            observed_at: at(0),
        };
        let node = Arc::make_mut(estate.nodes.get_mut(&node(number)).unwrap());
        node.requests = vec![requests];
    }
    let mut model = with_metrics(estate);
    let mut run = fixture::run();
    run.plan.intent = Intent::Drain { nodes: (1..=3).map(node).collect() };
    let seen = Arc::new(Seen { run, alive: true });
    feed(&mut model, 3, EventKind::Operation(Answer::Run(seen)));
    press(&mut model, "R enter");
    let said = text(&model);
    for wanted in [
        format!("! still served: {} 3.0/s", node(1)),
        format!("? not counted: {}", node(3)),
        "without requests: 1 of 3 nodes".to_owned(),
    ] {
        assert!(said.contains(&wanted), "{wanted}: {said}");
    }
}

#[test]
fn traffic_says_what_shows_beside_what_the_api_says() {
    let mut world = world::healthy(3);
    world.fleets[1].served = 13.6;
    let mut model = on(&world, 130, 40);
    press(&mut model, "t down");
    let said = text(&model);
    assert!(said.contains("████ 100%  shows  90%  blue-412-grafana"), "{said}");
    assert!(said.contains("! STILL SERVED: Traffic shows 9% for green-413: 41 req"), "{said}");
    press(&mut model, "G");
    let said = text(&model);
    assert!(said.contains("? The traffic of green-413 on 4317 is not counted"), "{said}");
}

fn ring(change: impl FnOnce(&mut FleetRing)) -> Vec<(Severity, String)> {
    let mut estate = healthy();
    with_rings(&mut estate);
    let fleet = estate.fleets.get_mut(&StackId::from("blue-412")).unwrap();
    let tempo = FleetRing { product: "tempo".into(), ..fleet.rings[0].clone() };
    fleet.rings.push(tempo);
    change(&mut fleet.rings[0]);
    let foreign = fleet.rings[0].foreign.clone();
    fleet.rings[1].foreign = foreign;
    let troubles = troubles(fleet, &fleet.rings[0]);
    troubles.into_iter().map(|it| (it.severity, it.text)).collect()
}

#[test]
fn what_is_wrong_with_a_ring_is_named_in_words() {
    let node = |number| fixture::node_id("blue-412", number);
    assert_eq!(ring(|_| ()), []);
    let isolated = ring(|ring| ring.groups = vec![vec![node(1), node(2)], vec![node(3)]]);
    assert_eq!(isolated, [(Severity::Critical, format!("ISOLATED {}", node(3)))]);
    let split = |ring: &mut FleetRing| {
        ring.groups = vec![vec![node(1), node(2)], vec![node(3), node(4)]];
    };
    assert_eq!(ring(split), [(Severity::Critical, "SPLIT 2+2".into())]);
    let cross = ring(|ring| ring.foreign = vec!["tempo-1".into()]);
    assert_eq!(cross, [(Severity::Critical, "CROSS-JOINED with tempo".into())]);
    let idle = ring(|ring| (ring.active, ring.compactors) = (2, Some(Vec::new())));
    let said: Vec<_> = idle.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(said, ["1 NOT ACTIVE", "NO COMPACTOR"]);
    // What cannot be told is not said to be wrong.
    assert_eq!(ring(|ring| (ring.active, ring.unknown) = (1, 2)), []);
}

#[test]
fn a_ring_in_two_parts_stands_side_by_side() {
    let mut world = world::healthy(6);
    world.fleets[0].loki = vec![vec![0, 1, 2], vec![3, 4, 5]];
    let mut model = on(&world, 120, 40);
    press(&mut model, "enter");
    let nodes = text(&model);
    assert_eq!(nodes.matches(" SPLIT ").count(), 3, "{nodes}");
    press(&mut model, "O enter");
    let said = text(&model);
    assert!(said.contains("VIEW A 3       B 3"), "{said}");
    assert_eq!(said.matches("unseen").count(), 6, "{said}");
    press(&mut model, "esc");
    let said = text(&model);
    assert!(said.contains("‼ SPLIT 3+3, 2 COMPACTORS"), "{said}");
}

#[test]
fn as_many_views_as_fit_have_a_column_and_all_are_named() {
    let mut world = world::healthy(6);
    world.fleets[0].loki = (0..6).map(|number| vec![number]).collect();
    let mut model = on(&world, 80, 60);
    press(&mut model, "O enter");
    let said = text(&model);
    assert!(said.contains("loki of blue-412, 2 of 6 views, members"), "{said}");
    for letter in ["A", "B", "C", "D", "E", "F"] {
        assert!(said.contains(&format!(" {letter} 1 node sees 1 member: i-")), "{said}");
    }
}

/// From the dead member to the command, and from a living one to its node.
#[test]
fn members_are_filtered_sorted_and_opened() {
    let mut model = on(&world::troubled(6), 80, 40);
    press(&mut model, "O down down enter");
    let said = text(&model);
    assert!(said.contains("UNHEALTHY KEEPS i-01c4d5e6f700000002 FROM READY"), "{said}");
    assert!(
        said.contains(
            "curl -sS -X POST --data-urlencode forget=loki-10-0-1-99 \\ http://10.0.1.4:3100/ring"
        ),
        "{said}"
    );
    press(&mut model, "enter");
    assert!(text(&model).contains("Nothing lies behind the member loki-10-0-1-99"));
    press(&mut model, "/ s t a t e : a c t i v e enter");
    assert_eq!(model.screen().list.rows().len(), 6);
    press(&mut model, "esc : s o r t space h e a r enter");
    let first = model.screen().list.rows().first();
    assert!(
        matches!(first, Some(RowId::RingMember { id, .. }) if &**id == "loki-10-0-1-99"),
        "the longest silent first: {first:?}"
    );
    press(&mut model, "home down enter");
    assert!(text(&model).contains("rings › loki › i-01c4d5e6f70000000"), "{}", text(&model));
}

#[test]
fn an_address_that_is_nobodys_is_said_out_loud() {
    let mut estate = healthy();
    let addresses = ["10.0.0.2", "10.9.9.9"].map(|ip| ip.parse().unwrap()).into();
    let records = DnsRecords::Addresses { addresses, ttl: 60 };
    estate.dns = vec![DnsView {
        name: "glt.obs.internal".into(),
        service: "srv-glt".into(),
        answer: Some(DnsAnswer { resolver: "system".into(), records, negative_ttl: None }),
        foreign: ["10.9.9.9".parse().unwrap()].into(),
        observed_at: Some(at(0)),
    }];
    let mut model = model(120, 40);
    show(&mut model, 2, estate);
    for keys in ["", "enter enter"] {
        press(&mut model, keys);
        let said = text(&model);
        assert!(said.contains("glt.obs.internal: 2 addresses, TTL 60 s, by system"), "{said}");
        assert!(said.contains("! but no member has 10.9.9.9"), "{said}");
    }
    assert!(text(&model).contains("this node's address is among them"));
}
