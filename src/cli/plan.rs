//! `plan INTENT …` and the verbs: reads a full round, plans, prints the plan with its guards. Nothing
//! is changed here.

use super::args::Output;
use super::output::{Reader, Streams};
use super::table::clean;
use super::verb_args::VerbCommand;
use super::world::{Round, World};
use super::{ExitCode, Failure, json, plan_text, read};
use crate::config::Settings;
use crate::core::plan::{self, Plan, Refusal, RefusalKind, Request};
use crate::core::run::Run;
use crate::engine::planning;

/// Prints a verb's plan.
pub(super) fn run<W: World>(
    settings: &Settings,
    world: &W,
    streams: &mut Streams<'_>,
    command: &VerbCommand,
) -> Result<ExitCode, Failure> {
    let round = read::round(settings, world)?;
    let made = make(settings, &round, world.runs(settings), command);
    let (text, code) = match made {
        Ok(plan) => answer(&plan, command)?,
        Err(refusal) if refusal.kind == RefusalKind::NothingToDo => {
            streams.say(&format!("nothing to do: {}\n", clean(&refusal.why)));
            return Ok(ExitCode::Done);
        }
        Err(refusal) => {
            streams.say(&read::missing(&round.lacking));
            return Err(failure(command, refusal));
        }
    };
    let printed = streams.print(&text).map_err(|error| read::unprintable(&error))?;
    if printed == Reader::Listens {
        streams.say(&read::missing(&round.lacking));
    }
    Ok(code)
}

/// The plan for what is wanted in a round.
pub(super) fn make(
    settings: &Settings,
    round: &Round,
    runs: Vec<Run>,
    command: &VerbCommand,
) -> Result<Plan, Refusal> {
    let last = runs.iter().filter(|run| !run.state.is_over()).map(|run| run.id.clone()).max();
    let context = planning::context(round, runs);
    let picture = planning::picture(settings, round);
    let intent = command.intent(&picture, last.as_ref())?;
    plan::plan(&picture, &Request { intent, options: command.options() }, &context)
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
