//! A frame as it is kept in memory. The same words come again and again in them, so that a tenth of
//! the room is enough; and a whole model of 10,000 nodes never stands there as one text.

use super::Record;
use jiff::Timestamp;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
use std::io::{self, Read as _, Write};

/// A line of a recording, without its link, packed.
#[derive(Debug)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// Packs a frame as it is made.
    pub(super) fn of(at: Timestamp, records: &[Record]) -> io::Result<Self> {
        Self::made(|into| {
            write!(into, "{at} ")?;
            Ok(serde_json::to_writer(into, records)?)
        })
    }

    /// Packs a frame that has been made.
    pub(super) fn of_line(line: &str) -> io::Result<Self> {
        Self::made(|into| into.write_all(line.as_bytes()))
    }

    fn made(write: impl FnOnce(&mut FrameEncoder<Vec<u8>>) -> io::Result<()>) -> io::Result<Self> {
        let layout = FrameInfo::new().block_size(BlockSize::Max256KB).block_mode(BlockMode::Linked);
        let mut into = FrameEncoder::with_frame_info(layout, Vec::new());
        write(&mut into)?;
        Ok(Self(into.finish()?.into_boxed_slice()))
    }

    /// The line.
    pub(super) fn line(&self) -> io::Result<String> {
        let mut line = String::new();
        FrameDecoder::new(&*self.0).read_to_string(&mut line)?;
        Ok(line)
    }

    /// How much room it takes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
