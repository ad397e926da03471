//! The scenarios that happen to a run while it goes on: what is done to it, and where it ends.

use crate::act_console::until_step;
use crate::runs::bench::Site;
use crate::scenarios::{HALF_HEALTHY, site};
use crate::served::until;
use crate::sim_harness::say;
use rustix::process::Signal;
use serde_json::{Value, json};

/// A cutover whose times are short, since nothing is learned from waiting.
const QUICK: &str = "cutover blue-412 green-413 --gate none --window 20s --settle 60s --bake 3m \
    --confirm blue-412 --execute --detach";
/// The same, stopped before it ends.
const HELD: &str = "cutover blue-412 green-413 --gate before-end --window 20s --settle 20s \
    --bake 20s --confirm blue-412 --execute --detach";
/// The same, stopped before any traffic moves.
const BEFORE: &str = "cutover blue-412 green-413 --gate before-shift --window 20s --settle 20s \
    --bake 20s --confirm blue-412 --execute --detach";
/// The two fleets of the demo, with nothing else happening.
const CALM: &str = "\n[[fleet]]\nstack = \"blue-412\"\nnodes = 3\nweight = 100\n\
    [[fleet]]\nstack = \"green-413\"\nnodes = 3\nweight = 0\n";

/// A scenario with a run in it.
struct Row {
    scenario: &'static str,
    world: &'static str,
    command: &'static str,
    /// What is done to the run, or to the world under it.
    meanwhile: fn(&Site, &str),
    /// How the run stands then: its state, and why it holds; empty where that is not the point.
    stands: (&'static str, &'static str),
    /// What the run says about it.
    says: &'static str,
    why: &'static str,
    /// What must be so then, and the way on.
    then: fn(&Site, &str),
}

/// The rows; each is a test of its own, below, so that they run beside one another.
const ROWS: [Row; 16] = [
    Row {
        scenario: "AccessDenied on listener 3 of 4",
        world: "listener-denied",
        command: QUICK,
        meanwhile: |_, _| (),
        stands: ("held", "denied"),
        says: "ModifyListener",
        why: "every listener is written back unchanged before anything moves",
        then: |site, run| {
            all_weights(site, &[100, 0]);
            ended(site, run, "aborted");
        },
    },
    Row {
        scenario: "ELB throttled in the middle of a shift",
        world: CALM,
        command: QUICK,
        meanwhile: |site, run| {
            until_step(site, run, "settle with 10%");
            site.world.inject(&fault("elasticloadbalancing:*", "throttle", "2m"));
        },
        stands: ("done", ""),
        says: "",
        why: "it stays on its step, backs off, and passes none on a throttled read",
        then: |site, run| {
            assert!(site.journal(run).iter().any(|line| line["entry"] == "throttled"));
            all_weights(site, &[0, 100]);
        },
    },
    Row {
        scenario: "Auto Scaling replaces a node of green in the middle",
        world: CALM,
        command: QUICK,
        meanwhile: |site, run| {
            until_step(site, run, "settle with 10%");
            site.world.inject(&event("kill_node", "node = \"green-413/1\""));
        },
        stands: ("held", ""),
        says: "",
        why: "who receives must carry what it is given, at each step",
        then: |site, _| all_weights(site, &[90, 10]),
    },
    Row {
        scenario: "suspended processes resumed by somebody else",
        world: CALM,
        command: QUICK,
        meanwhile: |site, run| {
            until_step(site, run, "settle with 10%");
            site.world.inject(&event("resume", "group = \"blue-412-asg\""));
        },
        stands: ("held", "fact_broken"),
        says: "blue-412-asg",
        why: "pins are watched: a pin that is gone is not taken for ours",
        then: |site, run| {
            site.world.inject(&event(
                "suspend",
                "group = \"blue-412-asg\"\n\
                 processes = [\"AZRebalance\", \"AlarmNotification\", \"InstanceRefresh\", \"ScheduledActions\"]",
            ));
            resumed(site, run);
            assert_eq!(site.settled(run)["state"], "done");
        },
    },
    Row {
        scenario: "a second operator starts",
        world: CALM,
        command: BEFORE,
        meanwhile: |site, run| {
            held_at_gate(site, run);
            let second = site.run(&words(QUICK));
            assert_eq!(second.code, Some(3), "{second:#?}");
            assert!(second.stderr.contains("lock              BLOCKS"), "{second:#?}");
            assert!(second.stderr.contains(run), "who holds it: {second:#?}");
        },
        stands: ("held", "gate"),
        says: "",
        why: "one lock a load balancer",
        then: |site, run| {
            resumed(site, run);
            assert_eq!(site.settled(run)["state"], "done");
            assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
        },
    },
    Row {
        scenario: "a lock holder frozen, its lock taken by another host, and thawed",
        world: CALM,
        command: BEFORE,
        meanwhile: |site, run| {
            held_at_gate(site, run);
            site.signal(run, Signal::STOP);
            let second = site.run(&words(QUICK));
            assert_eq!(second.code, Some(3), "{second:#?}");
            let token = site.journal(run).into_iter().find(|line| line["entry"] == "locked");
            let token = json!({ "Id": token.unwrap()["token"] });
            site.boto("servicediscovery", "delete_service", &token);
            site.signal(run, Signal::CONT);
            resumed(site, run);
        },
        stands: ("held", "lock_lost"),
        says: "is gone: it was taken over, or given back",
        why: "the token is asked for before every mutation",
        then: |site, run| {
            let changes = [&["ModifyListener"; 3][..], &["SuspendProcesses"; 2]].concat();
            assert_eq!(site.names(), changes, "no further call");
            // What it has suspended is named before the run lets go of it.
            let abort = site.run(&["run", "abort", run, "--confirm", "blue-412"]);
            assert_eq!(abort.code, Some(0), "{abort:#?}");
            site.until_noted(run, "the abort holds", |line| {
                line["because"].as_str().is_some_and(|why| why.contains("once more ends the run"))
            });
            ended(site, run, "failed");
        },
    },
    Row {
        scenario: "a lock holder killed",
        world: CALM,
        command: BEFORE,
        meanwhile: |site, run| {
            held_at_gate(site, run);
            site.kill(run);
            let second = site.run(&words(QUICK));
            assert_eq!(second.code, Some(3), "{second:#?}");
            let runs = site.run(&["runs"]);
            assert!(runs.stdout.contains("no process"), "{runs:#?}");
            resumed(site, run);
        },
        stands: ("done", ""),
        says: "",
        why: "its lock stays until somebody decides; a new process takes the run up where it was",
        then: |site, _| {
            all_weights(site, &[0, 100]);
            assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
        },
    },
    Row {
        scenario: "credentials expire in the middle",
        world: CALM,
        command: QUICK,
        meanwhile: |site, run| {
            until_step(site, run, "settle with 50%");
            site.world.inject(&fault("*", "expired", "10h"));
        },
        stands: ("held", "credentials"),
        says: "",
        why: "a process cannot renew what it was given: resume hands over the caller's",
        then: |site, run| {
            site.world.heal();
            resumed(site, run);
            assert_eq!(site.settled(run)["state"], "done");
            all_weights(site, &[0, 100]);
        },
    },
    Row {
        scenario: "zone loss in the middle",
        world: CALM,
        command: QUICK,
        meanwhile: |site, run| {
            until_step(site, run, "settle with 10%");
            site.world.inject(&event("zone_down", "zone = \"b\""));
        },
        stands: ("held", ""),
        says: "",
        why: "a third of both fleets is gone: no further weight is written by itself",
        then: |site, _| all_weights(site, &[90, 10]),
    },
    Row {
        scenario: "weights reverted by somebody during the bake",
        world: CALM,
        command: QUICK,
        meanwhile: |site, run| {
            until_step(site, run, "bake with");
            let weights = "weights = { blue-412 = 100, green-413 = 0 }";
            site.world.inject(&event("set_weights", weights));
        },
        stands: ("held", "fact_broken"),
        says: "found",
        why: "what we wrote last must still be there; it is not written over in silence",
        then: |site, _| all_weights(site, &[100, 0]),
    },
    Row {
        scenario: "a run held overnight",
        world: CALM,
        command: "cutover blue-412 green-413 --gate before-end --window 20s --settle 20s --bake 20s \
            --max-hold 3m --confirm blue-412 --execute --detach",
        meanwhile: |site, run| {
            held_at_gate(site, run);
            site.until_noted(run, "its pins let go", |line| line["entry"] == "pins_released");
            assert_eq!(suspended(site, "green-413").unwrap_or(0), 0, "it carries the traffic");
            assert!(suspended(site, "blue-412").unwrap_or(1) > 0);
            resumed(site, run);
        },
        stands: ("done", ""),
        says: "",
        why: "the fleet that carries traffic is not left pinned; a fresh preflight pins it again",
        then: |site, _| {
            let named = |name: &str| site.names().iter().filter(|one| *one == name).count();
            assert_eq!((named("SuspendProcesses"), named("ResumeProcesses")), (3, 3));
            assert_eq!(suspended(site, "green-413").unwrap_or(0), 0);
        },
    },
    Row {
        scenario: "green healthy in one group and not in another, after it was attached",
        world: HALF_HEALTHY,
        command: QUICK,
        meanwhile: |site, run| {
            until_step(site, run, "wait until green-413 is healthy");
            site.world
                .inject(&event("crash_product", "node = \"green-413/2\"\nproduct = \"tempo\""));
        },
        stands: ("held", "guard"),
        says: "taken back",
        why: "undoing an addition takes nothing away; holding it leaves traffic on nodes that failed",
        then: |site, run| {
            // A group that is detached is named until its last target is out.
            until("green is out", || attached(site, "green-413").unwrap_or(0) == 0);
            assert_eq!(attached(site, "blue-412").unwrap_or(2), 2);
            ended(site, run, "aborted");
        },
    },
    Row {
        scenario: "killed while it takes its own attachment back",
        world: HALF_HEALTHY,
        command: QUICK,
        meanwhile: |site, run| {
            let product = "node = \"green-413/2\"\nproduct = \"tempo\"";
            until_step(site, run, "wait until green-413 is healthy");
            site.world.inject(&event("crash_product", product));
            site.world.inject("[[fault]]\ncall = \"*:DetachTrafficSources\"\nkind = \"hang\"\n");
            until("it takes it back", || site.calls("DetachTrafficSources") == 1);
            site.kill(run);
            site.world.heal();
            site.world.inject(&event("start_product", product));
            resumed(site, run);
        },
        stands: ("held", "too_long"),
        says: "taken back",
        why: "what was about to be called is brought to its end first, and a person decides what follows",
        then: |site, run| {
            until("green is out", || attached(site, "green-413").unwrap_or(0) == 0);
            assert_eq!(attached(site, "blue-412").unwrap_or(2), 2);
            ended(site, run, "aborted");
        },
    },
    Row {
        scenario: "rollback from a fleet on which everything fails, while ELB is throttled",
        world: CALM,
        command: HELD,
        meanwhile: |site, run| {
            held_at_gate(site, run);
            for number in ["1", "2", "3"] {
                for product in ["grafana", "loki", "tempo"] {
                    let of = format!("node = \"green-413/{number}\"\nproduct = \"{product}\"");
                    site.world.inject(&event("crash_product", &of));
                }
            }
            // Every second of each: AWS counts reads and writes apart, and a write of ours is a read
            // and a write, which one count over both would let through and refuse for ever.
            for calls in ["Describe*", "Modify*"] {
                site.world.inject(&format!(
                    "[[fault]]\ncall = \"elasticloadbalancing:{calls}\"\nkind = \"throttle\"\nevery = 2\n"
                ));
            }
            let back = site.run(&["rollback", run, "--execute", "--confirm", "y", "--detach"]);
            assert_eq!(back.code, Some(0), "{back:#?}");
            let back = back.stdout.trim().to_owned();
            site.until_noted(&back, "the way back is done", |line| {
                assert!(line["entry"] != "held", "it waits for nobody: {line:#}");
                line["entry"] == "ended"
            });
            assert_eq!(site.settled(&back)["state"], "done");
        },
        stands: ("", ""),
        says: "",
        why: "what cannot be read is taken from the journal; the way back waits for no guard of the way there",
        then: |site, _| {
            site.world.heal();
            all_weights(site, &[100, 0]);
        },
    },
    Row {
        scenario: "the host's clock set back by two hours before a run is taken up",
        world: CALM,
        command: BEFORE,
        meanwhile: |site, run| taken_up_off_by(site, run, -2),
        stands: ("held", "unknown"),
        says: "by this host's clock they are launched in the future",
        why: "what AWS says is later than that clock, so nothing of the nodes' youth can be told by it",
        then: |site, run| {
            all_weights(site, &[100, 0]);
            // A process keeps the clock it began with; one that begins when it is right goes on.
            site.kill(run);
            resumed(site, run);
            assert_eq!(site.settled(run)["state"], "done");
            all_weights(site, &[0, 100]);
            assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
        },
    },
    Row {
        scenario: "the host's clock set forward by two hours before a run is taken up",
        world: CALM,
        command: BEFORE,
        meanwhile: |site, run| taken_up_off_by(site, run, 2),
        stands: ("done", ""),
        says: "",
        why: "what a step rests on is read anew, and its times are counted from its own beginning",
        then: |site, _| {
            all_weights(site, &[0, 100]);
            assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
        },
    },
];

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn event(what: &str, more: &str) -> String {
    format!("[[event]]\ndo = \"{what}\"\n{more}\n")
}

fn fault(call: &str, kind: &str, until: &str) -> String {
    format!("[[fault]]\ncall = \"{call}\"\nkind = \"{kind}\"\nuntil = \"{until}\"\n")
}

fn held_at_gate(site: &Site, run: &str) {
    site.until_noted(run, "the gate", |line| line["entry"] == "held" && line["reason"] == "gate");
}

fn resumed(site: &Site, run: &str) {
    let outcome = site.run(&["run", "resume", run]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
}

/// Kills a held run's process, and takes the run up on a clock that is wrong by so many hours.
fn taken_up_off_by(site: &Site, run: &str, hours: i64) {
    held_at_gate(site, run);
    site.kill(run);
    let outcome = site.run_off_by(hours, &["run", "resume", run]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
}

/// Ends a held run early.
fn ended(site: &Site, run: &str, state: &str) {
    let outcome = site.run(&["run", "abort", run, "--confirm", "blue-412"]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    until("it has ended", || site.journal(run).iter().any(|line| line["entry"] == "ended"));
    assert_eq!(site.settled(run)["state"], state);
}

/// Every listener's weights, as boto3 sees them.
fn all_weights(site: &Site, expected: &[u64]) {
    for (port, listener, _) in site.listeners() {
        if let Some(found) = site.weights(&listener) {
            assert_eq!(found, expected, "listener {port}");
        }
    }
}

fn of_group(site: &Site, stack: &str, what: &str) -> Option<usize> {
    let arguments = json!({ "AutoScalingGroupNames": [format!("{stack}-asg")] });
    let answer = site.boto("autoscaling", "describe_auto_scaling_groups", &arguments)?;
    let of: &Value = &answer["AutoScalingGroups"][0][what];
    Some(of.as_array().map_or(0, Vec::len))
}

fn suspended(site: &Site, stack: &str) -> Option<usize> {
    of_group(site, stack, "SuspendedProcesses")
}

fn attached(site: &Site, stack: &str) -> Option<usize> {
    of_group(site, stack, "TargetGroupARNs")
}

fn shown(row: &Row) {
    let site = site(row.world);
    if row.world == HALF_HEALTHY {
        let node = "node = \"green-413/1\"\nproduct = \"tempo\"";
        site.world.inject(&event("start_product", node));
        until("green is ready", || {
            let outcome = site.run(&["plan", "cutover", "blue-412", "green-413"]);
            outcome.code == Some(0)
        });
    }
    say(row.scenario);
    let started = site.run(&words(row.command));
    assert_eq!(started.code, Some(0), "{}: {started:#?}", row.scenario);
    let run = started.stdout.trim().to_owned();
    (row.meanwhile)(&site, &run);
    let state = site.settled(&run);
    let (what, why) = (row.scenario, row.why);
    if !row.stands.0.is_empty() {
        assert_eq!(state["state"], row.stands.0, "{what}, because {why}: {state:#}");
    }
    if !row.stands.1.is_empty() {
        assert_eq!(state["reason"], row.stands.1, "{what}, because {why}: {state:#}");
    }
    let said = state["because"].as_str().unwrap_or_default();
    assert!(said.contains(row.says), "{what}: {said}");
    (row.then)(&site, &run);
}

/// Every so-manieth row: several at a time, because most of a row is waiting.
fn every_fourth(from: usize) {
    for row in ROWS.iter().skip(from).step_by(4) {
        shown(row);
    }
}

#[test]
fn rows_1_5_9_13() {
    every_fourth(0);
}

#[test]
fn rows_2_6_10_14() {
    every_fourth(1);
}

#[test]
fn rows_3_7_11_15() {
    every_fourth(2);
}

#[test]
fn rows_4_8_12_16() {
    every_fourth(3);
}
