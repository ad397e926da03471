//! The end of a drain: out of the load balancer is not safe to stop, so each node is looked at once
//! more, and the verdict, what is against it and what gets it there stand in the journal.

use super::{Engine, Flow};
use crate::core::ids::InstanceId;
use crate::core::observed::age;
use crate::core::plan::Verb;
use crate::core::rings::{StopVerdict, safe_to_stop};
use crate::core::run::journal::Entry;
use std::time::Duration;

/// Two counts of requests are needed, half a minute apart; whatever is not known after so long is
/// said to be unknown.
const LOOKS_FOR: Duration = Duration::from_secs(90);

impl Engine {
    /// Looks whether the nodes that a drain took out may be stopped, and notes it.
    pub(super) async fn say_safe_to_stop(&mut self) -> Flow<()> {
        let drains = self.plan().intent.verb() == Verb::Drain;
        if !drains || self.ledger.judged || self.ledger.drained.is_empty() {
            return Ok(());
        }
        let ids: Vec<InstanceId> = self.ledger.drained.iter().cloned().collect();
        let fleet = self.plan().giving.clone();
        let start = self.clock.now();
        loop {
            self.eye.look_at_nodes(&ids, fleet.as_ref()).await;
            let told: Vec<_> = self.eye.show(|picture| {
                ids.iter().map(|id| (id.clone(), safe_to_stop(*picture, id))).collect()
            });
            let open = told.iter().any(|(_, told)| told.verdict == StopVerdict::Unknown);
            if !open || !self.settings.probes.enabled || age(start, self.clock.now()) > LOOKS_FOR {
                return Ok(self.note(Entry::SafeToStop { nodes: told })?);
            }
            self.pause(LOOKS_FOR / 6).await?;
        }
    }
}
