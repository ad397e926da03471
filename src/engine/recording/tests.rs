//! What a recording says of what was done to it, what it keeps, and that its failure is no failure of
//! the console.

use super::*;
use crate::app::fixture::{self, at, model};
use crate::app::{EventKind, NoticeKind};
use crate::core::source::Fragment;
use std::path::{Path, PathBuf};

/// A directory that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir()
            .join(format!("quarterdeck-recording-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn groups(second: i64) -> Event {
    Event::new(at(second), fixture::read(Scope::Groups, second, Ok(Fragment::Groups(Vec::new()))))
}

/// A session: a model, a read that brings the same three times, a frame.
fn record(mut recorder: Recorder) {
    recorder.model(&model(80, 24), &Policy::default());
    for second in 1..=3 {
        recorder.event(&groups(second));
    }
    recorder.event(&Event::new(at(4), EventKind::Tick));
    recorder.painted(at(4), Operator::AtRest);
    recorder.end(at(5));
}

/// Its bytes.
fn recorded(name: &str) -> Vec<u8> {
    let scratch = Scratch::new(name);
    let path = scratch.0.join("one");
    record(Recorder::start(Some(RecordingFile::create(&path).unwrap())));
    std::fs::read(path).unwrap()
}

fn said(bytes: Vec<u8>) -> String {
    match Tape::read(bytes) {
        Ok(tape) => tape.cut().map_or("whole".to_owned(), |cut| cut.to_string()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_recorded_is_read_and_what_stays_the_same_is_said_so() {
    let tape = Tape::read(recorded("read")).unwrap();
    assert_eq!((tape.cut(), tape.span()), (None, (at(0), at(5))));
    let mut records = Vec::new();
    for index in 0.. {
        let Some(frame) = tape.frame(index) else { break };
        records.extend(frame.unwrap().1);
    }
    let Record::Start(start, _) = &records[0] else { panic!("{records:?}") };
    assert_eq!(**start, model(80, 24), "a whole model is read as it was written");
    assert_eq!(records[1], Record::Event(Box::new(groups(1))));
    assert!(matches!(&records[2], Record::Same(same) if same.at == at(2)), "{:?}", records[2]);
    assert!(matches!(&records[3], Record::Same(same) if same.observed_at == at(3)));
    assert_eq!(records[5..], [Record::Painted(Operator::AtRest), Record::End]);
}

#[test]
fn every_flipped_byte_is_found_with_its_line() {
    let whole = recorded("flipped");
    assert_eq!(said(whole.clone()), "whole");
    let head = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    // Every byte of the head and many of the rest: one in each stretch of the large first line.
    let places = (0..head).chain((head..whole.len()).step_by(97)).chain([whole.len() - 1]);
    for place in places {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        let said = said(bytes);
        assert_ne!(said, "whole", "byte {place}");
        if place >= head && place < whole.len() - 1 {
            let line = whole[..place].iter().filter(|byte| **byte == b'\n').count() + 1;
            let named = (line..=line + 1).any(|line| said.contains(&format!("line {line} ")));
            assert!(named, "byte {place} of line {line}: {said}");
        }
    }
    // A line that was lost, and one that stands twice.
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let without = [&lines[..2], &lines[3..]].concat().concat();
    let twice = [&lines[..3], &lines[2..]].concat().concat();
    assert!(said(without).starts_with("line 3 (at byte "));
    assert!(said(twice).starts_with("line 4 (at byte "));
    assert!(said([&whole, lines[2]].concat()).contains("it stands behind the end"));
}

#[test]
fn one_that_is_cut_off_is_read_as_far_as_it_goes_and_says_where() {
    let whole = recorded("cut");
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    for length in (0..whole.len()).rev().step_by(61) {
        let said = said(whole[..length].to_vec());
        if length == 0 {
            assert_eq!(said, "it is empty");
        } else if length < lines[0].len() + lines[1].len() {
            assert!(said.contains("cut off at byte") || said.starts_with("it is no recording"));
        } else {
            assert!(said.starts_with("The recording is cut off after line "), "{length}: {said}");
        }
    }
    let end = whole.len() - lines.last().unwrap().len();
    let expected = format!("after line {} (byte {end})", lines.len() - 1);
    assert!(said(whole[..end].to_vec()).contains(&expected), "{expected}");
}

#[test]
fn what_is_none_or_of_another_version_says_so() {
    for (text, expected) in [
        ("", "it is empty"),
        ("title = \"A world\"\n", "it is no recording of quarterdeck"),
        (
            "quarterdeck-recording 2 9.9.9\n",
            "it is a recording of version 2, and this program reads",
        ),
        ("quarterdeck-recording \u{1b}[2J 1\n", "it is a recording of version [2J, and"),
        ("quarterdeck-recording 1 0.1.0\nx\n", "line 2 (at byte 30) is not as it was written"),
        ("quarterdeck-recording 1 0.1.0\n", "it was cut off at byte 30"),
        ("quarterdeck-recording 1", "it was cut off at byte 23"),
    ] {
        assert!(said(text.into()).starts_with(expected), "{text:?}: {}", said(text.into()));
    }
    assert!(matches!(Tape::open(Path::new("/nowhere/at/all")), Err(TapeError::Io(_))));
}

#[tokio::test]
async fn a_full_disk_ends_the_recording_and_is_said_once() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    // The head went well; what follows does not.
    let file = RecordingFile::of(full, Path::new("/full/one"));
    let mut recorder = Recorder::start(Some(file));
    recorder.model(&model(80, 24), &Policy::default());
    let (kind, text) = recorder.said().await;
    assert_eq!(kind, NoticeKind::Warning);
    assert!(text.starts_with("The recording has stopped: failed to write to /full/one:"), "{text}");
    // What is in memory is kept all the same.
    let scratch = Scratch::new("full");
    recorder.event(&groups(1));
    recorder.save(scratch.0.join("kept"), at(61));
    let (kind, text) = recorder.said().await;
    assert_eq!(kind, NoticeKind::Info);
    assert!(text.starts_with("The last 2 min are in "), "{text}");
    let path = text.split(" are in ").nth(1).unwrap().trim_end_matches('.');
    assert!(Tape::open(Path::new(path)).unwrap().cut().is_none());
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_to_is_said() {
    let mut recorder = Recorder::start(None);
    recorder.model(&model(80, 24), &Policy::default());
    recorder.save("/proc/nowhere".into(), at(1));
    let (kind, text) = recorder.said().await;
    assert_eq!(kind, NoticeKind::Warning);
    assert!(text.starts_with("The recording is not kept: failed to make /proc/nowhere:"), "{text}");
    let scratch = Scratch::new("twice");
    let path = scratch.0.join("one");
    drop(RecordingFile::create(&path).unwrap());
    let error = RecordingFile::create(&path).unwrap_err();
    assert!(error.next_step().contains("not there yet"), "nothing is written over");
}

/// A line of so many letters that cannot be packed.
fn line_of(word: &str, letters: usize) -> packed::Packed {
    let mut seed = 1_u64;
    let mut letter = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(33 + u8::try_from((seed >> 33) % 94).unwrap())
    };
    let noise: String = (0..letters).map(|_| letter()).collect();
    packed::Packed::of_line(&format!("{word}{noise}")).unwrap()
}

#[test]
fn the_ring_is_bounded_and_what_is_left_begins_with_a_model() {
    let mut ring = ring::Ring::new(1_000);
    ring.push(line_of("nothing to follow", 0));
    assert!(ring.kept().is_none());
    for part in 0..40 {
        assert!(ring.wants_part());
        ring.begin(at(part), line_of("model", 80));
        while !ring.wants_part() {
            ring.push(line_of("x", 10));
            assert!(ring.bytes() <= 1_000);
        }
        let (from, lines) = ring.kept().unwrap();
        let lines: Vec<_> = lines.collect();
        assert!(lines[0].line().unwrap().starts_with("model"));
        let kept: usize = lines.iter().map(|line| line.len()).sum();
        assert_eq!(kept, ring.bytes());
        assert!(part < 10 || from >= at(part - 3) && kept > 600, "{from} of {part}: {kept}");
    }
    // A model bigger than everything leaves nothing, and no other is asked for: it would be as big.
    ring.begin(at(50), line_of("model", 2_000));
    assert!(ring.kept().is_none() && !ring.wants_part());
    assert_eq!(ring.bytes(), 0);
    // A smaller one, of another place, begins anew.
    ring.begin(at(51), line_of("model", 80));
    assert!(ring.kept().is_some());
}

#[test]
fn what_is_packed_is_a_fraction_and_what_it_was() {
    let mut model = crate::app::fixture::model(80, 24);
    crate::app::fixture::show(&mut model, 1, crate::app::fixture::troubled());
    let records = [Record::Start(Box::new(model), Policy::default())];
    let line = file::line(at(1), &records).unwrap();
    let packed = packed::Packed::of(at(1), &records).unwrap();
    assert_eq!(packed.line().unwrap(), line);
    assert!(packed.len() * 3 < line.len(), "{} of {}", packed.len(), line.len());
}

#[test]
fn who_is_too_slow_loses_a_piece_and_goes_on_with_a_whole_model() {
    let scratch = Scratch::new("slow");
    let path = scratch.0.join("one");
    let mut recorder = Recorder::start(Some(RecordingFile::create(&path).unwrap()));
    recorder.model(&model(80, 24), &Policy::default());
    recorder.lose();
    recorder.event(&groups(1));
    recorder.painted(at(1), Operator::AtRest);
    recorder.model(&model(100, 30), &Policy::default());
    recorder.event(&Event::new(at(2), EventKind::Tick));
    recorder.end(at(3));
    let tape = Tape::open(&path).unwrap();
    let kinds: Vec<_> = (0..)
        .map_while(|index| tape.frame(index))
        .flat_map(|frame| frame.unwrap().1)
        .map(|record| match record {
            Record::Start(model, _) => format!("model {}", model.size.columns),
            Record::Gap => "gap".to_owned(),
            Record::Event(event) => format!("{:?}", event.kind),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["model 80", "gap", "model 100", "Tick", "End"]);
}

#[test]
fn what_was_seen_of_other_places_is_played_as_it_was() {
    use crate::app::elsewhere::fixture::{alone, seen, theirs};
    let scratch = Scratch::new("elsewhere");
    let path = scratch.0.join("one");
    let mut recorder = Recorder::start(Some(RecordingFile::create(&path).unwrap()));
    let mut lived = alone(80, 24);
    recorder.model(&lived, &Policy::default());
    let denied = Some(crate::core::error::ErrorKind::Denied);
    let told = [
        (1, EventKind::Elsewhere(Box::new(seen("east", (1, 1), theirs(), None)))),
        (2, EventKind::Elsewhere(Box::new(seen("apac", (1, 2), theirs(), denied)))),
        (200, EventKind::Tick),
    ];
    for (second, kind) in told {
        let event = Event::new(at(second), kind);
        recorder.event(&event);
        drop(crate::app::update(&mut lived, event));
    }
    recorder.end(at(201));
    let tape = Tape::open(&path).unwrap();
    let mut deck =
        crate::engine::player::Deck::new(tape, crate::core::reconcile::reconcile_after).unwrap();
    while deck.play().unwrap().is_some() {}
    assert_eq!(*deck.model(), lived);
    assert_eq!(lived.screen().list.rows().len(), 7, "four fleets, two places, this one");
}
