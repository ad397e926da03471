//! Fifty nodes of one STACK register at once while some of them are replaced: at the end exactly
//! the living are registered. The published boot script, in the same world, leaves one of them.

use crate::node_register::{Boot, Member, Running, members, until};
use crate::node_script;
use crate::sim_harness::TestWorld;
use quarterdeck::sim::WorldSource;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// World time runs so many times as fast, and the nodes' clocks with it.
const RATE: f64 = 10.0;
const NODES: usize = 50;

/// A fleet of fifty whose nodes do nothing by themselves at boot; two more were scaled in before
/// and left their entries behind; two entries are of instances that EC2 has forgotten; and green
/// has an entry of a dead node too, which is not blue's business.
fn world(rate: f64) -> TestWorld {
    let text = "
        [[fleet]]
        stack = \"blue\"
        nodes = 52
        max = 60
        weight = 100
        boot = \"none\"
        [[fleet]]
        stack = \"green\"
        nodes = 3
        weight = 0
        [[event]]
        at = \"-10m\"
        do = \"set_desired\"
        group = \"blue-asg\"
        desired = 50
        ";
    let text = text.to_owned();
    let world = TestWorld::start(WorldSource::Text { name: "storm".to_owned(), text }, rate);
    let dead: Vec<_> = states(&world)
        .into_iter()
        .filter(|(_, node)| node["stack"] == "blue" && node["state"] == "terminated")
        .map(|(id, node)| (id, node["ip"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(dead.len(), 2, "two were scaled in");
    let forgotten = [
        ("i-0dead000000000001".to_owned(), "127.1.2.3".to_owned()),
        ("i-0dead000000000002".to_owned(), "127.1.2.4".to_owned()),
    ];
    for (id, ip) in dead.iter().chain(&forgotten) {
        put(&world, id, ip, "blue");
    }
    put(&world, GREEN_GHOST, "127.1.2.5", "green");
    world
}

const GREEN_GHOST: &str = "i-0dead000000000009";

fn put(world: &TestWorld, id: &str, ip: &str, stack: &str) {
    world.inject(&format!(
        "[[event]]\ndo = \"put_member\"\nservice = \"glt\"\nid = \"{id}\"\n\
         attributes = {{ AWS_INSTANCE_IPV4 = \"{ip}\", STACK = \"{stack}\" }}\n"
    ));
}

/// Every instance, by id.
fn states(world: &TestWorld) -> BTreeMap<String, Value> {
    let state = world.get("/_world/state");
    let nodes = state["nodes"].as_array().unwrap().iter();
    nodes.map(|one| (one["id"].as_str().unwrap().to_owned(), one.clone())).collect()
}

fn running(world: &TestWorld, stack: &str) -> BTreeMap<String, String> {
    let fits = |one: &Value| one["stack"] == stack && one["state"] == "running";
    let text = |one: &Value| one["ip"].as_str().unwrap().to_owned();
    states(world)
        .iter()
        .filter(|(_, one)| fits(one))
        .map(|(id, one)| (id.clone(), text(one)))
        .collect()
}

/// Nodes that have come as far as their boot script, which is when their products start.
fn booted(world: &TestWorld, stack: &str) -> BTreeSet<String> {
    let up =
        |one: &Value| one["products"].as_object().unwrap().values().any(|phase| phase != "Down");
    let fits = |one: &Value| one["stack"] == stack && one["state"] == "running" && up(one);
    states(world).into_iter().filter(|(_, one)| fits(one)).map(|(id, _)| id).collect()
}

fn of(stack: &str, all: &[Member]) -> BTreeMap<String, String> {
    let fits = |one: &&Member| one.attributes.get("STACK").is_some_and(|of| of == stack);
    let address = |one: &Member| one.attributes["AWS_INSTANCE_IPV4"].clone();
    all.iter().filter(fits).map(|one| (one.id.clone(), address(one))).collect()
}

/// Starts a node that is told who it is, as the boot script is. Fifty would otherwise ask one
/// metadata service, where each node has its own; and a busy machine may take its time.
fn told(boot: &Boot, id: &str, ip: &str) -> Running {
    let args = ["--instance-id", id, "--ip", ip, "--stack", "blue", "--timeout", "20m"];
    boot.start(id, &args)
}

/// One storm with replacements; what is registered of blue at the end, and what lives.
fn storm() {
    let world = world(RATE);
    let boot = Boot::new(&world).at_rate(RATE).env("REGION", &world.info.region);
    let first = running(&world, "blue");
    assert_eq!(first.len(), NODES);
    let green = of("green", &members(&world));
    let mut nodes: Vec<_> =
        first.iter().map(|(id, ip)| (id.clone(), told(&boot, id, ip))).collect();
    // While they are at it, five of their machines end. Whatever those were doing ends with them.
    let victims: Vec<String> = first.keys().step_by(11).take(5).cloned().collect();
    for victim in &victims {
        world.inject(&format!("[[event]]\ndo = \"terminate_machine\"\nnode = \"{victim}\"\n"));
        let index = nodes.iter().position(|(id, _)| id == victim).unwrap();
        nodes.remove(index).1.kill();
    }
    for (id, node) in nodes {
        let outcome = node.end();
        assert_eq!(outcome.code, Some(0), "{id}: {outcome:#?}");
    }
    // Their group replaces them, and each replacement registers when it has booted.
    let newcomers = || &booted(&world, "blue") - &first.keys().cloned().collect();
    until("five replacements booted", || newcomers().len() == victims.len());
    let address = running(&world, "blue");
    let started: Vec<_> = newcomers().iter().map(|id| told(&boot, id, &address[id])).collect();
    for node in started {
        let outcome = node.end();
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    }
    let all = members(&world);
    let living = running(&world, "blue");
    assert_eq!(living.len(), NODES);
    assert!(victims.iter().all(|id| !living.contains_key(id)));
    assert_eq!(of("blue", &all), living, "exactly the living");
    assert_eq!(of("green", &all), green, "the other fleet's entries are as they were");
    assert!(green.contains_key(GREEN_GHOST));
}

#[test]
fn fifty_nodes_register_at_once_and_exactly_the_living_are_left() {
    for _ in 0..RUNS {
        storm();
    }
}

/// The proof is that it holds every time; more runs than these are made by hand.
const RUNS: usize = 3;

#[test]
fn the_published_boot_script_leaves_one_of_fifty() {
    for _ in 0..RUNS {
        // Real time, so that all fifty list before the first change is carried out (2 s).
        let world = world(1.0);
        let service = world.info.services["glt"].clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let nodes = running(&world, "blue");
        assert_eq!(nodes.len(), NODES);
        let client = node_script::client(&world);
        let ended = runtime.block_on(async {
            let mut all = tokio::task::JoinSet::new();
            for (id, ip) in nodes.clone() {
                let (client, service) = (client.clone(), service.clone());
                all.spawn(
                    async move { node_script::run(&client, &service, (&id, &ip), "blue").await },
                );
            }
            all.join_all().await
        });
        world.advance(10);
        let left = of("blue", &members(&world));
        assert_eq!(left.len(), 1, "{left:?} {ended:?}");
        assert_eq!(ended.iter().filter(|one| one.is_some()).count(), NODES - 1, "{ended:?}");
    }
}
