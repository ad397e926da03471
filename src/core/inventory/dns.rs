//! What the resolver says of a registry service's name.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A DNS answer holds at most so many records of a multi-value name (Route 53, "Multivalue answer
/// routing"), chosen anew for each resolver.
pub const RECORDS_AT_MOST: usize = 8;

/// What a name resolves to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsAnswer {
    /// Who was asked: a server's address, or `system`.
    pub resolver: String,
    /// What came.
    pub records: DnsRecords,
    /// For how long the absence of a name in this zone may be cached, in seconds: the lesser of the
    /// SOA record's own TTL and its `minimum` (RFC 2308). `None` where the zone has none to show.
    pub negative_ttl: Option<u32>,
}

/// The records of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsRecords {
    /// Addresses.
    Addresses {
        /// All of them.
        addresses: BTreeSet<IpAddr>,
        /// For how long they may still be cached, in seconds: the least of the records' TTLs.
        ttl: u32,
    },
    /// The name exists and has no address.
    Empty,
    /// There is no such name.
    NoSuchName,
}

impl DnsAnswer {
    /// The addresses; none where there are none.
    pub fn addresses(&self) -> impl Iterator<Item = &IpAddr> {
        match &self.records {
            DnsRecords::Addresses { addresses, .. } => Some(addresses.iter()),
            DnsRecords::Empty | DnsRecords::NoSuchName => None,
        }
        .into_iter()
        .flatten()
    }

    /// For how long the addresses may be cached, in seconds.
    pub fn ttl(&self) -> Option<u32> {
        match self.records {
            DnsRecords::Addresses { ttl, .. } => Some(ttl),
            DnsRecords::Empty | DnsRecords::NoSuchName => None,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.addresses().count()
    }
}
