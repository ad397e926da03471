//! `reregister` and `deregister` carried out: what became of it is asked of the world through boto3.

use crate::runs::bench::Site;
use crate::sim_harness::http;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

impl Site {
    fn carried_out(&self, line: &str) {
        let outcome = self.run(&line.split_whitespace().chain(["--execute"]).collect::<Vec<_>>());
        assert_eq!(outcome.code, Some(0), "{line}: {outcome:#?}");
    }

    /// What the registry says of an id, as boto3 sees it; null where it is not listed.
    pub fn entry(&self, id: &str) -> Option<Value> {
        let arguments = json!({ "ServiceId": self.service() });
        let listed = self.boto("servicediscovery", "list_instances", &arguments)?;
        let mut all = listed["Instances"].as_array().unwrap().iter();
        Some(all.find(|one| one["Id"] == id).map_or(Value::Null, |one| one["Attributes"].clone()))
    }

    /// The id behind a name of the world file.
    pub fn node(&self, stack: &str, number: &str) -> String {
        let (_, body) = http(self.world.address(), "GET", "/_world/state", "");
        let state: Value = serde_json::from_str(&body).unwrap();
        let name = format!("{stack}/{number}");
        let mut nodes = state["nodes"].as_array().unwrap().iter();
        let found = nodes.find(|one| one["name"] == *name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    /// The private address that EC2 gives.
    pub fn address(&self, id: &str) -> Option<String> {
        let answer = self.boto("ec2", "describe_instances", &json!({ "InstanceIds": [id] }))?;
        let of = &answer["Reservations"][0]["Instances"][0]["PrivateIpAddress"];
        Some(of.as_str().unwrap().to_owned())
    }

    /// The instances that the registry lists, and those that a group has in service.
    pub fn listed_and_in_service(
        &self,
        stack: &str,
    ) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
        let arguments = json!({ "ServiceId": self.service() });
        let listed = self.boto("servicediscovery", "list_instances", &arguments)?;
        let own = |one: &&Value| one["Attributes"]["STACK"] == stack;
        let id = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let listed = listed["Instances"].as_array().unwrap().iter().filter(own);
        let listed = listed.map(|one| id(one, "Id")).collect();
        let arguments = json!({ "AutoScalingGroupNames": [format!("{stack}-asg")] });
        let group = self.boto("autoscaling", "describe_auto_scaling_groups", &arguments)?;
        let group = group["AutoScalingGroups"][0]["Instances"].as_array().unwrap().iter();
        Some((listed, group.map(|one| id(one, "InstanceId")).collect()))
    }
}

/// One node with a wrong address and an attribute of its own, one that is not registered at all, and one that
/// somebody took out of a target group its own Auto Scaling group is attached to.
#[test]
fn entries_and_targets_are_as_they_should_be() {
    let site = Site::named("wrong-address");
    let [wrong, missing, untargeted] = &["1", "2", "3"].map(|number| site.node("blue-412", number));
    site.world.inject(
        "[[event]]\ndo = \"put_member\"\nservice = \"glt\"\nnode = \"blue-412/1\"\n\
         attributes = { AWS_INSTANCE_IPV4 = \"127.17.0.2\", NOTE = \"kept\" }\n\
         [[event]]\ndo = \"remove_target\"\ntarget_group = \"blue-412-loki\"\nnode = \"blue-412/3\"\n",
    );
    let Some(before) = site.entry(wrong) else { return };
    assert_eq!(
        (&before["AWS_INSTANCE_IPV4"], &before["NOTE"]),
        (&json!("127.17.0.2"), &json!("kept"))
    );
    assert_eq!(site.entry(missing), Some(Value::Null));
    site.carried_out(&format!("reregister {wrong} {missing} --confirm y"));
    assert_eq!(site.names(), ["RegisterInstance"; 2]);
    let mut expected: BTreeMap<String, Value> = serde_json::from_value(before).unwrap();
    expected.insert("AWS_INSTANCE_IPV4".to_owned(), json!(site.address(wrong)));
    assert_eq!(site.entry(wrong), Some(json!(expected)), "all else is kept");
    let entry = site.entry(missing).unwrap();
    assert_eq!(entry["AWS_INSTANCE_IPV4"], json!(site.address(missing)));
    assert_eq!(entry["STACK"], "blue-412");

    site.carried_out(&format!("reregister {untargeted} --confirm y"));
    assert_eq!(site.names(), ["RegisterInstance", "RegisterInstance", "RegisterTargets"]);
    let (_, _, forward) = site.listeners().into_iter().find(|(port, ..)| *port == 3100).unwrap();
    for group in forward.groups {
        let arguments = json!({ "TargetGroupArn": group.target_group.as_str() });
        let health = site.boto("elbv2", "describe_target_health", &arguments).unwrap();
        let held = health["TargetHealthDescriptions"].as_array().unwrap();
        let ours = group.target_group.as_str().contains("blue-412");
        let there = held.iter().any(|one| {
            one["Target"] == json!({ "Id": untargeted, "Port": 3100 })
                && one["TargetHealth"]["State"] != "draining"
        });
        assert_eq!(there, ours, "{held:#?}");
    }
    let again =
        site.run(&["reregister", wrong, missing, untargeted, "--confirm", "y", "--execute"]);
    assert_eq!((again.code, site.names().len()), (Some(0), 3), "nothing is done twice: {again:#?}");
}

/// Two entries of terminated instances go; naming a living one as well changes nothing at all.
#[test]
fn only_what_is_proven_gone_is_removed() {
    let site = Site::named("stale-after-scale-in");
    let Some((listed, alive)) = site.listed_and_in_service("blue-412") else { return };
    assert_eq!((listed.len(), alive.len()), (5, 3));
    let gone: Vec<&str> = listed.difference(&alive).map(String::as_str).collect();
    let one = alive.first().unwrap();
    let mixed = format!("deregister {} {one} --confirm blue-412 --execute", gone.join(" "));
    let refused = site.run(&mixed.split_whitespace().collect::<Vec<_>>());
    assert_eq!((refused.code, site.names()), (Some(3), vec![]), "{refused:#?}");
    assert!(refused.stderr.contains("is not gone"), "{refused:#?}");
    site.carried_out(&format!("deregister {} --confirm blue-412", gone.join(" ")));
    assert_eq!(site.names(), ["DeregisterInstance"; 2]);
    let (listed, alive) = site.listed_and_in_service("blue-412").unwrap();
    assert_eq!(listed, alive);
}
