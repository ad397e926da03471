//! What a run has done, by its steps that were sent: whatever was sent may have been taken, so it
//! counts. From this a rollback knows what to put back.

use crate::core::ids::GroupName;
use crate::core::inventory::Forward;
use crate::core::plan::{ActionId, Claim, Finds, Mutation, Step, StepAction};
use crate::core::rollback_record::{RollbackRecord, WrittenAction};
use crate::core::run::Run;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be put back.
#[derive(Clone, Debug, Default)]
pub(super) struct UndoOf {
    /// Each action that was written: as it was at first, and what the run made of it or was to make.
    pub forwards: BTreeMap<ActionId, Finds>,
    /// What gives back: entries, targets, nodes, attachments.
    pub adds: Vec<Mutation>,
    /// What takes the run's own additions away again.
    pub removes: Vec<Mutation>,
    /// What is still suspended by it.
    pub pins: BTreeMap<GroupName, BTreeSet<String>>,
    /// Whether the run does nothing any more: what is as it was then needs no write.
    pub is_over: bool,
}

impl UndoOf {
    pub fn run(run: &Run) -> Self {
        let mut this = Self::default();
        let sent = run.plan.steps.iter().zip(&run.steps).filter(|(_, of)| of.sent.is_some());
        for (step, _) in sent {
            if let StepAction::Change(mutation) = &step.action {
                this.take(step, mutation);
            }
        }
        // What came last goes first.
        this.adds.reverse();
        this.removes.reverse();
        // A run that only wrote an action back unchanged has moved nothing.
        this.forwards.retain(|_, of| of.writes.iter().any(|to| !to.is_alike(&of.first)));
        // The run may go on until it is stopped, so what it was still to write may be found as well.
        for step in &run.plan.steps {
            if let StepAction::Change(Mutation::Forward { action, to }) = &step.action
                && let Some(of) = this.forwards.get_mut(action)
                && !of.writes.contains(to)
            {
                of.writes.push(to.clone());
            }
        }
        this
    }

    /// What a rollback record says: the run may have changed all of it, or nothing. `is_so` tells what
    /// is known to be as it was.
    pub fn record(record: &RollbackRecord, is_so: impl Fn(&Mutation) -> bool) -> Self {
        let finds = |one: &WrittenAction| {
            let finds = Finds { first: one.first.clone(), writes: one.writes.clone() };
            (one.action.clone(), finds)
        };
        let open = |all: &[Mutation]| -> Vec<Mutation> {
            all.iter().filter(|one| !is_so(one)).cloned().collect()
        };
        Self {
            forwards: record.listeners.iter().map(finds).collect(),
            adds: open(&record.gives),
            removes: open(&record.takes),
            pins: record.suspends(),
            is_over: true,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.forwards.is_empty()
            && self.adds.is_empty()
            && self.removes.is_empty()
            && self.pins.is_empty()
    }

    fn take(&mut self, step: &Step, mutation: &Mutation) {
        match mutation {
            Mutation::Forward { action, to } => {
                let first = || before(step, action).unwrap_or_else(|| to.clone());
                let entry = self.forwards.entry(action.clone());
                let of = entry.or_insert_with(|| Finds { first: first(), writes: Vec::new() });
                of.writes.push(to.clone());
            }
            Mutation::Suspend { group, processes } => {
                self.pins.entry(group.clone()).or_default().extend(processes.iter().cloned());
            }
            Mutation::Resume { group, processes } => {
                if let Some(ours) = self.pins.get_mut(group) {
                    ours.retain(|process| !processes.contains(process));
                }
                self.pins.retain(|_, ours| !ours.is_empty());
            }
            Mutation::RegisterInstance { .. }
            | Mutation::DeregisterInstance { .. }
            | Mutation::RegisterTargets { .. }
            | Mutation::DeregisterTargets { .. }
            | Mutation::EnterStandby { .. }
            | Mutation::ExitStandby { .. }
            | Mutation::AttachTargetGroups { .. }
            | Mutation::DetachTargetGroups { .. } => match step.undo.clone() {
                Some(undo) if gives(&undo) => self.adds.push(undo),
                Some(undo) => self.removes.push(undo),
                None => {}
            },
        }
    }
}

/// Whether a mutation adds.
fn gives(mutation: &Mutation) -> bool {
    matches!(
        mutation,
        Mutation::RegisterInstance { .. }
            | Mutation::RegisterTargets { .. }
            | Mutation::ExitStandby { .. }
            | Mutation::AttachTargetGroups { .. }
    )
}

/// What an action was before a step, as its undo or its facts say.
fn before(step: &Step, wanted: &ActionId) -> Option<Forward> {
    if let Some(Mutation::Forward { to, .. }) = &step.undo {
        return Some(to.clone());
    }
    step.before.iter().find_map(|fact| match &fact.claim {
        Claim::Forwards { action, is } if action == wanted => Some(is.clone()),
        _ => None,
    })
}
