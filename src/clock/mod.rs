//! The only place that reads time (invariant 1). A `Clock` has a rate: cadences, ages, settle and
//! bake times run by it; limits of I/O and input run by real time.
//!
//! Time is counted from one reading of the wall clock by the time since boot, so a wall clock that
//! jumps (NTP, an operator) makes nothing stale and nothing young, and a laptop that was suspended
//! finds everything as old as it is.

mod virtual_time;

pub use virtual_time::HostTime;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// tokio's timers stand still while the machine is suspended; a longer wait looks at the clock
/// again this often.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// A source of time. Cheap to clone; all clones agree.
#[derive(Clone, Debug)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    origin: Timestamp,
    started: Duration,
    rate: f64,
    ticks: Ticks,
}

/// What time is counted by.
#[derive(Clone, Debug)]
enum Ticks {
    /// The time since this machine was booted, suspended or not.
    Boot,
    /// tokio's own time, which a test can stop and move.
    Tokio(Instant),
    /// A simulated machine's.
    Host(Arc<HostTime>),
}

impl Ticks {
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
    fn passed(&self) -> Duration {
        match self {
            Self::Boot => since_boot(),
            Self::Tokio(since) => Instant::now().duration_since(*since),
            Self::Host(host) => host.passed(),
        }
    }
}

/// The time since boot. It counts a suspended machine's time too, which `Instant` does not.
fn since_boot() -> Duration {
    let read = clock_gettime(ClockId::Boottime);
    let (seconds, nanos) = (u64::try_from(read.tv_sec), u32::try_from(read.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
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
    pub fn starting_at(origin: Timestamp, rate: f64) -> Self {
        Self::counted_by(Ticks::Boot, origin, rate)
    }

    /// Time that starts at `origin` and is counted by tokio's time, which a test can stop.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
    pub fn on_tokio(origin: Timestamp, rate: f64) -> Self {
        Self::counted_by(Ticks::Tokio(Instant::now()), origin, rate)
    }

    /// The clock of a process that starts now on a simulated machine.
    pub fn of_host(host: &Arc<HostTime>) -> Self {
        Self::counted_by(Ticks::Host(Arc::clone(host)), host.wall(), 1.0)
    }

    fn counted_by(ticks: Ticks, origin: Timestamp, rate: f64) -> Self {
        Self { inner: Arc::new(Inner { origin, started: ticks.passed(), rate, ticks }) }
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        let passed = self.real_elapsed().mul_f64(self.inner.rate);
        self.inner.origin.checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// What the machine's own wall clock says, at whatever rate this one runs: requests are signed
    /// by it.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads time")]
    pub fn wall(&self) -> Timestamp {
        match &self.inner.ticks {
            Ticks::Boot => Timestamp::now(),
            Ticks::Tokio(_) => self.now(),
            Ticks::Host(host) => host.wall(),
        }
    }

    /// Real time since this clock was made; for measuring latencies.
    pub fn real_elapsed(&self) -> Duration {
        self.inner.ticks.passed().saturating_sub(self.inner.started)
    }

    /// Waits until `span` has passed on this clock. A clock at rate 0 never gets there.
    pub async fn sleep(&self, span: Duration) {
        if self.inner.rate <= 0.0 {
            return std::future::pending().await;
        }
        self.sleep_real(span.div_f64(self.inner.rate)).await;
    }

    /// Waits until `span` of real time has passed, suspended or not.
    pub async fn sleep_real(&self, span: Duration) {
        let until = self.real_elapsed().saturating_add(span);
        if let Ticks::Host(host) = &self.inner.ticks {
            host.unblocked().await;
        }
        loop {
            let left = until.saturating_sub(self.real_elapsed());
            let nap = match self.inner.ticks {
                Ticks::Boot => left.min(LOOK_AGAIN),
                Ticks::Tokio(_) | Ticks::Host(_) => left,
            };
            tokio::time::sleep(nap).await;
            if left <= nap {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_speeds_up_ages_and_waits() {
        let clock = Clock::on_tokio(Timestamp::UNIX_EPOCH, 60.0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now().as_second(), 120);
        let before = clock.real_elapsed();
        clock.sleep(Duration::from_secs(60)).await;
        assert_eq!((clock.real_elapsed() - before).as_secs(), 1);
    }

    #[test]
    fn real_time_is_the_time_since_boot() {
        let up = std::fs::read_to_string("/proc/uptime").unwrap();
        let up: f64 = up.split_whitespace().next().unwrap().parse().unwrap();
        assert!((since_boot().as_secs_f64() - up).abs() < 5.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_whose_wall_clock_jumps_keeps_its_running_clocks() {
        let host = HostTime::starting_at(Timestamp::UNIX_EPOCH);
        let before = Clock::of_host(&host);
        host.set_offset(-200);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!((before.now().as_second(), before.wall().as_second()), (10, -190));
        assert_eq!(Clock::of_host(&host).now().as_second(), -190);
    }

    #[tokio::test(start_paused = true)]
    async fn a_blocked_machine_finds_that_time_has_passed() {
        let host = HostTime::starting_at(Timestamp::UNIX_EPOCH);
        let clock = Clock::of_host(&host);
        host.block(Duration::from_secs(300));
        assert_eq!(clock.real_elapsed().as_secs(), 300);
        clock.sleep(Duration::from_secs(5)).await;
        assert_eq!(clock.real_elapsed().as_secs(), 305);
    }
}
