//! Look-ups in a picture that planners, guards and facts share: a fleet's groups and nodes, the
//! targets of a group, every action that forwards to one. Reads that must be complete and young
//! answer `Result<_, Why>`; the others give what was last known.

use super::{ActionId, Picture};
use crate::core::estate::{Fleet, Node};
use crate::core::ids::{
    GroupName, InstanceId, ListenerArn, LoadBalancerArn, ServiceId, StackId, TargetGroupArn, Zone,
    arn_name,
};
use crate::core::inventory::{
    AutoScalingGroup, Forward, Held, Listener, Member, TargetGroup, TargetHealth,
};
use crate::core::observed::{Observed, Why};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// A forward action of a listener, as it is.
#[derive(Clone, Debug)]
pub(super) struct Action<'a> {
    /// Which.
    pub id: ActionId,
    /// `:3100` or `:3100 rule 5`.
    pub label: String,
    /// Where it sends.
    pub forward: &'a Forward,
}

impl<'a> Picture<'a> {
    pub(super) fn fleet(&self, stack: &StackId) -> Option<&'a Fleet> {
        self.estate.fleets.get(stack)
    }

    pub(super) fn node(&self, id: &InstanceId) -> Option<&'a Node> {
        self.estate.nodes.get(id).map(Arc::as_ref)
    }

    /// The nodes of a fleet.
    pub(super) fn nodes_of(&self, stack: &StackId) -> impl Iterator<Item = &'a Node> + use<'a> {
        let nodes = &self.estate.nodes;
        self.fleet(stack)
            .into_iter()
            .flat_map(|fleet| &fleet.nodes)
            .filter_map(|id| nodes.get(id).map(Arc::as_ref))
    }

    /// An Auto Scaling group, as last known.
    pub(super) fn group(&self, name: &GroupName) -> Option<&'a AutoScalingGroup> {
        let groups = self.inventory.groups.value().into_iter().flat_map(|all| all.iter());
        groups.into_iter().find(|group| &group.name == name)
    }

    /// A fleet's Auto Scaling groups, as last known.
    pub(super) fn groups_of(&self, stack: &StackId) -> Vec<&'a AutoScalingGroup> {
        let names = self.fleet(stack).into_iter().flat_map(|fleet| &fleet.groups);
        names.filter_map(|of| self.group(&of.name)).collect()
    }

    /// The target groups that are a fleet's.
    pub(super) fn target_groups_of(&self, stack: &StackId) -> Vec<&'a TargetGroupArn> {
        let fleet = self.fleet(stack).into_iter();
        fleet.flat_map(|fleet| &fleet.targets).map(|of| &of.target_group).collect()
    }

    pub(super) fn target_group(&self, arn: &TargetGroupArn) -> Option<&'a TargetGroup> {
        self.inventory.target_groups.value().into_iter().flatten().find(|group| &group.arn == arn)
    }

    /// What people call a target group.
    pub(super) fn name_of(&self, arn: &TargetGroupArn) -> String {
        self.target_group(arn)
            .map_or_else(|| arn_name(arn.as_str()).to_owned(), |group| group.name.to_string())
    }

    /// What people call a registry service.
    pub(super) fn service_name(&self, id: &ServiceId) -> String {
        let name = self.inventory.all_services().find(|service| &service.id == id);
        name.map_or_else(|| id.to_string(), |service| service.name.to_string())
    }

    /// The targets of a group by a complete, young read.
    pub(super) fn targets(&self, arn: &TargetGroupArn) -> Result<&'a [Held<TargetHealth>], Why> {
        let read = self.inventory.target_health.get(arn).ok_or(Why::Never)?;
        read.whole(self.now).map(|all| all.as_slice())
    }

    /// The targets of a group, whatever the age of the read; `None` where it was never read.
    pub(super) fn targets_known(&self, arn: &TargetGroupArn) -> Option<&'a [Held<TargetHealth>]> {
        self.inventory.target_health.get(arn)?.value().map(|all| all.as_slice())
    }

    /// The node behind a target. An EC2 id is itself; anything else is joined by address.
    pub(super) fn behind(&self, target: &TargetHealth) -> Option<&'a Node> {
        self.node(&target.id).or_else(|| {
            let ip: IpAddr = target.id.as_str().parse().ok()?;
            let mut nodes = self.estate.nodes.values().map(Arc::as_ref);
            nodes.find(|node| node.private_ip == Some(ip))
        })
    }

    /// The zone of a target.
    pub(super) fn zone_of(&self, target: &TargetHealth) -> Option<Zone> {
        self.behind(target).and_then(|node| node.zone.clone()).or_else(|| target.zone.clone())
    }

    /// Healthy targets of a group: of a fleet, in a zone, or all.
    pub(super) fn healthy(
        &self,
        arn: &TargetGroupArn,
        stack: Option<&StackId>,
        zone: Option<&Zone>,
    ) -> Result<u32, Why> {
        Ok(self.count_healthy(self.targets(arn)?, stack, zone))
    }

    pub(super) fn count_healthy(
        &self,
        targets: &[Held<TargetHealth>],
        stack: Option<&StackId>,
        zone: Option<&Zone>,
    ) -> u32 {
        let counts = |target: &TargetHealth| {
            target.is_healthy()
                && stack.is_none_or(|stack| {
                    self.behind(target).is_some_and(|node| node.stack_id.as_ref() == Some(stack))
                })
                && zone.is_none_or(|zone| self.zone_of(target).as_ref() == Some(zone))
        };
        count(targets.iter().filter(|held| counts(&held.value)))
    }

    /// Zones in which a fleet has a healthy target in a group now.
    pub(super) fn healthy_zones(
        &self,
        arn: &TargetGroupArn,
        stack: &StackId,
    ) -> Result<BTreeSet<Zone>, Why> {
        let healthy = self.targets(arn)?.iter().filter(|held| held.value.is_healthy());
        Ok(healthy
            .filter(|held| {
                self.behind(&held.value).is_some_and(|node| node.stack_id.as_ref() == Some(stack))
            })
            .filter_map(|held| self.zone_of(&held.value))
            .collect())
    }

    /// Whether nothing is healthy in a zone behind the load balancer of a group, whoever's it is, by
    /// complete reads of all its groups: such a zone is lost.
    pub(super) fn is_dark(&self, arn: &TargetGroupArn, zone: &Zone) -> bool {
        let read = &self.inventory.target_health;
        let beside: Vec<_> = self.beside(arn).filter(|of| read.contains_key(*of)).collect();
        let dark = |of: &&TargetGroupArn| self.healthy(of, None, Some(zone)) == Ok(0);
        !beside.is_empty() && beside.iter().all(dark)
    }

    /// Every target group of the load balancer of one, itself included.
    pub(super) fn beside(&self, arn: &TargetGroupArn) -> impl Iterator<Item = &'a TargetGroupArn> {
        let balancers = self.balancers_of(&BTreeSet::from([arn]));
        let all = self.inventory.target_groups.value().into_iter().flatten();
        let with = move |group: &&TargetGroup| {
            group.load_balancers.iter().any(|of| balancers.contains(of))
        };
        all.filter(with).map(|group| &group.arn)
    }

    /// The target groups that are a fleet's, and those that its Auto Scaling groups are attached to.
    pub(super) fn any_group_of(&self, stack: &StackId) -> BTreeSet<&'a TargetGroupArn> {
        let attached = self.groups_of(stack).into_iter().flat_map(|group| &group.target_groups);
        self.target_groups_of(stack).into_iter().chain(attached).collect()
    }

    /// Whether cross-zone load balancing is on for a group; `None` when unknown.
    pub(super) fn cross_zone(&self, arn: &TargetGroupArn) -> Option<bool> {
        let own = self.inventory.target_group_attributes.get(arn).and_then(Observed::value)?;
        own.cross_zone.or_else(|| {
            let balancer = self.target_group(arn)?.load_balancers.first()?;
            let of = self.inventory.load_balancer_attributes.get(balancer)?;
            of.value().map(|attributes| attributes.cross_zone)
        })
    }

    /// The members of a registry service by a complete, young read.
    pub(super) fn members(&self, service: &ServiceId) -> Result<&'a [Member], Why> {
        let read = self.inventory.members.get(service).ok_or(Why::Never)?;
        read.whole(self.now).map(|all| all.as_slice())
    }

    /// The load balancer of a listener.
    pub(super) fn listener(&self, arn: &ListenerArn) -> Option<&'a Listener> {
        self.inventory.all_listeners().find(|listener| &listener.arn == arn)
    }

    /// Every action of the load balancers that use these groups.
    ///
    /// # Errors
    /// Why the listeners or rules of one of them are not known.
    pub(super) fn actions(
        &self,
        groups: &BTreeSet<&TargetGroupArn>,
    ) -> Result<Vec<Action<'a>>, (Why, String)> {
        let mut all = Vec::new();
        for balancer in self.balancers_of(groups) {
            let name = || format!("listeners of {}", arn_name(balancer.as_str()));
            let read = self.inventory.listeners.get(balancer).ok_or((Why::Never, name()))?;
            for listener in read.whole(self.now).map_err(|why| (why, name()))? {
                let what = || format!("rules of listener :{}", listener.port);
                let rules = self.inventory.rules.get(&listener.arn).ok_or((Why::Never, what()))?;
                rules.whole(self.now).map_err(|why| (why, what()))?;
                all.extend(self.actions_of(listener));
            }
        }
        Ok(all)
    }

    /// Every action of every listener, as last known.
    pub(super) fn actions_known(&self) -> Vec<Action<'a>> {
        self.inventory.all_listeners().flat_map(|listener| self.actions_of(listener)).collect()
    }

    fn actions_of(&self, listener: &'a Listener) -> Vec<Action<'a>> {
        let id = |rule: Option<&String>| ActionId {
            listener: listener.arn.clone(),
            rule: rule.cloned(),
        };
        let rules = self.inventory.rules.get(&listener.arn).and_then(Observed::value);
        let rules = rules.into_iter().flatten().map(|rule| Action {
            id: id(Some(&rule.arn)),
            label: format!(":{} rule {}", listener.port, rule.priority),
            forward: &rule.forward,
        });
        let default = Action {
            id: id(None),
            label: format!(":{}", listener.port),
            forward: &listener.default,
        };
        std::iter::once(default).chain(rules).collect()
    }

    /// The load balancers that use any of these groups.
    pub(super) fn balancers_of(
        &self,
        groups: &BTreeSet<&TargetGroupArn>,
    ) -> BTreeSet<&'a LoadBalancerArn> {
        let groups = groups.iter().filter_map(|arn| self.target_group(arn));
        groups.flat_map(|group| &group.load_balancers).collect()
    }

    /// Whether some listener gives a group weight. Where the listeners of its load balancer could
    /// not be read it counts as carrying: what may serve is treated as serving.
    pub(super) fn carries(&self, arn: &TargetGroupArn) -> bool {
        self.actions(&BTreeSet::from([arn])).is_err()
            || self.actions_known().iter().any(|action| action.forward.share_of(arn) > 0.0)
    }
}

/// How many there are.
pub(super) fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

/// `a, b and c`.
pub(super) fn listed<T: AsRef<str>>(words: &[T]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] => "none".into(),
        [one] => (*one).into(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `1 node`, `3 nodes`.
pub(super) fn counted(number: impl TryInto<u64>, what: &str) -> String {
    let number: u64 = number.try_into().unwrap_or(u64::MAX);
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// A forward action in words: `blue-loki 90, green-loki 10`.
pub(super) fn forward_text(picture: &Picture<'_>, forward: &Forward) -> String {
    forward_words(forward, |arn| picture.name_of(arn))
}

/// The same, with names from elsewhere.
pub(super) fn forward_words(forward: &Forward, name: impl Fn(&TargetGroupArn) -> String) -> String {
    let groups: Vec<String> = forward
        .groups
        .iter()
        .map(|of| match forward.groups.len() {
            1 => name(&of.target_group),
            _ => format!("{} {}", name(&of.target_group), of.weight),
        })
        .collect();
    let sticky = if forward.sticky { ", sticky" } else { "" };
    if groups.is_empty() { "nothing".into() } else { groups.join(", ") + sticky }
}
