//! The rollback record of a run: whole in Cloud Map before the first change, there until nothing is
//! left to put back, whatever becomes of the run and its host.

use super::{Engine, Flow, Stop};
use crate::core::error::ErrorKind;
use crate::core::ids::NamespaceId;
use crate::core::inventory::{Forward, Inventory};
use crate::core::observed::Observed;
use crate::core::plan::{Claim, Intent, Mutation, Reads, check};
use crate::core::record::{Attributes, Pins};
use crate::core::rollback_record::pack::HEADER;
use crate::core::rollback_record::{NotWhole, RollbackRecord, by_hand, pack, service_name, unpack};
use crate::core::run::journal::Entry;
use crate::core::run::rules::{Listener, Restore, may_drop_record, plan_needs_record, restore};
use crate::core::source::Scope;
use crate::exec::{lock, undo};

impl Engine {
    /// Writes the record, once, when the locks are ours and before anything is changed.
    pub(super) async fn write_record(&mut self) -> Flow<()> {
        if self.ledger.recorded.is_some() || !plan_needs_record(&self.approved.plan) {
            return Ok(());
        }
        let record = self.own_record();
        let parts = pack(&record).map_err(|why| {
            Stop::Fail(format!("{why}: another host could not roll this run back"))
        })?;
        let Some(scope) = record.scopes.first().cloned() else { return Ok(()) };
        for line in by_hand::commands(&record) {
            tracing::info!(run = %self.run, "by hand: {line}");
        }
        let namespace = self.namespace().await?;
        let mut services = Vec::new();
        // The header is in the first part, and is written last.
        for (index, attributes) in parts.iter().enumerate().rev() {
            let part = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let name = service_name(&scope, part);
            let service = self.created(&namespace, &name, scope.record_name()).await?;
            self.written(&service, attributes).await?;
            services.insert(0, service);
        }
        let header = parts.first().and_then(|part| part.get(HEADER)).cloned().unwrap_or_default();
        let checksum = header.rsplit(' ').next().unwrap_or_default().to_owned();
        Ok(self.note(Entry::Recorded { services, checksum })?)
    }

    /// Everything that this run may change.
    pub(super) fn own_record(&self) -> RollbackRecord {
        let user = super::asks::name(&self.approved.by);
        let host = self.approved.by.host.as_ref();
        let holder = host.map_or_else(|| user.clone(), |host| format!("{user}@{host}"));
        RollbackRecord::of_plan(&self.run, &holder, &self.approved.plan)
    }

    async fn created(&mut self, namespace: &NamespaceId, name: &str, scope: &str) -> Flow<String> {
        let request = self.request_of(name);
        let description = format!("Rollback record of run {}; not a registry.", self.run);
        loop {
            let part = (name, request.as_str());
            match undo::create(&self.aws, namespace, part, &description).await {
                Ok(Some(service)) => return Ok(service),
                Ok(None) => self.supersede(namespace, scope).await?,
                Err(error) => self.after_lock_failure(&error, "write the rollback record").await?,
            }
        }
    }

    async fn written(&mut self, service: &str, attributes: &Attributes) -> Flow<()> {
        loop {
            match undo::write(&self.aws, service, attributes).await {
                Ok(()) => return Ok(()),
                Err(error) => self.after_lock_failure(&error, "write the rollback record").await?,
            }
        }
    }

    /// Removes the record of an earlier run, unless something that it suspended still is, it cannot be
    /// told what it suspended, or it has moved traffic since this run was planned.
    async fn supersede(&mut self, namespace: &NamespaceId, scope: &str) -> Flow<()> {
        let (services, parts) = self.found(namespace, scope).await?;
        match unpack(&parts) {
            Ok(old) => {
                let still = self.still_suspended(&old.suspends()).await?;
                if still != Some(false) {
                    return Err(Stop::Fail(format!(
                        "run {} has left processes suspended, and its rollback record is all that \
                         says so; nothing was changed. `quarterdeck takeover {scope} --rollback` puts \
                         back what it left",
                        old.run
                    )));
                }
                if !self.is_as_planned().await? {
                    return Err(Stop::Fail(format!(
                        "run {} has moved traffic since this plan was made, and its rollback record \
                         is all that says from where; nothing was changed. Plan anew, or put back \
                         what it left with `quarterdeck takeover {scope} --rollback`",
                        old.run
                    )));
                }
            }
            // Its run died before it changed anything.
            Err(NotWhole::NoHeader) => {}
            Err(why) => {
                return Err(Stop::Fail(format!(
                    "the rollback record of an earlier run on {scope} cannot be read: {why}; nothing \
                     was changed. Put back by hand what that run left (`run show --by-hand` on its \
                     host), then delete the service {}",
                    services.first().map_or("", String::as_str)
                )));
            }
        }
        self.removed(&services).await
    }

    /// Whether all that this run is to write still forwards as its plan found it.
    async fn is_as_planned(&mut self) -> Flow<bool> {
        let own = self.own_record();
        let mut reads = Reads::default();
        for one in &own.listeners {
            let claim = Claim::Forwards { action: one.action.clone(), is: one.first.clone() };
            reads.merge(self.eye.show(|picture| check::reads(&claim, picture)));
        }
        let whole = self.look(&reads).await?.is_empty();
        let inventory = self.eye.inventory();
        let mut now =
            own.listeners.iter().map(|one| (forward_of(inventory, &one.action), &one.first));
        Ok(whole && now.all(|(now, first)| now.is_some_and(|now| now.is_alike(first))))
    }

    /// A scope's record as it is now: its services in order, and what they say.
    async fn found(
        &mut self,
        namespace: &NamespaceId,
        scope: &str,
    ) -> Flow<(Vec<String>, Vec<Attributes>)> {
        loop {
            let found = match undo::find(&self.aws, namespace, scope).await {
                Ok(services) => {
                    let read = undo::read(&self.aws, services.values()).await;
                    read.map(|parts| (services.into_values().collect(), parts))
                }
                Err(error) => Err(error),
            };
            match found {
                Ok(found) => return Ok(found),
                Err(error) => self.after_lock_failure(&error, "read the rollback record").await?,
            }
        }
    }

    async fn removed(&mut self, services: &[String]) -> Flow<()> {
        for service in services {
            loop {
                match lock::remove(&self.aws, service).await {
                    Ok(_) => break,
                    Err(error) if error.kind == ErrorKind::NotFound => break,
                    Err(error) => {
                        self.after_lock_failure(&error, "remove the rollback record").await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether any of these processes is suspended now; `None` where that is not known.
    async fn still_suspended(&mut self, pins: &Pins) -> Flow<Option<bool>> {
        let mut reads = Reads::default();
        reads.scopes.insert(Scope::Groups);
        if pins.is_empty() {
            return Ok(Some(false));
        }
        if !self.look(&reads).await?.is_empty() {
            return Ok(None);
        }
        let groups = self.eye.inventory().groups.value().into_iter().flat_map(|all| all.iter());
        let mut named = groups.filter_map(|group| Some((group, pins.get(&group.name)?)));
        Ok(Some(named.any(|(group, processes)| {
            processes.iter().any(|one| group.suspended.contains_key(one))
        })))
    }

    /// Removes the record just before the locks are given back, if traffic is whole and nothing is
    /// suspended; else it stays, and every host's findings name it.
    pub(super) async fn drop_record(&mut self) -> Flow<()> {
        if let Some(services) = self.ledger.dropping.clone() {
            return self.removed(&services).await;
        }
        let plan = &self.approved.plan;
        let own = plan_needs_record(plan);
        let old = match &plan.intent {
            Intent::Rollback { run } => Some(run.to_string()),
            Intent::Takeover { .. } => plan.inherits.as_ref().map(|left| left.run.clone()),
            _ => None,
        };
        let Some(scope) = plan.lock.clone().filter(|_| own || old.is_some()) else {
            return Ok(());
        };
        let namespace = self.namespace().await?;
        let (services, parts) = self.found(&namespace, scope.record_name()).await?;
        if services.is_empty() {
            return Ok(());
        }
        let is_ours = |run: &str| run == self.run.as_str() || old.as_deref() == Some(run);
        let may = match unpack(&parts) {
            Ok(record) if is_ours(record.run.as_str()) => self.may_drop(&record).await?,
            // A try of ours that did not come to its end changed nothing.
            Err(NotWhole::NoHeader) => self.ledger.recorded.is_none(),
            _ => false,
        };
        if may {
            self.note(Entry::DroppingRecord { services: services.clone() })?;
            self.removed(&services).await?;
        }
        Ok(())
    }

    async fn may_drop(&mut self, record: &RollbackRecord) -> Flow<bool> {
        let suspended = self.still_suspended(&record.pins).await?;
        let mut reads = Reads::default();
        for one in &record.listeners {
            let claim = Claim::Forwards { action: one.action.clone(), is: one.first.clone() };
            reads.merge(self.eye.show(|picture| check::reads(&claim, picture)));
        }
        reads.scopes.insert(Scope::Groups);
        let missing = self.look(&reads).await?;
        let inventory = self.eye.inventory();
        let known = missing.is_empty();
        let listeners = record.listeners.iter().map(|one| {
            let now = forward_of(inventory, &one.action).filter(|_| known);
            stands(&one.first, &one.writes, now)
        });
        let attached = record.gives.iter().chain(&record.takes).filter_map(|one| {
            Some(if known { attachment(inventory, one)? } else { Listener::Unknown })
        });
        let all: Vec<Listener> = listeners.chain(attached).collect();
        Ok(may_drop_record(suspended != Some(false), all))
    }
}

/// How an action stands against a record.
fn stands(first: &Forward, writes: &[Forward], now: Option<&Forward>) -> Listener {
    let Some(now) = now else { return Listener::Unknown };
    // A group that was added and gets nothing splits no traffic.
    let mut groups = first.groups.iter().chain(&now.groups).map(|of| &of.target_group);
    let same = groups.all(|group| (first.share_of(group) - now.share_of(group)).abs() < 1e-6);
    if same || restore(first, writes, Some(now)) == Restore::AlreadySo {
        return Listener::First;
    }
    match writes.last() {
        Some(last) if now.is_alike(last) => Listener::Last,
        _ => Listener::Between,
    }
}

/// The same of an attachment; other changes do not split traffic between fleets.
fn attachment(inventory: &Inventory, back: &Mutation) -> Option<Listener> {
    let has = |name, arns: &Vec<crate::core::ids::TargetGroupArn>| {
        let mut groups = inventory.groups.value().into_iter().flat_map(|all| all.iter());
        let group = groups.find(|group| &group.name == name)?;
        Some(arns.iter().all(|arn| group.target_groups.contains(arn)))
    };
    let (attached, gives) = match back {
        Mutation::AttachTargetGroups { group, target_groups } => (has(group, target_groups), true),
        Mutation::DetachTargetGroups { group, target_groups } => (has(group, target_groups), false),
        _ => return None,
    };
    Some(match attached {
        None => Listener::Unknown,
        Some(attached) if attached == gives => Listener::First,
        Some(_) => Listener::Last,
    })
}

/// What an action forwards to, as last read.
fn forward_of<'a>(
    inventory: &'a Inventory,
    action: &crate::core::plan::ActionId,
) -> Option<&'a Forward> {
    match &action.rule {
        Some(arn) => {
            let rules = inventory.rules.get(&action.listener)?.value()?;
            rules.iter().find(|rule| &rule.arn == arn).map(|rule| &rule.forward)
        }
        None => {
            let mut all = inventory.listeners.values().filter_map(Observed::value).flatten();
            all.find(|one| one.arn == action.listener).map(|one| &one.default)
        }
    }
}
