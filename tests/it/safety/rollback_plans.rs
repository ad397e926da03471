//! What a rollback writes: traffic first, every listener, only what its run left there.

use crate::runs::bench::{Site, TWO};
use crate::served::{Directory, until};
use serde_json::Value;

const QUICK: &str = "--gate none --window 20s --settle 20s --bake 20s";

/// Blue carries, green and purple stand by.
fn three() -> String {
    format!("{TWO}[[fleet]]\nstack = \"purple\"\nnodes = 3\nweight = 0\n")
}

fn site(text: &str) -> Site {
    let directory = Directory::new();
    let file = directory.file("world.toml", text);
    Site::at(&file, "[probes]\ntimeout = \"20s\"\n", directory)
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn start(site: &Site, line: &str) -> String {
    let outcome = site.run(&words(&format!("{line} --execute --detach")));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stdout.trim().to_owned()
}

fn done(site: &Site, line: &str) -> String {
    let run = start(site, line);
    let state = site.settled(&run);
    assert_eq!(state["state"], "done", "{state:#}");
    run
}

/// The share in percent of each fleet on each listener.
fn shares(site: &Site) -> Vec<Vec<(String, u64)>> {
    let traffic = site.run(&["traffic", "-o", "json", "--no-probes"]).json();
    let listeners = traffic["traffic"][0]["listeners"].as_array().unwrap();
    let of = |listener: &Value| {
        let groups = listener["actions"][0]["target_groups"].as_array().unwrap();
        let total: u64 = groups.iter().map(|one| one["weight"].as_u64().unwrap()).sum();
        let share = |one: &Value| {
            let name = one["name"].as_str().unwrap();
            let stack = name.split('-').next().unwrap().to_owned();
            (stack, one["weight"].as_u64().unwrap() * 100 / total.max(1))
        };
        groups.iter().map(share).filter(|(_, share)| *share > 0).collect()
    };
    listeners.iter().map(of).collect()
}

fn only(stack: &str) -> Vec<Vec<(String, u64)>> {
    vec![vec![(stack.to_owned(), 100)]; 2]
}

fn newest_held(site: &Site) -> String {
    let runs = site.run(&["runs", "-o", "json"]).json();
    let runs = runs["runs"].as_array().unwrap().iter();
    let mut held: Vec<String> = runs
        .filter(|one| one["state"] == "held")
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect();
    held.sort();
    held.pop().expect("a run holds")
}

fn rollback_file(site: &Site, run: &str) -> String {
    let plan = site.run(&["plan", "rollback", run, "-o", "json"]);
    assert_eq!(plan.code, Some(0), "{plan:#?}");
    site.directory.file("rollback.json", &plan.stdout)
}

#[test]
fn a_rollback_does_not_overwrite_a_newer_cutover() {
    let site = site(&three());
    let first = done(&site, &format!("cutover blue green {QUICK} --schedule 100 --confirm blue"));
    let file = rollback_file(&site, &first);
    done(&site, &format!("cutover green purple {QUICK} --schedule 100 --confirm green"));
    let applied = site.run(&["apply", &file, "--execute", "--confirm", "green"]);
    assert_eq!(applied.code, Some(5), "{applied:#?}");
    let said = format!("{}{}", applied.stdout, applied.stderr);
    assert!(said.contains("somebody else has changed it"), "{said}");
    assert_eq!(shares(&site), only("purple"));
    let again = site.run(&["rollback", &first]);
    assert_eq!(again.code, Some(3), "{again:#?}");
    assert!(again.stderr.contains("run resume"), "{again:#?}");
    let held = newest_held(&site);
    assert_eq!(site.run(&["run", "abort", &held, "--confirm", "green"]).code, Some(0));
    assert_eq!(site.settled(&held)["state"], "aborted");
    let again = site.run(&["rollback", &first]);
    assert_ne!(again.code, Some(0), "{again:#?}");
    assert!(again.stderr.contains("every listener was changed by another since"), "{again:#?}");
    assert!(again.stderr.contains("plan a cutover"), "{again:#?}");
}

#[test]
fn traffic_returns_although_the_fleet_that_failed_is_deleted() {
    let site = site(TWO);
    let line = "cutover blue green --gate none --window 20s --settle 20m --schedule 50,100";
    let run = start(&site, &format!("{line} --confirm blue"));
    until("half of the traffic is shifted", || shares(&site)[1].len() == 2);
    site.world.inject("[[event]]\ndo = \"delete_group\"\ngroup = \"green-asg\"\n");
    until("green is gone", || site.run(&["nodes", "green", "--no-probes"]).code == Some(2));
    let back = site.run(&["rollback", &run, "--execute", "--confirm", "green"]);
    assert_eq!(back.code, Some(0), "{back:#?}");
    assert_eq!(shares(&site), only("blue"));
}

#[test]
fn every_listener_is_tried_before_a_rollback_holds() {
    let site = site(TWO);
    let run = done(&site, &format!("cutover blue green {QUICK} --schedule 100 --confirm blue"));
    // The one that comes first in the plan is denied.
    let plan = site.run(&["plan", "rollback", &run, "-o", "json"]).json();
    let steps = plan["steps"].as_array().unwrap();
    let first = steps.iter().find(|step| step["action"]["change"]["call"] == "forward").unwrap();
    let title = first["title"].as_str().unwrap();
    let denied = if title.contains(":3100") { 3100 } else { 3200 };
    site.world.inject(&format!(
        "[[fault]]\ncall = \"*:ModifyListener\"\nkind = \"deny\"\nlistener_port = {denied}\n"
    ));
    let back = site.run(&["rollback", &run, "--execute", "--confirm", "green"]);
    assert_eq!(back.code, Some(5), "{back:#?}");
    let said = format!("{}{}", back.stdout, back.stderr);
    assert!(said.contains("listeners_split: every listener was tried, and 1"), "{said}");
    let mut each: Vec<String> = shares(&site).into_iter().map(|one| one[0].0.clone()).collect();
    each.sort();
    assert_eq!(each, ["blue", "green"]);
    site.world.heal();
    let held = newest_held(&site);
    assert_eq!(site.run(&["run", "resume", &held]).code, Some(0));
    assert_eq!(site.settled(&held)["state"], "done");
    assert_eq!(shares(&site), only("blue"));
}

#[test]
fn a_rollback_puts_back_the_share_and_leaves_the_canary_its_own() {
    let canary = "[[fleet]]\nstack = \"canary\"\nnodes = 1\n";
    let text = TWO.replace("weight = 100", "weight = 1");
    let site = site(&format!("{text}{canary}"));
    let run = done(&site, &format!("cutover blue green {QUICK} --schedule 100 --confirm blue"));
    site.world.inject("[[event]]\ndo = \"set_weights\"\nweights = { canary = 5 }\n");
    let green = shares(&site);
    assert!(green.iter().all(|one| one.contains(&("green".to_owned(), 95))), "{green:?}");
    let back = site.run(&["rollback", &run, "--execute", "--confirm", "green"]);
    assert_eq!(back.code, Some(0), "{back:#?}");
    for one in shares(&site) {
        assert_eq!(one, [("blue".to_owned(), 95), ("canary".to_owned(), 4)]);
    }
}

#[test]
fn the_registry_comes_last_and_only_living_nodes_are_registered_again() {
    let site = site(TWO);
    let line = format!("cutover blue green {QUICK} --schedule 100 --remove-members");
    let run = done(&site, &format!("{line} --confirm blue"));
    let lost = site.nodes("blue").remove(0);
    site.world.inject(&format!("[[event]]\ndo = \"terminate_machine\"\nnode = \"{lost}\"\n"));
    let gone = || {
        let nodes = site.run(&["nodes", "blue", "-o", "json", "--no-probes"]).json();
        let nodes = nodes["nodes"].as_array().unwrap().clone();
        nodes.iter().filter(|one| one["lifecycle"] == "InService").count() == 3
            && !nodes.iter().any(|one| one["instance_id"] == lost.as_str())
    };
    until("the lost node was replaced", gone);
    site.world.inject("[[fault]]\ncall = \"*:RegisterInstance\"\nkind = \"deny\"\n");
    let back = site.run(&["rollback", &run, "--execute", "--confirm", "green"]);
    assert_eq!(back.code, Some(5), "{back:#?}");
    assert_eq!(shares(&site), only("blue"));
    let tried = site.changes().into_iter().filter(|of| of["operation"] == "RegisterInstance");
    let arguments: Vec<String> = tried.map(|of| of["arguments"].to_string()).collect();
    assert!(!arguments.is_empty());
    assert!(!arguments.iter().any(|text| text.contains(&lost)), "{arguments:#?}");
    let said = format!("{}{}", back.stdout, back.stderr);
    assert!(said.contains(&format!("The entry of {lost} is not written again")), "{said}");
}

#[test]
fn what_is_gone_already_needs_no_removing() {
    let site = site(TWO);
    let node = site.nodes("blue").remove(0);
    let service = site.service();
    site.world.inject("[[event]]\ndo = \"remove_member\"\nservice = \"glt\"\nnode = \"blue/1\"\n");
    let run = done(&site, &format!("reregister {node} --confirm y"));
    let file = rollback_file(&site, &run);
    let plan = std::fs::read_to_string(&file).unwrap();
    assert!(plan.contains("deregister_instance") && plan.contains(&service), "{plan}");
    site.world.inject("[[event]]\ndo = \"remove_member\"\nservice = \"glt\"\nnode = \"blue/1\"\n");
    let applied = site.run(&["apply", &file, "--execute", "--confirm", "y"]);
    assert_eq!(applied.code, Some(0), "{applied:#?}");
}
