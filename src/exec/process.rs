//! A run's own process: it leaves its parent's session first of all, says that it is ready, and goes
//! on whatever becomes of whoever started it.

use super::arming::{Arming, NotArmed};
use super::control;
use super::engine::{Ending, Engine, Given, Guards, Petition, Word, calls};
use super::journal::Journal;
use super::ledger::Ledger;
use super::start::{StartError, acceptable};
use super::state::{Alive, RunDir, StateError, who};
use super::trust::{Distrust, Unfamiliar, familiar, trusted};
use crate::aws::{Armed, Aws, ConnectError, Lasting, source_error};
use crate::clock::Clock;
use crate::config::{Environment, Settings};
use crate::core::error::{ErrorKind, SourceError};
use crate::core::plan::{ApprovedPlan, Plan, Refusal, Verb, is_for};
use crate::core::run::journal::{End, Entry, Line};
use crate::core::run::{Ask, Who};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Words that wait to be heard; each has somebody who waits for the answer.
const WORDS: usize = 16;
/// Somebody who looks whether the run lives holds its lock for an instant.
const LOCK_TRIES: u32 = 40;
const LOCK_AGAIN: Duration = Duration::from_millis(25);

/// The first and only line that the process says to its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "snake_case")]
pub enum Ready {
    /// It goes on by itself now.
    Ready {
        /// What the operator should know.
        warnings: Vec<String>,
    },
    /// It cannot.
    Refused {
        /// Why.
        because: String,
        /// What to do next.
        next: String,
        /// The exit code of whoever wanted it.
        #[serde(default)]
        code: u8,
    },
}

/// Why the process could not take the run up.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The run's directory or journal.
    #[error(transparent)]
    State(#[from] StateError),
    /// AWS cannot be set up.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Probes cannot be set up.
    #[error(transparent)]
    Probes(#[from] SourceError),
    /// Its files are not what they should be.
    #[error("{0}")]
    Distrust(#[from] Distrust),
    /// Another version of this program knows more of it.
    #[error(transparent)]
    Unfamiliar(#[from] Unfamiliar),
    /// This session may not.
    #[error(transparent)]
    NotArmed(#[from] NotArmed),
    /// A run that never began may not begin now.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Another account, or another region.
    #[error("{why}")]
    Elsewhere {
        /// Why.
        why: String,
        /// What to do next.
        next: String,
    },
    /// Nobody can say whose credentials these are.
    #[error("failed to ask whose credentials these are: {0}")]
    Identity(#[source] SourceError),
    /// Another process has it.
    #[error("another process carries this run out already")]
    Taken,
    /// It is over.
    #[error("the run is over")]
    Over,
    /// Its journal does not begin as a run's does.
    #[error("the journal does not begin with a plan")]
    NoPlan,
    /// The credentials end before the run can.
    #[error("the credentials end at {ends}, and the plan takes until {until} at least")]
    Credentials {
        /// When they end.
        ends: Timestamp,
        /// When the plan may end.
        until: Timestamp,
    },
    /// The system gave no runtime, signal or session.
    #[error("failed to set the process up: {0}")]
    System(#[from] io::Error),
}

impl EngineError {
    /// What to do next, as a sentence.
    pub fn next_step(&self) -> String {
        let next = match self {
            Self::State(error) => error.next_step(),
            Self::Connect(error) => error.next_step(),
            Self::Probes(_) => "Correct [probes] in the configuration, or use --no-probes.",
            Self::Distrust(error) => error.next_step(),
            Self::Unfamiliar(_) => Unfamiliar::next_step(),
            Self::NotArmed(error) => error.next_step(),
            Self::Start(error) => return error.next_step(),
            Self::Elsewhere { next, .. } => return next.clone(),
            Self::Identity(error) => error.kind.next_step(),
            Self::Taken => "`quarterdeck run attach` shows it.",
            Self::Over => "`quarterdeck run show` shows how it ended.",
            Self::NoPlan => "This run cannot be resumed; `quarterdeck audit verify` says more.",
            Self::Credentials { .. } => "Log in again, then start the run anew.",
            Self::System(_) => "Check the limits of this session (`ulimit -a`).",
        };
        next.to_owned()
    }

    /// Why it was not, as an exit code of the program that asked: 7 where the session may not, 3 and
    /// 4 for guards, 2 for a plan that is not to be carried out, else 1.
    fn code(&self) -> u8 {
        match self {
            Self::NotArmed(_) => 7,
            Self::Start(StartError::Plan { code, .. }) => *code,
            _ => 1,
        }
    }
}

/// Leaves the parent's session. A process that leads its group already, because somebody started
/// it by hand, has nothing to leave.
pub fn leave_session() {
    let _ = rustix::process::setsid();
}

/// What a run's process needs beside its run.
pub struct Surroundings<'a> {
    /// How to reach AWS and the nodes.
    pub settings: &'a Settings,
    /// The clock of the world.
    pub clock: &'a Clock,
    /// The environment.
    pub env: &'a Environment,
    /// The guards.
    pub guards: Arc<Guards>,
}

/// Carries a run out until it is over or steps down. Says one line on `out` and nothing more.
///
/// # Errors
/// Why the run could not be taken up; the same was said on `out`.
pub async fn carry_out(
    run: &RunDir,
    first: Option<Ask>,
    around: Surroundings<'_>,
    out: &mut dyn Write,
) -> Result<Ending, EngineError> {
    let (words, heard) = mpsc::channel(WORDS);
    match take_up(run, first, &around, heard).await {
        Ok((engine, _alive, warnings)) => {
            let listener = control::listen(run)?;
            listen_for_signals(&words)?;
            say(out, &Ready::Ready { warnings });
            let server = tokio::spawn(control::serve(listener, words.clone()));
            let ending = engine.run().await;
            server.abort();
            // From here on nobody listens; a socket that is left behind says nothing.
            let _ = run.path.machine().disk.remove(&run.path.join(super::state::SOCKET));
            Ok(ending)
        }
        Err(error) => {
            let because = error.to_string();
            say(out, &Ready::Refused { because, next: error.next_step(), code: error.code() });
            Err(error)
        }
    }
}

/// Whoever started us may have gone; then nobody needs the line.
fn say(out: &mut dyn Write, ready: &Ready) {
    if let Ok(text) = serde_json::to_string(ready) {
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }
}

/// What is known of a run before a line is written.
struct Asked {
    approved: ApprovedPlan,
    ledger: Ledger,
}

/// Reads a run and refuses what must not be carried out, here, by this version or by this session;
/// nothing is written.
fn may_take_up(
    run: &RunDir,
    first: Option<&Ask>,
    around: &Surroundings<'_>,
) -> Result<Asked, EngineError> {
    let told = run.told().map_err(|error| EngineError::State(error.into()))?;
    trusted(run, &told.lines, None)?;
    let approved = approved(&told.lines).ok_or(EngineError::NoPlan)?;
    let ledger = Ledger::of(&approved, &told.lines);
    if ledger.ended.is_some() {
        return Err(EngineError::Over);
    }
    let begun = ledger.has_begun();
    let back = approved.plan.intent.verb() == Verb::Rollback;
    let goes_on = matches!(first, Some(Ask::Resume)) || !begun && first.is_none();
    if goes_on && !back {
        Arming::of(around.settings)?;
    }
    if goes_on && !ledger.aborting || !ledger.unknown.is_empty() {
        familiar(&told.lines)?;
    }
    // One that never began is held to what a new one is held to.
    if goes_on && !begun {
        acceptable(&approved, around.settings, around.clock.now())?;
    }
    Ok(Asked { approved, ledger })
}

/// Takes a run up: its directory, its journal, its clients.
///
/// # Errors
/// Why it could not be taken up.
pub async fn take_up(
    run: &RunDir,
    first: Option<Ask>,
    around: &Surroundings<'_>,
    words: mpsc::Receiver<Petition>,
) -> Result<(Engine, Alive, Vec<String>), EngineError> {
    let alive = alone(run).await?;
    let now = around.clock.now();
    let Asked { approved, ledger } = may_take_up(run, first.as_ref(), around)?;
    // One that has begun is left as it is by a process that cannot carry it out: whatever is wrong is
    // wrong with that process.
    let begun = ledger.has_begun();
    let early = if begun { Some(set_up(&approved, around, &ledger, now).await?) } else { None };
    let (mut journal, mut lines) =
        Journal::open(&run.path, now).map_err(|error| EngineError::State(error.into()))?;
    let by = who(around.env, around.settings.machine());
    let entry = Entry::TakenUp { by: by.clone(), pid: around.settings.machine().host.process() };
    note(&mut journal, &mut lines, now, entry)?;
    let set_up = match early {
        Some(done) => Ok(done),
        None => set_up(&approved, around, &ledger, now).await,
    };
    let (aws, warnings) = match set_up {
        Ok(done) => done,
        Err(error) => {
            // It has changed nothing, so it is over.
            let end = End::Failed { because: error.to_string() };
            note(&mut journal, &mut lines, now, Entry::Ended { end })?;
            return Err(error);
        }
    };
    // What the caller wants stands in the journal before the caller is told that the process is
    // ready, so that whoever looks then sees it.
    if let Some(ask) = &first {
        let asked = Entry::Asked { ask: ask.clone(), by: by.clone() };
        note(&mut journal, &mut lines, now, asked)?;
        if *ask == Ask::Resume && ledger.held.is_some() {
            note(&mut journal, &mut lines, now, Entry::GoesOn)?;
        }
    }
    // A run that was killed goes on only because somebody says so.
    if ledger.has_begun() && ledger.held.is_none() && first.is_none() {
        let reason = crate::core::run::HoldReason::Asked;
        let because = "its process had ended; resume, roll back or abort it".to_owned();
        note(&mut journal, &mut lines, now, Entry::Held { reason, because })?;
    }
    let given = Given {
        run: run.id.clone(),
        approved,
        aws,
        settings: around.settings.clone(),
        clock: around.clock.clone(),
        journal,
        lines,
        guards: around.guards.clone(),
        by,
    };
    Ok((Engine::new(given, words)?, alive, warnings))
}

/// The lock that says that this process lives.
async fn alone(run: &RunDir) -> Result<Alive, EngineError> {
    for _ in 0..LOCK_TRIES {
        if let Some(alive) = run.take()? {
            return Ok(alive);
        }
        tokio::time::sleep(LOCK_AGAIN).await;
    }
    Err(EngineError::Taken)
}

fn note(
    journal: &mut Journal,
    lines: &mut Vec<Line>,
    now: Timestamp,
    entry: Entry,
) -> Result<(), EngineError> {
    let line = journal.append(now, entry).map_err(|error| EngineError::State(error.into()))?;
    lines.push(line);
    Ok(())
}

/// The plan as it was approved: the journal's first line, which nobody can have edited.
pub fn approved(lines: &[Line]) -> Option<ApprovedPlan> {
    match &lines.first()?.entry {
        Entry::Opened { approved, .. } => Some((**approved).clone()),
        _ => None,
    }
}

/// The same plan with the steps of the way back that the run took by itself, as its views show it.
pub fn plan_so_far(lines: &[Line]) -> Option<Plan> {
    let mut plan = approved(lines)?.plan;
    for line in lines {
        if let Entry::TurnedBack { plan: back, .. } = &line.entry {
            plan.steps.extend(back.steps.iter().cloned());
        }
    }
    Some(plan)
}

async fn set_up(
    approved: &ApprovedPlan,
    around: &Surroundings<'_>,
    ledger: &Ledger,
    now: Timestamp,
) -> Result<(Aws, Vec<String>), EngineError> {
    let armed = Armed::For(calls(&approved.plan).into());
    let aws = Aws::connect_armed(&around.settings.for_sdk(), armed).await?;
    let mut warnings = Vec::new();
    if ledger.has_begun() {
        warnings.extend(must_be_there(&aws, &approved.plan).await?);
    }
    let until = now.checked_add(minimum(&approved.plan, ledger)).unwrap_or(Timestamp::MAX);
    let from_environment = around.settings.for_sdk().profile.is_none()
        && around.env.text("AWS_ACCESS_KEY_ID").is_some();
    // The SDK does not read this one: keys of the environment have no end for it.
    let ends = around.env.text("AWS_CREDENTIAL_EXPIRATION").filter(|_| from_environment);
    match (ends.and_then(|text| text.parse::<Timestamp>().ok()), aws.lasting) {
        (Some(ends), _) if ends < until => return Err(EngineError::Credentials { ends, until }),
        (Some(_), _) | (None, Lasting::Forever | Lasting::Renewed) => {}
        (None, Lasting::Unknown) => warnings.push(
            "The credentials do not say when they end; if they end first, the run holds.".into(),
        ),
    }
    Ok((aws, warnings))
}

/// Refuses credentials of another account, and another region. A way back must not wait for an answer
/// that does not come: a call with the wrong credentials changes nothing, it is denied.
async fn must_be_there(aws: &Aws, plan: &Plan) -> Result<Option<String>, EngineError> {
    let answer = aws.sts.get_caller_identity().send().await;
    match answer.map_err(|error| source_error("GetCallerIdentity", &error)) {
        Ok(answer) => {
            let account = answer.account.unwrap_or_default();
            is_for(plan, &account, &aws.region).map_err(|Refusal { why, next, .. }| {
                EngineError::Elsewhere { why: format!("{why}; nothing was changed or noted"), next }
            })?;
            Ok(None)
        }
        Err(error) => match error.kind {
            ErrorKind::Expired | ErrorKind::NoCredentials | ErrorKind::Denied => {
                Err(EngineError::Identity(error))
            }
            _ => Ok(Some(format!("Whose credentials these are could not be asked: {error}."))),
        },
    }
}

/// How long what is left of a plan takes at least.
fn minimum(plan: &Plan, ledger: &Ledger) -> Duration {
    let plan = ledger.back.as_deref().unwrap_or(plan);
    let left = plan.steps.iter().filter(|step| !ledger.done.contains(&step.number));
    left.map(|step| step.at_least).sum()
}

/// A signal means: finish the call, then hold.
fn listen_for_signals(words: &mpsc::Sender<Petition>) -> io::Result<()> {
    let kinds = [
        (SignalKind::hangup(), "SIGHUP"),
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::interrupt(), "SIGINT"),
    ];
    for (kind, name) in kinds {
        let mut signals = signal(kind)?;
        let words = words.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let (petition, _answer) = Petition::new(Word::Signal(name.into()), Who::default());
                if words.send(petition).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(())
}
