//! How each read of each source stands, and what each source costs. At 80×24:
//!
//! ```text
//! ─ Sources 14 ───────────────────────────────────────────────────────────────────
//!   SOURCE       WHAT                     STATE         AGE   EVERY CALLS  ERROR
//!   cloudmap     srv-glt                  ok            <5s   5s       120 –
//! ▶ elbv2        health blue-loki         ! THROTTLED   3m    15s       44 Describe…
//! ─ Calls in the last minute, of our budget ──────────────────────────────────────
//!  sts          1 of 60        cloudmap    31 of 1200      autoscaling   8 of 180
//!  elbv2 DescribeTargetHealth: throttled: Rate exceeded
//!    → Wait: reads back off by themselves. Other tools share this bucket.
//! ```

use super::table::{self, Column, Row, Table};
use super::{Body, Layout, Line, Main, Panes, Span, Text, cells};
use crate::app::{Column as By, Model, RowId};
use crate::core::inventory::ScopeStatus;
use crate::core::observed::{Status, age};
use crate::core::source::Source;
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};
use std::time::Duration;
use strum::IntoEnumIterator;

/// From so many columns on, the budgets and the selected read stand side by side.
const SIDE_BY_SIDE: u16 = 100;

/// The body of the screen.
pub(super) fn body(model: &Model, theme: Theme, layout: Layout) -> Body {
    let list = &model.screen().list;
    let (above, below) = layout.split(list.rows().len());
    let (page, heads) = table::page(list.place(), list.rows().len(), above);
    let wide = layout.columns >= 110;
    let columns = vec![
        Column::new("SOURCE", 11).by(By::Source),
        Column::new("WHAT", if wide { 40 } else { 24 }).by(By::Scope),
        Column::new("STATE", 13).by(By::Status),
        Column::new("AGE", 4).by(By::Age),
        Column::new("EVERY", 5).by(By::Every),
        Column::new("CALLS", 6).by(By::Calls),
        Column::new("ERROR", 0),
    ];
    let what = usize::from(columns[1].width);
    let rows = list.rows()[page.clone()].iter().filter_map(|row| {
        let status = read(model, row)?;
        let selected = list.selected() == Some(row);
        let cells = cells_of(model, status, what, theme);
        Some(Row { marked: false, selected, name: status.source.to_string(), cells })
    });
    let rows = rows.collect();
    let columns = table::marked(columns, list);
    let title = table::title("Sources", &page, list, theme);
    let selected = list.selected().and_then(|row| read(model, row));
    let panes = match below {
        0 => Panes::None,
        _ => panes(model, selected, theme, layout),
    };
    let table = Table { title, columns, rows, heads, height: above };
    Body::Screen(Main::Table(table), panes)
}

fn read<'a>(model: &'a Model, row: &RowId) -> Option<&'a ScopeStatus> {
    let RowId::Read(scope) = row else { return None };
    model.statuses.iter().find(|status| status.scope == *scope)
}

fn cells_of(model: &Model, status: &ScopeStatus, what: usize, theme: Theme) -> Line {
    let what = text::fit_name(&text::clean(&name(status)), what, theme.ellipsis());
    let old = status.observed_at.map(|at| text::age(age(at, model.now)));
    let error = status.error.as_ref().map(|error| error.value.to_string());
    vec![
        Span::new(what, Tone::Plain),
        state(status),
        old.map_or_else(cells::unknown, |old| Span::new(old, Tone::Plain)),
        Span::new(every(status.every), Tone::Dim),
        Span::new(format!("{:>6}", status.calls), Tone::Plain),
        error.map_or_else(|| cells::nothing(theme), |error| Span::new(error, Tone::Warn)),
    ]
}

fn name(status: &ScopeStatus) -> String {
    status.scope.as_ref().map_or_else(|| "all nodes".to_owned(), ToString::to_string)
}

/// The state in a word that needs no colour: small is well, capitals are not.
fn state(status: &ScopeStatus) -> Span {
    match (status.status, &status.error) {
        (Status::Ok, _) => Span::new("  ok", Tone::Plain),
        (Status::Stale, _) => Span::new("! STALE", Tone::Warn),
        (Status::Never, _) => Span::new("? not yet", Tone::Unknown),
        (Status::Error, Some(error)) => {
            let word = error.value.kind.to_string().to_uppercase().replace('_', " ");
            Span::new(format!("! {word}"), Tone::Bad)
        }
        (Status::Error, None) => Span::new("! FAILED", Tone::Bad),
    }
}

/// An interval in its largest unit.
fn every(every: Duration) -> String {
    match every.as_secs() {
        0 => "?".into(),
        seconds @ 1..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds => format!("{}h", seconds / 3600),
    }
}

fn panes(model: &Model, selected: Option<&ScopeStatus>, theme: Theme, layout: Layout) -> Panes {
    let side_by_side = layout.columns >= SIDE_BY_SIDE;
    let columns = if side_by_side { layout.columns / 2 - 1 } else { layout.columns };
    let mut lines = Vec::new();
    let each: Vec<Span> = Source::iter().map(|source| spent(model, source, theme)).collect();
    let a_line = if side_by_side { 1 } else { 2 };
    for some in each.chunks(a_line) {
        lines.push(some.to_vec());
    }
    let mut budgets = Text { title: "Calls in the last minute, of our budget".into(), lines };
    let Some(selected) = selected else { return Panes::One(budgets) };
    let details = details(model, selected, theme, columns);
    if side_by_side {
        return Panes::Beside(budgets, columns, details);
    }
    budgets.lines.extend(details.lines);
    Panes::One(budgets)
}

/// What a source has cost of late: ` elbv2          43 of 300  █░░░`.
fn spent(model: &Model, source: Source, theme: Theme) -> Span {
    let calls = model.meter.per_minute(source, model.now);
    let name = format!(" {:<12}", source.to_string());
    if source == Source::Probes {
        // Probes go to our own nodes, and have no budget but how many run at once.
        return Span::new(format!("{name}{calls:>5}{:14}", ""), Tone::Plain);
    }
    let budget = source.budget().per_second.saturating_mul(60);
    let share = f64::from(calls) / f64::from(budget.max(1));
    let tone = if share > 0.8 { Tone::Warn } else { Tone::Plain };
    Span::new(format!("{name}{calls:>5} of {budget:<5} {}", theme.bar(share.min(1.0), 6)), tone)
}

fn details(model: &Model, status: &ScopeStatus, theme: Theme, columns: u16) -> Text {
    let mut lines = Vec::new();
    let title = format!("{} {}", status.source, name(status));
    if let Some(error) = &status.error {
        let since = text::age(age(error.at, model.now));
        let sentence = format!("{title}: {} ({since} ago)", error.value);
        cells::wrapped(&mut lines, (" ", &sentence, Tone::Warn), columns);
        let arrow = format!("   {} ", theme.arrow());
        cells::wrapped(&mut lines, (&arrow, error.value.kind.next_step(), Tone::Plain), columns);
    }
    let read = match status.observed_at {
        Some(at) => {
            let old = text::age(age(at, model.now));
            format!("{title}: last read well {} UTC, {old} ago.", at.strftime("%H:%M:%S"))
        }
        None => format!("{title}: never read well."),
    };
    cells::wrapped(&mut lines, (" ", &read, Tone::Plain), columns);
    if !status.essential {
        let text = "It only explains or warns: commands do not lack data without it.";
        cells::wrapped(&mut lines, (" ", text, Tone::Dim), columns);
    }
    Text { title, lines }
}
