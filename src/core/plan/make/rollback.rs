//! rollback: a run of its own that puts back what another did. It is planned from that run's
//! journal, so that throttled reads do not stand in its way: what can be read is used, what cannot
//! is taken from the record. The order is as ever: add, wait until healthy, remove.

use super::attach::{absent, attachment};
use super::draft::{Do, Draft};
use super::ledger::floor;
use super::left::of_another_host;
use super::locks::Locks;
use super::targets::{delay, delay_text};
use super::undo_of::UndoOf;
use super::{
    DELAY_SLACK, HEALTHY_WITHIN, REGISTERED_AFTER, REGISTRATION_TAKES, RefusalKind, Request,
    nothing,
};
use crate::core::ids::{GroupName, InstanceId};
use crate::core::inventory::Forward;
use crate::core::plan::view::{count, counted, forward_text, listed};
use crate::core::plan::{
    ActionId, Claim, Confirmation, Context, Finds, Intent, Mutation, Picture, Plan, Refusal,
    StepAction, TargetIs,
};
use crate::core::run::rules::{Restore, restore};
use crate::core::run::{Run, RunId, RunState};
use std::collections::{BTreeMap, BTreeSet};
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
        return of_another_host(picture, request, context, id);
    };
    if let RunState::RolledBack { by } = &run.state
        && let Some(refusal) = still_rolled_back(context, id, by)
    {
        return Err(refusal);
    }
    if matches!(run.plan.intent, Intent::Rollback { .. }) {
        let why = format!("run {id} is itself a rollback");
        let next = "Make a plan for what you want instead: a rollback is not undone by another.";
        return Err(Refusal::new(RefusalKind::Usage, why, next));
    }
    let undo = UndoOf { is_over: run.state.is_over(), ..UndoOf::run(run) };
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
    draft.take_lock(Locks::of_run(&picture, &run.plan));
    if let Some(refusal) = all_changed_since(&draft, &undo) {
        return Err(refusal);
    }
    all_back(&mut draft, &undo);
    Ok(finish(draft, id))
}

/// Traffic first, then what was suspended, then the registry.
pub(super) fn all_back(draft: &mut Draft<'_>, undo: &UndoOf) {
    let before = draft.steps().len();
    put_back(draft, undo);
    let picture = draft.picture;
    draft.unpin(
        &undo.pins.clone().into_iter().filter(|(group, _)| is_there(picture, group)).collect(),
    );
    entries(draft, undo);
    if draft.steps().len() == before {
        draft.notes.push("Nothing is to be put back: all is as it was before that run.".into());
    }
}

pub(super) fn finish(mut draft: Draft<'_>, id: &RunId) -> Plan {
    draft.give_lock_back();
    draft.undo.push("The plan that was rolled back, made anew.".into());
    draft.notes.push(format!("Ends run {id} as rolled back. Takes {} at least.", draft.takes()));
    draft.finish()
}

/// Why a run that another took over is not rolled back once more; one whose rollback was given up
/// may be.
fn still_rolled_back(context: &Context, id: &RunId, by: &RunId) -> Option<Refusal> {
    let other = context.runs.iter().find(|run| &run.id == by && by != id);
    match other.map(|run| &run.state) {
        Some(RunState::Aborted | RunState::Failed { .. }) => None,
        Some(state) if !state.is_over() => {
            let why = format!("run {by} is rolling {id} back");
            let next =
                format!("`quarterdeck run resume {by}` goes on with it, `run abort {by}` ends it.");
            Some(Refusal::new(RefusalKind::Blocked, why, next))
        }
        _ => Some(nothing(format!("run {id} has been rolled back by {by}"))),
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

/// Traffic first: nothing else may stand between the decision and the first listener.
fn put_back(draft: &mut Draft<'_>, undo: &UndoOf) {
    let back = returned(draft);
    for arn in &back {
        draft.ledger.watch(arn, None, 1);
    }
    weights(draft, undo);
    let open = |of: &&Mutation| !is_so(&draft.picture, of);
    let adds: Vec<_> = undo.adds.iter().filter(|of| is_traffic(of)).filter(open).collect();
    let removes: Vec<_> = undo.removes.iter().filter(|of| is_traffic(of)).filter(open).collect();
    for mutation in adds {
        add(draft, mutation);
    }
    if undo.adds.iter().any(is_traffic) {
        wait_healthy(draft, undo);
    }
    for mutation in removes {
        remove(draft, mutation, undo);
    }
}

/// The registry's entries come after everything else: whatever goes wrong with one keeps neither
/// traffic nor an Auto Scaling group waiting.
fn entries(draft: &mut Draft<'_>, undo: &UndoOf) {
    let open = |of: &&Mutation| !is_traffic(of) && !is_so(&draft.picture, of);
    let adds: Vec<_> = undo.adds.iter().filter(open).collect();
    let removes: Vec<_> = undo.removes.iter().filter(open).collect();
    for mutation in adds {
        match mutation {
            Mutation::RegisterInstance { member, attributes, .. }
                if !lives_at(&draft.picture, member, attributes) =>
            {
                draft.notes.push(format!(
                    "The entry of {member} is not written again: it is not known to run at that \
                     address. `quarterdeck repair` registers what is missing."
                ));
            }
            _ => add(draft, mutation),
        }
    }
    for mutation in removes {
        remove(draft, mutation, undo);
    }
}

/// Whether a living node has the address that an entry gives.
fn lives_at(
    picture: &Picture<'_>,
    member: &InstanceId,
    attributes: &BTreeMap<String, String>,
) -> bool {
    let address = attributes.get("AWS_INSTANCE_IPV4").and_then(|text| text.parse().ok());
    let node = picture.node(member).filter(|node| node.is_living());
    node.is_some_and(|node| address.is_some() && node.private_ip == address)
}

/// The groups of the fleet that gets its traffic back.
fn returned(draft: &Draft<'_>) -> Vec<crate::core::ids::TargetGroupArn> {
    let stack = draft.receiving.as_ref().or(draft.giving.as_ref());
    let groups = stack.map(|stack| draft.picture.target_groups_of(stack));
    groups.into_iter().flatten().cloned().collect()
}

/// Whether an attachment is known to be as the mutation would make it: an addition that the run took
/// back by itself is not taken back twice.
pub(super) fn is_so(picture: &Picture<'_>, mutation: &Mutation) -> bool {
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
        Mutation::RegisterInstance { service, member, attributes } => {
            let members = picture.members(service);
            members.is_ok_and(|all| {
                all.iter().any(|one| &one.id == member && *one.attributes == *attributes)
            })
        }
        Mutation::DeregisterInstance { service, member } => {
            picture.members(service).is_ok_and(|all| all.iter().all(|one| &one.id != member))
        }
        Mutation::ExitStandby { group, instances } => {
            let group = picture.inventory.groups.whole(picture.now).ok().and(picture.group(group));
            group.is_some_and(|group| {
                instances.iter().all(|id| {
                    group.instances.iter().any(|of| &of.id == id && &*of.lifecycle == "InService")
                })
            })
        }
        _ => false,
    }
}

/// Whether an Auto Scaling group is there, as far as is known: one that was deleted with its fleet has
/// nothing suspended any more.
fn is_there(picture: Picture<'_>, group: &GroupName) -> bool {
    picture.inventory.groups.whole(picture.now).is_err() || picture.group(group).is_some()
}

/// Nothing is planned where another has changed every listener since: what is there now is nothing that
/// the run left.
pub(super) fn all_changed_since(draft: &Draft<'_>, undo: &UndoOf) -> Option<Refusal> {
    let foreign = |(action, of): (&ActionId, &Finds)| {
        let now = as_read(&draft.picture, action);
        restore(&of.first, &of.writes, now.as_ref()) == Restore::Foreign
    };
    let rest = !undo.adds.is_empty() || !undo.removes.is_empty() || !undo.pins.is_empty();
    if undo.forwards.is_empty() || rest || !undo.forwards.iter().all(foreign) {
        return None;
    }
    let why = "every listener was changed by another since: none is as the run left it";
    let next = "See `quarterdeck traffic`, then plan a cutover from what carries traffic now.";
    Some(Refusal::new(RefusalKind::Blocked, why, next))
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
    for (action, of) in &undo.forwards {
        let now = as_read(&draft.picture, action);
        let label = draft.picture.listener(&action.listener).map(|of| format!(":{}", of.port));
        let label = label.unwrap_or_else(|| action.listener.to_string());
        let to = match restore(&of.first, &of.writes, now.as_ref()) {
            Restore::Write(to) => to,
            Restore::AlreadySo if undo.is_over => continue,
            // A run that is still at work may write it once more before it is stopped.
            Restore::AlreadySo => now.clone().unwrap_or_else(|| of.first.clone()),
            Restore::Foreign => {
                let found = now.as_ref().map(|now| forward_text(&draft.picture, now));
                draft.notes.push(format!(
                    "WARNING: listener {label} is left as it is: {}, which the run did not write.",
                    found.unwrap_or_default()
                ));
                continue;
            }
        };
        claims.push(Claim::Forwards { action: action.clone(), is: to.clone() });
        let words = forward_text(&draft.picture, &to);
        let last = of.writes.last().unwrap_or(&of.first);
        let step = Do::change(
            format!("listener {label}: back to {words}"),
            Mutation::Forward { action: action.clone(), to },
        )
        .undo(Mutation::Forward { action: action.clone(), to: now.unwrap_or_else(|| last.clone()) })
        .finds(of.clone())
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
pub(super) fn as_read(picture: &Picture<'_>, action: &ActionId) -> Option<Forward> {
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
