//! What stands between head and status: a table or a listing, and under it panes about what is
//! selected, one under the other or side by side.
//!
//! ```text
//! ─ Fleets 2 ───────────────────────────────    the main part
//! ▶ blue-412  …
//! ─ blue-412 ──────────┬─ What changed ─────    panes
//!  ! 5 nodes: …        │ 14:02:11 loki …
//! ```

use super::listing::Listing;
use super::table::Table;
use super::{Span, Text, draw, draw_text};
use crate::tui::theme::{Theme, Tone};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// What stands between head and status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Rows, and details of what is selected in them.
    Screen(Main, Panes),
    /// Nothing but text.
    Text(Text),
}

/// The rows of a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Main {
    /// A line a row, in columns.
    Table(Table),
    /// As many lines a row as it needs.
    Listing(Listing),
}

/// What stands under the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Panes {
    /// Nothing: the rows have all the room.
    #[default]
    None,
    /// One.
    One(Text),
    /// Two, of which the first takes so many rows, its rule included.
    Stacked(Text, u16, Text),
    /// Two, of which the first takes so many columns.
    Beside(Text, u16, Text),
}

impl Main {
    fn height(&self) -> u16 {
        match self {
            Self::Table(table) => table.height(),
            Self::Listing(listing) => listing.height,
        }
    }

    /// Whether this is the same page with another row selected.
    pub(super) fn is_moved_from(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Table(table), Self::Table(before)) => table.is_moved_from(before),
            (Self::Listing(listing), Self::Listing(before)) => listing.is_moved_from(before),
            _ => false,
        }
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer, theme: Theme) {
        match self {
            Self::Table(table) => table.draw(area, buffer, theme),
            Self::Listing(listing) => listing.draw(area, buffer, theme),
        }
    }
}

impl From<Option<Text>> for Panes {
    fn from(text: Option<Text>) -> Self {
        text.map_or(Self::None, Self::One)
    }
}

impl Panes {
    fn draw(&self, area: Rect, buffer: &mut Buffer, theme: Theme) {
        match self {
            Self::None => {}
            Self::One(text) => draw_text(buffer, area, text, theme),
            Self::Stacked(first, rows, second) => {
                let rows = (*rows).min(area.height);
                draw_text(buffer, Rect { height: rows, ..area }, first, theme);
                let below = Rect { y: area.y + rows, height: area.height - rows, ..area };
                draw_text(buffer, below, second, theme);
            }
            Self::Beside(first, columns, second) => {
                let columns = (*columns).min(area.width.saturating_sub(1));
                draw_text(buffer, Rect { width: columns, ..area }, first, theme);
                for y in area.y..area.bottom() {
                    let piece = theme.divider(y == area.y);
                    draw(buffer, (area.x + columns, y), &[Span::new(piece, Tone::Dim)], 1, theme);
                }
                let x = area.x + columns + 1;
                draw_text(buffer, Rect { x, width: area.right() - x, ..area }, second, theme);
            }
        }
    }
}

impl Body {
    /// The title of its topmost rule.
    pub(super) fn title_mut(&mut self) -> &mut String {
        match self {
            Self::Screen(Main::Table(table), _) => &mut table.title,
            Self::Screen(Main::Listing(listing), _) => &mut listing.title,
            Self::Text(text) => &mut text.title,
        }
    }

    /// Draws it.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer, theme: Theme) {
        match self {
            Self::Text(text) => draw_text(buffer, area, text, theme),
            Self::Screen(main, panes) => {
                let height = match panes {
                    Panes::None => area.height,
                    _ => main.height().min(area.height),
                };
                main.draw(Rect { height, ..area }, buffer, theme);
                let below = Rect { y: area.y + height, height: area.height - height, ..area };
                if !below.is_empty() {
                    panes.draw(below, buffer, theme);
                }
            }
        }
    }
}
