//! Two engines, one load balancer: who is kept out, who counts as dead, and what a lock leaves.

use crate::bench::cli::{Cli, Outcome};
use crate::runs::bench::{Site, bare, pin, shift};
use crate::served::{BINARY, Directory, until};
use quarterdeck::core::plan::{Claim, Gate, Intent, Plan, StepAction};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

/// One load balancer; the receiving fleet is in no listener yet.
const NOT_IN_YET: &str = "api_limits = false\n\
    [[load_balancer]]\nname = \"front\"\ncross_zone = true\n\
    [[service]]\nname = \"glt\"\n\
    [[service]]\nname = \"other\"\nnamespace = \"other.internal\"\n\
    [[listener]]\nproduct = \"loki\"\nport = 3100\n\
    [[fleet]]\nstack = \"blue\"\nnodes = 3\nmax = 6\nweight = 100\n\
    [[fleet]]\nstack = \"green\"\nnodes = 3\n";

const TAKE: [&str; 5] = ["takeover", "front", "--execute", "--confirm", "blue"];

fn plan(site: &Site) -> Plan {
    let gate = bare("stop here", StepAction::Gate(Gate::BeforeEnd));
    let steps = vec![pin(&["AZRebalance"], true), gate, shift(&site.listeners()[0], &[50, 50])];
    site.plan(Intent::Undrain { nodes: Vec::new() }, steps)
}

/// A run that has pinned blue and waits at its gate.
fn held(site: &Site) -> String {
    let run = site.detach(&plan(site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    run
}

/// As another host, which knows nothing of this one's runs.
fn elsewhere(site: &Site, args: &[&str]) -> Outcome {
    let state = site.directory.path().join("elsewhere").display().to_string();
    let mut all = vec!["--state-dir", &state];
    all.extend(args);
    site.run_without_state(&all)
}

/// The same with credentials of its own.
fn elsewhere_as(site: &Site, key: &str, args: &[&str]) -> Outcome {
    let (clock, state) = (format!("{}@60", site.now()), site.directory.path().join("elsewhere"));
    let config = site.directory.path().join("config.toml").display().to_string();
    let state = state.display().to_string();
    let mut all = vec!["--clock", &clock, "--endpoint-url", site.world.endpoint(), "--operate"];
    all.extend(["--config", &config, "--state-dir", &state]);
    all.extend(args);
    Cli::program(BINARY).env("AWS_ACCESS_KEY_ID", key).run(&all)
}

fn fault(call: &str, kind: &str, more: &str) -> String {
    format!("[[fault]]\ncall = \"servicediscovery:{call}\"\nkind = \"{kind}\"\n{more}\n")
}

/// The names of the services that are quarterdeck's own.
fn records(site: &Site) -> Option<Vec<String>> {
    let listed = site.boto("servicediscovery", "list_services", &json!({}))?;
    let names = listed["Services"].as_array().unwrap().iter();
    let names = names.map(|one| one["Name"].as_str().unwrap().to_owned());
    Some(names.filter(|name| name.starts_with("quarterdeck-")).collect())
}

fn started(site: &Site, args: &[&str]) -> String {
    let outcome = site.run(args);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stdout.trim().lines().last().unwrap().to_owned()
}

const QUICK: [&str; 14] = [
    "--settle",
    "1s",
    "--window",
    "1s",
    "--bake",
    "1s",
    "--confirm",
    "blue",
    "--execute",
    "--detach",
    "--override",
    "capacity",
    "--reason",
    "a test",
];

fn cutover(site: &Site) -> String {
    let mut args = vec!["cutover", "blue", "green"];
    args.extend(QUICK);
    let run = started(site, &args);
    let state = site.settled(&run);
    assert_eq!(state["reason"], "gate", "{state:#}");
    run
}

#[test]
fn a_dead_run_s_locks_are_taken_over_together() {
    let site = Site::of(NOT_IN_YET);
    let run = cutover(&site);
    site.kill(&run);
    let taken = elsewhere(&site, &TAKE);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (4, 4));
    assert_eq!(records(&site).unwrap_or_default(), Vec::<String>::new());
}

#[test]
fn what_is_about_to_enter_a_load_balancer_is_locked_and_no_flag_leads_past_that() {
    let site = Site::of(NOT_IN_YET);
    let node = site.nodes("green").remove(0);
    let locks = |args: &[&str]| {
        let planned = site.run(args).json();
        (planned["namespace"].clone(), planned["locks"].as_array().unwrap().clone())
    };
    let (namespace, cutover) = locks(&["plan", "cutover", "blue", "green", "-o", "json"]);
    assert_eq!(cutover.len(), 2, "the load balancer, and the namespace for green: {cutover:#?}");
    for flags in [&[][..], &["--namespace", "other.internal"], &["--load-balancer", "none"]] {
        let mut args = vec!["plan", "drain", &node, "-o", "json"];
        args.extend(flags);
        let drain = locks(&args);
        assert_eq!(drain.0, namespace, "{flags:?}");
        assert!(drain.1.iter().all(|lock| cutover.contains(lock)), "{flags:?} {drain:#?}");
    }
    let args = ["drain", &node, "--execute", "--confirm", "green", "--detach"];
    let run = started(&site, &args);
    site.until_noted(&run, "its lock", |line| line["entry"] == "locked");
    let refused = elsewhere(&site, &["cutover", "blue", "green"]);
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    assert!(refused.stdout.contains(&run), "{refused:#?}");
}

#[test]
fn nothing_is_planned_on_a_partial_read() {
    let site = Site::of(NOT_IN_YET);
    let node = site.nodes("blue").remove(0);
    for call in ["ListNamespaces", "ListServices", "ListInstances"] {
        site.world.inject(&fault(call, "throttle", ""));
        let refused = site.run(&["drain", &node]);
        assert_eq!(refused.code, Some(4), "{call}: {refused:#?}");
        site.world.heal();
    }
    let planned = site.run(&["drain", &node]);
    assert_eq!(planned.code, Some(0), "{planned:#?}");
}

/// Reads are throttled for as long as it takes: the run waits, and its heart beats on.
#[test]
fn a_run_whose_reads_are_throttled_is_not_taken_over() {
    let site = Site::new();
    let (_, action, is) = site.listeners().remove(0);
    let settle = quarterdeck::core::plan::Step {
        at_least: Duration::from_secs(7200),
        after: vec![Claim::Forwards { action, is }],
        ..bare("settle", StepAction::Watch)
    };
    let steps = vec![pin(&["AZRebalance"], true), settle];
    let run = site.detach(&site.plan(Intent::Undrain { nodes: Vec::new() }, steps));
    site.until_noted(&run, "the settle", |line| line["entry"] == "step_began" && line["step"] == 3);
    site.world.inject(
        "[[fault]]\ncall = \"elasticloadbalancing:DescribeListeners\"\nkind = \"throttle\"\n\
         access_key = \"testing\"\n",
    );
    site.until_noted(&run, "throttled", |line| line["entry"] == "throttled");
    let refused = elsewhere_as(&site, "another", &TAKE);
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    assert!(refused.stdout.contains("is alive"), "{refused:#?}");
    assert_eq!(site.calls("DeleteService"), 0);
}

/// Its heartbeats are an hour old by every other clock, and change.
#[test]
fn a_living_run_on_a_host_with_a_wrong_clock_is_not_taken_over() {
    let site = Site::new();
    let file = site.file(&plan(&site));
    let args = ["apply", &file, "--execute", "--confirm", "blue", "--detach"];
    let begun = site.run_off_by(-1, &args);
    assert_eq!(begun.code, Some(0), "{begun:#?}");
    let run = begun.stdout.trim().to_owned();
    site.until_noted(&run, "the gate", |line| line["entry"] == "held");
    let refused = elsewhere(&site, &TAKE);
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    assert_eq!(site.calls("DeleteService"), 0);
}

/// A frozen holder whose clock is an hour ahead: its heartbeat is never old, and does not change.
#[test]
fn a_dead_run_is_taken_over_whatever_its_host_s_clock_said() {
    let site = Site::new();
    let file = site.file(&plan(&site));
    let args = ["apply", &file, "--execute", "--confirm", "blue", "--detach"];
    let run = site.run_off_by(1, &args).stdout.trim().to_owned();
    site.until_noted(&run, "the gate", |line| line["entry"] == "held");
    site.signal(&run, Signal::KILL);
    let taken = elsewhere(&site, &TAKE);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
}

#[test]
fn a_first_heartbeat_that_fails_holds_before_anything_is_changed() {
    let site = Site::new();
    site.world.inject(&fault("UpdateServiceAttributes", "deny", ""));
    let run = site.detach(&plan(&site));
    let state = site.settled(&run);
    assert_eq!(state["reason"], "denied", "{state:#}");
    assert!(state["because"].as_str().unwrap().contains("first heartbeat"), "{state:#}");
    assert_eq!(site.names(), Vec::<String>::new());
    site.world.heal();
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["reason"], "gate");
}

#[test]
fn a_holder_that_is_said_to_be_gone_is_named_and_not_watched() {
    let site = Site::new();
    held(&site);
    let mut args = TAKE.to_vec();
    args.extend(["--holder-is-dead", "bastion-of-somebody-else"]);
    let refused = elsewhere(&site, &args);
    assert_eq!((refused.code, site.calls("DeleteService")), (Some(2), 0), "{refused:#?}");
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    args[6] = &host;
    // It lives, and is taken over all the same: that is what was said.
    let taken = elsewhere(&site, &args);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
}

/// Throttled and failing reads about locks are no answers: everything is asked again.
#[test]
fn a_throttled_or_failing_read_of_a_lock_is_asked_again() {
    let site = Site::new();
    let faults = [
        fault("CreateService", "throttle", "every = 1\nuntil = \"20s\""),
        fault("ListNamespaces", "throttle", "until = \"60s\""),
        fault("GetServiceAttributes", "throttle", "until = \"120s\""),
        fault("GetService", "error", "status = 503\nuntil = \"60s\""),
        fault("UpdateServiceAttributes", "error", "status = 500\nuntil = \"60s\""),
    ];
    site.world.inject(&faults.concat());
    let run = site.detach(&plan(&site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "done");
    assert_eq!(records(&site).unwrap_or_default(), Vec::<String>::new());
}

/// The other's record could not be read at once: it is somebody's all the same, and says whose.
#[test]
fn a_held_lock_whose_record_is_throttled_is_somebody_s() {
    let site = Site::new();
    let run = held(&site);
    site.world.inject(&fault("GetServiceAttributes", "throttle", "every = 2"));
    let other = site.detach(&plan(&site));
    let state = site.settled(&other);
    assert_eq!(state["state"], "failed");
    assert!(state["because"].as_str().unwrap().contains(&run), "{state:#}");
    assert_eq!(site.names(), ["SuspendProcesses"]);
}

/// Between CreateService and its line in the journal: nothing but the service says that it is held.
fn killed_before_its_lock_was_noted(site: &Site) -> String {
    site.world.inject(&fault("GetService", "hang", ""));
    let run = site.detach(&plan(site));
    until("the service is asked for", || site.calls("CreateService") == 1);
    site.signal(&run, Signal::KILL);
    site.world.heal();
    assert!(site.journal(&run).iter().all(|line| line["entry"] != "locked"));
    run
}

#[test]
fn an_abort_finds_a_lock_that_its_journal_does_not_know() {
    let site = Site::new();
    let run = killed_before_its_lock_was_noted(&site);
    assert_eq!(site.run(&["run", "abort", &run, "--confirm", "blue"]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "aborted");
    assert_eq!(records(&site).unwrap_or_default(), Vec::<String>::new());
}

#[test]
fn a_lock_without_a_record_says_whose_it_is_and_can_be_taken_over() {
    let site = Site::new();
    let run = killed_before_its_lock_was_noted(&site);
    let planned = elsewhere(&site, &["takeover", "front"]);
    assert!(planned.stdout.contains(&run), "{planned:#?}");
    let taken = elsewhere(&site, &TAKE);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    assert_eq!(records(&site).unwrap_or_default(), Vec::<String>::new());
}

#[test]
fn a_lock_lost_in_an_abort_holds_and_names_the_pins() {
    let site = Site::new();
    let run = held(&site);
    let locked = site.journal(&run).into_iter().find(|line| line["entry"] == "locked").unwrap();
    let token = json!({ "Id": locked["token"] });
    if site.boto("servicediscovery", "delete_service", &token).is_none() {
        return;
    }
    assert_eq!(site.run(&["run", "abort", &run, "--confirm", "blue"]).code, Some(0));
    until("it holds for that", || {
        let shown = site.run(&["run", "show", &run, "-o", "json"]).json();
        shown["run"]["reason"] == "lock_lost"
    });
    let state = site.run(&["run", "show", &run, "-o", "json"]).json()["run"].clone();
    assert!(state["because"].as_str().unwrap().contains("blue-asg"), "{state:#}");
    // Said once more, it ends and leaves them.
    assert_eq!(site.run(&["run", "abort", &run, "--confirm", "blue"]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "failed");
}

/// A shared file system grants the lock of the directory on two hosts at once.
#[test]
fn a_run_directory_of_another_host_is_refused() {
    let site = Site::new();
    let run = held(&site);
    site.kill(&run);
    let mark = site.directory.path().join("state/runs").join(&run).join("host");
    assert!(std::fs::read_to_string(&mark).unwrap().contains("boot"));
    std::fs::write(&mark, json!({ "host": "bastion-9", "machine": "m", "boot": "b" }).to_string())
        .unwrap();
    let lines = site.journal(&run).len();
    for ask in [&["run", "resume", &run][..], &["run", "abort", &run, "--confirm", "blue"]] {
        let refused = site.run(ask);
        assert_ne!(refused.code, Some(0), "{refused:#?}");
        assert!(refused.stderr.contains("held by host bastion-9"), "{refused:#?}");
    }
    assert_eq!(site.journal(&run).len(), lines);
    std::fs::remove_file(&mark).unwrap();
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "done");
    assert!(!mark.exists());
}

/// The lock is asked for after the intent is on the disk; while its answer is on the way the host
/// freezes, another takes over, and the host wakes up with a stale answer.
#[test]
fn a_host_that_wakes_up_with_a_stale_answer_of_the_lock_sends_nothing() {
    let directory = Directory::new();
    let file = directory.file("world.toml", crate::runs::bench::TWO);
    let site = Site::at(&file, "[aws]\ncall_timeout = \"30s\"\n", directory);
    let run = held(&site);
    let intents = || site.journal(&run).iter().filter(|line| line["entry"] == "intent").count();
    let before = intents();
    site.world.inject(&fault("GetService", "latency", "delay_ms = 1500"));
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    until("the intent is on the disk", || intents() > before);
    site.signal(&run, Signal::STOP);
    site.world.heal();
    let mut args = TAKE.to_vec();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    args.extend(["--holder-is-dead", &host]);
    let taken = elsewhere(&site, &args);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    std::thread::sleep(Duration::from_secs(5));
    site.signal(&run, Signal::CONT);
    assert_eq!(site.settled(&run)["reason"], "lock_lost");
    assert_eq!(site.calls("ModifyListener"), 0);
}

/// Each service has a request of its own: AWS takes a second one of the same for a retry.
#[test]
fn no_two_services_of_a_run_share_a_creator_request_id() {
    let site = Site::of(NOT_IN_YET);
    // Two runs that mark nodes: one on the load balancer, one on the namespace.
    for fleet in ["blue", "green"] {
        let node = site.nodes(fleet).remove(0);
        let drained =
            site.run(&["drain", &node, "--method", "targets", "--execute", "--confirm", fleet]);
        assert_eq!(drained.code, Some(0), "{drained:#?}");
    }
    let (_, body) = crate::sim_harness::http(
        site.world.address(),
        "GET",
        "/_world/log?operation=CreateService",
        "",
    );
    let log: Value = serde_json::from_str(&body).unwrap();
    let lines = log["lines"].as_array().unwrap().iter();
    let mut ids: Vec<&str> =
        lines.map(|line| line["arguments"]["CreatorRequestId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 6, "a lock, a rollback record and marks each: {ids:?}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6, "{ids:?}");
}
