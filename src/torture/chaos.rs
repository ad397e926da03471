//! What goes wrong, and when: decided by the seed alone, before anything happens.

use super::chance::Chance;
use super::lab::{Lab, Trouble};
use std::time::Duration;

/// Something that goes wrong.
#[derive(Clone, Debug)]
enum Wrong {
    Calls(Trouble, Duration),
    Dies { host: usize, calls: u64 },
    Pause { host: usize, span: Duration },
    Skew { host: usize, seconds: i64 },
    FullDisk { host: usize, span: Duration },
    SlowSync { host: usize, span: Duration },
    World(String),
}

/// All that goes wrong in a seed, by time.
#[derive(Debug)]
pub(super) struct Chaos(Vec<(Duration, Wrong)>);

/// The calls that troubles are about.
const CALLS: [&str; 12] = [
    "",
    "Describe",
    "ModifyListener",
    "SuspendProcesses",
    "ResumeProcesses",
    "CreateService",
    "DeleteService",
    "GetService",
    "ServiceAttributes",
    "ListNamespaces",
    "ListServices",
    "DescribeTargetHealth",
];
const KINDS: [&str; 6] = ["throttle", "deny", "fails_before", "fails_after", "hang", "lost_answer"];

impl Chaos {
    /// What a seed decides: every eighth has nothing go wrong at all.
    pub(super) fn of(seed: u64, hosts: usize) -> Self {
        let mut chance = Chance::new(seed ^ 0xc4a0_5000);
        let count = if seed.is_multiple_of(8) { 0 } else { chance.between(1, 6) };
        let mut all: Vec<(Duration, Wrong)> = (0..count)
            .map(|_| {
                let at = Duration::from_secs(chance.between(70, 900));
                (at, wrong(&mut chance, hosts))
            })
            .collect();
        all.sort_by_key(|(at, _)| *at);
        Self(all)
    }

    /// Lets it all happen.
    pub(super) async fn happen(self, lab: Lab) {
        for (at, wrong) in self.0 {
            tokio::time::sleep(at.saturating_sub(lab.now())).await;
            if lab.lock().well {
                return;
            }
            lab.say("-", &format!("{wrong:?}"));
            strike(&lab, wrong);
        }
    }
}

fn wrong(chance: &mut Chance, hosts: usize) -> Wrong {
    let span = |chance: &mut Chance, most| Duration::from_secs(chance.between(5, most));
    // The first machine is where the run is; the last only looks.
    let host = match chance.one_in(4) {
        true => usize::try_from(chance.next() % hosts.max(1) as u64).unwrap_or_default(),
        false => 0,
    };
    match chance.next() % 12 {
        0..=4 => {
            let span = span(chance, 300);
            let trouble = Trouble {
                kind: chance.pick(&KINDS).unwrap_or("throttle"),
                call: chance.pick(&CALLS).unwrap_or_default(),
                host: chance.one_in(2).then_some(host),
                one_in: chance.between(1, 4),
                until: Duration::ZERO,
            };
            Wrong::Calls(trouble, span)
        }
        5 | 6 => Wrong::Dies { host, calls: chance.between(1, 150) },
        7 => Wrong::Pause { host, span: span(chance, 400) },
        8 => {
            Wrong::Skew { host, seconds: i64::try_from(chance.between(0, 600)).unwrap_or(0) - 300 }
        }
        9 => Wrong::FullDisk { host, span: span(chance, 400) },
        10 => Wrong::SlowSync { host, span: span(chance, 400) },
        _ => Wrong::World(in_the_world(chance)),
    }
}

fn in_the_world(chance: &mut Chance) -> String {
    let node = chance.between(1, 3);
    let fleet = chance.pick(&["blue", "green"]).unwrap_or("green");
    match chance.next() % 3 {
        0 => format!("[[event]]\ndo = \"kill_node\"\nnode = \"{fleet}/{node}\"\n"),
        1 => format!("[[event]]\ndo = \"set_desired\"\ngroup = \"{fleet}-asg\"\ndesired = 4\n"),
        _ => format!(
            "[[event]]\ndo = \"crash_product\"\nnode = \"{fleet}/{node}\"\nproduct = \"loki\"\n"
        ),
    }
}

fn strike(lab: &Lab, wrong: Wrong) {
    let now = lab.now();
    let mut inner = lab.lock();
    let phase = inner.phase;
    let mut count = |kind: &str| *inner.struck.entry((kind.to_owned(), phase)).or_default() += 1;
    match wrong {
        Wrong::Calls(trouble, span) => {
            inner.troubles.push(Trouble { until: now + span, ..trouble });
        }
        Wrong::Dies { host, calls } => {
            count("dies");
            inner.hosts[host].dies_in = Some(calls);
        }
        Wrong::Pause { host, span } => {
            count("pause");
            inner.hosts[host].paused = now + span;
            inner.hosts[host].last_pause = Some((now, now + span));
        }
        Wrong::Skew { host, seconds } => {
            count("skew");
            inner.hosts[host].time.set_offset(seconds);
        }
        Wrong::FullDisk { host, span } => {
            count("full_disk");
            inner.hosts[host].full = true;
            let lab = lab.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(span).await;
                lab.lock().hosts[host].full = false;
            });
        }
        Wrong::SlowSync { host, span } => {
            count("slow_sync");
            inner.hosts[host].stall = Some(span);
        }
        Wrong::World(event) => {
            count("world");
            drop(inner);
            if let Err(error) = lab.world.inject(&event) {
                lab.say("-", &format!("cannot happen: {error}"));
            }
        }
    }
}
