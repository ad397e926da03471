//! A plan as what it changes: a line a thing, before and after. What the console's review layer and
//! the commands print is made of these.

use super::check::entry_text;
use super::view::{forward_words, listed};
use super::{Claim, Mutation, Plan, Step, StepAction, Target};
use crate::core::ids::{GroupName, TargetGroupArn, arn_name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One thing that a step changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    /// The step's number.
    pub step: u32,
    /// The thing: `listener :3100`, `i-… in glt`.
    pub thing: String,
    /// What it is now, as the plan knows it.
    pub before: String,
    /// What it becomes.
    pub after: String,
}

/// Everything a plan changes, in order. A write that changes nothing is no line.
pub fn diff(plan: &Plan) -> Vec<DiffLine> {
    let name = |arn: &TargetGroupArn| name_in(plan, arn);
    plan.steps
        .iter()
        .flat_map(|step| lines(step, &name))
        .filter(|of| of.before != of.after)
        .collect()
}

/// A target group's name as the plan's capacity rows have it.
fn name_in(plan: &Plan, arn: &TargetGroupArn) -> String {
    let rows = plan.steps.iter().flat_map(|step| &step.capacity);
    let row = rows.into_iter().find(|row| &row.group == arn);
    row.map_or_else(|| arn_name(arn.as_str()).to_owned(), |row| row.name.clone())
}

fn lines(step: &Step, name: &impl Fn(&TargetGroupArn) -> String) -> Vec<DiffLine> {
    let StepAction::Change(mutation) = &step.action else { return Vec::new() };
    let line = |thing: String, before: String, after: String| DiffLine {
        step: step.number,
        thing,
        before,
        after,
    };
    let each = |group: &TargetGroupArn, targets: &[Target], before: &str, after: &str| {
        let thing = |of: &Target| format!("{}:{} in {}", of.id, of.port, name(group));
        targets.iter().map(|of| line(thing(of), before.into(), after.into())).collect()
    };
    match mutation {
        Mutation::RegisterInstance { service, member, attributes } => {
            let after = entry_text(Some(attributes));
            vec![line(format!("{member} in {service}"), entry_before(step), after)]
        }
        Mutation::DeregisterInstance { service, member } => {
            vec![line(format!("{member} in {service}"), entry_before(step), entry_text(None))]
        }
        Mutation::RegisterTargets { group, targets } => {
            each(group, targets, "not registered", "registered")
        }
        Mutation::DeregisterTargets { group, targets } => {
            each(group, targets, "registered", "not registered")
        }
        Mutation::EnterStandby { group, instances } => instances
            .iter()
            .map(|id| line(format!("{id} in {group}"), "InService".into(), "Standby".into()))
            .collect(),
        Mutation::ExitStandby { group, instances } => instances
            .iter()
            .map(|id| line(format!("{id} in {group}"), "Standby".into(), "InService".into()))
            .collect(),
        Mutation::Forward { to, .. } => {
            let before = step.before.iter().find_map(|fact| match &fact.claim {
                Claim::Forwards { is, .. } => Some(is),
                _ => None,
            });
            let undo = match &step.undo {
                Some(Mutation::Forward { to, .. }) => Some(to),
                _ => None,
            };
            let before = before.or(undo);
            let before = before.map_or("?".to_owned(), |of| forward_words(of, name));
            let thing = step.title.split(':').take(2).collect::<Vec<_>>().join(":");
            let thing = thing.replace("write ", "").replace(" back unchanged", "");
            vec![line(thing, before, forward_words(to, name))]
        }
        of_group => group_lines(step.number, of_group, name),
    }
}

/// What a call changes about an Auto Scaling group.
fn group_lines(
    step: u32,
    mutation: &Mutation,
    name: &impl Fn(&TargetGroupArn) -> String,
) -> Vec<DiffLine> {
    let line = |thing: String, before: &str, after: &str| DiffLine {
        step,
        thing,
        before: before.into(),
        after: after.into(),
    };
    let attached = |group: &GroupName, arns: &[TargetGroupArn], before: &str, after: &str| {
        arns.iter().map(|arn| line(format!("{group} at {}", name(arn)), before, after)).collect()
    };
    let process = |group: &GroupName, all: &BTreeSet<String>, before: &str, after: &str| {
        all.iter().map(|one| line(format!("{one} of {group}"), before, after)).collect()
    };
    match mutation {
        Mutation::AttachTargetGroups { group, target_groups } => {
            attached(group, target_groups, "not attached", "attached")
        }
        Mutation::DetachTargetGroups { group, target_groups } => {
            attached(group, target_groups, "attached", "not attached")
        }
        Mutation::Suspend { group, processes } => process(group, processes, "running", "suspended"),
        Mutation::Resume { group, processes } => process(group, processes, "suspended", "running"),
        _ => Vec::new(),
    }
}

fn entry_before(step: &Step) -> String {
    let before = step.before.iter().find_map(|fact| match &fact.claim {
        Claim::Member { is, .. } => Some(is.as_ref()),
        _ => None,
    });
    let undo = match &step.undo {
        Some(Mutation::RegisterInstance { attributes, .. }) => Some(Some(attributes)),
        Some(Mutation::DeregisterInstance { .. }) => Some(None),
        _ => None,
    };
    before.or(undo).map_or("?".into(), entry_text)
}

/// A mutation as an operator would say it.
pub(super) fn title(mutation: &Mutation, name: impl Fn(&TargetGroupArn) -> String) -> String {
    let targets = |targets: &[Target]| {
        let each: Vec<_> = targets.iter().map(|of| format!("{}:{}", of.id, of.port)).collect();
        listed(&each)
    };
    let groups = |arns: &[TargetGroupArn]| listed(&arns.iter().map(&name).collect::<Vec<_>>());
    let ids = |ids: &[crate::core::ids::InstanceId]| {
        listed(&ids.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let words =
        |all: &std::collections::BTreeSet<String>| listed(&all.iter().cloned().collect::<Vec<_>>());
    match mutation {
        Mutation::RegisterInstance { service, member, .. } => {
            format!("register {member} in {service}")
        }
        Mutation::DeregisterInstance { service, member } => {
            format!("deregister {member} from {service}")
        }
        Mutation::RegisterTargets { group, targets: all } => {
            format!("register {} in {}", targets(all), name(group))
        }
        Mutation::DeregisterTargets { group, targets: all } => {
            format!("deregister {} from {}", targets(all), name(group))
        }
        Mutation::EnterStandby { instances, .. } => format!("{} into standby", ids(instances)),
        Mutation::ExitStandby { instances, .. } => format!("{} out of standby", ids(instances)),
        Mutation::Forward { action, to } => {
            let listener = arn_name(action.listener.as_str());
            format!("listener {listener}: {}", forward_words(to, name))
        }
        Mutation::AttachTargetGroups { group, target_groups } => {
            format!("attach {group} to {}", groups(target_groups))
        }
        Mutation::DetachTargetGroups { group, target_groups } => {
            format!("detach {group} from {}", groups(target_groups))
        }
        Mutation::Suspend { group, processes } => {
            format!("suspend {} of {group}", words(processes))
        }
        Mutation::Resume { group, processes } => format!("resume {} of {group}", words(processes)),
    }
}
