//! A hand-made round for the tests of tables and JSON: two fleets behind one load balancer, a
//! ghost in the registry, and (in `lacking_round`) reads that failed.

use super::world::Round;
use crate::core::error::{ErrorKind, SourceError};
use crate::core::estate::{
    ActionView, Balancer, Capacity, Estate, Existence, Fleet, ForwardView, GroupSummary,
    ListenerShare, ListenerView, Node, NodeMember, NodeProbe, NodeTarget, ProbeSummary,
    RegistrySummary, Role, TargetSummary,
};
use crate::core::finding::{Finding, FindingKind, Fix, Severity};
use crate::core::ids::{InstanceId, StackId, TargetGroupArn};
use crate::core::inventory::{
    AutoScalingGroup, Identity, Inventory, Member, Namespace, ProbeOutcome, ProbeReason,
    RegistryService, RingMember, RingState, TargetGroup, TargetHealth, Verdict,
};
use crate::core::observed::{Status, Why};
use crate::core::rings::{NodeRequests, NodeRing, RingStanding};
use crate::core::source::{Fragment, Scope, SourceEvent};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const BLUE: &str = "i-0aaaaaaaaaaaaaaa1";
const GREEN: &str = "i-0bbbbbbbbbbbbbbb2";
const GHOST: &str = "i-0ccccccccccccccc3";
const FRONT: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/net/front/9";

pub(super) fn now() -> Timestamp {
    "2026-11-22T14:00:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - jiff::SignedDuration::from_secs(seconds)
}

fn arn(stack: &str) -> TargetGroupArn {
    let (name, hash) = if stack == "blue-412" { ("blue-loki", 1) } else { ("green-loki", 2) };
    let front = "arn:aws:elasticloadbalancing:us-west-2:123456789012";
    format!("{front}:targetgroup/{name}/{hash}").into()
}

/// A round in which everything could be read.
pub(super) fn round() -> Round {
    Round {
        inventory: inventory(),
        estate: estate(),
        as_of: now(),
        account: Some("123456789012".into()),
        region: "us-west-2".into(),
        lacking: vec![],
    }
}

/// The same world where target health of the green fleet, the listeners and STS failed, and the
/// registry answered long ago.
pub(super) fn lacking_round() -> Round {
    let mut round = round();
    let denied = SourceError::new(ErrorKind::Denied, "GetCallerIdentity", "not authorized");
    round.account = None;
    round.inventory.identity = Default::default();
    round.inventory.apply(event(Scope::Identity, 1, Err(denied)));
    let green = Scope::TargetHealth(arn("green-413"));
    let throttled = SourceError {
        code: Some("Throttling".into()),
        request_id: Some("req-7".into()),
        ..SourceError::new(ErrorKind::Throttled, "DescribeTargetHealth", "Rate exceeded")
    };
    round.inventory.target_health.clear();
    round.inventory.apply(event(green, 2, Err(throttled)));
    round.inventory.members.clear();
    round.inventory.apply(event(Scope::Members("srv-abc".into()), 240, Ok(members())));
    let statuses = round.inventory.statuses(now());
    let missing =
        |one: &&crate::core::inventory::ScopeStatus| one.essential && one.status == Status::Error;
    round.lacking = statuses.iter().filter(missing).cloned().collect();
    blur(&mut round.estate);
    round
}

/// What `reconcile` makes of missing reads: nothing is known, rather than zero.
fn blur(estate: &mut Estate) {
    for fleet in estate.fleets.values_mut() {
        fleet.registry[0].observed_at = Some(ago(240));
    }
    let green = estate.fleets.get_mut(&StackId::from("green-413")).unwrap();
    green.role = Role::Unknown;
    green.traffic_share = None;
    green.members = None;
    green.registry[0].registered = None;
    green.targets[0].capacity = None;
    green.targets[0].fail_open = None;
    green.targets[0].observed_at = None;
    green.probes[0] =
        ProbeSummary { service: "loki".into(), pass: 0, fail: 0, unknown: 1, observed_at: None };
    let node = Arc::make_mut(estate.nodes.get_mut(&InstanceId::from(GREEN)).unwrap());
    node.private_ip = None;
    node.targets[0].state = Err(Why::Stale);
    node.members.clear();
    node.probes[0].verdict = Verdict::Unknown;
    let ghost = Arc::make_mut(estate.nodes.get_mut(&InstanceId::from(GHOST)).unwrap());
    ghost.existence = Existence::Unknown;
    estate.traffic[0].listeners = Err(Why::Failed(ErrorKind::Throttled));
}

fn event(scope: Scope, seconds_ago: i64, result: Result<Fragment, SourceError>) -> SourceEvent {
    let (observed_at, every) = (ago(seconds_ago), Duration::from_secs(10));
    SourceEvent { scope, observed_at, every, calls: 1, result, missing: None }
}

fn inventory() -> Inventory {
    let identity = Identity { account: "123456789012".into(), arn: "arn:aws:iam::1:role/x".into() };
    let namespace = Namespace {
        id: "ns-1".into(),
        name: "glt.internal".into(),
        http_name: "glt".into(),
        has_dns: true,
    };
    let service = RegistryService {
        id: "srv-abc".into(),
        name: "glt".into(),
        namespace: "ns-1".into(),
        custom_health: false,
        description: None,
        created: None,
    };
    let groups = ["blue-412", "green-413"].map(group).to_vec();
    let events = [
        (Scope::Identity, 1, Fragment::Identity(identity)),
        (Scope::Namespaces, 1, Fragment::Namespaces(vec![namespace])),
        (Scope::Services("ns-1".into()), 1, Fragment::Services(vec![service])),
        (Scope::Members("srv-abc".into()), 2, members()),
        (Scope::Groups, 3, Fragment::Groups(groups)),
        (Scope::TargetGroups, 3, Fragment::TargetGroups(vec![target_group()])),
        (Scope::TargetHealth(arn("green-413")), 4, Fragment::TargetHealth(vec![health()])),
    ];
    let mut inventory = Inventory::default();
    for (scope, seconds_ago, fragment) in events {
        inventory.apply(event(scope, seconds_ago, Ok(fragment)));
    }
    inventory
}

fn group(stack: &str) -> AutoScalingGroup {
    AutoScalingGroup {
        name: format!("{stack}-asg").into(),
        min: 1,
        max: 2,
        desired: 1,
        zones: vec!["us-west-2a".into()],
        health_check_types: vec!["EC2".into(), "ELB".into()],
        grace_seconds: 300,
        suspended: BTreeMap::new(),
        target_groups: vec![arn(stack)],
        tags: BTreeMap::new(),
        instances: vec![],
    }
}

fn target_group() -> TargetGroup {
    TargetGroup {
        arn: arn("green-413"),
        name: "green-loki".into(),
        port: 3100,
        protocol: "TCP".into(),
        target_type: "instance".into(),
        load_balancers: vec![FRONT.into()],
        check_protocol: "HTTP".into(),
        check_port: None,
        check_path: Some("/ready".into()),
        check_interval_seconds: 10,
        unhealthy_threshold: 2,
        healthy_threshold: 2,
    }
}

fn health() -> TargetHealth {
    TargetHealth {
        id: GREEN.into(),
        port: 3100,
        zone: None,
        state: "healthy".into(),
        reason: None,
        description: None,
    }
}

fn members() -> Fragment {
    let member = |id: &str, ip: &str, stack: &str| Member::new(id.into(), attributes(ip, stack));
    Fragment::Members(vec![
        member(BLUE, "127.0.1.1", "blue-412"),
        member(GREEN, "127.0.1.2", "green-413"),
        member(GHOST, "127.0.1.3", "blue-412"),
    ])
}

fn attributes(ip: &str, stack: &str) -> BTreeMap<String, String> {
    let pairs = [("AWS_INSTANCE_IPV4", ip), ("STACK", stack)];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn estate() -> Estate {
    let mut ghost = node(GHOST, "127.0.1.3", "blue-412");
    ghost.private_ip = None;
    ghost.lifecycle = None;
    ghost.asg_health = None;
    ghost.existence = Existence::Gone;
    ghost.targets.clear();
    ghost.probes.clear();
    let mut green = node(GREEN, "127.0.1.2", "green-413");
    green.drained_on_purpose = true;
    green.lifecycle = Some("Standby".into());
    green.probes[0].verdict = Verdict::Fail;
    let outcome = Arc::make_mut(&mut green.probes[0].outcome);
    outcome.status = Some(503);
    outcome.detail = "settling".into();
    let mut blue = node(BLUE, "127.0.1.1", "blue-412");
    blue.rings = vec![ring_of_blue()];
    blue.requests = vec![requests_of_blue()];
    blue.versions = [("loki".into(), "3.7.6".into())].into();
    let nodes = [blue, green, ghost];
    let fleets = [fleet("blue-412", Role::Live, 1.0), fleet("green-413", Role::Standby, 0.0)];
    Estate {
        whole: true,
        account: Some("123456789012".into()),
        fleets: fleets.map(|fleet| (fleet.stack_id.clone(), fleet)).into(),
        nodes: nodes.map(|node| (node.id.clone(), Arc::new(node))).into(),
        findings: findings(),
        traffic: vec![balancer()],
        ..Estate::default()
    }
}

fn ring_of_blue() -> NodeRing {
    NodeRing {
        product: "loki".into(),
        standing: RingStanding::Member(RingState::Active),
        member: Some(RingMember {
            id: "ip-127-0-1-1".into(),
            address: "127.0.1.1:9095".into(),
            state: RingState::Active,
            heartbeat_age: Some(4),
            registered_age: Some(86_400),
            zone: None,
            tokens: Some(128),
        }),
        sees: Some(2),
        observed_at: Some(ago(12)),
    }
}

fn requests_of_blue() -> NodeRequests {
    NodeRequests {
        product: "loki".into(),
        per_second: Some(12.5),
        over: Some(Duration::from_secs(15)),
        quiet_since: None,
        observed_at: ago(3),
    }
}

fn findings() -> Vec<Finding> {
    let summary = "i-0ccccccccccccccc3 is registered in glt and EC2 does not know it.";
    let ghost = Finding::new(FindingKind::GhostMember, ago(200), summary)
        .stack(Some(&"blue-412".into()))
        .instance(&GHOST.into())
        .service(&"srv-abc".into())
        .fix(Fix::Deregister)
        .identified("");
    let summary = "i-0bbbbbbbbbbbbbbb2 is in standby.";
    let drained = Finding::new(FindingKind::DrainedOnPurpose, ago(7200), summary)
        .stack(Some(&"green-413".into()))
        .instance(&GREEN.into())
        .identified("");
    vec![ghost, drained]
}

fn fleet(stack: &str, role: Role, share: f64) -> Fleet {
    let ids: Vec<&str> = if stack == "blue-412" { vec![BLUE, GHOST] } else { vec![GREEN] };
    let registered = u32::try_from(ids.len()).unwrap();
    let capacity = Capacity { registered: 1, healthy: 1, zones: BTreeMap::new() };
    Fleet {
        stack_id: stack.into(),
        role,
        traffic_share: Some(share),
        listeners: vec![ListenerShare {
            load_balancer: FRONT.into(),
            listener: format!("{FRONT}/3100").into(),
            port: 3100,
            share: Some(share),
            shared: false,
        }],
        groups: vec![GroupSummary {
            name: format!("{stack}-asg").into(),
            min: 1,
            max: 2,
            desired: 1,
            in_service: 1,
            health_check_type: "EC2,ELB".into(),
            suspended_processes: vec![],
            observed_at: Some(ago(3)),
        }],
        nodes: ids.into_iter().map(InstanceId::from).collect(),
        members: Some(registered),
        registry: vec![RegistrySummary {
            service_id: "srv-abc".into(),
            name: "glt".into(),
            registered: Some(registered),
            expected: 1,
            observed_at: Some(ago(2)),
        }],
        targets: vec![TargetSummary {
            target_group: arn(stack),
            name: "loki".into(),
            port: 3100,
            capacity: Some(capacity),
            fail_open: Some(false),
            observed_at: Some(ago(4)),
        }],
        probes: vec![ProbeSummary {
            service: "loki".into(),
            pass: u32::from(stack == "blue-412"),
            fail: u32::from(stack != "blue-412"),
            unknown: 0,
            observed_at: None,
        }],
        rings: Vec::new(),
        requests: Vec::new(),
        worst: Some(if stack == "blue-412" { Severity::Warning } else { Severity::Info }),
    }
}

fn node(id: &str, ip: &str, stack: &str) -> Node {
    Node {
        id: id.into(),
        private_ip: ip.parse().ok(),
        zone: Some("us-west-2a".into()),
        stack_id: Some(stack.into()),
        group: Some(format!("{stack}-asg").into()),
        lifecycle: Some("InService".into()),
        unlisted: false,
        asg_health: Some("Healthy".into()),
        launch_template_version: Some("7".into()),
        ec2_state: Some("running".into()),
        existence: Existence::Running,
        launched: Some(ago(86_400)),
        in_grace: false,
        drained_on_purpose: false,
        members: vec![NodeMember {
            service_id: "srv-abc".into(),
            service: "glt".into(),
            member_id: id.into(),
            stack: Some(stack.into()),
            attributes: attributes(ip, stack).into(),
            health: None,
            observed_at: Some(ago(2)),
        }],
        targets: vec![NodeTarget {
            target_group: arn(stack),
            name: "loki".into(),
            port: 3100,
            state: Ok("healthy".into()),
            since: ago(600),
            reason: None,
            description: None,
            observed_at: Some(ago(4)),
        }],
        probes: vec![NodeProbe {
            outcome: Arc::new(ProbeOutcome {
                product: "loki".into(),
                url: format!("http://{ip}:3100/ready"),
                port: 3100,
                verdict: Verdict::Pass,
                reason: ProbeReason::Ready,
                alive: None,
                status: Some(200),
                latency_ms: Some(3),
                detail: "ready".into(),
            }),
            verdict: Verdict::Pass,
            since: ago(600),
            observed_at: ago(1),
        }],
        rings: Vec::new(),
        requests: Vec::new(),
        versions: Default::default(),
        worst: None,
    }
}

fn balancer() -> Balancer {
    let group = |stack: &str, name: &str, weight: u32| ForwardView {
        target_group: arn(stack),
        name: name.into(),
        weight,
        share: f64::from(weight) / 100.0,
        capacity: Some(Capacity { registered: 1, healthy: 1, zones: BTreeMap::new() }),
        fail_open: Some(false),
        fleets: [(StackId::from(stack), Some(1.0 / 3.0))].into(),
    };
    let groups = vec![group("blue-412", "blue-loki", 100), group("green-413", "green-loki", 0)];
    Balancer {
        arn: FRONT.into(),
        name: "front".into(),
        zones: vec!["us-west-2a".into()],
        security_groups: vec!["sg-1".into()],
        cross_zone: Some(false),
        listeners: Ok(vec![ListenerView {
            arn: format!("{FRONT}/3100").into(),
            port: 3100,
            protocol: "TCP".into(),
            actions: vec![ActionView { rule: "default".into(), groups }],
        }]),
        observed_at: Some(ago(3)),
    }
}
