//! Cloud Map's asynchronous operations: that a call was accepted says nothing; the operation says
//! whether it was carried out (API reference, GetOperation).

use crate::aws::{Aws, source_error};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::{InstanceId, ServiceId};
use aws_sdk_servicediscovery::types::{
    FilterCondition, Operation, OperationFilter, OperationFilterName, OperationStatus,
    OperationTargetType, OperationType,
};
use jiff::Timestamp;

/// How an operation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::exec) enum Followed {
    /// It was carried out.
    Done,
    /// Not yet.
    UnderWay,
    /// It failed.
    Failed(SourceError),
}

/// Looks at an operation once.
pub(in crate::exec) async fn follow_operation(
    aws: &Aws,
    operation: &str,
) -> Result<Followed, SourceError> {
    let found = get(aws, operation).await?;
    Ok(match found.status {
        Some(OperationStatus::Success) => Followed::Done,
        Some(OperationStatus::Fail) => Followed::Failed(failure(&found)),
        _ => Followed::UnderWay,
    })
}

async fn get(aws: &Aws, operation: &str) -> Result<Operation, SourceError> {
    let answer = aws
        .servicediscovery
        .get_operation()
        .operation_id(operation)
        .send()
        .await
        .map_err(|error| source_error("GetOperation", &error))?;
    answer.operation.ok_or_else(|| {
        SourceError::new(ErrorKind::Malformed, "GetOperation", "the answer has no operation")
    })
}

/// Why an operation failed: its own codes, in the words that calls have.
fn failure(operation: &Operation) -> SourceError {
    let code = operation.error_code.clone().unwrap_or_default();
    let kind = match code.as_str() {
        "ACCESS_DENIED" => ErrorKind::Denied,
        "EXPIRED_TOKEN" => ErrorKind::Expired,
        "THROTTLED_REQUEST" => ErrorKind::Throttled,
        "INSTANCE_NOT_FOUND" | "SERVICE_NOT_FOUND" => ErrorKind::NotFound,
        _ => ErrorKind::Failed,
    };
    let message = operation.error_message.clone().unwrap_or_else(|| code.clone());
    SourceError {
        code: Some(code),
        ..SourceError::new(kind, "GetOperation", format!("the operation failed: {message}"))
    }
}

/// The newest operation of one kind on one member that was begun at `since` or later: whether a call whose
/// answer was lost had arrived. An operation names its member, a list of operations does not, so only
/// those that something happened to since are listed: a service keeps weeks of them.
pub(in crate::exec) async fn find_operation(
    aws: &Aws,
    (service, member): (&ServiceId, &InstanceId),
    registers: bool,
    since: Timestamp,
) -> Result<Option<String>, SourceError> {
    use FilterCondition::{Between, Eq};
    const MONTH: i64 = 30 * 24 * 3600;
    let kind =
        if registers { OperationType::RegisterInstance } else { OperationType::DeregisterInstance };
    let filter = |name, condition, values: &[&str]| {
        let filter = OperationFilter::builder().name(name).condition(condition);
        let filter = filter.set_values(Some(values.iter().map(|one| (*one).to_owned()).collect()));
        filter.build().map_err(|error| super::unsendable("ListOperations", error))
    };
    let from = since.as_second();
    let (from, to) = (from.to_string(), from.saturating_add(MONTH).to_string());
    let mut next = None;
    let mut newest: Option<(i64, String)> = None;
    loop {
        let answer = aws
            .servicediscovery
            .list_operations()
            .filters(filter(OperationFilterName::ServiceId, Eq, &[service.as_str()])?)
            .filters(filter(OperationFilterName::Type, Eq, &[kind.as_str()])?)
            .filters(filter(OperationFilterName::UpdateDate, Between, &[&from, &to])?)
            .max_results(100)
            .set_next_token(next.take())
            .send()
            .await
            .map_err(|error| source_error("ListOperations", &error))?;
        for summary in answer.operations.unwrap_or_default() {
            let Some(id) = summary.id else { continue };
            let one = get(aws, &id).await?;
            let target = one.targets.as_ref().and_then(|of| of.get(&OperationTargetType::Instance));
            let begun = one.create_date.map_or(i64::MIN, |at| at.secs());
            let fits = target.is_some_and(|id| id == member.as_str()) && begun >= since.as_second();
            if fits && newest.as_ref().is_none_or(|(at, _)| *at <= begun) {
                newest = Some((begun, id));
            }
        }
        next = answer.next_token;
        if next.is_none() {
            return Ok(newest.map(|(_, id)| id));
        }
    }
}
