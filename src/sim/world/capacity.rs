//! What an Auto Scaling group does when it looks at itself: launch, terminate, judge health,
//! replace, move its attachments on.

use super::agenda::Due;
use super::lifecycle::Leaving;
use super::{Group, TargetState, World, since};
use crate::core::ids::{GroupName, InstanceId, Zone};
use std::time::Duration;

/// How often a group looks.
const LOOK: Duration = Duration::from_secs(10);
/// The least time between two replacements of unhealthy instances of one group: AWS replaces 10 %
/// of a group, or one instance, at a time.
const REPLACEMENT_PACE: Duration = Duration::from_secs(60);

impl Group {
    /// Whether a process runs.
    pub(crate) fn runs(&self, process: &str) -> bool {
        !self.suspended.contains_key(process)
    }

    /// Instances that count against the desired capacity.
    pub(crate) fn counted(&self) -> usize {
        self.members.values().filter(|one| matches!(one.lifecycle, "Pending" | "InService")).count()
    }

    /// Whether the health check types include one.
    pub(crate) fn checks_by(&self, kind: &str) -> bool {
        self.health_check_type.split(',').any(|one| one.trim() == kind)
    }
}

impl World {
    /// Starts a group's looking.
    pub(crate) fn watch_group(&mut self, name: &GroupName) {
        self.plan(LOOK, Due::GroupLook(name.clone()));
    }

    /// One look.
    pub(super) fn look_at_group(&mut self, name: &GroupName) {
        if !self.groups.contains_key(name) {
            return;
        }
        self.plan(LOOK, Due::GroupLook(name.clone()));
        self.move_attachments(name);
        self.judge_health(name);
        self.replace_unhealthy(name);
        self.meet_capacity(name);
    }

    fn meet_capacity(&mut self, name: &GroupName) {
        let Some(group) = self.groups.get(name) else { return };
        let (have, want) = (group.counted(), group.desired as usize);
        let may_launch = group.runs("Launch") && group.launch_retry <= self.now;
        let may_end = group.runs("Terminate");
        let may_rebalance = group.runs("AZRebalance") && may_launch;
        let settled = !group.members.values().any(|one| one.lifecycle == "Pending");
        if have < want && may_launch {
            for _ in have..want {
                self.launch_for(name);
            }
        }

        if have == want && settled && may_rebalance && self.is_uneven(name) {
            // The new one first; the look after it is in service ends one of the fullest zone.
            self.launch_for(name);
        }
        if have > want && may_end && settled {
            for _ in want..have {
                let Some(id) = self.scale_in_choice(name) else { return };
                self.terminate(&id, Leaving::ScaleIn);
            }
        }
    }

    /// Whether one working zone has two instances more than another.
    fn is_uneven(&self, name: &GroupName) -> bool {
        let Some(group) = self.groups.get(name) else { return false };
        let count = |zone: &Zone| {
            let here =
                |id: &InstanceId| self.instances.get(id).is_some_and(|one| &one.zone == zone);
            let counted =
                |one: &super::GroupMember| matches!(one.lifecycle, "Pending" | "InService");
            group.members.iter().filter(|(id, one)| counted(one) && here(id)).count()
        };
        let counts: Vec<_> =
            group.zones.iter().filter(|zone| !self.zone_failed(zone)).map(count).collect();
        let (most, least) = (counts.iter().max(), counts.iter().min());
        most.zip(least).is_some_and(|(most, least)| *most > least + 1)
    }

    /// The instance that scale-in takes: of the fullest zone the oldest, never a protected one.
    fn scale_in_choice(&self, name: &GroupName) -> Option<InstanceId> {
        let group = self.groups.get(name)?;
        let zone_of = |id: &InstanceId| self.instances.get(id).map(|one| one.zone.clone());
        let candidates: Vec<_> = group
            .members
            .iter()
            .filter(|(_, one)| one.lifecycle == "InService" && !one.protected)
            .map(|(id, _)| id)
            .collect();
        let crowd = |id: &InstanceId| {
            candidates.iter().filter(|other| zone_of(other) == zone_of(id)).count()
        };
        let oldest =
            |id: &InstanceId| std::cmp::Reverse(self.instances.get(id).map(|one| one.launched));
        candidates.iter().max_by_key(|id| (crowd(id), oldest(id))).map(|id| (*id).clone())
    }

    fn judge_health(&mut self, name: &GroupName) {
        let Some(group) = self.groups.get(name).filter(|one| one.runs("HealthCheck")) else {
            return;
        };
        let now = self.now;
        let sick: Vec<_> = group
            .members
            .iter()
            .filter(|(_, one)| one.lifecycle == "InService" && one.healthy)
            .filter(|(id, one)| {
                let old = one.in_service_since.is_none_or(|at| since(at, now) >= group.grace);
                self.machine_gone(id) || (old && self.fails_checks(group, id))
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in sick {
            if let Some(member) = self.member_mut(&id) {
                member.healthy = false;
            }
            self.note(format!("{name} marks {id} unhealthy"));
        }
    }

    fn machine_gone(&self, id: &InstanceId) -> bool {
        self.instances.get(id).is_none_or(|one| !matches!(one.state, "running" | "pending"))
    }

    /// EC2's status check (a dead machine or zone) and, where the group checks by ELB, any
    /// attachment in service that reports the target unhealthy.
    fn fails_checks(&self, group: &Group, id: &InstanceId) -> bool {
        let node = self.instances.get(id);
        if node.is_some_and(|one| !one.alive || self.zone_failed(&one.zone)) {
            return true;
        }
        group.checks_by("ELB")
            && group.attachments.iter().filter(|one| one.state == "InService").any(|one| {
                self.target_groups.get(&one.target_group).is_some_and(|held| {
                    held.targets
                        .range((id.clone(), 0)..=(id.clone(), u16::MAX))
                        .any(|(_, target)| held.used && target.state == TargetState::Unhealthy)
                })
            })
    }

    fn replace_unhealthy(&mut self, name: &GroupName) {
        let Some(group) = self.groups.get(name) else { return };
        if !group.runs("ReplaceUnhealthy") || !group.runs("Terminate") {
            return;
        }
        if group.next_replacement > self.now {
            return;
        }
        let at_a_time = (group.members.len() / 10).max(1);
        let sick: Vec<_> = group
            .members
            .iter()
            .filter(|(_, one)| one.lifecycle == "InService" && !one.healthy)
            .map(|(id, _)| id.clone())
            .take(at_a_time)
            .collect();
        if sick.is_empty() {
            return;
        }
        let next = self.after(REPLACEMENT_PACE);
        if let Some(group) = self.groups.get_mut(name) {
            group.next_replacement = next;
        }
        for id in sick {
            self.terminate(&id, Leaving::Unhealthy);
        }
    }

    /// Whoever resumes ReplaceUnhealthy replaces all that are marked, at once.
    pub(crate) fn replace_all_marked(&mut self, name: &GroupName) {
        let Some(group) = self.groups.get(name).filter(|one| one.runs("Terminate")) else { return };
        let sick: Vec<_> = group
            .members
            .iter()
            .filter(|(_, one)| one.lifecycle == "InService" && !one.healthy)
            .map(|(id, _)| id.clone())
            .collect();
        for id in sick {
            self.terminate(&id, Leaving::Unhealthy);
        }
    }
}
