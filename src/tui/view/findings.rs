//! Everything that disagrees, a line a cause, worst first, and the selected one in full: each of
//! its cases, since when, what to do, and the verb that does it. At 80×24:
//!
//! ```text
//! ─ Findings 3 ───────────────────────────────────────────────────────────────────
//!   SEVERITY    WHAT                                   FLEET        SINCE FIX
//! ▶ ‼ CRITICAL  1 fleet: hit by the boot race          green-413    1m    repair
//!   ! WARNING   2 nodes: failing their probe           green-413    2m    –
//! ─ 1 fleet: hit by the boot race ────────────────────────────────────────────────
//!  boot race: 6 nodes of green-413 in service, 1 in glt, so the others are missing
//!  from DNS and from the rings: repair the fleet in one plan.
//!  → Repair the fleet in one plan, then replace the boot script: it deregisters …
//!  With it: 1 failing open.
//!   ‼ green-413-loki of green-413 has no healthy target of 6: … (1m)
//! ```

use super::table::{self, Column, Row, Table};
use super::{Body, Layout, Line, Main, Span, Text, cells};
use crate::app::{Column as By, Model, RowId, Size};
use crate::core::cause::Cause;
use crate::core::explain::explain_cause;
use crate::core::finding::{Finding, Fix, Severity};
use crate::core::observed::age;
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};

/// The body of the screen.
pub(super) fn body(model: &Model, theme: Theme, layout: Layout) -> Body {
    let list = &model.screen().list;
    if list.total() == 0 {
        return Body::Text(empty(model, theme, layout));
    }
    let (above, below) = layout.split(list.rows().len());
    let (page, heads) = table::page(list.place(), list.rows().len(), above);
    let wide = layout.columns >= 110;
    let columns = vec![
        Column::new("SEVERITY", 10).by(By::Severity),
        Column::new("WHAT", if wide { 64 } else { 37 }).by(By::Kind),
        Column::new("FLEET", if wide { 18 } else { 12 }).by(By::Stack),
        Column::new("SINCE", 5).by(By::Since),
        Column::new("FIX", 0),
    ];
    let widths = (usize::from(columns[1].width), usize::from(columns[2].width));
    let rows = list.rows()[page.clone()].iter().filter_map(|row| {
        let cause = cause(model, row)?;
        let selected = list.selected() == Some(row);
        let cells = cells_of(model, cause, widths, theme);
        Some(Row { marked: false, selected, name: severity(cause.severity, theme).text, cells })
    });
    let rows = rows.collect();
    let columns = table::marked(columns, list);
    let title = table::title("Findings", &page, list, theme);
    let selected = list.selected().and_then(|row| cause(model, row));
    let room = Size { columns: layout.columns, rows: below.saturating_sub(1) };
    let panes = selected.filter(|_| below > 0).map(|cause| details(model, cause, theme, room));
    let table = Table { title, columns, rows, heads, height: above };
    Body::Screen(Main::Table(table), panes.into())
}

fn cause<'a>(model: &'a Model, row: &RowId) -> Option<&'a Cause> {
    match row {
        RowId::Cause(key) => model.causes.iter().find(|cause| cause.key == *key),
        _ => None,
    }
}

/// A severity in a shape and a word.
pub(super) fn severity(severity: Severity, theme: Theme) -> Span {
    let word = severity.to_string().to_uppercase();
    Span::new(format!("{} {word}", theme.severity(severity)), severity.into())
}

fn cells_of(model: &Model, cause: &Cause, (what, fleet): (usize, usize), theme: Theme) -> Line {
    let all = model.findings();
    let mut title = cause.title(all);
    let snoozed = cells::snoozed(model, cause);
    if let Some(snoozed) = &snoozed {
        title = format!("{snoozed}: {title}");
    }
    if !cause.follows.is_empty() {
        title = format!("{title} +{}", cause.follows.len());
    }
    let stack = cause
        .key
        .stack_id
        .as_ref()
        .map(|stack| text::fit_name(&text::clean(stack.as_str()), fleet, theme.ellipsis()));
    vec![
        Span::new(
            text::fit(&title, what, theme.ellipsis()),
            snoozed.map_or(cause.severity.into(), |_| Tone::Dim),
        ),
        stack.map_or_else(|| cells::nothing(theme), |stack| Span::new(stack, Tone::Plain)),
        Span::new(text::age(age(cause.since, model.now)), Tone::Plain),
        fix(cause, all).map_or_else(|| cells::nothing(theme), |fix| Span::new(fix, Tone::Strong)),
    ]
}

/// The first of its own cases that a verb of ours mends. What comes with it may have verbs too, but
/// what to act on is the cause.
pub(super) fn fixed<'a>(cause: &'a Cause, all: &'a [Finding]) -> Option<&'a Finding> {
    let mut cases = cause.cases.iter().filter_map(|place| all.get(*place));
    cases.find(|finding| finding.fix.is_some())
}

/// The verb that it calls for.
fn fix(cause: &Cause, all: &[Finding]) -> Option<String> {
    fixed(cause, all).and_then(|finding| finding.fix).map(|fix| fix.to_string())
}

fn details(model: &Model, cause: &Cause, theme: Theme, room: Size) -> Text {
    let all = model.findings();
    let mut lines = Vec::new();
    let (Some(first), Some(explained)) = (cause.findings(all).next(), explain_cause(cause, all))
    else {
        return Text::default();
    };
    if let Some(snooze) = model.snooze(&cause.key) {
        let text = format!(
            "SNOOZED by {} until {} UTC: {}",
            snooze.by,
            snooze.until.strftime("%Y-%m-%d %H:%M:%S"),
            snooze.reason
        );
        cells::wrapped(&mut lines, (" ", &text, Tone::Info), room.columns);
    }
    cells::wrapped(&mut lines, (" ", &explained.sentence(), Tone::Strong), room.columns);
    let arrow = format!(" {} ", theme.arrow());
    cells::wrapped(&mut lines, (&arrow, &first.runbook, Tone::Plain), room.columns);
    if let Some(finding) = fixed(cause, all) {
        cells::wrapped(&mut lines, (" ", &how(finding), Tone::Plain), room.columns);
    }
    if !cause.follows.is_empty() {
        let text = format!("With it: {}.", cause.with_it(all).join(", "));
        cells::wrapped(&mut lines, (" ", &text, Tone::Plain), room.columns);
    }
    let taken = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let rest = Size { rows: room.rows.saturating_sub(taken), ..room };
    // A single case has just been told.
    let told = usize::from(cause.cases.len() == 1);
    lines.extend(cells::cases(model, cause.findings(all).skip(told), theme, rest));
    let since = format!("since {} UTC", cause.since.strftime("%Y-%m-%d %H:%M:%S"));
    Text { title: format!("{}, {since}", cause.title(all)), lines }
}

/// The verb, and the command that plans it, as somebody would type it.
pub(super) fn how(finding: &Finding) -> String {
    let Some(fix) = finding.fix else { return String::new() };
    let whom = match fix {
        Fix::Repair => finding.stack_id.as_ref().map(ToString::to_string),
        Fix::Cutover => Some("FROM TO".to_owned()),
        _ => finding.instance_id.as_ref().map(ToString::to_string),
    };
    match whom {
        Some(whom) => format!("Fix: {fix} (`quarterdeck {fix} {whom}` prints the plan)"),
        None => format!("Fix: {fix}"),
    }
}

/// Nothing to list: because nothing disagrees, or because nobody can say.
fn empty(model: &Model, theme: Theme, layout: Layout) -> Text {
    let failures = cells::failures(model, theme, layout.columns);
    let sentence = if !failures.is_empty() {
        "Nothing is known to disagree, but not every source could be read: unknown is not well."
    } else if model.estate.is_some() {
        "Nothing disagrees: every source that was read says the same of every fleet and node."
    } else {
        "Reading. Nothing is known yet."
    };
    cells::message("Findings", sentence, failures, layout.columns)
}
