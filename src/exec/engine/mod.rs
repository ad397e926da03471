//! The run engine: goes through an approved plan's steps and makes no choice of its own. Before a
//! mutation: the facts, read afresh; the guards, while traffic moves; the lock; the intent, on
//! disk. After it: the outcome, on disk; what came of it, read until it is so. Whatever is not as the plan
//! says, or cannot be known, makes the run hold, and a person decides.

mod abort;
mod asks;
mod beat;
mod fence;
mod heart;
mod hold;
mod intent;
mod look;
mod marks;
mod old_run;
mod record;
mod safe_to_stop;
mod step;
mod takeover;
mod turn_back;
mod wait;
mod way_back;

pub use asks::{Petition, Reply, Word};

use super::eye::Eye;
use super::journal::{Journal, JournalError};
use super::ledger::Ledger;
use super::mutate;
use super::webhook::{self, NotTold, Webhook};
use crate::aws::{Aws, Call};
use crate::clock::Clock;
use crate::config::Settings;
use crate::core::error::SourceError;
use crate::core::plan::{
    ApprovedPlan, Context, GuardReport, Mutation, Picture, Plan, StepAction, is_for,
};
use crate::core::rollback_record::by_hand;
use crate::core::run::journal::{End, Entry};
use crate::core::run::rules::plan_needs_record;
use crate::core::run::{HoldReason, RunId, Who};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Judges a plan's guards on a picture.
pub type Guards = dyn Fn(&Picture<'_>, &Plan, &Context) -> Vec<GuardReport> + Send + Sync;

/// How the engine's process ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The run is over.
    Over(End),
    /// The run holds, and another process is to go on with it.
    SteppedDown,
}

/// Why the way through the steps was left.
#[derive(Debug)]
enum Stop {
    /// The run holds.
    Hold(HoldReason, String),
    /// The operator wants it to end.
    Abort,
    /// Things turned bad while shifted, and the plan says that the run then goes back by itself.
    TurnBack(String),
    /// It cannot go on at all.
    Fail(String),
}

type Flow<T> = Result<T, Stop>;

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Hold(HoldReason::Journal, format!("{error}. {}", error.next_step()))
    }
}

/// What the engine is given.
pub struct Given {
    /// The run.
    pub run: RunId,
    /// Its plan, from the journal's first line.
    pub approved: ApprovedPlan,
    /// Clients armed for [`calls`] of the plan.
    pub aws: Aws,
    /// How reads are configured.
    pub settings: Settings,
    /// The clock that settle, bake and limits run by.
    pub clock: Clock,
    /// The journal.
    pub journal: Journal,
    /// What it holds already.
    pub lines: Vec<crate::core::run::Line>,
    /// The guards.
    pub guards: Arc<Guards>,
    /// Who takes the run up.
    pub by: Who,
}

/// The engine.
pub struct Engine {
    run: RunId,
    approved: ApprovedPlan,
    aws: Aws,
    settings: Settings,
    clock: Clock,
    journal: Journal,
    ledger: Ledger,
    eye: Eye,
    guards: Arc<Guards>,
    by: Who,
    words: mpsc::Receiver<Petition>,
    hold_asked: Option<String>,
    /// The system wants this process to end.
    ending: Option<String>,
    /// This process has taken up what another began: the guards are asked before it goes on.
    takes_up: bool,
    /// A rollback takes over: this process ends.
    giving_way: bool,
    /// The run that this one rolls back.
    old: Option<old_run::OldRun>,
    /// It held when this process took it up: what kept the process before may not keep this one.
    inherited: bool,
    heart: Arc<heart::Heart>,
    last_guards: Vec<GuardReport>,
    /// Tries in a row that brought no answer.
    failures: u32,
    /// Calls about the locks in a row that brought no answer.
    lock_failures: u32,
    /// Throttled answers in a row.
    throttled: u32,
    webhook: Webhook,
}

/// What failed for a passing reason is tried so often before the run holds.
const TRIES: u32 = 3;
/// After so long.
const TRY_AGAIN: Duration = Duration::from_secs(3);

/// Every call that a plan needs beside the reads: for arming, and for a policy.
pub fn calls(plan: &Plan) -> Vec<Call> {
    let mut all: BTreeSet<Call> = BTreeSet::new();
    let own = plan.steps.iter().filter_map(|step| match &step.action {
        StepAction::Change(mutation) => Some(mutation),
        _ => None,
    });
    let undo = plan.steps.iter().filter_map(|step| step.undo.as_ref());
    all.extend(own.chain(undo).flat_map(mutate::calls).copied());
    let pins = all.contains(&("Auto Scaling", "SuspendProcesses"));
    if pins {
        all.insert(("Auto Scaling", "ResumeProcesses"));
    }
    if plan.scopes().next().is_some() {
        all.extend(super::lock::CALLS.iter().copied());
    }
    all.into_iter().collect()
}

impl Engine {
    /// An engine that has done nothing yet; words to it come through the channel.
    ///
    /// # Errors
    /// When probes cannot be set up.
    pub fn new(given: Given, words: mpsc::Receiver<Petition>) -> Result<Self, SourceError> {
        let settings = given.settings.unnarrowed();
        let eye = Eye::new(&given.aws, &settings, &given.clock).map_err(|error| {
            let kind = crate::core::error::ErrorKind::Refused;
            SourceError::new(kind, "probes", error.to_string())
        })?;
        let rate = settings.clock.as_ref().map_or(1.0, |clock| clock.rate);
        let heart = Arc::new(heart::Heart::new(&given.aws, &given.clock, rate));
        let webhook = Webhook::of(settings.webhook.as_ref());
        let ledger = Ledger::of(&given.approved, &given.lines);
        let mut approved = given.approved;
        // What was overridden while it was held counts for the rest of the run.
        approved.plan.options.overrides.extend(ledger.overrides.iter().copied());
        Ok(Self {
            ledger,
            run: given.run,
            approved,
            aws: given.aws,
            settings,
            clock: given.clock,
            journal: given.journal,
            eye,
            guards: given.guards,
            by: given.by,
            words,
            hold_asked: None,
            ending: None,
            takes_up: false,
            giving_way: false,
            old: None,
            inherited: false,
            heart,
            last_guards: Vec::new(),
            failures: 0,
            lock_failures: 0,
            throttled: 0,
            webhook,
        })
    }

    /// Goes through the plan until it is over, or another process is to go on.
    pub async fn run(mut self) -> Ending {
        if !self.ledger.has_begun() && self.ledger.held.is_none() {
            let mut told = webhook::start(&self.run, self.plan(), &self.by, self.clock.now());
            if plan_needs_record(self.plan()) {
                told.by_hand = by_hand::commands(&self.own_record());
            }
            self.webhook.tell(Some(told));
        }
        // It is polled beside the steps, whatever they wait for, and ends with them.
        let heart = self.heart.clone();
        let ending = tokio::select! {
            biased;
            ending = self.carry_on() => ending,
            never = heart.keep_beating() => match never {},
        };
        self.webhook.finish().await;
        if let Err(error) = self.note_failures() {
            tracing::error!(%error, "the journal cannot say that the webhook was not told");
        }
        ending
    }

    async fn carry_on(&mut self) -> Ending {
        if let Some(end) = &self.ledger.ended {
            return Ending::Over(end.clone());
        }
        // What a run rests on is read once; what could not be is found missing by the step that
        // needs it.
        self.eye.open().await;
        if let Some(because) = self.elsewhere() {
            return match self.fail(because).await {
                Ok(end) => Ending::Over(end),
                Err(_) => Ending::SteppedDown,
            };
        }
        self.takes_up = self.ledger.has_begun();
        let mut stop = match self.ledger.held.clone() {
            Some((reason, because, _)) if !self.ledger.aborting => {
                self.inherited = true;
                Err(Stop::Hold(reason, because))
            }
            _ => self.go_on().await,
        };
        loop {
            stop = match stop {
                Ok(end) => return Ending::Over(end),
                Err(Stop::Abort) => self.abort().await,
                Err(Stop::TurnBack(because)) => match self.turn_back(because).await {
                    Ok(()) => self.go_on().await,
                    Err(stop) => Err(stop),
                },
                Err(Stop::Fail(because)) => self.fail(because).await,
                Err(Stop::Hold(reason, because)) => match self.hold(reason, because).await {
                    hold::Way::On if self.ledger.aborting => Err(Stop::Abort),
                    hold::Way::On => self.go_on().await,
                    hold::Way::StepDown => return Ending::SteppedDown,
                },
            };
        }
    }

    /// Takes the steps that are not done, in order.
    async fn go_on(&mut self) -> Flow<End> {
        if self.ledger.aborting {
            return Err(Stop::Abort);
        }
        self.preflight().await?;
        self.finish_release().await?;
        self.ask_guards_anew().await?;
        self.preflight_again().await?;
        self.stop_old_run().await?;
        if self.ledger.holds(&self.approved.plan) {
            // A process of an earlier version took the lock, or one was killed just after that.
            self.record_or_back_out().await?;
        }
        let mut failed = Vec::new();
        for step in self.plan().steps.clone() {
            if self.ledger.done.contains(&step.number) {
                continue;
            }
            let writes = self.goes_back() && forwards(&step);
            if !writes && let Some(stop) = way_back::split(&mut failed) {
                return Err(stop);
            }
            self.checkpoint()?;
            match self.step(&step).await {
                // A listener that cannot be written keeps no other one on a fleet that failed.
                Err(Stop::Hold(reason, why)) if writes && way_back::tries_the_next(reason) => {
                    failed.push((step.title, reason, why));
                }
                taken => taken?,
            }
        }
        if let Some(stop) = way_back::split(&mut failed) {
            return Err(stop);
        }
        self.end_old_run();
        self.say_safe_to_stop().await?;
        match self.ledger.back {
            Some(_) => self.over(End::RolledBack { by: self.run.clone() }),
            None => self.over(End::Done),
        }
    }

    /// Whether what is carried out is a way back.
    fn goes_back(&self) -> bool {
        self.ledger.back.is_some() || self.plan().goes_back()
    }

    /// Why this is not the account or the region that the plan was made for; a run that has begun is
    /// left as it is, because whatever is wrong is wrong with this process.
    fn elsewhere(&self) -> Option<String> {
        let plan = self.plan();
        let identity = self.eye.inventory().identity.value()?;
        let refused = is_for(plan, &identity.account, &self.aws.region).err()?;
        (!self.ledger.has_begun()).then_some(refused.why)
    }

    /// A run that another process began is held to its guards as they are now before anything more is
    /// sent: what was true when it began may not be any more, and its journal may not be what its
    /// operator has seen. The way back is never kept waiting for this.
    async fn ask_guards_anew(&mut self) -> Flow<()> {
        let back = self.goes_back();
        // What was about to be sent is brought to its end first, an addition that is taken back above
        // all; the guards are asked before the next step.
        if self.ledger.open.is_some() {
            return Ok(());
        }
        let is_sent = |number: &u32| self.ledger.sent.contains_key(number);
        let left = self
            .plan()
            .steps
            .iter()
            .filter(|step| !self.ledger.done.contains(&step.number) && !is_sent(&step.number));
        let changes = left.filter_map(|step| match &step.action {
            StepAction::Change(mutation) => Some(mutation),
            _ => None,
        });
        // Whoever only tidies up is asked for nothing.
        let changes = changes.filter(|of| !matches!(of, Mutation::Resume { .. })).count();
        if !std::mem::take(&mut self.takes_up) || back || changes == 0 {
            return Ok(());
        }
        let step = self.ledger.began.keys().next_back().copied().unwrap_or_default();
        self.check_guards(step).await
    }

    /// Notes that it is over.
    fn over(&mut self, end: End) -> Flow<End> {
        self.note(Entry::Ended { end: end.clone() })?;
        Ok(end)
    }

    /// Ends a run that cannot go on and has nothing left to take back.
    async fn fail(&mut self, because: String) -> Flow<End> {
        self.over(End::Failed { because })
    }

    /// Writes a line, waits until it is on the disk, and takes it in.
    fn note(&mut self, entry: Entry) -> Result<(), JournalError> {
        self.note_failures()?;
        let line = self.journal.append(self.clock.now(), entry)?;
        self.ledger.take(&self.approved, &line);
        self.tell_heart();
        let told = webhook::event(&self.run, &self.approved.plan, &self.by, &line);
        self.webhook.tell(told);
        Ok(())
    }

    /// Notes what the webhook could not be told.
    fn note_failures(&mut self) -> Result<(), JournalError> {
        for NotTold { event, because } in self.webhook.failures() {
            self.journal.append(self.clock.now(), Entry::NotTold { event, because })?;
        }
        Ok(())
    }

    /// What is being carried out: the plan as approved, or its way back.
    fn plan(&self) -> &Plan {
        self.ledger.back.as_deref().unwrap_or(&self.approved.plan)
    }
}

/// Whether a step writes what a listener or a rule forwards to.
fn forwards(step: &crate::core::plan::Step) -> bool {
    use crate::core::plan::Mutation;
    matches!(step.action, StepAction::Change(Mutation::Forward { .. }))
}
