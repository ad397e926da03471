//! `update`: the only place where the model changes. It never waits, reads no clock, and says what
//! is to be done in the `Effects` it returns.

use super::command::Action;
use super::effect::{Effect, Effects, Ending};
use super::event::{Event, EventKind, Signal};
use super::input::{Chord, Input};
use super::keymap::Resolution;
use super::model::{Layer, Model};
use super::navigate::{self, Motion};
use super::notice::NoticeKind;
use super::sources;
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
        EventKind::Input(Input::Paste(_)) => {
            say(model, NoticeKind::Info, "There is no text field to paste into here.");
            Effects::none()
        }
        EventKind::Input(Input::Resize(size)) => {
            model.size = size;
            Effects::none()
        }
        EventKind::Connected(region) => {
            model.place.region = Some(region);
            Effects::none()
        }
        EventKind::Recalled(memory) => {
            Arc::make_mut(&mut model.inventory).memory.recall(memory, event.at);
            Effect::Reconcile.into()
        }
        EventKind::Source(news) => take_news(model, news),
        EventKind::Reconciled { generation, as_of, estate } => {
            model.reconciled = Some((as_of, generation));
            model.estate = estate;
            model.sources = sources::lines(&model.inventory, model.now);
            navigate::settle(model);
            Effects::none()
        }
        EventKind::Tick => {
            model.sources = sources::lines(&model.inventory, model.now);
            let old = |(at, _)| age(at, model.now) >= RECONCILE_AT_LEAST_EVERY;
            if model.reconciled.is_some_and(old) {
                Effect::Reconcile.into()
            } else {
                Effects::none()
            }
        }
        EventKind::Signal(signal) => obey(signal),
    }
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
    // A probe's outcome never shows that there is more to read, and there are thousands of them.
    let probe = matches!(news.scope, Scope::Probe(_));
    Arc::make_mut(&mut model.inventory).apply(news);
    model.generation += 1;
    if probe {
        return Effect::Reconcile.into();
    }
    model.sources = sources::lines(&model.inventory, model.now);
    [Effect::Want, Effect::Reconcile].into()
}

fn press(model: &mut Model, chord: Chord) -> Effects {
    let keymap = Arc::clone(&model.keymap);
    let resolution = keymap.resolve(&model.contexts(), &model.pending, chord);
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
            say(model, NoticeKind::Info, format!("{chord} does nothing here."));
            Effects::none()
        }
        Resolution::Pending | Resolution::Cancelled => Effects::none(),
    }
}

fn act(model: &mut Model, action: Action) -> Effects {
    match action {
        Action::Quit => return Effect::Quit(Ending::Quit).into(),
        Action::Suspend => return Effect::Suspend.into(),
        Action::Redraw => return Effect::Repaint.into(),
        Action::PollNow => {
            say(model, NoticeKind::Info, "Reading everything on screen now.");
            return Effect::PollNow.into();
        }
        Action::Help => navigate::show(model, Layer::Help { scroll: 0 }),
        Action::Messages => navigate::show(model, Layer::Messages { scroll: 0 }),
        Action::Back => {
            if model.layers.pop().is_none() {
                model.pop();
            }
        }
        Action::Open => navigate::open(model),
        Action::Down => navigate::go(model, Motion::By(1)),
        Action::Up => navigate::go(model, Motion::By(-1)),
        Action::PageDown => navigate::half_screen(model, 1),
        Action::PageUp => navigate::half_screen(model, -1),
        Action::First => navigate::go(model, Motion::To(0)),
        Action::Last => navigate::go(model, Motion::To(usize::MAX)),
    }
    Effects::none()
}

fn say(model: &mut Model, kind: NoticeKind, text: impl Into<String>) {
    model.notices.say(model.now, kind, text);
}

#[cfg(test)]
mod tests;
