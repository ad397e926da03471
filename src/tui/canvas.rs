//! A screen without a terminal: from the model to the bytes that bring the screen to it. The
//! terminal's surface paints with it, and what frames cost is measured on it.

use super::painter::Painter;
use super::theme::Themes;
use super::view::{self, Frame};
use crate::app::Model;
use crate::config::Settings;
use crate::engine::console::{Operator, Painted};
use ratatui::buffer::{Buffer, CellWidth};
use ratatui::widgets::Widget;

/// What stands on a screen, and how to go on from there.
#[derive(Debug)]
pub struct Canvas {
    painter: Painter,
    themes: Themes,
    /// The frame on the screen.
    shown: Option<Frame>,
}

impl Canvas {
    /// An empty screen, painted as the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self::with(Themes::load(settings).0)
    }

    /// An empty screen with these themes to choose from.
    pub(super) fn with(themes: Themes) -> Self {
        Self { painter: Painter::new(), themes, shown: None }
    }

    /// Goes on to what the model says now. No bytes when nothing changed.
    pub fn compose(&mut self, model: &Model, operator: Operator) -> (Vec<u8>, Painted) {
        let theme = self.themes.theme(&model.looks.theme).of_place(&model.place);
        let mut frame = view::frame(model, theme);
        let shown = self.shown.take().filter(|_| operator == Operator::Moving);
        let held_back = shown.is_some_and(|shown| frame.hold_back(shown));
        let bytes = self.painter.compose(model.size, |buffer| {
            let area = buffer.area;
            (&frame).render(area, buffer);
            if theme.is_ascii() {
                keep_to_ascii(buffer);
            }
        });
        self.shown = Some(frame);
        (bytes, if held_back { Painted::InPart } else { Painted::Whole })
    }

    /// Forgets what is on the screen, so that the next frame is a whole one.
    pub fn forget(&mut self) {
        self.painter.forget();
        self.shown = None;
    }
}

/// Our own shapes have ASCII ones beside them; names from outside may be in any script, and of those
/// a terminal that knows ASCII alone would make garbage.
fn keep_to_ascii(buffer: &mut Buffer) {
    for place in 0..buffer.content.len() {
        let cell = &buffer.content[place];
        if cell.symbol().is_ascii() {
            continue;
        }
        let (style, width) = (cell.style(), usize::from(cell.cell_width()));
        let end = (place + width).min(buffer.content.len());
        for covered in &mut buffer.content[place..end] {
            covered.set_symbol("?").set_style(style);
        }
    }
}
