//! The pictures of the README: taken from the real program in a terminal, on worlds of the demo. Each
//! must be what the program shows now; `screenshots/make` takes them anew. Most worlds stand still, and
//! the picture is the same to the last stroke; where time has to run, it is the same word for word.

mod svg;
mod words;

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
/// So many differences of a stale picture are told.
const DIFFERENCES: usize = 6;

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
    /// How fast the world's time runs; it stands still where nothing is said.
    #[serde(default)]
    speed: u32,
    /// Where time runs, only so many columns are compared: what changed beside them, and in which
    /// order it was noticed, is another every time.
    #[serde(default = "all")]
    columns: usize,
    /// The demo is recorded until this stands on the screen, and the picture is of its replay.
    #[serde(default)]
    recorded: Option<String>,
    /// What is waited for after the keys, and what is pressed then.
    #[serde(default)]
    then: Vec<Then>,
    /// Further pictures of the same console, after this one.
    #[serde(default)]
    also: Vec<Also>,
    /// What is waited for and pressed after the last picture: a run that is left behind would go on.
    #[serde(default)]
    ends: Vec<Then>,
    says: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Then {
    wait: String,
    #[serde(default)]
    keys: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Also {
    name: String,
    keys: String,
    wait: String,
    says: String,
}

fn all() -> usize {
    usize::MAX
}

/// What a picture is called, and what it shows.
type Title<'p> = (&'p str, &'p str);

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.svg"))
}

/// A picture as it is in the tree.
fn kept(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_default()
}

fn draw(terminal: &Terminal, says: &str) -> String {
    let drawn = svg::draw(terminal.seen.0.lock().unwrap().screen.screen(), says);
    of_one_host(&without_chance(&on_the_first_network(&drawn)))
}

/// Who runs a run is told with the name of this host, and every machine has another one.
fn of_one_host(drawn: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    drawn.replace(&format!("ana@{}", host.trim()), "ana@ops-1")
}

fn press(terminal: &mut Terminal, keys: &str) {
    for key in keys.split_whitespace() {
        terminal.press(&bytes(key));
        // A lone Escape is one only when nothing follows it at once.
        std::thread::sleep(LOOK);
    }
}

/// Waits and presses, in turn.
fn follow(terminal: &mut Terminal, all: &[Then]) {
    for then in all {
        terminal.wait_for(&then.wait);
        press(terminal, &then.keys);
    }
}

impl Picture {
    fn titles(&self) -> impl Iterator<Item = Title<'_>> {
        let also = self.also.iter().map(|one| (one.name.as_str(), one.says.as_str()));
        std::iter::once((self.name.as_str(), self.says.as_str())).chain(also)
    }

    /// Whether two pictures show the same. Where time runs, no number is the same twice.
    fn alike(&self, one: &str, other: &str) -> bool {
        match self.speed {
            0 => one == other,
            _ => words::of(one, self.columns) == words::of(other, self.columns),
        }
    }

    fn size(&self) -> PtySize {
        let (columns, rows) = self.size.split_once('x').unwrap();
        size(columns.parse().unwrap(), rows.parse().unwrap())
    }

    /// Starts the program, and presses the keys once there is something to press them on.
    fn start(&self, scratch: &Directory) -> Terminal {
        let mut terminal = self.demo(scratch);
        press(&mut terminal, &self.keys);
        if let Some(text) = &self.recorded {
            terminal.wait_for(text);
            self.ends(terminal);
            terminal = self.replay(scratch);
        }
        follow(&mut terminal, &self.then);
        terminal
    }

    fn recording(scratch: &Directory) -> String {
        scratch.path().join("session.recording").display().to_string()
    }

    /// The demo, when everything is there.
    fn demo(&self, scratch: &Directory) -> Terminal {
        let mut command = CommandBuilder::new(BINARY);
        command.args(["demo", "--start", START, "--world", &self.world]);
        command.args(["--speed", &self.speed.to_string()]);
        command.args(&self.flags);
        if self.recorded.is_some() {
            command.args(["--record", &Self::recording(scratch)]);
        }
        environment(&mut command, "xterm-256color");
        command.env("TMPDIR", scratch.path());
        command.env("USER", "ana");
        let terminal = Terminal::open_sized(command, self.size());
        terminal.wait("both fleets", |seen| has_row(seen, "blue") && has_row(seen, "green"));
        // Of rows that come one by one, a key would select another one every time.
        terminal.wait("every source", all_read);
        self.settle(&terminal);
        terminal
    }

    /// What was recorded, before anybody plays it.
    fn replay(&self, scratch: &Directory) -> Terminal {
        let mut command = CommandBuilder::new(BINARY);
        command.args(["replay", &Self::recording(scratch)]);
        environment(&mut command, "xterm-256color");
        Terminal::open_sized(command, self.size())
    }

    fn ends(&self, mut terminal: Terminal) {
        terminal.press("\x03");
        assert_eq!(terminal.end().exit_code(), 0, "{}", self.name);
    }

    /// Waits until nothing more comes: rings, metrics and names are asked after the rest, and a plan
    /// that is made before they answer is another plan.
    fn settle(&self, terminal: &Terminal) {
        self.look(terminal, "", None);
    }

    /// Waits until the screen is as expected; or, where nothing is, until it stands still.
    fn look(&self, terminal: &Terminal, says: &str, expected: Option<&str>) -> String {
        let (mut drawn, mut still) = (draw(terminal, says), 0);
        for _ in 0..LOOKS {
            match expected {
                Some(expected) if self.alike(expected, &drawn) => break,
                None if still >= STILL => break,
                _ => {}
            }
            std::thread::sleep(LOOK);
            let now = draw(terminal, says);
            still = if self.alike(&now, &drawn) { still + 1 } else { 0 };
            drawn = now;
        }
        drawn
    }

    /// Takes all pictures of a console; each as it is in the tree, or, to take it anew, when the
    /// screen stands still.
    fn take(&self, anew: bool) -> Vec<(&str, String)> {
        let scratch = Directory::new();
        let mut terminal = self.start(&scratch);
        let mut all = Vec::new();
        for (index, (name, says)) in self.titles().enumerate() {
            if let Some(also) = index.checked_sub(1).and_then(|index| self.also.get(index)) {
                press(&mut terminal, &also.keys);
                terminal.wait_for(&also.wait);
            }
            let expected = (!anew).then(|| kept(name));
            all.push((name, self.look(&terminal, says, expected.as_deref())));
        }
        follow(&mut terminal, &self.ends);
        self.ends(terminal);
        all
    }

    /// The pictures that say something else than before, each seen twice: where time stands still, a
    /// read that a busy machine let fail is not made again.
    fn anew(&self) -> Vec<(&str, String)> {
        let mut before: Vec<(&str, String)> = Vec::new();
        for _ in 0..TRIES {
            let now = self.take(true);
            let same =
                |(one, other): (&(&str, String), &(&str, String))| self.alike(&one.1, &other.1);
            let is_as_kept = now.iter().all(|(name, drawn)| self.alike(&kept(name), drawn));
            if is_as_kept || (!before.is_empty() && now.iter().zip(&before).all(same)) {
                return now
                    .into_iter()
                    .filter(|(name, drawn)| !self.alike(&kept(name), drawn))
                    .collect();
            }
            before = now;
        }
        panic!("{} is another picture each time", self.name);
    }

    /// What a stale picture has that the program does not show, and the other way round.
    fn differs(&self, name: &str, drawn: &str) -> String {
        let lines = |svg: &str| match self.speed {
            0 => svg.lines().map(|line| words::text_of(line).to_owned()).collect(),
            _ => words::of(svg, self.columns),
        };
        let (kept, drawn) = (lines(&kept(name)), lines(drawn));
        format!("{name} (was: {}; is: {})", only(&kept, &drawn), only(&drawn, &kept))
    }

    /// The pictures that are not what the program shows, however often it is asked: other worlds on
    /// this machine may hold the ports of the first try.
    fn stale(&self) -> Vec<String> {
        let mut stale = Vec::new();
        for _ in 0..TRIES {
            let all = self.take(false);
            let other = all.into_iter().filter(|(name, drawn)| !self.alike(&kept(name), drawn));
            stale = other.map(|(name, drawn)| self.differs(name, &drawn)).collect();
            if stale.is_empty() {
                break;
            }
        }
        stale
    }
}

/// The first few of what only one of two pictures has.
fn only(one: &[String], other: &[String]) -> String {
    let only = one.iter().filter(|line| !other.contains(line));
    only.take(DIFFERENCES).map(String::as_str).collect::<Vec<_>>().join(" | ")
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
        "minus" => "-".into(),
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
const TRIES: usize = 4;

#[test]
fn every_picture_is_what_the_program_shows() {
    let write = taken_anew();
    let mut stale = Vec::new();
    for picture in pictures() {
        if !write {
            stale.extend(picture.stale());
            continue;
        }
        for (name, drawn) in picture.anew() {
            std::fs::write(path(name), drawn).unwrap();
        }
    }
    assert!(stale.is_empty(), "stale: {stale:?}; look at what `screenshots/make` makes of them");
}

#[test]
fn there_is_no_picture_that_nobody_takes() {
    let all = pictures();
    let titles = all.iter().flat_map(Picture::titles);
    let known: Vec<_> = titles.map(|(name, _)| path(name)).collect();
    for entry in std::fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        let is_picture = path.extension().is_some_and(|extension| extension == "svg");
        assert!(!is_picture || known.contains(&path), "{}", path.display());
    }
}
