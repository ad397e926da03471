//! Work that no key may wait for, on another thread: what to read next, and taking apart what
//! nobody looks at any more (an estate of 10,000 nodes is in many pieces).

use std::time::Duration;
use tokio::task::JoinHandle;

/// One errand in the time of so many: where it takes long, what it causes takes long too.
const REST: u32 = 8;

/// One errand of a kind under way; whatever was wished meanwhile becomes one more.
#[derive(Debug, Default)]
pub(super) struct Errand {
    wanted: bool,
    running: Option<JoinHandle<()>>,
    /// When the last one started, and how long it took if it is over.
    last: Option<(Duration, Duration)>,
}

impl Errand {
    /// Wishes for the errand, with what is known by then.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// How long until it may start; `None` while it is not wished for, or is under way.
    pub(super) fn starts_in(&self, real: Duration) -> Option<Duration> {
        let rests =
            |(start, took): (Duration, Duration)| (start + took * REST).saturating_sub(real);
        (self.wanted && self.running.is_none()).then(|| self.last.map_or(Duration::ZERO, rests))
    }

    /// Starts it.
    pub(super) fn start(&mut self, real: Duration, errand: impl FnOnce() + Send + 'static) {
        self.wanted = false;
        self.last = Some((real, Duration::ZERO));
        self.running = Some(tokio::task::spawn_blocking(errand));
    }

    /// The one that was waited for is over.
    pub(super) fn over(&mut self, real: Duration) {
        if let Some((start, took)) = &mut self.last {
            *took = real.saturating_sub(*start);
        }
    }

    /// Waits for the running one, or for ever. Safe to drop while waiting.
    pub(super) async fn done(&mut self) {
        match &mut self.running {
            // One that panicked has already ended the process (invariant 11).
            Some(running) => drop(running.await),
            None => std::future::pending().await,
        }
        self.running = None;
    }
}

/// Takes something apart elsewhere.
pub(super) fn take_apart<T: Send + 'static>(what: T) {
    drop(tokio::task::spawn_blocking(move || drop(what)));
}
