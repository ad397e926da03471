//! One mutation, one call. Nothing here retries, waits or decides: what came of the call goes back
//! to the engine, which compares with the world before it sends anything again.

mod balance;
mod groups;
mod operation;
mod registry;

pub(super) use operation::{Followed, find_operation, follow_operation};

use crate::aws::{Aws, Call, source_error};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::inventory::Forward;
use crate::core::plan::Mutation;
use crate::sources::forward;
use aws_sdk_elasticloadbalancingv2::types::Action;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

/// A call that AWS took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// AWS's request id.
    pub request: Option<String>,
    /// The id of the operation to follow, where it is asynchronous.
    pub operation: Option<String>,
}

/// What had to be read for a mutation just before it is sent: ModifyListener and ModifyRule replace
/// the whole list of actions and know no version.
#[derive(Clone, Debug, Default)]
pub(super) struct Ready {
    actions: Option<Vec<Action>>,
}

impl Ready {
    /// What the action forwards to, where that was read.
    pub fn forwards_to(&self) -> Option<Forward> {
        self.actions.clone().map(forward)
    }
}

/// Reads what is needed to send a mutation. It changes nothing.
pub(super) async fn prepare(aws: &Aws, mutation: &Mutation) -> Result<Ready, SourceError> {
    match mutation {
        Mutation::Forward { action, .. } => {
            balance::actions(aws, action).await.map(|actions| Ready { actions: Some(actions) })
        }
        _ => Ok(Ready::default()),
    }
}

/// Sends a mutation. `token` is the same for every try of the same intent, so that a service that
/// knows such tokens takes a second try for the first.
pub(super) async fn send(
    aws: &Aws,
    mutation: &Mutation,
    ready: Ready,
    token: &str,
) -> Result<Taken, SourceError> {
    match mutation {
        Mutation::RegisterInstance { service, member, attributes } => {
            registry::register(aws, (service, member), attributes, token).await
        }
        Mutation::DeregisterInstance { service, member } => {
            registry::deregister(aws, service, member).await
        }
        Mutation::RegisterTargets { group, targets } => {
            balance::register(aws, group, targets).await
        }
        Mutation::DeregisterTargets { group, targets } => {
            balance::deregister(aws, group, targets).await
        }
        Mutation::Forward { action, to } => {
            balance::write(aws, action, ready.actions.unwrap_or_default(), to).await
        }
        Mutation::EnterStandby { group, instances } => {
            groups::enter_standby(aws, group, instances).await
        }
        Mutation::ExitStandby { group, instances } => {
            groups::exit_standby(aws, group, instances).await
        }
        Mutation::AttachTargetGroups { group, target_groups } => {
            groups::attach(aws, group, target_groups).await
        }
        Mutation::DetachTargetGroups { group, target_groups } => {
            groups::detach(aws, group, target_groups).await
        }
        Mutation::Suspend { group, processes } => groups::suspend(aws, group, processes).await,
        Mutation::Resume { group, processes } => groups::resume(aws, group, processes).await,
    }
}

/// The calls that a mutation needs beside the reads that every client may make.
pub(super) fn calls(mutation: &Mutation) -> &'static [Call] {
    const CLOUD_MAP: &str = "ServiceDiscovery";
    const ELB: &str = "Elastic Load Balancing v2";
    const GROUPS: &str = "Auto Scaling";
    match mutation {
        Mutation::RegisterInstance { .. } => &[
            (CLOUD_MAP, "RegisterInstance"),
            (CLOUD_MAP, "GetOperation"),
            (CLOUD_MAP, "ListOperations"),
        ],
        Mutation::DeregisterInstance { .. } => &[
            (CLOUD_MAP, "DeregisterInstance"),
            (CLOUD_MAP, "GetOperation"),
            (CLOUD_MAP, "ListOperations"),
        ],
        Mutation::RegisterTargets { .. } => &[(ELB, "RegisterTargets")],
        Mutation::DeregisterTargets { .. } => &[(ELB, "DeregisterTargets")],
        Mutation::Forward { action, .. } if action.rule.is_none() => &[(ELB, "ModifyListener")],
        Mutation::Forward { .. } => &[(ELB, "ModifyRule")],
        Mutation::EnterStandby { .. } => &[(GROUPS, "EnterStandby")],
        Mutation::ExitStandby { .. } => &[(GROUPS, "ExitStandby")],
        Mutation::AttachTargetGroups { .. } => &[(GROUPS, "AttachTrafficSources")],
        Mutation::DetachTargetGroups { .. } => &[(GROUPS, "DetachTrafficSources")],
        Mutation::Suspend { .. } => &[(GROUPS, "SuspendProcesses")],
        Mutation::Resume { .. } => &[(GROUPS, "ResumeProcesses")],
    }
}

/// What AWS said, as an outcome.
fn taken<O: RequestId, E>(
    operation: &str,
    answer: Result<O, SdkError<E, HttpResponse>>,
) -> Result<(O, Taken), SourceError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(answer) => {
            let request = answer.request_id().map(str::to_owned);
            Ok((answer, Taken { request, operation: None }))
        }
        Err(error) => Err(source_error(operation, &error)),
    }
}

/// A request that cannot even be put together.
fn unsendable(operation: &str, why: impl ToString) -> SourceError {
    SourceError::new(ErrorKind::Refused, operation, why.to_string())
}
