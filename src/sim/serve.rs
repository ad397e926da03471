//! Starting a world: its addresses, its ports, its limits, and what others must know of it.

use super::catalog;
use super::dns::Resolver;
use super::fault::Fault;
use super::http::answer;
use super::limits::Limits;
use super::log::RequestLog;
use super::nodes::Keeper;
use super::spec::{Site, SpecError, WorldSpec, big_world, build, parse_world};
use super::state::{InjectError, Shared, State};
use super::wire::imds::Metadata;
use crate::clock::Clock;
use axum::Router;
use axum::extract::Request;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Which world.
#[derive(Clone, Debug)]
pub enum WorldSource {
    /// One that comes with the binary.
    Named(String),
    /// A file.
    File(PathBuf),
    /// A text, with a name for the messages.
    Text {
        /// What it is called in messages.
        name: String,
        /// The world, as TOML.
        text: String,
    },
    /// So many fleets, with so many nodes in all.
    Big {
        /// Fleets.
        fleets: u32,
        /// Nodes over all of them.
        nodes: u32,
    },
}

impl Default for WorldSource {
    fn default() -> Self {
        Self::Named(catalog::DEFAULT.to_owned())
    }
}

/// How a world is served.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its port is; a loopback address. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Which world.
    pub world: WorldSource,
    /// How fast its time runs; 0 stands still but for [`Served::advance`].
    pub rate: f64,
    /// Where the request log goes, besides memory.
    pub log: Option<PathBuf>,
    /// What time it is there at the start; now, unless said otherwise.
    pub start: Option<Timestamp>,
    /// Whether ELBv2's API buckets are as small as AWS's, where the world itself says so too. A
    /// test that makes many calls in a moment switches them off.
    pub api_limits: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            world: WorldSource::default(),
            rate: 1.0,
            log: None,
            start: None,
            api_limits: true,
        }
    }
}

/// Why a world could not be served. Each says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The address is not a loopback one.
    #[error("{0} is not a loopback address: the embedded world listens on 127.0.0.0/8 only")]
    NotLoopback(SocketAddr),
    /// The port cannot be had.
    #[error("failed to listen on {address}: {cause}; choose another port, or 0 for any free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        cause: std::io::Error,
    },
    /// There is no such world.
    #[error("there is no world `{name}`{}; `quarterdeck demo --list` names them all", hint(.nearest.as_deref()))]
    UnknownWorld {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
    },
    /// A mistake in the world's file.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A file cannot be read or written.
    #[error("failed to open {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// The speed makes no sense.
    #[error("a speed is a number from 0 to 100000, not {0}")]
    Rate(f64),
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|one| format!(", did you mean `{one}`?")).unwrap_or_default()
}

/// A fleet of a served world.
#[derive(Clone, Debug, Serialize)]
pub struct ServedFleet {
    /// Its stack.
    pub stack: String,
    /// Its groups.
    pub auto_scaling_groups: Vec<String>,
    /// Its nodes' ids.
    pub nodes: Vec<String>,
}

/// What others must know of a served world.
#[derive(Clone, Debug, Serialize)]
pub struct ServedInfo {
    /// For `AWS_ENDPOINT_URL`.
    pub endpoint: String,
    /// An HTTP proxy through which every node answers, also those that have no port of their own.
    pub proxy: String,
    /// The address of its DNS server, by UDP and TCP.
    pub dns: SocketAddr,
    /// The world's title.
    pub world: String,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// How fast its time runs.
    pub rate: f64,
    /// What time it is there.
    pub time: Timestamp,
    /// The port of each product's probes.
    pub ports: std::collections::BTreeMap<String, u16>,
    /// Products that some nodes do without.
    pub optional: Vec<String>,
    /// The namespace's id.
    pub namespace: String,
    /// The registry services: name and id.
    pub services: std::collections::BTreeMap<String, String>,
    /// The load balancers' ARNs.
    pub load_balancers: Vec<String>,
    /// The fleets.
    pub fleets: Vec<ServedFleet>,
    /// Ports of nodes that are open.
    pub open_ports: usize,
    /// Ports of nodes that could not be opened: they answer through the proxy.
    pub proxied_ports: usize,
    /// What the operator should know, as sentences.
    pub warnings: Vec<String>,
}

/// A world that is being served. Dropping it ends it.
pub struct Served {
    info: ServedInfo,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    dns: JoinHandle<()>,
    /// Held as long as the world lives, so that no other takes its addresses.
    _claim: Option<StdListener>,
}

impl Served {
    /// What others must know.
    pub fn info(&self) -> &ServedInfo {
        &self.info
    }

    /// Moves the world's time forward, beyond what its clock says; returns its time.
    pub fn advance(&self, span: Duration) -> Timestamp {
        self.shared.advance(span)
    }

    /// Makes events happen, faults begin and principals known, written as in a world file
    /// (`[[event]]`, `[[fault]]`, `[[principal]]`).
    ///
    /// # Errors
    /// What is wrong with the text, or why it cannot happen.
    pub fn inject(&self, text: &str) -> Result<(), InjectError> {
        self.shared.inject(text)
    }

    /// The requests so far, as the log has them (the newest 20,000).
    pub fn requests(&self) -> Vec<Value> {
        self.shared.with(|state| state.log.lines().cloned().collect())
    }

    /// The world in short: time, nodes, traffic, what happened.
    pub fn state(&self) -> Value {
        self.shared.with(super::admin::state_json)
    }

    /// What is wrong with the world's books; nothing, unless the world has a fault.
    pub fn broken_invariants(&self) -> Vec<String> {
        self.shared.with(|state| state.world.broken_invariants())
    }

    /// Waits until the world ends, which it does not do by itself.
    pub async fn wait(mut self) {
        // However the task ended, the world is over.
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
        self.dns.abort();
        self.shared.close();
    }
}

/// Serves a world until the answer is dropped. Prints nothing.
///
/// # Errors
/// A [`SimError`], which says what to do.
pub async fn serve(options: Options) -> Result<Served, SimError> {
    if !options.listen.ip().is_loopback() {
        return Err(SimError::NotLoopback(options.listen));
    }
    if !(0.0..=100_000.0).contains(&options.rate) {
        return Err(SimError::Rate(options.rate));
    }
    let spec = read(&options.world)?;
    let file = options.log.as_ref().map(open_log).transpose()?;
    let cannot = |cause| SimError::Listen { address: options.listen, cause };
    let listener = TcpListener::bind(options.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let mut warnings = Vec::new();
    let descriptors = raise_descriptors();
    let site = find_site(&mut warnings);
    let clock = match options.start {
        Some(start) => Clock::starting_at(start, options.rate),
        None => Clock::with_rate(options.rate),
    };
    let start = clock.now();
    let world = build(&spec, Site { start, network: site.network, port_offset: site.port_offset });
    // An accepted connection needs a descriptor too, so no more than half are for listening.
    let budget = if site.own_addresses { descriptors.saturating_sub(256) / 2 } else { 0 };
    let state = State {
        faults: spec.fault.iter().map(|one| Fault::new(one, start, &world)).collect(),
        principals: spec.principal.clone(),
        log: RequestLog::with_file(file),
        limits: (spec.api_limits && options.api_limits).then(Limits::new),
        metadata: Metadata::default(),
        ahead: Duration::ZERO,
        world,
    };
    let shared = Shared::new(state, clock, Keeper::new(budget));
    let resolver = Resolver::open(address.ip()).await.map_err(cannot)?;
    let info = describe(&shared, (address, resolver.address), &options, warnings);
    let dns = tokio::spawn(resolver.serve(Arc::downgrade(&shared)));
    let task = tokio::spawn(run(listener, Arc::clone(&shared)));
    Ok(Served { info, shared, task, dns, _claim: site.claim })
}

async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let router =
        Router::new().fallback(move |request: Request| answer(Arc::clone(&shared), request));
    // axum's loop ends only with its task.
    let _ended = axum::serve(listener, router).await;
}

fn read(source: &WorldSource) -> Result<WorldSpec, SimError> {
    match source {
        WorldSource::Named(name) => match catalog::named(name) {
            Some(spec) => Ok(spec?),
            None => {
                let known: Vec<_> = catalog::names().collect();
                let nearest = super::spec::nearest(name, &known);
                Err(SimError::UnknownWorld { name: name.clone(), nearest })
            }
        },
        WorldSource::File(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|cause| SimError::File { path: path.clone(), cause })?;
            Ok(parse_world(&path.display().to_string(), &text)?)
        }
        WorldSource::Text { name, text } => Ok(parse_world(name, text)?),
        WorldSource::Big { fleets, nodes } => Ok(big_world(*fleets, *nodes)?),
    }
}

fn open_log(path: &PathBuf) -> Result<File, SimError> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|cause| SimError::File { path: path.clone(), cause })
}

/// Raises the soft limit of open files to the hard one; returns what it is then.
fn raise_descriptors() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let had = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: had.maximum, maximum: had.maximum };
    // Not being allowed to is no failure: the limit stays what it was.
    let now = if setrlimit(Resource::Nofile, wanted).is_ok() { had.maximum } else { had.current };
    // No limit at all: more than any world needs.
    now.map_or(1 << 20, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Where the nodes can be.
struct Found {
    network: u8,
    port_offset: u16,
    own_addresses: bool,
    claim: Option<StdListener>,
}

/// Networks that worlds may take: 127.64.0.0/16 and up.
const NETWORKS: std::ops::RangeInclusive<u8> = 64..=250;
/// The port on the last address of a network that says that it is taken.
const CLAIM_PORT: u16 = 8_099;

fn find_site(warnings: &mut Vec<String>) -> Found {
    for network in NETWORKS {
        let address = Ipv4Addr::new(127, network, 255, 254);
        match StdListener::bind((IpAddr::from(address), CLAIM_PORT)) {
            Ok(claim) => {
                let port_offset = find_ports(network, warnings);
                return Found { network, port_offset, own_addresses: true, claim: Some(claim) };
            }
            Err(why) if why.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(_) => break,
        }
    }
    warnings.push(
        "This system gives the nodes no loopback addresses of their own: they answer through the world's proxy only."
            .to_owned(),
    );
    Found { network: *NETWORKS.start(), port_offset: 0, own_addresses: false, claim: None }
}

/// What must be added to the products' usual ports so that all are free.
fn find_ports(network: u8, warnings: &mut Vec<String>) -> u16 {
    let address = IpAddr::from(Ipv4Addr::new(127, network, 0, 10));
    for offset in [0, 10_000, 20_000, 30_000, 40_000] {
        let mut ports = super::world::PRODUCTS.iter().map(|(_, port, _)| port + offset);
        if ports.all(|port| StdListener::bind((address, port)).is_ok()) {
            if offset > 0 {
                warnings.push(format!(
                    "Something on this host holds a usual port on every address: the nodes listen on ports {offset} higher."
                ));
            }
            return offset;
        }
    }
    0
}

/// Products that some nodes run and others do not.
fn optional(world: &super::world::World) -> Vec<String> {
    let lacks = |name: &str| {
        world
            .groups
            .values()
            .any(|group| !group.products.iter().any(|(one, _)| one.as_str() == name))
    };
    let names = super::world::PRODUCTS.iter().map(|(name, ..)| *name);
    names.filter(|name| lacks(name)).map(str::to_owned).collect()
}

fn describe(
    shared: &Arc<Shared>,
    (address, dns): (SocketAddr, SocketAddr),
    options: &Options,
    mut warnings: Vec<String>,
) -> ServedInfo {
    let mut info = shared.with(|state| {
        let world = &state.world;
        let mut fleets: Vec<ServedFleet> = Vec::new();
        for group in world.groups.values() {
            let nodes = group.members.keys().map(ToString::to_string);
            let name = group.name.to_string();
            match fleets.iter_mut().find(|one| one.stack == group.stack.as_str()) {
                Some(fleet) => {
                    fleet.auto_scaling_groups.push(name);
                    fleet.nodes.extend(nodes);
                }
                None => fleets.push(ServedFleet {
                    stack: group.stack.to_string(),
                    auto_scaling_groups: vec![name],
                    nodes: nodes.collect(),
                }),
            }
        }
        let products = super::world::PRODUCTS.iter();
        ServedInfo {
            endpoint: format!("http://{address}"),
            proxy: format!("http://{address}"),
            dns,
            world: world.name.clone(),
            account: world.account.clone(),
            region: world.region.clone(),
            rate: options.rate,
            time: world.now,
            ports: products.map(|(name, ..)| ((*name).to_owned(), world.port_of(name))).collect(),
            optional: optional(world),
            namespace: world.namespaces.keys().next().map(ToString::to_string).unwrap_or_default(),
            services: world
                .services
                .values()
                .map(|one| (one.name.clone(), one.id.to_string()))
                .collect(),
            load_balancers: world.balancers.keys().map(ToString::to_string).collect(),
            fleets,
            open_ports: 0,
            proxied_ports: 0,
            warnings: Vec::new(),
        }
    });
    (info.open_ports, info.proxied_ports) = shared.ports();
    if info.proxied_ports > 0 && info.open_ports > 0 {
        warnings.push(format!(
            "Only {} ports of nodes could be opened; {} more answer through the world's proxy. Raise the hard limit of open files (ulimit -Hn) to open them all.",
            info.open_ports, info.proxied_ports
        ));
    }
    info.warnings = warnings;
    info
}
