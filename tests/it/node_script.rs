//! The published boot script, call for call, as the node in a test runs it instead of `register`:
//! list the service's members, deregister every one of the same STACK, register itself. It catches
//! nothing: the first error ends it.

use crate::sim_harness::TestWorld;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_servicediscovery::Client;
use aws_types::{SdkConfig, region::Region};

/// A client as the script's AWS CLI would be.
pub fn client(world: &TestWorld) -> Client {
    let credentials = Credentials::new("AKIATEST", "none", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new(world.info.region.clone()))
        .endpoint_url(&world.info.endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let once = aws_smithy_types::retry::RetryConfig::disabled();
    let config = aws_sdk_servicediscovery::config::Builder::from(&config).retry_config(once);
    Client::from_conf(config.build())
}

/// Runs the script on one node; why it ended early, if it did.
pub async fn run(
    client: &Client,
    service: &str,
    node: (&str, &str),
    stack: &str,
) -> Option<String> {
    let listed = client.list_instances().service_id(service).max_results(100).send().await.unwrap();
    let same = |one: &&aws_sdk_servicediscovery::types::InstanceSummary| {
        one.attributes().and_then(|all| all.get("STACK")).is_some_and(|of| of == stack)
    };
    for member in listed.instances().iter().filter(same) {
        let call = client.deregister_instance().service_id(service);
        if let Err(error) = call.instance_id(member.id().unwrap()).send().await {
            return Some(error.into_service_error().to_string());
        }
    }
    let (id, ip) = node;
    let call = client.register_instance().service_id(service).instance_id(id);
    let call = call.attributes("AWS_INSTANCE_IPV4", ip).attributes("STACK", stack);
    call.send().await.err().map(|error| error.into_service_error().to_string())
}
