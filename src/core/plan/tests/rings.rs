//! What the guards make of rings, and what a drain says of stopping.

use super::*;
use crate::core::estate::Policy;
use crate::core::ids::InstanceId;
use crate::core::inventory::{Page, ProductRings, Ring, RingMember, RingState};
use crate::core::plan::guard::Verdict;
use crate::core::reconcile::reconcile;
use crate::core::source::{Fragment, Scope, SourceEvent};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

fn member(ip: IpAddr, state: RingState) -> RingMember {
    RingMember {
        id: format!("loki-{ip}").into(),
        address: format!("{ip}:9095").into(),
        state,
        heartbeat_age: Some(4),
        registered_age: Some(80_000),
        zone: None,
        tokens: Some(128),
    }
}

fn page(ring: Page<Arc<Ring>>) -> ProductRings {
    ProductRings {
        product: "loki".into(),
        digest: ring.read().map_or(0, |ring| ring.digest()),
        ring,
        ring_path: "/ring".into(),
        gossip: Page::Read(Arc::default()),
        left: Page::Read(Vec::new()),
        version: Page::Absent,
    }
}

/// Adds to a world what each node's Loki shows: made from the nodes of its fleet and its own place.
fn with_rings(world: &World, show: impl Fn(&[Node], usize) -> Page<Arc<Ring>>) -> Told {
    let mut told = world.told();
    for at in [now(), after(30)] {
        for fleet in &world.fleets {
            for (place, node) in fleet.nodes.iter().enumerate() {
                told.inventory.apply(SourceEvent {
                    scope: Scope::Rings(node.id.clone()),
                    observed_at: at,
                    every: Duration::from_secs(30),
                    calls: 1,
                    result: Ok(Fragment::Rings(vec![page(show(&fleet.nodes, place))])),
                    missing: None,
                });
            }
        }
    }
    told.estate = reconcile(&told.inventory, after(30), &Policy::default());
    told
}

fn all(nodes: &[Node]) -> Vec<RingMember> {
    nodes.iter().map(|node| member(node.ip, RingState::Active)).collect()
}

fn ring(members: Vec<RingMember>) -> Page<Arc<Ring>> {
    Page::Read(Arc::new(Ring { members }))
}

fn judged(told: &Told, intent: Intent) -> Plan {
    plan(&told.picture(), &wish(intent, |_| ()), &context()).unwrap()
}

#[test]
fn a_whole_ring_passes_and_one_in_parts_blocks_a_cutover_into_it() {
    let whole = with_rings(&world(), |nodes, _| ring(all(nodes)));
    let plan = judged(&whole, cutover());
    for guard in [GuardName::Rings, GuardName::RingDebris] {
        let verdict = &report(&plan, guard).verdict;
        assert!(matches!(verdict, Verdict::Pass { .. }), "{guard}: {verdict:?}");
    }
    // Each half of a fleet sees itself alone.
    let halves = |nodes: &[Node], place: usize| {
        let half = nodes.len() / 2;
        let (first, second) = nodes.split_at(half);
        ring(all(if place < half { first } else { second }))
    };
    let parted = with_rings(&world(), halves);
    let plan = judged(&parted, cutover());
    assert_eq!(effect(&plan, GuardName::Rings), Effect::Blocks, "{:?}", plan.guards);
    assert!(report(&plan, GuardName::Rings).verdict.because().contains("2 parts"));
    // Of the fleet that goes on carrying traffic a drain only says so.
    assert_eq!(effect(&judged(&parted, drain(&[blue(0)])), GuardName::Rings), Effect::Warns);
    // What is wrong with the fleet that traffic leaves does not keep it there.
    let left = with_rings(&world(), |nodes, place| match nodes[0].id == blue(0) {
        true => halves(nodes, place),
        false => ring(all(nodes)),
    });
    assert_eq!(effect(&judged(&left, cutover()), GuardName::Rings), Effect::Passes);
}

#[test]
fn debris_that_keeps_nobody_out_and_too_few_ingesters_warn() {
    let gone: IpAddr = "10.99.0.9".parse().unwrap();
    let littered = with_rings(&world(), |nodes, _| {
        let mut members = all(nodes);
        members.push(member(gone, RingState::Unhealthy));
        ring(members)
    });
    let plan = judged(&littered, cutover());
    assert_eq!(effect(&plan, GuardName::RingDebris), Effect::Warns);
    assert!(report(&plan, GuardName::RingDebris).verdict.because().contains("10.99.0.9"));
    let nodes: Vec<InstanceId> = (0..3).map(blue).collect();
    let whole = with_rings(&world(), |nodes, _| ring(all(nodes)));
    let picture = whole.picture();
    let mut plan = judged(&whole, drain(&nodes[..1]));
    assert_eq!(effect(&plan, GuardName::RingDebris), Effect::Passes);
    plan.intent = drain(&nodes);
    plan.guards = guards::evaluate(&picture, &plan, &context());
    assert_eq!(effect(&plan, GuardName::RingDebris), Effect::Warns);
    assert!(report(&plan, GuardName::RingDebris).verdict.because().contains("1 of 4"));
}

#[test]
fn a_page_that_no_node_ever_showed_is_not_judged_and_one_that_some_hide_is_unknown() {
    let never = with_rings(&world(), |_, _| Page::Absent);
    for guard in [GuardName::Rings, GuardName::RingDebris] {
        let plan = judged(&never, cutover());
        let verdict = &report(&plan, guard).verdict;
        assert!(matches!(verdict, Verdict::NotApplicable { .. }), "{guard}: {verdict:?}");
    }
    let partly = with_rings(&world(), |nodes, place| match place {
        0 => Page::CannotTell("answers 500".into()),
        _ => ring(all(nodes)),
    });
    let plan = judged(&partly, cutover());
    assert_eq!(effect(&plan, GuardName::Rings), Effect::CannotTell);
    assert_eq!(effect(&plan, GuardName::RingDebris), Effect::Warns);
}

#[test]
fn a_drain_says_what_stands_between_drained_and_stopped() {
    let whole = with_rings(&world(), |nodes, _| ring(all(nodes)));
    let plan = judged(&whole, drain(&[blue(0)]));
    let notes = &plan.notes;
    assert!(notes.iter().any(|note| note.starts_with("Safe to stop: no.")), "{notes:?}");
    let own = notes.iter().find(|note| note.starts_with(blue(0).as_str())).unwrap();
    assert!(own.contains("it is ACTIVE in the ring of loki"), "{own}");
    assert!(own.contains("/ingester/prepare_shutdown"), "{own}");
    assert!(!own.contains("healthy in"), "that is what the drain changes: {own}");
}

#[test]
fn a_run_asks_the_nodes_that_answer_for_the_rings_of_who_carries() {
    let mut told = with_rings(&world(), |nodes, _| ring(all(nodes)));
    let plan = judged(&told, cutover());
    // Where nothing came back from anybody, nobody is asked for more.
    assert!(check::guard_reads(&plan, &told.picture()).rings.is_empty());
    for mut event in world().events(after(30)) {
        if let Ok(Fragment::Probes(outcomes)) = &mut event.result {
            outcomes.iter_mut().for_each(|one| one.status = Some(200));
            told.inventory.apply(event);
        }
    }
    let answering = check::guard_reads(&plan, &told.picture());
    let ids: Vec<_> = answering.rings.keys().cloned().collect();
    let green: Vec<_> = world().fleets[1].nodes.iter().map(|node| node.id.clone()).collect();
    assert_eq!(ids, green);
    let picture = told.picture().without_probes();
    assert!(check::guard_reads(&plan, &picture).rings.is_empty());
}
