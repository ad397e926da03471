//! What may happen next, and what comes of it. Every decision of a run is asked of the product's own
//! rules (`quarterdeck::core::run::rules`), unless the test has taken that rule out.

use crate::action::{Action, Without};
use crate::world::{Cell, FOREIGN, Fence, Host, Id, Kind, Life, Phase, Record, Shape, State, Step};
use quarterdeck::core::error::ErrorKind;
use quarterdeck::core::inventory::{Forward, WeightedGroup};
use quarterdeck::core::run::rules::{Answer, Refusal, Restore, meaning, restore};

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
pub enum Found {
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
    /// Where a rollback of a host that has the lock begins: it sees that there is a record.
    pub const RESTORES_AT: u8 = 2;

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

    pub fn found(&self, level: u8) -> Found {
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

    pub fn looks_again_at(&self) -> u8 {
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
            ArriveThen5xx(_) | Throttle(_) | FailBefore(_) | HeardTooLate(_) | PacketIsLost(_) => {
                self.goes_wrong(state, action)
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

    /// A call fares otherwise than its sender would like.
    fn goes_wrong(&self, state: &mut State, action: Action) -> Option<()> {
        use Action::*;
        match action {
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
            _ => None,
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
    pub fn beats(&self, state: &mut State, h: u8) {
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

pub fn up(host: &Host) -> Option<()> {
    (host.life == Life::Up).then_some(())
}

/// The host waits for the answer to a call that is on its way.
pub fn waits(state: &State, h: u8) -> Option<()> {
    let host = state.hosts.get(h as usize)?;
    let waits = host.packet.is_some() && host.phase == Phase::Waiting;
    (waits && matches!(host.life, Life::Up | Life::Paused)).then_some(())
}
