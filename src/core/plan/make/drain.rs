//! drain: nodes out of the load balancer, a few at a time, each wait to its honest end.

use super::draft::{Do, Draft};
use super::ledger::floor;
use super::locks::locks_of;
use super::pins::REPLACING;
use super::targets::{delay, delay_text, registered};
use super::{DELAY_SLACK, Request, blocked, nothing, one_fleet, unread};
use crate::core::estate::Node;
use crate::core::ids::{GroupName, InstanceId, StackId, TargetGroupArn};
use crate::core::inventory::AutoScalingGroup;
use crate::core::plan::view::{count, counted, listed};
use crate::core::plan::{
    Claim, Confirmation, Context, DrainMethod, FactKind, Mutation, Picture, Plan, Refusal,
    StepAction, Target, TargetIs,
};
use crate::core::rings::{StopVerdict, safe_to_stop_once_out};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// EnterStandby takes so many instances at most (API reference).
pub(super) const STANDBY_AT_MOST: usize = 20;

/// What a batch has registered where.
type Registered = BTreeMap<TargetGroupArn, Vec<Target>>;

/// Nodes of one group that are drained by one method.
struct Part<'a> {
    group: Option<&'a AutoScalingGroup>,
    method: DrainMethod,
    nodes: Vec<&'a Node>,
}

pub(super) fn plan(
    picture: Picture<'_>,
    request: &Request,
    context: &Context,
    ids: &[InstanceId],
) -> Result<Plan, Refusal> {
    let stack = one_fleet(&picture, ids)?;
    let mut draft = Draft::new(picture, request, context)?;
    draft.giving = Some(stack.clone());
    draft.confirmation = Confirmation::Type(stack.clone());
    let nodes = to_drain(&mut draft, ids)?;
    let parts = parts(&draft, &nodes)?;
    for part in &parts {
        fits_min_size(part)?;
    }
    watch(&mut draft, &stack);
    draft.take_lock(locks_of(&picture, &[&stack])?);
    for part in &parts {
        drain(&mut draft, part, &stack)?;
    }
    if request.options.remove_members {
        remove_members(&mut draft, &nodes, &stack)?;
    }
    draft.give_lock_back();
    say(&mut draft, &nodes, &parts);
    Ok(draft.finish())
}

/// The nodes that are in the load balancer still.
fn to_drain<'a>(draft: &mut Draft<'a>, ids: &[InstanceId]) -> Result<Vec<&'a Node>, Refusal> {
    let picture = draft.picture;
    let mut nodes = Vec::new();
    for node in ids.iter().filter_map(|id| picture.node(id)) {
        let groups = groups_of(&picture, node);
        let anywhere = !registered(&picture, &groups, &[node])?.is_empty();
        match node.lifecycle.as_deref() {
            Some(lifecycle) if lifecycle.starts_with("Terminat") || lifecycle == "Detaching" => {
                let why = format!("{} is {lifecycle}: it leaves by itself", node.id);
                return Err(blocked(why, "Leave it out of the selection."));
            }
            Some(lifecycle) if lifecycle.starts_with("Pending") => {
                let why = format!("{} is {lifecycle}: it has not come up yet", node.id);
                return Err(blocked(why, "Wait until it is in service."));
            }
            _ if anywhere => nodes.push(node),
            _ => draft.notes.push(format!("{} is in no target group: nothing to drain.", node.id)),
        }
    }
    if nodes.is_empty() {
        return Err(nothing(draft.notes.join(" ")));
    }
    Ok(nodes)
}

/// Every group a node may be in: those of its fleet and those it was seen in.
fn groups_of<'a>(picture: &Picture<'a>, node: &'a Node) -> BTreeSet<&'a TargetGroupArn> {
    let fleet = node.stack_id.as_ref().map(|stack| picture.target_groups_of(stack));
    let seen = node.targets.iter().map(|target| &target.target_group);
    fleet.into_iter().flatten().chain(seen).collect()
}

fn parts<'a>(draft: &Draft<'a>, nodes: &[&'a Node]) -> Result<Vec<Part<'a>>, Refusal> {
    let mut of_group: BTreeMap<Option<&GroupName>, Vec<&Node>> = BTreeMap::new();
    for node in nodes {
        of_group.entry(node.group.as_ref()).or_default().push(node);
    }
    let mut parts = Vec::new();
    for (name, nodes) in of_group {
        let group = name.and_then(|name| draft.picture.group(name));
        let heals = group.is_some_and(AutoScalingGroup::heals_by_elb);
        let wanted = draft.request.options.method;
        let method = match (wanted, heals) {
            (Some(method), _) => method,
            (None, true) => DrainMethod::Standby,
            (None, false) => DrainMethod::Targets,
        };
        let not_in_service = nodes.iter().find(|node| !node.is_in_service());
        if let (DrainMethod::Standby, Some(node)) = (method, not_in_service) {
            let lifecycle = node.lifecycle.as_deref().unwrap_or("listed by no group");
            let why = format!("{} cannot enter standby: it is {lifecycle}", node.id);
            return Err(blocked(why, "Use --method targets."));
        }
        parts.push(Part { group, method, nodes });
    }
    Ok(parts)
}

/// Standby always decrements the desired capacity, so MinSize must leave room.
fn fits_min_size(part: &Part<'_>) -> Result<(), Refusal> {
    let (Some(group), DrainMethod::Standby) = (part.group, part.method) else { return Ok(()) };
    let leaving = count(part.nodes.iter());
    if group.desired >= group.min + leaving {
        return Ok(());
    }
    let why = format!(
        "{} of {} cannot enter standby: desired {} less {leaving} is under MinSize {}",
        counted(leaving, "node"),
        group.name,
        group.desired,
        group.min
    );
    let next = format!(
        "Lower MinSize of {}, or drain with --method targets, which suspends HealthCheck and \
         ReplaceUnhealthy meanwhile.",
        group.name
    );
    Err(blocked(why, next))
}

/// Watches the fleet's groups that carry traffic, with its floor.
fn watch(draft: &mut Draft<'_>, stack: &StackId) {
    let least = floor(&draft.picture, &draft.request.options, stack);
    for arn in draft.picture.target_groups_of(stack) {
        let floor = if draft.picture.carries(arn) { least } else { 0 };
        draft.ledger.watch(arn, None, floor);
    }
}

fn drain(draft: &mut Draft<'_>, part: &Part<'_>, stack: &StackId) -> Result<(), Refusal> {
    let heals = part.group.filter(|group| group.heals_by_elb());
    if let (Some(group), DrainMethod::Targets) = (heals, part.method) {
        let why = "Auto Scaling may replace a node that left its load balancer";
        draft.pin_group(&group.name, &REPLACING, why);
        draft.notes.push(format!(
            "HealthCheck and ReplaceUnhealthy of {} stay suspended until the nodes are undrained: \
             nothing replaces its sick nodes meanwhile.",
            group.name
        ));
    }
    let at_a_time = usize::try_from(draft.request.options.at_a_time).unwrap_or(STANDBY_AT_MOST);
    let most = match part.method {
        DrainMethod::Standby => at_a_time.min(STANDBY_AT_MOST),
        DrainMethod::Targets => at_a_time,
    };
    for batch in part.nodes.chunks(most.max(1)) {
        let groups = batch.iter().flat_map(|node| groups_of(&draft.picture, node)).collect();
        let there = registered(&draft.picture, &groups, batch)?;
        match (part.method, part.group) {
            (DrainMethod::Standby, Some(group)) => {
                standby(draft, &group.name, batch, (&there, stack));
            }
            (DrainMethod::Standby, None) | (DrainMethod::Targets, _) => {
                deregister(draft, &there, stack);
            }
        }
    }
    Ok(())
}

/// What must stay healthy before targets go: the floor, and those of them that are healthy.
fn stays(
    draft: &Draft<'_>,
    group: &TargetGroupArn,
    targets: &[Target],
    stack: &StackId,
) -> Option<Claim> {
    let picture = &draft.picture;
    let least = floor(picture, &draft.request.options, stack);
    let known = picture.targets_known(group).unwrap_or_default();
    let leaving = known.iter().map(|held| &held.value).filter(|of| {
        of.is_healthy() && targets.iter().any(|target| target.id == of.id && target.port == of.port)
    });
    let least = least + count(leaving);
    let group = group.clone();
    picture.carries(&group).then_some(Claim::Healthy { group, stack: None, zone: None, least })
}

fn absent(there: &Registered) -> Vec<Claim> {
    let claim = |(group, targets): (&TargetGroupArn, &Vec<Target>)| Claim::Targets {
        group: group.clone(),
        targets: targets.clone(),
        are: TargetIs::Absent,
    };
    there.iter().map(claim).collect()
}

fn standby(
    draft: &mut Draft<'_>,
    group: &GroupName,
    batch: &[&Node],
    (there, stack): (&Registered, &StackId),
) {
    let ids: Vec<_> = batch.iter().map(|node| node.id.clone()).collect();
    let names: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let lifecycle = |instance: &InstanceId, is: &str| Claim::Lifecycle {
        group: group.clone(),
        instance: instance.clone(),
        is: is.into(),
    };
    let delay = delay(&draft.picture, there.keys());
    let by = -i32::try_from(ids.len()).unwrap_or(i32::MAX);
    let mut step = Do::change(
        format!("{} into standby", listed(&names)),
        Mutation::EnterStandby { group: group.clone(), instances: ids.clone() },
    )
    .before(FactKind::Identity, draft.place())
    .before(FactKind::Predicate, Claim::Room { group: group.clone(), by })
    .undo(Mutation::ExitStandby { group: group.clone(), instances: ids.clone() })
    .within(delay + DELAY_SLACK)
    .at_least(delay, delay_text(delay));
    for id in &ids {
        step = step.before(FactKind::Identity, lifecycle(id, "InService"));
        step = step.after(lifecycle(id, "Standby"));
    }
    for (arn, targets) in there {
        if let Some(claim) = stays(draft, arn, targets, stack) {
            step = step.before(FactKind::Predicate, claim);
        }
    }
    draft.add(step.afters(absent(there)).shifting(true));
}

fn deregister(draft: &mut Draft<'_>, there: &Registered, stack: &StackId) {
    for (group, targets) in there {
        let name = draft.picture.name_of(group);
        let each: Vec<_> = targets.iter().map(|of| format!("{}:{}", of.id, of.port)).collect();
        let claim = |are| Claim::Targets { group: group.clone(), targets: targets.clone(), are };
        let mut step = Do::change(
            format!("deregister {} from {name}", listed(&each)),
            Mutation::DeregisterTargets { group: group.clone(), targets: targets.clone() },
        )
        .before(FactKind::Identity, draft.place())
        .before(FactKind::Identity, claim(TargetIs::Registered))
        .undo(Mutation::RegisterTargets { group: group.clone(), targets: targets.clone() })
        .shifting(true);
        if let Some(claim) = stays(draft, group, targets, stack) {
            step = step.before(FactKind::Predicate, claim);
        }
        draft.add(step);
    }
    let delay = delay(&draft.picture, there.keys());
    let step = Do::other("wait until they are out", StepAction::Wait, "")
        .afters(absent(there))
        .within(delay + DELAY_SLACK)
        .at_least(delay, delay_text(delay))
        .shifting(true);
    draft.add(step);
}

/// Removes the registry entries of drained nodes.
fn remove_members(draft: &mut Draft<'_>, nodes: &[&Node], stack: &StackId) -> Result<(), Refusal> {
    for node in nodes {
        for member in &node.members {
            let what = || format!("members of {}", member.service);
            let read = draft.picture.members(&member.service_id);
            read.map_err(|why| unread(&why, &what()))?;
            // The one that goes, and one that stays.
            let stays = Claim::MembersAtLeast {
                service: member.service_id.clone(),
                stack: stack.clone(),
                least: 2,
            };
            let entry = (&member.service_id, &member.member_id, &*member.attributes);
            draft.remove_entry(entry, [stays]);
        }
    }
    Ok(())
}

fn say(draft: &mut Draft<'_>, nodes: &[&Node], parts: &[Part<'_>]) {
    let names: Vec<_> = nodes.iter().map(|node| node.id.to_string()).collect();
    draft.undo.push(format!(
        "`quarterdeck undrain {}`: back in service in {} at least, because {}.",
        names.join(" "),
        minutes(super::REGISTERED_AFTER),
        super::REGISTRATION_TAKES
    ));
    if parts.iter().any(|part| part.method == DrainMethod::Standby) {
        draft.notes.push(
            "Standby takes a node out of every target group and lowers the desired capacity by one; \
             nothing replaces it."
                .into(),
        );
    }
    say_safe_to_stop(draft, nodes);
    if !draft.request.options.remove_members {
        draft.notes.push(
            "The registry keeps the nodes: clients that use the DNS name still reach them \
             (--remove-members)."
                .into(),
        );
    }
}

/// What stands between being drained and being stopped, as things are now: the worst over all nodes,
/// and of each what is against it and what to run.
fn say_safe_to_stop(draft: &mut Draft<'_>, nodes: &[&Node]) {
    let told: Vec<_> = nodes
        .iter()
        .map(|node| (&node.id, safe_to_stop_once_out(draft.picture, &node.id)))
        .collect();
    let worst = told.iter().map(|(_, told)| told.verdict).max().unwrap_or(StopVerdict::Unknown);
    draft.notes.push(format!(
        "Safe to stop: {worst}. Out of the load balancer is not the same: before you stop a node, \
         have Loki flush (`POST /ingester/prepare_shutdown`), stop with 60 s of grace \
         (`docker compose stop -t 60`), and see that it left the rings."
    ));
    for (id, told) in told.iter().filter(|(_, told)| told.verdict == StopVerdict::No) {
        let against = told.reasons.iter().filter(|reason| reason.verdict == StopVerdict::No);
        let against: Vec<_> = against.map(|reason| &*reason.text).collect();
        let commands: Vec<_> = told.commands.iter().map(|one| format!("`{one}`")).collect();
        let run = if commands.is_empty() {
            String::new()
        } else {
            format!("; once it is drained, run {}", commands.join(", then "))
        };
        draft.notes.push(format!("{id} now: {}{run}.", against.join(", ")));
    }
}

fn minutes(time: Duration) -> String {
    counted(time.as_secs().div_ceil(60), "minute")
}
