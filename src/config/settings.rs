//! The validated settings: what the rest of the program sees of files, environment and flags.

use crate::core::ids::{Product, ServiceId, StackId};
use crate::machine::{Machine, Place, Route};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// The chosen context of the configuration file.
    Context(String),
    /// An environment variable.
    Env(&'static str),
    /// A command-line flag.
    Flag(&'static str),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Context(name) => write!(f, "context {name}"),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// What a context allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Mode {
    /// Looking only.
    #[default]
    ReadOnly,
    /// Runs may be started, each still approved.
    Operate,
}

/// Everything that can be set, validated, with every value's origin.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The context in use, if one was chosen.
    pub context: Option<String>,
    /// Whether that context is marked `production`.
    pub production: bool,
    /// The colour of its frame.
    pub frame: Option<super::Frame>,
    /// All contexts of the configuration.
    pub contexts: Vec<super::ContextLine>,
    /// The contexts whose fleets are shown beside those of this one.
    pub also: Vec<String>,
    /// Whether this context may be operated on at all; arming is another matter.
    pub mode: Mode,
    /// The configuration file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// How to reach AWS.
    pub aws: AwsSettings,
    /// Only namespaces of this name or id are read.
    pub namespace: Option<String>,
    /// Only the load balancer of this name or ARN is read.
    pub load_balancer: Option<String>,
    /// Registry services that are ours whatever their members say, and the fleets that belong in
    /// each (none: whoever is found there).
    pub registry: BTreeMap<ServiceId, BTreeSet<StackId>>,
    /// How nodes are probed.
    pub probes: ProbeSettings,
    /// Which resolver is asked for the registry's names.
    pub dns: DnsSetting,
    /// Who is told of runs.
    pub webhook: Option<WebhookSettings>,
    /// How often each source is read.
    pub cadence: Cadence,
    /// How long a read command waits for its full round.
    pub timeout: Duration,
    /// Where memory, runs and journals live.
    pub state_dir: Place,
    /// Where evidence is written.
    pub evidence_dir: PathBuf,
    /// The operator's home, where they have one; shown paths are shorter with it.
    pub home: Option<PathBuf>,
    /// The log file, if one is wanted.
    pub log: Option<PathBuf>,
    /// The file that everything the console shows is recorded to, if one is wanted.
    pub record: Option<PathBuf>,
    /// The keys.
    pub keymap: Chosen,
    /// The colours.
    pub theme: Chosen,
    /// Whether the terminal says that it knows 24 bits of colour (COLORTERM, TERM).
    pub true_color: bool,
    /// Whether colours may be used.
    pub color: bool,
    /// Whether to keep to ASCII.
    pub ascii: bool,
    /// The clock to run by, if not the real one.
    pub clock: Option<ClockSetting>,
    /// What the terminal calls itself (TERM).
    pub term: Option<String>,
    /// Where each value came from, by its dotted name.
    pub origins: BTreeMap<String, Origin>,
    /// The flags that were given: what is not about a place holds for every context.
    pub given: super::Flags,
    /// What would surprise the operator about where a value came from, as sentences.
    pub notes: Vec<String>,
}

impl Settings {
    /// The machine that this program runs on.
    pub fn machine(&self) -> &Machine {
        self.state_dir.machine()
    }

    /// What the SDK is told. A profile that stands in the environment it finds by itself, and then
    /// keys in the environment come before it, as in every AWS tool; a profile that it is told comes
    /// before everything.
    pub fn for_sdk(&self) -> AwsSettings {
        let mut aws = self.aws.clone();
        if matches!(self.origins.get("aws.profile"), Some(Origin::Env(_))) {
            aws.profile = None;
        }
        aws
    }

    /// The same without what narrows the view to one namespace or load balancer. Plans and runs look
    /// at everything: what is out of sight may be what another run is at work on.
    #[must_use]
    pub fn unnarrowed(&self) -> Self {
        Self { namespace: None, load_balancer: None, ..self.clone() }
    }
}

/// Where a run's turns are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where to; it may hold a token, and is never shown whole.
    pub url: String,
    /// How long one try may take, connection included.
    pub timeout: Duration,
}

/// One of several that come with the program, and what the operator lays over it. Whether there is
/// one of this name, and what the file says, is found where it is used: a mistake there keeps nobody
/// from the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The name of the one.
    pub name: String,
    /// The operator's own file.
    pub file: Option<PathBuf>,
}

/// Another clock than the real one: for worlds whose time runs faster.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockSetting {
    /// What time it is at the start.
    pub start: Timestamp,
    /// How many times as fast as real time it runs.
    pub rate: f64,
}

impl ClockSetting {
    /// How many times as fast it runs, in whole numbers and at least once: for what is counted in a
    /// person's time.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is not negative, and one beyond the numbers is the greatest of them"
    )]
    pub fn times(&self) -> u32 {
        (self.rate.ceil() as u32).max(1)
    }
}

/// How to reach AWS. What is `None` is left to the SDK, which reads the standard variables and
/// files as every AWS tool does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsSettings {
    /// The region.
    pub region: Option<String>,
    /// The profile.
    pub profile: Option<String>,
    /// The role that is assumed with the profile's credentials (or whatever the SDK finds).
    pub role: Option<String>,
    /// One endpoint for all services. `None` also where the environment names endpoints for single
    /// services (`AWS_ENDPOINT_URL_<SERVICE>`): the SDK then reads them all, with AWS's precedence.
    pub endpoint_url: Option<String>,
    /// How long one call may take, connection included.
    pub call_timeout: Duration,
    /// How requests travel.
    pub route: Route,
}

/// How often each source is read, at the least interval; many scopes stretch it (see
/// `sources::demand`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// Members of a registry service (its revision; a listing when that changed).
    pub cloudmap: Duration,
    /// Auto Scaling groups.
    pub autoscaling: Duration,
    /// Listeners and target health.
    pub elbv2: Duration,
    /// Instance states.
    pub ec2: Duration,
    /// Probes of a node.
    pub probes: Duration,
    /// What changes rarely: services, load balancers, attributes, activities, refreshes.
    pub slow: Duration,
}

/// Which resolver is asked for the registry's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsSetting {
    /// None.
    Off,
    /// The one that this host uses.
    #[default]
    System,
    /// This one.
    Server(SocketAddr),
}

impl std::fmt::Display for DnsSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("none"),
            Self::System => f.write_str("system"),
            Self::Server(at) => write!(f, "{at}"),
        }
    }
}

/// How nodes are probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSettings {
    /// Whether to probe at all.
    pub enabled: bool,
    /// How long one request may take, connection included.
    pub timeout: Duration,
    /// `http://…` or `socks5://…`, for nodes that cannot be reached directly.
    pub proxy: Option<String>,
    /// What is probed on each node.
    pub products: Vec<ProductSettings>,
    /// How requests travel.
    pub route: Route,
}

/// How one product is probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductSettings {
    /// Its name.
    pub product: Product,
    /// How its answers are read.
    pub kind: ProbeKind,
    /// `http` or `https`.
    pub tls: bool,
    /// Its port.
    pub port: u16,
    /// The path asked; see [`super::ProbePath`] for what is refused.
    pub path: super::ProbePath,
    /// The statuses that pass.
    pub status: BTreeSet<u16>,
    /// Whether a node may lack it.
    pub optional: bool,
}

/// How a product's answers are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// `GET /api/health`, the database read from the body.
    Grafana,
    /// `GET /ready`, the reasons read from the body; `GET /` as "alive only".
    Loki,
    /// As Loki.
    Tempo,
    /// The node's own aggregator.
    Healthz,
    /// Anything else: the status alone.
    Http,
}
