//! The rings of a world: their pages against those of real servers, and how they form, split, mix,
//! keep debris and are mended.

use super::*;
use crate::core::ids::Product;
use crate::sim::catalog::named;
use crate::sim::world::{Asked, NodeAnswer};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn sample(name: &str) -> (String, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/glt/{name}.txt"));
    let text = fs::read_to_string(path).unwrap().replace('\r', "");
    let (head, body) = text.split_once("\n\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

/// What a node answers: status, declared type, body.
fn ask(world: &World, name: &str, product: &str, path: &str, json: bool) -> (u16, String, String) {
    let id = node(world, name);
    let port = world.port_of(product);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let asked = Asked { method: "GET", path, query, json };
    match world.node_answer(&id, port, asked) {
        NodeAnswer::Http { status, kind, body } => (status, kind.to_owned(), body),
        other => panic!("{name} {product} {path}: {other:?}"),
    }
}

/// Keys and kinds of a document; of a list, those of its first.
fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(text) if text.contains("UTC") => "a time as Go prints it".into(),
        Value::String(_) => "text".into(),
        Value::Array(all) => format!("[{}]", all.first().map(shape).unwrap_or_default()),
        Value::Object(all) => {
            let each: Vec<_> =
                all.iter().map(|(key, one)| format!("{key}: {}", shape(one))).collect();
            format!("{{{}}}", each.join(", "))
        }
    }
}

fn of_versions(loki: &str, tempo: &str) -> World {
    world(&format!(
        "[[fleet]]\nstack = \"blue\"\nnodes = 3\nweight = 100\nversions = {{ loki = \"{loki}\", tempo = \"{tempo}\" }}\n"
    ))
}

#[test]
fn the_pages_have_the_form_of_those_of_real_servers_old_and_new() {
    let pages = [
        ("loki", "2.4.2", "/ring", "loki-2.4.2-ring-json-ready-200"),
        ("loki", "2.7.7", "/ring", "loki-2.7.7-ring-json-starting-200"),
        ("loki", "3.7.6", "/ring", "loki-3.7.6-ring-json-ready-200"),
        ("loki", "2.4.2", "/compactor/ring", "loki-2.4.2-compactring-json-ready-200"),
        ("loki", "3.7.6", "/compactor/ring", "loki-3.7.6-compactring-json-ready-200"),
        ("loki", "2.7.7", "/distributor/ring", "loki-2.7.7-distring-json-starting-200"),
        ("loki", "3.7.6", "/scheduler/ring", "loki-3.7.6-schedring-json-ready-200"),
        ("loki", "2.7.7", "/memberlist", "loki-2.7.7-memberlist-json-starting-200"),
        ("loki", "3.7.6", "/memberlist", "loki-3.7.6-memberlist-json-ready-200"),
        ("loki", "2.4.2", "/loki/api/v1/status/buildinfo", "loki-2.4.2-buildinfo-ready-200"),
        ("loki", "3.7.6", "/loki/api/v1/status/buildinfo", "loki-3.7.6-buildinfo-ready-200"),
        ("tempo", "1.5.0", "/ingester/ring", "tempo-1.5.0-ingring-json-peer-killed-ssb-200"),
        ("tempo", "1.5.0", "/memberlist", "tempo-1.5.0-memberlist-json-peer-killed-ssb-200"),
        ("tempo", "3.0.3", "/live-store/ring", "tempo-3.0.3-lsring-json-starting-200"),
        ("tempo", "3.0.3", "/api/status/buildinfo", "tempo-3.0.3-buildinfo-starting-200"),
    ];
    for (product, version, path, name) in pages {
        let world = of_versions(version, version);
        let (status, kind, body) = ask(&world, "blue/1", product, path, true);
        let (head, real) = sample(name);
        assert_eq!(status, 200, "{name}");
        assert!(head.contains(&format!("content-type: {kind}\n")), "{name}: {kind} in {head}");
        let [ours, real] = [&body, &real].map(|text| shape(&serde_json::from_str(text).unwrap()));
        assert_eq!(ours, real, "{name}");
    }
}

#[test]
fn what_a_version_does_not_have_it_does_not_answer() {
    let old = of_versions("2.4.2", "1.3.2");
    assert_eq!(ask(&old, "blue/1", "loki", "/memberlist", true).0, 404);
    assert_eq!(ask(&old, "blue/1", "loki", "/distributor/ring", true).0, 404);
    assert_eq!(ask(&old, "blue/1", "tempo", "/api/status/buildinfo", true).0, 404);
    let new = of_versions("3.7.6", "3.0.3");
    assert_eq!(ask(&new, "blue/1", "tempo", "/ingester/ring", true).0, 404);
    let (status, kind, body) = ask(&new, "blue/1", "tempo", "/memberlist", true);
    let (head, real) = sample("tempo-3.0.3-memberlist-json-starting-200");
    assert_eq!((status, body.as_str()), (200, real.trim_end()));
    assert!(head.contains(&format!("content-type: {kind}\n")), "{kind}");
    let (_, kind, body) = ask(&new, "blue/1", "loki", "/ruler/ring", true);
    assert!(kind == "text/html" && body.contains("running with shards disabled"), "{body}");
    let older = of_versions("2.4.2", "1.1.0");
    assert_eq!(ask(&older, "blue/1", "tempo", "/ingester/ring", true).1, "text/html");
}

/// The words at the heads of a page's tables.
fn heads(page: &str) -> Vec<String> {
    let cells = page.split("<th>").skip(1).filter_map(|rest| rest.split("</th>").next());
    cells.map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn the_pages_for_people_have_the_tables_of_real_ones() {
    for (product, version, path, name) in [
        ("loki", "2.4.2", "/ring", "loki-2.4.2-ring-html-ready-200"),
        ("loki", "2.7.7", "/ring", "loki-2.7.7-ring-html-starting-200"),
        ("loki", "3.7.6", "/ring", "loki-3.7.6-ring-html-ready-200"),
        ("tempo", "1.5.0", "/ingester/ring", "tempo-1.5.0-ingring-html-peer-killed-ssb-200"),
        ("loki", "2.7.7", "/memberlist", "loki-2.7.7-memberlist-html-starting-200"),
    ] {
        let (_, kind, body) = ask(&of_versions(version, version), "blue/1", product, path, false);
        let (_, real) = sample(name);
        assert!(kind.starts_with("text/html"), "{name}");
        assert_eq!(heads(&body), heads(&real), "{name}");
    }
}

/// The names of a page's series.
fn series(page: &str) -> BTreeSet<&str> {
    let lines = page.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.filter_map(|line| line.split(['{', ' ']).next()).collect()
}

#[test]
fn metrics_have_the_names_of_their_version() {
    for (product, version, name) in [
        ("loki", "2.4.2", "loki-2.4.2-metrics-ready-200"),
        ("loki", "2.7.7", "loki-2.7.7-metrics-ready-200"),
        ("loki", "3.7.6", "loki-3.7.6-metrics-ready-200"),
        ("tempo", "1.5.0", "tempo-1.5.0-metrics-peer-killed-ssb-200"),
        ("tempo", "3.0.3", "tempo-3.0.3-metrics-starting-200"),
    ] {
        let world = of_versions(version, version);
        let (_, kind, body) = ask(&world, "blue/1", product, "/metrics", false);
        let (head, real) = sample(name);
        assert!(head.contains(&format!("content-type: {kind}\n")), "{name}: {kind}");
        // The samples are cut to gauges of rings, gossip and builds.
        let cut = |one: &&str| {
            ["_ring_members", "memberlist", "build_info", "compactor_running", "start_time"]
                .iter()
                .any(|part| one.contains(part))
        };
        let ours: BTreeSet<_> = series(&body).into_iter().filter(cut).collect();
        let real = series(&real);
        let odd: Vec<_> = ours.difference(&real).collect();
        assert!(odd.is_empty() && ours.len() >= 3, "{name}: {odd:?}");
    }
}

/// The members that a node's page lists: name and state.
fn ring(world: &World, name: &str, product: &str) -> Vec<(String, String)> {
    let path = if product == "loki" { "/ring" } else { "/ingester/ring" };
    let (_, _, body) = ask(world, name, product, path, true);
    let page: Value = serde_json::from_str(&body).unwrap();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let shards = page["shards"].as_array().unwrap().iter();
    shards.map(|one| (text(one, "id"), text(one, "state"))).collect()
}

fn states(world: &World, name: &str, product: &str) -> Vec<String> {
    let mut all: Vec<_> = ring(world, name, product).into_iter().map(|(_, state)| state).collect();
    all.sort();
    all
}

fn ready(world: &World, name: &str, product: &str) -> String {
    ask(world, name, product, "/ready", false).2
}

fn opened(name: &str) -> World {
    let spec = named(name).unwrap().unwrap();
    let start = "2026-11-22T14:00:00Z".parse().unwrap();
    build(&spec, Site { start, network: 64, port_offset: 0 })
}

const THREE: &str = "[rings]\nforgets = false\n[[fleet]]\nstack = \"blue\"\nnodes = 3\nweight = 100\n\
    health_checks = \"EC2\"\n";

#[test]
fn a_member_that_dies_becomes_unhealthy_and_one_that_stops_leaves() {
    let mut world = world(THREE);
    event(&mut world, "crash_product", "node = \"blue/1\"\nproduct = \"loki\"");
    event(&mut world, "crash_product", "node = \"blue/1\"\nproduct = \"tempo\"");
    let gossips = |world: &World| {
        let (_, _, body) = ask(world, "blue/2", "loki", "/memberlist", true);
        body.matches("\"Name\"").count()
    };
    pass(&mut world, 20);
    assert_eq!((gossips(&world), states(&world, "blue/2", "loki")), (3, vec!["ACTIVE".into(); 3]));
    pass(&mut world, 15);
    assert_eq!(gossips(&world), 2, "gone from the gossip within half a minute");
    pass(&mut world, 30);
    assert_eq!(states(&world, "blue/2", "loki"), ["ACTIVE", "ACTIVE", "UNHEALTHY"]);
    assert_eq!(states(&world, "blue/2", "tempo"), ["ACTIVE"; 3], "Tempo waits for five minutes");
    pass(&mut world, 240);
    assert_eq!(states(&world, "blue/2", "tempo"), ["ACTIVE", "ACTIVE", "UNHEALTHY"]);
    assert_eq!(ready(&world, "blue/2", "loki"), "ready\n", "who was ready stays so");
    event(&mut world, "stop_product", "node = \"blue/2\"\nproduct = \"loki\"");
    pass(&mut world, 3);
    assert_eq!(states(&world, "blue/3", "loki"), ["ACTIVE", "UNHEALTHY"]);
    let key = "/memberlist?viewKey=collectors/ring&format=json";
    let left =
        |world: &World| ask(world, "blue/3", "loki", key, true).2.matches("\"state\":4").count();
    assert_eq!(left(&world), 1);
    pass(&mut world, 301);
    assert_eq!(left(&world), 0, "who left is remembered for five minutes");
}

#[test]
fn an_unhealthy_member_keeps_newcomers_from_becoming_ready_until_it_is_forgotten() {
    let mut world = world(THREE);
    event(&mut world, "crash_product", "node = \"blue/1\"\nproduct = \"loki\"");
    pass(&mut world, 90);
    event(&mut world, "start_product", "node = \"blue/2\"\nproduct = \"loki\"");
    pass(&mut world, 120);
    let dead = world.instances[&node(&world, "blue/1")].ip;
    let (_, real) = sample("loki-2.7.7-ready-replacement-blocked-503");
    let said = real.trim_end().replace("127.0.1.3", &dead.to_string()) + "\n";
    assert_eq!(ready(&world, "blue/2", "loki"), said);
    event(&mut world, "forget", "node = \"blue/3\"\nproduct = \"loki\"\nmember = \"blue/1\"");
    assert_eq!(states(&world, "blue/2", "loki"), ["ACTIVE"; 2]);
    assert!(ready(&world, "blue/2", "loki").contains("waiting for 15s"));
    pass(&mut world, 21);
    assert_eq!(ready(&world, "blue/2", "loki"), "ready\n");
}

#[test]
fn a_dead_member_is_forgotten_where_that_is_configured_and_comes_back_when_it_starts() {
    let mut world = world(&THREE.replace("false", "true"));
    event(&mut world, "freeze_product", "node = \"blue/1\"\nproduct = \"loki\"");
    pass(&mut world, 90);
    assert_eq!(states(&world, "blue/2", "loki"), ["ACTIVE"; 2]);
    event(&mut world, "start_product", "node = \"blue/1\"\nproduct = \"loki\"");
    pass(&mut world, 10);
    assert_eq!(states(&world, "blue/2", "loki"), ["ACTIVE"; 3]);
    assert_eq!(ring(&world, "blue/1", "loki"), ring(&world, "blue/2", "loki"));
}

#[test]
fn a_node_whose_clock_is_off_judges_the_others_by_it() {
    let mut world = world(THREE);
    event(&mut world, "clock_skew", "node = \"blue/1\"\nseconds = 150");
    assert_eq!(states(&world, "blue/1", "loki"), ["ACTIVE", "UNHEALTHY", "UNHEALTHY"]);
    assert_eq!(states(&world, "blue/2", "loki"), ["ACTIVE"; 3]);
}

#[test]
fn the_ring_worlds_are_wrong_as_they_say_and_can_be_solved() {
    let mut alone = opened("ring-alone");
    let seen = |world: &World, name: &str| ring(world, name, "loki").len();
    assert_eq!((seen(&alone, "green-413/3"), seen(&alone, "green-413/1")), (1, 2));
    let (status, _, _) = ask(&alone, "green-413/3", "healthz", "/healthz", false);
    assert_eq!((status, ready(&alone, "green-413/3", "loki").as_str()), (200, "ready\n"));
    event(&mut alone, "start_product", "node = \"green-413/3\"\nproduct = \"loki\"");
    pass(&mut alone, 30);
    assert_eq!((seen(&alone, "green-413/3"), seen(&alone, "green-413/1")), (3, 3));

    let mut split = opened("ring-split");
    let half = |name: &str| ring(&split, name, "loki");
    assert_eq!((half("green-413/1").len(), half("green-413/3").len()), (2, 2));
    assert_eq!(half("green-413/3"), half("green-413/4"));
    for name in ["green-413/3", "green-413/4"] {
        let about = format!("node = \"{name}\"\nproduct = \"loki\"");
        event(&mut split, "start_product", &about);
        pass(&mut split, 30);
    }
    // Who of the eight that DNS answers is reached first does not matter: gossip tells the rest.
    assert_eq!(seen(&split, "green-413/1"), 4);

    let mut crossed = opened("rings-crossed");
    assert_eq!(seen(&crossed, "blue-412/1"), 12, "three of two products of two fleets");
    assert_eq!(ring(&crossed, "blue-412/1", "tempo"), ring(&crossed, "green-413/2", "loki"));
    mend(&mut crossed, &["blue-412", "green-413"], "product");
    assert_eq!(
        (seen(&crossed, "blue-412/1"), states(&crossed, "blue-412/1", "tempo").len()),
        (6, 6)
    );

    let twelve = opened("twelve-members");
    assert_eq!(seen(&twelve, "blue-412/12"), 12);
}

/// Gives fleets a label and restarts their products.
fn mend(world: &mut World, stacks: &[&str], label: &str) {
    for stack in stacks {
        event(world, "ring_label", &format!("group = \"{stack}-asg\"\nlabel = \"{label}\""));
    }
    let all: Vec<String> = world.node_names.keys().cloned().collect();
    for name in all {
        let id = node(world, &name);
        for product in ["loki", "tempo"].map(Product::from) {
            if world.is_up(&id, &product) {
                let about = format!("node = \"{name}\"\nproduct = \"{product}\"");
                event(world, "start_product", &about);
            }
        }
        pass(world, 20);
    }
}

#[test]
fn a_ghost_whose_address_the_other_product_has_crosses_the_rings() {
    let mut world = opened("ghost-other-product");
    let service = world.services.values().find(|one| one.name == "loki").unwrap();
    assert_eq!(service.members.len(), 3);
    let tempos = |world: &World| {
        let all = ring(world, "loki-7/3", "loki");
        all.iter().filter(|(id, _)| id.starts_with("tempo")).count()
    };
    assert_eq!(tempos(&world), 3);
    mend(&mut world, &["loki-7", "tempo-7"], "product");
    assert!(
        tempos(&world) <= 1,
        "one node of tempo-7 has no name here: {:?}",
        ring(&world, "loki-7/3", "loki")
    );
}

#[test]
fn counters_follow_the_traffic_and_begin_anew_with_the_process() {
    let mut world = pair("");
    let pushes = |world: &mut World, name: &str| -> u64 {
        world.know_flow();
        let (_, _, body) = ask(world, name, "loki", "/metrics", false);
        let lines = body.lines().filter(|line| line.contains("loki_api_v1_"));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    let (before, served) = (pushes(&mut world, "blue/1"), world.traffic.served);
    pass(&mut world, 300);
    let all: u64 = ["blue/1", "blue/2", "blue/3"].iter().map(|name| pushes(&mut world, name)).sum();
    assert!(pushes(&mut world, "blue/1") > before);
    assert_eq!(pushes(&mut world, "green/1"), 0);
    let flowed = world.traffic.served - served;
    assert!((10.0 * 300.0..=11.0 * 300.0).contains(&flowed), "{flowed}");
    assert!(all as f64 >= flowed, "{all} of {flowed}");
    event(&mut world, "start_product", "node = \"blue/1\"\nproduct = \"loki\"");
    assert_eq!(pushes(&mut world, "blue/1"), 0);
}
