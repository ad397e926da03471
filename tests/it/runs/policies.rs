//! What roles must be allowed: a role that may do exactly what `policy` prints can work, one that may
//! less is told which permission is missing, and no policy asks for a call that the code does not make.

use super::bench::Site;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

impl Site {
    /// What `policy KIND` allows.
    fn allowed(&self, kind: &str) -> BTreeSet<String> {
        let printed = self.run_without_state(&["policy", kind]).json();
        let statements = printed["Statement"].as_array().unwrap().iter();
        let actions = statements.flat_map(|one| one["Action"].as_array().unwrap().clone());
        actions.map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// From now on we may do this and nothing else.
    fn only(&self, allowed: &BTreeSet<String>) {
        let list: Vec<_> = allowed.iter().map(|one| format!("{one:?}")).collect();
        let list = list.join(", ");
        self.world.inject(&format!(
            "[[principal]]\naccess_key = \"testing\"\nname = \"role\"\nallow = [{list}]\n"
        ));
    }

    fn lacking(&self) -> Vec<Value> {
        let told = self.run(&["sources", "-o", "json", "--no-probes"]).json();
        let all = told["sources"].as_array().unwrap().iter();
        all.filter(|one| one["status"] != "ok").cloned().collect()
    }
}

#[test]
fn who_observes_reads_everything_and_is_told_what_acting_lacks() {
    let site = Site::calm();
    site.only(&site.allowed("observe"));
    assert_eq!(site.lacking(), Vec::<Value>::new());
    let node = site.nodes("blue-412").remove(0);
    let drain = ["drain", &node, "--method", "targets", "--execute", "--confirm", "blue-412"];
    let why = ["--override", "zone-cover", "--reason", "drill"];
    let denied = site.run(&[&drain[..], &why[..]].concat());
    assert_eq!(denied.code, Some(7), "{denied:#?}");
    assert!(denied.stdout.contains("servicediscovery:CreateService"), "{denied:#?}");
    assert_eq!(site.names(), Vec::<String>::new());
}

#[test]
fn who_operates_can_act_and_a_denied_call_names_the_action() {
    let site = Site::calm();
    let allowed = site.allowed("operate");
    site.only(&allowed);
    let node = site.nodes("blue-412").remove(0);
    let why = ["--override", "zone-cover", "--reason", "drill", "--execute"];
    let drain = ["drain", &node, "--method", "targets", "--confirm", "blue-412"];
    let done = site.run(&[&drain[..], &why[..]].concat());
    assert_eq!(done.code, Some(0), "{done:#?}");
    let mut less = allowed.clone();
    assert!(less.remove("elasticloadbalancing:RegisterTargets"));
    // EC2 says only that one is not authorized.
    assert!(less.remove("ec2:DescribeInstances"));
    site.only(&less);
    let lacking = site.lacking();
    let named = |one: &Value| one["error"].to_string().contains("ec2:DescribeInstances");
    assert!(lacking.iter().any(named), "{lacking:#?}");
    less.insert("ec2:DescribeInstances".to_owned());
    site.only(&less);
    let denied = site.run(&["undrain", &node, "--confirm", "y", "--execute"]);
    assert_eq!(denied.code, Some(7), "{denied:#?}");
    assert!(denied.stdout.contains("elasticloadbalancing:RegisterTargets"), "{denied:#?}");
}

/// Each action is a call that stands in the rooms that may make it.
#[test]
fn no_policy_asks_for_a_call_that_nobody_makes() {
    let site = Site::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut code = String::new();
    for room in ["exec", "sources", "aws"] {
        read(&root.join(room), &mut code);
    }
    for action in site.allowed("operate") {
        let (_, operation) = action.split_once(':').unwrap();
        let mut method = String::new();
        for letter in operation.chars() {
            if letter.is_uppercase() && !method.is_empty() {
                method.push('_');
            }
            method.extend(letter.to_lowercase());
        }
        assert!(code.contains(&format!(".{method}(")), "{action}: nobody calls {method}");
    }
}

/// All code below a folder, tests apart.
fn read(folder: &Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tests") {
            read(&path, code);
        } else if path.extension().is_some_and(|of| of == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            code.push_str(text.split("#[cfg(test)]").next().unwrap());
        }
    }
}
