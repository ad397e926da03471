//! What is worth remembering from one start of the program to the next: which registry services
//! were ours, and how the traffic was wired when last seen. The engine keeps it in a file; a
//! missing file only means that nothing is remembered.

use super::autoscaling::AutoScalingGroup;
use super::elbv2::{Forward, Listener};
use crate::core::ids::{GroupName, ListenerArn, ServiceId, TargetGroupArn, arn_name};
use crate::core::observed::age;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A registry service once seen with a stack key is remembered for so long (contract.md).
const SERVICES_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// A change of traffic by nobody's run is shown for so long after it was first noticed: long
/// enough for a hand-over, short enough that an accepted change stops shouting.
const CHANGES_SHOWN: Duration = Duration::from_secs(3600);

/// A change of weights or attachments, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficChange {
    /// What changed, as a fragment: "weights went from … to …".
    pub what: String,
    /// The listener, where it was one.
    pub listener: Option<ListenerArn>,
    /// The group, where it was an attachment.
    pub group: Option<GroupName>,
    /// What a listener sends to since.
    #[serde(default)]
    pub to: Option<Forward>,
    /// When the old state was last seen.
    pub after: Timestamp,
    /// When the new state was first seen.
    pub seen: Timestamp,
}

/// A write of a run of ours, as its journal tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnWrite {
    /// What was written.
    pub what: Written,
    /// When it was sent.
    pub sent: Timestamp,
    /// When it was seen to be done, or the run was last heard of.
    pub until: Timestamp,
}

/// What a run of ours wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// What a listener sends to.
    Listener(ListenerArn, Forward),
    /// To what a group is attached.
    Group(GroupName),
}

impl OwnWrite {
    /// Whether this write is that change: the old state was last seen before it was done, the new one
    /// first seen after it was sent, and it is what was written.
    fn is(&self, change: &TrafficChange) -> bool {
        let same = match &self.what {
            Written::Group(name) => change.group.as_ref() == Some(name),
            Written::Listener(arn, to) => {
                let now = change.to.as_ref();
                change.listener.as_ref() == Some(arn)
                    && now.is_some_and(|now| by_weight(now) == by_weight(to))
            }
        };
        same && self.sent <= change.seen && change.after <= self.until
    }
}

/// What the program remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Registry services that held a stack key, and when last.
    pub services: BTreeMap<ServiceId, Timestamp>,
    /// Each listener's default action when last seen.
    pub listeners: BTreeMap<ListenerArn, (Timestamp, Forward)>,
    /// Each group's attachments when last seen.
    pub attachments: BTreeMap<GroupName, (Timestamp, BTreeSet<TargetGroupArn>)>,
    /// Changes of either that were noticed.
    pub changes: Vec<TrafficChange>,
    /// What runs of ours wrote of late.
    #[serde(default)]
    pub own: Vec<OwnWrite>,
}

impl Memory {
    /// Drops what is too old to be kept.
    pub fn forget_old(&mut self, now: Timestamp) {
        self.services.retain(|_, seen| age(*seen, now) <= SERVICES_KEPT);
        self.listeners.retain(|_, (seen, _)| age(*seen, now) <= SERVICES_KEPT);
        self.attachments.retain(|_, (seen, _)| age(*seen, now) <= SERVICES_KEPT);
        self.changes.retain(|change| age(change.seen, now) <= CHANGES_SHOWN);
        self.own.retain(|write| age(write.until, now) <= CHANGES_SHOWN);
    }

    /// Takes in what a run of ours wrote; of a write that is known, until when.
    pub fn wrote(&mut self, writes: Vec<OwnWrite>) {
        for write in writes {
            let same = |of: &&mut OwnWrite| (&of.what, of.sent) == (&write.what, write.sent);
            match self.own.iter_mut().find(same) {
                Some(known) => known.until = known.until.max(write.until),
                None => self.own.push(write),
            }
        }
    }

    /// Whether a write is known as it stands.
    pub fn knows(&self, write: &OwnWrite) -> bool {
        self.own.contains(write)
    }

    /// Compares listeners with what they were when last seen, and keeps the new state.
    pub(super) fn notice_listeners(&mut self, listeners: &[Listener], at: Timestamp) {
        for listener in listeners {
            self.notice_listener(listener.arn.clone(), listener.default.clone(), at);
        }
        self.forget_old(at);
    }

    fn notice_listener(&mut self, arn: ListenerArn, forward: Forward, at: Timestamp) {
        let last = self.listeners.insert(arn.clone(), (at, forward.clone()));
        // The order of the groups means nothing.
        let same = |last: &Forward| by_weight(last) == by_weight(&forward);
        let Some((after, last)) = last.filter(|(_, last)| !same(last)) else {
            return;
        };
        self.note(TrafficChange {
            what: format!("weights went from {} to {}", weights(&last), weights(&forward)),
            listener: Some(arn),
            group: None,
            to: Some(forward),
            after,
            seen: at,
        });
    }

    /// Compares attachments with what they were when last seen, and keeps the new state.
    pub(super) fn notice_attachments(&mut self, groups: &[AutoScalingGroup], at: Timestamp) {
        for group in groups {
            let now = group.target_groups.iter().cloned().collect();
            self.notice_attachment(group.name.clone(), now, at);
        }
        self.forget_old(at);
    }

    fn notice_attachment(
        &mut self,
        name: GroupName,
        groups: BTreeSet<TargetGroupArn>,
        at: Timestamp,
    ) {
        let last = self.attachments.insert(name.clone(), (at, groups.clone()));
        let Some((after, last)) = last else { return };
        let names = |set: Vec<&TargetGroupArn>| {
            set.iter().map(|arn| arn_name(arn.as_str())).collect::<Vec<_>>().join(", ")
        };
        let added = names(groups.difference(&last).collect());
        let removed = names(last.difference(&groups).collect());
        let what = match (added.as_str(), removed.as_str()) {
            ("", "") => return,
            (added, "") => format!("{name} was attached to {added}"),
            ("", removed) => format!("{name} was detached from {removed}"),
            (added, removed) => {
                format!("{name} was attached to {added} and detached from {removed}")
            }
        };
        let (listener, group, to) = (None, Some(name), None);
        self.note(TrafficChange { what, listener, group, to, after, seen: at });
    }

    /// Keeps a change. The same change made again (weights that go to and fro) is one, seen last.
    fn note(&mut self, change: TrafficChange) {
        self.changes.retain(|of| {
            (&of.what, &of.listener, &of.group) != (&change.what, &change.listener, &change.group)
        });
        self.changes.push(change);
    }

    /// Takes in what was remembered from an earlier start. What this start has already seen is
    /// compared with it, as if it had been known from the beginning.
    pub fn recall(&mut self, older: Memory, now: Timestamp) {
        let newer = std::mem::replace(self, older);
        self.services.extend(newer.services);
        self.changes.extend(newer.changes);
        self.wrote(newer.own);
        for (arn, (at, forward)) in newer.listeners {
            self.notice_listener(arn, forward, at);
        }
        for (name, (at, groups)) in newer.attachments {
            self.notice_attachment(name, groups, at);
        }
        self.forget_old(now);
    }

    /// The changes that are still worth saying and that no run of ours made.
    pub fn outside_changes(&self, now: Timestamp) -> impl Iterator<Item = &TrafficChange> {
        self.recent_changes(now).filter(|change| !self.own.iter().any(|write| write.is(change)))
    }

    /// The changes that are still worth saying.
    pub fn recent_changes(&self, now: Timestamp) -> impl Iterator<Item = &TrafficChange> {
        self.changes.iter().filter(move |change| age(change.seen, now) <= CHANGES_SHOWN)
    }
}

fn by_weight(forward: &Forward) -> BTreeSet<(&TargetGroupArn, u32)> {
    forward.groups.iter().map(|group| (&group.target_group, group.weight)).collect()
}

fn weights(forward: &Forward) -> String {
    let all: Vec<_> = forward
        .groups
        .iter()
        .map(|group| format!("{}={}", arn_name(group.target_group.as_str()), group.weight))
        .collect();
    if all.is_empty() { "nothing".into() } else { all.join(" ") }
}
