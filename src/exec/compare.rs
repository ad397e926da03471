//! An intent compared with the world: was the call taken whose answer nobody heard? Asked before
//! anything is sent a second time (safety.md, Run engine: nothing twice, nothing skipped).

use crate::core::ids::{GroupName, TargetGroupArn};
use crate::core::inventory::{AutoScalingGroup, Inventory, TargetHealth};
use crate::core::observed::Observed;
use crate::core::plan::{ActionId, Mutation, Picture, Reads, Target};
use crate::core::source::Scope;

/// What the world says of an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// It was carried out, or is being carried out.
    Taken,
    /// It was not.
    NotTaken,
    /// A part of it was, which one call cannot have done: somebody else is at work.
    Partly(String),
    /// It cannot be told from what was read.
    Unknown(String),
}

/// What must be read afresh to compare. Entries of a registry are followed by their operations
/// besides: an accepted registration is not seen at once.
pub(super) fn needs(mutation: &Mutation, picture: &Picture<'_>) -> Reads {
    let mut reads = Reads::default();
    match mutation {
        Mutation::RegisterInstance { service, .. }
        | Mutation::DeregisterInstance { service, .. } => {
            reads.scopes.insert(Scope::Members(service.clone()));
        }
        Mutation::RegisterTargets { group, .. } | Mutation::DeregisterTargets { group, .. } => {
            reads.scopes.insert(Scope::TargetHealth(group.clone()));
        }
        Mutation::Forward { action, .. } => {
            let balancers = picture.inventory.listeners.iter();
            let found = balancers.filter(|(_, held)| {
                let mut all = held.value().into_iter().flatten();
                all.any(|one| one.arn == action.listener)
            });
            reads.scopes.extend(found.map(|(arn, _)| Scope::Listeners(arn.clone())));
            if action.rule.is_some() {
                reads.scopes.insert(Scope::Rules(action.listener.clone()));
            }
        }
        Mutation::DetachTargetGroups { target_groups, .. } => {
            reads.scopes.insert(Scope::Groups);
            reads.scopes.extend(target_groups.iter().cloned().map(Scope::TargetHealth));
        }
        Mutation::EnterStandby { .. }
        | Mutation::ExitStandby { .. }
        | Mutation::AttachTargetGroups { .. }
        | Mutation::Suspend { .. }
        | Mutation::Resume { .. } => {
            reads.scopes.insert(Scope::Groups);
        }
    }
    reads
}

/// Compares with what was just read.
pub(super) fn compare(mutation: &Mutation, inventory: &Inventory) -> Shown {
    match mutation {
        Mutation::RegisterInstance { service, member, attributes } => {
            let Some(members) = inventory.members.get(service).and_then(Observed::value) else {
                return unread("members");
            };
            let found = members.iter().find(|one| &one.id == member);
            taken_if(found.is_some_and(|one| *one.attributes == *attributes))
        }
        Mutation::DeregisterInstance { service, member } => {
            let Some(members) = inventory.members.get(service).and_then(Observed::value) else {
                return unread("members");
            };
            taken_if(!members.iter().any(|one| &one.id == member))
        }
        Mutation::RegisterTargets { group, targets } => {
            each_target(inventory, group, targets, |found| {
                found.is_some_and(|one| !one.is_leaving())
            })
        }
        Mutation::DeregisterTargets { group, targets } => {
            each_target(inventory, group, targets, |found| {
                found.is_none_or(TargetHealth::is_leaving)
            })
        }
        Mutation::Forward { action, to } => match forwarded(inventory, action) {
            Some(now) => taken_if(now.is_alike(to)),
            None => unread("the listener"),
        },
        Mutation::EnterStandby { group, instances } => of_group(inventory, group, |group| {
            let left = |word: &str| matches!(word, "EnteringStandby" | "Standby");
            each(instances.iter().map(|id| lifecycle(group, id).is_some_and(left)))
        }),
        Mutation::ExitStandby { group, instances } => of_group(inventory, group, |group| {
            let left = |word: &str| matches!(word, "EnteringStandby" | "Standby");
            each(instances.iter().map(|id| lifecycle(group, id).is_some_and(|word| !left(word))))
        }),
        Mutation::AttachTargetGroups { group, target_groups } => {
            of_group(inventory, group, |group| {
                each(target_groups.iter().map(|arn| group.target_groups.contains(arn)))
            })
        }
        Mutation::DetachTargetGroups { group, target_groups } => {
            of_group(inventory, group, |group| {
                each(target_groups.iter().map(|arn| {
                    !group.target_groups.contains(arn) || is_leaving(inventory, group, arn)
                }))
            })
        }
        Mutation::Suspend { group, processes } => of_group(inventory, group, |group| {
            each(processes.iter().map(|one| group.suspended.contains_key(one)))
        }),
        Mutation::Resume { group, processes } => of_group(inventory, group, |group| {
            each(processes.iter().map(|one| !group.suspended.contains_key(one)))
        }),
    }
}

/// What an action forwards to, as last read.
pub(super) fn forwarded<'a>(
    inventory: &'a Inventory,
    action: &ActionId,
) -> Option<&'a crate::core::inventory::Forward> {
    match &action.rule {
        Some(arn) => {
            let rules = inventory.rules.get(&action.listener)?.value()?;
            rules.iter().find(|rule| &rule.arn == arn).map(|rule| &rule.forward)
        }
        None => {
            let mut all = inventory.listeners.values().filter_map(Observed::value).flatten();
            all.find(|one| one.arn == action.listener).map(|one| &one.default)
        }
    }
}

/// Whether a group's instances are on their way out of a target group. A detached one is named until
/// the last of them is out, which takes minutes.
fn is_leaving(inventory: &Inventory, group: &AutoScalingGroup, arn: &TargetGroupArn) -> bool {
    let Some(held) = inventory.target_health.get(arn).and_then(Observed::value) else {
        return false;
    };
    let own = |one: &&TargetHealth| group.instances.iter().any(|instance| instance.id == one.id);
    let mut all = held.iter().map(|held| &held.value).filter(own).peekable();
    all.peek().is_some() && all.all(TargetHealth::is_leaving)
}

fn each_target(
    inventory: &Inventory,
    group: &TargetGroupArn,
    targets: &[Target],
    is: impl Fn(Option<&TargetHealth>) -> bool,
) -> Shown {
    let Some(held) = inventory.target_health.get(group).and_then(Observed::value) else {
        return unread("target health");
    };
    each(targets.iter().map(|target| {
        let mut all = held.iter().map(|held| &held.value);
        is(all.find(|one| one.id == target.id && one.port == target.port))
    }))
}

fn of_group(
    inventory: &Inventory,
    name: &GroupName,
    look: impl FnOnce(&AutoScalingGroup) -> Shown,
) -> Shown {
    let groups = inventory.groups.value();
    match groups.and_then(|all| all.iter().find(|group| &group.name == name)) {
        Some(group) => look(group),
        None => unread("the Auto Scaling group"),
    }
}

fn lifecycle<'a>(
    group: &'a AutoScalingGroup,
    id: &crate::core::ids::InstanceId,
) -> Option<&'a str> {
    group.instances.iter().find(|one| &one.id == id).map(|one| &*one.lifecycle)
}

fn taken_if(so: bool) -> Shown {
    if so { Shown::Taken } else { Shown::NotTaken }
}

fn each(all: impl Iterator<Item = bool>) -> Shown {
    let all: Vec<bool> = all.collect();
    let yes = all.iter().filter(|one| **one).count();
    match yes {
        0 => Shown::NotTaken,
        yes if yes == all.len() => Shown::Taken,
        yes => Shown::Partly(format!("{yes} of {} are as the call would leave them", all.len())),
    }
}

fn unread(what: &str) -> Shown {
    Shown::Unknown(format!("{what} could not be read"))
}
