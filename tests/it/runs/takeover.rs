//! A lock taken over: from a run that was killed, that is frozen, whose host is gone; never from one
//! that lives, unless that was said by name; and of two who do so, by one.

use super::bench::{Site, bare, pin, shift};
use crate::served::until;
use quarterdeck::core::plan::{Gate, Intent, Plan, StepAction};
use rustix::process::Signal;
use serde_json::{Value, json};

fn plan(site: &Site) -> Plan {
    let gate = bare("stop here", StepAction::Gate(Gate::BeforeEnd));
    let mut half = site.listeners().remove(0);
    half.2.groups.iter_mut().for_each(|group| group.weight = 50);
    let last = shift(&half, &[0, 100]);
    let steps =
        vec![pin(&["AZRebalance"], true), shift(&site.listeners()[0], &[50, 50]), gate, last];
    site.plan(Intent::Undrain { nodes: Vec::new() }, steps)
}

/// A run that has pinned blue and moved a listener, and waits at its gate.
fn held(site: &Site) -> String {
    let run = site.detach(&plan(site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    run
}

/// What another host sees: everything but this host's runs.
fn elsewhere(site: &Site, args: &[&str]) -> crate::bench::cli::Outcome {
    let state = site.directory.path().join("elsewhere").display().to_string();
    let mut all = vec!["--state-dir", &state];
    all.extend(args);
    site.run_without_state(&all)
}

fn findings(site: &Site) -> Vec<Value> {
    let told = elsewhere(site, &["findings", "-o", "json", "--no-probes"]).json();
    told["findings"].as_array().unwrap().clone()
}

fn until_left(site: &Site) -> Value {
    let left = || findings(site).into_iter().find(|one| one["kind"] == "leftover_run");
    until("the run is taken for dead", || left().is_some());
    left().unwrap()
}

const TAKE: [&str; 5] = ["takeover", "front", "--execute", "--confirm", "blue"];

#[test]
fn from_another_host_after_a_kill() {
    let site = Site::new();
    let run = held(&site);
    site.kill(&run);
    let finding = until_left(&site);
    assert_eq!((&finding["severity"], &finding["fix"]), (&json!("warning"), &json!("takeover")));
    assert_eq!(finding["stack_id"], "blue");
    let summary = finding["summary"].as_str().unwrap();
    assert!(summary.contains(&run) && summary.contains("1 Auto Scaling group pinned"), "{summary}");
    let fleets = elsewhere(&site, &["fleets", "-o", "json", "--no-probes"]).json();
    let lock = &fleets["fleets"][0]["lock"];
    assert_eq!((&lock["run"], &lock["left"]), (&json!(run), &json!(true)), "{lock:#}");
    // Nothing else can be planned here, and it says what can.
    let node = site.nodes("blue").remove(0);
    let blocked = elsewhere(&site, &["drain", &node]);
    assert!(blocked.stdout.contains("quarterdeck takeover front"), "{blocked:#?}");
    let unnamed = elsewhere(&site, &["takeover", "front", "--execute"]);
    assert_eq!(unnamed.code, Some(2), "{unnamed:#?}");
    let planned = elsewhere(&site, &["takeover", "front"]);
    assert_eq!(planned.code, Some(0), "{planned:#?}");
    assert!(planned.stdout.contains("stays so; before that run it was"), "{planned:#?}");
    assert_eq!(site.names(), ["ModifyListener", "SuspendProcesses"], "a plan changes nothing");
    let taken = elsewhere(&site, &TAKE);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    assert!(taken.stdout.contains("about to take lock"), "{taken:#?}");
    assert_eq!(site.names(), ["ModifyListener", "ResumeProcesses", "SuspendProcesses"]);
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (2, 2));
    assert!(findings(&site).iter().all(|one| one["kind"] != "leftover_run"));
    // Whoever resumes the old run on its own host changes nothing any more.
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["reason"], "lock_lost");
    assert_eq!(site.names().len(), 3);
    let nothing = elsewhere(&site, &TAKE);
    assert_eq!(nothing.code, Some(2), "{nothing:#?}");
}

#[test]
fn a_frozen_holder_wakes_up_and_makes_no_further_call() {
    let site = Site::new();
    let run = held(&site);
    site.signal(&run, Signal::STOP);
    until_left(&site);
    let taken = elsewhere(&site, &TAKE);
    site.signal(&run, Signal::CONT);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    let before = site.names();
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["reason"], "lock_lost");
    assert_eq!(site.names(), before);
}

#[test]
fn a_living_holder_keeps_its_lock_unless_told_by_name() {
    let site = Site::new();
    let run = held(&site);
    let refused = elsewhere(&site, &TAKE);
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    assert_eq!(site.calls("DeleteService"), 0);
    let mut named = TAKE.to_vec();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    named.extend(["--holder-is-dead", &host]);
    let taken = elsewhere(&site, &named);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["reason"], "lock_lost");
}

/// A plan made while it seemed dead does not count once it has been heard of again.
#[test]
fn a_holder_that_came_back_since_the_plan_keeps_its_lock() {
    let site = Site::new();
    let run = held(&site);
    site.signal(&run, Signal::STOP);
    until_left(&site);
    let made = elsewhere(&site, &["plan", "takeover", "-o", "json"]);
    site.signal(&run, Signal::CONT);
    let file = site.directory.file("takeover.json", &made.stdout);
    until("it was heard of again", || {
        findings(&site).iter().all(|one| one["kind"] != "leftover_run")
    });
    let refused = elsewhere(&site, &["apply", &file, "--execute", "--confirm", "blue"]);
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    assert!(refused.stdout.contains("is alive"), "{refused:#?}");
    assert_eq!(site.calls("DeleteService"), 0);
}

/// Two take it over at the same moment: the second is told that it is gone, and stops.
#[test]
fn of_two_who_take_over_one_does() {
    let site = Site::new();
    let run = held(&site);
    site.kill(&run);
    until_left(&site);
    let made = elsewhere(&site, &["plan", "takeover", "-o", "json"]);
    let file = site.directory.file("takeover.json", &made.stdout);
    let args = ["apply", &file, "--execute", "--confirm", "blue"];
    let outcomes = std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| elsewhere(&site, &args)));
        both.map(|one| one.join().unwrap())
    });
    let mut codes = outcomes.each_ref().map(|outcome| outcome.code);
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)], "{outcomes:#?}");
    let lost = outcomes.iter().find(|outcome| outcome.code == Some(1)).unwrap();
    assert!(lost.stdout.contains("is gone: somebody else took it over"), "{lost:#?}");
    assert_eq!(site.names(), ["ModifyListener", "ResumeProcesses", "SuspendProcesses"]);
}
