//! A ring's page: JSON where that is asked for and the version knows it, else the page for people.

use super::super::answer::NodeAnswer;
use super::super::ring_views::Shard;
use super::super::since;
use super::Page;
use jiff::Timestamp;
use std::fmt::Write;

/// What JSON of a ring differs in, by version.
#[derive(Clone, Copy)]
struct Form {
    /// Times as Go prints them, not as RFC 3339 has them.
    go_times: bool,
    /// Whether members can be read-only.
    read_only: bool,
}

impl Page<'_> {
    /// A ring by its name.
    pub(super) fn ring(&self, ring: &str) -> NodeAnswer {
        let (loki, version) = (self.is_loki(), self.version);
        let form = Form {
            go_times: version < (if loki { (2, 5) } else { (1, 4) }),
            read_only: version >= (if loki { (3, 0) } else { (2, 8) }),
        };
        let knows_json = version >= (if loki { (2, 4) } else { (1, 3) });
        let shards = self.shards(ring);
        if self.asked.json && knows_json {
            return NodeAnswer::json(200, json(&shards, self.now(), form));
        }
        NodeAnswer::html(html(&shards, self.now(), form))
    }
}

fn time(at: Timestamp, form: Form) -> String {
    let pattern = if form.go_times { "%Y-%m-%d %H:%M:%S +0000 UTC" } else { "%Y-%m-%dT%H:%M:%SZ" };
    at.strftime(pattern).to_string()
}

fn json(shards: &[Shard], now: Timestamp, form: Form) -> String {
    let mut text = String::with_capacity(shards.len() * 1_600 + 64);
    text.push_str("{\"shards\":[");
    for (index, one) in shards.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        // A String takes whatever is written to it.
        let _infallible = write!(
            text,
            "{{\"id\":\"{}\",\"state\":\"{}\",\"address\":\"{}\",\"timestamp\":\"{}\",\"registered_timestamp\":\"{}\",",
            one.id,
            one.state,
            one.address,
            time(one.beat, form),
            time(one.registered, form),
        );
        if form.read_only {
            text.push_str(
                "\"read_only\":false,\"read_only_updated_timestamp\":\"0001-01-01T00:00:00Z\",",
            );
        }
        text.push_str("\"zone\":\"\",\"tokens\":");
        if one.tokens.is_empty() {
            text.push_str("null}");
        } else {
            text.push('[');
            text.push_str(&one.tokens);
            text.push_str("]}");
        }
    }
    let _infallible = writeln!(text, "],\"now\":\"{now:.9}\"}}");
    text
}

/// Columns that a page has, and those that a newer one has more.
const COLUMNS: [&str; 9] = [
    "Instance ID",
    "Availability Zone",
    "State",
    "Address",
    "Registered At",
    "Last Heartbeat",
    "Tokens",
    "Ownership",
    "Actions",
];

fn html(shards: &[Shard], now: Timestamp, form: Form) -> String {
    let mut text = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n    <meta charset=\"UTF-8\">\n    <title>Ring Status</title>\n</head>\n<body>\n<h1>Ring Status</h1>\n<p>Current time: {} &#43;0000 UTC m=&#43;156.197741691</p>\n<form action=\"\" method=\"POST\">\n    <input type=\"hidden\" name=\"csrf_token\" value=\"$__CSRF_TOKEN_PLACEHOLDER__\">\n    <table width=\"100%\" border=\"1\">\n        <thead>\n        <tr>\n",
        now.strftime("%Y-%m-%d %H:%M:%S.%9f"),
    );
    for (index, column) in COLUMNS.iter().enumerate() {
        let _infallible = writeln!(text, "            <th>{column}</th>");
        if form.read_only && index == 4 {
            text.push_str(
                "            <th>Read-Only</th>\n            <th>Read-Only Updated</th>\n",
            );
        }
    }
    text.push_str("        </tr>\n        </thead>\n        <tbody>\n");
    for (index, one) in shards.iter().enumerate() {
        row(&mut text, (index, one), now, form);
    }
    text.push_str("        </tbody>\n    </table>\n    <br>\n    <input type=\"button\" value=\"Show Tokens\" onclick=\"window.location.href = '?tokens=true'\"/>\n</form>\n</body>\n</html>\n");
    text
}

fn row(text: &mut String, (index, one): (usize, &Shard), now: Timestamp, form: Form) {
    let colour = if index % 2 == 1 { " bgcolor=\"#BEBEBE\"" } else { "" };
    let heartbeat = if form.go_times {
        time(one.beat, form).replace('+', "&#43;")
    } else {
        format!(
            "{} ago ({})",
            go_span(since(one.beat, now).as_secs()),
            one.beat.strftime("%H:%M:%S")
        )
    };
    let count = if one.tokens.is_empty() { 0 } else { one.tokens.split(',').count() };
    let read_only =
        if form.read_only { "            <td></td>\n            <td></td>\n" } else { "" };
    let _infallible = write!(
        text,
        "                <tr{colour}>\n            <td>{id}</td>\n            <td></td>\n            <td>{}</td>\n            <td>{}</td>\n            <td>{}</td>\n{read_only}            <td>{heartbeat}</td>\n            <td>{count}</td>\n            <td>33.3%</td>\n            <td>\n                <button name=\"forget\" value=\"{id}\" type=\"submit\">Forget</button>\n            </td>\n            </tr>\n",
        one.state,
        one.address,
        time(one.registered, form).replace('+', "&#43;"),
        id = one.id,
    );
}

/// A span as Go prints it: `2m5s`.
fn go_span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        _ => format!("{}h{}m{}s", seconds / 3600, seconds % 3600 / 60, seconds % 60),
    }
}
