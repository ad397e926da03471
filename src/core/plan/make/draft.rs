//! A plan in the making: steps are added in order, each with its worst-case capacity, and the whole
//! becomes a `Plan` once its guards have been asked.

use super::Request;
use super::ledger::Ledger;
use super::locks::Locks;
use crate::core::ids::StackId;
use crate::core::plan::{
    Claim, Confirmation, Context, Fact, FactKind, Finds, LeftLock, Mutation, PastLimit, Picture,
    Plan, Refusal, SCHEMA, Step, StepAction, file, guards,
};
use crate::core::record::LockRecord;
use std::time::Duration;

/// A change of one thing is seen within so long, or something is wrong: reads after a write may be
/// late by seconds, and a throttled one is tried again after seconds.
pub(super) const SEEN_WITHIN: Duration = Duration::from_secs(120);

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub picture: Picture<'a>,
    pub request: &'a Request,
    pub context: &'a Context,
    pub ledger: Ledger<'a>,
    pub account: String,
    pub locks: Locks,
    pub left: Vec<LeftLock>,
    pub giving: Option<StackId>,
    pub receiving: Option<StackId>,
    pub confirmation: Confirmation,
    pub inherits: Option<LockRecord>,
    pub undo: Vec<String>,
    pub notes: Vec<String>,
    steps: Vec<Step>,
}

/// A step in the making.
pub(super) struct Do {
    step: Step,
}

impl Do {
    fn new(title: impl Into<String>, action: StepAction) -> Self {
        Self {
            step: Step {
                number: 0,
                title: title.into(),
                action,
                before: Vec::new(),
                finds: None,
                after: Vec::new(),
                limit: SEEN_WITHIN,
                past_limit: PastLimit::Hold,
                at_least: Duration::ZERO,
                because: "one call".into(),
                undo: None,
                shifting: false,
                capacity: Vec::new(),
            },
        }
    }

    /// Changes something.
    pub fn change(title: impl Into<String>, mutation: Mutation) -> Self {
        Self::new(title, StepAction::Change(mutation))
    }

    /// Changes nothing: a lock, a wait, a watch, a gate.
    pub fn other(title: impl Into<String>, action: StepAction, because: &str) -> Self {
        let mut this = Self::new(title, action);
        this.step.because = because.into();
        this
    }

    pub fn before(mut self, kind: FactKind, claim: Claim) -> Self {
        self.step.before.push(Fact { kind, claim });
        self
    }

    /// What a rollback's write may replace.
    pub fn finds(mut self, finds: Finds) -> Self {
        self.step.finds = Some(finds);
        self
    }

    pub fn after(mut self, claim: Claim) -> Self {
        self.step.after.push(claim);
        self
    }

    pub fn afters(mut self, claims: impl IntoIterator<Item = Claim>) -> Self {
        self.step.after.extend(claims);
        self
    }

    pub fn within(mut self, limit: Duration) -> Self {
        self.step.limit = limit;
        self
    }

    pub fn at_least(mut self, time: Duration, because: impl Into<String>) -> Self {
        self.step.at_least = time;
        self.step.because = because.into();
        self
    }

    pub fn undo(mut self, mutation: Mutation) -> Self {
        self.step.undo = Some(mutation);
        self
    }

    /// Past the limit, what `undo` says is done.
    pub fn taken_back(mut self) -> Self {
        self.step.past_limit = PastLimit::TakeBack;
        self
    }

    pub fn shifting(mut self, shifting: bool) -> Self {
        self.step.shifting = shifting;
        self
    }
}

impl<'a> Draft<'a> {
    pub fn new(
        picture: Picture<'a>,
        request: &'a Request,
        context: &'a Context,
    ) -> Result<Self, Refusal> {
        let Some(identity) = picture.inventory.identity.value() else {
            let next = "Check the credentials with `quarterdeck doctor`.";
            let why = "the account could not be read, and a plan is for one account";
            return Err(Refusal::new(super::RefusalKind::Unknown, why, next));
        };
        Ok(Self {
            picture,
            request,
            context,
            ledger: Ledger::new(picture),
            account: identity.account.clone(),
            locks: Locks::default(),
            left: Vec::new(),
            giving: None,
            receiving: None,
            confirmation: Confirmation::YesNo,
            inherits: None,
            undo: Vec::new(),
            notes: Vec::new(),
            steps: Vec::new(),
        })
    }

    /// Adds a step.
    pub fn add(&mut self, step: Do) {
        let mut step = step.step;
        step.number = u32::try_from(self.steps.len() + 1).unwrap_or(u32::MAX);
        step.capacity = self.ledger.after(&step);
        self.steps.push(step);
    }

    /// Where we act, as a claim.
    pub fn place(&self) -> Claim {
        Claim::Account { account: self.account.clone(), region: self.context.region.clone() }
    }

    /// Takes the locks, where the verb takes any.
    pub fn take_lock(&mut self, locks: Locks) {
        self.locks = locks;
        let Some(names) = self.locks.names() else { return };
        let (title, because) = match &self.left[..] {
            [] => (format!("take {names}"), "one call and a look for each"),
            _ => (
                format!("watch the heartbeat of its holder, then take {names}"),
                "a run counts as dead when its heartbeat has been watched for 90 s without a change",
            ),
        };
        let place = self.place();
        let step = Do::other(title, StepAction::Lock, because);
        self.add(step.before(FactKind::Identity, place));
    }

    /// Gives them back.
    pub fn give_lock_back(&mut self) {
        if let Some(names) = self.locks.names() {
            let title = format!("give {names} back");
            self.add(Do::other(title, StepAction::Unlock, "one call for each"));
        }
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The plan, its guards asked.
    pub fn finish(self) -> Plan {
        let (picture, context) = (self.picture, self.context);
        let overridden = !self.request.options.overrides.is_empty();
        let confirmation = match (self.confirmation, &self.giving) {
            // An override is never a matter of one key.
            (Confirmation::YesNo, Some(giving)) if overridden => Confirmation::Type(giving.clone()),
            (confirmation, _) => confirmation,
        };
        let mut plan = Plan {
            schema: SCHEMA.into(),
            account: self.account,
            region: context.region.clone(),
            made_at: picture.now,
            intent: self.request.intent.clone(),
            options: self.request.options.clone(),
            giving: self.giving,
            receiving: self.receiving,
            confirmation,
            lock: self.locks.scopes.first().cloned(),
            namespace: self.locks.namespace,
            locks: self.locks.scopes,
            left: self.left,
            inherits: self.inherits,
            guards: Vec::new(),
            steps: self.steps,
            undo: self.undo,
            notes: self.notes,
            digest: String::new(),
        };
        plan.guards = guards::evaluate(&picture, &plan, context);
        plan.digest = file::digest(&plan);
        plan
    }
}
