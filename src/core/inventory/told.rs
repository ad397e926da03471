//! How what the nodes and the resolver tell is taken in: rings with since when they have looked so,
//! metrics with the sample before, DNS answers, records of runs, and who left the registry lately.

use super::metrics::Measured;
use super::store::{Inventory, News, hold};
use super::{ById, DnsAnswer, Held, Member, ProductMetrics, ProductRings};
use crate::core::error::SourceError;
use crate::core::ids::{DnsName, InstanceId, ServiceId};
use crate::core::observed::{Observed, age};
use crate::core::record::Attributes;
use crate::core::source::{Fragment, Scope};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The rings of a node, a product each, with since when their members have been the same ones.
pub type RingsSeen = Vec<Held<Arc<ProductRings>>>;
/// What a record says, and since when its heartbeat has been the same, as seen from here; `None`
/// where it is gone.
pub type RecordSeen = Held<Option<Arc<Attributes>>>;
/// The metrics of a node, a product each.
pub type MetricsSeen = Vec<Arc<Measured>>;

/// An address that left the registry is remembered for so long: the usual 60 seconds of a record's
/// TTL many times over, and the 900 seconds for which a zone's SOA lets an absence be cached.
const DEPARTED_KEPT: Duration = Duration::from_secs(900);

impl Inventory {
    /// Takes in what nodes and resolvers tell; other fragments carry no news here.
    pub(super) fn apply_told(&mut self, scope: Scope, fragment: Fragment, news: News) {
        match (scope, fragment) {
            (Scope::Rings(node), Fragment::Rings(value)) => self.take_rings(node, value, news),
            (Scope::Metrics(node), Fragment::Metrics(value)) => {
                self.take_metrics(node, value, news);
            }
            (Scope::Dns(name), Fragment::Dns(value)) => self.take_dns(name, value, news),
            (Scope::Record(id), Fragment::Record(value)) => self.take_record(id, value, news),
            (_, _) => {}
        }
    }

    /// Takes in a failure to read any of them.
    pub(super) fn fail_told(&mut self, scope: &Scope, error: SourceError, news: &News) {
        match scope {
            Scope::Rings(id) => {
                news.fail(self.rings.entry(id.clone(), Observed::default), error);
            }
            Scope::Metrics(id) => {
                news.fail(self.metrics.entry(id.clone(), Observed::default), error);
            }
            Scope::Dns(name) => news.fail(self.dns.entry(name.clone()).or_default(), error),
            Scope::Record(id) => news.fail(self.records.entry(id.clone()).or_default(), error),
            _ => {}
        }
    }

    fn take_rings(&mut self, node: InstanceId, value: Vec<ProductRings>, news: News) {
        let slot = self.rings.entry(node, Observed::default);
        let value = value.into_iter().map(Arc::new).collect();
        let held = hold(slot.value().map(Vec::as_slice), value, news.at, |one: &Arc<_>| {
            let one: &ProductRings = one;
            (one.product.clone(), one.ring.read().map(|_| one.digest))
        });
        news.settle(slot, held);
    }

    fn take_metrics(&mut self, node: InstanceId, value: Vec<ProductMetrics>, news: News) {
        let slot = self.metrics.entry(node, Observed::default);
        let older = |product| {
            let all = slot.value().into_iter().flatten();
            all.into_iter().find(|one| one.product == product).map(Arc::as_ref)
        };
        let measured: MetricsSeen = value
            .into_iter()
            .map(|new| Arc::new(Measured::after(older(new.product.clone()), new, news.at)))
            .collect();
        news.settle(slot, measured);
    }

    fn take_dns(&mut self, name: DnsName, value: DnsAnswer, news: News) {
        let at = news.at;
        news.settle(self.dns.entry(name).or_default(), value);
        // A name that nobody asks about any more belongs to no service of ours.
        self.dns
            .retain(|_, of| of.last_attempt().is_some_and(|last| age(last, at) <= of.every() * 3));
    }

    /// A record whose heartbeat is the same as before is as silent as since then, whatever else it
    /// says: somebody else may have written to it.
    fn take_record(&mut self, service: ServiceId, value: Option<Attributes>, news: News) {
        let slot = self.records.entry(service.clone()).or_default();
        let beat = |of: Option<&Attributes>| of.map(|said| said.get("heartbeat").cloned());
        let known = slot.value();
        let same = known.filter(|held| beat(held.value.as_deref()) == beat(value.as_ref()));
        if known.is_some() && same.is_none() {
            self.beating.insert(service);
        }
        let since = same.map_or(news.at, |held| held.since);
        news.settle(slot, Held { since, value: value.map(Arc::new) });
    }

    /// Remembers the addresses that a listing no longer has: DNS goes on answering them for a while.
    pub(super) fn notice_departures(&mut self, was: &[Member], is: &[Member], at: Timestamp) {
        let addresses = |all: &[Member]| -> BTreeSet<IpAddr> {
            all.iter().filter_map(|one| one.ipv4()?.parse().ok()).collect()
        };
        let staying = addresses(is);
        self.departed.retain(|ip, left| !staying.contains(ip) && age(*left, at) <= DEPARTED_KEPT);
        for ip in addresses(was).difference(&staying) {
            self.departed.insert(*ip, at);
        }
    }

    /// What nodes that no source names any more once answered is dropped, or it would read as stale
    /// for ever. Most of the time nothing is old, and then nobody is looked up.
    pub(super) fn drop_answers_of_nobody(&mut self, now: Timestamp) {
        let mut nobody: BTreeSet<InstanceId> = too_old(&self.probes, now)
            .chain(too_old(&self.rings, now))
            .chain(too_old(&self.metrics, now))
            .cloned()
            .collect();
        if nobody.is_empty() {
            return;
        }
        for id in self.named() {
            nobody.remove(id);
        }
        if !nobody.is_empty() {
            drop_old_of(&nobody, &mut self.probes, now);
            drop_old_of(&nobody, &mut self.rings, now);
            drop_old_of(&nobody, &mut self.metrics, now);
        }
    }
}

/// Whether a node was not asked for longer than three of its intervals.
fn is_too_old<T>(slot: &Observed<T>, now: Timestamp) -> bool {
    slot.last_attempt().is_none_or(|at| age(at, now) > slot.every() * 3)
}

fn too_old<T>(of: &ById<Observed<T>>, now: Timestamp) -> impl Iterator<Item = &InstanceId> {
    of.iter().filter(move |(_, slot)| is_too_old(slot, now)).map(|(id, _)| id)
}

fn drop_old_of<T: Clone>(ids: &BTreeSet<InstanceId>, of: &mut ById<Observed<T>>, now: Timestamp) {
    of.retain(|id, slot| !ids.contains(id) || !is_too_old(slot, now));
}
