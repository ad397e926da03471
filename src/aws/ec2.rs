//! The one EC2 call: DescribeInstances, made with the SDK's own runtime (signing, limits, HTTP
//! client, gate) but without its EC2 crate: all the other calls in it would only be compiled.

use super::ec2_xml::{self, Page};
use super::errors::source_error;
use super::gate::Gate;
use super::xml::{ErrorDocument, XmlError};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::InstanceId;
use crate::core::inventory::Ec2Instance;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SigningName;
use std::fmt::Write;

/// The service's name, for the gate and for `AWS_ENDPOINT_URL_EC2`.
pub(super) const SERVICE: &str = "EC2";

/// The operation's name.
pub(super) const DESCRIBE_INSTANCES: &str = "DescribeInstances";

/// The version of the API that this code reads (Amazon EC2 API Reference).
const VERSION: &str = "2016-11-15";

/// How many ids one call asks about: a request holds at most 200 filter values (EC2 User Guide,
/// "Filter your resources").
pub const IDS_PER_CALL: usize = 200;

/// How many instances one page may hold (DescribeInstances, MaxResults: 5 to 1000). It is always
/// sent: calls without paging draw on a smaller bucket (EC2 Developer Guide, "Request throttling").
const PAGE_SIZE: u32 = 1000;

/// A client for that one call. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    operation: Operation<Ask, Page, Ec2Error>,
}

/// What came of asking about instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// How many calls it took, the failed one included.
    pub calls: u32,
    /// The instances EC2 knows. An id that was asked about and is not here is unknown to EC2 (or
    /// in a zone that it cannot see into): absence proves no death.
    pub result: Result<Vec<Ec2Instance>, SourceError>,
}

impl Client {
    pub(super) fn new(config: &SdkConfig, region: &str, endpoint: &str, gate: Gate) -> Self {
        let mut builder = Operation::builder()
            .service_name(SERVICE)
            .operation_name(DESCRIBE_INSTANCES)
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .no_retry()
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .with_connection_poisoning()
            .interceptor(gate)
            .runtime_plugin(signing(config, region));
        if let Some(http) = config.http_client() {
            builder = builder.http_client(http);
        }
        if let Some(limits) = config.timeout_config() {
            builder = builder.timeout_config(limits.clone());
        }
        Self { operation: builder.serializer(serialize).deserializer(deserialize).build() }
    }

    /// Asks about instances by id, [`IDS_PER_CALL`] at a time, and follows every page. By the
    /// `instance-id` filter rather than by InstanceId, which fails whole when one id is unknown.
    /// No ids, no call: without the filter it would list the account.
    ///
    /// # Errors
    /// In `result`: the first call that fails ends it, because a part of an answer would pass for
    /// all of it.
    pub async fn describe_instances(&self, ids: &[InstanceId]) -> Described {
        let mut described = Described { calls: 0, result: Ok(Vec::new()) };
        for chunk in ids.chunks(IDS_PER_CALL) {
            match self.follow(chunk, &mut described.calls).await {
                Ok(found) => {
                    if let Ok(all) = &mut described.result {
                        all.extend(found);
                    }
                }
                Err(error) => return Described { result: Err(error), ..described },
            }
        }
        described
    }

    async fn follow(
        &self,
        ids: &[InstanceId],
        calls: &mut u32,
    ) -> Result<Vec<Ec2Instance>, SourceError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            *calls += 1;
            let ask = Ask { ids: ids.to_vec(), token: token.clone() };
            let page = self.operation.invoke(ask).await;
            let page = page.map_err(|error| source_error(DESCRIBE_INSTANCES, &error))?;
            found.extend(page.instances);
            match page.next_token {
                None => return Ok(found),
                Some(next) if Some(&next) == token.as_ref() => return Err(endless()),
                next => token = next,
            }
        }
    }
}

fn endless() -> SourceError {
    SourceError::new(
        ErrorKind::Malformed,
        DESCRIBE_INSTANCES,
        "the same page token came twice: the pages would never end",
    )
}

/// One request.
#[derive(Clone, Debug)]
struct Ask {
    ids: Vec<InstanceId>,
    token: Option<String>,
}

/// How the call is signed: as the SDK's clients sign theirs, with their cache of credentials.
fn signing(config: &SdkConfig, region: &str) -> StaticRuntimePlugin {
    let mut layer = Layer::new("ec2-signing");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(aws_config::Region::new(region.to_owned()).into()),
        name: Some(SigningName::from_static("ec2")),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new("ec2-signing");
    components.push_auth_scheme(SigV4AuthScheme::new());
    components.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
        StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
    )));
    components.set_identity_cache(config.identity_cache());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

fn serialize(ask: Ask) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(form(&ask)));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
    Ok(request)
}

fn form(ask: &Ask) -> String {
    let mut form = format!(
        "Action={DESCRIBE_INSTANCES}&Version={VERSION}&MaxResults={PAGE_SIZE}\
         &Filter.1.Name=instance-id"
    );
    for (index, id) in ask.ids.iter().enumerate() {
        field(&mut form, &format!("Filter.1.Value.{}", index + 1), id.as_str());
    }
    if let Some(token) = &ask.token {
        field(&mut form, "NextToken", token);
    }
    form
}

/// Adds a field, its value percent-encoded but for RFC 3986's unreserved characters.
fn field(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(name);
    form.push('=');
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            form.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(form, "%{byte:02X}");
        }
    }
}

fn deserialize(response: &HttpResponse) -> Result<Page, OrchestratorError<Ec2Error>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return ec2_xml::page(body)
            .map_err(|error| OrchestratorError::operation(Ec2Error::unreadable(error)));
    }
    Err(OrchestratorError::operation(Ec2Error::said(ErrorDocument::read(body))))
}

/// EC2's error, in the form that [`source_error`] reads.
#[derive(Debug, thiserror::Error)]
#[error("EC2 answered with an error")]
struct Ec2Error {
    /// Boxed, because every result of the call carries room for it.
    meta: Box<ErrorMetadata>,
    source: Option<XmlError>,
}

/// Where the SDK's error metadata keeps a request id (`aws_types::request_id`). EC2 sends it in
/// the document, and in a header only sometimes.
const REQUEST_ID: &str = "aws_request_id";

impl Ec2Error {
    fn said(document: ErrorDocument) -> Self {
        let mut meta = ErrorMetadata::builder();
        if let Some(code) = document.code {
            meta = meta.code(code);
        }
        if let Some(message) = document.message {
            meta = meta.message(message);
        }
        if let Some(id) = document.request_id {
            meta = meta.custom(REQUEST_ID, id);
        }
        Self { meta: Box::new(meta.build()), source: None }
    }

    fn unreadable(source: XmlError) -> Self {
        Self { meta: Box::default(), source: Some(source) }
    }
}

impl ProvideErrorMetadata for Ec2Error {
    fn meta(&self) -> &ErrorMetadata {
        &self.meta
    }
}
