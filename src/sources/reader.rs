//! A `Reader` does one read and says what came of it. It never fails: a failure is an event.

use super::connection::Connection;
use super::demand::{Ask, Want};
use super::dns::Resolver;
use super::pace::{Bucket, Calls, Read};
use super::probe::Prober;
use super::{autoscaling, cloudmap, ec2, elbv2, metrics, rings, sts};
use crate::aws::Aws;
use crate::clock::Clock;
use crate::config::AwsSettings;
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::ServiceId;
use crate::core::source::{Fragment, Scope, Source, SourceEvent};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;
use strum::IntoEnumIterator;

/// A listing is repeated after so long even if the revision has not moved: the revision says
/// nothing of attributes changed in other ways, and a missed change must not last.
const LIST_AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// What can be asked beside AWS.
#[derive(Default)]
pub struct Senses {
    /// Asks the nodes; without it nobody does.
    pub prober: Option<Prober>,
    /// Asks the resolver; without it nobody does.
    pub resolver: Option<Resolver>,
}

/// Reads one scope at a time; shared by all reads in flight.
pub struct Reader {
    connection: Connection,
    senses: Senses,
    clock: Clock,
    only_load_balancer: Option<String>,
    buckets: BTreeMap<Source, Bucket>,
    revisions: Mutex<BTreeMap<ServiceId, Revision>>,
}

/// What is known about a service's registrations since the last listing.
#[derive(Clone, Copy)]
struct Revision {
    /// The revision read *before* the last listing; `None` before the first one that was.
    number: Option<i64>,
    listed: Timestamp,
    /// The revision cannot be read here (its host is another one, which may be unreachable).
    unreadable: bool,
}

impl Reader {
    /// A reader on these clients.
    pub fn new(aws: Aws, senses: Senses, clock: Clock, only_load_balancer: Option<String>) -> Self {
        let buckets = Source::iter().map(|source| (source, Bucket::new(source, &clock))).collect();
        let revisions = Mutex::new(BTreeMap::new());
        let connection = Connection::new(aws, clock.clone());
        Self { connection, senses, clock, only_load_balancer, buckets, revisions }
    }

    /// The same, which connects anew by these settings when its credentials are over.
    #[must_use]
    pub fn renewed_by(self, settings: AwsSettings) -> Self {
        Self { connection: self.connection.renewed_by(settings), ..self }
    }

    /// Reads what is wanted.
    pub async fn read(&self, want: &Want) -> SourceEvent {
        let source = want.scope.source();
        let Some(bucket) = self.buckets.get(&source) else {
            return self.event(want, 0, Err(not_asked(&want.scope)));
        };
        let mut calls = Calls::new(bucket);
        let read = self.dispatch(want, &mut calls).await;
        let read = read.map_err(|error| self.connection.judge(error));
        self.event(want, calls.made(), read)
    }

    async fn dispatch(&self, want: &Want, calls: &mut Calls<'_>) -> Read {
        if let Ask::Address(address) = &want.ask {
            return self.node(&want.scope, *address, calls).await;
        }
        let aws = self.connection.aws().await;
        let aws = &*aws;
        match (&want.scope, &want.ask) {
            (Scope::Identity, _) => sts::identity(aws, calls).await,
            (Scope::Namespaces, _) => cloudmap::namespaces(aws, calls).await,
            (Scope::Services(id), _) => cloudmap::services(aws, calls, id).await,
            (Scope::Members(id), Ask::Service(names)) => {
                self.members((aws, calls), id, names.as_ref(), want.every).await
            }
            (Scope::MemberHealth(id), _) => cloudmap::health(aws, calls, id).await,
            (Scope::Record(id), _) => cloudmap::record(aws, calls, id).await,
            (Scope::Groups, _) => autoscaling::groups(aws, calls).await,
            (Scope::Activities(group), _) => autoscaling::activities(aws, calls, group).await,
            (Scope::Refreshes(group), _) => autoscaling::refreshes(aws, calls, group).await,
            (Scope::Instances(_), Ask::Ids(ids)) => ec2::instances(aws, calls, ids).await,
            (Scope::Dns(name), Ask::Zone(zone)) => match &self.senses.resolver {
                Some(resolver) => resolver.read(calls, name, zone).await,
                None => Err(not_asked(&want.scope)),
            },
            (scope, ask) => self.load_balancing(scope, ask, (aws, calls)).await,
        }
    }

    async fn node(&self, scope: &Scope, address: IpAddr, calls: &mut Calls<'_>) -> Read {
        let Some(prober) = &self.senses.prober else { return Err(not_asked(scope)) };
        match scope {
            Scope::Probe(_) => Ok((Fragment::Probes(prober.probe(address).await), None)),
            Scope::Rings(_) => rings::read(prober, calls, address).await,
            Scope::Metrics(_) => metrics::read(prober, calls, address).await,
            _ => Err(not_asked(scope)),
        }
    }

    async fn load_balancing(
        &self,
        scope: &Scope,
        ask: &Ask,
        (aws, calls): (&Aws, &mut Calls<'_>),
    ) -> Read {
        match (scope, ask) {
            (Scope::LoadBalancers, _) => {
                elbv2::load_balancers(aws, calls, self.only_load_balancer.as_deref()).await
            }
            (Scope::LoadBalancerAttributes(arn), _) => {
                elbv2::load_balancer_attributes(aws, calls, arn).await
            }
            (Scope::Listeners(arn), _) => elbv2::listeners(aws, calls, arn).await,
            (Scope::Rules(arn), _) => elbv2::rules(aws, calls, arn).await,
            (Scope::TargetGroups, _) => elbv2::target_groups(aws, calls).await,
            (Scope::TargetGroupAttributes(arn), _) => {
                elbv2::target_group_attributes(aws, calls, arn).await
            }
            (Scope::Tags(_), Ask::TargetGroups(arns)) => elbv2::tags(aws, calls, arns).await,
            (Scope::TargetHealth(arn), _) => elbv2::target_health(aws, calls, arn).await,
            (scope, _) => Err(not_asked(scope)),
        }
    }

    /// Members: the revision first, and a listing only if it moved. The very first listing asks
    /// for no revision, because it would not save a page; the revision is read *before* each later
    /// listing, so that a change that comes between the two moves the next revision.
    async fn members(
        &self,
        (aws, calls): (&Aws, &mut Calls<'_>),
        service: &ServiceId,
        names: Option<&(String, String)>,
        every: Duration,
    ) -> Read {
        let now = self.clock.now();
        let last = self.revisions().get(service).copied();
        let mut next = Revision { number: None, listed: now, unreadable: false };
        let mut note = None;
        if let (Some(last), Some((namespace, name))) = (last, names) {
            let due = crate::core::observed::age(last.listed, now) + every >= LIST_AT_LEAST_EVERY;
            if last.unreadable {
                next.unreadable = true;
            } else {
                match cloudmap::revision(aws, calls, namespace, name).await {
                    Ok(number) if last.number == Some(number) && !due => {
                        return Ok((Fragment::MembersUnchanged, None));
                    }
                    Ok(number) => next.number = Some(number),
                    Err(error) if error.kind == ErrorKind::Throttled => return Err(error),
                    Err(error) => {
                        next.unreadable = matches!(
                            error.kind,
                            ErrorKind::Unreachable | ErrorKind::Denied | ErrorKind::Unsupported
                        );
                        note = Some(error);
                    }
                }
            }
        }
        let read = cloudmap::members(aws, calls, service).await;
        if let Some(error) = note {
            tracing::warn!(%service, %error, "the revision could not be read; listing instead");
        }
        match &read {
            Ok((_, None)) => {
                self.revisions().insert(service.clone(), next);
            }
            // A listing that failed or is not whole must be repeated whatever the revision says.
            Ok((_, Some(_))) | Err(_) => {
                self.revisions().remove(service);
            }
        }
        read
    }

    fn revisions(&self) -> std::sync::MutexGuard<'_, BTreeMap<ServiceId, Revision>> {
        // A panic while holding the lock ends the process anyway (invariant 11).
        self.revisions.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn event(&self, want: &Want, calls: u32, read: Read) -> SourceEvent {
        let (result, missing) = match read {
            Ok((fragment, missing)) => (Ok(fragment), missing),
            Err(error) => (Err(error), None),
        };
        SourceEvent {
            scope: want.scope.clone(),
            observed_at: self.clock.now(),
            every: want.every,
            calls,
            result,
            missing,
        }
    }
}

fn not_asked(scope: &Scope) -> SourceError {
    SourceError::new(ErrorKind::Refused, scope.to_string(), "this reader cannot read it")
}
