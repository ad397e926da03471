//! `kill -9` in the middle of the way back: of a rollback, and of a run that went back by itself. Then
//! resume: the right end, and every mutation once.

use super::bench::Site;
use crate::served::until;
use serde_json::Value;

const QUICK: &str = "--window 20s --settle 20s --bake 20s --confirm blue-412 --execute --detach";

fn start(site: &Site, line: &str) -> String {
    let outcome = site.run(&line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stdout.trim().to_owned()
}

/// Every change so far that was carried out, with what it says: a change sent twice is there twice.
fn carried_out(site: &Site) -> Vec<String> {
    let taken = site.changes();
    let taken = taken.iter().filter(|line| line["status"] == 200);
    taken.map(|line| format!("{} {}", line["operation"], line["arguments"])).collect()
}

fn weights(site: &Site) -> Vec<Option<Vec<u64>>> {
    site.listeners().iter().map(|one| site.weights(&one.1)).collect()
}

/// Lets each of these calls be carried out without its answer being heard, kills the process then, and
/// resumes the run; so often.
fn killed_at_each(site: &Site, run: &str, call: &str, times: usize) {
    let before = site.calls(call);
    for number in 1..=times {
        until(&format!("{call} {number}"), || site.calls(call) >= before + number);
        assert_eq!(site.calls(call), before + number, "each once");
        site.kill(run);
        let resumed = site.run(&["run", "resume", run]);
        assert_eq!(resumed.code, Some(0), "{resumed:#?}");
    }
}

fn slow(call: &str) -> String {
    format!("[[fault]]\ncall = \"*:{call}\"\nkind = \"latency\"\ndelay_ms = 60000\n")
}

fn already_done(site: &Site, run: &str) -> usize {
    let already = |line: &&Value| line["outcome"]["outcome"] == "already_done";
    site.journal(run).iter().filter(already).count()
}

#[test]
fn a_rollback_that_is_killed_at_each_of_its_calls() {
    let site = Site::calm();
    let before = weights(&site);
    let run = start(&site, &format!("cutover blue-412 green-413 --gate before-end {QUICK}"));
    assert_eq!(site.settled(&run)["reason"], "gate");
    let there = carried_out(&site).len();
    site.world.inject(&(slow("ModifyListener") + &slow("ResumeProcesses")));
    let back = start(&site, "rollback --confirm green-413 --execute --detach");
    killed_at_each(&site, &back, "ModifyListener", 3);
    killed_at_each(&site, &back, "ResumeProcesses", 2);
    let state = site.settled(&back);
    assert_eq!(state["state"], "done", "{state:#}");
    let old = site.run(&["run", "show", &run, "-o", "json"]).json();
    assert_eq!(old["run"]["state"], "rolled_back", "{old:#}");
    assert_eq!(weights(&site), before);
    assert_eq!(carried_out(&site).len() - there, 5, "{:#?}", carried_out(&site));
    assert_eq!(already_done(&site, &back), 5);
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (3, 2));
    assert_eq!(site.run(&["audit", "verify"]).code, Some(0));
}

#[test]
fn a_run_that_went_back_by_itself_is_killed_on_its_way() {
    let site = Site::calm();
    let before = weights(&site);
    let line = "cutover blue-412 green-413 --gate none --schedule 50,100 --on-regression rollback";
    let run = start(
        &site,
        &format!(
            "{line} --window 20s --settle 20m --bake 20s --confirm blue-412 --execute --detach"
        ),
    );
    until("all listeners were shifted", || site.calls("ModifyListener") == 6);
    site.world.inject(
        &("[[fault]]\ncall = \"elasticloadbalancing:DescribeTargetHealth\"\nkind = \"deny\"\n"
            .to_owned()
            + &slow("ModifyListener")
            + &slow("ResumeProcesses")),
    );
    let there = carried_out(&site).len();
    site.until_noted(&run, "it turns", |line| line["entry"] == "turned_back");
    killed_at_each(&site, &run, "ModifyListener", 3);
    killed_at_each(&site, &run, "ResumeProcesses", 2);
    let state = site.settled(&run);
    assert_eq!(state["state"], "rolled_back", "{state:#}");
    assert_eq!(weights(&site), before);
    assert_eq!(carried_out(&site).len() - there, 5, "{:#?}", carried_out(&site));
    assert_eq!(already_done(&site, &run), 5);
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
    assert_eq!(site.run(&["audit", "verify"]).code, Some(0));
    is_shown_without_what_never_comes(&site, &run);
}

/// What was planned and will not be done is told from what is to come.
fn is_shown_without_what_never_comes(site: &Site, run: &str) {
    let shown = site.run(&["run", "show", run, "-o", "json"]).json();
    assert_eq!(shown["run"]["at_step"], Value::Null, "{shown:#}");
    let steps = shown["steps"].as_array().unwrap();
    let turn = site.journal(run).iter().find(|line| line["entry"] == "turned_back").cloned();
    let first = turn.unwrap()["plan"]["steps"][0]["number"].as_u64().unwrap();
    for step in steps {
        let (done, skipped) = (!step["done"].is_null(), step["skipped"] == true);
        assert_ne!(done, skipped, "{step:#}");
        assert!(!skipped || step["number"].as_u64().unwrap() < first, "{step:#}");
    }
    let never = steps.iter().filter(|step| step["skipped"] == true && step["began"].is_null());
    let never = never.count();
    assert!(never > 3, "{steps:#?}");
    let text = site.run(&["run", "show", run]).stdout;
    let ends_with =
        |word: &str| text.lines().filter(|line| line.trim_end().ends_with(word)).count();
    assert_eq!((ends_with("skipped"), ends_with("left")), (never, 1), "{text}");
}
