//! Instances come and go: launched by a group, running, in service, draining, terminated,
//! forgotten.

use super::agenda::Due;
use super::{
    Activity, Boot, Group, GroupMember, Instance, KEPT, Phase, Script, TargetState, World,
};
use crate::core::ids::{GroupName, InstanceId, Zone};
use std::collections::BTreeMap;
use std::time::Duration;

/// EC2 shows a terminated instance for about an hour.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// Why an instance is taken out of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// The group has more than it wants.
    ScaleIn,
    /// A health check failed.
    Unhealthy,
    /// Somebody asked for it.
    Asked,
}

impl World {
    /// The group of an instance.
    pub(crate) fn group_of(&self, id: &InstanceId) -> Option<&Group> {
        let name = self.instances.get(id)?.group.as_ref()?;
        self.groups.get(name)
    }

    /// Opens an activity and returns its id.
    pub(crate) fn begin_activity(&mut self, group: &GroupName, what: &str, cause: &str) -> String {
        let id = self.random.uuid();
        let now = self.now;
        if let Some(group) = self.groups.get_mut(group) {
            group.activities.push_front(Activity {
                id: id.clone(),
                group: group.name.clone(),
                description: what.to_owned(),
                cause: format!("At {} {cause}", now.strftime("%Y-%m-%dT%H:%M:%SZ")),
                started: now,
                ended: None,
                status: "InProgress",
                message: None,
                progress: 50,
            });
            group.activities.truncate(KEPT);
        }
        self.note(format!("{group}: {what} ({cause})"));
        id
    }

    /// Ends an activity.
    pub(crate) fn end_activity(&mut self, group: &GroupName, id: &str, failed: Option<String>) {
        let now = self.now;
        let found = self
            .groups
            .get_mut(group)
            .and_then(|group| group.activities.iter_mut().find(|one| one.id == id));
        if let Some(one) = found {
            one.ended = Some(now);
            one.progress = 100;
            one.status = if failed.is_some() { "Failed" } else { "Successful" };
            one.message = failed;
        }
    }

    /// Ends an activity that another one overtook: a launch or a standby of an instance that is
    /// terminated meanwhile.
    fn cancel_activity(&mut self, group: &GroupName, id: &str) {
        let said = "The instance was terminated meanwhile.";
        self.end_activity(group, id, Some(said.to_owned()));
        let found = self.groups.get_mut(group);
        let mut all = found.into_iter().flat_map(|group| group.activities.iter_mut());
        if let Some(one) = all.find(|one| one.id == id) {
            one.status = "Cancelled";
        }
    }

    /// Makes an instance for a group, in a zone, in state `pending`.
    pub(crate) fn launch(&mut self, group: &GroupName, zone: &Zone) -> Option<InstanceId> {
        let id = InstanceId::from(format!("i-0{}", self.random.hex(16)));
        let index = self.zones.iter().position(|one| &one.name == zone).unwrap_or(0);
        let ip = self.take_address(index);
        let now = self.now;
        let held = self.groups.get(group)?;
        let products = self.products_of(&held.products);
        let mut tags = held.tags.clone();
        tags.insert("aws:autoscaling:groupName".to_owned(), group.to_string());
        tags.insert("Name".to_owned(), format!("{}-node", held.stack));
        let instance = Instance {
            id: id.clone(),
            ip,
            zone: zone.clone(),
            group: Some(group.clone()),
            stack: Some(held.stack.clone()),
            state: "pending",
            launched: now,
            tags,
            alive: true,
            products,
            script: Script::default(),
            skew: jiff::SignedDuration::ZERO,
            served: 0.0,
            lost: 0.0,
        };
        let template_version = held.template_version.clone();
        self.instances.insert(id.clone(), instance);
        let member = GroupMember {
            lifecycle: "Pending",
            healthy: true,
            protected: false,
            template_version,
            in_service_since: None,
            activity: None,
        };
        self.groups.get_mut(group)?.members.insert(id.clone(), member);
        Some(id)
    }

    /// Launches one for a group that wants more, with its activity and all that follows.
    pub(super) fn launch_for(&mut self, group: &GroupName) {
        let cause = "an instance was started in response to a difference between desired and actual capacity.";
        let zone = self.launch_zone(group);
        let refused = self.groups.get(group).is_some_and(|one| one.launches_fail);
        let Some(zone) = zone.filter(|_| !refused) else {
            let id = self.begin_activity(group, "Launching a new EC2 instance.", cause);
            let said = "We currently do not have sufficient capacity in the Availability Zone you requested. Launching EC2 instance failed.";
            self.end_activity(group, &id, Some(said.to_owned()));
            let retry = self.after(Duration::from_secs(60));
            if let Some(group) = self.groups.get_mut(group) {
                group.launch_retry = retry;
            }
            return;
        };
        let Some(id) = self.launch(group, &zone) else { return };
        let activity =
            self.begin_activity(group, &format!("Launching a new EC2 instance: {id}"), cause);
        if let Some(member) = self.member_mut(&id) {
            member.activity = Some(activity);
        }
        self.plan(self.lags.running, Due::InstanceRunning(id.clone()));
        self.plan(self.lags.running + Duration::from_secs(8), Due::InstanceInService(id));
    }

    /// The group's zone with the fewest of its instances, among those that work.
    fn launch_zone(&self, group: &GroupName) -> Option<Zone> {
        let group = self.groups.get(group)?;
        let count = |zone: &Zone| {
            group
                .members
                .iter()
                .filter(|(id, one)| {
                    matches!(one.lifecycle, "Pending" | "InService")
                        && self.instances.get(*id).is_some_and(|node| &node.zone == zone)
                })
                .count()
        };
        let working = group.zones.iter().filter(|zone| !self.zone_failed(zone));
        working.min_by_key(|zone| count(zone)).cloned()
    }

    /// The group's record of an instance.
    pub(crate) fn member_mut(&mut self, id: &InstanceId) -> Option<&mut GroupMember> {
        let group = self.instances.get(id)?.group.clone()?;
        self.groups.get_mut(&group)?.members.get_mut(id)
    }

    pub(super) fn instance_running(&mut self, id: &InstanceId) {
        let Some(node) = self.instances.get_mut(id).filter(|one| one.state == "pending") else {
            return;
        };
        node.state = "running";
        self.plan(self.lags.boot, Due::NodeBooted(id.clone()));
    }

    pub(super) fn instance_in_service(&mut self, id: &InstanceId) {
        let now = self.now;
        let Some(group) = self.group_of(id).map(|group| group.name.clone()) else { return };
        let Some(member) = self.member_mut(id).filter(|one| one.lifecycle == "Pending") else {
            return;
        };
        member.lifecycle = "InService";
        member.in_service_since = Some(now);
        if let Some(activity) = member.activity.take() {
            self.end_activity(&group, &activity, None);
        }
        self.register_in_attachments(&group, id);
    }

    /// Registers an instance in the target groups of its group, unless AddToLoadBalancer is
    /// suspended: then it is never added later either.
    pub(super) fn register_in_attachments(&mut self, group: &GroupName, id: &InstanceId) {
        let Some(held) = self.groups.get(group) else { return };
        if held.suspended.contains_key("AddToLoadBalancer") {
            return;
        }
        let arns: Vec<_> = held
            .attachments
            .iter()
            .filter(|one| one.state != "Removing")
            .map(|one| one.target_group.clone())
            .collect();
        for arn in arns {
            let port = self.target_groups.get(&arn).map_or(0, |one| one.port);
            self.add_target(&arn, id, port);
        }
    }

    /// Drains an instance out of the target groups its group is attached to; returns how long the
    /// longest drain takes.
    pub(super) fn drain_from_attachments(
        &mut self,
        group: &GroupName,
        id: &InstanceId,
    ) -> Duration {
        let Some(held) = self.groups.get(group) else { return Duration::ZERO };
        let arns: Vec<_> = held.attachments.iter().map(|one| one.target_group.clone()).collect();
        let mut longest = Duration::ZERO;
        for arn in arns {
            let Some(port) = self.target_groups.get(&arn).map(|one| one.port) else { continue };
            longest = longest.max(self.drain_target(&arn, &(id.clone(), port)));
        }
        longest
    }

    /// Takes an instance out of its group for good.
    pub(crate) fn terminate(&mut self, id: &InstanceId, why: Leaving) -> Option<String> {
        let group = self.group_of(id)?.name.clone();
        let member = self.member_mut(id)?;
        if member.lifecycle == "Terminating" {
            return member.activity.clone();
        }
        member.lifecycle = "Terminating";
        let interrupted = member.activity.take();
        if let Some(open) = interrupted {
            self.cancel_activity(&group, &open);
        }
        let cause = match why {
            Leaving::ScaleIn => {
                "an instance was taken out of service in response to a difference between desired and actual capacity."
            }
            Leaving::Unhealthy => {
                "an instance was taken out of service in response to a health check failure."
            }
            Leaving::Asked => "an instance was taken out of service in response to a user request.",
        };
        let drain = self.drain_from_attachments(&group, id);
        let activity =
            self.begin_activity(&group, &format!("Terminating EC2 instance: {id}"), cause);
        let waiting = self
            .groups
            .get_mut(&group)
            .and_then(|held| held.activities.iter_mut().find(|one| one.id == activity));
        if let Some(one) = waiting
            && !drain.is_zero()
        {
            one.status = "WaitingForELBConnectionDraining";
        }
        if let Some(member) = self.member_mut(id) {
            member.activity = Some(activity.clone());
        }
        self.plan(drain, Due::InstanceShutDown(id.clone()));
        Some(activity)
    }

    pub(super) fn instance_shuts_down(&mut self, id: &InstanceId) {
        let leaves = self.group_of(id).is_some_and(|group| group.boot == Boot::Register);
        let services = self.group_of(id).map(|group| group.services.clone()).unwrap_or_default();
        let Some(node) = self.instances.get_mut(id) else { return };
        if matches!(node.state, "shutting-down" | "terminated") {
            return;
        }
        let alive = node.alive;
        node.state = "shutting-down";
        if alive {
            // Its products are asked to stop, and leave their rings.
            for product in ["loki", "tempo"] {
                self.ring_leaves(id, &product.into());
            }
        }
        self.set_all_phases(id, Phase::Down);
        if leaves && alive {
            for service in services {
                // A node that never registered has nothing to leave: that is no failure.
                let _absent = self.deregister_member(service.as_str(), id);
            }
        }
        self.plan(self.lags.terminate, Due::InstanceTerminated(id.clone()));
    }

    pub(super) fn instance_terminated(&mut self, id: &InstanceId) {
        let Some(node) = self.instances.get_mut(id) else { return };
        node.state = "terminated";
        let (ip, group) = (node.ip, node.group.clone());
        self.free_address(ip);
        if let Some(group) = group {
            let member = self.groups.get_mut(&group).and_then(|held| held.members.remove(id));
            if let Some(activity) = member.and_then(|one| one.activity) {
                self.end_activity(&group, &activity, None);
            }
        }
        self.drop_targets(id);
        self.plan(FORGOTTEN_AFTER, Due::InstanceForgotten(id.clone()));
    }

    /// A terminated instance is in no target group any more.
    fn drop_targets(&mut self, id: &InstanceId) {
        let mut left = Vec::new();
        for (arn, group) in &self.target_groups {
            for (key, target) in &group.targets {
                if &key.0 == id && target.state != TargetState::Draining {
                    left.push((arn.clone(), key.clone()));
                }
            }
        }
        for (arn, key) in left {
            if let Some(group) = self.target_groups.get_mut(&arn) {
                group.targets.remove(&key);
            }
        }
        self.traffic_changes();
    }

    pub(super) fn forget_instance(&mut self, id: &InstanceId) {
        self.instances.remove(id);
    }

    /// A machine that was ended outside its group (or in no group): EC2 shuts it down at once.
    pub(crate) fn end_machine(&mut self, id: &InstanceId) {
        self.instance_shuts_down(id);
    }

    /// An instance that belongs to no group.
    pub(crate) fn lone_instance(
        &mut self,
        zone: &Zone,
        tags: BTreeMap<String, String>,
    ) -> InstanceId {
        let id = InstanceId::from(format!("i-0{}", self.random.hex(16)));
        let index = self.zones.iter().position(|one| &one.name == zone).unwrap_or(0);
        let ip = self.take_address(index);
        let products = super::node::PRODUCTS
            .iter()
            .map(|(name, _, version)| ((*name).into(), (*version).to_owned()))
            .collect::<Vec<_>>();
        let instance = Instance {
            id: id.clone(),
            ip,
            zone: zone.clone(),
            group: None,
            stack: None,
            state: "running",
            launched: self.now,
            tags,
            alive: true,
            products: self.products_of(&products),
            script: Script::default(),
            skew: jiff::SignedDuration::ZERO,
            served: 0.0,
            lost: 0.0,
        };
        self.instances.insert(id.clone(), instance);
        self.set_all_phases(&id, Phase::Ready);
        for product in ["loki", "tempo"] {
            self.ring_stands(&id, &product.into());
        }
        id
    }
}
