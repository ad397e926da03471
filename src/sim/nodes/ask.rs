//! What a node's port is asked, and how the answer goes out: with what goes wrong on the way.

use crate::sim::fault::{Fault, Sought, hit};
use crate::sim::http::{broken, cut_off, plain};
use crate::sim::state::{Shared, State};
use crate::sim::world::{Asked, NodeAnswer};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A frozen process never answers; a client that has not given up after this long is let go, so
/// that nothing is held for ever.
const FROZEN_FOR: Duration = Duration::from_secs(300);
/// The longest form that a node takes.
const FORM_MAX: usize = 64 * 1024;
/// How long a huge answer is.
const HUGE: usize = 100 * 1024 * 1024;
/// What a front end says that wants a login first.
const LOGIN: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Sign in to go on.</body></html>\n";

/// A request at a node's port.
#[derive(Clone, Debug)]
pub(super) struct Question {
    method: String,
    path: String,
    query: String,
    json: bool,
    /// What was sent as a form, the query's pairs among it.
    form: Vec<(String, String)>,
}

impl Question {
    #[cfg(test)]
    pub(super) fn get(path: &str) -> Self {
        let (method, path) = ("GET".to_owned(), path.to_owned());
        Self { method, path, query: String::new(), json: false, form: Vec::new() }
    }

    async fn read(parts: &Parts, body: Body) -> Self {
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let accept = parts.headers.get(header::ACCEPT).and_then(|one| one.to_str().ok());
        let mut form = pairs(query.as_bytes());
        if parts.method == "POST" {
            // A form that is too long is none.
            form.extend(pairs(&to_bytes(body, FORM_MAX).await.unwrap_or_default()));
        }
        Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            json: accept.is_some_and(|one| one.contains("application/json")),
            query,
            form,
        }
    }

    /// Whether this may do something: some paths act whatever the method.
    fn may_act(&self) -> bool {
        self.method == "POST" || self.path.ends_with("flush") || self.path.ends_with("shutdown")
    }
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).map(|(k, v)| (k.into_owned(), v.into_owned())).collect()
}

/// An answer, and what becomes of it on the way.
#[derive(Clone, Debug)]
pub(super) struct Given {
    answer: NodeAnswer,
    /// The kind of a fault, and its delay.
    fault: Option<(String, Duration)>,
}

/// Answers a request at a node's port, whichever way it came.
pub(crate) async fn at_node(
    shared: &Arc<Shared>,
    port: (Ipv4Addr, u16),
    parts: &Parts,
    body: Body,
) -> Response {
    let question = Question::read(parts, body).await;
    match ask(shared, port, &question) {
        Some(given) => deliver(given, &question).await,
        None => broken(),
    }
}

/// What the node behind an address answers now; nothing where nothing listens.
pub(super) fn ask(
    shared: &Arc<Shared>,
    port: (Ipv4Addr, u16),
    question: &Question,
) -> Option<Given> {
    if question.may_act() {
        shared.with(|state| answer(state, port, question))
    } else {
        shared.look(|state| answer(state, port, question))
    }
}

/// What the node behind an address answers to a GET, whatever goes wrong on the way apart.
#[cfg(feature = "torture")]
pub(crate) fn told(
    shared: &Arc<Shared>,
    port: (Ipv4Addr, u16),
    path: &str,
    json: bool,
) -> Option<NodeAnswer> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let form = pairs(query.as_bytes());
    let (path, query) = (path.to_owned(), query.to_owned());
    let question = Question { method: "GET".to_owned(), path, query, json, form };
    ask(shared, port, &question).map(|given| given.answer)
}

fn answer(state: &mut State, (ip, port): (Ipv4Addr, u16), question: &Question) -> Option<Given> {
    let id = state.world.node_at(ip)?;
    let path = question.path.as_str();
    if path == "/metrics" {
        state.world.know_flow();
    }
    let told = question.may_act().then(|| state.world.node_told(&id, port, (path, &question.form)));
    let asked =
        Asked { method: &question.method, path, query: &question.query, json: question.json };
    let answer = told.flatten().unwrap_or_else(|| state.world.node_answer(&id, port, asked));
    if answer == NodeAnswer::Refused {
        return None;
    }
    let fault = struck(state, &format!("node:{path}"), |state| {
        let names = state.world.node_names.iter();
        let name = names.filter(|(_, of)| **of == id).map(|(name, _)| name.as_str());
        format!("{id} {ip}:{port} {} ", name.collect::<Vec<_>>().join(" "))
    });
    Some(Given { answer, fault: fault.map(|one| (one.kind.clone(), one.delay)) })
}

/// The fault that concerns a call that is none of AWS's; `about` says what else it is known by.
pub(crate) fn struck(
    state: &mut State,
    call: &str,
    about: impl FnOnce(&State) -> String,
) -> Option<Fault> {
    let service = call.split(':').next().unwrap_or_default();
    let own = |one: &Fault| one.call.split(':').next() == Some(service);
    if !state.faults.iter().any(own) {
        return None;
    }
    let arguments = about(state);
    let sought = Sought { call, arguments: &arguments, access_key: "" };
    hit(&mut state.faults, sought, &state.world).filter(|one| own(one)).cloned()
}

async fn deliver(given: Given, question: &Question) -> Response {
    let Given { answer, fault } = given;
    let (kind, delay) = fault.unwrap_or_default();
    match kind.as_str() {
        "latency" => tokio::time::sleep(delay).await,
        "hang" => return silence().await,
        "error" | "throttle" => return plain(503, "text/plain", "overloaded\n".to_owned()),
        "html" => return plain(200, "text/html; charset=utf-8", LOGIN.to_owned()),
        "huge" => return huge(),
        _ => {}
    }
    match answer {
        NodeAnswer::Http { status, kind: content, body } => match kind.as_str() {
            "truncated" => cut_off(status, content, &body),
            "malformed" => {
                let half = (0..=body.len() / 2).rev().find(|at| body.is_char_boundary(*at));
                plain(status, content, body[..half.unwrap_or(0)].to_owned())
            }
            "null" => plain(status, content, nulls(&question.path).to_owned()),
            _ => plain(status, content, body),
        },
        NodeAnswer::Moved { to } => moved(to),
        NodeAnswer::Refused => broken(),
        NodeAnswer::Silence => silence().await,
    }
}

/// What Go's encoder makes of lists that were never filled.
fn nulls(path: &str) -> &'static str {
    match path {
        "/memberlist" => "{\"Now\":\"2026-11-22T14:00:00Z\",\"SortedMembers\":null,\"Store\":null}",
        _ => "{\"shards\":null,\"now\":\"2026-11-22T14:00:00Z\"}",
    }
}

fn moved(to: &'static str) -> Response {
    let mut response = plain(302, "text/html; charset=utf-8", String::new());
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(to));
    response
}

async fn silence() -> Response {
    tokio::time::sleep(FROZEN_FOR).await;
    broken()
}

/// An answer that does not end for long.
fn huge() -> Response {
    let mut response = Response::new(Body::new(Huge { left: HUGE }));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body of spaces: good JSON as far as it goes.
struct Huge {
    left: usize,
}

impl http_body::Body for Huge {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        const PIECE: &[u8] = &[b' '; 16 * 1024];
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left = self.left.saturating_sub(PIECE.len());
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(PIECE)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}
