//! From settings to clients: the SDK's own chain finds what the settings leave open, and every
//! client shares one HTTP client, one credentials cache, one set of limits and one gate.

use super::connect_error::ConnectError;
use super::gate::{Armed, Gate, SendUntil};
use super::{credentials, ec2, endpoint, profiles, route};
use crate::clock::Clock;
use crate::config::AwsSettings;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::app_name::AppName;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Every client, ready to call. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Aws {
    /// EC2 Auto Scaling.
    pub autoscaling: aws_sdk_autoscaling::Client,
    /// Elastic Load Balancing version 2.
    pub elbv2: aws_sdk_elasticloadbalancingv2::Client,
    /// Cloud Map.
    pub servicediscovery: aws_sdk_servicediscovery::Client,
    /// The Security Token Service.
    pub sts: aws_sdk_sts::Client,
    /// EC2, the one call.
    pub ec2: ec2::Client,
    /// The region of all of them.
    pub region: String,
    /// The profile in use; `default` need not exist.
    pub profile: String,
    /// What to do when the credentials are over, as a fragment.
    pub remedy: Arc<str>,
    /// How long the credentials last, as far as they say.
    pub lasting: credentials::Lasting,
    attempts: Arc<AtomicU64>,
    until: SendUntil,
}

impl Aws {
    /// Builds the clients and gets credentials once. Sends nothing to AWS itself, but may ask an
    /// SSO endpoint, a credential process, STS (to assume a role) or the instance metadata
    /// service, as the profile says; never the last when `AWS_EC2_METADATA_DISABLED` is `true`.
    ///
    /// `settings.profile` is an explicit choice and beats credentials in the environment, as
    /// `--profile` does in the AWS CLI; `AWS_PROFILE` does not.
    ///
    /// # Errors
    /// See [`ConnectError`]: [`ConnectError::is_usage`] tells a mistake in the configuration (exit
    /// code 2) from credentials that are missing, expired or out of reach (exit code 4).
    pub async fn connect(settings: &AwsSettings) -> Result<Self, ConnectError> {
        Self::connect_armed(settings, Armed::No).await
    }

    /// As [`Aws::connect`], with the gate closed, or open for some calls.
    ///
    /// # Errors
    /// As [`Aws::connect`].
    pub async fn connect_armed(settings: &AwsSettings, armed: Armed) -> Result<Self, ConnectError> {
        let profiles::Profile { name: profile, login } = match settings.route.network() {
            Some(_) => profiles::Profile::none(),
            None => profiles::check(settings.profile.as_deref()).await?,
        };
        if let Some(region) = &settings.region {
            endpoint::check_region(region)?;
        }
        let config = load(settings).await;
        let region = config.region().map(ToString::to_string);
        let region = region.ok_or_else(|| ConnectError::NoRegion { profile: profile.clone() })?;
        endpoint::check_region(&region)?;
        let remedy = login.remedy(&profile, settings.profile.is_some());
        Self::build(settings, config, armed, (region, profile, remedy)).await
    }

    pub(super) async fn build(
        settings: &AwsSettings,
        config: SdkConfig,
        armed: Armed,
        (region, profile, remedy): (String, String, String),
    ) -> Result<Self, ConnectError> {
        let attempts = Arc::<AtomicU64>::default();
        let until = SendUntil::default();
        let gate = |service| -> Result<(Gate, Option<String>), ConnectError> {
            let url = endpoint::overriding(&config, service)?;
            let gate = Gate::new(armed.clone(), url.as_deref(), attempts.clone());
            Ok((gate.until(until.clone()), url))
        };
        // All endpoints are checked before anybody is asked for credentials.
        let (autoscaling, _) = gate("Auto Scaling")?;
        let (elbv2, _) = gate("Elastic Load Balancing v2")?;
        let (servicediscovery, _) = gate("ServiceDiscovery")?;
        let (sts, _) = gate("STS")?;
        let (ec2_gate, ec2_url) = gate(ec2::SERVICE)?;

        let (config, lasting) = with_credentials(settings, &config, (&profile, &remedy)).await?;
        let ec2_url = ec2_url.unwrap_or_else(|| endpoint::regular_ec2(&config, &region));
        macro_rules! client {
            ($module:ident, $gate:expr) => {
                $module::Client::from_conf(
                    $module::config::Builder::from(&config)
                        .retry_config(RetryConfig::disabled())
                        .interceptor($gate)
                        .build(),
                )
            };
        }
        Ok(Self {
            autoscaling: client!(aws_sdk_autoscaling, autoscaling),
            elbv2: client!(aws_sdk_elasticloadbalancingv2, elbv2),
            servicediscovery: client!(aws_sdk_servicediscovery, servicediscovery),
            sts: client!(aws_sdk_sts, sts),
            ec2: ec2::Client::new(&config, &region, &ec2_url, ec2_gate),
            region,
            profile,
            remedy: remedy.into(),
            lasting,
            attempts,
            until,
        })
    }

    /// From now on lets no change out once this much real time has passed on the clock; the calls that
    /// keep locks are free of it.
    pub fn send_until(&self, clock: &Clock, until: Duration) {
        let mut of = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        *of = Some((clock.clone(), until));
    }

    /// How many requests all clients have put on the wire so far.
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }
}

/// What the SDK's chain makes of the settings, the environment and the files.
pub(super) async fn load(settings: &AwsSettings) -> SdkConfig {
    if let Some(network) = settings.route.network() {
        return route::config(settings, network);
    }
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        // The proxies that `HTTPS_PROXY`, `NO_PROXY` and the like name.
        .http_client(http_client(ProxyConfig::from_env()));
    if let Ok(name) = AppName::new("quarterdeck") {
        loader = loader.app_name(name);
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &settings.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    loader.load().await
}

/// Gets the first credentials, and fixes what holds for calls and not for getting credentials:
/// one attempt, and the time limits.
async fn with_credentials(
    settings: &AwsSettings,
    config: &SdkConfig,
    (profile, remedy): (&str, &str),
) -> Result<(SdkConfig, credentials::Lasting), ConnectError> {
    let chain = match &settings.profile {
        Some(name) => Some(only_profile(config, name)),
        None => config.credentials_provider(),
    };
    let no_credentials = |error: &CredentialsError| {
        ConnectError::Credentials(credentials::source_error(error).with_remedy(remedy))
    };
    let chain = chain.ok_or_else(|| no_credentials(&CredentialsError::not_loaded_no_source()))?;
    let chain = match &settings.role {
        Some(role) => assuming(config, role, chain).await,
        None => chain,
    };
    let (credentials, lasting) = credentials::resolve(chain).await.map_err(|error| {
        if credentials::is_profile_fault(&error) {
            let why = credentials::source_error(&error).message;
            return ConnectError::BadProfile { name: profile.to_owned(), why };
        }
        no_credentials(&error)
    })?;
    let config = config
        .to_builder()
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .timeout_config(limits(settings.call_timeout))
        // The limit on the whole call bounds a stalled answer already. The SDK's own protection
        // would besides call a slow TLS handshake, or an answer that only trickles, a stall.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    Ok((config, lasting))
}

/// The credentials of a role, got with those of the chain. STS is asked at the endpoint that holds
/// for everything else.
async fn assuming(
    config: &SdkConfig,
    role: &str,
    chain: SharedCredentialsProvider,
) -> SharedCredentialsProvider {
    let limits = limits(FIRST_LIMIT);
    let config = config.to_builder().timeout_config(limits).build();
    let role = AssumeRoleProvider::builder(role).session_name(SESSION).configure(&config);
    SharedCredentialsProvider::new(role.build_from_provider(chain).await)
}

/// The credentials of one profile and nothing else.
fn only_profile(config: &SdkConfig, name: &str) -> SharedCredentialsProvider {
    let mut provider = ProviderConfig::without_region().with_region(config.region().cloned());
    if let Some(http) = config.http_client() {
        provider = provider.with_http_client(http);
    }
    let credentials = ProfileFileCredentialsProvider::builder().configure(&provider);
    SharedCredentialsProvider::new(credentials.profile_name(name).build())
}

/// The limits of one call. The SDK alone waits for ever on a silent server. The connection gets
/// half, so that a host that nothing answers for is told apart from a server that is slow.
pub(super) fn limits(call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(call / 2)
        .read_timeout(call)
        .operation_attempt_timeout(call)
        .operation_timeout(call)
        .build()
}

/// How long STS may take to hand out a role's credentials.
const FIRST_LIMIT: Duration = Duration::from_secs(10);
/// What the sessions of an assumed role are called in the account's own log.
const SESSION: &str = "quarterdeck";

/// How long an idle connection is kept. A server that closes it just as it is used again fails
/// that read, and nothing repeats it here; load balancers close idle connections after 60 s.
const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// One HTTP client for all. The SDK's default client goes through no proxy.
pub(super) fn http_client(proxies: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, _components| {
        let mut connector =
            Connector::builder().pool_idle_timeout(IDLE_CONNECTION).proxy_config(proxies.clone());
        connector.set_connector_settings(settings.cloned());
        connector.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build()
    })
}
