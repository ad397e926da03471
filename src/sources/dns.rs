//! DNS: what the registry's names resolve to, from the resolver that this host uses or from the one
//! that `--dns-server` names. Nothing is cached here, and nothing is asked twice.

#[cfg(test)]
mod tests;

use super::pace::{Calls, Read};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::DnsName;
use crate::core::inventory::{DnsAnswer, DnsRecords};
use crate::core::source::Fragment;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::name_server::TokioConnectionProvider;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::proto::xfer::Protocol;
use hickory_resolver::proto::{ProtoError, ProtoErrorKind};
use hickory_resolver::{ResolveError, TokioResolver};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

/// A resolver that answers within this has not made anybody wait.
const LIMIT: Duration = Duration::from_secs(2);

/// Asks one resolver.
pub struct Resolver {
    resolver: TokioResolver,
    name: String,
}

impl Resolver {
    /// The resolver at this address, else the one that this host uses.
    ///
    /// # Errors
    /// When this host's configuration cannot be read; the text says why.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, SourceError> {
        let mut options = ResolverOpts::default();
        let (config, name) = match server {
            Some(at) => {
                let mut config = ResolverConfig::new();
                for protocol in [Protocol::Udp, Protocol::Tcp] {
                    config.add_name_server(NameServerConfig::new(at, protocol));
                }
                (config, at.to_string())
            }
            None => {
                let (config, own) = hickory_resolver::system_conf::read_system_conf()
                    .map_err(|error| failed(ErrorKind::Failed, "this host's resolver", &error))?;
                options = own;
                (config, "system".to_owned())
            }
        };
        options.cache_size = 0;
        options.attempts = 0;
        options.timeout = LIMIT;
        options.edns0 = false;
        // An answer from a file on this host is not what DNS says.
        options.use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
        let resolver =
            TokioResolver::builder_with_config(config, TokioConnectionProvider::default())
                .with_options(options)
                .build();
        Ok(Self { resolver, name })
    }

    /// Reads a name, and how long its zone lets an absence be cached.
    pub(super) async fn read(&self, calls: &mut Calls<'_>, name: &DnsName, zone: &str) -> Read {
        let asked = self.resolver.lookup(rooted(name.as_str()), RecordType::A);
        let (records, of_answer) = match calls.make(asked).await {
            Ok(lookup) => (addresses(&lookup), None),
            Err(error) => absence(name.as_str(), &error)?,
        };
        let negative_ttl = match of_answer {
            Some(ttl) => Some(ttl),
            None => self.zones_negative_ttl(calls, zone).await,
        };
        let answer = DnsAnswer { resolver: self.name.clone(), records, negative_ttl };
        Ok((Fragment::Dns(answer), None))
    }

    async fn zones_negative_ttl(&self, calls: &mut Calls<'_>, zone: &str) -> Option<u32> {
        let asked = self.resolver.lookup(rooted(zone), RecordType::SOA);
        let lookup = calls.make(asked).await.ok()?;
        lookup.record_iter().find_map(|record| match record.data() {
            RData::SOA(soa) => Some(record.ttl().min(soa.minimum())),
            _ => None,
        })
    }
}

/// A name that no search list is added to.
fn rooted(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn addresses(lookup: &hickory_resolver::lookup::Lookup) -> DnsRecords {
    let (mut addresses, mut least) = (BTreeSet::new(), None);
    for record in lookup.record_iter() {
        if let RData::A(address) = record.data() {
            addresses.insert(address.0.into());
            least = Some(least.map_or(record.ttl(), |least: u32| least.min(record.ttl())));
        }
    }
    match least {
        Some(ttl) => DnsRecords::Addresses { addresses, ttl },
        None => DnsRecords::Empty,
    }
}

/// "No such name" and "no such record" are answers; everything else is a failure.
fn absence(name: &str, error: &ResolveError) -> Result<(DnsRecords, Option<u32>), SourceError> {
    let kind = error.proto().map(ProtoError::kind);
    match kind {
        Some(ProtoErrorKind::NoRecordsFound { response_code, soa, negative_ttl, .. }) => {
            let of_soa = soa.as_ref().map(|soa| soa.ttl().min(soa.data().minimum()));
            let ttl = of_soa.or(*negative_ttl);
            match *response_code {
                ResponseCode::NXDomain => Ok((DnsRecords::NoSuchName, ttl)),
                ResponseCode::NoError => Ok((DnsRecords::Empty, ttl)),
                code => {
                    let words = format!("the resolver answers {}", code.to_str());
                    Err(SourceError::new(ErrorKind::Failed, format!("A {name}"), words))
                }
            }
        }
        Some(ProtoErrorKind::Timeout) => Err(failed(ErrorKind::TimedOut, name, error)),
        Some(ProtoErrorKind::Io(_) | ProtoErrorKind::NoConnections) => {
            Err(failed(ErrorKind::Unreachable, name, error))
        }
        _ => Err(failed(ErrorKind::Malformed, name, error)),
    }
}

fn failed(kind: ErrorKind, name: &str, error: &impl std::error::Error) -> SourceError {
    SourceError::new(kind, format!("A {name}"), error.to_string())
}
