//! Where each service is asked: the override in force, if any, and for EC2, whose SDK crate is not
//! here, the regular address too.

use super::connect_error::ConnectError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

/// The endpoint override in force for a service, by the SDKs' own order: `--endpoint-url` (set in
/// code), `AWS_ENDPOINT_URL_<SERVICE>`, the profile's `services` section, `AWS_ENDPOINT_URL`, the
/// profile's `endpoint_url`. `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is the SDK's to respect.
///
/// # Errors
/// An override that is no URL; the SDK would say so at every single call.
pub(super) fn overriding(
    config: &SdkConfig,
    service: &str,
) -> Result<Option<String>, ConnectError> {
    let configured = if config.get_origin("endpoint_url").is_client_config() {
        config.endpoint_url().map(str::to_owned)
    } else {
        for_service(config, service).or_else(|| config.endpoint_url().map(str::to_owned))
    };
    if let Some(url) = &configured {
        check(url).map_err(|why| ConnectError::BadEndpoint {
            service: service.to_owned(),
            url: url.clone(),
            why: why.to_owned(),
        })?;
    }
    Ok(configured)
}

fn for_service(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    config.service_config()?.load_config(key)
}

fn check(url: &str) -> Result<(), &'static str> {
    let Some(rest) = url.strip_prefix("http://").or(url.strip_prefix("https://")) else {
        return Err("it starts with neither http:// nor https://");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // The colons inside an IPv6 address's brackets start no port.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, "0"),
    };
    if host.is_empty() {
        return Err("it names no host");
    }
    if port.parse::<u16>().is_err() {
        return Err("its port is no number");
    }
    if rest.contains(['@', '?', '#']) {
        return Err("it has a user name, a query or a fragment");
    }
    HttpRequest::empty().set_uri(url).map_err(|_| "it is no URL")
}

/// The region as a host name may carry it: letters, digits and hyphens. The SDK puts it into host
/// names; anything else would address another host.
///
/// # Errors
/// Any other text.
pub(super) fn check_region(region: &str) -> Result<(), ConnectError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = region.starts_with('-') || region.ends_with('-');
    if region.is_empty() || edges || !region.chars().all(fits) {
        return Err(ConnectError::BadRegion(region.to_owned()));
    }
    Ok(())
}

/// EC2's regular address (AWS General Reference, "Amazon EC2 endpoints and quotas"; the suffixes
/// are those of the partitions in the SDKs' endpoint rules).
pub(super) fn regular_ec2(config: &SdkConfig, region: &str) -> String {
    let host = if config.use_fips().unwrap_or(false) { "ec2-fips" } else { "ec2" };
    let dual = config.use_dual_stack().unwrap_or(false);
    let suffix = match partition(region) {
        Partition::China if dual => "api.amazonwebservices.com.cn",
        Partition::China => "amazonaws.com.cn",
        Partition::Iso => "c2s.ic.gov",
        Partition::IsoB => "sc2s.sgov.gov",
        Partition::Regular if dual => "api.aws",
        Partition::Regular => "amazonaws.com",
    };
    format!("https://{host}.{region}.{suffix}")
}

enum Partition {
    Regular,
    China,
    Iso,
    IsoB,
}

fn partition(region: &str) -> Partition {
    match region {
        _ if region.starts_with("cn-") => Partition::China,
        _ if region.starts_with("us-isob-") => Partition::IsoB,
        _ if region.starts_with("us-iso-") => Partition::Iso,
        _ => Partition::Regular,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_endpoint_may_be() {
        for good in ["http://127.0.0.1:5000", "https://vpce-1.ec2.test/base/", "http://[::1]:80"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "127.0.0.1:5000",
            "ftp://host",
            "http://",
            "http:///path",
            "http://a b",
            "http://user@host",
            "http://host?x=1",
            "http://host:port",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_a_region_may_be() {
        for good in ["us-west-2", "cn-north-1", "local"] {
            assert_eq!(check_region(good), Ok(()), "{good}");
        }
        for bad in ["", "us-west-2.evil.test/", "US-WEST-2", "-x", "a b"] {
            assert_eq!(check_region(bad), Err(ConnectError::BadRegion(bad.into())), "{bad}");
        }
    }

    #[test]
    fn where_ec2_is() {
        let plain = SdkConfig::builder().build();
        assert_eq!(regular_ec2(&plain, "us-west-2"), "https://ec2.us-west-2.amazonaws.com");
        assert_eq!(regular_ec2(&plain, "cn-north-1"), "https://ec2.cn-north-1.amazonaws.com.cn");
        assert_eq!(
            regular_ec2(&plain, "us-isob-east-1"),
            "https://ec2.us-isob-east-1.sc2s.sgov.gov"
        );
        let fips = SdkConfig::builder().use_fips(true).build();
        assert_eq!(regular_ec2(&fips, "us-east-1"), "https://ec2-fips.us-east-1.amazonaws.com");
        let dual = SdkConfig::builder().use_dual_stack(true).build();
        assert_eq!(regular_ec2(&dual, "us-east-1"), "https://ec2.us-east-1.api.aws");
    }
}
