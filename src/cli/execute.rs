//! Carrying a plan out, as every verb with `--execute` does: armed, agreed to, started, followed until it ends
//! or holds. The run has a process of its own, so that interrupting this one changes nothing.

use super::args::{ExecuteArgs, Format, Output};
use super::json;
use super::output::{Reader, Streams};
use super::read::unprintable;
use super::run::on_runtime;
use super::run_words::said;
use super::table::clean;
use super::{ExitCode, Failure};
use crate::config::{Environment, Settings};
use crate::core::plan::guard::Effect;
use crate::core::plan::{ApprovedPlan, Plan};
use crate::core::run::journal::{End, Entry, Outcome};
use crate::core::run::{HoldReason, Line};
use crate::exec::arming::{Arming, NotArmed};
use crate::exec::start::{Host, StartError, start};
use crate::exec::state::{RunDir, StateError, who};
use std::time::Duration;

/// How often a followed journal is looked at.
const LOOK: Duration = Duration::from_millis(150);

/// Starts a plan's run and follows it.
pub(super) fn execute(
    plan: Plan,
    args: &ExecuteArgs,
    (settings, env): (&Settings, &Environment),
    (streams, format): (&mut Streams<'_>, Format),
) -> Result<ExitCode, Failure> {
    let armed = Arming::of(settings);
    on_runtime(super::console::clock(settings), async |clock| {
        let host = Host { settings, clock: &clock, env };
        let approved = ApprovedPlan {
            plan,
            approved_at: clock.now(),
            by: who(env, settings.machine()),
            typed: args.confirm.clone().unwrap_or_default(),
        };
        let started = start(&approved, armed, host);
        let (id, warnings) = started.map_err(|error| cannot("start the run", &error))?;
        for warning in warnings {
            streams.say(&format!("note: {}\n", clean(&warning)));
        }
        if args.detach {
            let text = match format.output {
                Output::Table => format!("{id}\n"),
                Output::Json => json::line(&serde_json::json!({ "run": id }))?,
            };
            return match streams.print(&text) {
                Ok(_) => Ok(ExitCode::Done),
                Err(error) => Err(unprintable(&error)),
            };
        }
        let run = find(settings, id.as_str())?;
        follow(&run, env, streams, format).await
    })
}

/// Finds a run, or says which there are.
pub(super) fn find(settings: &Settings, asked: &str) -> Result<RunDir, Failure> {
    RunDir::find(&settings.state_dir, asked).map_err(|error| lost(&error))
}

/// Why the state directory did not serve.
pub(super) fn lost(error: &StateError) -> Failure {
    let code = if error.is_usage() { ExitCode::Usage } else { ExitCode::Failed };
    Failure::new(code, "read the runs", error, error.next_step())
}

pub(super) fn not_armed(error: NotArmed) -> Failure {
    Failure::new(ExitCode::NotAllowed, "change anything", &error, error.next_step())
}

pub(super) fn cannot(what: &str, error: &StartError) -> Failure {
    let code = match error {
        StartError::Plan { code: 3, .. } => ExitCode::Blocked,
        StartError::Plan { code: 4, .. } => ExitCode::LacksData,
        StartError::Plan { code: 7, .. } | StartError::NotArmed(_) => ExitCode::NotAllowed,
        StartError::Plan { .. } => ExitCode::Usage,
        StartError::State(error) if error.is_usage() => ExitCode::Usage,
        _ => ExitCode::Failed,
    };
    Failure::new(code, what, error, error.next_step())
}

/// Follows a run until it ends or holds; being interrupted ends the following, not the run.
pub(super) async fn follow(
    run: &RunDir,
    env: &Environment,
    streams: &mut Streams<'_>,
    format: Format,
) -> Result<ExitCode, Failure> {
    tokio::select! {
        biased;
        stop = tokio::signal::ctrl_c() => {
            streams.say(&format!(
                "the run goes on without this terminal; `quarterdeck run attach {}` follows it again\n",
                run.id
            ));
            stop.map_or_else(|error| Err(super::read::interrupted(Err(error))), |()| Ok(ExitCode::Interrupted))
        }
        code = tail(run, env, streams, format) => code,
    }
}

async fn tail(
    run: &RunDir,
    env: &Environment,
    streams: &mut Streams<'_>,
    format: Format,
) -> Result<ExitCode, Failure> {
    let mut shown = 0;
    let mut told = Told::default();
    loop {
        let alive = run.is_alive();
        let lines = run.told().map_err(|error| lost(&error.into()))?.lines;
        for line in lines.iter().skip(shown) {
            told.take(line);
            let text = match format.output {
                Output::Json => json::line(line)?,
                Output::Table => said(line, told.plan.as_ref()),
            };
            match streams.print(&text) {
                Ok(Reader::Listens) => {}
                Ok(Reader::Left) => return Ok(ExitCode::Done),
                Err(error) => return Err(unprintable(&error)),
            }
        }
        let more = lines.len() > shown;
        shown = lines.len();
        if let Some(code) = told.code() {
            return Ok(code);
        }
        if !alive && !more {
            let next = format!("`quarterdeck run resume {0}` or `run abort {0}`.", run.id);
            streams.say(&format!("the run's process has ended; next: {next}\n"));
            return Ok(ExitCode::Holds);
        }
        if !more && let Some(because) = held_silently(run, env).await {
            streams.say(&format!("the run holds: {}\n", clean(&because)));
            return Ok(ExitCode::Holds);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A run whose journal cannot be written holds and says so only when asked.
async fn held_silently(run: &RunDir, env: &Environment) -> Option<String> {
    use crate::core::run::RunState;
    let written = RunState::Running;
    match crate::exec::start::standing(run, written, env).await.state {
        RunState::Held { reason: HoldReason::Journal, because } => Some(because),
        _ => None,
    }
}

/// What decides how following ends.
#[derive(Default)]
struct Told {
    plan: Option<Plan>,
    held: Option<HoldReason>,
    end: Option<End>,
    changed: bool,
    /// The worst of the guards as last noted.
    guards: Option<Effect>,
}

impl Told {
    fn take(&mut self, line: &Line) {
        match &line.entry {
            Entry::Opened { approved, .. } => self.plan = Some(approved.plan.clone()),
            Entry::Held { reason, .. } => self.held = Some(*reason),
            Entry::GoesOn | Entry::Asked { ask: crate::core::run::Ask::Abort, .. } => {
                self.held = None;
            }
            Entry::Outcome { outcome: Outcome::Accepted { .. } | Outcome::AlreadyDone, .. } => {
                self.changed = true;
            }
            Entry::Guards { reports, .. } => {
                self.guards = reports.iter().map(|report| report.effect).max();
            }
            Entry::TurnedBack { plan, .. } => {
                let steps = plan.steps.iter().cloned();
                self.plan.iter_mut().for_each(|shown| shown.steps.extend(steps.clone()));
            }
            Entry::Ended { end } => self.end = Some(end.clone()),
            _ => {}
        }
    }

    fn code(&self) -> Option<ExitCode> {
        match (&self.end, self.held) {
            (Some(End::Done), _) => Some(ExitCode::Done),
            (Some(End::RolledBack { .. }), _) => Some(ExitCode::RolledBack),
            (Some(End::Failed { .. }), _)
                if !self.changed && self.guards == Some(Effect::Blocks) =>
            {
                Some(ExitCode::Blocked)
            }
            (Some(End::Failed { .. }), _)
                if !self.changed && self.guards == Some(Effect::CannotTell) =>
            {
                Some(ExitCode::LacksData)
            }
            (Some(End::Aborted | End::Failed { .. }), _) => Some(ExitCode::Failed),
            (None, Some(HoldReason::Denied)) if !self.changed => Some(ExitCode::NotAllowed),
            (None, Some(_)) => Some(ExitCode::Holds),
            (None, None) => None,
        }
    }
}
