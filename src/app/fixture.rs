//! Estates built by hand, for tests of what is done with one and how it is drawn. They say nothing
//! about how `reconcile` comes to them.

use super::keymap::{Binding, Sheet, Table, Written};
use super::{Chord, Event, EventKind, Input, Keymap, Looks, Model, Place, Size};
use crate::config::ContextLine;
use crate::core::error::{ErrorKind, SourceError};
use crate::core::estate::{
    Capacity, Estate, Existence, Fleet, GroupSummary, ListenerShare, Node, NodeMember, NodeProbe,
    NodeTarget, ProbeSummary, RegistrySummary, Role, TargetSummary,
};
use crate::core::finding::{Finding, FindingKind};
use crate::core::ids::{InstanceId, Product, StackId};
use crate::core::inventory::{Identity, ProbeOutcome, ProbeReason, RingMember, RingState, Verdict};
use crate::core::joined::Joined;
use crate::core::observed::Why;
use crate::core::rings::{FleetRing, RingGroup, RingView};
use crate::core::source::{Fragment, Scope, SourceEvent};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The ports and products of the system we operate.
const PORTS: [(u16, &str); 4] =
    [(3000, "grafana"), (3100, "loki"), (3200, "tempo"), (4317, "otlp")];
const PRODUCTS: [(&str, u16); 3] = [("grafana", 3000), ("loki", 3100), ("tempo", 3200)];

/// A second of the fixtures' day.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

/// A console on nothing, with the keys it comes with.
pub(crate) fn model(columns: u16, rows: u16) -> Model {
    let place = Place {
        context: Some("prod".into()),
        region: Some("us-west-2".into()),
        production: true,
        probing: true,
        contexts: [("dev", "eu-west-1"), ("prod", "PRODUCTION, us-west-2"), ("void", "")]
            .map(|(name, about)| ContextLine { name: name.into(), about: about.into() })
            .into(),
        ..Place::default()
    };
    let default = sheet("default", include_str!("../../keymaps/default.toml"));
    let keymap = Arc::new(Keymap::make([&default]).keymap);
    let minimal = sheet("minimal", include_str!("../../keymaps/minimal.toml"));
    let minimal = Arc::new(Keymap::make([&minimal]).keymap);
    let keymaps = [("default", Arc::clone(&keymap)), ("minimal", minimal)];
    let mut model = Model::new(place, keymap, Size { columns, rows }, at(0));
    model.looks = Looks {
        keymaps: keymaps.map(|(name, keymap)| (name.to_owned(), keymap)).into(),
        keymap: "default".into(),
        themes: ["default", "greyscale", "high-contrast", "true-colour"].map(str::to_owned).into(),
        theme: "default".into(),
        color: true,
    };
    model
}

/// A keymap file, without the lines of its words.
fn sheet(name: &str, toml: &str) -> Sheet {
    let tables: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(toml).unwrap();
    let written = |(keys, command)| Written { keys, binding: Binding::Command(command), line: 0 };
    let table = |(context, bindings): (String, BTreeMap<String, String>)| Table {
        context,
        line: 0,
        bindings: bindings.into_iter().map(written).collect(),
    };
    Sheet { name: name.into(), tables: tables.into_iter().map(table).collect() }
}

/// Passes an event through the real `update` and drops its effects.
pub(crate) fn feed(model: &mut Model, second: i64, kind: EventKind) {
    drop(super::update(model, Event::new(at(second), kind)));
}

/// Presses keys, written as in a keymap.
pub(crate) fn press(model: &mut Model, keys: &str) {
    for key in keys.split_whitespace() {
        let chord: Chord = key.parse().unwrap();
        let event = Event::new(model.now, EventKind::Input(Input::Chord(chord)));
        drop(super::update(model, event));
    }
}

/// Hands the model an estate.
pub(crate) fn show(model: &mut Model, second: i64, estate: Estate) {
    let joined = Some(Joined::new(model.estate.as_deref(), estate, at(second)));
    let generation = model.generation;
    feed(model, second, EventKind::Reconciled { generation, as_of: at(second), joined });
}

/// A read that ended at a second of the fixtures' day.
pub(crate) fn read(scope: Scope, second: i64, result: Result<Fragment, ErrorKind>) -> EventKind {
    EventKind::Source(SourceEvent {
        scope,
        observed_at: at(second),
        every: Duration::from_secs(15),
        calls: 1,
        result: result.map_err(|kind| {
            SourceError::new(kind, "DescribeThings", "connection refused (127.0.0.1:9)")
        }),
        missing: None,
    })
}

/// Every head-line source read well at a second.
pub(crate) fn sources_ok(model: &mut Model, second: i64) {
    let account = Identity { account: "123456789012".into(), arn: "arn:aws:sts::1:x".into() };
    for (scope, fragment) in [
        (Scope::Identity, Fragment::Identity(account)),
        (Scope::Namespaces, Fragment::Namespaces(Vec::new())),
        (Scope::Groups, Fragment::Groups(Vec::new())),
        (Scope::LoadBalancers, Fragment::LoadBalancers(Vec::new())),
        (Scope::TargetGroups, Fragment::TargetGroups(Vec::new())),
        (Scope::Instances(0), Fragment::Instances { asked: Vec::new(), found: Vec::new() }),
        (Scope::Probe(InstanceId::from("i-0")), Fragment::Probes(Vec::new())),
    ] {
        feed(model, second, read(scope, second, Ok(fragment)));
    }
}

/// Every head-line source failing in one way at a second.
pub(crate) fn sources_fail(model: &mut Model, second: i64, kind: ErrorKind) {
    for scope in [
        Scope::Identity,
        Scope::Namespaces,
        Scope::Groups,
        Scope::LoadBalancers,
        Scope::TargetGroups,
    ] {
        feed(model, second, read(scope, second, Err(kind)));
    }
}

/// The id of a fleet's nth node.
pub(crate) fn node_id(stack: &str, number: usize) -> InstanceId {
    let mix = |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte));
    let seed = stack.bytes().fold(7u64, mix);
    InstanceId::from(format!("i-0{:08x}{number:08x}", seed & 0xffff_ffff))
}

/// A fleet of so many nodes without a fault, and its nodes.
pub(crate) fn fleet(stack: &str, role: Role, nodes: usize) -> (Fleet, Vec<Node>) {
    let count = u32::try_from(nodes).unwrap();
    let share = if role == Role::Live { 1.0 } else { 0.0 };
    let ids = (1..=nodes).map(|number| node_id(stack, number)).collect();
    let fleet = Fleet {
        stack_id: StackId::from(stack),
        role,
        traffic_share: Some(share),
        listeners: listeners(share),
        groups: vec![GroupSummary {
            name: format!("{stack}-asg").into(),
            min: count,
            max: count * 2,
            desired: count,
            in_service: count,
            health_check_type: "EC2,ELB".into(),
            suspended_processes: Vec::new(),
            observed_at: Some(at(0)),
        }],
        nodes: ids,
        members: Some(count),
        registry: vec![RegistrySummary {
            service_id: "srv-glt".into(),
            name: "glt".into(),
            registered: Some(count),
            expected: count,
            observed_at: Some(at(0)),
        }],
        targets: summaries(stack, count),
        probes: PRODUCTS
            .iter()
            .map(|(product, _)| ProbeSummary {
                service: (*product).into(),
                pass: count,
                fail: 0,
                unknown: 0,
                observed_at: Some(at(0)),
            })
            .collect(),
        rings: Vec::new(),
        requests: Vec::new(),
        worst: None,
    };
    let nodes = (1..=nodes).map(|number| node(stack, number)).collect();
    (fleet, nodes)
}

fn listeners(share: f64) -> Vec<ListenerShare> {
    PORTS
        .iter()
        .map(|(port, _)| ListenerShare {
            load_balancer: "arn:aws:elb:us-west-2:1:loadbalancer/net/front/1".into(),
            listener: format!("arn:aws:elb:us-west-2:1:listener/net/front/1/{port}").into(),
            port: *port,
            share: Some(share),
            shared: false,
        })
        .collect()
}

fn summaries(stack: &str, count: u32) -> Vec<TargetSummary> {
    PORTS
        .iter()
        .map(|(port, name)| TargetSummary {
            target_group: format!("arn:aws:elb:us-west-2:1:targetgroup/{stack}-{name}/1").into(),
            name: format!("{stack}-{name}"),
            port: *port,
            capacity: Some(Capacity { registered: count, healthy: count, zones: BTreeMap::new() }),
            fail_open: Some(false),
            observed_at: Some(at(0)),
        })
        .collect()
}

fn node(stack: &str, number: usize) -> Node {
    let ip = format!("10.0.{}.{}", number / 250, number % 250 + 1);
    let zone = ["us-west-2a", "us-west-2b", "us-west-2c"][number % 3];
    Node {
        id: node_id(stack, number),
        private_ip: Some(ip.parse().unwrap()),
        zone: Some(zone.into()),
        stack_id: Some(stack.into()),
        group: Some(format!("{stack}-asg").into()),
        lifecycle: Some("InService".into()),
        unlisted: false,
        asg_health: Some("Healthy".into()),
        launch_template_version: Some("7".into()),
        ec2_state: Some("running".into()),
        existence: Existence::Running,
        launched: Some(at(-86_400)),
        in_grace: false,
        drained_on_purpose: false,
        members: vec![NodeMember {
            service_id: "srv-glt".into(),
            service: "glt".into(),
            member_id: node_id(stack, number),
            stack: Some(stack.into()),
            attributes: Arc::new([("AWS_INSTANCE_IPV4".to_owned(), ip.clone())].into()),
            health: None,
            observed_at: Some(at(0)),
        }],
        targets: PORTS.iter().map(|(port, name)| target(stack, *port, name)).collect(),
        probes: PRODUCTS.iter().map(|(product, port)| probe(&ip, product, *port)).collect(),
        rings: Vec::new(),
        requests: Vec::new(),
        versions: Default::default(),
        worst: None,
    }
}

fn target(stack: &str, port: u16, name: &str) -> NodeTarget {
    NodeTarget {
        target_group: format!("arn:aws:elb:us-west-2:1:targetgroup/{stack}-{name}/1").into(),
        name: format!("{stack}-{name}").into(),
        port,
        state: Ok("healthy".into()),
        since: at(-3600),
        reason: None,
        description: None,
        observed_at: Some(at(0)),
    }
}

fn probe(ip: &str, product: &str, port: u16) -> NodeProbe {
    NodeProbe {
        outcome: Arc::new(ProbeOutcome {
            product: product.into(),
            url: format!("http://{ip}:{port}/ready"),
            port,
            verdict: Verdict::Pass,
            reason: ProbeReason::Ready,
            alive: None,
            status: Some(200),
            latency_ms: Some(3),
            detail: "ready".into(),
        }),
        verdict: Verdict::Pass,
        since: at(-3600),
        observed_at: at(0),
    }
}

/// An estate of these fleets.
pub(crate) fn estate(fleets: Vec<(Fleet, Vec<Node>)>, findings: Vec<Finding>) -> Estate {
    let account = Some("123456789012".into());
    let mut estate = Estate { account, findings, whole: true, ..Estate::default() };
    for (fleet, nodes) in fleets {
        estate.fleets.insert(fleet.stack_id.clone(), fleet);
        let nodes = nodes.into_iter().map(|node| (node.id.clone(), Arc::new(node)));
        estate.nodes.extend(nodes);
    }
    estate.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in &estate.findings {
        let severity = Some(finding.severity);
        let fleet = finding.stack_id.as_ref().and_then(|id| estate.fleets.get_mut(id));
        if let Some(fleet) = fleet {
            fleet.worst = fleet.worst.max(severity);
        }
        let node = finding.instance_id.as_ref().and_then(|id| estate.nodes.get_mut(id));
        if let Some(node) = node.map(Arc::make_mut) {
            node.worst = node.worst.max(severity);
        }
    }
    estate
}

/// Two fleets of three without a fault.
pub(crate) fn healthy() -> Estate {
    let fleets = vec![fleet("blue-412", Role::Live, 3), fleet("green-413", Role::Standby, 3)];
    estate(fleets, Vec::new())
}

/// Gives blue a ring of Loki that all its nodes see.
pub(crate) fn with_rings(estate: &mut Estate) {
    let (stack, product) = (StackId::from("blue-412"), Product::from("loki"));
    let Some(fleet) = estate.fleets.get_mut(&stack) else { return };
    let members = (1..).zip(&fleet.nodes).map(|(number, id)| {
        let member = RingMember {
            id: format!("loki-{number}").into(),
            address: format!("10.0.0.{}:9095", number + 1).into(),
            state: RingState::Active,
            heartbeat_age: Some(4),
            registered_age: Some(80_000),
            zone: None,
            tokens: Some(128),
        };
        (member, Some(id.clone()))
    });
    let group =
        RingGroup { nodes: fleet.nodes.clone(), members: members.collect(), observed_at: at(0) };
    let count = u32::try_from(fleet.nodes.len()).unwrap();
    fleet.rings = vec![FleetRing {
        product: product.clone(),
        active: count,
        of: count,
        unknown: 0,
        not_shared: Vec::new(),
        groups: vec![fleet.nodes.clone()],
        held: Duration::from_secs(3600),
        debris: Vec::new(),
        foreign: Vec::new(),
        gossip_shared: false,
        colours: Default::default(),
        left: Vec::new(),
        compactors: None,
        versions: Default::default(),
        observed_at: Some(at(0)),
    }];
    estate.rings.insert(product, RingView { groups: vec![group], ..RingView::default() });
}

/// A live fleet, and a standby fleet hit by the boot race with a product down on one node.
pub(crate) fn troubled() -> Estate {
    let blue = fleet("blue-412", Role::Live, 6);
    let (mut green, mut nodes) = fleet("green-413", Role::Standby, 6);
    green.members = Some(1);
    green.registry[0].registered = Some(1);
    green.targets[1].capacity =
        Some(Capacity { registered: 6, healthy: 5, zones: BTreeMap::new() });
    green.probes[1] = ProbeSummary { pass: 5, fail: 1, ..green.probes[1].clone() };
    for node in &mut nodes[1..] {
        node.members.clear();
    }
    let sick = &mut nodes[2];
    sick.targets[1].state = Ok("unhealthy".into());
    sick.targets[1].reason = Some("Target.FailedHealthChecks".into());
    sick.probes[1].verdict = Verdict::Fail;
    let outcome = Arc::make_mut(&mut sick.probes[1].outcome);
    outcome.reason = ProbeReason::Frozen;
    outcome.detail = "no answer within 2 s".into();
    let sick = sick.id.clone();
    nodes[4].lifecycle = Some("Terminating:Wait".into());
    let stack = StackId::from("green-413");
    let race = "green-413 has 6 nodes in service and 1 in the registry service glt";
    let down = format!("loki on {sick} does not answer within 2 s, and the load balancer agrees");
    let findings = vec![
        Finding::new(FindingKind::BootRace, at(-60), race).stack(Some(&stack)).identified(""),
        Finding::new(FindingKind::ProbeFailed, at(-120), down)
            .stack(Some(&stack))
            .instance(&sick)
            .identified("loki"),
    ];
    estate(vec![blue, (green, nodes)], findings)
}

/// The troubled estate when the load balancer and the registry have not answered for long.
pub(crate) fn unknown() -> Estate {
    let mut estate = troubled();
    estate.findings.clear();
    for fleet in estate.fleets.values_mut() {
        fleet.role = Role::Unknown;
        fleet.traffic_share = None;
        fleet.members = None;
        fleet.registry[0].registered = None;
        fleet.worst = None;
        for target in &mut fleet.targets {
            target.capacity = None;
            target.fail_open = None;
        }
        for probe in &mut fleet.probes {
            probe.unknown = probe.pass + probe.fail;
            (probe.pass, probe.fail) = (0, 0);
        }
    }
    for node in estate.nodes.values_mut().map(Arc::make_mut) {
        node.worst = None;
        node.members.clear();
        for target in &mut node.targets {
            target.state = Err(Why::Stale);
        }
        for probe in &mut node.probes {
            probe.verdict = Verdict::Unknown;
        }
    }
    estate
}

/// The settings of an empty environment.
pub(crate) fn settings() -> crate::config::Settings {
    let home = [("HOME", "/nonexistent")].into_iter().collect();
    crate::config::load(&home, &crate::config::Flags::default()).unwrap()
}

/// A cutover that has just begun.
pub(crate) fn run() -> crate::core::run::Run {
    use crate::core::plan::fixture::{cutover, planned, wish, world};
    let plan = planned(&world(), &wish(cutover(), |_| {})).unwrap();
    crate::core::run::Run {
        id: "run".into(),
        by: crate::core::run::Who::default(),
        started: at(0),
        last: at(0),
        state: crate::core::run::RunState::Running,
        steps: vec![crate::core::run::StepStanding::default(); plan.steps.len()],
        at_step: Some(1),
        lock: None,
        guards: plan.guards.clone(),
        throttled: None,
        safe_to_stop: Vec::new(),
        pins_released: None,
        plan,
    }
}
