//! One thread owns the keyboard. It calls crossterm only after the kernel says that there is
//! something to read and nobody has hung up: crossterm spins on a dead terminal (crossterm#793).

use super::hangup::GONE;
use super::keys;
use crate::app::Input;
use crossterm::event;
use rustix::event::{PollFd, PollFlags};
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;

/// Keys that wait for the loop. Deep enough for a burst of key repeats over a slow line; when it
/// is full, the thread waits and the kernel keeps the rest.
const DEPTH: usize = 256;
/// crossterm does not even look when it is given no time at all.
const LOOK: Duration = Duration::from_millis(1);
/// The kernel has bytes of which crossterm makes nothing: look again after so long, never spin.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Starts the thread. The channel closes when the terminal is gone.
pub(super) fn read() -> io::Result<mpsc::Receiver<Input>> {
    let (send, receive) = mpsc::channel(DEPTH);
    std::thread::Builder::new()
        .name("keys".into())
        .spawn(move || while wait_for_bytes() && pass_on(&send) {})?;
    Ok(receive)
}

/// Waits for bytes; false when the terminal is gone.
fn wait_for_bytes() -> bool {
    loop {
        let stdin = rustix::stdio::stdin();
        let mut fds = [PollFd::from_borrowed_fd(stdin, PollFlags::IN)];
        match rustix::event::poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(GONE) => return false,
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// Passes on what crossterm has; false when nobody listens or crossterm has failed.
fn pass_on(send: &mpsc::Sender<Input>) -> bool {
    let mut some = false;
    loop {
        match event::poll(LOOK) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => return false,
        }
        some = true;
        let Ok(event) = event::read() else { return false };
        if let Some(input) = keys::input(event)
            && send.blocking_send(input).is_err()
        {
            return false;
        }
    }
    if !some {
        std::thread::sleep(LOOK_AGAIN);
    }
    true
}
