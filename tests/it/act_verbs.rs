//! The verbs with `--execute` on the embedded world: what is changed is asked of the world through
//! boto3, what was called is read from the world's own log.

use crate::bench::cli::Outcome;
use crate::runs::bench::Site;
use crate::sim_harness::http;
use serde_json::{Value, json};

impl Site {
    /// Carries a verb out and follows it.
    fn act(&self, line: &str) -> Outcome {
        self.run(&line.split_whitespace().chain(["--execute"]).collect::<Vec<_>>())
    }

    /// The same, which must succeed.
    fn done(&self, line: &str) {
        let outcome = self.act(line);
        assert_eq!(outcome.code, Some(0), "{line}: {outcome:#?}");
    }

    /// How many requests were lost so far.
    fn lost(&self) -> f64 {
        let (_, body) = http(self.world.address(), "GET", "/_world/state", "");
        let state: Value = serde_json::from_str(&body).unwrap();
        assert!(state["served"].as_f64().unwrap() > 0.0);
        state["lost"].as_f64().unwrap()
    }

    /// The ids that a registry service lists, as boto3 sees them, sorted.
    pub fn members(&self) -> Option<Vec<String>> {
        let arguments = json!({ "ServiceId": self.service() });
        let answer = self.boto("servicediscovery", "list_instances", &arguments)?;
        let all = answer["Instances"].as_array().unwrap().iter();
        let mut all: Vec<String> = all.map(|one| one["Id"].as_str().unwrap().to_owned()).collect();
        all.sort();
        Some(all)
    }

    /// The life cycle states of a fleet's group, as boto3 sees them, sorted.
    pub fn states(&self, stack: &str) -> Option<Vec<String>> {
        let arguments = json!({ "AutoScalingGroupNames": [format!("{stack}-asg")] });
        let answer = self.boto("autoscaling", "describe_auto_scaling_groups", &arguments)?;
        let all = answer["AutoScalingGroups"][0]["Instances"].as_array().unwrap().iter();
        let mut all: Vec<String> =
            all.map(|one| one["LifecycleState"].as_str().unwrap().to_owned()).collect();
        all.sort();
        Some(all)
    }

    /// The processes that are suspended in a fleet's group, as boto3 sees them.
    fn suspended(&self, stack: &str) -> Option<usize> {
        let arguments = json!({ "AutoScalingGroupNames": [format!("{stack}-asg")] });
        let answer = self.boto("autoscaling", "describe_auto_scaling_groups", &arguments)?;
        Some(answer["AutoScalingGroups"][0]["SuspendedProcesses"].as_array().unwrap().len())
    }
}

#[test]
fn a_boot_race_is_repaired() {
    let site = Site::named("boot-race");
    site.done("repair blue-412 --confirm y");
    assert_eq!(site.names(), ["RegisterInstance"; 5]);
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
    let again = site.act("repair blue-412 --confirm y");
    assert_eq!((again.code, site.names().len()), (Some(0), 5), "{again:#?}");
    let Some(members) = site.members() else { return };
    assert!(site.nodes("blue-412").iter().all(|node| members.contains(node)), "{members:?}");
}

#[test]
fn without_the_word_nothing_is_called() {
    let site = Site::named("boot-race");
    let node = site.nodes("blue-412").remove(0);
    for verb in [
        format!("reregister {node}"),
        "repair blue-412".to_owned(),
        format!("deregister {node}"),
        format!("drain {node}"),
        format!("undrain {node}"),
        "cutover blue-412 green-413".to_owned(),
        "rollback".to_owned(),
    ] {
        let line = format!("{verb} --read-only --execute --confirm blue-412");
        let refused = site.run(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(refused.code, Some(7), "{line}: {refused:#?}");
    }
    let unsaid = site.act("repair blue-412");
    assert_eq!(unsaid.code, Some(2), "{unsaid:#?}");
    let planned = site.act("plan repair blue-412");
    assert_eq!(planned.code, Some(2), "{planned:#?}");
    assert_eq!((site.names(), site.calls("CreateService")), (vec![], 0));
}

#[test]
fn a_node_goes_into_standby_and_comes_back() {
    let site = Site::calm();
    let node = site.nodes("blue-412").remove(0);
    let lost = site.lost();
    let why = "--override zone-cover --reason drill";
    site.done(&format!("drain {node} --method standby --confirm blue-412 {why}"));
    assert_eq!(site.names(), ["EnterStandby"]);
    if let Some(states) = site.states("blue-412") {
        assert_eq!(states, ["InService", "InService", "Standby"]);
    }
    site.done(&format!("undrain {node} --confirm y"));
    assert_eq!(site.names(), ["EnterStandby", "ExitStandby"]);
    if let Some(states) = site.states("blue-412") {
        assert_eq!(states, ["InService"; 3]);
    }
    assert_eq!(site.lost().to_bits(), lost.to_bits());
}

#[test]
fn a_node_leaves_its_target_groups_and_comes_back() {
    let site = Site::calm();
    let node = site.nodes("blue-412").remove(0);
    let why = "--override zone-cover --reason drill";
    site.done(&format!("drain {node} --method targets --confirm blue-412 {why}"));
    let named = |name: &str| site.names().iter().filter(|one| *one == name).count();
    assert_eq!((named("DeregisterTargets"), named("SuspendProcesses")), (3, 1));
    if let Some(count) = site.suspended("blue-412") {
        assert_eq!(count, 2);
    }
    // The mark is on the registry, for every host to see, and the lock is not.
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (2, 1));
    site.done(&format!("undrain {node} --confirm y"));
    assert_eq!((named("RegisterTargets"), named("ResumeProcesses")), (3, 1));
    if let Some(count) = site.suspended("blue-412") {
        assert_eq!(count, 0);
    }
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (4, 3));
}

#[test]
fn traffic_moves_and_comes_back_by_weights() {
    let site = Site::calm();
    let lost = site.lost();
    let first = site.listeners()[0].1.clone();
    let weights = || site.weights(&first).map(|of| of[0] > of[1]);
    let before = weights();
    site.done("cutover blue-412 green-413 --gate none --confirm blue-412");
    assert_eq!(weights(), before.map(|before| !before));
    site.done("rollback --confirm green-413");
    assert_eq!(weights(), before);
    assert_eq!(
        (site.suspended("blue-412").unwrap_or(0), site.suspended("green-413").unwrap_or(0)),
        (0, 0)
    );
    assert_eq!(site.lost().to_bits(), lost.to_bits());
    assert_eq!(site.calls("CreateService"), site.calls("DeleteService"));
}

#[test]
fn traffic_moves_by_attaching() {
    let site = Site::named("attach");
    let lost = site.lost();
    site.done("cutover blue-412 green-413 --gate none --confirm blue-412");
    assert_eq!(site.lost().to_bits(), lost.to_bits());
    let groups = |stack: &str| {
        let arguments = json!({ "AutoScalingGroupNames": [format!("{stack}-asg")] });
        let answer = site.boto("autoscaling", "describe_auto_scaling_groups", &arguments)?;
        Some(answer["AutoScalingGroups"][0]["TargetGroupARNs"].as_array().unwrap().len())
    };
    if let (Some(blue), Some(green)) = (groups("blue-412"), groups("green-413")) {
        assert_eq!(blue, 0);
        assert!(green > 0);
    }
    assert_eq!(
        (site.suspended("blue-412").unwrap_or(0), site.suspended("green-413").unwrap_or(0)),
        (0, 0)
    );
    site.done("rollback --confirm green-413");
    assert_eq!(site.lost().to_bits(), lost.to_bits());
    assert_eq!(groups("green-413").unwrap_or(0), 0);
}

#[test]
fn of_two_at_once_one_goes_on() {
    let site = Site::calm();
    let line = "cutover blue-412 green-413 --confirm blue-412";
    let outcomes = std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| site.act(line)));
        both.map(|one| one.join().unwrap())
    });
    let mut codes = outcomes.each_ref().map(|outcome| outcome.code.unwrap());
    codes.sort_unstable();
    // The one holds at its gate; the other found the lock held, when it planned or when it began.
    assert!(matches!(codes, [1 | 3, 5]), "{outcomes:#?}");
    assert_eq!(site.calls("DeleteService"), 0);
    let changes = site.names();
    let named = |name: &str| changes.iter().filter(|one| *one == name).count();
    assert_eq!((named("SuspendProcesses"), named("ModifyListener")), (2, 3), "{changes:?}");
}
