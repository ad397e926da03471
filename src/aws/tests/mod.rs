//! The room's tests on the wire: real clients against a server on loopback that misbehaves as
//! told, and `connect` in processes of their own, each with its own environment.

mod connect;
mod ec2;
mod faults;
mod gate;
mod server;

use super::connect::{Aws, http_client};
use super::{Armed, gate::Gate};
use crate::config::AwsSettings;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_runtime::client::identity::IdentityCache;
use std::time::Duration;

/// Long enough for any answer on loopback, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Clients of the endpoint that look at no environment, file or proxy.
async fn clients(url: &str, call_timeout: Duration, armed: Armed) -> Aws {
    let keys = Credentials::new("AKIDTEST", "secret-of-the-test", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-west-2"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .identity_cache(IdentityCache::lazy().build())
        .http_client(http_client(ProxyConfig::disabled()))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .build();
    let settings = AwsSettings { call_timeout, ..AwsSettings::default() };
    let names = ("us-west-2".to_owned(), "default".to_owned(), String::new());
    Aws::build(&settings, config, armed, names).await.unwrap()
}

/// Closed clients of the endpoint, with patience.
pub(crate) async fn readers(url: &str) -> Aws {
    clients(url, PATIENCE, Armed::No).await
}

/// Clients of the endpoint that may make these calls, with patience.
pub(crate) async fn armed_clients(url: &str, armed: Armed) -> Aws {
    clients(url, PATIENCE, armed).await
}
