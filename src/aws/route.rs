//! The SDK's clients on a network that was given: its connector, its keys and its time take the place
//! of the SDK's own, and neither environment nor files are looked at.

use crate::config::AwsSettings;
use crate::machine::{Asked, Network, NoAnswer};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The configuration of clients that send through this network.
pub(super) fn config(settings: &AwsSettings, network: &Arc<dyn Network>) -> SdkConfig {
    let keys = network.keys();
    let keys = Credentials::new(keys.id, keys.secret, None, None, "given");
    let network = Through(Arc::clone(network));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        // Keys without an end need no cache.
        .identity_cache(aws_config::identity::IdentityCache::no_cache())
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(aws_smithy_async::time::SharedTimeSource::new(network.clone()))
        .region(settings.region.clone().map(Region::new));
    config.set_endpoint_url(settings.endpoint_url.clone());
    config.http_client(network).build()
}

/// A network as the SDK asks it.
#[derive(Clone)]
struct Through(Arc<dyn Network>);

impl fmt::Debug for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Through")
    }
}

impl TimeSource for Through {
    fn now(&self) -> SystemTime {
        let since = self.0.wall().duration_since(Timestamp::UNIX_EPOCH);
        SystemTime::UNIX_EPOCH + Duration::try_from(since).unwrap_or_default()
    }
}

impl HttpClient for Through {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Through {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = Asked {
            method: request.method().to_owned(),
            url: request.uri().to_owned(),
            headers: request.headers().iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        };
        let network = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let answer = network.exchange(asked).await.map_err(failed)?;
            let status = StatusCode::try_from(answer.status)
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
            for (name, value) in answer.headers {
                let added = response.headers_mut().try_insert(name, value);
                added.map_err(|error| ConnectorError::other(error.into(), None))?;
            }
            Ok(response)
        })
    }
}

fn failed(no_answer: NoAnswer) -> ConnectorError {
    ConnectorError::io(no_answer.into())
}
