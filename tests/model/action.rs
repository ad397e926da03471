//! What may happen, the rules that a test may take out, and what must never be.

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
    /// A new record is written over an older one that is still needed.
    TheOlderRecord,
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
