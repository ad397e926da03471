//! Attachments of groups to target groups, and the calls that steer a group.

use super::lifecycle::Leaving;
use super::{Attachment, Group, Refused, TargetState, World};
use crate::core::ids::{GroupName, InstanceId, TargetGroupArn};

/// The processes that can be suspended.
pub(crate) const PROCESSES: [&str; 9] = [
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
];
/// Target groups attached to one group (Auto Scaling quota).
const ATTACHMENTS_MAX: usize = 50;

impl World {
    /// The group of a name.
    pub(crate) fn group(&self, name: &str) -> Result<&Group, Refused> {
        self.groups.get(&GroupName::from(name)).ok_or_else(|| {
            Refused::validation(format!(
                "AutoScalingGroup name not found - AutoScalingGroup: {name} not found"
            ))
        })
    }

    /// Attaches a group: all its instances in service are registered, and the traffic starts with
    /// the first passed check.
    pub(crate) fn attach(
        &mut self,
        name: &str,
        arns: &[String],
        by_older_call: bool,
    ) -> Result<(), Refused> {
        let group = self.group(name)?;
        if group.refreshes.iter().any(|one| one.status == "InProgress") {
            let said = "An instance refresh is in progress for this Auto Scaling group.";
            return Err(Refused::new("InstanceRefreshInProgress", said));
        }
        if group.attachments.len() + arns.len() > ATTACHMENTS_MAX {
            return Err(Refused::validation("Too many target groups are attached."));
        }
        for arn in arns {
            self.target_group(arn).map_err(|_| {
                Refused::validation(format!("Provided Target Groups are not valid: {arn}"))
            })?;
        }
        let name = group.name.clone();
        for arn in arns {
            self.attach_one(&name, &TargetGroupArn::from(arn), by_older_call);
        }
        Ok(())
    }

    fn attach_one(&mut self, name: &GroupName, arn: &TargetGroupArn, by_older_call: bool) {
        let Some(group) = self.groups.get_mut(name) else { return };
        match group.attachments.iter_mut().find(|one| &one.target_group == arn) {
            Some(one) if one.state != "Removing" => return,
            Some(one) => one.state = "Adding",
            None => group.attachments.push(Attachment {
                target_group: arn.clone(),
                state: "Adding",
                by_older_call,
            }),
        }
        if group.suspended.contains_key("AddToLoadBalancer") {
            return;
        }
        let ids: Vec<_> = group
            .members
            .iter()
            .filter(|(_, one)| one.lifecycle == "InService")
            .map(|(id, _)| id.clone())
            .collect();
        let port = self.target_groups.get(arn).map_or(0, |one| one.port);
        for id in ids {
            self.add_target(arn, &id, port);
        }
    }

    /// Detaches a group: its instances are deregistered and go on running. The older call knows
    /// only what was attached with the older call.
    pub(crate) fn detach(
        &mut self,
        name: &str,
        arns: &[String],
        by_older_call: bool,
    ) -> Result<(), Refused> {
        let group = self.group(name)?;
        let known = |arn: &String| {
            group.attachments.iter().any(|one| {
                one.target_group.as_str() == arn.as_str() && (!by_older_call || one.by_older_call)
            })
        };
        if let Some(unknown) = arns.iter().find(|arn| !known(arn)) {
            let said =
                format!("Trying to remove target groups that are not part of the group: {unknown}");
            return Err(Refused::validation(said));
        }
        let name = group.name.clone();
        let ids: Vec<_> = group.members.keys().cloned().collect();
        for arn in arns {
            let arn = TargetGroupArn::from(arn);
            let port = self.target_groups.get(&arn).map_or(0, |one| one.port);
            for id in &ids {
                self.drain_target(&arn, &(id.clone(), port));
            }
            if let Some(group) = self.groups.get_mut(&name) {
                for one in group.attachments.iter_mut().filter(|one| one.target_group == arn) {
                    one.state = "Removing";
                }
            }
        }
        Ok(())
    }

    /// Adding → Added (all registered) → InService (only with ELB checks, one healthy); Removing →
    /// gone (all deregistered).
    pub(super) fn move_attachments(&mut self, name: &GroupName) {
        let Some(group) = self.groups.get(name) else { return };
        let by_elb = group.checks_by("ELB");
        let mut moved = Vec::new();
        for one in &group.attachments {
            let Some(held) = self.target_groups.get(&one.target_group) else { continue };
            let mine = held.targets.iter().filter(|((id, _), _)| group.members.contains_key(id));
            let states: Vec<_> = mine.map(|(_, target)| target.state).collect();
            let registered = !states.contains(&TargetState::Registering);
            let healthy = held.used && states.contains(&TargetState::Healthy);
            let next = match one.state {
                "Adding" if registered => Some("Added"),
                "Added" if by_elb && healthy => Some("InService"),
                "Removing" if states.is_empty() => Some("gone"),
                _ => None,
            };
            moved.extend(next.map(|next| (one.target_group.clone(), next)));
        }
        let Some(group) = self.groups.get_mut(name) else { return };
        for (arn, next) in moved {
            if next == "gone" {
                group.attachments.retain(|one| one.target_group != arn);
            }
            for one in group.attachments.iter_mut().filter(|one| one.target_group == arn) {
                one.state = next;
            }
        }
    }

    /// Suspends processes; none named means all.
    pub(crate) fn suspend(&mut self, name: &str, processes: &[String]) -> Result<(), Refused> {
        let processes = check_processes(processes)?;
        let name = self.group(name)?.name.clone();
        let now = self.now;
        if let Some(group) = self.groups.get_mut(&name) {
            for process in processes {
                let reason = format!("User suspended at {}", now.strftime("%Y-%m-%dT%H:%M:%SZ"));
                group.suspended.entry(process).or_insert(reason);
            }
        }
        Ok(())
    }

    /// Resumes processes; none named means all. Resuming ReplaceUnhealthy replaces all marked.
    pub(crate) fn resume(&mut self, name: &str, processes: &[String]) -> Result<(), Refused> {
        let processes = check_processes(processes)?;
        let name = self.group(name)?.name.clone();
        let mut replaces = false;
        if let Some(group) = self.groups.get_mut(&name) {
            for process in &processes {
                let was = group.suspended.remove(process).is_some();
                replaces |= was && process == "ReplaceUnhealthy";
            }
        }
        if replaces {
            self.replace_all_marked(&name);
        }
        Ok(())
    }

    /// Sets the desired capacity, which must lie between MinSize and MaxSize.
    pub(crate) fn set_desired(&mut self, name: &str, desired: u32) -> Result<(), Refused> {
        let group = self.group(name)?;
        if desired < group.min || desired > group.max {
            let (way, bound) = if desired < group.min {
                ("below min value", group.min)
            } else {
                ("above max value", group.max)
            };
            let said = format!(
                "New SetDesiredCapacity value {desired} is {way} {bound} for the AutoScalingGroup."
            );
            return Err(Refused::validation(said));
        }
        let name = group.name.clone();
        if let Some(group) = self.groups.get_mut(&name) {
            group.desired = desired;
        }
        Ok(())
    }

    /// Changes the sizes; desired follows into the new bounds, as AWS does it.
    pub(crate) fn set_sizes(
        &mut self,
        name: &str,
        sizes: (Option<u32>, Option<u32>, Option<u32>),
    ) -> Result<(), Refused> {
        let group = self.group(name)?;
        let min = sizes.0.unwrap_or(group.min);
        let max = sizes.1.unwrap_or(group.max);
        if min > max {
            let said =
                format!("Max bound, {max}, must be greater than or equal to min bound, {min}");
            return Err(Refused::validation(said));
        }
        if let Some(desired) = sizes.2
            && (desired < min || desired > max)
        {
            let said = format!(
                "Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}"
            );
            return Err(Refused::validation(said));
        }
        let name = group.name.clone();
        if let Some(group) = self.groups.get_mut(&name) {
            group.min = min;
            group.max = max;
            group.desired = sizes.2.unwrap_or(group.desired).clamp(min, max);
        }
        Ok(())
    }

    /// Marks an instance; an unhealthy one is replaced.
    pub(crate) fn set_instance_health(
        &mut self,
        id: &InstanceId,
        healthy: bool,
        respect_grace: bool,
    ) -> Result<(), Refused> {
        let now = self.now;
        let grace = self.group_of(id).map(|group| group.grace);
        let Some(member) = self.member_mut(id) else { return Err(not_in_group(id)) };
        let fresh = member
            .in_service_since
            .zip(grace)
            .is_none_or(|(at, grace)| super::since(at, now) < grace);
        if !(respect_grace && fresh && !healthy) {
            member.healthy = healthy;
        }
        Ok(())
    }

    /// TerminateInstanceInAutoScalingGroup; returns the activity's id.
    pub(crate) fn terminate_asked(
        &mut self,
        id: &InstanceId,
        decrement: bool,
    ) -> Result<(GroupName, String), Refused> {
        let Some(group) = self.group_of(id).map(|group| group.name.clone()) else {
            return Err(not_in_group(id));
        };
        if decrement && let Some(held) = self.groups.get_mut(&group) {
            if held.desired <= held.min {
                let said = format!(
                    "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
                    held.min
                );
                return Err(Refused::validation(said));
            }
            held.desired -= 1;
        }
        let activity = self.terminate(id, Leaving::Asked).ok_or_else(|| not_in_group(id))?;
        Ok((group, activity))
    }
}

/// The refusal for an instance that no group lists.
pub(crate) fn not_in_group(id: &InstanceId) -> Refused {
    Refused::validation(format!(
        "Instance Id not found - No managed instance found for instance ID: {id}"
    ))
}

fn check_processes(named: &[String]) -> Result<Vec<String>, Refused> {
    if let Some(odd) = named.iter().find(|one| !PROCESSES.contains(&one.as_str())) {
        let said = format!("{odd} is not a valid scaling process type");
        return Err(Refused::validation(said));
    }
    if named.is_empty() {
        return Ok(PROCESSES.iter().map(|one| (*one).to_owned()).collect());
    }
    Ok(named.to_vec())
}
