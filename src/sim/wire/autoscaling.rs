//! Auto Scaling on the wire (query): the reads of groups, activities and refreshes. Attachments
//! and the other writes have files of their own.

use super::pages::{page, size};
use super::{Params, Xml};
use crate::core::ids::InstanceId;
use crate::sim::world::{Activity, Group, GroupMember, Refresh, Refused, World};

/// Answers a call.
pub(super) fn answer(world: &mut World, action: &str, params: &Params) -> Result<Xml, Refused> {
    match action {
        "DescribeAutoScalingGroups" => groups(world, params),
        "DescribeAutoScalingInstances" => instances(world, params),
        "DescribeScalingActivities" => activities(world, params),
        "DescribeInstanceRefreshes" => refreshes(world, params),
        "DescribeTrafficSources"
        | "DescribeLoadBalancerTargetGroups"
        | "AttachTrafficSources"
        | "DetachTrafficSources"
        | "AttachLoadBalancerTargetGroups"
        | "DetachLoadBalancerTargetGroups" => super::attachments::answer(world, action, params),
        other => super::groups_write::answer(world, other, params),
    }
}

/// A page of a list, with its token written after it.
pub(super) fn paged<T>(
    params: &Params,
    items: Vec<(String, T)>,
    bounds: (usize, usize),
) -> Result<(Vec<T>, Option<String>), Refused> {
    let size = size(params.number("MaxRecords")?, bounds, Refused::validation)?;
    let page = page(items, params.get("NextToken"), size)
        .ok_or_else(|| Refused::new("InvalidNextToken", "The NextToken value is not valid."))?;
    Ok((page.items, page.next))
}

fn groups(world: &World, params: &Params) -> Result<Xml, Refused> {
    let names = params.list("AutoScalingGroupNames");
    let filters: Vec<_> = params
        .structs("Filters")
        .iter()
        .map(|one| (one.get("Name").unwrap_or_default().to_owned(), one.list("Values")))
        .collect();
    let fits = |group: &Group| {
        let named = names.is_empty() || names.iter().any(|name| name == group.name.as_str());
        named && filters.iter().all(|(name, values)| filter_fits(group, name, values))
    };
    // Unlike a page's filters elsewhere, names that do not exist are left out silently.
    let all = world.groups.values().filter(|one| fits(one));
    let all = all.map(|one| (one.name.to_string(), one)).collect();
    let (cut, next) = paged(params, all, (50, 100))?;
    let with_instances = params.flag("IncludeInstances").unwrap_or(true);
    let mut xml = Xml::new();
    xml.list("AutoScalingGroups", cut, |xml, one| write_group(world, xml, one, with_instances));
    xml.maybe("NextToken", next);
    Ok(xml)
}

fn filter_fits(group: &Group, name: &str, values: &[String]) -> bool {
    match name {
        "tag-key" => values.iter().any(|key| group.tags.contains_key(key)),
        "tag-value" => group.tags.values().any(|value| values.contains(value)),
        other => match other.strip_prefix("tag:") {
            Some(key) => group.tags.get(key).is_some_and(|value| values.contains(value)),
            None => true,
        },
    }
}

fn write_group(world: &World, xml: &mut Xml, group: &Group, with_instances: bool) {
    xml.text("AutoScalingGroupName", &group.name)
        .text("AutoScalingGroupARN", &group.arn)
        .text("MinSize", group.min)
        .text("MaxSize", group.max)
        .text("DesiredCapacity", group.desired)
        .text("DefaultCooldown", 300)
        .text("HealthCheckType", &group.health_check_type)
        .text("HealthCheckGracePeriod", group.grace.as_secs())
        .time("CreatedTime", group.created)
        .text("VPCZoneIdentifier", "subnet-0embedded")
        .text("NewInstancesProtectedFromScaleIn", false)
        .text("CapacityRebalance", false);
    write_template(xml, group, &group.template_version);
    xml.texts("AvailabilityZones", &group.zones).texts("TerminationPolicies", ["Default"]);
    xml.texts("LoadBalancerNames", Vec::<String>::new());
    let arns: Vec<_> = group.attachments.iter().map(|one| one.target_group.as_str()).collect();
    xml.texts("TargetGroupARNs", &arns);
    xml.list("TrafficSources", &arns, |xml, arn| {
        xml.text("Identifier", arn).text("Type", "elbv2");
    });
    xml.list("SuspendedProcesses", &group.suspended, |xml, (process, reason)| {
        xml.text("ProcessName", process).text("SuspensionReason", reason);
    });
    xml.list("Tags", &group.tags, |xml, (key, value)| {
        xml.text("ResourceId", &group.name)
            .text("ResourceType", "auto-scaling-group")
            .text("Key", key)
            .text("Value", value)
            .text("PropagateAtLaunch", true);
    });
    xml.list("EnabledMetrics", Vec::<()>::new(), |_, ()| ());
    if with_instances {
        xml.list("Instances", &group.members, |xml, (id, one)| {
            write_member(world, xml, group, (id, one));
        });
    }
}

fn write_template(xml: &mut Xml, group: &Group, version: &str) {
    xml.within("LaunchTemplate", |xml| {
        xml.text("LaunchTemplateId", "lt-0embedded")
            .text("LaunchTemplateName", &group.template)
            .text("Version", version);
    });
}

fn write_member(world: &World, xml: &mut Xml, group: &Group, of: (&InstanceId, &GroupMember)) {
    let (id, one) = of;
    let zone = world.instances.get(id).map(|node| node.zone.as_str()).unwrap_or_default();
    xml.text("InstanceId", id)
        .text("InstanceType", "m6i.large")
        .text("AvailabilityZone", zone)
        .text("LifecycleState", one.lifecycle)
        .text("HealthStatus", if one.healthy { "Healthy" } else { "Unhealthy" })
        .text("ProtectedFromScaleIn", one.protected);
    write_template(xml, group, &one.template_version);
}

fn instances(world: &World, params: &Params) -> Result<Xml, Refused> {
    let wanted = params.list("InstanceIds");
    let all: Vec<_> = world
        .groups
        .values()
        .flat_map(|group| group.members.iter().map(move |(id, one)| (id, one, group)))
        .filter(|(id, ..)| wanted.is_empty() || wanted.iter().any(|one| one == id.as_str()))
        .map(|(id, one, group)| (id.to_string(), (id, one, group)))
        .collect();
    let (cut, next) = paged(params, all, (50, 50))?;
    let mut xml = Xml::new();
    xml.list("AutoScalingInstances", cut, |xml, (id, one, group)| {
        xml.text("AutoScalingGroupName", &group.name);
        write_member(world, xml, group, (id, one));
    });
    xml.maybe("NextToken", next);
    Ok(xml)
}

/// An activity, as every call that makes one gives it.
pub(super) fn write_activity(xml: &mut Xml, one: &Activity) {
    xml.text("ActivityId", &one.id)
        .text("AutoScalingGroupName", &one.group)
        .text("Description", &one.description)
        .text("Cause", &one.cause)
        .time("StartTime", one.started)
        .maybe("EndTime", one.ended.map(|at| format!("{at:.3}")))
        .text("StatusCode", one.status)
        .maybe("StatusMessage", one.message.as_ref())
        .text("Progress", one.progress)
        .text("Details", "{}");
}

fn activities(world: &World, params: &Params) -> Result<Xml, Refused> {
    let ids = params.list("ActivityIds");
    let groups: Vec<&Group> = match params.get("AutoScalingGroupName") {
        Some(name) => vec![world.group(name)?],
        None => world.groups.values().collect(),
    };
    let mut all: Vec<_> = groups
        .iter()
        .flat_map(|group| group.activities.iter())
        .filter(|one| ids.is_empty() || ids.contains(&one.id))
        .collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.started));
    let all = all.into_iter().map(|one| (one.id.clone(), one)).collect();
    let (cut, next) = paged(params, all, (100, 100))?;
    let mut xml = Xml::new();
    xml.list("Activities", cut, write_activity);
    xml.maybe("NextToken", next);
    Ok(xml)
}

fn refreshes(world: &World, params: &Params) -> Result<Xml, Refused> {
    let group = world.group(params.need("AutoScalingGroupName")?)?;
    let all = group.refreshes.iter().map(|one| (one.id.clone(), one)).collect();
    let (cut, next) = paged(params, all, (50, 100))?;
    let mut xml = Xml::new();
    xml.list("InstanceRefreshes", cut, |xml, one: &Refresh| {
        let percent = if one.ended.is_some() { 100 } else { 30 };
        xml.text("InstanceRefreshId", &one.id)
            .text("AutoScalingGroupName", &group.name)
            .text("Status", one.status)
            .time("StartTime", one.started)
            .maybe("EndTime", one.ended.map(|at| format!("{at:.3}")))
            .text("PercentageComplete", percent)
            .text("InstancesToUpdate", group.members.len() * (100 - percent) / 100);
    });
    xml.maybe("NextToken", next);
    Ok(xml)
}
