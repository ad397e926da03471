//! The journal on disk: JSON lines, appended and synced one at a time, each with the hash of the
//! line before it. A line that was changed, lost or put in is found by [`read`]; a line that was
//! torn by a crash is told from one that was tampered with by its missing end.
//!
//! Hashes are taken over the bytes as they stand in the file, so that reading needs no second
//! writer to agree with.

use crate::core::run::journal::{Entry, Line};
use crate::machine::{About, Appending, Place};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;

/// The journal's name in its run's directory.
pub const FILE: &str = "journal.jsonl";

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refused.
    #[error("failed to {what} {}: {cause}", .path.display())]
    Io {
        /// `create`, `read`, `write to`, `sync`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// The chain is broken.
    #[error("{} is broken at line {line}: {why}", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The first line that is not as it was written, from 1.
        line: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Its file is no longer at its place.
    #[error("{} is gone or was replaced, so nothing more can be noted", .path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// An earlier write failed. What reached the disk is not known, and asking again might be
    /// answered with a success that is none, so nothing more is written.
    #[error("an earlier write to {} failed, so nothing more is written to it", .path.display())]
    GivenUp {
        /// The file.
        path: PathBuf,
    },
}

impl JournalError {
    /// What to do next, as a sentence.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Io { cause, .. } if cause.kind() == io::ErrorKind::StorageFull => {
                "Free some space on that disk, then `quarterdeck run resume` the run."
            }
            Self::Io { .. } | Self::GivenUp { .. } => {
                "Correct what the system says about the state directory, then `quarterdeck run resume` the run."
            }
            Self::Gone { .. } => {
                "Put the state directory back where it was, then `quarterdeck run resume` the run."
            }
            Self::Broken { .. } => {
                "Somebody or something changed the journal: find out who, and compare the world by hand; this run is not resumed."
            }
        }
    }
}

/// What a journal's file tells.
#[derive(Debug)]
pub struct Told {
    /// The lines, in order.
    pub lines: Vec<Line>,
    /// Bytes of a last line that was never finished.
    pub torn: u64,
}

/// A journal that is open for appending.
#[derive(Debug)]
pub struct Journal {
    file: Box<dyn Appending>,
    path: Place,
    number: u64,
    last: String,
    given_up: bool,
}

/// A line without its own hash.
#[derive(Serialize)]
struct Body<'a> {
    number: u64,
    at: Timestamp,
    before: &'a str,
    #[serde(flatten)]
    entry: &'a Entry,
}

impl Journal {
    /// Makes the journal of a new run in its directory.
    ///
    /// # Errors
    /// Whatever the system says; that it is there already.
    pub fn create(directory: &Place, shared: bool) -> Result<Self, JournalError> {
        let path = directory.join(FILE);
        let mode = if shared { 0o660 } else { 0o600 };
        let disk = &directory.machine().disk;
        let file = disk.append_new(&path, mode);
        let file = file.and_then(|file| disk.sync_directory(directory).map(|()| file));
        let file = file.map_err(|cause| failed("create", &path, cause))?;
        Ok(Self { file, path, number: 0, last: digest(b""), given_up: false })
    }

    /// Opens the journal of a run that goes on. A torn last line is cut off, and that is noted.
    ///
    /// # Errors
    /// Whatever the system says; a broken chain.
    pub fn open(directory: &Place, at: Timestamp) -> Result<(Self, Vec<Line>), JournalError> {
        let path = directory.join(FILE);
        let Told { mut lines, torn } = read(&path)?;
        let file = directory.machine().disk.append(&path);
        let file = file.map_err(|cause| failed("write to", &path, cause))?;
        let number = lines.last().map_or(0, |line| line.number);
        let last = lines.last().map_or_else(|| digest(b""), |line| line.hash.clone());
        let mut journal = Self { file, path, number, last, given_up: false };
        if torn > 0 {
            let cut = journal.file.cut(torn);
            cut.map_err(|cause| failed("cut", &journal.path, cause))?;
            lines.push(journal.append(at, Entry::Cut { bytes: torn })?);
        }
        Ok((journal, lines))
    }

    /// Where it lies.
    pub fn directory(&self) -> Option<PathBuf> {
        self.path.parent().map(PathBuf::from)
    }

    /// Whether the file is still at its place. One that was removed or moved takes every write, and
    /// nobody would find it.
    pub fn is_there(&self) -> bool {
        match (self.file.place(), self.path.machine().disk.about(&self.path)) {
            (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
            (Some(ours), Ok(About { place: Some(place), .. })) => ours == place,
            _ => true,
        }
    }

    /// Writes a line and waits until it is on the disk.
    ///
    /// # Errors
    /// Whatever the system says. After the first error nothing more is written: what a failed
    /// fsync left behind is not known, and a second one may succeed without having written it.
    pub fn append(&mut self, at: Timestamp, entry: Entry) -> Result<Line, JournalError> {
        if self.given_up {
            return Err(JournalError::GivenUp { path: self.path.to_path_buf() });
        }
        if !self.is_there() {
            self.given_up = true;
            return Err(JournalError::Gone { path: self.path.to_path_buf() });
        }
        let body = Body { number: self.number + 1, at, before: &self.last, entry: &entry };
        let text = serde_json::to_string(&body)
            .map_err(|error| failed("write to", &self.path, error.into()))?;
        let hash = digest(text.as_bytes());
        let text = sealed(&text, &hash);
        let written = self.file.write_all(text.as_bytes());
        let synced = written.map_err(|cause| ("write to", cause));
        let synced = synced.and_then(|()| self.file.sync_data().map_err(|cause| ("sync", cause)));
        if let Err((what, cause)) = synced {
            self.given_up = true;
            return Err(failed(what, &self.path, cause));
        }
        let before = std::mem::replace(&mut self.last, hash.clone());
        self.number += 1;
        Ok(Line { number: self.number, at, before, entry, hash })
    }
}

/// Reads a journal and checks its chain.
///
/// # Errors
/// Whatever the system says; the first broken line.
pub fn read(path: &Place) -> Result<Told, JournalError> {
    let bytes = path.machine().disk.read(path).map_err(|cause| failed("read", path, cause))?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let torn = u64::try_from(bytes.len() - end).unwrap_or(u64::MAX);
    let mut lines: Vec<Line> = Vec::new();
    let mut before = digest(b"");
    for (number, bytes) in (1_u64..).zip(bytes[..end].split_inclusive(|byte| *byte == b'\n')) {
        let broken = |why| JournalError::Broken { path: path.to_path_buf(), line: number, why };
        let line = unsealed(bytes.strip_suffix(b"\n").unwrap_or(bytes)).map_err(broken)?;
        if line.number != number {
            return Err(broken("its number is not the next: a line was lost, or put in"));
        }
        if line.before != before {
            return Err(broken("it does not follow the line before it"));
        }
        before.clone_from(&line.hash);
        lines.push(line);
    }
    Ok(Told { lines, torn })
}

/// The line as it stands in the file: the text with its hash as the last field.
fn sealed(text: &str, hash: &str) -> String {
    let open = text.strip_suffix('}').unwrap_or(text);
    format!("{open}{HASH}{hash}\"}}\n")
}

const HASH: &str = ",\"hash\":\"";

/// A line whose bytes are what its hash says.
fn unsealed(bytes: &[u8]) -> Result<Line, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text")?;
    let (open, rest) = text.rsplit_once(HASH).ok_or("it has no hash")?;
    let hash = rest.strip_suffix("\"}").ok_or("it has no hash")?;
    if digest(format!("{open}}}").as_bytes()) != hash {
        return Err("it is not what its hash says");
    }
    serde_json::from_str(text).or_else(|_| of_another_version(text))
}

/// A line that is as it was written, by a version that notes what this one does not know.
fn of_another_version(text: &str) -> Result<Line, &'static str> {
    #[derive(Deserialize)]
    struct Head {
        number: u64,
        at: Timestamp,
        before: String,
        entry: String,
        hash: String,
    }
    let head: Head = serde_json::from_str(text).map_err(|_| "it is no journal line")?;
    let entry = Entry::Unknown { name: head.entry };
    Ok(Line { number: head.number, at: head.at, before: head.before, entry, hash: head.hash })
}

/// SHA-256 as hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(what: &'static str, path: &Place, cause: io::Error) -> JournalError {
    JournalError::Io { what, path: path.to_path_buf(), cause }
}
