//! The engine on plans made by hand: every mutation, what holds a run, and what it does then.

use super::bench::{Site, bare, change, pin, shift};
use quarterdeck::core::plan::{Claim, Gate, Intent, Mutation, StepAction, Target, TargetIs};
use rustix::process::Signal;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

fn undrain() -> Intent {
    Intent::Undrain { nodes: Vec::new() }
}

/// All weights, forth, with a gate between; pins around it.
#[test]
fn listeners_are_shifted_past_a_gate_and_pins_are_taken_back() {
    let site = Site::new();
    let listeners = site.listeners();
    let mut steps = vec![pin(&["AZRebalance", "AlarmNotification"], true)];
    steps.push(shift(&listeners[0], &[50, 50]));
    steps.push(bare("look at it", StepAction::Gate(Gate::BeforeEnd)));
    steps.push(shift(&listeners[1], &[0, 100]));
    steps.push(pin(&["AZRebalance", "AlarmNotification"], false));
    let outcome = site.apply(&site.plan(undrain(), steps));
    assert_eq!(outcome.code, Some(5), "{outcome:#?}");
    assert_eq!(site.names(), ["ModifyListener", "SuspendProcesses"]);
    let run = outcome.stdout.split_whitespace().nth(2).unwrap().trim_end_matches(':').to_owned();
    let resumed = site.run(&["run", "resume", &run]);
    assert_eq!(resumed.code, Some(0), "{resumed:#?}");
    assert_eq!(site.settled(&run)["state"], "done");
    let names = ["ModifyListener", "ModifyListener", "ResumeProcesses", "SuspendProcesses"];
    assert_eq!(site.names(), names);
    for (listener, weights) in listeners.iter().zip([[50, 50], [0, 100]]) {
        if let Some(found) = site.weights(&listener.1) {
            assert_eq!(found, weights);
        }
    }
    let groups = site.boto("autoscaling", "describe_auto_scaling_groups", &json!({}));
    for group in groups.iter().flat_map(|all| all["AutoScalingGroups"].as_array().unwrap()) {
        assert_eq!(group["SuspendedProcesses"], json!([]));
    }
    let verified = site.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(0), "{verified:#?}");
}

/// A registry entry is written, followed by its operation, seen; and removed.
#[test]
fn a_registry_entry_is_written_and_removed() {
    let site = Site::new();
    let (service, node) = (site.service(), site.nodes("blue").remove(0));
    let arguments = json!({ "ServiceId": service, "InstanceId": node });
    let Some(entry) = site.boto("servicediscovery", "get_instance", &arguments) else { return };
    let mut attributes: BTreeMap<String, String> =
        serde_json::from_value(entry["Instance"]["Attributes"].clone()).unwrap();
    attributes.insert("NOTE".to_owned(), "kept".to_owned());
    let claim = |is: Option<&BTreeMap<String, String>>| Claim::Member {
        service: service.as_str().into(),
        member: node.as_str().into(),
        is: is.cloned(),
    };
    let register = Mutation::RegisterInstance {
        service: service.as_str().into(),
        member: node.as_str().into(),
        attributes: attributes.clone(),
    };
    let steps = vec![change("register", register, Vec::new(), vec![claim(Some(&attributes))])];
    let outcome = site.apply(&site.plan(undrain(), steps));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let entry = site.boto("servicediscovery", "get_instance", &arguments).unwrap();
    assert_eq!(entry["Instance"]["Attributes"], json!(attributes));
    let deregister = Mutation::DeregisterInstance {
        service: service.as_str().into(),
        member: node.as_str().into(),
    };
    let before = vec![claim(Some(&attributes))];
    let steps = vec![change("deregister", deregister, before, vec![claim(None)])];
    let outcome = site.apply(&site.plan(undrain(), steps));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let listed = json!({ "ServiceId": service });
    let listed = site.boto("servicediscovery", "list_instances", &listed).unwrap();
    let ids = listed["Instances"].as_array().unwrap().iter().map(|one| &one["Id"]);
    assert!(!ids.into_iter().any(|id| id == &json!(node)), "{listed:#}");
    assert_eq!(site.names(), ["DeregisterInstance", "RegisterInstance"]);
}

/// Targets out and in again, with their port; standby and back.
#[test]
fn targets_and_standby() {
    let site = Site::new();
    let node = site.nodes("blue").remove(0);
    let (_, _, forward) = site.listeners().remove(0);
    let group = forward.groups[0].target_group.clone();
    let targets = vec![Target { id: node.as_str().into(), port: 3100 }];
    let are = |are| Claim::Targets { group: group.clone(), targets: targets.clone(), are };
    let lifecycle = |word: &str| Claim::Lifecycle {
        group: "blue-asg".into(),
        instance: node.as_str().into(),
        is: word.to_owned(),
    };
    let (group, of) = (group.clone(), targets.clone());
    let out = Mutation::DeregisterTargets { group: group.clone(), targets: of.clone() };
    let back = Mutation::RegisterTargets { group: group.clone(), targets: of };
    let instances = vec![node.as_str().into()];
    let enter = Mutation::EnterStandby { group: "blue-asg".into(), instances: instances.clone() };
    let exit = Mutation::ExitStandby { group: "blue-asg".into(), instances };
    let steps = vec![
        change("out", out, vec![are(TargetIs::Registered)], vec![are(TargetIs::Absent)]),
        change("back", back, vec![are(TargetIs::Absent)], vec![are(TargetIs::Healthy)]),
        change("rest", enter, vec![lifecycle("InService")], vec![lifecycle("Standby")]),
        change("work", exit, vec![lifecycle("Standby")], vec![lifecycle("InService")]),
    ];
    let mut plan = site.plan(undrain(), steps);
    let blocked = site.apply(&plan);
    assert_eq!(blocked.code, Some(3), "the last target of its zone: {blocked:#?}");
    assert_eq!(site.changes(), Vec::<serde_json::Value>::new());
    plan.options.overrides.insert(quarterdeck::core::plan::GuardName::ZoneCover);
    let outcome = site.apply(&plan);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let names = ["DeregisterTargets", "EnterStandby", "ExitStandby", "RegisterTargets"];
    assert_eq!(site.names(), names);
    let calls = site.changes();
    let enter = calls.iter().find(|line| line["operation"] == "EnterStandby").unwrap();
    assert_eq!(enter["arguments"]["ShouldDecrementDesiredCapacity"], "true", "{enter:#}");
    let health = json!({ "TargetGroupArn": group.as_str() });
    if let Some(health) = site.boto("elbv2", "describe_target_health", &health) {
        assert_eq!(health["TargetHealthDescriptions"].as_array().unwrap().len(), 3, "{health:#}");
    }
}

/// A group is attached and detached by the calls that see everything.
#[test]
fn attachments() {
    let site = Site::of(
        "api_limits = false\nwiring = \"attach\"\n\
         [[load_balancer]]\nname = \"front\"\n[[service]]\nname = \"glt\"\n\
         [[listener]]\nproduct = \"loki\"\nport = 3100\n\
         [[fleet]]\nstack = \"blue\"\nnodes = 2\nattached = true\n\
         [[fleet]]\nstack = \"green\"\nnodes = 2\n",
    );
    let (_, _, forward) = site.listeners().remove(0);
    let arn = forward.groups[0].target_group.clone();
    let claim = |attached: bool| Claim::Attached {
        group: "green-asg".into(),
        to: attached.then(|| arn.clone()).into_iter().collect(),
        not_to: (!attached).then(|| arn.clone()).into_iter().collect(),
    };
    let healthy = |least| Claim::Healthy {
        group: arn.clone(),
        stack: Some("green".into()),
        zone: None,
        least,
    };
    let (group, target_groups) = ("green-asg".into(), vec![arn.clone()]);
    let attach = Mutation::AttachTargetGroups { group, target_groups: target_groups.clone() };
    let detach = Mutation::DetachTargetGroups { group: "green-asg".into(), target_groups };
    let steps = vec![
        change("attach", attach, vec![claim(false)], vec![claim(true), healthy(2)]),
        change("detach", detach, vec![claim(true)], vec![claim(false)]),
    ];
    let outcome = site.apply(&site.plan(undrain(), steps));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert_eq!(site.names(), ["AttachTrafficSources", "DetachTrafficSources"]);
}

/// A fact that no longer holds: the run holds, says what changed, and has changed nothing.
#[test]
fn a_fact_that_no_longer_holds() {
    let site = Site::new();
    let mut step = shift(&site.listeners()[0], &[50, 50]);
    let Claim::Forwards { is, .. } = &mut step.before[0].claim else { panic!() };
    is.groups[0].weight = 70;
    let outcome = site.apply(&site.plan(undrain(), vec![step]));
    assert_eq!(outcome.code, Some(5), "{outcome:#?}");
    assert!(outcome.stdout.contains("HOLDS (fact_broken): expected"), "{outcome:#?}");
    assert_eq!(site.names(), Vec::<String>::new());
}

/// Unknown is not good enough: a read that fails holds the run.
#[test]
fn what_cannot_be_read_holds() {
    let site = Site::new();
    let plan = site.plan(undrain(), vec![shift(&site.listeners()[0], &[50, 50])]);
    site.world
        .inject("[[fault]]\ncall = \"elasticloadbalancing:DescribeListeners\"\nkind = \"deny\"\n");
    let outcome = site.apply(&plan);
    assert!(matches!(outcome.code, Some(4 | 5)), "{outcome:#?}");
    assert_eq!(site.names(), Vec::<String>::new());
}

/// Denied before anything changed is 7; throttled is waited out and sent once more.
#[test]
fn denied_and_throttled() {
    let site = Site::new();
    let denied = |text: &str| {
        format!("[[fault]]\ncall = \"elasticloadbalancing:ModifyListener\"\nkind = \"{text}\"\n")
    };
    site.world.inject(&denied("deny"));
    let plan = site.plan(undrain(), vec![shift(&site.listeners()[0], &[50, 50])]);
    let outcome = site.apply(&plan);
    assert_eq!(outcome.code, Some(7), "{outcome:#?}");
    assert!(outcome.stdout.contains("elasticloadbalancing:ModifyListener"), "{outcome:#?}");
    site.world.heal();
    site.world.inject(&denied("throttle"));
    let run = site.run(&["runs", "-o", "json"]).json()["runs"][0]["id"].clone();
    let run = run.as_str().unwrap();
    assert_eq!(site.run(&["run", "resume", run]).code, Some(0));
    site.until_noted(run, "throttled", |line| line["entry"] == "throttled");
    site.world.heal();
    assert_eq!(site.settled(run)["state"], "done");
    assert_eq!(site.names(), ["ModifyListener"]);
}

/// What does not come about in time holds the run.
#[test]
fn a_limit() {
    let site = Site::new();
    let mut step = shift(&site.listeners()[0], &[50, 50]);
    step.after = vec![Claim::AllHealthy { group: "no-such-group".into() }];
    step.limit = Duration::from_secs(20);
    let outcome = site.apply(&site.plan(undrain(), vec![step]));
    assert_eq!(outcome.code, Some(5), "{outcome:#?}");
    assert!(outcome.stdout.contains("HOLDS (too_long)"), "{outcome:#?}");
}

/// A signal holds the run where it is; hold and abort by word; an abort unpins and unlocks.
#[test]
fn signals_hold_and_abort() {
    let site = Site::new();
    let wait = bare("wait", StepAction::Wait);
    let wait = quarterdeck::core::plan::Step { at_least: Duration::from_secs(240), ..wait };
    let last = shift(&site.listeners()[0], &[0, 100]);
    let plan = site.plan(undrain(), vec![pin(&["AZRebalance"], true), wait, last]);
    let run = site.detach(&plan);
    let began = |line: &serde_json::Value| line["entry"] == "step_began" && line["step"] == 3;
    site.until_noted(&run, "the wait", began);
    for signal in [Signal::HUP, Signal::TERM, Signal::INT] {
        site.signal(&run, signal);
    }
    let state = site.settled(&run);
    assert_eq!((&state["state"], &state["reason"]), (&json!("held"), &json!("asked")), "{state:#}");
    let done = |line: &serde_json::Value| line["entry"] == "step_done" && line["step"] == 3;
    assert!(!site.journal(&run).iter().any(done), "the wait was not waited for");
    assert_eq!(site.names(), ["SuspendProcesses"]);
    let unnamed = site.run(&["run", "abort", &run]);
    assert_eq!(unnamed.code, Some(2), "{unnamed:#?}");
    let aborted = site.run(&["run", "abort", &run, "--confirm", "blue"]);
    assert_eq!(aborted.code, Some(0), "{aborted:#?}");
    assert_eq!(site.settled(&run)["state"], "aborted");
    assert_eq!(site.names(), ["ResumeProcesses", "SuspendProcesses"]);
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
    let over = site.run(&["run", "resume", &run]);
    assert_eq!(over.code, Some(1), "{over:#?}");
}

/// Nothing is resumed while an instance reads Unhealthy: it would be terminated at once.
#[test]
fn pins_stay_while_an_instance_is_unhealthy() {
    let site = Site::new();
    let gate = bare("stop here", StepAction::Gate(Gate::BeforeEnd));
    let pinned = pin(&["HealthCheck", "ReplaceUnhealthy"], true);
    let plan = site.plan(undrain(), vec![pinned, gate]);
    let run = site.detach(&plan);
    assert_eq!(site.settled(&run)["reason"], "gate");
    let sick = json!({ "InstanceId": site.nodes("blue")[0], "HealthStatus": "Unhealthy",
                       "ShouldRespectGracePeriod": false });
    if site.boto("autoscaling", "set_instance_health", &sick).is_none() {
        return;
    }
    site.run(&["run", "abort", &run, "--confirm", "blue"]);
    let state = site.settled(&run);
    assert_eq!(state["state"], "held", "{state:#}");
    assert!(state["because"].as_str().unwrap().contains(&site.nodes("blue")[0]), "{state:#}");
    assert!(!site.names().contains(&"ResumeProcesses".to_owned()));
}
