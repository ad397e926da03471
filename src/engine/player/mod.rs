//! Playing a recording: the console's loop with no world attached. What is on the screen is a copy of
//! the recorded model; its operator may look around in it while the recording stands.

mod deck;
mod findings;
mod reel;
#[cfg(test)]
mod tests;

pub use deck::{Deck, Played};

use self::reel::{Reel, Turn};
use super::console::pace::{Due, FramePace};
use super::console::signals::Signals;
use super::console::{ConsoleError, Operator, Surface, after};
use crate::app::replay::{Replay, State};
use crate::app::{
    self, Effect, Effects, Ending, Event, EventKind, Input, Keymap, Looks, Model, NoticeKind,
    Signal, Size,
};
use crate::clock::Clock;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// What the player is about.
pub struct Play {
    /// The recording.
    pub deck: Deck,
    /// The keys of whoever looks now.
    pub keymap: Arc<Keymap>,
    /// Their looks.
    pub looks: Looks,
    /// Their terminal.
    pub size: Size,
    /// Their hands.
    pub input: mpsc::Receiver<Input>,
    /// Real time.
    pub clock: Clock,
}

/// The console of whoever looks at a recording.
struct Player<'s, S> {
    reel: Reel,
    replay: Replay,
    /// What is on the screen.
    shown: Model,
    /// The keys, the looks and the size of whoever looks now.
    own: (Arc<Keymap>, Looks, Size),
    /// What is to be said until the next key.
    note: Option<(NoticeKind, String)>,
    clock: Clock,
    surface: &'s mut S,
    pace: FramePace,
    due: Option<Due>,
    suspending: bool,
    ending: Option<Ending>,
}

/// Plays until the operator leaves.
///
/// # Errors
/// The signals could not be watched.
pub async fn play(play: Play, surface: &mut impl Surface) -> Result<Ending, ConsoleError> {
    let Play { deck, keymap, looks, size, mut input, clock } = play;
    let mut signals = Signals::watch()?;
    let replay = Replay::new(deck.tape().span());
    let note = deck.tape().cut().map(|cut| (NoticeKind::Warning, cut.to_string()));
    let mut player = Player {
        shown: deck.model().clone(),
        reel: Reel::new(deck, clock.real_elapsed()),
        replay,
        own: (keymap, looks, size),
        note,
        clock,
        surface,
        pace: FramePace::default(),
        due: Some(Due::Key),
        suspending: false,
        ending: None,
    };
    player.show();
    while player.ending.is_none() {
        player.suspend_if_due();
        let real = player.clock.real_elapsed();
        let paint = player.paint_in(real);
        let turn = player.reel.due_in(&player.replay, real);
        tokio::select! {
            biased;
            signal = signals.next() => player.obey(signal),
            got = input.recv() => match got {
                Some(input) => player.input(input),
                None => player.signal(Signal::HangUp),
            },
            written = player.surface.written(), if !player.surface.is_ready() => {
                player.check(written);
            }
            () = after(paint) => player.paint(),
            () = after(turn) => player.turn(),
        }
    }
    Ok(player.ending.unwrap_or(Ending::Quit))
}

impl<S: Surface> Player<'_, S> {
    /// Puts the recorded model on the screen, as whoever looks now wants to see it.
    fn show(&mut self) {
        let mut shown = self.reel.model().clone();
        (shown.keymap, shown.looks, shown.size) = self.own.clone();
        shown.pending.clear();
        if let Some((kind, text)) = &self.note {
            shown.notices.say(shown.now, *kind, text.clone());
        }
        shown.replay = Some(self.replay.clone());
        self.shown = shown;
        self.due = self.due.max(Some(Due::News));
    }

    fn turn(&mut self) {
        match self.reel.turn(&mut self.replay, &self.clock) {
            Turn::On => {}
            Turn::Said(text) => self.note = Some((NoticeKind::Info, text)),
            Turn::Over => {
                let cut = self.reel.tape().cut();
                let text = cut.map_or("The recording ends here.".to_owned(), |cut| cut.to_string());
                self.note = Some((NoticeKind::Warning, text));
            }
            Turn::Broken(error) => {
                self.note = Some((NoticeKind::Warning, format!("It goes no further: {error}.")));
            }
        }
        self.show();
    }

    fn input(&mut self, input: Input) {
        if let Input::Resize(size) = input {
            self.resize(size);
            return;
        }
        self.note = None;
        let before = self.replay.clone();
        self.shown.replay = Some(before.clone());
        let effects = self.update(EventKind::Input(input));
        let after = self.shown.replay.clone().unwrap_or_else(|| before.clone());
        self.own.0 = Arc::clone(&self.shown.keymap);
        self.own.1 = self.shown.looks.clone();
        if after == before {
            // Somebody looks around: nothing is to be taken away under their hands.
            self.replay.state = State::Paused;
            self.shown.replay = Some(self.replay.clone());
        } else {
            self.replay = after;
            self.reel.wished(&before, &mut self.replay, self.clock.real_elapsed());
            self.show();
        }
        self.due = Some(Due::Key);
        self.carry_out(effects);
    }

    fn update(&mut self, kind: EventKind) -> Effects {
        let now = self.shown.now;
        app::update(&mut self.shown, Event::new(now, kind))
    }

    fn resize(&mut self, size: Size) {
        self.own.2 = size;
        self.shown.size = size;
        self.due = Some(Due::Key);
    }

    fn obey(&mut self, signal: Option<Signal>) {
        match (signal, self.surface.size()) {
            (Some(signal), _) => self.signal(signal),
            (None, Some(size)) => self.resize(size),
            (None, None) => {}
        }
    }

    fn signal(&mut self, signal: Signal) {
        let effects = self.update(EventKind::Signal(signal));
        self.carry_out(effects);
    }

    /// Only what concerns the terminal: there is no world here.
    fn carry_out(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Quit(ending) => self.ending = Some(ending),
                Effect::Suspend => self.suspending = true,
                Effect::Resume => self.surface.resume(),
                Effect::Copy(text) => self.surface.copy(&text),
                Effect::Repaint => {
                    self.surface.forget();
                    self.obey(None);
                    self.due = Some(Due::Key);
                }
                _ => {}
            }
        }
    }

    fn suspend_if_due(&mut self) {
        if self.suspending && self.surface.is_ready() {
            self.suspending = false;
            if let Err(why) = self.surface.suspend() {
                self.note = Some((NoticeKind::Warning, why.to_owned()));
                self.show();
            }
        }
    }

    fn paint_in(&self, real: Duration) -> Option<Duration> {
        let free = !self.suspending && self.surface.is_ready();
        self.due.filter(|_| free).map(|due| self.pace.next_in(real, due))
    }

    fn paint(&mut self) {
        self.pace.took(self.clock.real_elapsed());
        self.due = None;
        let painted = self.surface.paint(&self.shown, Operator::AtRest);
        self.check(painted.map(drop));
    }

    fn check(&mut self, outcome: io::Result<()>) {
        if outcome.is_err() {
            self.signal(Signal::HangUp);
        }
    }
}
