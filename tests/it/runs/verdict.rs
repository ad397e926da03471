//! The end of a drain: its own verdict, whether its nodes may be stopped, wherever a run is shown.

use super::bench::{Site, calm};
use crate::served::Directory;
use crate::sim_harness::http;
use serde_json::{Value, json};

const WHY: [&str; 4] = ["--override", "zone-cover", "--reason", "drill"];

fn drained(site: &Site, more: &[&str]) -> (String, String) {
    let node = site.nodes("blue-412").remove(0);
    let drain = ["drain", &node, "--method", "targets", "--confirm", "blue-412", "--execute"];
    let outcome = site.run(&[&drain[..], &WHY[..], more].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let runs = site.run(&["runs", "-o", "json"]).json();
    (runs["runs"][0]["id"].as_str().unwrap().to_owned(), outcome.stdout)
}

/// A node that is out of the load balancer, still in its rings: it may not be stopped yet, and both
/// what is against it and what gets it there are said.
#[test]
fn a_drain_says_whether_its_node_may_be_stopped() {
    let directory = Directory::new();
    // Nobody keeps a connection to Grafana open; those to Loki and Tempo outlive the drain.
    let world = calm().replace("port = 3000", "port = 3000\nstreams = 0");
    let file = directory.file("world.toml", &world);
    let site = Site::at(&file, "[probes]\ntimeout = \"20s\"\n", directory);
    let (run, said) = drained(&site, &[]);
    let node = site.nodes("blue-412").remove(0);
    let shown = site.run(&["run", "show", &run, "-o", "json"]).json();
    let told = shown["safe_to_stop"].as_array().unwrap();
    assert_eq!(told.len(), 1, "{told:#?}");
    let told = &told[0];
    assert_eq!((&told["instance_id"], &told["verdict"]), (&json!(node), &json!("no")), "{told:#}");
    let reasons = told["reasons"].as_array().unwrap();
    let is = |verdict: &str, text: &str| {
        let found =
            |one: &Value| one["verdict"] == verdict && one["text"].as_str().unwrap().contains(text);
        assert!(reasons.iter().any(found), "{verdict} {text}: {told:#}");
    };
    is("yes", "in no target group");
    is("yes", "no request for grafana");
    is("no", "loki still gets");
    is("no", "tempo still gets");
    is("no", "in the ring of loki");
    is("no", "in the ring of tempo");
    let commands = told["commands"].as_array().unwrap();
    let commands: Vec<&str> = commands.iter().map(|one| one.as_str().unwrap()).collect();
    assert!(commands[0].starts_with("curl -sS -X POST http://127."), "{commands:?}");
    assert!(commands[0].ends_with("/ingester/prepare_shutdown"), "{commands:?}");
    assert!(commands.contains(&"docker compose stop --timeout 60 loki"), "{commands:?}");
    assert!(commands.contains(&"docker compose stop --timeout 60 tempo"), "{commands:?}");
    // The same in words: of the drain itself, of the run, and of the audit.
    let texts = [said, site.run(&["run", "show", &run]).stdout, site.run(&["audit"]).stdout];
    for text in texts {
        let line =
            text.lines().find(|line| line.contains("safe to stop: no")).unwrap_or_else(|| {
                panic!("no verdict in {text}");
            });
        let parts =
            [node.as_str(), "in the ring of loki", "prepare_shutdown", "--timeout 60 tempo"];
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    let noted = site.journal(&run);
    let at = |entry: &str| noted.iter().position(|line| line["entry"] == entry).unwrap();
    assert!(at("unlocked") < at("safe_to_stop"), "whoever waits for the lock waits for no verdict");
    assert!(at("safe_to_stop") < at("ended"));
}

/// Without probes nothing can be counted: unknown, said by the first look.
#[test]
fn without_probes_the_verdict_is_unknown_at_once() {
    let site = Site::calm();
    let more = ["--no-probes"];
    let node = site.nodes("blue-412").remove(0);
    let (run, said) = drained(&site, &more);
    let shown = site.run(&["run", "show", &run, "-o", "json"]).json();
    assert_eq!(shown["safe_to_stop"][0]["verdict"], "unknown", "{shown:#}");
    assert!(said.contains(&format!("{node} safe to stop: unknown: ")), "{said}");
    let (_, body) = http(site.world.address(), "GET", "/_world/log", "");
    let log: Value = serde_json::from_str(&body).unwrap();
    let log = log["lines"].as_array().unwrap();
    let unlocked = log.iter().position(|line| line["operation"] == "DeleteService").unwrap();
    let looks = log[unlocked..].iter().filter(|line| {
        line["operation"] == "DescribeAutoScalingGroups" && line["access_key"] == "testing"
    });
    assert_eq!(looks.count(), 1);
}
