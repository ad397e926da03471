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

/// A change of weights or attachments that no run of ours made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficChange {
    /// What changed, as a fragment: "weights of front:3100 went from … to …".
    pub what: String,
    /// The listener, where it was one.
    pub listener: Option<ListenerArn>,
    /// The group, where it was an attachment.
    pub group: Option<GroupName>,
    /// When the old state was last seen.
    pub after: Timestamp,
    /// When the new state was first seen.
    pub seen: Timestamp,
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
}

impl Memory {
    /// Drops what is too old to be kept.
    pub fn forget_old(&mut self, now: Timestamp) {
        self.services.retain(|_, seen| age(*seen, now) <= SERVICES_KEPT);
        self.listeners.retain(|_, (seen, _)| age(*seen, now) <= SERVICES_KEPT);
        self.attachments.retain(|_, (seen, _)| age(*seen, now) <= SERVICES_KEPT);
        self.changes.retain(|change| age(change.seen, now) <= CHANGES_SHOWN);
    }

    /// Compares listeners with what they were when last seen, and keeps the new state.
    pub(super) fn notice_listeners(&mut self, listeners: &[Listener], at: Timestamp) {
        for listener in listeners {
            let last = self.listeners.insert(listener.arn.clone(), (at, listener.default.clone()));
            let Some((after, last)) = last else { continue };
            if last.groups == listener.default.groups {
                continue;
            }
            self.changes.push(TrafficChange {
                what: format!(
                    "the weights of {}:{} went from {} to {}",
                    arn_name(listener.load_balancer.as_str()),
                    listener.port,
                    weights(&last),
                    weights(&listener.default)
                ),
                listener: Some(listener.arn.clone()),
                group: None,
                after,
                seen: at,
            });
        }
        self.forget_old(at);
    }

    /// Compares attachments with what they were when last seen, and keeps the new state.
    pub(super) fn notice_attachments(&mut self, groups: &[AutoScalingGroup], at: Timestamp) {
        for group in groups {
            let now: BTreeSet<_> = group.target_groups.iter().cloned().collect();
            let last = self.attachments.insert(group.name.clone(), (at, now.clone()));
            let Some((after, last)) = last else { continue };
            let names = |set: Vec<&TargetGroupArn>| {
                set.iter().map(|arn| arn_name(arn.as_str())).collect::<Vec<_>>().join(", ")
            };
            let added = names(now.difference(&last).collect());
            let removed = names(last.difference(&now).collect());
            let what = match (added.as_str(), removed.as_str()) {
                ("", "") => continue,
                (added, "") => format!("{} was attached to {added}", group.name),
                ("", removed) => format!("{} was detached from {removed}", group.name),
                (added, removed) => {
                    format!("{} was attached to {added} and detached from {removed}", group.name)
                }
            };
            self.changes.push(TrafficChange {
                what,
                listener: None,
                group: Some(group.name.clone()),
                after,
                seen: at,
            });
        }
        self.forget_old(at);
    }

    /// The changes that are still worth saying.
    pub fn recent_changes(&self, now: Timestamp) -> impl Iterator<Item = &TrafficChange> {
        self.changes.iter().filter(move |change| age(change.seen, now) <= CHANGES_SHOWN)
    }
}

fn weights(forward: &Forward) -> String {
    let all: Vec<_> = forward
        .groups
        .iter()
        .map(|group| format!("{}={}", arn_name(group.target_group.as_str()), group.weight))
        .collect();
    if all.is_empty() { "nothing".into() } else { all.join(" ") }
}
