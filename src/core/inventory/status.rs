//! How every read stands: what the Sources screen and `sources -o json` show.

use super::store::Inventory;
use super::{ById, Ec2Instance};
use crate::core::error::{Dated, SourceError};
use crate::core::ids::InstanceId;
use crate::core::observed::{Observed, Status};
use crate::core::source::{Scope, Source};
use indexmap::IndexSet;
use jiff::Timestamp;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The state of one read, for the Sources screen and `sources -o json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScopeStatus {
    /// The source.
    pub source: Source,
    /// What it is about; `None` for what is read from all nodes, together.
    pub scope: Option<Scope>,
    /// In one word.
    pub status: Status,
    /// When it last succeeded.
    pub observed_at: Option<Timestamp>,
    /// The error that no success has followed.
    pub error: Option<Dated<SourceError>>,
    /// The interval at which it is read.
    pub every: Duration,
    /// Calls made for it so far.
    pub calls: u64,
    /// Whether commands lack data without it.
    pub essential: bool,
}

impl Inventory {
    /// How every read stands, in a stable order; all probes are one entry.
    pub fn statuses(&self, now: Timestamp) -> Vec<ScopeStatus> {
        let mut all = vec![of(Scope::Identity, &self.identity, now)];
        all.push(of(Scope::Namespaces, &self.namespaces, now));
        each(&mut all, &self.services, Scope::Services, now);
        each(&mut all, &self.members, Scope::Members, now);
        each(&mut all, &self.member_health, Scope::MemberHealth, now);
        each(&mut all, &self.records, Scope::Record, now);
        all.push(of(Scope::Groups, &self.groups, now));
        each(&mut all, &self.activities, Scope::Activities, now);
        each(&mut all, &self.refreshes, Scope::Refreshes, now);
        all.push(of(Scope::LoadBalancers, &self.load_balancers, now));
        each(&mut all, &self.load_balancer_attributes, Scope::LoadBalancerAttributes, now);
        each(&mut all, &self.listeners, Scope::Listeners, now);
        each(&mut all, &self.rules, Scope::Rules, now);
        all.push(of(Scope::TargetGroups, &self.target_groups, now));
        each(&mut all, &self.target_group_attributes, Scope::TargetGroupAttributes, now);
        each(&mut all, &self.tags, Scope::Tags, now);
        each(&mut all, &self.target_health, Scope::TargetHealth, now);
        each(&mut all, &self.instance_batches, Scope::Instances, now);
        all.extend(self.node_status(Source::Probes, &self.probes, now));
        all.extend(self.node_status(Source::Rings, &self.rings, now));
        all.extend(self.node_status(Source::Metrics, &self.metrics, now));
        each(&mut all, &self.dns, Scope::Dns, now);
        all
    }

    /// What is read from all nodes as one entry: the oldest observation and the first error. A node
    /// that left is asked no more; that its last answer grows old says nothing of the others.
    fn node_status<T>(
        &self,
        source: Source,
        of: &ById<Observed<T>>,
        now: Timestamp,
    ) -> Option<ScopeStatus> {
        if of.is_empty() {
            return None;
        }
        let left = self.left(of, now);
        let counts = |id: &InstanceId| !left.contains(id);
        let mut all = ScopeStatus {
            source,
            scope: None,
            status: Status::Ok,
            observed_at: None,
            error: None,
            every: Duration::ZERO,
            calls: 0,
            essential: false,
        };
        let rank = |status| match status {
            Status::Ok => 0,
            Status::Never => 1,
            Status::Stale => 2,
            Status::Error => 3,
        };
        for (_, node) in of.iter().filter(|(id, _)| counts(id)) {
            let status = node.status(now);
            if rank(status) > rank(all.status) {
                all.status = status;
            }
            let observed_at = node.observed_at();
            all.observed_at = all.observed_at.into_iter().chain(observed_at).min();
            if all.error.is_none() {
                all.error = node.error().cloned();
            }
            all.every = all.every.max(node.every());
            all.calls += node.calls();
        }
        Some(all)
    }

    /// The asked instances whose answers grow old because they left: no group, registry service
    /// or target group names them, or they are on their way out, or do not run. Where nothing else
    /// is asked nobody counts as left: an old answer must not turn into no answer. Only the old
    /// ones are looked up, because there are thousands of the others and this runs with every event.
    fn left<'a, T>(&'a self, asked: &'a ById<Observed<T>>, now: Timestamp) -> Ids<'a> {
        let old = asked.iter().filter(|(_, node)| node.status(now) != Status::Ok);
        let old: Ids<'_> = old.map(|(id, _)| id).collect();
        if old.is_empty() {
            return old;
        }
        let (mut unnamed, mut leaving) = (old.clone(), Ids::default());
        for one in self
            .groups
            .value()
            .into_iter()
            .flat_map(|all| all.iter())
            .flat_map(|group| &group.instances)
        {
            if one.lifecycle.starts_with("Terminat") {
                leaving.insert(&one.id);
            } else {
                unnamed.swap_remove(&one.id);
            }
        }
        let members = self.members.values().filter_map(Observed::value).flat_map(|all| all.iter());
        let targets =
            self.target_health.values().filter_map(Observed::value).flat_map(|all| all.iter());
        let mut others = members.map(|one| &one.id).chain(targets.map(|one| &one.value.id));
        // Mostly the groups have named them all.
        while let Some(id) = others.next().filter(|_| !unnamed.is_empty()) {
            unnamed.swap_remove(id);
        }
        let runs =
            |said: &Option<Ec2Instance>| said.as_ref().is_some_and(|one| &*one.state == "running");
        let stopped =
            self.instances.iter().filter(|(_, said)| !runs(&said.value)).map(|(id, _)| id);
        leaving.extend(stopped);
        let left: Ids<'_> =
            old.into_iter().filter(|id| unnamed.contains(*id) || leaving.contains(*id)).collect();
        if left.len() == asked.len() { Ids::default() } else { left }
    }
}

/// Ids to be looked up among thousands.
type Ids<'a> = IndexSet<&'a InstanceId, FxBuildHasher>;

fn of<T>(scope: Scope, slot: &Observed<T>, now: Timestamp) -> ScopeStatus {
    ScopeStatus {
        source: scope.source(),
        status: slot.status(now),
        observed_at: slot.observed_at(),
        error: slot.error().cloned(),
        every: slot.every(),
        calls: slot.calls(),
        essential: scope.is_essential(),
        scope: Some(scope),
    }
}

fn each<K: Clone, T>(
    all: &mut Vec<ScopeStatus>,
    slots: &BTreeMap<K, Observed<T>>,
    scope: impl Fn(K) -> Scope,
    now: Timestamp,
) {
    all.extend(slots.iter().map(|(key, slot)| of(scope(key.clone()), slot, now)));
}
