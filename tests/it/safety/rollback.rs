//! The way back from another host: with an empty state directory, from the rollback record alone.

use crate::bench::cli::Outcome;
use crate::runs::bench::Site;
use crate::served::until;
use serde_json::{Value, json};

/// Two fleets that answer, without the small events of the demo.
pub fn site() -> Site {
    Site::calm()
}

const QUICK: &str = "--window 20s --settle 10s --bake 10s";

/// Starts a verb; its run.
pub fn start(site: &Site, line: &str) -> String {
    let args = line.split_whitespace().chain(["--execute", "--detach"]);
    let outcome = site.run(&args.collect::<Vec<_>>());
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stdout.trim().to_owned()
}

/// What another host sees: nothing of this host's state directory.
pub fn elsewhere(site: &Site, args: &[&str]) -> Outcome {
    let state = site.directory.path().join("elsewhere").display().to_string();
    let mut all = vec!["--state-dir", &state];
    all.extend(args);
    site.run_without_state(&all)
}

pub fn weights(site: &Site) -> Vec<Option<Vec<u64>>> {
    site.listeners().iter().map(|one| site.weights(&one.1)).collect()
}

fn count(site: &Site, name: &str) -> usize {
    site.names().iter().filter(|one| *one == name).count()
}

/// The rollback records that are there.
fn records(site: &Site) -> Option<Vec<(String, String)>> {
    let all = site.boto("servicediscovery", "list_services", &json!({ "MaxResults": 100 }))?;
    let all = all["Services"].as_array().unwrap().iter();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let named = all.filter(|one| text(one, "Name").starts_with("quarterdeck-undo-"));
    Some(named.map(|one| (text(one, "Name"), text(one, "Id"))).collect())
}

/// A run that has moved 10 % to green and whose host is lost.
pub fn lost_at_10(site: &Site) -> String {
    let line = "cutover blue-412 green-413 --gate none --window 20s --settle 1h --bake 10s";
    let run = start(site, &format!("{line} --confirm blue-412"));
    // Each listener is written unchanged first, then shifted.
    until("every listener was shifted", || count(site, "ModifyListener") >= 6);
    let settling = |line: &Value| line["entry"] == "step_began";
    site.until_noted(&run, "it settles", settling);
    site.kill(&run);
    run
}

pub fn until_left(site: &Site) {
    let left = || {
        let told = elsewhere(site, &["findings", "-o", "json", "--no-probes"]).json();
        let all = told["findings"].as_array().unwrap().clone();
        all.iter().any(|one| one["kind"] == "leftover_run")
    };
    until("the run is taken for dead", left);
}

pub const BACK: [&str; 6] =
    ["takeover", "front", "--rollback", "--execute", "--confirm", "green-413"];

#[test]
fn a_host_lost_at_10_percent_is_rolled_back_from_another_by_one_command() {
    let site = site();
    let before = weights(&site);
    let run = lost_at_10(&site);
    assert_ne!(weights(&site), before);
    until_left(&site);
    // Green is broken: what blocks a cutover does not block the way back.
    let broken = |node: &String| {
        format!(
            "[[fault]]\ncall = \"node:/ready\"\nkind = \"error\"\nstatus = 500\n\
             argument = \"{node}\"\n"
        )
    };
    site.world.inject(&site.nodes("green-413").iter().map(broken).collect::<String>());
    let planned = elsewhere(&site, &BACK[..3]);
    assert_eq!(planned.code, Some(0), "{planned:#?}");
    assert!(planned.stdout.contains(&run), "{planned:#?}");
    let back = elsewhere(&site, &BACK);
    assert_eq!(back.code, Some(0), "{back:#?}");
    assert_eq!(weights(&site), before);
    assert_eq!(count(&site, "SuspendProcesses"), count(&site, "ResumeProcesses"));
    let Some(records) = records(&site) else { return };
    assert_eq!(records, [], "nothing is left to put back");
}

/// A take-over alone leaves the traffic where it is, and the record with it: any host can still roll
/// back, though the lock is gone.
#[test]
fn the_record_outlives_a_takeover_while_traffic_is_split() {
    let site = site();
    let before = weights(&site);
    let run = lost_at_10(&site);
    until_left(&site);
    let taken = elsewhere(&site, &["takeover", "front", "--execute", "--confirm", "blue-412"]);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    assert_ne!(weights(&site), before);
    if let Some(records) = records(&site) {
        assert_eq!(records.len(), 1, "{records:?}");
    }
    let told = elsewhere(&site, &["findings", "-o", "json", "--no-probes"]).json();
    let all = told["findings"].as_array().unwrap();
    let left = all.iter().find(|one| one["kind"] == "leftover_record").unwrap();
    assert!(left["summary"].as_str().unwrap().contains("takeover front --rollback"), "{left:#}");
    let unnamed = elsewhere(&site, &["rollback"]);
    assert!(unnamed.stdout.contains("back to"), "{unnamed:#?}");
    let planned = elsewhere(&site, &["rollback", &run]);
    assert!(planned.stdout.contains("back to"), "{planned:#?}");
    let back = elsewhere(&site, &BACK);
    assert_eq!(back.code, Some(0), "{back:#?}");
    assert_eq!(weights(&site), before);
    if let Some(records) = records(&site) {
        assert_eq!(records, []);
    }
    let nothing = elsewhere(&site, &BACK);
    assert_eq!(nothing.code, Some(2), "{nothing:#?}");
    assert!(nothing.stderr.contains("nothing is to be put back"), "{nothing:#?}");
}

/// The record is whole before the first process is suspended, and a take-over resumes what the lock's
/// own record had not come to say.
#[test]
fn the_record_is_written_before_the_first_change() {
    let site = site();
    let run = start(&site, &format!("cutover blue-412 green-413 {QUICK} --confirm blue-412"));
    assert_eq!(site.settled(&run)["reason"], "gate");
    let lines = site.journal(&run);
    let place = |entry: &str| lines.iter().position(|line| line["entry"] == entry).unwrap();
    assert!(place("locked") < place("recorded") && place("recorded") < place("intent"));
    site.kill(&run);
    until_left(&site);
    let taken = elsewhere(&site, &["takeover", "front", "--execute", "--confirm", "blue-412"]);
    assert_eq!(taken.code, Some(0), "{taken:#?}");
    assert_eq!(count(&site, "SuspendProcesses"), count(&site, "ResumeProcesses"));
}

/// What was changed in the record is found, and nothing of it is restored.
#[test]
fn an_edited_or_cut_record_is_not_restored_in_part() {
    let site = site();
    let run = lost_at_10(&site);
    let Some(records) = records(&site) else { return };
    let service = &records[0].1;
    let now = weights(&site);
    until_left(&site);
    let cut = json!({ "ServiceId": service, "Attributes": ["undo-001"] });
    site.boto("servicediscovery", "delete_service_attributes", &cut);
    let refused = elsewhere(&site, &BACK);
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    assert!(refused.stderr.contains("not whole"), "{refused:#?}");
    assert!(
        refused.stderr.contains("of its") && refused.stderr.contains("missing"),
        "{refused:#?}"
    );
    let edited = json!({ "ServiceId": service, "Attributes": { "undo-001": "x" } });
    site.boto("servicediscovery", "update_service_attributes", &edited);
    let refused = elsewhere(&site, &BACK);
    assert_eq!(refused.code, Some(3), "{refused:#?}");
    assert!(refused.stderr.contains("checksum"), "{refused:#?}");
    assert!(refused.stderr.contains("--by-hand"), "{refused:#?}");
    assert_eq!(weights(&site), now, "run {run}");
}

/// Each of thirteen listeners is put back: no listener is left out of the record.
#[test]
fn thirteen_listeners_are_put_back_from_the_record() {
    let mut text = "api_limits = false\n[[load_balancer]]\nname = \"front\"\n[[service]]\n\
                    name = \"glt\"\n"
        .to_owned();
    for port in 0..13 {
        text.push_str(&format!("[[listener]]\nproduct = \"loki\"\nport = {}\n", 3100 + port));
    }
    text.push_str(
        "[[fleet]]\nstack = \"blue-412\"\nnodes = 2\nweight = 100\n\
         [[fleet]]\nstack = \"green-413\"\nnodes = 2\nweight = 0\n",
    );
    let site = Site::of(&text);
    let balancer = site.world.info["load_balancers"][0].clone();
    let actions = || {
        let arguments = json!({ "LoadBalancerArn": balancer });
        let answer = site.boto("elbv2", "describe_listeners", &arguments)?;
        let listeners = answer["Listeners"].as_array().unwrap().iter();
        Some(listeners.map(|one| one["DefaultActions"].clone()).collect::<Vec<_>>())
    };
    let before = actions();
    assert!(before.as_ref().is_none_or(|all| all.len() == 13));
    let line = "cutover blue-412 green-413 --gate none --schedule 50,100 --window 20s --settle 2h \
                --confirm blue-412";
    let run = start(&site, line);
    // Each is written unchanged first, then shifted.
    until("all are at half", || count(&site, "ModifyListener") >= 26);
    site.kill(&run);
    assert!(before.is_none() || actions() != before);
    until_left(&site);
    let back = elsewhere(&site, &BACK);
    assert_eq!(back.code, Some(0), "{back:#?}");
    assert_eq!(actions(), before);
}
