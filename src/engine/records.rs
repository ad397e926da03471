//! What runs of any host have left on the registry, as planners and guards are told it: who holds
//! the lock of a scope, which nodes are drained on purpose, what is suspended by whom.

use super::round::Round;
use crate::config::Settings;
use crate::core::ids::{GroupName, InstanceId, ServiceId};
use crate::core::observed::Observed;
use crate::core::plan::{LockScope, LockStanding};
use crate::core::record::{LockRecord, drained, is_lock, is_record, lock_name};
use crate::exec::records;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The records that are there.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// The locks by their names: what each says, or why it could not be read.
    locks: BTreeMap<Arc<str>, Result<LockRecord, String>>,
    /// Nodes that locks and marks say were drained on purpose.
    pub drained: BTreeSet<InstanceId>,
    /// Processes that runs say they have suspended.
    pub pins: BTreeMap<GroupName, BTreeSet<String>>,
    /// Why it cannot be told who holds a lock, where it cannot.
    unknown: Option<String>,
}

impl Records {
    /// Reads those that a round's lists name.
    pub async fn read(settings: &Settings, round: &Round) -> Self {
        let mut this = Self { unknown: unlisted(round), ..Self::default() };
        let services = round.inventory.all_services().filter(|one| is_record(&one.name));
        let named: BTreeMap<ServiceId, Arc<str>> =
            services.map(|one| (one.id.clone(), Arc::clone(&one.name))).collect();
        if named.is_empty() {
            return this;
        }
        let ids: Vec<ServiceId> = named.keys().cloned().collect();
        let said = match records::read(settings, &ids).await {
            Ok(said) => said,
            Err(error) => {
                this.unknown = Some(error.to_string());
                return this;
            }
        };
        for (id, said) in said {
            let Some(name) = named.get(&id) else { continue };
            if let Ok(attributes) = &said {
                this.drained.extend(drained(attributes));
                for (group, processes) in LockRecord::of(attributes).suspended {
                    this.pins.entry(group).or_default().extend(processes);
                }
            }
            if is_lock(name) {
                let said = said.map(|all| LockRecord::of(&all)).map_err(|error| error.to_string());
                this.locks.insert(Arc::clone(name), said);
            }
        }
        this
    }

    /// Who holds the lock of a scope. The run that is being rolled back may: it is taken over.
    pub fn standing(&self, scope: &LockScope, rolled_back: Option<&str>) -> LockStanding {
        let name = lock_name(scope);
        match (self.locks.get(name.as_str()), &self.unknown) {
            (Some(Ok(said)), _) if rolled_back == Some(said.run.as_str()) => LockStanding::Free,
            (Some(Ok(said)), _) => LockStanding::Theirs {
                holder: format!(
                    "{} for {} (run {}, step {})",
                    said.holder, said.reason, said.run, said.step
                ),
            },
            (Some(Err(why)), _) => {
                LockStanding::Theirs { holder: format!("somebody; its record: {why}") }
            }
            (None, Some(why)) => LockStanding::Unknown { why: why.clone() },
            (None, None) => LockStanding::Free,
        }
    }
}

/// Why the lists that would name a lock are not whole.
fn unlisted(round: &Round) -> Option<String> {
    let namespaces = &round.inventory.namespaces;
    let failed = namespaces.error().map(|error| error.value.to_string());
    let services = round.inventory.services.values().filter_map(Observed::error);
    failed.or_else(|| services.map(|error| error.value.to_string()).next())
}
