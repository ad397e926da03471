//! The reel moves the deck: by time, by frames, to findings, in turns so short that no key waits.

use super::deck::{Deck, Played};
use super::findings::Findings;
use crate::app::Model;
use crate::app::replay::{Replay, State, Wish};
use crate::clock::Clock;
use crate::engine::recording::{Tape, TapeError};
use jiff::Timestamp;
use std::time::Duration;

/// A turn takes no longer than this, or than one join: then keys are looked at again.
const TURN: Duration = Duration::from_millis(20);

/// How a turn went.
#[derive(Debug)]
pub(super) enum Turn {
    /// On it goes.
    On,
    /// There is something to say.
    Said(String),
    /// There is no more.
    Over,
    /// The recording holds what this program does not know.
    Broken(TapeError),
}

/// The deck, and where it is going.
pub(super) struct Reel {
    deck: Deck,
    findings: Findings,
    goal: Option<Wish>,
    /// Where the recording stood at a real time, since when it plays by itself.
    since: (Duration, Timestamp),
    is_over: bool,
}

impl Reel {
    pub(super) fn new(deck: Deck, real: Duration) -> Self {
        let since = (real, deck.model().now);
        let mut findings = Findings::default();
        findings.know(deck.model());
        Self { deck, findings, goal: None, since, is_over: false }
    }

    pub(super) fn model(&self) -> &Model {
        self.deck.model()
    }

    pub(super) fn tape(&self) -> &Tape {
        self.deck.tape()
    }

    /// Takes in what the operator has changed or wished.
    pub(super) fn wished(&mut self, before: &Replay, replay: &mut Replay, real: Duration) {
        let plays = before.state == State::Playing && self.goal.is_none();
        let at = if plays { self.head(before, real) } else { self.deck.model().now };
        self.since = (real, at);
        let Some(wish) = replay.wish.take() else { return };
        let now = self.deck.model().now;
        let to = match wish {
            Wish::To(to) => Some(to.clamp(replay.span.0, replay.span.1)),
            // At a finding's beginning, the one before is meant.
            Wish::PreviousFinding => Some(self.findings.before(now).unwrap_or(replay.span.0)),
            Wish::Step | Wish::NextFinding => None,
        };
        if wish == Wish::PreviousFinding {
            replay.state = State::Paused;
        }
        self.goal = Some(to.map_or(wish, Wish::To));
        if let Some(to) = to.filter(|to| *to < now)
            && self.deck.wind(Some(to)).is_ok()
        {
            self.is_over = false;
            self.findings.know(self.deck.model());
        }
    }

    /// How long until there is something to play.
    pub(super) fn due_in(&self, replay: &Replay, real: Duration) -> Option<Duration> {
        if self.goal.is_some() {
            return Some(Duration::ZERO);
        }
        if replay.state == State::Paused {
            return None;
        }
        // At the end, the next turn says so.
        let Some(next) = self.deck.next_at() else { return Some(Duration::ZERO) };
        let wait = Duration::try_from(next.duration_since(self.head(replay, real)));
        Some(wait.unwrap_or_default() / replay.speed.max(1))
    }

    /// How far it should have played by now.
    fn head(&self, replay: &Replay, real: Duration) -> Timestamp {
        let (then, at) = self.since;
        let passed = real.saturating_sub(then) * replay.speed;
        at.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Plays for a little while.
    pub(super) fn turn(&mut self, replay: &mut Replay, clock: &Clock) -> Turn {
        let began = clock.real_elapsed();
        loop {
            let real = clock.real_elapsed();
            if self.is_there(replay, real) {
                break;
            }
            match self.deck.play() {
                Ok(Some(played)) => self.look(replay, &played),
                Ok(None) => return self.over(replay),
                Err(error) => {
                    (self.goal, replay.state) = (None, State::Paused);
                    return Turn::Broken(error);
                }
            }
            if real.saturating_sub(began) >= TURN {
                return Turn::On;
            }
        }
        if self.goal.take().is_some() {
            self.since = (clock.real_elapsed(), self.deck.model().now);
        }
        Turn::On
    }

    /// Whether it is where it should be by time; frames and findings are noticed when they come.
    fn is_there(&self, replay: &Replay, real: Duration) -> bool {
        match (self.goal, self.deck.next_at()) {
            (_, None) => false,
            (Some(Wish::To(to)), Some(next)) => next > to,
            (Some(_), Some(_)) => false,
            (None, Some(next)) => replay.state == State::Paused || next > self.head(replay, real),
        }
    }

    /// Notices what was played: a frame, a finding. Whoever goes to one wants to see it.
    fn look(&mut self, replay: &mut Replay, played: &Played) {
        let reached = match played {
            Played::Painted(_) => self.goal == Some(Wish::Step),
            Played::Whole => {
                self.findings.know(self.deck.model());
                false
            }
            Played::Event(_) => {
                self.findings.look(self.deck.model()) && self.goal == Some(Wish::NextFinding)
            }
            Played::Gap | Played::Nothing => false,
        };
        if reached {
            (self.goal, replay.state) = (None, State::Paused);
        }
    }

    fn over(&mut self, replay: &mut Replay) -> Turn {
        replay.state = State::Paused;
        let was_over = std::mem::replace(&mut self.is_over, true);
        match self.goal.take() {
            Some(Wish::NextFinding) => {
                Turn::Said("No further finding begins in this recording.".to_owned())
            }
            _ if was_over => Turn::On,
            _ => Turn::Over,
        }
    }
}
