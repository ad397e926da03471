//! What goes over the wire, counted at the terminal: the demo's worlds stand still (`--speed 0`),
//! so every frame has exactly so many bytes. Whoever changes a screen changes these numbers, and
//! sees by it what the change costs.

use crate::bench::terminal::{Terminal, environment};
use crate::served::{BINARY, Directory};
use portable_pty::CommandBuilder;
use std::time::Duration;

/// With what a frame ends: the end of a synchronized update.
const END: &[u8] = b"\x1b[?2026l";
/// The bounds of a first paint and of a selection move at 80x24 (console.md, Numbers).
const FIRST_PAINT: usize = 4096;
const MOVE: usize = 250;

/// A world; the bytes of its whole first screen; and of each frame after each key: the move at
/// once, and the details, where they differ, when the operator is at rest.
struct Row {
    world: &'static str,
    whole: usize,
    keys: &'static [(&'static str, &'static [usize])],
}

const ROWS: [Row; 6] = [
    Row {
        world: "blue-green",
        whole: 1054,
        keys: &[
            ("j", &[57, 37]),
            ("k", &[53, 43]),
            ("\r", &[810]),
            ("j", &[64, 125]),
            ("?", &[1028]),
        ],
    },
    Row {
        world: "boot-race",
        whole: 1247,
        keys: &[("j", &[57, 83]), ("k", &[57, 239]), ("\r", &[1316]), ("j", &[64, 126])],
    },
    Row {
        world: "fail-open",
        whole: 2060,
        keys: &[("j", &[57, 158]), ("k", &[57, 1055]), ("\r", &[1661]), ("j", &[64, 150])],
    },
    Row {
        world: "green-zone-sick",
        whole: 1080,
        keys: &[("j", &[57, 714]), ("\r", &[1141]), ("j", &[64, 829]), ("j", &[61, 407])],
    },
    Row {
        world: "mixed-versions",
        whole: 1068,
        keys: &[("j", &[57, 274]), ("k", &[57, 93]), ("\r", &[812]), ("j", &[64, 125])],
    },
    Row {
        world: "failed-green",
        whole: 1138,
        keys: &[("j", &[57, 552]), ("k", &[57, 94]), ("\r", &[839]), ("j", &[64, 125])],
    },
];

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
        command.args(["demo", "--speed", "0", "--world", world]);
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

    /// Paints the whole screen again and again until the world stands on it; returns its bytes.
    fn settle(&mut self, whole: usize) -> usize {
        let mut last = 0;
        // A world is there within a second; on a busy machine it takes longer.
        for _ in 0..200 {
            last = *self.press("\x0c", 1).last().unwrap();
            if last == whole {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        last
    }
}

#[test]
fn every_frame_has_its_bytes() {
    let mut wrong = Vec::new();
    for Row { world, whole, keys } in ROWS {
        let mut console = Console::start(world);
        let taken = console.settle(whole);
        assert!(taken <= FIRST_PAINT, "{world}: {taken}");
        if taken != whole {
            wrong.push((world, "", vec![taken]));
        }
        for (key, expected) in keys {
            let frames = console.press(key, expected.len());
            assert!(!matches!(*key, "j" | "k") || frames[0] <= MOVE, "{world} {key}: {frames:?}");
            if frames != *expected {
                wrong.push((world, *key, frames));
            }
        }
        // Nothing comes behind.
        assert_eq!(console.press("\x0c", 1).len(), 1, "{world}");
        console.terminal.press("\x03");
        assert_eq!(console.terminal.end().exit_code(), 0);
    }
    assert!(wrong.is_empty(), "other bytes than expected: {wrong:?}");
}
