//! Auto Scaling on the wire: what changes groups and their instances.

use super::autoscaling::write_activity;
use super::{Params, Xml, unknown_action};
use crate::core::ids::{GroupName, InstanceId};
use crate::sim::world::{Refused, World};

/// Instances in one SetInstanceProtection.
const PROTECTED_AT_A_TIME: usize = 50;

pub(super) fn answer(world: &mut World, action: &str, params: &Params) -> Result<Xml, Refused> {
    match action {
        "SuspendProcesses" => {
            let name = params.need("AutoScalingGroupName")?;
            world.suspend(name, &params.list("ScalingProcesses"))?;
        }
        "ResumeProcesses" => {
            let name = params.need("AutoScalingGroupName")?;
            world.resume(name, &params.list("ScalingProcesses"))?;
        }
        "SetDesiredCapacity" => {
            let desired = params.number("DesiredCapacity")?;
            let desired =
                desired.ok_or_else(|| Refused::validation("DesiredCapacity is needed"))?;
            world.set_desired(params.need("AutoScalingGroupName")?, desired)?;
        }
        "UpdateAutoScalingGroup" => update_group(world, params)?,
        "SetInstanceHealth" => set_health(world, params)?,
        "SetInstanceProtection" => set_protection(world, params)?,
        "EnterStandby" | "ExitStandby" => return standby(world, action, params),
        "TerminateInstanceInAutoScalingGroup" => return terminate(world, params),
        other => return Err(unknown_action(other)),
    }
    Ok(Xml::new())
}

fn ids(params: &Params) -> Vec<InstanceId> {
    params.list("InstanceIds").iter().map(InstanceId::from).collect()
}

fn update_group(world: &mut World, params: &Params) -> Result<(), Refused> {
    let name = params.need("AutoScalingGroupName")?;
    let group = world.group(name)?.name.clone();
    let sizes =
        (params.number("MinSize")?, params.number("MaxSize")?, params.number("DesiredCapacity")?);
    let grace = params.number("HealthCheckGracePeriod")?;
    world.set_sizes(name, sizes)?;
    if let Some(held) = world.groups.get_mut(&group) {
        if let Some(kind) = params.get("HealthCheckType") {
            kind.clone_into(&mut held.health_check_type);
        }
        if let Some(grace) = grace {
            held.grace = std::time::Duration::from_secs(u64::from(grace));
        }
        if let Some(version) = params.get("LaunchTemplate.Version") {
            version.clone_into(&mut held.template_version);
        }
    }
    Ok(())
}

fn set_health(world: &mut World, params: &Params) -> Result<(), Refused> {
    let healthy = match params.need("HealthStatus")? {
        "Healthy" => true,
        "Unhealthy" => false,
        other => return Err(Refused::validation(format!("{other} is no health status"))),
    };
    let respect = params.flag("ShouldRespectGracePeriod").unwrap_or(true);
    world.set_instance_health(&params.need("InstanceId")?.into(), healthy, respect)
}

fn set_protection(world: &mut World, params: &Params) -> Result<(), Refused> {
    let ids = ids(params);
    if ids.len() > PROTECTED_AT_A_TIME {
        return Err(Refused::validation("at most 50 instances may be given"));
    }
    let on = params.flag("ProtectedFromScaleIn").unwrap_or(false);
    let group = world.group(params.need("AutoScalingGroupName")?)?;
    if let Some(odd) = ids.iter().find(|id| !group.members.contains_key(*id)) {
        let said = format!("The instance {odd} is not part of Auto Scaling group {}.", group.name);
        return Err(Refused::validation(said));
    }
    for id in &ids {
        if let Some(member) = world.member_mut(id) {
            member.protected = on;
        }
    }
    Ok(())
}

fn standby(world: &mut World, action: &str, params: &Params) -> Result<Xml, Refused> {
    let name = params.need("AutoScalingGroupName")?.to_owned();
    let ids = ids(params);
    let made = if action == "EnterStandby" {
        let decrement = params.flag("ShouldDecrementDesiredCapacity").ok_or_else(|| {
            Refused::validation("1 validation error detected: Value null at 'shouldDecrementDesiredCapacity' failed to satisfy constraint: Member must not be null")
        })?;
        world.enter_standby(&name, &ids, decrement)?
    } else {
        world.exit_standby(&name, &ids)?
    };
    let group = world.group(&name)?;
    let mut xml = Xml::new();
    let made = group.activities.iter().filter(|one| made.contains(&one.id));
    xml.list("Activities", made, write_activity);
    Ok(xml)
}

fn terminate(world: &mut World, params: &Params) -> Result<Xml, Refused> {
    let decrement = params.flag("ShouldDecrementDesiredCapacity").unwrap_or(false);
    let id = InstanceId::from(params.need("InstanceId")?);
    let (group, activity): (GroupName, String) = world.terminate_asked(&id, decrement)?;
    let mut xml = Xml::new();
    let group = world.group(group.as_str())?;
    if let Some(one) = group.activities.iter().find(|one| one.id == activity) {
        xml.within("Activity", |xml| write_activity(xml, one));
    }
    Ok(xml)
}
