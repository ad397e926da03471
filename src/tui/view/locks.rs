//! Who else is on this: the locks of other hosts' runs, as a row of Runs and as a line wherever a
//! fleet or a node of one is shown. At 80×24:
//!
//! ```text
//! ▶ 20261122-140355-k3xq cutover to green-413 blue-412 ELSEWHERE  4/14  <1m  ana@bastion-7
//!
//!  ana@bastion-7 (run …) for cutover to green-413 holds the lock on front, at step 4/14 …
//!  Heard of <1m ago.
//! ```

use super::table::Row;
use super::{Line, Span, Text, cells};
use crate::app::{Model, RowId};
use crate::core::ids::StackId;
use crate::core::lock::LockView;
use crate::core::run::RunId;
use crate::tui::text;
use crate::tui::theme::Tone;

/// The lock of a row.
pub(super) fn of_row<'a>(model: &'a Model, row: &RowId) -> Option<&'a LockView> {
    let RowId::Lock(id) = row else { return None };
    model.estate.as_ref()?.locks.iter().find(|lock| &lock.service_id == id)
}

/// The lock that somebody holds on a fleet.
pub(super) fn on<'a>(model: &'a Model, stack: &StackId) -> Option<&'a LockView> {
    model.estate.as_ref()?.lock_on(stack)
}

/// The row of a run that only its lock tells of.
pub(super) fn row(model: &Model, lock: &LockView, selected: bool) -> Row {
    let said = lock.record();
    let text = |text: Option<&str>| text::clean(text.unwrap_or_default());
    let fleet = lock.giving().map(|stack| text::clean(stack.as_str())).unwrap_or_default();
    let step = said.and_then(|said| said.step.split(' ').next());
    let age = lock.quiet(model.now).map(text::age);
    let state = match (said, lock.is_left()) {
        (None, _) => Span::new("UNKNOWN", Tone::Unknown),
        (_, true) => Span::new("LEFT BEHIND", Tone::Bad),
        _ => Span::new("ELSEWHERE", Tone::Strong),
    };
    let verb = said.and_then(|said| said.reason.split(' ').next());
    let run = text(said.map(|said| said.run.as_str()));
    let name = if run.is_empty() { lock.service_id.to_string() } else { run };
    let cells: Line = vec![
        Span::new(text(verb), Tone::Plain),
        Span::new(fleet, Tone::Plain),
        state,
        Span::new(text(step), Tone::Plain),
        Span::new(age.unwrap_or_default(), Tone::Dim),
        Span::new(text(said.map(|said| said.holder.as_str())), Tone::Plain),
    ];
    Row { marked: false, selected, name, cells }
}

/// What is known of it.
pub(super) fn about(model: &Model, lock: &LockView, columns: u16) -> Text {
    let mut lines = Vec::new();
    line_of(&mut lines, model, lock, columns);
    let leaves = lock.record().map(|said| said.leaves()).unwrap_or_default();
    if !leaves.is_empty() {
        let text = format!("{} so far.", leaves.join(", "));
        cells::wrapped(&mut lines, (" ", &text, Tone::Plain), columns);
    }
    if lock.is_left() {
        let text = "Make sure that nobody is at work on it. f plans to take the lock over: what it suspended is resumed, traffic stays as it is.";
        cells::wrapped(&mut lines, (" ", text, Tone::Warn), columns);
    }
    Text { title: format!("lock on {}", text::clean(&lock.scope)), lines }
}

/// Who else is on this, in a line or two.
pub(super) fn line_of(lines: &mut Vec<Line>, model: &Model, lock: &LockView, columns: u16) {
    let heard = lock.quiet(model.now).filter(|_| !lock.is_left()).map(text::age);
    let heard = heard.map(|age| format!(" Heard of {age} ago.")).unwrap_or_default();
    let own = lock
        .record()
        .is_some_and(|said| model.operation.runs.contains_key(&RunId::from(&said.run)));
    let own = if own { " (a run of this host)" } else { "" };
    let sentence = format!("{}{heard}{own}", lock.sentence());
    let tone = if lock.is_left() { Tone::Bad } else { Tone::Warn };
    cells::wrapped(lines, (" ", &text::clean(&sentence), tone), columns);
}
