//! How every read stands: what the Sources screen and `sources -o json` show.

use super::store::Inventory;
use crate::core::error::{Dated, SourceError};
use crate::core::ids::InstanceId;
use crate::core::observed::{Observed, Status};
use crate::core::source::{Scope, Source};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
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
        of: &BTreeMap<InstanceId, Observed<T>>,
        now: Timestamp,
    ) -> Option<ScopeStatus> {
        if of.is_empty() {
            return None;
        }
        let old = of.values().any(|node| node.status(now) != Status::Ok);
        // Who stays is looked up only where it matters: this runs with every event.
        // Where none of them stays, all count: an old answer must not turn into no answer.
        let some_stay = |staying: &BTreeSet<_>| of.keys().any(|id| staying.contains(id));
        let staying = old.then(|| self.staying()).filter(some_stay);
        let counts = |id| staying.as_ref().is_none_or(|staying| staying.contains(id));
        let nodes = || of.iter().filter(|(id, _)| counts(*id)).map(|(_, node)| node);
        let worst = |wanted| nodes().any(|node| node.status(now) == wanted);
        let status = [Status::Error, Status::Stale, Status::Never]
            .into_iter()
            .find(|status| worst(*status))
            .unwrap_or(Status::Ok);
        Some(ScopeStatus {
            source,
            scope: None,
            status,
            observed_at: nodes().filter_map(Observed::observed_at).min(),
            error: nodes().find_map(|node| node.error().cloned()),
            every: nodes().map(Observed::every).max().unwrap_or_default(),
            calls: nodes().map(Observed::calls).sum(),
            essential: false,
        })
    }

    /// The instances that a group, a registry service or a target group still names, without those
    /// on their way out and those that do not run.
    fn staying(&self) -> BTreeSet<&InstanceId> {
        let groups = self.groups.value().into_iter().flat_map(|all| all.iter());
        let (leaving, grouped): (Vec<_>, Vec<_>) = groups
            .flat_map(|group| &group.instances)
            .partition(|one| one.lifecycle.starts_with("Terminat"));
        let members = self.members.values().filter_map(Observed::value);
        let targets = self.target_health.values().filter_map(Observed::value);
        let mut staying: BTreeSet<&InstanceId> = grouped.into_iter().map(|one| &one.id).collect();
        staying.extend(members.flat_map(|all| all.iter()).map(|member| &member.id));
        staying.extend(targets.flat_map(|all| all.iter()).map(|held| &held.value.id));
        for one in leaving {
            staying.remove(&one.id);
        }
        staying.retain(|id| {
            let said = self.instances.get(*id).map(|said| &said.value);
            said.is_none_or(|said| said.as_ref().is_some_and(|one| &*one.state == "running"))
        });
        staying
    }
}

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
