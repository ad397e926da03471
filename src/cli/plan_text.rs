//! A plan as text: what it is, its steps, what changes, worst-case capacity, guards, the way back.

use super::table::{NONE, Table, UNKNOWN, clean};
use crate::core::plan::guard::Effect;
use crate::core::plan::{Confirmation, Intent, LockScope, Plan, diff, guards};
use std::time::Duration;

/// The whole plan, and what it comes to.
pub(super) fn render(plan: &Plan) -> String {
    let mut text = body(plan);
    text.push_str(&verdict(plan));
    text
}

/// The plan alone, as it is printed just before it is carried out.
pub(super) fn body(plan: &Plan) -> String {
    let mut text = head(plan);
    for (title, part) in [
        ("STEPS", steps(plan)),
        ("CHANGES", changes(plan)),
        ("WORST CASE", capacity(plan)),
        ("GUARDS", guard_rows(plan)),
    ] {
        if !part.is_empty() {
            text.push_str(&format!("\n{title}\n{part}"));
        }
    }
    text.push('\n');
    for sentence in &plan.undo {
        text.push_str(&format!("undo: {}\n", clean(sentence)));
    }
    for sentence in &plan.notes {
        text.push_str(&format!("note: {}\n", clean(sentence)));
    }
    text
}

fn head(plan: &Plan) -> String {
    let least: Duration = plan.steps.iter().map(|step| step.at_least).sum();
    let locks: Vec<&str> = plan.scopes().map(LockScope::name).collect();
    let lock = if locks.is_empty() { NONE.to_owned() } else { locks.join(", ") };
    let confirmation = match &plan.confirmation {
        Confirmation::YesNo => "y or n".to_owned(),
        Confirmation::Type(name) => format!("type {name}"),
    };
    format!(
        "{}: account {}, {}, made {}\nlock {}; confirm: {}; takes {} at least\n",
        clean(&intent(&plan.intent)),
        clean(&plan.account),
        clean(&plan.region),
        plan.made_at,
        clean(&lock),
        clean(&confirmation),
        time(least),
    )
}

/// What is wanted, as it would be typed.
fn intent(intent: &Intent) -> String {
    let ids = |ids: &[crate::core::ids::InstanceId]| {
        ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let verb = intent.verb();
    match intent {
        Intent::Reregister { nodes } | Intent::Drain { nodes } | Intent::Undrain { nodes } => {
            format!("{verb} {}", ids(nodes))
        }
        Intent::Deregister { members } => format!("{verb} {}", ids(members)),
        Intent::Repair { stack } => format!("{verb} {stack}"),
        Intent::Cutover { from, to } => format!("{verb} {from} {to}"),
        Intent::Rollback { run } => format!("{verb} {run}"),
        Intent::Takeover { lock } => format!("{verb} {lock}"),
    }
}

fn steps(plan: &Plan) -> String {
    let mut table = Table::new(["#", "STEP", "AT LEAST", "BECAUSE"]);
    for step in &plan.steps {
        let least = if step.at_least.is_zero() { NONE.to_owned() } else { time(step.at_least) };
        table.row([step.number.to_string(), step.title.clone(), least, step.because.clone()]);
    }
    table.render()
}

fn changes(plan: &Plan) -> String {
    let mut table = Table::new(["#", "THING", "BEFORE", "AFTER"]);
    let lines = diff(plan);
    for line in &lines {
        let after = line.after.clone();
        table.row([line.step.to_string(), line.thing.clone(), line.before.clone(), after]);
    }
    if lines.is_empty() { String::new() } else { table.render() }
}

/// Each group's lowest point over all steps.
fn capacity(plan: &Plan) -> String {
    let mut table = Table::new(["TARGET GROUP", "OF", "HEALTHY", "WORST", "FLOOR", "AFTER STEP"]);
    let first = plan.steps.first().map(|step| step.capacity.as_slice()).unwrap_or_default();
    for (place, row) in first.iter().enumerate() {
        let rows = plan.steps.iter().filter_map(|step| Some((step, step.capacity.get(place)?)));
        let worst = rows.min_by_key(|(_, row)| row.after);
        let number = |number: Option<u32>| number.map_or(UNKNOWN.into(), |of| of.to_string());
        let of = row.stack.as_ref().map_or("all".to_owned(), ToString::to_string);
        let (at, after) = worst.map_or((0, None), |(step, row)| (step.number, row.after));
        let at = if after == row.before { NONE.to_owned() } else { at.to_string() };
        let floor = row.floor.to_string();
        table.row([row.name.clone(), of, number(row.before), number(after), floor, at]);
    }
    if first.is_empty() { String::new() } else { table.render() }
}

fn guard_rows(plan: &Plan) -> String {
    let mut table = Table::new(["GUARD", "", "BECAUSE"]);
    for report in &plan.guards {
        let because = report.verdict.because().to_owned();
        table.row([report.guard.to_string(), word(report.effect).to_owned(), because]);
    }
    table.render()
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Passes => "ok",
        Effect::Warns => "warns",
        Effect::Overridden => "OVERRIDDEN",
        Effect::CannotTell => "CANNOT TELL",
        Effect::Blocks => "BLOCKS",
    }
}

/// What it comes to, and what to do next.
fn verdict(plan: &Plan) -> String {
    let named = |effect: Effect| {
        let all = plan.guards.iter().filter(|report| report.effect == effect);
        all.map(|report| report.guard.to_string()).collect::<Vec<_>>().join(", ")
    };
    match guards::worst(&plan.guards) {
        Effect::Blocks => format!("blocked by {}; nothing was changed\n", named(Effect::Blocks)),
        Effect::CannotTell => {
            format!("{} cannot tell; nothing was changed\n", named(Effect::CannotTell))
        }
        Effect::Warns | Effect::Overridden | Effect::Passes => {
            "this plan could run; nothing was changed\n".into()
        }
    }
}

/// `90s`, `6m`, `1h 5m`.
fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) => format!("{minutes}m {seconds}s"),
        (hours, minutes, _) => format!("{hours}h {minutes}m"),
    }
}
