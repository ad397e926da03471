//! Without `--operate`: a console in which every key of the keymap is pressed, and one run of every
//! command, make no call that changes anything. The world's request log says so.

use crate::act_console::Console;
use crate::bench::cli::{Cli, Outcome};
use crate::runs::bench::Site;
use crate::served::{BINARY, until};
use crate::sim_harness::http;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The console reads the terminal in between, so that an Esc is an Esc and no Alt.
const BEAT: Duration = Duration::from_millis(40);
const KEYMAP: &str = include_str!("../../keymaps/default.toml");

/// What was called that is no read, and how many calls there were.
fn called(site: &Site) -> (Vec<String>, usize) {
    let (_, body) = http(site.world.address(), "GET", "/_world/log", "");
    let log: Value = serde_json::from_str(&body).unwrap();
    let lines = log["lines"].as_array().unwrap();
    let names = lines.iter().map(|line| line["operation"].as_str().unwrap().to_owned());
    let reads = ["Describe", "List", "Get", "Discover"];
    let odd = names.filter(|name| !reads.iter().any(|read| name.starts_with(read)));
    (odd.collect(), lines.len())
}

/// A world with a run that is over.
fn site() -> (Site, String) {
    let site = Site::named("wrong-address");
    let done = site.run(&["repair", "blue-412", "--execute", "--confirm", "y"]);
    assert_eq!(done.code, Some(0), "{done:#?}");
    let runs = site.run(&["runs", "-o", "json"]).json();
    let run = runs["runs"][0]["id"].as_str().unwrap().to_owned();
    // Something to repair again.
    site.world
        .inject("[[event]]\ndo = \"remove_member\"\nservice = \"glt\"\nnode = \"blue-412/2\"\n");
    (site, run)
}

/// A key as a terminal sends it.
fn bytes(key: &str) -> String {
    let one = |key: &str| -> String {
        match key {
            "enter" => "\r".into(),
            "esc" => "\x1b".into(),
            "tab" => "\t".into(),
            "space" => " ".into(),
            "backspace" => "\x7f".into(),
            "delete" => "\x1b[3~".into(),
            "up" => "\x1b[A".into(),
            "down" => "\x1b[B".into(),
            "right" => "\x1b[C".into(),
            "left" => "\x1b[D".into(),
            "home" => "\x1b[H".into(),
            "end" => "\x1b[F".into(),
            "pageup" => "\x1b[5~".into(),
            "pagedown" => "\x1b[6~".into(),
            "f1" => "\x1bOP".into(),
            "ctrl-left" => "\x1b[1;5D".into(),
            "ctrl-right" => "\x1b[1;5C".into(),
            "alt-backspace" => "\x1b\x7f".into(),
            _ => match (key.strip_prefix("ctrl-"), key.strip_prefix("alt-")) {
                (Some(letter), _) => char::from(letter.as_bytes()[0] & 0x1f).to_string(),
                (_, Some(letter)) => format!("\x1b{letter}"),
                _ => {
                    assert_eq!(key.chars().count(), 1, "no bytes for {key}");
                    key.to_owned()
                }
            },
        }
    };
    key.split(' ').map(one).collect()
}

/// The way to where the keys of a context hold, from the first screen.
fn way(context: &str) -> &'static [&'static str] {
    match context {
        "global" | "fleets" => &[],
        "list" | "nodes" => &["\r"],
        "node" => &["\r", "\r"],
        "traffic" => &["t"],
        "findings" => &["F"],
        "timeline" => &["T"],
        "sources" => &["S"],
        "rings" => &["O"],
        "ring" => &["O", "\r"],
        "runs" => &["R"],
        "run" => &["R", "\r"],
        "layer" => &["?"],
        "prompt" => &[":"],
        other => panic!("a context that this test does not know: {other}"),
    }
}

fn press(console: &mut Console, keys: &str) {
    console.0.press(keys);
    std::thread::sleep(BEAT);
}

#[test]
fn every_key_of_the_console() {
    let (site, _) = site();
    let (before, calls) = called(&site);
    // Without the flag the way back of a run would be open.
    let mut console = Console::open(&site, &["--read-only"]);
    console.fills();
    let keymap: toml::Table = KEYMAP.parse().unwrap();
    let mut pressed = 0;
    let mut reviewed = 0;
    for (context, keys) in &keymap {
        // Questions are asked before something is done, and here nothing is; a recording is no world.
        if matches!(context.as_str(), "dialog" | "replay") {
            continue;
        }
        for (key, command) in keys.as_table().unwrap() {
            // These end the console, or stop it: tested elsewhere.
            if matches!(command.as_str(), Some("quit" | "suspend")) {
                continue;
            }
            for _ in 0..4 {
                press(&mut console, "\x1b");
            }
            for step in way(context) {
                press(&mut console, step);
            }
            press(&mut console, &bytes(key));
            pressed += 1;
            let plans = ["fix", "cutover", "drain", "undrain", "rollback"];
            if plans.contains(&command.as_str().unwrap()) {
                reviewed += usize::from(approved_in_vain(&mut console));
            }
        }
    }
    assert!(pressed > 130, "{pressed} keys");
    assert!(reviewed >= 5, "cutover, drain, undrain and fixes came to a review: {reviewed}");
    for _ in 0..4 {
        press(&mut console, "\x1b");
    }
    console.fills();
    assert!(console.0.child.try_wait().unwrap().is_none(), "it heard all of them");
    console.0.press("q");
    assert_eq!(console.0.end().exit_code(), 0);
    let (after, all) = called(&site);
    assert_eq!(after, before);
    assert!(all > calls + 20, "the console has read");
}

/// In a plan's review everything is typed that would approve it. Whether there was one.
fn approved_in_vain(console: &mut Console) -> bool {
    let shows = |console: &Console, text: &str| console.0.screen().contains(text);
    let leaves = |console: &Console| shows(console, "esc leaves:");
    // Nothing of the kind comes where there is nothing to plan; a reading on its way is waited for.
    for _ in 0..10 {
        if leaves(console) || shows(console, " reading:") {
            break;
        }
        std::thread::sleep(BEAT);
    }
    if shows(console, " reading:") {
        console.0.wait_for("esc leaves:");
    }
    if !leaves(console) {
        return false;
    }
    for name in ["blue-412", "green-413", "y"] {
        press(console, &format!("\x15{name}"));
        press(console, "\r");
        assert!(leaves(console), "{name} was taken: {}", console.0.screen());
    }
    true
}

/// The program as it is without flags.
fn plain(site: &Site, line: &str) -> Outcome {
    program(site).run(&line.split_whitespace().collect::<Vec<_>>())
}

fn program(site: &Site) -> Cli {
    let path = |name: &str| site.directory.path().join(name).display().to_string();
    let clock = format!("{}@60", site.now());
    let (config, state) = (path("config.toml"), path("state"));
    let endpoint = site.world.endpoint();
    let all = ["--clock", &clock, "--endpoint-url", endpoint, "--config", &config];
    Cli::program(BINARY).args(&all).args(&["--state-dir", &state])
}

/// Why a command of the list is not run here.
const ELSEWHERE: [(&str, &str); 5] = [
    ("demo", "a console on a world of its own"),
    ("sim", "the world itself"),
    (
        "register",
        "what a node does for itself: two calls, and no arming (ARCHITECTURE, The node's side)",
    ),
    ("healthz", "a server that calls no API"),
    ("replay", "a file, and no world"),
];

/// Lines that need no more than the world, and how they end.
const PLAIN: &[(&str, i32)] = &[
    ("fleets", 0),
    ("nodes", 0),
    ("nodes blue-412 -o json", 0),
    ("findings", 0),
    ("findings --fail-on warning", 1),
    ("traffic", 0),
    ("sources", 0),
    ("runs", 0),
    ("audit", 0),
    ("audit verify", 0),
    ("config", 0),
    ("config sample", 0),
    ("doctor", 0),
    ("policy node", 0),
    ("policy observe", 0),
    ("policy operate", 0),
    ("keys", 0),
    // Nobody holds a lock, so there is none to name.
    ("plan takeover", 2),
    ("takeover", 2),
    ("takeover front --execute --confirm y", 7),
    // Without a terminal there is no console to open.
    ("captive", 2),
    ("completions bash", 0),
];

#[test]
fn every_command() {
    let (site, run) = site();
    let (before, calls) = called(&site);
    let (blue, green) = (site.nodes("blue-412"), site.nodes("green-413"));
    let plan = plain(&site, "plan cutover blue-412 green-413 -o json");
    let file = site.directory.file("cutover.json", &plan.stdout);
    let node = &blue[1];
    let mut rows: Vec<(String, i32)> =
        PLAIN.iter().map(|(line, code)| ((*line).to_owned(), *code)).collect();
    rows.push((format!("apply {file}"), 0));
    rows.push((format!("apply {file} --execute --confirm blue-412"), 7));
    for (word, code) in [("show", 0), ("attach", 0), ("hold", 1), ("resume", 7)] {
        rows.push((format!("run {word} {run}"), code));
    }
    rows.push((format!("run abort {run} --confirm blue-412"), 1));
    for (verb, planned) in [
        (format!("reregister {node}"), 0),
        ("repair blue-412".to_owned(), 0),
        (format!("deregister {node}"), 3),
        (format!("drain {node} --override zone-cover --reason drill"), 0),
        (format!("undrain {}", green[0]), 0),
        ("cutover blue-412 green-413".to_owned(), 0),
        (format!("rollback {run}"), 0),
    ] {
        rows.push((format!("plan {verb}"), planned));
        rows.push((verb.clone(), planned));
        // The way back of a run needs no `--operate`; only `--read-only` refuses it too.
        let never = if verb.starts_with("rollback") { " --read-only" } else { "" };
        for name in ["blue-412", "y"] {
            rows.push((format!("{verb}{never} --execute --confirm {name}"), 7));
        }
    }
    each_is_answered(&site, &rows);
    for (asked, code) in
        [("fleets", 0), ("repair blue-412", 7), ("repair blue-412 --operate --execute", 7)]
    {
        let cli = program(&site).env("SSH_ORIGINAL_COMMAND", asked);
        assert_eq!(cli.run(&["captive"]).code, Some(code), "captive: {asked}");
    }
    watched(&site);
    let (after, all) = called(&site);
    assert_eq!(after, before);
    assert!(all > calls + 100, "the commands have read: {all}");
    let ran: BTreeSet<&str> = rows
        .iter()
        .filter_map(|(line, _)| line.split(' ').next())
        .chain(["watch", "plan"])
        .chain(ELSEWHERE.map(|(name, _)| name))
        .collect();
    assert_eq!(commands(), ran.into_iter().map(str::to_owned).collect());
}

/// Every line, and the exit code it must have.
fn each_is_answered(site: &Site, rows: &[(String, i32)]) {
    let mut wrong = Vec::new();
    for (line, code) in rows {
        let outcome = plain(site, line);
        if outcome.code != Some(*code) {
            wrong.push(format!("{line}: expected {code}: {outcome:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every command there is, as the help lists them.
fn commands() -> BTreeSet<String> {
    let help = Cli::program(BINARY).run(&["--help"]).stdout;
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let named = |line: &str| {
        let rest = line.strip_prefix("  ")?;
        let first = rest.split(' ').next().filter(|word| !word.is_empty())?;
        Some(first.to_owned())
    };
    list.lines().filter_map(named).collect()
}

/// `watch` goes on until it is stopped: here when it has read for a while.
fn watched(site: &Site) {
    let (_, before) = called(site);
    let mut child = Command::new(BINARY)
        .args(["watch", "--endpoint-url", site.world.endpoint(), "--config"])
        .arg(site.directory.path().join("config.toml"))
        .arg("--state-dir")
        .arg(site.directory.path().join("state"))
        .args(["--clock", &format!("{}@60", site.now())])
        .env_clear()
        .env("AWS_REGION", "us-west-2")
        .env("AWS_ACCESS_KEY_ID", "testing")
        .env("AWS_SECRET_ACCESS_KEY", "testing")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("it has read", || called(site).1 > before + 40);
    child.kill().unwrap();
    child.wait().unwrap();
}
