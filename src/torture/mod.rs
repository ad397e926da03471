//! The run engine under every failure: the product's own clients, planners, guards and engine on
//! simulated machines around the embedded world, all in one thread and by a clock that is moved.
//! A seed decides everything that happens, so that whatever it finds can be looked at again.

mod chance;
mod chaos;
mod checker;
mod disk;
mod lab;
mod process;
mod story;

use self::chaos::Chaos;
use self::disk::MemoryDisk;
use self::lab::Lab;
use self::story::Story;
use crate::clock::Clock;
use crate::sim::Embedded;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Names of the machines; the last of those in use only looks.
const NAMES: [&str; 5] = ["ana", "ben", "cem", "dia", "eve"];

/// The world of every seed.
const WORLD: &str = r#"
api_limits = false
[[load_balancer]]
name = "front"
[[service]]
name = "glt"
[[listener]]
product = "grafana"
port = 3000
connections_per_second = 0.0
streams = 0
[[listener]]
product = "loki"
port = 3100
connections_per_second = 0.0
streams = 0
[[fleet]]
stack = "blue"
nodes = 3
weight = 100
[[fleet]]
stack = "green"
nodes = 3
weight = 0
"#;

/// How a seed is played.
#[derive(Clone, Copy, Debug)]
pub struct Play {
    /// The seed.
    pub seed: u64,
    /// How many machines there are.
    pub hosts: usize,
    /// After so much of the world's time it ends in any case.
    pub hours: u64,
}

/// What came of a seed.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What does not hold, as sentences.
    pub broken: Vec<String>,
    /// What happened, a line each.
    pub log: Vec<String>,
    /// Calls to AWS and to nodes.
    pub calls: u64,
    /// How often each fault struck in each phase.
    pub struck: BTreeMap<(String, &'static str), u64>,
}

/// Plays one seed.
///
/// # Errors
/// That there is no runtime, or no world.
pub fn play(play: Play) -> Result<Report, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    let local = tokio::task::LocalSet::new();
    let report = local.block_on(&runtime, one(play));
    drop(local);
    report
}

async fn one(play: Play) -> Result<Report, String> {
    let start = Timestamp::from_second(1_790_000_000).map_err(|error| error.to_string())?;
    let clock = Clock::on_tokio(start, 1.0);
    let text = format!("seed = {}\n{WORLD}", play.seed % 1_000_000);
    let world = Embedded::start(&text, clock.clone()).map_err(|error| error.to_string())?;
    let hosts = play.hosts.clamp(2, NAMES.len());
    let lab = Lab::new(world, clock, play.seed, &NAMES[..hosts]);
    let disks: Vec<MemoryDisk> = (0..hosts).map(|host| MemoryDisk::new(&lab, host)).collect();
    lab.own(disks.clone());
    let chaos = Chaos::of(play.seed, hosts);
    let chaos = tokio::task::spawn_local(chaos.happen(lab.clone()));
    let story = Story::new(&lab, disks).go();
    let limit = Duration::from_secs(play.hours.max(1) * 3_600);
    let ended = tokio::time::timeout(limit, story).await.is_ok();
    chaos.abort();
    let mut inner = lab.lock();
    if !ended {
        let hours = play.hours;
        inner.checker.fail(limit, format!("the story has not come to its end in {hours} h"));
    }
    let report = Report {
        broken: std::mem::take(&mut inner.checker.broken),
        log: std::mem::take(&mut inner.log),
        calls: inner.calls,
        struck: std::mem::take(&mut inner.struck),
    };
    drop(inner);
    lab.own(Vec::new());
    Ok(report)
}
