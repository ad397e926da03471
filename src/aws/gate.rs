//! The gate: one interceptor on every client. It refuses every operation that is not on the read
//! list unless it is armed, undoes the `data-` host prefix under an endpoint override, counts the
//! attempts that reach the wire, and lets no half document pass for a whole one.

use crate::clock::Clock;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Every call that reads, by the service and operation names of the SDKs' own metadata. Whatever
/// is not here is refused before it is even serialised (invariant 12).
pub const READS: &[(&str, &str)] = &[
    ("Auto Scaling", "DescribeAutoScalingGroups"),
    ("Auto Scaling", "DescribeInstanceRefreshes"),
    ("Auto Scaling", "DescribeScalingActivities"),
    (super::ec2::SERVICE, super::ec2::DESCRIBE_INSTANCES),
    ("Elastic Load Balancing v2", "DescribeListeners"),
    ("Elastic Load Balancing v2", "DescribeLoadBalancerAttributes"),
    ("Elastic Load Balancing v2", "DescribeLoadBalancers"),
    ("Elastic Load Balancing v2", "DescribeRules"),
    ("Elastic Load Balancing v2", "DescribeTags"),
    ("Elastic Load Balancing v2", "DescribeTargetGroupAttributes"),
    ("Elastic Load Balancing v2", "DescribeTargetGroups"),
    ("Elastic Load Balancing v2", "DescribeTargetHealth"),
    ("STS", "GetCallerIdentity"),
    ("ServiceDiscovery", "DiscoverInstancesRevision"),
    ("ServiceDiscovery", "GetInstancesHealthStatus"),
    ("ServiceDiscovery", "GetOperation"),
    ("ServiceDiscovery", "GetServiceAttributes"),
    ("ServiceDiscovery", "ListInstances"),
    ("ServiceDiscovery", "ListNamespaces"),
    ("ServiceDiscovery", "ListServices"),
];

/// A call by its service's and its operation's name, as in [`READS`].
pub type Call = (&'static str, &'static str);

/// Whether the clients may make calls that change something. Fixed when the clients are built:
/// there is no switch to leave on by accident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Armed {
    /// Only what [`READS`] names.
    No,
    /// These calls besides. For whatever carries out approved plans, and nothing else: a run is
    /// armed for the calls of its plan and no others.
    For(Arc<[Call]>),
}

impl Armed {
    fn lets(&self, service: &str, operation: &str) -> bool {
        let named = |calls: &[Call]| calls.contains(&(service, operation));
        match self {
            Self::No => named(READS),
            Self::For(calls) => named(READS) || named(calls),
        }
    }
}

/// A call that this program refused to make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} ({service}) is not on the list of reads, and this client is not armed for it")]
pub(super) struct Refused {
    service: String,
    operation: String,
}

/// Until when a call that changes something may be sent, on a clock that counts from its making:
/// whoever shares it lets nothing out later.
pub(super) type SendUntil = Arc<Mutex<Option<(Clock, Duration)>>>;

/// Calls about locks and records, which are not sent on the strength of a lock.
const OF_LOCKS: &[&str] = &[
    "CreateService",
    "DeleteService",
    "DeleteServiceAttributes",
    "GetService",
    "ListOperations",
    "UpdateServiceAttributes",
];

/// A call that was not sent because what it rests on is too old.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} was not sent: the lock had been asked for too long ago")]
pub(super) struct Late {
    operation: String,
}

/// The interceptor.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    until: SendUntil,
    armed: Armed,
    /// Host and port of the endpoint override, if there is one.
    authority: Option<String>,
    attempts: Arc<AtomicU64>,
}

impl Gate {
    /// A gate for the clients of one service; `endpoint` is the override in force for it.
    pub(super) fn new(armed: Armed, endpoint: Option<&str>, attempts: Arc<AtomicU64>) -> Self {
        let authority = endpoint.and_then(authority).map(str::to_owned);
        Self { until: SendUntil::default(), armed, authority, attempts }
    }

    /// The same, bound to a time until which changes may be sent.
    pub(super) fn until(self, until: SendUntil) -> Self {
        Self { until, ..self }
    }

    /// Whether a call is still in time.
    fn in_time(&self, metadata: Option<&Metadata>) -> Result<(), Late> {
        let (service, operation) = metadata.map_or(("?", "?"), |it| (it.service(), it.name()));
        let free = READS.contains(&(service, operation)) || OF_LOCKS.contains(&operation);
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        match &*until {
            Some((clock, until)) if !free && clock.real_elapsed() > *until => {
                Err(Late { operation: operation.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn check(&self, metadata: Option<&Metadata>) -> Result<(), Refused> {
        let (service, operation) = metadata.map_or(("?", "?"), |it| (it.service(), it.name()));
        if self.armed.lets(service, operation) {
            return Ok(());
        }
        Err(Refused { service: service.to_owned(), operation: operation.to_owned() })
    }

    /// The address without the prefix, where the prefix stands before the overriding host.
    pub(super) fn without_prefix(&self, uri: &str) -> Option<String> {
        let ours = self.authority.as_deref()?;
        let theirs = authority(uri)?;
        (theirs.strip_prefix(DATA_PREFIX)? == ours).then(|| uri.replacen(DATA_PREFIX, "", 1))
    }
}

/// Cloud Map's model puts this before the host of DiscoverInstances and DiscoverInstancesRevision
/// (trait `endpoint.hostPrefix`), also before an overriding host, where it names nothing:
/// `data-127.0.0.1`. The SDK has no switch for it.
const DATA_PREFIX: &str = "data-";

/// Host and port of a URL.
fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#']).next()
}

impl Intercept for Gate {
    fn name(&self) -> &'static str {
        "quarterdeck-gate"
    }

    /// The first moment at which the operation's name is known, before credentials are resolved.
    fn read_before_serialization(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(self.check(cfg.load::<Metadata>())?)
    }

    /// Before signing, because the signature covers the host.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if let Some(uri) = self.without_prefix(request.uri()) {
            request.set_uri(uri)?;
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.in_time(cfg.load::<Metadata>())?;
        self.attempts.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// By now the body is in memory; an error here takes the place of what was parsed from it.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(super::whole::check(context.response())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(armed: Armed, endpoint: Option<&str>) -> Gate {
        Gate::new(armed, endpoint, Arc::default())
    }

    #[test]
    fn the_prefix_goes_only_before_the_overriding_host() {
        let ours = gate(Armed::No, Some("http://127.0.0.1:5000/base"));
        let cut = |uri| ours.without_prefix(uri);
        assert_eq!(cut("http://data-127.0.0.1:5000/x").unwrap(), "http://127.0.0.1:5000/x");
        assert_eq!(cut("http://127.0.0.1:5000/data-x"), None);
        assert_eq!(cut("https://data-servicediscovery.us-west-2.amazonaws.com/"), None);
        let named = gate(Armed::No, Some("http://data-plane.test"));
        assert_eq!(named.without_prefix("http://data-plane.test/"), None);
        let real = gate(Armed::No, None);
        assert_eq!(real.without_prefix("https://data-servicediscovery.x.amazonaws.com/"), None);
    }

    #[test]
    fn what_is_not_listed_is_refused_unless_armed() {
        let read = Metadata::new("ListInstances", "ServiceDiscovery");
        let write = Metadata::new("DeregisterInstance", "ServiceDiscovery");
        let elsewhere = Metadata::new("ListInstances", "SSM");
        let closed = gate(Armed::No, None);
        assert_eq!(closed.check(Some(&read)), Ok(()));
        assert!(closed.check(Some(&write)).is_err());
        assert!(closed.check(Some(&elsewhere)).is_err());
        assert!(closed.check(None).is_err(), "a call without a name");
        let armed = gate(Armed::For([("ServiceDiscovery", "DeregisterInstance")].into()), None);
        assert_eq!(armed.check(Some(&write)), Ok(()));
        assert_eq!(armed.check(Some(&read)), Ok(()));
        let another = Metadata::new("RegisterInstance", "ServiceDiscovery");
        assert!(armed.check(Some(&another)).is_err(), "armed for what it needs and nothing else");
    }

    #[test]
    fn a_gate_for_two_calls_lets_no_third_through() {
        let named =
            [("ServiceDiscovery", "RegisterInstance"), ("ServiceDiscovery", "DeregisterInstance")];
        let two = gate(Armed::For(named.into()), None);
        let passes =
            |service, operation| two.check(Some(&Metadata::new(operation, service))).is_ok();
        assert!(passes("ServiceDiscovery", "RegisterInstance"));
        assert!(passes("ServiceDiscovery", "DeregisterInstance"));
        assert!(passes("ServiceDiscovery", "ListInstances"), "reads pass as ever");
        assert!(!passes("ServiceDiscovery", "DeleteService"));
        assert!(!passes("Elastic Load Balancing v2", "DeregisterInstance"), "another service's");
        assert!(two.check(None).is_err());
    }

    #[test]
    fn a_change_is_not_sent_past_its_time_and_reads_and_locks_are() {
        let clock = Clock::real();
        let until: SendUntil = Arc::new(Mutex::new(Some((clock.clone(), Duration::MAX))));
        let gate = gate(Armed::No, None).until(until.clone());
        let modify = Metadata::new("ModifyListener", "Elastic Load Balancing v2");
        assert_eq!(gate.in_time(Some(&modify)), Ok(()));
        *until.lock().unwrap() = Some((clock, Duration::ZERO));
        assert!(gate.in_time(Some(&modify)).is_err());
        let beat = Metadata::new("UpdateServiceAttributes", "ServiceDiscovery");
        let read = Metadata::new("ListInstances", "ServiceDiscovery");
        assert_eq!((gate.in_time(Some(&beat)), gate.in_time(Some(&read))), (Ok(()), Ok(())));
    }

    #[test]
    fn the_list_holds_only_words_that_read() {
        for (service, operation) in READS {
            let reads = ["Describe", "List", "Get", "Discover"];
            assert!(reads.iter().any(|verb| operation.starts_with(verb)), "{service} {operation}");
        }
    }
}
