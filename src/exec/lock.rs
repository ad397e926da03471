//! The lock that other hosts see (safety.md, Lock): a Cloud Map service of type HTTP. CreateService
//! refuses a name that exists, which makes it exclusive; its id is the fencing token, and a token
//! that is gone ends every further call; whoever takes a lock over deletes it by its id first, and of
//! two who do so the second is told that it is gone.

use crate::aws::{Aws, Call, source_error};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::NamespaceId;
use crate::core::record::Attributes;
use aws_sdk_servicediscovery::operation::create_service::CreateServiceError;
use aws_sdk_servicediscovery::types::ServiceTypeOption;
use std::collections::BTreeMap;

/// The calls that locking needs beside the reads that every client may make.
pub(super) const CALLS: &[Call] = &[
    ("ServiceDiscovery", "CreateService"),
    ("ServiceDiscovery", "DeleteService"),
    ("ServiceDiscovery", "DeleteServiceAttributes"),
    ("ServiceDiscovery", "GetService"),
    ("ServiceDiscovery", "UpdateServiceAttributes"),
];

/// What came of asking for the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    /// It is ours; the token.
    Ours(String),
    /// Somebody else's; its token, and what it says.
    Theirs(String, Attributes),
}

/// Asks for the lock. `request` is the same for every try of one run: a service that carries it was
/// created by a try of ours whose answer was lost.
pub(super) async fn take(
    aws: &Aws,
    namespace: &NamespaceId,
    name: &str,
    request: &str,
) -> Result<Taking, SourceError> {
    let created = aws
        .servicediscovery
        .create_service()
        .name(name)
        .namespace_id(namespace.as_str())
        .r#type(ServiceTypeOption::Http)
        .creator_request_id(request)
        .description("Held by a run of quarterdeck; its attributes say whose.")
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
    match owner(aws, &token).await? {
        Some(who) if who == request => Ok(Taking::Ours(token)),
        Some(_) => {
            let said = attributes(aws, &token).await.unwrap_or_default();
            Ok(Taking::Theirs(token, said))
        }
        None => {
            let said = "the service is gone again; somebody gave the lock back at this moment";
            Err(SourceError::new(ErrorKind::NotFound, "GetService", said))
        }
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

/// Whose a service is, by the request that created it; `None` where it is gone.
async fn owner(aws: &Aws, token: &str) -> Result<Option<String>, SourceError> {
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

/// Whether the token still stands. Asked before every mutation.
pub(super) async fn stands(aws: &Aws, token: &str) -> Result<bool, SourceError> {
    Ok(owner(aws, token).await?.is_some())
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
