//! `/metrics`: the requests that the simulated clients made, what is not written yet, who is in the
//! rings, by the names that each version has for them.

use super::super::answer::NodeAnswer;
use super::super::ring_views::Shard;
use super::super::since;
use super::Page;
use jiff::Timestamp;
use std::fmt::Write;
use std::time::Duration;

/// Loki keeps a chunk in memory for so long after its last line (`chunk_idle_period`).
const CHUNK_IDLE: Duration = Duration::from_secs(1_800);
/// Tempo cuts a trace after so long without a span.
const TRACE_IDLE: Duration = Duration::from_secs(10);
/// How often a health check and a scrape come by.
const ASKED_EVERY: f64 = 10.0;

/// The states that a ring's gauge has.
const STATES: [&str; 5] = ["ACTIVE", "JOINING", "LEAVING", "PENDING", "Unhealthy"];

/// A page of metrics being written.
struct Writer(String);

impl Writer {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // A String takes whatever is written to it.
        let _infallible = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn value(&mut self, series: &str, value: f64) {
        let _infallible = writeln!(self.0, "{series} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "gauge", help);
        self.value(name, value);
    }
}

impl Page<'_> {
    pub(super) fn metrics(&self) -> NodeAnswer {
        let mut out = Writer(String::with_capacity(4_096));
        let started = self.product.started;
        out.gauge(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            started.as_millisecond() as f64 / 1_000.0,
        );
        match self.name.as_str() {
            "loki" => self.loki_metrics(&mut out),
            "tempo" => self.tempo_metrics(&mut out),
            _ => self.grafana_metrics(&mut out),
        }
        let newest = self.version >= (3, 0) && self.name.as_str() != "grafana";
        NodeAnswer::metrics(out.0, newest)
    }

    /// Requests of clients so far, of which so many percent are of the first kind.
    fn requests(&self, percent: f64) -> (f64, f64) {
        let all = self.sent().0.floor();
        let first = (all * percent / 100.0).floor();
        (first, all - first)
    }

    fn sent(&self) -> (f64, Option<Timestamp>) {
        self.world.requests_of(&self.node.id, self.product)
    }

    /// Requests of checks and scrapes so far.
    fn asked(&self) -> f64 {
        (since(self.product.started, self.world.now).as_secs_f64() / ASKED_EVERY).floor()
    }

    /// Whether something came within that time that was not flushed since.
    fn fresh(&self, within: Duration) -> bool {
        self.sent().1.is_some_and(|last| {
            let flushed = self.product.flushed.is_some_and(|flushed| flushed >= last);
            !flushed && since(last, self.world.now) < within
        })
    }

    fn loki_metrics(&self, out: &mut Writer) {
        let version = &self.product.version;
        out.head("loki_build_info", "gauge", "A metric with a constant '1' value labeled by version, revision, branch, and goversion from which loki was built.");
        out.value(&format!("loki_build_info{{branch=\"HEAD\",goversion=\"go1.21.13\",revision=\"local\",version=\"{version}\"}}"), 1.0);
        let (pushes, queries) = self.requests(70.0);
        let name = "loki_request_duration_seconds";
        out.head(name, "histogram", "Time (in seconds) spent serving HTTP requests.");
        for (method, route, status, count) in [
            ("POST", "loki_api_v1_push", "204", pushes),
            ("GET", "loki_api_v1_query_range", "200", queries),
            ("GET", "ready", "200", self.asked()),
            ("GET", "metrics", "200", self.asked()),
        ] {
            out.value(&format!("{name}_count{{method=\"{method}\",route=\"{route}\",status_code=\"{status}\",ws=\"false\"}}"), count);
        }
        let chunks =
            if self.fresh(CHUNK_IDLE) { (self.sent().0 / 10.0).clamp(1.0, 64.0) } else { 0.0 };
        out.gauge(
            "loki_ingester_memory_chunks",
            "The total number of chunks in memory.",
            chunks.floor(),
        );
        let queue = if self.version >= (3, 0) {
            "loki_ingester_flush_queue_length"
        } else {
            "cortex_ingester_flush_queue_length"
        };
        out.gauge(queue, "The total number of series pending in the flush queue.", 0.0);
        out.gauge(
            "loki_boltdb_shipper_compactor_running",
            "Value will be 1 if compactor is currently running on this instance",
            f64::from(self.runs_compactor()),
        );
        self.gossip_metrics(out, if self.version >= (2, 5) { "loki_" } else { "" });
        let prefix = if self.version >= (3, 0) { "loki" } else { "cortex" };
        let (ingesters, smaller) = (self.shards("ingester"), self.shards("distributor"));
        for (ring, shards) in [
            ("compactor", &smaller),
            ("distributor", &smaller),
            ("ingester", &ingesters),
            ("scheduler", &smaller),
        ] {
            self.ring_metrics(out, prefix, (ring, shards));
        }
    }

    /// The owner of the first token runs it; where Tempos are in the ring, their 512 tokens each
    /// leave Loki none (measured).
    fn runs_compactor(&self) -> bool {
        let all = self.gossip();
        let mixed = all.iter().any(|(key, _)| key.1.as_str() == "tempo");
        !mixed && all.first().is_some_and(|(key, _)| key.0 == self.node.id)
    }

    fn tempo_metrics(&self, out: &mut Writer) {
        let version = &self.product.version;
        out.head("tempo_build_info", "gauge", "A metric with a constant '1' value labeled by version, revision, branch, and goversion from which tempo was built.");
        out.value(&format!("tempo_build_info{{branch=\"HEAD\",goversion=\"go1.21.13\",revision=\"local\",version=\"{version}\"}}"), 1.0);
        let (pushes, queries) = self.requests(80.0);
        let name = "tempo_request_duration_seconds";
        out.head(name, "histogram", "Time (in seconds) spent serving HTTP requests.");
        for (route, count) in
            [("api_search", queries), ("ready", self.asked()), ("metrics", self.asked())]
        {
            out.value(&format!("{name}_count{{method=\"GET\",route=\"{route}\",status_code=\"200\",ws=\"false\"}}"), count);
        }
        let name = "tempo_distributor_push_duration_seconds";
        out.head(name, "histogram", "Records the amount of time to push a batch to the ingester.");
        out.value(&format!("{name}_count"), pushes);
        if self.version < (3, 0) {
            let live = if self.fresh(TRACE_IDLE) { 8.0 } else { 0.0 };
            out.head(
                "tempo_ingester_live_traces",
                "gauge",
                "The current number of lives traces per tenant.",
            );
            out.value("tempo_ingester_live_traces{tenant=\"single-tenant\"}", live);
            out.gauge(
                "tempo_ingester_flush_queue_length",
                "The total number of series pending in the flush queue.",
                0.0,
            );
            let failed = "tempo_ingester_failed_flushes_total";
            out.head(failed, "counter", "The total number of failed traces");
            out.value(failed, 0.0);
        }
        if !self.alone() {
            self.gossip_metrics(out, "tempo_");
        }
        let prefix = if self.version >= (2, 1) { "tempo" } else { "cortex" };
        if self.version >= (3, 0) {
            self.ring_metrics(out, prefix, ("live-store", &self.shards("live-store")));
        } else {
            self.ring_metrics(out, prefix, ("compactor", &self.shards("compactor")));
            self.ring_metrics(out, prefix, ("ingester", &self.shards("ingester")));
        }
    }

    fn grafana_metrics(&self, out: &mut Writer) {
        let version = &self.product.version;
        out.head("grafana_build_info", "gauge", "A metric with a constant '1' value labeled by version, revision, branch, and goversion from which Grafana was built");
        out.value(&format!("grafana_build_info{{branch=\"HEAD\",edition=\"oss\",goversion=\"go1.23\",revision=\"local\",version=\"{version}\"}}"), 1.0);
        let (data, pages) = self.requests(80.0);
        let name = "grafana_http_request_duration_seconds";
        let series = [
            ("POST", "/api/ds/query", data),
            ("GET", "/d/:uid/:slug", pages),
            ("GET", "/api/health", self.asked()),
            ("GET", "/metrics", self.asked()),
        ];
        let older = self.version < (7, 0);
        let name = if older { "http_request_total" } else { name };
        out.head(
            name,
            if older { "counter" } else { "histogram" },
            "Histogram of latencies for HTTP requests.",
        );
        let suffix = if older { "" } else { "_count" };
        for (method, handler, count) in series {
            out.value(&format!("{name}{suffix}{{handler=\"{handler}\",method=\"{method}\",status_code=\"200\"}}"), count);
        }
    }

    fn gossip_metrics(&self, out: &mut Writer, prefix: &str) {
        let members = self.gossip().len() as f64;
        let name = |rest: &str| format!("{prefix}memberlist_{rest}");
        out.gauge(
            &name("client_cluster_members_count"),
            "Number of members in memberlist cluster",
            members,
        );
        out.gauge(
            &name("client_cluster_node_health_score"),
            "Health score of this cluster. Lower value is better. 0 = healthy",
            0.0,
        );
        let left = self.world.ring(&self.node.id, self.name).iter().filter(|one| one.left).count();
        let tombstones = name("client_kv_store_value_tombstones");
        out.value(&format!("{tombstones}{{key=\"collectors/ring\"}}"), left as f64);
    }

    fn ring_metrics(&self, out: &mut Writer, prefix: &str, (ring, shards): (&str, &[Shard])) {
        for state in STATES {
            let word = if state == "Unhealthy" { "UNHEALTHY" } else { state };
            let count = shards.iter().filter(|one| one.state == word).count();
            out.value(
                &format!("{prefix}_ring_members{{name=\"{ring}\",state=\"{state}\"}}"),
                count as f64,
            );
        }
    }
}
