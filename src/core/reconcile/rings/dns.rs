//! DNS joined with the registry: answers are a *part* of what is registered, at most eight of it, so
//! an address that is missing proves nothing, and one that is nobody's does.

use crate::core::ids::DnsName;
use crate::core::inventory::DnsAnswer;
use crate::core::observed::{Observed, age};
use crate::core::reconcile::index::Index;
use crate::core::rings::DnsView;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// Caches on the way may hold an answer a little longer than they should.
const SLACK: Duration = Duration::from_secs(30);

/// Every registry service's name, as far as it was asked.
pub(in crate::core::reconcile) fn views(index: &Index<'_>) -> Vec<DnsView> {
    index
        .services
        .iter()
        .filter_map(|(service, members)| {
            let zone = index.zone_of(service)?;
            let name = DnsName::from(format!("{}.{zone}", service.name));
            let observed = index.inventory.dns.get(&name)?;
            let answer = observed.current(index.now).ok();
            let members = members.whole(index.now).ok();
            let foreign = answer.zip(members).map(|(answer, members)| {
                let known: BTreeSet<IpAddr> =
                    members.iter().filter_map(|one| one.ipv4()?.parse().ok()).collect();
                foreign(index, answer, &known)
            });
            Some(DnsView {
                name,
                service: service.id.clone(),
                answer: answer.cloned(),
                foreign: foreign.unwrap_or_default(),
                observed_at: Observed::observed_at(observed),
            })
        })
        .collect()
}

/// Addresses that no member has, nor had until a record's life ago.
fn foreign(index: &Index<'_>, answer: &DnsAnswer, known: &BTreeSet<IpAddr>) -> BTreeSet<IpAddr> {
    let life = Duration::from_secs(u64::from(answer.ttl().unwrap_or_default())) + SLACK;
    let lingers = |ip: &IpAddr| {
        let left = index.inventory.departed.get(ip);
        left.is_some_and(|left| age(*left, index.now) <= life)
    };
    answer.addresses().filter(|ip| !known.contains(ip) && !lingers(ip)).copied().collect()
}
