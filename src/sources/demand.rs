//! What to read, how often: a pure function of what is known and of the settings. A first listing
//! brings the ids that the next reads are about, so the demand grows as answers come in, and
//! shrinks when things are gone.

use super::cadence::{
    AUTOSCALING_SLOW_CALLS_A_SECOND, ELBV2_FAST_CALLS_A_SECOND, ELBV2_SLOW_CALLS_A_SECOND,
    METRICS_NODES_A_SECOND, METRICS_SLOWER, ON_SCREEN_PART, RECORDS_CALLS_A_SECOND, RECORDS_SLOWER,
    RINGS_NODES_A_SECOND, RINGS_SLOWER, UNKNOWN_SERVICES_CALLS_A_SECOND, stretched,
    within_real_time,
};
use crate::config::{DnsSetting, Settings};
use crate::core::ids::{DnsName, InstanceId, LoadBalancerArn, ServiceId, StackId, TargetGroupArn};
use crate::core::inventory::{AutoScalingGroup, Inventory, Namespace, STACK_KEYS};
use crate::core::observed::Observed;
use crate::core::record::{is_record, is_rollback_record};
use crate::core::rollback_record::pack::is_settled;
use crate::core::source::{NEW_INSTANCES, Scope};
use jiff::Timestamp;
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// DescribeInstances takes at most 200 values of a filter.
const IDS_A_CALL: usize = 200;
/// DescribeTags takes at most 20 ARNs.
const ARNS_A_CALL: usize = 20;
/// Target groups of load balancers that are not ours are looked at rarely, and at most so many:
/// only to find our instances where nobody attached them.
const SWEPT_GROUPS: usize = 40;
/// How much longer than the slow cadence the sweep for strangers takes.
const SWEEP: u32 = 10;
/// How much slower everything is read when nobody has typed for a while.
const IDLE: u32 = 3;

/// The rank of the sweep for strangers: nobody waits for it.
pub const SWEEP_RANK: u8 = 4;

/// What a read must know beside its scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Nothing.
    Plain,
    /// The names under which DiscoverInstancesRevision knows a service; `None` where unknown.
    Service(Option<(String, String)>),
    /// These instance ids.
    Ids(Arc<[InstanceId]>),
    /// These target groups.
    TargetGroups(Arc<[TargetGroupArn]>),
    /// The node at this address.
    Address(IpAddr),
    /// A name of this DNS zone.
    Zone(Arc<str>),
}

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// What.
    pub scope: Scope,
    /// What more the read must know.
    pub ask: Ask,
    /// How often.
    pub every: Duration,
    /// Lower is sooner, among what is due.
    pub rank: u8,
    /// When the first read is due, if not at once.
    pub not_before: Option<Timestamp>,
}

/// How hard to try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Nobody has typed for a while.
    pub idle: bool,
    /// The fleet that is on screen: it is read first.
    pub focus: Option<StackId>,
}

/// Everything that should be read now and again.
pub fn demand(inventory: &Inventory, settings: &Settings, pace: &Pace) -> Vec<Want> {
    let mut demand = Demand {
        inventory,
        settings,
        focus: pace.focus.as_ref(),
        slower: if pace.idle { IDLE } else { 1 },
        wants: Vec::new(),
    };
    let slow = settings.cadence.slow;
    demand.add(Scope::Identity, seldom(&inventory.identity, slow), 1);
    demand.add(Scope::Groups, settings.cadence.autoscaling, 0);
    demand.add(Scope::LoadBalancers, slow, 0);
    demand.add(Scope::TargetGroups, slow, 0);
    demand.registry();
    let ours = demand.our_groups();
    demand.auto_scaling(&ours);
    let (near, target_groups) = demand.load_balancing(&ours);
    demand.instances(demand.ids(&ours, &target_groups));
    // Nodes of groups that only stand beside ours are not ours to probe.
    demand.probes(&ours, &demand.ids(&ours, &near));
    let rate = settings.clock.as_ref().map_or(1.0, |clock| clock.rate);
    within_real_time(&mut demand.wants, rate);
    demand.wants
}

struct Demand<'a> {
    inventory: &'a Inventory,
    settings: &'a Settings,
    focus: Option<&'a StackId>,
    slower: u32,
    wants: Vec<Want>,
}

impl<'a> Demand<'a> {
    fn add(&mut self, scope: Scope, every: Duration, rank: u8) {
        self.ask(scope, Ask::Plain, every, rank);
    }

    fn ask(&mut self, scope: Scope, ask: Ask, every: Duration, rank: u8) {
        let every = every * self.slower;
        self.wants.push(Want { scope, ask, every, rank, not_before: None });
    }

    /// Whether a part of a rollback record was read when it was whole: it does not change after that.
    fn is_whole(&self, service: &ServiceId) -> bool {
        let held = self.inventory.records.get(service).and_then(Observed::value);
        held.and_then(|held| held.value.as_deref()).is_some_and(is_settled)
    }

    fn registry(&mut self) {
        let slow = self.settings.cadence.slow;
        self.add(Scope::Namespaces, seldom(&self.inventory.namespaces, slow), 0);
        let wanted = self.settings.namespace.as_deref();
        let namespaces: Vec<&Namespace> = self
            .inventory
            .namespaces
            .value()
            .into_iter()
            .flatten()
            .filter(|of| wanted.is_none_or(|name| name == of.name || name == of.id.as_str()))
            .collect();
        let (records, registries): (Vec<_>, Vec<_>) =
            self.inventory.all_services().partition(|of| is_record(&of.name));
        let records = stretched(
            self.settings.cadence.cloudmap * RECORDS_SLOWER,
            records.len(),
            RECORDS_CALLS_A_SECOND,
        );
        let unknown = registries.into_iter().filter(|of| !self.knowledge_of(&of.id).0);
        let unknown = stretched(
            self.settings.cadence.cloudmap,
            unknown.count(),
            UNKNOWN_SERVICES_CALLS_A_SECOND,
        );
        for namespace in namespaces {
            self.add(Scope::Services(namespace.id.clone()), slow, 0);
            let services = self.inventory.services.get(&namespace.id).and_then(Observed::value);
            for service in services.into_iter().flatten() {
                // Nobody registers in a record; it says something itself.
                if is_record(&service.name) {
                    let settled = is_rollback_record(&service.name) && self.is_whole(&service.id);
                    let every = if settled { slow * SWEEP } else { records };
                    self.add(Scope::Record(service.id.clone()), every, 1);
                    continue;
                }
                let names = (namespace.http_name.clone(), service.name.to_string());
                let (known, ours) = self.knowledge_of(&service.id);
                let every = match (known, ours) {
                    (_, true) => self.settings.cadence.cloudmap,
                    (true, false) => slow * SWEEP,
                    (false, false) => unknown,
                };
                let ask = Ask::Service((!names.0.is_empty()).then_some(names));
                self.ask(Scope::Members(service.id.clone()), ask, every, 0);
                if ours && namespace.has_dns && self.settings.dns != DnsSetting::Off {
                    self.resolve(&service.name, &namespace.name);
                }
                if ours && service.custom_health {
                    self.add(
                        Scope::MemberHealth(service.id.clone()),
                        self.settings.cadence.elbv2,
                        1,
                    );
                }
            }
        }
    }

    /// Whether a service's members were ever listed, and whether the service is ours.
    fn knowledge_of(&self, service: &ServiceId) -> (bool, bool) {
        let known = self.inventory.members.get(service).is_some_and(|of| of.value().is_some());
        let ours = self.settings.registry.contains_key(service)
            || self.inventory.memory.services.contains_key(service);
        (known, ours)
    }

    /// Auto Scaling groups with a stack tag, or with an instance that a registry of ours knows.
    fn our_groups(&self) -> Vec<&'a AutoScalingGroup> {
        let registered: BTreeSet<&InstanceId> = self
            .inventory
            .members
            .iter()
            .filter(|(service, _)| self.knowledge_of(service).1)
            .filter_map(|(_, members)| members.value())
            .flat_map(|members| members.iter().map(|member| &member.id))
            .collect();
        let tagged =
            |group: &AutoScalingGroup| STACK_KEYS.iter().any(|key| group.tags.contains_key(*key));
        let known = |group: &AutoScalingGroup| {
            group.instances.iter().any(|instance| registered.contains(&instance.id))
        };
        self.inventory
            .groups
            .value()
            .into_iter()
            .flat_map(|all| all.iter())
            .filter(|group| tagged(group) || known(group))
            .collect()
    }

    fn auto_scaling(&mut self, ours: &[&AutoScalingGroup]) {
        let slow = self.settings.cadence.slow;
        let every = stretched(slow, 2 * ours.len(), AUTOSCALING_SLOW_CALLS_A_SECOND);
        for group in ours {
            self.add(Scope::Activities(group.name.clone()), every, 3);
            self.add(Scope::Refreshes(group.name.clone()), every, 3);
        }
    }

    /// Listeners, target health and what belongs to them; answers the target groups that are ours,
    /// and those together with what stands beside them on their load balancers.
    fn load_balancing(
        &mut self,
        ours: &[&AutoScalingGroup],
    ) -> (BTreeSet<TargetGroupArn>, BTreeSet<TargetGroupArn>) {
        let inventory = self.inventory;
        // Until the groups were asked about, nobody can tell which target groups are ours.
        if inventory.groups.value().is_none() && inventory.groups.error().is_none() {
            return <_>::default();
        }
        let Some(all) = inventory.target_groups.value() else { return <_>::default() };
        let near = self.near(ours);
        let balancers: BTreeSet<&LoadBalancerArn> = all
            .iter()
            .filter(|group| near.contains(&group.arn))
            .flat_map(|group| &group.load_balancers)
            .collect();
        let known: BTreeSet<&LoadBalancerArn> =
            inventory.load_balancers.value().into_iter().flatten().map(|of| &of.arn).collect();
        let balancers: BTreeSet<&LoadBalancerArn> = if balancers.is_empty() {
            known
        } else {
            balancers.intersection(&known).copied().collect()
        };
        let beside = all
            .iter()
            .filter(|group| group.load_balancers.iter().any(|arn| balancers.contains(arn)))
            .map(|group| &group.arn)
            .take(if near.is_empty() { SWEPT_GROUPS } else { usize::MAX });
        let ours: BTreeSet<TargetGroupArn> = near.iter().chain(beside).cloned().collect();
        self.fast(&ours, &balancers);
        self.slow(&ours, &balancers);
        let strangers = all.iter().filter(|group| !ours.contains(&group.arn));
        for group in strangers.take(SWEPT_GROUPS) {
            let every = self.settings.cadence.slow * SWEEP;
            self.add(Scope::TargetHealth(group.arn.clone()), every, SWEEP_RANK);
        }
        (near, ours)
    }

    /// Target groups that our Auto Scaling groups are attached to, that carry a stack tag, or that
    /// hold our nodes, by id or (target type `ip`) by address.
    fn near(&self, ours: &[&AutoScalingGroup]) -> BTreeSet<TargetGroupArn> {
        let mut instances = self.ids(ours, &BTreeSet::new());
        let addresses: Vec<InstanceId> = instances
            .iter()
            .filter_map(|id| self.inventory.instances.get(id)?.value.as_ref()?.private_ip)
            .map(|address| InstanceId::from(address.to_string()))
            .collect();
        instances.extend(addresses);
        let tagged = self.inventory.tags.values().filter_map(Observed::value).flatten();
        let tagged =
            tagged.filter(|(_, tags)| STACK_KEYS.iter().any(|key| tags.contains_key(*key)));
        let holding = self.inventory.target_health.iter().filter(|(_, health)| {
            let mut targets = health.value().into_iter().flat_map(|all| all.iter());
            targets.any(|held| instances.contains(&held.value.id))
        });
        ours.iter()
            .flat_map(|group| &group.target_groups)
            .chain(holding.map(|(arn, _)| arn))
            .chain(tagged.map(|(arn, _)| arn))
            .cloned()
            .collect()
    }

    fn fast(&mut self, groups: &BTreeSet<TargetGroupArn>, balancers: &BTreeSet<&LoadBalancerArn>) {
        let all = self.inventory.groups.value().into_iter().flat_map(|all| all.iter());
        let focused: BTreeSet<&TargetGroupArn> = all
            .filter(|group| self.is_focused(group))
            .flat_map(|group| &group.target_groups)
            .collect();
        let (focused, others): (Vec<_>, Vec<_>) =
            groups.iter().partition(|group| focused.contains(group));
        let least = self.settings.cadence.elbv2;
        let number = groups.len() + balancers.len();
        let alike = stretched(least, number, ELBV2_FAST_CALLS_A_SECOND);
        // Where all alike would be seldom, listeners and the fleet on screen get the larger part.
        let (often, seldom) = if focused.is_empty() || alike <= least * 2 {
            (alike, alike)
        } else {
            let (part, rest) = (ON_SCREEN_PART, 1.0 - ON_SCREEN_PART);
            let first = focused.len() + balancers.len();
            (
                stretched(least, first, ELBV2_FAST_CALLS_A_SECOND * part),
                stretched(least, others.len(), ELBV2_FAST_CALLS_A_SECOND * rest),
            )
        };
        for balancer in balancers {
            self.add(Scope::Listeners((*balancer).clone()), often, 0);
        }
        for group in focused {
            self.add(Scope::TargetHealth(group.clone()), often, 0);
        }
        for group in others {
            self.add(Scope::TargetHealth(group.clone()), seldom, 1);
        }
    }

    /// Whether a group belongs to the fleet on screen.
    fn is_focused(&self, group: &AutoScalingGroup) -> bool {
        let Some(focus) = self.focus else { return false };
        let stack = STACK_KEYS.iter().find_map(|key| group.tags.get(*key));
        stack.is_some_and(|stack| stack == focus.as_str())
    }

    fn slow(&mut self, groups: &BTreeSet<TargetGroupArn>, balancers: &BTreeSet<&LoadBalancerArn>) {
        let listeners: Vec<_> = self
            .inventory
            .all_listeners()
            .filter(|listener| balancers.contains(&listener.load_balancer))
            .map(|listener| listener.arn.clone())
            .collect();
        let batches = groups.len().div_ceil(ARNS_A_CALL);
        let number = 2 + groups.len() + balancers.len() + listeners.len() + batches;
        let every = stretched(self.settings.cadence.slow, number, ELBV2_SLOW_CALLS_A_SECOND);
        for balancer in balancers {
            self.add(Scope::LoadBalancerAttributes((*balancer).clone()), every, 3);
        }
        for listener in listeners {
            self.add(Scope::Rules(listener), every, 2);
        }
        for group in groups {
            self.add(Scope::TargetGroupAttributes(group.clone()), every, 3);
        }
        let all: Vec<_> = groups.iter().cloned().collect();
        for (batch, arns) in (0_u16..).zip(all.chunks(ARNS_A_CALL)) {
            self.ask(Scope::Tags(batch), Ask::TargetGroups(arns.into()), every, 3);
        }
    }

    /// Every id that our groups, our registry services or these target groups name.
    fn ids(
        &self,
        ours: &[&AutoScalingGroup],
        target_groups: &BTreeSet<TargetGroupArn>,
    ) -> BTreeSet<InstanceId> {
        let instances = ours.iter().flat_map(|group| &group.instances).map(|one| &one.id);
        let mut ids: FxHashSet<&InstanceId> = instances.collect();
        for (service, members) in &self.inventory.members {
            if self.knowledge_of(service).1 {
                let members = members.value().into_iter().flat_map(|all| all.iter());
                ids.extend(members.map(|member| &member.id));
            }
        }
        for arn in target_groups {
            let health = self.inventory.target_health.get(arn).and_then(Observed::value);
            ids.extend(health.into_iter().flat_map(|all| all.iter()).map(|of| &of.value.id));
        }
        // Made of a sorted list, a set is built in one go.
        ids.into_iter().cloned().collect()
    }

    /// Asks EC2 about these ids.
    fn instances(&mut self, ids: BTreeSet<InstanceId>) {
        let answered = |id: &InstanceId| self.inventory.instances.contains_key(id);
        let askable = ids.into_iter().filter(InstanceId::is_ec2);
        let (known, new): (Vec<_>, Vec<_>) = askable.partition(answered);
        let every = self.settings.cadence.ec2;
        for ids in new.chunks(IDS_A_CALL) {
            self.ask(Scope::Instances(NEW_INSTANCES | digest(ids)), Ask::Ids(ids.into()), every, 1);
        }
        for (batch, ids) in (0_u16..NEW_INSTANCES).zip(known.chunks(IDS_A_CALL)) {
            let oldest =
                ids.iter().filter_map(|id| self.inventory.instances.get(id)).map(|of| of.at).min();
            let due = oldest.and_then(|at| at.checked_add(every * self.slower).ok());
            self.ask(Scope::Instances(batch), Ask::Ids(ids.into()), every, 2);
            if let Some(want) = self.wants.last_mut() {
                want.not_before = due;
            }
        }
    }

    /// Probes every node whose address is known and which is not on its way out, and asks it for its
    /// rings and metrics.
    fn probes(&mut self, ours: &[&AutoScalingGroup], ids: &BTreeSet<InstanceId>) {
        if !self.settings.probes.enabled {
            return;
        }
        let leaving: BTreeSet<&InstanceId> = ours
            .iter()
            .flat_map(|group| &group.instances)
            .filter(|one| one.lifecycle.starts_with("Terminat"))
            .map(|one| &one.id)
            .collect();
        let registered = self.registered_addresses();
        let focused: BTreeSet<&InstanceId> = ours
            .iter()
            .filter(|group| self.is_focused(group))
            .flat_map(|group| group.instances.iter().map(|one| &one.id))
            .collect();
        let mut asked = Vec::new();
        for id in ids.iter().filter(|id| !leaving.contains(id)) {
            let address = match self.inventory.instances.get(id).map(|said| &said.value) {
                Some(Some(instance)) if &*instance.state == "running" => instance.private_ip,
                // EC2 does not know it, or it does not run: there is nobody to ask.
                Some(_) => None,
                // EC2 could not be asked: the registry's word is better than none.
                None => registered.get(id).copied().filter(|_| self.ec2_failed()),
            };
            if let Some(address) = address {
                let rank = if focused.contains(id) { 0 } else { 1 };
                asked.push((id.clone(), address, rank));
            }
        }
        let probes = self.settings.cadence.probes;
        let rings = stretched(probes * RINGS_SLOWER, asked.len(), RINGS_NODES_A_SECOND);
        let metrics = stretched(probes * METRICS_SLOWER, asked.len(), METRICS_NODES_A_SECOND);
        for (id, address, rank) in asked {
            let ask = Ask::Address(address);
            if self.answers(&id) {
                self.ask(Scope::Rings(id.clone()), ask.clone(), rings, rank + 2);
                self.ask(Scope::Metrics(id.clone()), ask.clone(), metrics, rank + 2);
            }
            self.ask(Scope::Probe(id), ask, probes, rank);
        }
    }

    /// Whether anything answered when the node was last probed: who hangs or is gone would only hold
    /// up the others.
    fn answers(&self, id: &InstanceId) -> bool {
        let outcomes = self.inventory.probes.get(id).and_then(Observed::value);
        outcomes.into_iter().flatten().any(|held| held.value.status.is_some())
    }

    /// Resolves a registry service's name, as every node that joins a ring does.
    fn resolve(&mut self, service: &str, zone: &str) {
        let name = DnsName::from(format!("{service}.{zone}"));
        let every = self.settings.cadence.probes * RINGS_SLOWER;
        self.ask(Scope::Dns(name), Ask::Zone(zone.into()), every, 2);
    }

    fn ec2_failed(&self) -> bool {
        self.inventory.instance_batches.values().any(|batch| batch.error().is_some())
    }

    fn registered_addresses(&self) -> BTreeMap<&'a InstanceId, IpAddr> {
        let all = self.inventory.members.values().filter_map(Observed::value);
        all.flat_map(|members| members.iter())
            .filter_map(|member| Some((&member.id, member.ipv4()?.parse().ok()?)))
            .collect()
    }
}

/// How often to read what hardly ever changes. A failure is not left standing that long: without
/// the namespaces no registry is known at all.
fn seldom<T>(last: &Observed<T>, slow: Duration) -> Duration {
    if last.error().is_some() { slow } else { slow * SWEEP }
}

/// Fifteen bits that tell one set of ids from another.
fn digest(ids: &[InstanceId]) -> u16 {
    let hash = ids
        .iter()
        .flat_map(|id| id.as_str().bytes())
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let bytes = hash.to_le_bytes();
    (u16::from_le_bytes([bytes[0], bytes[1]]) ^ u16::from_le_bytes([bytes[2], bytes[3]]))
        & !NEW_INSTANCES
}
