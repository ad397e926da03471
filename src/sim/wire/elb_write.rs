//! ELBv2 on the wire: targets in and out, a listener's action, attributes.

use super::elbv2::{is_default_rule, named_targets, write_listener, write_rule};
use super::{Params, Xml, unknown_action};
use crate::core::ids::TargetGroupArn;
use crate::sim::world::{Forward, Refused, World};

pub(super) fn answer(world: &mut World, action: &str, params: &Params) -> Result<Xml, Refused> {
    match action {
        "RegisterTargets" => {
            let arn = params.need("TargetGroupArn")?.to_owned();
            world.register_targets(&arn, &some_targets(params)?)?;
            Ok(Xml::new())
        }
        "DeregisterTargets" => {
            let arn = params.need("TargetGroupArn")?.to_owned();
            world.deregister_targets(&arn, &some_targets(params)?)?;
            Ok(Xml::new())
        }
        "ModifyListener" => modify_listener(world, params),
        "ModifyRule" => modify_rule(world, params),
        "ModifyTargetGroupAttributes" => modify_attributes(world, params),
        other => Err(unknown_action(other)),
    }
}

fn some_targets(
    params: &Params,
) -> Result<Vec<(crate::core::ids::InstanceId, Option<u16>)>, Refused> {
    let targets = named_targets(params)?;
    if targets.is_empty() {
        return Err(Refused::validation(
            "1 validation error detected: Value null at 'targets' failed to satisfy constraint: Member must not be null",
        ));
    }
    Ok(targets)
}

fn modify_listener(world: &mut World, params: &Params) -> Result<Xml, Refused> {
    let arn = params.need("ListenerArn")?.to_owned();
    world.listener(&arn)?;
    if params.has("DefaultActions") {
        let actions = params.structs("DefaultActions");
        let [action] = actions.as_slice() else {
            let said = "A network listener has exactly one default action";
            return Err(Refused::new("InvalidLoadBalancerAction", said));
        };
        world.modify_listener(&arn, forward(action)?)?;
    }
    let mut xml = Xml::new();
    xml.list("Listeners", [world.listener(&arn)?], write_listener);
    Ok(xml)
}

fn modify_rule(world: &mut World, params: &Params) -> Result<Xml, Refused> {
    let arn = params.need("RuleArn")?.to_owned();
    if is_default_rule(world, &arn) {
        let said = format!("Default rule '{arn}' cannot be modified");
        return Err(Refused::new("OperationNotPermitted", said));
    }
    world.rule(&arn)?;
    if params.has("Actions") {
        let actions = params.structs("Actions");
        let [action] = actions.as_slice() else {
            let said = "A rule here has exactly one action";
            return Err(Refused::new("InvalidLoadBalancerAction", said));
        };
        world.modify_rule(&arn, forward(action)?)?;
    }
    let mut xml = Xml::new();
    let (place, rule) = world.rule(&arn)?;
    xml.list("Rules", [(place, rule)], |xml, (place, rule)| write_rule(xml, place, rule));
    Ok(xml)
}

/// Reads a forward action in either of its forms; both at once must say the same.
fn forward(action: &Params) -> Result<Forward, Refused> {
    if action.get("Type") != Some("forward") {
        let said = "Actions of a network listener are of type forward";
        return Err(Refused::new("InvalidLoadBalancerAction", said));
    }
    let single = action.get("TargetGroupArn").map(TargetGroupArn::from);
    let listed = action.structs("ForwardConfig.TargetGroups");
    let several = listed.len() > 1;
    let mut groups = Vec::new();
    for one in &listed {
        let weight = one.number("Weight")?;
        if several && weight.is_none() {
            let said = "Every target group needs a weight when there are several";
            return Err(Refused::validation(said));
        }
        groups.push((TargetGroupArn::from(one.need("TargetGroupArn")?), weight.unwrap_or(1)));
    }
    match (single, groups.as_slice()) {
        (Some(arn), []) => groups.push((arn, 1)),
        (Some(arn), [(only, _)]) if &arn == only => {}
        (Some(_), _) => {
            let said = "TargetGroupArn and ForwardConfig name different target groups";
            return Err(Refused::validation(said));
        }
        (None, _) => {}
    }
    let sticky = action.flag("ForwardConfig.TargetGroupStickinessConfig.Enabled");
    let seconds = action.number("ForwardConfig.TargetGroupStickinessConfig.DurationSeconds")?;
    Ok(Forward { groups, sticky: sticky.unwrap_or(false), sticky_seconds: seconds })
}

fn modify_attributes(world: &mut World, params: &Params) -> Result<Xml, Refused> {
    let arn = world.target_group(params.need("TargetGroupArn")?)?.arn.clone();
    let mut xml = Xml::new();
    let Some(group) = world.target_groups.get_mut(&arn) else { return Ok(xml) };
    for one in params.structs("Attributes") {
        let (key, value) = (one.need("Key")?, one.get("Value").unwrap_or_default());
        if !group.attributes.contains_key(key) {
            let said = format!("Target group attribute key '{key}' is not recognized");
            return Err(Refused::validation(said));
        }
        group.attributes.insert(key.to_owned(), value.to_owned());
    }
    xml.list("Attributes", &group.attributes, |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    });
    Ok(xml)
}
