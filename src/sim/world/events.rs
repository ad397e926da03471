//! What somebody or something does to the world: the entries of a world's schedule, and of the
//! admin call. They are things that happen to real systems, none is a switch for a test alone.

use super::lifecycle::Leaving;
use super::{Forward, Phase, Refresh, World};
use crate::core::ids::{GroupName, InstanceId, Product, ServiceId, StackId, TargetGroupArn, Zone};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A node by the name a world file gives it (`blue-412/1`), or an instance id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeRef(pub(crate) String);

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    KillNode(NodeRef),
    ReviveNode(NodeRef),
    /// It is asked to stop, and stops.
    StopProduct(NodeRef, Product),
    /// It dies.
    CrashProduct(NodeRef, Product),
    StartProduct(NodeRef, Product),
    FreezeProduct(NodeRef, Product),
    Database {
        up: bool,
    },
    ZoneLoss(Zone),
    ZoneBack(Zone),
    /// Somebody edits a listener: the port, and a weight for each stack.
    SetWeights {
        port: u16,
        weights: BTreeMap<StackId, u32>,
    },
    /// Somebody deletes a listener.
    DeleteListener {
        port: u16,
    },
    /// Somebody adds a rule for a host to a listener, with a weight for each stack.
    AddRule {
        port: u16,
        host: String,
        weights: BTreeMap<StackId, u32>,
    },
    Suspend(GroupName, Vec<String>),
    Resume(GroupName, Vec<String>),
    SetDesired(GroupName, u32),
    TerminateInstance(NodeRef),
    TerminateMachine(NodeRef),
    MarkUnhealthy(NodeRef),
    LaunchesFail(GroupName, bool),
    /// Somebody deletes an Auto Scaling group with all its instances.
    DeleteGroup(GroupName),
    /// A registry entry appears or changes, whoever wrote it.
    PutMember {
        service: String,
        id: String,
        attributes: BTreeMap<String, String>,
    },
    RemoveMember {
        service: String,
        node: NodeRef,
    },
    MemberHealth {
        service: String,
        node: NodeRef,
        healthy: bool,
    },
    AddTarget {
        group: String,
        node: NodeRef,
        port: Option<u16>,
    },
    RemoveTarget {
        group: String,
        node: NodeRef,
        port: Option<u16>,
    },
    Attach(GroupName, String),
    Detach(GroupName, String),
    LoneNode {
        name: String,
        zone: Zone,
    },
    RefreshStarts(GroupName),
    RefreshEnds(GroupName),
    Lock {
        name: String,
        attributes: BTreeMap<String, String>,
    },
    TemplateVersion(GroupName, String),
    EnterStandby(NodeRef),
    /// A node's clock goes wrong by so many seconds.
    ClockSkew(NodeRef, i64),
    /// Somebody gives a fleet's products a label and a gossip port each: it counts from their next
    /// start on.
    RingLabel(GroupName, super::Label),
    /// Somebody makes a ring forget a member, at a product of a node.
    Forget {
        node: NodeRef,
        product: Product,
        member: NodeRef,
    },
}

/// An event and its time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Happening {
    pub(crate) at: Timestamp,
    pub(crate) event: Event,
}

impl World {
    /// The instance a name means now.
    pub(crate) fn node(&self, node: &NodeRef) -> Option<InstanceId> {
        let id = InstanceId::from(&node.0);
        self.node_names.get(&node.0).cloned().or(self.instances.contains_key(&id).then_some(id))
    }

    pub(super) fn scheduled(&mut self, index: usize) {
        let Some(event) = self.schedule.get(index).map(|one| one.event.clone()) else { return };
        let said = format!("{event:?}");
        if let Err(why) = self.happens(&event) {
            self.note(format!("nothing came of {said}: {why}"));
        } else {
            self.note(said);
        }
    }

    /// Makes it happen now.
    ///
    /// # Errors
    /// Why it cannot, as a sentence.
    pub(crate) fn happens(&mut self, event: &Event) -> Result<(), String> {
        self.traffic_changes();
        match event {
            Event::KillNode(node)
            | Event::ReviveNode(node)
            | Event::TerminateInstance(node)
            | Event::TerminateMachine(node)
            | Event::MarkUnhealthy(node)
            | Event::EnterStandby(node)
            | Event::ClockSkew(node, _) => {
                let id = self.node(node).ok_or_else(|| unknown_node(node))?;
                self.node_event(event, &id)
            }
            Event::StopProduct(node, product) => {
                let id = self.node(node).ok_or_else(|| unknown_node(node))?;
                self.stop_product(&id, product);
                Ok(())
            }
            Event::CrashProduct(node, product) => self.phase_event(node, product, Phase::Down),
            Event::FreezeProduct(node, product) => self.phase_event(node, product, Phase::Frozen),
            Event::StartProduct(node, product) => {
                let id = self.node(node).ok_or_else(|| unknown_node(node))?;
                self.start_product(&id, product);
                Ok(())
            }
            Event::Forget { node, product, member } => {
                let id = self.node(node).ok_or_else(|| unknown_node(node))?;
                let gone = self.node(member).ok_or_else(|| unknown_node(member))?;
                self.ring_forgets(&id, product, &super::rings::host_name(&gone, product))
            }
            Event::Database { up } => {
                self.database_up = *up;
                self.reassess_all();
                Ok(())
            }
            Event::ZoneLoss(zone) => self.zone_event(zone, true),
            Event::ZoneBack(zone) => self.zone_event(zone, false),
            Event::PutMember { .. }
            | Event::RemoveMember { .. }
            | Event::MemberHealth { .. }
            | Event::Lock { .. } => self.registry_event(event),
            Event::SetWeights { .. }
            | Event::AddTarget { .. }
            | Event::RemoveTarget { .. }
            | Event::Attach(..)
            | Event::Detach(..)
            | Event::DeleteListener { .. }
            | Event::AddRule { .. } => self.balance_event(event),
            Event::LoneNode { name, zone } => {
                let id = self.lone_instance(zone, BTreeMap::new());
                self.node_names.insert(name.clone(), id);
                Ok(())
            }
            _ => self.group_event(event),
        }
    }

    fn node_event(&mut self, event: &Event, id: &InstanceId) -> Result<(), String> {
        match event {
            Event::KillNode(_) => {
                if let Some(node) = self.instances.get_mut(id) {
                    node.alive = false;
                }
                self.set_all_phases(id, Phase::Down);
            }
            Event::ReviveNode(_) => {
                if let Some(node) = self.instances.get_mut(id) {
                    node.alive = true;
                }
                let now = std::time::Duration::ZERO;
                self.plan(now, super::Due::NodeBooted(id.clone()));
            }
            Event::TerminateInstance(_) => {
                self.terminate(id, Leaving::Asked);
            }
            Event::TerminateMachine(_) => self.end_machine(id),
            Event::ClockSkew(_, seconds) => {
                if let Some(node) = self.instances.get_mut(id) {
                    node.skew = jiff::SignedDuration::from_secs(*seconds);
                }
            }
            Event::EnterStandby(_) => {
                let group = self.group_of(id).map(|group| group.name.to_string());
                let group = group.ok_or("the node is in no group")?;
                self.enter_standby(&group, std::slice::from_ref(id), true)
                    .map_err(|why| why.message)?;
            }
            _ => self.set_instance_health(id, false, false).map_err(|why| why.message)?,
        }
        Ok(())
    }

    fn phase_event(
        &mut self,
        node: &NodeRef,
        product: &Product,
        phase: Phase,
    ) -> Result<(), String> {
        let id = self.node(node).ok_or_else(|| unknown_node(node))?;
        self.set_phase(&id, product, phase);
        Ok(())
    }

    fn zone_event(&mut self, zone: &Zone, failed: bool) -> Result<(), String> {
        let held = self.zones.iter_mut().find(|one| &one.name == zone);
        held.ok_or_else(|| format!("there is no zone {zone}"))?.failed = failed;
        let there = self.instances.values().filter(|one| &one.zone == zone);
        for id in there.map(|one| one.id.clone()).collect::<Vec<_>>() {
            self.rings_follow(&id);
        }
        self.ports_changed += 1;
        self.reassess_all();
        Ok(())
    }

    /// Something that many nodes feel.
    fn reassess_all(&mut self) {
        let ids: Vec<_> = self.instances.keys().cloned().collect();
        for id in ids {
            self.reassess_node(&id);
        }
    }

    fn service_named(&self, name: &str) -> Result<ServiceId, String> {
        let found = self.services.values().find(|one| one.name == name);
        found.map(|one| one.id.clone()).ok_or_else(|| format!("there is no service {name}"))
    }

    fn registry_event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::PutMember { service, id, attributes } => {
                let service = self.service_named(service)?;
                let id = self.node_names.get(id).cloned().unwrap_or_else(|| InstanceId::from(id));
                let mut full = self.own_attributes(&id);
                full.extend(attributes.clone());
                self.put_member(&service, &id, full, None);
            }
            Event::RemoveMember { service, node } => {
                let service = self.service_named(service)?;
                let id = self.node(node).ok_or_else(|| unknown_node(node))?;
                self.remove_member(&service, &id);
            }
            Event::MemberHealth { service, node, healthy } => {
                let service = self.service_named(service)?;
                let id = self.node(node).ok_or_else(|| unknown_node(node))?;
                let set = self.set_member_health(service.as_str(), &id, *healthy);
                set.map_err(|why| why.message)?;
            }
            Event::Lock { name, attributes } => {
                let namespace = self.namespaces.keys().next().cloned();
                let new = super::NewService {
                    name: name.clone(),
                    namespace: namespace.ok_or("there is no namespace")?,
                    kind: super::ServiceKind::Http,
                    description: None,
                    custom_health: false,
                    creator_request_id: None,
                };
                let id = self.create_service(new).map_err(|why| why.message)?;
                let set = self.update_service_attributes(id.as_str(), attributes.clone());
                set.map_err(|why| why.message)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn target_group_named(&self, name: &str) -> Result<TargetGroupArn, String> {
        let found = self.target_groups.values().find(|one| one.name == name);
        found.map(|one| one.arn.clone()).ok_or_else(|| format!("there is no target group {name}"))
    }

    fn balance_event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::SetWeights { port, weights } => return self.set_weights(*port, weights),
            Event::DeleteListener { port } => {
                let found = self.listener_on(*port)?;
                self.listeners.remove(&found);
                self.recount_use();
            }
            Event::AddRule { port, host, weights } => {
                let found = self.listener_on(*port)?;
                let Some(listener) = self.listeners.get(&found) else { return Ok(()) };
                let mut forward = listener.forward.clone();
                self.weigh(&mut forward, weights);
                if let Some(listener) = self.listeners.get_mut(&found) {
                    let of = found.as_str().replacen(":listener/", ":listener-rule/", 1);
                    let (arn, host) = (format!("{of}/{host}"), host.clone());
                    listener.rules.push(super::Rule { arn, host, forward });
                }
            }
            Event::AddTarget { group, node, port } => {
                let arn = self.target_group_named(group)?;
                let id = self.node(node).ok_or_else(|| unknown_node(node))?;
                let added = self.register_targets(arn.as_str(), &[(id, *port)]);
                added.map_err(|why| why.message)?;
            }
            Event::RemoveTarget { group, node, port } => {
                let arn = self.target_group_named(group)?;
                let id = self.node(node).ok_or_else(|| unknown_node(node))?;
                let removed = self.deregister_targets(arn.as_str(), &[(id, *port)]);
                removed.map_err(|why| why.message)?;
            }
            Event::Attach(group, target_group) => {
                let arn = self.target_group_named(target_group)?.to_string();
                self.attach(group.as_str(), &[arn], false).map_err(|why| why.message)?;
            }
            Event::Detach(group, target_group) => {
                let arn = self.target_group_named(target_group)?.to_string();
                self.detach(group.as_str(), &[arn], false).map_err(|why| why.message)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn set_weights(&mut self, port: u16, weights: &BTreeMap<StackId, u32>) -> Result<(), String> {
        let listeners: Vec<_> =
            self.listeners.values().filter(|one| port == 0 || one.port == port).cloned().collect();
        for listener in listeners {
            let mut forward: Forward = listener.forward.clone();
            self.weigh(&mut forward, weights);
            let done = self.modify_listener(listener.arn.as_str(), forward);
            done.map_err(|why| why.message)?;
        }
        Ok(())
    }

    /// Sets the weights of stacks in an action. A stack that is not in it yet comes in with its
    /// target group for the same port.
    fn weigh(&self, forward: &mut Forward, weights: &BTreeMap<StackId, u32>) {
        let stack_of = |arn: &TargetGroupArn| {
            self.target_groups.get(arn)?.tags.get("STACK").map(StackId::from)
        };
        let port = forward.groups.first().and_then(|(arn, _)| self.target_groups.get(arn));
        let port = port.map(|group| group.port);
        for (stack, weight) in weights {
            let held =
                forward.groups.iter_mut().find(|(arn, _)| stack_of(arn).as_ref() == Some(stack));
            if let Some((_, held)) = held {
                *held = *weight;
                continue;
            }
            let own = self.target_groups.values().find(|group| {
                Some(group.port) == port && stack_of(&group.arn).as_ref() == Some(stack)
            });
            forward.groups.extend(own.map(|group| (group.arn.clone(), *weight)));
        }
    }

    fn listener_on(&self, port: u16) -> Result<crate::core::ids::ListenerArn, String> {
        let found = self.listeners.values().find(|one| one.port == port);
        found.map(|one| one.arn.clone()).ok_or_else(|| format!("there is no listener on {port}"))
    }

    fn group_event(&mut self, event: &Event) -> Result<(), String> {
        let done = match event {
            Event::Suspend(group, processes) => self.suspend(group.as_str(), processes),
            Event::Resume(group, processes) => self.resume(group.as_str(), processes),
            Event::SetDesired(group, desired) => self.set_desired(group.as_str(), *desired),
            Event::DeleteGroup(group) => return self.delete_group(group),
            _ => return self.group_change(event),
        };
        done.map_err(|why| why.message)
    }

    fn delete_group(&mut self, name: &GroupName) -> Result<(), String> {
        let group = self.groups.get(name).ok_or_else(|| format!("there is no group {name}"))?;
        for id in group.members.keys().cloned().collect::<Vec<_>>() {
            self.instance_shuts_down(&id);
            self.drain_everywhere(&id);
        }
        self.groups.remove(name);
        Ok(())
    }

    fn drain_everywhere(&mut self, id: &InstanceId) {
        let held = self.target_groups.iter().flat_map(|(arn, group)| {
            let own = group.targets.keys().filter(|key| &key.0 == id);
            own.map(|key| (arn.clone(), key.clone())).collect::<Vec<_>>()
        });
        for (arn, key) in held.collect::<Vec<_>>() {
            self.drain_target(&arn, &key);
        }
    }

    fn group_change(&mut self, event: &Event) -> Result<(), String> {
        let (now, id) = (self.now, self.random.uuid());
        let (Event::LaunchesFail(name, _)
        | Event::RefreshStarts(name)
        | Event::RefreshEnds(name)
        | Event::TemplateVersion(name, _)
        | Event::RingLabel(name, _)) = event
        else {
            return Ok(());
        };
        let group = self.groups.get_mut(name).ok_or_else(|| format!("there is no group {name}"))?;
        match event {
            Event::LaunchesFail(_, fail) => group.launches_fail = *fail,
            Event::RingLabel(_, label) => {
                group.rings.label = *label;
                group.rings.one_port = false;
            }
            Event::TemplateVersion(_, version) => group.template_version.clone_from(version),
            Event::RefreshStarts(_) => {
                group
                    .refreshes
                    .insert(0, Refresh { id, status: "InProgress", started: now, ended: None });
            }
            _ => {
                for one in group.refreshes.iter_mut().filter(|one| one.ended.is_none()) {
                    one.status = "Successful";
                    one.ended = Some(now);
                }
            }
        }
        Ok(())
    }
}

fn unknown_node(node: &NodeRef) -> String {
    format!("there is no node {}", node.0)
}
