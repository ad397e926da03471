//! The lock as the engine uses it: taken by a step, asked for before every mutation, kept up to
//! date for other hosts, given back by a step.

use super::{Engine, Flow, Stop};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::ids::{InstanceId, NamespaceId};
use crate::core::observed::{Observed, age};
use crate::core::plan::guard::{Effect, Verdict, Weight};
use crate::core::plan::{GuardName, GuardReport, Intent, LockScope, Reads};
use crate::core::record::{self, LockRecord};
use crate::core::run::HoldReason;
use crate::core::run::journal::Entry;
use crate::core::source::Scope;
use crate::exec::lock::{self, Taking};
use crate::exec::permissions;
use std::collections::BTreeSet;
use std::time::Duration;

/// How often the record says that somebody is there.
const BEAT: Duration = Duration::from_secs(30);

impl Engine {
    /// Takes the lock of the plan's scope. One that another run holds is not waited for.
    pub(super) async fn take_lock(&mut self) -> Flow<()> {
        let Some(scope) = self.plan().lock.clone() else {
            return Err(Stop::Fail("the plan takes a lock and does not say which".to_owned()));
        };
        let namespace = self.namespace(&scope)?;
        let (name, request) = (record::lock_name(&scope), self.request());
        self.take_over_planned().await?;
        loop {
            let taking = lock::take(&self.aws, &namespace, &name, &request).await;
            match taking {
                Ok(Taking::Ours(token)) => {
                    self.note(Entry::Locked { token })?;
                    self.beat(true).await;
                    return Ok(());
                }
                Ok(Taking::Theirs(token, said)) => {
                    let said = LockRecord::of(&said);
                    if !self.may_take_over(&said) {
                        return Err(self.lock_is_held(held_by(&name, &said)));
                    }
                    self.take_over(&token, &said).await?;
                }
                Err(error) => self.after_failure(&error, "take the lock").await?,
            }
        }
    }

    /// The guard that blocks is noted, so that whoever follows is told by the exit code.
    fn lock_is_held(&mut self, because: String) -> Stop {
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
        matches!(&self.plan().intent, Intent::Rollback { run } if run.as_str() == said.run)
    }

    /// Asks whether the lock is still ours. Gone means that no call may follow.
    pub(super) async fn fence(&mut self) -> Flow<()> {
        let Some(token) = self.ledger.lock.clone() else {
            return match self.plan().lock {
                // A plan with a lock makes no change before it has it.
                Some(_) if !self.ledger.aborting => {
                    Err(Stop::Hold(HoldReason::LockLost, "the lock is not held".to_owned()))
                }
                _ => Ok(()),
            };
        };
        if self.stands(&token).await? {
            return Ok(());
        }
        let because = format!(
            "the lock {token} is gone: somebody took it over, or gave it back; nothing more was called"
        );
        Err(Stop::Hold(HoldReason::LockLost, because))
    }

    async fn stands(&mut self, token: &str) -> Flow<bool> {
        loop {
            match lock::stands(&self.aws, token).await {
                Ok(stands) => return Ok(stands),
                Err(error) => self.after_failure(&error, "ask for the lock").await?,
            }
        }
    }

    /// Gives the lock back. Marks of drained nodes are written first, so that no moment is without.
    pub(super) async fn give_lock_back(&mut self) -> Flow<()> {
        let Some(token) = self.ledger.lock.clone() else { return Ok(()) };
        // A process before this one was about to remove it, and all that came before was done: gone
        // means removed.
        if self.ledger.unlocking && !self.stands(&token).await? {
            return Ok(self.note(Entry::Unlocked { token })?);
        }
        self.fence().await?;
        self.keep_marks().await?;
        self.note(Entry::Unlocking { token: token.clone() })?;
        loop {
            match lock::remove(&self.aws, &token).await {
                Ok(_) => break,
                Err(error) => self.after_failure(&error, "give the lock back").await?,
            }
        }
        self.note(Entry::Unlocked { token })?;
        Ok(())
    }

    /// Writes which nodes stay drained on purpose once the lock is gone, and what is suspended for
    /// them, on a record of its own.
    async fn keep_marks(&mut self) -> Flow<()> {
        let Some(scope) = self.plan().lock.clone() else { return Ok(()) };
        let (drained, restored) = (self.ledger.drained.clone(), self.ledger.restored.clone());
        if drained.is_empty() && restored.is_empty() {
            return Ok(());
        }
        let (namespace, name) = (self.namespace(&scope)?, record::marks_name(&scope));
        if drained.is_empty() && !self.has_marks(&namespace, &name).await? {
            return Ok(());
        }
        loop {
            match self.write_marks(&namespace, &name, (&drained, &restored)).await {
                Ok(()) => return Ok(()),
                Err(error) => self.after_failure(&error, "mark the drained nodes").await?,
            }
        }
    }

    /// Whether somebody has marked nodes; where it cannot be told, it is asked for by its name.
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
        // Marks are nobody's: whoever holds the lock may write them.
        let (service, had) = match lock::take(&self.aws, namespace, name, "marks").await? {
            Taking::Ours(service) => {
                let had = lock::attributes(&self.aws, &service).await?;
                (service, had)
            }
            Taking::Theirs(service, had) => (service, had),
        };
        let mut suspended = LockRecord::of(&had).suspended;
        for (group, processes) in &self.ledger.resumed {
            suspended.entry(group.clone()).or_default().retain(|one| !processes.contains(one));
        }
        for (group, (_, processes)) in &self.ledger.pins {
            suspended.entry(group.clone()).or_default().extend(processes.clone());
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

    /// Keeps the record up to date; what another host would read of us. That it could not be written
    /// stops nothing: whether the lock is ours is asked before every mutation.
    pub(super) async fn beat(&mut self, at_once: bool) {
        let Some(token) = self.ledger.lock.clone() else { return };
        let now = self.clock.now();
        if !at_once && self.beat.is_some_and(|last| age(last, now) < BEAT) {
            return;
        }
        self.beat = Some(now);
        let said = self.record().attributes();
        match lock::say(&self.aws, &token, &self.said, &said).await {
            Ok(()) => self.said = said,
            Err(error) => tracing::warn!(%error, "the lock's record could not be kept up to date"),
        }
    }

    fn record(&self) -> LockRecord {
        let plan = self.plan();
        let (by, of) = (&self.by, plan.steps.len());
        let user = super::asks::name(by);
        let at = self.ledger.began.keys().next_back().copied().unwrap_or_default();
        let title = plan.steps.iter().find(|step| step.number == at).map(|step| &step.title);
        let held = self.ledger.held.as_ref().map(|(reason, ..)| format!(", held: {reason}"));
        LockRecord {
            holder: by.host.as_ref().map_or_else(|| user.clone(), |host| format!("{user}@{host}")),
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
            heartbeat: Some(self.clock.now()),
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

    /// The namespace that holds the lock of a scope: the scope's own, or the first of those that hold
    /// a registry service of ours, so that every host finds the same one.
    fn namespace(&self, scope: &LockScope) -> Flow<NamespaceId> {
        if let LockScope::Namespace(id, _) = scope {
            return Ok(id.clone());
        }
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

    /// The same for every try of this run, different for every other run on any host.
    fn request(&self) -> String {
        let host = self.approved.by.host.as_deref().unwrap_or_default();
        let host = &super::super::journal::digest(host.as_bytes())[..12];
        format!("{}-{host}", self.run).chars().take(64).collect()
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
