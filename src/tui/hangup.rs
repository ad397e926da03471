//! The last resort against a terminal that vanished: a thread that does nothing but wait for the
//! hang-up, and ends the process when the orderly end did not. It is no task of the loop, because
//! the loop (or the reader of keys, crossterm#793) is what may be stuck.

use crate::app::Ending;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::BorrowedFd;
use std::io;
use std::time::Duration;

/// How long the orderly end may take after a hang-up.
const GRACE: Duration = Duration::from_secs(1);

/// What poll reports of a terminal that is no more. It reports them unasked.
pub(super) const GONE: PollFlags = PollFlags::HUP.union(PollFlags::ERR).union(PollFlags::NVAL);

/// Starts the thread.
pub(super) fn watch() -> io::Result<()> {
    std::thread::Builder::new().name("hang-up".into()).spawn(|| {
        wait(rustix::stdio::stdin());
        std::thread::sleep(GRACE);
        std::process::exit(i32::from(Ending::HungUp.exit_code()));
    })?;
    Ok(())
}

/// Returns when the other end is gone.
fn wait(fd: BorrowedFd<'_>) {
    loop {
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::empty())];
        let polled = rustix::event::poll(&mut fds, None);
        if polled.is_ok() && fds[0].revents().intersects(GONE) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fd::AsFd;

    #[test]
    fn the_wait_ends_with_the_other_end_and_not_with_input() {
        let (reader, mut writer) = io::pipe().unwrap();
        let (told, heard) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::spawn(move || {
            wait(reader.as_fd());
            told.send(()).unwrap();
        });
        io::Write::write_all(&mut writer, b"keys").unwrap();
        assert!(heard.recv_timeout(Duration::from_millis(50)).is_err(), "input is no hang-up");
        drop(writer);
        heard.recv_timeout(Duration::from_secs(10)).unwrap();
        thread.join().unwrap();
    }
}
