//! `kill -9` of a run's process before and after every mutation of a real cutover, then `run resume`:
//! each mutation once in the world's log, and the right end, asked of the world through boto3.
//!
//! What is killed *before* a mutation has its intent on the disk and a call that nobody carries out; *after*
//! it, the call was carried out and its answer is kept back. Both are made by the world, not by the program.

use crate::runs::bench::{Site, TWO, is_of};
use crate::served::{Directory, until};
use crate::sim_harness::{http, say};
use quarterdeck::clock::Clock;
use quarterdeck::core::plan::{ApprovedPlan, Claim, Mutation, Step, StepAction};
use serde_json::{Value, json};

/// Two fleets that share the groups of two listeners.
const SHARED: &str = "api_limits = false\nwiring = \"attach\"\n\
    [[load_balancer]]\nname = \"front\"\n\
    [[service]]\nname = \"glt\"\n\
    [[listener]]\nproduct = \"loki\"\nport = 3100\n\
    [[listener]]\nproduct = \"tempo\"\nport = 3200\n\
    [[fleet]]\nstack = \"blue\"\nnodes = 3\nattached = true\n\
    [[fleet]]\nstack = \"green\"\nnodes = 3\n";
/// A call may take a second, so that a resumed process need not wait long before it may send again what
/// shows no trace; a busy machine's nodes get more.
const CONFIG: &str = "[aws]\ncall_timeout = \"1s\"\n[probes]\ntimeout = \"20s\"\n";
/// What a user types; the times are short because nothing is learned from waiting.
const CUTOVER: &str = "cutover blue green --gate none --window 20s --bake 20s --execute \
    --confirm blue --detach";

/// Where a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Before,
    After,
}

impl When {
    /// A fault that stops the process there, past so many calls.
    fn fault(self, call: &str, past: usize) -> String {
        let kind = match self {
            Self::Before => "kind = \"hang\"",
            Self::After => "kind = \"latency\"\ndelay_ms = 120000",
        };
        format!("[[fault]]\ncall = \"*:{call}\"\n{kind}\nafter = {past}\n")
    }
}

/// A mutation of a plan, as the world will log it.
#[derive(Clone, Debug)]
struct Point {
    call: &'static str,
    /// It writes what is there already: the proof that it may be written, which leaves no trace.
    proof: bool,
}

fn point(step: &Step) -> Option<Point> {
    let call = match &step.action {
        StepAction::Lock => "CreateService",
        StepAction::Unlock => "DeleteService",
        StepAction::Change(Mutation::Forward { .. }) => "ModifyListener",
        StepAction::Change(Mutation::Suspend { .. }) => "SuspendProcesses",
        StepAction::Change(Mutation::Resume { .. }) => "ResumeProcesses",
        StepAction::Change(Mutation::AttachTargetGroups { .. }) => "AttachTrafficSources",
        StepAction::Change(Mutation::DetachTargetGroups { .. }) => "DetachTrafficSources",
        StepAction::Change(other) => panic!("a cutover that does {other:?}"),
        StepAction::Wait | StepAction::Watch | StepAction::Gate(_) => return None,
    };
    let written = match &step.action {
        StepAction::Change(Mutation::Forward { to, .. }) => Some(to),
        _ => None,
    };
    let proof = step.before.iter().any(|fact| match &fact.claim {
        Claim::Forwards { is, .. } => Some(is) == written,
        _ => false,
    });
    Some(Point { call, proof })
}

/// The calls of the world's log that a plan's mutations are, in order, with what was to become of them.
fn logged(site: &Site, calls: &[Point]) -> Vec<Value> {
    let (_, body) = http(site.world.address(), "GET", "/_world/log", "");
    let log: Value = serde_json::from_str(&body).unwrap();
    let lines = log["lines"].as_array().unwrap().iter();
    let records = site.record_services();
    let ours = |line: &&Value| {
        calls.iter().any(|one| line["operation"] == one.call) && !is_of(line, &records)
    };
    lines.filter(ours).cloned().collect()
}

fn taken(site: &Site, points: &[Point]) -> Vec<Value> {
    logged(site, points).into_iter().filter(|line| line["status"] == 200).collect()
}

/// Kills a cutover's process at each of its mutations; its plan's mutations.
fn killed_everywhere(site: &Site, when: When) -> Vec<Point> {
    let started = Clock::real();
    site.world.inject(&when.fault("CreateService", 0));
    let outcome = site.run(&CUTOVER.split_whitespace().collect::<Vec<_>>());
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let run = outcome.stdout.trim().to_owned();
    let opened = site.journal(&run).remove(0);
    let approved: ApprovedPlan = serde_json::from_value(opened["approved"].clone()).unwrap();
    let locks = approved.plan.scopes().count();
    let times = |step: &Step| match step.action {
        StepAction::Lock | StepAction::Unlock => locks,
        _ => 1,
    };
    let each = approved.plan.steps.iter().filter_map(|step| Some((point(step)?, times(step))));
    let points: Vec<Point> =
        each.flat_map(|(point, times)| std::iter::repeat_n(point, times)).collect();
    let (mut expected, mut stopped) = (0, 0);
    for (index, here) in points.iter().enumerate() {
        until(&format!("{when:?} mutation {index} ({here:?}) of {run}"), || {
            let state = site.journal(&run);
            let held = state.iter().any(|line| line["entry"] == "held" || line["entry"] == "ended");
            assert!(!held, "{when:?} {index} {here:?}: {:#?}", state.last());
            let struck =
                logged(site, &points).iter().filter(|line| !line["fault"].is_null()).count();
            struck > stopped
        });
        site.kill(&run);
        expected += usize::from(when == When::After);
        assert_eq!(taken(site, &points).len(), expected, "{when:?} {index} {here:?}");
        stopped = logged(site, &points).iter().filter(|line| !line["fault"].is_null()).count();
        // A process that takes the run up sends again what was not taken, and what shows no trace.
        let again = when == When::Before || here.proof;
        expected += usize::from(again);
        site.world.heal();
        if let Some(next) = points.get(index + 1) {
            // What is asked of a lock is asked again, and answered that it is so already.
            let is_lock = matches!(here.call, "CreateService" | "DeleteService");
            // The rollback record is deleted just before the first lock.
            let first = next.call == "DeleteService" && here.call != "DeleteService";
            let record = usize::from(first);
            let past = usize::from((again || is_lock) && next.call == here.call) + record;
            site.world.inject(&when.fault(next.call, past));
        }
        let resumed = site.run(&["run", "resume", &run]);
        assert_eq!(resumed.code, Some(0), "{when:?} {index} {here:?}: {resumed:#?}");
    }
    let state = site.settled(&run);
    assert_eq!(state["state"], "done", "{when:?}: {state:#}");
    let took = started.real_elapsed().as_secs();
    say(&format!("killed {} times {when:?} a mutation: {took} s", points.len()));
    assert_eq!(site.run(&["audit", "verify"]).code, Some(0));
    points
}

/// Every mutation once and in order; the proofs, which change nothing, once more where their answer was
/// not heard.
fn each_once(site: &Site, points: &[Point], when: When) {
    let taken = taken(site, points);
    let names: Vec<&str> = taken.iter().map(|line| line["operation"].as_str().unwrap()).collect();
    let twice = |one: &Point| one.proof && when == When::After;
    let expected: Vec<&str> =
        points.iter().flat_map(|one| vec![one.call; 1 + usize::from(twice(one))]).collect();
    assert_eq!(names, expected, "{when:?}");
    let mut said: Vec<String> =
        taken.iter().map(|line| format!("{} {}", line["operation"], line["arguments"])).collect();
    said.sort();
    said.dedup();
    assert_eq!(said.len(), points.len(), "{when:?}: {said:#?}");
}

/// Nothing is suspended and no lock is left, as boto3 sees it.
fn nothing_left(site: &Site) {
    let Some(groups) = site.boto("autoscaling", "describe_auto_scaling_groups", &json!({})) else {
        return;
    };
    for group in groups["AutoScalingGroups"].as_array().unwrap() {
        assert_eq!(group["SuspendedProcesses"], json!([]), "{group:#}");
    }
    let services = site.boto("servicediscovery", "list_services", &json!({})).unwrap();
    let names: Vec<_> =
        services["Services"].as_array().unwrap().iter().map(|one| &one["Name"]).collect();
    assert_eq!(names, ["glt"]);
}

fn site(text: &str) -> Site {
    let directory = Directory::new();
    let file = directory.file("world.toml", text);
    Site::at(&file, CONFIG, directory)
}

fn by_weights(when: When) {
    let site = site(TWO);
    let points = killed_everywhere(&site, when);
    each_once(&site, &points, when);
    for (_, listener, _) in site.listeners() {
        if let Some(weights) = site.weights(&listener) {
            assert_eq!(weights, [0, 100], "{when:?}");
        }
    }
    nothing_left(&site);
}

fn by_attaching(when: When) {
    let site = site(SHARED);
    let points = killed_everywhere(&site, when);
    each_once(&site, &points, when);
    let attached = |stack: &str| {
        let arguments = json!({ "AutoScalingGroupNames": [format!("{stack}-asg")] });
        let answer = site.boto("autoscaling", "describe_auto_scaling_groups", &arguments)?;
        Some(answer["AutoScalingGroups"][0]["TargetGroupARNs"].as_array().unwrap().len())
    };
    if let (Some(blue), Some(green)) = (attached("blue"), attached("green")) {
        assert_eq!((blue, green), (0, 2), "{when:?}");
    }
    nothing_left(&site);
}

#[test]
fn before_every_mutation_of_a_cutover_by_weights() {
    by_weights(When::Before);
}

#[test]
fn after_every_mutation_of_a_cutover_by_weights() {
    by_weights(When::After);
}

#[test]
fn before_every_mutation_of_a_cutover_by_attaching() {
    by_attaching(When::Before);
}

#[test]
fn after_every_mutation_of_a_cutover_by_attaching() {
    by_attaching(When::After);
}
