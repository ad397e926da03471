//! From a checked world file to a world in its steady state, a while before its start; what the
//! file schedules before the start then happens to it as to any world.

use super::names::group_names;
use super::{BootSpec, CheckSpec, FleetSpec, ListenerSpec, Wiring, WorldSpec};
use crate::core::ids::{
    GroupName, InstanceId, ListenerArn, LoadBalancerArn, NamespaceId, ServiceId, TargetGroupArn,
    Zone,
};
use crate::sim::world::{
    Attachment, Balancer, Boot, Check, Due, Forward, Group, Happening, Listener, Namespace,
    NewService, Phase, Rule, ServiceKind, Target, TargetGroup, TargetState, World, ZoneState,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(super) use super::check::{check, check_fault};

/// Where a world stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    /// What time it is at its start.
    pub(crate) start: Timestamp,
    /// Its nodes live in 127.`network`.0.0/16.
    pub(crate) network: u8,
    /// What is added to the usual ports.
    pub(crate) port_offset: u16,
}

/// How long a world has been standing when it is first seen, at least: longer than any lag.
const STANDING: SignedDuration = SignedDuration::from_mins(30);

/// A time relative to the start: `30s`, `5m`, `2h`, `-10m`, `0`.
pub(crate) fn span_of(text: &str) -> Option<SignedDuration> {
    let (sign, rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.trim()),
    };
    let digits = rest.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: i64 = digits.parse().ok()?;
    let unit = match &rest[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return None,
    };
    (number < 1_000_000).then(|| SignedDuration::from_secs(sign * number * unit))
}

/// A zone's name, from its letter or its name.
pub(crate) fn zone_name(region: &str, zone: &str) -> Zone {
    if zone.len() == 1 { Zone::from(format!("{region}{zone}")) } else { Zone::from(zone) }
}

/// Builds the world.
pub(crate) fn build(spec: &WorldSpec, site: Site) -> World {
    let offsets: Vec<_> = spec
        .event
        .iter()
        .map(|one| one.at.as_ref().and_then(|at| span_of(at.get_ref())).unwrap_or_default())
        .collect();
    let earliest = offsets.iter().min().copied().unwrap_or_default().min(SignedDuration::ZERO);
    let began = site.start.checked_add(earliest - STANDING).unwrap_or(site.start);
    let mut world = World::new(&spec.title, began, spec.seed);
    world.network = site.network;
    world.port_offset = site.port_offset;
    world.region.clone_from(&spec.region);
    world.dns = crate::sim::world::Zones { ttl: spec.dns.ttl, negative_ttl: spec.dns.negative_ttl };
    world.zones = spec
        .zones
        .iter()
        .map(|zone| ZoneState { name: zone_name(&spec.region, zone), failed: false })
        .collect();
    let (balancers, services) = (BTreeMap::new(), BTreeMap::new());
    Builder { spec, world: &mut world, balancers, services, nodes: BTreeMap::new() }.build();
    let place = super::parse::Place { file: "", text: "" };
    // The file was checked: its events can be read.
    for (event, offset) in
        super::event::events_of(spec, &place).unwrap_or_default().into_iter().zip(offsets)
    {
        let at = site.start.checked_add(offset).unwrap_or(site.start);
        let index = world.schedule.len();
        world.schedule.push(Happening { at, event });
        let wait = crate::sim::world::since(world.now, at);
        world.plan(wait, Due::Scheduled(index));
    }
    world.advance(site.start);
    world.start_books();
    world
}

/// A world being built.
struct Builder<'a> {
    spec: &'a WorldSpec,
    world: &'a mut World,
    balancers: BTreeMap<String, LoadBalancerArn>,
    services: BTreeMap<String, ServiceId>,
    /// How many nodes of each stack have a name already.
    nodes: BTreeMap<String, u32>,
}

impl Builder<'_> {
    fn build(mut self) {
        self.registry();
        self.load_balancers();
        for fleet in &self.spec.fleet {
            self.target_groups(fleet);
        }
        for listener in &self.spec.listener {
            self.listener(listener);
        }
        self.world.recount_use();
        for fleet in &self.spec.fleet {
            for (index, name) in group_names(fleet).into_iter().enumerate() {
                self.group(fleet, index, &name);
            }
        }
    }

    fn registry(&mut self) {
        let spec = self.spec;
        let first = self.namespace(&spec.namespace);
        for name in spec.service_names() {
            let own = spec.service.iter().find(|one| one.name == name);
            let namespace = own.and_then(|one| one.namespace.as_deref());
            let namespace =
                namespace.map_or_else(|| first.clone(), |namespace| self.namespace(namespace));
            let new = NewService {
                name: name.to_owned(),
                namespace,
                kind: ServiceKind::DnsHttp,
                description: None,
                custom_health: own.is_some_and(|one| one.custom_health),
                creator_request_id: None,
            };
            // Names were checked; a name that AWS would refuse makes a world without it.
            if let Ok(id) = self.world.create_service(new) {
                self.services.insert(name.to_owned(), id);
            }
        }
    }

    /// The namespace of this name, created when it is not there yet.
    fn namespace(&mut self, name: &str) -> NamespaceId {
        let known = self.world.namespaces.values().find(|one| one.name == name);
        if let Some(known) = known {
            return known.id.clone();
        }
        let id = NamespaceId::from(format!("ns-{}", self.world.random.hex(16)));
        let created = self.world.now;
        let namespace = Namespace { id: id.clone(), name: name.to_owned(), created };
        self.world.namespaces.insert(id.clone(), namespace);
        id
    }

    fn load_balancers(&mut self) {
        let zones: Vec<_> = self.world.zones.iter().map(|one| one.name.clone()).collect();
        for name in self.spec.balancer_names() {
            let spec = self.spec.load_balancer.iter().find(|one| one.name == name);
            let hash = self.world.random.hex(16);
            let arn =
                self.world.arn("elasticloadbalancing", &format!("loadbalancer/net/{name}/{hash}"));
            let arn = LoadBalancerArn::from(arn);
            let own: Vec<_> = spec.map(|one| one.zones.clone()).unwrap_or_default();
            let own: Vec<_> = own.iter().map(|zone| zone_name(&self.spec.region, zone)).collect();
            let guarded = spec.is_none_or(|one| one.security_group);
            let balancer = Balancer {
                arn: arn.clone(),
                name: name.to_owned(),
                zones: if own.is_empty() { zones.clone() } else { own },
                cross_zone: spec.is_some_and(|one| one.cross_zone),
                security_groups: if guarded { vec!["sg-0fee1900d".into()] } else { Vec::new() },
                created: self.world.now,
                tags: BTreeMap::new(),
            };
            self.world.balancers.insert(arn.clone(), balancer);
            self.balancers.insert(name.to_owned(), arn);
        }
    }

    fn target_groups(&mut self, fleet: &FleetSpec) {
        let balancer = self.spec.balancer_of(fleet).to_owned();
        let wanted: Vec<_> = self
            .spec
            .listeners_of(&balancer)
            .map(|(index, product)| (index, product.to_owned()))
            .collect();
        for (index, product) in wanted {
            let name = self.spec.target_group_name(fleet, &product);
            if self.world.target_groups.values().any(|one| one.name == name) {
                continue;
            }
            let Some(listener) = self.spec.listener.get(index) else { continue };
            let group = self.target_group(&name, listener, fleet);
            self.world.target_groups.insert(group.arn.clone(), group);
        }
    }

    fn target_group(
        &mut self,
        name: &str,
        listener: &ListenerSpec,
        fleet: &FleetSpec,
    ) -> TargetGroup {
        let hash = self.world.random.hex(16);
        let arn = self.world.arn("elasticloadbalancing", &format!("targetgroup/{name}/{hash}"));
        let product = listener.product.get_ref();
        let ready = if product == "grafana" { "/api/health" } else { "/ready" };
        let (protocol, port, path) = match listener.check {
            CheckSpec::Healthz => ("HTTP", Some(self.world.port_of("healthz")), Some("/healthz")),
            CheckSpec::Product => ("HTTP", None, Some(ready)),
            CheckSpec::Tcp => ("TCP", None, None),
        };
        let mut tags = BTreeMap::new();
        if self.spec.wiring == Wiring::Weights {
            tags.insert("STACK".to_owned(), fleet.stack.get_ref().clone());
        }
        let delay = listener.deregistration_delay_seconds.to_string();
        TargetGroup {
            arn: TargetGroupArn::from(arn),
            name: name.to_owned(),
            port: self.world.port_of(product),
            protocol: "TCP".to_owned(),
            check: Check {
                protocol: protocol.to_owned(),
                port,
                path: path.map(str::to_owned),
                interval: Duration::from_secs(10),
                timeout: Duration::from_secs(6),
                healthy_threshold: 3,
                unhealthy_threshold: 3,
                matcher: (200, 399),
            },
            attributes: default_attributes(&delay),
            tags,
            targets: BTreeMap::new(),
            used: false,
            balancer: None,
        }
    }

    fn listener(&mut self, one: &ListenerSpec) {
        let balancers = self.spec.balancer_names();
        let named = one.load_balancer.as_ref().map(|one| one.get_ref().as_str());
        let balancer = named.or(balancers.first().copied()).unwrap_or_default().to_owned();
        let Some(balancer_arn) = self.balancers.get(&balancer).cloned() else { return };
        let mut groups: Vec<(TargetGroupArn, u32)> = Vec::new();
        // A fleet that names no load balancer is behind every one that a listener names.
        let behind = |one: &&FleetSpec| {
            self.spec.balancer_of(one) == balancer || named.is_some() && one.load_balancer.is_none()
        };
        for fleet in self.spec.fleet.iter().filter(behind) {
            let name = self.spec.target_group_name(fleet, one.product.get_ref());
            let arn = self.world.target_groups.values().find(|one| one.name == name);
            let Some(arn) = arn.map(|one| one.arn.clone()) else { continue };
            let weight = if self.spec.wiring == Wiring::Attach { Some(1) } else { fleet.weight };
            if let Some(weight) = weight
                && !groups.iter().any(|(held, _)| held == &arn)
            {
                groups.push((arn, weight));
            }
        }
        if groups.is_empty() {
            return;
        }
        let rest = balancer_arn.as_str().split_once("loadbalancer/").map_or("", |(_, rest)| rest);
        let hash = self.world.random.hex(16);
        let arn = self.world.arn("elasticloadbalancing", &format!("listener/{rest}/{hash}"));
        let arn = ListenerArn::from(arn);
        let forward = Forward { groups, ..Forward::default() };
        let rule = |host: &String| {
            let of = arn.as_str().replacen(":listener/", ":listener-rule/", 1);
            Rule { arn: format!("{of}/{host}"), host: host.clone(), forward: forward.clone() }
        };
        let listener = Listener {
            rules: one.rules.iter().map(rule).collect(),
            arn: arn.clone(),
            balancer: balancer_arn,
            port: one.port,
            protocol: "TCP".to_owned(),
            forward: forward.clone(),
            in_force: forward,
            pending: BTreeMap::new(),
            connections_per_second: one.connections_per_second.max(0.0),
            streams: Vec::new(),
            streams_wanted: one.streams.min(1_000),
            tags: BTreeMap::new(),
        };
        self.world.listeners.insert(arn, listener);
    }

    fn group(&mut self, fleet: &FleetSpec, index: usize, name: &str) {
        let stack = fleet.stack.get_ref();
        let many = fleet.groups.max(1);
        let index = u32::try_from(index).unwrap_or(0);
        let nodes = fleet.nodes / many + u32::from(index < fleet.nodes % many);
        let uuid = self.world.random.uuid();
        let rest = format!("autoScalingGroup:{uuid}:autoScalingGroupName/{name}");
        let zones = if fleet.zones.is_empty() { &self.spec.zones } else { &fleet.zones };
        let services = match fleet.services.as_slice() {
            [] => {
                self.spec.service_names().first().into_iter().map(|one| (*one).to_owned()).collect()
            }
            named => named.iter().map(|one| one.get_ref().clone()).collect::<Vec<_>>(),
        };
        let group = Group {
            name: GroupName::from(name),
            arn: self.world.arn("autoscaling", &rest),
            stack: stack.into(),
            min: fleet.min.unwrap_or((nodes / 2).max(1).min(nodes)),
            max: fleet.max.unwrap_or((nodes * 2).max(1)),
            desired: nodes,
            zones: zones.iter().map(|zone| zone_name(&self.spec.region, zone)).collect(),
            health_check_type: fleet.health_checks.clone(),
            grace: Duration::from_secs(u64::from(fleet.grace_seconds)),
            suspended: BTreeMap::new(),
            attachments: self.attachments(fleet),
            members: BTreeMap::new(),
            activities: VecDeque::new(),
            refreshes: Vec::new(),
            template: format!("{stack}-template"),
            template_version: fleet.template_version.clone(),
            tags: group_tags(fleet),
            created: self.world.now,
            boot: boot(fleet.boot),
            services: services.iter().filter_map(|name| self.services.get(name).cloned()).collect(),
            launches_fail: false,
            products: products(fleet),
            rings: self.spec.rings.config(),
            next_replacement: self.world.now,
            launch_retry: self.world.now,
        };
        let name = group.name.clone();
        self.world.groups.insert(name.clone(), group);
        for _ in 0..nodes {
            self.node(&name, fleet);
        }
        self.world.watch_group(&name);
    }

    fn attachments(&self, fleet: &FleetSpec) -> Vec<Attachment> {
        let attached = self.spec.wiring == Wiring::Weights || fleet.attached;
        let by_elb = fleet.health_checks.split(',').any(|one| one.trim() == "ELB");
        let balancer = self.spec.balancer_of(fleet);
        let products = self.spec.listeners_of(balancer).filter(|_| attached);
        let names = products.map(|(_, product)| self.spec.target_group_name(fleet, product));
        names
            .filter_map(|name| self.world.target_groups.values().find(|one| one.name == name))
            .map(|one| Attachment {
                target_group: one.arn.clone(),
                state: if by_elb && one.used { "InService" } else { "Added" },
                by_older_call: false,
            })
            .collect()
    }

    /// A node as it stands after an hour: in service, registered, ready, healthy.
    fn node(&mut self, group: &GroupName, fleet: &FleetSpec) {
        let Some(held) = self.world.groups.get(group) else { return };
        let index = held.members.len() % held.zones.len().max(1);
        let Some(zone) = held.zones.get(index).cloned() else { return };
        let Some(id) = self.world.launch(group, &zone) else { return };
        self.name_node(fleet.stack.get_ref(), &id);
        let long_ago = self.world.now;
        if let Some(node) = self.world.instances.get_mut(&id) {
            node.state = "running";
        }
        self.world.set_all_phases(&id, Phase::Ready);
        for product in ["loki", "tempo"] {
            self.world.ring_stands(&id, &product.into());
        }
        if let Some(member) = self.world.member_mut(&id) {
            member.lifecycle = "InService";
            member.in_service_since = Some(long_ago);
        }
        self.register(&id, group, fleet);
        let attachments =
            self.world.groups.get(group).map(|one| one.attachments.clone()).unwrap_or_default();
        for one in attachments {
            if let Some(held) = self.world.target_groups.get_mut(&one.target_group) {
                let state = if held.used { TargetState::Healthy } else { TargetState::Checking };
                let target = Target { state, since: long_ago, change: 0 };
                held.targets.insert((id.clone(), held.port), target);
            }
        }
    }

    fn register(&mut self, id: &InstanceId, group: &GroupName, fleet: &FleetSpec) {
        if fleet.boot == BootSpec::None {
            return;
        }
        let services =
            self.world.groups.get(group).map(|one| one.services.clone()).unwrap_or_default();
        for service in services {
            let attributes = self.world.own_attributes(id);
            self.world.put_member(&service, id, attributes, None);
        }
    }

    /// Names a node by its stack and its turn: `blue-412/2`. With three zones, the second node is
    /// in the second.
    fn name_node(&mut self, stack: &str, id: &InstanceId) {
        let count = self.nodes.entry(stack.to_owned()).or_default();
        *count += 1;
        self.world.node_names.insert(format!("{stack}/{count}"), id.clone());
    }
}

fn group_tags(fleet: &FleetSpec) -> BTreeMap<String, String> {
    let mut tags = fleet.tags.clone();
    tags.insert(fleet.stack_key.clone(), fleet.stack.get_ref().clone());
    tags
}

fn boot(spec: BootSpec) -> Boot {
    match spec {
        BootSpec::Wiping => Boot::Wiping,
        BootSpec::Register => Boot::Register,
        BootSpec::None => Boot::None,
    }
}

fn products(fleet: &FleetSpec) -> Vec<(crate::core::ids::Product, String)> {
    crate::sim::world::PRODUCTS
        .iter()
        .filter(|(name, ..)| {
            fleet.products.is_empty() || fleet.products.iter().any(|one| one.get_ref() == name)
        })
        .map(|(name, _, usual)| {
            let version = fleet.versions.get(*name).map_or(*usual, String::as_str);
            ((*name).into(), version.to_owned())
        })
        .collect()
}

/// A target group's attributes with AWS's defaults for instance targets of an NLB.
fn default_attributes(delay: &str) -> BTreeMap<String, String> {
    [
        ("deregistration_delay.timeout_seconds", delay),
        ("deregistration_delay.connection_termination.enabled", "false"),
        ("stickiness.enabled", "false"),
        ("stickiness.type", "source_ip"),
        ("preserve_client_ip.enabled", "true"),
        ("proxy_protocol_v2.enabled", "false"),
        ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
        ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
        ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
        ("target_health_state.unhealthy.connection_termination.enabled", "true"),
        ("target_health_state.unhealthy.draining_interval_seconds", "0"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}
