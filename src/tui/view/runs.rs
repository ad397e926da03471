//! The runs of this host, the latest first, and a run with its steps. At 80×24:
//!
//! ```text
//! ─ Runs 2 ───────────────────────────────────────────────────────────────────────
//!   RUN                  VERB     FLEET      STATE     STEP   AGE  BY
//! ▶ 20261122-140355-k3xq cutover  blue-412   HELD      7/19   3m   ana
//! ─ 20261122-140355-k3xq ─────────────────────────────────────────────────────────
//!  held (gate): before any traffic moves
//!
//! ─ Run 20261122-140355-k3xq cutover blue-412 to green-413  HELD (gate) ──────────
//!   STEP                                                TOOK  LEAST
//!   ✓ 1 lock front                                      <1s   0s
//! ▶ ▶ 7 gate: before any traffic moves                  3m    0s
//!     8 :3100 to 10 %                                         2m
//! ─ 7 ────────────────────────────────────────────────────────────────────────────
//!  waits for: …
//!  blue-412   ◆ LIVE     API says 100%  shows  99% 812/s  3000 6/6  3100 6/6
//!  green-413  ◇ STANDBY  API says   0%  shows   1% 8.2/s  3000 6/6  3100 6/6
//! ```

use super::review::{capacity, cut, span, wanted};
use super::table::{self, Column, Row, Table};
use super::{Body, Layout, Line, Main, Span, Text, cells, line, locks, shown};
use crate::app::operate::Seen;
use crate::app::{Column as By, Model, RowId};
use crate::core::estate::Fleet;
use crate::core::ids::StackId;
use crate::core::observed::age;
use crate::core::plan::{Intent, Step};
use crate::core::rings::shown as of_fleet;
use crate::core::run::{Run, RunId, RunState, StepStanding};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};
use std::time::Duration;

/// The body of the Runs screen.
pub(super) fn all(model: &Model, theme: Theme, layout: Layout) -> Body {
    let list = &model.screen().list;
    if list.total() == 0 {
        let sentence = "No run was ever started from this state directory. Plan one: f on a finding, \
                        d on a node, c on a fleet.";
        return Body::Text(cells::message("Runs", sentence, Vec::new(), layout.columns));
    }
    let (above, below) = layout.split(list.rows().len());
    let (page, heads) = table::page(list.place(), list.rows().len(), above);
    let columns = vec![
        Column::new("RUN", 20).by(By::Run),
        Column::new("VERB", 10).by(By::Kind),
        Column::new("FLEET", 14).by(By::Stack),
        Column::new("STATE", 11).by(By::Status),
        Column::new("STEP", 6),
        Column::new("AGE", 4).by(By::Time),
        Column::new("BY", 0),
    ];
    let rows = list.rows()[page.clone()].iter().filter_map(|row| {
        if let Some(lock) = locks::of_row(model, row) {
            return Some(locks::row(model, lock, list.selected() == Some(row)));
        }
        let seen = run_of(model, row)?;
        Some(Row {
            marked: false,
            selected: list.selected() == Some(row),
            name: seen.run.id.to_string(),
            cells: row_of(model, seen),
        })
    });
    let rows = rows.collect();
    let columns = table::marked(columns, list);
    let title = table::title("Runs", &page, list, theme);
    let lock = list.selected().and_then(|row| locks::of_row(model, row));
    let selected = list.selected().and_then(|row| run_of(model, row));
    let panes = (below > 0).then(|| match lock {
        Some(lock) => locks::about(model, lock, layout.columns),
        None => about(model, selected, layout.columns),
    });
    Body::Screen(Main::Table(Table { title, columns, rows, heads, height: above }), panes.into())
}

fn run_of<'a>(model: &'a Model, row: &RowId) -> Option<&'a Seen> {
    match row {
        RowId::Run(id) => model.operation.runs.get(id).map(|seen| &**seen),
        _ => None,
    }
}

fn row_of(model: &Model, seen: &Seen) -> Line {
    let run = &seen.run;
    let fleet = run.plan.giving.as_ref().map(ToString::to_string).unwrap_or_default();
    let done = run.steps.iter().filter(|step| step.done.is_some()).count();
    let at = run.at_step.map_or(done, |step| step as usize);
    let by = [&run.by.user, &run.by.host].into_iter().flatten().cloned().collect::<Vec<_>>();
    let mut by = by.join("@");
    // First, because names are long: it is not about what the other screens show.
    if model.is_elsewhere(run) {
        by = format!("OF {} {}  {by}", run.plan.region, run.plan.account);
    }
    vec![
        Span::new(run.plan.intent.verb().to_string(), Tone::Plain),
        Span::new(fleet, Tone::Plain),
        state(seen),
        Span::new(format!("{at}/{}", run.steps.len()), Tone::Plain),
        Span::new(text::age(age(run.started, model.now)), Tone::Dim),
        Span::new(by, if model.is_elsewhere(run) { Tone::Warn } else { Tone::Plain }),
    ]
}

fn state(seen: &Seen) -> Span {
    let word = seen.run.state.word().to_uppercase();
    match &seen.run.state {
        _ if seen.is_left() => Span::new("LEFT BEHIND", Tone::Bad),
        RunState::Running if seen.run.throttled.is_some() => Span::new("THROTTLED", Tone::Warn),
        RunState::Running => Span::new(word, Tone::Strong),
        RunState::Held { .. } | RunState::RolledBack { .. } => Span::new(word, Tone::Warn),
        RunState::Failed { .. } | RunState::Aborted => Span::new(word, Tone::Bad),
        RunState::Done => Span::new(word, Tone::Plain),
    }
}

fn about(model: &Model, seen: Option<&Seen>, columns: u16) -> Text {
    let Some(seen) = seen else { return Text::default() };
    let mut lines = Vec::new();
    cells::wrapped(&mut lines, (" ", &wanted(&seen.run.plan.intent), Tone::Strong), columns);
    cells::wrapped(&mut lines, (" ", &seen.run.state.sentence(), Tone::Plain), columns);
    elsewhere(&mut lines, model, &seen.run, columns);
    left(&mut lines, seen, columns);
    if let Some(reason) = &seen.run.plan.options.reason {
        cells::wrapped(&mut lines, (" why: ", reason, Tone::Plain), columns);
    }
    Text { title: seen.run.id.to_string(), lines }
}

/// A run of another account or region says so before anything is asked of it.
fn elsewhere(lines: &mut Vec<Line>, model: &Model, run: &Run, columns: u16) {
    if model.is_elsewhere(run) {
        let plan = &run.plan;
        let text = format!(
            "This run is of {} in {}, not of what this console shows now.",
            plan.account, plan.region
        );
        cells::wrapped(lines, (" ", &text, Tone::Warn), columns);
    }
}

fn left(lines: &mut Vec<Line>, seen: &Seen, columns: u16) {
    if seen.is_left() {
        let text = "Its process has died. Nothing goes on until somebody lets it go on, rolls it back or aborts it.";
        cells::wrapped(lines, (" ", text, Tone::Bad), columns);
    }
}

/// The body of a run's screen.
pub(super) fn one(model: &Model, id: &RunId, theme: Theme, layout: Layout) -> Body {
    let Some(seen) = model.operation.runs.get(id) else {
        let sentence = "This run has only just been started, and has said nothing yet.";
        return Body::Text(cells::message(id.as_str(), sentence, Vec::new(), layout.columns));
    };
    let run = &seen.run;
    let list = &model.screen().list;
    let (above, below) = layout.above(9);
    let (page, heads) = table::page(list.place(), list.rows().len(), above);
    let wide = layout.columns.saturating_sub(22).max(20);
    let columns = vec![
        Column::new("STEP", wide).by(By::Step),
        Column::new("TOOK", 6),
        Column::new("LEAST", 0),
    ];
    let rows = list.rows()[page.clone()].iter().filter_map(|row| {
        let (step, standing) = step_of(run, row)?;
        Some(Row {
            marked: false,
            selected: list.selected() == Some(row),
            name: format!("{} {:>2} {}", mark(run, step, standing, theme), step.number, step.title),
            cells: vec![took(model, standing), Span::new(span(step.at_least), Tone::Dim)],
        })
    });
    let rows = rows.collect();
    let state = state(seen).text;
    let title = format!("{}  {}  {state}", run.id, wanted(&run.plan.intent));
    let panes = (below > 0).then(|| details(model, seen, theme, layout.columns));
    Body::Screen(Main::Table(Table { title, columns, rows, heads, height: above }), panes.into())
}

fn step_of<'a>(run: &'a Run, row: &RowId) -> Option<(&'a Step, &'a StepStanding)> {
    let RowId::Step(number) = row else { return None };
    let place = (*number as usize).checked_sub(1)?;
    Some((run.plan.steps.get(place)?, run.steps.get(place)?))
}

/// Where a step stands, in a shape.
fn mark(run: &Run, step: &Step, standing: &StepStanding, theme: Theme) -> &'static str {
    if standing.done.is_some() {
        if theme.is_ascii() { "+" } else { "✓" }
    } else if standing.skipped {
        if theme.is_ascii() { "x" } else { "×" }
    } else if run.at_step == Some(step.number) {
        match run.state {
            RunState::Held { .. } if theme.is_ascii() => "=",
            RunState::Held { .. } => "‖",
            _ if theme.is_ascii() => ">",
            _ => "▸",
        }
    } else {
        " "
    }
}

/// How long a step took, or has taken so far.
fn took(model: &Model, standing: &StepStanding) -> Span {
    match (standing.began, standing.done) {
        (Some(began), Some(done)) => Span::new(span(age(began, done)), Tone::Plain),
        (began, None) if standing.skipped => {
            Span::new(if began.is_some() { "left" } else { "skipped" }, Tone::Dim)
        }
        (Some(began), None) => Span::new(span(age(began, model.now)), Tone::Strong),
        _ => Span::new("", Tone::Plain),
    }
}

/// What the run waits for, what the selected step leaves, how both fleets are.
fn details(model: &Model, seen: &Seen, theme: Theme, columns: u16) -> Text {
    let run = &seen.run;
    let mut lines = Vec::new();
    elsewhere(&mut lines, model, run, columns);
    left(&mut lines, seen, columns);
    if !matches!(run.state, RunState::Running) {
        let tone = if run.state.is_over() { Tone::Strong } else { Tone::Warn };
        cells::wrapped(&mut lines, (" ", &run.state.sentence(), tone), columns);
    }
    if let Some(call) = &run.throttled {
        let text = format!("AWS throttles {call}; it waits and stays on this step.");
        cells::wrapped(&mut lines, (" ", &text, Tone::Warn), columns);
    }
    lines.push(clock(model, run));
    // Fleets of the same names may be here, and are others.
    if !model.is_elsewhere(run) {
        for stack in run.plan.giving.iter().chain(&run.plan.receiving) {
            lines.push(fleet(model, stack, theme, columns));
        }
        lines.extend(still_served(model, run, columns));
    }
    let selected = model.screen().list.selected().and_then(|row| step_of(run, row));
    if let Some((step, standing)) = selected {
        for waiting in &standing.waiting_for {
            cells::wrapped(&mut lines, (" waits for: ", waiting, Tone::Plain), columns);
        }
        if let Some(after) = capacity(step) {
            cells::wrapped(&mut lines, (" leaves: ", &after, Tone::Plain), columns);
        }
        if !step.because.is_empty() {
            cells::wrapped(&mut lines, (" why so long: ", &step.because, Tone::Dim), columns);
        }
    }
    let title = match selected {
        Some((step, _)) => format!("step {} of {}", step.number, run.steps.len()),
        None => run.id.to_string(),
    };
    Text { title, lines }
}

/// The clock against the expected minimum.
fn clock(model: &Model, run: &Run) -> Line {
    let until = if run.state.is_over() { run.last } else { model.now };
    let least: Duration = run.plan.steps.iter().map(|step| step.at_least).sum();
    let rest: Duration = run
        .plan
        .steps
        .iter()
        .zip(&run.steps)
        .filter(|(_, standing)| standing.done.is_none())
        .map(|(step, standing)| {
            let gone = standing.began.map_or(Duration::ZERO, |began| age(began, until));
            step.at_least.saturating_sub(gone)
        })
        .sum();
    let text = format!(
        " {} since it was started, {} expected at least, {} to go at least",
        span(age(run.started, until)),
        span(least),
        span(rest)
    );
    line(text, Tone::Dim)
}

/// A fleet in a line: role, share, healthy targets a port. What is unknown is said so.
fn fleet(model: &Model, stack: &StackId, theme: Theme, columns: u16) -> Line {
    let name = format!(" {:<16} ", text::clean(stack.as_str()));
    let Some(fleet) = model.fleet(stack) else {
        return line(format!("{name}not seen"), Tone::Unknown);
    };
    let share = fleet.traffic_share.map_or_else(|| "?".to_owned(), cells::percent);
    let mut spans = vec![
        Span::new(name, Tone::Strong),
        Span::new(
            format!("{} {:<8} ", theme.role(fleet.role), fleet.role.to_string().to_uppercase()),
            Tone::Plain,
        ),
        Span::new(format!("API says {share:>4}  "), Tone::Plain),
    ];
    if shown::is_read(model) {
        let seen = model.estate.as_ref().and_then(|estate| of_fleet(estate, stack, None));
        spans.push(Span::new("shows ", Tone::Plain));
        let share = shown::share(seen);
        spans.push(Span::new(format!("{:>4} ", share.text), share.tone));
        let rate = seen.map(|seen| format!("{}/s", shown::rate(seen.per_second)));
        spans.push(Span::new(format!("{:<7}", rate.unwrap_or_default()), Tone::Plain));
    }
    spans.extend(targets(fleet));
    cut(spans, columns, theme)
}

/// The nodes that a run takes out of the traffic, and by how much each is served all the same. What
/// nobody counts is said so.
fn still_served(model: &Model, run: &Run, columns: u16) -> Vec<Line> {
    let Intent::Drain { nodes } = &run.plan.intent else { return Vec::new() };
    if !shown::is_read(model) {
        return Vec::new();
    }
    let (mut served, mut quiet, mut unknown) = (Vec::new(), 0, Vec::new());
    for id in nodes {
        let rates = model.node(id).map(|node| node.requests.iter().map(|of| of.per_second));
        let rates: Vec<_> = rates.into_iter().flatten().collect();
        let sum: f64 = rates.iter().flatten().sum();
        match (sum > 0.0, rates.is_empty() || rates.iter().any(Option::is_none)) {
            (true, _) => served.push((id, sum)),
            (false, true) => unknown.push(id.to_string()),
            (false, false) => quiet += 1,
        }
    }
    let mut lines = Vec::new();
    served.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    if !served.is_empty() {
        let each = served.iter().map(|(id, sum)| format!("{id} {}/s", shown::rate(*sum)));
        let text = format!("! still served: {}", each.collect::<Vec<_>>().join(", "));
        cells::wrapped(&mut lines, (" ", &text, Tone::Warn), columns);
    }
    if !unknown.is_empty() {
        let text = format!("? not counted: {}", unknown.join(", "));
        cells::wrapped(&mut lines, (" ", &text, Tone::Unknown), columns);
    }
    if quiet > 0 {
        let text = format!("without requests: {quiet} of {} nodes", nodes.len());
        cells::wrapped(&mut lines, (" ", &text, Tone::Plain), columns);
    }
    lines
}

fn targets(fleet: &Fleet) -> impl Iterator<Item = Span> {
    fleet.targets.iter().map(|target| match &target.capacity {
        Some(of) => {
            let tone = if of.healthy < of.registered { Tone::Warn } else { Tone::Plain };
            Span::new(format!("{} {}/{}  ", target.port, of.healthy, of.registered), tone)
        }
        None => Span::new(format!("{} ?  ", target.port), Tone::Unknown),
    })
}
