//! The journal under everything that can happen to a file.

use super::journal::{FILE, Journal, JournalError, read};
use crate::core::run::journal::Entry;
use crate::machine::Place;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("quarterdeck-journal-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn journal_of(steps: u32) -> Directory {
    let directory = Directory::new();
    let mut journal = Journal::create(&Place::from(&*directory.0), false).unwrap();
    for step in 1..=steps {
        journal.append(Timestamp::UNIX_EPOCH, Entry::StepBegan { step }).unwrap();
    }
    directory
}

fn broken_at(path: &Path) -> Option<u64> {
    match read(&Place::from(path)) {
        Err(JournalError::Broken { line, .. }) => Some(line),
        _ => None,
    }
}

#[test]
fn a_whole_journal_is_read_as_it_was_written() {
    let directory = journal_of(3);
    let told = read(&Place::from(directory.file())).unwrap();
    assert_eq!((told.lines.len(), told.torn), (3, 0));
    assert_eq!(told.lines[2].before, told.lines[1].hash);
    assert_eq!(told.lines[1].entry, Entry::StepBegan { step: 2 });
}

#[test]
fn every_flipped_byte_is_found() {
    let directory = journal_of(3);
    let whole = std::fs::read(directory.file()).unwrap();
    for at in 0..whole.len() - 1 {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        std::fs::write(directory.file(), &flipped).unwrap();
        let line = whole[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        assert_eq!(broken_at(&directory.file()), Some(line), "byte {at}");
    }
}

#[test]
fn a_line_lost_put_in_or_moved_is_found() {
    let directory = journal_of(4);
    let text = std::fs::read_to_string(directory.file()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let other = std::fs::read_to_string(journal_of(2).file()).unwrap();
    let cases: [(Vec<&str>, u64); 4] = [
        (vec![lines[0], lines[2], lines[3]], 2),
        (vec![lines[0], lines[0], lines[1]], 2),
        (vec![lines[1], lines[0]], 1),
        (vec![lines[0], lines[1], other.lines().next().unwrap()], 3),
    ];
    for (lines, broken) in cases {
        std::fs::write(directory.file(), lines.join("\n") + "\n").unwrap();
        assert_eq!(broken_at(&directory.file()), Some(broken), "{lines:?}");
    }
}

#[test]
fn a_torn_line_is_cut_and_noted_and_the_chain_goes_on() {
    let directory = journal_of(2);
    let mut text = std::fs::read_to_string(directory.file()).unwrap();
    text.push_str("{\"number\":3");
    std::fs::write(directory.file(), &text).unwrap();
    assert_eq!(read(&Place::from(directory.file())).unwrap().torn, 11);
    let (mut journal, lines) =
        Journal::open(&Place::from(&*directory.0), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(lines.last().unwrap().entry, Entry::Cut { bytes: 11 });
    journal.append(Timestamp::UNIX_EPOCH, Entry::GoesOn).unwrap();
    let told = read(&Place::from(directory.file())).unwrap();
    assert_eq!((told.lines.len(), told.torn), (4, 0));
}

#[test]
fn a_broken_chain_is_not_opened() {
    let directory = journal_of(2);
    let text = std::fs::read_to_string(directory.file()).unwrap();
    std::fs::write(directory.file(), text.replacen("\"step\":1", "\"step\":7", 1)).unwrap();
    let opened = Journal::open(&Place::from(&*directory.0), Timestamp::UNIX_EPOCH);
    assert!(matches!(opened, Err(JournalError::Broken { line: 1, .. })), "{opened:?}");
}
