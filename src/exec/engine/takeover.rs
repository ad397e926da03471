//! Taking locks over from a run of whatever host: by their ids, so that of two who do so the second is
//! told that they are gone and stops; written down before the call, as every change is.

use super::{Engine, Flow, Stop};
use crate::core::error::ErrorKind;
use crate::core::ids::ServiceId;
use crate::core::plan::{Intent, LeftLock, LockScope};
use crate::core::record::{self, LockRecord, lock_name};
use crate::core::run::journal::Entry;
use crate::core::run::rules::{Watch, holder_is_dead};
use crate::exec::lock;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a heartbeat is read while it is watched.
const LOOK: Duration = Duration::from_secs(5);
const LOOK_REAL: Duration = Duration::from_millis(300);
/// In a faster world than this, silence is still counted by it: a process on a busy machine must
/// not be taken for dead within a second of real time.
const FASTEST: f64 = 30.0;

impl Engine {
    /// The locks that the plan takes over and that are not ours yet.
    fn left(&self) -> Vec<LeftLock> {
        let plan = &self.approved.plan;
        let Intent::Takeover { lock } = &plan.intent else { return Vec::new() };
        let mut left = plan.left.clone();
        // Plans of older versions name one.
        if let Some(scope) = plan.lock.clone().filter(|_| left.is_empty()) {
            let beat = plan.inherits.as_ref().and_then(|said| said.heartbeat);
            let (service, unchanged_for) = (lock.clone(), Duration::ZERO);
            left.push(LeftLock { scope, service, beat, unchanged_for });
        }
        left.retain(|one| !self.ledger.locks.contains_key(&lock_name(&one.scope)));
        left
    }

    /// Watches the holders of the locks that are to be taken over until each counts as dead, by this
    /// process's own clock. Whoever planned may have watched long enough already, and the operator
    /// may have said by name that the host is gone.
    pub(super) async fn watch_holders(&mut self) -> Flow<()> {
        let left = self.left();
        let rate = self.settings.clock.as_ref().map_or(1.0, |clock| clock.rate).max(1.0);
        let mut watches: BTreeMap<ServiceId, (Watch, Duration)> = BTreeMap::new();
        loop {
            let mut all_dead = true;
            for one in &left {
                let now = self.clock.real_elapsed();
                let Some(said) = self.what_it_says(&one.service).await? else {
                    // A try of an earlier process may have removed it already.
                    if self.ledger.taking.contains(one.service.as_str()) {
                        continue;
                    }
                    return Err(gone(one.service.as_str()));
                };
                if self.is_named_dead(&said)? {
                    continue;
                }
                let known = watches.get(&one.service).copied();
                let known = known.unwrap_or((planned(one), now));
                let passed = now.saturating_sub(known.1).mul_f64(rate.min(FASTEST));
                let watch = known.0.read_again(said.heartbeat, passed);
                if watch.beat != known.0.beat {
                    return Err(self.lock_is_held(alive(&said)));
                }
                all_dead &= holder_is_dead(&watch);
                watches.insert(one.service.clone(), (watch, now));
            }
            if all_dead {
                return Ok(());
            }
            self.pause(LOOK.max(LOOK_REAL.mul_f64(rate))).await?;
        }
    }

    /// Whether the operator has said that the holder's host is gone for good.
    fn is_named_dead(&mut self, said: &LockRecord) -> Flow<bool> {
        match (&self.approved.plan.options.holder_is_dead, said.host()) {
            (None, _) => Ok(false),
            (Some(named), Some(host)) if named == host => Ok(true),
            (Some(named), _) => {
                let because = format!(
                    "the lock is held by {}, and {named} is what was said to be gone",
                    said.holder_text()
                );
                Err(self.lock_is_held(because))
            }
        }
    }

    /// Removes the lock of a scope that is to be taken over. Afterwards the name is free, and the lock
    /// is asked for as ever.
    pub(super) async fn take_over_left(&mut self, scope: &LockScope) -> Flow<()> {
        let name = lock_name(scope);
        for one in self.left().into_iter().filter(|one| lock_name(&one.scope) == name) {
            match self.what_it_says(&one.service).await? {
                Some(said) => self.take_over(one.service.as_str(), &said).await?,
                None if self.ledger.taking.contains(one.service.as_str()) => {}
                None => return Err(gone(one.service.as_str())),
            }
        }
        Ok(())
    }

    /// Removes a lock by its id.
    pub(super) async fn take_over(&mut self, token: &str, said: &LockRecord) -> Flow<()> {
        let (token, from) = (token.to_owned(), said.holder_text());
        let mut tried = self.ledger.taking.contains(&token);
        if !tried {
            self.note(Entry::TakingOver { token: token.clone(), from })?;
        }
        loop {
            match lock::remove(&self.aws, &token).await {
                Ok(true) => return Ok(()),
                Ok(false) if tried => return Ok(()),
                Ok(false) => return Err(gone(&token)),
                Err(error) => {
                    // It may have been carried out all the same.
                    tried |= !matches!(error.kind, ErrorKind::Throttled | ErrorKind::Denied);
                    self.after_lock_failure(&error, "take the lock over").await?;
                }
            }
        }
    }

    /// What a lock's record says now; `None` where the lock is gone.
    async fn what_it_says(&mut self, lock: &ServiceId) -> Flow<Option<LockRecord>> {
        loop {
            let said = match lock::read(&self.aws, lock.as_str()).await {
                Ok(None) => return Ok(None),
                Ok(Some(service)) => lock::attributes(&self.aws, lock.as_str())
                    .await
                    .map(|said| record::or_born(said, &service.description)),
                Err(error) => Err(error),
            };
            match said {
                Ok(said) => return Ok(Some(LockRecord::of(&said))),
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
                Err(error) => {
                    self.after_lock_failure(&error, "read the lock's record").await?;
                }
            }
        }
    }
}

/// What the planner had watched.
fn planned(of: &LeftLock) -> Watch {
    Watch { beat: of.beat, unchanged_for: of.unchanged_for }
}

fn alive(said: &LockRecord) -> String {
    let at = said.heartbeat.map(|at| format!(", at {at} by its own clock")).unwrap_or_default();
    format!("{} is alive: its heartbeat changed{at}; its lock was not touched", said.holder_text())
}

fn gone(token: &str) -> Stop {
    Stop::Fail(format!(
        "the lock {token} is gone: somebody else took it over, or its run gave it back; nothing was changed"
    ))
}
