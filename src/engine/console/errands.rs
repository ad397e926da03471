//! Work that no key may wait for, on another thread: what to read next, and taking apart what
//! nobody looks at any more (an estate of 10,000 nodes is in many pieces).

use tokio::task::JoinHandle;

/// One errand of a kind under way; whatever was wished meanwhile becomes one more.
#[derive(Debug, Default)]
pub(super) struct Errand {
    wanted: bool,
    running: Option<JoinHandle<()>>,
}

impl Errand {
    /// Wishes for the errand, with what is known by then.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether it may start now.
    pub(super) fn is_due(&self) -> bool {
        self.wanted && self.running.is_none()
    }

    /// Starts it.
    pub(super) fn start(&mut self, errand: impl FnOnce() + Send + 'static) {
        self.wanted = false;
        self.running = Some(tokio::task::spawn_blocking(errand));
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
