//! `plan` and the verbs through the binary on the embedded world: what is printed, what is refused,
//! with which exit code, and that nothing of it changes anything.

use crate::bench::cli::{Cli, Outcome};
use crate::reads::quarterdeck;
use crate::served::{Directory, World};
use crate::sim_harness::http;
use quarterdeck::core::plan::{Plan, accept, is_for};
use serde_json::Value;
use std::process::Stdio;

/// A world, and the program pointed at it with the ports of its nodes.
struct Scene {
    world: World,
    cli: Cli,
    _files: Directory,
}

impl Scene {
    fn of(name: &str) -> Self {
        let world = World::start(&["--world", name], Stdio::null());
        let files = Directory::new();
        let config = files.file("config.toml", &world.probes());
        let cli = quarterdeck(world.endpoint()).args(&["--config", &config]);
        Self { world, cli, _files: files }
    }

    fn run(&self, line: &str) -> Outcome {
        self.cli.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// The exit code, and everything that was said.
    fn said(&self, line: &str) -> (Option<i32>, String) {
        let outcome = self.run(line);
        (outcome.code, outcome.stdout + &outcome.stderr)
    }

    /// The ids of a fleet's nodes.
    fn nodes(&self, stack: &str) -> Vec<String> {
        let document = self.run(&format!("nodes {stack} -o json")).json();
        let id = |node: &Value| node["instance_id"].as_str().unwrap().to_owned();
        document["nodes"].as_array().unwrap().iter().map(id).collect()
    }

    /// Every row: what is typed, the exit code, and a word of what is said.
    fn holds(&self, rows: &[(&str, i32, &str)]) {
        for (line, code, word) in rows {
            let (is, said) = self.said(line);
            assert_eq!(is, Some(*code), "{line}: {said}");
            assert!(said.contains(word), "{line}: {said}");
        }
    }

    /// No call that was made changes anything.
    fn changed_nothing(&self) {
        let (_, log) = http(self.world.address(), "GET", "/_world/log", "");
        let reads = ["Describe", "List", "Get", "Discover"];
        let calls: Vec<&str> = log
            .split("\"operation\":")
            .skip(1)
            .filter_map(|rest| rest.trim_start().trim_start_matches('"').split('"').next())
            .collect();
        assert!(calls.len() > 10, "{log}");
        let odd = calls.iter().find(|call| !reads.iter().any(|read| call.starts_with(read)));
        assert_eq!(odd, None);
    }
}

#[test]
fn a_good_world_can_be_cut_over_and_drained_and_needs_no_repair() {
    let scene = Scene::of("blue-green");
    let (blue, green) = (scene.nodes("blue-412"), scene.nodes("green-413"));
    let drain = format!("drain {}", blue[0]);
    let overridden = format!("{drain} --override zone-cover --reason drill");
    let two = format!("drain {} {}", blue[0], blue[1]);
    let undrain = format!("undrain {}", blue[0]);
    let reregister = format!("reregister {}", green[0]);
    let deregister = format!("deregister {}", blue[0]);
    let both = format!("drain {} {}", blue[0], green[0]);
    scene.holds(&[
        ("plan cutover blue-412 green-413", 0, "this plan could run; nothing was changed"),
        ("cutover blue-412 green-413", 0, "10% to green-413"),
        ("cutover green-413 blue-412", 2, "Did you mean `quarterdeck cutover blue-412 green-413`?"),
        ("cutover blue-412 blue-412", 2, "both blue-412"),
        ("cutover blue-412 red", 2, "The fleets are blue-412 and green-413."),
        ("cutover blue-412 green-413 --schedule 50,10", 2, "ascending percentages"),
        ("cutover blue-412 green-413 --strategy attach", 3, "does not fit"),
        ("cutover blue-412 green-413 --override capacity", 2, "without a reason"),
        ("cutover blue-412 green-413 --override floor --reason x", 2, "cannot be overridden"),
        ("cutover blue-412 green-413 --gate sometimes", 2, "before-shift, before-end"),
        // One node a zone, and cross-zone load balancing is off.
        (&drain, 3, "blocked by zone-cover"),
        (&overridden, 0, "into standby"),
        (&two, 3, "blocked by floor"),
        (&both, 2, "a plan is about one fleet"),
        ("drain", 2, "nothing is selected"),
        ("drain i-", 2, "stands for 6 nodes"),
        ("drain 127.255.255.254", 2, "stands for no node"),
        (&undrain, 0, "nothing to do"),
        (&reregister, 0, "nothing to do"),
        ("repair blue-412", 0, "nothing to do"),
        ("repair red", 2, "there is no fleet red"),
        (&deregister, 3, "is not gone"),
        ("rollback", 2, "this host has not run anything"),
        ("plan rollback 20261122-140355-k3xq", 2, "knows no run"),
    ]);
    scene.changed_nothing();
}

#[test]
fn json_is_the_plan_file_and_nothing_else() {
    let scene = Scene::of("blue-green");
    let outcome = scene.run("plan cutover blue-412 green-413 -o json");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert_eq!(outcome.json()["schema"], "quarterdeck-plan/v1");
    let plan: Plan = serde_json::from_str(&outcome.stdout).unwrap();
    let made = plan.made_at;
    assert_eq!(accept(&plan, made, 1), Ok(()));
    assert_eq!(is_for(&plan, "123456789012", "us-west-2"), Ok(()));
    let edited = outcome.stdout.replacen("\"percent\": 50", "\"percent\": 5", 1);
    assert_ne!(edited, outcome.stdout);
    let edited: Plan = serde_json::from_str(&edited).unwrap();
    assert!(accept(&edited, made, 1).unwrap_err().why.contains("edited"));
    let nothing = scene.run("repair green-413 -o json");
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(0), ""));
}

#[test]
fn shared_groups_are_attached() {
    let scene = Scene::of("attach");
    scene.holds(&[
        ("cutover blue-412 green-413", 0, "attach green-413"),
        ("cutover blue-412 green-413 --schedule 50,100", 2, "no steps in between"),
        ("cutover blue-412 green-413 --strategy weights", 3, "does not fit"),
    ]);
    scene.changed_nothing();
}

#[test]
fn a_group_at_its_bounds_is_refused_with_the_ways_out() {
    let scene = Scene::of("standby-at-min");
    let (blue, green) = (scene.nodes("blue-412"), scene.nodes("green-413"));
    let standby = format!("drain {} --method standby", blue[0]);
    let why = "--override zone-cover --reason drill";
    let targets = format!("drain {} --method targets {why}", blue[0]);
    scene.holds(&[
        (&standby, 3, "Lower MinSize of blue-412-asg, or drain with --method targets"),
        (&targets, 0, "suspend HealthCheck and ReplaceUnhealthy"),
    ]);
    let undrained: Vec<_> =
        green.iter().map(|node| scene.said(&format!("undrain {node}"))).collect();
    assert!(
        undrained.iter().any(|(code, said)| *code == Some(3) && said.contains("Raise MaxSize")),
        "{undrained:#?}"
    );
    scene.changed_nothing();
}

#[test]
fn a_boot_race_is_repaired_in_one_plan() {
    let scene = Scene::of("boot-race");
    let outcome = scene.run("plan repair blue-412 -o json");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let plan: Plan = serde_json::from_str(&outcome.stdout).unwrap();
    let registered = plan.steps.iter().filter(|step| step.title.starts_with("register i-"));
    assert_eq!(registered.count(), 5, "{:#?}", plan.steps);
    scene.changed_nothing();
}

#[test]
fn what_cannot_be_read_is_no_plan() {
    let scene = Scene::of("blue-green");
    scene
        .world
        .inject("[[fault]]\ncall = \"elasticloadbalancing:DescribeListeners\"\nkind = \"deny\"\n");
    scene.holds(&[("cutover blue-412 green-413", 4, "could not be known")]);
    scene.world.heal();
    scene.world.inject(
        "[[fault]]\ncall = \"elasticloadbalancing:DescribeTargetHealth\"\nkind = \"deny\"\n",
    );
    let blue = scene.nodes("blue-412");
    scene.holds(&[(&format!("drain {}", blue[0]), 4, "could not be known")]);
    scene.world.heal();
    scene.changed_nothing();
}
