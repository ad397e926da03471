//! Cloud Map's two writes. Both only start an operation (see [`super::operation`]).

use super::{Taken, taken};
use crate::aws::Aws;
use crate::core::error::SourceError;
use crate::core::ids::{InstanceId, ServiceId};
use std::collections::BTreeMap;

/// Writes a whole entry: RegisterInstance replaces all attributes (API reference).
pub(super) async fn register(
    aws: &Aws,
    (service, member): (&ServiceId, &InstanceId),
    attributes: &BTreeMap<String, String>,
    token: &str,
) -> Result<Taken, SourceError> {
    let request = aws
        .servicediscovery
        .register_instance()
        .service_id(service.as_str())
        .instance_id(member.as_str())
        .creator_request_id(token)
        .set_attributes(Some(attributes.clone().into_iter().collect()));
    let (answer, done) = taken("RegisterInstance", request.send().await)?;
    Ok(Taken { operation: answer.operation_id, ..done })
}

pub(super) async fn deregister(
    aws: &Aws,
    service: &ServiceId,
    member: &InstanceId,
) -> Result<Taken, SourceError> {
    let request = aws
        .servicediscovery
        .deregister_instance()
        .service_id(service.as_str())
        .instance_id(member.as_str());
    let (answer, done) = taken("DeregisterInstance", request.send().await)?;
    Ok(Taken { operation: answer.operation_id, ..done })
}
