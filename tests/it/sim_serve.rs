//! `sim serve`: its first line, its ends, its log, and what it says about input it cannot use.

use crate::bench::cli::Cli;
use crate::served::{BINARY, Directory, World};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::process::Stdio;

/// How a world is brought to its end.
#[derive(Clone, Copy, Debug)]
enum End {
    Sent(Signal),
    StdinCloses,
}

#[test]
fn any_client_reads_where_it_is_and_every_way_ends_it() {
    let rows = [
        (End::Sent(Signal::TERM), &[][..], 130),
        (End::Sent(Signal::INT), &[], 130),
        (End::StdinCloses, &["--until-stdin-closes"], 0),
        // Whoever holds its stdin may also end it by a signal.
        (End::Sent(Signal::TERM), &["--until-stdin-closes"], 130),
    ];
    for (how, args, code) in rows {
        // Without the flag, a stdin that is at its end says nothing.
        let stdin = if args.is_empty() { Stdio::null() } else { Stdio::piped() };
        let mut world = World::start(args, stdin);
        assert_eq!(world.info["region"], json!("us-west-2"));
        assert_eq!(world.info["account"], json!("123456789012"));
        assert!(world.info["services"]["glt"].as_str().unwrap().starts_with("srv-"));
        assert!(world.info["namespace"].as_str().unwrap().starts_with("ns-"));
        assert_eq!(world.info["fleets"].as_array().unwrap().len(), 2);
        let answer = world.identity();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("<Account>123456789012</Account>"), "{answer}");
        match how {
            End::Sent(signal) => world.signal(signal),
            End::StdinCloses => drop(world.child.stdin.take()),
        }
        assert_eq!(world.end().code(), Some(code), "{how:?}");
        assert!(TcpStream::connect(world.address()).is_err(), "{how:?}");
    }
}

#[test]
fn the_log_has_a_line_a_request() {
    let directory = Directory::new();
    let log = directory.path().join("requests.jsonl").display().to_string();
    let world = World::start(&["--log", &log], Stdio::null());
    world.identity();
    world.inject("[[fault]]\ncall = \"sts:*\"\nkind = \"throttle\"\n");
    world.identity();
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    for line in &lines {
        let time: jiff::Timestamp = line["time"].as_str().unwrap().parse().unwrap();
        let started: jiff::Timestamp = world.info["time"].as_str().unwrap().parse().unwrap();
        assert!(time >= started, "{line}");
        assert_eq!(line["service"], json!("sts"));
        assert_eq!(line["operation"], json!("GetCallerIdentity"));
        assert!(!line["principal"].as_str().unwrap().is_empty(), "{line}");
        assert_eq!(line["access_key"], json!("AKIATEST"));
        assert!(line["arguments"].is_object(), "{line}");
    }
    let answer = |line: &Value| (line["status"].clone(), line["code"].clone());
    assert_eq!(answer(&lines[0]), (json!(200), Value::Null));
    assert_eq!(answer(&lines[1]), (json!(400), json!("Throttling")));
    assert_eq!(lines[1]["fault"], json!("throttle"));
}

/// Input that no world can be made of: a sentence, the cause, the next step, the right code,
/// nothing on stdout, and an end.
#[test]
fn what_no_world_can_be_made_of_is_answered_with_a_sentence() {
    let directory = Directory::new();
    let typo = directory.file("typo.toml", "[[fleet]]\nstack = \"blue\"\nnods = 3\n");
    let wiring = "wiring = \"attach\"\n[[fleet]]\nstack = \"blue\"\nnodes = 3\nweight = 100\n";
    let wiring = directory.file("wiring.toml", wiring);
    let stranger =
        "[[fleet]]\nstack = \"blue\"\nnodes = 1\n[[event]]\nat = \"1m\"\ndo = \"dance\"\n";
    let stranger = directory.file("stranger.toml", stranger);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let rows = [
        (&["--world", &typo][..], 2, &["typo.toml:3", "nods", "did you mean `nodes`?"][..]),
        (&["--world", &wiring], 2, &["wiring.toml:3", "fleet[0].weight", "use attached"]),
        (&["--world", &stranger], 2, &["stranger.toml:6", "event[0].do", "`dance`"]),
        (&["--world", "blue-gren"], 2, &["did you mean `blue-green`?", "demo --list"]),
        (&["--world", "nowhere.toml"], 2, &["nowhere.toml", "No such file"]),
        (&["--world", "attach", "--fleets", "2"], 2, &["'--world", "'--fleets", "--help"]),
        (&["--fleets", "0"], 2, &["between 1 and 200 fleets", "next: Give --fleets and --nodes"]),
        (&["--fleets", "2", "--nodes", "9999"], 2, &["1,000 members", "next: Give --fleets"]),
        (&["--listen", "0.0.0.0:0"], 2, &["0.0.0.0:0 is not a loopback address", "127.0.0.1"]),
        (&["--listen", "[::]:0"], 2, &["is not a loopback address", "127.0.0.1"]),
        (&["--listen", &taken], 1, &[&taken, "in use", "another port"]),
        (&["--speed", "-1"], 2, &["0 to 100000, not -1", "next: Give --speed"]),
        (&["--speed", "fast"], 2, &["'fast'", "--speed"]),
        (&["--log", "nowhere/at/all"], 2, &["nowhere/at/all", "No such file"]),
    ];
    let cli = Cli::program(BINARY).without_env("AWS_REGION");
    for (args, code, says) in rows {
        let outcome = cli.run(&[&["sim", "serve"], args].concat());
        assert_eq!(outcome.code, Some(code), "{args:?}: {outcome:#?}");
        assert_eq!(outcome.stdout, "", "{args:?}");
        for word in says {
            assert!(outcome.stderr.contains(word), "{args:?} without `{word}`: {outcome:#?}");
        }
        for never in ["panicked", "RUST_BACKTRACE", "src/"] {
            assert!(!outcome.stderr.contains(never), "{args:?} with `{never}`: {outcome:#?}");
        }
    }
}
