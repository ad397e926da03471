//! What runs of any host have left on the registry, joined with what it is about: who holds the lock
//! of which fleets, which nodes were drained on purpose, which processes are pinned by whom.

use super::index::Index;
use super::nodes::Nodes;
use crate::core::estate::Node;
use crate::core::ids::{GroupName, InstanceId, StackId};
use crate::core::inventory::{RecordSeen, RegistryService};
use crate::core::lock::{LockView, SEEMS_SILENT};
use crate::core::observed::{Observed, Why, age};
use crate::core::record::{self, Attributes, LockRecord};
use crate::core::rollback_record::{self, RollbackView};
use crate::core::run::rules::{Watch, holder_is_dead};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What keeps processes suspended: by whom, in words, and which.
#[derive(Clone, Debug, Default)]
pub(super) struct Pinned {
    pub by: String,
    pub processes: BTreeSet<String>,
}

/// The records, as they bear on fleets.
pub(super) struct Records {
    pub locks: Vec<LockView>,
    pub rollbacks: Vec<RollbackView>,
    /// Nodes that records say were drained on purpose, and by whom; whatever the records' age.
    drained: BTreeMap<InstanceId, String>,
    /// The same of records that were read lately: what is said aloud rests on these.
    pub proven: BTreeSet<InstanceId>,
    pub pins: BTreeMap<GroupName, Pinned>,
    /// Whether a record that is there could never be read: then who is drained is not known.
    pub unread: bool,
}

impl Records {
    pub fn new(index: &Index<'_>) -> Self {
        let mut this = Self {
            locks: Vec::new(),
            rollbacks: Vec::new(),
            drained: BTreeMap::new(),
            proven: BTreeSet::new(),
            pins: BTreeMap::new(),
            unread: false,
        };
        let services = index.inventory.all_services().filter(|one| record::is_record(&one.name));
        let (undo, services): (Vec<_>, Vec<_>) =
            services.partition(|one| record::is_rollback_record(&one.name));
        let mut given_back = BTreeSet::new();
        for service in services {
            let slot = index.inventory.records.get(&service.id);
            match slot.and_then(Observed::value) {
                None => this.unread = true,
                // Given back since the services were listed.
                Some(held) if held.value.is_none() => {
                    given_back.insert(record::scope_of(&service.name).to_owned());
                    continue;
                }
                Some(held) => this.take(service, slot, held.value.as_deref(), index),
            }
            if record::is_lock(&service.name) {
                this.locks.push(lock(index, service, slot));
            }
        }
        this.rollbacks = rollbacks(index, &undo, (&this.locks, &given_back));
        this
    }

    fn take(
        &mut self,
        service: &RegistryService,
        slot: Option<&Observed<RecordSeen>>,
        said: Option<&Attributes>,
        index: &Index<'_>,
    ) {
        let Some(said) = said else { return };
        let current = slot.is_some_and(|slot| slot.current(index.now).is_ok());
        let of = LockRecord::of(said);
        let by = if record::is_lock(&service.name) {
            of.holder_text()
        } else {
            "a drain that is over".to_owned()
        };
        for id in of.drained {
            if current {
                self.proven.insert(id.clone());
            }
            self.drained.insert(id, by.clone());
        }
        for (group, processes) in of.suspended.into_iter().filter(|_| current) {
            let pinned = self.pins.entry(group).or_default();
            pinned.by.clone_from(&by);
            pinned.processes.extend(processes);
        }
    }

    /// Marks the nodes that were drained on purpose and are out. One that is a target again was
    /// brought back by somebody, and its mark is out of date.
    pub fn tell_nodes(&self, nodes: &mut Nodes) {
        if self.drained.is_empty() {
            return;
        }
        for node in nodes.values_mut() {
            let drained = self.drained.contains_key(&node.id) && !is_back(node);
            if drained && !node.drained_on_purpose {
                Arc::make_mut(node).drained_on_purpose = true;
            }
        }
    }

    /// By whom a node was drained, where a record says so.
    pub fn drained_by(&self, id: &InstanceId) -> Option<&str> {
        self.drained.get(id).map(String::as_str)
    }
}

/// Whether a node gets traffic again in some group.
fn is_back(node: &Node) -> bool {
    let serves = ["initial", "healthy", "unhealthy"];
    node.targets.iter().any(|target| serves.contains(&target.state_text()))
}

fn lock(
    index: &Index<'_>,
    service: &RegistryService,
    slot: Option<&Observed<RecordSeen>>,
) -> LockView {
    let current = slot.map_or(Err(Why::Never), |slot| slot.current(index.now));
    let at = slot.and_then(Observed::observed_at);
    let born = service.description.as_deref().unwrap_or_default();
    let said = current.clone().map(|held| {
        let said = held.value.as_deref().cloned().unwrap_or_default();
        LockRecord::of(&record::or_born(said, born))
    });
    let beat = said.as_ref().ok().and_then(|said| said.heartbeat);
    let since = current.ok().map(|held| held.since);
    let unchanged_for = since.zip(at).map(|(since, at)| age(since, at)).unwrap_or_default();
    let left = since.is_some() && holder_is_dead(&Watch { beat, unchanged_for });
    // Once this watcher has seen it beat, no other host's clock counts.
    let beats = index.inventory.beating.contains(&service.id);
    let told = beat.or(service.created).filter(|_| !beats);
    let quiet_since = since.map(|since| told.unwrap_or(since));
    let silent = quiet_since.zip(at).is_some_and(|(since, at)| age(since, at) > SEEMS_SILENT);
    let scope = record::scope_of(&service.name).to_owned();
    let fleets = fleets(index, &scope);
    LockView {
        service_id: service.id.clone(),
        scope,
        fleets,
        said,
        quiet_since,
        unchanged_for,
        left,
        silent,
        observed_at: at,
    }
}

/// The fleets behind the load balancer of this name, or in the namespace of this id.
fn fleets(index: &Index<'_>, scope: &str) -> Vec<StackId> {
    let balancers: BTreeSet<_> =
        index.balancers().filter(|one| one.display_name() == scope).map(|one| &one.arn).collect();
    let behind = index.owners.iter().filter(|(arn, _)| {
        let group = index.target_groups.get(*arn);
        group.is_some_and(|group| group.load_balancers.iter().any(|arn| balancers.contains(arn)))
    });
    let within = index.services.iter().filter(|(service, _)| service.namespace.as_str() == scope);
    let members = within.filter_map(|(_, members)| members.value()).flat_map(|all| all.iter());
    let all: BTreeSet<StackId> = behind
        .flat_map(|(_, owners)| owners.iter().cloned())
        .chain(members.filter_map(|member| member.stack.clone()))
        .collect();
    all.into_iter().collect()
}

/// The rollback records that are listed, each put together from its parts.
fn rollbacks(
    index: &Index<'_>,
    services: &[&RegistryService],
    (locks, given_back): (&[LockView], &BTreeSet<String>),
) -> Vec<RollbackView> {
    let named = services.iter().map(|one| (&*one.name, *one));
    let read = |service: &RegistryService| index.inventory.records.get(&service.id);
    let views = rollback_record::parts(named).into_iter().filter_map(|(scope, parts)| {
        let slots: Vec<_> = parts.values().map(|one| read(one).and_then(Observed::value)).collect();
        // Deleted since the services were listed.
        let gone = |held: &&RecordSeen| held.value.is_none();
        if slots.first().copied().flatten().filter(gone).is_some() {
            return None;
        }
        let said = match slots.iter().any(Option::is_none) {
            true => Err(rollback_record::NOT_READ.to_owned()),
            false => {
                let all = slots.iter().flatten().filter_map(|held| held.value.as_deref());
                rollback_record::unpack(all).map(Arc::new).map_err(|why| why.to_string())
            }
        };
        let run = said.as_ref().ok().map(|said| said.run.as_str());
        let is_its = |lock: &LockView| {
            lock.scope == scope && lock.record().is_none_or(|of| Some(of.run.as_str()) == run)
        };
        let service_id = parts.values().next()?.id.clone();
        // A record is deleted before its lock: where the lock went since both were listed, so did it.
        let locked = locks.iter().any(is_its) || given_back.contains(&scope);
        let fleets = fleets(index, &scope);
        Some(RollbackView { service_id, scope, fleets, said, locked })
    });
    views.collect()
}
