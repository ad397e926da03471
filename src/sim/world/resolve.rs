//! What DNS answers for the registry's names: at most eight of the healthy members, chosen and
//! shuffled anew each time, as Route 53 does with multi-value answers.

use super::{Service, ServiceKind, World};
use crate::core::ids::{InstanceId, ServiceId};
use std::net::Ipv4Addr;

/// Records in an answer (Route 53, "Multivalue answer routing").
const RECORDS_MAX: usize = 8;

/// How the zones are set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zones {
    /// The time to live of a member's record (Cloud Map's default).
    pub(crate) ttl: u32,
    /// How long the word that there is no record may be kept: the smaller of the SOA record's own
    /// time to live and its minimum.
    pub(crate) negative_ttl: u32,
}

impl Default for Zones {
    fn default() -> Self {
        Self { ttl: 60, negative_ttl: 900 }
    }
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// A zone itself.
    Zone(String),
    /// A service's name in a zone, and its addresses; perhaps none.
    Addresses(String, Vec<Ipv4Addr>),
    /// No such name in a zone that is here.
    NoSuchName(String),
    /// No zone that is here.
    Elsewhere,
}

impl World {
    /// The addresses that a service's name has now.
    pub(crate) fn resolve(&mut self, service: &ServiceId) -> Vec<Ipv4Addr> {
        let Some(held) = self.services.get(service) else { return Vec::new() };
        let mut all: Vec<Ipv4Addr> = held
            .published
            .iter()
            .filter(|(id, _)| is_healthy(held, id))
            .filter_map(|(_, of)| of.get("AWS_INSTANCE_IPV4")?.parse().ok())
            .collect();
        // Fisher and Yates, from the end.
        for at in (1..all.len()).rev() {
            let other = self.dice.between(0, at as u64) as usize;
            all.swap(at, other);
        }
        all.truncate(RECORDS_MAX);
        all
    }

    /// What a name means, written without its last dot and in small letters.
    pub(crate) fn resolve_name(&mut self, name: &str) -> Resolved {
        let zones = self.namespaces.values();
        let zone = zones
            .filter(|one| name == one.name || name.ends_with(&format!(".{}", one.name)))
            .max_by_key(|one| one.name.len());
        let Some(zone) = zone.cloned() else { return Resolved::Elsewhere };
        if name == zone.name {
            return Resolved::Zone(zone.name);
        }
        let service = self.services.values().find(|one| {
            one.namespace == zone.id
                && one.kind == ServiceKind::DnsHttp
                && format!("{}.{}", one.name, zone.name).eq_ignore_ascii_case(name)
        });
        match service.map(|one| one.id.clone()) {
            Some(id) => Resolved::Addresses(zone.name, self.resolve(&id)),
            None => Resolved::NoSuchName(zone.name),
        }
    }
}

fn is_healthy(service: &Service, id: &InstanceId) -> bool {
    !service.custom_health || service.members.get(id).is_none_or(|one| one.healthy)
}
