//! How the world behaves when time passes, without sockets: a world is built, things happen to
//! it, and what it did is looked at.

mod capacity;
mod property;
mod registry;
mod removed;
mod rings;
mod spec;
mod traffic;
mod worlds;

use super::spec::{Site, build, parse_events, parse_world};
use super::world::{TargetState, World};
use crate::core::ids::InstanceId;
use std::collections::BTreeMap;
use std::time::Duration;

/// A world of a text, at its start.
fn world(text: &str) -> World {
    let spec = parse_world("test", text).unwrap_or_else(|why| panic!("{why}"));
    let start = "2026-11-22T14:00:00Z".parse().unwrap();
    build(&spec, Site { start, network: 64, port_offset: 0 })
}

/// Two fleets of three behind one listener; the second waits at weight 0.
fn pair(more: &str) -> World {
    world(&format!(
        "[[listener]]\nproduct = \"loki\"\nport = 3100\nconnections_per_second = 10.0\nstreams = 4\n\
         [[fleet]]\nstack = \"blue\"\nnodes = 3\nweight = 100\n{more}\n\
         [[fleet]]\nstack = \"green\"\nnodes = 3\nweight = 0\n{more}\n"
    ))
}

/// Lets seconds pass, with an eye on what must always hold.
fn pass(world: &mut World, seconds: u64) {
    let to = world.after(Duration::from_secs(seconds));
    world.advance(to);
    let broken = world.broken_invariants();
    assert!(broken.is_empty(), "{broken:?}");
}

/// Makes events happen, written as in a world file.
fn make(world: &mut World, text: &str) {
    let sent = parse_events(text, "us-west-2").unwrap_or_else(|why| panic!("{why}"));
    for event in &sent.events {
        world.happens(event).unwrap_or_else(|why| panic!("{event:?}: {why}"));
    }
}

/// One event.
fn event(world: &mut World, word: &str, rest: &str) {
    make(world, &format!("[[event]]\ndo = \"{word}\"\n{rest}\n"));
}

fn node(world: &World, name: &str) -> InstanceId {
    world.node_names[name].clone()
}

/// Lifecycle states of a fleet's instances, counted.
fn lifecycles(world: &World, group: &str) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for member in world.group(group).unwrap().members.values() {
        *counts.entry(member.lifecycle).or_default() += 1;
    }
    counts
}

/// Target states of a group, counted.
fn targets(world: &World, name: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let group = world.target_groups.values().find(|one| one.name == name).unwrap();
    for target in group.targets.values() {
        *counts.entry(format!("{:?}", target.state)).or_default() += 1;
    }
    counts
}

fn state_of(world: &World, group: &str, id: &InstanceId) -> Option<TargetState> {
    let group = world.target_groups.values().find(|one| one.name == group).unwrap();
    group.targets.iter().find(|((one, _), _)| one == id).map(|(_, target)| target.state)
}

/// Registered members of the first service.
fn members(world: &World) -> Vec<InstanceId> {
    let service = world.services.values().next().unwrap();
    service.members.keys().cloned().collect()
}
