//! What a cutover must know of load balancers: rules added meanwhile, attributes that change, groups
//! that are added before they are healthy, zones that are lost.

use super::planner::{ROOMY, all_weights, event, held_at_gate, resumed, site, started};
use crate::act_console::until_step;
use crate::runs::bench::Site;
use crate::served::until;
use serde_json::{Value, json};

fn weights_of(site: &Site) -> Vec<Vec<u64>> {
    site.listeners().iter().filter_map(|(_, listener, _)| site.weights(listener)).collect()
}

/// A rule that was added after planning still sends to the old fleet: the run does not end as done.
#[test]
fn a_rule_added_meanwhile_that_sends_to_the_old_fleet_is_found_at_the_end() {
    let site = site(ROOMY);
    let line = "cutover blue green --gate before-end --schedule 100 --window 20s --settle 20s \
                --bake 20s --confirm blue";
    let run = started(&site, line);
    held_at_gate(&site, &run);
    event(
        &site,
        "add_rule",
        "port = 3100\nname = \"logs.example\"\nweights = { blue = 100, green = 0 }",
    );
    resumed(&site, &run);
    let end = site.settled(&run);
    assert_eq!((&end["state"], &end["reason"]), (&json!("held"), &json!("too_long")), "{end:#}");
    assert!(end["because"].to_string().contains(":3100 rule"), "{end:#}");
    all_weights(&site, &[0, 100]);
}

/// A group that does not become healthy is taken out again before the next one is added.
#[test]
fn a_group_is_added_to_one_listener_and_healthy_before_the_next() {
    let unnamed = ROOMY
        .replace("port = 3100\n", "port = 3100\ncheck = \"product\"\n")
        .replace("max = 8\nweight = 0\n", "max = 8\nhealth_checks = \"EC2\"\n");
    let site = site(&unnamed);
    let before = weights_of(&site);
    let line = "cutover blue green --gate none --schedule 100 --window 20s --settle 20s \
                --bake 20s --confirm blue";
    let run = started(&site, line);
    until_step(&site, &run, "wait until green is healthy on :3100");
    event(&site, "crash_product", "node = \"green/2\"\nproduct = \"loki\"");
    let end = site.settled(&run);
    assert_eq!((&end["state"], &end["reason"]), (&json!("held"), &json!("too_long")), "{end:#}");
    assert!(end["because"].to_string().contains("taken back"), "{end:#}");
    assert_eq!(weights_of(&site), before);
    let written = |line: &&Value| line["operation"] == "ModifyListener";
    // Both written back unchanged, the first one changed and changed back.
    assert_eq!(site.changes().iter().filter(written).count(), 4);
}

/// Cross-zone load balancing that is turned off in the middle of a drain counts for the next node.
#[test]
fn attributes_are_read_again_before_what_rests_on_them() {
    let site = site(&ROOMY.replace("name = \"front\"\n", "name = \"front\"\ncross_zone = true\n"));
    let nodes = site.nodes("blue");
    let line = format!(
        "drain {} {} --method targets --min-healthy 1 --override velocity --reason drill \
         --confirm blue",
        nodes[0], nodes[1]
    );
    let run = started(&site, &line);
    until_step(&site, &run, "wait until they are out");
    for (_, _, forward) in site.listeners() {
        for group in &forward.groups {
            let off = json!([{ "Key": "load_balancing.cross_zone.enabled", "Value": "false" }]);
            let change = json!({ "TargetGroupArn": group.target_group, "Attributes": off });
            if site.boto("elbv2", "modify_target_group_attributes", &change).is_none() {
                return;
            }
        }
    }
    let end = site.settled(&run);
    assert_eq!((&end["state"], &end["reason"]), (&json!("held"), &json!("guard")), "{end:#}");
    assert!(end["because"].to_string().contains("zone-cover"), "{end:#}");
}

/// A zone that both fleets lose holds the run, and is not held against the new fleet once it has its
/// nodes elsewhere.
#[test]
fn a_run_goes_on_without_a_zone_that_both_fleets_have_lost() {
    let site = site(ROOMY);
    let line = "cutover blue green --gate none --schedule 10,100 --window 20s --settle 3m \
                --bake 20s --confirm blue";
    let run = started(&site, line);
    until_step(&site, &run, "settle with 10%");
    event(&site, "zone_down", "zone = \"b\"");
    assert_eq!(site.settled(&run)["state"], "held");
    all_weights(&site, &[90, 10]);
    // The groups replace their nodes in the zones that are left.
    until("it goes on to its end", || {
        let state = site.run(&["run", "show", &run, "-o", "json"]).json()["run"]["state"].clone();
        if state == "held" {
            site.run(&["run", "resume", &run]);
        }
        state == "done"
    });
    all_weights(&site, &[0, 100]);
}
