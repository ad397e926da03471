//! A plan that is looked at before it is approved: what it changes, what stands in its way, how long
//! it takes and what is left at worst, the way back. What is typed below approves it. At 80×24:
//!
//! ```text
//! ─ cutover blue-412 → green-413   prod/us-west-2 123456789012   19 steps ────────
//!  ‼ capacity blocks: green has 4 healthy of 6 on 3100 (66 %)
//!  ! versions warns: …
//!    12 guards pass, 2 do not apply
//!  CHANGES
//!    3  listener :3100      blue 100, green 0 → blue 90, green 10
//!  STEPS  at least 24m
//!    1  lock front                                              
//!    2  write :3100 back unchanged                              then 6/6, 6/6
//!  UNDO
//!    …
//!  type green-413 to run it: gre▏
//! ```

use super::{Layout, Line, Span, Text, cells, head, line};
use crate::app::Model;
use crate::app::operate::{Review, Stage, arms, is_too_old};
use crate::core::finding::Severity;
use crate::core::plan::guard::{Effect, Verdict, Weight};
use crate::core::plan::{Confirmation, GuardReport, Intent, Plan, Step, StepAction, diff};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};
use std::time::Duration;

/// The layer's text, from its scroll position on.
pub(super) fn text(model: &Model, review: &Review, theme: Theme, layout: Layout) -> Text {
    let columns = layout.columns;
    let mut lines = match &review.stage {
        Stage::Reading => vec![line(" Reading the world afresh…", Tone::Plain)],
        Stage::Refused(refusal) => {
            let mut lines = Vec::new();
            let why = format!("There is no plan: {}.", refusal.why.trim_end_matches('.'));
            cells::wrapped(&mut lines, (" ", &why, Tone::Warn), columns);
            cells::wrapped(&mut lines, (" ", &refusal.next, Tone::Plain), columns);
            lines
        }
        Stage::Ready(plan) | Stage::Starting(plan) | Stage::NotStarted(plan, _) => {
            of_plan(model, plan, theme, columns)
        }
    };
    if let Stage::NotStarted(_, trouble) = &review.stage {
        let why = format!("{} {}", trouble.what, trouble.next);
        let mut first = Vec::new();
        cells::wrapped(&mut first, (" ", &why, Tone::Warn), columns);
        lines.splice(0..0, first);
    }
    let room = usize::from(layout.body).saturating_sub(1).max(1);
    let scroll = review.scroll.min(lines.len().saturating_sub(room));
    let total = lines.len();
    let lines: Vec<Line> = lines.into_iter().skip(scroll).take(room).collect();
    let mut title = title(model, review);
    if total > room {
        title.push_str(&format!("  {}-{} of {total}", scroll + 1, scroll + lines.len()));
    }
    Text { title, lines }
}

/// What is typed for, in the line at the bottom.
pub(super) fn lead(model: &Model, review: &Review) -> String {
    match &review.stage {
        Stage::Reading => " reading: ".into(),
        Stage::Refused(_) => " esc leaves: ".into(),
        Stage::Starting(_) => " starting: ".into(),
        Stage::Ready(plan) | Stage::NotStarted(plan, _) => {
            if !model.operation.allowed {
                " READ-ONLY, esc leaves: ".into()
            } else if is_too_old(plan, model) {
                " too old, esc leaves: ".into()
            } else if !model.operation.may_approve(plan, model.now) {
                match arms(model) {
                    Some(key) => format!(" not armed, {key} arms: "),
                    None => " not armed, esc and `:arm`: ".into(),
                }
            } else {
                match &plan.confirmation {
                    Confirmation::YesNo => " y and Enter run it: ".into(),
                    Confirmation::Type(name) => format!(" type {name} to run it: "),
                }
            }
        }
    }
}

/// What is wanted, and where: a dialog is as unmistakable about that as a screen. A plan's own word
/// for it comes first.
fn title(model: &Model, review: &Review) -> String {
    let wanted = wanted(&review.request.intent);
    let of = match review.stage.plan() {
        Some(plan) => {
            let context = model.place.context.as_deref().map(|name| format!("{name}/"));
            let production = if model.place.production { " PRODUCTION" } else { "" };
            let context = context.unwrap_or_default();
            format!("{context}{} {}{production}", plan.region, plan.account)
        }
        None => head::of_dialog(model),
    };
    format!("{wanted}   {of}")
}

/// An intent as a line.
pub(super) fn wanted(intent: &Intent) -> String {
    let verb = intent.verb();
    let nodes = |ids: &[crate::core::ids::InstanceId]| match ids {
        [one] => one.to_string(),
        many => format!("{} nodes", many.len()),
    };
    match intent {
        Intent::Reregister { nodes: ids }
        | Intent::Drain { nodes: ids }
        | Intent::Undrain { nodes: ids }
        | Intent::Deregister { members: ids } => format!("{verb} {}", nodes(ids)),
        Intent::Repair { stack } => format!("{verb} {stack}"),
        Intent::Cutover { from, to } => format!("{verb} {from} to {to}"),
        Intent::Rollback { run } => format!("{verb} {run}"),
        Intent::Takeover { lock } => format!("{verb} {lock}"),
    }
}

fn of_plan(model: &Model, plan: &Plan, theme: Theme, columns: u16) -> Vec<Line> {
    let mut lines = Vec::new();
    guards(&mut lines, plan, theme, columns);
    let changes = diff(plan);
    if !changes.is_empty() {
        lines.push(line(" CHANGES", Tone::Strong));
        for one in &changes {
            let text = format!("{}: {} {} {}", one.thing, one.before, theme.arrow(), one.after);
            let lead = format!(" {:>3} ", one.step);
            cells::wrapped(&mut lines, (&lead, &text, Tone::Plain), columns);
        }
    }
    let least: Duration = plan.steps.iter().map(|step| step.at_least).sum();
    lines.push(line(format!(" STEPS  at least {}", span(least)), Tone::Strong));
    plan.steps.iter().for_each(|step| self::step(&mut lines, step, columns));
    sentences(&mut lines, (" UNDO", &plan.undo), columns);
    sentences(&mut lines, (" NOTE", &plan.notes), columns);
    if is_too_old(plan, model) {
        let old = line(" This plan is too old to be approved.", Tone::Warn);
        lines.insert(0, old);
    }
    lines
}

fn sentences(lines: &mut Vec<Line>, (head, all): (&str, &[String]), columns: u16) {
    if !all.is_empty() {
        lines.push(line(head, Tone::Strong));
        for sentence in all {
            cells::wrapped(lines, ("     ", sentence, Tone::Plain), columns);
        }
    }
}

/// Those that say something, the worst first; the others are counted.
fn guards(lines: &mut Vec<Line>, plan: &Plan, theme: Theme, columns: u16) {
    let mut told: Vec<&GuardReport> =
        plan.guards.iter().filter(|report| report.effect != Effect::Passes).collect();
    told.sort_by_key(|report| std::cmp::Reverse(report.effect));
    for report in told {
        let (word, tone) = match report.effect {
            Effect::Blocks => ("blocks", Tone::Bad),
            Effect::CannotTell => ("cannot tell, which blocks", Tone::Bad),
            Effect::Overridden => ("is overridden", Tone::Warn),
            Effect::Warns | Effect::Passes => ("warns", Tone::Warn),
        };
        let severity = if tone == Tone::Bad { Severity::Critical } else { Severity::Warning };
        let mark = theme.severity(severity);
        let may = matches!(report.effect, Effect::Blocks | Effect::CannotTell)
            && report.weight == Weight::BlocksUnlessOverridden;
        let over = if may { format!(" (override {} REASON)", report.guard) } else { String::new() };
        let text = format!("{} {word}: {}{over}", report.guard, report.verdict.because());
        cells::wrapped(lines, (&format!(" {mark} "), &text, tone), columns);
    }
    let passes = |report: &&GuardReport| matches!(report.verdict, Verdict::Pass { .. });
    let passed = plan.guards.iter().filter(passes).count();
    let absent: Vec<_> = plan
        .guards
        .iter()
        .filter(|report| matches!(report.verdict, Verdict::NotApplicable { .. }))
        .map(|report| report.guard.to_string())
        .collect();
    let mut text = format!("{passed} guards pass");
    if !absent.is_empty() {
        text.push_str(&format!("; do not apply: {}", absent.join(", ")));
    }
    cells::wrapped(lines, ("   ", &text, Tone::Dim), columns);
}

fn step(lines: &mut Vec<Line>, step: &Step, columns: u16) {
    let mut text = match &step.action {
        StepAction::Gate(gate) => format!("GATE {gate}"),
        _ => step.title.clone(),
    };
    if !step.at_least.is_zero() {
        text.push_str(&format!(" ({}: {})", span(step.at_least), step.because));
    }
    if let Some(after) = capacity(step) {
        text.push_str(&format!("; then {after}"));
    }
    let lead = format!(" {:>3} ", step.number);
    cells::wrapped(lines, (&lead, &text, Tone::Plain), columns);
}

/// Worst-case healthy targets after a step, where it takes some away.
pub(super) fn capacity(step: &Step) -> Option<String> {
    let fewer = step.capacity.iter().filter(|of| of.after.is_none() || of.after < of.before);
    let parts: Vec<String> = fewer
        .map(|of| {
            let count = |healthy: Option<u32>| {
                healthy.map_or_else(|| "?".to_owned(), |healthy| healthy.to_string())
            };
            format!(
                "{} {} of {} healthy at worst (floor {})",
                of.name,
                count(of.after),
                count(of.before),
                of.floor
            )
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A time as a plan says it: `90s`, `24m`, `1h 5m`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) if minutes < 5 => format!("{}s", minutes * 60 + seconds),
        (0, minutes, _) => format!("{minutes}m"),
        (hours, minutes, _) => format!("{hours}h {minutes}m"),
    }
}

/// A line that is cut rather than wrapped.
pub(super) fn cut(spans: Vec<Span>, columns: u16, theme: Theme) -> Line {
    let mut room = usize::from(columns);
    let mut line = Vec::new();
    for span in spans {
        let fitted = text::fit(&text::clean(&span.text), room, theme.ellipsis());
        room = room.saturating_sub(text::width(&fitted));
        line.push(Span::new(fitted, span.tone));
    }
    line
}
