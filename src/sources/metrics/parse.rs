//! A page of metrics, read as it comes: a line at a time, and of the lines only the few series that
//! say something about traffic, flushing and versions. Nothing else is kept.

use crate::config::ProbeKind;
use crate::core::inventory::Sample;

/// A line that is longer is no series of ours.
const LINE_BYTES: usize = 4096;

/// Reads a page of one product.
pub(super) struct Parser {
    kind: ProbeKind,
    line: Vec<u8>,
    too_long: bool,
    sample: Sample,
    /// Grafana's counter of before 7.x, which counts where the newer one is missing.
    older_requests: Option<f64>,
    /// Whether any series was seen at all.
    any: bool,
}

impl Parser {
    pub fn new(kind: ProbeKind) -> Self {
        let sample = Sample::default();
        Self { kind, line: Vec::new(), too_long: false, sample, older_requests: None, any: false }
    }

    /// Takes in the next piece.
    pub fn take(&mut self, chunk: &[u8]) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let (content, ends) = match piece.split_last() {
                Some((b'\n', content)) => (content, true),
                _ => (piece, false),
            };
            if self.line.len() + content.len() > LINE_BYTES {
                self.too_long = true;
            }
            if !self.too_long {
                self.line.extend_from_slice(content);
            }
            if ends {
                self.end_line();
            }
        }
    }

    /// What the page said; nothing where it was no page of metrics.
    pub fn finish(mut self) -> Option<Sample> {
        self.end_line();
        self.sample.requests = self.sample.requests.or(self.older_requests);
        self.any.then_some(self.sample)
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let too_long = std::mem::take(&mut self.too_long);
        if let Some(series) = std::str::from_utf8(&line).ok().filter(|_| !too_long).and_then(series)
        {
            self.any = true;
            match self.kind {
                ProbeKind::Loki => self.loki(&series),
                ProbeKind::Tempo => self.tempo(&series),
                ProbeKind::Grafana => self.grafana(&series),
                ProbeKind::Healthz | ProbeKind::Http => {}
            }
            if series.name == "process_start_time_seconds" {
                self.sample.started = Some(series.value);
            }
        }
        self.line = line;
        self.line.clear();
    }

    fn loki(&mut self, series: &Series<'_>) {
        let sample = &mut self.sample;
        match series.name {
            "loki_build_info" => sample.version = series.label("version").map(Into::into),
            "loki_request_duration_seconds_count" => {
                add(&mut sample.requests, series.value_if(is_lokis_client(series)));
            }
            "loki_ingester_memory_chunks" => add(&mut sample.memory_chunks, series.value),
            "loki_ingester_flush_queue_length" | "cortex_ingester_flush_queue_length" => {
                add(&mut sample.flush_queue, series.value);
            }
            "loki_boltdb_shipper_compactor_running" => {
                sample.compactor_running = Some(series.value > 0.0);
            }
            "loki_memberlist_client_cluster_members_count"
            | "memberlist_client_cluster_members_count" => {
                sample.gossip_members = whole(series.value);
            }
            _ => {}
        }
    }

    fn tempo(&mut self, series: &Series<'_>) {
        let sample = &mut self.sample;
        match series.name {
            "tempo_build_info" => sample.version = series.label("version").map(Into::into),
            "tempo_request_duration_seconds_count" => {
                add(&mut sample.requests, series.value_if(is_tempos_client(series)));
            }
            // Spans come in by receivers of their own, which the server's counter does not see.
            "tempo_distributor_push_duration_seconds_count" => {
                add(&mut sample.requests, series.value);
            }
            "tempo_ingester_flush_queue_length" => add(&mut sample.flush_queue, series.value),
            "tempo_ingester_live_traces" => add(&mut sample.live_traces, series.value),
            "tempo_ingester_failed_flushes_total" => {
                add(&mut sample.failed_flushes, series.value);
            }
            "tempo_memberlist_client_cluster_members_count" => {
                sample.gossip_members = whole(series.value);
            }
            _ => {}
        }
    }

    fn grafana(&mut self, series: &Series<'_>) {
        let sample = &mut self.sample;
        let client = || series.value_if(is_grafanas_client(series));
        match series.name {
            "grafana_build_info" => sample.version = series.label("version").map(Into::into),
            "grafana_http_request_duration_seconds_count" => add(&mut sample.requests, client()),
            "http_request_total" => add(&mut self.older_requests, client()),
            _ => {}
        }
    }
}

/// Adds to a sum that begins with the first series of its name.
fn add(sum: &mut Option<f64>, value: f64) {
    *sum = Some(sum.unwrap_or(0.0) + value);
}

fn whole(value: f64) -> Option<u32> {
    let fits = value.is_finite() && (0.0..=f64::from(u32::MAX)).contains(&value);
    // Cast after the check: there is no other way from f64.
    fits.then_some(value as u32)
}

/// Loki's routes are its paths with underscores. What clients ask begins with one of these, a path
/// prefix apart; the rest is readiness, metrics, rings, and the nodes among themselves (gRPC).
fn is_lokis_client(series: &Series<'_>) -> bool {
    const CLIENTS: [&str; 4] = ["loki_api_v1_", "api_prom_", "otlp_v1_", "prometheus_api_v1_"];
    let route = series.label("route").unwrap_or_default();
    series.label("method") != Some("gRPC")
        && CLIENTS.iter().any(|part| route.contains(part))
        && !route.contains("_status_")
}

/// Tempo's likewise; what begins with `querier_` its frontend asks its queriers.
fn is_tempos_client(series: &Series<'_>) -> bool {
    let route = series.label("route").unwrap_or_default();
    let route = route.strip_prefix("tempo_").unwrap_or(route);
    series.label("method") != Some("gRPC")
        && ["api_traces", "api_v2_traces", "api_search", "api_v2_search", "api_metrics"]
            .iter()
            .any(|part| route.contains(part))
        && !route.starts_with("querier_")
}

/// Grafana counts the health checks too, under handlers that no page has.
fn is_grafanas_client(series: &Series<'_>) -> bool {
    let handler = series.label("handler").unwrap_or_default();
    let handler = handler.trim_matches('/');
    !matches!(handler, "api/health" | "healthz" | "metrics" | "unknown" | "notfound")
}

/// One line: `name{label="value",…} value`.
struct Series<'a> {
    name: &'a str,
    labels: &'a str,
    value: f64,
}

impl<'a> Series<'a> {
    /// A label's value. Values with escapes are none that we compare with.
    fn label(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.labels;
        while !rest.is_empty() {
            let (key, after) = rest.split_once("=\"")?;
            let end = end_of_value(after)?;
            let value = after.get(..end)?;
            if key.trim_start_matches([',', ' ']) == name {
                return Some(value);
            }
            rest = after.get(end + 1..)?;
        }
        None
    }

    fn value_if(&self, counts: bool) -> f64 {
        if counts { self.value } else { 0.0 }
    }
}

/// Where a quoted value ends: at the first quote that no backslash hides.
fn end_of_value(text: &str) -> Option<usize> {
    let mut hidden = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !hidden;
        hidden = byte == b'\\' && !hidden;
        ends
    })
}

fn series(line: &str) -> Option<Series<'_>> {
    if line.starts_with('#') {
        return None;
    }
    let (name, labels, rest) = match line.split_once('{') {
        Some((name, rest)) => {
            let (labels, value) = rest.rsplit_once('}')?;
            (name, labels, value)
        }
        None => {
            let (name, rest) = line.split_once(' ')?;
            (name, "", rest)
        }
    };
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    let named =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:".contains(&b));
    (named && value.is_finite()).then_some(Series { name, labels, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: ProbeKind, page: &str) -> Option<Sample> {
        let mut parser = Parser::new(kind);
        parser.take(page.as_bytes());
        parser.finish()
    }

    const LOKI: &str = "\
# HELP loki_request_duration_seconds Time (in seconds) spent serving HTTP requests.
# TYPE loki_request_duration_seconds histogram
loki_request_duration_seconds_bucket{method=\"POST\",route=\"loki_api_v1_push\",status_code=\"204\",ws=\"false\",le=\"0.005\"} 7
loki_request_duration_seconds_count{method=\"POST\",route=\"loki_api_v1_push\",status_code=\"204\",ws=\"false\"} 120
loki_request_duration_seconds_count{method=\"GET\",route=\"loki_api_v1_query_range\",status_code=\"200\",ws=\"false\"} 5
loki_request_duration_seconds_count{method=\"GET\",route=\"loki_api_v1_status_buildinfo\",status_code=\"200\",ws=\"false\"} 900
loki_request_duration_seconds_count{method=\"GET\",route=\"ready\",status_code=\"200\",ws=\"false\"} 4000
loki_request_duration_seconds_count{method=\"GET\",route=\"metrics\",status_code=\"200\",ws=\"false\"} 4000
loki_request_duration_seconds_count{method=\"gRPC\",route=\"/logproto.Pusher/Push\",status_code=\"success\",ws=\"false\"} 3000
loki_ingester_memory_chunks 42
cortex_ingester_flush_queue_length 3
process_start_time_seconds 1.79535829516e+09
";

    #[test]
    fn of_lokis_requests_only_its_clients_count() {
        let sample = read(ProbeKind::Loki, LOKI).unwrap();
        assert_eq!(sample.requests, Some(125.0));
        assert_eq!((sample.memory_chunks, sample.flush_queue), (Some(42.0), Some(3.0)));
        assert_eq!(sample.started, Some(1_795_358_295.16));
        assert_eq!(sample.failed_flushes, None, "no such series is not none failed");
    }

    #[test]
    fn a_node_that_nobody_asked_has_no_requests_and_a_page_without_the_series_none_known() {
        let ready = "loki_request_duration_seconds_count{method=\"GET\",route=\"ready\"} 9\n";
        assert_eq!(read(ProbeKind::Loki, ready).unwrap().requests, Some(0.0));
        let other = "go_goroutines 9\n";
        assert_eq!(read(ProbeKind::Loki, other).unwrap().requests, None);
        assert_eq!(read(ProbeKind::Loki, "<html>no metrics</html>\n"), None);
    }

    #[test]
    fn tempos_spans_and_queries_count_and_its_own_talk_does_not() {
        let page = "\
tempo_request_duration_seconds_count{method=\"GET\",route=\"api_traces_traceid\",status_code=\"200\"} 4
tempo_request_duration_seconds_count{method=\"GET\",route=\"querier_api_traces_traceid\",status_code=\"200\"} 12
tempo_request_duration_seconds_count{method=\"GET\",route=\"tempo_api_search\",status_code=\"200\"} 1
tempo_request_duration_seconds_count{method=\"GET\",route=\"api_echo\",status_code=\"200\"} 70
tempo_request_duration_seconds_count{method=\"gRPC\",route=\"/tempopb.Pusher/PushBytesV2\",status_code=\"success\"} 90
tempo_distributor_push_duration_seconds_count 30
tempo_ingester_live_traces{tenant=\"a\"} 2
tempo_ingester_live_traces{tenant=\"b\\\"}{\"} 3
tempo_ingester_failed_flushes_total 1
";
        let sample = read(ProbeKind::Tempo, page).unwrap();
        assert_eq!(sample.requests, Some(35.0));
        assert_eq!(sample.live_traces, Some(5.0));
        assert_eq!(sample.failed_flushes, Some(1.0));
    }

    #[test]
    fn grafanas_counters_old_and_new() {
        let old = "http_request_total{handler=\"/api/dashboards/uid/:uid\",method=\"get\",statuscode=\"200\"} 8
http_request_total{handler=\"/metrics\",method=\"get\",statuscode=\"200\"} 80\n";
        assert_eq!(read(ProbeKind::Grafana, old).unwrap().requests, Some(8.0));
        let new = "grafana_http_request_duration_seconds_count{handler=\"/api/search\",status_code=\"200\",method=\"GET\"} 3
grafana_http_request_duration_seconds_count{handler=\"/api/health\",status_code=\"200\",method=\"GET\"} 99\n";
        assert_eq!(read(ProbeKind::Grafana, new).unwrap().requests, Some(3.0));
    }

    /// Wherever the pieces are cut, the page means the same.
    #[test]
    fn pieces_of_any_size_mean_the_same() {
        let whole = read(ProbeKind::Loki, LOKI);
        for size in [1, 2, 7, 64, 1000] {
            let mut parser = Parser::new(ProbeKind::Loki);
            for piece in LOKI.as_bytes().chunks(size) {
                parser.take(piece);
            }
            assert_eq!(parser.finish(), whole, "pieces of {size}");
        }
    }

    #[test]
    fn nothing_beyond_a_line_is_ever_held() {
        let mut parser = Parser::new(ProbeKind::Loki);
        for _ in 0..1000 {
            parser.take(&[b'x'; 10_000]);
            assert!(parser.line.capacity() <= 2 * LINE_BYTES);
        }
        parser.take(b"\nloki_ingester_memory_chunks 1\n");
        assert_eq!(parser.finish().unwrap().memory_chunks, Some(1.0));
    }

    #[test]
    fn odd_lines_are_no_series() {
        for line in
            ["", "#", "name", "name NaN", "name +Inf", "{a=\"b\"} 1", "na me 1 2", "n{a=\"b\" 1"]
        {
            let odd = series(line).is_none_or(|of| of.name == "na");
            assert!(odd, "{line}");
        }
        let with_time = series("up{a=\"b\",c=\"d\"} 1.5 1700000000000").unwrap();
        assert_eq!((with_time.name, with_time.label("c"), with_time.value), ("up", Some("d"), 1.5));
    }
}
