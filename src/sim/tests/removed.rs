//! What people delete or add beside us: groups, listeners, rules, a second namespace.

use super::*;

#[test]
fn a_deleted_group_takes_its_instances_with_it() {
    let mut world = pair("");
    event(&mut world, "delete_group", "group = \"green-asg\"");
    pass(&mut world, 600);
    assert!(world.group("green-asg").is_err());
    let green = world.instances.values().filter(|one| {
        one.stack.as_ref().is_some_and(|stack| stack.as_str() == "green") && one.state == "running"
    });
    assert_eq!(green.count(), 0);
    assert!(targets(&world, "green-loki").is_empty());
    assert_eq!(lifecycles(&world, "blue-asg")["InService"], 3);
}

#[test]
fn listeners_go_and_rules_come() {
    let mut world = pair("");
    let rule = "port = 3100\nname = \"loki.example\"\nweights = { blue = 1, green = 9 }";
    event(&mut world, "add_rule", rule);
    let weights = |world: &World| {
        let listener = world.listeners.values().next().unwrap();
        let rule = listener.rules.iter().find(|rule| rule.host == "loki.example").unwrap();
        rule.forward.groups.iter().map(|(_, weight)| *weight).collect::<Vec<_>>()
    };
    assert_eq!(weights(&world), [1, 9]);
    event(&mut world, "delete_listener", "port = 3100");
    assert!(world.listeners.is_empty());
    assert!(!world.target_groups.values().any(|group| group.used));
}

#[test]
fn a_stack_comes_into_a_listener_by_its_weight() {
    let canary = "[[fleet]]\nstack = \"canary\"\nnodes = 1\n";
    let mut world = pair("");
    event(&mut world, "set_weights", "weights = { canary = 5 }");
    assert_eq!(world.listeners.values().next().unwrap().forward.groups.len(), 2);
    let mut world = super::world(&format!(
        "[[listener]]\nproduct = \"loki\"\nport = 3100\n\
         [[fleet]]\nstack = \"blue\"\nnodes = 1\nweight = 1\n{canary}"
    ));
    event(&mut world, "set_weights", "weights = { canary = 5 }");
    let groups = &world.listeners.values().next().unwrap().forward.groups;
    assert_eq!(groups.iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), [1, 5]);
}

#[test]
fn services_may_be_in_namespaces_of_their_own() {
    let world = world(
        "[[service]]\nname = \"glt\"\n[[service]]\nname = \"other\"\nnamespace = \"b.internal\"\n\
         [[fleet]]\nstack = \"blue\"\nnodes = 1\nweight = 1\n",
    );
    assert_eq!(world.namespaces.len(), 2);
    let of = |name: &str| {
        let service = world.services.values().find(|one| one.name == name).unwrap();
        world.namespaces[&service.namespace].name.clone()
    };
    assert_eq!((of("glt").as_str(), of("other").as_str()), ("glt.internal", "b.internal"));
}
