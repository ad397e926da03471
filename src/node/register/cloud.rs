//! Every AWS call that `register` makes, and the table of them: the policy of a node is printed
//! from it, and a test holds it against what really reaches the wire.

use crate::aws::{Armed, Aws, ConnectError, source_error};
use crate::clock::Clock;
use crate::config::AwsSettings;
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::{InstanceId, ServiceId};
use crate::core::inventory::{AutoScalingGroup, Ec2Instance, Member};
use crate::core::source::{Fragment, Scope};
use crate::sources::{Ask, Reader, Want};
use aws_sdk_servicediscovery::types::OperationStatus;
use std::collections::BTreeMap;
use std::time::Duration;

/// A call, as the SDK and as IAM name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The SDK's name of the service.
    pub service: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// The action in a policy.
    pub action: &'static str,
    /// Whether a policy can narrow it to the registry services (Service Authorization Reference,
    /// AWS Cloud Map); the others know no resource but `*`.
    pub on_service: bool,
}

const fn call(
    service: &'static str,
    operation: &'static str,
    action: &'static str,
    on_service: bool,
) -> Call {
    Call { service, operation, action, on_service }
}

/// All of them.
pub const CALLS: &[Call] = &[
    call("ServiceDiscovery", "ListInstances", "servicediscovery:ListInstances", true),
    call("ServiceDiscovery", REGISTER, "servicediscovery:RegisterInstance", true),
    call("ServiceDiscovery", DEREGISTER, "servicediscovery:DeregisterInstance", true),
    call("ServiceDiscovery", "GetOperation", "servicediscovery:GetOperation", false),
    call("EC2", "DescribeInstances", "ec2:DescribeInstances", false),
    call(
        "Auto Scaling",
        "DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingGroups",
        false,
    ),
    call("STS", "GetCallerIdentity", "sts:GetCallerIdentity", false),
];

/// The two that change something, which is all that the clients are armed for.
const CHANGES: [crate::aws::Call; 2] =
    [("ServiceDiscovery", REGISTER), ("ServiceDiscovery", DEREGISTER)];

const REGISTER: &str = "RegisterInstance";
const DEREGISTER: &str = "DeregisterInstance";

/// What the clients may change: never what a caller names, always these two.
fn armed() -> Armed {
    Armed::For(CHANGES.into())
}

/// How an accepted call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// Not yet carried out.
    UnderWay,
    /// Carried out.
    Done,
    /// It came to nothing: AWS's code and words.
    Failed {
        /// `ACCESS_DENIED`, `THROTTLED_REQUEST`, …
        code: String,
        /// What it says about it.
        message: String,
    },
}

/// The account, for this one purpose. Each method makes one call (or one listing) once: whether to
/// try again is the caller's to decide.
pub struct Cloud {
    aws: Aws,
    reader: Reader,
}

impl Cloud {
    /// Clients that are armed for RegisterInstance and DeregisterInstance and nothing else.
    ///
    /// # Errors
    /// As [`Aws::connect`].
    pub async fn connect(settings: &AwsSettings, clock: &Clock) -> Result<Self, ConnectError> {
        let aws = Aws::connect_armed(settings, armed()).await?;
        let reader = Reader::new(aws.clone(), None, clock.clone(), None);
        Ok(Self { aws, reader })
    }

    /// The region of the clients.
    pub fn region(&self) -> &str {
        &self.aws.region
    }

    /// A complete answer or none: half a listing proves nothing.
    async fn whole(&self, scope: Scope, ask: Ask) -> Result<Fragment, SourceError> {
        let want = Want { scope, ask, every: Duration::ZERO, rank: 0, not_before: None };
        let event = self.reader.read(&want).await;
        match event.missing {
            Some(error) => Err(error),
            None => event.result,
        }
    }

    /// All members of a service.
    pub(super) async fn members(&self, service: &ServiceId) -> Result<Vec<Member>, SourceError> {
        let scope = Scope::Members(service.clone());
        match self.whole(scope, Ask::Service(None)).await? {
            Fragment::Members(members) => Ok(members),
            _ => Err(odd("ListInstances")),
        }
    }

    /// All Auto Scaling groups.
    pub(super) async fn groups(&self) -> Result<Vec<AutoScalingGroup>, SourceError> {
        match self.whole(Scope::Groups, Ask::Plain).await? {
            Fragment::Groups(groups) => Ok(groups),
            _ => Err(odd("DescribeAutoScalingGroups")),
        }
    }

    /// What EC2 knows of these ids.
    pub(super) async fn instances(
        &self,
        ids: &[InstanceId],
    ) -> Result<Vec<Ec2Instance>, SourceError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match self.whole(Scope::Instances(0), Ask::Ids(ids.into())).await? {
            Fragment::Instances { found, .. } => Ok(found),
            _ => Err(odd("DescribeInstances")),
        }
    }

    /// The account that we are.
    pub(super) async fn account(&self) -> Result<String, SourceError> {
        match self.whole(Scope::Identity, Ask::Plain).await? {
            Fragment::Identity(identity) if !identity.account.is_empty() => Ok(identity.account),
            _ => Err(odd("GetCallerIdentity")),
        }
    }

    /// Asks for an entry to be written; the answer is the operation that will. `request` stays the
    /// same for all attempts at one entry, so that a repeated one is not a second.
    pub(super) async fn register(
        &self,
        service: &ServiceId,
        id: &InstanceId,
        attributes: &BTreeMap<String, String>,
        request: &str,
    ) -> Result<String, SourceError> {
        let all = attributes.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let sent = self
            .aws
            .servicediscovery
            .register_instance()
            .service_id(service.as_str())
            .instance_id(id.as_str())
            .creator_request_id(request)
            .set_attributes(Some(all))
            .send()
            .await;
        let answer = sent.map_err(|error| source_error(REGISTER, &error))?;
        answer.operation_id.ok_or_else(|| odd(REGISTER))
    }

    /// Asks for an entry to be removed; the answer is the operation that will.
    pub(super) async fn deregister(
        &self,
        service: &ServiceId,
        id: &InstanceId,
    ) -> Result<String, SourceError> {
        let call = self.aws.servicediscovery.deregister_instance();
        let sent = call.service_id(service.as_str()).instance_id(id.as_str()).send().await;
        let answer = sent.map_err(|error| source_error(DEREGISTER, &error))?;
        answer.operation_id.ok_or_else(|| odd(DEREGISTER))
    }

    /// How an operation stands.
    pub(super) async fn operation(&self, id: &str) -> Result<Operation, SourceError> {
        let sent = self.aws.servicediscovery.get_operation().operation_id(id).send().await;
        let answer = sent.map_err(|error| source_error("GetOperation", &error))?;
        let operation = answer.operation.ok_or_else(|| odd("GetOperation"))?;
        Ok(match operation.status {
            Some(OperationStatus::Success) => Operation::Done,
            Some(OperationStatus::Fail) => Operation::Failed {
                code: operation.error_code.unwrap_or_default(),
                message: operation.error_message.unwrap_or_default(),
            },
            _ => Operation::UnderWay,
        })
    }
}

fn odd(operation: &str) -> SourceError {
    SourceError::new(ErrorKind::Malformed, operation, "the answer lacks what was asked for")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::tests::armed_clients;

    /// Real clients, before a port that nobody listens on: what the gate lets through finds nobody
    /// there, and what it refuses never gets so far.
    #[tokio::test]
    async fn a_node_can_change_its_entries_and_nothing_else() {
        let aws = armed_clients("http://127.0.0.1:9", armed()).await;
        let cloud = &aws.servicediscovery;
        let ours = [
            source_error(
                REGISTER,
                &cloud
                    .register_instance()
                    .service_id("srv-1")
                    .instance_id("i-1")
                    .attributes("AWS_INSTANCE_IPV4", "127.0.0.1")
                    .send()
                    .await
                    .unwrap_err(),
            ),
            source_error(
                DEREGISTER,
                &cloud
                    .deregister_instance()
                    .service_id("srv-1")
                    .instance_id("i-1")
                    .send()
                    .await
                    .unwrap_err(),
            ),
        ];
        for error in ours {
            assert_eq!(error.kind, ErrorKind::Unreachable, "{error}");
        }
        assert_eq!(aws.attempts(), 2);
        let group = aws.autoscaling.delete_auto_scaling_group().auto_scaling_group_name("g");
        let target = aws.elbv2.delete_target_group().target_group_arn("arn");
        let others = [
            source_error("x", &cloud.delete_service().id("srv-1").send().await.unwrap_err()),
            source_error("x", &group.send().await.unwrap_err()),
            source_error("x", &target.send().await.unwrap_err()),
        ];
        for error in others {
            assert_eq!(error.kind, ErrorKind::Refused, "{error}");
        }
        assert_eq!(aws.attempts(), 2, "nobody was called");
    }
}
