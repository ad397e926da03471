//! What the model's state is: the world as AWS keeps it, and the hosts with their runs. Time is no
//! number: it is what may happen next.

/// How large the model is.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub hosts: usize,
    pub listeners: usize,
    /// A listener's levels are 0 (as found) to this (the plan's last value).
    pub shifts: u8,
    /// So many cutovers are begun on one path.
    pub cutovers: u8,
    /// So many things go wrong on one path.
    pub faults: u8,
    /// Whether the last check, the send and the arrival are one step: nothing comes in between.
    pub at_once: bool,
}

/// A level that no run writes.
pub const FOREIGN: u8 = 9;

/// A listener: its level, and the one before it where a read may still show that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    pub now: u8,
    pub was: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Record {
    None,
    Torn,
    Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Life {
    Up,
    /// Suspended: nothing of it goes on, and it may come back.
    Paused,
    /// Its process was killed; somebody may start it again.
    Killed,
    /// The host is gone for good.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Cutover,
    Rollback,
    Abort,
}

/// A step of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    TakeOver,
    Lock,
    RecordPart,
    RecordWhole,
    Suspend,
    Shift(u8, u8),
    Restore(u8),
    /// Everything is read once more, one send window later.
    LookAgain,
    Resume,
    DropRecord,
    Unlock,
}

/// Where a run is within its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nothing was read for it yet.
    Begin,
    /// Its facts hold, and its intent is on the disk.
    Intended,
    /// The lock was asked for.
    Asked { says: Fence, old: bool },
    /// The decision to send was taken.
    Sending,
    /// The call is on its way.
    Waiting,
    /// No answer is known: to be compared with the world.
    Unknown,
    /// It was carried out; it is read back.
    Taken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fence {
    Held,
    Gone,
    Unknown,
}

/// What a host knows of a lock by its id. An id that is gone never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    None,
    There,
    Gone,
}

/// A call on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Packet {
    pub step: Step,
    /// What a listener is to be.
    pub to: u8,
    /// It was counted as stale when it was sent.
    pub counted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    pub life: Life,
    pub run: Option<Kind>,
    pub at: u8,
    pub phase: Phase,
    pub held: bool,
    /// Its own lock.
    pub token: Id,
    /// The lock of another that it is to take over.
    pub target: Id,
    /// It has watched the lock that is there now for long enough, and the heartbeat did not change.
    pub watched: bool,
    /// Its own heartbeat was not accepted for long.
    pub silent: bool,
    pub packet: Option<Packet>,
    /// What a listener is to be, once the intent is written.
    pub to: u8,
    /// It rolls its own run back: what to restore stands in its journal.
    pub own: bool,
    /// For the properties: it was paused, or a take-over was under way, since its last check.
    pub excused: bool,
    /// For the properties: it sent something and has not looked what became of it.
    pub unlooked: bool,
    /// For the properties: another wrote its listener after it looked.
    pub raced: bool,
    /// For the properties: calls of this run that came after it had lost its lock.
    pub stale: u8,
}

impl Host {
    pub fn new() -> Self {
        Self {
            life: Life::Up,
            run: None,
            at: 0,
            phase: Phase::Begin,
            held: false,
            token: Id::None,
            target: Id::None,
            watched: false,
            silent: false,
            packet: None,
            to: 0,
            own: false,
            excused: false,
            unlooked: false,
            raced: false,
            stale: 0,
        }
    }

    /// The run is over, as far as this host goes.
    pub fn ends(&mut self) {
        let (life, packet) = (self.life, self.packet);
        *self = Self { life, packet, ..Self::new() };
    }

    pub fn holds(&mut self) {
        self.held = true;
    }

    pub fn goes_to(&mut self, at: u8) {
        (self.at, self.phase, self.to, self.raced) = (at, Phase::Begin, 0, false);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub hosts: Vec<Host>,
    pub cells: Vec<Cell>,
    pub suspended: bool,
    /// Whose lock is there.
    pub lock: Option<u8>,
    pub record: Record,
    pub faults: u8,
    pub cutovers: u8,
    /// A stale call came when nobody was left who would look again.
    pub late: bool,
    /// The properties that are broken, a bit each.
    pub broken: u16,
}

impl State {
    pub fn new(shape: &Shape) -> Self {
        Self {
            hosts: vec![Host::new(); shape.hosts],
            cells: vec![Cell { now: 0, was: None }; shape.listeners],
            suspended: false,
            lock: None,
            record: Record::None,
            faults: shape.faults,
            cutovers: shape.cutovers,
            late: false,
            broken: 0,
        }
    }

    pub fn is_foreign(&self) -> bool {
        self.cells.iter().any(|cell| cell.now == FOREIGN)
    }

    /// The shares that the run found.
    pub fn is_back(&self) -> bool {
        self.cells.iter().all(|cell| cell.now == 0)
    }

    /// Hosts that may do the same are interchangeable: of all orders one is kept.
    pub fn sorted(mut self) -> Self {
        let mut order: Vec<u8> = (0..self.hosts.len() as u8).collect();
        order.sort_by_key(|of| self.hosts[*of as usize]);
        let place = |of: u8| order.iter().position(|one| *one == of).unwrap_or_default() as u8;
        self.lock = self.lock.map(place);
        self.hosts.sort();
        self
    }

    /// A lock's service is deleted: its id is gone for everybody.
    pub fn delete_lock(&mut self) {
        self.lock = None;
        for host in &mut self.hosts {
            host.watched = false;
            for id in [&mut host.token, &mut host.target] {
                if *id == Id::There {
                    *id = Id::Gone;
                }
            }
        }
    }
}
