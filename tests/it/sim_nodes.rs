//! The nodes behind the world: what their own ports answer, state by state.

use crate::sim_harness::{TestWorld, http, try_http};
use quarterdeck::clock::Clock;
use std::time::Duration;

/// The address of a node, by its name.
fn ip(world: &TestWorld, name: &str) -> String {
    let state = world.get("/_world/state");
    let nodes = state["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|one| one["name"] == name).unwrap();
    node["ip"].as_str().unwrap().to_owned()
}

#[test]
fn products_answer_in_their_own_words() {
    let world = TestWorld::named("blue-green");
    let ip = ip(&world, "blue-412/1");
    let at = |product: &str| format!("{ip}:{}", world.info.ports[product]);
    let (status, body) = http(&at("grafana"), "GET", "/api/health", "");
    assert_eq!(status, 200);
    let health: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(health["database"], "ok");
    assert_eq!(http(&at("grafana"), "GET", "/", "").0, 302);
    assert_eq!(http(&at("loki"), "GET", "/ready", ""), (200, "ready\n".to_owned()));
    assert_eq!(http(&at("loki"), "HEAD", "/ready", "").0, 405);
    assert_eq!(http(&at("loki"), "GET", "/", ""), (404, "404 page not found\n".to_owned()));
    assert_eq!(http(&at("tempo"), "GET", "/ready", "").0, 200);
    assert_eq!(http(&at("healthz"), "GET", "/healthz", ""), (200, "Healthy!".to_owned()));
}

#[test]
fn a_database_that_fails_is_seen_by_grafana_and_by_the_aggregator_of_every_node() {
    let world = TestWorld::named("blue-green");
    let one = ip(&world, "green-413/1");
    world.inject("[[event]]\ndo = \"database_down\"\n");
    let (status, body) =
        http(&format!("{one}:{}", world.info.ports["grafana"]), "GET", "/api/health", "");
    assert_eq!(status, 503);
    assert!(body.contains("\"database\": \"failing\""), "{body}");
    let aggregator = format!("{one}:{}", world.info.ports["healthz"]);
    assert_eq!(http(&aggregator, "GET", "/healthz", ""), (500, "Unhealthy :(".to_owned()));
}

#[test]
fn a_dead_node_refuses_a_dead_product_too_and_a_frozen_one_says_nothing() {
    let world = TestWorld::named("blue-green");
    let (dead, frozen) = (ip(&world, "blue-412/1"), ip(&world, "blue-412/2"));
    world.inject(
        "[[event]]\ndo = \"kill_node\"\nnode = \"blue-412/1\"\n\
         [[event]]\ndo = \"freeze_product\"\nnode = \"blue-412/2\"\nproduct = \"loki\"\n\
         [[event]]\ndo = \"crash_product\"\nnode = \"blue-412/2\"\nproduct = \"tempo\"\n",
    );
    let refused = |address: String| {
        // The port closes a moment after the world decided it.
        let clock = Clock::real();
        while clock.real_elapsed() < Duration::from_secs(5) {
            match try_http(&address, "GET", "/", "") {
                Err(why) if why.kind() == std::io::ErrorKind::ConnectionRefused => return true,
                _ => std::thread::yield_now(),
            }
        }
        false
    };
    assert!(refused(format!("{dead}:{}", world.info.ports["loki"])));
    assert!(refused(format!("{frozen}:{}", world.info.ports["tempo"])));
    let silent = format!("{frozen}:{}", world.info.ports["loki"]);
    let stream = std::net::TcpStream::connect(&silent).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut asked = &stream;
    std::io::Write::write_all(&mut asked, b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let got = std::io::Read::read(&mut asked, &mut [0; 16]);
    assert!(got.is_err(), "a frozen product answered: {got:?}");
}

#[test]
fn the_world_is_a_proxy_for_every_node() {
    let world = TestWorld::named("blue-green");
    let ip = ip(&world, "blue-412/1");
    let path = format!("http://{ip}:{}/ready", world.info.ports["loki"]);
    assert_eq!(http(world.address(), "GET", &path, ""), (200, "ready\n".to_owned()));
}

#[test]
fn a_product_that_stops_says_so_first_and_one_that_starts_takes_its_time() {
    let world = TestWorld::named("blue-green");
    let tempo = format!("{}:{}", ip(&world, "blue-412/1"), world.info.ports["tempo"]);
    let about = "node = \"blue-412/1\"\nproduct = \"tempo\"\n";
    world.inject(&format!("[[event]]\ndo = \"stop_product\"\n{about}"));
    let (status, body) = http(&tempo, "GET", "/ready", "");
    assert_eq!((status, body.as_str()), (503, "Application is stopping\n"));
    world.inject(&format!("[[event]]\ndo = \"start_product\"\n{about}"));
    let (status, body) = http(&tempo, "GET", "/ready", "");
    assert_eq!(status, 503);
    assert!(body.starts_with("Some services are not Running:\nStarting: 1"), "{body}");
    assert_eq!(http(&tempo, "GET", "/", "").0, 404, "the article's check passes all the while");
    world.advance(61);
    let (status, body) = http(&tempo, "GET", "/ready", "");
    assert!(status == 200 || body.contains("waiting for 15s"), "{body}");
    world.advance(16);
    assert_eq!(http(&tempo, "GET", "/ready", ""), (200, "ready\n".to_owned()));
}
