//! Who may make a run go on, and which runs are believed: a planted, edited or foreign one does
//! nothing.

use crate::bench::cli::{Cli, Outcome};
use crate::bench::http::{Request, Response, Server};
use crate::runs::bench::{Site, bare, pin, shift};
use crate::served::{BINARY, runs};
use quarterdeck::core::plan::{Gate, Intent, Plan, StepAction};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn plan(site: &Site) -> Plan {
    let gate = bare("stop here", StepAction::Gate(Gate::BeforeEnd));
    let steps = vec![pin(&["AZRebalance"], true), shift(&site.listeners()[0], &[50, 50]), gate];
    site.plan(Intent::Undrain { nodes: Vec::new() }, steps)
}

/// A run that stands at its gate; its directory.
fn at_gate(site: &Site) -> (String, PathBuf) {
    let run = site.detach(&plan(site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    let path = site.directory.path().join("state/runs").join(&run);
    (run, path)
}

/// The program without `--operate`, on this endpoint.
fn unarmed_at(site: &Site, endpoint: &str, args: &[&str]) -> Outcome {
    let clock = format!("{}@60", site.now());
    let state = site.directory.path().join("state").display().to_string();
    let config = site.directory.path().join("config.toml").display().to_string();
    let mut all = vec!["--clock", &clock, "--endpoint-url", endpoint];
    all.extend(["--config", &config, "--state-dir", &state]);
    all.extend(args);
    Cli::program(BINARY).run(&all)
}

fn unarmed(site: &Site, args: &[&str]) -> Outcome {
    unarmed_at(site, site.world.endpoint(), args)
}

/// A journal's lines with their chain made anew, as somebody would who may write the file.
fn chained(lines: &[Value]) -> String {
    let hash = |text: &str| {
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let (mut all, mut before) = (String::new(), hash(""));
    for line in lines {
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove("hash");
        line["before"] = json!(before);
        let text = line.to_string();
        before = hash(&text);
        all.push_str(&format!("{},\"hash\":\"{before}\"}}\n", text.strip_suffix('}').unwrap()));
    }
    all
}

/// A journal of a killed run, changed and chained anew.
fn rewrite(site: &Site, run: &str, path: &std::path::Path, change: impl Fn(&mut Vec<Value>)) {
    let mut lines = site.journal(run);
    change(&mut lines);
    std::fs::write(path.join("journal.jsonl"), chained(&lines)).unwrap();
}

/// Going on is armed, in every way it can be asked for; stopping and going back are not.
#[test]
fn going_on_needs_an_armed_session_and_going_back_does_not() {
    let site = Site::new();
    let file = site.file(&plan(&site));
    let (run, path) = at_gate(&site);
    let lines = site.journal(&run).len();
    let overriding = ["run", "override", &run, "capacity", "--reason", "x", "--confirm", "blue"];
    let rows: [&[&str]; 3] = [
        &["run", "resume", &run],
        &overriding,
        &["apply", &file, "--execute", "--confirm", "blue"],
    ];
    for args in rows {
        let refused = unarmed(&site, args);
        assert_eq!(refused.code, Some(7), "{args:?} {refused:#?}");
        assert!(refused.stderr.contains("--operate"), "{refused:#?}");
    }
    assert_eq!(site.journal(&run).len(), lines);
    // Not even by starting the process oneself.
    site.kill(&run);
    let directory = path.display().to_string();
    let refused = unarmed(&site, &["run-engine", &directory, "--first", "resume"]);
    assert!(refused.stdout.contains("read-only"), "{refused:#?}");
    assert_eq!(site.journal(&run).len(), lines);
    let back = unarmed(&site, &["rollback", &run, "--execute", "--confirm", "y"]);
    assert_eq!(back.code, Some(0), "{back:#?}");
    assert_eq!(site.weights(&site.listeners()[0].1).unwrap_or(vec![100, 0]), [100, 0]);
    let (run, _) = at_gate(&site);
    assert_eq!(unarmed(&site, &["run", "abort", &run, "--confirm", "blue"]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "aborted");
}

/// A run whose plan is another than the one that was approved does nothing at all, however whole its
/// chain is.
#[test]
fn a_run_with_an_edited_plan_does_nothing() {
    let site = Site::new();
    let (run, path) = at_gate(&site);
    site.kill(&run);
    let (before, calls) = (site.names(), site.calls("DeleteService"));
    rewrite(&site, &run, &path, |lines| {
        lines[0]["approved"]["plan"]["steps"][2]["action"]["change"]["to"]["groups"][0]["weight"] =
            json!(1);
    });
    let lines = site.journal(&run).len();
    for args in [vec!["run", "resume", &run], vec!["run", "abort", &run, "--confirm", "blue"]] {
        let refused = site.run(&args);
        assert_eq!(refused.code, Some(1), "{refused:#?}");
        assert!(refused.stderr.contains("its plan was edited"), "{refused:#?}");
    }
    let back = site.run(&["--read-only", "rollback", &run, "--execute", "--confirm", "y"]);
    assert_eq!(back.code, Some(7), "{back:#?}");
    let back = site.run(&["rollback", &run, "--execute", "--confirm", "y"]);
    assert_eq!(back.code, Some(1), "{back:#?}");
    assert!(back.stderr.contains("its plan was edited"), "{back:#?}");
    assert_eq!((site.names(), site.calls("DeleteService")), (before, calls));
    assert_eq!(site.journal(&run).len(), lines);
    let verified = site.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(1), "{verified:#?}");
    assert!(verified.stdout.contains("its plan was edited"), "{verified:#?}");
}

/// Files of another user, or that anybody may write, are not believed.
#[test]
fn a_run_that_another_user_planted_does_nothing() {
    let site = Site::new();
    let (run, path) = at_gate(&site);
    site.kill(&run);
    let journal = path.join("journal.jsonl");
    let lines = site.journal(&run).len();
    let refused = |why: &str| {
        for args in [vec!["run", "resume", &run], vec!["run", "abort", &run, "--confirm", "blue"]] {
            let refused = site.run(&args);
            assert_eq!(refused.code, Some(1), "{refused:#?}");
            assert!(refused.stderr.contains(why), "{refused:#?}");
        }
        assert_eq!(site.journal(&run).len(), lines);
    };
    std::fs::set_permissions(&journal, PermissionsExt::from_mode(0o666)).unwrap();
    refused("may be written by anybody");
    std::fs::set_permissions(&journal, PermissionsExt::from_mode(0o600)).unwrap();
    // Who is not root gives no file away; the check of permissions above stands for it.
    if chown(&journal, Some(12_345), None).is_ok() {
        refused("belongs to user 12345");
        chown(&journal, Some(rustix::process::getuid().as_raw()), None).unwrap();
    }
    let kept = path.join("kept");
    std::fs::rename(&journal, &kept).unwrap();
    std::os::unix::fs::symlink(&kept, &journal).unwrap();
    refused("is no ordinary file");
}

/// A run that never began is held to what a new one is held to.
#[test]
fn a_run_that_never_began_passes_the_acceptance_of_a_new_one() {
    let site = Site::new();
    let (run, path) = at_gate(&site);
    site.kill(&run);
    rewrite(&site, &run, &path, |lines| {
        lines.truncate(1);
        lines[0]["approved"]["typed"] = json!("nothing");
    });
    let refused = site.run(&["run", "resume", &run]);
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(refused.stderr.contains("the name is blue"), "{refused:#?}");
    assert_eq!(site.journal(&run).len(), 1);
}

/// A newer version has noted what this one does not know: the run is seen and rolled back, and not
/// gone on with.
#[test]
fn a_journal_with_unknown_notes_is_seen_and_rolled_back_and_not_resumed() {
    let site = Site::new();
    let (run, path) = at_gate(&site);
    site.kill(&run);
    rewrite(&site, &run, &path, |lines| {
        let mut line = lines.last().unwrap().clone();
        line["number"] = json!(lines.len() + 1);
        line["entry"] = json!("teleported");
        lines.push(line);
    });
    let listed = site.run(&["runs"]);
    assert!(listed.stdout.contains(&run) && listed.code == Some(0), "{listed:#?}");
    let shown = site.run(&["run", "show", &run]);
    assert!(shown.stdout.contains("teleported"), "{shown:#?}");
    assert_eq!(site.run(&["audit", "verify"]).code, Some(0));
    let lines = site.journal(&run).len();
    for args in [vec!["run", "resume", &run], vec!["run", "abort", &run, "--confirm", "blue"]] {
        let refused = site.run(&args);
        assert_eq!(refused.code, Some(1), "{refused:#?}");
        assert!(refused.stderr.contains("does not know: teleported"), "{refused:#?}");
        assert!(refused.stderr.contains("Roll it back"), "{refused:#?}");
    }
    assert_eq!(site.journal(&run).len(), lines);
    let back = site.run(&["rollback", &run, "--execute", "--confirm", "y"]);
    assert_eq!(back.code, Some(0), "{back:#?}");
    assert_eq!(site.weights(&site.listeners()[0].1).unwrap_or(vec![100, 0]), [100, 0]);
}

/// A newer version began it.
#[test]
fn a_run_of_a_newer_version_is_not_resumed() {
    let site = Site::new();
    let (run, path) = at_gate(&site);
    site.kill(&run);
    rewrite(&site, &run, &path, |lines| lines[0]["version"] = json!("99.0.0"));
    let refused = site.run(&["run", "resume", &run]);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("version 99.0.0"), "{refused:#?}");
}

/// Who somebody else is.
const OTHER: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:iam::999999999999:user/x</Arn><UserId>x</UserId>\
    <Account>999999999999</Account></GetCallerIdentityResult><ResponseMetadata>\
    <RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>";

/// Another account's credentials are refused before a line is written.
#[test]
fn another_accounts_credentials_write_no_line() {
    let site = Site::new();
    let (run, _) = at_gate(&site);
    site.kill(&run);
    let other = Server::start("127.0.0.1:0".parse().unwrap(), |mut stream: TcpStream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while Request::read(&mut reader).is_some() {
            let answer = Response::new(200, "text/xml", OTHER);
            if stream.write_all(&answer.bytes(OTHER.len())).is_err() {
                return;
            }
        }
    });
    let server = other.unwrap();
    let other = format!("http://{}", server.address());
    let lines = site.journal(&run).len();
    let abort = ["run", "abort", &run, "--confirm", "blue"];
    let refused = unarmed_at(&site, &other, &abort);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("account 123456789012"), "{refused:#?}");
    assert_eq!(site.journal(&run).len(), lines);
    assert_eq!(site.run(&abort).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "aborted");
}

/// What a speaker says of itself is not what is noted, and a name ends no run.
#[test]
fn the_system_says_who_spoke_and_only_a_real_rollback_ends_a_run() {
    let site = Site::new();
    let (run, path) = at_gate(&site);
    let process = site.process(&run);
    let mut stream = UnixStream::connect(path.join("socket")).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let mut say = |word: Value| {
        let by = json!({ "user": "mallory", "uid": 4711, "host": "elsewhere", "arn": "arn:x" });
        writeln!(stream, "{}", json!({ "word": word, "by": by })).unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    let reply = say(json!({ "give_way": "20990101-000000-zzzz" }));
    assert_eq!(reply["reply"], "refused", "{reply}");
    let reply = say(json!({ "give_way": run }));
    assert_eq!(reply["reply"], "refused", "{reply}");
    assert!(runs(process));
    let reply = say(json!({ "ask": { "ask": "override", "guard": "zone-cover", "reason": "x" } }));
    assert_eq!(reply["reply"], "taken", "{reply}");
    let lines = site.journal(&run);
    let by = &lines.iter().rfind(|line| line["entry"] == "asked").unwrap()["by"];
    assert_eq!(by["uid"], rustix::process::getuid().as_raw());
    assert!(by["user"] != "mallory" && by["host"] != "elsewhere" && by["arn"].is_null(), "{by}");
}

/// The program's file is replaced while it runs: it starts its runs all the same.
#[test]
fn a_program_whose_file_is_gone_starts_its_runs() {
    let site = Site::new();
    let copy = site.directory.path().join("quarterdeck");
    std::fs::copy(BINARY, &copy).unwrap();
    let fifo = site.directory.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let plan = std::fs::read_to_string(site.file(&plan(&site))).unwrap();
    let state = site.directory.path().join("state");
    let config = site.directory.path().join("config.toml");
    let mut child = Command::new(&copy)
        .args(["--clock", &format!("{}@60", site.now()), "--operate"])
        .args(["--endpoint-url", site.world.endpoint(), "--config"])
        .arg(config)
        .arg("--state-dir")
        .arg(state)
        .arg("apply")
        .arg(&fifo)
        .args(["--execute", "--confirm", "blue", "--detach"])
        .env("AWS_ACCESS_KEY_ID", "testing")
        .env("AWS_SECRET_ACCESS_KEY", "testing")
        .env("AWS_REGION", "us-west-2")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Opening waits for the reader, so that the program runs by then.
    let mut pipe = std::fs::File::options().write(true).open(&fifo).unwrap();
    std::fs::remove_file(&copy).unwrap();
    pipe.write_all(plan.as_bytes()).unwrap();
    drop(pipe);
    let mut out = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut out).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(site.settled(out.trim())["reason"], "gate");
}

/// What cannot be told of a journal is said.
#[test]
fn audit_verify_says_what_it_cannot_tell() {
    let site = Site::new();
    let (run, path) = at_gate(&site);
    site.kill(&run);
    let journal = path.join("journal.jsonl");
    let text = std::fs::read_to_string(&journal).unwrap();
    let verified = site.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(0), "{verified:#?}");
    assert!(verified.stdout.contains("not over: lines after"), "{verified:#?}");
    assert!(verified.stdout.contains("rewritten"), "{verified:#?}");
    std::fs::write(&journal, "").unwrap();
    let verified = site.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(1), "{verified:#?}");
    assert!(verified.stdout.contains("empty"), "{verified:#?}");
    std::fs::write(&journal, &text).unwrap();
    assert_eq!(site.run(&["run", "abort", &run, "--confirm", "blue"]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "aborted");
    let verified = site.run(&["audit", "verify"]);
    assert!(!verified.stdout.contains("not over"), "{verified:#?}");
}
