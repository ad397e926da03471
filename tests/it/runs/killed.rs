//! `kill -9` of a run's process around every mutation, then resume: every mutation exactly once in
//! the world's log, and the right end.

use super::bench::{Site, change, pin, shift};
use quarterdeck::core::plan::{Claim, Intent, Mutation, Plan, Target, TargetIs};
use serde_json::Value;
use std::collections::BTreeMap;

const CALLS: [&str; 5] = [
    "ModifyListener",
    "RegisterInstance",
    "RegisterTargets",
    "ResumeProcesses",
    "SuspendProcesses",
];

/// A plan of five mutations of all three services.
fn plan(site: &Site) -> Plan {
    let (service, node) = (site.service(), site.nodes("green").remove(0));
    let listeners = site.listeners();
    let blue = listeners[0].2.groups[0].target_group.clone();
    let attributes: BTreeMap<String, String> = [
        ("AWS_INSTANCE_IPV4".to_owned(), "127.0.0.9".to_owned()),
        ("STACK".to_owned(), "green".to_owned()),
    ]
    .into();
    let entry = Claim::Member {
        service: service.as_str().into(),
        member: node.as_str().into(),
        is: Some(attributes.clone()),
    };
    let register = Mutation::RegisterInstance {
        service: service.as_str().into(),
        member: node.as_str().into(),
        attributes,
    };
    let targets = vec![Target { id: node.as_str().into(), port: 3100 }];
    let registered = |are| Claim::Targets { group: blue.clone(), targets: targets.clone(), are };
    let target = Mutation::RegisterTargets { group: blue.clone(), targets: targets.clone() };
    let steps = vec![
        pin(&["AZRebalance"], true),
        change("register", register, Vec::new(), vec![entry]),
        change(
            "target",
            target,
            vec![registered(TargetIs::Absent)],
            vec![registered(TargetIs::Registered)],
        ),
        shift(&listeners[1], &[50, 50]),
        pin(&["AZRebalance"], false),
    ];
    site.plan(Intent::Undrain { nodes: Vec::new() }, steps)
}

fn resume(site: &Site, run: &str) {
    let resumed = site.run(&["run", "resume", run]);
    assert_eq!(resumed.code, Some(0), "{resumed:#?}");
}

fn is_intent(line: &Value, step: u64) -> bool {
    line["entry"] == "intent" && line["step"] == step
}

/// The call has been carried out, its answer is kept back, and the process is killed meanwhile: the
/// world shows that it was taken, and it is not sent again.
#[test]
fn killed_after_each_call_before_its_answer() {
    let site = Site::new();
    let plan = plan(&site);
    site.world.inject(
        &CALLS
            .map(|call| {
                format!("[[fault]]\ncall = \"*:{call}\"\nkind = \"latency\"\ndelay_ms = 60000\n")
            })
            .concat(),
    );
    let run = site.detach(&plan);
    for (step, call) in [
        (2, "SuspendProcesses"),
        (3, "RegisterInstance"),
        (4, "RegisterTargets"),
        (5, "ModifyListener"),
        (6, "ResumeProcesses"),
    ] {
        crate::served::until(&format!("{call} is logged"), || site.calls(call) == 1);
        site.kill(&run);
        let journal = site.journal(&run);
        assert!(journal.iter().any(|line| is_intent(line, step)), "{journal:#?}");
        resume(&site, &run);
    }
    assert_eq!(site.settled(&run)["state"], "done");
    assert_eq!(site.names(), CALLS);
    let already = site
        .journal(&run)
        .iter()
        .filter(|line| line["outcome"]["outcome"] == "already_done")
        .count();
    assert_eq!(already, 5);
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
    assert_eq!(site.run(&["audit", "verify"]).code, Some(0));
}

/// The intent is on the disk, the call never reaches AWS (denied by nobody, carried out by nobody),
/// and the process is killed: the world shows nothing, and it is sent once.
#[test]
fn killed_before_each_call() {
    let site = Site::new();
    let plan = plan(&site);
    // A call that "hangs" is answered by nobody and carried out by nobody.
    let hang = |call: &str| format!("[[fault]]\ncall = \"*:{call}\"\nkind = \"hang\"\n");
    site.world.inject(&CALLS.map(hang).concat());
    let run = site.detach(&plan);
    for step in 2..=6 {
        site.until_noted(&run, &format!("intent {step}"), |line| is_intent(line, step));
        site.kill(&run);
        assert_eq!(site.names().len(), usize::try_from(step).unwrap() - 2);
        site.world.heal();
        // All but the calls of this step hang again, so that the run stops at the next one.
        let now = [(2, 4), (3, 1), (4, 2), (5, 0), (6, 3)];
        let (_, free) = now.into_iter().find(|(number, _)| *number == step).unwrap();
        let others = CALLS.iter().enumerate().filter(|(index, _)| *index != free);
        site.world.inject(&others.map(|(_, call)| hang(call)).collect::<String>());
        resume(&site, &run);
    }
    assert_eq!(site.settled(&run)["state"], "done");
    assert_eq!(site.names(), CALLS);
    assert_eq!((site.calls("CreateService"), site.calls("DeleteService")), (1, 1));
}

/// The starter is killed with its whole group, as when a terminal goes: the run does not notice.
#[test]
fn the_starter_is_killed() {
    use std::os::unix::process::CommandExt;
    let site = Site::new();
    let file = site.file(&plan(&site));
    let clock = format!("{}@60", site.now());
    let config = site.directory.path().join("config.toml");
    let state = site.directory.path().join("state");
    let mut starter = std::process::Command::new(crate::served::BINARY)
        .args(["--clock", &clock, "--operate", "--endpoint-url", site.world.endpoint()])
        .arg("--config")
        .arg(&config)
        .arg("--state-dir")
        .arg(&state)
        .args(["apply", &file, "--execute", "--confirm", "blue"])
        .env("AWS_REGION", "us-west-2")
        .env("AWS_ACCESS_KEY_ID", "testing")
        .env("AWS_SECRET_ACCESS_KEY", "testing")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let runs = || std::fs::read_dir(state.join("runs")).map(|all| all.count()).unwrap_or(0) == 1;
    crate::served::until("a run", runs);
    let name = std::fs::read_dir(state.join("runs")).unwrap().next().unwrap().unwrap().file_name();
    let run = name.to_string_lossy().into_owned();
    site.until_noted(&run, "its first step", |line| line["entry"] == "step_began");
    let group = rustix::process::Pid::from_raw(i32::try_from(starter.id()).unwrap()).unwrap();
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    starter.wait().unwrap();
    assert_eq!(site.settled(&run)["state"], "done");
    assert_eq!(site.names(), CALLS);
}
