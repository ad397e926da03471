//! The command line as contract.md writes it. A flag stands here when what it sets exists.

use crate::config::{ClockSetting, Flags, parse_clock, parse_timeout};
use crate::core::finding::Severity;
use crate::core::ids::StackId;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// A terminal operations console for blue/green Grafana, Loki and Tempo fleets on AWS.
///
/// Without a command: the console, on the account the AWS environment points at.
#[derive(Debug, Parser)]
#[command(name = "quarterdeck", version, about, long_about, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The fleets: role, share of traffic, nodes, members, targets, probes.
    Fleets(Format),
    /// The nodes of all fleets or of one, with every source's word side by side.
    Nodes {
        /// Only this fleet.
        stack: Option<StackId>,
        #[command(flatten)]
        format: Format,
    },
    /// What disagrees, worst first.
    Findings {
        /// End with 1 when a finding is at least this bad.
        #[arg(long, value_name = "SEVERITY", value_parser = severity())]
        fail_on: Option<Severity>,
        #[command(flatten)]
        format: Format,
    },
    /// Load balancers, listeners, weights, and the fleets behind them.
    Traffic(Format),
    /// How each read of each source stands.
    Sources(Format),
    /// One line (or JSON object) for each change, until interrupted.
    Watch {
        /// Only this fleet.
        stack: Option<StackId>,
        #[command(flatten)]
        format: Format,
    },
    /// The configuration: what is in force and why, a file's faults, a file to start from.
    Config {
        #[command(subcommand)]
        command: Option<ConfigCommand>,
    },
    /// The console on the embedded world: no account, no network, no files needed.
    #[cfg(feature = "sim")]
    Demo(DemoArgs),
    /// The embedded world alone.
    #[cfg(feature = "sim")]
    Sim {
        #[command(subcommand)]
        command: SimCommand,
    },
    /// Checks everything that is needed, one line a check.
    Doctor,
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// The severities as clap lists and completes them.
fn severity() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(["info", "warning", "critical"])
        .try_map(|word| word.parse::<Severity>())
}

/// `config …`; without a command: `show`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Every value in force, with where it came from.
    Show,
    /// Reads a file and says what is wrong with it.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// A file with every key and its default.
    Sample,
}

/// Which world, and how fast its time runs.
#[cfg(feature = "sim")]
#[derive(Clone, Debug, Args)]
pub(super) struct WorldArgs {
    /// A world by name (`demo --list` names them), or a file.
    #[arg(long, value_name = "FILE|NAME", conflicts_with_all = ["fleets", "nodes"])]
    pub world: Option<String>,
    /// A big world of so many fleets.
    #[arg(long, value_name = "N")]
    pub fleets: Option<u32>,
    /// A big world of so many nodes in all.
    #[arg(long, value_name = "N")]
    pub nodes: Option<u32>,
    /// How many times as fast as ours its time runs.
    #[arg(long, value_name = "X", default_value_t = 1.0, allow_negative_numbers = true)]
    pub speed: f64,
    /// When its time begins; now, if not said. For pictures that are the same tomorrow.
    #[arg(long, value_name = "TIME", hide = true)]
    pub start: Option<jiff::Timestamp>,
}

/// `demo …`.
#[cfg(feature = "sim")]
#[derive(Clone, Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    pub world: WorldArgs,
    /// Name the worlds: what is wrong in each, and how to know that it is solved.
    #[arg(long)]
    pub list: bool,
    #[command(flatten)]
    pub format: Format,
}

/// `sim …`.
#[cfg(feature = "sim")]
#[derive(Debug, Subcommand)]
pub(super) enum SimCommand {
    /// Serves a world for any AWS client; the first line is its endpoint and its ids as JSON.
    /// `--log FILE` keeps its requests, a JSON line each.
    Serve {
        /// Where to listen: a loopback address.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
        listen: std::net::SocketAddr,
        #[command(flatten)]
        world: WorldArgs,
        /// End when stdin closes.
        #[arg(long)]
        until_stdin_closes: bool,
        /// Remove this directory at the end.
        #[arg(long, value_name = "DIR", hide = true)]
        scratch: Option<PathBuf>,
    },
}

/// How a read command prints.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Format {
    /// For people or for machines.
    #[arg(short, long, value_enum, default_value_t = Output::Table, value_name = "FORMAT")]
    pub output: Output,
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// Aligned text.
    Table,
    /// JSON (contract.md).
    Json,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// The AWS region.
    #[arg(long, global = true)]
    region: Option<String>,
    /// The AWS profile.
    #[arg(long, global = true)]
    profile: Option<String>,
    /// One endpoint for all AWS services.
    #[arg(long, global = true, value_name = "URL")]
    endpoint_url: Option<String>,
    /// A named context of the configuration file.
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where memory, runs and journals live.
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Read only this Cloud Map namespace (name or id).
    #[arg(long, global = true, value_name = "NAME")]
    namespace: Option<String>,
    /// Read only this load balancer (name or ARN).
    #[arg(long, global = true, value_name = "NAME")]
    load_balancer: Option<String>,
    /// Do not ask the nodes directly.
    #[arg(long, global = true)]
    no_probes: bool,
    /// How long a read command waits for its round, like 30s or 2m.
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_timeout)]
    timeout: Option<Duration>,
    /// Look only, whatever the context allows.
    #[arg(long, global = true)]
    read_only: bool,
    /// No colours.
    #[arg(long, global = true)]
    no_color: bool,
    /// Nothing but ASCII.
    #[arg(long, global = true)]
    ascii: bool,
    /// Run by another clock: the time now, and how many times as fast it runs (TIME@RATE).
    #[arg(long, global = true, value_name = "TIME@RATE", hide = true, value_parser = parse_clock)]
    clock: Option<ClockSetting>,
    /// Append a log to this file.
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
}

impl From<Global> for Flags {
    fn from(global: Global) -> Self {
        Self {
            config: global.config,
            context: global.context,
            region: global.region,
            profile: global.profile,
            endpoint_url: global.endpoint_url,
            state_dir: global.state_dir,
            namespace: global.namespace,
            load_balancer: global.load_balancer,
            log: global.log,
            timeout: global.timeout,
            no_probes: global.no_probes,
            read_only: global.read_only,
            no_color: global.no_color,
            ascii: global.ascii,
            clock: global.clock,
        }
    }
}
