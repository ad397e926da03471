//! Rollbacks: in the right order, from what the journal says, and not stopped by throttled reads.

use super::*;
use crate::core::error::ErrorKind;
use crate::core::inventory::ProbeReason;
use crate::core::run::{RunState, Who};
use crate::core::source::Scope;

fn rollback() -> Request {
    wish(Intent::Rollback { run: RunId::from("r-1") }, |_| ())
}

/// How many steps come before the first with this title, that one included.
fn through(plan: &Plan, title: &str) -> usize {
    plan.steps.iter().position(|step| step.title == title).unwrap() + 1
}

fn known(run: Run) -> Context {
    let who = Who { uid: Some(1000), host: Some("here".into()), ..Who::default() };
    Context { runs: vec![run], who, ..context() }
}

/// The world after weights have gone over to green, which then fails in every product while the
/// load balancer's reads are throttled.
fn broken_green() -> World {
    let mut world = world();
    world.fleets[0].weights.values_mut().for_each(|of| *of = 0);
    world.fleets[1].weights.values_mut().for_each(|of| *of = 100);
    for index in 0..4 {
        let node = world.node(&green(index));
        node.probe = ProbeReason::WrongStatus;
        node.targets.values_mut().for_each(|of| *of = "unhealthy");
    }
    let mut scopes = vec![Scope::Listeners(balancer()), Scope::TargetGroups, Scope::LoadBalancers];
    for (_, port) in PORTS {
        scopes.push(Scope::Rules(listener(port)));
        for stack in ["blue", "green"] {
            scopes.push(Scope::TargetHealth(world.group(stack, port)));
        }
    }
    world.failing = scopes.into_iter().map(|scope| (scope, ErrorKind::Throttled)).collect();
    world
}

#[test]
fn a_rollback_from_a_wholly_broken_fleet_under_throttled_reads_is_not_refused() {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let run = run_of(&plan, through(&plan, "settle with 100% at green"));
    let back = planned_in(&broken_green(), &rollback(), &known(run)).unwrap();
    assert_eq!(guards::exit_code(&back.guards), 0, "{:#?}", back.guards);
    let forwards: Vec<_> = mutations(&back)
        .into_iter()
        .filter_map(|of| match of {
            Mutation::Forward { to, .. } => Some(to.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(forwards, [world().forward(3100), world().forward(3200)], "as it was");
    let first_read = back.steps.iter().position(|step| !step.after.is_empty()).unwrap();
    let last_write = back
        .steps
        .iter()
        .rposition(|step| matches!(step.action, StepAction::Change(Mutation::Forward { .. })))
        .unwrap();
    assert!(last_write < first_read, "one throttled read must not stop the second listener");
    assert_eq!(effect(&back, GuardName::FreshReads), Effect::Warns);
    assert_eq!(back.giving.as_ref().unwrap().as_str(), "green");
    assert_eq!(back.confirmation, Confirmation::YesNo);
}

#[test]
fn somebody_elses_run_is_rolled_back_with_the_name_typed() {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let run = run_of(&plan, through(&plan, "settle with 10% at green"));
    let mut context = known(run);
    context.who.uid = Some(2000);
    let back = planned_in(&world(), &rollback(), &context).unwrap();
    assert_eq!(back.confirmation, Confirmation::Type("green".into()));
}

#[test]
fn traffic_does_not_return_to_a_group_with_nothing_healthy() {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let run = run_of(&plan, through(&plan, "settle with 100% at green"));
    let mut world = world();
    for index in 0..4 {
        world.node(&blue(index)).targets.insert(3200, "unhealthy");
    }
    let back = planned_in(&world, &rollback(), &known(run)).unwrap();
    assert_eq!(
        effect(&back, GuardName::Floor),
        Effect::Blocks,
        "{:?}",
        report(&back, GuardName::Floor)
    );
}

#[test]
fn what_others_changed_meanwhile_stays_theirs() {
    let before = {
        let mut world = world();
        let target_group = "arn:x:targetgroup/other/9".into();
        world.extra_groups =
            vec![crate::core::inventory::WeightedGroup { target_group, weight: 100 }];
        world
    };
    let plan = planned(&before, &wish(cutover(), |_| ())).unwrap();
    let run = run_of(&plan, through(&plan, "settle with 100% at green"));
    let mut after = before;
    after.fleets[0].weights.values_mut().for_each(|of| *of = 0);
    after.fleets[1].weights.values_mut().for_each(|of| *of = 100);
    after.extra_groups[0].weight = 300;
    let back = planned_in(&after, &rollback(), &known(run)).unwrap();
    let weights: Vec<Vec<u32>> = mutations(&back)
        .into_iter()
        .filter_map(|of| match of {
            Mutation::Forward { to, .. } => Some(to.groups.iter().map(|of| of.weight).collect()),
            _ => None,
        })
        .collect();
    assert_eq!(weights, [[100, 0, 300], [100, 0, 300]]);
}

#[test]
fn the_way_back_of_attach_adds_waits_and_then_removes() {
    let plan = planned(&attach_world(), &wish(cutover(), |_| ())).unwrap();
    let mut shifted = attach_world();
    shifted.fleets[1].attached = true;
    shifted.fleets[0].attached = false;
    for node in &mut shifted.fleets[0].nodes {
        node.targets.clear();
    }
    for node in &mut shifted.fleets[1].nodes {
        node.targets = PORTS.iter().map(|(_, port)| (*port, "healthy")).collect();
    }
    // Blue's weights are those of the shared groups.
    let run = run_of(&plan, through(&plan, "wait until blue is out"));
    let back = planned_in(&shifted, &rollback(), &known(run)).unwrap();
    let expected = [
        "take the locks on front and n",
        "attach blue-asg to all-3100 and all-3200",
        "wait until healthy",
        "detach green-asg from all-3100 and all-3200",
        "wait until it is out",
        "resume AZRebalance, AlarmNotification, InstanceRefresh and ScheduledActions of blue-asg",
        "resume AZRebalance, InstanceRefresh and ScheduledActions of green-asg",
        "give the locks on front and n back",
    ];
    assert_eq!(titles(&back), expected);
    assert!(back.steps[3].before.iter().any(|fact| matches!(&fact.claim,
        Claim::Healthy { stack: Some(stack), .. } if stack.as_str() == "blue")));
    // Before the detachment the giving fleet still carries: our own addition is all there is to undo.
    let run = run_of(&plan, through(&plan, "wait until green is healthy"));
    let mut both = shifted.clone();
    both.fleets[0] = attach_world().fleets[0].clone();
    let back = planned_in(&both, &rollback(), &known(run)).unwrap();
    assert_eq!(titles(&back)[1], "detach green-asg from all-3100 and all-3200");
    let resumed =
        titles(&back).into_iter().find(|of| of.starts_with("resume") && of.contains("green"));
    assert!(resumed.unwrap().contains("HealthCheck"), "{:#?}", titles(&back));
}

#[test]
fn a_drain_is_rolled_back_by_bringing_back() {
    let plan = planned(&world(), &wish(drain(&[blue(0)]), |_| ())).unwrap();
    let mut drained = world();
    drained.fleets[0].desired = 3;
    drained.node(&blue(0)).lifecycle = "Standby";
    drained.node(&blue(0)).targets.clear();
    let back = planned_in(&drained, &rollback(), &known(run_of(&plan, 4))).unwrap();
    assert_eq!(titles(&back)[1], format!("{} out of standby", blue(0)));
}

#[test]
fn nothing_is_rolled_back_twice_or_out_of_nothing() {
    use RefusalKind::{NothingToDo, Usage};
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let unknown = wish(Intent::Rollback { run: RunId::from("r-9") }, |_| ());
    let run = run_of(&plan, 3);
    assert_eq!(refused(planned_in(&world(), &unknown, &known(run.clone()))).0, Usage);
    let mut back = run.clone();
    back.state = RunState::RolledBack { by: RunId::from("r-2") };
    assert_eq!(refused(planned_in(&world(), &rollback(), &known(back))).0, NothingToDo);
    let mut over = run_of(&plan, 1);
    over.state = RunState::Aborted;
    assert_eq!(refused(planned_in(&world(), &rollback(), &known(over))).0, NothingToDo);
    let mut rolling = run.clone();
    rolling.plan.intent = Intent::Rollback { run: RunId::from("r-0") };
    assert_eq!(refused(planned_in(&world(), &rollback(), &known(rolling))).0, Usage);
    // A run that has changed nothing is ended all the same: it holds the lock.
    let held = planned_in(&world(), &rollback(), &known(run)).unwrap();
    assert_eq!(titles(&held), ["take the lock on front", "give the lock on front back"]);
}

#[test]
fn a_run_of_another_place_is_not_rolled_back_here() {
    let plan = planned(&world(), &wish(cutover(), |_| ())).unwrap();
    let mut run = run_of(&plan, through(&plan, "settle with 10% at green"));
    run.plan.region = "eu-west-1".into();
    let refusal = planned_in(&world(), &rollback(), &known(run)).unwrap_err();
    assert_eq!(refusal.kind, crate::core::plan::refusal::RefusalKind::Blocked);
    assert!(refusal.why.contains("in eu-west-1, and this is"), "{}", refusal.why);
}
