//! Marks: which nodes stay drained on purpose once a run's lock is gone, and what is suspended for
//! them, on a record of its own.

use super::{Engine, Flow};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::{InstanceId, NamespaceId};
use crate::core::observed::Observed;
use crate::core::plan::Reads;
use crate::core::record::{self, LockRecord};
use crate::core::source::Scope;
use crate::exec::lock::{self, Taking, Wanted};
use std::collections::BTreeSet;

/// What the service is described as.
const DESCRIPTION: &str = "Nodes that runs of quarterdeck drained on purpose.";

impl Engine {
    /// Writes the marks.
    pub(super) async fn keep_marks(&mut self) -> Flow<()> {
        let Some(scope) = self.approved.plan.scopes().next().cloned() else { return Ok(()) };
        let restored = self.ledger.restored.clone();
        // Nodes that the run before took out, and that its rollback has not brought back yet.
        let old = self.old.iter().flat_map(|old| &old.ledger.drained);
        let out = old.filter(|id| !restored.contains(*id));
        let drained: BTreeSet<InstanceId> =
            self.ledger.drained.iter().chain(out).cloned().collect();
        if drained.is_empty() && restored.is_empty() {
            return Ok(());
        }
        let (namespace, name) = (self.namespace().await?, record::marks_name(&scope));
        if drained.is_empty() && !self.has_marks(&namespace, &name).await? {
            return Ok(());
        }
        loop {
            match self.write_marks(&namespace, &name, (&drained, &restored)).await {
                Ok(()) => return Ok(()),
                Err(error) => self.after_lock_failure(&error, "mark the drained nodes").await?,
            }
        }
    }

    /// Whether nodes are marked; where it cannot be told, it is asked for by its name.
    async fn has_marks(&mut self, namespace: &NamespaceId, name: &str) -> Flow<bool> {
        let mut reads = Reads::default();
        reads.scopes.insert(Scope::Services(namespace.clone()));
        let missing = self.look(&reads).await?;
        let services = self.eye.inventory().services.get(namespace).and_then(Observed::value);
        let named = services.into_iter().flatten().any(|one| &*one.name == name);
        Ok(named || !missing.is_empty())
    }

    async fn write_marks(
        &self,
        namespace: &NamespaceId,
        name: &str,
        (drained, restored): (&BTreeSet<InstanceId>, &BTreeSet<InstanceId>),
    ) -> Result<(), SourceError> {
        let request = self.request_of(name);
        let wanted = Wanted { name, request: &request, description: DESCRIPTION };
        // Marks are no run's own: whoever holds the lock may write them.
        let (service, had) = match lock::take(&self.aws, namespace, wanted).await? {
            Taking::Ours(service) => {
                let had = lock::attributes(&self.aws, &service).await?;
                (service, had)
            }
            Taking::Theirs(service, had) => (service, had),
            Taking::Free => {
                let said = "the marks were removed at this moment";
                return Err(SourceError::new(ErrorKind::NotFound, "GetService", said));
            }
        };
        let mut suspended = LockRecord::of(&had).suspended;
        for (group, processes) in &self.ledger.resumed {
            suspended.entry(group.clone()).or_default().retain(|one| !processes.contains(one));
        }
        for (group, processes) in self.suspended() {
            suspended.entry(group).or_default().extend(processes);
        }
        suspended.retain(|_, processes| !processes.is_empty());
        let marked = record::drained(&had);
        let now: BTreeSet<InstanceId> = marked
            .union(drained)
            .filter(|id| !restored.contains(id) || drained.contains(*id))
            .cloned()
            .collect();
        if now.is_empty() && suspended.is_empty() {
            lock::remove(&self.aws, &service).await?;
            return Ok(());
        }
        lock::say(&self.aws, &service, &had, &record::marks(&now, &suspended)).await
    }
}
