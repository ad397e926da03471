//! The lock: two at once, taken over, gone.

use super::bench::{Site, bare, pin, shift};
use quarterdeck::core::plan::{Gate, Intent, Plan, StepAction};
use serde_json::{Value, json};

fn plan(site: &Site) -> Plan {
    let gate = bare("stop here", StepAction::Gate(Gate::BeforeEnd));
    let steps = vec![pin(&["AZRebalance"], true), gate, shift(&site.listeners()[0], &[50, 50])];
    site.plan(Intent::Undrain { nodes: Vec::new() }, steps)
}

/// Two operators start at the same moment: exactly one run.
#[test]
fn two_at_once() {
    let site = Site::new();
    let plan = plan(&site);
    let outcomes = std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| site.apply(&plan)));
        both.map(|one| one.join().unwrap())
    });
    let mut codes = outcomes.each_ref().map(|outcome| outcome.code);
    codes.sort_unstable();
    assert_eq!(codes, [Some(3), Some(5)], "{outcomes:#?}");
    assert_eq!(site.names(), ["SuspendProcesses"]);
    let lost = outcomes.iter().find(|outcome| outcome.code == Some(3)).unwrap();
    assert!(lost.stdout.contains("the lock quarterdeck-lock-front is held by"), "{lost:#?}");
}

/// The lock is deleted by somebody else: no further call, and the run says so.
#[test]
fn gone() {
    let site = Site::new();
    let run = site.detach(&plan(&site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    let journal = site.journal(&run);
    let token = journal.iter().find(|line| line["entry"] == "locked").unwrap()["token"].clone();
    if site.boto("servicediscovery", "delete_service", &json!({ "Id": token })).is_none() {
        return;
    }
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    let state = site.settled(&run);
    assert_eq!(state["reason"], "lock_lost", "{state:#}");
    assert_eq!(site.names(), ["SuspendProcesses"]);
}

/// What another host reads of a run: who, why, where it is, and what it needs to recover.
#[test]
fn the_record() {
    use quarterdeck::core::record::LockRecord;
    let site = Site::new();
    let run = site.detach(&plan(&site));
    assert_eq!(site.settled(&run)["reason"], "gate");
    let token = site.journal(&run).iter().find(|line| line["entry"] == "locked").cloned();
    let arguments = json!({ "ServiceId": token.unwrap()["token"] });
    let Some(said) = site.boto("servicediscovery", "get_service_attributes", &arguments) else {
        return;
    };
    let said: Value = said["ServiceAttributes"]["Attributes"].clone();
    let record = LockRecord::of(&serde_json::from_value(said).unwrap());
    assert_eq!(record.run, run);
    assert!(record.step.starts_with("3/5 stop here"), "{record:?}");
    assert_eq!(record.suspended[&"blue-asg".into()], ["AZRebalance".to_owned()].into());
    assert!(record.heartbeat.is_some());
}
