//! Worlds as TOML: what stands in a world file, its defaults, and how it becomes a world.

mod build;
mod check;
mod event;
mod names;
mod parse;
mod recorded;
mod rings;
mod text;

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

pub(crate) use build::{Site, build, span_of};
pub(crate) use event::parse_events;
pub(crate) use parse::nearest;
pub use parse::{SpecError, parse_world};
pub use recorded::recorded_world;
pub use text::{BIG_WORLD, big_world};

/// A world file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldSpec {
    /// One line for the list.
    #[serde(default)]
    pub(crate) title: String,
    /// What is wrong here, for `demo --list`.
    #[serde(default)]
    pub(crate) wrong: String,
    /// How to know that it is solved.
    #[serde(default)]
    pub(crate) solved: String,
    #[serde(default = "seed")]
    pub(crate) seed: u64,
    #[serde(default = "region")]
    pub(crate) region: String,
    /// Zone letters or names.
    #[serde(default = "zones")]
    pub(crate) zones: Vec<String>,
    #[serde(default)]
    pub(crate) wiring: Wiring,
    /// Whether the API buckets of ELBv2 are as small as AWS's.
    #[serde(default = "yes")]
    pub(crate) api_limits: bool,
    /// The registry's namespace.
    #[serde(default = "namespace")]
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) load_balancer: Vec<BalancerSpec>,
    /// One for each product unless said otherwise.
    #[serde(default = "listeners")]
    pub(crate) listener: Vec<ListenerSpec>,
    #[serde(default)]
    pub(crate) service: Vec<ServiceSpec>,
    pub(crate) fleet: Vec<FleetSpec>,
    /// How Loki and Tempo gossip.
    #[serde(default)]
    pub(crate) rings: rings::RingSpec,
    /// How the registry's names are answered.
    #[serde(default)]
    pub(crate) dns: rings::DnsSpec,
    #[serde(default)]
    pub(crate) event: Vec<EventSpec>,
    #[serde(default)]
    pub(crate) fault: Vec<FaultSpec>,
    #[serde(default)]
    pub(crate) principal: Vec<PrincipalSpec>,
}

/// How fleets get their traffic.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wiring {
    /// Each fleet has its own target groups, and listeners weigh them.
    #[default]
    Weights,
    /// The fleets share target groups, and an attached group shares the traffic.
    Attach,
}

/// `[[load_balancer]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BalancerSpec {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) cross_zone: bool,
    #[serde(default = "yes")]
    pub(crate) security_group: bool,
    /// The zones it serves; all of the world's unless said otherwise.
    #[serde(default)]
    pub(crate) zones: Vec<String>,
}

/// `[[listener]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerSpec {
    pub(crate) product: Spanned<String>,
    pub(crate) port: u16,
    #[serde(default)]
    pub(crate) load_balancer: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) check: CheckSpec,
    #[serde(default = "drain")]
    pub(crate) deregistration_delay_seconds: u32,
    /// Simulated new connections a second.
    #[serde(default = "connections")]
    pub(crate) connections_per_second: f64,
    /// Simulated long-lived connections.
    #[serde(default = "streams")]
    pub(crate) streams: u32,
    /// Hosts that have a rule of their own, which forwards as the default one does.
    #[serde(default)]
    pub(crate) rules: Vec<String>,
}

/// What a target group's health check asks.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CheckSpec {
    /// The node's aggregator, as in the article.
    #[default]
    Healthz,
    /// The product's own readiness.
    Product,
    /// A connection to the product's port.
    Tcp,
}

/// `[[service]]`: a Cloud Map service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceSpec {
    pub(crate) name: String,
    /// Its namespace; the world's own unless another one is named, which is then created.
    #[serde(default)]
    pub(crate) namespace: Option<String>,
    #[serde(default)]
    pub(crate) custom_health: bool,
}

/// `[[fleet]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FleetSpec {
    pub(crate) stack: Spanned<String>,
    pub(crate) nodes: u32,
    /// Over how many Auto Scaling groups its nodes are spread.
    #[serde(default = "one")]
    pub(crate) groups: u32,
    #[serde(default)]
    pub(crate) min: Option<u32>,
    #[serde(default)]
    pub(crate) max: Option<u32>,
    /// Its weight in each listener; none: its target groups are in no listener.
    #[serde(default)]
    pub(crate) weight: Option<u32>,
    /// Whether it is attached to the shared groups (wiring `attach`).
    #[serde(default)]
    pub(crate) attached: bool,
    /// Its registry services; the first one of the world unless said otherwise.
    #[serde(default)]
    pub(crate) services: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) load_balancer: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) boot: BootSpec,
    #[serde(default = "checks")]
    pub(crate) health_checks: String,
    #[serde(default = "grace")]
    pub(crate) grace_seconds: u32,
    #[serde(default)]
    pub(crate) zones: Vec<String>,
    /// The products its nodes run; all of them unless said otherwise.
    #[serde(default)]
    pub(crate) products: Vec<Spanned<String>>,
    /// The versions of its products, where they differ from the usual.
    #[serde(default)]
    pub(crate) versions: BTreeMap<String, String>,
    #[serde(default = "template_version")]
    pub(crate) template_version: String,
    /// The key of the tag and the attribute that name the fleet.
    #[serde(default = "stack_key")]
    pub(crate) stack_key: String,
    /// More tags of its groups and instances.
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
}

/// What nodes do about the registry when they boot.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BootSpec {
    /// The published script.
    Wiping,
    /// `quarterdeck register`, and its `--leave` at shutdown.
    #[default]
    Register,
    /// Nothing.
    None,
}

/// `[[event]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventSpec {
    /// From the world's start; a negative time is before it.
    #[serde(default)]
    pub(crate) at: Option<Spanned<String>>,
    /// What happens.
    #[serde(rename = "do")]
    pub(crate) what: Spanned<String>,
    #[serde(default)]
    pub(crate) node: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) product: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) zone: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) group: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) target_group: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) service: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) port: Option<u16>,
    #[serde(default)]
    pub(crate) desired: Option<u32>,
    #[serde(default)]
    pub(crate) healthy: Option<bool>,
    #[serde(default)]
    pub(crate) version: Option<String>,
    /// By how much a clock is off.
    #[serde(default)]
    pub(crate) seconds: Option<i64>,
    /// What tells a fleet's rings apart: `fleet`, `product` or `none`.
    #[serde(default)]
    pub(crate) label: Option<Spanned<String>>,
    /// The member that a ring forgets.
    #[serde(default)]
    pub(crate) member: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) processes: Vec<String>,
    #[serde(default)]
    pub(crate) weights: BTreeMap<String, u32>,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
}

/// `[[fault]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultSpec {
    /// `service:Action`, with `*` for any part.
    pub(crate) call: Spanned<String>,
    pub(crate) kind: Spanned<String>,
    #[serde(default)]
    pub(crate) from: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) until: Option<Spanned<String>>,
    /// How long an answer is kept back (kind `latency`), in milliseconds of real time.
    #[serde(default)]
    pub(crate) delay_ms: Option<u64>,
    /// The HTTP status of the answer (kinds `error` and `done_error`); 500 by default.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    /// Only calls whose arguments contain this text.
    #[serde(default)]
    pub(crate) argument: Option<String>,
    /// Only calls that concern the listener of this port.
    #[serde(default)]
    pub(crate) listener_port: Option<u16>,
    /// Only calls of this principal's access key.
    #[serde(default)]
    pub(crate) access_key: Option<String>,
    /// The addresses that a resolver lies about (kind `lie`).
    #[serde(default)]
    pub(crate) answer: Vec<std::net::Ipv4Addr>,
    /// Only calls after so many of them.
    #[serde(default)]
    pub(crate) after: Option<u32>,
    /// Only each so-manieth call.
    #[serde(default)]
    pub(crate) every: Option<u32>,
}

/// `[[principal]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrincipalSpec {
    pub(crate) access_key: String,
    pub(crate) name: String,
    /// Calls it may make; everything unless said otherwise.
    #[serde(default)]
    pub(crate) allow: Option<Vec<String>>,
    /// Calls it may not make.
    #[serde(default)]
    pub(crate) deny: Vec<String>,
}

fn listeners() -> Vec<ListenerSpec> {
    [("grafana", 3000), ("loki", 3100), ("tempo", 3200)]
        .into_iter()
        .map(|(product, port)| ListenerSpec {
            product: Spanned::new(0..0, product.to_owned()),
            port,
            load_balancer: None,
            check: CheckSpec::default(),
            deregistration_delay_seconds: drain(),
            connections_per_second: connections(),
            streams: streams(),
            rules: Vec::new(),
        })
        .collect()
}
fn seed() -> u64 {
    1
}
fn region() -> String {
    "us-west-2".to_owned()
}
fn zones() -> Vec<String> {
    ["a", "b", "c"].map(str::to_owned).to_vec()
}
fn namespace() -> String {
    "glt.internal".to_owned()
}
fn yes() -> bool {
    true
}
fn one() -> u32 {
    1
}
fn drain() -> u32 {
    300
}
fn connections() -> f64 {
    5.0
}
fn streams() -> u32 {
    6
}
fn checks() -> String {
    "EC2,ELB".to_owned()
}
fn grace() -> u32 {
    300
}
fn template_version() -> String {
    "1".to_owned()
}
fn stack_key() -> String {
    "STACK".to_owned()
}
