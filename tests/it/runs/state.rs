//! Bad input and bad disks: refused with the reason and the next step, and nothing is changed.

use super::bench::{Site, bare, pin};
use quarterdeck::core::plan::{Gate, Intent, Plan, StepAction};
use std::os::unix::fs::PermissionsExt;

fn plan(site: &Site) -> Plan {
    let gate = bare("stop here", StepAction::Gate(Gate::BeforeEnd));
    site.plan(Intent::Undrain { nodes: Vec::new() }, vec![pin(&["AZRebalance"], true), gate])
}

#[test]
fn not_armed_not_agreed_too_old_edited() {
    let site = Site::new();
    let plan = plan(&site);
    let file = site.file(&plan);
    // A quarter of an hour of whoever reads it is fifteen hours of this world.
    let old = Plan { made_at: plan.made_at - jiff::SignedDuration::from_hours(16), ..plan.clone() };
    let old = site.file(&old);
    let text = std::fs::read_to_string(&file).unwrap();
    let edited = site.directory.file("edited.json", &text.replace("AZRebalance", "Terminate"));
    let elsewhere = site.file(&Plan { account: "999999999999".into(), ..plan });
    let rows: [(&[&str], i32, &str); 8] = [
        (&["--read-only", "apply", &file, "--execute", "--confirm", "blue"], 7, "--read-only"),
        (&["apply", &file, "--execute", "--confirm", "blu"], 2, "the name is blue"),
        (&["apply", &file, "--execute"], 2, "the name is blue"),
        (&["apply", &old, "--execute", "--confirm", "blue"], 2, "good for 15 minutes"),
        (&["apply", &edited, "--execute", "--confirm", "blue"], 2, "was edited"),
        (&["apply", &elsewhere, "--execute", "--confirm", "blue"], 1, "account 999999999999"),
        (&["run", "show", "nobody"], 2, "there is no run \"nobody\""),
        (&["run", "resume", "nobody"], 2, "there is no run \"nobody\""),
    ];
    for (args, code, why) in rows {
        let outcome = site.run(args);
        assert_eq!(outcome.code, Some(code), "{args:?} {outcome:#?}");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(why), "{args:?} {outcome:#?}");
    }
    assert_eq!(site.names(), Vec::<String>::new());
}

/// The journal is somebody else's to read and nobody's to change.
#[test]
fn a_broken_chain_is_named_and_not_resumed() {
    let site = Site::new();
    let run = site.detach(&plan(&site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    site.kill(&run);
    let path = site.directory.path().join("state/runs").join(&run).join("journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("AZRebalance", "Terminate", 1)).unwrap();
    let verified = site.run(&["audit", "verify"]);
    assert_eq!(verified.code, Some(1), "{verified:#?}");
    assert!(verified.stderr.contains("is broken at line 1"), "{verified:#?}");
    let resumed = site.run(&["run", "resume", &run]);
    assert_eq!(resumed.code, Some(1), "{resumed:#?}");
    assert_eq!(site.names(), ["SuspendProcesses"]);
}

/// A journal that was cut off in the middle of a line is cut, that is noted, and the run goes on.
#[test]
fn a_torn_line() {
    let site = Site::new();
    let run = site.detach(&plan(&site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    site.kill(&run);
    let path = site.directory.path().join("state/runs").join(&run).join("journal.jsonl");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"number\":99,\"at\":");
    std::fs::write(&path, text).unwrap();
    assert_eq!(site.run(&["audit", "verify"]).code, Some(0));
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    assert_eq!(site.settled(&run)["state"], "done");
    assert!(site.journal(&run).iter().any(|line| line["entry"] == "cut" && line["bytes"] == 18));
}

/// A state directory that is no directory, and a shared one.
#[test]
fn state_directories() {
    let site = Site::new();
    let file = site.file(&plan(&site));
    let taken = site.directory.file("taken", "");
    let args = ["--state-dir", &taken, "apply", &file, "--execute", "--confirm", "blue"];
    // The later flag counts, so a site's own is left out of this one.
    let outcome = site.run_without_state(&args);
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.stderr.contains("failed to create"), "{outcome:#?}");
    assert!(outcome.stderr.contains("next: Make the state directory writable"), "{outcome:#?}");
    let shared = site.directory.path().join("state");
    std::fs::create_dir_all(&shared).unwrap();
    std::fs::set_permissions(&shared, PermissionsExt::from_mode(0o770)).unwrap();
    let run = site.detach(&plan(&site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    let mode = |name: &str| {
        let path = shared.join("runs").join(&run).join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(""), mode("socket"), mode("journal.jsonl")), (0o770, 0o660, 0o660));
    let asked = site.run(&["run", "resume", &run]);
    assert_eq!(asked.code, Some(0), "{asked:#?}");
    site.settled(&run);
    let asked = site.journal(&run).into_iter().find(|line| line["entry"] == "asked").unwrap();
    assert_eq!(asked["by"]["uid"], rustix::process::getuid().as_raw(), "told by the system");
    assert_eq!(site.names(), ["ResumeProcesses", "SuspendProcesses"].map(str::to_owned)[1..]);
}

/// A disk that is full when a run starts: refused, nothing is left behind, nothing is changed. A
/// file's size limit stands in for the disk: the system refuses the write in the same place.
#[test]
fn a_full_disk() {
    let site = Site::new();
    let file = site.file(&plan(&site));
    let outcome = site.run_limited(&["apply", &file, "--execute", "--confirm", "blue"], 1);
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.stderr.contains("failed to write"), "{outcome:#?}");
    assert_eq!(site.names(), Vec::<String>::new());
    let left = std::fs::read_dir(site.directory.path().join("state/runs")).unwrap().count();
    assert_eq!(left, 0);
}
