//! A run that is held longer than its plan allows: it lets the pins of the fleet that carries traffic
//! go, says so to whoever looks and whoever listens, and goes on only by a fresh preflight.

use super::bench::{Site, calm};
use super::webhook::listener;
use crate::served::{Directory, until};
use serde_json::json;

fn suspended(site: &Site, stack: &str) -> Option<usize> {
    let arguments = json!({ "AutoScalingGroupNames": [format!("{stack}-asg")] });
    let answer = site.boto("autoscaling", "describe_auto_scaling_groups", &arguments)?;
    Some(answer["AutoScalingGroups"][0]["SuspendedProcesses"].as_array().unwrap().len())
}

#[test]
fn pins_are_let_go_and_set_again_only_past_the_guards() {
    let (server, heard) = listener(200);
    let hook = format!(
        "[webhook]\nurl = \"http://{}/hooks/s3cret\"\n[probes]\ntimeout = \"20s\"\n",
        server.address()
    );
    let directory = Directory::new();
    let file = directory.file("world.toml", calm());
    let site = Site::at(&file, &hook, directory);
    let line = "cutover blue-412 green-413 --gate before-shift --window 20s --max-hold 2m \
                --confirm blue-412 --execute --detach";
    let started = site.run(&line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(started.code, Some(0), "{started:#?}");
    let run = started.stdout.trim().to_owned();
    site.until_noted(&run, "its pins let go", |line| line["entry"] == "pins_released");
    // Blue carries everything, nothing has moved yet.
    assert_eq!(suspended(&site, "blue-412").unwrap_or(0), 0);
    assert_eq!(suspended(&site, "green-413").unwrap_or(3), 3);
    let said = site.run(&["audit"]).stdout;
    assert!(said.contains("pins released: blue-412-asg (held for"), "{said}");
    let told = || {
        let heard = heard.lock().unwrap();
        heard.iter().any(|one| {
            let text = one["text"].as_str().unwrap();
            one["event"] == "hold" && text.contains("let its pins go: blue-412-asg")
        })
    };
    until("the webhook was told", told);
    // A fresh preflight: green is not what it was, so nothing is set again and nothing is shifted.
    let sick = "[[event]]\ndo = \"crash_product\"\nnode = \"green-413/1\"\nproduct = \"loki\"\n\
                [[event]]\ndo = \"crash_product\"\nnode = \"green-413/2\"\nproduct = \"loki\"\n";
    site.world.inject(sick);
    until("green is seen to be sick", || {
        let line = ["plan", "cutover", "blue-412", "green-413"];
        site.run(&line).code == Some(3)
    });
    let before = site.names();
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    let blocked = |line: &serde_json::Value| line["entry"] == "held" && line["reason"] == "guard";
    site.until_noted(&run, "the fresh preflight", blocked);
    assert_eq!(site.names(), before, "nothing was set again");
    // The pins that are left go with the run.
    let outcome = site.run(&["run", "abort", &run, "--confirm", "blue-412"]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    until("it has ended or says why not", || {
        site.journal(&run).iter().any(|line| line["entry"] == "ended")
            || site.journal(&run).iter().filter(|line| line["entry"] == "held").count() > 2
    });
}

/// It holds with a call that nobody heard the answer of, and which was taken. That this comes out while
/// pins are let go does not let them go: each call is made for itself.
#[test]
fn an_unheard_call_is_not_taken_for_the_one_that_lets_pins_go() {
    let directory = Directory::new();
    let file = directory.file("world.toml", calm());
    let config = "[aws]\ncall_timeout = \"3s\"\n[probes]\ntimeout = \"20s\"\n";
    let site = Site::at(&file, config, directory);
    let line = "cutover blue-412 green-413 --gate before-shift --window 20s --settle 20s --bake 20s \
                --max-hold 20m --confirm blue-412 --execute --detach";
    let started = site.run(&line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(started.code, Some(0), "{started:#?}");
    let run = started.stdout.trim().to_owned();
    site.until_noted(&run, "its gate", |line| line["entry"] == "held");
    let written = site.calls("ModifyListener");
    site.world
        .inject("[[fault]]\ncall = \"*:ModifyListener\"\nkind = \"latency\"\ndelay_ms = 120000\n");
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    until("the first shift is sent", || site.calls("ModifyListener") > written);
    site.world.inject("[[fault]]\ncall = \"*:DescribeListeners\"\nkind = \"deny\"\n");
    let untold = |line: &serde_json::Value| {
        assert_ne!(line["outcome"]["outcome"], "already_done", "it was seen to be taken: {line:#}");
        line["entry"] == "held" && line["reason"] == "unknown"
    };
    site.until_noted(&run, "nobody can tell whether it was taken", untold);
    site.world.heal();
    site.until_noted(&run, "its pins let go", |line| line["entry"] == "pins_released");
    let journal = site.journal(&run);
    assert_eq!(
        suspended(&site, "blue-412").unwrap_or(0),
        0,
        "it carries the traffic: {journal:#?}"
    );
    assert!(suspended(&site, "green-413").unwrap_or(1) > 0);
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "done");
    let count = |name: &str| site.names().iter().filter(|one| *one == name).count();
    assert_eq!((count("SuspendProcesses"), count("ResumeProcesses")), (3, 3));
}
