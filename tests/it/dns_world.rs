//! DNS from end to end: the world's own server, asked by the program.

use crate::rings_world::Scene;
use serde_json::Value;
use std::net::UdpSocket;
use std::time::Duration;

const DNS: [&str; 2] = ["dns_foreign", "dns_truncated"];

/// What the program says of the name's read: status and error.
fn read(scene: &Scene) -> (String, String) {
    let outcome = scene.run("sources -o json --timeout 30s");
    let document = outcome.json();
    let all = document["sources"].as_array().unwrap();
    let own = all.iter().find(|one| one["source"] == "dns").unwrap();
    (own["status"].as_str().unwrap().to_owned(), own["error"].to_string())
}

#[test]
fn twelve_members_are_answered_eight_at_a_time_and_nobody_is_missing() {
    let scene = Scene::of("twelve-members");
    let found = scene.findings(&DNS);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        (&found[0]["kind"], &found[0]["severity"]),
        (&"dns_truncated".into(), &"info".into())
    );
    let said = found[0]["summary"].as_str().unwrap();
    assert!(said.contains("15 members") && said.contains("answers 8 of them"), "{said}");
}

#[test]
fn a_resolver_that_lies_is_found_out_until_it_stops() {
    let scene = Scene::of("dns-lies");
    let found = scene.only("dns_foreign");
    assert!(found["summary"].as_str().unwrap().contains("127.0.77.77"), "{found}");
    scene.world.heal();
    assert_eq!(scene.findings(&DNS), [] as [Value; 0]);
}

#[test]
fn a_resolver_that_is_silent_or_fails_is_a_failed_read_and_nobody_is_called_missing() {
    let scene = Scene::of("dns-silent");
    let (status, error) = read(&scene);
    assert_eq!(status, "error", "{error}");
    assert_eq!(scene.findings(&DNS), [] as [Value; 0]);
    scene.advance(601);
    let (status, error) = read(&scene);
    assert!(status == "error" && error.contains("Server Failure"), "{status} {error}");
    scene.advance(600);
    let (status, error) = read(&scene);
    assert_eq!((status.as_str(), error.as_str()), ("ok", "null"), "no such name is an answer");
    assert_eq!(scene.findings(&DNS), [] as [Value; 0]);
    // That there is no such name is told, with how long resolvers keep it; the registry is as it was.
    let fleets = scene.run("fleets -o json").json();
    let registry = &fleets["fleets"][0]["registry"][0];
    let told = &registry["dns"];
    assert_eq!((&told["exists"], &told["addresses"]), (&false.into(), &Value::Array(Vec::new())));
    assert!(told["negative_ttl_s"].as_u64().is_some_and(|ttl| ttl > 0), "{told:#}");
    assert_eq!(registry["registered"], registry["expected"], "{registry:#}");
    scene.advance(600);
    assert_eq!(read(&scene).0, "ok");
    let fleets = scene.run("fleets -o json").json();
    assert_eq!(fleets["fleets"][0]["registry"][0]["dns"]["exists"], true);
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_again_by_tcp() {
    let scene = Scene::of("twelve-members");
    scene.world.inject("[[fault]]\ncall = \"dns:A\"\nkind = \"truncated\"\n");
    assert_eq!(read(&scene).0, "ok");
    assert_eq!(scene.findings(&["dns_truncated"]).len(), 1, "all eight came by TCP");
}

/// A question for a name, by hand.
fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        packet.push(u8::try_from(label.len()).unwrap());
        packet.extend(label.bytes());
    }
    packet.extend([0, 0, u8::try_from(kind).unwrap(), 0, 1]);
    packet
}

/// The code, and the numbers of answers and authorities of an answer.
fn ask(scene: &Scene, packet: &[u8]) -> Option<(u8, u16, u16)> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.send_to(packet, scene.world.info["dns"].as_str().unwrap()).unwrap();
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer).ok()?;
    assert!(length >= 12 && answer[..2] == packet[..2], "an answer to another question");
    let number = |at: usize| u16::from_be_bytes([answer[at], answer[at + 1]]);
    Some((answer[3] & 15, number(6), number(8)))
}

#[test]
fn names_that_are_not_there_are_told_with_how_long_that_holds() {
    let scene = Scene::of("blue-green");
    assert_eq!(ask(&scene, &question("glt.glt.internal", 1)), Some((0, 6, 0)));
    assert_eq!(ask(&scene, &question("GLT.glt.INTERNAL", 1)), Some((0, 6, 0)));
    assert_eq!(ask(&scene, &question("glt.glt.internal", 28)), Some((0, 0, 1)), "no AAAA");
    assert_eq!(ask(&scene, &question("nothing.glt.internal", 1)), Some((3, 0, 1)));
    assert_eq!(ask(&scene, &question("glt.internal", 6)), Some((0, 1, 0)));
    assert_eq!(ask(&scene, &question("example.org", 1)), Some((5, 0, 0)), "nobody is asked there");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // Garbage has no answer, and does not end the server.
    socket.send_to(b"\xff\x00garbage", scene.world.info["dns"].as_str().unwrap()).unwrap();
    assert_eq!(ask(&scene, &question("glt.glt.internal", 1)), Some((0, 6, 0)));
}
