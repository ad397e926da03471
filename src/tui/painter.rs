//! From one frame to the next in as few bytes as the change needs. ratatui's `Terminal::draw`
//! writes 25 bytes for an unchanged frame; here nothing changed means nothing written.

use super::encoder::Encoder;
use crate::app::Size;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Begin and end of a synchronized update (DEC private mode 2026): the terminal shows the frame
/// whole or not at all. Terminals that do not know it ignore it.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// What is on the screen, and what will be.
#[derive(Debug, Default)]
pub(super) struct Painter {
    shown: Buffer,
    next: Buffer,
    encoder: Encoder,
    /// Whether something else may have written on the screen.
    unsure: bool,
}

impl Painter {
    /// A painter that knows nothing of the screen.
    pub(super) fn new() -> Self {
        Self { unsure: true, ..Self::default() }
    }

    /// Forgets what is on the screen.
    pub(super) fn forget(&mut self) {
        self.unsure = true;
    }

    /// Composes a frame and returns the bytes that bring the screen to it; none when it is there.
    pub(super) fn compose(&mut self, size: Size, draw: impl FnOnce(&mut Buffer)) -> Vec<u8> {
        let area = Rect::new(0, 0, size.columns, size.rows);
        self.next.resize(area);
        self.next.reset();
        draw(&mut self.next);
        if self.unsure || self.shown.area != area {
            self.shown.resize(area);
            self.shown.reset();
            self.encoder.clear();
        }
        self.encoder.change(&self.shown, &self.next);
        std::mem::swap(&mut self.shown, &mut self.next);
        self.unsure = false;
        let change = self.encoder.take();
        if change.is_empty() { Vec::new() } else { [BEGIN, &change, END].concat().into_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    const SIZE: Size = Size { columns: 20, rows: 5 };

    fn frame(painter: &mut Painter, text: &str) -> Vec<u8> {
        let draw = |buffer: &mut Buffer| {
            buffer.set_string(0, 0, text, Style::new());
        };
        painter.compose(SIZE, draw)
    }

    #[test]
    fn nothing_changed_nothing_written() {
        let mut painter = Painter::new();
        assert!(frame(&mut painter, "one").starts_with(b"\x1b[?2026h\x1b[m\x1b[2J"));
        assert_eq!(frame(&mut painter, "one"), b"");
        let change = frame(&mut painter, "two");
        assert!(change.starts_with(BEGIN.as_bytes()) && change.ends_with(END.as_bytes()));
        assert!(!change.windows(4).any(|four| four == b"\x1b[2J"));
    }

    #[test]
    fn an_empty_first_frame_still_clears_the_screen() {
        assert!(!frame(&mut Painter::new(), "").is_empty());
    }

    #[test]
    fn a_screen_others_wrote_on_is_painted_whole() {
        let mut painter = Painter::new();
        let first = frame(&mut painter, "one");
        painter.forget();
        assert_eq!(frame(&mut painter, "one"), first);
    }

    #[test]
    fn the_bytes_lead_to_the_frame() {
        let mut painter = Painter::new();
        let mut screen = vt100::Parser::new(5.try_into().unwrap(), 20.try_into().unwrap(), 0);
        for text in ["◆ LIVE", "◇ STANDBY", "é 日本 x", ""] {
            screen.process(&frame(&mut painter, text));
            assert_eq!(screen.screen().contents().trim_end(), text);
        }
    }
}
