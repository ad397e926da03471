//! The read commands on an AWS of Moto's: exactly the right JSON of worlds without defects, and of
//! each defect exactly its finding.

use crate::bench::cli::{Cli, Outcome};
use crate::bench::moto::{Moto, SeededNode, Traffic, World};
use crate::bench::node::{Node, Product, State};
use crate::like::{SOME, TIME, assert_like};
use serde_json::{Value, json};

const PORTS: [(&str, u16); 4] =
    [("grafana", 3000), ("loki", 3100), ("tempo", 3200), ("otlp", 4317)];

/// quarterdeck on an endpoint.
pub fn quarterdeck(endpoint: &str) -> Cli {
    let cli = Cli::program(env!("CARGO_BIN_EXE_quarterdeck"));
    let state = cli.dir().join("state").display().to_string();
    cli.args(&["--endpoint-url", endpoint, "--state-dir", &state])
}

/// Runs a read command that must have all its data, and gives its document.
fn read(cli: &Cli, args: &[&str]) -> Value {
    let outcome = cli.run(&[args, &["-o", "json"]].concat());
    assert_eq!(outcome.code, Some(0), "{args:?}: {outcome:#?}");
    outcome.json()
}

/// A started world with a node program behind every address.
struct Scene {
    world: World,
    nodes: Vec<Node>,
    cli: Cli,
    moto: Moto,
}

impl Scene {
    fn start(spec: Value) -> Option<Self> {
        let mut moto = Moto::start()?;
        let world = moto.seed_with(spec);
        let nodes = world.nodes().map(|node| Node::start(node.ip)).collect();
        let cli = quarterdeck(&moto.endpoint());
        Some(Self { world, nodes, cli, moto })
    }

    fn of(traffic: Traffic) -> Option<Self> {
        let mut moto = Moto::start()?;
        let world = moto.seed(traffic);
        let nodes = world.nodes().map(|node| Node::start(node.ip)).collect();
        let cli = quarterdeck(&moto.endpoint());
        Some(Self { world, nodes, cli, moto })
    }

    /// The findings as (kind, instance id), sorted.
    fn findings(&self) -> Vec<(String, Option<String>)> {
        let document = read(&self.cli, &["findings"]);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut all: Vec<_> = document["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (text(&one["kind"]).unwrap(), text(&one["instance_id"])))
            .collect();
        all.sort();
        all
    }
}

/// What `fleets -o json` says of a fleet of a world without defects.
fn healthy_fleet(
    world: &World,
    colour: &str,
    role: &str,
    share: Value,
    owner: Option<&str>,
) -> Value {
    let listener =
        |port: u16| json!({ "load_balancer": world.load_balancer, "port": port, "share": share });
    let target = |owner: &str, product: &str, port: u16| {
        json!({
            "target_group": world.target_groups[owner][product], "name": format!("{owner}-{product}"),
            "port": port, "healthy": 3, "registered": 3, "fail_open": false, "observed_at": TIME,
        })
    };
    let probe = |service: &str| json!({ "service": service, "pass": 3, "fail": 0, "unknown": 0, "observed_at": TIME });
    let listeners: Vec<_> = PORTS.iter().map(|(_, port)| listener(*port)).collect();
    json!({
        "stack_id": colour, "role": role, "traffic_share": share,
        "listeners": owner.map_or(vec![], |_| listeners),
        "auto_scaling_groups": [{
            "name": format!("{colour}-asg"), "min": 3, "max": 6, "desired": 3, "in_service": 3,
            "health_check_type": "ELB", "suspended_processes": [],
        }],
        "members": 3,
        "registry": [{ "service_id": world.service_id, "registered": 3, "expected": 3 }],
        "targets": owner.map_or(vec![], |owner| {
            PORTS.iter().map(|(product, port)| target(owner, product, *port)).collect()
        }),
        "probes": (["grafana", "loki", "tempo", "healthz"].map(probe)),
        "worst": "none",
    })
}

fn head(world: &World) -> Value {
    json!({
        "schema": "quarterdeck/v1", "as_of": TIME, "account": world.account,
        "region": world.region, "sources": SOME,
    })
}

fn with(mut document: Value, fields: &Value) -> Value {
    for (name, value) in fields.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

#[test]
fn a_healthy_world_with_weights() {
    let Some(scene) = Scene::of(Traffic::Weights) else { return };
    let world = &scene.world;
    let fleets = json!([
        healthy_fleet(world, "blue", "live", json!(1.0), Some("blue")),
        healthy_fleet(world, "green", "standby", json!(0.0), Some("green")),
    ]);
    let expected = with(head(world), &json!({ "fleets": fleets, "findings": [] }));
    assert_like(&expected, &read(&scene.cli, &["fleets"]));
    assert_eq!(scene.findings(), []);
    assert_weights(&scene);
    assert_nodes(&scene);
    assert_only_ready_paths(&scene);
}

#[test]
fn a_healthy_world_with_attached_groups() {
    let Some(scene) = Scene::of(Traffic::Attach) else { return };
    let world = &scene.world;
    let fleets = json!([
        healthy_fleet(world, "blue", "live", json!(1.0), Some("shared")),
        healthy_fleet(world, "green", "standby", Value::Null, None),
    ]);
    let expected = with(head(world), &json!({ "fleets": fleets, "findings": [] }));
    assert_like(&expected, &read(&scene.cli, &["fleets"]));
    assert_eq!(scene.findings(), []);
}

/// Without its probes nobody can say that an unattached fleet is ready.
#[test]
fn an_unattached_fleet_that_is_not_probed_is_idle() {
    let Some(scene) = Scene::of(Traffic::Attach) else { return };
    let document = read(&scene.cli, &["fleets", "--no-probes"]);
    assert_eq!(document["fleets"][1]["role"], json!("idle"), "{document:#}");
    assert!(scene.nodes.iter().all(|node| node.asked().is_empty()), "nobody was asked");
}

fn assert_weights(scene: &Scene) {
    let world = &scene.world;
    let group = |colour: &str, product: &str, weight: u32, share: f64| {
        json!({
            "target_group": world.target_groups[colour][product],
            "name": format!("{colour}-{product}"), "weight": weight, "share": share,
            "healthy": 3, "registered": 3, "fail_open": false,
            "fleets": [{ "stack_id": colour, "share": 1.0 }],
        })
    };
    let listener = |(product, port): (&str, u16)| {
        json!({
            "listener": world.listeners[product], "port": port, "protocol": "TCP",
            "actions": [{ "rule": "default", "target_groups": [
                group("blue", product, 100, 1.0), group("green", product, 0, 0.0),
            ] }],
        })
    };
    let expected = json!([{
        "load_balancer": world.load_balancer, "name": "front",
        "availability_zones": ["us-west-2a"], "listeners": PORTS.map(listener),
    }]);
    assert_like(&expected, &read(&scene.cli, &["traffic"])["traffic"]);
}

fn assert_nodes(scene: &Scene) {
    let world = &scene.world;
    let mut expected: Vec<_> = Vec::new();
    for (colour, fleet) in &world.fleets {
        expected.extend(fleet.nodes.iter().map(|node| healthy_node(world, colour, node)));
    }
    expected.sort_by_key(|node| node["instance_id"].to_string());
    let mut actual = read(&scene.cli, &["nodes"])["nodes"].take();
    for node in actual.as_array_mut().unwrap() {
        node["targets"].as_array_mut().unwrap().sort_by_key(|target| target["port"].as_u64());
    }
    assert_like(&json!(expected), &actual);
    let blue = read(&scene.cli, &["nodes", "blue"]);
    assert_eq!(blue["nodes"].as_array().unwrap().len(), 3, "one fleet's nodes");
}

fn healthy_node(world: &World, colour: &str, node: &SeededNode) -> Value {
    let target = |(product, port): (&str, u16)| {
        json!({
            "target_group": world.target_groups[colour][product],
            "name": format!("{colour}-{product}"), "port": port, "state": "healthy",
        })
    };
    let probe = |product: Product| {
        json!({
            "service": format!("{product:?}").to_lowercase(), "verdict": "pass", "status": 200,
            "url": format!("http://{}:{}{}", node.ip, product.port(), product.path()),
            "latency_ms": SOME, "detail": SOME,
        })
    };
    let attributes = json!({ "AWS_INSTANCE_IPV4": node.ip, "STACK": colour });
    json!({
        "instance_id": node.id, "private_ip": node.ip, "availability_zone": node.zone,
        "stack_id": colour, "lifecycle": "InService", "asg_health": "Healthy",
        "launch_template_version": "1", "drained_on_purpose": false,
        "members": [{
            "service_id": world.service_id, "service": "glt", "ipv4": node.ip, "stack": colour,
            "attributes": attributes,
        }],
        "targets": PORTS.map(target), "probes": Product::ALL.map(probe), "findings": [],
    })
}

/// Some servers stop on a GET, so a node is asked for nothing but these.
fn assert_only_ready_paths(scene: &Scene) {
    let allowed = [
        "3000 GET /api/health",
        "3000 GET /metrics",
        "3100 GET /ready",
        "3100 GET /metrics",
        "3100 GET /ring",
        "3100 GET /memberlist",
        "3100 GET /memberlist?viewKey=collectors/ring&format=json",
        "3100 GET /loki/api/v1/status/buildinfo",
        "3200 GET /ready",
        "3200 GET /metrics",
        "3200 GET /ingester/ring",
        "3200 GET /live-store/ring",
        "3200 GET /memberlist",
        "3200 GET /memberlist?viewKey=collectors/ring&format=json",
        "3200 GET /api/status/buildinfo",
        "8080 GET /healthz",
    ];
    for node in &scene.nodes {
        let asked = node.asked();
        assert!(
            !asked.is_empty() && asked.iter().all(|one| allowed.contains(&one.as_str())),
            "{asked:?}"
        );
    }
}

/// One defect in a world of its own: its finding, about its node, and no other.
fn only(defect: &str, kind: &str, spec: Value) {
    let Some(mut scene) = Scene::start(spec) else { return };
    let done = scene.moto.defect(defect);
    assert_eq!(scene.findings(), [(kind.to_owned(), done.about)], "{defect}");
}

#[test]
fn an_unregistered_node() {
    only("unregistered_node", "unregistered_node", json!({}));
}

#[test]
fn a_ghost() {
    only("ghost_member", "ghost_member", json!({}));
}

#[test]
fn a_wrong_address() {
    only("wrong_ip", "wrong_ip", json!({}));
}

#[test]
fn a_wrong_stack() {
    only("wrong_stack", "wrong_stack", json!({}));
}

#[test]
fn an_unhealthy_member() {
    only("unhealthy_member", "unhealthy_member", json!({ "custom_health": true }));
}

#[test]
fn a_removed_target() {
    only("removed_target", "not_in_target_group", json!({}));
}

#[test]
fn a_removed_target_of_a_shared_group() {
    only("removed_target", "not_in_target_group", json!({ "traffic": "attach" }));
}

#[test]
fn listeners_that_differ() {
    let Some(mut scene) = Scene::of(Traffic::Weights) else { return };
    scene.moto.defect("split_listeners");
    assert_eq!(scene.findings(), [("listeners_split".to_owned(), None)]);
    let document = read(&scene.cli, &["fleets"]);
    for fleet in 0..2 {
        let fleet = &document["fleets"][fleet];
        assert_eq!(fleet["role"], json!("shifting"), "{fleet:#}");
        assert_eq!(fleet["traffic_share"], json!(0.0), "the smallest of its shares: {fleet:#}");
    }
}

/// Several defects beside each other: none hides or colours another.
#[test]
fn all_defects_at_once() {
    let Some(mut scene) = Scene::start(json!({ "custom_health": true })) else { return };
    let mut expected = Vec::new();
    for (defect, about, kind) in [
        ("unregistered_node", json!({ "fleet": "blue", "number": 0 }), "unregistered_node"),
        ("wrong_ip", json!({ "fleet": "blue", "number": 1 }), "wrong_ip"),
        ("unhealthy_member", json!({ "fleet": "blue", "number": 2 }), "unhealthy_member"),
        ("wrong_stack", json!({ "fleet": "green", "number": 0 }), "wrong_stack"),
        ("removed_target", json!({ "fleet": "green", "number": 1 }), "not_in_target_group"),
        ("ghost_member", json!({ "fleet": "green" }), "ghost_member"),
        ("split_listeners", json!({}), "listeners_split"),
    ] {
        let done = scene.moto.defect_with(defect, about);
        expected.push((kind.to_owned(), done.about));
    }
    expected.sort();
    assert_eq!(scene.findings(), expected);
}

/// Each product's fault is its own finding, and names the reason.
#[test]
fn a_product_that_is_not_ready() {
    let Some(mut scene) = Scene::of(Traffic::Weights) else { return };
    scene.nodes[0].set(Product::Loki, State::Blocked);
    let id = scene.world.nodes().next().unwrap().id.clone();
    assert_eq!(scene.findings(), [("probe_failed".to_owned(), Some(id))]);
    let document = read(&scene.cli, &["findings"]);
    let summary = document["findings"][0]["summary"].as_str().unwrap();
    assert!(summary.contains("127.0.1.3:9095"), "{summary}");
}

#[test]
fn no_node_answers_at_all() {
    let Some(mut scene) = Scene::of(Traffic::Weights) else { return };
    scene.nodes.iter_mut().for_each(|node| node.set_all(State::Refuse));
    // A refusal is an answer: the hosts are there, and nothing listens.
    let kinds: Vec<_> = scene.findings().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["probe_failed"; 6]);
    // Through a proxy that is not there nothing comes back from anybody.
    let config = scene.cli.dir().join("proxy.toml");
    std::fs::write(&config, "[probes]\nproxy = \"http://127.0.0.1:9\"\n").unwrap();
    let config = config.display().to_string();
    scene.cli = scene.cli.args(&["--config", &config]);
    assert_eq!(scene.findings(), [("unreachable_from_here".to_owned(), None)]);
}

/// `findings --fail-on` is for scripts: 1 when something is at least that bad.
#[test]
fn findings_fail_a_script_on_request() {
    let Some(mut scene) = Scene::of(Traffic::Weights) else { return };
    scene.moto.defect("unregistered_node");
    let code = |on: &str| -> Outcome { scene.cli.run(&["findings", "--fail-on", on]) };
    assert_eq!(code("warning").code, Some(1));
    assert_eq!(code("critical").code, Some(0));
}

/// Moto has no instance refreshes: that is said in Sources and spoils nothing else.
#[test]
fn what_an_endpoint_lacks_is_said_and_spoils_nothing() {
    let Some(scene) = Scene::of(Traffic::Weights) else { return };
    let document = read(&scene.cli, &["sources"]);
    for source in document["sources"].as_array().unwrap() {
        let scope = source["scope"].as_str().unwrap();
        if scope.starts_with("refreshes ") {
            assert_eq!(source["error"]["kind"], json!("unsupported"), "{source:#}");
        } else {
            assert_eq!(
                (&source["status"], &source["error"]),
                (&json!("ok"), &Value::Null),
                "{source:#}"
            );
        }
    }
}
