//! reregister, repair and deregister: entries as they should be, targets where they belong, and the
//! dead taken out.

use super::draft::{Do, Draft};
use super::entries::{Attributes, wrong};
use super::locks::locks_of;
use super::targets::{is_named, missing, taken_in};
use super::{
    HEALTHY_WITHIN, REGISTERED_AFTER, REGISTRATION_TAKES, Request, nothing, one_fleet, unread,
};
use crate::core::estate::Node;
use crate::core::ids::{InstanceId, ServiceId, StackId, TargetGroupArn};
use crate::core::inventory::Member;
use crate::core::plan::check::gone::{Proof, proof};
use crate::core::plan::view::{count, counted, listed};
use crate::core::plan::{
    Claim, Confirmation, Context, FactKind, Mutation, Picture, Plan, Refusal, StepAction, Target,
    TargetIs, resolve,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// EC2 is asked twice and the address once; both take their time.
const PROOF_TAKES: Duration = Duration::from_secs(20);
const PROVEN_WITHIN: Duration = Duration::from_secs(180);

/// Writes nodes' entries and targets as they should be.
pub(super) fn reregister(
    picture: Picture<'_>,
    request: &Request,
    context: &Context,
    ids: &[InstanceId],
) -> Result<Plan, Refusal> {
    let stack = one_fleet(&picture, ids)?;
    let mut draft = Draft::new(picture, request, context)?;
    draft.giving = Some(stack.clone());
    for node in ids.iter().filter_map(|id| picture.node(id)) {
        set_right(&mut draft, node)?;
    }
    if draft.steps().is_empty() {
        let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
        return Err(nothing(format!("{}: registered as it should be", listed(&names))));
    }
    draft.undo.push("Each step's undo writes the entry as it was, or takes it out again.".into());
    Ok(draft.finish())
}

/// The steps that set a node's entries and targets right.
fn set_right(draft: &mut Draft<'_>, node: &Node) -> Result<(), Refusal> {
    let picture = draft.picture;
    let address = node.private_ip.map(|ip| ip.to_string());
    if address.is_none() {
        draft.notes.push(format!("{} has no known address, so its entries stay.", node.id));
    }
    for entry in wrong(&picture, node)? {
        draft.write_entry(&entry, address.as_deref());
    }
    let targets = missing(&picture, node)?;
    register(draft, &targets, address.map(|address| (node.id.clone(), address)));
    Ok(())
}

/// Registers targets, then waits until they are healthy.
pub(super) fn register(
    draft: &mut Draft<'_>,
    all: &BTreeMap<TargetGroupArn, Vec<Target>>,
    ready: Option<(InstanceId, String)>,
) {
    for (group, targets) in all {
        let name = draft.picture.name_of(group);
        let each: Vec<_> = targets.iter().map(|of| format!("{}:{}", of.id, of.port)).collect();
        let claim = |are| Claim::Targets { group: group.clone(), targets: targets.clone(), are };
        let mut step = Do::change(
            format!("register {} in {name}", listed(&each)),
            Mutation::RegisterTargets { group: group.clone(), targets: targets.clone() },
        )
        .before(FactKind::Identity, draft.place())
        .before(FactKind::Identity, claim(TargetIs::Away))
        .after(claim(TargetIs::Registered))
        .undo(Mutation::DeregisterTargets { group: group.clone(), targets: targets.clone() });
        if let Some((instance, address)) = ready.clone() {
            step = step.before(FactKind::Predicate, Claim::Ready { instance, address });
        }
        draft.add(step);
    }
    // Where no listener names a group its targets are never checked: registered is all there is.
    let picture = draft.picture;
    let checked: Vec<Claim> = all
        .iter()
        .filter(|(group, _)| is_named(&picture, group))
        .map(|(group, targets)| taken_in(&picture, group, targets.clone()))
        .collect();
    if !checked.is_empty() {
        let step = Do::other("wait until healthy", StepAction::Wait, REGISTRATION_TAKES)
            .afters(checked)
            .within(HEALTHY_WITHIN)
            .at_least(REGISTERED_AFTER, REGISTRATION_TAKES);
        draft.add(step);
    }
}

/// Every safe fix of a fleet's findings: first who is missing, then who is wrong, then the ghosts.
pub(super) fn repair(
    picture: Picture<'_>,
    request: &Request,
    context: &Context,
    stack: &StackId,
) -> Result<Plan, Refusal> {
    resolve::fleet(stack, &picture)?;
    let mut draft = Draft::new(picture, request, context)?;
    draft.giving = Some(stack.clone());
    draft.take_lock(locks_of(&picture, &[stack])?);
    let before = draft.steps().len();
    for node in picture.nodes_of(stack).filter(|node| node.is_living()) {
        if node.drained_on_purpose || context.drained.contains(&node.id) {
            draft.notes.push(format!("{} was drained on purpose and is left alone.", node.id));
        } else if node.in_grace && node.members.is_empty() {
            draft.notes.push(format!("{} is within its grace period and left alone.", node.id));
        } else if let Some(why) = unready(&picture, node) {
            if !wrong(&picture, node)?.is_empty() || !missing(&picture, node)?.is_empty() {
                draft.notes.push(format!("{} is left alone: {why}.", node.id));
            }
        } else {
            set_right(&mut draft, node)?;
        }
    }
    let ghosts = ghosts_of(&draft, stack)?;
    if !ghosts.is_empty() {
        draft.confirmation = Confirmation::Type(stack.clone());
        take_out(&mut draft, &ghosts, Some(stack));
    }
    if draft.steps().len() == before {
        let left = draft.notes.join(" ");
        let why = format!("{stack} has nothing that can safely be repaired. {left}");
        return Err(nothing(why.trim().to_owned()));
    }
    draft.give_lock_back();
    draft.undo.push("Each step's undo writes the entry as it was, or takes it out again.".into());
    Ok(draft.finish())
}

/// Why a node is not ready to be registered.
fn unready(picture: &Picture<'_>, node: &Node) -> Option<String> {
    let address = node.private_ip.map(|ip| ip.to_string()).unwrap_or_default();
    let claim = Claim::Ready { instance: node.id.clone(), address };
    match crate::core::plan::check(&claim, picture) {
        crate::core::plan::Answer::Holds => None,
        crate::core::plan::Answer::Broken { is, .. } => Some(is),
        crate::core::plan::Answer::Unknown { why, what } => Some(format!("{what}: {why}")),
    }
}

/// An entry to be taken out.
type Ghost = (ServiceId, Member);

/// Entries of a fleet whose instances are gone, as far as one look can tell; the run proves it.
fn ghosts_of(draft: &Draft<'_>, stack: &StackId) -> Result<Vec<Ghost>, Refusal> {
    let picture = &draft.picture;
    let mut ghosts = Vec::new();
    for (service, member) in entries(picture)? {
        if member.stack.as_ref() != Some(stack) {
            continue;
        }
        match proof(picture, &member.id, member.ipv4()) {
            Proof::Gone | Proof::NotYet(_) => ghosts.push((service, member)),
            Proof::Not(_) | Proof::Unknown(..) => {}
        }
    }
    Ok(ghosts)
}

/// Every entry of our registry services, by complete reads.
fn entries(picture: &Picture<'_>) -> Result<Vec<Ghost>, Refusal> {
    let mut all = Vec::new();
    for (service, read) in &picture.inventory.members {
        let what = || format!("members of {}", picture.service_name(service));
        let members = read.whole(picture.now).map_err(|why| unread(&why, &what()))?;
        all.extend(members.iter().map(|member| (service.clone(), member.clone())));
    }
    Ok(all)
}

/// The steps that prove entries dead and take them out.
fn take_out(draft: &mut Draft<'_>, ghosts: &[Ghost], stack: Option<&StackId>) {
    let gone = |member: &Member| Claim::Gone {
        instance: member.id.clone(),
        address: member.ipv4().map(str::to_owned),
    };
    let claims: Vec<_> = ghosts.iter().map(|(_, member)| gone(member)).collect();
    let why = "EC2 must omit an id in two complete answers 20 s apart, and its address is asked";
    let step = Do::other("prove that they are gone", StepAction::Wait, why)
        .afters(claims.into_iter().collect::<Vec<_>>())
        .within(PROVEN_WITHIN)
        .at_least(PROOF_TAKES, why);
    draft.add(step);
    let living = stack.is_some_and(|stack| draft.picture.nodes_of(stack).any(Node::is_living));
    for (service, member) in ghosts {
        let mut before = vec![gone(member)];
        if let Some(stack) = stack.filter(|_| living) {
            // The one that goes, and one that stays.
            let (service, stack) = (service.clone(), stack.clone());
            before.push(Claim::MembersAtLeast { service, stack, least: 2 });
        }
        let attributes: &Attributes = &member.attributes;
        draft.remove_entry((service, &member.id, attributes), before);
    }
}

/// Removes entries of instances proven gone.
pub(super) fn deregister(
    picture: Picture<'_>,
    request: &Request,
    context: &Context,
    members: &[InstanceId],
) -> Result<Plan, Refusal> {
    use super::RefusalKind::Usage;
    if members.is_empty() {
        let why = "nothing is selected, and nothing is never everything";
        return Err(Refusal::new(Usage, why, "Name the entries by id."));
    }
    let mut draft = Draft::new(picture, request, context)?;
    let all = entries(&picture)?;
    let ghosts: Vec<_> = all.iter().filter(|(_, of)| members.contains(&of.id)).cloned().collect();
    let found: BTreeSet<&InstanceId> = ghosts.iter().map(|(_, member)| &member.id).collect();
    let absent: Vec<_> =
        members.iter().filter(|id| !found.contains(id)).map(ToString::to_string).collect();
    if found.is_empty() {
        return Err(nothing(format!("{}: registered nowhere", listed(&absent))));
    }
    if !absent.is_empty() {
        draft.notes.push(format!("{}: registered nowhere.", listed(&absent)));
    }
    let stacks: BTreeSet<_> = ghosts.iter().map(|(_, member)| member.stack.clone()).collect();
    let names: Vec<_> =
        stacks.iter().map(|of| of.as_ref().map_or("no fleet", StackId::as_str)).collect();
    if stacks.len() > 1 {
        let why = format!("the entries belong to {}: a plan is about one fleet", listed(&names));
        return Err(Refusal::new(Usage, why, "Make a plan for each fleet."));
    }
    let stack = stacks.into_iter().next().flatten();
    let typed = stack.clone().unwrap_or_else(|| StackId::from(members[0].as_str()));
    draft.giving.clone_from(&stack);
    draft.confirmation = Confirmation::Type(typed);
    take_out(&mut draft, &ghosts, stack.as_ref());
    draft.undo.push(format!(
        "Register the {} again with the attributes that each step's undo holds.",
        counted(count(ghosts.iter()), "entry").replace("entrys", "entries")
    ));
    Ok(draft.finish())
}
