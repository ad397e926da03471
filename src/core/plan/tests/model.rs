//! A small model of what mutations do to targets, and thousands of fleets: no plan whose guards let
//! it run ever takes a group with weight under its floor, whatever comes late.

use super::*;
use crate::core::ids::{InstanceId, TargetGroupArn};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The world as far as targets and weights go. What is added turns healthy as late as the plan's
/// own waits allow; what is removed is gone at once.
struct Model {
    healthy: BTreeMap<TargetGroupArn, BTreeSet<(InstanceId, u16)>>,
    coming: BTreeMap<TargetGroupArn, BTreeSet<(InstanceId, u16)>>,
    weights: BTreeMap<ActionId, BTreeMap<TargetGroupArn, u32>>,
    of_group: BTreeMap<String, BTreeSet<InstanceId>>,
    ports: BTreeMap<TargetGroupArn, u16>,
}

impl Model {
    fn new(world: &World) -> Self {
        let mut this = Self {
            healthy: BTreeMap::new(),
            coming: BTreeMap::new(),
            weights: BTreeMap::new(),
            of_group: BTreeMap::new(),
            ports: BTreeMap::new(),
        };
        for fleet in &world.fleets {
            for (_, port) in PORTS {
                let group = world.group(fleet.stack, port);
                this.ports.insert(group.clone(), port);
                let healthy = this.healthy.entry(group).or_default();
                for node in &fleet.nodes {
                    if node.targets.get(&port) == Some(&"healthy") {
                        healthy.insert((node.id.clone(), port));
                    }
                }
            }
            let ids = fleet.nodes.iter().filter(|node| node.listed).map(|node| node.id.clone());
            this.of_group.insert(format!("{}-asg", fleet.stack), ids.collect());
        }
        for (_, port) in PORTS {
            let weights = world.forward(port).groups;
            let weights = weights.into_iter().map(|of| (of.target_group, of.weight));
            let action = ActionId { listener: listener(port), rule: None };
            this.weights.insert(action, weights.collect());
        }
        this
    }

    fn take(&mut self, step: &Step) {
        if let StepAction::Change(mutation) = &step.action {
            self.change(mutation);
        }
        // A wait for health is over when what was coming has come.
        for claim in &step.after {
            match claim {
                Claim::Healthy { group, .. }
                | Claim::Targets { group, are: TargetIs::Healthy, .. } => {
                    let come = self.coming.remove(group).unwrap_or_default();
                    self.healthy.entry(group.clone()).or_default().extend(come);
                }
                _ => {}
            }
        }
    }

    fn change(&mut self, mutation: &Mutation) {
        match mutation {
            Mutation::DeregisterTargets { group, targets } => {
                let healthy = self.healthy.get_mut(group).unwrap();
                targets.iter().for_each(|of| {
                    healthy.remove(&(of.id.clone(), of.port));
                });
            }
            Mutation::EnterStandby { instances, .. } => {
                for healthy in self.healthy.values_mut() {
                    healthy.retain(|(id, _)| !instances.contains(id));
                }
            }
            Mutation::RegisterTargets { group, targets } => {
                let coming = self.coming.entry(group.clone()).or_default();
                coming.extend(targets.iter().map(|of| (of.id.clone(), of.port)));
            }
            Mutation::AttachTargetGroups { group, target_groups } => {
                for arn in target_groups {
                    let ids = self.of_group[group.as_str()].clone();
                    let port = self.ports[arn];
                    let coming = self.coming.entry(arn.clone()).or_default();
                    coming.extend(ids.into_iter().map(|id| (id, port)));
                }
            }
            Mutation::DetachTargetGroups { group, target_groups } => {
                let ids = &self.of_group[group.as_str()];
                for arn in target_groups {
                    self.healthy.get_mut(arn).unwrap().retain(|(id, _)| !ids.contains(id));
                }
            }
            Mutation::Forward { action, to } => {
                let weights = to.groups.iter().map(|of| (of.target_group.clone(), of.weight));
                self.weights.insert(action.clone(), weights.collect());
            }
            _ => {}
        }
    }

    /// Groups that get traffic, and how many healthy targets they have.
    fn serving(&self) -> Vec<(&TargetGroupArn, usize)> {
        let of = |groups: &'_ BTreeMap<TargetGroupArn, u32>| -> Vec<TargetGroupArn> {
            let alone = groups.len() == 1;
            groups
                .iter()
                .filter(|(_, weight)| alone || **weight > 0)
                .map(|(arn, _)| arn.clone())
                .collect()
        };
        let weighed: BTreeSet<TargetGroupArn> = self.weights.values().flat_map(of).collect();
        self.healthy
            .iter()
            .filter(|(arn, _)| weighed.contains(*arn))
            .map(|(arn, healthy)| (arn, healthy.len()))
            .collect()
    }
}

fn state() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just("healthy"), 1 => Just("unhealthy"), 1 => Just("draining"), 1 => Just("initial")]
}

use proptest::strategy::Strategy;

prop_compose! {
    fn worlds()(
        sizes in (1_usize..7, 1_usize..7),
        shared in any::<bool>(),
        elb in any::<bool>(),
        cross_zone in any::<bool>(),
        split in 0_u32..3,
        states in proptest::collection::vec(state(), 28),
        min in 0_u32..4,
    ) -> World {
        let mut world = if shared { attach_world() } else { world() };
        let (attached, weights) = (world.fleets[1].attached, !world.fleets[1].weights.is_empty());
        world.fleets = vec![
            fleet(0, "blue", sizes.0, 100 - split * 30),
            fleet(1, "green", sizes.1, split * 30),
        ];
        world.fleets[1].attached = attached;
        world.cross_zone = cross_zone;
        let mut states = states.into_iter().cycle();
        for (number, fleet) in world.fleets.iter_mut().enumerate() {
            fleet.elb = elb;
            fleet.min = min;
            for node in &mut fleet.nodes {
                node.targets.values_mut().for_each(|of| *of = states.next().unwrap());
                if shared && number == 1 {
                    node.targets.clear();
                }
            }
        }
        if !weights {
            world.fleets[1].weights.clear();
        }
        world
    }
}

/// What a wish may be.
fn wishes() -> impl Strategy<Value = Request> {
    let drains =
        (proptest::collection::btree_set(0_usize..7, 1..5), 1_u32..4, 0_u8..3, any::<bool>());
    let drains = drains.prop_map(|(nodes, at_a_time, method, floor)| {
        let nodes: Vec<_> = nodes.into_iter().map(blue).collect();
        wish(drain(&nodes), |of| {
            of.options.at_a_time = at_a_time;
            of.options.method =
                [None, Some(DrainMethod::Standby), Some(DrainMethod::Targets)][usize::from(method)];
            of.options.min_healthy =
                if floor { MinHealthy::Count(2) } else { MinHealthy::Percent(50) };
        })
    });
    let moves = Just(wish(cutover(), |_| ()));
    prop_oneof![2 => drains, 1 => moves]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_that_may_run_goes_under_the_floor(world in worlds(), request in wishes()) {
        let told = world.told();
        let picture = told.picture();
        let Ok(plan) = plan(&picture, &request, &context()) else { return Ok(()) };
        if guards::exit_code(&plan.guards) != 0 {
            return Ok(());
        }
        let floors: BTreeMap<_, _> = ["blue", "green"]
            .map(|stack| (stack, make::ledger::floor(&picture, &plan.options, &stack.into())))
            .into();
        let mut model = Model::new(&world);
        let at_first: BTreeMap<_, _> =
            model.healthy.iter().map(|(arn, healthy)| (arn.clone(), healthy.len())).collect();
        for step in &plan.steps {
            model.take(step);
            for (arn, healthy) in model.serving() {
                let stack = if arn.as_str().contains("green") { "green" } else { "blue" };
                // Where the fleets share groups, the smaller fleet's floor is all that both promise.
                let floor = if world.shared { floors["blue"].min(floors["green"]) } else { floors[stack] };
                // What is under its floor already must not sink further.
                let floor = floor.min(u32::try_from(at_first[arn]).unwrap());
                // A fleet that loses its traffic need not keep more than it had.
                let gives = Some(stack) == plan.giving.as_ref().map(|of| of.as_str())
                    && plan.receiving.is_some();
                if !gives || world.shared {
                    prop_assert!(
                        u32::try_from(healthy).unwrap() >= floor,
                        "{arn}: {healthy} < {floor} after {}", step.title
                    );
                }
            }
            // What the plan promised is no more than what the model has.
            for row in step.capacity.iter().filter(|row| row.stack.is_none()) {
                let has = model.healthy.get(&row.group).map_or(0, BTreeSet::len);
                let after = row.after.map(|after| usize::try_from(after).unwrap());
                prop_assert!(after.is_some_and(|after| after <= has), "{row:?}: {has} after {}", step.title);
            }
        }
    }

    /// Whatever single read is lost, a plan is refused, or says that it cannot tell, or needs it not.
    #[test]
    fn a_lost_read_never_makes_a_plan_more_daring(world in worlds(), request in wishes(), lost in any::<prop::sample::Index>()) {
        let scopes: Vec<_> = world.events(now()).into_iter().map(|event| event.scope).collect();
        let mut blind = world.clone();
        blind.failing.push((lost.get(&scopes).clone(), crate::core::error::ErrorKind::Throttled));
        let (told, less) = (world.told(), blind.told());
        let Ok(with) = plan(&less.picture(), &request, &context()) else { return Ok(()) };
        if guards::exit_code(&with.guards) != 0 {
            return Ok(());
        }
        // What can run with less knowledge can run with more.
        let more = plan(&told.picture(), &request, &context());
        prop_assert!(more.is_ok_and(|plan| guards::exit_code(&plan.guards) == 0), "{:?} lost", lost.get(&scopes));
    }
}
