//! rollback: a run of its own that puts back what another did. It is planned from that run's
//! journal, so that throttled reads do not stand in its way: what can be read is used, what cannot
//! is taken from the record. The order is as ever: add, wait until healthy, remove.

use super::attach::{absent, attachment};
use super::draft::{Do, Draft};
use super::ledger::floor;
use super::targets::{delay, delay_text};
use super::undo_of::UndoOf;
use super::{
    DELAY_SLACK, HEALTHY_WITHIN, REGISTERED_AFTER, REGISTRATION_TAKES, RefusalKind, Request,
    nothing,
};
use crate::core::inventory::{Forward, WeightedGroup};
use crate::core::plan::view::{count, counted, forward_text, listed};
use crate::core::plan::{
    ActionId, Claim, Confirmation, Context, Intent, Mutation, Picture, Plan, Refusal, StepAction,
    TargetIs,
};
use crate::core::run::{Run, RunId, RunState};
use std::collections::BTreeSet;
use std::time::Duration;

/// Reads may be throttled for minutes while everybody looks at the same outage.
const SEEN_WITHIN: Duration = Duration::from_secs(900);

pub(super) fn plan(
    picture: Picture<'_>,
    request: &Request,
    context: &Context,
    id: &RunId,
) -> Result<Plan, Refusal> {
    let Some(run) = context.runs.iter().find(|run| &run.id == id) else {
        let next = "`quarterdeck runs` lists them; a run of another host is rolled back there.";
        let why = format!("this host knows no run {id}");
        return Err(Refusal::new(RefusalKind::Usage, why, next));
    };
    if let RunState::RolledBack { by } = &run.state
        && let Some(why) = still_rolled_back(context, id, by)
    {
        return Err(nothing(why));
    }
    if matches!(run.plan.intent, Intent::Rollback { .. }) {
        let why = format!("run {id} is itself a rollback");
        let next = "Make a plan for what you want instead: a rollback is not undone by another.";
        return Err(Refusal::new(RefusalKind::Usage, why, next));
    }
    let undo = UndoOf::run(run);
    if undo.is_empty() && run.state.is_over() {
        return Err(nothing(format!("run {id} has left nothing to put back")));
    }
    let mut draft = Draft::new(picture, request, context)?;
    let (of, here) = ((&run.plan.account, &run.plan.region), (&draft.account, &context.region));
    if of != here {
        let why =
            format!("run {id} is of {} in {}, and this is {} in {}", of.0, of.1, here.0, here.1);
        let next = "Go to its context first (`:context NAME`, --context NAME).";
        return Err(Refusal::new(RefusalKind::Blocked, why, next));
    }
    name_fleets(&mut draft, run);
    draft.take_lock(run.plan.lock.clone());
    put_back(&mut draft, &undo);
    draft.unpin(&undo.pins.clone().into_iter().collect());
    draft.give_lock_back();
    draft.undo.push("The plan that was rolled back, made anew.".into());
    draft.notes.push(format!("Ends run {id} as rolled back. Takes {} at least.", draft.takes()));
    Ok(draft.finish())
}

/// Why a run that another took over is not rolled back once more; one whose rollback was given up
/// may be.
fn still_rolled_back(context: &Context, id: &RunId, by: &RunId) -> Option<String> {
    let other = context.runs.iter().find(|run| &run.id == by && by != id);
    match other.map(|run| &run.state) {
        Some(RunState::Aborted | RunState::Failed { .. }) => None,
        Some(state) if !state.is_over() => {
            Some(format!("run {by} is rolling {id} back: resume that one, or abort it"))
        }
        _ => Some(format!("run {id} has been rolled back by {by}")),
    }
}

/// Who loses and who gains, and how the operator agrees: one's own run is a matter of a key.
fn name_fleets(draft: &mut Draft<'_>, run: &Run) {
    let (gave, received) = (run.plan.giving.clone(), run.plan.receiving.clone());
    match received {
        Some(received) => {
            draft.giving = Some(received);
            draft.receiving = gave;
        }
        None => draft.giving = gave,
    }
    let who = &draft.context.who;
    let own = who.uid.is_some() && who.uid == run.by.uid && who.host == run.by.host;
    if let Some(giving) = draft.giving.clone().filter(|_| !own) {
        draft.confirmation = Confirmation::Type(giving);
    }
}

fn put_back(draft: &mut Draft<'_>, undo: &UndoOf) {
    let back = returned(draft);
    for arn in &back {
        draft.ledger.watch(arn, None, 1);
    }
    let adds = undo.adds.iter().filter(|one| !is_so(&draft.picture, one));
    for mutation in adds.collect::<Vec<_>>() {
        add(draft, mutation);
    }
    if undo.adds.iter().any(is_traffic) {
        wait_healthy(draft, undo);
    }
    weights(draft, undo);
    let removes = undo.removes.iter().filter(|one| !is_so(&draft.picture, one));
    for mutation in removes.collect::<Vec<_>>() {
        remove(draft, mutation, undo);
    }
}

/// The groups of the fleet that gets its traffic back.
fn returned(draft: &Draft<'_>) -> Vec<crate::core::ids::TargetGroupArn> {
    let stack = draft.receiving.as_ref().or(draft.giving.as_ref());
    let groups = stack.map(|stack| draft.picture.target_groups_of(stack));
    groups.into_iter().flatten().cloned().collect()
}

/// Whether an attachment is known to be as the mutation would make it: an addition that the run took
/// back by itself is not taken back twice.
fn is_so(picture: &Picture<'_>, mutation: &Mutation) -> bool {
    let attached = |name| {
        picture.inventory.groups.whole(picture.now).ok()?;
        picture.group(name).map(|group| &group.target_groups)
    };
    match mutation {
        Mutation::AttachTargetGroups { group, target_groups } => {
            attached(group).is_some_and(|now| target_groups.iter().all(|one| now.contains(one)))
        }
        Mutation::DetachTargetGroups { group, target_groups } => {
            attached(group).is_some_and(|now| !target_groups.iter().any(|one| now.contains(one)))
        }
        _ => false,
    }
}

fn is_traffic(mutation: &Mutation) -> bool {
    !matches!(mutation, Mutation::RegisterInstance { .. } | Mutation::DeregisterInstance { .. })
}

fn add(draft: &mut Draft<'_>, mutation: &Mutation) {
    let title = super::super::diff::title(mutation, |arn| draft.picture.name_of(arn));
    let step = Do::change(title, mutation.clone()).shifting(is_traffic(mutation));
    let step = match mutation {
        Mutation::RegisterInstance { service, member, attributes } => step.after(Claim::Member {
            service: service.clone(),
            member: member.clone(),
            is: Some(attributes.clone()),
        }),
        Mutation::AttachTargetGroups { group, target_groups } => {
            step.after(attachment(group, target_groups, &[]))
        }
        _ => step,
    };
    draft.add(step.within(SEEN_WITHIN));
}

/// What was added must carry before anything is taken away.
fn wait_healthy(draft: &mut Draft<'_>, undo: &UndoOf) {
    let mut claims = Vec::new();
    for mutation in &undo.adds {
        match mutation {
            Mutation::AttachTargetGroups { target_groups, .. } => {
                let Some(stack) = draft.receiving.clone() else { continue };
                let least = floor(&draft.picture, &draft.request.options, &stack);
                claims.extend(target_groups.iter().map(|group| Claim::Healthy {
                    group: group.clone(),
                    stack: Some(stack.clone()),
                    zone: None,
                    least,
                }));
            }
            Mutation::RegisterTargets { group, targets } => claims.push(Claim::Targets {
                group: group.clone(),
                targets: targets.clone(),
                are: TargetIs::Healthy,
            }),
            Mutation::ExitStandby { group, instances } => {
                claims.extend(instances.iter().map(|instance| Claim::Lifecycle {
                    group: group.clone(),
                    instance: instance.clone(),
                    is: "InService".into(),
                }));
            }
            _ => {}
        }
    }
    let step = Do::other("wait until healthy", StepAction::Wait, "")
        .afters(claims)
        .within(HEALTHY_WITHIN)
        .at_least(REGISTERED_AFTER, REGISTRATION_TAKES)
        .shifting(true);
    draft.add(step);
}

/// All weights are written first and looked at afterwards: one throttled read must not keep the
/// second listener on a broken fleet.
fn weights(draft: &mut Draft<'_>, undo: &UndoOf) {
    let mut claims = Vec::new();
    for (action, (first, last)) in &undo.forwards {
        let now = now(&draft.picture, action);
        let to = now.as_ref().map_or_else(|| first.clone(), |now| merged(first, last, now));
        claims.push(Claim::Forwards { action: action.clone(), is: to.clone() });
        let label = draft.picture.listener(&action.listener).map(|of| format!(":{}", of.port));
        let label = label.unwrap_or_else(|| action.listener.to_string());
        let words = forward_text(&draft.picture, &to);
        let step = Do::change(
            format!("listener {label}: back to {words}"),
            Mutation::Forward { action: action.clone(), to },
        )
        .undo(Mutation::Forward { action: action.clone(), to: now.unwrap_or_else(|| last.clone()) })
        .shifting(true);
        draft.add(step);
    }
    if !claims.is_empty() {
        let because = "a weight reaches the data plane in seconds to minutes";
        let step = Do::other("see that the weights are back", StepAction::Wait, because)
            .afters(claims)
            .within(SEEN_WITHIN)
            .shifting(true);
        draft.add(step);
    }
}

/// What an action is now, where that is known.
fn now(picture: &Picture<'_>, action: &ActionId) -> Option<Forward> {
    let listener = picture.listener(&action.listener)?;
    let read = picture.inventory.listeners.get(&listener.load_balancer)?;
    read.whole(picture.now).ok()?;
    match &action.rule {
        None => Some(listener.default.clone()),
        Some(arn) => {
            let rules = picture.inventory.rules.get(&action.listener)?.whole(picture.now).ok()?;
            rules.iter().find(|rule| &rule.arn == arn).map(|rule| rule.forward.clone())
        }
    }
}

/// What we changed goes back; what others changed since stays theirs.
fn merged(first: &Forward, last: &Forward, now: &Forward) -> Forward {
    let weight = |of: &Forward, group: &WeightedGroup| {
        let found = of.groups.iter().find(|one| one.target_group == group.target_group);
        found.map(|one| one.weight)
    };
    let ours = |group: &WeightedGroup| weight(first, group) != weight(last, group);
    let mut groups: Vec<WeightedGroup> = first
        .groups
        .iter()
        .map(|group| match weight(now, group) {
            Some(theirs) if !ours(group) => WeightedGroup { weight: theirs, ..group.clone() },
            _ => group.clone(),
        })
        .collect();
    let theirs = now.groups.iter().filter(|group| !ours(group) && weight(first, group).is_none());
    groups.extend(theirs.cloned());
    Forward { groups, ..first.clone() }
}

fn remove(draft: &mut Draft<'_>, mutation: &Mutation, undo: &UndoOf) {
    let title = super::super::diff::title(mutation, |arn| draft.picture.name_of(arn));
    let mut step = Do::change(title, mutation.clone()).shifting(is_traffic(mutation));
    match mutation {
        Mutation::DeregisterInstance { service, member } => {
            let (service, member) = (service.clone(), member.clone());
            step = step.after(Claim::Member { service, member, is: None });
            draft.add(step.within(SEEN_WITHIN));
        }
        Mutation::DetachTargetGroups { group, target_groups } => {
            // Who was attached again must carry; where nobody was, the others do.
            let least = 1;
            let stack = draft.receiving.clone().filter(|_| undo.adds.iter().any(is_traffic));
            for arn in target_groups.iter().filter(|_| stack.is_some()) {
                let (group, stack) = (arn.clone(), stack.clone());
                let claim = Claim::Healthy { group, stack, zone: None, least };
                step = step.before(crate::core::plan::FactKind::Predicate, claim);
            }
            let groups: BTreeSet<_> = target_groups.iter().cloned().collect();
            let gone = draft.giving.clone().map(|of| absent(&draft.picture, &of, &groups));
            let takes = delay(&draft.picture, target_groups.iter());
            draft
                .add(step.after(attachment(group, &[], target_groups)).within(takes + DELAY_SLACK));
            let step = Do::other("wait until it is out", StepAction::Wait, "")
                .afters(gone.unwrap_or_default())
                .within(takes + DELAY_SLACK)
                .at_least(takes, delay_text(takes))
                .shifting(true);
            draft.add(step);
        }
        Mutation::DeregisterTargets { .. } | Mutation::EnterStandby { .. } => draft.add(step),
        _ => draft.add(step.within(SEEN_WITHIN)),
    }
    if let Mutation::EnterStandby { instances, .. } = mutation {
        let ids: Vec<_> = instances.iter().map(ToString::to_string).collect();
        draft.notes.push(format!(
            "{} {} goes back into standby.",
            counted(count(ids.iter()), "node"),
            listed(&ids)
        ));
    }
}
