//! The bench is worth something only if it does what it says: each part is seen to work here, with
//! clients that are not ours (boto3, a shell) where there are any.

use crate::bench::big::BigWorld;
use crate::bench::cli::Cli;
use crate::bench::fault::Fault;
use crate::bench::http::ask;
use crate::bench::moto::{Moto, Traffic, World};
use crate::bench::network::Network;
use crate::bench::node::{Node, Product, State};
use crate::bench::proxy::Proxy;
use serde_json::json;
use std::time::Duration;

/// How long to wait for what must not come.
const SOON: Duration = Duration::from_millis(300);
/// How long to wait for what must come, on a machine that builds at the same time.
const PATIENTLY: Duration = Duration::from_secs(30);

fn get(
    node: &Node,
    product: Product,
    path: &str,
    limit: Duration,
) -> Result<(u16, String), std::io::ErrorKind> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: node\r\n\r\n");
    match ask(node.address(product), request.as_bytes(), limit) {
        Ok(Some(answer)) => Ok((answer.status, String::from_utf8(answer.body).unwrap())),
        // What came was no whole answer.
        Ok(None) => Err(std::io::ErrorKind::UnexpectedEof),
        Err(error) => Err(error.kind()),
    }
}

#[test]
fn fake_products_answer_like_the_real_ones() {
    let network = Network::claim();
    let mut node = Node::start(network.address(0, 4));
    let ready = |node: &Node, product: Product| get(node, product, product.path(), PATIENTLY);
    assert_eq!(ready(&node, Product::Loki), Ok((200, "ready\n".into())));
    assert_eq!(ready(&node, Product::Tempo), Ok((200, "ready\n".into())));
    assert_eq!(ready(&node, Product::Healthz), Ok((200, "Healthy!".into())));
    assert!(ready(&node, Product::Grafana).unwrap().1.contains("\"database\": \"ok\""));
    assert_eq!(get(&node, Product::Loki, "/", PATIENTLY), Ok((404, "404 page not found\n".into())));
    assert_eq!(get(&node, Product::Grafana, "/", PATIENTLY).map(|answer| answer.0), Ok(302));

    node.set_all(State::NotReady);
    assert_eq!(ready(&node, Product::Healthz), Ok((500, "Unhealthy :(".into())));
    let (status, body) = ready(&node, Product::Loki).unwrap();
    assert_eq!((status, body.lines().next()), (503, Some("Some services are not Running:")));
    assert!(ready(&node, Product::Grafana).unwrap().1.contains("\"database\": \"failing\""));
    node.set(Product::Loki, State::Blocked);
    assert!(ready(&node, Product::Loki).unwrap().1.contains("127.0.1.3:9095"));
    node.set(Product::Tempo, State::Stopping);
    assert!(ready(&node, Product::Tempo).unwrap().1.contains("Stopping: 5"));
    assert!(node.asked().contains(&"3100 GET /ready".to_owned()), "{:?}", node.asked());
}

#[test]
fn fake_products_fail_in_four_ways() {
    use std::io::ErrorKind::{ConnectionRefused, UnexpectedEof, WouldBlock};
    let network = Network::claim();
    let mut node = Node::start(network.address(0, 4));
    for (state, error) in
        [(State::Hang, WouldBlock), (State::Cut, UnexpectedEof), (State::Refuse, ConnectionRefused)]
    {
        node.set(Product::Loki, state);
        let limit = if state == State::Hang { SOON } else { PATIENTLY };
        assert_eq!(get(&node, Product::Loki, "/ready", limit), Err(error), "{state:?}");
        let others = get(&node, Product::Tempo, "/ready", PATIENTLY).map(|answer| answer.0);
        assert_eq!(others, Ok(200), "{state:?} of one product is nothing to the others");
    }
    node.set(Product::Loki, State::Ready);
    assert_eq!(get(&node, Product::Loki, "/ready", PATIENTLY).map(|answer| answer.0), Ok(200));
}

#[test]
fn networks_are_claimed_once_and_given_back() {
    let (first, second) = (Network::claim(), Network::claim());
    assert_ne!(first.prefix(), second.prefix());
    let address = first.address(15, 254);
    assert!(std::net::TcpListener::bind((address, 7077)).is_err());
    drop(first);
    assert!(std::net::TcpListener::bind((address, 7077)).is_ok());
}

#[test]
fn a_seeded_world_is_what_it_says() {
    let Some(mut moto) = Moto::start() else { return };
    let world = moto.seed(Traffic::Weights);
    let ids: Vec<_> = world.nodes().map(|node| node.id.clone()).collect();
    assert_eq!(ids.len(), 6);
    let prefix = moto.network().prefix();
    assert!(world.nodes().all(|node| node.ip.to_string().starts_with(&prefix)), "{world:?}");
    // Nodes can be put behind it, all at once.
    let nodes: Vec<_> = world.nodes().map(|node| Node::start(node.ip)).collect();
    assert_eq!(nodes.len(), 6);
    let listed = moto.boto(
        "found = aws('servicediscovery').list_instances(ServiceId=world['service_id'])\n\
         result = sorted(one['Id'] for one in found['Instances'])",
    );
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(listed, json!(sorted));

    let known = moto.boto_at(&moto.endpoint(), &every_id(&world));
    assert_eq!(known, Ok(json!([3, 3, 4, 4, 4, "glt.internal", "glt", "front"])));

    let gone = moto.defect("removed_target");
    assert_eq!(gone.about.as_ref(), Some(&world.fleets["blue"].nodes[0].id));
    let targets = moto.boto(&format!(
        "found = aws('elbv2').describe_target_health(TargetGroupArn='{}')\n\
         result = [one['Target']['Id'] for one in found['TargetHealthDescriptions']]",
        gone.target_group.unwrap()
    ));
    let left: Vec<_> = world.fleets["blue"].nodes[1..].iter().map(|node| &node.id).collect();
    assert_eq!(targets.as_array().unwrap().len(), 2, "{targets}");
    assert!(left.iter().all(|id| targets.as_array().unwrap().contains(&json!(id))), "{targets}");
}

/// Code that asks Moto about each id of a world; it fails at an id that Moto does not know.
fn every_id(world: &World) -> String {
    let listeners: Vec<_> = world.listeners.values().collect();
    let groups = |owner: &str| world.target_groups[owner].values().collect::<Vec<_>>();
    assert!(world.nodes().all(|node| node.zone.starts_with(&world.region)), "{world:?}");
    format!(
        "
def size(name):
    found = aws('autoscaling').describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return len(found['AutoScalingGroups'][0]['Instances'])
def groups(arns):
    return len(aws('elbv2').describe_target_groups(TargetGroupArns=arns)['TargetGroups'])
assert aws('sts').get_caller_identity()['Account'] == '{}'
result = [
    size('{}'), size('{}'), groups({:?}), groups({:?}),
    len(aws('elbv2').describe_listeners(ListenerArns={listeners:?})['Listeners']),
    aws('servicediscovery').get_namespace(Id='{}')['Namespace']['Name'],
    aws('servicediscovery').get_service(Id='{}')['Service']['Name'],
    aws('elbv2').describe_load_balancers(
        LoadBalancerArns=['{}'])['LoadBalancers'][0]['LoadBalancerName'],
]",
        world.account,
        world.fleets["blue"].asg,
        world.fleets["green"].asg,
        groups("blue"),
        groups("green"),
        world.namespace_id,
        world.service_id,
        world.load_balancer,
    )
}

#[test]
fn moto_keeps_its_world_while_its_port_is_closed() {
    let Some(mut moto) = Moto::start() else { return };
    moto.seed(Traffic::Attach);
    let address = moto.address();
    moto.pause();
    let closed = ask(address, b"GET / HTTP/1.0\r\n\r\n", PATIENTLY).map(|_| ());
    assert_eq!(closed.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    moto.resume();
    assert_eq!(moto.address(), address);
    let groups = moto.boto("result = len(aws('elbv2').describe_target_groups()['TargetGroups'])");
    assert_eq!(groups, json!(4));
}

#[test]
fn every_fault_reaches_a_client_that_is_not_ours() {
    let Some(mut moto) = Moto::start() else { return };
    let proxy = Proxy::before(moto.address());
    let endpoint = proxy.endpoint();
    let services = "result = aws('servicediscovery').list_services()['Services']";
    let groups = "result = aws('autoscaling').describe_auto_scaling_groups()['AutoScalingGroups']";
    let instances = "result = aws('ec2').describe_instances()['Reservations']";
    let balancers = "result = aws('elbv2').describe_load_balancers()['LoadBalancers']";
    for code in [services, groups, instances, balancers] {
        assert_eq!(moto.boto_at(&endpoint, code), Ok(json!([])), "{code}");
    }
    for (fault, code, expected) in [
        (Fault::Throttled, services, "ThrottlingException"),
        (Fault::Throttled, balancers, "ThrottlingException"),
        (Fault::Throttled, groups, "(Throttling)"),
        (Fault::Throttled, instances, "RequestLimitExceeded"),
        (Fault::Denied, services, "AccessDeniedException"),
        (Fault::Denied, groups, "(AccessDenied)"),
        (Fault::Denied, instances, "UnauthorizedOperation"),
        (Fault::Expired, services, "ExpiredTokenException"),
        (Fault::Expired, groups, "(ExpiredToken)"),
        (Fault::Expired, instances, "RequestExpired"),
        (Fault::ServerError, services, "InternalServerError"),
        (Fault::ServerError, groups, "InternalFailure"),
        (Fault::CutDocument(50), groups, "ResponseParserError"),
        (Fault::Html, groups, "ResponseParserError"),
        (Fault::Cut, groups, "ConnectionClosedError"),
    ] {
        proxy.fault("*", fault);
        let seen = moto.boto_at(&endpoint, code);
        let error = seen.expect_err(&format!("{fault:?} of {code}"));
        assert!(error.contains(expected), "{fault:?}: {error}");
    }
    proxy.heal();
    assert_eq!(moto.boto_at(&endpoint, groups), Ok(json!([])));
}

#[test]
fn a_fault_hits_the_operation_it_is_set_for_and_no_other() {
    let proxy = Proxy::before(BigWorld::new(2));
    proxy.fault("ListServices", Fault::Hang);
    proxy.fault("*", Fault::Denied);
    proxy.delay(Duration::from_millis(20));
    let ask = |operation: &str, limit: Duration| {
        let request = format!(
            "POST / HTTP/1.1\r\nX-Amz-Target: Route53AutoNaming_v20170314.{operation}\r\n\
             Content-Length: 17\r\n\r\n{{\"MaxResults\":10}}"
        );
        ask(proxy.address(), request.as_bytes(), limit)
    };
    assert!(ask("ListServices", SOON).is_err(), "it hangs");
    let denied = ask("ListNamespaces", PATIENTLY).unwrap().unwrap();
    assert_eq!(denied.status, 400);
    proxy.heal();
    proxy.fault("ListNamespaces", Fault::HtmlError);
    assert_eq!(ask("ListNamespaces", PATIENTLY).unwrap().unwrap().status, 500);
    assert_eq!(ask("ListServices", PATIENTLY).unwrap().unwrap().status, 200);
    proxy.fault("ListServices", Fault::Truncated);
    assert!(ask("ListServices", PATIENTLY).unwrap().is_none(), "less than was declared");
    proxy.fault("ListServices", Fault::Delay(SOON * 2));
    assert!(ask("ListServices", SOON).is_err(), "slower than this client waits");
    let counts = proxy.counts();
    assert_eq!((counts["ListServices"], counts["ListNamespaces"]), (4, 2));
    let calls = proxy.calls();
    assert_eq!(calls[0].param("MaxResults"), Some("10"));
    assert!(calls[0].answered.is_none(), "a call that hangs is never answered");
    let took = calls[1].answered.unwrap() - calls[1].came;
    assert!(took >= Duration::from_millis(20), "{took:?}");
    proxy.forget_calls();
    assert!(proxy.calls().is_empty());
}

/// The fake of 1,000 members must be an AWS to boto3, page by page.
#[test]
fn the_big_world_pages_as_aws_does() {
    let Some(mut moto) = Moto::start() else { return };
    let proxy = Proxy::before(BigWorld::new(1000));
    let code = "
pages = aws('servicediscovery').get_paginator('list_instances').paginate(ServiceId='srv-big')
members = [one for page in pages for one in page['Instances']]
groups = aws('autoscaling').describe_auto_scaling_groups(MaxRecords=100)['AutoScalingGroups']
targets = aws('elbv2').describe_target_groups(PageSize=400)['TargetGroups']
health = [aws('elbv2').describe_target_health(TargetGroupArn=one['TargetGroupArn'])
          for one in targets]
listeners = aws('elbv2').describe_listeners(
    LoadBalancerArn=targets[0]['LoadBalancerArns'][0])['Listeners']
rules = aws('elbv2').describe_rules(ListenerArn=listeners[0]['ListenerArn'])['Rules']
tags = aws('elbv2').describe_tags(
    ResourceArns=[one['TargetGroupArn'] for one in targets])['TagDescriptions']
ids = [one['Id'] for one in members]
batch = aws('ec2').describe_instances(
    Filters=[{'Name': 'instance-id', 'Values': ids[:200]}])['Reservations']
result = {
    'members': len(set(ids)),
    'instances': [len(one['Instances']) for one in groups],
    'targets': [len(one['TargetHealthDescriptions']) for one in health],
    'groups': len({one['TargetGroupArn'] for one in targets}),
    'ports': [one['Port'] for one in listeners],
    'default': rules[0]['Priority'],
    'tags': len(tags),
    'running': sum(one['Instances'][0]['State']['Name'] == 'running' for one in batch),
    'same': [one['Instances'][0]['PrivateIpAddress'] for one in batch]
            == [one['Attributes']['AWS_INSTANCE_IPV4'] for one in members[:200]],
    'account': aws('sts').get_caller_identity()['Account'],
    'revision': aws('servicediscovery').discover_instances_revision(
        NamespaceName='glt.internal', ServiceName='glt')['InstancesRevision'],
}
";
    let seen = moto.boto_at(&proxy.endpoint(), code).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        seen,
        json!({
            "members": 1000, "instances": [500, 500], "targets": vec![500; 8], "groups": 8,
            "ports": [3000, 3100, 3200, 4317], "default": "default", "tags": 8, "running": 200,
            "same": true, "account": "123456789012", "revision": 1000,
        })
    );
    assert_eq!(proxy.counts()["ListInstances"], 10);
    for (what, refused) in [
        ("aws('servicediscovery').list_instances(ServiceId='srv-big', MaxResults=101)", "Invalid"),
        (
            "aws('ec2').describe_instances(Filters=[{'Name': 'instance-id', 'Values': ['i-%d' % n \
             for n in range(201)]}])",
            "FilterLimitExceeded",
        ),
        ("aws('ec2').describe_instances()", "FilterLimitExceeded"),
    ] {
        let error = moto.boto_at(&proxy.endpoint(), what).expect_err(what);
        assert!(error.contains(refused), "{error}");
    }
}

#[test]
fn a_command_is_run_in_a_bare_environment() {
    let cli = Cli::program("/bin/sh").env("EXTRA", "x").without_env("AWS_REGION");
    let script = cli.dir().join("script");
    std::fs::write(
        &script,
        "echo \"{\\\"env\\\": \\\"$(env | cut -d= -f1 | sort | xargs)\\\"}\"; echo why $* >&2; exit 3",
    )
    .unwrap();
    let cli = cli.args(&["last"]);
    let outcome = cli.run(&[script.to_str().unwrap(), "first"]);
    assert_eq!((outcome.code, outcome.stderr.trim()), (Some(3), "why first last"));
    let names = outcome.json()["env"].as_str().unwrap().to_owned();
    assert!(names.contains("AWS_EC2_METADATA_DISABLED") && names.contains("EXTRA"), "{names}");
    assert!(!names.contains("AWS_REGION") && !names.contains("CARGO"), "{names}");
}
