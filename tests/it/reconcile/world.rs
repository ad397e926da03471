//! A small world in a few lines, as the sources would tell it: fleets of nodes, each in its Auto
//! Scaling group, registered, behind one network load balancer with a listener and a target group
//! a port. Tests bend it before it is told.

use jiff::Timestamp;
use quarterdeck::core::ids::{InstanceId, ListenerArn, LoadBalancerArn, ServiceId, TargetGroupArn};
use quarterdeck::core::inventory::{
    Activity, AutoScalingGroup, Ec2Instance, Forward, GroupInstance, Inventory, Listener,
    LoadBalancer, LoadBalancerAttributes, Member, MemberHealth, Namespace, ProbeOutcome,
    ProbeReason, RegistryService, TargetGroup, TargetGroupAttributes, TargetHealth, Verdict,
    WeightedGroup,
};
use quarterdeck::core::source::{Fragment, Scope, SourceEvent};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The ports of Grafana, Loki and Tempo.
pub const PORTS: [(&str, u16); 3] = [("grafana", 3000), ("loki", 3100), ("tempo", 3200)];

/// The moment at which everything was observed.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

/// A node as every source would describe it.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: InstanceId,
    pub ip: IpAddr,
    pub zone: &'static str,
    pub lifecycle: &'static str,
    pub ec2_state: &'static str,
    pub version: &'static str,
    pub age: Duration,
    pub in_group: bool,
    pub in_ec2: bool,
    pub member: Option<Member>,
    pub member_health: Option<MemberHealth>,
    /// State by port; a missing port is no target.
    pub targets: BTreeMap<u16, &'static str>,
    pub probes: BTreeMap<&'static str, ProbeReason>,
}

/// A fleet: one group.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub stack: &'static str,
    pub tagged: bool,
    pub weights: BTreeMap<u16, u32>,
    pub health_checks: Vec<String>,
    pub suspended: Vec<&'static str>,
    pub nodes: Vec<Node>,
    pub activities: Vec<Activity>,
}

/// A world.
#[derive(Clone, Debug)]
pub struct World {
    pub fleets: Vec<Fleet>,
    /// One set of target groups for all fleets (attach), rather than one a fleet (weights).
    pub shared_groups: bool,
    pub zones: Vec<&'static str>,
    pub cross_zone: bool,
    pub security_groups: Vec<String>,
    pub strangers: Vec<Member>,
    pub custom_health: bool,
}

/// Two fleets of three, blue live and green standby, everything well.
pub fn blue_green() -> World {
    sized(&[("blue", 3, 100), ("green", 3, 0)])
}

/// Fleets of so many nodes, with these weights.
pub fn sized(fleets: &[(&'static str, usize, u32)]) -> World {
    let fleets = (0_u8..).zip(fleets).map(|(number, (stack, nodes, weight))| Fleet {
        stack,
        tagged: true,
        weights: PORTS.iter().map(|(_, port)| (*port, *weight)).collect(),
        health_checks: vec!["EC2".into(), "ELB".into()],
        suspended: Vec::new(),
        nodes: (0..*nodes).map(|index| node(stack, number, index)).collect(),
        activities: Vec::new(),
    });
    World {
        fleets: fleets.collect(),
        shared_groups: false,
        zones: vec!["z-a", "z-b", "z-c"],
        cross_zone: false,
        security_groups: vec!["sg-1".into()],
        strangers: Vec::new(),
        custom_health: false,
    }
}

fn node(stack: &str, fleet: u8, index: usize) -> Node {
    let id = InstanceId::from(format!("i-{fleet:02x}{index:015x}"));
    let [_, _, high, low] = u32::try_from(index).unwrap().to_be_bytes();
    let ip = IpAddr::V4(Ipv4Addr::new(127, 10 + fleet, high, low));
    Node {
        member: Some(member(id.as_str(), &ip.to_string(), stack)),
        id,
        ip,
        zone: ["z-a", "z-b", "z-c"][index % 3],
        lifecycle: "InService",
        ec2_state: "running",
        version: "1",
        age: Duration::from_secs(86_400),
        in_group: true,
        in_ec2: true,
        member_health: None,
        targets: PORTS.iter().map(|(_, port)| (*port, "healthy")).collect(),
        probes: PORTS.iter().map(|(product, _)| (*product, ProbeReason::Ready)).collect(),
    }
}

/// A registry entry.
pub fn member(id: &str, ip: &str, stack: &str) -> Member {
    let attributes = [("AWS_INSTANCE_IPV4", ip), ("STACK", stack)];
    let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Member::new(InstanceId::from(id), attributes.into())
}

pub fn service() -> ServiceId {
    ServiceId::from("srv-1")
}

pub fn balancer() -> LoadBalancerArn {
    LoadBalancerArn::from("arn:aws:elasticloadbalancing:r:1:loadbalancer/net/front/1")
}

impl World {
    /// What every source says, each in an event of its own.
    pub fn events(&self) -> Vec<SourceEvent> {
        let mut all = self.registry_events();
        all.extend(self.group_events());
        all.extend(self.load_balancing_events());
        all.extend(self.node_events());
        all
    }

    /// The inventory after all events, in the given order.
    pub fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::default();
        self.events().into_iter().for_each(|event| inventory.apply(event));
        inventory
    }

    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.fleets.iter().flat_map(|fleet| &fleet.nodes)
    }

    /// The target group for a fleet's port.
    pub fn target_group(&self, stack: &str, port: u16) -> TargetGroupArn {
        let owner = if self.shared_groups { "all" } else { stack };
        TargetGroupArn::from(format!(
            "arn:aws:elasticloadbalancing:r:1:targetgroup/{owner}-{port}/1"
        ))
    }

    fn registry_events(&self) -> Vec<SourceEvent> {
        let namespace =
            Namespace { id: "ns-1".into(), name: "n".into(), http_name: "n".into(), has_dns: true };
        let registered = RegistryService {
            id: service(),
            name: "glt".into(),
            namespace: "ns-1".into(),
            custom_health: self.custom_health,
            description: None,
            created: None,
        };
        let members = self.nodes().filter_map(|node| node.member.clone());
        let members = members.chain(self.strangers.iter().cloned()).collect();
        let health: BTreeMap<_, _> =
            self.nodes().filter_map(|node| Some((node.id.clone(), node.member_health?))).collect();
        let mut events = vec![
            event(Scope::Namespaces, Fragment::Namespaces(vec![namespace])),
            event(Scope::Services("ns-1".into()), Fragment::Services(vec![registered])),
            event(Scope::Members(service()), Fragment::Members(members)),
        ];
        if self.custom_health {
            let scope = Scope::MemberHealth(service());
            events.push(event(scope, Fragment::MemberHealth(health)));
        }
        events
    }

    fn group_events(&self) -> Vec<SourceEvent> {
        let groups = self.fleets.iter().map(|fleet| self.group(fleet)).collect();
        let mut events = vec![event(Scope::Groups, Fragment::Groups(groups))];
        events.extend(self.fleets.iter().map(|fleet| {
            let scope = Scope::Activities(format!("{}-asg", fleet.stack).into());
            event(scope, Fragment::Activities(fleet.activities.clone()))
        }));
        events
    }

    fn group(&self, fleet: &Fleet) -> AutoScalingGroup {
        let listed: Vec<&Node> = fleet.nodes.iter().filter(|node| node.in_group).collect();
        let size = u32::try_from(listed.len()).unwrap();
        let tag = ("STACK".to_owned(), fleet.stack.to_owned());
        AutoScalingGroup {
            name: format!("{}-asg", fleet.stack).into(),
            min: size,
            max: size * 2,
            desired: size,
            zones: self.zones.iter().map(Into::into).collect(),
            health_check_types: fleet.health_checks.clone(),
            grace_seconds: 300,
            suspended: fleet.suspended.iter().map(|of| ((*of).into(), String::new())).collect(),
            target_groups: fleet
                .weights
                .keys()
                .map(|port| self.target_group(fleet.stack, *port))
                .collect(),
            tags: fleet.tagged.then_some(tag).into_iter().collect(),
            instances: listed
                .iter()
                .map(|node| GroupInstance {
                    id: node.id.clone(),
                    zone: node.zone.into(),
                    lifecycle: node.lifecycle.into(),
                    health: "Healthy".into(),
                    launch_template: Some("lt-1".into()),
                    launch_template_version: Some(node.version.into()),
                    protected: false,
                })
                .collect(),
        }
    }

    fn load_balancing_events(&self) -> Vec<SourceEvent> {
        let front = LoadBalancer {
            arn: balancer(),
            name: "front".into(),
            dns_name: "front.local".into(),
            state: "active".into(),
            zones: self.zones.iter().map(Into::into).collect(),
            security_groups: self.security_groups.clone(),
        };
        let attributes = LoadBalancerAttributes { cross_zone: self.cross_zone };
        let mut groups: BTreeMap<TargetGroupArn, (u16, Vec<TargetHealth>)> = BTreeMap::new();
        for fleet in &self.fleets {
            for port in fleet.weights.keys() {
                let arn = self.target_group(fleet.stack, *port);
                let targets = fleet.nodes.iter().filter_map(|node| target(node, *port));
                groups.entry(arn).or_insert_with(|| (*port, Vec::new())).1.extend(targets);
            }
        }
        let described = groups.iter().map(|(arn, (port, _))| target_group(arn, *port)).collect();
        let mut events = vec![
            event(Scope::LoadBalancers, Fragment::LoadBalancers(vec![front])),
            event(
                Scope::LoadBalancerAttributes(balancer()),
                Fragment::LoadBalancerAttributes(attributes),
            ),
            event(Scope::TargetGroups, Fragment::TargetGroups(described)),
            event(Scope::Listeners(balancer()), Fragment::Listeners(self.listeners())),
        ];
        for (arn, (_, targets)) in groups {
            let own = TargetGroupAttributes::default();
            let scope = Scope::TargetGroupAttributes(arn.clone());
            events.push(event(scope, Fragment::TargetGroupAttributes(own)));
            events.push(event(Scope::TargetHealth(arn), Fragment::TargetHealth(targets)));
        }
        events
    }

    fn listeners(&self) -> Vec<Listener> {
        let one = |port: u16| {
            let mut groups: Vec<WeightedGroup> = Vec::new();
            for fleet in &self.fleets {
                let target_group = self.target_group(fleet.stack, port);
                if let Some(weight) = fleet.weights.get(&port)
                    && !groups.iter().any(|of| of.target_group == target_group)
                {
                    groups.push(WeightedGroup { target_group, weight: *weight });
                }
            }
            Listener {
                arn: ListenerArn::from(format!("listener/net/front/1/{port}")),
                load_balancer: balancer(),
                port,
                protocol: "TCP".into(),
                default: Forward { groups, ..Forward::default() },
            }
        };
        PORTS.iter().map(|(_, port)| one(*port)).collect()
    }

    fn node_events(&self) -> Vec<SourceEvent> {
        let known = self.nodes().filter(|node| node.in_ec2);
        let found = known.map(|node| Ec2Instance {
            id: node.id.clone(),
            state: node.ec2_state.into(),
            private_ip: (node.ec2_state != "terminated").then_some(node.ip),
            zone: Some(node.zone.into()),
            launched: now().checked_sub(node.age).ok(),
            image: None,
        });
        let asked = self.nodes().map(|node| node.id.clone());
        let asked = asked.chain(self.strangers.iter().map(|one| one.id.clone()));
        let answer = Fragment::Instances { asked: asked.collect(), found: found.collect() };
        let mut events = vec![event(Scope::Instances(0), answer)];
        events.extend(self.nodes().filter(|node| !node.probes.is_empty()).map(|node| {
            let outcomes =
                node.probes.iter().map(|(product, reason)| outcome(node, product, reason));
            event(Scope::Probe(node.id.clone()), Fragment::Probes(outcomes.collect()))
        }));
        events
    }
}

fn target(node: &Node, port: u16) -> Option<TargetHealth> {
    let state = node.targets.get(&port)?;
    let failed = *state == "unhealthy";
    Some(TargetHealth {
        id: node.id.clone(),
        port,
        zone: None,
        state: (*state).into(),
        reason: failed.then(|| "Target.FailedHealthChecks".into()),
        description: failed.then(|| "Health checks failed".into()),
    })
}

fn target_group(arn: &TargetGroupArn, port: u16) -> TargetGroup {
    TargetGroup {
        arn: arn.clone(),
        name: quarterdeck::core::ids::arn_name(arn.as_str()).into(),
        port,
        protocol: "TCP".into(),
        target_type: "instance".into(),
        load_balancers: vec![balancer()],
        check_protocol: "HTTP".into(),
        check_port: None,
        check_path: Some("/ready".into()),
        check_interval_seconds: 10,
        unhealthy_threshold: 2,
        healthy_threshold: 2,
    }
}

fn outcome(node: &Node, product: &str, reason: &ProbeReason) -> ProbeOutcome {
    let port = PORTS.iter().find(|(name, _)| *name == product).map_or(8080, |(_, port)| *port);
    let answered = !reason.is_silence() && *reason != ProbeReason::Frozen;
    let verdict = match reason {
        ProbeReason::Ready => Verdict::Pass,
        ProbeReason::NotPresent | ProbeReason::Proxy => Verdict::Unknown,
        _ => Verdict::Fail,
    };
    ProbeOutcome {
        product: product.into(),
        url: format!("http://{}:{port}/ready", node.ip),
        port,
        verdict,
        reason: reason.clone(),
        alive: None,
        status: answered.then_some(if verdict == Verdict::Pass { 200 } else { 503 }),
        latency_ms: Some(1),
        detail: format!("{reason:?}"),
    }
}

/// An answer, observed at [`now`].
pub fn event(scope: Scope, fragment: Fragment) -> SourceEvent {
    SourceEvent {
        scope,
        observed_at: now(),
        every: Duration::from_secs(10),
        calls: 1,
        result: Ok(fragment),
        missing: None,
    }
}
