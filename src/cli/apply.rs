//! `apply PLANFILE`: prints the plan of a file, and with `--operate --execute` carries it out.

use super::args::{ExecuteArgs, Format, Output};
use super::execute::{execute, not_armed};
use super::output::Streams;
use super::read::unprintable;
use super::run_words::action;
use super::table::Table;
use super::{ExitCode, Failure, json};
use crate::config::{Environment, Settings};
use crate::core::plan::Plan;
use crate::exec::arming::Arming;
use std::path::Path;

pub(super) fn run(
    file: &Path,
    args: &ExecuteArgs,
    (settings, env): (&Settings, &Environment),
    (streams, format): (&mut Streams<'_>, Format),
) -> Result<ExitCode, Failure> {
    let plan = read(file)?;
    if args.execute {
        // A file says nothing of who made it, so this is armed whatever its plan is.
        Arming::of(settings).map_err(not_armed)?;
        return execute(plan, args, (settings, env), (streams, format));
    }
    let text = match format.output {
        Output::Json => json::document(&plan)?,
        Output::Table => shown(&plan),
    };
    match streams.print(&text) {
        Ok(_) => Ok(code(&plan)),
        Err(error) => Err(unprintable(&error)),
    }
}

fn read(file: &Path) -> Result<Plan, Failure> {
    let what = format!("read the plan {}", file.display());
    let next = "Give a file that `quarterdeck plan … -o json` has written.";
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(ExitCode::Usage, what.clone(), &error, next))?;
    serde_json::from_str(&text).map_err(|error| Failure::new(ExitCode::Usage, what, &error, next))
}

/// How a plan could be carried out, as an exit code.
fn code(plan: &Plan) -> ExitCode {
    use crate::core::plan::guard::Effect;
    match plan.guards.iter().map(|report| report.effect).max() {
        Some(Effect::Blocks) => ExitCode::Blocked,
        Some(Effect::CannotTell) => ExitCode::LacksData,
        _ => ExitCode::Done,
    }
}

fn shown(plan: &Plan) -> String {
    let mut table = Table::new(["STEP", "DOES", "WHAT", "AT LEAST"]);
    for step in &plan.steps {
        table.row([
            step.number.to_string(),
            action(&step.action),
            step.title.clone(),
            format!("{}s", step.at_least.as_secs()),
        ]);
    }
    table.render()
}
