//! What an answer means: pure functions from a status and a body to a reason. The facts are
//! measured on real servers of old and new versions; their answers are the test data.

use crate::config::{ProbeKind, ProductSettings};
use crate::core::inventory::{ProbeReason, Verdict};
use serde_json::Value;

/// How much of a server's own words a detail quotes: a table cell, not a log line.
const QUOTED_CHARS: usize = 80;

/// An answer, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Where a redirect points.
    pub location: Option<String>,
    /// The body's beginning.
    pub body: String,
}

/// What was made of an answer or of its absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Pass, fail, or cannot tell.
    pub verdict: Verdict,
    /// Why.
    pub reason: ProbeReason,
    /// A fragment for people.
    pub detail: String,
}

impl Reading {
    /// The product is as it should be.
    pub fn pass(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, reason: ProbeReason::Ready, detail: detail.into() }
    }

    /// The product is not as it should be.
    pub fn fail(reason: ProbeReason, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, reason, detail: detail.into() }
    }

    /// Nothing was learnt about the product.
    pub fn unknown(reason: ProbeReason, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, reason, detail: detail.into() }
    }
}

/// Reads an answer. `forwarded` says that an HTTP proxy passed it on, so that an error may be the
/// proxy's own: only an error in the product's words is then the product's.
pub fn read(product: &ProductSettings, forwarded: bool, answer: &Answer) -> Reading {
    let reading = match product.kind {
        ProbeKind::Grafana => grafana(product, answer),
        _ if product.status.contains(&answer.status) => Reading::pass("ready"),
        ProbeKind::Loki | ProbeKind::Tempo if answer.status == 503 => not_ready(answer),
        ProbeKind::Healthz if is_own_refusal(answer) => aggregated(answer),
        ProbeKind::Loki | ProbeKind::Tempo | ProbeKind::Healthz | ProbeKind::Http => other(answer),
    };
    if reading.reason != ProbeReason::WrongStatus {
        return reading;
    }
    if forwarded && may_be_a_proxys(answer.status) && !is_own_refusal(answer) {
        let detail = format!("{} (the proxy's or the node's)", reading.detail);
        return Reading::unknown(ProbeReason::Proxy, detail);
    }
    if product.optional && answer.status == 404 {
        return Reading::unknown(ProbeReason::NotPresent, "not on this node (404)");
    }
    reading
}

/// Statuses with which proxies report their own troubles: 403 and 407 of a policy, 500 (tinyproxy),
/// 502, 503 (squid) and 504 of a node that they could not reach.
fn may_be_a_proxys(status: u16) -> bool {
    matches!(status, 403 | 407 | 500..)
}

/// An answer that no product-specific rule explains.
fn other(answer: &Answer) -> Reading {
    if (300..400).contains(&answer.status) {
        let target = match &answer.location {
            Some(location) => format!("{} to {}", answer.status, quote(location)),
            None => format!("{} to nowhere", answer.status),
        };
        return Reading::fail(ProbeReason::Redirected, target);
    }
    let detail = match quote(first_line(&answer.body)) {
        line if line.is_empty() => answer.status.to_string(),
        line => format!("{}: {line}", answer.status),
    };
    Reading::fail(ProbeReason::WrongStatus, detail)
}

/// Grafana says in `database` whether it can reach its database; `version` may be hidden
/// (`[auth.anonymous] hide_version`).
fn grafana(product: &ProductSettings, answer: &Answer) -> Reading {
    let body: Option<Value> = serde_json::from_str(&answer.body).ok();
    let field = |name| body.as_ref().and_then(|body| body.get(name)).and_then(Value::as_str);
    let expected = product.status.contains(&answer.status);
    match field("database") {
        Some("ok") if expected => match field("version") {
            Some(version) => Reading::pass(format!("ready, version {}", quote(version))),
            None => Reading::pass("ready"),
        },
        Some("ok") => other(answer),
        Some("failing") => Reading::fail(ProbeReason::DatabaseFailing, "database failing"),
        Some(state) => {
            Reading::fail(ProbeReason::DatabaseFailing, format!("database {}", quote(state)))
        }
        None if expected => {
            Reading::fail(ProbeReason::NotTheProduct, "answers, but not as Grafana does")
        }
        None => other(answer),
    }
}

/// The 503 of `/ready`: which services are not running, or what the ingester waits for.
fn not_ready(answer: &Answer) -> Reading {
    let body = answer.body.trim();
    if body.starts_with("Application is stopping") {
        return Reading::fail(ProbeReason::Stopping, "stopping");
    }
    if body.starts_with("Some services are not Running") {
        return services(answer);
    }
    if let Some((address, how)) = blocker(body) {
        let detail = format!("blocked by {address} ({how})");
        return Reading::fail(ProbeReason::BlockedBy(address), detail);
    }
    if body.contains("after being ready") {
        return Reading::fail(ProbeReason::Settling, "settling after becoming ready");
    }
    // The ingester's own state comes at the end: "Ingester not ready: ingester not ready: Starting".
    match body.starts_with("Ingester not ready").then(|| body.rsplit(": ").next()).flatten() {
        Some("Starting" | "New") => Reading::fail(ProbeReason::Starting, "ingester starting"),
        Some("Stopping" | "Terminated") => {
            Reading::fail(ProbeReason::Stopping, "ingester stopping")
        }
        _ => other(answer),
    }
}

/// `Some services are not Running:` and a count a state, in random order. One that failed is worse
/// than one that stops, and a process that stops does not start any more.
fn services(answer: &Answer) -> Reading {
    let (mut all, mut starting, mut stopping, mut failed) = (0_u32, 0_u32, 0_u32, 0_u32);
    for line in answer.body.lines() {
        let Some((state, count)) = line.split_once(": ") else { continue };
        let Ok(count) = count.trim().parse::<u32>() else { continue };
        all = all.saturating_add(count);
        let sum = match state {
            "Starting" | "New" => &mut starting,
            "Stopping" | "Terminated" => &mut stopping,
            "Failed" => &mut failed,
            _ => continue,
        };
        *sum = sum.saturating_add(count);
    }
    if failed > 0 {
        let detail = format!("{}: {failed} of {all} services failed", answer.status);
        Reading::fail(ProbeReason::WrongStatus, detail)
    } else if stopping > 0 {
        let detail = format!("stopping, {stopping} of {all} services");
        Reading::fail(ProbeReason::Stopping, detail)
    } else if starting > 0 {
        let detail = format!("starting, {starting} of {all} services");
        Reading::fail(ProbeReason::Starting, detail)
    } else {
        other(answer)
    }
}

/// The ring member that keeps this one from becoming ready, and what is wrong with it:
/// `instance 127.0.1.3:9095 past heartbeat timeout`, `instance 127.0.1.3:9095 in state LEAVING`.
fn blocker(body: &str) -> Option<(String, String)> {
    let (_, rest) = body.split_once("instance ")?;
    let (address, how) = rest.split_once(' ')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || ".:-_[]".contains(c);
    if address.is_empty() || address.len() > QUOTED_CHARS || !address.chars().all(fits) {
        return None;
    }
    let known = how.starts_with("past heartbeat timeout") || how.starts_with("in state ");
    known.then(|| (address.to_owned(), quote(first_line(how))))
}

/// Whether this is the aggregator saying no, and not something on its way or in its place.
fn is_own_refusal(answer: &Answer) -> bool {
    answer.status >= 500
        && (answer.body.trim_start().starts_with("Unhealthy") || !failing(answer).is_empty())
}

/// The aggregator's no, with the names of what fails where its JSON body has them.
fn aggregated(answer: &Answer) -> Reading {
    let names = failing(answer);
    let detail = if names.is_empty() {
        format!("{}: unhealthy", answer.status)
    } else {
        format!("{}: {} failing", answer.status, quote(&names.join(", ")))
    };
    Reading::fail(ProbeReason::WrongStatus, detail)
}

/// The products that an aggregator's JSON body calls failing: `"failing": "loki"`, a list of
/// names, or a map from names to what they said under `services`, `products` or `checks`.
fn failing(answer: &Answer) -> Vec<String> {
    let Ok(Value::Object(body)) = serde_json::from_str(&answer.body) else { return Vec::new() };
    let names = match body.get("failing") {
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    if !names.is_empty() {
        return names;
    }
    ["services", "products", "checks"]
        .iter()
        .filter_map(|key| body.get(*key)?.as_object())
        .flatten()
        .filter(|(_, said)| says_no(said))
        .map(|(name, _)| name.clone())
        .collect()
}

fn says_no(said: &Value) -> bool {
    match said {
        Value::Bool(good) => !good,
        Value::String(word) => {
            !matches!(word.to_ascii_lowercase().as_str(), "ok" | "healthy" | "ready" | "pass")
        }
        Value::Object(fields) => ["ok", "healthy", "ready", "status"]
            .iter()
            .filter_map(|key| fields.get(*key))
            .any(says_no),
        _ => false,
    }
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// A server's words, safe to show: bounded, and without characters that move a cursor or turn the
/// direction of text.
pub fn quote(text: &str) -> String {
    let unsafe_to_show = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut shown = text.trim().chars().filter(|c| !unsafe_to_show(c));
    let mut quoted: String = shown.by_ref().take(QUOTED_CHARS).collect();
    if shown.next().is_some() {
        quoted.push('…');
    }
    quoted
}
