//! When a mutation may be sent.

use std::time::Duration;

/// An answer about the lock may be so old when the call is sent. ELBv2 has no conditional write, so
/// this bounds what a host that lost its lock can still send: one call, and only if the host was
/// paused or the packet delayed after the check.
pub const FENCE_GOOD_FOR: Duration = Duration::from_secs(5);

/// What Cloud Map last said about the locks of a run, all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FenceSays {
    /// Each of them is there, and ours.
    Held,
    /// At least one of them is gone, or another's.
    Gone,
    /// There was no answer, or none that could be read. Throttling is this too.
    Unknown,
}

/// What to do with a mutation that is ready to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sending {
    /// Send it, without anything in between.
    Now,
    /// Ask for the locks (again) first.
    CheckAgain,
    /// Send nothing, hold.
    Stop,
}

/// Whether a mutation may be sent. `intent_synced_before_check`: its intent was on the disk before
/// the locks were asked for; `fence_age`: how long ago they were asked for, from just before the
/// request, by this host's clock, pauses included.
pub fn may_send(intent_synced_before_check: bool, fence_age: Duration, says: FenceSays) -> Sending {
    match says {
        FenceSays::Gone => Sending::Stop,
        FenceSays::Held if intent_synced_before_check && fence_age <= FENCE_GOOD_FOR => {
            Sending::Now
        }
        FenceSays::Held | FenceSays::Unknown => Sending::CheckAgain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_only_on_a_young_answer_that_came_after_the_intent() {
        let rows = [
            (true, 0, FenceSays::Held, Sending::Now),
            (true, 5, FenceSays::Held, Sending::Now),
            (true, 6, FenceSays::Held, Sending::CheckAgain),
            (false, 0, FenceSays::Held, Sending::CheckAgain),
            (true, 0, FenceSays::Unknown, Sending::CheckAgain),
            (true, 0, FenceSays::Gone, Sending::Stop),
            (false, 90, FenceSays::Gone, Sending::Stop),
        ];
        for (synced, age, says, expected) in rows {
            let age = Duration::from_secs(age);
            assert_eq!(may_send(synced, age, says), expected, "{synced} {age:?} {says:?}");
        }
    }
}
