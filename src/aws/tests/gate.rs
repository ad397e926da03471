//! The gate on real clients: nothing that writes reaches the wire, everything on the list does.

use super::server::{Server, http};
use super::{Armed, Gate, PATIENCE, clients, readers};
use crate::aws::{READS, source_error};
use crate::core::error::ErrorKind;
use std::collections::BTreeSet;

async fn register(armed: Armed) -> (Server, ErrorKind) {
    let server = Server::start(vec![http("400 Bad Request", "", "{\"__type\":\"X\"}")]).await;
    let aws = clients(&server.url, PATIENCE, armed).await;
    let call = aws
        .servicediscovery
        .register_instance()
        .service_id("srv-1")
        .instance_id("i-1")
        .attributes("AWS_INSTANCE_IPV4", "127.0.0.1")
        .send()
        .await;
    let error = source_error("RegisterInstance", &call.unwrap_err());
    assert_eq!(aws.attempts(), u64::from(error.kind != ErrorKind::Refused));
    (server, error.kind)
}

#[tokio::test]
async fn a_write_is_refused_and_nobody_is_called() {
    let (server, kind) = register(Armed::No).await;
    assert_eq!((kind, server.connections()), (ErrorKind::Refused, 0));
}

#[tokio::test]
async fn an_armed_client_does_call() {
    let (server, kind) =
        register(Armed::For([("ServiceDiscovery", "RegisterInstance")].into())).await;
    assert_eq!((kind, server.connections()), (ErrorKind::Failed, 1));
}

#[tokio::test]
async fn a_client_armed_for_one_call_makes_that_one() {
    let (server, kind) =
        register(Armed::For([("ServiceDiscovery", "RegisterInstance")].into())).await;
    assert_eq!((kind, server.connections()), (ErrorKind::Failed, 1));
    let (server, kind) =
        register(Armed::For([("ServiceDiscovery", "DeregisterInstance")].into())).await;
    assert_eq!((kind, server.connections()), (ErrorKind::Refused, 0));
}

#[tokio::test]
async fn every_client_has_the_gate() {
    let server = Server::start(vec![http("400 Bad Request", "", "")]).await;
    let aws = readers(&server.url).await;
    let group = aws.autoscaling.delete_auto_scaling_group().auto_scaling_group_name("g");
    let error = source_error("DeleteAutoScalingGroup", &group.send().await.unwrap_err());
    assert_eq!(error.kind, ErrorKind::Refused);
    let target = aws.elbv2.delete_target_group().target_group_arn("arn");
    let error = source_error("DeleteTargetGroup", &target.send().await.unwrap_err());
    assert_eq!(error.kind, ErrorKind::Refused);
    let role = aws.sts.assume_role().role_arn("arn").role_session_name("s");
    let error = source_error("AssumeRole", &role.send().await.unwrap_err());
    assert_eq!(error.kind, ErrorKind::Refused);
    assert_eq!((server.connections(), aws.attempts()), (0, 0));
}

#[tokio::test]
async fn everything_on_the_list_is_let_through() {
    let server = Server::start(vec![http("400 Bad Request", "", "")]).await;
    let aws = readers(&server.url).await;
    let mut passed = BTreeSet::new();
    macro_rules! pass {
        ($($name:literal $call:expr;)*) => {$(
            let error = source_error($name, &$call.send().await.unwrap_err());
            assert_eq!(error.kind, ErrorKind::Failed, "{error}");
            passed.insert($name);
        )*};
    }
    let (groups, lb, map) = (&aws.autoscaling, &aws.elbv2, &aws.servicediscovery);
    pass! {
        "DescribeAutoScalingGroups" groups.describe_auto_scaling_groups();
        "DescribeInstanceRefreshes" groups.describe_instance_refreshes().auto_scaling_group_name("g");
        "DescribeScalingActivities" groups.describe_scaling_activities();
        "DescribeListeners" lb.describe_listeners();
        "DescribeLoadBalancerAttributes" lb.describe_load_balancer_attributes().load_balancer_arn("a");
        "DescribeLoadBalancers" lb.describe_load_balancers();
        "DescribeRules" lb.describe_rules();
        "DescribeTags" lb.describe_tags().resource_arns("a");
        "DescribeTargetGroupAttributes" lb.describe_target_group_attributes().target_group_arn("a");
        "DescribeTargetGroups" lb.describe_target_groups();
        "DescribeTargetHealth" lb.describe_target_health().target_group_arn("a");
        "GetCallerIdentity" aws.sts.get_caller_identity();
        "DiscoverInstancesRevision" map.discover_instances_revision().namespace_name("n").service_name("s");
        "GetInstancesHealthStatus" map.get_instances_health_status().service_id("s");
        "GetOperation" map.get_operation().operation_id("o");
        "GetServiceAttributes" map.get_service_attributes().service_id("s");
        "ListInstances" map.list_instances().service_id("s");
        "ListNamespaces" map.list_namespaces();
        "ListServices" map.list_services();
    }
    let described = aws.ec2.describe_instances(&["i-0123abcd".into()]).await;
    assert_eq!(described.result.unwrap_err().kind, ErrorKind::Failed);
    passed.insert("DescribeInstances");
    let listed: BTreeSet<_> = READS.iter().map(|(_, operation)| *operation).collect();
    assert_eq!(passed, listed);
    assert_eq!(aws.attempts(), READS.len() as u64);
    assert_eq!(server.requests().len(), READS.len());
}

#[tokio::test]
async fn the_data_prefix_does_not_reach_the_name_resolver() {
    let answer = http("200 OK", "", "{\"InstancesRevision\":7}");
    let server = Server::start(vec![answer]).await;
    let aws = readers(&server.url).await;
    let call = aws
        .servicediscovery
        .discover_instances_revision()
        .namespace_name("n")
        .service_name("s")
        .send()
        .await;
    assert_eq!(call.unwrap().instances_revision(), Some(7));
    let host = server.url.trim_start_matches("http://");
    let request = &server.requests()[0].to_lowercase();
    assert!(request.contains(&format!("host: {host}")), "{request}");
}

#[test]
fn a_gate_without_an_endpoint_changes_no_address() {
    let gate = Gate::new(Armed::No, None, std::sync::Arc::default());
    let uri = "https://data-servicediscovery.us-west-2.amazonaws.com/";
    assert_eq!(gate.without_prefix(uri), None);
}
