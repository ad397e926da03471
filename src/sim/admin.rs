//! Calls about the world itself, for tests, drills and people: what time it is there, what its
//! clients got, what happened; and what shall happen. No product code knows of them.

use super::http::plain;
use super::state::{Shared, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The longest single advance: a month.
const ADVANCE_MAX: f64 = 31.0 * 24.0 * 3_600.0;
/// Lines of the chronicle in an answer.
const CHRONICLE: usize = 100;

/// Answers `/_world/…`.
pub(super) fn answer(shared: &Arc<Shared>, parts: &Parts, body: &[u8]) -> Response {
    let query = parts.uri.query().unwrap_or_default();
    let argument = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    match (parts.method.as_str(), parts.uri.path()) {
        ("GET", "/_world/state") => json_answer(&shared.with(state_json)),
        ("GET", "/_world/log") => {
            let call = argument("operation");
            json_answer(&shared.with(|state| log_json(state, call.as_deref())))
        }
        ("GET", "/_world/invariants") => {
            json_answer(&json!({ "broken": shared.with(|state| state.world.broken_invariants()) }))
        }
        ("POST", "/_world/advance") => {
            let seconds = argument("seconds").and_then(|text| text.parse::<f64>().ok());
            match seconds.filter(|one| (0.0..=ADVANCE_MAX).contains(one)) {
                Some(seconds) => {
                    let now = shared.advance(Duration::from_secs_f64(seconds));
                    json_answer(&json!({ "time": now }))
                }
                None => refuse("advance takes ?seconds=N, at most a month"),
            }
        }
        ("POST", "/_world/inject") => match std::str::from_utf8(body) {
            Ok(text) => match shared.inject(text) {
                Ok(()) => json_answer(&json!({ "done": true })),
                Err(why) => refuse(&why.to_string()),
            },
            Err(_) => refuse("the text is not UTF-8"),
        },
        ("POST", "/_world/faults/clear") => {
            shared.with(|state| state.faults.clear());
            json_answer(&json!({ "done": true }))
        }
        _ => plain(404, "application/json", json!({ "error": "no such call" }).to_string()),
    }
}

fn json_answer(value: &Value) -> Response {
    plain(200, "application/json", value.to_string())
}

fn refuse(message: &str) -> Response {
    plain(400, "application/json", json!({ "error": message }).to_string())
}

fn log_json(state: &mut State, operation: Option<&str>) -> Value {
    let lines = state.log.lines();
    let wanted = lines.filter(|line| operation.is_none_or(|one| line["operation"] == one));
    json!({ "calls": state.log.calls, "lines": wanted.collect::<Vec<_>>(),
            "file_error": state.log.file_error })
}

/// The world in short.
pub(super) fn state_json(state: &mut State) -> Value {
    let world = &mut state.world;
    world.book_traffic();
    let names = &world.node_names;
    let nodes: Vec<_> = world
        .instances
        .values()
        .map(|one| {
            let name = names.iter().find(|(_, id)| *id == &one.id).map(|(name, _)| name);
            let products: Value = one
                .products
                .iter()
                .map(|(name, held)| (name.to_string(), json!(format!("{:?}", held.phase))))
                .collect();
            json!({
                "id": one.id, "name": name, "ip": one.ip, "zone": one.zone, "state": one.state,
                "stack": one.stack, "alive": one.alive, "served": one.served.round(),
                "lost": one.lost.round(), "products": products, "script_failed": one.script.failed,
            })
        })
        .collect();
    let listeners = world.listeners.values();
    let open: usize = listeners.clone().map(|one| one.streams.len()).sum();
    let wanted: u32 = listeners.map(|one| one.streams_wanted).sum();
    let streams = json!({ "wanted": wanted, "open": open, "cut": world.traffic.streams_cut,
                          "expired": world.traffic.streams_expired });
    let skip = world.chronicle.len().saturating_sub(CHRONICLE);
    let chronicle: Vec<_> = world.chronicle.iter().skip(skip).collect();
    json!({
        "title": world.name, "time": world.now, "waiting": world.waiting(),
        "served": world.traffic.served, "lost": world.traffic.lost,
        "lost_by_port": world.traffic.lost_by_port, "streams": streams, "nodes": nodes, "chronicle": chronicle,
    })
}
