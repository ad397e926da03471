//! The command line as contract.md writes it. A flag stands here when what it sets exists.

use super::global::Global;
use super::verb_args::VerbCommand;
use crate::config::parse_request_limit;
use crate::core::finding::Severity;
use crate::core::ids::StackId;
use crate::core::plan::GuardName;
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
    /// Seeds of what may happen to runs, deterministically: for whoever works on this program.
    #[cfg(feature = "torture")]
    Torture(super::torture::TortureArgs),
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
    /// Prints the plan of what is wanted and changes nothing (-o json: the plan file).
    Plan {
        #[command(subcommand)]
        intent: VerbCommand,
    },
    #[command(flatten)]
    Verb(VerbCommand),
    /// The configuration: what is in force and why, a file's faults, a file to start from.
    Config {
        #[command(subcommand)]
        command: Option<ConfigCommand>,
    },
    /// The console on a recording: pause, step, speed, seek by time and by finding.
    Replay {
        /// What `--record`, or the key that keeps the recording, has written.
        file: PathBuf,
    },
    /// The keymap in force, with where each binding comes from; or what is wrong with a file.
    Keys(super::keys::KeysArgs),
    /// What sshd's ForceCommand runs: the console, read-only, or the read command that the client sent.
    Captive,
    /// The console on the embedded world: no account, no network, no files needed.
    #[cfg(feature = "sim")]
    Demo(DemoArgs),
    /// The embedded world alone.
    #[cfg(feature = "sim")]
    Sim {
        #[command(subcommand)]
        command: SimCommand,
    },
    /// Carries out a plan that was written to a file.
    Apply {
        /// The plan file (`quarterdeck plan … -o json`).
        file: PathBuf,
        #[command(flatten)]
        execute: ExecuteArgs,
        #[command(flatten)]
        format: Format,
    },
    /// The runs of this state directory, newest first.
    Runs(Format),
    /// One run: how it stands, and what it is to do.
    Run {
        #[command(subcommand)]
        command: RunCommand,
    },
    /// What was done: every line of every run's journal.
    Audit {
        #[command(subcommand)]
        command: Option<AuditCommand>,
        #[command(flatten)]
        format: Format,
    },
    /// The process of a run.
    #[command(hide = true)]
    RunEngine {
        /// The run's directory.
        directory: PathBuf,
        /// What the operator who started it wants of a run that was there already.
        #[arg(long, value_enum)]
        first: Option<FirstWord>,
    },
    /// Registers this node in Cloud Map and takes out peers that are proven gone; on a node, at boot.
    ///
    /// What flags and the variables SERVICE_ID, STACK_ID, REGION, SYSTEM_IP_ADDR and
    /// SYSTEM_INSTANCE_ID do not say is read from the instance metadata.
    Register(RegisterArgs),
    /// Serves this node's health to the load balancer: /healthz, /healthz/live, /metrics.
    ///
    /// Checked are grafana, loki and tempo, where GRAFANA_ENDPOINT, LOKI_ENDPOINT and TEMPO_ENDPOINT
    /// say that they are (`off`: not at all), and what HEALTHZ_PRODUCTS and --product add.
    Healthz(HealthzArgs),
    /// What a role must be allowed, as an IAM policy.
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Checks everything that is needed, one line a check.
    Doctor,
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What every verb takes that may be carried out.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ExecuteArgs {
    /// Carry it out (with --operate); without this the plan is only printed.
    #[arg(long)]
    pub execute: bool,
    /// Agree to it: the name of the fleet that gives or is changed, or `y` where that is enough.
    #[arg(long, value_name = "NAME", requires = "execute")]
    pub confirm: Option<String>,
    /// Print the run's id and do not follow it.
    #[arg(long, requires = "execute")]
    pub detach: bool,
}

/// `run …`.
#[derive(Debug, Subcommand)]
pub(super) enum RunCommand {
    /// How it stands, step by step.
    Show {
        /// Its id, or the beginning of it.
        run: String,
        /// Print its rollback as commands of the AWS command line instead.
        #[arg(long)]
        by_hand: bool,
        #[command(flatten)]
        format: Format,
    },
    /// Follows it until it ends or holds.
    Attach {
        /// Its id, or the beginning of it.
        run: String,
        #[command(flatten)]
        format: Format,
    },
    /// Finishes the step it is at, then holds.
    Hold {
        /// Its id, or the beginning of it.
        run: String,
    },
    /// Goes on, past a gate too, with the caller's credentials where its own have expired.
    Resume {
        /// Its id, or the beginning of it.
        run: String,
    },
    /// Ends it by undoing what it did, in a run of its own: the same as `rollback RUN`.
    Rollback {
        /// Its id, or the beginning of it.
        run: String,
        #[command(flatten)]
        act: super::verb_args::ActArgs,
    },
    /// Lets a guard not stand in the way of a held run, for the rest of it; then resume the run.
    Override {
        /// Its id, or the beginning of it.
        run: String,
        /// The guard, as `run show` names it.
        guard: GuardName,
        /// Why, for the audit.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The name of the fleet that gives, or is changed.
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// No further traffic step: unpins, unlocks, ends. Weights stay as they are.
    Abort {
        /// Its id, or the beginning of it.
        run: String,
        /// The name of the fleet that gives, or is changed.
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
}

/// `audit …`; without a command: all lines.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Checks every journal's chain and names the first broken line of each.
    Verify,
    /// Holds journals against the rules of runs: lawful, or the first line that is not.
    Check {
        /// A run, or the beginning of its id; without it every run.
        run: Option<String>,
        #[command(flatten)]
        format: Format,
    },
}

/// What a run's new process is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FirstWord {
    /// Go on.
    Resume,
    /// End it.
    Abort,
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

/// `register …`.
#[derive(Clone, Debug, Args)]
pub(super) struct RegisterArgs {
    /// Take this node out instead; at shutdown.
    #[arg(long, conflicts_with = "replace_stack")]
    pub leave: bool,
    /// Take out every other entry of the fleet, proven gone or not; refused unless the fleet has one node.
    #[arg(long)]
    pub replace_stack: bool,
    /// A Cloud Map service, srv-…; several times or with commas for several (SERVICE_ID).
    #[arg(long, value_name = "ID")]
    pub service: Vec<String>,
    /// The fleet (STACK_ID).
    #[arg(long, value_name = "ID")]
    pub stack: Option<String>,
    /// This node's private address (SYSTEM_IP_ADDR).
    #[arg(long, value_name = "ADDRESS")]
    pub ip: Option<String>,
    /// This node's EC2 instance id (SYSTEM_INSTANCE_ID).
    #[arg(long, value_name = "ID")]
    pub instance_id: Option<String>,
    /// A port on which a peer shows that it lives [default: 7946, 8080, 3000, 3100 and 3200].
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    pub peer_port: Vec<u16>,
}

/// `healthz …`.
#[derive(Clone, Debug, Args)]
pub(super) struct HealthzArgs {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub listen: std::net::SocketAddr,
    /// up: the servers answer, as the published aggregator; ready: they say that they are ready.
    #[arg(long, value_enum, default_value_t = HealthMode::Up)]
    pub mode: HealthMode,
    /// On SIGTERM answer unhealthy for so long first: the load balancer's interval times its threshold.
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub drain_seconds: u64,
    /// A product: NAME=URL, NAME=URL=STATUS, or NAME=off.
    #[arg(long, value_name = "NAME=URL")]
    pub product: Vec<String>,
    /// How long one check may take; less than the load balancer waits (2 s at the least).
    #[arg(long, value_name = "DURATION", default_value = "1500ms", value_parser = parse_request_limit)]
    pub check_timeout: Duration,
    /// How old an answer may be: each product is asked at most once in this time.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_request_limit)]
    pub interval: Duration,
    /// With --mode ready: a failing Grafana database fails the node (all nodes share it).
    #[arg(long)]
    pub require_database: bool,
    /// How many connections at once.
    #[arg(long, value_name = "N", default_value_t = 2048, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub connections: u32,
}

/// What healthy means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum HealthMode {
    /// The servers answer.
    Up,
    /// The products are ready.
    Ready,
}

/// `policy …`.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// For who looks: every call that the read commands and the console make.
    Observe,
    /// For who acts: that, and every call that a run may make.
    Operate {
        /// Only the entries of these registry services; several times or with commas for several.
        #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = service_id)]
        service: Vec<String>,
        /// Only this account.
        #[arg(long, value_name = "NUMBER", value_parser = account)]
        account: Option<String>,
    },
    /// For the role of a node: what `register` calls, and nothing else.
    Node {
        /// Only these registry services; several times or with commas for several.
        #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = service_id)]
        service: Vec<String>,
        /// Only this account.
        #[arg(long, value_name = "NUMBER", value_parser = account)]
        account: Option<String>,
    },
}

/// A Cloud Map service id. It becomes part of an ARN.
fn service_id(text: &str) -> Result<String, String> {
    let word = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
    match text.strip_prefix("srv-") {
        Some(id) if word(id) => Ok(text.to_owned()),
        _ => Err("Cloud Map service ids look like srv-0123456789abcdef".to_owned()),
    }
}

/// An account number. It becomes part of an ARN.
fn account(text: &str) -> Result<String, String> {
    let fits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err("an account number has twelve digits".to_owned()) }
}

/// Which world, and how fast its time runs.
#[cfg(feature = "sim")]
#[derive(Clone, Debug, Args)]
pub(super) struct WorldArgs {
    /// A world by name (`demo --list` names them), a file, or a recording: the world as it ended.
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
