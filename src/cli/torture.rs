//! `torture`: plays seeds of what may happen to runs, and says what does not hold.

use super::output::{Reader, Streams};
use super::read::unprintable;
use super::{ExitCode, Failure};
use crate::torture::{Play, play};
use clap::Args;
use std::collections::BTreeMap;

/// What `torture` is told.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct TortureArgs {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many seeds, from that one on.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Machines, one of which only looks.
    #[arg(long, default_value_t = 3)]
    hosts: usize,
    /// A seed that has not ended after so much of the world's time has failed.
    #[arg(long, default_value_t = 6)]
    hours: u64,
    /// Print all that happens.
    #[arg(long)]
    trace: bool,
    /// Print how often each fault struck in each phase.
    #[arg(long)]
    table: bool,
}

pub(super) fn run(args: TortureArgs, streams: &mut Streams<'_>) -> Result<ExitCode, Failure> {
    let (mut calls, mut failed) = (0, 0);
    let mut struck: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
    for seed in (args.seed..).take(usize::try_from(args.seeds).unwrap_or(usize::MAX)) {
        let report = play(Play { seed, hosts: args.hosts, hours: args.hours });
        let report = report.map_err(|why| Failure {
            what: format!("play seed {seed}"),
            causes: vec![why],
            next: "Free some memory, then try again.".to_owned(),
            code: ExitCode::Failed,
        })?;
        calls += report.calls;
        let mut text = String::new();
        if args.trace {
            report.log.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        }
        if !report.broken.is_empty() {
            failed += 1;
            report.broken.iter().for_each(|why| text.push_str(&format!("seed {seed}: {why}\n")));
        }
        for (key, times) in report.struck {
            *struck.entry(key).or_default() += times;
        }
        if streams.print(&text).map_err(|error| unprintable(&error))? == Reader::Left {
            return Ok(ExitCode::Done);
        }
    }
    let mut text = String::new();
    if args.table {
        for ((kind, phase), times) in &struck {
            text.push_str(&format!("{kind:14} {phase:10} {times}\n"));
        }
    }
    text.push_str(&format!(
        "{} seeds from {}: {failed} failed; {} calls a seed\n",
        args.seeds,
        args.seed,
        calls / args.seeds.max(1)
    ));
    let _ = streams.print(&text).map_err(|error| unprintable(&error))?;
    Ok(if failed == 0 { ExitCode::Done } else { ExitCode::Failed })
}
