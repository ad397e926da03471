//! Auto Scaling on the wire: traffic sources, and the older calls that see only their own.

use super::autoscaling::paged;
use super::{Params, Xml};
use crate::sim::world::{Attachment, Refused, World};

/// Target groups in one call (AttachTrafficSources and its older kin).
const AT_A_TIME: usize = 10;

pub(super) fn answer(world: &mut World, action: &str, params: &Params) -> Result<Xml, Refused> {
    let name = params.need("AutoScalingGroupName")?.to_owned();
    match action {
        "DescribeTrafficSources" => sources(world, params, &name),
        "DescribeLoadBalancerTargetGroups" => older(world, params, &name),
        "AttachTrafficSources" => {
            world.attach(&name, &identifiers(params)?, false)?;
            Ok(Xml::new())
        }
        "DetachTrafficSources" => {
            world.detach(&name, &identifiers(params)?, false)?;
            Ok(Xml::new())
        }
        "AttachLoadBalancerTargetGroups" => {
            world.attach(&name, &few(params.list("TargetGroupARNs"))?, true)?;
            Ok(Xml::new())
        }
        _ => {
            world.detach(&name, &few(params.list("TargetGroupARNs"))?, true)?;
            Ok(Xml::new())
        }
    }
}

fn few(arns: Vec<String>) -> Result<Vec<String>, Refused> {
    if arns.is_empty() || arns.len() > AT_A_TIME {
        let said = format!("between 1 and {AT_A_TIME} target groups may be given");
        return Err(Refused::validation(said));
    }
    Ok(arns)
}

fn identifiers(params: &Params) -> Result<Vec<String>, Refused> {
    let all = params.structs("TrafficSources");
    for one in &all {
        if one.get("Type").is_some_and(|kind| kind != "elbv2") {
            return Err(Refused::validation("Only traffic sources of type elbv2 exist here"));
        }
    }
    few(all.iter().filter_map(|one| one.get("Identifier").map(str::to_owned)).collect())
}

fn sources(world: &World, params: &Params, name: &str) -> Result<Xml, Refused> {
    let group = world.group(name)?;
    let kind = params.get("TrafficSourceType").unwrap_or("elbv2");
    let all = group.attachments.iter().filter(|_| kind == "elbv2");
    let all = all.map(|one| (one.target_group.to_string(), one)).collect();
    let (cut, next) = paged(params, all, (50, 50))?;
    let mut xml = Xml::new();
    xml.list("TrafficSources", cut, |xml, one: &Attachment| {
        xml.text("TrafficSource", &one.target_group)
            .text("State", one.state)
            .text("Identifier", &one.target_group)
            .text("Type", "elbv2");
    });
    xml.maybe("NextToken", next);
    Ok(xml)
}

fn older(world: &World, params: &Params, name: &str) -> Result<Xml, Refused> {
    let group = world.group(name)?;
    let all = group.attachments.iter().filter(|one| one.by_older_call);
    let all = all.map(|one| (one.target_group.to_string(), one)).collect();
    let (cut, next) = paged(params, all, (100, 100))?;
    let mut xml = Xml::new();
    xml.list("LoadBalancerTargetGroups", cut, |xml, one: &Attachment| {
        xml.text("LoadBalancerTargetGroupARN", &one.target_group).text("State", one.state);
    });
    xml.maybe("NextToken", next);
    Ok(xml)
}
