//! ELBv2's control plane: targets come, are checked and go; listeners change their weights.

use super::agenda::Due;
use super::{Forward, Listener, Refused, Rule, Target, TargetGroup, TargetState, World, since};
use crate::core::ids::{InstanceId, ListenerArn, TargetGroupArn};
use std::time::Duration;

/// Target groups in one action (ELBv2 quota, not adjustable).
const GROUPS_PER_ACTION: usize = 5;
/// Targets in one group (ELBv2 quota).
const TARGETS_MAX: usize = 1_000;

impl TargetGroup {
    /// `deregistration_delay.timeout_seconds`.
    pub(crate) fn delay(&self) -> Duration {
        let text = self.attributes.get("deregistration_delay.timeout_seconds");
        Duration::from_secs(text.and_then(|text| text.parse().ok()).unwrap_or(300))
    }

    /// Whether an attribute says `true`.
    pub(crate) fn is_on(&self, attribute: &str) -> bool {
        self.attributes.get(attribute).is_some_and(|text| text == "true")
    }
}

impl World {
    /// The target group of an ARN.
    pub(crate) fn target_group(&self, arn: &str) -> Result<&TargetGroup, Refused> {
        self.target_groups.get(&TargetGroupArn::from(arn)).ok_or_else(|| {
            Refused::new(
                "TargetGroupNotFound",
                format!("One or more target groups not found: {arn}"),
            )
        })
    }

    /// Registers targets; those that are there already stay as they are, those that drain come
    /// back. Nothing is changed when one of them is refused.
    pub(crate) fn register_targets(
        &mut self,
        arn: &str,
        targets: &[(InstanceId, Option<u16>)],
    ) -> Result<(), Refused> {
        let group = self.target_group(arn)?;
        let default = group.port;
        if group.targets.len() + targets.len() > TARGETS_MAX {
            let said = "You've reached the limit on the number of targets.";
            return Err(Refused::new("TooManyTargets", said));
        }
        for (id, _) in targets {
            let running = self.instances.get(id).is_some_and(|one| one.state == "running");
            if !running {
                let said = format!(
                    "The following targets are not in a running state and cannot be registered: '{id}'"
                );
                return Err(Refused::new("InvalidTarget", said));
            }
        }
        let arn = group.arn.clone();
        for (id, port) in targets {
            self.add_target(&arn, id, port.unwrap_or(default));
        }
        Ok(())
    }

    /// One target, known to be good.
    pub(crate) fn add_target(&mut self, arn: &TargetGroupArn, id: &InstanceId, port: u16) {
        let change = self.next_change();
        let now = self.now;
        let Some(group) = self.target_groups.get_mut(arn) else { return };
        let key = (id.clone(), port);
        if group.targets.get(&key).is_some_and(|one| one.state != TargetState::Draining) {
            return;
        }
        let target = Target { state: TargetState::Registering, since: now, change };
        group.targets.insert(key, target);
        // Between two thirds and four thirds of the usual: "a few minutes".
        let usual = self.lags.register_target.as_secs();
        let lag = self.random.between(usual * 2 / 3, usual * 4 / 3);
        let due = Due::TargetStep { group: arn.clone(), id: id.clone(), port, change };
        self.plan(Duration::from_secs(lag), due);
        self.traffic_changes();
    }

    /// Deregisters targets; an absent one is no error, another port is another target.
    pub(crate) fn deregister_targets(
        &mut self,
        arn: &str,
        targets: &[(InstanceId, Option<u16>)],
    ) -> Result<(), Refused> {
        let group = self.target_group(arn)?;
        let (arn, default) = (group.arn.clone(), group.port);
        for (id, port) in targets {
            self.drain_target(&arn, &(id.clone(), port.unwrap_or(default)));
        }
        Ok(())
    }

    /// Starts a drain; returns how long it takes. A group that no listener uses drains nothing.
    pub(crate) fn drain_target(
        &mut self,
        arn: &TargetGroupArn,
        key: &(InstanceId, u16),
    ) -> Duration {
        let change = self.next_change();
        let (now, lag) = (self.now, self.lags.data_plane);
        let Some(group) = self.target_groups.get_mut(arn) else { return Duration::ZERO };
        let delay = group.delay();
        if !group.used {
            group.targets.remove(key);
            return Duration::ZERO;
        }
        let Some(target) = group.targets.get_mut(key) else { return Duration::ZERO };
        if target.state == TargetState::Draining {
            return delay.saturating_sub(since(target.since, now));
        }
        *target = Target { state: TargetState::Draining, since: now, change };
        let due = Due::TargetStep { group: arn.clone(), id: key.0.clone(), port: key.1, change };
        self.plan(delay, due);
        self.plan(lag, Due::TrafficShift);
        self.traffic_changes();
        delay
    }

    /// The time has come for a target's next state.
    pub(super) fn target_step(
        &mut self,
        arn: &TargetGroupArn,
        key: &(InstanceId, u16),
        change: u64,
    ) {
        let Some(group) = self.target_groups.get(arn) else { return };
        let Some(target) = group.targets.get(key).filter(|one| one.change == change) else {
            return;
        };
        let (state, used) = (target.state, group.used);
        let passes = self.check_passes(arn, key);
        match state {
            TargetState::Draining => {
                if let Some(group) = self.target_groups.get_mut(arn) {
                    group.targets.remove(key);
                }
                self.traffic_changes();
            }
            TargetState::Registering => self.target_becomes(arn, key, TargetState::Checking),
            TargetState::Checking if used && passes => {
                self.target_becomes(arn, key, TargetState::Healthy);
            }
            TargetState::Checking if used => {
                self.target_becomes(arn, key, TargetState::Unhealthy);
            }
            TargetState::Healthy if used && !passes => {
                self.target_becomes(arn, key, TargetState::Unhealthy);
            }
            TargetState::Unhealthy if used && passes => {
                self.target_becomes(arn, key, TargetState::Healthy);
            }
            _ => {}
        }
    }

    fn target_becomes(
        &mut self,
        arn: &TargetGroupArn,
        key: &(InstanceId, u16),
        state: TargetState,
    ) {
        let now = self.now;
        let Some(group) = self.target_groups.get_mut(arn) else { return };
        let name = group.name.clone();
        let Some(target) = group.targets.get_mut(key) else { return };
        target.state = state;
        target.since = now;
        self.traffic_changes();
        if !matches!(state, TargetState::Checking) {
            self.note(format!("{}:{} is {state:?} in {name}", key.0, key.1));
        }
        self.reassess_target(arn, key);
    }

    /// Plans a target's next step, from what its checks find now. Whatever was planned is void.
    pub(crate) fn reassess_target(&mut self, arn: &TargetGroupArn, key: &(InstanceId, u16)) {
        let passes = self.check_passes(arn, key);
        let change = self.next_change();
        let Some(group) = self.target_groups.get_mut(arn) else { return };
        let (used, check) = (group.used, group.check.clone());
        let Some(target) = group.targets.get_mut(key) else { return };
        // The first passed check is enough for a new target; else the threshold counts. A failed
        // check of a new target counts up to the threshold too.
        let checks = match (target.state, passes) {
            (TargetState::Checking, true) => 1,
            (TargetState::Checking | TargetState::Healthy, false) => check.unhealthy_threshold,
            (TargetState::Unhealthy, true) => check.healthy_threshold,
            _ => 0,
        };
        let moving = matches!(target.state, TargetState::Registering | TargetState::Draining);
        if moving {
            return;
        }
        target.change = change;
        if !used || checks == 0 {
            return;
        }
        let interval = check.interval.as_secs().max(1);
        let first = self.random.between(1, interval);
        let span = Duration::from_secs(first + interval * u64::from(checks - 1));
        let due = Due::TargetStep { group: arn.clone(), id: key.0.clone(), port: key.1, change };
        self.plan(span, due);
    }

    /// Something about a node changed: its targets' next steps are planned anew.
    pub(crate) fn reassess_node(&mut self, id: &InstanceId) {
        self.traffic_changes();
        let first = (id.clone(), 0);
        let last = (id.clone(), u16::MAX);
        let found: Vec<_> = self
            .target_groups
            .iter()
            .flat_map(|(arn, group)| {
                let keys = group.targets.range(first.clone()..=last.clone());
                keys.map(|(key, _)| (arn.clone(), key.clone()))
            })
            .collect();
        for (arn, key) in found {
            self.reassess_target(&arn, &key);
        }
    }

    /// State, reason and description as DescribeTargetHealth gives them.
    pub(crate) fn health_words(
        &self,
        group: &TargetGroup,
        key: &(InstanceId, u16),
    ) -> (&'static str, Option<&'static str>, Option<&'static str>) {
        let Some(target) = group.targets.get(key) else {
            let said = "Target is not registered to the target group";
            return ("unused", Some("Target.NotRegistered"), Some(said));
        };
        let running = self.instances.get(&key.0).is_some_and(|one| one.state == "running");
        if target.state == TargetState::Draining {
            let said = "Target deregistration is in progress";
            return ("draining", Some("Target.DeregistrationInProgress"), Some(said));
        }
        if !group.used {
            let said = "Target group is not configured to receive traffic from the load balancer";
            return ("unused", Some("Target.NotInUse"), Some(said));
        }
        if !running {
            let said = "Target is in the stopped or terminated state";
            return ("unused", Some("Target.InvalidState"), Some(said));
        }
        if !self.zone_enabled(group, &key.0) {
            let said =
                "Target is in an Availability Zone that is not enabled for the load balancer";
            return ("unused", Some("Target.NotInUse"), Some(said));
        }
        match target.state {
            TargetState::Healthy => ("healthy", None, None),
            TargetState::Unhealthy => {
                ("unhealthy", Some("Target.FailedHealthChecks"), Some("Health checks failed"))
            }
            TargetState::Registering => (
                "initial",
                Some("Elb.RegistrationInProgress"),
                Some("Target registration is in progress"),
            ),
            _ => (
                "initial",
                Some("Elb.InitialHealthChecking"),
                Some("Initial health checks in progress"),
            ),
        }
    }

    /// Whether the load balancer serves the target's zone.
    pub(crate) fn zone_enabled(&self, group: &TargetGroup, id: &InstanceId) -> bool {
        let balancer = group.balancer.as_ref().and_then(|arn| self.balancers.get(arn));
        match (balancer, self.instances.get(id)) {
            (Some(balancer), Some(one)) => balancer.zones.contains(&one.zone),
            _ => true,
        }
    }

    /// Replaces a listener's default action.
    pub(crate) fn modify_listener(&mut self, arn: &str, forward: Forward) -> Result<(), Refused> {
        let listener = self.listener(arn)?;
        let arn = listener.arn.clone();
        self.check_forward(listener, &forward)?;
        let change = self.next_change();
        let Some(listener) = self.listeners.get_mut(&arn) else { return Ok(()) };
        listener.forward = forward.clone();
        listener.pending.insert(change, forward);
        let usual = self.lags.data_plane.as_secs();
        let lag = self.random.between(usual / 2, usual);
        self.plan(Duration::from_secs(lag), Due::ListenerInForce { listener: arn, change });
        self.recount_use();
        Ok(())
    }

    /// A rule other than a default one, and its place among its listener's.
    pub(crate) fn rule(&self, arn: &str) -> Result<(usize, &Rule), Refused> {
        let mut all = self.listeners.values().flat_map(|one| one.rules.iter().enumerate());
        all.find(|(_, rule)| rule.arn == arn).ok_or_else(|| {
            Refused::new("RuleNotFound", format!("One or more rules not found: {arn}"))
        })
    }

    /// Changes what a rule forwards to.
    pub(crate) fn modify_rule(&mut self, arn: &str, forward: Forward) -> Result<(), Refused> {
        self.rule(arn)?;
        let holds = |one: &&Listener| one.rules.iter().any(|rule| rule.arn == arn);
        if let Some(listener) = self.listeners.values().find(holds) {
            self.check_forward(listener, &forward)?;
        }
        let rules = self.listeners.values_mut().flat_map(|one| &mut one.rules);
        for rule in rules.filter(|rule| rule.arn == arn) {
            rule.forward = forward.clone();
        }
        Ok(())
    }

    fn check_forward(&self, listener: &Listener, forward: &Forward) -> Result<(), Refused> {
        let several = forward.groups.len() > 1;
        if forward.groups.is_empty() {
            return Err(Refused::validation("A forward action needs at least one target group"));
        }
        if forward.groups.len() > GROUPS_PER_ACTION {
            let said = "You've reached the limit on the number of target groups per action.";
            return Err(Refused::new("TooManyUniqueTargetGroupsPerLoadBalancer", said));
        }
        for (arn, weight) in &forward.groups {
            let group = self.target_group(arn.as_str())?;
            if several && *weight > 999 {
                let said = format!("Weight {weight} is not between 0 and 999");
                return Err(Refused::validation(said));
            }
            if group.balancer.as_ref().is_some_and(|lb| lb != &listener.balancer) {
                let said = format!("Target group {arn} is used by another load balancer");
                return Err(Refused::new("TargetGroupAssociationLimit", said));
            }
            let fits = match listener.protocol.as_str() {
                "TCP" => matches!(group.protocol.as_str(), "TCP" | "TCP_UDP"),
                "TLS" => matches!(group.protocol.as_str(), "TCP" | "TLS"),
                "UDP" => matches!(group.protocol.as_str(), "UDP" | "TCP_UDP"),
                other => other == group.protocol,
            };
            if !fits {
                let said = "The protocols of the listener and the target group do not match";
                return Err(Refused::new("IncompatibleProtocols", said));
            }
            if several && group.is_on("stickiness.enabled") && !forward.sticky {
                let said = "A target group has stickiness enabled: the action must enable it too";
                return Err(Refused::new("InvalidConfigurationRequest", said));
            }
        }
        let mut names: Vec<_> = forward.groups.iter().map(|(arn, _)| arn).collect();
        names.sort();
        names.dedup();
        if names.len() < forward.groups.len() {
            return Err(Refused::validation("Target groups must be unique within an action"));
        }
        Ok(())
    }

    /// The listener of an ARN.
    pub(crate) fn listener(&self, arn: &str) -> Result<&Listener, Refused> {
        self.listeners.get(&ListenerArn::from(arn)).ok_or_else(|| {
            Refused::new("ListenerNotFound", format!("One or more listeners not found: {arn}"))
        })
    }

    pub(super) fn listener_in_force(&mut self, arn: &ListenerArn, change: u64) {
        let now = self.now;
        let Some(listener) = self.listeners.get_mut(arn) else { return };
        // A newer change may have overtaken this one on its way; then this one is void.
        let Some(forward) = listener.pending.remove(&change) else { return };
        listener.pending.retain(|other, _| *other > change);
        listener.in_force = forward;
        let port = listener.port;
        for stream in &mut listener.streams {
            let weight = listener.in_force.groups.iter().find(|(group, _)| group == &stream.group);
            let carried = weight.is_some_and(|(_, weight)| *weight > 0);
            stream.orphaned = if carried { None } else { stream.orphaned.or(Some(now)) };
        }
        self.plan(super::traffic::STREAM_LIFE, Due::TrafficShift);
        self.traffic_changes();
        self.note(format!("the weights of port {port} reached the data plane"));
    }

    /// Which target groups are used by a listener; a group that becomes used is checked from the
    /// start, one that is not used any more is not checked at all.
    pub(crate) fn recount_use(&mut self) {
        let mut started = Vec::new();
        let now = self.now;
        for group in self.target_groups.values_mut() {
            let by = self
                .listeners
                .values()
                .find(|one| one.forward.groups.iter().any(|(arn, _)| arn == &group.arn));
            group.balancer = by.map(|one| one.balancer.clone());
            let used = by.is_some();
            if used && !group.used {
                for (key, target) in &mut group.targets {
                    if matches!(target.state, TargetState::Healthy | TargetState::Unhealthy) {
                        target.state = TargetState::Checking;
                        target.since = now;
                    }
                    started.push((group.arn.clone(), key.clone()));
                }
            }
            group.used = used;
        }
        self.traffic_changes();
        for (arn, key) in started {
            self.reassess_target(&arn, &key);
        }
    }

    /// Whether a target still gets new connections: also for a while after a drain began.
    pub(crate) fn gets_connections(&self, target: &Target) -> bool {
        match target.state {
            TargetState::Healthy => true,
            TargetState::Draining => since(target.since, self.now) < self.lags.data_plane,
            _ => false,
        }
    }
}
