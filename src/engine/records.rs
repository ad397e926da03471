//! What runs of any host have left on the registry, as planners and guards are told it: who holds
//! the lock of a scope, which nodes are drained on purpose, what is suspended by whom.

use super::round::Round;
use crate::core::ids::{GroupName, InstanceId};
use crate::core::lock::LockView;
use crate::core::observed::Observed;
use crate::core::plan::{Intent, LockScope, LockStanding, Plan};
use crate::core::record::{LockRecord, drained, is_record, lock_name, scope_of};
use std::collections::{BTreeMap, BTreeSet};

/// The records that are there.
#[derive(Clone, Debug, Default)]
pub struct Records {
    locks: Vec<LockView>,
    /// Nodes that locks and marks say were drained on purpose.
    pub drained: BTreeSet<InstanceId>,
    /// Processes that runs say they have suspended.
    pub pins: BTreeMap<GroupName, BTreeSet<String>>,
    /// Why it cannot be told who holds a lock, where it cannot.
    unknown: Option<String>,
}

impl Records {
    /// Those that a round has read.
    pub fn of(round: &Round) -> Self {
        let inventory = &round.inventory;
        let locks = round.estate.locks.clone();
        let mut this = Self { locks, unknown: unlisted(round), ..Self::default() };
        for service in inventory.all_services().filter(|one| is_record(&one.name)) {
            let slot = inventory.records.get(&service.id).and_then(Observed::value);
            let Some(said) = slot.and_then(|held| held.value.as_deref()) else { continue };
            this.drained.extend(drained(said));
            for (group, processes) in LockRecord::of(said).suspended {
                this.pins.entry(group).or_default().extend(processes);
            }
        }
        this
    }

    /// Who holds the locks that a plan needs: the first that is not free. The run that is being rolled
    /// back may hold them: they are taken over. A lock of the same name counts in every namespace.
    pub fn standing(&self, plan: &Plan, intent: &Intent) -> LockStanding {
        let each = plan.scopes().map(|scope| self.one(scope, intent));
        each.into_iter().find(|of| *of != LockStanding::Free).unwrap_or(LockStanding::Free)
    }

    fn one(&self, scope: &LockScope, intent: &Intent) -> LockStanding {
        let name = lock_name(scope);
        let is_rolled_back = |lock: &&LockView| match (intent, lock.record()) {
            (Intent::Rollback { run }, Some(said)) => run.as_str() == said.run,
            _ => false,
        };
        let mut held = self.locks.iter().filter(|lock| lock.scope == scope_of(&name));
        match (held.find(|lock| !is_rolled_back(lock)), &self.unknown) {
            (Some(lock), _) if lock.is_left() => LockStanding::Left { holder: lock.sentence() },
            (Some(lock), _) => LockStanding::Theirs { holder: lock.sentence() },
            (None, Some(why)) if !matches!(intent, Intent::Rollback { .. }) => {
                LockStanding::Unknown { why: why.clone() }
            }
            (None, _) => LockStanding::Free,
        }
    }

    /// The locks as they are seen.
    pub fn locks(&self) -> &[LockView] {
        &self.locks
    }
}

/// Why the lists that would name a lock are not whole.
fn unlisted(round: &Round) -> Option<String> {
    let namespaces = &round.inventory.namespaces;
    let failed = namespaces.error().map(|error| error.value.to_string());
    let services = round.inventory.services.values().filter_map(Observed::error);
    failed.or_else(|| services.map(|error| error.value.to_string()).next())
}
