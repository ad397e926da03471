//! Each verb by the console's keys, and what became of it as boto3 sees it. Cutover and rollback by keys
//! are in `act_console.rs`.

use crate::act_console::{CTRL_O, Console, runs};
use crate::runs::bench::Site;
use crate::served::until;
use serde_json::{Value, json};

/// A console that may approve.
fn armed(site: &Site) -> Console {
    let mut console = Console::open(site, &["--operate"]);
    console.fills();
    console.press(CTRL_O, "Arm this console?");
    // A quarter of an hour of the operator's, though the world's clock runs sixty times as fast.
    console.press("y", "ARMED 1");
    console
}

/// Types what approves the plan on the screen; the plan, once its run is done.
fn approved(site: &Site, console: &mut Console, word: &str) -> Value {
    let before = runs(site);
    console.0.press(&format!("{word}\r"));
    until("a run", || runs(site).len() > before.len());
    let run = runs(site).into_iter().find(|run| !before.contains(run)).unwrap();
    let state = site.settled(&run);
    assert_eq!(state["state"], "done", "{state:#}");
    console.0.wait_for("DONE");
    site.journal(&run).remove(0)["approved"]["plan"].clone()
}

fn ends(mut console: Console) {
    console.0.press("q");
    assert_eq!(console.0.end().exit_code(), 0);
}

/// From a fleet's nodes: the guard that blocks is overridden by name and with a reason, the name is typed, the
/// node goes into standby; and it comes back.
#[test]
fn drain_and_undrain() {
    let site = Site::calm();
    let mut console = armed(&site);
    console.press("\r", "› blue-412");
    console.press("d", "zone-cover blocks");
    console.press("override zone-cover drill\r", "zone-cover is overridden");
    console.0.wait_for("type blue-412 to run it:");
    assert_eq!((runs(&site), site.changes()), (vec![], vec![]));
    let plan = approved(&site, &mut console, "blue-412");
    assert_eq!(plan["options"]["overrides"], json!(["zone-cover"]), "{plan:#}");
    let node = plan["intent"]["nodes"][0].as_str().unwrap().to_owned();
    assert_eq!(site.names(), ["EnterStandby"]);
    if let Some(states) = site.states("blue-412") {
        assert_eq!(states, ["InService", "InService", "Standby"]);
    }
    console.press(&format!(":undrain {node}\r"), "y and Enter run it:");
    approved(&site, &mut console, "y");
    assert_eq!(site.names(), ["EnterStandby", "ExitStandby"]);
    if let Some(states) = site.states("blue-412") {
        assert_eq!(states, ["InService"; 3]);
    }
    ends(console);
}

/// The fix of a finding: of six nodes one was registered.
#[test]
fn repair_from_its_finding() {
    let site = Site::named("boot-race");
    let mut console = armed(&site);
    console.press(":findings boot_race\r", "› Findings");
    console.0.wait_for("hit by the boot race");
    console.press("f", "y and Enter run it:");
    approved(&site, &mut console, "y");
    assert_eq!(site.names(), ["RegisterInstance"; 5]);
    if let Some(members) = site.members() {
        assert!(site.nodes("blue-412").iter().all(|node| members.contains(node)), "{members:?}");
    }
    ends(console);
}

#[test]
fn reregister() {
    let site = Site::named("wrong-address");
    let node = site.node("blue-412", "1");
    let mut console = armed(&site);
    console.press(&format!(":reregister {node}\r"), "y and Enter run it:");
    approved(&site, &mut console, "y");
    assert_eq!(site.names(), ["RegisterInstance"]);
    if let Some(entry) = site.entry(&node) {
        assert_eq!(entry["AWS_INSTANCE_IPV4"], json!(site.address(&node)));
    }
    ends(console);
}

/// The fix of a ghost: it is proven gone once more, and the fleet's name is typed.
#[test]
fn deregister_from_its_finding() {
    let site = Site::named("stale-after-scale-in");
    let mut console = armed(&site);
    console.press(":findings ghost_member\r", "› Findings");
    console.0.wait_for("gone but still registered");
    console.press("f", "type blue-412 to run it:");
    let plan = approved(&site, &mut console, "blue-412");
    let gone = plan["intent"]["members"].as_array().unwrap().len();
    assert_eq!(site.names(), vec!["DeregisterInstance"; gone]);
    if let Some((listed, alive)) = site.listed_and_in_service("blue-412") {
        assert_eq!((listed.is_superset(&alive), listed.len()), (true, alive.len() + 2 - gone));
    }
    ends(console);
}
