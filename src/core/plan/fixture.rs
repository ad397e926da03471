//! Pictures for tests: a blue and a green fleet behind one load balancer, told in events as the
//! sources would, and bent before they are told.

use super::make::Request;
use super::{Context, Intent, Picture, Plan, Refusal, plan};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::estate::{Estate, Policy};
use crate::core::ids::{InstanceId, ListenerArn, LoadBalancerArn, StackId, TargetGroupArn};
use crate::core::inventory::{
    AutoScalingGroup, Ec2Instance, Forward, GroupInstance, Identity, Inventory, Listener,
    LoadBalancer, LoadBalancerAttributes, Member, Namespace, ProbeOutcome, ProbeReason,
    RegistryService, Rule, TargetGroup, TargetGroupAttributes, TargetHealth, Verdict,
    WeightedGroup,
};
use crate::core::reconcile::reconcile;
use crate::core::source::{Fragment, Scope, SourceEvent};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "us-west-2";
pub const PORTS: [(&str, u16); 2] = [("loki", 3100), ("tempo", 3200)];
pub const SERVICE: &str = "srv-1";

pub fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

pub fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// A node, by every source.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: InstanceId,
    pub ip: IpAddr,
    pub zone: &'static str,
    pub lifecycle: &'static str,
    pub health: &'static str,
    /// EC2's state; `None` is "no such instance".
    pub ec2: Option<&'static str>,
    pub listed: bool,
    pub version: &'static str,
    pub attributes: Option<BTreeMap<String, String>>,
    /// State by port.
    pub targets: BTreeMap<u16, &'static str>,
    pub probe: ProbeReason,
}

#[derive(Clone, Debug)]
pub struct Fleet {
    pub stack: &'static str,
    pub nodes: Vec<Node>,
    pub elb: bool,
    pub min: u32,
    pub max: u32,
    pub desired: u32,
    pub suspended: BTreeSet<String>,
    pub attached: bool,
    /// Weight by port; a port without one is in no listener.
    pub weights: BTreeMap<u16, u32>,
}

#[derive(Clone, Debug)]
pub struct World {
    pub fleets: Vec<Fleet>,
    /// One set of target groups for all.
    pub shared: bool,
    pub cross_zone: bool,
    pub delay: u32,
    pub rules: BTreeMap<u16, Vec<Rule>>,
    pub sticky: bool,
    pub extra_groups: Vec<WeightedGroup>,
    /// Scopes that fail with this.
    pub failing: Vec<(Scope, ErrorKind)>,
    /// Answers that are partial.
    pub partial: Vec<Scope>,
    /// Answers that are old.
    pub stale: Vec<Scope>,
    pub strangers: Vec<Member>,
    pub stranger_probe: Option<ProbeReason>,
    pub refreshing: bool,
}

pub fn id(fleet: usize, index: usize) -> InstanceId {
    InstanceId::from(format!("i-{fleet:02x}{index:015x}"))
}

pub fn blue(index: usize) -> InstanceId {
    id(0, index)
}

pub fn green(index: usize) -> InstanceId {
    id(1, index)
}

fn node(fleet: usize, index: usize, stack: &str) -> Node {
    let last = u8::try_from(index + 1).unwrap();
    let ip = IpAddr::V4(Ipv4Addr::new(127, 10, u8::try_from(fleet).unwrap(), last));
    Node {
        id: id(fleet, index),
        ip,
        zone: ["z-a", "z-b", "z-c"][index % 3],
        lifecycle: "InService",
        health: "Healthy",
        ec2: Some("running"),
        listed: true,
        version: "1",
        attributes: Some(entry(&ip.to_string(), stack)),
        targets: PORTS.iter().map(|(_, port)| (*port, "healthy")).collect(),
        probe: ProbeReason::Ready,
    }
}

pub fn entry(ip: &str, stack: &str) -> BTreeMap<String, String> {
    let pairs = [("AWS_INSTANCE_IPV4", ip), ("STACK", stack)];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A fleet of so many nodes with this weight on every port.
pub fn fleet(number: usize, stack: &'static str, nodes: usize, weight: u32) -> Fleet {
    let size = u32::try_from(nodes).unwrap();
    Fleet {
        stack,
        nodes: (0..nodes).map(|index| node(number, index, stack)).collect(),
        elb: true,
        min: 1,
        max: size * 2,
        desired: size,
        suspended: BTreeSet::new(),
        attached: true,
        weights: PORTS.iter().map(|(_, port)| (*port, weight)).collect(),
    }
}

/// Blue carries all, green is at weight 0; four nodes each, one zone twice.
pub fn world() -> World {
    World {
        fleets: vec![fleet(0, "blue", 4, 100), fleet(1, "green", 4, 0)],
        shared: false,
        cross_zone: true,
        delay: 300,
        rules: BTreeMap::new(),
        sticky: false,
        extra_groups: Vec::new(),
        failing: Vec::new(),
        partial: Vec::new(),
        stale: Vec::new(),
        strangers: Vec::new(),
        stranger_probe: None,
        refreshing: false,
    }
}

/// Blue is attached to groups that green shares when attached.
pub fn attach_world() -> World {
    let mut world = world();
    world.shared = true;
    world.fleets[1].attached = false;
    world.fleets[1].weights.clear();
    for node in &mut world.fleets[1].nodes {
        node.targets.clear();
    }
    world
}

pub fn balancer() -> LoadBalancerArn {
    LoadBalancerArn::from("arn:aws:elasticloadbalancing:us-west-2:1:loadbalancer/net/front/1")
}

pub fn listener(port: u16) -> ListenerArn {
    ListenerArn::from(format!(
        "arn:aws:elasticloadbalancing:us-west-2:1:listener/net/front/1/{port}"
    ))
}

impl World {
    pub fn group(&self, stack: &str, port: u16) -> TargetGroupArn {
        let owner = if self.shared { "all" } else { stack };
        TargetGroupArn::from(format!(
            "arn:aws:elasticloadbalancing:us-west-2:1:targetgroup/{owner}-{port}/1"
        ))
    }

    pub fn node(&mut self, id: &InstanceId) -> &mut Node {
        self.fleets.iter_mut().flat_map(|of| &mut of.nodes).find(|node| &node.id == id).unwrap()
    }

    /// The world as read, twice with 30 s between so that EC2's omissions count.
    pub fn told(&self) -> Told {
        let mut inventory = Inventory::default();
        for at in [now(), after(30)] {
            for event in self.events(at) {
                inventory.apply(event);
            }
        }
        let estate = reconcile(&inventory, after(30), &Policy::default());
        Told { inventory, estate }
    }

    pub fn events(&self, at: Timestamp) -> Vec<SourceEvent> {
        let mut all = vec![(
            Scope::Identity,
            Fragment::Identity(Identity { account: ACCOUNT.into(), arn: "arn:x".into() }),
        )];
        self.registry(&mut all);
        self.groups(&mut all);
        self.traffic(&mut all);
        self.nodes(&mut all, at);
        all.into_iter().map(|(scope, fragment)| self.event(scope, fragment, at)).collect()
    }

    fn event(&self, scope: Scope, fragment: Fragment, at: Timestamp) -> SourceEvent {
        let error = |kind| SourceError::new(kind, "Call", "as the test says");
        let failing = self.failing.iter().find(|(of, _)| of == &scope);
        let stale = self.stale.contains(&scope);
        SourceEvent {
            observed_at: if stale { at - SignedDuration::from_secs(600) } else { at },
            every: Duration::from_secs(10),
            calls: 1,
            missing: self.partial.contains(&scope).then(|| error(ErrorKind::Throttled)),
            result: failing.map_or(Ok(fragment), |(_, kind)| Err(error(*kind))),
            scope,
        }
    }

    fn registry(&self, all: &mut Vec<(Scope, Fragment)>) {
        let (name, http_name) = ("n".into(), "n".into());
        let namespace = Namespace { id: "ns-1".into(), name, http_name, has_dns: true };
        let service = RegistryService {
            id: SERVICE.into(),
            name: "glt".into(),
            namespace: "ns-1".into(),
            custom_health: false,
            description: None,
            created: None,
        };
        let nodes = self.fleets.iter().flat_map(|fleet| &fleet.nodes);
        let members = nodes
            .filter_map(|node| Some(Member::new(node.id.clone(), node.attributes.clone()?)))
            .chain(self.strangers.clone());
        all.push((Scope::Namespaces, Fragment::Namespaces(vec![namespace])));
        all.push((Scope::Services("ns-1".into()), Fragment::Services(vec![service])));
        all.push((Scope::Members(SERVICE.into()), Fragment::Members(members.collect())));
    }

    fn groups(&self, all: &mut Vec<(Scope, Fragment)>) {
        let groups = self.fleets.iter().map(|fleet| AutoScalingGroup {
            name: format!("{}-asg", fleet.stack).into(),
            min: fleet.min,
            max: fleet.max,
            desired: fleet.desired,
            zones: ["z-a", "z-b", "z-c"].into_iter().map(Into::into).collect(),
            health_check_types: if fleet.elb {
                vec!["EC2".into(), "ELB".into()]
            } else {
                vec!["EC2".into()]
            },
            grace_seconds: 300,
            suspended: fleet.suspended.iter().map(|of| (of.clone(), String::new())).collect(),
            target_groups: PORTS
                .iter()
                .filter(|_| fleet.attached)
                .map(|(_, port)| self.group(fleet.stack, *port))
                .collect(),
            tags: [("STACK".to_owned(), fleet.stack.to_owned())].into(),
            instances: fleet
                .nodes
                .iter()
                .filter(|node| node.listed)
                .map(|node| GroupInstance {
                    id: node.id.clone(),
                    zone: node.zone.into(),
                    lifecycle: node.lifecycle.into(),
                    health: node.health.into(),
                    launch_template: Some("lt-1".into()),
                    launch_template_version: Some(node.version.into()),
                    protected: false,
                })
                .collect(),
        });
        all.push((Scope::Groups, Fragment::Groups(groups.collect())));
        for fleet in &self.fleets {
            let name = format!("{}-asg", fleet.stack);
            all.push((Scope::Activities(name.clone().into()), Fragment::Activities(Vec::new())));
            let refresh = crate::core::inventory::Refresh {
                id: "r-1".into(),
                status: if self.refreshing { "InProgress" } else { "Successful" }.into(),
                percent: None,
                started: None,
            };
            all.push((Scope::Refreshes(name.into()), Fragment::Refreshes(vec![refresh])));
        }
    }

    fn traffic(&self, all: &mut Vec<(Scope, Fragment)>) {
        let front = LoadBalancer {
            arn: balancer(),
            name: "front".into(),
            dns_name: "front.local".into(),
            state: "active".into(),
            zones: ["z-a", "z-b", "z-c"].into_iter().map(Into::into).collect(),
            security_groups: vec!["sg-1".into()],
        };
        all.push((Scope::LoadBalancers, Fragment::LoadBalancers(vec![front])));
        let attributes = LoadBalancerAttributes { cross_zone: self.cross_zone };
        all.push((
            Scope::LoadBalancerAttributes(balancer()),
            Fragment::LoadBalancerAttributes(attributes),
        ));
        let mut groups: BTreeMap<TargetGroupArn, (u16, Vec<TargetHealth>)> = BTreeMap::new();
        for fleet in &self.fleets {
            for (_, port) in PORTS {
                let targets = fleet.nodes.iter().filter_map(|node| target(node, port));
                let arn = self.group(fleet.stack, port);
                groups.entry(arn).or_insert_with(|| (port, Vec::new())).1.extend(targets);
            }
        }
        let described = groups.iter().map(|(arn, (port, _))| target_group(arn, *port)).collect();
        all.push((Scope::TargetGroups, Fragment::TargetGroups(described)));
        let listeners = PORTS.iter().map(|(_, port)| Listener {
            arn: listener(*port),
            load_balancer: balancer(),
            port: *port,
            protocol: "TCP".into(),
            default: self.forward(*port),
        });
        all.push((Scope::Listeners(balancer()), Fragment::Listeners(listeners.collect())));
        for (_, port) in PORTS {
            let rules = self.rules.get(&port).cloned().unwrap_or_default();
            all.push((Scope::Rules(listener(port)), Fragment::Rules(rules)));
        }
        for (arn, (_, targets)) in groups {
            let attributes = TargetGroupAttributes {
                deregistration_delay_seconds: Some(self.delay),
                ..TargetGroupAttributes::default()
            };
            let scope = Scope::TargetGroupAttributes(arn.clone());
            all.push((scope, Fragment::TargetGroupAttributes(attributes)));
            all.push((Scope::TargetHealth(arn), Fragment::TargetHealth(targets)));
        }
    }

    /// The action of a port's listener.
    pub fn forward(&self, port: u16) -> Forward {
        let mut groups: Vec<WeightedGroup> = Vec::new();
        for fleet in &self.fleets {
            let target_group = self.group(fleet.stack, port);
            if let Some(weight) = fleet.weights.get(&port) {
                groups.push(WeightedGroup { target_group, weight: *weight });
            }
        }
        groups.extend(self.extra_groups.clone());
        Forward { groups, sticky: self.sticky, sticky_seconds: self.sticky.then_some(300) }
    }

    fn nodes(&self, all: &mut Vec<(Scope, Fragment)>, at: Timestamp) {
        let nodes = || self.fleets.iter().flat_map(|fleet| &fleet.nodes);
        let found = nodes().filter_map(|node| {
            Some(Ec2Instance {
                id: node.id.clone(),
                state: node.ec2?.into(),
                private_ip: (node.ec2 != Some("terminated")).then_some(node.ip),
                zone: Some(node.zone.into()),
                launched: Some(at - SignedDuration::from_secs(86_400)),
                image: None,
            })
        });
        let asked = nodes().map(|node| node.id.clone());
        let asked = asked.chain(self.strangers.iter().map(|of| of.id.clone()));
        let answer = Fragment::Instances { asked: asked.collect(), found: found.collect() };
        all.push((Scope::Instances(0), answer));
        for node in nodes() {
            let outcomes = PORTS.iter().map(|of| outcome(&node.ip.to_string(), *of, &node.probe));
            all.push((Scope::Probe(node.id.clone()), Fragment::Probes(outcomes.collect())));
        }
        for stranger in &self.strangers {
            if let (Some(reason), Some(ip)) = (&self.stranger_probe, stranger.ipv4()) {
                let outcomes = PORTS.iter().map(|of| outcome(ip, *of, reason));
                all.push((Scope::Probe(stranger.id.clone()), Fragment::Probes(outcomes.collect())));
            }
        }
    }
}

fn target(node: &Node, port: u16) -> Option<TargetHealth> {
    Some(TargetHealth {
        id: node.id.clone(),
        port,
        zone: None,
        state: (*node.targets.get(&port)?).into(),
        reason: None,
        description: None,
    })
}

fn target_group(arn: &TargetGroupArn, port: u16) -> TargetGroup {
    TargetGroup {
        arn: arn.clone(),
        name: crate::core::ids::arn_name(arn.as_str()).into(),
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

fn outcome(ip: &str, (product, port): (&str, u16), reason: &ProbeReason) -> ProbeOutcome {
    ProbeOutcome {
        product: product.into(),
        url: format!("http://{ip}:{port}/ready"),
        port,
        verdict: if *reason == ProbeReason::Ready { Verdict::Pass } else { Verdict::Fail },
        reason: reason.clone(),
        alive: None,
        status: None,
        latency_ms: Some(1),
        detail: format!("{reason:?}"),
    }
}

/// What was read of a world.
pub struct Told {
    pub inventory: Inventory,
    pub estate: Estate,
}

impl Told {
    pub fn picture(&self) -> Picture<'_> {
        Picture::new(&self.inventory, &self.estate, after(30)).in_region(REGION)
    }
}

pub fn context() -> Context {
    Context {
        region: REGION.into(),
        own_addresses: Some(BTreeSet::from([IpAddr::V4(Ipv4Addr::LOCALHOST)])),
        ..Context::default()
    }
}

/// A wish, bent.
pub fn wish(intent: Intent, bend: impl FnOnce(&mut Request)) -> Request {
    let mut request = Request::new(intent);
    bend(&mut request);
    request
}

/// The plan that a world gives for a wish.
pub fn planned(world: &World, request: &Request) -> Result<Plan, Refusal> {
    planned_in(world, request, &context())
}

pub fn planned_in(world: &World, request: &Request, context: &Context) -> Result<Plan, Refusal> {
    let told = world.told();
    plan(&told.picture(), request, context)
}

pub fn cutover() -> Intent {
    Intent::Cutover { from: StackId::from("blue"), to: StackId::from("green") }
}

pub fn drain(nodes: &[InstanceId]) -> Intent {
    Intent::Drain { nodes: nodes.to_vec() }
}
