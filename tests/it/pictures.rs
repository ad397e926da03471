//! The pictures of the README: taken from the real program in a terminal, on worlds of the demo that
//! stand still. Each must be what the program shows now; `screenshots/make` takes them anew.

mod svg;

use crate::bench::skip::taken_anew;
use crate::bench::terminal::{Seen, Terminal, environment, rows, size};
use crate::served::{BINARY, Directory};
use portable_pty::{CommandBuilder, PtySize};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the pictures are, and what says which there are.
const FOLDER: &str = "screenshots";
const LIST: &str = include_str!("../../screenshots/pictures.toml");
/// When the worlds' time begins, and stands still.
pub const START: &str = "2026-11-22T14:00:00Z";
/// A screen that has not changed for so long, looked at every [`LOOK`], is one to take a picture of.
const STILL: u32 = 40;
const LOOK: Duration = Duration::from_millis(50);
/// A picture that is not there after so many looks is stale.
const LOOKS: u32 = 400;

#[derive(Deserialize)]
struct List {
    pictures: Vec<Picture>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Picture {
    name: String,
    world: String,
    size: String,
    keys: String,
    #[serde(default)]
    flags: Vec<String>,
    says: String,
}

impl Picture {
    fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(format!("{}.svg", self.name))
    }

    fn size(&self) -> PtySize {
        let (columns, rows) = self.size.split_once('x').unwrap();
        size(columns.parse().unwrap(), rows.parse().unwrap())
    }

    fn draw(&self, terminal: &Terminal) -> String {
        let drawn = svg::draw(terminal.seen.0.lock().unwrap().screen.screen(), &self.says);
        without_chance(&on_the_first_network(&drawn))
    }

    /// Starts the program, and presses the keys once there is something to press them on.
    fn start(&self, scratch: &Directory) -> Terminal {
        let mut command = CommandBuilder::new(BINARY);
        command.args(["demo", "--speed", "0", "--start", START, "--world", &self.world]);
        command.args(&self.flags);
        environment(&mut command, "xterm-256color");
        command.env("TMPDIR", scratch.path());
        let mut terminal = Terminal::open_sized(command, self.size());
        terminal.wait("both fleets", |seen| has_row(seen, "blue") && has_row(seen, "green"));
        // Of rows that come one by one, a key would select another one every time.
        terminal.wait("every source", all_read);
        self.settle(&terminal);
        for key in self.keys.split_whitespace() {
            terminal.press(&bytes(key));
            // A lone Escape is one only when nothing follows it at once.
            std::thread::sleep(LOOK);
        }
        terminal
    }

    /// Waits until nothing more comes: rings, metrics and names are asked after the rest, and a plan
    /// that is made before they answer is another plan.
    fn settle(&self, terminal: &Terminal) {
        let (mut before, mut still) = (self.draw(terminal), 0);
        for _ in 0..LOOKS {
            std::thread::sleep(LOOK);
            let now = self.draw(terminal);
            still = if now == before { still + 1 } else { 0 };
            before = now;
            if still >= STILL {
                return;
            }
        }
    }

    /// Waits for the picture as it is in the tree; or, to take it, until the screen stands still.
    fn take(&self, expected: Option<&str>) -> String {
        let scratch = Directory::new();
        let mut terminal = self.start(&scratch);
        let mut drawn = self.draw(&terminal);
        let mut still = 0;
        for _ in 0..LOOKS {
            if expected == Some(&drawn) || expected.is_none() && still >= STILL {
                break;
            }
            std::thread::sleep(LOOK);
            let now = self.draw(&terminal);
            still = if now == drawn { still + 1 } else { 0 };
            drawn = now;
        }
        terminal.press("\x03");
        assert_eq!(terminal.end().exit_code(), 0, "{}", self.name);
        drawn
    }
}

/// A world's nodes are on the first loopback network that is free, 127.64 where nobody else has one.
/// A picture taken beside other worlds is the same picture.
fn on_the_first_network(drawn: &str) -> String {
    let (mut all, mut rest) = (String::new(), drawn);
    while let Some((before, after)) = rest.split_once("127.") {
        all.push_str(before);
        all.push_str("127.");
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let moved = digits == 2 && after[digits..].starts_with('.');
        all.push_str(if moved { "64" } else { &after[..digits] });
        rest = &after[digits..];
    }
    all + rest
}

/// The port of the world's resolver and how long an answer took are never twice the same.
fn without_chance(drawn: &str) -> String {
    let mut all = String::with_capacity(drawn.len());
    let mut rest = drawn;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[at..].bytes().take_while(u8::is_ascii_digit).count();
        let (before, number, after) = (&rest[..at], &rest[at..at + digits], &rest[at + digits..]);
        all.push_str(before);
        let of_resolver = all.ends_with("127.0.0.1:") && digits == 5;
        let took = after.starts_with(" ms");
        all.push_str(if of_resolver {
            "53530"
        } else if took {
            "3"
        } else {
            number
        });
        rest = after;
    }
    all + rest
}

/// Whether a row of the table begins so, the mark of the selection aside.
fn has_row(seen: &Seen, name: &str) -> bool {
    let is_one = |row: &String| row.trim_start_matches(['▶', '>', ' ']).starts_with(name);
    rows(seen).iter().any(is_one)
}

/// Whether the head tells an age of every source: one that was not read yet is a question mark.
fn all_read(seen: &Seen) -> bool {
    let head = rows(seen)[..2].join(" ");
    let named = ["cloudmap", "autoscaling", "elbv2", "ec2", "probes"];
    named.iter().all(|name| head.contains(name)) && !head.contains('?')
}

/// A key, written as in a keymap, as a terminal sends it.
fn bytes(key: &str) -> String {
    match key {
        "enter" => "\r".into(),
        "esc" => "\x1b".into(),
        "tab" => "\t".into(),
        "space" => " ".into(),
        "up" => "\x1b[A".into(),
        "down" => "\x1b[B".into(),
        "right" => "\x1b[C".into(),
        "left" => "\x1b[D".into(),
        "pagedown" => "\x1b[6~".into(),
        "pageup" => "\x1b[5~".into(),
        key => match key.strip_prefix("ctrl-").and_then(|rest| rest.bytes().next()) {
            Some(letter) => char::from(letter & 0x1f).into(),
            None => key.to_owned(),
        },
    }
}

fn pictures() -> Vec<Picture> {
    toml::from_str::<List>(LIST).unwrap().pictures
}

/// A picture is taken so often before it is called stale.
const TRIES: usize = 3;

#[test]
fn every_picture_is_what_the_program_shows() {
    let write = taken_anew();
    let mut stale = Vec::new();
    for picture in pictures() {
        let path = picture.path();
        if write {
            std::fs::write(path, picture.take(None)).unwrap();
            continue;
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        // Other worlds on this machine may hold the ports of the first try; what is stale is stale
        // every time.
        if (0..TRIES).all(|_| picture.take(Some(&kept)) != kept) {
            stale.push(picture.name);
        }
    }
    assert!(stale.is_empty(), "stale: {stale:?}; look at what `screenshots/make` makes of them");
}

#[test]
fn there_is_no_picture_that_nobody_takes() {
    let known: Vec<_> = pictures().iter().map(Picture::path).collect();
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        let is_picture = path.extension().is_some_and(|extension| extension == "svg");
        assert!(!is_picture || known.contains(&path), "{}", path.display());
    }
}
