//! Look-ups over an inventory: which group lists an instance, which fleet a group belongs to,
//! which id an address stands for. Built once a reconcile; nothing is judged here.

use crate::core::error::Dated;
use crate::core::estate::{Existence, Policy};
use crate::core::ids::{GroupName, InstanceId, LoadBalancerArn, StackId, TargetGroupArn};
use crate::core::inventory::{
    AutoScalingGroup, Ec2Instance, Forward, GroupInstance, Held, Inventory, Listener, LoadBalancer,
    Member, RegistryService, STACK_KEYS, TargetGroup, TargetHealth,
};
use crate::core::observed::{Observed, age};
use crate::core::record::is_record;
use indexmap::IndexMap;
use jiff::Timestamp;
use rustc_hash::FxBuildHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// A map that keeps its order and finds quickly: the ids are ours and AWS's, nobody chooses them
/// to collide.
pub(super) type Map<K, V> = IndexMap<K, V, FxBuildHasher>;

/// The look-ups. `'a` is the inventory's life.
pub(super) struct Index<'a> {
    pub inventory: &'a Inventory,
    pub policy: &'a Policy,
    pub now: Timestamp,
    /// The group that lists an instance, and what it says of it.
    pub listed: Map<&'a InstanceId, (&'a AutoScalingGroup, &'a GroupInstance)>,
    /// Each group's fleet.
    pub stack_of_group: BTreeMap<&'a GroupName, StackId>,
    /// Registry services that are ours, with their members as last known.
    pub services: Vec<(&'a RegistryService, &'a Observed<std::sync::Arc<Vec<Member>>>)>,
    /// Target groups by ARN.
    pub target_groups: BTreeMap<&'a TargetGroupArn, &'a TargetGroup>,
    /// The fleets a target group is for.
    pub owners: BTreeMap<&'a TargetGroupArn, BTreeSet<StackId>>,
    /// Whose address it is, by EC2's word, of instances that exist.
    by_address: Map<IpAddr, &'a InstanceId>,
    /// What EC2 said of each id.
    said: Map<&'a InstanceId, &'a Dated<Option<Ec2Instance>>>,
    ec2_stale_after: Duration,
}

impl<'a> Index<'a> {
    pub fn new(inventory: &'a Inventory, now: Timestamp, policy: &'a Policy) -> Self {
        let mut index = Self {
            inventory,
            policy,
            now,
            listed: Map::default(),
            stack_of_group: BTreeMap::new(),
            services: our_services(inventory, policy),
            target_groups: BTreeMap::new(),
            owners: BTreeMap::new(),
            by_address: Map::default(),
            said: inventory.instances.iter().collect(),
            ec2_stale_after: inventory
                .instance_batches
                .values()
                .map(|batch| batch.every() * 2)
                .max()
                .unwrap_or_default(),
        };
        for group in index.groups() {
            index.listed.extend(group.instances.iter().map(|one| (&one.id, (group, one))));
        }
        for (id, said) in inventory.instances.iter() {
            if let Some(Ec2Instance { private_ip: Some(ip), .. }) =
                said.value.as_ref().filter(|instance| !instance.is_gone())
            {
                index.by_address.insert(*ip, id);
            }
        }
        index.name_groups();
        index.target_groups =
            inventory.target_groups.value().into_iter().flatten().map(|tg| (&tg.arn, tg)).collect();
        index.find_owners();
        index
    }

    /// All Auto Scaling groups, as last known.
    pub fn groups(&self) -> impl Iterator<Item = &'a AutoScalingGroup> + use<'a> {
        self.inventory.groups.value().into_iter().flat_map(|all| all.iter())
    }

    /// Auto Scaling groups that belong to a fleet.
    pub fn fleet_groups(&self) -> impl Iterator<Item = (&'a AutoScalingGroup, &StackId)> {
        self.groups().filter_map(|group| Some((group, self.stack_of_group.get(&group.name)?)))
    }

    /// The node behind an id that a source used: an EC2 id is itself and is never joined by
    /// address; anything else is joined by the address it is known with, if EC2 knows the address.
    pub fn resolve(&self, id: &InstanceId, address: Option<&str>) -> InstanceId {
        if id.is_ec2() {
            return id.clone();
        }
        address
            .or(Some(id.as_str()))
            .and_then(|text| text.parse::<IpAddr>().ok())
            .and_then(|ip| self.by_address.get(&ip))
            .map_or_else(|| id.clone(), |found| (*found).clone())
    }

    /// The node a registry entry is about.
    pub fn resolve_member(&self, member: &Member) -> InstanceId {
        self.resolve(&member.id, member.ipv4())
    }

    /// The instance that has this address, by EC2's word.
    pub fn owner_of_address(&self, address: &str) -> Option<&'a InstanceId> {
        self.by_address.get(&address.parse::<IpAddr>().ok()?).copied()
    }

    /// The instance that has this address, by EC2's word.
    pub fn owner_of_ip(&self, ip: &IpAddr) -> Option<&'a InstanceId> {
        self.by_address.get(ip).copied()
    }

    /// Whether EC2 could be asked about everything lately: only then is an address that it names
    /// for nobody nobody's.
    pub fn every_address_is_known(&self) -> bool {
        let batches = &self.inventory.instance_batches;
        !batches.is_empty() && batches.values().all(|batch| batch.whole(self.now).is_ok())
    }

    /// The DNS zone of a registry service.
    pub fn zone_of(&self, service: &RegistryService) -> Option<&'a str> {
        let all = self.inventory.namespaces.value().into_iter().flatten();
        let own = all.into_iter().find(|of| of.id == service.namespace && of.has_dns);
        own.map(|namespace| namespace.name.as_str())
    }

    /// What EC2 said of an instance, whatever its age.
    pub fn ec2(&self, id: &InstanceId) -> Option<&'a Ec2Instance> {
        self.said.get(id)?.value.as_ref()
    }

    /// What is known of an instance's existence. "Gone" is said only on EC2's word *and* when a
    /// complete, current list of groups does not have it; termination is for ever, so an old
    /// answer of "terminated" still counts, an old answer of "unknown id" does not.
    pub fn existence(&self, id: &InstanceId) -> Existence {
        let Some(said) = self.said.get(id) else { return Existence::Unknown };
        let fresh = age(said.at, self.now) <= self.ec2_stale_after;
        let gone = match &said.value {
            Some(instance) if instance.is_gone() => true,
            None => fresh,
            Some(instance) => {
                return match (&*instance.state, fresh) {
                    (_, false) => Existence::Unknown,
                    ("running", true) => Existence::Running,
                    (_, true) => Existence::Present,
                };
            }
        };
        if gone && self.is_unlisted(id) { Existence::Gone } else { Existence::Unknown }
    }

    /// Whether a complete, current list of groups proves that none lists it.
    pub fn is_unlisted(&self, id: &InstanceId) -> bool {
        self.inventory.groups.whole(self.now).is_ok() && !self.listed.contains_key(id)
    }

    /// Whether every service of every namespace that is read is known, and so are its members: only
    /// then does it prove anything that something is in none of them.
    pub fn every_service_is_listed(&self) -> bool {
        let Ok(namespaces) = self.inventory.namespaces.whole(self.now) else { return false };
        let only = self.policy.namespace.as_deref();
        let services = |of| self.inventory.services.get(of);
        let members = |of| self.inventory.members.get(of);
        namespaces
            .iter()
            .filter(|of| only.is_none_or(|only| only == of.name || only == of.id.as_str()))
            .all(|of| services(&of.id).is_some_and(|all| all.whole(self.now).is_ok()))
            && self
                .inventory
                .all_services()
                .filter(|of| !is_record(&of.name))
                .all(|of| members(&of.id).is_some_and(|all| all.whole(self.now).is_ok()))
    }

    /// The targets of a group as last known.
    pub fn targets(&self, arn: &TargetGroupArn) -> &'a [Held<TargetHealth>] {
        self.inventory
            .target_health
            .get(arn)
            .and_then(Observed::value)
            .map_or(&[], |all| all.as_slice())
    }

    /// All load balancers, as last known.
    pub fn balancers(&self) -> impl Iterator<Item = &'a LoadBalancer> + use<'a> {
        self.inventory.load_balancers.value().into_iter().flatten()
    }

    /// The listeners of a load balancer, as last known.
    pub fn listeners(&self, arn: &LoadBalancerArn) -> impl Iterator<Item = &'a Listener> + use<'a> {
        self.inventory.listeners.get(arn).and_then(Observed::value).into_iter().flatten()
    }

    /// Every forward action of a listener: the default one, then those of its rules.
    pub fn forwards(&self, listener: &'a Listener) -> impl Iterator<Item = (&'a str, &'a Forward)> {
        let rules = self.inventory.rules.get(&listener.arn).and_then(Observed::value);
        std::iter::once(("default", &listener.default))
            .chain(rules.into_iter().flatten().map(|rule| (rule.priority.as_str(), &rule.forward)))
    }

    /// The weight a group gets in some listener: `None` when no listener names it, else the
    /// largest (one group alone in its action counts as weighted).
    pub fn weight(&self, arn: &TargetGroupArn) -> Option<u32> {
        self.inventory
            .all_listeners()
            .flat_map(|listener| self.forwards(listener))
            .flat_map(|(_, forward)| {
                let alone = forward.groups.len() == 1;
                forward
                    .groups
                    .iter()
                    .filter(|of| &of.target_group == arn)
                    .map(move |of| if alone { of.weight.max(1) } else { of.weight })
            })
            .max()
    }

    /// A group's fleet is its tag's word; without one, what most of its registered instances say: a
    /// single wrong entry must not make a whole fleet nobody's.
    fn name_groups(&mut self) {
        let mut said: Map<&InstanceId, &StackId> = Map::default();
        for (_, members) in &self.services {
            for member in members.value().into_iter().flat_map(|all| all.iter()) {
                if let Some(stack) = &member.stack {
                    said.insert(&member.id, stack);
                }
            }
        }
        for group in self.groups() {
            let tag = STACK_KEYS.iter().find_map(|key| group.tags.get(*key)).map(StackId::from);
            let stack = tag.or_else(|| {
                let mut votes: BTreeMap<&StackId, usize> = BTreeMap::new();
                for stack in group.instances.iter().filter_map(|one| said.get(&one.id).copied()) {
                    *votes.entry(stack).or_default() += 1;
                }
                let all: usize = votes.values().sum();
                votes.into_iter().find(|(_, own)| own * 2 > all).map(|(stack, _)| stack.clone())
            });
            if let Some(stack) = stack {
                self.stack_of_group.insert(&group.name, stack);
            }
        }
    }

    /// The fleets a target group is for: those whose groups are attached to it; failing that, the
    /// one its own tag names; failing that, those whose instances are registered in it.
    fn find_owners(&mut self) {
        let mut owners: BTreeMap<&TargetGroupArn, BTreeSet<StackId>> = BTreeMap::new();
        for (group, stack) in self.fleet_groups() {
            for arn in &group.target_groups {
                owners.entry(arn).or_default().insert(stack.clone());
            }
        }
        for tags in self.inventory.tags.values().filter_map(Observed::value) {
            for (arn, tags) in tags {
                let stack = STACK_KEYS.iter().find_map(|key| tags.get(*key));
                if let Some(stack) = stack.filter(|_| !owners.contains_key(arn)) {
                    owners.insert(arn, BTreeSet::from([StackId::from(stack)]));
                }
            }
        }
        for arn in self
            .target_groups
            .keys()
            .filter(|arn| !owners.contains_key(*arn))
            .copied()
            .collect::<Vec<_>>()
        {
            let stacks: BTreeSet<_> = self
                .targets(arn)
                .iter()
                .filter_map(|held| self.listed_stack(&self.resolve(&held.value.id, None)))
                .cloned()
                .collect();
            if !stacks.is_empty() {
                owners.insert(arn, stacks);
            }
        }
        self.owners = owners;
    }

    /// The fleet of the group that lists an instance.
    pub fn listed_stack(&self, id: &InstanceId) -> Option<&StackId> {
        let (group, _) = self.listed.get(id)?;
        self.stack_of_group.get(&group.name)
    }
}

/// Services whose members carry a stack key, that once did, or that are configured.
fn our_services<'a>(
    inventory: &'a Inventory,
    policy: &Policy,
) -> Vec<(&'a RegistryService, &'a Observed<std::sync::Arc<Vec<Member>>>)> {
    inventory
        .all_services()
        .filter_map(|service| {
            let members = inventory.members.get(&service.id)?;
            let ours = policy.registry.contains_key(&service.id)
                || inventory.memory.services.contains_key(&service.id);
            ours.then_some((service, members))
        })
        .collect()
}
