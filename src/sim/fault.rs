//! What goes wrong between a caller and the world: throttled, slow, silent, denied, expired,
//! garbled, cut off. A fault concerns calls by name, for a time, and perhaps only some of them.

use super::principal::matches;
use super::spec::{FaultSpec, span_of};
use super::world::World;
use jiff::Timestamp;
use std::time::Duration;

/// The kinds of fault, as a world file calls them.
pub(crate) const KINDS: [&str; 16] = [
    "throttle",
    "latency",
    "hang",
    "deny",
    "expired",
    "malformed",
    "html",
    "truncated",
    "operation_fails",
    "error",
    "done_error",
    "huge",
    "null",
    "servfail",
    "nxdomain",
    "lie",
];

/// A fault.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// `service:Action` with `*`.
    pub(crate) call: String,
    /// One of [`KINDS`].
    pub(crate) kind: String,
    from: Timestamp,
    until: Timestamp,
    /// How long an answer is kept back, in real time.
    pub(crate) delay: Duration,
    /// The HTTP status of kinds `error` and `done_error`.
    pub(crate) status: u16,
    argument: Option<String>,
    /// What a resolver answers that lies.
    pub(crate) answer: Vec<std::net::Ipv4Addr>,
    access_key: Option<String>,
    after: u32,
    every: u32,
    seen: u32,
}

/// What a call is known by when faults are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sought<'a> {
    /// `elasticloadbalancing:DescribeTargetHealth`.
    pub(crate) call: &'a str,
    /// The arguments as they came.
    pub(crate) arguments: &'a str,
    /// The caller's access key.
    pub(crate) access_key: &'a str,
}

impl Fault {
    /// A fault of a world that starts (or was told of it) at `start`.
    pub(crate) fn new(spec: &FaultSpec, start: Timestamp, world: &World) -> Self {
        let listener = spec.listener_port.map(|port| {
            let found = world.listeners.values().find(|one| one.port == port);
            // A port without a listener is in nobody's arguments.
            found.map_or_else(|| format!("no listener on {port}"), |one| one.arn.to_string())
        });
        let at = |text: &Option<toml::Spanned<String>>, default: Timestamp| {
            let span = text.as_ref().and_then(|one| span_of(one.get_ref()));
            span.map_or(default, |span| start.checked_add(span).unwrap_or(default))
        };
        Self {
            call: spec.call.get_ref().clone(),
            kind: spec.kind.get_ref().clone(),
            from: at(&spec.from, Timestamp::MIN),
            until: at(&spec.until, Timestamp::MAX),
            delay: Duration::from_millis(spec.delay_ms.unwrap_or(2_000)),
            status: spec.status.unwrap_or(500),
            argument: listener.or_else(|| spec.argument.clone()),
            answer: spec.answer.clone(),
            access_key: spec.access_key.clone(),
            after: spec.after.unwrap_or(0),
            every: spec.every.unwrap_or(1).max(1),
            seen: 0,
        }
    }

    fn concerns(&self, sought: Sought<'_>, now: Timestamp) -> bool {
        self.from <= now
            && now < self.until
            && matches(&self.call, sought.call)
            && self.access_key.as_deref().is_none_or(|key| key == sought.access_key)
            && self.argument.as_deref().is_none_or(|text| sought.arguments.contains(text))
    }
}

/// The fault that hits this call, if one does; it counts the calls it concerns.
pub(crate) fn hit<'a>(
    faults: &'a mut [Fault],
    sought: Sought<'_>,
    world: &World,
) -> Option<&'a Fault> {
    let mut struck = None;
    for (index, fault) in faults.iter_mut().enumerate() {
        if !fault.concerns(sought, world.now) {
            continue;
        }
        fault.seen = fault.seen.saturating_add(1);
        let counted = fault.seen.saturating_sub(fault.after);
        if struck.is_none() && counted > 0 && counted.is_multiple_of(fault.every) {
            struck = Some(index);
        }
    }
    faults.get(struck?)
}
