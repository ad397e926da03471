//! `runs` and `run show|attach|hold|resume|abort`.

use super::args::{Format, Output, RunCommand};
use super::execute::{cannot, find, follow, lost, not_armed};
use super::json::{self, Head, OneRunView, RunView, RunsView, StepView, StopView, written_state};
use super::output::Streams;
use super::read::unprintable;
use super::run::on_runtime;
use super::run_words::who;
use super::table::{Table, clean};
use super::words::or_none;
use super::{ExitCode, Failure};
use crate::config::{Environment, Settings};
use crate::core::plan::Confirmation;
use crate::core::rollback_record::RollbackRecord;
use crate::core::rollback_record::by_hand::commands;
use crate::core::run::{Ask, Line, Run, RunState};
use crate::exec::arming::not_read_only;
use crate::exec::process::approved;
use crate::exec::start::{Host, Standing, ask, standing};
use crate::exec::state::RunDir;
use crate::exec::trust::{Unfamiliar, familiar};

/// `runs`.
pub(super) fn list(
    (settings, env): (&Settings, &Environment),
    (streams, format): (&mut Streams<'_>, Format),
) -> Result<ExitCode, Failure> {
    let all = RunDir::all(&settings.state_dir).map_err(|error| lost(&error))?;
    let mut broken = String::new();
    let views = on_runtime(super::console::clock(settings), async |_| {
        let mut views = Vec::new();
        for run in all.iter().rev() {
            match run.told() {
                Ok(told) => {
                    let standing = standing(run, written_state(&told.lines), env).await;
                    views.push(RunView::of(run.id.to_string(), &told.lines, standing));
                }
                // One broken journal hides no other run.
                Err(error) => {
                    let state = RunState::Failed { because: error.to_string() };
                    broken.push_str(&format!("warning: {error}; next: {}\n", error.next_step()));
                    let standing = Standing { state, alive: run.is_alive() };
                    views.push(RunView::of(run.id.to_string(), &[], standing));
                }
            }
        }
        Ok(views)
    })?;
    let text = match format.output {
        Output::Json => json::document(&RunsView { head: Head::local(settings), runs: views })?,
        Output::Table => table(&views),
    };
    let printed = streams.print(&text).map_err(|error| unprintable(&error))?;
    if printed == super::output::Reader::Listens {
        streams.say(&clean_lines(&broken));
    }
    Ok(if broken.is_empty() { ExitCode::Done } else { ExitCode::Failed })
}

fn clean_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", clean(line))).collect()
}

fn table(views: &[RunView]) -> String {
    let mut table = Table::new(["RUN", "VERB", "FROM", "TO", "STATE", "STEP", "BY", "WHY"]);
    for view in views {
        let (state, why) = words(view);
        let step = view.at_step.map(|step| format!("{step}/{}", view.steps_total));
        table.row([
            view.id.clone(),
            or_none(view.verb),
            or_none(view.giving.as_ref()),
            or_none(view.receiving.as_ref()),
            state,
            or_none(step),
            who(&view.by),
            why,
        ]);
    }
    table.render()
}

/// The state in a word or two, and why it is so.
fn words(view: &RunView) -> (String, String) {
    let gone = if view.state.alive { "" } else { ", no process" };
    match &view.state.state {
        RunState::Running if view.state.alive => ("running".into(), String::new()),
        RunState::Running => {
            ("stopped".into(), "its process has ended: resume, roll back or abort it".into())
        }
        RunState::Held { reason, because } => (format!("held ({reason}){gone}"), because.clone()),
        RunState::Done => ("done".into(), String::new()),
        RunState::Aborted => ("aborted".into(), String::new()),
        RunState::RolledBack { by } => ("rolled back".into(), format!("by {by}")),
        RunState::Failed { because } => ("failed".into(), because.clone()),
    }
}

/// `run …`.
pub(super) fn one(
    command: &RunCommand,
    (settings, env): (&Settings, &Environment),
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    match command {
        RunCommand::Show { run, by_hand: true, .. } => by_hand(run, settings, streams),
        RunCommand::Show { run, format, .. } => show(run, (settings, env), (streams, *format)),
        RunCommand::Attach { run, format } => {
            let run = find(settings, run)?;
            on_runtime(super::console::clock(settings), async |_| {
                follow(&run, env, streams, *format).await
            })
        }
        RunCommand::Hold { run } => tell(run, Ask::Hold, (settings, env), streams),
        RunCommand::Resume { run } => tell(run, Ask::Resume, (settings, env), streams),
        // Planned like every verb, before it comes here.
        RunCommand::Rollback { .. } => Ok(ExitCode::Done),
        RunCommand::Override { run, guard, reason, confirm } => {
            confirmed("override a guard", run, confirm.as_deref(), settings)?;
            let ask = Ask::Override { guard: *guard, reason: reason.clone() };
            tell(run, ask, (settings, env), streams)
        }
        RunCommand::Abort { run, confirm } => {
            confirmed("abort the run", run, confirm.as_deref(), settings)?;
            tell(run, Ask::Abort, (settings, env), streams)
        }
    }
}

fn read(run: &RunDir) -> Result<Vec<Line>, Failure> {
    run.told().map(|told| told.lines).map_err(|error| lost(&error.into()))
}

/// The way back as commands of AWS's own command line, by the plan in the journal.
fn by_hand(
    asked: &str,
    settings: &Settings,
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    let run = find(settings, asked)?;
    let plan = approved(&read(&run)?).map(|approved| approved.plan);
    let lines = plan.map(|plan| commands(&RollbackRecord::of_plan(&run.id, "", &plan)));
    let text: String = lines.into_iter().flatten().map(|line| format!("{line}\n")).collect();
    let text = if text.is_empty() { "# Nothing is to be put back.\n".to_owned() } else { text };
    match streams.print(&text) {
        Ok(_) => Ok(ExitCode::Done),
        Err(error) => Err(unprintable(&error)),
    }
}

fn show(
    asked: &str,
    (settings, env): (&Settings, &Environment),
    (streams, format): (&mut Streams<'_>, Format),
) -> Result<ExitCode, Failure> {
    let run = find(settings, asked)?;
    let lines = read(&run)?;
    let standing = on_runtime(super::console::clock(settings), async |_| {
        Ok(standing(&run, written_state(&lines), env).await)
    })?;
    let view = OneRunView {
        head: Head::local(settings),
        run: RunView::of(run.id.to_string(), &lines, standing),
        steps: StepView::all(&lines),
        safe_to_stop: StopView::all(&lines),
        notes: notes(&lines),
    };
    let text = match format.output {
        Output::Json => json::document(&view)?,
        Output::Table => shown(&view),
    };
    match streams.print(&text) {
        Ok(_) => Ok(code(&view.run)),
        Err(error) => Err(unprintable(&error)),
    }
}

/// What an operator must know of a run beside its steps: guards that are overridden, and notes of
/// another version.
fn notes(lines: &[Line]) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(run) = Run::fold(lines) {
        let options = &run.plan.options;
        let reason = options.reason.as_deref().unwrap_or("no reason was given");
        let names: Vec<String> = options.overrides.iter().map(ToString::to_string).collect();
        if !names.is_empty() {
            notes.push(format!("overridden: {} ({reason})", names.join(", ")));
        }
    }
    if let Err(unfamiliar) = familiar(lines) {
        notes.push(format!(
            "warning: {unfamiliar}. It is not resumed here. {}",
            Unfamiliar::next_step()
        ));
    }
    notes
}

/// How a run stands, as an exit code.
fn code(view: &RunView) -> ExitCode {
    match &view.state.state {
        RunState::Running if view.state.alive => ExitCode::Done,
        RunState::Running | RunState::Held { .. } => ExitCode::Holds,
        RunState::Done => ExitCode::Done,
        RunState::Aborted | RunState::Failed { .. } => ExitCode::Failed,
        RunState::RolledBack { .. } => ExitCode::RolledBack,
    }
}

fn shown(view: &OneRunView) -> String {
    let (state, why) = words(&view.run);
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    let verb = or_none(view.run.verb);
    let mut text = format!("{}\n", clean(&format!("{} {verb}: {state}{why}", view.run.id)));
    let mut table = Table::new(["STEP", "DOES", "WHAT", "BEGAN", "SENT", "DONE"]);
    let time = |at: Option<jiff::Timestamp>| at.map(|at| at.strftime("%H:%M:%SZ").to_string());
    for step in &view.steps {
        table.row([
            step.number.to_string(),
            step.action.clone(),
            step.title.clone(),
            or_none(time(step.began)),
            or_none(time(step.sent)),
            match (step.skipped, step.began) {
                (true, None) => "skipped".to_owned(),
                (true, Some(_)) => "left".to_owned(),
                (false, _) => or_none(time(step.done)),
            },
        ]);
    }
    text.push_str(&table.render());
    for line in &view.notes {
        text.push_str(&format!("{}\n", clean(line)));
    }
    for node in &view.safe_to_stop {
        let said = super::run_words::stop(&node.instance_id, &node.told);
        text.push_str(&format!("{}\n", clean(&said)));
    }
    text
}

fn tell(
    asked: &str,
    word: Ask,
    (settings, env): (&Settings, &Environment),
    streams: &mut Streams<'_>,
) -> Result<ExitCode, Failure> {
    not_read_only(settings).map_err(not_armed)?;
    let run = find(settings, asked)?;
    read(&run)?;
    let said = on_runtime(super::console::clock(settings), async |clock| {
        let host = Host { settings, clock: &clock, env };
        ask(&run, word, host).await.map_err(|error| cannot("tell the run", &error))
    })?;
    let text = format!("{}: {}\n", run.id, clean(&said));
    match streams.print(&text) {
        Ok(_) => Ok(ExitCode::Done),
        Err(error) => Err(unprintable(&error)),
    }
}

/// Ending a run early is agreed to as its plan was: by the fleet's name.
fn confirmed(
    what: &str,
    asked: &str,
    typed: Option<&str>,
    settings: &Settings,
) -> Result<(), Failure> {
    let run = find(settings, asked)?;
    let lines = read(&run)?;
    let plan = approved(&lines).map(|approved| approved.plan);
    let name = plan.and_then(|plan| match plan.confirmation {
        Confirmation::Type(name) => Some(name),
        Confirmation::YesNo => plan.giving,
    });
    match name {
        Some(name) if typed != Some(name.as_str()) => Err(Failure {
            what: what.into(),
            causes: vec![match typed {
                Some(typed) => format!("{typed:?} was typed, and the fleet is {name}"),
                None => "the fleet's name was not typed".into(),
            }],
            next: format!("Add --confirm {name}."),
            code: ExitCode::Usage,
        }),
        _ => Ok(()),
    }
}
