//! Worlds of the size that the product must cope with.

use crate::sim_harness::{TestWorld, http, run_script, say};
use quarterdeck::clock::Clock;
use quarterdeck::sim::WorldSource;

#[test]
fn a_thousand_nodes_listen_in_one_process() {
    let clock = Clock::real();
    let world = TestWorld::start(WorldSource::Big { fleets: 20, nodes: 1_000 }, 1.0);
    let took = clock.real_elapsed();
    let (open, proxied) = (world.info.open_ports, world.info.proxied_ports);
    assert_eq!(open + proxied, 4_000);
    assert_eq!(proxied > 0, !world.info.warnings.is_empty(), "{:?}", world.info.warnings);
    let state = world.get("/_world/state");
    let nodes = state["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1_000);
    // Every node answers through the proxy, and those with ports of their own directly.
    for node in nodes.iter().step_by(97) {
        let address = format!("{}:{}", node["ip"].as_str().unwrap(), world.info.ports["loki"]);
        let path = format!("http://{address}/ready");
        assert_eq!(http(world.address(), "GET", &path, "").0, 200);
        if proxied == 0 {
            assert_eq!(http(&address, "GET", "/ready", "").0, 200);
        }
    }
    say(&format!("1,000 nodes, {open} ports open after {} ms", took.as_millis()));
    assert!(took.as_secs_f64() < 5.0, "it took {took:?}");
}

#[test]
fn boto3_pages_through_a_big_world() {
    let world = TestWorld::start(WorldSource::Big { fleets: 2, nodes: 900 }, 0.0);
    run_script(&world, "big.py");
}

#[test]
fn a_day_passes_on_a_fast_clock_and_nothing_breaks() {
    // A day in a second and a half.
    let world = TestWorld::start(WorldSource::Named("api-storm".to_owned()), 60_000.0);
    let begun = world.info.time;
    loop {
        let state = world.get("/_world/state");
        let now: jiff::Timestamp = state["time"].as_str().unwrap().parse().unwrap();
        assert_eq!(world.get("/_world/invariants")["broken"], serde_json::json!([]));
        assert!(state["waiting"].as_u64().unwrap() < 500);
        if now.duration_since(begun).as_hours() >= 24 {
            assert!(state["served"].as_f64().unwrap() > 86_400.0 * 15.0);
            return;
        }
    }
}
