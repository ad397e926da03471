//! The world's port: AWS's calls, the metadata service, the nodes' proxy and the admin calls.

use super::fault::{Sought, hit};
use super::log::Line;
use super::nodes::at_node;
use super::principal::{caller, may, signer};
use super::state::{Shared, State};
use super::wire::imds::Asked;
use super::wire::{Call, Reply, Service, sts};
use super::world::Refused;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response as HttpResponse};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// The largest request: a RegisterTargets of 1,000 targets has some 100 KB.
const REQUEST_MAX: usize = 2 << 20;
/// A silent answer is given up after this long, so that nothing is held for ever.
const SILENCE: Duration = Duration::from_secs(600);

/// Answers anything that comes in.
pub(crate) async fn answer(shared: Arc<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(port) = proxied(&parts) {
        return at_node(&shared, port, &parts, body).await;
    }
    let path = parts.uri.path();
    if path.starts_with("/latest/") || path.starts_with("/imds/") {
        return metadata(&shared, &parts).await;
    }
    let Ok(body) = to_bytes(body, REQUEST_MAX).await else {
        return plain(413, "text/plain", "the request is too large\n".to_owned());
    };
    if path.starts_with("/_world/") {
        return super::admin::answer(&shared, &parts, &body);
    }
    aws(&shared, &parts, &body).await
}

/// The node's address in a proxied request: `GET http://127.64.0.10:3000/ready`.
fn proxied(parts: &Parts) -> Option<(Ipv4Addr, u16)> {
    let authority = parts.uri.authority()?;
    let ip: Ipv4Addr = authority.host().parse().ok()?;
    // The world's own address is nobody's node.
    (ip.is_loopback() && ip != Ipv4Addr::LOCALHOST)
        .then(|| (ip, authority.port_u16().unwrap_or(80)))
}

async fn metadata(shared: &Arc<Shared>, parts: &Parts) -> Response {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let asked = Asked {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        token: header("x-aws-ec2-metadata-token"),
        ttl: header("x-aws-ec2-metadata-token-ttl-seconds"),
        forwarded: parts.headers.contains_key("x-forwarded-for"),
    };
    let found = shared.with(|state| {
        let State { world, metadata, .. } = state;
        metadata.answer(world, asked)
    });
    match found {
        Some((status, text)) => plain(status, "text/plain", text),
        None => silence().await,
    }
}

async fn silence() -> Response {
    tokio::time::sleep(SILENCE).await;
    broken()
}

/// How an answer goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Late(Duration),
    Never,
    CutOff,
}

async fn aws(shared: &Arc<Shared>, parts: &Parts, body: &Bytes) -> Response {
    let query = parts.uri.query().unwrap_or_default();
    let Some(call) = Call::read(&parts.headers, query, body) else {
        let text = "this is the embedded world of quarterdeck: it speaks the AWS protocols\n";
        return plain(404, "text/plain", text.to_owned());
    };
    let real = shared.clock.real_elapsed().as_secs_f64();
    let (reply, request_id, delivery) =
        shared.with(|state| handle(state, &call, &parts.headers, real));
    match delivery {
        Delivery::Never => return silence().await,
        Delivery::Late(span) => tokio::time::sleep(span).await,
        Delivery::Whole | Delivery::CutOff => {}
    }
    let mut response = if delivery == Delivery::CutOff {
        cut_off(reply.status, reply.kind, &reply.body)
    } else {
        plain(reply.status, reply.kind, reply.body)
    };
    let headers = response.headers_mut();
    // Only `plain` closes connections, for the nodes' sake; AWS keeps them.
    if delivery != Delivery::CutOff {
        headers.remove("connection");
    }
    if let Ok(value) = request_id.parse() {
        headers.insert("x-amzn-requestid", value);
    }
    // Only the JSON protocols name the error in a header too.
    let code = reply.code.filter(|_| call.service == Service::CloudMap);
    if let Some(code) = code.and_then(|code| code.parse().ok()) {
        headers.insert("x-amzn-errortype", code);
    }
    response
}

/// Judges a call, carries it out and logs it.
pub(super) fn handle(
    state: &mut State,
    call: &Call,
    headers: &HeaderMap,
    real: f64,
) -> (Reply, String, Delivery) {
    let request_id = state.world.random.uuid();
    let name = call.name();
    let signed = signer(headers).map(|(key, _)| key);
    let who = caller(&state.principals, signed.as_deref().unwrap_or_default());
    let arguments = call.arguments_json();
    let text = arguments.to_string();
    let sought = Sought { call: &name, arguments: &text, access_key: &who.access_key };
    let fault = hit(&mut state.faults, sought, &state.world).cloned();
    let kind = fault.as_ref().map_or("", |one| one.kind.as_str());
    let failure = fault.as_ref().map_or(500, |one| one.status);
    let arn = sts::arn(&state.world, &who);
    // STS answers GetCallerIdentity to anybody who signs, whatever a policy says.
    let free = name == "sts:GetCallerIdentity";
    let refused = if signed.is_none() {
        Some(call.service.unsigned())
    } else if !free && !may(&state.principals, &who.access_key, &name) {
        Some(call.service.denied(&arn, &name))
    } else {
        refusal(state, call, ((kind, failure), &arn, &name), real)
    };
    let mut delivery = Delivery::Whole;
    let mut reply = match refused {
        Some(refused) => call.refuse(&refused, &request_id),
        None if kind == "hang" => Reply { status: 0, kind: "", body: String::new(), code: None },
        None => call.carry_out(&mut state.world, &who, &request_id),
    };
    match kind {
        "latency" => {
            delivery = Delivery::Late(fault.as_ref().map_or(Duration::ZERO, |one| one.delay));
        }
        "hang" => delivery = Delivery::Never,
        "truncated" => delivery = Delivery::CutOff,
        "malformed" => reply.body.truncate(half(&reply.body)),
        "html" => reply = html(),
        // The caller is told of a failure, and the call was carried out all the same.
        "done_error" => reply = call.refuse(&internal_failure(failure), &request_id),
        "operation_fails" if reply.code.is_none() => state.world.fail_newest_operation(),
        _ => {}
    }
    state.log.add(Line {
        time: state.world.now.to_string(),
        call: name,
        principal: arn,
        access_key: who.access_key,
        arguments,
        status: reply.status,
        code: reply.code.clone(),
        fault: fault.map(|one| one.kind),
        request_id: request_id.clone(),
    });
    (reply, request_id, delivery)
}

/// Refusals by faults and by the buckets.
fn refusal(
    state: &mut State,
    call: &Call,
    ((kind, failure), arn, name): ((&str, u16), &str, &str),
    real: f64,
) -> Option<Refused> {
    match kind {
        "throttle" => return Some(call.service.throttled()),
        "deny" => return Some(call.service.denied(arn, name)),
        "expired" => return Some(call.service.expired()),
        "error" => return Some(internal_failure(failure)),
        _ => {}
    }
    let limited = call.service == Service::Elbv2;
    let world = state.world.now.as_second() as f64;
    let limits = state.limits.as_mut().filter(|_| limited)?;
    // The buckets refill by both clocks, so that neither a stopped nor a fast world meets limits
    // that AWS does not have.
    let seconds = world + real;
    (!limits.take(&call.action, seconds)).then(|| call.service.throttled())
}

pub(super) fn internal_failure(status: u16) -> Refused {
    let code = if status == 503 { "ServiceUnavailable" } else { "InternalFailure" };
    Refused::with_status(code, status, "An internal error has occurred")
}

/// Half a text, on a character's edge.
fn half(text: &str) -> usize {
    let middle = text.len() / 2;
    (0..=middle).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// What a proxy or an overloaded front end says.
fn html() -> Reply {
    let body = "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>";
    Reply { status: 502, kind: "text/html", body: body.to_owned(), code: None }
}

/// An ordinary response. Nodes' connections are closed after each answer, so that a node that dies
/// does not go on answering over an old one.
pub(crate) fn plain(status: u16, kind: &str, body: String) -> Response {
    let built = HttpResponse::builder()
        .status(status)
        .header("content-type", kind)
        .header("connection", "close")
        .body(Body::from(body));
    built.unwrap_or_else(|_| broken())
}

/// A connection that breaks off before the first byte of an answer.
pub(crate) fn broken() -> Response {
    cut_off(502, "text/plain", "")
}

/// How long half an answer stands before the connection ends: long enough to be sent.
const STANDS: Duration = Duration::from_millis(30);

pub(crate) fn cut_off(status: u16, kind: &str, body: &str) -> Response {
    let part = Bytes::copy_from_slice(&body.as_bytes()[..half(body)]);
    let ends = (!part.is_empty()).then(|| Box::pin(tokio::time::sleep(STANDS)));
    let whole = CutOff { part: Some(part), claimed: body.len().max(1), ends };
    let mut response = Response::new(Body::new(whole));
    *response.status_mut() = status.try_into().unwrap_or_default();
    if let Ok(kind) = kind.parse() {
        response.headers_mut().insert("content-type", kind);
    }
    response
}

/// A body that claims more than it gives.
struct CutOff {
    part: Option<Bytes>,
    claimed: usize,
    ends: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl http_body::Body for CutOff {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(part) = self.part.take().filter(|part| !part.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        let over = self.ends.as_mut().is_none_or(|ends| ends.as_mut().poll(context).is_ready());
        if !over {
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionAborted.into())))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.claimed as u64)
    }
}
