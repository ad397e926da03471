//! Holds a journal against the rules, line by line: lawful, or the first line that is not. It knows
//! nothing but the lines; whether their chain of hashes holds is checked elsewhere.

mod calls;
mod course;
mod locks;
mod rule;
#[cfg(test)]
mod tests;

pub use rule::Rule;

use crate::core::ids::GroupName;
use crate::core::inventory::Forward;
use crate::core::plan::{ActionId, Intent, Mutation, Plan, Step, StepAction};
use crate::core::run::journal::{Entry, Line};
use crate::core::run::{Ask, HoldReason};
use std::collections::{BTreeMap, BTreeSet};

/// A line that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlawful {
    /// The line's number.
    pub line: u64,
    /// The rule that it breaks.
    pub rule: Rule,
    /// How, as a fragment.
    pub why: String,
}

/// A line's verdict, before its number is added.
type Verdict = Result<(), (Rule, String)>;

/// What was resumed or is suspended, by group.
type Pins = BTreeMap<GroupName, BTreeSet<String>>;

/// An intent without an outcome.
#[derive(Clone, Debug)]
struct Open {
    step: u32,
    attempt: u32,
    mutation: Mutation,
    /// Sent while the run was held.
    in_hold: bool,
}

/// Takes a journal's lines in order and says which is the first that breaks a rule.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    rules: u32,
    plan: Option<Box<Plan>>,
    back: Option<Box<Plan>>,
    began: BTreeSet<u32>,
    done: BTreeSet<u32>,
    passed: BTreeSet<u32>,
    attempts: BTreeMap<u32, u32>,
    open: Option<Open>,
    sent: BTreeSet<u32>,
    pins: Pins,
    released: Pins,
    out: bool,
    shares: BTreeMap<ActionId, Shares>,
    held: Option<HoldReason>,
    word: bool,
    aborting: bool,
    locks: BTreeSet<String>,
    unlocking: BTreeSet<String>,
    recorded: bool,
    ended: bool,
}

/// What an action forwarded to at first, and now, as far as the run's own writes tell.
#[derive(Clone, Debug)]
struct Shares {
    first: Forward,
    now: Forward,
}

impl Checker {
    /// A checker that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// The rule that it breaks. What follows an unlawful line is not judged any more.
    pub fn take(&mut self, line: &Line) -> Result<(), Unlawful> {
        let verdict = self.judge(&line.entry);
        verdict.map_err(|(rule, why)| Unlawful { line: line.number, rule, why })
    }

    /// The whole journal: how many lines were lawful, or the first that is not.
    ///
    /// # Errors
    /// The first line that breaks a rule.
    pub fn check(lines: &[Line]) -> Result<Self, Unlawful> {
        let mut checker = Self::new();
        lines.iter().try_for_each(|line| checker.take(line))?;
        Ok(checker)
    }

    /// Whether the run has ended.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    fn judge(&mut self, entry: &Entry) -> Verdict {
        if let Entry::Opened { approved, rules, .. } = entry {
            require(self.plan.is_none(), Rule::OpensOnce, || "the plan is said again".to_owned())?;
            self.rules = *rules;
            self.plan = Some(Box::new(approved.plan.clone()));
            self.inherit();
            return Ok(());
        }
        let opened = self.plan.is_some();
        require(opened, Rule::OpensOnce, || "the plan is not said first".to_owned())?;
        if self.ended {
            return after_the_end(entry);
        }
        match entry {
            Entry::StepBegan { step } => self.began(*step),
            Entry::StepDone { step } => self.done(*step),
            Entry::Intent { step, attempt, mutation } => self.intent((*step, *attempt), mutation),
            Entry::Outcome { step, attempt, outcome } => self.outcome((*step, *attempt), outcome),
            Entry::Locked { token, .. } => self.locked(token),
            Entry::TakingOver { .. } => self.taking_over(),
            Entry::Recorded { .. } => self.recorded(),
            Entry::DroppingRecord { .. } => self.dropping_record(),
            Entry::Unlocking { token } => self.unlocking(token),
            Entry::Unlocked { token } => self.unlocked(token),
            Entry::Held { reason, .. } => {
                (self.held, self.word) = (Some(*reason), false);
                Ok(())
            }
            Entry::Asked { ask, .. } => {
                self.asked(ask);
                Ok(())
            }
            Entry::GoesOn => self.goes_on(),
            Entry::PinsReleased { .. } => {
                require(self.held.is_some(), Rule::StillWhileHeld, || {
                    "pins are let go while the run is not held".to_owned()
                })
            }
            Entry::TurnedBack { plan, .. } => self.turned_back(plan),
            Entry::Ended { end } => self.end(end),
            Entry::Opened { .. }
            | Entry::TakenUp { .. }
            | Entry::Cut { .. }
            | Entry::Seen { .. }
            | Entry::Guards { .. }
            | Entry::Throttled { .. }
            | Entry::NotTold { .. }
            | Entry::ProcessEnded { .. }
            | Entry::SafeToStop { .. } => Ok(()),
            // What another version wrote says nothing to these rules; `audit verify` names it.
            Entry::Unknown { .. } => Ok(()),
        }
    }

    fn asked(&mut self, ask: &Ask) {
        match ask {
            Ask::Hold | Ask::Override { .. } => {}
            Ask::Abort => self.aborting = true,
            Ask::Resume => self.word = true,
        }
    }

    /// What a dead run had suspended is this one's to resume.
    fn inherit(&mut self) {
        let Some(left) = self.plan.as_ref().and_then(|plan| plan.inherits.as_ref()) else { return };
        self.pins.extend(left.suspended.clone());
        self.out = !left.drained.is_empty();
    }

    /// The plan that is being carried out.
    fn active(&self) -> Option<&Plan> {
        self.back.as_deref().or(self.plan.as_deref())
    }

    /// Every step there is.
    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.plan.iter().chain(&self.back).flat_map(|plan| &plan.steps)
    }

    fn step(&self, number: u32) -> Option<&Step> {
        self.steps().find(|step| step.number == number)
    }

    /// Whether what is carried out is the way back: it tries every step, and what another run or the
    /// world now has is for it to find.
    fn goes_back(&self) -> bool {
        let plan = self.plan.as_deref();
        let intent = plan.map(|plan| &plan.intent);
        self.back.is_some()
            || matches!(intent, Some(Intent::Rollback { .. } | Intent::Takeover { .. }))
    }

    /// How many locks the plan takes.
    fn locks_needed(&self) -> usize {
        let takes = |step: &Step| step.action == StepAction::Lock;
        let plan = self.plan.as_deref().filter(|plan| plan.steps.iter().any(takes));
        plan.map_or(0, |plan| plan.scopes().count())
    }
}

/// The end may be followed by notes, and by the word of a rollback that it was rolled back.
fn after_the_end(entry: &Entry) -> Verdict {
    use crate::core::run::journal::End;
    let may = matches!(
        entry,
        Entry::NotTold { .. } | Entry::Cut { .. } | Entry::Ended { end: End::RolledBack { .. } }
    );
    require(may, Rule::NothingAfterTheEnd, || "the run had ended".to_owned())
}

fn require(so: bool, rule: Rule, why: impl FnOnce() -> String) -> Verdict {
    if so { Ok(()) } else { Err((rule, why())) }
}
