//! Taking a lock over from a run of whatever host: by its id, so that of two who do so the second is
//! told that it is gone and stops; written down before the call, as every change is.

use super::{Engine, Flow, Stop};
use crate::core::error::ErrorKind;
use crate::core::ids::ServiceId;
use crate::core::lock::SILENT;
use crate::core::observed::age;
use crate::core::plan::{GuardName, Intent};
use crate::core::record::LockRecord;
use crate::core::run::journal::Entry;
use crate::exec::lock;

impl Engine {
    /// Takes the planned lock from its holder, where the plan is to take one over. Afterwards the name
    /// is free, and the lock is asked for as ever.
    pub(super) async fn take_over_planned(&mut self) -> Flow<()> {
        let Intent::Takeover { lock } = self.plan().intent.clone() else { return Ok(()) };
        // A try of an earlier process may have removed it already.
        let tried = self.ledger.taking.as_deref() == Some(lock.as_str());
        let Some(said) = self.what_it_says(&lock).await? else {
            return if tried { Ok(()) } else { Err(gone(lock.as_str())) };
        };
        self.must_be_dead(&said)?;
        self.take_over(lock.as_str(), &said).await
    }

    /// Removes a lock by its id.
    pub(super) async fn take_over(&mut self, token: &str, said: &LockRecord) -> Flow<()> {
        let (token, from) = (token.to_owned(), said.holder_text());
        let tried = self.ledger.taking.as_ref() == Some(&token);
        if !tried {
            self.note(Entry::TakingOver { token: token.clone(), from })?;
        }
        loop {
            match lock::remove(&self.aws, &token).await {
                Ok(true) => return Ok(()),
                Ok(false) if tried => return Ok(()),
                Ok(false) => return Err(gone(&token)),
                Err(error) => self.after_failure(&error, "take the lock over").await?,
            }
        }
    }

    /// What the lock's record says now; `None` where the lock is gone.
    async fn what_it_says(&mut self, lock: &ServiceId) -> Flow<Option<LockRecord>> {
        loop {
            match lock::attributes(&self.aws, lock.as_str()).await {
                Ok(said) => return Ok(Some(LockRecord::of(&said))),
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
                Err(error) => self.after_failure(&error, "read the lock's record").await?,
            }
        }
    }

    /// A run that was heard of since the plan was made, or lately by our clock, lives: its lock is
    /// not taken unless the operator has said so by name.
    fn must_be_dead(&self, said: &LockRecord) -> Flow<()> {
        let plan = self.plan();
        if plan.options.overrides.contains(&GuardName::Lock) {
            return Ok(());
        }
        let known = plan.inherits.as_ref().and_then(|left| left.heartbeat);
        let now = self.clock.now();
        let lately = said.heartbeat.is_some_and(|at| age(at, now) <= SILENT);
        if !lately && said.heartbeat == known {
            return Ok(());
        }
        let at = said.heartbeat.map(|at| format!(" at {at}")).unwrap_or_default();
        Err(Stop::Fail(format!(
            "{} is alive: it was heard of{at}; its lock was not touched",
            said.holder_text()
        )))
    }
}

fn gone(token: &str) -> Stop {
    Stop::Fail(format!(
        "the lock {token} is gone: somebody else took it over, or its run gave it back; nothing was changed"
    ))
}
