//! The state of the world and what it does by itself. No sockets, no clock: `advance` is told
//! what time it is.

mod advance;
mod agenda;
mod answer;
mod attach;
mod balance;
mod capacity;
mod events;
mod invariants;
mod lifecycle;
mod model;
mod node;
mod pages;
mod random;
mod refuse;
mod registry;
mod resolve;
mod ring_views;
mod rings;
mod script;
mod standby;
mod traffic;

use crate::core::ids::{
    GroupName, InstanceId, ListenerArn, LoadBalancerArn, NamespaceId, ServiceId, TargetGroupArn,
    Zone,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

pub(crate) use agenda::{Agenda, Due};
pub(crate) use answer::{Asked, NodeAnswer};
pub(crate) use events::{Event, Happening, NodeRef};
pub(crate) use model::*;
pub(crate) use node::PRODUCTS;
pub(crate) use pages::version;
pub(crate) use random::Random;
pub(crate) use refuse::Refused;
pub(crate) use registry::NewService;
pub(crate) use resolve::{Resolved, Zones};
pub(crate) use rings::{Label, RingConfig, Rings};
pub(crate) use traffic::Traffic;

/// How long things take. World time; each figure is AWS's where AWS gives one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lags {
    /// From RegisterInstance to SUCCESS.
    pub(crate) operation: Duration,
    /// From SUCCESS to DiscoverInstances and GetInstancesHealthStatus ("brief delay").
    pub(crate) publish: Duration,
    /// Until a custom health status takes effect (Cloud Map: 30 s).
    pub(crate) custom_health: Duration,
    /// From RegisterTargets to the first health check ("a few minutes").
    pub(crate) register_target: Duration,
    /// From ModifyListener or DeregisterTargets to the last data-plane node that knows of it.
    pub(crate) data_plane: Duration,
    /// From launch to `running`.
    pub(crate) running: Duration,
    /// From `running` to the products' start and the boot script.
    pub(crate) boot: Duration,
    /// From the end of a drain to `terminated`.
    pub(crate) terminate: Duration,
}

impl Default for Lags {
    fn default() -> Self {
        Self {
            operation: Duration::from_secs(2),
            publish: Duration::from_secs(3),
            custom_health: Duration::from_secs(30),
            register_target: Duration::from_secs(150),
            data_plane: Duration::from_secs(30),
            running: Duration::from_secs(12),
            boot: Duration::from_secs(20),
            terminate: Duration::from_secs(25),
        }
    }
}

/// A zone.
#[derive(Clone, Debug)]
pub(crate) struct ZoneState {
    pub(crate) name: Zone,
    pub(crate) failed: bool,
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) now: Timestamp,
    pub(crate) lags: Lags,
    pub(crate) random: Random,
    /// Chance in what DNS answers: of its own, so that asking changes nothing else.
    dice: Random,
    agenda: Agenda,
    changes: u64,
    pub(crate) zones: Vec<ZoneState>,
    pub(crate) namespaces: BTreeMap<NamespaceId, Namespace>,
    pub(crate) services: BTreeMap<ServiceId, Service>,
    pub(crate) operations: BTreeMap<String, Operation>,
    operation_order: VecDeque<String>,
    pub(crate) balancers: BTreeMap<LoadBalancerArn, Balancer>,
    pub(crate) listeners: BTreeMap<ListenerArn, Listener>,
    pub(crate) target_groups: BTreeMap<TargetGroupArn, TargetGroup>,
    pub(crate) groups: BTreeMap<GroupName, Group>,
    pub(crate) instances: BTreeMap<InstanceId, Instance>,
    /// The nodes a world began with, by the names the world file uses: `blue-412/1`.
    pub(crate) node_names: BTreeMap<String, InstanceId>,
    /// The database that all Grafanas share.
    pub(crate) database_up: bool,
    pub(crate) schedule: Vec<Happening>,
    /// What happened, newest last: for people and tests.
    pub(crate) chronicle: VecDeque<(Timestamp, String)>,
    /// The network the nodes live in: 127.`network`.0.0/16.
    pub(crate) network: u8,
    addresses: BTreeSet<Ipv4Addr>,
    /// Grows when a port opens or closes somewhere.
    pub(crate) ports_changed: u64,
    /// What is added to a product's usual port, where the usual ones are taken.
    pub(crate) port_offset: u16,
    pub(crate) traffic: Traffic,
    pub(crate) rings: Rings,
    pub(crate) dns: Zones,
}

/// How many lines of the chronicle and how many operations are kept.
const KEPT: usize = 2_000;

impl World {
    /// An empty world.
    pub(crate) fn new(name: &str, now: Timestamp, seed: u64) -> Self {
        Self {
            name: name.to_owned(),
            account: "123456789012".to_owned(),
            region: "us-west-2".to_owned(),
            now,
            lags: Lags::default(),
            random: Random::new(seed),
            dice: Random::new(!seed),
            agenda: Agenda::default(),
            changes: 0,
            zones: Vec::new(),
            namespaces: BTreeMap::new(),
            services: BTreeMap::new(),
            operations: BTreeMap::new(),
            operation_order: VecDeque::new(),
            balancers: BTreeMap::new(),
            listeners: BTreeMap::new(),
            target_groups: BTreeMap::new(),
            groups: BTreeMap::new(),
            instances: BTreeMap::new(),
            node_names: BTreeMap::new(),
            database_up: true,
            schedule: Vec::new(),
            chronicle: VecDeque::new(),
            network: 64,
            addresses: BTreeSet::new(),
            ports_changed: 0,
            port_offset: 0,
            traffic: Traffic::new(now),
            rings: Rings::default(),
            dns: Zones::default(),
        }
    }

    /// The time `span` from now.
    pub(crate) fn after(&self, span: Duration) -> Timestamp {
        later(self.now, span)
    }

    /// Writes an entry into the agenda, `span` from now.
    pub(crate) fn plan(&mut self, span: Duration, due: Due) {
        let at = self.after(span);
        self.agenda.add(at, due);
    }

    /// A number that no earlier change has.
    pub(crate) fn next_change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }

    /// How many entries wait in the agenda.
    pub(crate) fn waiting(&self) -> usize {
        self.agenda.len()
    }

    /// Notes what happened, for people.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        if self.chronicle.len() >= KEPT {
            self.chronicle.pop_front();
        }
        self.chronicle.push_back((self.now, what.into()));
    }

    /// Starts the clients' books: what flowed before the world was first seen does not count.
    pub(crate) fn start_books(&mut self) {
        self.book_traffic();
        self.traffic = Traffic::new(self.now);
        for node in self.instances.values_mut() {
            node.served = 0.0;
            node.lost = 0.0;
        }
    }

    /// An ARN in this account and region.
    pub(crate) fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account)
    }
}

/// The time `span` after `at`; the end of time where there is none.
pub(crate) fn later(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// The time from `from` to `to`; none when it is negative.
pub(crate) fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
