//! takeover: ends what a dead run left, from any host, by its lock's record alone. The lock is taken
//! from it by its id, what it suspended is resumed, nodes it drained keep their marks. Traffic stays as
//! it is, unless it is to be put back too (`--rollback`): where listeners stand and where they stood is
//! said.

use super::draft::Draft;
use super::locks::Locks;
use super::pins::REPLACING;
use super::{RefusalKind, Request, left, unread};
use crate::core::ids::{GroupName, LoadBalancerArn, ServiceId, StackId};
use crate::core::lock::LockView;
use crate::core::plan::view::{forward_text, listed};
use crate::core::plan::{Confirmation, Context, LeftLock, LockScope, Picture, Plan, Refusal};
use crate::core::record::LockRecord;
use std::collections::BTreeSet;

pub(super) fn plan(
    picture: Picture<'_>,
    request: &Request,
    context: &Context,
    lock: &ServiceId,
) -> Result<Plan, Refusal> {
    let Some(view) = picture.estate.locks.iter().find(|one| &one.service_id == lock) else {
        let why = format!("there is no lock {lock}");
        let next = "Somebody took it over, or its run gave it back: there is nothing to end.";
        return Err(Refusal::new(RefusalKind::Usage, why, next));
    };
    let said = view.said.clone().map_err(|why| unread(&why, "the lock's record"))?;
    let said = with_record(&picture, said);
    let mut draft = Draft::new(picture, request, context)?;
    // A fleet that is gone since is still the name to type, and nobody's to check.
    let is_there = |stack: &&StackId| picture.fleet(stack).is_some();
    draft.giving = view.giving().filter(is_there).cloned();
    draft.receiving = said.receiving.as_ref().filter(is_there).cloned();
    let name = view.giving().cloned().unwrap_or_else(|| StackId::from(&view.scope));
    draft.confirmation = Confirmation::Type(name);
    let held = of_one_run(&picture, view, &said);
    for other in &held {
        named_host(request.options.holder_is_dead.as_deref(), other)?;
    }
    draft.left = held.iter().map(|of| left(&picture, context, of)).collect();
    let all = picture.inventory.all_services();
    let namespace = all.into_iter().find(|of| &of.id == lock).map(|of| of.namespace.clone());
    let mut scopes: Vec<LockScope> = draft.left.iter().map(|of| of.scope.clone()).collect();
    let record = if request.options.with_rollback {
        Some(left::of_lock(&draft, &said, &scope(&picture, view))?)
    } else {
        None
    };
    // A run that was killed while it took its locks has fewer than what it is put back on.
    scopes.extend(record.iter().flat_map(|record| &record.scopes).cloned());
    draft.take_lock(Locks::new(scopes, namespace));
    if let Some(mut record) = record {
        // Both the lock and the record tell what is suspended.
        for (group, processes) in &said.suspended {
            record.pins.entry(group.clone()).or_default().extend(processes.iter().cloned());
        }
        left::name_fleets(&mut draft, &record);
        left::type_a_name(&mut draft, &record);
        left::put_back(&mut draft, &record)?;
        draft.notes.push(view.sentence());
        draft.undo.push("The plan that was rolled back, made anew.".into());
    } else {
        draft.unpin(&resumable(&picture, &said));
        notes(&mut draft, view, &said);
    }
    draft.give_lock_back();
    draft.inherits = Some(said);
    Ok(draft.finish())
}

/// Every lock of the run that holds this one: they are taken over together.
fn of_one_run<'a>(
    picture: &Picture<'a>,
    view: &'a LockView,
    said: &LockRecord,
) -> Vec<&'a LockView> {
    let namespace = |lock: &LockView| {
        let mut all = picture.inventory.all_services();
        all.find(|of| of.id == lock.service_id).map(|of| of.namespace.clone())
    };
    let is_its = |other: &&LockView| {
        let run = other.record().map(|said| said.run.as_str());
        other.service_id == view.service_id
            || !said.run.is_empty()
                && run == Some(said.run.as_str())
                && namespace(other) == namespace(view)
    };
    picture.estate.locks.iter().filter(is_its).collect()
}

/// The lock as it was watched: here, or by the console that asks.
fn left(picture: &Picture<'_>, context: &Context, view: &LockView) -> LeftLock {
    let beat = |of: &LockView| of.record().and_then(|said| said.heartbeat);
    let same = |of: &&LockView| of.service_id == view.service_id && beat(of) == beat(view);
    let before = context.watched.iter().filter(same).map(|of| of.unchanged_for).max();
    LeftLock {
        scope: scope(picture, view),
        service: view.service_id.clone(),
        beat: beat(view),
        unchanged_for: before.unwrap_or_default().max(view.unchanged_for),
    }
}

/// The host that is said to be gone is typed as the lock names it: another is a mistake.
fn named_host(named: Option<&str>, view: &LockView) -> Result<(), Refusal> {
    let Some(named) = named else { return Ok(()) };
    let host = view.record().and_then(LockRecord::host);
    if host == Some(named) {
        return Ok(());
    }
    let why = match host {
        Some(host) => format!("the lock on {} is held from {host}, not from {named}", view.scope),
        None => format!("the lock on {} does not say from which host it is held", view.scope),
    };
    let next = "Leave --holder-is-dead out: its heartbeat is watched for 90 s then.";
    Err(Refusal::new(RefusalKind::Usage, why, next))
}

/// What a run left, by its lock and by its rollback record: the lock may say less, because it is
/// written after the fact.
fn with_record(picture: &Picture<'_>, mut said: LockRecord) -> LockRecord {
    let view = picture.estate.rollbacks.iter().find(|one| one.is_of(&said.run));
    let Some(Ok(record)) = view.map(|view| view.said.as_ref()) else { return said };
    let left = left::left_by(picture, record);
    for (group, processes) in left.suspended {
        said.suspended.entry(group).or_default().extend(processes);
    }
    said.drained.extend(left.drained);
    for (action, first) in left.previous {
        if !said.previous.iter().any(|(of, _)| *of == action) {
            said.previous.push((action, first));
        }
    }
    said
}

/// What the lock was taken on.
fn scope(picture: &Picture<'_>, view: &LockView) -> LockScope {
    let mut balancers = picture.inventory.load_balancers.value().into_iter().flatten();
    let mut namespaces = picture.inventory.namespaces.value().into_iter().flatten();
    if let Some(found) = namespaces.find(|one| one.id.as_str() == view.scope) {
        return LockScope::Namespace(found.id.clone(), found.name.clone());
    }
    let arn = balancers.find(|one| one.display_name() == view.scope).map(|one| one.arn.clone());
    // A load balancer that is gone since has a lock all the same, and the lock is found by its name.
    let arn = arn.unwrap_or_else(|| LoadBalancerArn::from(&view.scope));
    LockScope::LoadBalancer(arn, view.scope.clone())
}

/// What may be resumed: all it suspended, but what would replace nodes that stay drained.
fn resumable(picture: &Picture<'_>, said: &LockRecord) -> Vec<(GroupName, BTreeSet<String>)> {
    let pins = said.suspended.iter().map(|(name, processes)| {
        let group = picture.group(name);
        let drains = group
            .is_some_and(|group| group.instances.iter().any(|one| said.drained.contains(&one.id)));
        let kept = |one: &&String| !(drains && REPLACING.contains(&one.as_str()));
        // What somebody resumed since need not be resumed once more.
        let is_so = |one: &&String| group.is_none_or(|group| group.suspended.contains_key(*one));
        (name.clone(), processes.iter().filter(kept).filter(is_so).cloned().collect())
    });
    pins.filter(|(_, processes): &(_, BTreeSet<String>)| !processes.is_empty()).collect()
}

fn notes(draft: &mut Draft<'_>, view: &LockView, said: &LockRecord) {
    draft.notes.push(view.sentence());
    for (action, before) in &said.previous {
        let listener = draft.picture.listener(&action.listener);
        let label =
            listener.map_or_else(|| action.listener.to_string(), |of| format!(":{}", of.port));
        let before_text = forward_text(&draft.picture, before);
        let now = listener.filter(|_| action.rule.is_none()).map(|of| &of.default);
        let text = match now {
            Some(now) if now == before => {
                format!("Listener {label} forwards as it did before that run: {before_text}.")
            }
            Some(now) => format!(
                "Listener {label} forwards {} and stays so; before that run it was {before_text}.",
                forward_text(&draft.picture, now)
            ),
            None => {
                format!("Listener {label} stays as it is; before that run it was {before_text}.")
            }
        };
        draft.notes.push(text);
    }
    if !said.drained.is_empty() {
        let ids: Vec<_> = said.drained.iter().map(ToString::to_string).collect();
        draft.notes.push(format!(
            "{} stay drained on purpose: `quarterdeck undrain {}` brings them back.",
            listed(&ids),
            ids.join(" ")
        ));
    }
    draft.undo.push("Nothing to take back: traffic is not touched.".into());
}
