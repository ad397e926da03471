//! `audit check`: each journal held against the rules of runs: lawful, or the first line that is not.

use super::args::{Format, Output};
use super::execute::lost;
use super::json::{self, Head};
use super::output::Streams;
use super::read::unprintable;
use super::run_words::said;
use super::table::Table;
use super::{ExitCode, Failure};
use crate::config::Settings;
use crate::core::run::rules::{Checker, Rule};
use crate::exec::journal::JournalError;
use crate::exec::process::plan_so_far;
use crate::exec::state::RunDir;
use serde::Serialize;

/// What `audit check -o json` says.
#[derive(Serialize)]
struct CheckView<'a> {
    #[serde(flatten)]
    head: Head,
    check: &'a [Verdict],
}

/// What is said of one run.
#[derive(Serialize)]
struct Verdict {
    run: String,
    lines: usize,
    /// `null` where the journal cannot be read.
    lawful: Option<bool>,
    /// The first line that breaks a rule, or that is not as it was written.
    line: Option<u64>,
    rule: Option<Rule>,
    /// The rule as a sentence, or why the journal cannot be read.
    because: Option<String>,
    /// How the line breaks it.
    why: Option<String>,
    /// The line in words.
    said: Option<String>,
}

pub(super) fn run(
    asked: Option<&str>,
    settings: &Settings,
    (streams, format): (&mut Streams<'_>, Format),
) -> Result<ExitCode, Failure> {
    let runs = match asked {
        Some(id) => RunDir::find(&settings.state_dir, id).map(|run| vec![run]),
        None => RunDir::all(&settings.state_dir),
    };
    let runs = runs.map_err(|error| lost(&error))?;
    let all: Vec<Verdict> = runs.iter().map(verdict).collect();
    let text = match format.output {
        Output::Table => table(&all),
        Output::Json => json::document(&CheckView { head: Head::local(settings), check: &all })?,
    };
    if let Err(error) = streams.print(&text) {
        return Err(unprintable(&error));
    }
    match all.iter().find(|one| one.lawful != Some(true)) {
        None => Ok(ExitCode::Done),
        Some(one) => Err(failure(one)),
    }
}

fn verdict(run: &RunDir) -> Verdict {
    let mut verdict = Verdict {
        run: run.id.to_string(),
        lines: 0,
        lawful: None,
        line: None,
        rule: None,
        because: None,
        why: None,
        said: None,
    };
    let told = match run.told() {
        Ok(told) => told,
        Err(error) => {
            if let JournalError::Broken { line, .. } = &error {
                verdict.line = Some(*line);
            }
            verdict.because = Some(error.to_string());
            return verdict;
        }
    };
    verdict.lines = told.lines.len();
    match Checker::check(&told.lines) {
        Ok(_) => verdict.lawful = Some(true),
        Err(unlawful) => {
            let plan = plan_so_far(&told.lines);
            let line = told.lines.iter().find(|line| line.number == unlawful.line);
            verdict.lawful = Some(false);
            verdict.line = Some(unlawful.line);
            verdict.rule = Some(unlawful.rule);
            verdict.because = Some(unlawful.rule.sentence().to_owned());
            verdict.why = Some(unlawful.why);
            verdict.said = line.map(|line| said(line, plan.as_ref()).trim_end().to_owned());
        }
    }
    verdict
}

fn table(all: &[Verdict]) -> String {
    let mut table = Table::new(["RUN", "LINES", "RULES", "WHY"]);
    for one in all {
        let line = one.line.map(|line| format!(" at line {line}")).unwrap_or_default();
        let verdict = match one.lawful {
            Some(true) => "lawful".to_owned(),
            Some(false) => format!("broken{line}"),
            None => format!("unreadable{line}"),
        };
        let parts = [&one.because, &one.why, &one.said];
        let why: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        table.row([one.run.clone(), one.lines.to_string(), verdict, why.join(" | ")]);
    }
    table.render()
}

/// The first journal that is not lawful, as the command's failure.
#[derive(Debug, thiserror::Error)]
#[error("run {run}{line}: {because}{why}")]
struct NotLawful {
    run: String,
    line: String,
    because: String,
    why: String,
}

fn failure(one: &Verdict) -> Failure {
    let cause = NotLawful {
        run: one.run.clone(),
        line: one.line.map(|line| format!(", line {line}")).unwrap_or_default(),
        because: one.because.clone().unwrap_or_default(),
        why: one.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default(),
    };
    let next = match one.lawful {
        Some(_) => "Look at that line with `quarterdeck audit`, and compare the world by hand.",
        None => "`quarterdeck audit verify` says which line is not as it was written.",
    };
    Failure::new(ExitCode::Failed, "hold the journals against the rules", &cause, next)
}
