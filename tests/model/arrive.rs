//! A call reaches AWS: what it does there, and which property that breaks.

use crate::action::{Without, bad};
use crate::engine::Runs;
use crate::world::{Cell, FOREIGN, Id, Kind, Life, Packet, Phase, Record, State, Step};

impl Runs {
    /// A call reaches AWS; whether it was refused.
    pub fn arrive(&self, state: &mut State, h: u8) -> Option<bool> {
        let host = state.hosts.get_mut(h as usize)?;
        let packet = host.packet.take()?;
        let stale = Self::is_fenced(packet.step) && host.token != Id::There;
        host.stale = (host.stale + u8::from(stale && !packet.counted)).min(2);
        let many = host.stale > 1;
        state.broken |= if many { bad::STALE_TWICE } else { 0 };
        state.broken |= if stale && self.shape.at_once { bad::STALE_AT_ALL } else { 0 };
        let refused = self.takes_effect(state, (h, packet), stale);
        if refused {
            // Another has the lock: this run has changed nothing and is over.
            let host = &mut state.hosts[h as usize];
            if host.phase == Phase::Waiting && matches!(host.life, Life::Up | Life::Paused) {
                host.ends();
            }
        }
        Some(refused)
    }

    /// What a call does to the world; whether it was refused.
    fn takes_effect(&self, state: &mut State, (h, packet): (u8, Packet), stale: bool) -> bool {
        let (target, token) = (state.hosts[h as usize].target, state.hosts[h as usize].token);
        let mut refused = false;
        match packet.step {
            Step::Lock => match state.lock {
                None => state.lock = Some(h),
                Some(of) => refused = of != h,
            },
            Step::TakeOver => {
                let by_name = self.without == Without::TheId && state.lock.is_some();
                refused = target != Id::There && !by_name;
                if !refused {
                    self.is_robbed(state, h);
                    self.remove_lock(state);
                }
            }
            Step::Unlock if token == Id::There => {
                self.ends_right(state, h);
                self.remove_lock(state);
            }
            Step::Unlock => {}
            // The services of another run's record have names and ids of their own by now.
            Step::RecordPart if stale && state.record != Record::None => {}
            Step::RecordPart => {
                let lost = state.record == Record::Whole && self.is_needed(state);
                if lost && !state.late && !state.is_foreign() {
                    state.broken |= bad::RECORD_LOST;
                }
                state.record = Record::Torn;
            }
            Step::RecordWhole if stale => {}
            Step::RecordWhole => state.record = Record::Whole,
            Step::Suspend => {
                self.needs_record(state, stale);
                self.comes_late(state, h, stale);
                state.suspended = true;
            }
            Step::Resume => state.suspended = false,
            Step::DropRecord => {
                // The run that took over has its plan; it is the next one that finds no record.
                state.late |= stale;
                if self.is_needed(state) && !state.late && !state.is_foreign() {
                    state.broken |= bad::RECORD_LOST;
                }
                state.record = Record::None;
            }
            Step::Shift(l, _) | Step::Restore(l) => self.writes(state, (h, packet), (l, stale)),
            Step::LookAgain => {}
        }
        refused
    }

    /// A listener is written: without a condition, whatever it says now.
    fn writes(&self, state: &mut State, (h, packet): (u8, Packet), (l, stale): (u8, bool)) {
        let raced = state.hosts[h as usize].raced;
        self.needs_record(state, stale);
        self.comes_late(state, h, stale);
        let known = match packet.step {
            Step::Shift(_, next) => [next - 1, next].contains(&state.cells[l as usize].now),
            _ => state.cells[l as usize].now != FOREIGN,
        };
        if !known && !raced && !stale {
            state.broken |= bad::BUILT_ON_FOREIGN;
        }
        let cell = &mut state.cells[l as usize];
        if cell.now != packet.to {
            *cell = Cell { now: packet.to, was: Some(cell.now) };
            self.race(state, l, Some(h));
        }
    }

    pub fn remove_lock(&self, state: &mut State) {
        state.delete_lock();
        if self.without == Without::RecordOutlives {
            state.record = Record::None;
        }
    }

    /// A lock is taken from a host that is not dead.
    pub fn is_robbed(&self, state: &mut State, by: u8) {
        let owner = state.lock.map(|of| state.hosts[of as usize]);
        let alive =
            owner.is_some_and(|of| of.life == Life::Up && of.token == Id::There && !of.silent);
        // It may have been heard of again while the call was on its way.
        let excused = state.hosts[by as usize].excused;
        if alive && state.lock != Some(by) && !excused {
            state.broken |= bad::LOCK_STOLEN;
        }
    }

    /// Whether anything is split or suspended that only the record tells another host of.
    pub fn is_needed(&self, state: &State) -> bool {
        let first = state.is_back();
        let last = state.cells.iter().all(|cell| cell.now == self.shape.shifts);
        state.suspended || !(first || last)
    }

    /// A run gives its lock back: what it leaves behind is as it should be.
    pub fn ends_right(&self, state: &mut State, h: u8) {
        let needed = self.is_needed(state);
        let wrong = match state.hosts[h as usize].run {
            // Where there is no record any more, the run was through.
            Some(Kind::Rollback) if state.record != Record::Whole => needed,
            Some(Kind::Rollback) => state.suspended || !state.is_back(),
            Some(Kind::Cutover) => needed,
            _ => state.suspended || needed && state.record != Record::Whole,
        };
        if wrong && !state.late && !state.is_foreign() {
            state.broken |= bad::ENDED_WRONG;
        }
    }

    pub fn needs_record(&self, state: &mut State, stale: bool) {
        if state.record != Record::Whole && !stale && !state.late {
            state.broken |= bad::NO_RECORD;
        }
    }

    /// A stale call changes the world; is there still a take-over that will look again?
    pub fn comes_late(&self, state: &mut State, h: u8, stale: bool) {
        let looks = state.hosts.iter().enumerate().any(|(of, host)| {
            let back = host.run == Some(Kind::Rollback) && host.at <= self.looks_again_at();
            back && of != h as usize && state.lock == Some(of as u8)
        });
        let left = state.record == Record::Whole;
        state.late |= stale && !(left && (looks || state.lock.is_none()));
    }

    /// A listener has changed under the hands of whoever looked at it before.
    pub fn race(&self, state: &mut State, l: u8, by: Option<u8>) {
        for (number, host) in state.hosts.iter_mut().enumerate() {
            let at = host.run.map(|kind| self.step(kind, host.at));
            let about = matches!(at, Some(Step::Shift(of, _) | Step::Restore(of)) if of == l);
            host.raced |= about && host.phase != Phase::Begin && by != Some(number as u8);
        }
    }
}
