//! When the holder of a lock counts as dead.

use jiff::Timestamp;
use std::time::Duration;

/// A holder writes its heartbeat this often, from a task that nothing else in its process delays.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// A heartbeat that stays the same for this long belongs to a dead holder: six in a row are missing,
/// which is more than throttling and one slow read come to.
pub const DEAD_AFTER: Duration = Duration::from_secs(90);

/// A run whose own heartbeat was last accepted longer ago than this sends nothing until one is
/// accepted again. Another host may take its lock over once it has been silent for [`DEAD_AFTER`]; a
/// call that was sent before that, on an answer of at most `FENCE_GOOD_FOR`, has arrived by then.
pub const BEAT_GOOD_FOR: Duration = Duration::from_secs(60);

/// Whether a run may rely on its own heartbeat, accepted so long ago: from just before the request, by
/// this host's clock, pauses included.
pub fn beat_allows(since_accepted: Duration) -> bool {
    since_accepted <= BEAT_GOOD_FOR
}

/// What one watcher has seen of a lock's heartbeat. A watch is kept for one lock, by its service id;
/// another id is another holder and needs a new watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watch {
    /// The heartbeat as last read. It is compared with itself only, never with a clock; `None` where
    /// the holder has written none yet.
    pub beat: Option<Timestamp>,
    /// For how long it has stayed the same, by the watcher's own clock.
    pub unchanged_for: Duration,
}

impl Watch {
    /// The first read.
    pub fn new(beat: Option<Timestamp>) -> Self {
        Self { beat, unchanged_for: Duration::ZERO }
    }

    /// The next read, so long after the one before it. Reads that failed are not reads: the time until
    /// the next good one counts only if that one finds the heartbeat unchanged.
    #[must_use]
    pub fn read_again(self, beat: Option<Timestamp>, after: Duration) -> Self {
        if beat == self.beat {
            Self { beat, unchanged_for: self.unchanged_for.saturating_add(after) }
        } else {
            Self::new(beat)
        }
    }
}

/// Whether the holder of a watched lock is dead.
pub fn holder_is_dead(watch: &Watch) -> bool {
    watch.unchanged_for >= DEAD_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn only_an_unchanged_heartbeat_makes_a_holder_dead() {
        let mut watch = Watch::new(beat(1_000));
        for _ in 0..5 {
            watch = watch.read_again(beat(1_000), HEARTBEAT);
            assert!(!holder_is_dead(&watch), "{watch:?}");
        }
        assert!(holder_is_dead(&watch.read_again(beat(1_000), HEARTBEAT)));
        assert!(!holder_is_dead(&watch.read_again(beat(1_001), HEARTBEAT)));
        // A holder whose clock goes backwards is alive.
        assert!(!holder_is_dead(&watch.read_again(beat(10), HEARTBEAT)));
    }

    #[test]
    fn an_old_heartbeat_is_not_a_dead_holder() {
        assert!(!holder_is_dead(&Watch::new(beat(0))));
        assert!(!holder_is_dead(&Watch::new(None)));
        assert!(holder_is_dead(&Watch::new(None).read_again(None, DEAD_AFTER)));
    }

    #[test]
    fn six_heartbeats_fit_into_the_silence() {
        assert_eq!(DEAD_AFTER, HEARTBEAT * 6);
        assert!(BEAT_GOOD_FOR + super::super::FENCE_GOOD_FOR + HEARTBEAT < DEAD_AFTER);
        assert!(beat_allows(BEAT_GOOD_FOR) && !beat_allows(DEAD_AFTER));
    }
}
