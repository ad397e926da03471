//! The latest of what happened, in bounded memory. It is kept in parts, each beginning with a whole
//! model, and the oldest part goes first: whatever is left can be played.

use super::packed::Packed;
use jiff::Timestamp;
use std::collections::VecDeque;

/// The frames of a part, oldest first, and what they take.
#[derive(Debug, Default)]
struct Part {
    from: Option<Timestamp>,
    lines: Vec<Packed>,
    bytes: usize,
}

/// The parts, oldest first.
#[derive(Debug)]
pub(super) struct Ring {
    parts: VecDeque<Part>,
    bytes: usize,
    most: usize,
    /// Whether even a model alone takes more than that: then no other is asked for.
    too_big: bool,
}

impl Ring {
    /// A ring of at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { parts: VecDeque::new(), bytes: 0, most, too_big: false }
    }

    /// Begins a part with the frame of a whole model.
    pub(super) fn begin(&mut self, at: Timestamp, line: Packed) {
        self.too_big = line.len() > self.most;
        self.parts.push_back(Part { from: Some(at), ..Part::default() });
        self.push(line);
    }

    /// Adds a frame to the latest part. Without one there is nothing that it could follow.
    pub(super) fn push(&mut self, line: Packed) {
        let Some(last) = self.parts.back_mut() else { return };
        last.bytes += line.len();
        self.bytes += line.len();
        last.lines.push(line);
        while self.bytes > self.most
            && let Some(gone) = self.parts.pop_front()
        {
            self.bytes -= gone.bytes;
        }
    }

    /// Whether the latest part is so long that another should begin: an eighth of everything, and
    /// as much again as the model that began it.
    pub(super) fn wants_part(&self) -> bool {
        !self.too_big
            && self.parts.back().is_none_or(|last| {
                let model = last.lines.first().map_or(0, Packed::len);
                last.bytes > (self.most / 8).max(model * 2)
            })
    }

    /// When what is kept begins, and its frames.
    pub(super) fn kept(&self) -> Option<(Timestamp, impl Iterator<Item = &Packed>)> {
        let from = self.parts.front()?.from?;
        Some((from, self.parts.iter().flat_map(|part| &part.lines)))
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
