//! Where a command writes: stdout and stderr, or a test's buffers. A reader that went away
//! (`| head`) ends the writing quietly.

use std::io::{self, Write};

/// The two streams of a command.
pub struct Streams<'a> {
    /// What was asked for.
    pub out: &'a mut dyn Write,
    /// What went wrong, and what the operator should know beside it.
    pub err: &'a mut dyn Write,
}

/// Whether anybody still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Reader {
    /// The text was taken.
    Listens,
    /// The other end of the pipe is closed.
    Left,
}

impl Streams<'_> {
    /// Writes to stdout and flushes it.
    ///
    /// # Errors
    /// Whatever the system says, a closed pipe apart.
    pub(super) fn print(&mut self, text: &str) -> io::Result<Reader> {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Ok(()) => Ok(Reader::Listens),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Left),
            Err(error) => Err(error),
        }
    }

    /// Writes to stderr. When even that fails there is nobody left to tell.
    pub(super) fn say(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }
}
