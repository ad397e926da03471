//! Auto Scaling's writes: standby, attachments, suspended processes.

use super::{Taken, taken};
use crate::aws::Aws;
use crate::core::error::SourceError;
use crate::core::ids::{GroupName, InstanceId, TargetGroupArn};
use aws_sdk_autoscaling::types::TrafficSourceIdentifier;
use std::collections::BTreeSet;

/// Always with the desired capacity decremented: otherwise Auto Scaling launches a replacement.
pub(super) async fn enter_standby(
    aws: &Aws,
    group: &GroupName,
    instances: &[InstanceId],
) -> Result<Taken, SourceError> {
    let request = aws
        .autoscaling
        .enter_standby()
        .auto_scaling_group_name(group.as_str())
        .set_instance_ids(Some(ids(instances)))
        .should_decrement_desired_capacity(true);
    Ok(taken("EnterStandby", request.send().await)?.1)
}

pub(super) async fn exit_standby(
    aws: &Aws,
    group: &GroupName,
    instances: &[InstanceId],
) -> Result<Taken, SourceError> {
    let request = aws
        .autoscaling
        .exit_standby()
        .auto_scaling_group_name(group.as_str())
        .set_instance_ids(Some(ids(instances)));
    Ok(taken("ExitStandby", request.send().await)?.1)
}

/// AttachTrafficSources: the older AttachLoadBalancerTargetGroups does not see what this one did
/// (API reference).
pub(super) async fn attach(
    aws: &Aws,
    group: &GroupName,
    target_groups: &[TargetGroupArn],
) -> Result<Taken, SourceError> {
    let request = aws
        .autoscaling
        .attach_traffic_sources()
        .auto_scaling_group_name(group.as_str())
        .set_traffic_sources(Some(sources(target_groups)));
    Ok(taken("AttachTrafficSources", request.send().await)?.1)
}

pub(super) async fn detach(
    aws: &Aws,
    group: &GroupName,
    target_groups: &[TargetGroupArn],
) -> Result<Taken, SourceError> {
    let request = aws
        .autoscaling
        .detach_traffic_sources()
        .auto_scaling_group_name(group.as_str())
        .set_traffic_sources(Some(sources(target_groups)));
    Ok(taken("DetachTrafficSources", request.send().await)?.1)
}

pub(super) async fn suspend(
    aws: &Aws,
    group: &GroupName,
    processes: &BTreeSet<String>,
) -> Result<Taken, SourceError> {
    let request = aws
        .autoscaling
        .suspend_processes()
        .auto_scaling_group_name(group.as_str())
        .set_scaling_processes(Some(named("SuspendProcesses", processes)?));
    Ok(taken("SuspendProcesses", request.send().await)?.1)
}

pub(super) async fn resume(
    aws: &Aws,
    group: &GroupName,
    processes: &BTreeSet<String>,
) -> Result<Taken, SourceError> {
    let request = aws
        .autoscaling
        .resume_processes()
        .auto_scaling_group_name(group.as_str())
        .set_scaling_processes(Some(named("ResumeProcesses", processes)?));
    Ok(taken("ResumeProcesses", request.send().await)?.1)
}

/// The processes by name. Without names AWS suspends or resumes *all* of them, so an empty list is
/// refused.
fn named(operation: &str, processes: &BTreeSet<String>) -> Result<Vec<String>, SourceError> {
    if processes.is_empty() {
        return Err(super::unsendable(operation, "no process is named, and AWS would take all"));
    }
    Ok(processes.iter().cloned().collect())
}

fn sources(target_groups: &[TargetGroupArn]) -> Vec<TrafficSourceIdentifier> {
    let one = |arn: &TargetGroupArn| {
        TrafficSourceIdentifier::builder().identifier(arn.as_str()).r#type("elbv2").build()
    };
    target_groups.iter().map(one).collect()
}

fn ids(instances: &[InstanceId]) -> Vec<String> {
    instances.iter().map(ToString::to_string).collect()
}
