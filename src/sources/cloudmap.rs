//! Cloud Map: namespaces and services (resolved once, refreshed rarely), members, custom health.
//!
//! DiscoverInstances is not used: it has no pages, cuts at 100 by default and hides unhealthy
//! members. Its cheap relative DiscoverInstancesRevision tells whether a listing would bring
//! anything new (API reference: the revision grows with every registration and deregistration; it
//! does not move with health).

use super::pace::{Calls, Read, endless, pages};
use crate::aws::{Aws, source_error};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::{NamespaceId, ServiceId};
use crate::core::inventory::{Member, MemberHealth, Namespace, RegistryService};
use crate::core::record::is_record;
use crate::core::source::Fragment;
use aws_sdk_servicediscovery::types::{
    HealthStatus, InstanceSummary, NamespaceSummary, NamespaceType, ServiceFilter,
    ServiceFilterName, ServiceSummary,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The largest page ListNamespaces, ListServices, ListInstances and GetInstancesHealthStatus give.
const PAGE: i32 = 100;

pub(super) async fn namespaces(aws: &Aws, calls: &mut Calls<'_>) -> Read {
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let request =
            aws.servicediscovery.list_namespaces().max_results(PAGE).set_next_token(next.take());
        match calls.make(request.send()).await {
            Ok(answer) => {
                all.extend(answer.namespaces.unwrap_or_default().into_iter().filter_map(namespace));
                next = answer.next_token;
            }
            Err(error) => {
                let error = source_error("ListNamespaces", &error);
                return pages(all, Some(error), Fragment::Namespaces);
            }
        }
        if next.is_none() {
            return pages(all, None, Fragment::Namespaces);
        }
        if calls.is_endless() {
            return pages(all, Some(endless("ListNamespaces")), Fragment::Namespaces);
        }
    }
}

fn namespace(from: NamespaceSummary) -> Option<Namespace> {
    let name = from.name.unwrap_or_default();
    let has_dns = from.r#type.is_none_or(|kind| kind != NamespaceType::Http);
    let http_name = from
        .properties
        .and_then(|properties| properties.http_properties)
        .and_then(|http| http.http_name)
        .unwrap_or_else(|| name.clone());
    Some(Namespace { id: NamespaceId::from(from.id?), name, http_name, has_dns })
}

/// The services of a namespace. The filter is applied after paging, so an empty page with a next
/// token is legal (API reference, ListServices).
pub(super) async fn services(aws: &Aws, calls: &mut Calls<'_>, namespace: &NamespaceId) -> Read {
    let filter = ServiceFilter::builder()
        .name(ServiceFilterName::NamespaceId)
        .values(namespace.as_str())
        .build()
        .map_err(|error| internal("ListServices", &error))?;
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let request = aws
            .servicediscovery
            .list_services()
            .filters(filter.clone())
            .max_results(PAGE)
            .set_next_token(next.take());
        match calls.make(request.send()).await {
            Ok(answer) => {
                let found = answer.services.unwrap_or_default();
                all.extend(found.into_iter().filter_map(|one| service(one, namespace)));
                next = answer.next_token;
            }
            Err(error) => {
                let error = source_error("ListServices", &error);
                return pages(all, Some(error), Fragment::Services);
            }
        }
        if next.is_none() {
            return pages(all, None, Fragment::Services);
        }
        if calls.is_endless() {
            return pages(all, Some(endless("ListServices")), Fragment::Services);
        }
    }
}

/// A service, unless its own answer says that it lives in another namespace (an endpoint that
/// ignores the filter would otherwise give every namespace every service).
fn service(from: ServiceSummary, namespace: &NamespaceId) -> Option<RegistryService> {
    #[expect(deprecated, reason = "the only place where a listed service names its namespace")]
    let elsewhere = from
        .dns_config
        .as_ref()
        .and_then(|dns| dns.namespace_id.as_deref())
        .is_some_and(|id| !id.is_empty() && id != namespace.as_str());
    if elsewhere {
        return None;
    }
    let name: Arc<str> = from.name.unwrap_or_default().into();
    Some(RegistryService {
        id: ServiceId::from(from.id?),
        namespace: namespace.clone(),
        custom_health: from.health_check_custom_config.is_some(),
        // Of a record both say whose it is; of a registry they say nothing to us.
        description: from.description.filter(|_| is_record(&name)).map(Into::into),
        created: from
            .create_date
            .filter(|_| is_record(&name))
            .and_then(|at| Timestamp::from_second(at.secs()).ok()),
        name,
    })
}

/// All members of a service.
pub(super) async fn members(aws: &Aws, calls: &mut Calls<'_>, service: &ServiceId) -> Read {
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let request = aws
            .servicediscovery
            .list_instances()
            .service_id(service.as_str())
            .max_results(PAGE)
            .set_next_token(next.take());
        match calls.make(request.send()).await {
            Ok(answer) => {
                all.extend(answer.instances.unwrap_or_default().into_iter().filter_map(member));
                next = answer.next_token;
            }
            Err(error) => {
                let error = source_error("ListInstances", &error);
                return pages(all, Some(error), Fragment::Members);
            }
        }
        if next.is_none() {
            return pages(all, None, Fragment::Members);
        }
        if calls.is_endless() {
            return pages(all, Some(endless("ListInstances")), Fragment::Members);
        }
    }
}

fn member(from: InstanceSummary) -> Option<Member> {
    let attributes = from.attributes.unwrap_or_default().into_iter().collect();
    let account = from.created_by_account;
    Some(Member { account, ..Member::new(from.id?.into(), attributes) })
}

/// The revision of a service's registrations, by names rather than ids.
pub(super) async fn revision(
    aws: &Aws,
    calls: &mut Calls<'_>,
    namespace: &str,
    service: &str,
) -> Result<i64, SourceError> {
    let request = aws
        .servicediscovery
        .discover_instances_revision()
        .namespace_name(namespace)
        .service_name(service);
    let answer = calls
        .make(request.send())
        .await
        .map_err(|error| source_error("DiscoverInstancesRevision", &error))?;
    answer.instances_revision.ok_or_else(|| {
        SourceError::new(
            ErrorKind::Malformed,
            "DiscoverInstancesRevision",
            "the answer has no revision",
        )
    })
}

/// Custom health of all members of a service.
pub(super) async fn health(aws: &Aws, calls: &mut Calls<'_>, service: &ServiceId) -> Read {
    let (mut all, mut next) = (Vec::new(), None);
    let into = |all: Vec<_>| Fragment::MemberHealth(all.into_iter().collect::<BTreeMap<_, _>>());
    loop {
        let request = aws
            .servicediscovery
            .get_instances_health_status()
            .service_id(service.as_str())
            .max_results(PAGE)
            .set_next_token(next.take());
        match calls.make(request.send()).await {
            Ok(answer) => {
                let statuses = answer.status.unwrap_or_default();
                all.extend(statuses.into_iter().map(|(id, status)| (id.into(), word(&status))));
                next = answer.next_token;
            }
            Err(error) => {
                let error = source_error("GetInstancesHealthStatus", &error);
                return pages(all, Some(error), into);
            }
        }
        if next.is_none() {
            return pages(all, None, into);
        }
        if calls.is_endless() {
            return pages(all, Some(endless("GetInstancesHealthStatus")), into);
        }
    }
}

/// What a record says that a run left for other hosts. That it is gone is an answer: its run gave it
/// back.
pub(super) async fn record(aws: &Aws, calls: &mut Calls<'_>, service: &ServiceId) -> Read {
    let request = aws.servicediscovery.get_service_attributes().service_id(service.as_str());
    match calls.make(request.send()).await {
        Ok(answer) => {
            let said = answer.service_attributes.and_then(|of| of.attributes).unwrap_or_default();
            Ok((Fragment::Record(Some(said.into_iter().collect())), None))
        }
        Err(error)
            if error.as_service_error().is_some_and(|error| error.is_service_not_found()) =>
        {
            Ok((Fragment::Record(None), None))
        }
        Err(error) => Err(source_error("GetServiceAttributes", &error)),
    }
}

fn word(status: &HealthStatus) -> MemberHealth {
    match status {
        HealthStatus::Healthy => MemberHealth::Healthy,
        HealthStatus::Unhealthy => MemberHealth::Unhealthy,
        _ => MemberHealth::Unknown,
    }
}

fn internal(operation: &str, error: &dyn std::error::Error) -> SourceError {
    SourceError::new(ErrorKind::Refused, operation, error.to_string())
}
