//! The lock that other hosts see (safety.md, Lock): a Cloud Map service of type HTTP. CreateService
//! refuses a name that exists, which makes it exclusive; its id is the fencing token, and a token
//! that is gone ends every further call; whoever takes a lock over deletes it by its id first, and of
//! two who do so the second is told that it is gone.

use crate::aws::{Aws, Call, source_error};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::NamespaceId;
use crate::core::record::{self, Attributes};
use aws_sdk_servicediscovery::operation::create_service::CreateServiceError;
use aws_sdk_servicediscovery::types::{ServiceFilter, ServiceFilterName, ServiceTypeOption};
use std::collections::BTreeMap;

/// The calls that locking needs beside the reads that every client may make.
pub(super) const CALLS: &[Call] = &[
    ("ServiceDiscovery", "CreateService"),
    ("ServiceDiscovery", "DeleteService"),
    ("ServiceDiscovery", "DeleteServiceAttributes"),
    ("ServiceDiscovery", "GetService"),
    ("ServiceDiscovery", "UpdateServiceAttributes"),
];

/// The largest page that the listings give, and after how many a listing has no end.
const PAGE: i32 = 100;
const PAGES_MOST: usize = 1_000;

/// What came of asking for the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    /// It is ours; the token.
    Ours(String),
    /// Another run's; its token, and what it says.
    Theirs(String, Attributes),
    /// It was another's and is gone again: the name is free.
    Free,
}

/// What a service is created as.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// The same for every try of one run, different for every other service: a service that carries
    /// it was created by a try of ours whose answer was lost.
    pub request: &'a str,
    /// What it is described as from the moment it exists.
    pub description: &'a str,
}

/// Asks for the lock.
pub(super) async fn take(
    aws: &Aws,
    namespace: &NamespaceId,
    wanted: Wanted<'_>,
) -> Result<Taking, SourceError> {
    let created = aws
        .servicediscovery
        .create_service()
        .name(wanted.name)
        .namespace_id(namespace.as_str())
        .r#type(ServiceTypeOption::Http)
        .creator_request_id(wanted.request)
        .description(wanted.description)
        .send()
        .await;
    let token = match created {
        Ok(answer) => answer.service.and_then(|service| service.id),
        Err(error) => {
            let known = error.as_service_error();
            let taken = known.is_some_and(|error| error.is_service_already_exists());
            if !taken {
                return Err(source_error("CreateService", &error));
            }
            existing(known)
        }
    };
    let Some(token) = token else {
        let said = "the answer does not name the service";
        return Err(SourceError::new(ErrorKind::Malformed, "CreateService", said));
    };
    // Read back before going on: whose it is, and that it is there at all.
    match read(aws, &token).await? {
        Some(Existing { request, .. }) if request == wanted.request => Ok(Taking::Ours(token)),
        Some(existing) => match attributes(aws, &token).await {
            Ok(said) => Ok(Taking::Theirs(token, record::or_born(said, &existing.description))),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Taking::Free),
            Err(error) => Err(error),
        },
        None => Ok(Taking::Free),
    }
}

/// The service that has the name already, as the refusal says.
fn existing(error: Option<&CreateServiceError>) -> Option<String> {
    match error {
        Some(CreateServiceError::ServiceAlreadyExists(exists)) => {
            exists.service_id.clone().or_else(|| {
                // The id alone may be missing where the ARN is given.
                exists.service_arn()?.rsplit('/').next().map(str::to_owned)
            })
        }
        _ => None,
    }
}

/// A service that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Existing {
    /// The request that created it.
    pub request: String,
    /// What it was described as.
    pub description: String,
}

/// Reads a service; `None` where it is gone.
pub(super) async fn read(aws: &Aws, token: &str) -> Result<Option<Existing>, SourceError> {
    match aws.servicediscovery.get_service().id(token).send().await {
        Ok(answer) => {
            let service = answer.service.ok_or_else(|| {
                let said = "the answer has no service";
                SourceError::new(ErrorKind::Malformed, "GetService", said)
            })?;
            Ok(Some(Existing {
                request: service.creator_request_id.unwrap_or_default(),
                description: service.description.unwrap_or_default(),
            }))
        }
        Err(error)
            if error.as_service_error().is_some_and(|error| error.is_service_not_found()) =>
        {
            Ok(None)
        }
        Err(error) => Err(source_error("GetService", &error)),
    }
}

/// Whether a lock is there. Asked before every mutation.
pub(super) async fn is_there(aws: &Aws, token: &str) -> Result<bool, SourceError> {
    Ok(read(aws, token).await?.is_some())
}

/// The services of these names, in a complete listing of a namespace: name and id.
pub(super) async fn named(
    aws: &Aws,
    namespace: &NamespaceId,
    names: &[String],
) -> Result<Vec<(String, String)>, SourceError> {
    let filter = ServiceFilter::builder()
        .name(ServiceFilterName::NamespaceId)
        .values(namespace.as_str())
        .build()
        .map_err(|error| SourceError::new(ErrorKind::Refused, "ListServices", error.to_string()))?;
    let (mut found, mut next) = (Vec::new(), None);
    for _ in 0..PAGES_MOST {
        let answer = aws
            .servicediscovery
            .list_services()
            .filters(filter.clone())
            .max_results(PAGE)
            .set_next_token(next.take())
            .send()
            .await
            .map_err(|error| source_error("ListServices", &error))?;
        let all = answer.services.unwrap_or_default().into_iter();
        let each = all.filter_map(|one| Some((one.name?, one.id?)));
        found.extend(each.filter(|(name, _)| names.contains(name)));
        next = answer.next_token;
        if next.is_none() {
            return Ok(found);
        }
    }
    Err(SourceError::new(ErrorKind::Malformed, "ListServices", "the listing has no end"))
}

/// Every namespace, in a complete listing.
pub(super) async fn namespaces(aws: &Aws) -> Result<Vec<NamespaceId>, SourceError> {
    let (mut found, mut next) = (Vec::new(), None);
    for _ in 0..PAGES_MOST {
        let answer = aws
            .servicediscovery
            .list_namespaces()
            .max_results(PAGE)
            .set_next_token(next.take())
            .send()
            .await
            .map_err(|error| source_error("ListNamespaces", &error))?;
        let all = answer.namespaces.unwrap_or_default().into_iter();
        found.extend(all.filter_map(|one| one.id.map(NamespaceId::from)));
        next = answer.next_token;
        if next.is_none() {
            return Ok(found);
        }
    }
    Err(SourceError::new(ErrorKind::Malformed, "ListNamespaces", "the listing has no end"))
}

/// Gives the lock back, or takes it from somebody who is gone. Whether it was there to be removed.
pub(super) async fn remove(aws: &Aws, token: &str) -> Result<bool, SourceError> {
    match aws.servicediscovery.delete_service().id(token).send().await {
        Ok(_) => Ok(true),
        Err(error)
            if error.as_service_error().is_some_and(|error| error.is_service_not_found()) =>
        {
            Ok(false)
        }
        Err(error) => Err(source_error("DeleteService", &error)),
    }
}

/// What a record says.
pub(super) async fn attributes(aws: &Aws, service: &str) -> Result<Attributes, SourceError> {
    let answer = aws
        .servicediscovery
        .get_service_attributes()
        .service_id(service)
        .send()
        .await
        .map_err(|error| source_error("GetServiceAttributes", &error))?;
    let said = answer.service_attributes.and_then(|of| of.attributes).unwrap_or_default();
    Ok(said.into_iter().collect())
}

/// Makes a record say this: an update merges, so what is no longer said is removed besides.
pub(super) async fn say(
    aws: &Aws,
    service: &str,
    had: &Attributes,
    now: &Attributes,
) -> Result<(), SourceError> {
    let changed: BTreeMap<String, String> = now
        .iter()
        .filter(|(key, value)| had.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let gone: Vec<String> = had.keys().filter(|key| !now.contains_key(*key)).cloned().collect();
    if !gone.is_empty() {
        let request = aws.servicediscovery.delete_service_attributes().service_id(service);
        let answer = request.set_attributes(Some(gone)).send().await;
        answer.map_err(|error| source_error("DeleteServiceAttributes", &error))?;
    }
    if !changed.is_empty() {
        let request = aws.servicediscovery.update_service_attributes().service_id(service);
        let answer = request.set_attributes(Some(changed.into_iter().collect())).send().await;
        answer.map_err(|error| source_error("UpdateServiceAttributes", &error))?;
    }
    Ok(())
}
