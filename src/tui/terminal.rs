//! Taking the terminal and giving it back: raw mode, the alternate screen, bracketed paste. No
//! mouse: a captured mouse takes away the terminal's own selection, which is how people copy.

use crate::app::Size;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::AsFd;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Alternate screen, cursor hidden, bracketed paste.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h";
/// All of that undone, a synchronized update that was cut short and colours included.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[0m\x1b[?2004l\x1b[?25h\x1b[?1049l";
/// A terminal that takes no byte for so long (Ctrl-S, a dead link) is left as it is.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Whether the terminal is ours now, for whichever thread has to give it back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Why there is no terminal to draw on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotATerminal {
    /// Nobody can press a key.
    #[error("standard input is not a terminal")]
    Input,
    /// Nobody can see a screen.
    #[error("standard output is not a terminal")]
    Output,
    /// TERM says that the terminal cannot place text.
    #[error("this terminal cannot draw a screen (TERM is dumb)")]
    Dumb,
}

/// Whether there is a terminal. A strange or missing TERM is none of our business: what we write
/// is understood everywhere but on a terminal that says it is dumb.
pub(super) fn check(term: Option<&str>) -> Result<(), NotATerminal> {
    if !io::stdin().is_terminal() {
        return Err(NotATerminal::Input);
    }
    if !io::stdout().is_terminal() {
        return Err(NotATerminal::Output);
    }
    if term == Some("dumb") { Err(NotATerminal::Dumb) } else { Ok(()) }
}

/// The terminal's size, by asking the kernel and never the terminal.
pub(super) fn size() -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    // Some serial lines and containers say 0×0, which means "not known".
    let known = size.ws_col > 0 && size.ws_row > 0;
    Some(if known {
        Size { columns: size.ws_col, rows: size.ws_row }
    } else {
        Size { columns: 80, rows: 24 }
    })
}

/// The terminal is ours until this is dropped, whatever happens.
pub(super) struct TerminalGuard(());

impl TerminalGuard {
    /// Takes the terminal, and has every panic on every thread give it back first and then end the
    /// process (invariant 11).
    pub(super) fn take() -> io::Result<Self> {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
            std::process::exit(PANICKED);
        }));
        let guard = Self(());
        enter()?;
        Ok(guard)
    }
}

/// What Rust itself exits with after a panic.
const PANICKED: i32 = 101;

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal, also from somebody who changed it while we were stopped.
pub(super) fn enter() -> io::Result<()> {
    // crossterm keeps the old settings once; leaving first makes it read them afresh.
    let _ = crossterm::terminal::disable_raw_mode();
    TAKEN.store(true, Ordering::SeqCst);
    crossterm::terminal::enable_raw_mode()?;
    write(ENTER)
}

/// Gives the terminal back, once. Never waits for a terminal that takes no bytes.
pub(super) fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = write(LEAVE);
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let stdout = io::stdout();
    let mut fds = [PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::OUT)];
    let ready = rustix::event::poll(&mut fds, Some(&PATIENCE))?;
    if ready == 0 || !fds[0].revents().contains(PollFlags::OUT) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    // Past the lock of `Stdout`: the thread that holds it may be the one that hangs.
    raw_write(bytes)
}

/// Writes all bytes to the terminal, without the lock and the buffer of `Stdout`.
pub(super) fn raw_write(mut bytes: &[u8]) -> io::Result<()> {
    let mut stdout = RawStdout;
    while !bytes.is_empty() {
        match stdout.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

struct RawStdout;

impl Write for RawStdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(rustix::stdio::stdout(), bytes)?)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portable_pty::{CommandBuilder, PtySize, native_pty_system};
    use std::io::Read;

    /// Not a test: what the test below runs on a terminal of its own.
    #[test]
    #[ignore = "panics on purpose, in a process of its own"]
    fn a_thread_that_panics() {
        let _guard = TerminalGuard::take().unwrap();
        let _ = std::thread::spawn(|| panic!("on purpose")).join();
        // Never reached: the panic of any thread ends the process.
        std::process::exit(0);
    }

    #[test]
    fn a_panic_on_any_thread_restores_the_terminal_and_ends_the_process() {
        let pty = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args([
            "--ignored",
            "--exact",
            "--nocapture",
            "tui::terminal::tests::a_thread_that_panics",
        ]);
        let mut child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let mut reader = pty.master.try_clone_reader().unwrap();
        let mut said = Vec::new();
        // A pty whose other side is closed answers with an error.
        let _ = reader.read_to_end(&mut said);
        assert_eq!(child.wait().unwrap().exit_code(), u32::try_from(PANICKED).unwrap());
        let said = String::from_utf8_lossy(&said);
        let left = said.rfind("\x1b[?1049l").unwrap();
        assert!(said.find("\x1b[?1049h").unwrap() < left, "{said:?}");
        assert!(said[left..].contains("on purpose"), "the report comes on the shell's screen");
        let modes = format!("{:?}", pty.master.get_termios().unwrap().local_flags);
        assert!(modes.contains("ICANON") && modes.contains("ECHO"), "still raw: {modes}");
    }
}
