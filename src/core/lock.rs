//! Locks as they are seen: who is at work on a load balancer, what for, where they are, and whether
//! they have fallen silent. What a lock's record may say is in `record`; here is what it means.

use super::ids::{ServiceId, StackId};
use super::observed::{Why, age};
use super::record::LockRecord;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A heartbeat that is older than this by its own host's clock is worth a word at first sight. Whether
/// its run is dead is told by watching it, and never by two hosts' clocks.
pub const SEEMS_SILENT: Duration = Duration::from_secs(180);

/// A lock that somebody holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LockView {
    /// Its Cloud Map service: the fencing token.
    pub service_id: ServiceId,
    /// What it is held on: the load balancer's name, or the namespace's id.
    pub scope: String,
    /// The fleets that share it: no other run can be at work on them.
    pub fleets: Vec<StackId>,
    /// What its record says, or why that is not known now.
    pub said: Result<LockRecord, Why>,
    /// Since when its run has said nothing; `None` where that is not known now.
    pub quiet_since: Option<Timestamp>,
    /// For how long this watcher has seen its heartbeat unchanged, by its own clock.
    #[serde(default)]
    pub unchanged_for: Duration,
    /// Whether its run is dead: its heartbeat has been watched for long enough without a change, by
    /// reads that are young enough.
    pub left: bool,
    /// Whether it seems to be, by the time that its heartbeat gives and without a watch: a hint that
    /// nothing is decided by.
    #[serde(default)]
    pub silent: bool,
    /// When the record was read.
    pub observed_at: Option<Timestamp>,
}

impl LockView {
    /// The record, where it is known.
    pub fn record(&self) -> Option<&LockRecord> {
        self.said.as_ref().ok()
    }

    /// The fleet whose name is typed to take the lock over: the one that its run changes or that gives;
    /// where the record does not say, the first that shares it.
    pub fn giving(&self) -> Option<&StackId> {
        self.record().and_then(|said| said.giving.as_ref()).or_else(|| self.fleets.first())
    }

    /// The fleets that a finding about it is about: those its run is about, else all that share it.
    pub fn concerns(&self) -> impl Iterator<Item = &StackId> {
        let named =
            self.record().into_iter().flat_map(|said| said.giving.iter().chain(&said.receiving));
        let none = self.record().is_none_or(|said| said.giving.is_none());
        named.chain(self.fleets.iter().filter(move |_| none))
    }

    /// Whether it is shown as left by a dead run: it is, or seems so at first sight.
    pub fn is_left(&self) -> bool {
        self.left || self.silent
    }

    /// For how long its run has said nothing.
    pub fn quiet(&self, now: Timestamp) -> Option<Duration> {
        self.quiet_since.map(|since| age(since, now))
    }

    /// Who holds it, in a fragment: "ana@bastion-7 (run …) for cutover blue to green".
    pub fn holder(&self) -> String {
        match &self.said {
            Ok(said) => said.holder_text(),
            Err(why) => format!("somebody (its record: {why})"),
        }
    }

    /// Who else is on this, in a sentence that changes only when something does: how long ago the run
    /// was heard of is for whoever shows it to add.
    pub fn sentence(&self) -> String {
        let step = self.record().map(|said| said.step.as_str()).filter(|step| !step.is_empty());
        let step = step.map(|step| format!(", at step {step}")).unwrap_or_default();
        let (holder, scope) = (self.holder(), &self.scope);
        if self.is_left() {
            let since = self.quiet_since.map(|at| at.strftime("%H:%M:%S UTC").to_string());
            let since = since.map(|since| format!(", silent since {since}")).unwrap_or_default();
            return format!("{holder} left the lock on {scope}{step}{since}.");
        }
        format!("{holder} holds the lock on {scope}{step}.")
    }
}

impl LockRecord {
    /// Who, which run and why, in a fragment.
    pub fn holder_text(&self) -> String {
        let or = |text: &str, other: &str| {
            if text.is_empty() { other.to_owned() } else { text.to_owned() }
        };
        let run = if self.run.is_empty() { String::new() } else { format!(" (run {})", self.run) };
        let reason =
            if self.reason.is_empty() { String::new() } else { format!(" for {}", self.reason) };
        format!("{}{run}{reason}", or(&self.holder, "somebody"))
    }

    /// What a dead run has left, in fragments: what is suspended, which listeners it wrote, which
    /// nodes it took out.
    pub fn leaves(&self) -> Vec<String> {
        let counted = |number: usize, one: &str| match number {
            1 => format!("1 {one}"),
            _ => format!("{number} {one}s"),
        };
        let mut all = Vec::new();
        let pins = self.suspended.values().filter(|processes| !processes.is_empty()).count();
        if pins > 0 {
            all.push(format!("{} pinned", counted(pins, "Auto Scaling group")));
        }
        if !self.previous.is_empty() {
            all.push(format!("{} written", counted(self.previous.len(), "listener action")));
        }
        if !self.drained.is_empty() {
            all.push(format!("{} drained", counted(self.drained.len(), "node")));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(said: Result<LockRecord, Why>) -> LockView {
        LockView {
            service_id: "srv-1".into(),
            scope: "front".into(),
            fleets: vec!["blue".into(), "green".into()],
            said,
            quiet_since: Some(Timestamp::UNIX_EPOCH),
            unchanged_for: Duration::ZERO,
            left: false,
            silent: false,
            observed_at: None,
        }
    }

    #[test]
    fn who_else_is_on_this_is_said_with_as_much_as_is_known() {
        let said = LockRecord {
            holder: "ana@bastion".into(),
            reason: "cutover blue to green".into(),
            run: "r-1".into(),
            step: "4/14 shift".into(),
            giving: Some("blue".into()),
            receiving: Some("green".into()),
            ..LockRecord::default()
        };
        let known = lock(Ok(said));
        let who = "ana@bastion (run r-1) for cutover blue to green";
        let step = "the lock on front, at step 4/14 shift";
        assert_eq!(known.sentence(), format!("{who} holds {step}."));
        let left = LockView { left: true, ..known };
        assert_eq!(left.sentence(), format!("{who} left {step}, silent since 00:00:00 UTC."));
        assert_eq!(left.concerns().count(), 2);
        let empty = lock(Ok(LockRecord::default()));
        assert_eq!(empty.sentence(), "somebody holds the lock on front.");
        assert_eq!(empty.giving(), Some(&"blue".into()));
        let unread = lock(Err(Why::Stale));
        assert_eq!(unread.sentence(), "somebody (its record: stale) holds the lock on front.");
        assert_eq!(unread.quiet(Timestamp::from_second(40).unwrap()).unwrap().as_secs(), 40);
    }
}
