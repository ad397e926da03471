//! A listener's rule that forwards to a fleet's group belongs to the cutover: it is moved with the
//! default action, and back by the rollback.

use super::bench::Site;
use crate::served::Directory;
use serde_json::{Value, json};

/// Blue and green behind two listeners; one has a rule for a host.
const RULED: &str = "api_limits = false\n\
    [[load_balancer]]\nname = \"front\"\n\
    [[service]]\nname = \"glt\"\n\
    [[listener]]\nproduct = \"loki\"\nport = 3100\nrules = [\"logs.example\"]\n\
    [[listener]]\nproduct = \"tempo\"\nport = 3200\n\
    [[fleet]]\nstack = \"blue\"\nnodes = 3\nweight = 100\n\
    [[fleet]]\nstack = \"green\"\nnodes = 3\nweight = 0\n";

/// The weights of the rule that is not the default one, as boto3 sees them.
fn of_rule(site: &Site) -> Option<Vec<u64>> {
    let (_, listener, _) = site.listeners().remove(0);
    let arguments = json!({ "ListenerArn": listener.listener.as_str() });
    let rules = site.boto("elbv2", "describe_rules", &arguments)?;
    let rules = rules["Rules"].as_array().unwrap();
    assert_eq!(rules.len(), 2, "{rules:#?}");
    let rule = rules.iter().find(|rule| rule["IsDefault"] == false).unwrap();
    let groups = rule["Actions"][0]["ForwardConfig"]["TargetGroups"].as_array().unwrap();
    Some(groups.iter().map(|of| of["Weight"].as_u64().unwrap()).collect())
}

#[test]
fn a_rule_is_moved_and_comes_back() {
    let directory = Directory::new();
    let file = directory.file("world.toml", RULED);
    let site = Site::at(&file, "[probes]\ntimeout = \"20s\"\n", directory);
    let before = of_rule(&site);
    let times = "--gate none --schedule 100 --window 20s --settle 20s --bake 20s";
    let line = format!("cutover blue green {times} --confirm blue --execute");
    let outcome = site.run(&line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    if let Some(weights) = of_rule(&site) {
        assert_eq!((weights[0], weights[1] > 0), (0, true), "{weights:?}");
    }
    let named = |name: &str| site.names().iter().filter(|one| *one == name).count();
    // Written back unchanged, and shifted: one rule, two listeners.
    assert_eq!((named("ModifyRule"), named("ModifyListener")), (2, 4));
    let back = site.run(&["rollback", "--execute", "--confirm", "green"]);
    assert_eq!(back.code, Some(0), "{back:#?}");
    assert_eq!((named("ModifyRule"), named("ModifyListener")), (3, 6));
    assert_eq!(of_rule(&site), before);
    let rules = |line: &&Value| line["operation"] == "ModifyRule" && line["status"] == 200;
    assert_eq!(site.changes().iter().filter(rules).count(), 3);
}

/// A rule that somebody else changed meanwhile is not written over.
#[test]
fn a_rule_that_somebody_changed_holds_the_run() {
    let directory = Directory::new();
    let file = directory.file("world.toml", RULED);
    let site = Site::at(&file, "[probes]\ntimeout = \"20s\"\n", directory);
    let line = "cutover blue green --gate before-shift --schedule 100 --window 20s --settle 20s \
                --bake 20s --confirm blue --execute --detach";
    let started = site.run(&line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(started.code, Some(0), "{started:#?}");
    let run = started.stdout.trim().to_owned();
    assert_eq!(site.settled(&run)["reason"], "gate");
    let (_, listener, forward) = site.listeners().remove(0);
    let arguments = json!({ "ListenerArn": listener.listener.as_str() });
    let Some(rules) = site.boto("elbv2", "describe_rules", &arguments) else { return };
    let rules = rules["Rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["IsDefault"] == false).unwrap();
    let groups: Vec<Value> = forward
        .groups
        .iter()
        .map(|of| json!({ "TargetGroupArn": of.target_group.as_str(), "Weight": 7 }))
        .collect();
    let actions = json!([{ "Type": "forward", "ForwardConfig": { "TargetGroups": groups } }]);
    let change = json!({ "RuleArn": rule["RuleArn"], "Actions": actions });
    site.boto("elbv2", "modify_rule", &change);
    assert_eq!(site.run(&["run", "resume", &run]).code, Some(0));
    let broken = |line: &Value| line["entry"] == "held" && line["reason"] == "fact_broken";
    site.until_noted(&run, "the hold", broken);
    assert_eq!(of_rule(&site).unwrap(), [7, 7]);
}
