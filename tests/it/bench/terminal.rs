//! A terminal of one test's: a program in a pty, the screen it draws, and the keys it is sent.

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Longer than anything here takes on a busy machine, so that only a fault reaches it. The longest
/// waits are for data that grow stale after half a minute.
const PATIENCE: Duration = Duration::from_secs(90);
/// What raw mode, alternate screen and paste mode are undone with.
const LEAVE: &str = "\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// What has come out of the program so far.
pub struct Seen {
    pub screen: vt100::Parser,
    pub bytes: Vec<u8>,
    /// The reader stops here, so that its side of the pty can be closed.
    stop_at: Option<&'static str>,
    pub ended: bool,
}

/// A running program and its terminal.
pub struct Terminal {
    pub child: Box<dyn Child + Send + Sync>,
    pub master: Box<dyn MasterPty + Send>,
    pub keys: Box<dyn Write + Send>,
    pub seen: Arc<(Mutex<Seen>, Condvar)>,
}

pub fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

/// A bare environment.
pub fn environment(command: &mut CommandBuilder, term: &str) {
    command.env_clear();
    for (name, value) in [
        ("TERM", term),
        ("LANG", "C.UTF-8"),
        ("PATH", "/usr/bin:/bin"),
        ("HOME", env!("CARGO_TARGET_TMPDIR")),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ] {
        command.env(name, value);
    }
}

impl Terminal {
    /// Starts a program in a terminal of 80x24.
    pub fn open(command: CommandBuilder) -> Self {
        Self::start(command, size(80, 24), None)
    }

    /// Starts a program in a terminal of this size.
    pub fn open_sized(command: CommandBuilder, size: PtySize) -> Self {
        Self::start(command, size, None)
    }

    /// Starts a program whose terminal is read until this text stands on the screen.
    pub fn open_until(command: CommandBuilder, stop_at: &'static str) -> Self {
        Self::start(command, size(80, 24), Some(stop_at))
    }

    fn start(command: CommandBuilder, size: PtySize, stop_at: Option<&'static str>) -> Self {
        let pty = native_pty_system().openpty(size).unwrap();
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let mut reader = pty.master.try_clone_reader().unwrap();
        let keys = pty.master.take_writer().unwrap();
        let (rows, columns) = (size.rows.try_into().unwrap(), size.cols.try_into().unwrap());
        let screen = vt100::Parser::new(rows, columns, 0);
        let seen = Seen { screen, bytes: Vec::new(), stop_at, ended: false };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let told = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // A pty whose other side is closed answers with an error.
                let count = reader.read(&mut buffer).unwrap_or(0);
                let mut seen = told.0.lock().unwrap();
                seen.screen.process(&buffer[..count]);
                seen.bytes.extend_from_slice(&buffer[..count]);
                let stop = seen.stop_at.is_some_and(|text| holds(&seen, text));
                seen.ended = count == 0 || stop;
                told.1.notify_all();
                if seen.ended {
                    return;
                }
            }
        });
        Self { child, master: pty.master, keys, seen }
    }

    /// Gives the window another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let (own_rows, own_columns) = (rows.try_into().unwrap(), columns.try_into().unwrap());
        let mut seen = self.seen.0.lock().unwrap();
        seen.screen.screen_mut().set_size(own_rows, own_columns);
        drop(seen);
        self.master.resize(size(columns, rows)).unwrap();
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    pub fn wait(&self, what: &str, good: impl Fn(&Seen) -> bool) {
        let seen = self.seen.0.lock().unwrap();
        let (seen, outcome) =
            self.seen.1.wait_timeout_while(seen, PATIENCE, |seen| !good(seen)).unwrap();
        let screen = outcome.timed_out().then(|| seen.screen.screen().contents());
        // Let go before the panic, or the reader panics over the poisoned lock as well.
        drop(seen);
        if let Some(screen) = screen {
            panic!("never {what}:\n{screen}");
        }
    }

    pub fn wait_for(&self, text: &str) {
        self.wait(text, |seen| holds(seen, text));
    }

    /// The screen as it stands.
    pub fn screen(&self) -> String {
        self.seen.0.lock().unwrap().screen.screen().contents()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for the end of the process.
    pub fn end(&mut self) -> ExitStatus {
        end(&mut self.child)
    }

    /// The terminal is as it was before.
    pub fn is_restored(&self) {
        self.wait("the last bytes", |seen| seen.ended);
        let seen = self.seen.0.lock().unwrap();
        let tail = String::from_utf8_lossy(&seen.bytes);
        assert!(tail.contains(LEAVE), "{tail:?}");
        let entered = tail.rfind("\x1b[?1049h").unwrap();
        assert!(tail.rfind("\x1b[?1049l").unwrap() > entered, "left after it was entered");
        let modes = format!("{:?}", self.master.get_termios().unwrap().local_flags);
        assert!(modes.contains("ICANON") && modes.contains("ECHO"), "still raw: {modes}");
    }
}

/// Waits for the end of a process, and kills it when that does not come.
pub fn end(child: &mut Box<dyn Child + Send + Sync>) -> ExitStatus {
    let mut killer = child.clone_killer();
    let (told, heard) = std::sync::mpsc::sync_channel(1);
    let watchdog = std::thread::spawn(move || {
        let late = heard.recv_timeout(PATIENCE).is_err();
        if late {
            let _ = killer.kill();
        }
        late
    });
    let status = child.wait().unwrap();
    let _ = told.send(());
    assert!(!watchdog.join().unwrap(), "the console did not end");
    status
}

/// The rows of the screen as they stand.
pub fn rows(seen: &Seen) -> Vec<String> {
    let screen = seen.screen.screen();
    screen.contents().lines().map(str::to_owned).collect()
}

/// Whether a text stands on the screen.
pub fn holds(seen: &Seen, text: &str) -> bool {
    seen.screen.screen().contents().contains(text)
}
