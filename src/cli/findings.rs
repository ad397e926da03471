//! `findings`: what disagrees, worst first.

use super::args::{Format, Output};
use super::json::{self, FindingsView};
use super::read::Answer;
use super::table::Table;
use super::words::{bucket, or_none};
use super::world::Round;
use super::{ExitCode, Failure};
use crate::core::finding::{Finding, FindingKind, Severity};
use crate::core::observed::age;
use std::collections::BTreeSet;

pub(super) fn answer(
    round: &Round,
    fail_on: Option<Severity>,
    format: Format,
) -> Result<Answer, Failure> {
    let text = match format.output {
        Output::Json => json::document(&FindingsView::of(round))?,
        Output::Table => render(round),
    };
    Ok(Answer { text, code: code(&round.estate.findings, fail_on) })
}

fn code(findings: &[Finding], fail_on: Option<Severity>) -> ExitCode {
    let bad = |limit| findings.iter().any(|finding| finding.severity >= limit);
    if fail_on.is_some_and(bad) { ExitCode::Failed } else { ExitCode::Done }
}

fn render(round: &Round) -> String {
    let findings = &round.estate.findings;
    if findings.is_empty() {
        let partly = if round.lacking.is_empty() { "" } else { " in what could be read" };
        return format!("no findings{partly}\n");
    }
    let mut table =
        Table::new(["SEVERITY", "KIND", "STACK", "INSTANCE", "SINCE", "FIX", "SUMMARY"]);
    for finding in findings {
        table.row([
            finding.severity.to_string(),
            finding.kind.to_string(),
            or_none(finding.stack_id.as_ref()),
            or_none(finding.instance_id.as_ref()),
            bucket(age(finding.since, round.as_of)),
            or_none(finding.fix),
            finding.summary.clone(),
        ]);
    }
    format!("{}\n{}", table.render(), runbook(findings))
}

/// What to do about each kind, once.
fn runbook(findings: &[Finding]) -> String {
    let mut said: BTreeSet<FindingKind> = BTreeSet::new();
    let mut table = Table::new(["KIND", "WHAT TO DO"]);
    for finding in findings.iter().filter(|finding| said.insert(finding.kind)) {
        table.row([finding.kind.to_string(), finding.runbook.clone()]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::example;

    #[test]
    fn fail_on_counts_what_is_at_least_as_bad() {
        let round = example::round();
        let worst = round.estate.findings.iter().map(|finding| finding.severity).max();
        assert_eq!(worst, Some(Severity::Warning));
        let rows = [
            (None, ExitCode::Done),
            (Some(Severity::Info), ExitCode::Failed),
            (Some(Severity::Warning), ExitCode::Failed),
            (Some(Severity::Critical), ExitCode::Done),
        ];
        for (limit, expected) in rows {
            assert_eq!(code(&round.estate.findings, limit), expected, "{limit:?}");
            assert_eq!(code(&[], limit), ExitCode::Done);
        }
    }

    #[test]
    fn findings_as_a_table() {
        insta::assert_snapshot!(render(&example::round()));
    }

    #[test]
    fn no_findings_is_only_said_of_what_was_read() {
        let mut round = example::lacking_round();
        round.estate.findings.clear();
        assert_eq!(render(&round), "no findings in what could be read\n");
        round.lacking.clear();
        assert_eq!(render(&round), "no findings\n");
    }

    #[test]
    fn findings_as_json() {
        insta::assert_snapshot!(json::document(&FindingsView::of(&example::round())).unwrap());
    }
}
