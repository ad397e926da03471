//! What holds for every world: the order of observations does not matter, and not knowing
//! something never makes anything look healthier.

use super::world::{self, World, sized};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use quarterdeck::core::error::{ErrorKind, SourceError};
use quarterdeck::core::estate::{Estate, Policy, Role};
use quarterdeck::core::inventory::{Inventory, ProbeReason, Verdict};
use quarterdeck::core::reconcile::{reconcile, reconcile_after};
use quarterdeck::core::source::SourceEvent;

/// A world with anything wrong in it.
fn worlds() -> impl Strategy<Value = World> {
    let node = (
        select(vec!["InService", "Standby", "Pending", "Terminating:Wait"]),
        select(vec!["running", "stopped", "terminated"]),
        prop::collection::vec(select(vec!["healthy", "unhealthy", "initial", "draining", ""]), 3),
        prop::collection::vec(
            select(vec![
                ProbeReason::Ready,
                ProbeReason::Starting,
                ProbeReason::NoRoute,
                ProbeReason::DatabaseFailing,
            ]),
            3,
        ),
        any::<[bool; 3]>(),
    );
    let weights = (select(vec![0_u32, 25, 100]), select(vec![0_u32, 50, 100]));
    (prop::collection::vec(node, 7), weights, any::<[bool; 2]>()).prop_map(
        |(nodes, (blue, green), [shared, cross_zone])| {
            let mut world = sized(&[("blue", 4, blue), ("green", 3, green)]);
            (world.shared_groups, world.cross_zone) = (shared, cross_zone);
            let all = world.fleets.iter_mut().flat_map(|fleet| &mut fleet.nodes);
            for (node, (lifecycle, state, targets, probes, [member, listed, known])) in
                all.zip(nodes)
            {
                (node.lifecycle, node.ec2_state) = (lifecycle, state);
                (node.in_group, node.in_ec2) = (listed, known);
                if !member {
                    node.member = None;
                }
                for ((_, port), state) in world::PORTS.iter().zip(targets) {
                    node.targets.insert(*port, state);
                }
                node.targets.retain(|_, state| !state.is_empty());
                for ((product, _), reason) in world::PORTS.iter().zip(probes) {
                    node.probes.insert(product, reason);
                }
            }
            world
        },
    )
}

fn after(events: impl IntoIterator<Item = SourceEvent>) -> Estate {
    let mut inventory = Inventory::default();
    events.into_iter().for_each(|event| inventory.apply(event));
    reconcile(&inventory, world::now(), &Policy::default())
}

/// How much good is said: whatever a reader could take for healthy.
fn goodness(estate: &Estate) -> Vec<(String, u32)> {
    let mut all = Vec::new();
    for (stack, fleet) in &estate.fleets {
        for target in &fleet.targets {
            let healthy = target.capacity.as_ref().map_or(0, |capacity| capacity.healthy);
            all.push((format!("{stack} healthy in {}", target.name), healthy));
            let closed = u32::from(target.fail_open == Some(false));
            all.push((format!("{stack} {} closed", target.name), closed));
        }
        for probe in &fleet.probes {
            all.push((format!("{stack} {} passes", probe.service), probe.pass));
        }
        all.push((format!("{stack} known role"), u32::from(fleet.role != Role::Unknown)));
        all.push((format!("{stack} members"), fleet.members.unwrap_or(0)));
    }
    for (id, node) in &estate.nodes {
        let healthy = node.targets.iter().filter(|target| target.is_healthy()).count();
        all.push((format!("{id} healthy"), u32::try_from(healthy).unwrap()));
        let passing = node.probes.iter().filter(|probe| probe.verdict == Verdict::Pass).count();
        all.push((format!("{id} passing"), u32::try_from(passing).unwrap()));
    }
    all
}

proptest! {
    #[test]
    fn the_order_of_observations_does_not_matter(
        (world, order) in worlds().prop_flat_map(|world| {
            let events = world.events();
            (Just(world), Just(events).prop_shuffle())
        })
    ) {
        prop_assert_eq!(after(world.events()), after(order));
    }

    #[test]
    fn not_knowing_makes_nothing_healthier(
        (world, lost) in worlds().prop_flat_map(|world| {
            let events: Vec<usize> = (0..world.events().len()).collect();
            let number = events.len();
            (Just(world), subsequence(events, 0..number))
        })
    ) {
        let all = after(world.events());
        let known: std::collections::BTreeMap<_, _> = goodness(&all).into_iter().collect();
        let some = after(world.events().into_iter().enumerate().map(|(index, mut event)| {
            if lost.contains(&index) {
                let why = SourceError::new(ErrorKind::Throttled, "x", "rate exceeded");
                event.result = Err(why);
            }
            event
        }));
        for (what, good) in goodness(&some) {
            let before = known.get(&what).copied().unwrap_or(0);
            prop_assert!(good <= before, "{what}: {good} without knowing, {before} with");
        }
    }

    /// Whatever was joined before, and whatever of it is shared: the outcome is as if nothing had
    /// been. Some observations are lost and some are told again at another time.
    #[test]
    fn what_was_joined_before_changes_nothing(
        (was, is, lost) in (worlds(), worlds()).prop_flat_map(|(was, is)| {
            let number = is.events().len();
            let lost = subsequence((0..number).collect::<Vec<_>>(), 0..number);
            (prop_oneof![Just(was), Just(is.clone())], Just(is), lost)
        }),
        later in 0..600_i64,
    ) {
        let before = after(was.events());
        let mut inventory = Inventory::default();
        let told = is.events().into_iter().enumerate();
        told.filter(|(index, _)| !lost.contains(index)).for_each(|(_, event)| inventory.apply(event));
        let now = world::now() + jiff::SignedDuration::from_secs(later);
        let shared = reconcile_after(&inventory, Some(&before), now, &Policy::default());
        prop_assert_eq!(shared, reconcile(&inventory, now, &Policy::default()));
    }
}
