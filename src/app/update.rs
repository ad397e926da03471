//! `update`: the only place where the model changes. It never waits, reads no clock, and says what
//! is to be done in the `Effects` it returns.

use super::act::act;
use super::contexts;
use super::desk;
use super::effect::{Effect, Effects, Ending};
use super::elsewhere;
use super::event::{Event, EventKind, Signal};
use super::input::{Chord, Input};
use super::keymap::Resolution;
use super::model::Model;
use super::navigate;
use super::notice::NoticeKind;
use super::operate;
use super::prompt;
use super::sources;
use crate::core::joined::Joined;
use crate::core::observed::age;
use crate::core::source::{Scope, SourceEvent};
use std::sync::Arc;
use std::time::Duration;

/// Without news the estate is joined again after so long: staleness comes by time alone.
const RECONCILE_AT_LEAST_EVERY: Duration = Duration::from_secs(5);

/// Takes in one event.
pub fn update(model: &mut Model, event: Event) -> Effects {
    model.now = event.at;
    match event.kind {
        EventKind::Input(Input::Chord(chord)) => press(model, chord),
        EventKind::Input(Input::Paste(text)) => {
            if !prompt::insert(model, &text) {
                say(model, NoticeKind::Info, "There is no text field to paste into here.");
            }
            Effects::none()
        }
        EventKind::Input(Input::Resize(size)) => {
            model.size = size;
            Effects::none()
        }
        EventKind::Connected(region) => {
            model.place.region = Some(region);
            model.unconnected = None;
            Effects::none()
        }
        EventKind::Unconnected(trouble) => {
            model.unconnected = Some(trouble);
            Effects::none()
        }
        EventKind::Entered { place, allowed } => {
            contexts::entered(model, place, allowed);
            Effect::Want.into()
        }
        EventKind::NotEntered(trouble) => {
            contexts::refused(model, &trouble);
            Effects::none()
        }
        EventKind::Recalled(memory) => {
            Arc::make_mut(&mut model.inventory).memory.recall(memory, event.at);
            Effect::Reconcile.into()
        }
        EventKind::Source(news) => take_news(model, news),
        EventKind::Reconciled { generation, as_of, joined } => {
            model.reconciled = Some((as_of, generation));
            take_joined(model, joined);
            look_at_sources(model);
            let effects = desk::settle(model);
            navigate::refresh(model);
            elsewhere::arrive(model);
            operate::drop_marks(model);
            effects
        }
        EventKind::Elsewhere(seen) => elsewhere::take(model, *seen),
        EventKind::Tick => tick(model),
        EventKind::Desk(answer) => desk::take(model, answer),
        EventKind::Said { kind, text } => {
            say(model, kind, text);
            Effects::none()
        }
        EventKind::Operation(answer) => {
            operate::take(model, answer);
            Effects::none()
        }
        EventKind::Signal(signal) => obey(signal),
    }
}

fn tick(model: &mut Model) -> Effects {
    look_at_sources(model);
    elsewhere::settle(model);
    let mut effects: Vec<Effect> = desk::settle(model).into_iter().collect();
    let old = |(at, _)| age(at, model.now) >= RECONCILE_AT_LEAST_EVERY;
    if model.reconciled.is_some_and(old) {
        effects.push(Effect::Reconcile);
    }
    effects.into()
}

fn obey(signal: Signal) -> Effects {
    match signal {
        Signal::Interrupt => Effect::Quit(Ending::Interrupted).into(),
        Signal::Terminate => Effect::Quit(Ending::Terminated).into(),
        Signal::HangUp => Effect::Quit(Ending::HungUp).into(),
        Signal::Suspend => Effect::Suspend.into(),
        Signal::Continue => [Effect::Resume, Effect::Repaint].into(),
    }
}

fn take_news(model: &mut Model, news: SourceEvent) -> Effects {
    // What a node answers never shows that there is more to read, and there are thousands of them.
    let probe = matches!(news.scope, Scope::Probe(_) | Scope::Rings(_) | Scope::Metrics(_));
    model.meter.count(&news);
    Arc::make_mut(&mut model.inventory).apply(news);
    model.generation += 1;
    if probe {
        return Effect::Reconcile.into();
    }
    look_at_sources(model);
    [Effect::Want, Effect::Reconcile].into()
}

fn press(model: &mut Model, chord: Chord) -> Effects {
    let keymap = Arc::clone(&model.keymap);
    let mut contexts = model.contexts();
    // What can be typed is typed: only the keys of the line itself come before it.
    let typed =
        chord.typed().filter(|_| model.layers.last().is_some_and(|it| it.field().is_some()));
    if typed.is_some() {
        contexts.truncate(1);
    }
    let resolution = keymap.resolve(&contexts, &model.pending, chord);
    if resolution == Resolution::Pending {
        model.pending.push(chord);
        return Effects::none();
    }
    model.pending.clear();
    // Whoever presses a key has read the line.
    model.notices.dismiss();
    match resolution {
        Resolution::Matched(action) => act(model, action),
        Resolution::NotFound => {
            match typed {
                Some(c) => drop(prompt::insert(model, c.encode_utf8(&mut [0; 4]))),
                None => say(model, NoticeKind::Info, format!("{chord} does nothing here.")),
            }
            Effects::none()
        }
        Resolution::Pending | Resolution::Cancelled => Effects::none(),
    }
}

/// The world as it is now known, and what changed since it was last looked at.
fn take_joined(model: &mut Model, joined: Option<Joined>) {
    let Some(Joined { estate, causes, changes }) = joined else {
        model.estate = None;
        return;
    };
    if let Some(before) = &model.estate {
        model.timeline.compare(before, changes, model.now, model.started);
    }
    model.causes = causes;
    desk::arrange(model);
    let estate = model.estate.insert(estate);
    model.history.record(estate, model.now);
    model.timeline.record(&model.inventory, |group| estate.stack_of_group(group).cloned());
}

fn look_at_sources(model: &mut Model) {
    model.statuses = model.inventory.statuses(model.now);
    model.sources = sources::lines(&model.statuses);
}

fn say(model: &mut Model, kind: NoticeKind, text: impl Into<String>) {
    model.notices.say(model.now, kind, text);
}

#[cfg(test)]
mod moving;
#[cfg(test)]
mod tests;
