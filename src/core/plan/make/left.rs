//! What runs of other hosts have left, by their rollback records: read whole or not at all, and only
//! where account and region are ours.

use super::draft::Draft;
use super::locks::Locks;
use super::rollback::{all_back, all_changed_since, as_read, finish, is_so};
use super::undo_of::UndoOf;
use super::{RefusalKind, Request};
use crate::core::ids::{GroupName, InstanceId, StackId};
use crate::core::plan::{
    ActionId, Confirmation, Context, Intent, LockScope, Mutation, Picture, Plan, Refusal,
};
use crate::core::record::{LockRecord, Pins};
use crate::core::rollback_record::{RollbackRecord, RollbackView};
use crate::core::run::RunId;
use std::collections::BTreeSet;

/// A run that only its rollback record tells of.
pub(super) fn of_another_host(
    picture: Picture<'_>,
    request: &Request,
    context: &Context,
    id: &RunId,
) -> Result<Plan, Refusal> {
    let Some(view) = picture.estate.rollbacks.iter().find(|one| one.is_of(id.as_str())) else {
        let next = "`quarterdeck runs` lists those of this host; `quarterdeck findings` says what \
                    runs of other hosts have left.";
        let why = format!("this host knows no run {id}, and no rollback record is of it");
        return Err(Refusal::new(RefusalKind::Usage, why, next));
    };
    if view.locked {
        let why = format!("run {id} is of another host and holds its lock");
        let next = format!("`quarterdeck takeover {} --rollback` takes it over first.", view.scope);
        return Err(Refusal::new(RefusalKind::Usage, why, next));
    }
    let record = usable(view)?;
    let mut draft = Draft::new(picture, request, context)?;
    is_of_here(&draft, &record)?;
    name_fleets(&mut draft, &record);
    type_a_name(&mut draft, &record);
    // The locks of its run were in the namespace that holds its record.
    let mut services = picture.inventory.all_services();
    let held = services.find(|service| service.id == view.service_id);
    let namespace = held.map(|service| service.namespace.clone());
    draft.take_lock(Locks::new(record.scopes.iter().cloned(), namespace));
    draft.inherits = Some(left_by(&picture, &record));
    put_back(&mut draft, &record)?;
    Ok(finish(draft, id))
}

/// The record of a dead run whose lock is being taken over: what its rollback record says, or, where
/// an earlier version left none, what its lock does.
pub(super) fn of_lock(
    draft: &Draft<'_>,
    said: &LockRecord,
    scope: &LockScope,
) -> Result<RollbackRecord, Refusal> {
    let views = &draft.picture.estate.rollbacks;
    if let Some(view) = views.iter().find(|one| one.is_of(&said.run)) {
        let record = usable(view)?;
        is_of_here(draft, &record)?;
        return Ok(record);
    }
    let broken = |one: &&RollbackView| one.scope == scope.record_name() && one.said.is_err();
    if let Some(view) = views.iter().find(broken) {
        usable(view)?;
    }
    let place = (draft.account.as_str(), draft.context.region.as_str(), scope.clone());
    let picture = &draft.picture;
    let record = RollbackRecord::of_lock(said, place, |action| as_read(picture, action));
    old_lock_is_whole(picture, said)?;
    Ok(record)
}

/// Earlier versions kept in the lock itself what listeners forwarded to, and left out what did not
/// fit. Part of it is not restored.
fn old_lock_is_whole(picture: &Picture<'_>, said: &LockRecord) -> Result<(), Refusal> {
    let Some(receiving) = &said.receiving else { return Ok(()) };
    let groups = picture.target_groups_of(receiving);
    let gets = |action: &&crate::core::plan::view::Action<'_>| {
        groups.iter().any(|arn| action.forward.share_of(arn) > 0.0)
    };
    let known = |id: &ActionId| said.previous.iter().any(|(of, _)| of == id);
    let all = picture.actions_known();
    let Some(missing) = all.iter().filter(gets).find(|one| !known(&one.id)) else { return Ok(()) };
    if said.previous.is_empty() {
        return Ok(());
    }
    let why = format!(
        "the lock of run {} does not say what listener {} forwarded to before: what it says is not \
         whole, and part of it is not restored",
        said.run, missing.label
    );
    let next = "Roll the run back on its own host, or write the listeners by hand; \
                `quarterdeck takeover` ends what else it left.";
    Err(Refusal::new(RefusalKind::Blocked, why, next))
}

/// What a record says, where it can be used.
fn usable(view: &RollbackView) -> Result<RollbackRecord, Refusal> {
    view.said.as_ref().map(|said| (**said).clone()).map_err(|why| {
        let why = format!("the rollback record of {} is not whole: {why}", view.scope);
        let next = "Nothing of it is restored. Roll the run back on its own host, or write the \
                    listeners by hand (the run's log and `run show --by-hand` have the commands).";
        Refusal::new(RefusalKind::Blocked, why, next)
    })
}

/// A record or a journal of another account or region says nothing about what is here.
pub(super) fn is_of_here(draft: &Draft<'_>, record: &RollbackRecord) -> Result<(), Refusal> {
    let of = (&record.account, &record.region);
    let here = (&draft.account, &draft.context.region);
    if of == here {
        return Ok(());
    }
    let id = &record.run;
    let why = format!("run {id} is of {} in {}, and this is {} in {}", of.0, of.1, here.0, here.1);
    let next = "Go to its context first (`:context NAME`, --context NAME).";
    Err(Refusal::new(RefusalKind::Blocked, why, next))
}

/// What another host's run has left, as its record and the world say: whoever takes its lock answers
/// for it.
pub(super) fn left_by(picture: &Picture<'_>, record: &RollbackRecord) -> LockRecord {
    LockRecord {
        holder: record.holder.clone(),
        run: record.run.to_string(),
        giving: record.giving.clone(),
        receiving: record.receiving.clone(),
        suspended: suspended(picture, &record.suspends()).into_iter().collect(),
        previous: record
            .listeners
            .iter()
            .map(|one| (one.action.clone(), one.first.clone()))
            .collect(),
        drained: drained(picture, record),
        ..LockRecord::default()
    }
}

/// Those of a record's processes that are suspended; all of a group that could not be read.
pub(super) fn suspended(picture: &Picture<'_>, pins: &Pins) -> Vec<(GroupName, BTreeSet<String>)> {
    let each = pins.iter().map(|(name, processes)| {
        let group = picture.group(name);
        let is_so = |one: &&String| group.is_none_or(|of| of.suspended.contains_key(*one));
        (name.clone(), processes.iter().filter(is_so).cloned().collect::<BTreeSet<_>>())
    });
    each.filter(|(_, processes)| !processes.is_empty()).collect()
}

/// The nodes that a drain has taken out and that are not back.
fn drained(picture: &Picture<'_>, record: &RollbackRecord) -> BTreeSet<InstanceId> {
    if !matches!(record.intent, Intent::Drain { .. }) {
        return BTreeSet::new();
    }
    let mut all = BTreeSet::new();
    for mutation in record.gives.iter().filter(|one| !is_so(picture, one)) {
        match mutation {
            Mutation::RegisterTargets { targets, .. } => {
                all.extend(targets.iter().map(|target| target.id.clone()));
            }
            Mutation::ExitStandby { instances, .. } => all.extend(instances.iter().cloned()),
            _ => {}
        }
    }
    all
}

/// Plans what a record says, as far as it is not as it was.
pub(super) fn put_back(draft: &mut Draft<'_>, record: &RollbackRecord) -> Result<(), Refusal> {
    let picture = draft.picture;
    let mut undo = UndoOf::record(record, |one| is_so(&picture, one));
    undo.pins = suspended(&picture, &undo.pins).into_iter().collect();
    if let Some(refusal) = all_changed_since(draft, &undo) {
        return Err(refusal);
    }
    all_back(draft, &undo);
    Ok(())
}

/// Who loses and who gains. The fleet that failed may be gone.
pub(super) fn name_fleets(draft: &mut Draft<'_>, record: &RollbackRecord) {
    let is_there = |stack: &StackId| draft.picture.fleet(stack).is_some();
    let (gave, received) = (record.giving.clone(), record.receiving.clone());
    match received {
        Some(received) => {
            draft.giving = Some(received).filter(is_there);
            draft.receiving = gave;
        }
        None => draft.giving = gave,
    }
}

/// What another started is agreed to by the name of the fleet that loses.
pub(super) fn type_a_name(draft: &mut Draft<'_>, record: &RollbackRecord) {
    let name = record.receiving.iter().chain(&record.giving).next().cloned();
    let scope = || record.scopes.first().map(|scope| StackId::from(scope.name()));
    if let Some(name) = name.or_else(scope) {
        draft.confirmation = Confirmation::Type(name);
    }
}
