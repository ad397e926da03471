//! The rules that every run keeps, wherever its process, its host or an answer is lost: when a lock's
//! holder is dead, when a call may be sent, what an answer means, what must be on record, what a
//! rollback writes. Pure functions without a clock or a network: the run engine calls them, the
//! model in `tests/model` explores them, and [`Checker`] holds a journal against them.
//!
//! The durations are real seconds on the clock of whoever measures. Two hosts' clocks are never
//! compared.

mod answer;
mod checker;
mod lock;
mod record;
mod restore;
mod send;

pub use answer::{Answer, Refusal, meaning};
pub use checker::{Checker, Rule, Unlawful};
pub use lock::{BEAT_GOOD_FOR, DEAD_AFTER, HEARTBEAT, Watch, beat_allows, holder_is_dead};
pub use record::{Listener, may_drop_record, needs_record, plan_needs_record};
pub use restore::{Restore, restore};
pub use send::{FENCE_GOOD_FOR, FenceSays, Sending, may_send};

/// The rules that this version of the program keeps. It is written into the first line of each
/// journal, so that a run is judged by the rules of its time.
///
/// 0: no rollback record. 1: the rollback record is written before the first mutation that needs it.
pub const VERSION: u32 = 1;
