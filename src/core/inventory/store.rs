//! The inventory itself and the one way into it: `Inventory::apply`.
//!
//! Big maps sit behind `Arc`, so that handing a snapshot to `reconcile` costs nothing and only
//! what changes meanwhile is copied.

use super::memory::Memory;
use super::{
    Activity, AutoScalingGroup, ById, DnsAnswer, Ec2Instance, Identity, Listener, LoadBalancer,
    LoadBalancerAttributes, Member, MemberHealth, MetricsSeen, Namespace, ProbeOutcome, RecordSeen,
    Refresh, RegistryService, RingsSeen, Rule, Tags, TargetGroup, TargetGroupAttributes,
    TargetHealth,
};
use crate::core::error::{Dated, SourceError};
use crate::core::ids::{
    DnsName, GroupName, InstanceId, ListenerArn, LoadBalancerArn, NamespaceId, ServiceId,
    TargetGroupArn,
};
use crate::core::observed::{Observed, age};
use crate::core::source::{Fragment, Scope, SourceEvent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What EC2 last said of an id is forgotten when nobody has asked about it for so long.
const INSTANCES_KEPT: Duration = Duration::from_secs(3600);

/// A value and since when it has been so, as far as we saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held<T> {
    /// The first observation of the unbroken run of observations that agree.
    pub since: Timestamp,
    /// The latest observation.
    pub value: T,
}

/// The outcomes of a node's probes, a product each.
pub type Outcomes = Vec<Held<Arc<ProbeOutcome>>>;

/// What each source said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// Who we are.
    pub identity: Observed<Identity>,
    /// All namespaces.
    pub namespaces: Observed<Vec<Namespace>>,
    /// Services, a namespace at a time.
    pub services: BTreeMap<NamespaceId, Observed<Vec<RegistryService>>>,
    /// Members, a service at a time.
    pub members: BTreeMap<ServiceId, Observed<Arc<Vec<Member>>>>,
    /// Custom health, a service at a time.
    pub member_health: BTreeMap<ServiceId, Observed<Arc<BTreeMap<InstanceId, MemberHealth>>>>,
    /// Records that runs left for other hosts.
    #[serde(default)]
    pub records: BTreeMap<ServiceId, Observed<RecordSeen>>,
    /// Records whose heartbeat was seen to change.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub beating: BTreeSet<ServiceId>,
    /// All Auto Scaling groups.
    pub groups: Observed<Arc<Vec<AutoScalingGroup>>>,
    /// Scaling activities, a group at a time.
    pub activities: BTreeMap<GroupName, Observed<Vec<Activity>>>,
    /// Instance refreshes, a group at a time.
    pub refreshes: BTreeMap<GroupName, Observed<Vec<Refresh>>>,
    /// All network load balancers.
    pub load_balancers: Observed<Vec<LoadBalancer>>,
    /// Their attributes.
    pub load_balancer_attributes: BTreeMap<LoadBalancerArn, Observed<LoadBalancerAttributes>>,
    /// Listeners, a load balancer at a time.
    pub listeners: BTreeMap<LoadBalancerArn, Observed<Vec<Listener>>>,
    /// Rules, a listener at a time.
    pub rules: BTreeMap<ListenerArn, Observed<Vec<Rule>>>,
    /// All target groups.
    pub target_groups: Observed<Vec<TargetGroup>>,
    /// Their attributes.
    pub target_group_attributes: BTreeMap<TargetGroupArn, Observed<TargetGroupAttributes>>,
    /// Their tags, a batch at a time.
    pub tags: BTreeMap<u16, Observed<BTreeMap<TargetGroupArn, Tags>>>,
    /// Target health, a group at a time.
    pub target_health: BTreeMap<TargetGroupArn, Observed<Arc<Vec<Held<TargetHealth>>>>>,
    /// What EC2 said of each id it was asked about; `None` is "there is no such instance".
    pub instances: ById<Dated<Option<Ec2Instance>>>,
    /// Ids that EC2 answered completely without: when first and when last. Absence proves that an
    /// instance is gone only when it was absent twice, some time apart.
    #[serde(default)]
    pub omitted: BTreeMap<InstanceId, (Timestamp, Timestamp)>,
    /// How the questions to EC2 went, a batch at a time.
    pub instance_batches: BTreeMap<u16, Observed<()>>,
    /// Probe outcomes, a node at a time.
    pub probes: ById<Observed<Outcomes>>,
    /// Rings, a node at a time.
    #[serde(default)]
    pub rings: ById<Observed<RingsSeen>>,
    /// Metrics, a node at a time.
    #[serde(default)]
    pub metrics: ById<Observed<MetricsSeen>>,
    /// DNS answers, a name at a time.
    #[serde(default)]
    pub dns: BTreeMap<DnsName, Observed<DnsAnswer>>,
    /// Addresses that were in the registry until of late, and since when they are not.
    #[serde(default)]
    pub departed: BTreeMap<IpAddr, Timestamp>,
    /// What is remembered from earlier.
    pub memory: Memory,
}

impl Inventory {
    /// Takes in one piece of news. Failures never remove anything; a complete listing removes
    /// what hangs on things that are no longer listed.
    pub fn apply(&mut self, event: SourceEvent) {
        let SourceEvent { scope, observed_at, every, calls, result, missing } = event;
        let news = News { at: observed_at, every, calls, missing };
        match result {
            Ok(fragment) => self.apply_fragment(scope, fragment, news),
            Err(error) => self.apply_error(&scope, error, &news),
        }
    }

    fn apply_fragment(&mut self, scope: Scope, fragment: Fragment, news: News) {
        match (scope, fragment) {
            (Scope::Identity, Fragment::Identity(value)) => news.settle(&mut self.identity, value),
            (Scope::Namespaces, Fragment::Namespaces(value)) => {
                news.settle_list(&mut self.namespaces, value, |item| item.id.clone());
                self.drop_orphans_of_namespaces();
            }
            (Scope::Services(namespace), Fragment::Services(value)) => {
                let slot = self.services.entry(namespace).or_default();
                news.settle_list(slot, value, |item| item.id.clone());
                self.drop_orphans_of_services();
            }
            (Scope::Members(service), Fragment::Members(value)) => {
                self.take_members(service, value, news);
            }
            (Scope::Members(service), Fragment::MembersUnchanged) => {
                let slot = self.members.entry(service).or_default();
                slot.note_attempt(news.every, news.calls);
                slot.confirm(news.at);
            }
            (Scope::MemberHealth(service), Fragment::MemberHealth(value)) => {
                news.settle_shared(self.member_health.entry(service).or_default(), value);
            }
            (Scope::Groups, Fragment::Groups(value)) => self.take_groups(value, news),
            (Scope::Activities(group), Fragment::Activities(value)) => {
                news.settle(self.activities.entry(group).or_default(), value);
            }
            (Scope::Refreshes(group), Fragment::Refreshes(value)) => {
                news.settle(self.refreshes.entry(group).or_default(), value);
            }
            (Scope::Instances(batch), Fragment::Instances { asked, found }) => {
                self.note_omitted(&asked, &found, &news);
                self.take_instances(&asked, found, news.at);
                let at = news.at;
                news.settle(self.instance_batches.entry(batch).or_default(), ());
                self.drop_old_batches(at);
            }
            (Scope::Probe(node), Fragment::Probes(outcomes)) => {
                self.take_probes(node, outcomes, news);
            }
            (scope, fragment) => self.apply_elbv2(scope, fragment, news),
        }
    }

    fn apply_elbv2(&mut self, scope: Scope, fragment: Fragment, news: News) {
        match (scope, fragment) {
            (Scope::LoadBalancers, Fragment::LoadBalancers(value)) => {
                news.settle_list(&mut self.load_balancers, value, |item| item.arn.clone());
                self.drop_orphans_of_load_balancers();
            }
            (Scope::LoadBalancerAttributes(arn), Fragment::LoadBalancerAttributes(value)) => {
                news.settle(self.load_balancer_attributes.entry(arn).or_default(), value);
            }
            (Scope::Listeners(arn), Fragment::Listeners(value)) => {
                self.memory.notice_listeners(&value, news.at);
                let slot = self.listeners.entry(arn).or_default();
                news.settle_list(slot, value, |item| item.arn.clone());
            }
            (Scope::Rules(arn), Fragment::Rules(value)) => {
                news.settle(self.rules.entry(arn).or_default(), value);
            }
            (Scope::TargetGroups, Fragment::TargetGroups(value)) => {
                news.settle_list(&mut self.target_groups, value, |item| item.arn.clone());
                self.drop_orphans_of_target_groups();
            }
            (Scope::TargetGroupAttributes(arn), Fragment::TargetGroupAttributes(value)) => {
                news.settle(self.target_group_attributes.entry(arn).or_default(), value);
            }
            (Scope::Tags(batch), Fragment::Tags(value)) => {
                news.settle(self.tags.entry(batch).or_default(), value);
            }
            (Scope::TargetHealth(arn), Fragment::TargetHealth(value)) => {
                let slot = self.target_health.entry(arn).or_default();
                let held = hold(slot.value().map(|held| held.as_slice()), value, news.at, |one| {
                    (one.id.clone(), one.port, one.state.clone())
                });
                news.settle_shared(slot, held);
            }
            // A fragment of another kind than its scope promises carries no news.
            (scope, fragment) => self.apply_told(scope, fragment, news),
        }
    }

    fn apply_error(&mut self, scope: &Scope, error: SourceError, news: &News) {
        match scope {
            Scope::Identity => news.fail(&mut self.identity, error),
            Scope::Namespaces => news.fail(&mut self.namespaces, error),
            Scope::Services(id) => news.fail(self.services.entry(id.clone()).or_default(), error),
            Scope::Members(id) => news.fail(self.members.entry(id.clone()).or_default(), error),
            Scope::MemberHealth(id) => {
                news.fail(self.member_health.entry(id.clone()).or_default(), error);
            }
            Scope::Groups => news.fail(&mut self.groups, error),
            Scope::Activities(id) => {
                news.fail(self.activities.entry(id.clone()).or_default(), error);
            }
            Scope::Refreshes(id) => news.fail(self.refreshes.entry(id.clone()).or_default(), error),
            Scope::LoadBalancers => news.fail(&mut self.load_balancers, error),
            Scope::LoadBalancerAttributes(id) => {
                news.fail(self.load_balancer_attributes.entry(id.clone()).or_default(), error);
            }
            Scope::Listeners(id) => news.fail(self.listeners.entry(id.clone()).or_default(), error),
            Scope::Rules(id) => news.fail(self.rules.entry(id.clone()).or_default(), error),
            Scope::TargetGroups => news.fail(&mut self.target_groups, error),
            Scope::TargetGroupAttributes(id) => {
                news.fail(self.target_group_attributes.entry(id.clone()).or_default(), error);
            }
            Scope::Tags(batch) => news.fail(self.tags.entry(*batch).or_default(), error),
            Scope::TargetHealth(id) => {
                news.fail(self.target_health.entry(id.clone()).or_default(), error);
            }
            Scope::Instances(batch) => {
                news.fail(self.instance_batches.entry(*batch).or_default(), error);
                self.drop_old_batches(news.at);
            }
            Scope::Probe(id) => {
                news.fail(self.probes.entry(id.clone(), Observed::default), error);
            }
            Scope::Rings(_) | Scope::Metrics(_) | Scope::Dns(_) | Scope::Record(_) => {
                self.fail_told(scope, error, news);
            }
        }
    }

    fn take_members(&mut self, service: ServiceId, value: Vec<Member>, news: News) {
        if value.iter().any(|member| member.stack.is_some()) {
            self.memory.services.insert(service.clone(), news.at);
        }
        let was = self.members.entry(service.clone()).or_default().value().cloned();
        let value =
            news.with_kept(was.as_ref().map(|kept| kept.as_slice()), value, |one| one.id.clone());
        if let Some(was) = was {
            self.notice_departures(&was, &value, news.at);
        }
        news.settle_shared(self.members.entry(service).or_default(), value);
    }

    fn take_groups(&mut self, value: Vec<AutoScalingGroup>, news: News) {
        self.memory.notice_attachments(&value, news.at);
        let kept = self.groups.value().map(|kept| kept.as_slice());
        let value = news.with_kept(kept, value, |one| one.name.clone());
        let (complete, at) = (news.missing.is_none(), news.at);
        news.settle_shared(&mut self.groups, value);
        if complete {
            let names: BTreeSet<_> = self
                .groups
                .value()
                .into_iter()
                .flat_map(|all| all.iter())
                .map(|group| group.name.clone())
                .collect();
            self.activities.retain(|name, _| names.contains(name));
            self.refreshes.retain(|name, _| names.contains(name));
            self.drop_answers_of_nobody(at);
        }
    }

    /// An incomplete answer proves no absence, and does not interrupt one either.
    fn note_omitted(&mut self, asked: &[InstanceId], found: &[Ec2Instance], news: &News) {
        for instance in found {
            self.omitted.remove(&instance.id);
        }
        if news.missing.is_none() {
            let found: BTreeSet<&InstanceId> = found.iter().map(|one| &one.id).collect();
            for id in asked.iter().filter(|id| !found.contains(id)) {
                let first = self.omitted.get(id).map_or(news.at, |(first, _)| *first);
                self.omitted.insert(id.clone(), (first, news.at));
            }
        }
        self.omitted.retain(|_, (_, last)| age(*last, news.at) <= INSTANCES_KEPT);
    }

    fn take_instances(&mut self, asked: &[InstanceId], found: Vec<Ec2Instance>, at: Timestamp) {
        for id in asked {
            self.instances.insert(id.clone(), Dated { at, value: None });
        }
        for instance in found {
            self.instances.insert(instance.id.clone(), Dated { at, value: Some(instance) });
        }
        self.instances.retain(|_, said| age(said.at, at) <= INSTANCES_KEPT);
    }

    fn take_probes(&mut self, node: InstanceId, outcomes: Vec<ProbeOutcome>, news: News) {
        let slot = self.probes.entry(node, Observed::default);
        let kept = slot.value().map_or(&[][..], Vec::as_slice);
        let shared = |one: ProbeOutcome| {
            let same = kept.iter().find(|held| *held.value == one);
            same.map_or_else(|| Arc::new(one), |held| Arc::clone(&held.value))
        };
        let outcomes = outcomes.into_iter().map(shared).collect();
        let held = hold(slot.value().map(Vec::as_slice), outcomes, news.at, |one| {
            (one.product.clone(), one.verdict)
        });
        news.settle(slot, held);
    }

    /// The ids of instances that any listing names, some of them more than once.
    pub(super) fn named(&self) -> impl Iterator<Item = &InstanceId> {
        let groups = self.groups.value().into_iter().flat_map(|all| all.iter());
        let members = self.members.values().filter_map(Observed::value).flat_map(|all| all.iter());
        let targets =
            self.target_health.values().filter_map(Observed::value).flat_map(|all| all.iter());
        groups
            .flat_map(|group| group.instances.iter().map(|one| &one.id))
            .chain(members.map(|member| &member.id))
            .chain(targets.map(|held| &held.value.id))
    }

    /// Batches come and go with the ids they ask about; one that nobody asks any more is dropped.
    fn drop_old_batches(&mut self, now: Timestamp) {
        self.instance_batches.retain(|_, batch| {
            batch.last_attempt().is_some_and(|at| age(at, now) <= batch.every() * 3)
        });
    }

    fn drop_orphans_of_namespaces(&mut self) {
        if self.namespaces.error().is_some() {
            return;
        }
        let ids: BTreeSet<_> = list(&self.namespaces).map(|namespace| &namespace.id).collect();
        self.services.retain(|id, _| ids.contains(id));
    }

    fn drop_orphans_of_services(&mut self) {
        if self.services.values().any(|of| of.error().is_some()) {
            return;
        }
        let ids: BTreeSet<_> = self.all_services().map(|service| service.id.clone()).collect();
        self.members.retain(|id, _| ids.contains(id));
        self.member_health.retain(|id, _| ids.contains(id));
        self.records.retain(|id, _| ids.contains(id));
        self.beating.retain(|id| ids.contains(id));
    }

    fn drop_orphans_of_load_balancers(&mut self) {
        if self.load_balancers.error().is_some() {
            return;
        }
        let arns: BTreeSet<_> =
            list(&self.load_balancers).map(|balancer| balancer.arn.clone()).collect();
        self.listeners.retain(|arn, _| arns.contains(arn));
        self.load_balancer_attributes.retain(|arn, _| arns.contains(arn));
        let listeners: BTreeSet<_> =
            self.all_listeners().map(|listener| listener.arn.clone()).collect();
        self.rules.retain(|arn, _| listeners.contains(arn));
    }

    fn drop_orphans_of_target_groups(&mut self) {
        if self.target_groups.error().is_some() {
            return;
        }
        let arns: BTreeSet<_> = list(&self.target_groups).map(|group| group.arn.clone()).collect();
        self.target_health.retain(|arn, _| arns.contains(arn));
        self.target_group_attributes.retain(|arn, _| arns.contains(arn));
    }

    /// Whether a read of this scope has ended, well or not.
    pub fn was_attempted(&self, scope: &Scope) -> bool {
        fn ended<T>(slot: Option<&Observed<T>>) -> bool {
            slot.is_some_and(|slot| slot.last_attempt().is_some())
        }
        match scope {
            Scope::Identity => ended(Some(&self.identity)),
            Scope::Namespaces => ended(Some(&self.namespaces)),
            Scope::Services(id) => ended(self.services.get(id)),
            Scope::Members(id) => ended(self.members.get(id)),
            Scope::MemberHealth(id) => ended(self.member_health.get(id)),
            Scope::Record(id) => ended(self.records.get(id)),
            Scope::Groups => ended(Some(&self.groups)),
            Scope::Activities(id) => ended(self.activities.get(id)),
            Scope::Refreshes(id) => ended(self.refreshes.get(id)),
            Scope::LoadBalancers => ended(Some(&self.load_balancers)),
            Scope::LoadBalancerAttributes(id) => ended(self.load_balancer_attributes.get(id)),
            Scope::Listeners(id) => ended(self.listeners.get(id)),
            Scope::Rules(id) => ended(self.rules.get(id)),
            Scope::TargetGroups => ended(Some(&self.target_groups)),
            Scope::TargetGroupAttributes(id) => ended(self.target_group_attributes.get(id)),
            Scope::Tags(batch) => ended(self.tags.get(batch)),
            Scope::TargetHealth(id) => ended(self.target_health.get(id)),
            Scope::Instances(batch) => ended(self.instance_batches.get(batch)),
            Scope::Probe(id) => ended(self.probes.get(id)),
            Scope::Rings(id) => ended(self.rings.get(id)),
            Scope::Metrics(id) => ended(self.metrics.get(id)),
            Scope::Dns(name) => ended(self.dns.get(name)),
        }
    }

    /// All services that are known, over all namespaces, whatever their age.
    pub fn all_services(&self) -> impl Iterator<Item = &RegistryService> {
        self.services.values().filter_map(Observed::value).flatten()
    }

    /// All listeners that are known, whatever their age.
    pub fn all_listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.values().filter_map(Observed::value).flatten()
    }
}

/// The circumstances of a piece of news.
pub(super) struct News {
    pub(super) at: Timestamp,
    every: Duration,
    calls: u32,
    missing: Option<SourceError>,
}

impl News {
    pub(super) fn settle<T>(self, slot: &mut Observed<T>, value: T) {
        slot.note_attempt(self.every, self.calls);
        match self.missing {
            None => slot.succeed(self.at, value),
            Some(missing) => slot.succeed_partly(self.at, value, missing),
        }
    }

    /// Settles what is shared: nearly always the same is said again, and then the piece stays that
    /// everybody has, so that its memory does not wander.
    fn settle_shared<T: PartialEq>(self, slot: &mut Observed<Arc<T>>, value: T) {
        let same = slot.value().filter(|was| ***was == value).map(Arc::clone);
        self.settle(slot, same.unwrap_or_else(|| Arc::new(value)));
    }

    /// Settles a listing; of a partial one, what was known before and is not in it stays.
    fn settle_list<T: Clone, K: Ord>(
        self,
        slot: &mut Observed<Vec<T>>,
        value: Vec<T>,
        key: impl Fn(&T) -> K,
    ) {
        let value = self.with_kept(slot.value().map(Vec::as_slice), value, key);
        self.settle(slot, value);
    }

    fn with_kept<T: Clone, K: Ord>(
        &self,
        kept: Option<&[T]>,
        mut value: Vec<T>,
        key: impl Fn(&T) -> K,
    ) -> Vec<T> {
        if self.missing.is_some() {
            let seen: BTreeSet<K> = value.iter().map(&key).collect();
            let old = kept.unwrap_or_default().iter().filter(|one| !seen.contains(&key(one)));
            value.extend(old.cloned());
        }
        value
    }

    pub(super) fn fail<T>(&self, slot: &mut Observed<T>, error: SourceError) {
        slot.note_attempt(self.every, self.calls);
        slot.fail(self.at, error);
    }
}

/// Dates each new observation back to the first of the unbroken run that agrees with it.
pub(super) fn hold<T, K: Ord>(
    old: Option<&[Held<T>]>,
    new: Vec<T>,
    at: Timestamp,
    key: impl Fn(&T) -> K,
) -> Vec<Held<T>> {
    let old = old.unwrap_or_default();
    // Nearly always the same things come in the same order; only otherwise are they looked up.
    let same = old.len() == new.len()
        && old.iter().zip(&new).all(|(held, value)| key(&held.value) == key(value));
    if same {
        let since = old.iter().map(|held| held.since);
        return since.zip(new).map(|(since, value)| Held { since, value }).collect();
    }
    let since: BTreeMap<K, Timestamp> =
        old.iter().map(|held| (key(&held.value), held.since)).collect();
    new.into_iter()
        .map(|value| Held { since: since.get(&key(&value)).copied().unwrap_or(at), value })
        .collect()
}

fn list<T>(slot: &Observed<Vec<T>>) -> impl Iterator<Item = &T> {
    slot.value().into_iter().flatten()
}
