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
use crate::core::run::{Entry, Line};
use crate::exec::journal::JournalError;
use crate::exec::process::plan_so_far;
use crate::exec::state::RunDir;
use crate::exec::trust::trusted;
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
    /// What is wrong beside the chain.
    wrong: Option<String>,
    /// What the chain cannot tell.
    cannot_tell: Option<String>,
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
    let (mut broken, mut amiss) = (Vec::new(), false);
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
        let wrong = told.as_ref().and_then(|told| wrong(run, &told.lines));
        amiss |= wrong.is_some();
        all.push(RunLines {
            wrong,
            cannot_tell: told.as_ref().and_then(|told| cannot_tell(&told.lines)),
            run: run.id.to_string(),
            broken: view,
            torn_bytes: told.as_ref().map_or(0, |told| told.torn),
            lines: told.map(|told| told.lines).unwrap_or_default(),
        });
    }
    let verifies = command.is_some();
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
        None if amiss && verifies => Ok(ExitCode::Failed),
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
            None => {
                let why = run.wrong.as_ref().or(run.cannot_tell.as_ref()).cloned();
                let chain = if run.lines.is_empty() { "empty" } else { "whole" };
                (chain.to_owned(), why.unwrap_or_default())
            }
        };
        table.row([run.run.clone(), run.lines.len().to_string(), verdict, why]);
    }
    let mut text = table.render();
    if !all.is_empty() {
        text.push_str(CANNOT_TELL);
    }
    text
}

/// What no chain can tell that lies beside nothing else.
const CANNOT_TELL: &str = "A whole chain says that no single line was changed, lost or put in. A journal that was rewritten \
     from some line to its end, by somebody who may write the file, looks whole too: compare with \
     the webhook's events and with CloudTrail.\n";

/// What is wrong with a run whose chain is whole.
fn wrong(run: &RunDir, lines: &[Line]) -> Option<String> {
    if lines.is_empty() {
        let why = "the journal is empty: a run's first line is written before anything else, so its \
                   lines were removed";
        return Some(why.to_owned());
    }
    trusted(run, lines, None).err().map(|error| error.to_string())
}

/// What a whole chain leaves open.
fn cannot_tell(lines: &[Line]) -> Option<String> {
    let over = lines.iter().any(|line| matches!(line.entry, Entry::Ended { .. }));
    let last = lines.last().filter(|_| !over)?;
    let number = last.number;
    Some(format!("not over: lines after {number} that were cut off whole would not be missed"))
}
