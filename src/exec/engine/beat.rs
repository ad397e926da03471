//! What the locks tell other hosts of this run, as the engine knows it.

use super::{Engine, Flow, Stop};
use crate::core::error::ErrorKind;
use crate::core::record::LockRecord;
use crate::core::run::HoldReason;

impl Engine {
    /// Hands the heart what its next beat says; where it is to be known at once, that is written now.
    /// That it could not be written stops nothing: whether the locks are ours is asked before every
    /// mutation.
    pub(super) async fn beat(&mut self, at_once: bool) {
        self.tell_heart();
        if at_once
            && !self.ledger.locks.is_empty()
            && let Err(error) = self.heart.beat().await
        {
            tracing::warn!(%error, "the lock's record could not be kept up to date");
        }
    }

    pub(super) fn tell_heart(&self) {
        self.heart.tell(self.ledger.locks.values().cloned().collect(), self.record());
    }

    /// Nothing is changed by a run whose heart no other host can hear: it would be taken for dead.
    /// A way back is not kept waiting for that, and neither is an end.
    pub(super) async fn first_beat(&mut self) -> Flow<()> {
        self.tell_heart();
        while !self.heart.has_beaten() {
            let Err(error) = self.heart.beat().await else { break };
            if self.ledger.aborting || self.goes_back() {
                tracing::warn!(%error, "the first heartbeat could not be written");
                break;
            }
            if error.kind == ErrorKind::NotFound {
                let because = "the lock is gone: it was taken over before its first heartbeat";
                return Err(Stop::Hold(HoldReason::LockLost, because.to_owned()));
            }
            self.after_lock_failure(&error, "write the lock's first heartbeat").await?;
        }
        Ok(())
    }

    /// Whether this run may send anything: one whose heartbeats are not accepted may be taken for dead
    /// by another host, at the very moment. A way back is not kept waiting for that, and neither is an
    /// end.
    pub(super) async fn is_heard(&mut self) -> bool {
        if self.ledger.aborting || self.goes_back() || self.heart.is_heard() {
            return true;
        }
        self.beat(true).await;
        self.heart.is_heard()
    }

    /// Who holds the locks: the user, and the host that must be gone for good before they are taken.
    pub(super) fn holder(&self) -> String {
        let user = super::asks::name(&self.by);
        self.by.host.as_ref().map_or_else(|| user.clone(), |host| format!("{user}@{host}"))
    }

    fn record(&self) -> LockRecord {
        let plan = self.plan();
        let of = plan.steps.len();
        let at = self.ledger.began.keys().next_back().copied().unwrap_or_default();
        let title = plan.steps.iter().find(|step| step.number == at).map(|step| &step.title);
        let held = self.ledger.held.as_ref().map(|(reason, ..)| format!(", held: {reason}"));
        LockRecord {
            holder: self.holder(),
            reason: plan.options.reason.clone().unwrap_or_else(|| {
                let giving = plan.giving.as_ref().map(|one| format!(" {one}")).unwrap_or_default();
                let to = plan.receiving.as_ref().map(|one| format!(" to {one}"));
                format!("{}{giving}{}", plan.intent.verb(), to.unwrap_or_default())
            }),
            run: self.run.to_string(),
            step: format!(
                "{at}/{of} {}{}",
                title.map_or("", String::as_str),
                held.unwrap_or_default()
            ),
            heartbeat: None,
            giving: plan.giving.clone(),
            receiving: plan.receiving.clone(),
            suspended: self.suspended(),
            // What the run that is rolled back did is still what another host needs to recover.
            previous: {
                let old = self.old.iter().flat_map(|old| &old.ledger.previous);
                let own = self.ledger.previous.iter();
                let own = own.filter(|(of, _)| !old.clone().any(|(action, _)| action == of));
                old.clone().chain(own).cloned().collect()
            },
            drained: {
                let old = self.old.iter().flat_map(|old| &old.ledger.drained);
                let out = old.filter(|id| !self.ledger.restored.contains(*id));
                out.chain(&self.ledger.drained).cloned().collect()
            },
        }
    }
}
