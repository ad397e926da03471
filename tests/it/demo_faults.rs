//! Every fault of the world, switched on and off while the console runs on it: the last data stay
//! with their age, the source and the reason are named, and when it is over nobody has to do
//! anything.

use crate::bench::cli::Cli;
use crate::bench::terminal::{Seen, Terminal, environment, holds};
use crate::served::{BINARY, Directory, World};
use portable_pty::CommandBuilder;
use serde_json::{Value, json};
use std::process::Stdio;

/// Data live for two intervals, so after the first failed read there are seconds in which both the
/// failure and the last data can be seen.
const CONFIG: &str = "\
[aws]
call_timeout = \"1s\"
[cadence]
cloudmap = \"3s\"
autoscaling = \"3s\"
elbv2 = \"3s\"
ec2 = \"3s\"
probes = \"2s\"
slow = \"3s\"
";

/// Each fault: its kind, the call that it hits, the source, and the word for it.
const FAULTS: [(&str, &str, &str, &str); 9] = [
    ("throttle", "autoscaling:DescribeAutoScalingGroups", "autoscaling", "throttled"),
    ("latency", "servicediscovery:ListServices", "cloudmap", "timed_out"),
    ("hang", "elasticloadbalancing:DescribeTargetHealth", "elbv2", "timed_out"),
    ("deny", "ec2:DescribeInstances", "ec2", "denied"),
    ("expired", "servicediscovery:ListServices", "cloudmap", "expired"),
    ("malformed", "autoscaling:DescribeAutoScalingGroups", "autoscaling", "malformed"),
    ("html", "ec2:DescribeInstances", "ec2", "malformed"),
    ("truncated", "servicediscovery:ListServices", "cloudmap", "truncated"),
    ("error", "ec2:DescribeInstances", "ec2", "failed"),
];

/// A fault in a world file's words; an answer that is late comes after twice the console's limit.
fn fault(kind: &str, call: &str) -> String {
    format!("[[fault]]\ncall = \"{call}\"\nkind = \"{kind}\"\ndelay_ms = 2000\n")
}

/// The line of the sources' ages, and the fleets' rows without their spacing.
fn shown(seen: &Seen) -> (String, Vec<String>) {
    let contents = seen.screen.screen().contents();
    let ages = contents.lines().nth(1).unwrap_or_default().to_owned();
    let rows = contents.lines().skip(4).take(2);
    let words = |row: &str| row.split_whitespace().collect::<Vec<_>>().join(" ");
    (ages, rows.map(words).collect())
}

/// Everything but the findings, which may be unknown while anything is.
fn has_last_data(rows: &[String]) -> bool {
    rows.len() == 2
        && rows[0].starts_with("▶ blue-412 ◆ LIVE ████ 100% 3/3 3 3/3 3/3")
        && rows[1].starts_with("green-413 ◇ STANDBY ░░░░ 0% 3/3 3 3/3 3/3")
}

fn is_well(seen: &Seen) -> bool {
    let (ages, rows) = shown(seen);
    let failing = ages.chars().any(char::is_uppercase);
    !failing
        && ages.matches('<').count() == 5
        && has_last_data(&rows)
        && rows.iter().all(|row| row.ends_with('–'))
}

fn console(world: &World, directory: &Directory, config: &str) -> Terminal {
    let config = directory.file("config.toml", &format!("{config}{}", world.probes()));
    let mut command = CommandBuilder::new(BINARY);
    command.args(["--config", &config, "--endpoint-url", world.endpoint()]);
    command.args(["--region", "us-west-2", "--state-dir"]);
    command.arg(directory.path());
    environment(&mut command, "xterm-256color");
    Terminal::open(command)
}

#[test]
fn each_fault_is_named_beside_the_last_data_and_passes() {
    let directory = Directory::new();
    let world = World::start(&[], Stdio::null());
    let mut terminal = console(&world, &directory, CONFIG);
    terminal.wait("everything well", is_well);
    for (kind, call, source, word) in FAULTS {
        world.inject(&fault(kind, call));
        let (_, operation) = call.split_once(':').unwrap();
        let reason = format!("{source}: {operation}: {word}: ");
        let age = format!(" {source} {} <", word.to_uppercase().replace('_', " "));
        terminal.wait(&format!("{kind}: `{age}` and `{reason}` beside the last data"), |seen| {
            let (ages, rows) = shown(seen);
            ages.contains(&age) && has_last_data(&rows) && holds(seen, &reason)
        });
        world.heal();
        terminal.wait(&format!("well again after {kind}"), is_well);
    }
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
}

/// Somebody starts the console, sees that the session has expired, and logs in again elsewhere.
/// What is read most rarely (who we are, the namespaces) must not stay unknown for its ten slow
/// intervals, which are longer here than any test waits.
#[test]
fn a_console_started_with_expired_credentials_goes_on_by_itself() {
    let directory = Directory::new();
    let world = World::start(&[], Stdio::null());
    world.inject(&fault("expired", "*"));
    let config = CONFIG.replace("slow = \"3s\"", "slow = \"15s\"");
    let mut terminal = console(&world, &directory, &config);
    terminal.wait("the reason", |seen| {
        let (ages, _) = shown(seen);
        ages.contains(" sts cloudmap autoscaling elbv2 EXPIRED ") && holds(seen, "Log in again")
    });
    world.heal();
    terminal.wait("everything well", is_well);
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
}

/// What a script is told of the same faults, and that it is told nothing of them afterwards.
#[test]
fn each_fault_is_told_to_scripts_and_passes() {
    let directory = Directory::new();
    // Round upon round: more calls than AWS's buckets would grant in the same seconds.
    let fleets = "[[fleet]]\nstack = \"blue\"\nnodes = 3\nweight = 100\n";
    let file = directory.file("world.toml", &format!("api_limits = false\n{fleets}"));
    let world = World::start(&["--world", &file], Stdio::null());
    let config = directory.file("config.toml", CONFIG);
    let cli = Cli::program(BINARY);
    let cli = cli.args(&["--endpoint-url", world.endpoint(), "--config", &config, "--no-probes"]);
    for (kind, call, source, word) in FAULTS {
        world.inject(&fault(kind, call));
        let outcome = cli.run(&["sources", "-o", "json"]);
        let document = outcome.json();
        let failed = document["sources"].as_array().unwrap().iter();
        let failed: Vec<&Value> = failed.filter(|one| !one["error"].is_null()).collect();
        assert!(!failed.is_empty(), "{kind}: {document:#}");
        for one in failed {
            let error = (&one["source"], &one["error"]["kind"]);
            assert_eq!(error, (&json!(source), &json!(word)), "{kind}: {one:#}");
        }
        world.heal();
        let outcome = cli.run(&["sources", "-o", "json"]);
        assert_eq!(outcome.code, Some(0), "{kind}: {outcome:#?}");
    }
}
