//! The only place that reads time (invariant 1). A `Clock` has a rate: cadences, ages, settle and
//! bake times run by it; limits of I/O and input run by real time.
//!
//! Time is counted from one reading of the wall clock by the monotonic clock, so a wall clock that
//! jumps (NTP, an operator) makes nothing stale and nothing young.

use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A source of time. Cheap to clone; all clones agree.
#[derive(Clone, Debug)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    origin: Timestamp,
    started: Instant,
    rate: f64,
}

impl Clock {
    /// Real time.
    pub fn real() -> Self {
        Self::with_rate(1.0)
    }

    /// Time that runs `rate` times as fast as real time, starting now.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
    pub fn with_rate(rate: f64) -> Self {
        Self::starting_at(Timestamp::now(), rate)
    }

    /// Time that starts at `origin` and runs `rate` times as fast as real time.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
    pub fn starting_at(origin: Timestamp, rate: f64) -> Self {
        Self { inner: Arc::new(Inner { origin, started: Instant::now(), rate }) }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        let passed = self.real_elapsed().mul_f64(self.inner.rate);
        self.inner.origin.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Real time since this clock was made; for measuring latencies.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
    pub fn real_elapsed(&self) -> Duration {
        Instant::now().duration_since(self.inner.started)
    }

    /// Waits until `span` has passed on this clock. A clock at rate 0 never gets there.
    pub async fn sleep(&self, span: Duration) {
        if self.inner.rate <= 0.0 {
            return std::future::pending().await;
        }
        tokio::time::sleep(span.div_f64(self.inner.rate)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_speeds_up_ages_and_waits() {
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH, 60.0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now().as_second(), 120);
        let before = clock.real_elapsed();
        clock.sleep(Duration::from_secs(60)).await;
        assert_eq!((clock.real_elapsed() - before).as_secs(), 1);
    }
}
