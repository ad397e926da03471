//! Pins: processes of an Auto Scaling group that are suspended while a run needs it to stand still.
//! Only what we suspended is resumed, and never while a resume would replace instances.

use super::draft::{Do, Draft};
use crate::core::ids::{GroupName, StackId};
use crate::core::plan::view::listed;
use crate::core::plan::{Claim, FactKind, Mutation};
use std::collections::BTreeSet;

/// What the giving fleet must not do: start, stop or replace nodes that traffic still rests on.
pub(super) const GIVING: [&str; 4] =
    ["AZRebalance", "AlarmNotification", "ScheduledActions", "InstanceRefresh"];
/// What the receiving fleet must not do; it must be free to scale out.
pub(super) const RECEIVING: [&str; 3] = ["AZRebalance", "ScheduledActions", "InstanceRefresh"];
/// What would replace nodes that are not healthy yet, or not registered on purpose.
pub const REPLACING: [&str; 2] = ["HealthCheck", "ReplaceUnhealthy"];

/// Pins of a plan: what it suspended in which group.
pub(super) type Pinned = Vec<(GroupName, BTreeSet<String>)>;

/// That what was suspended still is, for as long as traffic is watched: somebody else may resume it.
pub(super) fn held(pinned: &Pinned) -> Vec<Claim> {
    let claim = |(group, processes): &(GroupName, BTreeSet<String>)| Claim::Suspended {
        group: group.clone(),
        suspended: processes.clone(),
        running: BTreeSet::new(),
    };
    pinned.iter().map(claim).collect()
}

impl Draft<'_> {
    /// Suspends processes of a fleet's groups, those apart that are suspended already: they are not
    /// ours to resume.
    pub fn pin(&mut self, stack: &StackId, processes: &[&str], why: &str) -> Pinned {
        let groups: Vec<_> =
            self.picture.groups_of(stack).iter().map(|group| group.name.clone()).collect();
        groups.into_iter().filter_map(|group| self.pin_group(&group, processes, why)).collect()
    }

    /// The same, of one group.
    pub fn pin_group(
        &mut self,
        name: &GroupName,
        processes: &[&str],
        why: &str,
    ) -> Option<(GroupName, BTreeSet<String>)> {
        let group = self.picture.group(name)?;
        let ours: BTreeSet<String> = processes
            .iter()
            .filter(|process| !group.suspended.contains_key(**process))
            .map(|process| (*process).to_owned())
            .collect();
        if ours.is_empty() {
            return None;
        }
        let words: Vec<_> = ours.iter().cloned().collect();
        let step = Do::change(
            format!("suspend {} of {name}", listed(&words)),
            Mutation::Suspend { group: name.clone(), processes: ours.clone() },
        )
        .before(FactKind::Identity, self.place())
        .before(
            FactKind::Identity,
            Claim::Suspended {
                group: name.clone(),
                suspended: BTreeSet::new(),
                running: ours.clone(),
            },
        )
        .after(Claim::Suspended {
            group: name.clone(),
            suspended: ours.clone(),
            running: BTreeSet::new(),
        })
        .at_least(std::time::Duration::ZERO, why)
        .undo(Mutation::Resume { group: name.clone(), processes: ours.clone() });
        self.add(step);
        Some((name.clone(), ours))
    }

    /// Resumes what was suspended.
    pub fn unpin(&mut self, pinned: &Pinned) {
        for (group, processes) in pinned {
            let words: Vec<_> = processes.iter().cloned().collect();
            let replaces = processes.iter().any(|one| REPLACING.contains(&one.as_str()));
            let mut step = Do::change(
                format!("resume {} of {group}", listed(&words)),
                Mutation::Resume { group: group.clone(), processes: processes.clone() },
            )
            .before(FactKind::Identity, self.place())
            .after(Claim::Suspended {
                group: group.clone(),
                suspended: BTreeSet::new(),
                running: processes.clone(),
            })
            .undo(Mutation::Suspend { group: group.clone(), processes: processes.clone() });
            if replaces {
                // What reads Unhealthy would be terminated at once.
                let claim = Claim::AllHealthy { group: group.clone() };
                step = step.before(FactKind::Predicate, claim);
            }
            self.add(step);
        }
    }
}
