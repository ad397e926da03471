//! Reading a recording: its chain is checked whole before anything of it is played.

use super::chain::{Chain, DIGITS};
use super::{MAGIC, Record, VERSION};
use jiff::Timestamp;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The system refused.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is something else.
    #[error("it is no recording of quarterdeck: its first line is not that of one")]
    NotARecording,
    /// Another program wrote it.
    #[error("it is a recording of version {found}, and this program reads version {VERSION}")]
    OtherVersion {
        /// What it says of itself.
        found: String,
    },
    /// Something was changed, lost or put in.
    #[error("line {line} (at byte {byte}) is not as it was written: {why}")]
    Broken {
        /// The line, from 1.
        line: usize,
        /// Where it begins.
        byte: usize,
        /// In what.
        why: &'static str,
    },
    /// It was cut off before anything could be played.
    #[error("it was cut off at byte {byte}, before the first whole picture")]
    Nothing {
        /// Where.
        byte: usize,
    },
}

impl TapeError {
    /// What to do next.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Io(_) => "Name a file that can be read.",
            Self::Empty | Self::NotARecording => {
                "Name a file that `--record`, or the key that keeps the recording, has written."
            }
            Self::OtherVersion { .. } => "Play it with the quarterdeck that wrote it.",
            Self::Broken { .. } => {
                "Find an unchanged copy: what follows that place proves nothing."
            }
            Self::Nothing { .. } => "Find a longer copy.",
        }
    }
}

/// Where a recording stops without having ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The last whole line.
    pub line: usize,
    /// Where it stops.
    pub byte: usize,
    /// The time of the last whole line.
    pub at: Timestamp,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let Self { line, byte, .. } = self;
        write!(f, "The recording is cut off after line {line} (byte {byte}), at {at}.")
    }
}

/// A frame of a tape: when, and what.
pub type Moment = (Timestamp, Vec<Record>);

#[derive(Clone, Debug)]
struct Line {
    at: Timestamp,
    /// The records' bytes.
    bytes: Range<usize>,
    /// Whether a whole model begins here.
    is_start: bool,
}

/// A recording.
#[derive(Debug)]
pub struct Tape {
    bytes: Vec<u8>,
    lines: Vec<Line>,
    cut: Option<Cut>,
}

impl Tape {
    /// Whether a file says of itself that it is a recording, of whatever version.
    pub fn is_one(path: &Path) -> bool {
        let mut first = vec![0; MAGIC.len()];
        let read = std::fs::File::open(path)
            .and_then(|mut file| io::Read::read_exact(&mut file, &mut first));
        read.is_ok() && first == MAGIC.as_bytes()
    }

    /// Reads a recording and checks its chain. One that is cut off is read as far as it goes.
    ///
    /// # Errors
    /// It cannot be played, and why.
    pub fn open(path: &Path) -> Result<Self, TapeError> {
        Self::read(std::fs::read(path)?)
    }

    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, TapeError> {
        let head = head_of(&bytes)?;
        let mut chain = Chain::new(&bytes[..head]);
        let mut lines: Vec<Line> = Vec::new();
        let (mut from, mut is_over) = (head, false);
        while let Some(length) = bytes[from..].iter().position(|byte| *byte == b'\n') {
            let broken = |why| TapeError::Broken { line: lines.len() + 2, byte: from, why };
            if is_over {
                return Err(broken("it stands behind the end"));
            }
            let text = std::str::from_utf8(&bytes[from..from + length])
                .map_err(|_| broken("it is no text"))?;
            let rest = unsealed(text, &mut chain).map_err(broken)?;
            let (at, records) = rest.split_once(' ').ok_or_else(|| broken("it has no time"))?;
            let at = at.parse().map_err(|_| broken("it has no time"))?;
            is_over = records == "[\"end\"]";
            let bytes = from + length - records.len()..from + length;
            let is_start = records.starts_with("[{\"start\"");
            lines.push(Line { at, bytes, is_start });
            from += length + 1;
        }
        let Some(last) = lines.last().filter(|_| lines.iter().any(|line| line.is_start)) else {
            return Err(TapeError::Nothing { byte: from });
        };
        let cut = Cut { line: lines.len() + 1, byte: from, at: last.at };
        let cut = (!is_over || from < bytes.len()).then_some(cut);
        Ok(Self { bytes, lines, cut })
    }

    /// Where it stops, if it has no end.
    pub fn cut(&self) -> Option<Cut> {
        self.cut
    }

    /// From when to when.
    pub fn span(&self) -> (Timestamp, Timestamp) {
        let first = self.lines.iter().find(|line| line.is_start).or(self.lines.first());
        let of = |line: Option<&Line>| line.map_or(Timestamp::UNIX_EPOCH, |line| line.at);
        (of(first), of(self.lines.last()))
    }

    /// The last frame with a whole model at or before a time; the first of all, where none is.
    pub(crate) fn start_before(&self, at: Timestamp) -> usize {
        let starts = self.lines.iter().enumerate().filter(|(_, line)| line.is_start);
        let first = starts.clone().next().map_or(0, |(index, _)| index);
        starts.take_while(|(_, line)| line.at <= at).last().map_or(first, |(index, _)| index)
    }

    /// The last frame with a whole model.
    pub(crate) fn last_start(&self) -> usize {
        self.lines.iter().rposition(|line| line.is_start).unwrap_or_default()
    }

    /// When a frame was written.
    pub(crate) fn time_of(&self, index: usize) -> Option<Timestamp> {
        self.lines.get(index).map(|line| line.at)
    }

    /// A frame.
    ///
    /// # Errors
    /// It was written by a program that knew other things.
    pub(crate) fn frame(&self, index: usize) -> Option<Result<Moment, TapeError>> {
        let line = self.lines.get(index)?;
        let records = serde_json::from_slice(&self.bytes[line.bytes.clone()]);
        Some(records.map(|records| (line.at, records)).map_err(|_| TapeError::Broken {
            line: index + 2,
            byte: line.bytes.start,
            why: "this program knows no such record",
        }))
    }
}

/// The length of the first line, which says that it is a recording and of which version.
fn head_of(bytes: &[u8]) -> Result<usize, TapeError> {
    if bytes.is_empty() {
        return Err(TapeError::Empty);
    }
    let rest = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(TapeError::NotARecording)?;
    let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
        return Err(TapeError::Nothing { byte: bytes.len() });
    };
    let text = String::from_utf8_lossy(&rest[..length]);
    let found = text.split(' ').next().unwrap_or_default();
    if found != VERSION.to_string() {
        let found = found.chars().filter(|c| c.is_ascii_graphic()).take(20).collect();
        return Err(TapeError::OtherVersion { found });
    }
    Ok(MAGIC.len() + length + 1)
}

/// What a line says, if it is the one that its link says.
fn unsealed<'t>(text: &'t str, chain: &mut Chain) -> Result<&'t str, &'static str> {
    let (link, rest) = text.split_at_checked(DIGITS).ok_or("it is too short")?;
    let rest = rest.strip_prefix(' ').ok_or("it has no link to the line before")?;
    match chain.next(rest.as_bytes()) == link {
        true => Ok(rest),
        false => Err("it, or a line before it, was changed, lost or put in"),
    }
}
