//! The player's keys through its real loop, on a recording of two minutes.

use super::*;
use crate::app::fixture::{self, at};
use crate::core::error::ErrorKind;
use crate::core::estate::{Estate, Policy};
use crate::core::inventory::Inventory;
use crate::core::source::{Fragment, Scope};
use crate::engine::console::Painted;
use crate::engine::recording::{Recorder, RecordingFile, Tape};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Mutex;

/// A terminal that keeps the model it showed last.
#[derive(Clone, Default)]
struct Glass(Arc<Mutex<Option<Model>>>);

impl Surface for Glass {
    fn is_ready(&self) -> bool {
        true
    }
    fn paint(&mut self, model: &Model, _: Operator) -> io::Result<Painted> {
        *self.0.lock().unwrap() = Some(model.clone());
        Ok(Painted::Whole)
    }
    async fn written(&mut self) -> io::Result<()> {
        std::future::pending().await
    }
    fn forget(&mut self) {}
    fn suspend(&mut self) -> Result<(), &'static str> {
        Err("Nothing here could resume it.")
    }
    fn resume(&mut self) {}
    fn copy(&mut self, _: &str) {}
    fn size(&self) -> Option<Size> {
        Some(OWN)
    }
}

/// The size of whoever looks now; it was recorded at 80x24.
const OWN: Size = Size { columns: 100, rows: 40 };

/// Findings are there as long as the groups cannot be read.
fn joined(inventory: &Inventory, _: Option<&Estate>, _: Timestamp, _: &Policy) -> Estate {
    match inventory.groups.error() {
        Some(_) => fixture::troubled(),
        None => fixture::healthy(),
    }
}

/// A tick and a frame each second; the groups are well, fail at 40 s, are well at 50 s and fail at 90 s.
fn recording(name: &str) -> PathBuf {
    let file = format!("quarterdeck-player-{name}-{}", std::process::id());
    let path = std::env::temp_dir().join(file);
    let _ = std::fs::remove_file(&path);
    let mut recorder = Recorder::start(Some(RecordingFile::create(&path).unwrap()));
    recorder.model(&fixture::model(80, 24), &Policy::default());
    let mut generation = 0;
    for second in 1..=120 {
        recorder.event(&Event::new(at(second), EventKind::Tick));
        let result = match second {
            1 | 50 => Ok(Fragment::Groups(Vec::new())),
            40 | 90 => Err(ErrorKind::Throttled),
            _ => {
                recorder.painted(at(second), Operator::AtRest);
                continue;
            }
        };
        generation += 1;
        recorder.event(&Event::new(at(second), fixture::read(Scope::Groups, second, result)));
        recorder.joining(at(second));
        let kind = EventKind::Reconciled { generation, as_of: at(second), joined: None };
        recorder.event(&Event::new(at(second), kind));
        recorder.painted(at(second), Operator::AtRest);
    }
    recorder.end(at(120));
    path
}

/// What is shown after these keys, pressed one by one with time to be answered between them.
async fn shown(name: &str, keys: &str) -> Model {
    let path = recording(name);
    let deck = Deck::new(Tape::open(&path).unwrap(), joined).unwrap();
    let before = fixture::model(80, 24);
    let (typing, input) = mpsc::channel(64);
    let start = Play {
        deck,
        keymap: Arc::clone(&before.keymap),
        looks: before.looks.clone(),
        size: OWN,
        input,
        clock: Clock::on_tokio(at(0), 1.0),
    };
    let mut glass = Glass::default();
    let seen = Arc::clone(&glass.0);
    let operator = async {
        for key in keys.split_whitespace() {
            typing.send(Input::Chord(key.parse().unwrap())).await.unwrap();
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        let shown = seen.lock().unwrap().clone();
        typing.send(Input::Chord("ctrl-c".parse().unwrap())).await.unwrap();
        shown
    };
    let (ending, shown) = tokio::join!(play(start, &mut glass), operator);
    std::fs::remove_file(path).unwrap();
    assert_eq!(ending.unwrap(), Ending::Quit);
    shown.unwrap()
}

fn second(model: &Model) -> i64 {
    model.now.duration_since(at(0)).as_secs()
}

fn said(model: &Model) -> String {
    model.notices.current(model.now).map(|notice| notice.text.clone()).unwrap_or_default()
}

/// Keys, and the second of the recording that they lead to.
#[rustfmt::skip]
const LEADS: &[(&str, i64)] = &[
    ("space", 0),
    ("space ]", 60),
    ("space ] [", 0),
    ("space }", 40),
    ("space } }", 90),
    ("space } } {", 40),
    ("space ] {", 40),
    ("space ] . .", 62),
    ("space : s e e k space 9 0 s enter", 90),
    ("space ] : s e e k space - 1 5 s enter", 45),
    ("space : s e e k space 1 h enter", 120),
];

#[tokio::test(start_paused = true)]
async fn keys_lead_to_times_frames_and_findings() {
    for (index, (keys, expected)) in LEADS.iter().enumerate() {
        let shown = shown(&format!("leads-{index}"), keys).await;
        assert_eq!(second(&shown), *expected, "{keys}: {}", said(&shown));
        assert_eq!(shown.size, OWN);
        assert_eq!(shown.replay.unwrap().state, State::Paused, "{keys}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_plays_as_fast_as_it_is_told_and_says_where_it_ends() {
    let playing = shown("speed", "+ + + + + x x x").await;
    assert_eq!(playing.replay.as_ref().unwrap().state, State::Paused, "x looks around");
    // Before x was pressed: 0.4 s at 2x, 4x, 8x, 16x and 32x.
    assert_eq!(second(&playing), 24);
    let over = shown("over", "+ + + + + + + + x").await;
    assert_eq!(second(&over), 120);
    let ended = shown("ended", "+ + + + + + + +").await;
    assert_eq!(said(&ended), "The recording ends here.");
    let none = shown("none", "space } } }").await;
    assert_eq!(said(&none), "No further finding begins in this recording.");
}

#[tokio::test(start_paused = true)]
async fn who_looks_around_changes_nothing_and_may_not_act() {
    let around = shown("around", "] enter").await;
    assert_eq!(around.screens().len(), 2);
    let replay = around.replay.unwrap();
    assert_eq!(replay.state, State::Paused);
    let back = shown("back", "space ] enter .").await;
    assert_eq!((second(&back), back.screens().len()), (61, 1), "the recording is as it was");
    let refused = shown("refused", "] c").await;
    assert!(said(&refused).starts_with("This is a recording"), "{}", said(&refused));
    assert!(refused.layers.is_empty());
}
