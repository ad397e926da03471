//! What may happen next, and what comes of it. Every decision of a run is asked of the product's own
//! rules (`quarterdeck::core::run::rules`), unless the test has taken that rule out.

use crate::world::{
    Cell, FOREIGN, Fence, Host, Id, Kind, Life, Packet, Phase, Record, Shape, State, Step,
};
use quarterdeck::core::error::ErrorKind;
use quarterdeck::core::inventory::{Forward, WeightedGroup};
use quarterdeck::core::run::rules::{
    Answer, BEAT_GOOD_FOR, DEAD_AFTER, FENCE_GOOD_FOR, FenceSays, Listener, Refusal, Restore,
    Sending, Watch, beat_allows, holder_is_dead, may_drop_record, may_send, meaning, restore,
};
use std::time::Duration;

/// A rule that a test takes out, to see what goes wrong without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    Nothing,
    /// The lock is not asked for before a call.
    TheFence,
    /// An answer about the lock is good for ever.
    AYoungAnswer,
    /// A run whose own heartbeat fails goes on sending.
    AnOwnHeartbeat,
    /// An error of the server counts as a refusal.
    Unknown,
    /// What was not seen at once was not done.
    TheSendWindow,
    /// The record is written after what needs it.
    RecordFirst,
    /// The record is dropped whatever is split or suspended.
    RecordStays,
    /// The record goes with the lock.
    RecordOutlives,
    /// A lock is taken over without having watched it.
    TheWatch,
    /// A lock is deleted by its name.
    TheId,
    /// A take-over believes its first read.
    TheSecondLook,
    /// A step does not compare what it finds with what it expects.
    Facts,
    /// A rollback writes over whatever it finds.
    Foreign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    BeginCutover(u8),
    BeginTakeOver(u8),
    Look(u8),
    LookIsStale(u8),
    AskForLock(u8),
    AskIsThrottled(u8),
    AnswerGrowsOld(u8),
    Decide(u8),
    Send(u8),
    Shoot(u8),
    Arrive(u8),
    ArriveThen5xx(u8),
    Throttle(u8),
    FailBefore(u8),
    HeardTooLate(u8),
    PacketIsLost(u8),
    Compare(u8),
    ReadBack(u8),
    Pause(u8),
    Wake(u8),
    Kill(u8),
    StartAgain(u8),
    Lose(u8),
    BeatFails(u8),
    Beat(u8),
    WatchEnds(u8),
    WriteByHand(u8),
    SayHold(u8),
    SayResume(u8),
    SayAbort(u8),
    SayRollback(u8),
    GiveUp(u8),
}

impl Action {
    /// Something that goes wrong, or somebody who interferes.
    pub fn is_fault(self) -> bool {
        use Action::*;
        matches!(
            self,
            LookIsStale(_)
                | AskIsThrottled(_)
                | ArriveThen5xx(_)
                | Throttle(_)
                | FailBefore(_)
                | HeardTooLate(_)
                | Pause(_)
                | Kill(_)
                | Lose(_)
                | BeatFails(_)
                | WriteByHand(_)
                | SayHold(_)
        )
    }

    /// Its name without the host.
    pub fn name(self) -> String {
        format!("{self:?}").split('(').next().unwrap_or_default().to_owned()
    }
}

/// The properties, a bit each.
pub mod bad {
    pub const TWO_AT_ONCE: u16 = 1;
    pub const STALE_TWICE: u16 = 2;
    pub const SENT_AGAIN: u16 = 4;
    pub const NO_RECORD: u16 = 8;
    pub const RECORD_LOST: u16 = 16;
    pub const LOCK_STOLEN: u16 = 32;
    pub const BUILT_ON_FOREIGN: u16 = 64;
    pub const ENDED_WRONG: u16 = 128;
    /// Only where nothing comes between check and arrival.
    pub const STALE_AT_ALL: u16 = 256;
}

pub struct Runs {
    pub shape: Shape,
    pub without: Without,
    /// [`Runs::all_actions`], once.
    pub actions: Vec<Action>,
    steps: [Vec<Step>; 3],
    /// What a rollback does with each level that it may find, by the product's rule.
    restores: Vec<(u8, Found)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Already,
    Write,
    Foreign,
}

/// A level as an action of a listener.
fn forward(level: u8, shifts: u8) -> Forward {
    let group = |name: &str, weight| WeightedGroup { target_group: name.into(), weight };
    let groups = if level == FOREIGN {
        vec![group("blue", 1), group("purple", 99)]
    } else {
        let green = u32::from(level) * 100 / u32::from(shifts);
        vec![group("blue", 100 - green), group("green", green)]
    };
    Forward { groups, ..Forward::default() }
}

impl Runs {
    /// Everything that might happen, whether it can or not.
    pub fn all_actions(&self) -> Vec<Action> {
        use Action::*;
        let of_a_host = [
            BeginCutover,
            BeginTakeOver,
            Look,
            LookIsStale,
            AskForLock,
            AskIsThrottled,
            AnswerGrowsOld,
            Decide,
            Send,
            Shoot,
            Arrive,
            ArriveThen5xx,
            Throttle,
            FailBefore,
            HeardTooLate,
            PacketIsLost,
            Compare,
            ReadBack,
            Pause,
            Wake,
            Kill,
            StartAgain,
            Lose,
            BeatFails,
            Beat,
            WatchEnds,
            SayHold,
            SayResume,
            SayAbort,
            SayRollback,
            GiveUp,
        ];
        let hosts = 0..self.shape.hosts as u8;
        let by_host = hosts.flat_map(|h| of_a_host.map(|action| action(h)));
        by_host.chain((0..self.shape.listeners as u8).map(WriteByHand)).collect()
    }

    pub fn new(shape: Shape, without: Without) -> Self {
        let writes: Vec<Forward> = (1..=shape.shifts).map(|of| forward(of, shape.shifts)).collect();
        let first = forward(0, shape.shifts);
        let found = |level| match restore(&first, &writes, Some(&forward(level, shape.shifts))) {
            Restore::AlreadySo => Found::Already,
            Restore::Write(to) => {
                assert_eq!(to, first);
                Found::Write
            }
            Restore::Foreign if without == Without::Foreign => Found::Write,
            Restore::Foreign => Found::Foreign,
        };
        let restores = (0..=shape.shifts).chain([FOREIGN]).map(|level| (level, found(level)));
        let mut this = Self {
            restores: restores.collect(),
            steps: [Kind::Cutover, Kind::Rollback, Kind::Abort]
                .map(|kind| Self::steps(kind, &shape, without)),
            shape,
            without,
            actions: Vec::new(),
        };
        this.actions = this.all_actions();
        this
    }

    fn found(&self, level: u8) -> Found {
        let found = self.restores.iter().find(|(of, _)| *of == level);
        found.map_or(Found::Foreign, |(_, found)| *found)
    }

    /// A step of a run.
    pub fn step(&self, kind: Kind, at: u8) -> Step {
        let steps = match kind {
            Kind::Cutover => &self.steps[0],
            Kind::Rollback => &self.steps[1],
            Kind::Abort => &self.steps[2],
        };
        steps[(at as usize).min(steps.len() - 1)]
    }

    /// The steps of a run.
    fn steps(kind: Kind, shape: &Shape, without: Without) -> Vec<Step> {
        let listeners = shape.listeners as u8;
        let shifts = (1..=shape.shifts).flat_map(|to| (0..listeners).map(move |l| (l, to)));
        let shifts = shifts.map(|(l, to)| Step::Shift(l, to));
        let mut steps = match kind {
            Kind::Cutover if without == Without::RecordFirst => {
                vec![Step::Lock, Step::Suspend, Step::RecordPart, Step::RecordWhole]
            }
            Kind::Cutover => {
                vec![Step::Lock, Step::RecordPart, Step::RecordWhole, Step::Suspend]
            }
            Kind::Rollback => {
                vec![Step::TakeOver, Step::Lock, Step::RecordPart, Step::RecordWhole]
            }
            Kind::Abort => Vec::new(),
        };
        match kind {
            Kind::Cutover => steps.extend(shifts),
            Kind::Rollback => {
                steps.extend((0..listeners).map(Step::Restore));
                steps.push(Step::LookAgain);
            }
            Kind::Abort => {}
        }
        steps.extend([Step::Resume, Step::DropRecord, Step::Unlock]);
        steps
    }

    /// Where a rollback of a host that has the lock begins: it sees that there is a record.
    const RESTORES_AT: u8 = 2;

    fn looks_again_at(&self) -> u8 {
        Self::RESTORES_AT + 2 + self.shape.listeners as u8
    }

    pub fn happens(&self, state: &State, action: Action) -> Option<State> {
        if !self.may_happen(state, action) {
            return None;
        }
        let mut next = state.clone();
        if action.is_fault() {
            next.faults = next.faults.checked_sub(1)?;
        }
        self.happen(&mut next, action)?;
        if next.faults == 0 {
            // No read will be stale any more.
            next.cells.iter_mut().for_each(|cell| cell.was = None);
        }
        Some(next.sorted())
    }

    /// A first look, so that most of what cannot happen costs nothing.
    fn may_happen(&self, state: &State, action: Action) -> bool {
        use Action::*;
        let at = |h: u8| &state.hosts[h as usize];
        match action {
            BeginCutover(h) | BeginTakeOver(h) | WatchEnds(h) => {
                at(h).run.is_none() && at(h).life == Life::Up
            }
            Look(h) | SayHold(h) => {
                let host = at(h);
                host.run.is_some() && host.phase == Phase::Begin && !host.held
            }
            LookIsStale(h) => {
                let host = at(h);
                let stale = state.cells.iter().any(|cell| cell.was.is_some());
                stale && host.run.is_some() && host.phase == Phase::Begin && !host.held
            }
            AskForLock(h) | AskIsThrottled(h) => {
                at(h).phase == Phase::Intended && !self.shape.at_once
            }
            Shoot(h) => at(h).phase == Phase::Intended && self.shape.at_once,
            AnswerGrowsOld(h) | Decide(h) => matches!(at(h).phase, Phase::Asked { .. }),
            Send(h) => at(h).phase == Phase::Sending,
            ArriveThen5xx(h) if self.shape.at_once => at(h).phase == Phase::Intended,
            Arrive(h) | ArriveThen5xx(h) | Throttle(h) | FailBefore(h) | HeardTooLate(h)
            | PacketIsLost(h) => at(h).packet.is_some(),
            Compare(h) => at(h).phase == Phase::Unknown,
            ReadBack(h) => at(h).phase == Phase::Taken,
            SayResume(h) | SayAbort(h) | SayRollback(h) | GiveUp(h) => at(h).held,
            Beat(h) => at(h).silent,
            Wake(h) => at(h).life == Life::Paused,
            StartAgain(h) => at(h).life == Life::Killed,
            Pause(_) | Kill(_) | Lose(_) | BeatFails(_) | WriteByHand(_) => true,
        }
    }

    fn happen(&self, state: &mut State, action: Action) -> Option<()> {
        use Action::*;
        match action {
            BeginCutover(h) | BeginTakeOver(h) => self.begin(state, h, action),
            Look(h) => self.look(state, h, false),
            LookIsStale(h) => self.look(state, h, true),
            AskForLock(h) => self.ask(state, h, false),
            AskIsThrottled(h) => self.ask(state, h, true),
            AnswerGrowsOld(h) => {
                let host = &mut state.hosts[h as usize];
                let Phase::Asked { says: Fence::Held, old: false } = host.phase else {
                    return None;
                };
                host.phase = Phase::Asked { says: Fence::Held, old: true };
                // An old answer excuses nothing.
                host.excused = false;
                up(host)
            }
            Decide(h) => self.decide(state, h),
            Send(h) => self.send(state, h),
            Shoot(h) => self.shoot(state, h, Answer::Done),
            Arrive(h) => {
                self.arrive(state, h)?;
                self.answered(state, h, Answer::Done)
            }
            ArriveThen5xx(h) if self.shape.at_once => self.shoot(state, h, self.of_5xx()),
            ArriveThen5xx(h) => {
                waits(state, h)?;
                let refused = self.arrive(state, h)?;
                let answer = if refused { Answer::NotDone } else { self.of_5xx() };
                self.answered(state, h, answer)
            }
            Throttle(h) => {
                waits(state, h)?;
                state.hosts[h as usize].packet = None;
                let kind = ErrorKind::Throttled;
                self.answered(
                    state,
                    h,
                    meaning(Refusal { kind, status: Some(400), code: None }, false),
                )
            }
            FailBefore(h) => {
                waits(state, h)?;
                state.hosts[h as usize].packet = None;
                self.answered(state, h, self.of_5xx())
            }
            HeardTooLate(h) => {
                waits(state, h)?;
                let kind = ErrorKind::TimedOut;
                self.answered(state, h, meaning(Refusal { kind, status: None, code: None }, false))
            }
            PacketIsLost(h) => {
                let host = &mut state.hosts[h as usize];
                if host.phase == Phase::Waiting && host.life != Life::Lost {
                    return None;
                }
                host.packet.take().map(|_| ())
            }
            Compare(h) => self.compare(state, h),
            ReadBack(h) => self.read_back(state, h),
            WriteByHand(l) => {
                let cell = state.cells.get_mut(l as usize).filter(|cell| cell.now != FOREIGN)?;
                *cell = Cell { now: FOREIGN, was: Some(cell.now) };
                self.race(state, l, None);
                Some(())
            }
            _ => self.to_a_host(state, action),
        }
    }

    fn begin(&self, state: &mut State, h: u8, action: Action) -> Option<()> {
        let free = state.lock.is_none();
        let (whole, back) = (state.record == Record::Whole, state.is_back());
        let (cutovers, suspended, record) = (state.cutovers, state.suspended, state.record);
        let host = state.hosts.get_mut(h as usize)?;
        up(host)?;
        if host.run.is_some() || host.packet.is_some() {
            return None;
        }
        match action {
            Action::BeginCutover(_) => {
                let may = cutovers > 0 && back && free;
                (may && record != Record::Whole && !suspended).then_some(())?;
                host.run = Some(Kind::Cutover);
                state.cutovers -= 1;
            }
            _ => {
                let watched = host.watched || self.without == Without::TheWatch;
                let own = state.lock == Some(h);
                let left = !free && (watched || own) || free && whole;
                left.then_some(())?;
                host.run = Some(Kind::Rollback);
                host.target = if free { Id::None } else { Id::There };
            }
        }
        state.hosts[h as usize].goes_to(0);
        Some(())
    }

    /// Reads what the step needs, and writes its intent where its facts hold.
    fn look(&self, state: &mut State, h: u8, stale: bool) -> Option<()> {
        let host = *state.hosts.get(h as usize)?;
        up(&host)?;
        let step = self.step(host.run?, host.at);
        if host.phase != Phase::Begin || host.held {
            return None;
        }
        let level = |cell: &Cell| if stale { cell.was } else { Some(cell.now) };
        let seen = match step {
            Step::Shift(l, _) | Step::Restore(l) => level(&state.cells[l as usize])?,
            _ if stale => return None,
            _ => 0,
        };
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

    /// One send window later: whatever was on its way from another host has arrived or is lost, and
    /// no read is stale.
    fn look_again(&self, state: &mut State, h: u8) -> Option<()> {
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

    fn is_dead(&self, host: &Host) -> bool {
        let unchanged_for = if host.watched { DEAD_AFTER } else { Duration::ZERO };
        self.without == Without::TheWatch || holder_is_dead(&Watch { beat: None, unchanged_for })
    }

    fn may_drop(&self, state: &State) -> bool {
        let listeners = state.cells.iter().map(|cell| match cell.now {
            0 => Listener::First,
            now if now == self.shape.shifts => Listener::Last,
            _ => Listener::Between,
        });
        self.without == Without::RecordStays || may_drop_record(state.suspended, listeners)
    }

    /// Locks are asked for and taken over without one; everything else needs the fence.
    fn is_fenced(step: Step) -> bool {
        !matches!(step, Step::Lock | Step::TakeOver)
    }

    fn ask(&self, state: &mut State, h: u8, throttled: bool) -> Option<()> {
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
    fn taken_over_now(&self, state: &State) -> bool {
        state.hosts.iter().any(|host| {
            let step = host.run.map(|kind| self.step(kind, host.at));
            let sends = host.phase == Phase::Sending && step == Some(Step::TakeOver);
            let sent = host.packet.is_some_and(|packet| packet.step == Step::TakeOver);
            host.target == Id::There && (sends || sent)
        })
    }

    fn decide(&self, state: &mut State, h: u8) -> Option<()> {
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

    fn send(&self, state: &mut State, h: u8) -> Option<()> {
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
    fn shoot(&self, state: &mut State, h: u8, answer: Answer) -> Option<()> {
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

    fn of_5xx(&self) -> Answer {
        if self.without == Without::Unknown {
            return Answer::NotDone;
        }
        let refusal = Refusal { kind: ErrorKind::Failed, status: Some(500), code: None };
        meaning(refusal, false)
    }

    /// What an answer does to a run that waits for it.
    fn answered(&self, state: &mut State, h: u8, answer: Answer) -> Option<()> {
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

    /// A call reaches AWS; whether it was refused.
    fn arrive(&self, state: &mut State, h: u8) -> Option<bool> {
        let host = state.hosts.get_mut(h as usize)?;
        let packet = host.packet.take()?;
        let (target, token, raced) = (host.target, host.token, host.raced);
        let stale = Self::is_fenced(packet.step) && token != Id::There;
        host.stale = (host.stale + u8::from(stale && !packet.counted)).min(2);
        let many = host.stale > 1;
        state.broken |= if many { bad::STALE_TWICE } else { 0 };
        state.broken |= if stale && self.shape.at_once { bad::STALE_AT_ALL } else { 0 };
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
            Step::RecordPart => state.record = Record::Torn,
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
            Step::Shift(l, _) | Step::Restore(l) => {
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
            Step::LookAgain => {}
        }
        if refused {
            // Another has the lock: this run has changed nothing and is over.
            let host = &mut state.hosts[h as usize];
            if host.phase == Phase::Waiting && matches!(host.life, Life::Up | Life::Paused) {
                host.ends();
            }
        }
        Some(refused)
    }

    fn remove_lock(&self, state: &mut State) {
        state.delete_lock();
        if self.without == Without::RecordOutlives {
            state.record = Record::None;
        }
    }

    /// A lock is taken from a host that is not dead.
    fn is_robbed(&self, state: &mut State, by: u8) {
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
    fn is_needed(&self, state: &State) -> bool {
        let first = state.is_back();
        let last = state.cells.iter().all(|cell| cell.now == self.shape.shifts);
        state.suspended || !(first || last)
    }

    /// A run gives its lock back: what it leaves behind is as it should be.
    fn ends_right(&self, state: &mut State, h: u8) {
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

    fn needs_record(&self, state: &mut State, stale: bool) {
        if state.record != Record::Whole && !stale && !state.late {
            state.broken |= bad::NO_RECORD;
        }
    }

    /// A stale call changes the world; is there still a take-over that will look again?
    fn comes_late(&self, state: &mut State, h: u8, stale: bool) {
        let looks = state.hosts.iter().enumerate().any(|(of, host)| {
            let back = host.run == Some(Kind::Rollback) && host.at <= self.looks_again_at();
            back && of != h as usize && state.lock == Some(of as u8)
        });
        let left = state.record == Record::Whole;
        state.late |= stale && !(left && (looks || state.lock.is_none()));
    }

    /// A listener has changed under the hands of whoever looked at it before.
    fn race(&self, state: &mut State, l: u8, by: Option<u8>) {
        for (number, host) in state.hosts.iter_mut().enumerate() {
            let at = host.run.map(|kind| self.step(kind, host.at));
            let about = matches!(at, Some(Step::Shift(of, _) | Step::Restore(of)) if of == l);
            host.raced |= about && host.phase != Phase::Begin && by != Some(number as u8);
        }
    }

    fn compare(&self, state: &mut State, h: u8) -> Option<()> {
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

    fn read_back(&self, state: &mut State, h: u8) -> Option<()> {
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

    fn to_a_host(&self, state: &mut State, action: Action) -> Option<()> {
        use Action::*;
        let lives = state.hosts.iter().filter(|host| host.life != Life::Lost).count();
        let lock = state.lock;
        let quiet = lock.is_some_and(|of| {
            let host = &state.hosts[of as usize];
            // Whoever is up sends at once what it has decided to send.
            let silent = host.silent && host.phase != Phase::Sending;
            host.life != Life::Up || silent || host.run.is_none()
        });
        let (BeginCutover(h) | Pause(h) | Wake(h) | Kill(h) | StartAgain(h) | Lose(h)
        | BeatFails(h) | Beat(h) | WatchEnds(h) | SayHold(h) | SayResume(h) | SayAbort(h)
        | SayRollback(h) | GiveUp(h)) = action
        else {
            return None;
        };
        let host = state.hosts.get_mut(h as usize)?;
        let is_up = host.life == Life::Up;
        let settled = host.phase == Phase::Begin
            || host.phase == Phase::Taken && host.held && host.token != Id::None;
        match action {
            Pause(_) if is_up && host.run.is_some() => host.life = Life::Paused,
            Wake(_) if host.life == Life::Paused => self.wake(host),
            Kill(_) if is_up && host.run.is_some() => host.life = Life::Killed,
            StartAgain(_) if host.life == Life::Killed => start_again(host),
            Lose(_) if lives > 1 && host.life != Life::Lost => host.life = Life::Lost,
            BeatFails(_) if is_up && host.token != Id::None && !host.silent => host.silent = true,
            Beat(_) if is_up && host.silent && host.token != Id::Gone => self.beats(state, h),
            WatchEnds(_) if is_up && host.run.is_none() && !host.watched => {
                (quiet && lock != Some(h)).then_some(())?;
                host.watched = true;
            }
            SayHold(_) if is_up && host.run.is_some() && !host.held && settled => host.holds(),
            SayResume(_) if is_up && host.held => host.held = false,
            SayAbort(_) if is_up && host.held && settled && host.token == Id::There => {
                (host.run != Some(Kind::Abort)).then_some(())?;
                (host.run, host.held) = (Some(Kind::Abort), false);
                host.goes_to(0);
            }
            SayRollback(_) if is_up && host.held && settled && host.token == Id::There => {
                (host.run != Some(Kind::Rollback)).then_some(())?;
                (host.run, host.held, host.own) = (Some(Kind::Rollback), false, true);
                host.goes_to(Self::RESTORES_AT);
            }
            // Its lock is another's, or it never had one: nothing is its to do any more.
            GiveUp(_) if is_up && host.held && settled && host.token != Id::There => host.ends(),
            _ => return None,
        }
        Some(())
    }

    /// A heartbeat is accepted: whoever watches begins anew. A take-over whose last look is behind it
    /// comes all the same.
    fn beats(&self, state: &mut State, h: u8) {
        let taking = self.taken_over_now(state);
        let owns = state.lock == Some(h);
        let me = &mut state.hosts[h as usize];
        me.silent = false;
        me.excused |= taking;
        for host in state.hosts.iter_mut().filter(|_| owns) {
            host.watched = false;
            host.excused |= taking && host.target == Id::There;
        }
    }

    /// A pause is longer than an answer about the lock is good for, and so was the heartbeat's.
    fn wake(&self, host: &mut Host) {
        host.life = Life::Up;
        host.excused |= host.phase == Phase::Sending;
        host.silent = host.token != Id::None;
        if let Phase::Asked { says, .. } = host.phase {
            host.phase = Phase::Asked { says, old: true };
        }
    }
}

/// A process that was killed is started again by its journal: an open intent may have been sent.
fn start_again(host: &mut Host) {
    host.life = Life::Up;
    host.silent = host.token != Id::None;
    host.holds();
    host.phase = match host.phase {
        Phase::Begin => Phase::Begin,
        _ => Phase::Unknown,
    };
}

fn up(host: &Host) -> Option<()> {
    (host.life == Life::Up).then_some(())
}

/// The host waits for the answer to a call that is on its way.
fn waits(state: &State, h: u8) -> Option<()> {
    let host = state.hosts.get(h as usize)?;
    let waits = host.packet.is_some() && host.phase == Phase::Waiting;
    (waits && matches!(host.life, Life::Up | Life::Paused)).then_some(())
}
