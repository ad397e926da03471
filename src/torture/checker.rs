//! What must hold, by the checker's own knowledge of world and schedule and never by the engine's
//! words: who may write, what a write may do to those who are served, what must be on disk before.

use crate::core::run::RunId;
use crate::sim::View;
use std::collections::BTreeMap;
use std::time::Duration;

/// A write that took effect.
pub(super) struct Write<'a> {
    pub call: &'a str,
    pub arguments: &'a str,
    pub host: &'a str,
    /// The run whose process sent it; none, where a console did.
    pub run: Option<&'a RunId>,
    /// What its journal has on disk for good.
    pub journal: Option<&'a [u8]>,
    /// When its machine was last paused, from and until.
    pub pause: Option<(Duration, Duration)>,
    pub now: Duration,
}

/// What was found broken so far.
#[derive(Debug, Default)]
pub(super) struct Checker {
    /// Each as a sentence.
    pub broken: Vec<String>,
    /// The pauses that a stale call was excused by.
    excused: BTreeMap<String, Duration>,
}

impl Checker {
    /// Notes that something does not hold.
    pub(super) fn fail(&mut self, at: Duration, what: String) {
        self.broken.push(format!("at {} ms: {what}", at.as_millis()));
    }

    /// Judges a write.
    pub(super) fn wrote(&mut self, write: &Write<'_>, before: &View, after: &View) {
        let on_registry = [
            "CreateService",
            "DeleteService",
            "UpdateServiceAttributes",
            "DeleteServiceAttributes",
        ];
        let Some(run) = write.run else {
            self.fail(write.now, format!("{} by a console on {}", write.call, write.host));
            return;
        };
        if on_registry.contains(&write.call) {
            return;
        }
        self.explained(write, run);
        self.alone(write, run, before);
        self.served(write, before, after);
    }

    /// The intent is on disk before the call is sent.
    fn explained(&mut self, write: &Write<'_>, run: &RunId) {
        let journal = String::from_utf8_lossy(write.journal.unwrap_or_default()).into_owned();
        let intents = journal.lines().filter(|line| line.contains("\"entry\":\"intent\""));
        let outcomes = journal.lines().filter(|line| line.contains("\"entry\":\"outcome\""));
        let (intents, outcomes) = (intents.count(), outcomes.count());
        if intents <= outcomes {
            let what = format!("{} of run {run} without an intent on disk", write.call);
            self.fail(write.now, what);
        }
    }

    /// Only the holder of the lock writes; one call that was on its way while its machine stood still
    /// cannot be called back.
    fn alone(&mut self, write: &Write<'_>, run: &RunId, before: &View) {
        let mut locks =
            before.records.values().filter(|(name, ..)| name.starts_with("quarterdeck-lock-"));
        let ours = locks.any(|(_, request, _)| request.starts_with(run.as_str()));
        if ours {
            return;
        }
        let lately = write
            .pause
            .filter(|(_, until)| write.now.saturating_sub(*until) < Duration::from_secs(2));
        if let Some((from, _)) = lately
            && self.excused.insert(write.host.to_owned(), from) != Some(from)
        {
            return;
        }
        let what = format!("{} of run {run} on {} without its lock", write.call, write.host);
        self.fail(write.now, what);
    }

    /// No listener that had a healthy target where it sends is left without one by our doing.
    fn served(&mut self, write: &Write<'_>, before: &View, after: &View) {
        for (listener, groups) in &after.listeners {
            let had = before.listeners.get(listener).map_or(0, |of| healthy(of, before));
            if had > 0 && healthy(groups, after) == 0 {
                let what = format!(
                    "{} {} leaves {listener} without a healthy target",
                    write.call, write.arguments
                );
                self.fail(write.now, what);
            }
        }
    }
}

/// Healthy targets of the groups that have weight.
fn healthy(groups: &[(String, u32)], view: &View) -> usize {
    let carrying = groups.iter().filter(|(_, weight)| *weight > 0);
    carrying.filter_map(|(arn, _)| view.healthy.get(arn)).sum()
}
