//! Evidence: what this console knows, as a dated Markdown document for an incident's channel or its
//! review. Made from the model alone, so that it says exactly what the screen said; and nothing of
//! it is a secret, wherever its words came from (`core::scrub`).

mod fleets;
mod text;

use self::text::{cell, clean, minute, table};
use super::model::Model;
use super::screen::RowId;
use crate::core::cause::Cause;
use crate::core::commands;
use crate::core::explain::{explain, explain_cause};
use crate::core::finding::Finding;
use crate::core::scrub::scrub;

/// Of one kind, so many are told one by one.
const TOLD: usize = 40;

/// The evidence of this moment.
pub fn evidence(model: &Model) -> String {
    let mut all = head(model);
    all.push_str(&findings(model));
    all.push_str(&fleets::fleets(model));
    all.push_str(&fleets::traffic(model));
    all.push_str(&fleets::nodes(model));
    all.push_str(&runs(model));
    all.push_str(&sources(model));
    all.push_str(&next(model));
    all.push_str(&timeline(model));
    scrub(&all)
}

/// What its file is called, without what tells two of one second apart.
pub fn name(model: &Model) -> String {
    let at = model.now.strftime("%Y%m%dT%H%M%SZ");
    let place = model.place.context.as_ref().or(model.place.region.as_ref());
    let place = place.map(String::as_str).unwrap_or("unknown");
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let place: String = place.chars().take(40).map(plain).collect();
    format!("evidence-{at}-{place}.md")
}

/// A row in words.
pub(super) fn line(model: &Model, row: &RowId) -> Option<String> {
    let line = match row {
        RowId::Fleet(stack) => fleets::fleet_line(model.fleet(stack)?),
        RowId::Node(id) => fleets::node_line(model.node(id)?),
        RowId::Cause(_) => {
            let cause = super::rows::findings::find(model, row)?;
            let said = explain_cause(cause, model.findings())?.sentence();
            format!("{} {}: {said}", cause.severity.to_string().to_uppercase(), cause.key)
        }
        RowId::Run(id) => {
            let run = &model.operation.runs.get(id)?.run;
            format!("{id} {}: {}", run.plan.intent.verb(), run.state.sentence())
        }
        _ => return None,
    };
    Some(scrub(&clean(&line)))
}

fn head(model: &Model) -> String {
    let place = &model.place;
    let region = place.region.as_deref().unwrap_or("region unknown");
    let account = model.estate.as_deref().and_then(|estate| estate.account.as_deref());
    let context = place.context.as_deref().map(|it| format!("{}, ", clean(it))).unwrap_or_default();
    let production = if place.production { " (PRODUCTION)" } else { "" };
    let way: Vec<&str> = model.screens().iter().map(|screen| screen.kind.crumb()).collect();
    let list = &model.screen().list;
    let selected = list.selected().map(|row| format!(", selected: {}", row.name()));
    let filter = Some(list.filter().text()).filter(|text| !text.is_empty());
    let filter = filter.map(|text| format!(", filter: {text}")).unwrap_or_default();
    let joined = model.reconciled.map_or("nothing yet".to_owned(), |(at, _)| minute(at));
    format!(
        "# Evidence: {context}{region}, {}\n\n\
         - Account {}, region {region}{production}\n\
         - Taken by {} with quarterdeck {}, which had been looking since {}\n\
         - On screen: {}{}{filter}\n\
         - What was known then: as of {joined}\n",
        minute(model.now),
        account.unwrap_or("unknown"),
        Some(clean(&model.desk.by)).filter(|by| !by.is_empty()).unwrap_or("somebody".into()),
        env!("CARGO_PKG_VERSION"),
        minute(model.started),
        clean(&way.join(" > ")),
        clean(&selected.unwrap_or_default()),
    )
}

fn findings(model: &Model) -> String {
    let mut all = format!("\n## Findings: {}\n", model.causes.len());
    if model.causes.is_empty() {
        let text = match &model.estate {
            Some(_) => "Nothing is known to disagree.",
            None => "Nothing has been read yet.",
        };
        all.push_str(&format!("\n{text}\n"));
    }
    for cause in model.causes.iter().take(TOLD) {
        all.push_str(&finding(model, cause));
    }
    all.push_str(&rest(model.causes.len()));
    all
}

fn finding(model: &Model, cause: &Cause) -> String {
    let findings = model.findings();
    let Some(first) = cause.findings(findings).next() else { return String::new() };
    let stack = cause.key.stack_id.as_ref().map(|it| format!("{it}, ")).unwrap_or_default();
    let mut all = format!(
        "\n### {} {}{}\n\n",
        cause.severity.to_string().to_uppercase(),
        clean(&stack),
        clean(&cause.title(findings))
    );
    let mut say = |text: String| all.push_str(&format!("- {}\n", clean(&text)));
    if let Some(said) = explain_cause(cause, findings) {
        say(said.sentence());
    }
    say(format!("Kind {}, since {}", cause.key.kind, minute(cause.since)));
    if let Some(snooze) = model.desk.kept.snooze(&cause.key, model.now) {
        let (until, by) = (minute(snooze.until), &snooze.by);
        say(format!("SNOOZED by {by} until {until}: {}", snooze.reason));
    }
    say(format!("What to do: {}", first.runbook));
    let fix = cause.findings(findings).find_map(|one| one.fix);
    if let Some(fix) = fix {
        say(format!("The verb that mends it: {fix}"));
    }
    // One case has just been told.
    if cause.cases.len() > 1 {
        let cases: Vec<&Finding> = cause.cases.iter().filter_map(|it| findings.get(*it)).collect();
        for one in cases.iter().take(TOLD) {
            say(format!("Case: {}", explain(one).what));
        }
        all.push_str(&rest(cases.len()));
    }
    let with = cause.with_it(findings);
    if !with.is_empty() {
        all.push_str(&format!("- With it: {}\n", clean(&with.join(", "))));
    }
    all
}

fn runs(model: &Model) -> String {
    let runs = &model.operation.runs;
    let mut all = format!("\n## Runs: {}\n", runs.len());
    let rows = runs.values().rev().take(TOLD).map(|seen| {
        let run = &seen.run;
        let done = run.steps.iter().filter(|step| step.done.is_some()).count();
        let left = if seen.is_left() { ", and no process carries it out" } else { "" };
        let by = [&run.by.user, &run.by.host].into_iter().flatten();
        let by: Vec<&str> = by.map(String::as_str).collect();
        let reason = run.plan.options.reason.as_deref().unwrap_or("-");
        vec![
            run.id.to_string(),
            run.plan.intent.verb().to_string(),
            format!("{}{left}", run.state.sentence()),
            format!("{done}/{}", run.steps.len()),
            by.join("@"),
            minute(run.started),
            minute(run.last),
            reason.to_owned(),
        ]
    });
    let heads = ["Run", "Verb", "State", "Steps", "By", "Started", "Last word", "Reason"];
    all.push_str(&table(&heads, rows));
    all.push_str(&rest(runs.len()));
    for lock in model.estate.iter().flat_map(|estate| &estate.locks) {
        all.push_str(&format!("\n{}\n", clean(&lock.sentence())));
    }
    all
}

fn sources(model: &Model) -> String {
    let rows = model.sources.iter().map(|line| {
        let state = match &line.state {
            super::sources::SourceState::Waiting => "never read".to_owned(),
            super::sources::SourceState::Ok => "ok".to_owned(),
            super::sources::SourceState::Stale => "STALE".to_owned(),
            super::sources::SourceState::Failed(kind) => format!("FAILED: {kind}"),
        };
        let error = line.error.as_ref().map(|error| error.value.to_string());
        vec![
            line.source.to_string(),
            state,
            line.observed_at.map_or("-".into(), minute),
            error.unwrap_or("-".into()),
        ]
    });
    format!("\n## Sources\n{}", table(&["Source", "State", "Read at", "Error"], rows))
}

/// The next commands on the nodes that something is wrong with, and on the one that is looked at.
fn next(model: &Model) -> String {
    let Some(estate) = model.estate.as_deref() else { return String::new() };
    let nodes = fleets::telling(model);
    let mut all = String::new();
    for node in nodes.iter().take(TOLD) {
        all.push_str(&format!("\n### {}\n\n```sh\n", cell(node.id.as_str())));
        for command in commands::of_node(estate, node, model.place.reach()) {
            all.push_str(&format!("# {}\n{}\n", clean(&command.what), clean(&command.line)));
        }
        all.push_str("```\n");
    }
    match all.is_empty() {
        true => all,
        false => format!("\n## Next commands\n{all}{}", rest(nodes.len())),
    }
}

fn timeline(model: &Model) -> String {
    let timeline = &model.timeline;
    let mut all = format!("\n## Timeline: {} entries, the oldest first\n\n", timeline.len());
    all.push_str("`*` stands before bookmarks.\n\n```text\n");
    if timeline.dropped() > 0 {
        all.push_str(&format!("({} older entries were dropped)\n", timeline.dropped()));
    }
    for entry in timeline.newest_first().rev() {
        let mark = if timeline.is_bookmarked(entry.seq) { "*" } else { " " };
        all.push_str(&format!("{mark} {}\n", clean(&entry.line())));
    }
    all.push_str("```\n");
    all
}

/// How many are not told one by one.
fn rest(all: usize) -> String {
    match all.saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("\n… and {more} more.\n"),
    }
}

#[cfg(test)]
mod tests;
