//! A run within its step: the facts, the fence, the call, its answer, the world again.

use crate::action::{Without, bad};
use crate::engine::{Found, Runs, up};
use crate::world::{Cell, Fence, Host, Id, Kind, Life, Packet, Phase, Record, State, Step};
use quarterdeck::core::error::ErrorKind;
use quarterdeck::core::run::rules::{
    Answer, BEAT_GOOD_FOR, DEAD_AFTER, FENCE_GOOD_FOR, FenceSays, Listener, Refusal, Sending,
    Watch, beat_allows, holder_is_dead, may_drop_record, may_send, meaning,
};
use std::time::Duration;

impl Runs {
    /// Reads what the step needs, and writes its intent where its facts hold.
    pub fn look(&self, state: &mut State, h: u8, stale: bool) -> Option<()> {
        let host = *state.hosts.get(h as usize)?;
        up(&host)?;
        let step = self.step(host.run?, host.at);
        if host.phase != Phase::Begin || host.held {
            return None;
        }
        let seen = Self::seen(state, step, stale)?;
        let (mut intends, mut to) = (true, 0);
        match step {
            Step::TakeOver => match host.target {
                Id::None => intends = false,
                Id::There if self.is_dead(&host) || state.lock == Some(h) => {}
                _ => {
                    state.hosts[h as usize].ends();
                    return Some(());
                }
            },
            Step::Shift(_, next) => {
                to = next;
                if seen != next - 1 && self.without != Without::Facts {
                    state.hosts[h as usize].holds();
                    return Some(());
                }
            }
            Step::RecordPart | Step::RecordWhole if host.run == Some(Kind::Rollback) => {
                // Another host's rollback has nothing to write one from.
                intends = host.own && state.record != Record::Whole;
            }
            Step::Restore(_) if state.record != Record::Whole => intends = false,
            Step::Restore(_) => match self.found(seen) {
                Found::Already => intends = false,
                Found::Write => {}
                Found::Foreign => {
                    state.hosts[h as usize].holds();
                    return Some(());
                }
            },
            Step::LookAgain => return self.look_again(state, h),
            Step::RecordPart if self.keeps_older(state) => {
                // Another run's record is all there is of what it has left: nothing was changed yet.
                state.hosts[h as usize].holds();
                return Some(());
            }
            Step::Resume => intends = state.suspended,
            Step::DropRecord => intends = state.record != Record::None && self.may_drop(state),
            Step::Lock | Step::RecordPart | Step::RecordWhole | Step::Suspend | Step::Unlock => {}
        }
        let host = &mut state.hosts[h as usize];
        // A stale read is as one that was made before another's write.
        (host.to, host.raced, host.phase) = (to, stale, Phase::Intended);
        if !Self::is_fenced(step) && !self.shape.at_once {
            host.phase = Phase::Sending;
            host.excused = false;
        }
        if !intends {
            host.goes_to(host.at + 1);
        }
        Some(())
    }

    /// The listener that a step writes, as it is read; a stale read shows what it was before.
    fn seen(state: &State, step: Step, stale: bool) -> Option<u8> {
        let level = |cell: &Cell| if stale { cell.was } else { Some(cell.now) };
        match step {
            Step::Shift(l, _) | Step::Restore(l) => level(&state.cells[l as usize]),
            _ if stale => None,
            _ => Some(0),
        }
    }

    /// Whether an older run's record is still needed, so that no new one is written over it.
    fn keeps_older(&self, state: &State) -> bool {
        let older = state.record == Record::Whole && self.is_needed(state);
        older && self.without != Without::TheOlderRecord
    }

    /// One send window later: whatever was on its way from another host has arrived or is lost, and
    /// no read is stale.
    pub fn look_again(&self, state: &mut State, h: u8) -> Option<()> {
        let host = state.hosts[h as usize];
        if self.without != Without::TheSecondLook {
            let others = state.hosts.iter().enumerate().filter(|(of, _)| *of != h as usize);
            let sends = |host: &Host| {
                let young = matches!(host.phase, Phase::Asked { says: Fence::Held, old: false });
                let will = host.phase == Phase::Sending || young;
                host.packet.is_some() || host.life == Life::Up && will
            };
            if others.map(|(_, host)| host).any(sends) {
                return None;
            }
            state.cells.iter_mut().for_each(|cell| cell.was = None);
            if state.record == Record::Whole && !state.is_back() {
                let foreign = state.cells.iter().any(|cell| self.found(cell.now) == Found::Foreign);
                let host = &mut state.hosts[h as usize];
                if foreign {
                    host.holds();
                } else {
                    host.goes_to(Self::RESTORES_AT);
                }
                return Some(());
            }
        }
        state.hosts[h as usize].goes_to(host.at + 1);
        Some(())
    }

    pub fn is_dead(&self, host: &Host) -> bool {
        let unchanged_for = if host.watched { DEAD_AFTER } else { Duration::ZERO };
        self.without == Without::TheWatch || holder_is_dead(&Watch { beat: None, unchanged_for })
    }

    pub fn may_drop(&self, state: &State) -> bool {
        let listeners = state.cells.iter().map(|cell| match cell.now {
            0 => Listener::First,
            now if now == self.shape.shifts => Listener::Last,
            _ => Listener::Between,
        });
        self.without == Without::RecordStays || may_drop_record(state.suspended, listeners)
    }

    /// Locks are asked for and taken over without one; everything else needs the fence.
    pub fn is_fenced(step: Step) -> bool {
        !matches!(step, Step::Lock | Step::TakeOver)
    }

    pub fn ask(&self, state: &mut State, h: u8, throttled: bool) -> Option<()> {
        let taking = self.taken_over_now(state);
        let host = state.hosts.get_mut(h as usize)?;
        up(host)?;
        if host.phase != Phase::Intended || self.shape.at_once || host.held {
            return None;
        }
        let says = match host.token {
            _ if throttled => Fence::Unknown,
            Id::There => Fence::Held,
            _ if self.without == Without::TheFence => Fence::Held,
            _ => Fence::Gone,
        };
        host.phase = Phase::Asked { says, old: false };
        host.excused = taking;
        Some(())
    }

    /// A take-over is under way: its last look at the heartbeat is behind it, and its call has not
    /// come yet.
    pub fn taken_over_now(&self, state: &State) -> bool {
        state.hosts.iter().any(|host| {
            let step = host.run.map(|kind| self.step(kind, host.at));
            let sends = host.phase == Phase::Sending && step == Some(Step::TakeOver);
            let sent = host.packet.is_some_and(|packet| packet.step == Step::TakeOver);
            host.target == Id::There && (sends || sent)
        })
    }

    pub fn decide(&self, state: &mut State, h: u8) -> Option<()> {
        let host = state.hosts.get_mut(h as usize)?;
        up(host)?;
        let Phase::Asked { says, old } = host.phase else { return None };
        let second = Duration::from_secs(1);
        let old = old && self.without != Without::AYoungAnswer;
        let age = if old { FENCE_GOOD_FOR + second } else { Duration::ZERO };
        let says = match says {
            Fence::Held => FenceSays::Held,
            Fence::Gone => FenceSays::Gone,
            Fence::Unknown => FenceSays::Unknown,
        };
        let silent = if host.silent { BEAT_GOOD_FOR + second } else { Duration::ZERO };
        let beats = beat_allows(silent) || self.without == Without::AnOwnHeartbeat;
        match may_send(true, age, says) {
            Sending::Now if beats => host.phase = Phase::Sending,
            Sending::Now | Sending::CheckAgain => host.phase = Phase::Intended,
            Sending::Stop => {
                // Nothing of this intent was sent.
                host.phase = Phase::Begin;
                host.holds();
            }
        }
        Some(())
    }

    pub fn send(&self, state: &mut State, h: u8) -> Option<()> {
        let host = state.hosts.get_mut(h as usize)?;
        up(host)?;
        if host.phase != Phase::Sending {
            return None;
        }
        let step = self.step(host.run?, host.at);
        let again = host.packet.is_some() || host.unlooked;
        let stale = Self::is_fenced(step) && host.token != Id::There;
        host.packet = Some(Packet { step, to: host.to, counted: stale });
        host.phase = Phase::Waiting;
        host.unlooked = true;
        host.stale = (host.stale + u8::from(stale)).min(2);
        let (excused, many) = (host.excused, host.stale > 1);
        let mut broken = |so, bit| state.broken |= if so { bit } else { 0 };
        broken(again, bad::SENT_AGAIN);
        broken(stale && !excused, bad::TWO_AT_ONCE);
        broken(many, bad::STALE_TWICE);
        Some(())
    }

    /// The check, the send and the arrival in one: what is left if nothing can come in between.
    pub fn shoot(&self, state: &mut State, h: u8, answer: Answer) -> Option<()> {
        let own = state.lock == Some(h);
        let host = state.hosts.get_mut(h as usize)?;
        up(host)?;
        let step = self.step(host.run?, host.at);
        if !self.shape.at_once || host.phase != Phase::Intended {
            return None;
        }
        if step == Step::TakeOver && !own && !self.is_dead(host) {
            host.ends();
        } else if Self::is_fenced(step) && host.token != Id::There {
            host.phase = Phase::Begin;
            host.holds();
        } else if Self::is_fenced(step) && host.silent {
            return None;
        } else {
            host.packet = Some(Packet { step, to: host.to, counted: false });
            (host.phase, host.unlooked) = (Phase::Waiting, true);
            self.arrive(state, h)?;
            self.answered(state, h, answer)?;
        }
        Some(())
    }

    pub fn of_5xx(&self) -> Answer {
        if self.without == Without::Unknown {
            return Answer::NotDone;
        }
        let refusal = Refusal { kind: ErrorKind::Failed, status: Some(500), code: None };
        meaning(refusal, false)
    }

    /// What an answer does to a run that waits for it.
    pub fn answered(&self, state: &mut State, h: u8, answer: Answer) -> Option<()> {
        let host = &mut state.hosts[h as usize];
        if host.phase != Phase::Waiting || !matches!(host.life, Life::Up | Life::Paused) {
            return Some(());
        }
        match answer {
            Answer::Done | Answer::AlreadySo => (host.phase, host.unlooked) = (Phase::Taken, false),
            Answer::Throttled => (host.phase, host.unlooked) = (Phase::Begin, false),
            // Whoever believes that nothing was done looks no more.
            Answer::NotDone => host.phase = Phase::Intended,
            Answer::Unknown => host.phase = Phase::Unknown,
        }
        Some(())
    }

    pub fn compare(&self, state: &mut State, h: u8) -> Option<()> {
        let host = *state.hosts.get(h as usize)?;
        up(&host)?;
        let step = self.step(host.run?, host.at);
        if host.phase != Phase::Unknown {
            return None;
        }
        let done = match step {
            Step::Lock => state.lock == Some(h),
            Step::TakeOver => host.target != Id::There,
            Step::RecordPart => state.record != Record::None,
            Step::RecordWhole => state.record == Record::Whole,
            Step::Suspend => state.suspended,
            Step::Resume => !state.suspended,
            Step::DropRecord => state.record == Record::None,
            Step::Unlock => host.token != Id::There,
            Step::Shift(l, _) | Step::Restore(l) => state.cells[l as usize].now == host.to,
            Step::LookAgain => true,
        };
        let arrived = host.packet.is_none() || self.without == Without::TheSendWindow;
        // What is seen as done may be another's doing, and the own call still on its way.
        if !arrived {
            return None;
        }
        let host = &mut state.hosts[h as usize];
        host.unlooked = false;
        host.phase = if done { Phase::Taken } else { Phase::Begin };
        Some(())
    }

    pub fn read_back(&self, state: &mut State, h: u8) -> Option<()> {
        let host = *state.hosts.get(h as usize)?;
        up(&host)?;
        let step = self.step(host.run?, host.at);
        if host.phase != Phase::Taken || host.held {
            return None;
        }
        let as_written = match step {
            Step::Shift(l, _) | Step::Restore(l) => state.cells[l as usize].now == host.to,
            _ => true,
        };
        let lock = state.lock;
        let me = &mut state.hosts[h as usize];
        me.goes_to(host.at + 1);
        match step {
            Step::Lock if lock == Some(h) => {
                me.token = Id::There;
                self.beats(state, h);
            }
            // It was taken over before it was ever used.
            Step::Lock => me.ends(),
            Step::TakeOver => me.target = Id::None,
            Step::Unlock => me.ends(),
            _ if !as_written => {
                me.goes_to(host.at);
                me.holds();
            }
            _ => {}
        }
        Some(())
    }
}
