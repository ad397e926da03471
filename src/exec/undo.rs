//! Rollback records in Cloud Map: services of type HTTP beside the lock, written once and deleted when
//! nothing is left to put back.

use super::lock::{self};
use crate::aws::{Aws, source_error};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::NamespaceId;
use crate::core::record::Attributes;
use crate::core::rollback_record::part_of;
use aws_sdk_servicediscovery::operation::create_service::CreateServiceError;
use aws_sdk_servicediscovery::types::{ServiceFilter, ServiceFilterName, ServiceTypeOption};
use std::collections::BTreeMap;

/// The largest page, and after how many a listing has no end.
const PAGE: i32 = 100;
const PAGES_MOST: usize = 1_000;

/// Creates the service of a part. `None` where one of this name is there and another run made it;
/// `request` is the same for every try of one run.
pub(super) async fn create(
    aws: &Aws,
    namespace: &NamespaceId,
    (name, request): (&str, &str),
    description: &str,
) -> Result<Option<String>, SourceError> {
    let created = aws
        .servicediscovery
        .create_service()
        .name(name)
        .namespace_id(namespace.as_str())
        .r#type(ServiceTypeOption::Http)
        .creator_request_id(request)
        .description(description)
        .send()
        .await;
    let (token, is_new) = match created {
        Ok(answer) => (answer.service.and_then(|service| service.id), true),
        Err(error) => match error.as_service_error() {
            Some(CreateServiceError::ServiceAlreadyExists(exists)) => {
                let arn = exists.service_arn().and_then(|arn| arn.rsplit('/').next());
                (exists.service_id.clone().or_else(|| arn.map(str::to_owned)), false)
            }
            _ => return Err(source_error("CreateService", &error)),
        },
    };
    let said = "the answer does not name the service";
    let token =
        token.ok_or_else(|| SourceError::new(ErrorKind::Malformed, "CreateService", said))?;
    if is_new || creator(aws, &token).await?.as_deref() == Some(request) {
        return Ok(Some(token));
    }
    Ok(None)
}

/// The request that created a service; `None` where it is gone.
async fn creator(aws: &Aws, token: &str) -> Result<Option<String>, SourceError> {
    match aws.servicediscovery.get_service().id(token).send().await {
        Ok(answer) => {
            let request = answer.service.and_then(|service| service.creator_request_id);
            Ok(Some(request.unwrap_or_default()))
        }
        Err(error)
            if error.as_service_error().is_some_and(|error| error.is_service_not_found()) =>
        {
            Ok(None)
        }
        Err(error) => Err(source_error("GetService", &error)),
    }
}

/// Writes a part's attributes.
pub(super) async fn write(aws: &Aws, service: &str, part: &Attributes) -> Result<(), SourceError> {
    let request = aws.servicediscovery.update_service_attributes().service_id(service);
    let all = part.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let answer = request.set_attributes(Some(all)).send().await;
    answer.map(|_| ()).map_err(|error| source_error("UpdateServiceAttributes", &error))
}

/// The services of a scope's record, by the number of the part, in a complete listing.
pub(super) async fn find(
    aws: &Aws,
    namespace: &NamespaceId,
    scope: &str,
) -> Result<BTreeMap<u32, String>, SourceError> {
    let filter = ServiceFilter::builder()
        .name(ServiceFilterName::NamespaceId)
        .values(namespace.as_str())
        .build()
        .map_err(|error| SourceError::new(ErrorKind::Refused, "ListServices", error.to_string()))?;
    let (mut found, mut next) = (BTreeMap::new(), None);
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
        for one in answer.services.unwrap_or_default() {
            let part = one.name.as_deref().and_then(part_of).filter(|(of, _)| *of == scope);
            if let (Some((_, part)), Some(id)) = (part, one.id) {
                found.insert(part, id);
            }
        }
        next = answer.next_token;
        if next.is_none() {
            return Ok(found);
        }
    }
    Err(SourceError::new(ErrorKind::Malformed, "ListServices", "the listing has no end"))
}

/// What all parts say; one that is gone says nothing.
pub(super) async fn read(
    aws: &Aws,
    services: impl Iterator<Item = &String>,
) -> Result<Vec<Attributes>, SourceError> {
    let mut all = Vec::new();
    for service in services {
        match lock::attributes(aws, service).await {
            Ok(said) => all.push(said),
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}
