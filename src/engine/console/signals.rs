//! The operating system's signals, as the console's words for them.

use crate::app::Signal;
use std::io;
use tokio::signal::unix::{self, SignalKind, signal};

/// SIGTSTP and SIGCONT, which tokio has no names for.
fn kind(of: rustix::process::Signal) -> SignalKind {
    SignalKind::from_raw(of.as_raw())
}

pub(in crate::engine) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
    suspend: unix::Signal,
    go_on: unix::Signal,
    window: unix::Signal,
}

impl Signals {
    /// Begins to watch. From here on none of them does what it does by default.
    pub(in crate::engine) fn watch() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            suspend: signal(kind(rustix::process::Signal::TSTP))?,
            go_on: signal(kind(rustix::process::Signal::CONT))?,
            window: signal(SignalKind::window_change())?,
        })
    }

    /// The next signal; `None` is a change of the window's size.
    pub(in crate::engine) async fn next(&mut self) -> Option<Signal> {
        tokio::select! {
            biased;
            _ = self.hang_up.recv() => Some(Signal::HangUp),
            _ = self.terminate.recv() => Some(Signal::Terminate),
            _ = self.interrupt.recv() => Some(Signal::Interrupt),
            _ = self.go_on.recv() => Some(Signal::Continue),
            _ = self.suspend.recv() => Some(Signal::Suspend),
            _ = self.window.recv() => None,
        }
    }
}
