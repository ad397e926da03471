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

/// The text as it grows.
#[derive(Debug, Default)]
struct Page(String);

impl Page {
    /// One metric: its values by their labels.
    fn add(&mut self, name: &str, kind: &str, help: &str, values: &[(String, String)]) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP quarterdeck_{name} {help}");
        let _ = writeln!(self.0, "# TYPE quarterdeck_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(self.0, "quarterdeck_{name}{labels} {value}");
        }
    }

    /// One metric that is one number.
    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.add(name, kind, help, &[(String::new(), value.to_string())]);
    }
}

fn load(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// The whole text.
pub(super) fn text(
    rounds: &Rounds,
    round: Option<&Round>,
    counts: &Counts,
    draining: bool,
) -> String {
    let mut page = Page::default();
    let healthy = round.is_some_and(Round::is_healthy) && !draining;
    let says = "Whether this node says that it is healthy.";
    page.one("healthz_healthy", "gauge", says, u64::from(healthy));
    page.one("healthz_draining", "gauge", "Whether it is on its way out.", u64::from(draining));
    let by_code = [(200, &counts.healthy), (500, &counts.unhealthy)]
        .map(|(code, count)| (format!("{{code=\"{code}\"}}"), load(count).to_string()));
    page.add("healthz_answers_total", "counter", "Answers to /healthz.", &by_code);
    let other = load(&counts.other);
    page.one("healthz_other_answers_total", "counter", "Answers to other paths.", other);
    page.one("healthz_connections", "gauge", "Open connections.", load(&counts.open));
    let taken = load(&counts.connections);
    page.one("healthz_connections_total", "counter", "Connections taken.", taken);
    page.one("healthz_rounds_total", "counter", "Rounds of checks.", load(&rounds.begun));
    of_products(&mut page, rounds, round);
    let version = format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    page.add("build_info", "gauge", "The program.", &[(version, "1".to_owned())]);
    page.0
}

fn of_products(page: &mut Page, rounds: &Rounds, round: Option<&Round>) {
    let each = |value: &dyn Fn(usize) -> Option<String>| -> Vec<(String, String)> {
        let all = rounds.products.iter().enumerate();
        let label = |name: &str| format!("{{product=\"{name}\"}}");
        all.filter_map(|(index, one)| Some((label(&one.name), value(index)?))).collect()
    };
    let seen = |index: usize| round.and_then(|round| round.products.get(index));
    let healthy = each(&|index| Some(u8::from(seen(index)?.healthy).to_string()));
    let spans = each(&|index| Some(format!("{:.6}", seen(index)?.took.as_secs_f64())));
    let failures = each(&|index| Some(load(rounds.failures.get(index)?).to_string()));
    page.add("product_healthy", "gauge", "Whether a product passed its last check.", &healthy);
    page.add("product_check_seconds", "gauge", "How long its last check took.", &spans);
    page.add("product_failures_total", "counter", "Checks that it failed.", &failures);
}
