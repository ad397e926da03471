//! Auto Scaling: groups (with everything that is watched inline), activities, instance refreshes.

use super::pace::{Calls, Read, endless, pages};
use crate::aws::{Aws, source_error};
use crate::core::ids::{GroupName, TargetGroupArn};
use crate::core::inventory::{Activity, AutoScalingGroup, GroupInstance, Refresh};
use crate::core::source::Fragment;
use aws_sdk_autoscaling::primitives::DateTime;
use aws_sdk_autoscaling::types;
use jiff::Timestamp;

/// The largest page DescribeAutoScalingGroups gives; it may give less and still have more.
const GROUPS_PAGE: i32 = 100;
/// The latest activities are all that is looked at: one page of a group's.
const ACTIVITIES: i32 = 20;
/// The latest refresh and the one before it.
const REFRESHES: i32 = 2;

pub(super) async fn groups(aws: &Aws, calls: &mut Calls<'_>) -> Read {
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let request = aws
            .autoscaling
            .describe_auto_scaling_groups()
            .max_records(GROUPS_PAGE)
            .set_next_token(next.take());
        match calls.make(request.send()).await {
            Ok(answer) => {
                all.extend(
                    answer.auto_scaling_groups.unwrap_or_default().into_iter().filter_map(group),
                );
                next = answer.next_token.filter(|token| !token.is_empty());
            }
            Err(error) => {
                let error = source_error("DescribeAutoScalingGroups", &error);
                return pages(all, Some(error), Fragment::Groups);
            }
        }
        if next.is_none() {
            return pages(all, None, Fragment::Groups);
        }
        if calls.is_endless() {
            return pages(all, Some(endless("DescribeAutoScalingGroups")), Fragment::Groups);
        }
    }
}

fn group(from: types::AutoScalingGroup) -> Option<AutoScalingGroup> {
    let suspended = from.suspended_processes.unwrap_or_default().into_iter();
    let tags = from.tags.unwrap_or_default().into_iter();
    let zones = from.availability_zones.unwrap_or_default();
    Some(AutoScalingGroup {
        name: GroupName::from(from.auto_scaling_group_name?),
        min: count(from.min_size),
        max: count(from.max_size),
        desired: count(from.desired_capacity),
        zones: zones.into_iter().map(Into::into).collect(),
        health_check_types: from
            .health_check_type
            .unwrap_or_default()
            .split(',')
            .map(|kind| kind.trim().to_owned())
            .filter(|kind| !kind.is_empty())
            .collect(),
        grace_seconds: count(from.health_check_grace_period),
        suspended: suspended
            .filter_map(|of| Some((of.process_name?, of.suspension_reason.unwrap_or_default())))
            .collect(),
        target_groups: attachments(
            from.target_group_arns.unwrap_or_default(),
            from.traffic_sources.unwrap_or_default(),
        ),
        tags: tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect(),
        instances: from.instances.unwrap_or_default().into_iter().filter_map(instance).collect(),
    })
}

/// Target groups from both lists: a group attached by one family of calls may be missing from the
/// list of the other (API reference, AttachTrafficSources).
fn attachments(
    arns: Vec<String>,
    traffic_sources: Vec<types::TrafficSourceIdentifier>,
) -> Vec<TargetGroupArn> {
    let sources = traffic_sources
        .into_iter()
        .filter(|of| of.r#type.as_deref().is_none_or(|kind| kind == "elbv2"))
        .filter_map(|of| of.identifier)
        .filter(|identifier| identifier.contains(":targetgroup/"));
    let mut all: Vec<TargetGroupArn> =
        arns.into_iter().chain(sources).map(TargetGroupArn::from).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn instance(from: types::Instance) -> Option<GroupInstance> {
    let template = from.launch_template;
    Some(GroupInstance {
        id: from.instance_id?.into(),
        zone: from.availability_zone.unwrap_or_default().into(),
        lifecycle: from.lifecycle_state.as_ref().map_or("", |of| of.as_str()).into(),
        health: from.health_status.unwrap_or_default().into(),
        launch_template: template
            .as_ref()
            .and_then(|of| of.launch_template_id.as_deref())
            .map(Into::into),
        launch_template_version: template.and_then(|of| of.version).map(Into::into),
        protected: from.protected_from_scale_in.unwrap_or_default(),
    })
}

pub(super) async fn activities(aws: &Aws, calls: &mut Calls<'_>, group: &GroupName) -> Read {
    let request = aws
        .autoscaling
        .describe_scaling_activities()
        .auto_scaling_group_name(group.as_str())
        .max_records(ACTIVITIES);
    let answer = calls
        .make(request.send())
        .await
        .map_err(|error| source_error("DescribeScalingActivities", &error))?;
    let all = answer.activities.unwrap_or_default().into_iter();
    Ok((Fragment::Activities(all.filter_map(activity).collect()), None))
}

fn activity(from: types::Activity) -> Option<Activity> {
    Some(Activity {
        id: from.activity_id?,
        group: from.auto_scaling_group_name.unwrap_or_default().into(),
        started: time(from.start_time)?,
        ended: time(from.end_time),
        status: from.status_code.map(|of| of.as_str().to_owned()).unwrap_or_default(),
        description: from.description.unwrap_or_default(),
        message: from.status_message,
    })
}

pub(super) async fn refreshes(aws: &Aws, calls: &mut Calls<'_>, group: &GroupName) -> Read {
    let request = aws
        .autoscaling
        .describe_instance_refreshes()
        .auto_scaling_group_name(group.as_str())
        .max_records(REFRESHES);
    let answer = calls
        .make(request.send())
        .await
        .map_err(|error| source_error("DescribeInstanceRefreshes", &error))?;
    let all = answer.instance_refreshes.unwrap_or_default().into_iter();
    Ok((Fragment::Refreshes(all.filter_map(refresh).collect()), None))
}

fn refresh(from: types::InstanceRefresh) -> Option<Refresh> {
    Some(Refresh {
        id: from.instance_refresh_id?,
        status: from.status.map(|of| of.as_str().to_owned()).unwrap_or_default(),
        percent: from.percentage_complete.and_then(|percent| u32::try_from(percent).ok()),
        started: time(from.start_time),
    })
}

fn count(number: Option<i32>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

fn time(at: Option<DateTime>) -> Option<Timestamp> {
    let at = at?;
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}
