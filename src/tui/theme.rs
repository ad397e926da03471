//! Tones to styles, and the shapes that carry meaning. Words and shapes come first: every tone can
//! be missed without missing the meaning.

mod choose;
mod palette;

pub use choose::ThemeMistake;
pub(super) use choose::Themes;
pub(super) use palette::Palette;

use crate::app::Place;
use crate::config::Frame;
use crate::core::estate::Role;
use crate::core::finding::Severity;
use ratatui::style::{Color, Modifier, Style};

/// What a piece of text is, as far as its looks go.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumCount,
    strum::EnumIter,
    strum::EnumString,
)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum Tone {
    /// Text.
    #[default]
    Plain,
    /// Rules, column heads, what is there to be found when looked for.
    Dim,
    /// What the eye should land on.
    Strong,
    /// The head of the screen.
    Title,
    /// The selected row's name.
    Selected,
    /// Good to know.
    Info,
    /// Something disagrees.
    Warn,
    /// Traffic is lost or about to be.
    Bad,
    /// Not known.
    Unknown,
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warn,
            Severity::Critical => Self::Bad,
        }
    }
}

/// How tones and shapes are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Theme {
    /// Whether colours may be used.
    pub color: bool,
    /// Whether to keep to ASCII.
    pub ascii: bool,
    /// Whether this is production: its rules are double, so that it never looks like another.
    pub production: bool,
    /// The colour of the context's frame.
    pub frame: Option<Color>,
    /// How tones are styled.
    pub palette: Palette,
}

impl Theme {
    /// A theme of sixteen colours, for tests: whether there are colours, only ASCII, production.
    #[cfg(test)]
    pub(super) const fn of(color: bool, ascii: bool, production: bool) -> Self {
        Self { color, ascii, production, frame: None, palette: Palette::sixteen() }
    }

    /// The style of a tone.
    pub(super) fn style(self, tone: Tone) -> Style {
        match self.color {
            true => self.palette.style(tone),
            false => self.palette.without_colors().style(tone),
        }
    }

    /// The same for a place: production is a shape, the frame's colour is only beside it.
    pub(super) fn of_place(self, place: &Place) -> Self {
        let frame = place.frame.filter(|_| self.color && self.palette.has_color());
        let color = |frame| match frame {
            Frame::Red => Color::Red,
            Frame::Green => Color::Green,
            Frame::Yellow => Color::Yellow,
            Frame::Blue => Color::Blue,
            Frame::Magenta => Color::Magenta,
            Frame::Cyan => Color::Cyan,
        };
        Self { production: place.production, frame: frame.map(color), ..self }
    }

    /// The style of rules and of the program's name: of the context's colour, where it has one.
    pub(super) fn frame(self, tone: Tone) -> Style {
        let style = self.style(tone);
        match self.frame {
            Some(color) => style.remove_modifier(Modifier::DIM).fg(color),
            None => style,
        }
    }

    /// Whether shapes keep to ASCII.
    pub(super) fn is_ascii(self) -> bool {
        self.ascii
    }

    fn pick(self, shape: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { shape }
    }

    /// The shape of a role.
    pub(super) fn role(self, role: Role) -> &'static str {
        match role {
            Role::Live => self.pick("◆", "*"),
            Role::Shifting => self.pick("◈", "%"),
            Role::Standby => self.pick("◇", "o"),
            Role::Idle => self.pick("·", "."),
            Role::Unknown => "?",
        }
    }

    /// The shape of a severity.
    pub(super) fn severity(self, severity: Severity) -> &'static str {
        match severity {
            Severity::Info => "i",
            Severity::Warning => "!",
            Severity::Critical => self.pick("‼", "X"),
        }
    }

    /// The mark of the selected row.
    pub(super) fn marker(self) -> &'static str {
        self.pick("▶", ">")
    }

    /// Nothing there, and nothing missing.
    pub(super) fn nothing(self) -> &'static str {
        self.pick("–", "-")
    }

    /// What stands for cut-off text.
    pub(super) fn ellipsis(self) -> &'static str {
        self.pick("…", "~")
    }

    /// A horizontal rule's piece.
    pub(super) fn rule(self) -> &'static str {
        if self.production { self.pick("═", "=") } else { self.pick("─", "-") }
    }

    /// What leads to the next step.
    pub(super) fn arrow(self) -> &'static str {
        self.pick("→", "->")
    }

    /// What stands between the screens on the way here.
    pub(super) fn crumb(self) -> &'static str {
        self.pick(" › ", " > ")
    }

    /// The direction of a sort.
    pub(super) fn direction(self, descending: bool) -> &'static str {
        if descending { self.pick("▼", "v") } else { self.pick("▲", "^") }
    }

    /// Where a tree branches, for the last time or not.
    pub(super) fn branch(self, last: bool) -> &'static str {
        if last { self.pick("└─", "`-") } else { self.pick("├─", "|-") }
    }

    /// What leads past a branch to the next, if there is one.
    pub(super) fn trunk(self, last: bool) -> &'static str {
        if last { "  " } else { self.pick("│ ", "| ") }
    }

    /// What leads from a target group to the fleet behind it.
    pub(super) fn sends(self) -> &'static str {
        self.pick("──▶", "-->")
    }

    /// What stands between two panes, in their rule or under it.
    pub(super) fn divider(self, in_rule: bool) -> &'static str {
        match (in_rule, self.production) {
            (true, true) => self.pick("╤", "+"),
            (true, false) => self.pick("┬", "+"),
            (false, _) => self.pick("│", "|"),
        }
    }

    /// A bar of one cell, as high as `value` is of `most`. The lowest is still a bar: only what is
    /// not known is none.
    pub(super) fn spark(self, value: f64, most: f64) -> &'static str {
        const SHAPES: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
        const ASCII: [&str; 8] = ["_", ".", "-", "=", "+", "*", "%", "#"];
        let shapes = if self.ascii { ASCII } else { SHAPES };
        let part = if most > 0.0 { value / most } else { 0.0 };
        let level = (1u8..8).filter(|level| part * 8.0 > f64::from(*level)).count();
        shapes[level.min(shapes.len() - 1)]
    }

    /// A bar so many cells wide, filled to `share` (0 to 1). More than nothing is never drawn as
    /// nothing, and less than all never as all.
    pub(super) fn bar(self, share: f64, width: usize) -> String {
        let full = share * f64::from(u16::try_from(width).unwrap_or(u16::MAX));
        let mut filled = (1..=width)
            .filter(|cell| f64::from(u16::try_from(*cell).unwrap_or(u16::MAX)) <= full + 0.5)
            .count();
        if share > 0.0 {
            filled = filled.max(1);
        }
        if share < 1.0 {
            filled = filled.min(width.saturating_sub(1));
        }
        let empty = width.saturating_sub(filled);
        format!("{}{}", self.pick("█", "#").repeat(filled), self.pick("░", ".").repeat(empty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_never_rounded_to_nothing_or_all() {
        let theme = Theme::of(false, true, false);
        for (share, bar) in
            [(0.0, "...."), (0.01, "#..."), (0.5, "##.."), (0.99, "###."), (1.0, "####")]
        {
            assert_eq!(theme.bar(share, 4), bar, "{share}");
        }
    }

    #[test]
    fn without_colour_no_tone_has_one() {
        let theme = Theme::of(false, false, false);
        for tone in [Tone::Info, Tone::Warn, Tone::Bad, Tone::Unknown, Tone::Selected] {
            let style = theme.style(tone);
            assert_eq!((style.fg, style.bg), (None, None), "{tone:?}");
        }
    }
}
