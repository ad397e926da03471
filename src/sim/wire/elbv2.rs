//! ELBv2 on the wire (query): the reads. The writes stand in `elb_write`.

use super::pages::{page, size};
use super::{Params, Xml};
use crate::core::ids::InstanceId;
use crate::sim::world::{Balancer, Forward, Listener, Refused, Rule, TargetGroup, World};
use std::collections::BTreeMap;

/// Answers a call.
pub(super) fn answer(world: &mut World, action: &str, params: &Params) -> Result<Xml, Refused> {
    match action {
        "DescribeLoadBalancers" => load_balancers(world, params),
        "DescribeLoadBalancerAttributes" => load_balancer_attributes(world, params),
        "DescribeListeners" => listeners(world, params),
        "DescribeRules" => rules(world, params),
        "DescribeTargetGroups" => target_groups(world, params),
        "DescribeTargetGroupAttributes" => {
            let group = world.target_group(params.need("TargetGroupArn")?)?;
            Ok(attributes(&group.attributes))
        }
        "DescribeTags" => tags(world, params),
        "DescribeTargetHealth" => target_health(world, params),
        other => super::elb_write::answer(world, other, params),
    }
}

/// The most a page holds, and what it holds unless asked otherwise.
const PAGE: (usize, usize) = (400, 400);
/// Load balancers or tagged resources that one call may name.
const NAMED_MAX: usize = 20;

fn paged<T>(params: &Params, items: Vec<(String, T)>) -> Result<(Vec<T>, Option<String>), Refused> {
    let size = size(params.number("PageSize")?, PAGE, Refused::validation)?;
    let page = page(items, params.get("Marker"), size)
        .ok_or_else(|| Refused::validation("Invalid marker"))?;
    Ok((page.items, page.next))
}

fn attributes(all: &BTreeMap<String, String>) -> Xml {
    let mut xml = Xml::new();
    xml.list("Attributes", all, |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    });
    xml
}

fn no_balancer(arn: &str) -> Refused {
    Refused::new("LoadBalancerNotFound", format!("Load balancers '[{arn}]' not found"))
}

fn balancer<'a>(world: &'a World, arn: &str) -> Result<&'a Balancer, Refused> {
    world.balancers.get(&arn.into()).ok_or_else(|| no_balancer(arn))
}

fn load_balancers(world: &World, params: &Params) -> Result<Xml, Refused> {
    let (arns, names) = (params.list("LoadBalancerArns"), params.list("Names"));
    if arns.len() > NAMED_MAX {
        return Err(Refused::validation("at most 20 load balancers may be named"));
    }
    for arn in &arns {
        balancer(world, arn)?;
    }
    if let Some(name) =
        names.iter().find(|name| !world.balancers.values().any(|one| &one.name == *name))
    {
        return Err(no_balancer(name));
    }
    let fits = |one: &Balancer| {
        (arns.is_empty() || arns.iter().any(|arn| arn == one.arn.as_str()))
            && (names.is_empty() || names.contains(&one.name))
    };
    let all = world.balancers.values().filter(|one| fits(one));
    let (cut, next) = paged(params, all.map(|one| (one.arn.to_string(), one)).collect())?;
    let mut xml = Xml::new();
    xml.list("LoadBalancers", cut, |xml, one| {
        xml.text("LoadBalancerArn", &one.arn)
            .text("DNSName", format!("{}-1f2e3d.elb.{}.amazonaws.com", one.name, world.region))
            .text("CanonicalHostedZoneId", "Z18D5FSROUN65G")
            .time("CreatedTime", one.created)
            .text("LoadBalancerName", &one.name)
            .text("Scheme", "internal")
            .text("VpcId", "vpc-0embedded")
            .text("Type", "network")
            .text("IpAddressType", "ipv4")
            .within("State", |xml| {
                xml.text("Code", "active");
            })
            .list("AvailabilityZones", &one.zones, |xml, zone| {
                xml.text("ZoneName", zone).text("SubnetId", format!("subnet-0{zone}"));
            });
        if !one.security_groups.is_empty() {
            xml.texts("SecurityGroups", &one.security_groups);
        }
    });
    xml.maybe("NextMarker", next);
    Ok(xml)
}

fn load_balancer_attributes(world: &World, params: &Params) -> Result<Xml, Refused> {
    let one = balancer(world, params.need("LoadBalancerArn")?)?;
    let all = [
        ("access_logs.s3.enabled", "false".to_owned()),
        ("deletion_protection.enabled", "false".to_owned()),
        ("dns_record.client_routing_policy", "any_availability_zone".to_owned()),
        ("load_balancing.cross_zone.enabled", one.cross_zone.to_string()),
        ("zonal_shift.config.enabled", "false".to_owned()),
    ];
    let all: BTreeMap<_, _> = all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Ok(attributes(&all))
}

/// A forward action. AWS writes a single group in both forms.
pub(super) fn write_forward(xml: &mut Xml, forward: &Forward) {
    xml.text("Type", "forward");
    if let [(only, _)] = forward.groups.as_slice() {
        xml.text("TargetGroupArn", only);
    }
    xml.within("ForwardConfig", |xml| {
        let single = forward.groups.len() == 1;
        xml.list("TargetGroups", &forward.groups, |xml, (arn, weight)| {
            xml.text("TargetGroupArn", arn);
            xml.text("Weight", if single { 1 } else { *weight });
        });
        xml.within("TargetGroupStickinessConfig", |xml| {
            xml.text("Enabled", forward.sticky);
            if let Some(seconds) = forward.sticky_seconds {
                xml.text("DurationSeconds", seconds);
            }
        });
    });
}

pub(super) fn write_listener(xml: &mut Xml, one: &Listener) {
    xml.text("ListenerArn", &one.arn)
        .text("LoadBalancerArn", &one.balancer)
        .text("Port", one.port)
        .text("Protocol", &one.protocol)
        .list("DefaultActions", [&one.forward], write_forward);
}

fn listeners(world: &World, params: &Params) -> Result<Xml, Refused> {
    let arns = params.list("ListenerArns");
    let of = params.get("LoadBalancerArn");
    if arns.is_empty() && of.is_none() {
        let said = "You must specify either listener ARNs or a load balancer ARN";
        return Err(Refused::validation(said));
    }
    for arn in &arns {
        world.listener(arn)?;
    }
    if let Some(of) = of {
        balancer(world, of)?;
    }
    let fits = |one: &Listener| {
        (arns.is_empty() || arns.iter().any(|arn| arn == one.arn.as_str()))
            && of.is_none_or(|of| of == one.balancer.as_str())
    };
    let all = world.listeners.values().filter(|one| fits(one));
    let (cut, next) = paged(params, all.map(|one| (one.arn.to_string(), one)).collect())?;
    let mut xml = Xml::new();
    xml.list("Listeners", cut, write_listener);
    xml.maybe("NextMarker", next);
    Ok(xml)
}

/// A rule as it is told: the default one of a listener, or one of its others.
enum Told<'a> {
    Default(&'a Listener),
    Other(usize, &'a Rule),
}

impl Told<'_> {
    fn arn(&self) -> String {
        match self {
            Self::Default(one) => {
                let arn = one.arn.as_str().replacen(":listener/", ":listener-rule/", 1);
                format!("{arn}/default")
            }
            Self::Other(_, rule) => rule.arn.clone(),
        }
    }
}

/// Whether this is the default rule of some listener.
pub(super) fn is_default_rule(world: &World, arn: &str) -> bool {
    world.listeners.values().any(|one| Told::Default(one).arn() == arn)
}

/// A listener's rules: the others first, then the default one.
fn told(one: &Listener) -> impl Iterator<Item = Told<'_>> {
    let others = one.rules.iter().enumerate().map(|(place, rule)| Told::Other(place, rule));
    others.chain([Told::Default(one)])
}

/// Every listener has its default rule; a network load balancer's has no other, so a world has others
/// only where it says so.
fn rules(world: &World, params: &Params) -> Result<Xml, Refused> {
    let found: Vec<_> = match params.get("ListenerArn") {
        Some(arn) => told(world.listener(arn)?).collect(),
        None => {
            let arns = params.list("RuleArns");
            if arns.is_empty() {
                return Err(Refused::validation(
                    "You must specify either listener ARN or rule ARNs",
                ));
            }
            let known = |arn: &String| {
                world.listeners.values().flat_map(told).find(|one| one.arn() == *arn)
            };
            let unknown = |arn: &String| {
                Refused::new("RuleNotFound", format!("One or more rules not found: {arn}"))
            };
            arns.iter()
                .map(|arn| known(arn).ok_or_else(|| unknown(arn)))
                .collect::<Result<_, _>>()?
        }
    };
    let (cut, next) = paged(params, found.into_iter().map(|one| (one.arn(), one)).collect())?;
    let mut xml = Xml::new();
    xml.list("Rules", cut, |xml, one| match one {
        Told::Other(place, rule) => write_rule(xml, place, rule),
        Told::Default(listener) => {
            xml.text("RuleArn", one.arn())
                .text("Priority", "default")
                .text("IsDefault", true)
                .list("Conditions", Vec::<()>::new(), |_, ()| ())
                .list("Actions", [&listener.forward], write_forward);
        }
    });
    xml.maybe("NextMarker", next);
    Ok(xml)
}

pub(super) fn write_rule(xml: &mut Xml, place: usize, rule: &Rule) {
    xml.text("RuleArn", &rule.arn)
        .text("Priority", place + 1)
        .text("IsDefault", false)
        .list("Conditions", [&rule.host], |xml, host| {
            xml.text("Field", "host-header").texts("Values", [host]);
        })
        .list("Actions", [&rule.forward], write_forward);
}

fn target_groups(world: &World, params: &Params) -> Result<Xml, Refused> {
    let (arns, names) = (params.list("TargetGroupArns"), params.list("Names"));
    let of = params.get("LoadBalancerArn");
    for arn in &arns {
        world.target_group(arn)?;
    }
    if let Some(name) =
        names.iter().find(|name| !world.target_groups.values().any(|one| &one.name == *name))
    {
        return Err(Refused::new(
            "TargetGroupNotFound",
            format!("One or more target groups not found: {name}"),
        ));
    }
    if let Some(of) = of {
        balancer(world, of)?;
    }
    let fits = |one: &TargetGroup| {
        (arns.is_empty() || arns.iter().any(|arn| arn == one.arn.as_str()))
            && (names.is_empty() || names.contains(&one.name))
            && of.is_none_or(|of| one.balancer.as_ref().is_some_and(|held| held.as_str() == of))
    };
    let all = world.target_groups.values().filter(|one| fits(one));
    let (cut, next) = paged(params, all.map(|one| (one.arn.to_string(), one)).collect())?;
    let mut xml = Xml::new();
    xml.list("TargetGroups", cut, write_target_group);
    xml.maybe("NextMarker", next);
    Ok(xml)
}

fn write_target_group(xml: &mut Xml, one: &TargetGroup) {
    let port = one.check.port.map_or_else(|| "traffic-port".to_owned(), |port| port.to_string());
    xml.text("TargetGroupArn", &one.arn)
        .text("TargetGroupName", &one.name)
        .text("Protocol", &one.protocol)
        .text("Port", one.port)
        .text("VpcId", "vpc-0embedded")
        .text("HealthCheckProtocol", &one.check.protocol)
        .text("HealthCheckPort", port)
        .text("HealthCheckEnabled", true)
        .text("HealthCheckIntervalSeconds", one.check.interval.as_secs())
        .text("HealthCheckTimeoutSeconds", one.check.timeout.as_secs())
        .text("HealthyThresholdCount", one.check.healthy_threshold)
        .text("UnhealthyThresholdCount", one.check.unhealthy_threshold)
        .maybe("HealthCheckPath", one.check.path.as_ref())
        .text("TargetType", "instance")
        .text("IpAddressType", "ipv4")
        .texts("LoadBalancerArns", one.balancer.as_ref());
    if one.check.protocol == "HTTP" {
        let (low, high) = one.check.matcher;
        xml.within("Matcher", |xml| {
            xml.text("HttpCode", format!("{low}-{high}"));
        });
    }
}

fn tags(world: &World, params: &Params) -> Result<Xml, Refused> {
    let arns = params.list("ResourceArns");
    if arns.is_empty() || arns.len() > NAMED_MAX {
        let said = "1 validation error detected: Value at 'resourceArns' failed to satisfy constraint: Member must have length less than or equal to 20";
        return Err(Refused::validation(said));
    }
    let mut found = Vec::new();
    for arn in arns {
        let tags = if arn.contains(":targetgroup/") {
            &world.target_group(&arn)?.tags
        } else if arn.contains(":listener/") {
            &world.listener(&arn)?.tags
        } else {
            &balancer(world, &arn)?.tags
        };
        found.push((arn, tags));
    }
    let mut xml = Xml::new();
    xml.list("TagDescriptions", found, |xml, (arn, tags)| {
        xml.text("ResourceArn", arn).list("Tags", tags, |xml, (key, value)| {
            xml.text("Key", key).text("Value", value);
        });
    });
    Ok(xml)
}

/// The targets a call names, with their ports where it gives them.
pub(super) fn named_targets(params: &Params) -> Result<Vec<(InstanceId, Option<u16>)>, Refused> {
    let read = |one: &Params| {
        let id = InstanceId::from(one.need("Id")?);
        let port = one.number("Port")?;
        let port = port.map(|port| {
            u16::try_from(port).map_err(|_| Refused::validation(format!("{port} is no port")))
        });
        Ok((id, port.transpose()?))
    };
    params.structs("Targets").iter().map(read).collect()
}

fn target_health(world: &World, params: &Params) -> Result<Xml, Refused> {
    let group = world.target_group(params.need("TargetGroupArn")?)?;
    let asked = named_targets(params)?;
    let keys: Vec<_> = if asked.is_empty() {
        group.targets.keys().cloned().collect()
    } else {
        asked.into_iter().map(|(id, port)| (id, port.unwrap_or(group.port))).collect()
    };
    if let Some((odd, _)) = keys.iter().find(|(id, _)| !id.is_ec2()) {
        let said = format!("The following targets are not valid instance ids: '{odd}'");
        return Err(Refused::new("InvalidTarget", said));
    }
    let mut xml = Xml::new();
    xml.list("TargetHealthDescriptions", keys, |xml, key| {
        let (state, reason, description) = world.health_words(group, &key);
        let check = group.check.port.unwrap_or(key.1);
        // A target of type instance is given without its zone.
        xml.within("Target", |xml| {
            xml.text("Id", &key.0).text("Port", key.1);
        });
        if group.targets.contains_key(&key) {
            xml.text("HealthCheckPort", check);
        }
        xml.within("TargetHealth", |xml| {
            xml.text("State", state).maybe("Reason", reason).maybe("Description", description);
        });
    });
    Ok(xml)
}
