//! `plan INTENT …` and the verbs: reads a full round, plans, prints the plan with its guards; with
//! `--execute` the plan is then carried out, as it was printed.

use super::args::Output;
use super::execute::{execute, not_armed};
use super::output::{Reader, Streams};
use super::table::clean;
use super::verb_args::VerbCommand;
use super::world::{Round, World};
use super::{ExitCode, Failure, json, plan_text, read};
use crate::config::{Environment, Settings};
use crate::core::plan::{self, Intent, Plan, Refusal, RefusalKind, Request};
use crate::core::rollback_record::RollbackView;
use crate::core::run::{Run, RunId};
use crate::engine::planning::{self, Beside};
use crate::engine::records::Records;
use crate::exec::arming::{Arming, not_read_only};

/// A verb: its plan is printed, or carried out.
pub(super) fn run<W: World>(
    (settings, env): (&Settings, &Environment),
    world: &W,
    streams: &mut Streams<'_>,
    command: &VerbCommand,
) -> Result<ExitCode, Failure> {
    let act = command.act();
    if !act.execute.execute {
        return print(settings, world, streams, command);
    }
    // Whoever may change nothing is told so before anything is read. The way back of a run of this
    // state directory needs no armed session.
    let may = match command {
        VerbCommand::Rollback { .. } => not_read_only(settings),
        _ => Arming::of(settings).map(|_| ()),
    };
    may.map_err(not_armed)?;
    let Some((plan, missing)) = planned(settings, world, streams, command)? else {
        return Ok(ExitCode::Done);
    };
    streams.say(&missing);
    if act.format.output == Output::Table {
        streams.say(&plan_text::body(&plan));
    }
    execute(plan, &act.execute, (settings, env), (streams, act.format))
}

/// `plan INTENT …`: prints, whatever is allowed.
pub(super) fn show<W: World>(
    settings: &Settings,
    world: &W,
    streams: &mut Streams<'_>,
    command: &VerbCommand,
) -> Result<ExitCode, Failure> {
    if command.act().execute.execute {
        let verb = command.verb();
        return Err(Failure {
            what: format!("plan the {verb}"),
            causes: vec!["`plan` changes nothing, and --execute was given".into()],
            next: format!("`quarterdeck {verb} … --operate --execute` carries it out."),
            code: ExitCode::Usage,
        });
    }
    print(settings, world, streams, command)
}

fn print<W: World>(
    settings: &Settings,
    world: &W,
    streams: &mut Streams<'_>,
    command: &VerbCommand,
) -> Result<ExitCode, Failure> {
    let Some((plan, missing)) = planned(settings, world, streams, command)? else {
        return Ok(ExitCode::Done);
    };
    let (text, code) = answer(&plan, command)?;
    let printed = streams.print(&text).map_err(|error| read::unprintable(&error))?;
    if printed == Reader::Listens {
        streams.say(&missing);
    }
    Ok(code)
}

/// The plan, made on a full round, and what that lacks; `None`, said aloud, where there is nothing to do.
fn planned<W: World>(
    settings: &Settings,
    world: &W,
    streams: &mut Streams<'_>,
    command: &VerbCommand,
) -> Result<Option<(Plan, String)>, Failure> {
    let settings = &settings.unnarrowed();
    let round = read::round(settings, world)?;
    let records = Records::of(&round);
    let beside = Beside { runs: world.runs(settings), records, watched: Vec::new() };
    let made = make(settings, &round, &beside, command);
    match made {
        Ok(plan) => Ok(Some((plan, read::missing(&round.lacking)))),
        Err(refusal) if refusal.kind == RefusalKind::NothingToDo => {
            streams.say(&format!("nothing to do: {}\n", clean(&refusal.why)));
            Ok(None)
        }
        Err(refusal) => {
            streams.say(&read::missing(&round.lacking));
            Err(failure(command, refusal))
        }
    }
}

/// The plan for what is wanted in a round.
pub(super) fn make(
    settings: &Settings,
    round: &Round,
    beside: &Beside,
    command: &VerbCommand,
) -> Result<Plan, Refusal> {
    let picture = planning::picture(settings, round);
    let intent =
        match command.intent(&picture, last(&beside.runs, &round.estate.rollbacks).as_ref())? {
            Intent::Rollback { run } => Intent::Rollback { run: whole(&beside.runs, run)? },
            other => other,
        };
    let request = Request { intent, options: command.options() };
    planning::make(settings, round, beside, &request)
}

/// The run that a rollback without one means: the last that is not over; else the one that has left a
/// rollback record, on whatever host it ran; else the last.
fn last(runs: &[Run], left: &[RollbackView]) -> Option<RunId> {
    let open = runs.iter().filter(|run| !run.state.is_over()).map(|run| run.id.clone()).max();
    let left = left.iter().filter(|view| !view.locked).filter_map(|view| view.said.as_ref().ok());
    let left = left.map(|said| said.run.clone()).max();
    open.or(left).or_else(|| runs.iter().map(|run| run.id.clone()).max())
}

/// The run whose id begins so, where only one does.
fn whole(runs: &[Run], asked: RunId) -> Result<RunId, Refusal> {
    let fitting = runs.iter().map(|run| &run.id);
    let fitting: Vec<&RunId> =
        fitting.filter(|id| id.as_str().starts_with(asked.as_str())).collect();
    match fitting.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Ok(asked),
        all if all.contains(&&asked) => Ok(asked),
        all => {
            let names: Vec<&str> = all.iter().map(|id| id.as_str()).collect();
            let why = format!("several runs begin with {asked}: {}", names.join(", "));
            Err(Refusal::new(RefusalKind::Usage, why, "Give more of the id."))
        }
    }
}

/// What is printed, and the exit code that the guards call for.
fn answer(plan: &Plan, command: &VerbCommand) -> Result<(String, ExitCode), Failure> {
    let text = match command.act().format.output {
        Output::Json => json::document(plan)?,
        Output::Table => plan_text::render(plan),
    };
    let code = match plan::guards::exit_code(&plan.guards) {
        0 => ExitCode::Done,
        3 => ExitCode::Blocked,
        _ => ExitCode::LacksData,
    };
    Ok((text, code))
}

/// A refusal as a failure.
pub(super) fn failure(command: &VerbCommand, refusal: Refusal) -> Failure {
    let code = match refusal.kind {
        RefusalKind::Usage => ExitCode::Usage,
        RefusalKind::Blocked => ExitCode::Blocked,
        RefusalKind::Unknown => ExitCode::LacksData,
        RefusalKind::NothingToDo => ExitCode::Done,
    };
    let what = format!("plan the {}", command.verb());
    Failure { what, causes: vec![refusal.why], next: refusal.next, code }
}
