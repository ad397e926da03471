//! Held runs: what ends them, what goes on with them, what they let go; and signals.

use crate::bench::cli::{Cli, Outcome};
use crate::runs::bench::{Site, TWO, bare, change, pin, shift};
use crate::served::{BINARY, runs, until};
use quarterdeck::core::plan::{
    Claim, Gate, GuardName, Intent, Mutation, Plan, Step, StepAction, Target, TargetIs,
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

fn undrain() -> Intent {
    Intent::Undrain { nodes: Vec::new() }
}

fn gate() -> Step {
    bare("stop here", StepAction::Gate(Gate::BeforeEnd))
}

/// A run that stands at its gate.
fn at_gate(site: &Site, steps: Vec<Step>) -> String {
    let run = site.detach(&site.plan(undrain(), steps));
    assert_eq!(site.settled(&run)["reason"], "gate");
    run
}

fn abort(site: &Site, run: &str) -> Outcome {
    site.run(&["run", "abort", run, "--confirm", "blue"])
}

/// The program on a site's runs with other keys.
fn with_key(site: &Site, key: &str, args: &[&str]) -> Outcome {
    let clock = format!("{}@60", site.now());
    let state = site.directory.path().join("state").display().to_string();
    let config = site.directory.path().join("config.toml").display().to_string();
    let mut all = vec!["--clock", &clock, "--endpoint-url", site.world.endpoint()];
    all.extend(["--config", &config, "--state-dir", &state, "--operate"]);
    all.extend(args);
    Cli::program(BINARY).without_env("AWS_ACCESS_KEY_ID").env("AWS_ACCESS_KEY_ID", key).run(&all)
}

/// The processes that are suspended in a fleet's group.
fn suspended(site: &Site) -> Option<Vec<String>> {
    let names = json!({ "AutoScalingGroupNames": ["blue-asg"] });
    let groups = site.boto("autoscaling", "describe_auto_scaling_groups", &names)?;
    let all = groups["AutoScalingGroups"][0]["SuspendedProcesses"].as_array().unwrap().iter();
    let mut all: Vec<String> =
        all.map(|one| one["ProcessName"].as_str().unwrap().to_owned()).collect();
    all.sort();
    Some(all)
}

#[test]
fn aborting_a_held_run_whose_process_is_dead_ends_it() {
    let site = Site::new();
    let run = at_gate(&site, vec![pin(&["AZRebalance"], true), gate()]);
    site.kill(&run);
    assert_eq!(abort(&site, &run).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "aborted");
    assert_eq!(site.names(), ["ResumeProcesses", "SuspendProcesses"]);
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
}

/// Only HealthCheck and ReplaceUnhealthy end an instance that reads Unhealthy; what else was
/// suspended is resumed.
#[test]
fn an_abort_resumes_what_ends_no_unhealthy_instance() {
    let site = Site::new();
    let held =
        json!({ "AutoScalingGroupName": "blue-asg", "ScalingProcesses": ["ReplaceUnhealthy"] });
    if site.boto("autoscaling", "suspend_processes", &held).is_none() {
        return;
    }
    let run = at_gate(&site, vec![pin(&["AZRebalance"], true), gate()]);
    let sick = json!({ "InstanceId": site.nodes("blue")[0], "HealthStatus": "Unhealthy",
                       "ShouldRespectGracePeriod": false });
    site.boto("autoscaling", "set_instance_health", &sick);
    assert_eq!(abort(&site, &run).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "aborted");
    assert_eq!(suspended(&site), Some(vec!["ReplaceUnhealthy".to_owned()]));
}

/// A node that is out of its target groups would be replaced: what does so stays suspended for it, and
/// stands on the record of drained nodes.
#[test]
fn an_abort_of_a_drain_keeps_the_drained_node_from_being_replaced() {
    let site = Site::new();
    let node = site.nodes("blue").remove(0);
    let group = site.listeners()[0].2.groups[0].target_group.clone();
    let targets = vec![Target { id: node.as_str().into(), port: 3100 }];
    let are = |are| Claim::Targets { group: group.clone(), targets: targets.clone(), are };
    let out = Mutation::DeregisterTargets { group: group.clone(), targets: targets.clone() };
    let steps = vec![
        pin(&["AZRebalance", "HealthCheck", "ReplaceUnhealthy"], true),
        change("out", out, vec![are(TargetIs::Registered)], vec![are(TargetIs::Absent)]),
        gate(),
    ];
    let mut plan = site.plan(Intent::Drain { nodes: vec![node.as_str().into()] }, steps);
    plan.options.overrides.extend([GuardName::ZoneCover, GuardName::Velocity]);
    let run = site.detach(&plan);
    assert_eq!(site.settled(&run)["reason"], "gate");
    assert_eq!(abort(&site, &run).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "aborted");
    if let Some(left) = suspended(&site) {
        assert_eq!(left, ["HealthCheck", "ReplaceUnhealthy"]);
    }
    let marks = site.logged("UpdateServiceAttributes").iter().map(Value::to_string).next_back();
    let marks = marks.unwrap();
    assert!(marks.contains(&node) && marks.contains("ReplaceUnhealthy"), "{marks}");
}

/// An hour's wait, then a shift.
fn long(site: &Site, action: StepAction) -> Plan {
    let wait = Step { at_least: Duration::from_secs(3600), ..bare("wait", action) };
    let last = shift(&site.listeners()[0], &[0, 100]);
    site.plan(undrain(), vec![pin(&["AZRebalance"], true), wait, last])
}

/// SIGTERM in a settle or a bake: the run holds at once, says so, and its process is gone; a word
/// starts another.
#[test]
fn a_signal_in_a_settle_or_a_bake_holds_at_once() {
    for action in [StepAction::Wait, StepAction::Watch] {
        let site = Site::new();
        let run = site.detach(&long(&site, action));
        let began = |line: &Value| line["entry"] == "step_began" && line["step"] == 3;
        site.until_noted(&run, "the wait", began);
        let process = site.process(&run);
        site.signal(&run, Signal::TERM);
        site.until_noted(&run, "a hold", |line| line["entry"] == "held");
        site.until_noted(&run, "the end", |line| line["entry"] == "process_ended");
        until("its process is gone", || !runs(process));
        let state = site.run(&["run", "show", &run, "-o", "json"]).json()["run"].clone();
        assert_eq!((&state["reason"], &state["alive"]), (&json!("asked"), &json!(false)));
        assert!(state["because"].as_str().unwrap().contains("SIGTERM"), "{state:#}");
        assert_eq!(abort(&site, &run).code, Some(0));
        assert_eq!(site.settled(&run)["state"], "aborted");
        assert_eq!(site.names(), ["ResumeProcesses", "SuspendProcesses"]);
    }
}

/// A held run's process goes at once when the system says so, with a line; other signals change
/// nothing.
#[test]
fn a_held_process_ends_on_sigterm_and_a_word_starts_another() {
    let site = Site::new();
    let run =
        at_gate(&site, vec![pin(&["AZRebalance"], true), gate(), pin(&["AZRebalance"], false)]);
    let process = site.process(&run);
    site.signal(&run, Signal::HUP);
    site.signal(&run, Signal::TERM);
    until("its process is gone", || !runs(process));
    let lines = site.journal(&run);
    assert_eq!(lines.last().unwrap()["entry"], "process_ended", "{lines:#?}");
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "done");
}

/// A run whose directory is moved away or removed has nowhere to write: its process ends and sends
/// nothing more.
#[test]
fn a_process_whose_directory_is_gone_ends() {
    let site = Site::new();
    let run = at_gate(&site, vec![pin(&["AZRebalance"], true), gate()]);
    let process = site.process(&run);
    let home = site.directory.path().join("state/runs");
    std::fs::rename(home.join(&run), home.join("elsewhere")).unwrap();
    until("its process is gone", || !runs(process));
    assert_eq!(site.names(), ["SuspendProcesses"]);
    // Put back, it goes on.
    std::fs::rename(home.join("elsewhere"), home.join(&run)).unwrap();
    assert_eq!(abort(&site, &run).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "aborted");
}

/// The process is killed while a run that was held for too long lets its pins go: the run that goes on
/// sets them again.
#[test]
fn killed_while_pins_are_let_go_they_are_set_again() {
    let site = Site::new();
    let last = shift(&site.listeners()[0], &[50, 50]);
    let pinned = || pin(&["AZRebalance"], true);
    let steps = vec![pinned(), gate(), last, pin(&["AZRebalance"], false)];
    let mut plan = site.plan(undrain(), steps);
    plan.options.max_hold = Duration::from_secs(60);
    let slow = "[[fault]]\ncall = \"*:ResumeProcesses\"\nkind = \"latency\"\ndelay_ms = 60000\n";
    site.world.inject(slow);
    let run = site.detach(&plan);
    until("pins are let go", || site.calls("ResumeProcesses") == 1);
    site.kill(&run);
    site.world.heal();
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "done");
    let calls: Vec<Value> = site.changes().iter().map(|line| line["operation"].clone()).collect();
    let expected = [
        "SuspendProcesses",
        "ResumeProcesses",
        "SuspendProcesses",
        "ModifyListener",
        "ResumeProcesses",
    ];
    assert_eq!(calls, expected);
}

/// A process with credentials that may not do it is replaced by one with the caller's.
#[test]
fn resume_replaces_a_process_whose_credentials_are_denied() {
    let site = Site::new();
    site.world.inject(
        "[[fault]]\ncall = \"*:ModifyListener\"\nkind = \"deny\"\naccess_key = \"testing\"\n",
    );
    let run = site.detach(&site.plan(undrain(), vec![shift(&site.listeners()[0], &[50, 50])]));
    assert_eq!(site.settled(&run)["reason"], "denied");
    let first = site.process(&run);
    assert_eq!(with_key(&site, "renewed", &["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "done");
    assert_ne!(site.process(&run), first);
    assert_eq!(site.names(), ["ModifyListener"]);
}

/// A guard that turned is overridden by name, with a reason and the fleet's name, for a held run; the
/// audit and the run say so to its end.
#[test]
fn a_guard_of_a_held_run_is_overridden() {
    let site = Site::of(&TWO.replace("nodes = 3\nmax = 6", "nodes = 6\nmax = 6"));
    let names = json!({ "AutoScalingGroupNames": ["blue-asg"] });
    let Some(groups) = site.boto("autoscaling", "describe_auto_scaling_groups", &names) else {
        return;
    };
    let nodes = groups["AutoScalingGroups"][0]["Instances"].as_array().unwrap();
    let zone = &nodes[0]["AvailabilityZone"];
    let same: Vec<&str> = nodes
        .iter()
        .filter(|one| &one["AvailabilityZone"] == zone)
        .map(|one| one["InstanceId"].as_str().unwrap())
        .collect();
    let group = site.listeners()[0].2.groups[0].target_group.clone();
    let targets = vec![Target { id: same[0].into(), port: 3100 }];
    let are = |are| Claim::Targets { group: group.clone(), targets: targets.clone(), are };
    let out = Mutation::DeregisterTargets { group: group.clone(), targets: targets.clone() };
    let out = change("out", out, vec![are(TargetIs::Registered)], vec![are(TargetIs::Absent)]);
    let steps = vec![gate(), Step { shifting: true, ..out }];
    let mut plan = site.plan(Intent::Drain { nodes: vec![same[0].into()] }, steps);
    plan.options.overrides.insert(GuardName::Velocity);
    let run = site.detach(&plan);
    assert_eq!(site.settled(&run)["reason"], "gate");
    // The others of its zone go meanwhile: it is the last one there now.
    let gone: Vec<Value> = same[1..].iter().map(|id| json!({ "Id": id, "Port": 3100 })).collect();
    let gone = json!({ "TargetGroupArn": group.as_str(), "Targets": gone });
    site.boto("elbv2", "deregister_targets", &gone);
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    let state = site.settled(&run);
    assert_eq!(state["reason"], "guard", "{state:#}");
    assert!(state["because"].as_str().unwrap().contains("zone-cover"), "{state:#}");
    let told = |guard: &str, more: &[&str]| {
        let mut args = vec!["run", "override", &run, guard, "--reason", "the zone is drained"];
        args.extend(more);
        site.run(&args)
    };
    let refused = told("floor", &["--confirm", "blue"]);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("floor cannot be overridden"), "{refused:#?}");
    assert_eq!(told("zone-cover", &[]).code, Some(2));
    let taken = told("zone-cover", &["--confirm", "blue"]);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "done");
    let shown = site.run(&["run", "show", &run]).stdout;
    assert!(shown.contains("zone-cover") && shown.contains("the zone is drained"), "{shown}");
    let audit = site.run(&["audit"]).stdout;
    assert!(audit.contains("overrides zone-cover"), "{audit}");
}
