//! What an operator writes down and takes along: notes and bookmarks on the timeline, findings that
//! are snoozed for a reason and a time, evidence. Nothing here changes the world; what is to be kept
//! or written goes to the engine as an effect and its outcome comes back as an event.

mod copy;

pub(super) use copy::{copy, copy_row};

use super::effect::{Effect, Effects};
use super::elsewhere;
use super::evidence;
use super::model::Model;
use super::navigate;
use super::notice::NoticeKind;
use super::operate::Trouble;
use super::rows;
use super::screen::{RowId, ScreenKind};
use crate::config::parse_span;
use crate::core::annotations::{Annotations, Change, LONGEST, Note, SHORTEST, Snooze};
use crate::core::cause::{Cause, CauseKey, causes};
use crate::core::ids::{InstanceId, StackId};
use serde::{Deserialize, Serialize};

/// The most bytes that are sent to a clipboard: as base64 they are the 100,000 that common terminals
/// take.
pub const CLIPBOARD: usize = 74_994;

/// What the operator of this console wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desk {
    /// Who they are: `ana@bastion-7`.
    pub by: String,
    /// Their notes and snoozes, and those of others on this host.
    pub kept: Annotations,
}

/// What the engine answers about things that are kept or written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What was kept of this account and region.
    Recalled(Annotations),
    /// A change is kept no longer than this console lives.
    NotKept(Trouble),
    /// Evidence was written.
    Written {
        /// Where.
        path: String,
        /// How long it is.
        bytes: usize,
    },
    /// Evidence could not be written.
    NotWritten {
        /// Why, and what to do.
        trouble: Trouble,
        /// How long it would have been.
        bytes: usize,
    },
}

/// Takes in an answer.
pub(super) fn take(model: &mut Model, answer: Answer) -> Effects {
    match answer {
        Answer::Recalled(kept) => {
            for note in kept.notes {
                model.timeline.note(&note);
                model.desk.kept.apply(Change::Noted(note), model.now);
            }
            for entry in kept.bookmarks {
                model.timeline.recall(&entry);
                model.desk.kept.apply(Change::Bookmarked(entry), model.now);
            }
            for snooze in kept.snoozes {
                // What was snoozed here since the start is younger.
                if model.desk.kept.snooze(&snooze.cause, model.now).is_none() {
                    model.desk.kept.apply(Change::Snoozed(snooze), model.now);
                }
            }
            arrange(model);
            navigate::refresh(model);
            return settle(model);
        }
        Answer::NotKept(Trouble { what, next }) => warn(model, format!("{what} {next}")),
        Answer::Written { path, bytes } => {
            let size = size(bytes);
            let text = match bytes > CLIPBOARD {
                true => format!("Evidence ({size}, too big for the clipboard): {path}"),
                false => format!("Evidence ({size}, also on the clipboard): {path}"),
            };
            say(model, text);
        }
        Answer::NotWritten { trouble: Trouble { what, next }, bytes } => {
            let clipboard = match bytes > CLIPBOARD {
                true => "It is too big for the clipboard.",
                false => "It was sent to the clipboard all the same.",
            };
            warn(model, format!("{what} {next} {clipboard}"));
        }
    }
    Effects::none()
}

/// Writes the evidence, and sends it to the clipboard where it is not too big for one.
pub(super) fn take_evidence(model: &mut Model) -> Effects {
    let text = evidence::evidence(model);
    let copy = (text.len() <= CLIPBOARD).then(|| Effect::Copy(text.clone()));
    let write = Effect::Evidence { name: evidence::name(model), text };
    copy.into_iter().chain([write]).collect::<Vec<_>>().into()
}

/// Writes a note about what is selected.
///
/// # Errors
/// A sentence: there is nothing to write down.
pub(super) fn note(model: &mut Model, text: &str) -> Result<Effects, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("Type what to write down.".into());
    }
    // It would be kept for this place.
    elsewhere::not_of_another(model)?;
    let (stack_id, instance_id) = about(model);
    let (at, by) = (model.now, model.desk.by.clone());
    let note = Note { at, by, text: text.to_owned(), stack_id, instance_id };
    model.timeline.note(&note);
    navigate::refresh(model);
    say(model, "The note stands in the timeline.");
    Ok(keep(model, Change::Noted(note)))
}

/// What is selected, or whose screen it is.
fn about(model: &Model) -> (Option<StackId>, Option<InstanceId>) {
    let of_node =
        |id: &InstanceId| (model.node(id).and_then(|node| node.stack_id.clone()), Some(id.clone()));
    match (&model.screen().kind, model.screen().list.selected()) {
        (ScreenKind::Node(id), _) | (_, Some(RowId::Node(id))) => of_node(id),
        (_, Some(RowId::Cause(key))) => (key.stack_id.clone(), None),
        (_, Some(RowId::Change(seq))) => {
            let entry = model.timeline.get(*seq);
            entry.map(|it| (it.stack_id.clone(), it.instance_id.clone())).unwrap_or_default()
        }
        _ => (model.focus().cloned(), None),
    }
}

/// Puts a bookmark at the selected change, or takes it away.
pub(super) fn bookmark(model: &mut Model) -> Effects {
    let selected = match model.screen().list.selected() {
        Some(RowId::Change(seq)) => model.timeline.get(*seq).cloned(),
        _ => None,
    };
    let Some(entry) = selected else {
        say(model, "Only changes in the timeline can be bookmarked.");
        return Effects::none();
    };
    let (text, change) = match model.timeline.bookmark(entry.seq) {
        true => ("Bookmarked; `/ mark:bookmark` shows all bookmarks.", Change::Bookmarked(entry)),
        false => ("The bookmark is taken away.", Change::Unmarked(entry)),
    };
    say(model, text);
    navigate::rearrange(model);
    keep(model, change)
}

/// Snoozes the selected finding: `2h the disk is being replaced`.
///
/// # Errors
/// A sentence: nothing is selected, or time or reason are missing.
pub(super) fn snooze(model: &mut Model, line: &str) -> Result<Effects, String> {
    let line = line.trim();
    let (span, reason) = line.split_once(' ').unwrap_or((line, ""));
    let span = match span.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        Some(days) => std::time::Duration::from_secs(u64::from(days) * 86_400),
        None => parse_span(span)
            .map_err(|_| format!("{span:?} is no time: type 30m, 2h or 1d, then the reason."))?,
    };
    if !(SHORTEST..=LONGEST).contains(&span) {
        return Err("A finding is snoozed for between 1m and 7d.".into());
    }
    let reason = reason.trim();
    if reason.is_empty() {
        return Err("Say why, too: whoever comes after you will ask.".into());
    }
    let cause = selected(model).ok_or("Select a finding first.")?;
    let until = model.now.saturating_add(span).map_err(|_| "That is no time.")?;
    let snooze = Snooze {
        by: model.desk.by.clone(),
        reason: reason.to_owned(),
        ..Snooze::of(cause, model.findings(), (model.now, until))
    };
    let text = format!(
        "{} is snoozed until {} UTC; it comes back by itself, and at once if it gets worse.",
        snooze.cause,
        until.strftime("%Y-%m-%d %H:%M:%S")
    );
    let effects = keep(model, Change::Snoozed(snooze));
    rearranged(model);
    say(model, text);
    Ok(effects)
}

/// Brings the selected finding back before its time.
pub(super) fn wake(model: &mut Model) -> Effects {
    let key = selected(model).map(|cause| cause.key.clone());
    let Some(key) = key.filter(|key| model.desk.kept.snooze(key, model.now).is_some()) else {
        say(model, "Select a finding that is snoozed first.");
        return Effects::none();
    };
    say(model, format!("{key} is back."));
    let effects = keep(model, Change::Woken(key));
    rearranged(model);
    effects
}

fn selected(model: &Model) -> Option<&Cause> {
    rows::findings::find(model, model.screen().list.selected()?)
}

/// Ends the snoozes whose time is over, and those of what has got worse: it is said, and the finding
/// stands where it stood.
pub(super) fn settle(model: &mut Model) -> Effects {
    let all = model.findings();
    let mut ended: Vec<(CauseKey, NoticeKind, String)> = Vec::new();
    for snooze in &model.desk.kept.snoozes {
        let key = &snooze.cause;
        let cause = model.causes.iter().find(|cause| cause.key == *key);
        let worse = cause.and_then(|cause| snooze.worse(cause, all));
        if let Some(worse) = worse {
            let text = format!("{key} was snoozed and is back: {worse}.");
            ended.push((key.clone(), NoticeKind::Warning, text));
        } else if snooze.is_over(model.now) {
            let text = format!("{key} is snoozed no more: its time is over.");
            ended.push((key.clone(), NoticeKind::Info, text));
        }
    }
    if ended.is_empty() {
        return Effects::none();
    }
    let mut effects = Vec::new();
    for (key, kind, text) in ended {
        model.notices.say(model.now, kind, text);
        effects.extend(keep(model, Change::Woken(key)));
    }
    rearranged(model);
    effects.into()
}

/// Changes what is kept, here and in the state directory.
fn keep(model: &mut Model, change: Change) -> Effects {
    model.desk.kept.apply(change.clone(), model.now);
    Effect::Keep(Box::new(change)).into()
}

/// What is snoozed stands behind everything else.
pub(super) fn arrange(model: &mut Model) {
    if model.desk.kept.snoozes.is_empty() {
        return;
    }
    let (kept, now) = (&model.desk.kept, model.now);
    model.causes.sort_by_key(|cause| kept.snooze(&cause.key, now).is_some());
}

/// Makes the order of the findings anew, after one was snoozed or came back.
fn rearranged(model: &mut Model) {
    model.causes = model.estate.as_deref().map(causes).unwrap_or_default();
    arrange(model);
    navigate::rearrange(model);
}

/// A size as it is said.
fn size(bytes: usize) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        _ => format!("{} KB", bytes / 1000),
    }
}

fn say(model: &mut Model, text: impl Into<String>) {
    model.notices.say(model.now, NoticeKind::Info, text);
}

fn warn(model: &mut Model, text: String) {
    model.notices.say(model.now, NoticeKind::Warning, text);
}

#[cfg(test)]
mod tests;
