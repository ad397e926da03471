//! The locks as the engine uses them: taken by a step, asked for before every mutation, given back
//! by a step. What they tell other hosts is in `heart`.

use super::{Engine, Flow, Stop};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::NamespaceId;
use crate::core::plan::guard::{Effect, Verdict, Weight};
use crate::core::plan::{GuardName, GuardReport, Intent, LockScope, StepAction, Verb};
use crate::core::record::{self, LockRecord, lock_name};
use crate::core::run::HoldReason;
use crate::core::run::journal::Entry;
use crate::exec::lock::{self, Taking, Wanted};
use crate::exec::permissions;

/// A call about a lock that brings no answer is made so often before the run holds.
const LOCK_TRIES: u32 = 20;

impl Engine {
    /// Takes the locks of the plan's scopes, in order. One that another run holds is not waited for.
    pub(super) async fn take_lock(&mut self) -> Flow<()> {
        let scopes: Vec<LockScope> = self.approved.plan.scopes().cloned().collect();
        if scopes.is_empty() {
            return Err(Stop::Fail("the plan takes a lock and does not say which".to_owned()));
        }
        let namespace = self.namespace().await?;
        self.watch_holders().await?;
        for scope in &scopes {
            if self.ledger.locks.contains_key(&lock_name(scope)) {
                continue;
            }
            if let Err(stop) = self.take_one(&namespace, scope).await {
                return Err(self.back_out(stop).await);
            }
        }
        if let Err(stop) = self.must_be_alone(&namespace, &scopes).await {
            return Err(self.back_out(stop).await);
        }
        self.fence().await?;
        self.first_beat().await
    }

    async fn take_one(&mut self, namespace: &NamespaceId, scope: &LockScope) -> Flow<()> {
        let (name, request) = (lock_name(scope), self.request_of(&lock_name(scope)));
        self.take_over_left(scope).await?;
        let born = record::born(&self.holder(), self.run.as_str(), self.clock.now());
        loop {
            let wanted = Wanted { name: &name, request: &request, description: &born };
            match lock::take(&self.aws, namespace, wanted).await {
                Ok(Taking::Ours(token)) => {
                    self.lock_failures = 0;
                    self.note(Entry::Locked { token, scope: Some(scope.clone()) })?;
                    return Ok(());
                }
                Ok(Taking::Free) => self.pause(super::TRY_AGAIN).await?,
                Ok(Taking::Theirs(token, said)) => {
                    let said = LockRecord::of(&said);
                    if !self.may_take_over(&said) {
                        return Err(self.lock_is_held(held_by(&name, &said)));
                    }
                    self.take_over(&token, &said).await?;
                }
                Err(error) => self.after_lock_failure(&error, "take the lock").await?,
            }
        }
    }

    /// A run that cannot have all locks keeps none. What it has taken over from another run is not
    /// let go of: the lock is all that says what that run left.
    async fn back_out(&mut self, stop: Stop) -> Stop {
        match stop {
            Stop::Fail(because) if self.ledger.locks.is_empty() => Stop::Fail(because),
            Stop::Fail(because) if !self.ledger.taking.is_empty() => {
                Stop::Hold(HoldReason::LockLost, because)
            }
            Stop::Fail(because) => match self.remove_locks().await {
                Ok(()) => Stop::Fail(because),
                Err(stop) => stop,
            },
            other => other,
        }
    }

    /// A run whose rollback record cannot be written changes nothing, and keeps no lock.
    pub(super) async fn record_or_back_out(&mut self) -> Flow<()> {
        match self.write_record().await {
            Ok(()) => Ok(()),
            Err(stop) => Err(self.back_out(stop).await),
        }
    }

    /// A lock excludes nobody who looks for it in another namespace. Of two runs that lock the same
    /// thing in two, each looks after it has locked, so at least one sees the other and stops.
    async fn must_be_alone(&mut self, own: &NamespaceId, scopes: &[LockScope]) -> Flow<()> {
        // The lock that a rollback takes over was the only one, and the way back must be short.
        if self.approved.plan.intent.verb() == Verb::Rollback {
            return Ok(());
        }
        let names: Vec<String> = scopes.iter().map(lock_name).collect();
        loop {
            match elsewhere(&self.aws, own, &names).await {
                Ok(None) => return Ok(()),
                Ok(Some((name, token, namespace))) => {
                    let because = format!(
                        "the lock {name} is held in another namespace, {namespace}, as service {token}"
                    );
                    return Err(self.lock_is_held(because));
                }
                Err(error) => {
                    self.after_lock_failure(&error, "look for locks elsewhere").await?;
                }
            }
        }
    }

    /// The guard that blocks is noted, so that whoever follows is told by the exit code.
    pub(super) fn lock_is_held(&mut self, because: String) -> Stop {
        let (weight, effect) = (Weight::Blocks, Effect::Blocks);
        let verdict = Verdict::Block { because: because.clone() };
        let report = GuardReport { guard: GuardName::Lock, verdict, weight, effect };
        let step = self.ledger.began.keys().next_back().copied().unwrap_or_default();
        match self.note(Entry::Guards { step, reports: vec![report] }) {
            Ok(()) => Stop::Fail(because),
            Err(error) => error.into(),
        }
    }

    /// A rollback takes the lock of the run that it rolls back; nothing else takes any.
    fn may_take_over(&self, said: &LockRecord) -> bool {
        // A run that this host cannot stop is taken over only once it counts as dead.
        self.old.is_some()
            && matches!(&self.plan().intent, Intent::Rollback { run } if run.as_str() == said.run)
    }

    /// Asks whether the locks are still ours. One that is gone means that no call may follow.
    pub(super) async fn fence(&mut self) -> Flow<()> {
        if !self.ledger.aborting && !self.ledger.holds(&self.approved.plan) {
            // A plan with locks makes no change before it has them all.
            return Err(Stop::Hold(HoldReason::LockLost, "the lock is not held".to_owned()));
        }
        for token in self.ledger.locks.values().cloned().collect::<Vec<_>>() {
            if !self.is_there(&token).await? {
                return Err(self.lost(&token));
            }
        }
        Ok(())
    }

    /// Whether a lock is there. While the run is to end, one that seems gone is looked for twice: what
    /// it keeps suspended would be forgotten.
    async fn is_there(&mut self, token: &str) -> Flow<bool> {
        let mut gone = 0;
        loop {
            match lock::is_there(&self.aws, token).await {
                Ok(true) => {
                    self.lock_failures = 0;
                    return Ok(true);
                }
                Ok(false) => {
                    gone += 1;
                    if gone > u32::from(self.ledger.aborting) {
                        return Ok(false);
                    }
                    self.pause(super::TRY_AGAIN).await?;
                }
                Err(error) => self.after_lock_failure(&error, "ask for the lock").await?,
            }
        }
    }

    fn lost(&self, token: &str) -> Stop {
        let because = format!(
            "the lock {token} is gone: it was taken over, or given back; nothing more was called"
        );
        Stop::Hold(HoldReason::LockLost, because)
    }

    /// Gives the locks back, the last taken first. Marks of drained nodes are written before, so that
    /// no moment is without.
    pub(super) async fn give_lock_back(&mut self) -> Flow<()> {
        if self.ledger.aborting {
            self.find_own_locks().await?;
        }
        let held = self.ledger.locks.values();
        // A process before this one was about to remove them, and all that comes before was done.
        let began = held.clone().any(|token| self.ledger.unlocking.contains(token));
        if self.ledger.locks.is_empty() || began {
            return self.remove_locks().await;
        }
        for token in held.cloned().collect::<Vec<_>>() {
            if !self.is_there(&token).await? {
                return Err(self.lost(&token));
            }
        }
        self.keep_marks().await?;
        self.drop_record().await?;
        self.remove_locks().await
    }

    async fn remove_locks(&mut self) -> Flow<()> {
        let held: Vec<String> = self.ledger.locks.values().rev().cloned().collect();
        for token in held {
            // Its own call may have removed it before the process was killed.
            let tried = self.ledger.unlocking.contains(&token);
            if !tried {
                self.note(Entry::Unlocking { token: token.clone() })?;
            }
            loop {
                match lock::remove(&self.aws, &token).await {
                    Ok(_) => break,
                    Err(error) => self.after_lock_failure(&error, "give the lock back").await?,
                }
            }
            self.note(Entry::Unlocked { token })?;
        }
        self.lock_failures = 0;
        Ok(())
    }

    /// Locks that a process before this one created without coming to write it down.
    async fn find_own_locks(&mut self) -> Flow<()> {
        let takes = |of: &&crate::core::plan::Step| of.action == StepAction::Lock;
        let step = self.approved.plan.steps.iter().find(takes).map(|step| step.number);
        let open = |number: &u32| {
            self.ledger.began.contains_key(number) && !self.ledger.done.contains(number)
        };
        if !step.as_ref().is_some_and(open) {
            return Ok(());
        }
        let namespace = self.namespace().await?;
        let scopes: Vec<LockScope> = self.approved.plan.scopes().cloned().collect();
        let names: Vec<String> = scopes.iter().map(lock_name).collect();
        loop {
            let found = own_among(&self.aws, &namespace, &names, |name| self.request_of(name));
            let found = found.await;
            match found {
                Ok(found) => {
                    for (name, token) in found {
                        let scope = scopes.iter().find(|of| lock_name(of) == name).cloned();
                        if !self.ledger.locks.contains_key(&name) {
                            self.note(Entry::Locked { token, scope })?;
                        }
                    }
                    return Ok(());
                }
                Err(error) => self.after_lock_failure(&error, "look for its own locks").await?,
            }
        }
    }

    /// The namespace that holds the locks: the plan's. A plan of an older version names none; then the
    /// first of those that hold a registry service of ours, so that every host finds the same one.
    pub(super) async fn namespace(&mut self) -> Flow<NamespaceId> {
        let plan = &self.approved.plan;
        if let Some(id) = &plan.namespace {
            return Ok(id.clone());
        }
        if let Some(LockScope::Namespace(id, _)) = &plan.lock {
            return Ok(id.clone());
        }
        let mut reads = crate::core::plan::Reads::default();
        reads.scopes.insert(crate::core::source::Scope::Namespaces);
        self.look(&reads).await?;
        let inventory = self.eye.inventory();
        let mut holding = inventory.services.iter().filter(|(_, services)| {
            let mut all = services.value().into_iter().flatten();
            all.any(|one| {
                self.settings.registry.contains_key(&one.id)
                    || inventory.memory.services.contains_key(&one.id)
            })
        });
        let first = holding.next().map(|(id, _)| id.clone());
        let any = || Some(inventory.namespaces.value()?.iter().map(|one| &one.id).min()?.clone());
        first.or_else(any).ok_or_else(|| {
            let why = inventory.namespaces.error().map(|error| format!(": {}", error.value));
            let why = why.unwrap_or_else(|| ": there is none".to_owned());
            Stop::Hold(HoldReason::Unknown, format!("no namespace can hold the lock{why}"))
        })
    }

    /// The same for every try of this run to create a service of this name, and different for every
    /// other service and every other run on any host.
    pub(super) fn request_of(&self, name: &str) -> String {
        let digest = |text: &str| crate::exec::journal::digest(text.as_bytes());
        let host = digest(self.approved.by.host.as_deref().unwrap_or_default());
        let own = format!("{}-{}", self.run, &host[..12]);
        // Older versions knew one lock, and a run of theirs may be taken up by this one.
        let first = self.approved.plan.scopes().next().is_some_and(|of| lock_name(of) == name);
        let of = if first { String::new() } else { format!("-{}", &digest(name)[..12]) };
        format!("{own}{of}").chars().take(64).collect()
    }

    /// What to do about a call about a lock that failed. No failure is an answer: whatever may pass is
    /// tried again, and then the run holds.
    pub(super) async fn after_lock_failure(&mut self, error: &SourceError, what: &str) -> Flow<()> {
        match error.kind {
            ErrorKind::Throttled => self.back_off(&error.operation).await,
            ErrorKind::Denied
            | ErrorKind::Expired
            | ErrorKind::NoCredentials
            | ErrorKind::Unsupported
            | ErrorKind::Refused => Err(stop_of(error, what)),
            _ => {
                tracing::warn!(%error, what, "trying again");
                self.lock_failures += 1;
                if self.lock_failures > LOCK_TRIES {
                    self.lock_failures = 0;
                    return Err(stop_of(error, what));
                }
                self.pause(super::TRY_AGAIN).await
            }
        }
    }

    /// What to do about a call that failed and may simply be made again.
    pub(super) async fn after_failure(&mut self, error: &SourceError, what: &str) -> Flow<()> {
        match error.kind {
            ErrorKind::Throttled => self.back_off(&error.operation).await,
            ErrorKind::TimedOut
            | ErrorKind::Unreachable
            | ErrorKind::Truncated
            | ErrorKind::Malformed => {
                tracing::warn!(%error, what, "trying again");
                self.failures += 1;
                if self.failures > super::TRIES {
                    self.failures = 0;
                    return Err(stop_of(error, what));
                }
                self.pause(super::TRY_AGAIN).await
            }
            _ => Err(stop_of(error, what)),
        }
    }
}

/// The hold that a failed call makes.
pub(super) fn stop_of(error: &SourceError, what: &str) -> Stop {
    let reason = match error.kind {
        ErrorKind::Denied => HoldReason::Denied,
        ErrorKind::Expired | ErrorKind::NoCredentials => HoldReason::Credentials,
        _ => HoldReason::Failed,
    };
    let named = |action: &String| error.message.contains(action) || what.contains(action);
    let action = permissions::action(&error.operation)
        .filter(|action| reason == HoldReason::Denied && !named(action));
    let action = action.map(|action| format!(" ({action} is missing)")).unwrap_or_default();
    let because = format!("failed to {what}: {error}{action}. {}", error.kind.next_step());
    Stop::Hold(reason, because)
}

fn held_by(name: &str, said: &LockRecord) -> String {
    let or =
        |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let heard = said.heartbeat.map(|at| format!(", last heard of at {at}")).unwrap_or_default();
    format!(
        "the lock {name} is held by {} for {} (run {}, step {}{heard})",
        or(&said.holder, "somebody"),
        or(&said.reason, "a reason it does not say"),
        or(&said.run, "unknown"),
        or(&said.step, "unknown"),
    )
}

/// A lock of one of these names in another namespace: its name, its service, the namespace.
async fn elsewhere(
    aws: &crate::aws::Aws,
    own: &NamespaceId,
    names: &[String],
) -> Result<Option<(String, String, NamespaceId)>, SourceError> {
    for namespace in lock::namespaces(aws).await?.into_iter().filter(|id| id != own) {
        if let Some((name, token)) = lock::named(aws, &namespace, names).await?.into_iter().next() {
            return Ok(Some((name, token, namespace)));
        }
    }
    Ok(None)
}

/// Those of these names whose service carries our own request.
async fn own_among(
    aws: &crate::aws::Aws,
    namespace: &NamespaceId,
    names: &[String],
    request_of: impl Fn(&str) -> String,
) -> Result<Vec<(String, String)>, SourceError> {
    let mut own = Vec::new();
    for (name, token) in lock::named(aws, namespace, names).await? {
        let read = lock::read(aws, &token).await?;
        if read.is_some_and(|service| service.request == request_of(&name)) {
            own.push((name, token));
        }
    }
    Ok(own)
}
