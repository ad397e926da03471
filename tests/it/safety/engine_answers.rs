//! What an answer says of the world: a server's error says nothing, so the call is compared with the
//! world; and what another has written is not overwritten.

use crate::runs::bench::{Site, bare, change, pin, shift};
use quarterdeck::core::plan::{Claim, Gate, Intent, Mutation, Step, StepAction, Target, TargetIs};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn undrain() -> Intent {
    Intent::Undrain { nodes: Vec::new() }
}

fn fault(call: &str, kind: &str, more: &str) -> String {
    format!("[[fault]]\ncall = \"*:{call}\"\nkind = \"{kind}\"\n{more}\n")
}

/// A step that writes a node's registry entry.
fn register(site: &Site, note: &str) -> Step {
    let (service, node) = (site.service(), site.nodes("green").remove(0));
    let attributes: BTreeMap<String, String> =
        [("AWS_INSTANCE_IPV4", "127.0.0.9"), ("STACK", "green"), ("NOTE", note)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
    let (service, member) = (service.as_str().into(), node.as_str().into());
    let entry = Claim::Member { service, member, is: Some(attributes.clone()) };
    let (service, member) = (site.service().as_str().into(), node.as_str().into());
    let call = Mutation::RegisterInstance { service, member, attributes };
    change("register", call, Vec::new(), vec![entry])
}

fn suspended(site: &Site) -> Option<Vec<Value>> {
    let groups = site.boto("autoscaling", "describe_auto_scaling_groups", &json!({}))?;
    let all = groups["AutoScalingGroups"].as_array().unwrap().iter();
    Some(all.flat_map(|of| of["SuspendedProcesses"].as_array().unwrap().clone()).collect())
}

/// The lines of a run's journal with this outcome.
fn outcomes(site: &Site, run: &str, outcome: &str) -> usize {
    let lines = site.journal(run);
    lines.iter().filter(|line| line["outcome"]["outcome"] == outcome).count()
}

/// Each of five calls is carried out and answered with 500, 502 or 503: the world is asked, and
/// nothing is sent twice.
#[test]
fn a_call_that_was_carried_out_and_answered_with_a_servers_error_is_not_sent_again() {
    let site = Site::new();
    let listeners = site.listeners();
    let blue = listeners[0].2.groups[0].target_group.clone();
    let node = site.nodes("green").remove(0);
    let targets = vec![Target { id: node.as_str().into(), port: 3100 }];
    let are = |are| Claim::Targets { group: blue.clone(), targets: targets.clone(), are };
    let call = Mutation::RegisterTargets { group: blue.clone(), targets: targets.clone() };
    let steps = vec![
        pin(&["AZRebalance"], true),
        register(&site, "once"),
        change("target", call, vec![are(TargetIs::Absent)], vec![are(TargetIs::Registered)]),
        shift(&listeners[1], &[50, 50]),
        pin(&["AZRebalance"], false),
    ];
    let calls = [
        ("SuspendProcesses", 500),
        ("RegisterInstance", 502),
        ("RegisterTargets", 503),
        ("ModifyListener", 500),
        ("ResumeProcesses", 503),
    ];
    let faults =
        calls.map(|(call, status)| fault(call, "done_error", &format!("status = {status}")));
    site.world.inject(&faults.concat());
    let run = site.detach(&site.plan(undrain(), steps));
    assert_eq!(site.settled(&run)["state"], "done");
    for (call, _) in calls {
        assert_eq!(site.calls(call), 1, "{call}");
    }
    assert_eq!(outcomes(&site, &run, "already_done"), 5);
}

/// The same of a suspend, then an abort: nothing stays suspended.
#[test]
fn an_abort_resumes_what_a_suspend_with_a_lost_answer_had_suspended() {
    let site = Site::new();
    site.world.inject(&fault("SuspendProcesses", "done_error", ""));
    let gate = bare("stop here", StepAction::Gate(Gate::BeforeEnd));
    let run = site.detach(&site.plan(undrain(), vec![pin(&["AZRebalance"], true), gate]));
    assert_eq!(site.settled(&run)["reason"], "gate");
    assert_eq!(site.run(&["run", "abort", &run, "--confirm", "blue"]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "aborted");
    if let Some(left) = suspended(&site) {
        assert_eq!(left, Vec::<Value>::new());
    }
}

/// A server's error before anything was done: the world shows that, and the call is sent again.
#[test]
fn a_call_that_was_not_carried_out_is_sent_again() {
    let site = Site::new();
    site.world.inject(&fault("ModifyListener", "error", "status = 503"));
    let plan = site.plan(undrain(), vec![shift(&site.listeners()[0], &[50, 50])]);
    let run = site.detach(&plan);
    crate::served::until("it was tried", || site.calls("ModifyListener") > 0);
    site.world.heal();
    assert_eq!(site.settled(&run)["state"], "done");
    assert_eq!(site.names(), ["ModifyListener"]);
    assert!(site.calls("ModifyListener") > 1);
}

/// Another writes the listener after the step's facts were read: what is read right before the write
/// shows it, and it is left as it is.
#[test]
fn what_another_writes_between_our_look_and_our_write_is_not_overwritten() {
    let site = Site::new();
    let (port, action, from) = site.listeners().remove(0);
    let plan = site.plan(undrain(), vec![shift(&(port, action.clone(), from.clone()), &[50, 50])]);
    // The read of the one listener, not of all of them.
    site.world.inject(&fault("DescribeListeners", "throttle", "argument = \"ListenerArns\""));
    let run = site.detach(&plan);
    site.until_noted(&run, "the intent", |line| line["entry"] == "intent");
    site.until_noted(&run, "throttled", |line| line["entry"] == "throttled");
    let groups = from.groups.iter().zip([70, 30]).map(
        |(of, weight)| json!({ "TargetGroupArn": of.target_group.as_str(), "Weight": weight }),
    );
    let forward = json!({ "TargetGroups": groups.collect::<Vec<_>>() });
    let theirs = json!({
        "ListenerArn": action.listener.as_str(),
        "DefaultActions": [{ "Type": "forward", "ForwardConfig": forward }],
    });
    if site.boto("elbv2", "modify_listener", &theirs).is_none() {
        return;
    }
    site.world.heal();
    let state = site.settled(&run);
    assert_eq!(state["reason"], "fact_broken", "{state:#}");
    let because = state["because"].as_str().unwrap();
    assert!(because.contains("70") && because.contains("not overwritten"), "{because}");
    assert_eq!(site.weights(&action), Some(vec![70, 30]));
    assert_eq!(site.calls("ModifyListener"), 1, "theirs");
}

/// Whether a registration arrived is looked up among the operations since, not among all that the
/// service ever had.
#[test]
fn a_lost_registration_is_looked_up_among_the_operations_since_it_was_sent() {
    let site = Site::new();
    for number in 1..=3 {
        let theirs = json!({
            "ServiceId": site.service(), "InstanceId": format!("i-0000000000000000{number}"),
            "Attributes": { "AWS_INSTANCE_IPV4": "127.9.9.9", "STACK": "other" },
        });
        if site.boto("servicediscovery", "register_instance", &theirs).is_none() {
            return;
        }
    }
    site.world.inject(&fault("RegisterInstance", "done_error", ""));
    let outcome = site.apply(&site.plan(undrain(), vec![register(&site, "found")]));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let asked: BTreeSet<String> = site
        .logged("GetOperation")
        .iter()
        .map(|line| line["arguments"]["OperationId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
}

/// An entry that is gone already is removed.
#[test]
fn what_is_gone_already_is_removed() {
    let site = Site::new();
    let (service, member) = (site.service(), "i-0123456789abcdef0");
    let gone = Claim::Member { service: service.as_str().into(), member: member.into(), is: None };
    let call =
        Mutation::DeregisterInstance { service: service.as_str().into(), member: member.into() };
    let run = site.detach(&site.plan(undrain(), vec![change("remove", call, vec![], vec![gone])]));
    assert_eq!(site.settled(&run)["state"], "done");
}
