//! ELBv2: load balancers, listeners, rules, target groups, attributes, tags, target health.

use super::pace::{Calls, Read, endless, pages};
use crate::aws::{Aws, source_error};
use crate::core::ids::{ListenerArn, LoadBalancerArn, TargetGroupArn};
use crate::core::inventory::{
    Forward, Listener, LoadBalancer, LoadBalancerAttributes, Rule, TargetGroup,
    TargetGroupAttributes, TargetHealth, WeightedGroup,
};
use crate::core::source::Fragment;
use aws_sdk_elasticloadbalancingv2::types;

/// The largest page of the paged Describe calls.
const PAGE: i32 = 400;
/// What the cross-zone attribute is called on load balancers and target groups alike.
const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";

/// Follows markers until there is none; a page that fails leaves what came before.
macro_rules! all_pages {
    ($calls:expr, $operation:literal, $request:expr, $items:ident, $read:expr, $fragment:expr) => {{
        let (mut all, mut marker) = (Vec::new(), None);
        loop {
            let request = $request.page_size(PAGE).set_marker(marker.take());
            match $calls.make(request.send()).await {
                Ok(answer) => {
                    all.extend(answer.$items.unwrap_or_default().into_iter().filter_map($read));
                    marker = answer.next_marker.filter(|marker| !marker.is_empty());
                }
                Err(error) => {
                    break pages(all, Some(source_error($operation, &error)), $fragment);
                }
            }
            if marker.is_none() {
                break pages(all, None, $fragment);
            }
            if $calls.is_endless() {
                break pages(all, Some(endless($operation)), $fragment);
            }
        }
    }};
}

pub(super) async fn load_balancers(aws: &Aws, calls: &mut Calls<'_>, only: Option<&str>) -> Read {
    all_pages!(
        calls,
        "DescribeLoadBalancers",
        aws.elbv2.describe_load_balancers(),
        load_balancers,
        |from: types::LoadBalancer| balancer(from, only),
        Fragment::LoadBalancers
    )
}

/// A network load balancer; other kinds are not ours, nor is another than the one asked for.
fn balancer(from: types::LoadBalancer, only: Option<&str>) -> Option<LoadBalancer> {
    let (arn, name) = (from.load_balancer_arn?, from.load_balancer_name.unwrap_or_default());
    let wanted = only.is_none_or(|only| only == name || only == arn);
    if from.r#type != Some(types::LoadBalancerTypeEnum::Network) || !wanted {
        return None;
    }
    let zones = from.availability_zones.unwrap_or_default().into_iter();
    Some(LoadBalancer {
        arn: LoadBalancerArn::from(arn),
        name,
        dns_name: from.dns_name.unwrap_or_default(),
        state: from
            .state
            .and_then(|state| state.code)
            .map(|code| code.as_str().to_owned())
            .unwrap_or_default(),
        zones: zones.filter_map(|zone| zone.zone_name).map(Into::into).collect(),
        security_groups: from.security_groups.unwrap_or_default(),
    })
}

pub(super) async fn load_balancer_attributes(
    aws: &Aws,
    calls: &mut Calls<'_>,
    arn: &LoadBalancerArn,
) -> Read {
    let request = aws.elbv2.describe_load_balancer_attributes().load_balancer_arn(arn.as_str());
    let answer = calls
        .make(request.send())
        .await
        .map_err(|error| source_error("DescribeLoadBalancerAttributes", &error))?;
    let cross_zone = answer
        .attributes
        .unwrap_or_default()
        .into_iter()
        .any(|of| of.key.as_deref() == Some(CROSS_ZONE) && of.value.as_deref() == Some("true"));
    Ok((Fragment::LoadBalancerAttributes(LoadBalancerAttributes { cross_zone }), None))
}

pub(super) async fn listeners(aws: &Aws, calls: &mut Calls<'_>, arn: &LoadBalancerArn) -> Read {
    all_pages!(
        calls,
        "DescribeListeners",
        aws.elbv2.describe_listeners().load_balancer_arn(arn.as_str()),
        listeners,
        |from: types::Listener| listener(from, arn),
        Fragment::Listeners
    )
}

fn listener(from: types::Listener, balancer: &LoadBalancerArn) -> Option<Listener> {
    Some(Listener {
        arn: ListenerArn::from(from.listener_arn?),
        load_balancer: balancer.clone(),
        port: port(from.port),
        protocol: from.protocol.map(|of| of.as_str().to_owned()).unwrap_or_default(),
        default: forward(from.default_actions.unwrap_or_default()),
    })
}

pub(super) async fn rules(aws: &Aws, calls: &mut Calls<'_>, arn: &ListenerArn) -> Read {
    all_pages!(
        calls,
        "DescribeRules",
        aws.elbv2.describe_rules().listener_arn(arn.as_str()),
        rules,
        rule,
        Fragment::Rules
    )
}

/// A rule that forwards; the default rule is the listener's own action.
fn rule(from: types::Rule) -> Option<Rule> {
    if from.is_default.unwrap_or_default() {
        return None;
    }
    let forward = forward(from.actions.unwrap_or_default());
    if forward.groups.is_empty() {
        return None;
    }
    Some(Rule { arn: from.rule_arn?, priority: from.priority.unwrap_or_default(), forward })
}

/// What actions forward to, in either of the two forms the API gives: a list of weighted groups,
/// or a single group's ARN.
pub fn forward(actions: Vec<types::Action>) -> Forward {
    let Some(action) =
        actions.into_iter().find(|action| action.r#type == Some(types::ActionTypeEnum::Forward))
    else {
        return Forward::default();
    };
    let config = action.forward_config;
    let stickiness =
        config.as_ref().and_then(|config| config.target_group_stickiness_config.as_ref());
    let sticky = stickiness.and_then(|of| of.enabled).unwrap_or_default();
    let sticky_seconds = number(stickiness.and_then(|of| of.duration_seconds));
    let mut groups: Vec<WeightedGroup> = config
        .and_then(|config| config.target_groups)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|of| {
            let weight = of.weight.and_then(|weight| u32::try_from(weight).ok()).unwrap_or(1);
            Some(WeightedGroup { target_group: of.target_group_arn?.into(), weight })
        })
        .collect();
    if groups.is_empty() {
        let one = action.target_group_arn.map(TargetGroupArn::from);
        groups.extend(one.map(|target_group| WeightedGroup { target_group, weight: 1 }));
    }
    Forward { groups, sticky, sticky_seconds }
}

pub(super) async fn target_groups(aws: &Aws, calls: &mut Calls<'_>) -> Read {
    all_pages!(
        calls,
        "DescribeTargetGroups",
        aws.elbv2.describe_target_groups(),
        target_groups,
        target_group,
        Fragment::TargetGroups
    )
}

fn target_group(from: types::TargetGroup) -> Option<TargetGroup> {
    let text = |of: Option<&str>| of.unwrap_or_default().to_owned();
    Some(TargetGroup {
        arn: from.target_group_arn?.into(),
        name: from.target_group_name.unwrap_or_default().into(),
        port: port(from.port),
        protocol: text(from.protocol.as_ref().map(types::ProtocolEnum::as_str)),
        target_type: text(from.target_type.as_ref().map(types::TargetTypeEnum::as_str)),
        load_balancers: from
            .load_balancer_arns
            .unwrap_or_default()
            .into_iter()
            .map(LoadBalancerArn::from)
            .collect(),
        check_protocol: text(from.health_check_protocol.as_ref().map(types::ProtocolEnum::as_str)),
        // "traffic-port" is the target's own port.
        check_port: from.health_check_port.and_then(|port| port.parse().ok()),
        check_path: from.health_check_path,
        // 30 s, 2 and 5 checks are what AWS takes where nothing is said.
        check_interval_seconds: number(from.health_check_interval_seconds).unwrap_or(30),
        unhealthy_threshold: number(from.unhealthy_threshold_count).unwrap_or(2),
        healthy_threshold: number(from.healthy_threshold_count).unwrap_or(5),
    })
}

pub(super) async fn target_group_attributes(
    aws: &Aws,
    calls: &mut Calls<'_>,
    arn: &TargetGroupArn,
) -> Read {
    let request = aws.elbv2.describe_target_group_attributes().target_group_arn(arn.as_str());
    let answer = calls
        .make(request.send())
        .await
        .map_err(|error| source_error("DescribeTargetGroupAttributes", &error))?;
    let mut attributes = TargetGroupAttributes::default();
    for of in answer.attributes.unwrap_or_default() {
        let value = of.value.as_deref().unwrap_or_default();
        match of.key.as_deref() {
            Some("deregistration_delay.timeout_seconds") => {
                attributes.deregistration_delay_seconds = value.parse().ok();
            }
            // The third value, `use_load_balancer_configuration`, leaves it to the load balancer.
            Some(CROSS_ZONE) => attributes.cross_zone = value.parse().ok(),
            Some("stickiness.enabled") => attributes.sticky = value == "true",
            Some("target_group_health.dns_failover.minimum_healthy_targets.count") => {
                attributes.dns_failover_off = value == "off";
            }
            _ => {}
        }
    }
    Ok((Fragment::TargetGroupAttributes(attributes), None))
}

/// The tags of a batch of target groups (DescribeTags takes 20 at most).
pub(super) async fn tags(aws: &Aws, calls: &mut Calls<'_>, arns: &[TargetGroupArn]) -> Read {
    let request = aws
        .elbv2
        .describe_tags()
        .set_resource_arns(Some(arns.iter().map(|arn| arn.as_str().to_owned()).collect()));
    let answer =
        calls.make(request.send()).await.map_err(|error| source_error("DescribeTags", &error))?;
    let all = answer.tag_descriptions.unwrap_or_default().into_iter().filter_map(|of| {
        let tags = of.tags.unwrap_or_default().into_iter();
        let tags = tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
        Some((TargetGroupArn::from(of.resource_arn?), tags.collect()))
    });
    Ok((Fragment::Tags(all.collect()), None))
}

/// The health of all targets of a group: one call, no pages.
pub(super) async fn target_health(aws: &Aws, calls: &mut Calls<'_>, arn: &TargetGroupArn) -> Read {
    let request = aws.elbv2.describe_target_health().target_group_arn(arn.as_str());
    let answer = calls
        .make(request.send())
        .await
        .map_err(|error| source_error("DescribeTargetHealth", &error))?;
    let all = answer.target_health_descriptions.unwrap_or_default().into_iter();
    Ok((Fragment::TargetHealth(all.filter_map(health).collect()), None))
}

fn health(from: types::TargetHealthDescription) -> Option<TargetHealth> {
    let target = from.target?;
    let health = from.target_health;
    let state =
        health.as_ref().and_then(|of| of.state.as_ref()).map_or("unknown", |of| of.as_str());
    Some(TargetHealth {
        id: target.id?.into(),
        port: port(target.port),
        // "all" means that the target is not in a zone of the VPC.
        zone: target.availability_zone.filter(|zone| zone != "all").map(Into::into),
        state: state.into(),
        reason: health.as_ref().and_then(|of| of.reason.as_ref()).map(|of| of.as_str().to_owned()),
        description: health.and_then(|of| of.description),
    })
}

fn port(number: Option<i32>) -> u16 {
    number.and_then(|number| u16::try_from(number).ok()).unwrap_or_default()
}

fn number(number: Option<i32>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}
