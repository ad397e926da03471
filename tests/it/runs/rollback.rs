//! The way back: a run that ends another, and a run that goes back by itself.

use super::bench::{Site, calm};
use super::webhook::listener;
use crate::served::Directory;
use serde_json::Value;

fn standing(site: &Site, run: &str) -> Value {
    site.run(&["run", "show", run, "-o", "json"]).json()["run"].clone()
}

fn start(site: &Site, line: &str) -> String {
    let args = line.split_whitespace().chain(["--execute", "--detach"]);
    let outcome = site.run(&args.collect::<Vec<_>>());
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stdout.trim().to_owned()
}

fn shifted(site: &Site) -> usize {
    site.names().iter().filter(|name| *name == "ModifyListener").count()
}

/// A run that is at work is told to give way, its lock is taken over, its journal says who ended it,
/// and what it had moved is back.
#[test]
fn a_living_run_is_ended_by_its_rollback() {
    let site = Site::calm();
    let listeners = site.listeners();
    let before: Vec<_> = listeners.iter().map(|one| site.weights(&one.1)).collect();
    let line = "cutover blue-412 green-413 --gate before-shift --confirm blue-412";
    let run = start(&site, line);
    assert_eq!(site.settled(&run)["reason"], "gate");
    let outcome = site.run(&["run", "resume", &run]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let settling = |line: &Value| line["entry"] == "step_began" && shifted(&site) > 6;
    site.until_noted(&run, "the first shift", settling);
    let outcome = site.run(&["run", "rollback", &run, "--execute", "--confirm", "green-413"]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(!outcome.stderr.contains("nothing was changed"), "{outcome:#?}");
    let state = standing(&site, &run);
    assert_eq!(state["state"], "rolled_back", "{state:#}");
    let runs = site.run(&["runs"]);
    assert!(runs.stdout.contains("rolled back"), "{runs:#?}");
    let after: Vec<_> = listeners.iter().map(|one| site.weights(&one.1)).collect();
    assert_eq!(after, before);
    // Each run takes the lock once; the second is first told that the name is taken.
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (3, 2));
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(1));
    assert_eq!(site.run(&["audit", "verify"]).code, Some(0));
}

/// A run is named by as much of its id as no other run has; before it is done, nobody is told that
/// nothing was changed.
#[test]
fn a_rollback_by_the_beginning_of_an_id() {
    let site = Site::calm();
    let times = "--gate before-shift --window 20s --confirm blue-412";
    let first = start(&site, &format!("cutover blue-412 green-413 {times}"));
    assert_eq!(site.settled(&first)["reason"], "gate");
    assert_eq!(site.run(&["run", "abort", &first, "--confirm", "blue-412"]).code, Some(0));
    assert_eq!(site.settled(&first)["state"], "aborted");
    let second = start(&site, &format!("cutover blue-412 green-413 {times}"));
    assert_eq!(site.settled(&second)["reason"], "gate");
    // Both begin with the day.
    let several = site.run(&["run", "rollback", &second[..8], "--execute", "--confirm", "y"]);
    assert_eq!(several.code, Some(2), "{several:#?}");
    assert!(several.stderr.contains("several runs begin with"), "{several:#?}");
    assert!(several.stderr.contains(&first) && several.stderr.contains(&second), "{several:#?}");
    let none = site.run(&["run", "rollback", "1999", "--execute", "--confirm", "y"]);
    assert_eq!(none.code, Some(2), "{none:#?}");
    assert!(none.stderr.contains("no run 1999"), "{none:#?}");
    assert_eq!(standing(&site, &second)["state"], "held");
    let prefix = &second[..second.len() - 1];
    let shown = site.run(&["run", "rollback", prefix]);
    assert_eq!(shown.code, Some(0), "{shown:#?}");
    assert!(shown.stdout.contains("nothing was changed"), "only shown: {shown:#?}");
    let args = ["run", "rollback", prefix, "--execute", "--confirm", "green-413"];
    let outcome = site.run(&args);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!said.contains("nothing was changed"), "{said}");
    let state = standing(&site, &second);
    assert_eq!(state["state"], "rolled_back", "{state:#}");
    assert_eq!(standing(&site, &first)["state"], "aborted");
}

/// The same for a run whose process was killed.
#[test]
fn a_dead_run_is_ended_by_its_rollback() {
    let site = Site::calm();
    let run = start(&site, "cutover blue-412 green-413 --confirm blue-412");
    assert_eq!(site.settled(&run)["reason"], "gate");
    site.kill(&run);
    let outcome = site.run(&["rollback", &run, "--execute", "--confirm", "green-413"]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert_eq!(standing(&site, &run)["state"], "rolled_back");
    let count = |name: &str| site.names().iter().filter(|one| *one == name).count();
    assert_eq!(count("SuspendProcesses"), count("ResumeProcesses"));
    // Each run takes the lock once; the second is first told that the name is taken.
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (3, 2));
}

/// What cannot be told while traffic is shifted makes the run go back by itself, where it was told
/// to: the way back stood in its plan, and the exit code says how it ended.
#[test]
fn a_regression_turns_the_run_back() {
    let (server, heard) = listener(200);
    let directory = Directory::new();
    let file = directory.file("world.toml", calm());
    let hook = format!("[webhook]\nurl = \"http://{}/hooks/s3cret\"\n", server.address());
    let site = Site::at(&file, &format!("[probes]\ntimeout = \"20s\"\n{hook}"), directory);
    let listeners = site.listeners();
    let before: Vec<_> = listeners.iter().map(|one| site.weights(&one.1)).collect();
    let line = "cutover blue-412 green-413 --gate none --on-regression rollback";
    let shown = site.run(&line.split_whitespace().collect::<Vec<_>>());
    assert!(shown.stdout.contains("By itself (--on-regression rollback)"), "{shown:#?}");
    let run = start(&site, &format!("{line} --confirm blue-412"));
    let settling = |line: &Value| line["entry"] == "step_began" && shifted(&site) > 6;
    site.until_noted(&run, "the first shift", settling);
    site.world.inject(
        "[[fault]]\ncall = \"elasticloadbalancing:DescribeTargetHealth\"\nkind = \"deny\"\n",
    );
    let outcome = site.run(&["run", "attach", &run]);
    assert_eq!(outcome.code, Some(6), "{outcome:#?}");
    assert!(outcome.stdout.contains("TURNS BACK by itself"), "{outcome:#?}");
    let after: Vec<_> = listeners.iter().map(|one| site.weights(&one.1)).collect();
    assert_eq!(after, before);
    let count = |name: &str| site.names().iter().filter(|one| *one == name).count();
    assert_eq!(count("SuspendProcesses"), count("ResumeProcesses"));
    // Nobody need look at a screen to be told: that it turned, and how it ended.
    let told: Vec<_> = heard.lock().unwrap().clone();
    let events: Vec<_> = told.iter().map(|one| one["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["start", "regression", "done"], "{told:#?}");
    assert!(told[1]["text"].as_str().unwrap().contains("goes back by itself"), "{told:#?}");
    assert_eq!(told[2]["reason"], "rolled_back");
}
