//! EC2 on the wire: DescribeInstances, with the ways in which it fails as a whole.

use super::pages::page;
use super::{Params, Xml, unknown_action};
use crate::core::ids::InstanceId;
use crate::sim::world::{Instance, Refused, World};

/// MaxResults of DescribeInstances.
const PAGE: std::ops::RangeInclusive<u32> = 5..=1_000;
/// Values of all filters of a call together.
const VALUES_MAX: usize = 200;

pub(super) fn answer(world: &World, action: &str, params: &Params) -> Result<Xml, Refused> {
    match action {
        "DescribeInstances" => describe(world, params),
        other => Err(unknown_action(other)),
    }
}

fn describe(world: &World, params: &Params) -> Result<Xml, Refused> {
    let ids: Vec<InstanceId> = params.list("InstanceId").iter().map(InstanceId::from).collect();
    let size = params.number("MaxResults")?;
    if !ids.is_empty() && size.is_some() {
        let said = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(Refused::new("InvalidParameterCombination", said));
    }
    if size.is_some_and(|size| !PAGE.contains(&size)) {
        let said =
            "Value for parameter maxResults is invalid. Expecting a value between 5 and 1000.";
        return Err(Refused::new("InvalidParameterValue", said));
    }
    check_ids(world, &ids)?;
    let filters = filters(params)?;
    // During the loss of a zone a call fails that names an instance there, or none at all.
    let names_none = ids.is_empty() && filters.is_empty();
    let in_lost_zone =
        |id: &InstanceId| world.instances.get(id).is_some_and(|one| world.zone_failed(&one.zone));
    let lost = world.zones.iter().any(|zone| zone.failed);
    if (lost && names_none) || ids.iter().any(in_lost_zone) {
        let said = "An internal error has occurred";
        return Err(Refused::with_status("InternalError", 500, said));
    }
    let all = world.instances.values().filter(|one| ids.is_empty() || ids.contains(&one.id));
    let all = all.filter(|one| filters.iter().all(|(name, values)| fits(one, name, values)));
    let all: Vec<_> = all.map(|one| (one.id.to_string(), one)).collect();
    let size = size.map_or(all.len().max(1), |size| size as usize);
    let page = page(all, params.get("NextToken"), size).ok_or_else(|| {
        Refused::new("InvalidPaginationToken", "The pagination token is not valid.")
    })?;
    let mut xml = Xml::new();
    xml.items("reservationSet", page.items, |xml, one| {
        xml.text("reservationId", format!("r-0{}", &one.id.as_str()[3..]))
            .text("ownerId", &world.account)
            .items("groupSet", Vec::<()>::new(), |_, ()| ())
            .items("instancesSet", [one], |xml, one| write_instance(world, xml, one));
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

fn check_ids(world: &World, ids: &[InstanceId]) -> Result<(), Refused> {
    if let Some(odd) = ids.iter().find(|id| !id.is_ec2()) {
        let said = format!("Invalid id: \"{odd}\"");
        return Err(Refused::new("InvalidInstanceID.Malformed", said));
    }
    let unknown: Vec<_> = ids
        .iter()
        .filter(|id| !world.instances.contains_key(*id))
        .map(InstanceId::as_str)
        .collect();
    match unknown.as_slice() {
        [] => Ok(()),
        [one] => Err(Refused::new(
            "InvalidInstanceID.NotFound",
            format!("The instance ID '{one}' does not exist"),
        )),
        many => Err(Refused::new(
            "InvalidInstanceID.NotFound",
            format!("The instance IDs '{}' do not exist", many.join(", ")),
        )),
    }
}

fn filters(params: &Params) -> Result<Vec<(String, Vec<String>)>, Refused> {
    let all: Vec<_> = params
        .structs("Filter")
        .iter()
        .map(|one| (one.get("Name").unwrap_or_default().to_owned(), one.list("Value")))
        .collect();
    if all.iter().map(|(_, values)| values.len()).sum::<usize>() > VALUES_MAX {
        let said = "The maximum number of filter values specified on a single call is 200";
        return Err(Refused::new("FilterLimitExceeded", said));
    }
    let known = |name: &str| {
        name.starts_with("tag:")
            || matches!(
                name,
                "instance-id"
                    | "instance-state-name"
                    | "availability-zone"
                    | "private-ip-address"
                    | "tag-key"
            )
    };
    if let Some((odd, _)) = all.iter().find(|(name, _)| !known(name)) {
        let said = format!("The filter '{odd}' is invalid");
        return Err(Refused::new("InvalidParameterValue", said));
    }
    Ok(all)
}

fn fits(one: &Instance, name: &str, values: &[String]) -> bool {
    let has = |text: &str| values.iter().any(|value| value == text);
    match name {
        "instance-id" => has(one.id.as_str()),
        "instance-state-name" => has(one.state),
        "availability-zone" => has(one.zone.as_str()),
        "private-ip-address" => one.state != "terminated" && has(&one.ip.to_string()),
        "tag-key" => values.iter().any(|key| one.tags.contains_key(key)),
        other => {
            let key = other.trim_start_matches("tag:");
            one.tags.get(key).is_some_and(|value| has(value))
        }
    }
}

/// The codes that go with instance states.
fn state_code(name: &str) -> u32 {
    match name {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    }
}

fn write_instance(world: &World, xml: &mut Xml, one: &Instance) {
    let gone = one.state == "terminated";
    xml.text("instanceId", &one.id)
        .text("imageId", "ami-0embedded")
        .text("instanceType", "m6i.large")
        .time("launchTime", one.launched)
        .text("architecture", "x86_64")
        .within("instanceState", |xml| {
            xml.text("code", state_code(one.state)).text("name", one.state);
        })
        .within("placement", |xml| {
            xml.text("availabilityZone", &one.zone).text("tenancy", "default");
        })
        .within("monitoring", |xml| {
            xml.text("state", "disabled");
        });
    // A terminated instance has no addresses any more.
    if !gone {
        let name = one.ip.to_string().replace('.', "-");
        xml.text("privateIpAddress", one.ip)
            .text("privateDnsName", format!("ip-{name}.{}.compute.internal", world.region))
            .text("subnetId", format!("subnet-0{}", one.zone))
            .text("vpcId", "vpc-0embedded");
    }
    xml.items("tagSet", &one.tags, |xml, (key, value)| {
        xml.text("key", key).text("value", value);
    });
}
