//! The verbs and their flags, as contract.md writes them; the same after `plan` and on their own.

use super::args::{ExecuteArgs, Format};
use crate::config::parse_span;
use crate::core::ids::{InstanceId, StackId};
use crate::core::plan::{
    BadWord, DrainMethod, Gate, GuardName, Intent, MinHealthy, OnRegression, Options, Picture,
    Refusal, Strategy, Verb, gates, min_healthy, resolve, schedule,
};
use crate::core::run::RunId;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;
use strum::VariantNames;

/// What may be done. Each prints its plan: exact steps, guards, worst-case capacity, the way back.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum VerbCommand {
    /// Write nodes' registry entries and targets as they should be.
    Reregister {
        /// Instance ids, unique beginnings of them, or private addresses.
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
        #[command(flatten)]
        act: ActArgs,
    },
    /// Every safe fix of a fleet's findings, in one plan.
    Repair {
        /// The fleet.
        stack: StackId,
        #[command(flatten)]
        act: ActArgs,
    },
    /// Remove registry entries of instances proven gone.
    Deregister {
        /// The ids they are registered under.
        #[arg(value_name = "ID")]
        members: Vec<String>,
        #[command(flatten)]
        act: ActArgs,
    },
    /// Take nodes out of the load balancer and wait until they are really out.
    Drain {
        /// Instance ids, unique beginnings of them, or private addresses.
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
        #[command(flatten)]
        drain: DrainArgs,
        #[command(flatten)]
        act: ActArgs,
    },
    /// Bring drained nodes back and wait until they are healthy.
    Undrain {
        /// Instance ids, unique beginnings of them, or private addresses.
        #[arg(value_name = "NODE")]
        nodes: Vec<String>,
        #[command(flatten)]
        act: ActArgs,
    },
    /// Move traffic from one fleet to another.
    Cutover {
        /// The fleet that gives.
        from: StackId,
        /// The fleet that receives.
        to: StackId,
        #[command(flatten)]
        cutover: Box<CutoverArgs>,
        #[command(flatten)]
        act: ActArgs,
    },
    /// End a run by undoing what it did, in a run of its own.
    Rollback {
        /// The run; without one, the last that is not over, or else the last.
        run: Option<String>,
        #[command(flatten)]
        act: ActArgs,
    },
    /// Take the lock of a dead run over, from any host, and end what it left.
    Takeover {
        /// The load balancer it is held on, a fleet behind that, its run, or the lock's id; without
        /// one, the only lock there is.
        lock: Option<String>,
        /// The holder's host is gone for good: its heartbeat is not watched first.
        #[arg(long, value_name = "HOST")]
        holder_is_dead: Option<String>,
        /// Also put the traffic back as it was before that run, by the rollback record that it left.
        #[arg(long)]
        rollback: bool,
        #[command(flatten)]
        act: ActArgs,
    },
}

/// What every verb takes.
#[derive(Clone, Debug, Args)]
pub(super) struct ActArgs {
    /// Override this guard by name; needs --reason.
    #[arg(long = "override", value_name = "GUARD", value_parser = listed::<GuardName>(GuardName::VARIANTS))]
    overrides: Vec<GuardName>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    pub execute: ExecuteArgs,
    #[command(flatten)]
    pub format: Format,
}

/// What a drain takes.
#[derive(Clone, Debug, Args)]
pub(super) struct DrainArgs {
    /// How: out of the Auto Scaling group's service, or out of the target groups only. Standby where
    /// its health checks include ELB, unless said otherwise.
    #[arg(long, value_name = "METHOD", value_parser = listed::<DrainMethod>(&["standby", "targets"]))]
    method: Option<DrainMethod>,
    /// Nodes in one step.
    #[arg(long, value_name = "N", default_value_t = 1)]
    at_a_time: u32,
    #[command(flatten)]
    common: CommonArgs,
}

/// What drain and cutover take.
#[derive(Clone, Debug, Args)]
pub(super) struct CommonArgs {
    /// How many targets of each group must stay healthy: a number, or percent of the fleet.
    #[arg(long, value_name = "N|P%", value_parser = min_healthy, default_value = "50%")]
    min_healthy: MinHealthy,
    /// Also remove the registry entries of who loses.
    #[arg(long)]
    remove_members: bool,
}

/// What a cutover takes.
#[derive(Clone, Debug, Args)]
pub(super) struct CutoverArgs {
    /// By weights or by attaching; what is there decides, unless said.
    #[arg(long, value_name = "STRATEGY", value_parser = listed::<Strategy>(&["weights", "attach"]))]
    strategy: Option<Strategy>,
    /// Percent of the traffic after each step, ascending, ending in 100 (weights: 10,50,100).
    #[arg(long, value_name = "PERCENTS", value_parser = steps)]
    schedule: Option<Schedule>,
    /// How long each step settles.
    #[arg(long, value_name = "DURATION", value_parser = parse_span, default_value = "120s")]
    settle: Duration,
    /// How long probes are watched before they count.
    #[arg(long, value_name = "DURATION", value_parser = parse_span, default_value = "60s")]
    window: Duration,
    /// How long a finished shift is watched.
    #[arg(long, value_name = "DURATION", value_parser = parse_span, default_value = "10m")]
    bake: Duration,
    /// Where to wait for a word: before-shift, before-end, both with a comma, or none.
    #[arg(long, value_name = "GATES", value_parser = waits, default_value = "before-shift,before-end")]
    gate: Gates,
    /// What to do when things turn bad while shifted.
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "hold",
        value_parser = listed::<OnRegression>(&["hold", "rollback"])
    )]
    on_regression: OnRegression,
    /// How long a run may be held before it lets go of the pins of the fleet that carries traffic.
    #[arg(long, value_name = "DURATION", value_parser = parse_span, default_value = "30m")]
    max_hold: Duration,
    #[command(flatten)]
    common: CommonArgs,
}

/// Percentages; a type of its own, since clap would take a list for several values.
#[derive(Clone, Debug)]
pub(super) struct Schedule(Vec<u8>);

/// Gates; likewise.
#[derive(Clone, Debug)]
pub(super) struct Gates(BTreeSet<Gate>);

impl VerbCommand {
    /// Its verb.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Reregister { .. } => Verb::Reregister,
            Self::Repair { .. } => Verb::Repair,
            Self::Deregister { .. } => Verb::Deregister,
            Self::Drain { .. } => Verb::Drain,
            Self::Undrain { .. } => Verb::Undrain,
            Self::Cutover { .. } => Verb::Cutover,
            Self::Rollback { .. } => Verb::Rollback,
            Self::Takeover { .. } => Verb::Takeover,
        }
    }

    /// What every verb takes.
    pub fn act(&self) -> &ActArgs {
        match self {
            Self::Reregister { act, .. }
            | Self::Repair { act, .. }
            | Self::Deregister { act, .. }
            | Self::Drain { act, .. }
            | Self::Undrain { act, .. }
            | Self::Cutover { act, .. }
            | Self::Rollback { act, .. }
            | Self::Takeover { act, .. } => act,
        }
    }

    /// What is wanted, its texts resolved; `last` is the run that a rollback without one means.
    ///
    /// # Errors
    /// A text stands for nothing, or for several things.
    pub fn intent(&self, picture: &Picture<'_>, last: Option<&RunId>) -> Result<Intent, Refusal> {
        let nodes = |texts: &Vec<String>| resolve::nodes(texts, picture);
        Ok(match self {
            Self::Reregister { nodes: texts, .. } => Intent::Reregister { nodes: nodes(texts)? },
            Self::Repair { stack, .. } => Intent::Repair { stack: stack.clone() },
            Self::Deregister { members, .. } => {
                Intent::Deregister { members: entries(members, picture)? }
            }
            Self::Drain { nodes: texts, .. } => Intent::Drain { nodes: nodes(texts)? },
            Self::Undrain { nodes: texts, .. } => Intent::Undrain { nodes: nodes(texts)? },
            Self::Cutover { from, to, .. } => {
                Intent::Cutover { from: from.clone(), to: to.clone() }
            }
            Self::Rollback { run, .. } => {
                let named = run.as_ref().map(RunId::from);
                Intent::Rollback { run: named.or_else(|| last.cloned()).ok_or_else(no_run)? }
            }
            Self::Takeover { lock, rollback: true, .. } => {
                resolve::left_run(lock.as_deref(), picture)?
            }
            Self::Takeover { lock, .. } => {
                Intent::Takeover { lock: resolve::lock(lock.as_deref(), picture)? }
            }
        })
    }

    /// How.
    pub fn options(&self) -> Options {
        let act = self.act();
        let mut options = Options {
            overrides: act.overrides.iter().copied().collect(),
            reason: act.reason.clone(),
            ..Options::default()
        };
        match self {
            Self::Drain { drain, .. } => {
                options.method = drain.method;
                options.at_a_time = drain.at_a_time;
                drain.common.write(&mut options);
            }
            Self::Cutover { cutover, .. } => {
                options.strategy = cutover.strategy;
                options.schedule = cutover.schedule.as_ref().map(|of| of.0.clone());
                options.settle = cutover.settle;
                options.window = cutover.window;
                options.bake = cutover.bake;
                options.gates.clone_from(&cutover.gate.0);
                options.on_regression = cutover.on_regression;
                options.max_hold = cutover.max_hold;
                cutover.common.write(&mut options);
            }
            Self::Takeover { holder_is_dead, rollback, .. } => {
                options.holder_is_dead.clone_from(holder_is_dead);
                options.with_rollback = *rollback;
            }
            _ => {}
        }
        options
    }
}

impl CommonArgs {
    fn write(&self, options: &mut Options) {
        options.min_healthy = self.min_healthy;
        options.remove_members = self.remove_members;
    }
}

fn entries(texts: &[String], picture: &Picture<'_>) -> Result<Vec<InstanceId>, Refusal> {
    resolve::members(texts, picture)
}

fn no_run() -> Refusal {
    use crate::core::plan::RefusalKind::Usage;
    Refusal::new(Usage, "this host has not run anything", "Name the run: `rollback RUN`.")
}

/// A parser for words that a type knows, which clap lists and completes.
fn listed<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

fn steps(text: &str) -> Result<Schedule, BadWord> {
    schedule(text).map(Schedule)
}

fn waits(text: &str) -> Result<Gates, BadWord> {
    gates(text).map(Gates)
}
