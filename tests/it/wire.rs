//! What goes over the wire, counted at the terminal: the demo's worlds stand still (`--speed 0`),
//! so every frame has exactly so many bytes. Whoever changes a screen changes these numbers
//! (`screenshots/make` counts anew), and sees by it what the change costs.

use crate::bench::skip::taken_anew;
use crate::bench::terminal::{Terminal, environment};
use crate::pictures::START;
use crate::served::{BINARY, Directory};
use portable_pty::CommandBuilder;
use std::time::Duration;

/// With what a frame ends: the end of a synchronized update.
const END: &[u8] = b"\x1b[?2026l";
/// The bounds of a first paint and of a selection move at 80x24 (console.md, Numbers).
const FIRST_PAINT: usize = 4096;
const MOVE: usize = 250;

/// A line a world: its name, its whole first screen, then each key with the frames after it: the
/// move at once, and the details, where they differ, when the operator is at rest.
const PATH: &str = "screenshots/bytes.txt";
/// Frames are over when none has come for so long; only to write the numbers anew.
const QUIET: Duration = Duration::from_secs(2);

/// What is pressed on each world.
const WALKS: [(&str, &str); 6] = [
    ("blue-green", "j k enter j ?"),
    ("boot-race", "j k enter j"),
    ("fail-open", "j k enter j"),
    ("green-zone-sick", "j enter j j"),
    ("mixed-versions", "j k enter j"),
    ("failed-green", "j k enter j"),
];

fn bytes_of(key: &str) -> &str {
    if key == "enter" { "\r" } else { key }
}

/// The sizes of the frames so far.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.windows(END.len()).enumerate().filter(|(_, window)| *window == END);
    let mut from = 0;
    ends.map(|(at, _)| at + END.len() - std::mem::replace(&mut from, at + END.len())).collect()
}

struct Console {
    terminal: Terminal,
    _scratch: Directory,
}

impl Console {
    fn start(world: &str) -> Self {
        let scratch = Directory::new();
        let mut command = CommandBuilder::new(BINARY);
        command.args(["demo", "--speed", "0", "--start", START, "--world", world]);
        environment(&mut command, "xterm-256color");
        command.env("TMPDIR", scratch.path());
        Self { terminal: Terminal::open(command), _scratch: scratch }
    }

    fn frames(&self) -> Vec<usize> {
        frames(&self.terminal.seen.0.lock().unwrap().bytes)
    }

    /// Presses a key and waits for so many frames; returns the bytes of each.
    fn press(&mut self, key: &str, count: usize) -> Vec<usize> {
        let before = self.frames().len();
        self.terminal.press(key);
        let what = format!("{count} frames after {key:?}");
        self.terminal.wait(&what, |seen| frames(&seen.bytes).len() >= before + count);
        self.frames().split_off(before)
    }

    /// Paints the whole screen again and again until the world stands on it, or, where it is not
    /// known what that takes, until it takes the same for a while; returns its bytes.
    fn settle(&mut self, whole: Option<usize>) -> usize {
        let (mut last, mut same) = (0, 0);
        // A world is there within a second; on a busy machine it takes longer.
        for _ in 0..200 {
            let taken = *self.press("\x0c", 1).last().unwrap();
            same = if taken == last { same + 1 } else { 0 };
            last = taken;
            // What this screen does not show (rings, the names' answers) comes a little later.
            let long = if whole == Some(last) { 15 } else { 40 };
            if same >= long && whole.is_none_or(|whole| whole == last) {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        last
    }
}

/// Walks through a world; the line of its bytes. Where it is known how many frames come, they are
/// waited for; otherwise silence is.
fn walk(world: &str, keys: &str, expected: Option<&str>) -> String {
    let mut console = Console::start(world);
    let counts = expected.map(|line| line.split(" | ").map(|part| part.split(' ').count() - 1));
    let mut counts = counts.into_iter().flatten().skip(1);
    let whole = expected.and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let taken = console.settle(whole);
    assert!(taken <= FIRST_PAINT, "{world}: {taken}");
    let mut line = format!("{world} {taken}");
    for key in keys.split(' ') {
        let frames = match counts.next() {
            Some(count) => console.press(bytes_of(key), count),
            None => {
                console.press(bytes_of(key), 1);
                let before = console.frames().len() - 1;
                std::thread::sleep(QUIET);
                console.frames().split_off(before)
            }
        };
        assert!(!matches!(key, "j" | "k") || frames[0] <= MOVE, "{world} {key}: {frames:?}");
        let frames: Vec<_> = frames.iter().map(usize::to_string).collect();
        line.push_str(&format!(" | {key} {}", frames.join(" ")));
    }
    // Nothing comes behind.
    assert_eq!(console.press("\x0c", 1).len(), 1, "{world}");
    console.terminal.press("\x03");
    assert_eq!(console.terminal.end().exit_code(), 0);
    line
}

/// A walk is gone so often before its count is called wrong.
const TRIES: usize = 3;

#[test]
fn every_frame_has_its_bytes() {
    if taken_anew() {
        let lines = WALKS.map(|(world, keys)| walk(world, keys, None) + "\n");
        return std::fs::write(PATH, lines.concat()).unwrap();
    }
    let kept = std::fs::read_to_string(PATH).unwrap();
    let mut taken = String::new();
    for ((world, keys), line) in WALKS.into_iter().zip(kept.lines()) {
        assert_eq!(line.split(' ').next(), Some(world));
        // Something of another process's making stands in a frame now and then (a port of the
        // resolver, of which a digit happens to stand there already): what is wrong is so each time.
        let walked = (0..TRIES).map(|_| walk(world, keys, Some(line)));
        let mut last = String::new();
        for now in walked {
            last = now;
            if last == line {
                break;
            }
        }
        taken.push_str(&(last + "\n"));
    }
    assert_eq!(taken, kept, "`screenshots/make` counts anew");
}
