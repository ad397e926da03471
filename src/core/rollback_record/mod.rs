//! Rollback records: what a rollback needs, kept where every host can read it. A run writes its record
//! once, before its first change, and from then on nothing of it changes: what each listener forwarded
//! to and every value the run may write, what it suspends, detaches and takes out. From the record and
//! a look at the world any host can put the traffic back.

pub mod by_hand;
pub mod pack;

pub use pack::{NotWhole, TooBig, pack, unpack};

use super::ids::{ServiceId, StackId};
use super::inventory::Forward;
use super::plan::{
    ActionId, Claim, Intent, LockScope, MinHealthy, Mutation, Plan, Step, StepAction,
};
use super::record::{Attributes, LockRecord, Pins};
use super::run::RunId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An action of a listener that a run writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenAction {
    /// Which.
    pub action: ActionId,
    /// What it forwarded to before the run.
    pub first: Forward,
    /// Every value that the run writes, in its order.
    pub writes: Vec<Forward>,
}

/// What a run changes, and how it was before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollbackRecord {
    /// The run.
    pub run: RunId,
    /// Who started it: user and host.
    pub holder: String,
    /// When its plan was made.
    pub at: Timestamp,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// What it locks.
    pub scopes: Vec<LockScope>,
    /// What it was to do.
    pub intent: Intent,
    /// The fleet that loses, or is changed.
    pub giving: Option<StackId>,
    /// The fleet that receives.
    pub receiving: Option<StackId>,
    /// How many targets must stay healthy.
    pub min_healthy: MinHealthy,
    /// Listener actions that it writes.
    pub listeners: Vec<WrittenAction>,
    /// What gives back: attachments, targets, nodes, entries. What the run did last comes first.
    pub gives: Vec<Mutation>,
    /// What takes the run's own additions away again.
    pub takes: Vec<Mutation>,
    /// Processes that it suspends for its own time, a group at a time.
    pub pins: Pins,
    /// Processes that it leaves suspended on purpose when it is done.
    #[serde(default)]
    pub kept: Pins,
}

impl RollbackRecord {
    /// Everything that a run of this plan may change.
    pub fn of_plan(run: &RunId, holder: &str, plan: &Plan) -> Self {
        let mut this = Self::bare(run, holder, plan);
        let (mut open, mut resumed) = (Pins::new(), Pins::new());
        for step in &plan.steps {
            match &step.action {
                StepAction::Change(Mutation::Suspend { group, processes }) => {
                    open.entry(group.clone()).or_default().extend(processes.iter().cloned());
                }
                StepAction::Change(Mutation::Resume { group, processes }) => {
                    let ours = open.entry(group.clone()).or_default();
                    let again = resumed.entry(group.clone()).or_default();
                    again.extend(processes.iter().filter(|one| ours.contains(*one)).cloned());
                    ours.retain(|one| !processes.contains(one));
                }
                StepAction::Change(mutation) => this.take(step, mutation),
                _ => {}
            }
        }
        let some = |pins: Pins| pins.into_iter().filter(|(_, of)| !of.is_empty()).collect();
        this.pins = some(resumed);
        this.kept = some(open);
        this.settle();
        this
    }

    /// What a lock of an earlier version says of listeners and suspended processes. Nothing tells what
    /// it may have written since, so what stands there now is taken for its own.
    pub fn of_lock(
        said: &LockRecord,
        plan: (&str, &str, LockScope),
        now: impl Fn(&ActionId) -> Option<Forward>,
    ) -> Self {
        let (account, region, scope) = plan;
        let listeners = said.previous.iter().map(|(action, first)| WrittenAction {
            action: action.clone(),
            first: first.clone(),
            writes: now(action).into_iter().collect(),
        });
        let intent = match (&said.giving, &said.receiving) {
            (Some(from), Some(to)) => Intent::Cutover { from: from.clone(), to: to.clone() },
            _ => Intent::Drain { nodes: said.drained.iter().cloned().collect() },
        };
        Self {
            run: RunId::from(&said.run),
            holder: said.holder.clone(),
            at: said.heartbeat.unwrap_or_default(),
            account: account.to_owned(),
            region: region.to_owned(),
            scopes: vec![scope],
            intent,
            giving: said.giving.clone(),
            receiving: said.receiving.clone(),
            min_healthy: MinHealthy::Percent(50),
            listeners: listeners.collect(),
            gives: Vec::new(),
            takes: Vec::new(),
            pins: said.suspended.clone(),
            kept: Pins::new(),
        }
    }

    fn bare(run: &RunId, holder: &str, plan: &Plan) -> Self {
        Self {
            run: run.clone(),
            holder: holder.to_owned(),
            at: plan.made_at,
            account: plan.account.clone(),
            region: plan.region.clone(),
            scopes: plan.scopes().cloned().collect(),
            intent: plan.intent.clone(),
            giving: plan.giving.clone(),
            receiving: plan.receiving.clone(),
            min_healthy: plan.options.min_healthy,
            listeners: Vec::new(),
            gives: Vec::new(),
            takes: Vec::new(),
            pins: Pins::new(),
            kept: Pins::new(),
        }
    }

    fn take(&mut self, step: &Step, mutation: &Mutation) {
        let Mutation::Forward { action, to } = mutation else {
            match step.undo.clone() {
                Some(undo) if gives(&undo) => self.gives.push(undo),
                Some(undo) => self.takes.push(undo),
                None => {}
            }
            return;
        };
        let known = self.listeners.iter_mut().find(|one| &one.action == action);
        match known {
            Some(one) if one.writes.contains(to) => {
                // The last write is the last in the list.
                one.writes.retain(|write| write != to);
                one.writes.push(to.clone());
            }
            Some(one) => one.writes.push(to.clone()),
            None => {
                let first = before(step, action).unwrap_or_else(|| to.clone());
                let (action, writes) = (action.clone(), vec![to.clone()]);
                self.listeners.push(WrittenAction { action, first, writes });
            }
        }
    }

    /// The order of the way back, and nothing that was only written as it was.
    fn settle(&mut self) {
        self.gives.reverse();
        self.takes.reverse();
        self.listeners.retain(|one| one.writes.iter().any(|write| *write != one.first));
    }

    /// Everything that it suspends.
    pub fn suspends(&self) -> Pins {
        let mut all = self.pins.clone();
        for (group, processes) in &self.kept {
            all.entry(group.clone()).or_default().extend(processes.iter().cloned());
        }
        all
    }
}

const UNDO: &str = "quarterdeck-undo-";

/// The name of the service that holds a part of the rollback record of a scope, from 1.
pub fn service_name(scope: &LockScope, part: u32) -> String {
    let scope = super::record::suffix(scope);
    if part <= 1 { format!("{UNDO}{scope}") } else { format!("{UNDO}{scope}.{part}") }
}

/// The scope and the number of a part of a rollback record, by its service's name.
pub fn part_of(name: &str) -> Option<(&str, u32)> {
    let rest = name.strip_prefix(UNDO)?;
    match rest.rsplit_once('.').map(|(scope, part)| (scope, part.parse::<u32>())) {
        Some((scope, Ok(part))) if part > 1 => Some((scope, part)),
        _ => Some((rest, 1)),
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

/// What is said of a record that was listed and not read yet.
pub const NOT_READ: &str = "it was not read yet";

/// A rollback record as it is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RollbackView {
    /// The Cloud Map service of its first part.
    pub service_id: ServiceId,
    /// What its run locked: a load balancer's name, or a namespace's id.
    pub scope: String,
    /// The fleets that share it.
    pub fleets: Vec<StackId>,
    /// What it says; where it cannot be used, why.
    pub said: Result<Arc<RollbackRecord>, String>,
    /// Whether its run still holds its lock.
    pub locked: bool,
}

impl RollbackView {
    /// Whether it is the record of this run.
    pub fn is_of(&self, run: &str) -> bool {
        self.said.as_ref().is_ok_and(|said| said.run.as_str() == run)
    }
}

/// The parts of records that a namespace's services hold, by scope, each with its number.
pub fn parts<'a, T>(
    services: impl Iterator<Item = (&'a str, T)>,
) -> BTreeMap<String, BTreeMap<u32, T>> {
    let mut all: BTreeMap<String, BTreeMap<u32, T>> = BTreeMap::new();
    for (name, service) in services {
        if let Some((scope, part)) = part_of(name) {
            all.entry(scope.to_owned()).or_default().insert(part, service);
        }
    }
    all
}

/// The attributes of all parts, in order.
pub type Parts = Vec<Attributes>;
