//! What plans promise and what runs wait for: limits that reads outlast, fleets that scale meanwhile,
//! probes that were silent, groups that nothing checks.

use crate::act_console::until_step;
use crate::runs::bench::Site;
use crate::served::{Directory, until};
use serde_json::{Value, json};

/// Two fleets with room to grow, on two listeners.
pub const ROOMY: &str = "api_limits = false\n\
    [[load_balancer]]\nname = \"front\"\n\
    [[service]]\nname = \"glt\"\n\
    [[listener]]\nproduct = \"loki\"\nport = 3100\n\
    [[listener]]\nproduct = \"tempo\"\nport = 3200\n\
    [[fleet]]\nstack = \"blue\"\nnodes = 3\nmax = 8\nweight = 100\n\
    [[fleet]]\nstack = \"green\"\nnodes = 3\nmax = 8\nweight = 0\n";
/// Two fleets that share their groups.
const SHARED: &str = "api_limits = false\nwiring = \"attach\"\n\
    [[listener]]\nproduct = \"loki\"\nport = 3100\n\
    [[listener]]\nproduct = \"tempo\"\nport = 3200\n\
    [[fleet]]\nstack = \"blue\"\nnodes = 3\nattached = true\n\
    [[fleet]]\nstack = \"green\"\nnodes = 3\n";

pub fn site(text: &str) -> Site {
    let directory = Directory::new();
    let file = directory.file("world.toml", text);
    let config = "[aws]\ncall_timeout = \"2s\"\n[probes]\ntimeout = \"20s\"\n";
    Site::at(&file, config, directory)
}

pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Starts what runs beside the test; the run.
pub fn started(site: &Site, line: &str) -> String {
    let outcome = site.run(&words(&format!("{line} --execute --detach")));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stdout.trim().to_owned()
}

pub fn event(site: &Site, what: &str, more: &str) {
    site.world.inject(&format!("[[event]]\ndo = \"{what}\"\n{more}\n"));
}

fn fault(site: &Site, call: &str, kind: &str, until: &str) {
    let fault = format!("call = \"{call}\"\nkind = \"{kind}\"\nuntil = \"{until}\"\n");
    site.world.inject(&format!("[[fault]]\n{fault}"));
}

pub fn resumed(site: &Site, run: &str) {
    let outcome = site.run(&["run", "resume", run]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
}

pub fn held_at_gate(site: &Site, run: &str) {
    site.until_noted(run, "the gate", |line| line["entry"] == "held" && line["reason"] == "gate");
}

pub fn all_weights(site: &Site, expected: &[u64]) {
    for (port, listener, _) in site.listeners() {
        if let Some(found) = site.weights(&listener) {
            assert_eq!(found, expected, "listener {port}");
        }
    }
}

/// Who receives is left free to scale out: the run goes on, and says what it sees.
#[test]
fn a_target_fleet_that_scales_out_in_the_middle_stops_nothing() {
    let site = site(ROOMY);
    let line = "cutover blue green --gate none --schedule 10,100 --window 20s --settle 5m --bake 3m \
                --on-regression rollback --confirm blue";
    let run = started(&site, line);
    until_step(&site, &run, "settle with 10%");
    event(&site, "set_desired", "group = \"green-asg\"\ndesired = 5");
    let end = site.settled(&run);
    assert_eq!(end["state"], "done", "{end:#}");
    all_weights(&site, &[0, 100]);
    let arguments = json!({ "AutoScalingGroupNames": ["green-asg"] });
    if let Some(found) = site.boto("autoscaling", "describe_auto_scaling_groups", &arguments) {
        assert_eq!(found["AutoScalingGroups"][0]["Instances"].as_array().unwrap().len(), 5);
    }
}

/// Scaled in below what it was given traffic for, it holds.
#[test]
fn a_target_fleet_that_scales_in_below_its_need_holds_the_run() {
    let site = site(ROOMY);
    let line = "cutover blue green --gate none --schedule 10,100 --window 20s --settle 10m \
                --bake 1m --confirm blue";
    let run = started(&site, line);
    until_step(&site, &run, "settle with 10%");
    event(&site, "set_desired", "group = \"green-asg\"\ndesired = 2");
    let end = site.settled(&run);
    assert_eq!(end["state"], "held", "{end:#}");
    all_weights(&site, &[90, 10]);
}

/// Health cannot be read for longer than the limit: what is not known has not come, and the
/// attachment is taken back.
#[test]
fn an_attachment_whose_health_cannot_be_read_is_taken_back_at_the_limit() {
    let site = site(SHARED);
    let run =
        started(&site, "cutover blue green --gate none --window 20s --bake 1m --confirm blue");
    until_step(&site, &run, "wait until green is healthy");
    fault(&site, "elasticloadbalancing:DescribeTargetHealth", "throttle", "40m");
    let held = |line: &Value| line["entry"] == "held";
    site.until_noted(&run, "the hold", held);
    let lines = site.journal(&run);
    let held = lines.iter().find(|line| held(line)).unwrap();
    assert_eq!(held["reason"], "too_long", "{held:#}");
    assert!(held["because"].to_string().contains("taken back"), "{held:#}");
    let detached = site.changes();
    let detached = |name: &str| detached.iter().any(|line| line["operation"] == name);
    assert!(detached("DetachTrafficSources"), "{:#?}", site.names());
    site.world.heal();
}

/// Traffic reaches an attached fleet long before it is healthy: the guards are asked meanwhile.
#[test]
fn guards_are_asked_while_an_attached_fleet_becomes_healthy() {
    let site = site(SHARED);
    let run =
        started(&site, "cutover blue green --gate none --window 20s --bake 1m --confirm blue");
    until_step(&site, &run, "wait until green is healthy");
    event(&site, "refresh_starts", "group = \"green-asg\"");
    let end = site.settled(&run);
    assert_eq!((&end["state"], &end["reason"]), (&json!("held"), &json!("guard")), "{end:#}");
    assert!(end["because"].to_string().contains("change-in-flight"), "{end:#}");
    assert!(end["because"].to_string().contains("taken back"), "{end:#}");
    assert!(site.names().contains(&"DetachTrafficSources".to_owned()), "{:#?}", site.names());
}

/// After a long hold the probes of before prove nothing: the window is watched once more.
#[test]
fn a_hold_longer_than_the_window_is_followed_by_a_whole_window_of_probes() {
    let site = site(ROOMY);
    let line = "cutover blue green --gate before-shift --schedule 100 --window 5m --settle 20s \
                --bake 20s --confirm blue";
    let run = started(&site, line);
    held_at_gate(&site, &run);
    event(&site, "crash_product", "node = \"green/1\"\nproduct = \"loki\"");
    let from = site.now();
    until("the window is over", || (site.now() - from).get_seconds() > 330);
    event(&site, "start_product", "node = \"green/1\"\nproduct = \"loki\"");
    // Started products need a minute to be ready.
    until("it is ready", || (site.now() - from).get_seconds() > 480);
    resumed(&site, &run);
    let end = site.settled(&run);
    assert_ne!(end["state"], "running", "{end:#}");
    let lines = site.journal(&run);
    let goes_on = lines.iter().position(|line| line["entry"] == "goes_on").unwrap();
    let shift = |line: &&Value| line["entry"] == "intent" && line["mutation"]["call"] == "forward";
    let shift = lines[goes_on..].iter().find(shift).unwrap();
    let at = |line: &Value| line["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let waited = at(shift) - at(&lines[goes_on]);
    assert!(waited.get_seconds() >= 300, "it shifted {waited} after it went on");
}

/// Where no listener names a group nothing checks its targets: registered is all there is.
#[test]
fn a_group_that_no_listener_names_is_not_waited_for() {
    let site = site(&ROOMY.replace("max = 8\nweight = 0\n", "max = 8\n"));
    let group = "target_group = \"green-loki\"\nnode = \"green/1\"\nport = 3100";
    event(&site, "remove_target", group);
    let node = site.nodes("green").remove(0);
    let planned = || site.run(&["reregister", &node, "-o", "json"]);
    until("it is missing", || planned().stdout.contains("register_targets"));
    let done = site.run(&["reregister", &node, "--execute", "--confirm", "y"]);
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert_eq!(site.names(), ["RegisterTargets"]);
}

/// One look at what is bad is no proof: it takes two.
#[test]
fn one_bad_look_holds_nothing() {
    let site = site(ROOMY);
    let line = "cutover blue green --gate none --schedule 10,100 --window 20s --settle 10m \
                --bake 1m --confirm blue";
    let run = started(&site, line);
    until_step(&site, &run, "settle with 10%");
    event(&site, "refresh_starts", "group = \"green-asg\"");
    let end = site.settled(&run);
    assert_eq!((&end["state"], &end["reason"]), (&json!("held"), &json!("guard")), "{end:#}");
    // The first look that shows it is noted, and the next one decides.
    let lines = site.journal(&run);
    let at = |line: &Value| line["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let blocks = |report: &Value| report["effect"] == "blocks";
    let seen = lines.iter().find(|line| {
        line["entry"] == "guards" && line["reports"].as_array().unwrap().iter().any(blocks)
    });
    let held = lines.iter().find(|line| line["entry"] == "held").unwrap();
    let between = at(held) - at(seen.unwrap());
    assert!(between.get_seconds() >= 5, "{between}");
}

/// AWS promises no order of the groups of an action.
#[test]
fn an_action_is_the_same_in_another_order() {
    let site = site(ROOMY);
    let line = "cutover blue green --gate before-shift --schedule 100 --window 20s --settle 20s \
                --bake 20s --confirm blue";
    let run = started(&site, line);
    held_at_gate(&site, &run);
    for (_, listener, forward) in site.listeners() {
        let groups: Vec<Value> = forward
            .groups
            .iter()
            .rev()
            .map(|of| json!({ "TargetGroupArn": of.target_group.as_str(), "Weight": of.weight }))
            .collect();
        let actions = json!([{ "Type": "forward", "ForwardConfig": { "TargetGroups": groups } }]);
        let change = json!({ "ListenerArn": listener.listener, "DefaultActions": actions });
        if site.boto("elbv2", "modify_listener", &change).is_none() {
            return;
        }
    }
    resumed(&site, &run);
    let end = site.settled(&run);
    assert_eq!(end["state"], "done", "{end:#}");
}

/// A step that only comes after the new fleet is healthy leaves its nodes, not none.
#[test]
fn the_worst_case_counts_what_an_earlier_wait_has_made_sure() {
    let site = site(SHARED);
    let printed = site.run(&["cutover", "blue", "green", "-o", "json"]).json();
    let steps = printed["plan"]["steps"].as_array().or(printed["steps"].as_array()).unwrap();
    let detach = steps.iter().find(|step| step["title"].to_string().contains("detach")).unwrap();
    let rows = detach["capacity"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let number = |name: &str| row[name].as_u64().unwrap();
        assert!(number("floor") > 0 && number("after") >= number("floor"), "{row:#}");
        assert_eq!((number("before"), number("after")), (3, 3), "{row:#}");
    }
    let text = site.run(&["cutover", "blue", "green"]).stdout;
    assert!(!text.contains("0 of 3"), "{text}");
}
