//! `audit`: every line of every run's journal; `audit verify`: whether each chain is whole. `audit
//! check` is in `audit_check`.

use super::args::{AuditCommand, Format, Output};
use super::execute::lost;
use super::json::{self, Head};
use super::output::Streams;
use super::read::unprintable;
use super::run_words::said;
use super::table::{Table, clean};
use super::{ExitCode, Failure, audit_check};
use crate::config::Settings;
use crate::core::run::Line;
use crate::exec::journal::JournalError;
use crate::exec::process::plan_so_far;
use crate::exec::state::RunDir;
use serde::Serialize;

/// What `audit -o json` says.
#[derive(Serialize)]
struct AuditView {
    #[serde(flatten)]
    head: Head,
    audit: Vec<RunLines>,
}

#[derive(Serialize)]
struct RunLines {
    run: String,
    /// The first broken line, where the chain is broken.
    broken: Option<BrokenView>,
    torn_bytes: u64,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct BrokenView {
    line: Option<u64>,
    why: String,
}

pub(super) fn run(
    command: Option<AuditCommand>,
    settings: &Settings,
    (streams, format): (&mut Streams<'_>, Format),
) -> Result<ExitCode, Failure> {
    if let Some(AuditCommand::Check { run, format: own }) = &command {
        let format = if own.output == Output::Json { *own } else { format };
        return audit_check::run(run.as_deref(), settings, (streams, format));
    }
    let runs = RunDir::all(&settings.state_dir).map_err(|error| lost(&error))?;
    let mut broken = Vec::new();
    let mut all = Vec::new();
    for run in &runs {
        let (told, error) = match run.told() {
            Ok(told) => (Some(told), None),
            Err(error) => (None, Some(error)),
        };
        let view = error.as_ref().map(|error| BrokenView {
            line: match error {
                JournalError::Broken { line, .. } => Some(*line),
                _ => None,
            },
            why: error.to_string(),
        });
        broken.extend(error);
        all.push(RunLines {
            run: run.id.to_string(),
            broken: view,
            torn_bytes: told.as_ref().map_or(0, |told| told.torn),
            lines: told.map(|told| told.lines).unwrap_or_default(),
        });
    }
    let text = match (format.output, command) {
        (Output::Json, None) => {
            json::document(&AuditView { head: Head::local(settings), audit: all })?
        }
        (Output::Json, Some(_)) => {
            let bare = |run: RunLines| RunLines { lines: Vec::new(), ..run };
            let audit = all.into_iter().map(bare).collect();
            json::document(&AuditView { head: Head::local(settings), audit })?
        }
        (Output::Table, None) => lines(&all),
        (Output::Table, Some(_)) => verdicts(&all),
    };
    if let Err(error) = streams.print(&text) {
        return Err(unprintable(&error));
    }
    match broken.first() {
        None => Ok(ExitCode::Done),
        Some(error) => {
            Err(Failure::new(ExitCode::Failed, "verify the audit", error, error.next_step()))
        }
    }
}

fn lines(all: &[RunLines]) -> String {
    let mut text = String::new();
    for run in all {
        let plan = plan_so_far(&run.lines);
        for line in &run.lines {
            text.push_str(&format!("{}  {}", run.run, said(line, plan.as_ref())));
        }
        if let Some(broken) = &run.broken {
            text.push_str(&format!("{}  BROKEN: {}\n", run.run, clean(&broken.why)));
        }
    }
    text
}

fn verdicts(all: &[RunLines]) -> String {
    let mut table = Table::new(["RUN", "LINES", "CHAIN", "WHY"]);
    for run in all {
        let (verdict, why) = match &run.broken {
            Some(broken) => {
                let line = broken.line.map(|line| format!("broken at line {line}"));
                (line.unwrap_or_else(|| "unreadable".to_owned()), broken.why.clone())
            }
            None if run.torn_bytes > 0 => {
                ("whole".to_owned(), format!("a last line of {} bytes is torn", run.torn_bytes))
            }
            None => ("whole".to_owned(), String::new()),
        };
        table.row([run.run.clone(), run.lines.len().to_string(), verdict, why]);
    }
    table.render()
}
