//! cutover by attaching: the fleets share groups, and attaching *is* the shift, since the load
//! balancer sends traffic from the first passed check. So everything is verified by probes before,
//! and the order is add, wait until healthy, remove.

use super::draft::{Do, Draft};
use super::ledger::floor;
use super::locks::Locks;
use super::targets::{delay, delay_text};
use super::{
    DELAY_SLACK, HEALTHY_WITHIN, REGISTERED_AFTER, REGISTRATION_TAKES, RefusalKind, blocked, pins,
    unread,
};
use crate::core::estate::Node;
use crate::core::ids::{GroupName, StackId, TargetGroupArn};
use crate::core::plan::view::{counted, listed};
use crate::core::plan::{
    Claim, FactKind, Gate, Mutation, PastLimit, Picture, Refusal, StepAction, Target, TargetIs,
};
use std::collections::{BTreeMap, BTreeSet};

/// AttachTrafficSources takes so many groups a call (API reference).
const GROUPS_A_CALL: usize = 10;

/// The groups to attach to and detach from.
type Groups = BTreeSet<TargetGroupArn>;

pub(super) fn add(
    draft: &mut Draft<'_>,
    locks: Locks,
    (from, to): (&StackId, &StackId),
) -> Result<(), Refusal> {
    let picture = draft.picture;
    if draft.request.options.schedule.as_ref().is_some_and(|of| of.as_slice() != [100]) {
        let why = "attaching a fleet moves its share at once: there are no steps in between";
        let next = "Leave --schedule out, or say --schedule 100.";
        return Err(Refusal::new(RefusalKind::Usage, why, next));
    }
    let groups = groups(&picture, from)?;
    let carry = carry(draft, &groups, (from, to))?;
    let least = floor(&picture, &draft.request.options, to);
    for group in &groups {
        draft.ledger.watch(group, None, least);
    }
    draft.take_lock(locks);
    preflight(draft, to)?;
    let mut pinned = draft.pin(from, &pins::GIVING, "traffic rests on these nodes");
    pinned.extend(draft.pin(
        to,
        &pins::RECEIVING,
        "it must be free to scale out, and nothing else",
    ));
    let why = "nothing may replace a node that is not healthy to the load balancer yet";
    let until_healthy = draft.pin(to, &pins::REPLACING, why);
    draft.gate(Gate::BeforeShift);
    attach(draft, to, &groups, &carry)?;
    draft.unpin(&until_healthy);
    let mut shared = carry.clone();
    shared.extend(draft.probes_pass(to));
    shared.extend(pins::held(&pinned));
    draft.bake(&format!("with traffic at {from} and {to}"), shared.clone());
    draft.gate(Gate::BeforeEnd);
    detach(draft, from, &groups, &carry)?;
    draft.bake(&format!("with all traffic at {to}"), shared);
    draft.see_that_it_carries_nothing(from);
    draft.remove_members_of(from, to)?;
    draft.unpin(&pinned);
    draft.give_lock_back();
    say(draft, &groups, (from, to));
    Ok(())
}

/// The giving fleet's groups that carry traffic; they must not be more than a call takes.
fn groups(picture: &Picture<'_>, from: &StackId) -> Result<Groups, Refusal> {
    let attached = picture.groups_of(from).into_iter().flat_map(|group| &group.target_groups);
    let groups: Groups = attached.filter(|arn| picture.carries(arn)).cloned().collect();
    if groups.is_empty() {
        let why = format!("no Auto Scaling group of {from} is attached to a group with traffic");
        return Err(blocked(why, "Targets registered by hand are moved by hand."));
    }
    if groups.len() > GROUPS_A_CALL {
        let why = format!(
            "{from} is attached to {}, and one call attaches {GROUPS_A_CALL}: attaching in parts \
             would split the products between the fleets",
            counted(groups.len() as u64, "target group")
        );
        return Err(blocked(why, "Cut over by weights, with target groups of their own."));
    }
    Ok(groups)
}

fn carry(
    draft: &Draft<'_>,
    groups: &Groups,
    (from, to): (&StackId, &StackId),
) -> Result<Vec<Claim>, Refusal> {
    let mut all = Vec::new();
    for group in groups {
        all.extend(draft.can_carry((to, group), (from, group))?);
    }
    Ok(all)
}

/// Every node's every product is ready for the window: the load balancer says nothing of it yet.
fn preflight(draft: &mut Draft<'_>, to: &StackId) -> Result<(), Refusal> {
    let picture = draft.picture;
    let nodes: Vec<&Node> = picture.nodes_of(to).filter(|node| node.is_living()).collect();
    if nodes.is_empty() {
        let why = format!("{to} has no node in service");
        return Err(blocked(why, "Scale it out first."));
    }
    let mut claims = Vec::new();
    for node in nodes {
        let Some(address) = node.private_ip.map(|ip| ip.to_string()) else {
            let what = format!("the address of {}", node.id);
            return Err(unread(&crate::core::observed::Why::Depends, &what));
        };
        claims.push(Claim::Ready { instance: node.id.clone(), address });
    }
    claims.extend(draft.probes_pass(to));
    let because = "attaching is the shift: what is not ready now takes traffic all the same";
    draft.watch(format!("verify {to} by probes"), draft.request.options.window, because, claims);
    Ok(())
}

/// A fleet's Auto Scaling groups; without one there is nothing to attach.
fn names(picture: &Picture<'_>, stack: &StackId) -> Result<Vec<GroupName>, Refusal> {
    let names: Vec<_> = picture.groups_of(stack).iter().map(|of| of.name.clone()).collect();
    if names.is_empty() {
        let why = format!("{stack} has no Auto Scaling group to attach");
        return Err(blocked(why, "Give it one, tagged with STACK."));
    }
    Ok(names)
}

fn attach(
    draft: &mut Draft<'_>,
    to: &StackId,
    groups: &Groups,
    carry: &[Claim],
) -> Result<(), Refusal> {
    let mut attached = Vec::new();
    for name in names(&draft.picture, to)? {
        let there = draft.picture.group(&name).map(|of| of.target_groups.clone());
        let there = there.unwrap_or_default();
        let missing: Vec<_> = groups.iter().filter(|arn| !there.contains(arn)).cloned().collect();
        if missing.is_empty() {
            continue;
        }
        let undo =
            Mutation::DetachTargetGroups { group: name.clone(), target_groups: missing.clone() };
        let step = Do::change(
            format!("attach {name} to {}", named(draft, &missing)),
            Mutation::AttachTargetGroups { group: name.clone(), target_groups: missing.clone() },
        )
        .before(FactKind::Identity, draft.place())
        .before(FactKind::Identity, attachment(&name, &[], &missing))
        .after(attachment(&name, &missing, &[]))
        .undo(undo.clone())
        .shifting(true);
        draft.add(step);
        attached.push(undo);
    }
    let mut step = Do::other(format!("wait until {to} is healthy"), StepAction::Wait, "")
        .afters(carry.to_vec())
        .within(HEALTHY_WITHIN)
        .at_least(REGISTERED_AFTER, REGISTRATION_TAKES)
        .shifting(true);
    // With several Auto Scaling groups the operator decides which attachment goes.
    if let [undo] = attached.as_slice() {
        step = step.undo(undo.clone()).taken_back();
    }
    draft.add(step);
    Ok(())
}

fn detach(
    draft: &mut Draft<'_>,
    from: &StackId,
    groups: &Groups,
    carry: &[Claim],
) -> Result<(), Refusal> {
    let picture = draft.picture;
    let takes = delay(&picture, groups.iter());
    for name in names(&picture, from)? {
        let there = picture.group(&name).map(|of| of.target_groups.clone()).unwrap_or_default();
        let attached: Vec<_> = there.into_iter().filter(|arn| groups.contains(arn)).collect();
        if attached.is_empty() {
            continue;
        }
        let mut step = Do::change(
            format!("detach {name} from {}", named(draft, &attached)),
            Mutation::DetachTargetGroups { group: name.clone(), target_groups: attached.clone() },
        )
        .before(FactKind::Identity, draft.place())
        .before(FactKind::Identity, attachment(&name, &attached, &[]))
        .after(attachment(&name, &[], &attached))
        // The group names them until its last target's deregistration delay is over.
        .within(takes + DELAY_SLACK)
        .undo(Mutation::AttachTargetGroups { group: name.clone(), target_groups: attached })
        .shifting(true);
        for claim in carry.iter().cloned() {
            step = step.before(FactKind::Predicate, claim);
        }
        draft.add(step);
    }
    let step = Do::other(format!("wait until {from} is out"), StepAction::Wait, "")
        .afters(absent(&picture, from, groups))
        .within(takes + DELAY_SLACK)
        .at_least(takes, delay_text(takes))
        .shifting(true);
    draft.add(step);
    Ok(())
}

/// What a fleet has registered in these groups now is there no more.
pub(super) fn absent(picture: &Picture<'_>, stack: &StackId, groups: &Groups) -> Vec<Claim> {
    let mut all: BTreeMap<TargetGroupArn, Vec<Target>> = BTreeMap::new();
    for group in groups {
        for held in picture.targets_known(group).unwrap_or_default() {
            let of = &held.value;
            let own = picture.behind(of).is_some_and(|node| node.stack_id.as_ref() == Some(stack));
            if own {
                let target = Target { id: of.id.clone(), port: of.port };
                all.entry(group.clone()).or_default().push(target);
            }
        }
    }
    let claim = |(group, targets)| Claim::Targets { group, targets, are: TargetIs::Absent };
    all.into_iter().map(claim).collect()
}

/// What a group is attached to.
pub(super) fn attachment(
    group: &GroupName,
    to: &[TargetGroupArn],
    not_to: &[TargetGroupArn],
) -> Claim {
    Claim::Attached {
        group: group.clone(),
        to: to.iter().cloned().collect(),
        not_to: not_to.iter().cloned().collect(),
    }
}

fn named(draft: &Draft<'_>, groups: &[TargetGroupArn]) -> String {
    let names: Vec<_> = groups.iter().map(|arn| draft.picture.name_of(arn)).collect();
    listed(&names)
}

fn say(draft: &mut Draft<'_>, groups: &Groups, (from, to): (&StackId, &StackId)) {
    draft.undo.push(format!(
        "`quarterdeck rollback` before {from} is detached: {to} is detached, one call a group. After: \
         {from} is attached again, waited for until healthy ({REGISTRATION_TAKES}), then {to} is \
         detached."
    ));
    let all: Vec<_> = groups.iter().cloned().collect();
    draft.notes.push(format!(
        "Whoever owns the infrastructure code must now write: the Auto Scaling groups of {to} attached \
         to {}, those of {from} not; or the next apply puts the attachments back.",
        named(draft, &all)
    ));
    let taken_back = draft.steps().iter().any(|step| step.past_limit == PastLimit::TakeBack);
    if taken_back {
        draft.notes.push(format!(
            "If {to} is not healthy in every group and zone in time, its attachment is taken back."
        ));
    }
    draft.notes.push(format!("Takes {} at least, gates apart.", draft.takes()));
}
