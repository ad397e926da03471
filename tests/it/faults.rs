//! What goes wrong on the wire, and what is wrong with the input: each told apart, said, and no
//! reason to hide what is known.

use crate::bench::big::BigWorld;
use crate::bench::cli::{Cli, Outcome};
use crate::bench::fault::Fault;
use crate::bench::proxy::Proxy;
use crate::reads::quarterdeck;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, TcpListener};

/// Each protocol once, each source at least once: what is asked, and under which source it stands.
const OPERATIONS: [(&str, &str); 6] = [
    ("ListInstances", "cloudmap"),
    ("DescribeAutoScalingGroups", "autoscaling"),
    ("DescribeTargetHealth", "elbv2"),
    ("DescribeListeners", "elbv2"),
    ("DescribeInstances", "ec2"),
    ("GetCallerIdentity", "sts"),
];

/// A program that gives up on a silent call soon, on a small healthy AWS behind a proxy.
fn bench() -> (Proxy, Cli) {
    let proxy = Proxy::before(BigWorld::new(6));
    let cli = quarterdeck(&proxy.endpoint());
    let config = cli.dir().join("config.toml");
    std::fs::write(&config, "[aws]\ncall_timeout = \"2s\"\n").unwrap();
    let config = config.display().to_string();
    (proxy, cli.args(&["--no-probes", "--timeout", "20s", "--config", &config]))
}

fn sources(cli: &Cli) -> (Outcome, Vec<Value>) {
    let outcome = cli.run(&["sources", "-o", "json"]);
    let list = outcome.json()["sources"].as_array().expect("a list of sources").clone();
    (outcome, list)
}

/// A fault of one operation: of this kind, under this source, at this operation, nowhere else.
fn told_apart(fault: Fault, kind: &str) {
    for (operation, source) in OPERATIONS {
        let (proxy, cli) = bench();
        proxy.fault(operation, fault);
        let (outcome, list) = sources(&cli);
        let failed: Vec<_> = list.iter().filter(|one| !one["error"].is_null()).collect();
        assert!(!failed.is_empty(), "{fault:?} of {operation} is not said: {outcome:#?}");
        for one in failed {
            assert_eq!(one["error"]["kind"], json!(kind), "{fault:?} of {operation}: {one:#}");
            assert_eq!(one["error"]["operation"], json!(operation), "{one:#}");
            assert_eq!(one["source"], json!(source), "{one:#}");
            assert_eq!(one["status"], json!("error"), "{one:#}");
        }
        // Identity explains, and a read command is complete without it.
        let code = if operation == "GetCallerIdentity" { 0 } else { 4 };
        assert_eq!(outcome.code, Some(code), "{fault:?} of {operation}: {outcome:#?}");
        let asked = proxy.counts()[operation];
        let scopes = if operation == "DescribeTargetHealth" { 8 } else { 1 };
        // A poll makes one attempt; only a bucket that is empty now has refilled a little later.
        let retried = matches!(fault, Fault::Throttled) && operation != "GetCallerIdentity";
        let attempts = if retried { 4 } else { 1 };
        assert_eq!(asked, scopes * attempts, "{fault:?} of {operation}");
        let well = list.iter().filter(|one| one["status"] == json!("ok")).count();
        assert!(well > 0, "{fault:?} of {operation} hides everything: {outcome:#?}");
    }
}

#[test]
fn throttled_is_told_apart() {
    told_apart(Fault::Throttled, "throttled");
}

#[test]
fn denied_is_told_apart() {
    told_apart(Fault::Denied, "denied");
}

#[test]
fn expired_is_told_apart() {
    told_apart(Fault::Expired, "expired");
}

#[test]
fn hanging_is_told_apart() {
    told_apart(Fault::Hang, "timed_out");
}

#[test]
fn a_page_is_told_apart() {
    told_apart(Fault::Html, "malformed");
}

/// Wherever the document ends too early: a list that lacks its tail must never pass for the whole,
/// or absence would prove what is not so.
#[test]
fn a_part_of_a_document_is_told_apart() {
    for percent in [10, 50, 90, 99] {
        told_apart(Fault::CutDocument(percent), "malformed");
    }
}

#[test]
fn a_cut_answer_is_told_apart() {
    told_apart(Fault::Truncated, "truncated");
}

#[test]
fn a_server_error_is_told_apart() {
    told_apart(Fault::ServerError, "failed");
}

/// One target group of eight cannot be read: seven are shown, and the fleet's other numbers too.
#[test]
fn a_failed_source_hides_no_other() {
    let (proxy, cli) = bench();
    proxy.fault("DescribeTargetHealth", Fault::Denied);
    let outcome = cli.run(&["fleets", "-o", "json"]);
    assert_eq!(outcome.code, Some(4), "{outcome:#?}");
    let document = outcome.json();
    let blue = &document["fleets"][0];
    assert_eq!(blue["stack_id"], json!("blue"), "{document:#}");
    assert_eq!(blue["members"], json!(3), "{blue:#}");
    assert_eq!(blue["auto_scaling_groups"][0]["in_service"], json!(3), "{blue:#}");
    assert_eq!(blue["targets"][0]["healthy"], Value::Null, "unknown is not zero: {blue:#}");
    assert!(
        outcome.stderr.contains("DescribeTargetHealth"),
        "what is missing is said: {outcome:#?}"
    );
}

#[test]
fn an_endpoint_where_nobody_listens_is_unreachable() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let cli = quarterdeck(&format!("http://{closed}")).args(&["--no-probes", "--timeout", "20s"]);
    let (outcome, list) = sources(&cli);
    assert_eq!(outcome.code, Some(4), "{outcome:#?}");
    let asked: Vec<_> = list.iter().filter(|one| one["source"] != json!("probes")).collect();
    assert!(!asked.is_empty(), "{outcome:#?}");
    assert!(asked.iter().all(|one| one["error"]["kind"] == json!("unreachable")), "{outcome:#?}");
}

/// Without credentials nothing can be asked, so there is no document: the sentence says why.
#[test]
fn no_credentials_are_said() {
    let (proxy, cli) = bench();
    let cli = cli.without_env("AWS_ACCESS_KEY_ID").without_env("AWS_SECRET_ACCESS_KEY");
    let outcome = cli.run(&["sources", "-o", "json"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(4), ""), "{outcome:#?}");
    assert!(outcome.stderr.contains("no credentials"), "{outcome:#?}");
    assert!(outcome.stderr.contains("AWS_PROFILE"), "the next step: {outcome:#?}");
    assert!(proxy.calls().is_empty(), "nothing was asked");
}

/// Input that cannot be used: a sentence, the cause, the next step, the right code, nothing on
/// stdout, and never a backtrace.
#[test]
fn bad_input_is_answered_with_a_sentence() {
    let file = |cli: &Cli, name: &str, text: &str| {
        let path = cli.dir().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let cli = bench().1;
    let typo = file(&cli, "typo.toml", "[aws]\nregoin = \"us-west-2\"\n");
    let acting = file(&cli, "acting.toml", "[probes.loki]\npath = \"/ingester/shutdown\"\n");
    let broken = file(&cli, "broken.toml", "[aws\n");
    let absent = cli.dir().join("absent.toml").display().to_string();
    let folder = cli.dir().display().to_string();
    for (args, code, says) in [
        (&["fleets", "--config", &typo][..], 2, &["regoin", "region", "typo.toml"][..]),
        (&["fleets", "--config", &acting], 2, &["/ingester/shutdown", "acting.toml"]),
        (&["fleets", "--config", &broken], 2, &["broken.toml"]),
        (&["fleets", "--config", &absent], 2, &["absent.toml"]),
        (&["fleets", "--config", &folder], 2, &[&folder]),
        (&["fleets", "--timeout", "soon"], 2, &["soon"]),
        (&["fleets", "--endpoint-url", "nowhere"], 2, &["nowhere"]),
        (&["flets"], 2, &["flets", "fleets"]),
        // No terminal: the console cannot run.
        (&[], 2, &["terminal"]),
    ] {
        let cli = Cli::program(env!("CARGO_BIN_EXE_quarterdeck")).args(&["--state-dir", &folder]);
        let outcome = cli.run(args);
        assert_eq!(outcome.code, Some(code), "{args:?}: {outcome:#?}");
        assert_eq!(outcome.stdout, "", "{args:?}");
        for word in says {
            assert!(outcome.stderr.contains(word), "{args:?} without `{word}`: {outcome:#?}");
        }
        for never in ["panicked", "RUST_BACKTRACE", "stack backtrace", "src/"] {
            assert!(!outcome.stderr.contains(never), "{args:?} with `{never}`: {outcome:#?}");
        }
    }
}

#[test]
fn an_unknown_profile_is_named() {
    let (_proxy, cli) = bench();
    let cli = cli.without_env("AWS_ACCESS_KEY_ID").without_env("AWS_SECRET_ACCESS_KEY");
    let outcome = cli.run(&["fleets", "--profile", "nobody-has-this"]);
    assert!(matches!(outcome.code, Some(2 | 4)), "{outcome:#?}");
    assert!(outcome.stderr.contains("nobody-has-this"), "{outcome:#?}");
    assert!(!outcome.stderr.contains("panicked"), "{outcome:#?}");
}
