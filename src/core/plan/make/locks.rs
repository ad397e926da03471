//! What the locks are taken on: every load balancer that a plan touches or is about to enter, in one
//! order on every host, in a namespace that every host finds by itself. Both are told from complete
//! reads: what was not read may be what another run is at work on.

use super::{RefusalKind, unread};
use crate::core::error::ErrorKind;
use crate::core::ids::{
    LoadBalancerArn, NamespaceId, ServiceId, StackId, TargetGroupArn, arn_name,
};
use crate::core::inventory::Namespace;
use crate::core::observed::{Observed, Why};
use crate::core::plan::view::listed;
use crate::core::plan::{LockScope, Picture, Plan, Refusal};
use crate::core::record::{is_record, lock_name};
use std::collections::{BTreeMap, BTreeSet};

/// The locks of a plan, in the order in which they are taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Locks {
    pub scopes: Vec<LockScope>,
    pub namespace: Option<NamespaceId>,
}

impl Locks {
    /// Of these scopes. The order is that of their names, which every host knows alike.
    pub fn new(
        scopes: impl IntoIterator<Item = LockScope>,
        namespace: Option<NamespaceId>,
    ) -> Self {
        let each = scopes.into_iter().map(|scope| (lock_name(&scope), scope));
        let sorted: BTreeMap<String, LockScope> = each.collect();
        Self { scopes: sorted.into_values().collect(), namespace }
    }

    /// Those of a run, which are taken over from it. A run of an older version does not say in which
    /// namespace its lock is: there it is looked for.
    pub fn of_run(picture: &Picture<'_>, plan: &Plan) -> Self {
        let scopes: Vec<LockScope> = plan.scopes().cloned().collect();
        let names: Vec<String> = scopes.iter().map(lock_name).collect();
        let mut all = picture.inventory.all_services();
        let held = all.find(|service| names.iter().any(|name| **name == *service.name));
        let found = held.map(|service| service.namespace.clone());
        Self { namespace: plan.namespace.clone().or(found), scopes }
    }

    /// `the lock on front`, `the locks on back and front`; `None` where there are none.
    pub fn names(&self) -> Option<String> {
        let names: Vec<&str> = self.scopes.iter().map(LockScope::name).collect();
        match names.as_slice() {
            [] => None,
            [one] => Some(format!("the lock on {one}")),
            all => Some(format!("the locks on {}", listed(all))),
        }
    }
}

/// What the locks are taken on for these fleets: the load balancers of each, or where one has none,
/// the namespace, so that whatever enters a load balancer with it meets whatever changes it alone.
pub(super) fn locks_of(picture: &Picture<'_>, stacks: &[&StackId]) -> Result<Locks, Refusal> {
    let namespace = namespace(picture)?;
    let mut scopes = Vec::new();
    for stack in stacks {
        let attached = picture.groups_of(stack).into_iter().flat_map(|of| &of.target_groups);
        let groups: BTreeSet<&TargetGroupArn> =
            picture.target_groups_of(stack).into_iter().chain(attached).collect();
        let balancers = picture.balancers_of(&groups);
        whole(picture, &balancers)?;
        scopes.extend(balancers.iter().map(|arn| balancer(picture, arn)));
        if balancers.is_empty() {
            scopes.push(LockScope::Namespace(namespace.id.clone(), namespace.name.clone()));
        }
    }
    Ok(Locks::new(scopes, Some(namespace.id.clone())))
}

fn balancer(picture: &Picture<'_>, arn: &LoadBalancerArn) -> LockScope {
    let all = picture.inventory.load_balancers.value().into_iter().flatten();
    let name = all.into_iter().find(|of| &of.arn == arn).map(|of| of.display_name());
    let name = name.unwrap_or_else(|| arn_name(arn.as_str())).to_owned();
    LockScope::LoadBalancer(arn.clone(), name)
}

/// A group that could not be read may hold the fleet's nodes, and be of another load balancer.
fn whole(picture: &Picture<'_>, known: &BTreeSet<&LoadBalancerArn>) -> Result<(), Refusal> {
    let inventory = picture.inventory;
    for (arn, read) in inventory.target_health.iter().filter(|(_, read)| read.error().is_some()) {
        let of = picture.target_group(arn).into_iter().flat_map(|group| &group.load_balancers);
        if of.into_iter().any(|balancer| !known.contains(balancer)) {
            let why = read.whole(picture.now).err().unwrap_or(Why::Partial);
            return Err(unread(&why, &format!("target health of {}", picture.name_of(arn))));
        }
    }
    Ok(())
}

/// The namespace that holds the locks: the first of those in which fleets are registered, or else the
/// first of those in use, or else the first.
fn namespace<'a>(picture: &Picture<'a>) -> Result<&'a Namespace, Refusal> {
    let (inventory, now) = (picture.inventory, picture.now);
    let all = inventory.namespaces.whole(now).map_err(|why| unread(&why, "the namespaces"))?;
    let registries: BTreeSet<&ServiceId> = picture
        .estate
        .fleets
        .values()
        .flat_map(|fleet| fleet.registry.iter().map(|of| &of.service_id))
        .collect();
    let mut best: Option<(u8, &Namespace)> = None;
    for namespace in all {
        let what = || format!("the services of namespace {}", namespace.name);
        let read = inventory.services.get(&namespace.id);
        let read = read.map_or(Err(Why::Never), |read| read.whole(now));
        let mut rank = 2;
        for service in read.map_err(|why| unread(&why, &what()))? {
            if is_record(&service.name) {
                continue;
            }
            let members = inventory.members.get(&service.id);
            listed_or_denied(members, picture).map_err(|why| {
                unread(&why, &format!("the members of {}", picture.service_name(&service.id)))
            })?;
            rank = rank.min(if registries.contains(&service.id) { 0 } else { 1 });
        }
        if best.is_none_or(|(than, of)| (rank, &namespace.id) < (than, &of.id)) {
            best = Some((rank, namespace));
        }
    }
    best.map(|(_, namespace)| namespace).ok_or_else(|| {
        let why = "there is no Cloud Map namespace that could hold the lock";
        Refusal::new(RefusalKind::Blocked, why, "Create a namespace first.")
    })
}

/// Whether a service's members are known. A role that may list one service is denied all others, and
/// none of those is its fleets'.
fn listed_or_denied<T>(read: Option<&Observed<T>>, picture: &Picture<'_>) -> Result<(), Why> {
    let Some(read) = read else { return Err(Why::Never) };
    match (read.whole(picture.now), read.error()) {
        (Ok(_), _) => Ok(()),
        (Err(_), Some(error)) if error.value.kind == ErrorKind::Denied => Ok(()),
        (Err(why), _) => Err(why),
    }
}
