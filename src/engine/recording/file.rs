//! Recordings as files: made anew, for nobody else to read, and never over another.

use super::Record;
use super::chain::{Chain, head};
use super::packed::Packed;
use jiff::Timestamp;
use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Why a recording could not be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to {what} {}: {cause}", path.display())]
pub struct FileError {
    /// What was being done.
    what: &'static str,
    /// The file or the directory.
    path: PathBuf,
    /// What the system said.
    pub cause: io::Error,
}

impl FileError {
    /// What to do next.
    pub fn next_step(&self) -> &'static str {
        match self.cause.kind() {
            io::ErrorKind::AlreadyExists => "Name a file that is not there yet.",
            io::ErrorKind::NotFound => "Make the directory, or name another file.",
            _ => "Name a file in a directory that you may write to.",
        }
    }
}

/// A recording that is being written.
#[derive(Debug)]
pub struct RecordingFile {
    file: File,
    path: PathBuf,
    chain: Chain,
}

impl RecordingFile {
    /// Makes a recording. What is there already is left alone.
    ///
    /// # Errors
    /// Whatever the system says; that there is such a file.
    pub fn create(path: &Path) -> Result<Self, FileError> {
        let file = File::options().create_new(true).write(true).mode(0o600).open(path);
        file.and_then(|file| Self::begin(file, path)).map_err(|cause| FileError {
            what: "record to",
            path: path.to_owned(),
            cause,
        })
    }

    /// Makes a recording in a directory, named by the time.
    ///
    /// # Errors
    /// Whatever the system says.
    pub(super) fn create_in(directory: &Path, at: Timestamp) -> Result<Self, FileError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        made.map_err(|cause| FileError { what: "make", path: directory.to_owned(), cause })?;
        let name = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut number = 1;
        loop {
            let turn = if number == 1 { String::new() } else { format!("-{number}") };
            match Self::create(&directory.join(format!("{name}{turn}.recording"))) {
                // Two within a second.
                Err(error) if error.cause.kind() == io::ErrorKind::AlreadyExists => number += 1,
                made => return made,
            }
        }
    }

    fn begin(mut file: File, path: &Path) -> io::Result<Self> {
        file.write_all(head().as_bytes())?;
        Ok(Self::of(file, path))
    }

    /// A recording whose first line is written.
    pub(super) fn of(file: File, path: &Path) -> Self {
        Self { file, path: path.to_owned(), chain: Chain::new(head().as_bytes()) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a frame.
    pub(super) fn write(&mut self, line: &str) -> Result<(), FileError> {
        let sealed = self.chain.seal(line);
        self.told(|file| file.write_all(sealed.as_bytes()))
    }

    /// Writes a frame that was kept in memory.
    pub(super) fn write_packed(&mut self, packed: &Packed) -> Result<(), FileError> {
        let line = packed.line();
        let sealed = line.map(|line| self.chain.seal(&line));
        self.told(|file| file.write_all(sealed?.as_bytes()))
    }

    /// Writes the last line.
    pub(super) fn end(mut self, at: Timestamp) -> Result<PathBuf, FileError> {
        let last = line(at, &[Record::End]).unwrap_or_default();
        self.write(&last)?;
        self.told(|file| file.sync_all())?;
        Ok(self.path)
    }

    fn told(&mut self, work: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), FileError> {
        work(&mut self.file).map_err(|cause| FileError {
            what: "write to",
            path: self.path.clone(),
            cause,
        })
    }
}

/// A frame as a line, without its link.
pub(super) fn line(at: Timestamp, records: &[Record]) -> serde_json::Result<String> {
    Ok(format!("{at} {}", serde_json::to_string(records)?))
}
