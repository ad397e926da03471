//! `connect` as the operator meets it: each test runs again as a process of its own, with nothing
//! in its environment but what the test says, so that no test sees another's or the developer's.

use super::server::{Server, http};
use crate::aws::{Aws, ConnectError, source_error};
use crate::config::AwsSettings;
use crate::core::error::ErrorKind;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Set in the child, so that it runs the body.
const CHILD: &str = "QUARTERDECK_TEST_CHILD";

/// Credentials and a region by variables; the metadata service out of the way.
const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIDENV"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("AWS_REGION", "eu-west-1"),
];

/// The files of one test, gone when it ends.
struct Home(PathBuf);

impl Home {
    fn new(test: &str, files: &[(&str, &str)]) -> Self {
        let home = std::env::temp_dir().join(format!("quarterdeck-{}-{test}", std::process::id()));
        std::fs::create_dir_all(home.join(".aws/sso/cache")).unwrap();
        for (name, content) in files {
            std::fs::write(home.join(".aws").join(name), content).unwrap();
        }
        Self(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test process must know that it is the child")]
fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Names and values: variables, or files under `.aws`.
type Named<'a> = &'a [(&'a str, &'a str)];

/// Runs `body` in a process of its own that sees only these variables and files.
fn alone<F: Future<Output = ()>>(
    test: &str,
    (variables, files): (Named, Named),
    body: impl FnOnce() -> F,
) {
    if is_child() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        return runtime.unwrap().block_on(body());
    }
    let home = Home::new(test, files);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("aws::tests::connect::{test}"), "--nocapture"])
        .env_clear()
        .env("HOME", &home.0)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{wrong}");
    assert!(said.contains("1 passed"), "the child ran no test: {said}");
}

fn settings() -> AwsSettings {
    AwsSettings { call_timeout: Duration::from_secs(10), ..AwsSettings::default() }
}

fn at(url: &str) -> AwsSettings {
    AwsSettings { endpoint_url: Some(url.to_owned()), ..settings() }
}

fn profile(name: &str) -> AwsSettings {
    AwsSettings { profile: Some(name.to_owned()), region: Some("us-west-2".into()), ..settings() }
}

async fn refused(settings: &AwsSettings) -> ConnectError {
    Aws::connect(settings).await.unwrap_err()
}

/// What the server was asked by one call of each service.
async fn ask_all(aws: &Aws) {
    let failed = aws.servicediscovery.list_namespaces().send().await.unwrap_err();
    assert_eq!(source_error("ListNamespaces", &failed).kind, ErrorKind::Failed);
    assert!(aws.autoscaling.describe_auto_scaling_groups().send().await.is_err());
    assert!(aws.elbv2.describe_load_balancers().send().await.is_err());
    assert!(aws.sts.get_caller_identity().send().await.is_err());
    assert!(aws.ec2.describe_instances(&["i-0123abcd".into()]).await.result.is_err());
}

#[test]
fn the_environment_is_enough() {
    alone("the_environment_is_enough", (&KEYS, &[]), || async {
        let server = Server::start(vec![http("500 Internal Server Error", "", "")]).await;
        let aws = Aws::connect(&at(&server.url)).await.unwrap();
        assert_eq!((aws.region.as_str(), aws.profile.as_str()), ("eu-west-1", "default"));
        ask_all(&aws).await;
        let asked = server.requests();
        assert_eq!((asked.len(), aws.attempts()), (5, 5), "one attempt each");
        for request in asked {
            assert!(request.contains("Credential=AKIDENV/"), "{request}");
            assert!(request.contains("/eu-west-1/"), "{request}");
        }
    });
}

#[test]
fn settings_beat_the_environment() {
    alone("settings_beat_the_environment", (&KEYS, &[]), || async {
        let region = Some("ap-south-1".to_owned());
        let aws = Aws::connect(&AwsSettings { region, ..settings() }).await.unwrap();
        assert_eq!(aws.region, "ap-south-1");
    });
}

/// Where each service is asked, under the variables that the SDKs define.
const ENDPOINTS: [(&str, &str); 5] = [
    KEYS[0],
    KEYS[1],
    KEYS[2],
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:9/all"),
    ("AWS_ENDPOINT_URL_EC2", "http://127.0.0.1:9/ec2"),
];

#[test]
fn endpoint_variables_hold_for_the_sdk_and_for_ec2() {
    alone("endpoint_variables_hold_for_the_sdk_and_for_ec2", (&ENDPOINTS, &[]), || async {
        let config = crate::aws::connect::load(&settings()).await;
        let of = |service| crate::aws::endpoint::overriding(&config, service).unwrap();
        assert_eq!(of("EC2").as_deref(), Some("http://127.0.0.1:9/ec2"));
        assert_eq!(of("ServiceDiscovery").as_deref(), Some("http://127.0.0.1:9/all"));
    });
}

#[test]
fn an_explicit_endpoint_beats_the_variables() {
    alone("an_explicit_endpoint_beats_the_variables", (&ENDPOINTS, &[]), || async {
        let server = Server::start(vec![http("500 Internal Server Error", "", "")]).await;
        let aws = Aws::connect(&at(&server.url)).await.unwrap();
        ask_all(&aws).await;
        assert_eq!(server.requests().len(), 5);
    });
}

#[test]
fn a_profile_s_endpoint_holds_for_ec2_too() {
    let config = "[default]\nregion = us-west-2\nservices = local\n[services local]\nec2 =\n  \
                  endpoint_url = http://127.0.0.1:9/file\n";
    let files = [("config", config)];
    alone("a_profile_s_endpoint_holds_for_ec2_too", (&KEYS[..2], &files), || async {
        let config = crate::aws::connect::load(&settings()).await;
        let of = |service| crate::aws::endpoint::overriding(&config, service).unwrap();
        assert_eq!(of("EC2").as_deref(), Some("http://127.0.0.1:9/file"));
        assert_eq!(of("STS"), None);
    });
}

#[test]
fn an_endpoint_that_is_no_url() {
    let variables = [KEYS[0], KEYS[1], KEYS[2], ("AWS_ENDPOINT_URL_EC2", "localhost:5000")];
    alone("an_endpoint_that_is_no_url", (&variables, &[]), || async {
        let error = refused(&settings()).await;
        assert!(error.to_string().contains("\"localhost:5000\" for EC2"), "{error}");
        let error = refused(&at("nonsense")).await;
        assert!(matches!(error, ConnectError::BadEndpoint { .. }), "{error}");
        assert!(error.is_usage());
    });
}

#[test]
fn no_region_anywhere() {
    alone("no_region_anywhere", (&KEYS[..2], &[]), || async {
        let error = refused(&settings()).await;
        assert_eq!(error, ConnectError::NoRegion { profile: "default".into() });
        assert!(error.is_usage());
        let region = Some("us west".to_owned());
        let error = refused(&AwsSettings { region, ..settings() }).await;
        assert_eq!(error, ConnectError::BadRegion("us west".into()));
    });
}

const PROFILES: [(&str, &str); 2] = [
    ("config", "[profile blue]\nregion = us-west-2\n[profile empty]\nregion = us-east-1\n"),
    ("credentials", "[blue]\naws_access_key_id = AKIDBLUE\naws_secret_access_key = s\n"),
];

#[test]
fn a_profile_that_does_not_exist() {
    alone("a_profile_that_does_not_exist", (&KEYS, &PROFILES), || async {
        let error = refused(&profile("bleu")).await;
        let known = vec!["blue".to_owned(), "empty".to_owned()];
        assert_eq!(error, ConnectError::NoSuchProfile { name: "bleu".into(), known });
        assert_eq!(error.to_string(), "there is no AWS profile \"bleu\"; there are: blue, empty");
        assert!(error.is_usage());
    });
}

#[test]
fn a_named_profile_beats_keys_in_the_environment() {
    alone("a_named_profile_beats_keys_in_the_environment", (&KEYS, &PROFILES), || async {
        let server = Server::start(vec![http("500 Internal Server Error", "", "")]).await;
        let named = AwsSettings { endpoint_url: Some(server.url.clone()), ..profile("blue") };
        ask_all(&Aws::connect(&named).await.unwrap()).await;
        let asked = server.requests();
        assert!(asked.iter().all(|one| one.contains("Credential=AKIDBLUE/")), "{asked:?}");
    });
}

#[test]
fn a_profile_from_the_environment() {
    let variables = [("AWS_PROFILE", "blue")];
    alone("a_profile_from_the_environment", (&variables, &PROFILES), || async {
        let aws = Aws::connect(&settings()).await.unwrap();
        assert_eq!((aws.region.as_str(), aws.profile.as_str()), ("us-west-2", "blue"));
    });
}

#[test]
fn a_missing_profile_from_the_environment() {
    let variables = [KEYS[0], KEYS[1], KEYS[2], ("AWS_PROFILE", "green")];
    alone("a_missing_profile_from_the_environment", (&variables, &PROFILES), || async {
        let error = refused(&settings()).await;
        assert!(matches!(error, ConnectError::NoSuchProfile { .. }), "{error}");
    });
}

#[test]
fn a_profile_without_credentials_and_no_credentials_at_all() {
    let test = "a_profile_without_credentials_and_no_credentials_at_all";
    alone(test, (&KEYS[2..], &PROFILES), || async {
        for settings in [settings(), profile("empty")] {
            let ConnectError::Credentials(error) = refused(&settings).await else {
                panic!("not about credentials")
            };
            assert_eq!(error.kind, ErrorKind::NoCredentials, "{error}");
            assert!(!refused(&settings).await.is_usage());
        }
    });
}

#[test]
fn a_malformed_file() {
    let files = [("config", "[profile blue]\nregion = us-west-2\n[profile \nbroken")];
    alone("a_malformed_file", (&KEYS, &files), || async {
        let error = refused(&settings()).await;
        assert!(matches!(&error, ConnectError::ConfigFile { .. }), "{error}");
        assert!(error.to_string().contains("config"), "{error}");
    });
}

#[test]
fn an_unreadable_file() {
    // A directory in a file's place cannot be read by anybody, root included.
    let variables = [KEYS[0], KEYS[1], KEYS[2], ("AWS_CONFIG_FILE", "/")];
    alone("an_unreadable_file", (&variables, &[]), || async {
        let error = refused(&settings()).await;
        assert!(matches!(&error, ConnectError::ConfigFile { what, .. } if what == "/"), "{error}");
    });
}

#[test]
fn a_profile_that_contradicts_itself() {
    let config = "[profile loop]\nrole_arn = arn:aws:iam::123456789012:role/x\n\
                  source_profile = gone\n";
    let files = [("config", config)];
    alone("a_profile_that_contradicts_itself", (&[], &files), || async {
        let error = refused(&profile("loop")).await;
        assert!(
            matches!(&error, ConnectError::BadProfile { name, .. } if name == "loop"),
            "{error}"
        );
        assert!(error.to_string().contains("gone"), "{error}");
    });
}

const SSO: &str = "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\n\
    sso_role_name = ops\n[sso-session corp]\nsso_region = us-west-2\n\
    sso_start_url = https://127.0.0.1:9/start\n";

/// The cache file's name is the SHA-1 of the session's name, `corp`.
const SSO_CACHE: &str = "sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

#[test]
fn nobody_logged_in() {
    let files = [("config", SSO)];
    alone("nobody_logged_in", (&[], &files), || async {
        let ConnectError::Credentials(error) = refused(&profile("sso")).await else {
            panic!("not about credentials")
        };
        assert_eq!(error.kind, ErrorKind::Expired, "{error}");
        assert!(error.kind.next_step().contains("aws sso login"));
    });
}

#[test]
fn a_login_that_has_expired() {
    let token = "{\"accessToken\":\"t\",\"expiresAt\":\"2020-01-01T00:00:00Z\",\
        \"region\":\"us-west-2\",\"startUrl\":\"https://127.0.0.1:9/start\"}";
    let files = [("config", SSO), (SSO_CACHE, token)];
    alone("a_login_that_has_expired", (&[], &files), || async {
        let ConnectError::Credentials(error) = refused(&profile("sso")).await else {
            panic!("not about credentials")
        };
        assert_eq!(error.kind, ErrorKind::Expired, "{error}");
        assert!(error.message.contains("expired"), "{error}");
    });
}

/// A metadata service that refuses everybody, and how often it was called.
fn metadata_service() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::<AtomicUsize>::default();
    let count = calls.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let answer =
                b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.unwrap().write_all(answer);
        }
    });
    (url, calls)
}

#[test]
fn the_metadata_service_is_left_alone_when_disabled() {
    let test = "the_metadata_service_is_left_alone_when_disabled";
    for (disabled, is_called) in [("true", false), ("false", true)] {
        let (url, calls) = metadata_service();
        let variables =
            [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url), ("AWS_EC2_METADATA_DISABLED", disabled)];
        alone(test, (&variables, &[]), || async {
            let error = refused(&settings()).await;
            assert_eq!(error, ConnectError::NoRegion { profile: "default".into() });
            let region = Some("us-west-2".to_owned());
            let error = refused(&AwsSettings { region, ..settings() }).await;
            assert!(error.to_string().contains("no usable AWS credentials"), "{error}");
        });
        if !is_child() {
            assert_eq!(calls.load(Ordering::SeqCst) > 0, is_called, "disabled: {disabled}");
        }
    }
}

#[test]
fn a_credential_process_is_asked_once() {
    let config = "[profile asks]\ncredential_process = /bin/sh -c \"echo x >> $HOME/asked; echo \
        '{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"AKIDPROC\\\",\\\"SecretAccessKey\\\":\\\"s\\\"}'\"\n";
    let files = [("config", config)];
    let variables = [("PATH", "/usr/bin:/bin")];
    alone("a_credential_process_is_asked_once", (&variables, &files), || async {
        let server = Server::start(vec![http("500 Internal Server Error", "", "")]).await;
        let named = AwsSettings { endpoint_url: Some(server.url.clone()), ..profile("asks") };
        ask_all(&Aws::connect(&named).await.unwrap()).await;
        assert!(server.requests().iter().all(|one| one.contains("Credential=AKIDPROC/")));
        let home = aws_types::os_shim_internal::Env::real().get("HOME").unwrap();
        assert_eq!(std::fs::read_to_string(format!("{home}/asked")).unwrap(), "x\n");
    });
}
