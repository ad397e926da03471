//! The embedded world in process, without a port: for whoever brings a network, and a clock, of its
//! own.

use super::http::{handle, internal_failure};
use super::limits::Limits;
use super::log::RequestLog;
use super::nodes::{Keeper, told};
use super::spec::{Site, SpecError, build, parse_world};
use super::state::{InjectError, Shared, State};
use super::wire::imds::Metadata;
use super::wire::{Call, Service};
use super::world::{NodeAnswer, TargetState, World};
use crate::clock::Clock;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

/// What goes wrong with one call on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// It is refused because of the rate.
    Throttled,
    /// It is refused as not permitted.
    Denied,
    /// The service fails before it has done anything.
    FailsBefore,
    /// The service carries it out, and says that it failed.
    FailsAfter,
}

/// What a call to AWS was answered.
#[derive(Clone, Debug)]
pub struct Said {
    /// The call, as `elasticloadbalancing:ModifyListener`.
    pub call: String,
    /// Its arguments as JSON, keys in order.
    pub arguments: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The error's code, where it is one.
    pub code: Option<String>,
}

/// What a node answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeSaid {
    /// A status, a content type and a body.
    Answer(u16, String, String),
    /// Nothing listens.
    Refused,
    /// Nothing comes.
    Silence,
}

/// The world as it is, for whoever judges it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Per listener, what its default action gives to each target group.
    pub listeners: BTreeMap<String, Vec<(String, u32)>>,
    /// Healthy targets of each target group.
    pub healthy: BTreeMap<String, usize>,
    /// Suspended processes of each Auto Scaling group that has any.
    pub suspended: BTreeMap<String, BTreeSet<String>>,
    /// What runs keep on the registry: id to name, the request that created it, and what it says.
    pub records: BTreeMap<String, (String, String, BTreeMap<String, String>)>,
}

/// A world.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
}

impl Embedded {
    /// A world of this text, whose time is this clock's.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn start(text: &str, clock: Clock) -> Result<Self, SpecError> {
        let spec = parse_world("world", text)?;
        let start = clock.now();
        let world = build(&spec, Site { start, network: 64, port_offset: 0 });
        let state = State {
            faults: Vec::new(),
            principals: spec.principal.clone(),
            log: RequestLog::default(),
            limits: spec.api_limits.then(Limits::new),
            metadata: Metadata::default(),
            ahead: Duration::ZERO,
            world,
        };
        // No port of a node is ever opened.
        Ok(Self { shared: Shared::new(state, clock, Keeper::new(0)) })
    }

    /// Answers a call to AWS; `None` where it is none.
    pub fn aws(&self, headers: &[(String, String)], body: &[u8], mishap: Mishap) -> Option<Said> {
        let headers = header_map(headers);
        let call = Call::read(&headers, "", body)?;
        let real = self.shared.clock.real_elapsed().as_secs_f64();
        let service = call.service;
        let (reply, request) = self.shared.with(|state| {
            let refused = match mishap {
                Mishap::None | Mishap::FailsAfter => None,
                Mishap::Throttled => Some(service.throttled()),
                Mishap::Denied => {
                    Some(service.denied("arn:aws:iam::123456789012:user/demo", &call.name()))
                }
                Mishap::FailsBefore => Some(internal_failure(500)),
            };
            if let Some(refused) = refused {
                let request = state.world.random.uuid();
                return (call.refuse(&refused, &request), request);
            }
            let (reply, request, _) = handle(state, &call, &headers, real);
            match mishap {
                Mishap::FailsAfter => (call.refuse(&internal_failure(500), &request), request),
                _ => (reply, request),
            }
        });
        let mut headers = vec![
            ("content-type".to_owned(), reply.kind.to_owned()),
            ("x-amzn-requestid".to_owned(), request),
        ];
        // Only the JSON protocols name the error in a header too.
        if let Some(code) = reply.code.clone().filter(|_| service == Service::CloudMap) {
            headers.push(("x-amzn-errortype".to_owned(), code));
        }
        Some(Said {
            call: call.name(),
            arguments: call.arguments_json().to_string(),
            status: reply.status,
            headers,
            body: reply.body,
            code: reply.code,
        })
    }

    /// Answers a GET at a node's port.
    pub fn node(&self, port: (Ipv4Addr, u16), path: &str, json: bool) -> NodeSaid {
        match told(&self.shared, port, path, json) {
            Some(NodeAnswer::Http { status, kind, body }) => {
                NodeSaid::Answer(status, kind.to_owned(), body)
            }
            Some(NodeAnswer::Moved { to }) => NodeSaid::Answer(302, String::new(), to.to_owned()),
            Some(NodeAnswer::Silence) => NodeSaid::Silence,
            Some(NodeAnswer::Refused) | None => NodeSaid::Refused,
        }
    }

    /// Makes events happen, written as in a world file.
    ///
    /// # Errors
    /// What is wrong with the text, or why it cannot happen.
    pub fn inject(&self, text: &str) -> Result<(), InjectError> {
        self.shared.inject(text)
    }

    /// The world as it is now.
    pub fn view(&self) -> View {
        self.shared.look(|state| view(&state.world))
    }
}

fn header_map(headers: &[(String, String)]) -> HeaderMap {
    let pairs = headers.iter().filter_map(|(name, value)| {
        let name: HeaderName = name.parse().ok()?;
        let value: HeaderValue = value.parse().ok()?;
        Some((name, value))
    });
    pairs.collect()
}

fn view(world: &World) -> View {
    let listeners = world.listeners.values().map(|one| {
        let groups = one.forward.groups.iter();
        (one.arn.to_string(), groups.map(|(arn, weight)| (arn.to_string(), *weight)).collect())
    });
    let healthy = world.target_groups.values().map(|group| {
        let all = group.targets.values();
        (group.arn.to_string(), all.filter(|one| one.state == TargetState::Healthy).count())
    });
    let suspended =
        world.groups.values().filter(|group| !group.suspended.is_empty()).map(|group| {
            (group.name.to_string(), group.suspended.keys().cloned().collect::<BTreeSet<_>>())
        });
    let ours = world.services.values().filter(|one| one.name.starts_with("quarterdeck-"));
    let records = ours.map(|one| {
        let request = one.creator_request_id.clone().unwrap_or_default();
        (one.id.to_string(), (one.name.clone(), request, one.attributes.clone()))
    });
    View {
        listeners: listeners.collect(),
        healthy: healthy.collect(),
        suspended: suspended.collect(),
        records: records.collect(),
    }
}
