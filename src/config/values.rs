//! Checked values: each type accepts what makes sense and says in a sentence what does not. The
//! file, the environment and the flags all pass through them.

use super::{ClockSetting, DnsSetting};
use super::{ProbePath, RefusedPath};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Where resolvers listen.
const DNS_PORT: u16 = 53;

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// No duration.
    #[error("{0:?} is no duration: write a whole number and a unit, like 500ms, 90s, 10m or 1h")]
    NotADuration(String),
    /// A duration that makes no sense here.
    #[error("{given} is out of range: from {least} to {most}")]
    OutOfRange {
        /// As written.
        given: String,
        /// The least allowed.
        least: String,
        /// The most allowed.
        most: String,
    },
    /// No clock.
    #[error("{0:?} is no clock: write a time and a speed, like 2026-11-22T14:00:00Z@60")]
    NotAClock(String),
    /// No URL we can use as an endpoint.
    #[error("{0:?} is no endpoint: write http://host[:port] or https://host[:port]")]
    NotAnEndpoint(String),
    /// No URL we can use as a proxy.
    #[error("{0:?} is no proxy: write http://host:port or socks5://host:port")]
    NotAProxy(String),
    /// No region.
    #[error("{0:?} is no region: regions look like us-west-2")]
    NotARegion(String),
    /// No role.
    #[error("{0:?} is no role: they look like arn:aws:iam::123456789012:role/oncall")]
    NotARole(String),
    /// No Cloud Map service id.
    #[error("{0:?} is no Cloud Map service id: they look like srv-0123456789abcdef")]
    NotAService(String),
    /// Nothing, or control characters.
    #[error("{0:?} is empty or holds control characters")]
    NotAName(String),
    /// No resolver.
    #[error(
        "{0:?} is no resolver: write an address like 10.0.0.2 or 10.0.0.2:53, `system` or `none`"
    )]
    NotAResolver(String),
    /// No HTTP status.
    #[error("{0} is no HTTP status: they go from 100 to 599")]
    NotAStatus(u16),
    /// An empty list of statuses.
    #[error("an empty list of statuses would let nothing pass")]
    NoStatus,
    /// A refused probe path.
    #[error("the path {path:?} is refused: {why}")]
    RefusedPath {
        /// As written.
        path: String,
        /// Why.
        why: RefusedPath,
    },
}

/// A duration between `LEAST` and `MOST` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span<const LEAST: u64, const MOST: u64>(pub Duration);

impl<const LEAST: u64, const MOST: u64> TryFrom<String> for Span<LEAST, MOST> {
    type Error = BadValue;

    fn try_from(text: String) -> Result<Self, BadValue> {
        let span = parse_duration(&text)?;
        let (least, most) = (Duration::from_millis(LEAST), Duration::from_millis(MOST));
        if span < least || span > most {
            return Err(BadValue::OutOfRange {
                given: text,
                least: write_duration(least),
                most: write_duration(most),
            });
        }
        Ok(Self(span))
    }
}

/// How long a read command may wait. Under a second no round can end; after an hour nobody waits.
pub(super) type Timeout = Span<1_000, 3_600_000>;
/// How often something is read. The token buckets hold the pace, so the lower bound only catches
/// a wrong unit; a value older than an hour is no watching any more.
pub(super) type Interval = Span<100, 3_600_000>;
/// How long one request may take. Less than 100 ms fails across a region; more than a minute
/// would hold a place that other reads need.
pub(super) type RequestLimit = Span<100, 60_000>;

/// Reads the value of `--timeout`.
///
/// # Errors
/// What is wrong with it.
pub fn parse_timeout(text: &str) -> Result<Duration, BadValue> {
    Timeout::try_from(text.to_owned()).map(|span| span.0)
}

/// How long something of a run is given: settling, baking, a window. Nobody waits a day.
type RunSpan = Span<0, 86_400_000>;

/// Reads a time that a step of a run is given.
///
/// # Errors
/// What is wrong with it.
pub fn parse_span(text: &str) -> Result<Duration, BadValue> {
    RunSpan::try_from(text.to_owned()).map(|span| span.0)
}

/// Reads how long one request may take: 100 ms to a minute.
///
/// # Errors
/// What is wrong with it.
pub fn parse_request_limit(text: &str) -> Result<Duration, BadValue> {
    RequestLimit::try_from(text.to_owned()).map(|span| span.0)
}

/// Reads the value of `--clock`: a time, `@`, and how many times as fast as real time it runs.
///
/// # Errors
/// What is wrong with it.
pub fn parse_clock(text: &str) -> Result<ClockSetting, BadValue> {
    let parsed = text.split_once('@').and_then(|(start, rate)| {
        let (start, rate) = (start.parse().ok()?, rate.parse::<f64>().ok()?);
        (rate.is_finite() && rate >= 0.0).then_some(ClockSetting { start, rate })
    });
    parsed.ok_or_else(|| BadValue::NotAClock(text.to_owned()))
}

fn parse_duration(text: &str) -> Result<Duration, BadValue> {
    let not = || BadValue::NotADuration(text.to_owned());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| not())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(not()),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(not)
}

/// A duration as it is written in the file: the largest unit that holds it exactly.
pub(super) fn write_duration(span: Duration) -> String {
    let ms = span.as_millis();
    let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    match units.iter().find(|(size, _)| ms > 0 && ms.is_multiple_of(*size)) {
        Some((size, unit)) => format!("{}{unit}", ms / size),
        None => format!("{ms}ms"),
    }
}

/// Which resolver to ask: an address (port 53 unless it says), `system` or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct DnsServer(pub DnsSetting);

impl TryFrom<String> for DnsServer {
    type Error = BadValue;

    fn try_from(text: String) -> Result<Self, BadValue> {
        let address = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT));
        match text.as_str() {
            "system" => Ok(Self(DnsSetting::System)),
            "none" => Ok(Self(DnsSetting::Off)),
            _ => match text.parse::<SocketAddr>().or_else(|_| address()) {
                Ok(at) => Ok(Self(DnsSetting::Server(at))),
                Err(_) => Err(BadValue::NotAResolver(text)),
            },
        }
    }
}

macro_rules! checked {
    ($($(#[$doc:meta])* $name:ident, $refusal:ident, $fits:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(try_from = "String")]
        pub(super) struct $name(pub String);

        impl TryFrom<String> for $name {
            type Error = BadValue;

            fn try_from(text: String) -> Result<Self, BadValue> {
                let fits: fn(&str) -> bool = $fits;
                if fits(&text) { Ok(Self(text)) } else { Err(BadValue::$refusal(text)) }
            }
        }
    )*};
}

checked! {
    /// Any name: something, on one line.
    Name, NotAName, is_name;
    /// A region. It becomes part of host names, so nothing else than its letters is let in.
    Region, NotARegion, |text| {
        text.contains('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    /// The ARN of a role that can be assumed.
    Role, NotARole, |text| {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        matches!(parts[..], ["arn", _, "iam", "", account, role]
            if account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && role.strip_prefix("role/").is_some_and(|name| !name.is_empty() && is_name(name)))
    };
    /// A Cloud Map service id.
    Service, NotAService, |text| text.strip_prefix("srv-").is_some_and(is_word);
    /// An AWS endpoint.
    Endpoint, NotAnEndpoint, |text| has_host(text, &["http", "https"]);
    /// A proxy.
    Proxy, NotAProxy, |text| has_host(text, &["http", "socks5"]);
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether the URL has one of the schemes and some host; what is wrong beyond that, the client
/// that uses it says.
fn has_host(url: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let odd = |c: char| c.is_whitespace() || c.is_control();
    schemes.contains(&scheme) && !host.is_empty() && !host.starts_with(':') && !url.contains(odd)
}

/// A URL as it may be shown: without the password it may hold.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}:***@{host}{tail}")
        }
        None => url.to_owned(),
    }
}

/// A probe path that only reads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct CheckedPath(pub ProbePath);

impl TryFrom<String> for CheckedPath {
    type Error = BadValue;

    fn try_from(path: String) -> Result<Self, BadValue> {
        match ProbePath::new(&path) {
            Ok(checked) => Ok(Self(checked)),
            Err(why) => Err(BadValue::RefusedPath { path, why }),
        }
    }
}

/// The statuses that pass.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<u16>")]
pub(super) struct Statuses(pub BTreeSet<u16>);

impl TryFrom<Vec<u16>> for Statuses {
    type Error = BadValue;

    fn try_from(statuses: Vec<u16>) -> Result<Self, BadValue> {
        if let Some(odd) = statuses.iter().find(|status| !(100..=599).contains(*status)) {
            return Err(BadValue::NotAStatus(*odd));
        }
        if statuses.is_empty() {
            return Err(BadValue::NoStatus);
        }
        Ok(Self(statuses.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_they_are_written() {
        for (text, ms) in [("500ms", 500), ("90s", 90_000), ("10m", 600_000), ("1h", 3_600_000)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["500ms", "90s", "10m", "1h", "0ms"] {
            assert_eq!(write_duration(parse_duration(text).unwrap()), text);
        }
        for text in ["", "90", "s", "-1s", "1.5s", " 1s", "1 s", "1d", "99999999999999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(parse_duration("18446744073709551615h").is_err(), "overflow");
    }

    #[test]
    fn urls_are_checked_and_shown_without_passwords() {
        for url in ["http://127.0.0.1:5000", "https://aws.example", "http://[::1]:5000/x"] {
            assert!(Endpoint::try_from(url.to_owned()).is_ok(), "{url}");
        }
        for url in ["", "127.0.0.1", "ftp://x", "http://", "http://:80", "http://a b"] {
            assert!(Endpoint::try_from(url.to_owned()).is_err(), "{url}");
        }
        assert!(Proxy::try_from("socks5://u:p@jump:1080".to_owned()).is_ok());
        assert!(Proxy::try_from("https://jump:1080".to_owned()).is_err());
        let cases = [
            ("socks5://u:p@ss@jump:1080", "socks5://u:***@jump:1080"),
            ("http://jump:1080/a@b", "http://jump:1080/a@b"),
        ];
        for (url, shown) in cases {
            assert_eq!(without_password(url), shown);
        }
    }
}
