//! `/metrics`, in Prometheus's text format (0.0.4). Names of products are checked when they are
//! read, so nothing here needs escaping.

use super::check::Round;
use super::rounds::Rounds;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the server counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Answers to `/healthz`: 200.
    pub healthy: AtomicU64,
    /// Answers to `/healthz`: 500.
    pub unhealthy: AtomicU64,
    /// Answers to anything else.
    pub other: AtomicU64,
    /// Connections taken.
    pub connections: AtomicU64,
    /// Connections that are open.
    pub open: AtomicU64,
}

/// The whole text.
pub(super) fn text(
    rounds: &Rounds,
    round: Option<&Round>,
    counts: &Counts,
    draining: bool,
) -> String {
    let mut text = String::with_capacity(2_048);
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let healthy = u8::from(round.is_some_and(Round::is_healthy) && !draining);
    let mut one = |name: &str, kind: &str, help: &str, values: &[(String, String)]| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP quarterdeck_{name} {help}");
        let _ = writeln!(text, "# TYPE quarterdeck_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "quarterdeck_{name}{labels} {value}");
        }
    };
    let plain = |value: String| vec![(String::new(), value)];
    let by_code = [
        ("{code=\"200\"}".to_owned(), load(&counts.healthy).to_string()),
        ("{code=\"500\"}".to_owned(), load(&counts.unhealthy).to_string()),
    ];
    let gauge = "gauge";
    one(
        "healthz_healthy",
        gauge,
        "Whether this node says that it is healthy.",
        &plain(healthy.to_string()),
    );
    one(
        "healthz_draining",
        gauge,
        "Whether it is on its way out.",
        &plain(u8::from(draining).to_string()),
    );
    one("healthz_answers_total", "counter", "Answers to /healthz.", &by_code);
    one(
        "healthz_other_answers_total",
        "counter",
        "Answers to other paths.",
        &plain(load(&counts.other).to_string()),
    );
    one("healthz_connections", gauge, "Open connections.", &plain(load(&counts.open).to_string()));
    one(
        "healthz_connections_total",
        "counter",
        "Connections taken.",
        &plain(load(&counts.connections).to_string()),
    );
    one(
        "healthz_rounds_total",
        "counter",
        "Rounds of checks.",
        &plain(load(&rounds.begun).to_string()),
    );
    let label = |name: &str| format!("{{product=\"{name}\"}}");
    let of_products = |value: &dyn Fn(usize) -> Option<String>| -> Vec<(String, String)> {
        let each = rounds.products.iter().enumerate();
        each.filter_map(|(index, one)| Some((label(&one.name), value(index)?))).collect()
    };
    let seen = |index: usize| round.and_then(|round| round.products.get(index));
    let ups = of_products(&|index| Some(u8::from(seen(index)?.healthy).to_string()));
    let spans = of_products(&|index| Some(format!("{:.6}", seen(index)?.took.as_secs_f64())));
    let failures = of_products(&|index| Some(load(rounds.failures.get(index)?).to_string()));
    one("product_healthy", gauge, "Whether a product passed its last check.", &ups);
    one("product_check_seconds", gauge, "How long its last check took.", &spans);
    one("product_failures_total", "counter", "Checks that it failed.", &failures);
    let version = format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    one("build_info", gauge, "The program.", &[(version, "1".to_owned())]);
    text
}
