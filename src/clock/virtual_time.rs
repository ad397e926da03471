//! The time of a simulated machine: counted by tokio's time, which a simulation moves, with a wall
//! clock that may be wrong and may jump.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A simulated machine's time.
#[derive(Debug)]
pub struct HostTime {
    since: Instant,
    true_time: Timestamp,
    /// How far its wall clock is ahead, in seconds.
    offset: AtomicI64,
    /// Until when, in nanoseconds since its start, nothing on it can go on: a system call that
    /// takes long has returned then, and whoever made it reads this time.
    blocked: AtomicU64,
}

impl HostTime {
    /// A machine that starts now, when the true time is this.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
    pub fn starting_at(true_time: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            since: Instant::now(),
            true_time,
            offset: AtomicI64::new(0),
            blocked: AtomicU64::new(0),
        })
    }

    /// Sets its wall clock so many seconds ahead of the true time; clocks that run already are not
    /// moved by it.
    pub fn set_offset(&self, seconds: i64) {
        self.offset.store(seconds, Ordering::Relaxed);
    }

    /// Lets nothing on it go on for so long.
    pub fn block(&self, span: Duration) {
        let until = self.passed().saturating_add(span).as_nanos();
        self.blocked.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long it is yet blocked.
    pub fn blocked_for(&self) -> Duration {
        Duration::from_nanos(self.blocked.load(Ordering::Relaxed))
            .saturating_sub(self.true_passed())
    }

    /// Waits until it is not blocked.
    pub async fn unblocked(&self) {
        let left = self.blocked_for();
        if !left.is_zero() {
            tokio::time::sleep(left).await;
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
    fn true_passed(&self) -> Duration {
        Instant::now().duration_since(self.since)
    }

    /// The time since its start, as it would read it.
    pub(super) fn passed(&self) -> Duration {
        self.true_passed().max(Duration::from_nanos(self.blocked.load(Ordering::Relaxed)))
    }

    /// What its wall clock says.
    pub fn wall(&self) -> Timestamp {
        let offset = SignedDuration::from_secs(self.offset.load(Ordering::Relaxed));
        let now = self.true_time.checked_add(self.passed()).unwrap_or(Timestamp::MAX);
        now.checked_add(offset).unwrap_or(now)
    }
}
