//! What a run has done so far, computed from its journal and nothing else: a process that takes a
//! run up after another was killed knows exactly what that one knew.

use crate::core::ids::{GroupName, InstanceId};
use crate::core::inventory::Forward;
use crate::core::observed::age;
use crate::core::plan::{
    ActionId, Answer, ApprovedPlan, Claim, GuardName, Mutation, Plan, Step, StepAction, Verb,
};
use crate::core::record::{Pins, lock_name};
use crate::core::run::journal::{End, Entry, Line, Outcome};
use crate::core::run::{Ask, HoldReason};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// An intent whose outcome is not known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Open {
    /// The step it belongs to.
    pub step: u32,
    /// From 1.
    pub attempt: u32,
    /// What was to be sent.
    pub mutation: Mutation,
    /// When it was written down; the call came after that.
    pub at: Timestamp,
    /// The run was held then: a call of the hold itself, which lets pins go.
    pub in_hold: bool,
}

/// A step's own mutation that AWS took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// When.
    pub at: Timestamp,
    /// The operation to follow.
    pub operation: Option<String>,
}

/// What a run has done.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// Steps that have begun, and when.
    pub began: BTreeMap<u32, Timestamp>,
    /// Steps that are done.
    pub done: BTreeSet<u32>,
    /// How often each step's mutations were about to be sent.
    pub attempts: BTreeMap<u32, u32>,
    /// The intent without an outcome, if there is one.
    pub open: Option<Open>,
    /// Steps whose own mutation was taken.
    pub sent: BTreeMap<u32, Sent>,
    /// Processes that this run has suspended and not resumed, by group, with the step that did.
    pub pins: BTreeMap<GroupName, (u32, BTreeSet<String>)>,
    /// What was let go because the run was held too long, and is to be pinned again, after a fresh
    /// look at everything, before the run goes on.
    pub released: BTreeMap<GroupName, (u32, BTreeSet<String>)>,
    /// Nodes that this run took out on purpose.
    pub drained: BTreeSet<InstanceId>,
    /// Nodes that this run brought back.
    pub restored: BTreeSet<InstanceId>,
    /// What actions forwarded to before this run touched them.
    pub previous: Vec<(ActionId, Forward)>,
    /// Locks of another run that were about to be removed.
    pub taking: BTreeSet<String>,
    /// The tokens of the locks that are held, by the locks' names.
    pub locks: BTreeMap<String, String>,
    /// Locks that its own call may have removed.
    pub unlocking: BTreeSet<String>,
    /// It held because a lock was lost while it was to end.
    pub lost: bool,
    /// It was told to end once more after that: nothing is waited for.
    pub given_up: bool,
    /// Processes that it resumed, its own and others'.
    pub resumed: Pins,
    /// Why it holds.
    pub held: Option<(HoldReason, String, Timestamp)>,
    /// It was held for longer than the window of probes, and nothing was verified since.
    pub unverified: bool,
    /// The step whose gate was passed.
    pub passed: Option<u32>,
    /// It is to end without any further traffic step.
    pub aborting: bool,
    /// The way back that it took by itself.
    pub back: Option<Box<Plan>>,
    /// The services that hold its rollback record.
    pub recorded: Option<Vec<String>>,
    /// The services of a rollback record that was about to be deleted.
    pub dropping: Option<Vec<String>>,
    /// Whether its nodes may be stopped was looked at.
    pub judged: bool,
    /// How it ended.
    pub ended: Option<End>,
    /// Whether any mutation was taken.
    pub changed: bool,
    /// In this hold pins were let go.
    pub let_go: bool,
    /// Guards that were overridden while it was held.
    pub overrides: BTreeSet<GuardName>,
    /// What was noted that this version does not know.
    pub unknown: Vec<String>,
}

impl Ledger {
    /// What these lines tell.
    pub fn of(plan: &ApprovedPlan, lines: &[Line]) -> Self {
        let mut ledger = Self::default();
        lines.iter().for_each(|line| ledger.take(plan, line));
        ledger
    }

    /// Takes in the next line.
    pub fn take(&mut self, plan: &ApprovedPlan, line: &Line) {
        let at = line.at;
        match &line.entry {
            Entry::StepBegan { step } => {
                self.began.entry(*step).or_insert(at);
            }
            Entry::StepDone { step } => {
                self.done.insert(*step);
            }
            Entry::Intent { step, attempt, mutation } => {
                self.attempts.insert(*step, *attempt);
                let (step, attempt, mutation) = (*step, *attempt, mutation.clone());
                let in_hold = self.held.is_some() && !self.aborting;
                self.open = Some(Open { step, attempt, mutation, at, in_hold });
            }
            Entry::Outcome { outcome, .. } => self.settle(plan, outcome, at),
            Entry::TakingOver { token, .. } => drop(self.taking.insert(token.clone())),
            Entry::Locked { token, scope } => {
                if let Some(scope) = scope.as_ref().or(plan.plan.lock.as_ref()) {
                    self.locks.insert(lock_name(scope), token.clone());
                }
                self.inherit(plan);
            }
            Entry::Unlocking { token } => drop(self.unlocking.insert(token.clone())),
            Entry::Unlocked { token } => self.locks.retain(|_, held| held != token),
            Entry::Held { reason, because } => {
                self.lost |= self.aborting && *reason == HoldReason::LockLost;
                self.held = Some((*reason, because.clone(), at));
            }
            Entry::PinsReleased { .. } => self.let_go = true,
            Entry::Asked { ask: Ask::Override { guard, .. }, .. } => {
                self.overrides.insert(*guard);
            }
            Entry::Unknown { name } => self.unknown.push(name.clone()),
            Entry::GoesOn => self.goes_on(plan, at),
            Entry::Seen { answers, .. } => {
                let verifies = |(claim, answer): &(Claim, Answer)| {
                    matches!(claim, Claim::ProbesPass { .. }) && answer.holds()
                };
                self.unverified &= !answers.iter().any(verifies);
            }
            Entry::Asked { ask: Ask::Abort, .. } => {
                self.given_up |= self.lost;
                self.aborting = true;
            }
            Entry::Recorded { services, .. } => self.recorded = Some(services.clone()),
            Entry::DroppingRecord { services } => self.dropping = Some(services.clone()),
            Entry::TurnedBack { plan, .. } => self.back = Some(plan.clone()),
            Entry::SafeToStop { .. } => self.judged = true,
            Entry::Ended { end } => self.ended = Some(end.clone()),
            Entry::Opened { .. }
            | Entry::TakenUp { .. }
            | Entry::Cut { .. }
            | Entry::Guards { .. }
            | Entry::Throttled { .. }
            | Entry::ProcessEnded { .. }
            | Entry::NotTold { .. }
            | Entry::Asked { .. } => {}
        }
    }

    fn goes_on(&mut self, plan: &ApprovedPlan, at: Timestamp) {
        self.let_go = false;
        if matches!(self.held, Some((HoldReason::Gate, ..))) {
            let mut numbers = plan.plan.steps.iter().map(|one| one.number);
            self.passed = numbers
                .find(|number| self.began.contains_key(number) && !self.done.contains(number));
        }
        let since = self.held.take().map_or(at, |(_, _, since)| since);
        self.unverified |= age(since, at) > plan.plan.options.window;
    }

    /// The outcome of the open intent.
    fn settle(&mut self, plan: &ApprovedPlan, outcome: &Outcome, at: Timestamp) {
        let back = self.back.clone();
        let steps = || plan.plan.steps.iter().chain(back.iter().flat_map(|back| &back.steps));
        let step = |number| steps().find(|step| step.number == number);
        match (outcome, self.open.take()) {
            (Outcome::Accepted { .. } | Outcome::AlreadyDone, Some(open)) => {
                let operation = match outcome {
                    Outcome::Accepted { operation, .. } => operation.clone(),
                    _ => None,
                };
                self.changed = true;
                if let Some(step) = step(open.step) {
                    if step.action == StepAction::Change(open.mutation.clone()) {
                        self.sent.insert(open.step, Sent { at, operation });
                    } else if step.undo.as_ref() == Some(&open.mutation) {
                        // Taken back: if the run goes on, this step is taken anew, and so is the one
                        // before it that made the change which a wait has taken back.
                        let same = |one: &&Step| {
                            one.number <= open.step && one.undo.as_ref() == Some(&open.mutation)
                        };
                        for one in steps().filter(same).filter(|_| traffic(&open.mutation)) {
                            self.sent.remove(&one.number);
                            self.done.remove(&one.number);
                        }
                        self.sent.remove(&open.step);
                    }
                    self.remember(plan, step, &open);
                }
            }
            // An operation that failed after its call was accepted has a second outcome.
            (Outcome::Refused { .. }, open) => {
                let failed = open.map(|open| open.step).or_else(|| self.sent.keys().max().copied());
                if let Some(step) = failed {
                    self.sent.remove(&step);
                }
            }
            (_, None) => {}
        }
    }

    /// Whether it holds every lock that a plan needs.
    pub fn holds(&self, plan: &Plan) -> bool {
        plan.scopes().all(|scope| self.locks.contains_key(&lock_name(scope)))
    }

    /// Whoever takes a lock over answers for what its run left, as if it were this one's own.
    fn inherit(&mut self, plan: &ApprovedPlan) {
        // Several locks of one run say the same.
        let first = self.locks.len() == 1;
        let Some(left) = plan.plan.inherits.as_ref().filter(|_| first) else { return };
        for (group, processes) in &left.suspended {
            let pin = self.pins.entry(group.clone());
            pin.or_insert_with(|| (1, BTreeSet::new())).1.extend(processes.clone());
        }
        self.drained.extend(left.drained.iter().cloned());
        for (action, before) in &left.previous {
            if !self.previous.iter().any(|(of, _)| of == action) {
                self.previous.push((action.clone(), before.clone()));
            }
        }
    }

    /// What a mutation leaves behind that this run, or another host, must know to recover.
    fn remember(&mut self, plan: &ApprovedPlan, step: &Step, open: &Open) {
        match &open.mutation {
            Mutation::Suspend { group, processes } => {
                let pin = self.pins.entry(group.clone());
                pin.or_insert_with(|| (step.number, BTreeSet::new())).1.extend(processes.clone());
                self.released.remove(group);
            }
            Mutation::Resume { group, processes } => {
                self.resumed.entry(group.clone()).or_default().extend(processes.clone());
                if let Some((number, pinned)) = self.pins.get_mut(group) {
                    pinned.retain(|one| !processes.contains(one));
                    let (number, is_free) = (*number, pinned.is_empty());
                    if is_free {
                        self.pins.remove(group);
                    }
                    // A held run resumes processes for one reason only; its process may have been
                    // killed since, and the run have gone on.
                    if open.in_hold {
                        self.released.insert(group.clone(), (number, processes.clone()));
                    }
                }
            }
            Mutation::Forward { action, .. } => {
                let known = self.previous.iter().any(|(of, _)| of == action);
                if let (false, Some(Mutation::Forward { to, .. })) = (known, &step.undo) {
                    self.previous.push((action.clone(), to.clone()));
                }
            }
            Mutation::DeregisterTargets { targets, .. }
                if plan.plan.intent.verb() == Verb::Drain =>
            {
                self.drained.extend(targets.iter().map(|target| target.id.clone()));
            }
            Mutation::EnterStandby { instances, .. } => {
                self.drained.extend(instances.iter().cloned());
            }
            Mutation::ExitStandby { instances, .. } => self.restored.extend(instances.clone()),
            Mutation::RegisterTargets { targets, .. } => {
                self.restored.extend(targets.iter().map(|target| target.id.clone()));
            }
            Mutation::DeregisterTargets { .. }
            | Mutation::RegisterInstance { .. }
            | Mutation::DeregisterInstance { .. }
            | Mutation::AttachTargetGroups { .. }
            | Mutation::DetachTargetGroups { .. } => {}
        }
    }

    /// Whether anything of the plan has been tried.
    pub fn has_begun(&self) -> bool {
        !self.began.is_empty()
    }
}

/// Whether a mutation is about traffic. A pin that was let go is set again by the hold that let it go.
fn traffic(mutation: &Mutation) -> bool {
    !matches!(mutation, Mutation::Suspend { .. } | Mutation::Resume { .. })
}
