//! The Rust SDKs, which the product uses, read and change the world: their parsers are stricter
//! than boto3's.

use crate::sim_harness::TestWorld;
use aws_credential_types::Credentials;
use aws_sdk_autoscaling as autoscaling;
use aws_sdk_elasticloadbalancingv2 as elbv2;
use aws_sdk_servicediscovery as cloudmap;
use aws_types::{SdkConfig, region::Region};

fn config(world: &TestWorld) -> SdkConfig {
    let credentials = Credentials::new("AKIATEST", "none", None, None, "test");
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new(world.info.region.clone()))
        .endpoint_url(&world.info.endpoint)
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            credentials,
        ))
        .build()
}

#[tokio::test]
async fn the_rust_sdks_read_and_change_the_world() {
    let world = TestWorld::named("blue-green");
    let config = config(&world);
    let (cm, asg) = (cloudmap::Client::new(&config), autoscaling::Client::new(&config));
    let elb = elbv2::Client::new(&config);

    let services = cm.list_services().send().await.unwrap();
    let id = services.services()[0].id().unwrap().to_owned();
    let members = cm.list_instances().service_id(&id).send().await.unwrap();
    assert_eq!(members.instances().len(), 6);
    assert!(services.services()[0].create_date().is_some());
    let refused = cm.get_operation().operation_id("none").send().await.unwrap_err();
    assert!(refused.into_service_error().is_operation_not_found());
    let taken = cm.create_service().name("glt").namespace_id(&world.info.namespace).send().await;
    assert!(taken.unwrap_err().into_service_error().is_service_already_exists());

    let groups = asg.describe_auto_scaling_groups().send().await.unwrap();
    let blue = &groups.auto_scaling_groups()[0];
    assert_eq!(blue.instances().len(), 3);
    assert_eq!(blue.traffic_sources().len(), 3);
    assert!(blue.created_time().is_some());
    let done = asg
        .enter_standby()
        .auto_scaling_group_name(blue.auto_scaling_group_name().unwrap())
        .instance_ids(blue.instances()[0].instance_id().unwrap())
        .should_decrement_desired_capacity(true)
        .send()
        .await
        .unwrap();
    assert!(done.activities()[0].start_time().is_some());

    let balancers = elb.describe_load_balancers().send().await.unwrap();
    let arn = balancers.load_balancers()[0].load_balancer_arn().unwrap();
    let listeners = elb.describe_listeners().load_balancer_arn(arn).send().await.unwrap();
    let listener = &listeners.listeners()[0];
    let action = listener.default_actions()[0].clone();
    let forward = action.forward_config().unwrap();
    assert_eq!(forward.target_groups().len(), 2);
    let group = forward.target_groups()[0].target_group_arn().unwrap();
    let health = elb.describe_target_health().target_group_arn(group).send().await.unwrap();
    assert_eq!(health.target_health_descriptions().len(), 3);
    let written = elb
        .modify_listener()
        .listener_arn(listener.listener_arn().unwrap())
        .default_actions(action.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(written.listeners()[0].default_actions(), [action], "written back unchanged");
    let refused = elb.modify_listener().listener_arn("none").send().await.unwrap_err();
    assert!(refused.into_service_error().is_listener_not_found_exception());

    let who = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.unwrap();
    assert_eq!(who.account(), Some("123456789012"));
}
