//! What each path answers.

use super::check::Round;
use super::metrics::{self, Counts};
use super::product::Mode;
use super::rounds::Rounds;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The bodies of the published aggregator, byte for byte: some load balancers look for them.
const HEALTHY: &str = "Healthy!";
const UNHEALTHY: &str = "Unhealthy :(";
const PATHS: &str = "there are /healthz, /healthz/live and /metrics here\n";

/// Everything that an answer needs.
#[derive(Debug)]
pub(super) struct Desk {
    pub rounds: Arc<Rounds>,
    pub counts: Counts,
    pub mode: Mode,
    pub draining: AtomicBool,
}

/// An answer, all of it in memory.
pub(super) type Reply = Response<Full<Bytes>>;

impl Desk {
    /// Answers one request. Its body, if it has one, is never read.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Reply {
        let path = request.uri().path();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            self.counts.other.fetch_add(1, Ordering::Relaxed);
            let reply = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
            return with(reply, ALLOW, "GET, HEAD");
        }
        if path == "/healthz" {
            return self.healthz(wants_json(&request)).await;
        }
        self.counts.other.fetch_add(1, Ordering::Relaxed);
        match path {
            "/healthz/live" => text(StatusCode::OK, "alive\n".to_owned()),
            "/metrics" => {
                let round = self.rounds.now().await;
                let draining = self.draining.load(Ordering::Relaxed);
                let body = metrics::text(&self.rounds, round.as_deref(), &self.counts, draining);
                with(
                    text(StatusCode::OK, body),
                    CONTENT_TYPE,
                    "text/plain; version=0.0.4; charset=utf-8",
                )
            }
            _ => text(StatusCode::NOT_FOUND, PATHS.to_owned()),
        }
    }

    async fn healthz(&self, as_json: bool) -> Reply {
        // On its way out the node says so at once, whatever its products are like.
        let draining = self.draining.load(Ordering::Relaxed);
        let round = if draining && !as_json { None } else { self.rounds.now().await };
        let draining = draining || self.draining.load(Ordering::Relaxed);
        let healthy = !draining && round.as_ref().is_some_and(|round| round.is_healthy());
        let (status, word, count) = if healthy {
            (StatusCode::OK, HEALTHY, &self.counts.healthy)
        } else {
            (StatusCode::INTERNAL_SERVER_ERROR, UNHEALTHY, &self.counts.unhealthy)
        };
        count.fetch_add(1, Ordering::Relaxed);
        if !as_json {
            return text(status, word.to_owned());
        }
        let body = self.document(healthy, draining, round.as_deref());
        with(text(status, format!("{body}\n")), CONTENT_TYPE, "application/json")
    }

    fn document(&self, healthy: bool, draining: bool, round: Option<&Round>) -> Value {
        let none = Vec::new();
        let seen = round.map_or(&none, |round| &round.products);
        let both = || self.rounds.products.iter().zip(seen);
        let failing: Vec<&str> =
            both().filter(|(_, seen)| !seen.healthy).map(|(one, _)| one.name.as_str()).collect();
        let products: Vec<Value> = both()
            .map(|(one, seen)| {
                json!({
                    "service": one.name, "url": one.url, "healthy": seen.healthy,
                    "status": seen.status, "latency_ms": seen.took.as_millis() as u64,
                    "detail": seen.detail,
                })
            })
            .collect();
        json!({
            "schema": "quarterdeck/v1", "healthy": healthy, "mode": self.mode.to_string(),
            "draining": draining, "checked_at": round.map(|round| round.at),
            "failing": failing, "products": products,
        })
    }
}

fn wants_json(request: &Request<Incoming>) -> bool {
    let said = request.headers().get_all(ACCEPT).iter();
    said.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|one| one.split(';').next())
        .any(|one| one.trim().eq_ignore_ascii_case("application/json"))
}

fn text(status: StatusCode, body: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    let reply = with(reply, CONTENT_TYPE, "text/plain; charset=utf-8");
    with(reply, CACHE_CONTROL, "no-store")
}

fn with(mut reply: Reply, name: HeaderName, value: &'static str) -> Reply {
    reply.headers_mut().insert(name, HeaderValue::from_static(value));
    reply
}
