//! Standby: the drain that Auto Scaling supports.

use super::agenda::Due;
use super::attach::not_in_group;
use super::{Refused, World};
use crate::core::ids::{GroupName, InstanceId};

/// Instances in one call.
const AT_A_TIME: usize = 20;

impl World {
    /// EnterStandby; returns the activities' ids.
    pub(crate) fn enter_standby(
        &mut self,
        name: &str,
        ids: &[InstanceId],
        decrement: bool,
    ) -> Result<Vec<String>, Refused> {
        let group = self.checked_members(name, ids, "InService")?;
        let held = self.group(name)?;
        let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        if decrement && held.desired < held.min.saturating_add(count) {
            let said = format!(
                "AutoScalingGroup {name} has min-size={}, max-size={}, and desired-size={}. To place into standby {count} instances, please update the AutoScalingGroup sizes appropriately.",
                held.min, held.max, held.desired
            );
            return Err(Refused::validation(said));
        }
        if decrement && let Some(held) = self.groups.get_mut(&group) {
            held.desired -= count;
        }
        let mut activities = Vec::new();
        for id in ids {
            let drain = self.drain_from_attachments(&group, id);
            let activity = self.begin_activity(
                &group,
                &format!("Moving EC2 instance to Standby: {id}"),
                "instance was moved to standby in response to a user request.",
            );
            if let Some(member) = self.member_mut(id) {
                member.lifecycle = "EnteringStandby";
                member.activity = Some(activity.clone());
            }
            self.plan(drain, Due::StandbyReached(id.clone()));
            activities.push(activity);
        }
        Ok(activities)
    }

    pub(super) fn standby_reached(&mut self, id: &InstanceId) {
        let Some(group) = self.group_of(id).map(|group| group.name.clone()) else { return };
        let Some(member) = self.member_mut(id) else { return };
        if member.lifecycle != "EnteringStandby" {
            return;
        }
        member.lifecycle = "Standby";
        if let Some(activity) = member.activity.take() {
            self.end_activity(&group, &activity, None);
        }
    }

    /// ExitStandby; returns the activities' ids.
    pub(crate) fn exit_standby(
        &mut self,
        name: &str,
        ids: &[InstanceId],
    ) -> Result<Vec<String>, Refused> {
        let group = self.checked_members(name, ids, "Standby")?;
        let held = self.group(name)?;
        let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        if held.desired.saturating_add(count) > held.max {
            let said = format!(
                "AutoScalingGroup {name} has min-size={}, max-size={}, and desired-size={}. To exit standby {count} instances, please update the AutoScalingGroup sizes appropriately.",
                held.min, held.max, held.desired
            );
            return Err(Refused::validation(said));
        }
        if let Some(held) = self.groups.get_mut(&group) {
            held.desired += count;
        }
        let mut activities = Vec::new();
        for id in ids {
            let activity = self.begin_activity(
                &group,
                &format!("Moving EC2 instance out of Standby: {id}"),
                "instance was moved out of standby in response to a user request.",
            );
            if let Some(member) = self.member_mut(id) {
                member.lifecycle = "Pending";
                member.healthy = true;
                member.activity = Some(activity.clone());
            }
            let span = std::time::Duration::from_secs(5);
            self.plan(span, Due::InstanceInService(id.clone()));
            activities.push(activity);
        }
        Ok(activities)
    }

    fn checked_members(
        &self,
        name: &str,
        ids: &[InstanceId],
        lifecycle: &str,
    ) -> Result<GroupName, Refused> {
        let group = self.group(name)?;
        if ids.is_empty() || ids.len() > AT_A_TIME {
            let said = format!("InstanceIds must hold between 1 and {AT_A_TIME} ids");
            return Err(Refused::validation(said));
        }
        for id in ids {
            let member = group.members.get(id).ok_or_else(|| not_in_group(id))?;
            if member.lifecycle != lifecycle {
                let said = format!(
                    "The instance {id} is not in {lifecycle}. The instance {id} is in {}",
                    member.lifecycle
                );
                return Err(Refused::validation(said));
            }
        }
        Ok(group.name.clone())
    }
}
