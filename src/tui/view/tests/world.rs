//! A world for frames, told as the sources would tell it and joined by the real `reconcile`: two
//! fleets behind one load balancer, a listener, a target group and a probe a product.

use crate::app::fixture::{at, feed};
use crate::app::{EventKind, Model};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::estate::Policy;
use crate::core::ids::{InstanceId, ListenerArn, LoadBalancerArn, StackId, TargetGroupArn};
use crate::core::inventory::{
    Activity, AutoScalingGroup, DnsAnswer, DnsRecords, Ec2Instance, Forward, GroupInstance,
    Identity, LeftMember, Listener, LoadBalancer, LoadBalancerAttributes, Member, Namespace, Page,
    ProbeOutcome, ProbeReason, ProductMetrics, ProductRings, RECORDS_AT_MOST, RegistryService,
    Ring, RingMember, RingState, Sample, TargetGroup, TargetGroupAttributes, TargetHealth, Verdict,
    WeightedGroup,
};
use crate::core::joined::Joined;
use crate::core::reconcile::reconcile;
use crate::core::source::{Fragment, Scope, SourceEvent};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(super) const PORTS: [(u16, &str); 4] =
    [(3000, "grafana"), (3100, "loki"), (3200, "tempo"), (4317, "otlp")];
const ZONES: [&str; 3] = ["us-west-2a", "us-west-2b", "us-west-2c"];

pub(super) struct Node {
    pub id: InstanceId,
    pub ip: String,
    pub zone: &'static str,
    pub lifecycle: &'static str,
    /// Address and STACK as registered.
    pub member: Option<(String, String)>,
    pub targets: [&'static str; 4],
    pub probes: [ProbeReason; 3],
}

pub(super) struct Fleet {
    pub stack: StackId,
    pub weights: [u32; 4],
    pub nodes: Vec<Node>,
    pub activities: Vec<Activity>,
    /// Loki's nodes that see each other, a group each.
    pub loki: Vec<Vec<usize>>,
    /// A member of Loki's ring that is gone, and the node that it keeps from becoming ready.
    pub debris: Option<usize>,
    /// Whether Tempo's nodes share a ring.
    pub tempo: bool,
    /// Requests a second that reach each product of each node.
    pub served: f64,
}

pub(super) struct World {
    pub fleets: Vec<Fleet>,
}

fn node(stack: &str, fleet: usize, number: usize) -> Node {
    let ip = format!("10.0.{fleet}.{}", number + 4);
    Node {
        id: format!("i-0{fleet}c4d5e6f70000{number:04x}").into(),
        zone: ZONES[number % 3],
        lifecycle: "InService",
        member: Some((ip.clone(), stack.to_owned())),
        ip,
        targets: ["healthy"; 4],
        probes: [ProbeReason::Ready, ProbeReason::Ready, ProbeReason::Ready],
    }
}

/// Blue live, green standby, all well.
pub(super) fn healthy(each: usize) -> World {
    let fleets = [("blue-412", 100), ("green-413", 0)].into_iter().enumerate();
    let fleets = fleets.map(|(fleet, (stack, weight))| Fleet {
        stack: stack.into(),
        weights: [weight; 4],
        nodes: (0..each).map(|number| node(stack, fleet, number)).collect(),
        activities: vec![activity(stack, "a-1", -7200, "Successful", None)],
        loki: vec![(0..each).collect()],
        debris: None,
        tempo: true,
        served: if weight > 0 { 135.0 } else { 0.0 },
    });
    World { fleets: fleets.collect() }
}

fn activity(stack: &str, id: &str, second: i64, status: &str, message: Option<&str>) -> Activity {
    Activity {
        id: format!("{stack}-{id}"),
        group: format!("{stack}-asg").into(),
        started: at(second),
        ended: Some(at(second + 40)),
        status: status.into(),
        description: "Launching a new EC2 instance: i-0aaaaaaaaaaaaaaa1".into(),
        message: message.map(str::to_owned),
    }
}

/// The boot race in green, a product down on one of its nodes, a group of it failing open, a shift
/// half done on one listener, a wrong address and a launch that failed in blue.
pub(super) fn troubled(each: usize) -> World {
    let mut world = healthy(each);
    let [blue, green] = &mut world.fleets[..] else { panic!("two fleets") };
    for node in &mut green.nodes[1..] {
        node.member = None;
    }
    green.nodes[2].targets[1] = "unhealthy";
    for node in &mut green.nodes {
        node.targets[3] = "unhealthy";
    }
    // The last node by itself, compactor and all; a dead one that keeps the newcomer out.
    green.loki = vec![(0..each - 1).collect(), vec![each - 1]];
    green.debris = Some(2);
    green.nodes[2].probes[1] = ProbeReason::BlockedBy("10.0.1.99:9095".into());
    green.served = 2.4;
    blue.tempo = false;
    green.weights[0] = 25;
    blue.weights[0] = 75;
    blue.nodes[1].member = Some(("10.0.9.9".into(), "blue-412".into()));
    for node in blue.nodes.iter_mut().filter(|node| node.zone == ZONES[2]) {
        node.targets[2] = "unhealthy";
    }
    let why = "We currently do not have sufficient m6g.large capacity in us-west-2c.";
    blue.activities.push(activity("blue-412", "a-2", -60, "Failed", Some(why)));
    world
}

fn balancer() -> LoadBalancerArn {
    "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/net/front/50dc".into()
}

fn listener(port: u16) -> ListenerArn {
    let name = format!("listener/net/front/50dc/{port}");
    format!("arn:aws:elasticloadbalancing:us-west-2:123456789012:{name}").into()
}

fn group(stack: &StackId, name: &str) -> TargetGroupArn {
    let name = format!("targetgroup/{stack}-{name}/73e2");
    format!("arn:aws:elasticloadbalancing:us-west-2:123456789012:{name}").into()
}

type News = (Scope, Fragment);

impl World {
    fn news(&self, second: i64) -> Vec<News> {
        let mut all = vec![(
            Scope::Identity,
            Fragment::Identity(Identity { account: "123456789012".into(), arn: "arn:x".into() }),
        )];
        self.registry(&mut all);
        self.groups(&mut all);
        self.traffic(&mut all);
        self.nodes(&mut all);
        self.told(second, &mut all);
        all
    }

    fn registry(&self, all: &mut Vec<News>) {
        let name = "obs.internal".to_owned();
        let namespace =
            Namespace { id: "ns-1".into(), http_name: name.clone(), name, has_dns: true };
        all.push((Scope::Namespaces, Fragment::Namespaces(vec![namespace])));
        let service = RegistryService {
            id: "srv-glt".into(),
            name: "glt".into(),
            namespace: "ns-1".into(),
            custom_health: false,
            description: None,
            created: None,
        };
        all.push((Scope::Services("ns-1".into()), Fragment::Services(vec![service])));
        let nodes = self.fleets.iter().flat_map(|fleet| &fleet.nodes);
        let members = nodes.filter_map(|node| {
            let (ip, stack) = node.member.clone()?;
            let attributes = [("AWS_INSTANCE_IPV4".to_owned(), ip), ("STACK".to_owned(), stack)];
            Some(Member::new(node.id.clone(), attributes.into()))
        });
        all.push((Scope::Members("srv-glt".into()), Fragment::Members(members.collect())));
    }

    fn groups(&self, all: &mut Vec<News>) {
        let groups = self.fleets.iter().map(|fleet| {
            let count = u32::try_from(fleet.nodes.len()).unwrap();
            AutoScalingGroup {
                name: format!("{}-asg", fleet.stack).into(),
                min: count,
                max: count * 2,
                desired: count,
                zones: ZONES.map(Into::into).into(),
                health_check_types: vec!["EC2".into(), "ELB".into()],
                grace_seconds: 300,
                suspended: BTreeMap::new(),
                target_groups: PORTS.iter().map(|(_, name)| group(&fleet.stack, name)).collect(),
                tags: [("STACK".to_owned(), fleet.stack.to_string())].into(),
                instances: fleet.nodes.iter().map(instance).collect(),
            }
        });
        all.push((Scope::Groups, Fragment::Groups(groups.collect())));
        for fleet in &self.fleets {
            let scope = Scope::Activities(format!("{}-asg", fleet.stack).into());
            all.push((scope, Fragment::Activities(fleet.activities.clone())));
        }
    }

    fn traffic(&self, all: &mut Vec<News>) {
        let front = LoadBalancer {
            arn: balancer(),
            name: "front".into(),
            dns_name: "front.elb.us-west-2.amazonaws.com".into(),
            state: "active".into(),
            zones: ZONES.map(Into::into).into(),
            security_groups: vec!["sg-1".into()],
        };
        let front = if self.fleets.is_empty() { Vec::new() } else { vec![front] };
        all.push((Scope::LoadBalancers, Fragment::LoadBalancers(front)));
        let groups = self.fleets.iter().flat_map(|fleet| {
            PORTS.iter().map(|(port, name)| target_group(&fleet.stack, *port, name))
        });
        all.push((Scope::TargetGroups, Fragment::TargetGroups(groups.collect())));
        if self.fleets.is_empty() {
            return;
        }
        let attributes = LoadBalancerAttributes { cross_zone: false };
        all.push((
            Scope::LoadBalancerAttributes(balancer()),
            Fragment::LoadBalancerAttributes(attributes),
        ));
        let listeners = (0..).zip(PORTS).map(|(place, (port, name))| {
            let groups = self.fleets.iter().map(|fleet| WeightedGroup {
                target_group: group(&fleet.stack, name),
                weight: fleet.weights[place],
            });
            let default = Forward { groups: groups.collect(), sticky: false, sticky_seconds: None };
            let (arn, load_balancer) = (listener(port), balancer());
            Listener { arn, load_balancer, port, protocol: "TCP".into(), default }
        });
        all.push((Scope::Listeners(balancer()), Fragment::Listeners(listeners.collect())));
        for (port, _) in PORTS {
            all.push((Scope::Rules(listener(port)), Fragment::Rules(Vec::new())));
        }
        for fleet in &self.fleets {
            for (place, (port, name)) in (0..).zip(PORTS) {
                let arn = group(&fleet.stack, name);
                let none = TargetGroupAttributes::default();
                all.push((
                    Scope::TargetGroupAttributes(arn.clone()),
                    Fragment::TargetGroupAttributes(none),
                ));
                let targets = fleet.nodes.iter().map(|node| target(node, port, place));
                let targets = Fragment::TargetHealth(targets.collect());
                all.push((Scope::TargetHealth(arn), targets));
            }
        }
    }

    fn nodes(&self, all: &mut Vec<News>) {
        let nodes = || self.fleets.iter().flat_map(|fleet| &fleet.nodes);
        let found = nodes().map(|node| Ec2Instance {
            id: node.id.clone(),
            state: "running".into(),
            private_ip: Some(node.ip.parse().unwrap()),
            zone: Some(node.zone.into()),
            launched: Some(at(-86_400)),
            image: None,
        });
        let asked = nodes().map(|node| node.id.clone()).collect();
        let found = Fragment::Instances { asked, found: found.collect() };
        all.push((Scope::Instances(0), found));
        for node in nodes() {
            let outcomes = node.probes.iter().zip(PORTS);
            let outcomes = outcomes.map(|(reason, (port, name))| probe(node, reason, port, name));
            all.push((Scope::Probe(node.id.clone()), Fragment::Probes(outcomes.collect())));
        }
    }
}

impl World {
    /// What nodes tell of their rings and requests, and what DNS answers.
    fn told(&self, second: i64, all: &mut Vec<News>) {
        for fleet in &self.fleets {
            for (number, node) in fleet.nodes.iter().enumerate() {
                let rings = vec![fleet.loki_of(number), fleet.tempo_of(number)];
                all.push((Scope::Rings(node.id.clone()), Fragment::Rings(rings)));
                let leads = fleet.loki.iter().any(|group| group.first() == Some(&number));
                let counted = PORTS[..3].iter().map(|(_, product)| ProductMetrics {
                    product: (*product).into(),
                    sample: Page::Read(sample(fleet.served, second, product, leads)),
                });
                let counted = Fragment::Metrics(counted.collect());
                all.push((Scope::Metrics(node.id.clone()), counted));
            }
        }
        let members = self.fleets.iter().flat_map(|fleet| &fleet.nodes);
        let members = members.filter_map(|node| node.member.as_ref()?.0.parse().ok());
        let addresses: std::collections::BTreeSet<_> = members.take(RECORDS_AT_MOST).collect();
        let records = DnsRecords::Addresses { addresses, ttl: 60 };
        let answer = DnsAnswer { resolver: "system".into(), records, negative_ttl: None };
        all.push((Scope::Dns("glt.obs.internal".into()), Fragment::Dns(answer)));
    }
}

impl Fleet {
    fn loki_of(&self, number: usize) -> ProductRings {
        let group = self.loki.iter().find(|group| group.contains(&number)).unwrap();
        let mut members: Vec<_> =
            group.iter().map(|at| member("loki", &self.nodes[*at].ip)).collect();
        // The one that is alone never heard of it.
        if self.debris.is_some() && group.len() > 1 {
            members.push(RingMember {
                state: RingState::Unhealthy,
                heartbeat_age: Some(1_503),
                ..member("loki", "10.0.1.99")
            });
        }
        page("loki", "/ring", members)
    }

    fn tempo_of(&self, number: usize) -> ProductRings {
        let members = match self.tempo {
            true => self.nodes.iter().map(|node| member("tempo", &node.ip)).collect(),
            false => vec![RingMember {
                address: "127.0.0.1:9096".into(),
                ..member("tempo", &self.nodes[number].ip)
            }],
        };
        page("tempo", "/ingester/ring", members)
    }
}

fn member(product: &str, ip: &str) -> RingMember {
    RingMember {
        id: format!("{product}-{}", ip.replace('.', "-")).into(),
        address: format!("{ip}:{}", if product == "loki" { 9095 } else { 9096 }).into(),
        state: RingState::Active,
        heartbeat_age: Some(4),
        registered_age: Some(80_000),
        zone: None,
        tokens: Some(128),
    }
}

fn page(product: &str, path: &str, members: Vec<RingMember>) -> ProductRings {
    let ring = Ring { members };
    let left = LeftMember {
        id: format!("{product}-7").into(),
        address: format!("10.0.8.7:{}", if product == "loki" { 9095 } else { 9096 }).into(),
    };
    ProductRings {
        product: product.into(),
        digest: ring.digest(),
        ring: Page::Read(Arc::new(ring)),
        ring_path: path.into(),
        gossip: Page::Absent,
        left: Page::Read(if product == "loki" { vec![left] } else { Vec::new() }),
        version: Page::Read(if product == "loki" { "2.9.4" } else { "1.5.0" }.into()),
    }
}

fn sample(served: f64, second: i64, product: &str, leads: bool) -> Sample {
    let loki = product == "loki";
    Sample {
        started: Some(1.0),
        requests: Some(1000.0 + served * f64::from(i32::try_from(second).unwrap())),
        memory_chunks: loki.then_some(12.0),
        flush_queue: (product != "grafana").then_some(0.0),
        compactor_running: loki.then_some(leads),
        ..Sample::default()
    }
}

fn instance(node: &Node) -> GroupInstance {
    GroupInstance {
        id: node.id.clone(),
        zone: node.zone.into(),
        lifecycle: node.lifecycle.into(),
        health: "Healthy".into(),
        launch_template: Some("lt-1".into()),
        launch_template_version: Some("7".into()),
        protected: false,
    }
}

fn target_group(stack: &StackId, port: u16, name: &str) -> TargetGroup {
    TargetGroup {
        arn: group(stack, name),
        name: format!("{stack}-{name}").into(),
        port,
        protocol: "TCP".into(),
        target_type: "instance".into(),
        load_balancers: vec![balancer()],
        check_protocol: "HTTP".into(),
        check_port: None,
        check_path: Some("/ready".into()),
        check_interval_seconds: 10,
        unhealthy_threshold: 3,
        healthy_threshold: 3,
    }
}

fn target(node: &Node, port: u16, place: usize) -> TargetHealth {
    let sick = node.targets[place] == "unhealthy";
    TargetHealth {
        id: node.id.clone(),
        port,
        zone: Some(node.zone.into()),
        state: node.targets[place].into(),
        reason: sick.then(|| "Target.FailedHealthChecks".into()),
        description: sick.then(|| "Health checks failed".into()),
    }
}

fn probe(node: &Node, reason: &ProbeReason, port: u16, name: &str) -> ProbeOutcome {
    let well = *reason == ProbeReason::Ready;
    ProbeOutcome {
        product: name.into(),
        url: format!("http://{}:{port}/ready", node.ip),
        port,
        verdict: if well { Verdict::Pass } else { Verdict::Fail },
        reason: reason.clone(),
        alive: None,
        status: well.then_some(200),
        latency_ms: well.then_some(3),
        detail: match reason {
            ProbeReason::Ready => "ready".into(),
            ProbeReason::BlockedBy(by) => format!("instance {by} past heartbeat timeout"),
            _ => "no answer within 2 s".into(),
        },
    }
}

/// How often each kind of thing is read.
fn every(scope: &Scope) -> Duration {
    Duration::from_secs(match scope {
        Scope::Probe(_) | Scope::Members(_) => 5,
        Scope::Groups | Scope::TargetHealth(_) | Scope::Listeners(_) => 15,
        Scope::Rings(_) | Scope::Dns(_) => 30,
        Scope::Metrics(_) => 15,
        Scope::Identity => 600,
        _ => 60,
    })
}

/// Every source tells the world at a second, and what they said is joined.
pub(super) fn tell(model: &mut Model, second: i64, world: &World) {
    for (scope, fragment) in world.news(second) {
        event(model, second, scope, Ok(fragment));
    }
    join(model, second);
}

/// A read fails.
pub(super) fn fail(model: &mut Model, second: i64, scope: Scope, kind: ErrorKind) {
    event(model, second, scope, Err(SourceError::new(kind, "DescribeThings", "Rate exceeded")));
}

/// Every read that was ever made fails.
pub(super) fn fail_all(model: &mut Model, second: i64, world: &World, kind: ErrorKind) {
    for (scope, _) in world.news(second) {
        fail(model, second, scope, kind);
    }
}

fn event(model: &mut Model, second: i64, scope: Scope, result: Result<Fragment, SourceError>) {
    let (observed_at, every) = (at(second), every(&scope));
    let event = SourceEvent { scope, observed_at, every, calls: 1, result, missing: None };
    feed(model, second, EventKind::Source(event));
}

/// What is known now is joined, as the engine would.
pub(super) fn join(model: &mut Model, second: i64) {
    let estate = reconcile(&model.inventory, at(second), &Policy::default());
    let joined = Some(Joined::new(model.estate.as_deref(), estate, at(second)));
    let generation = model.generation;
    feed(model, second, EventKind::Reconciled { generation, as_of: at(second), joined });
}
