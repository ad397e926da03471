//! How each tone is styled: the palettes that come with the program. A tone is told by words and
//! shapes first, so a palette may leave out any colour.

use super::Tone;
use ratatui::style::{Color, Modifier, Style};
use strum::{EnumCount, IntoEnumIterator};

/// A style for each tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tui) struct Palette([Style; Tone::COUNT]);

/// The palettes that come with the program, by their names.
pub(super) fn shipped() -> [(&'static str, Palette); 4] {
    [
        ("default", Palette::sixteen()),
        ("greyscale", Palette::greyscale()),
        ("high-contrast", Palette::high_contrast()),
        ("true-colour", Palette::true_colour()),
    ]
}

impl Palette {
    /// The terminal's own sixteen colours, of which only a few are used, so that the operator's own
    /// settings rule.
    pub(in crate::tui) const fn sixteen() -> Self {
        Self::attributes()
            .with(Tone::Info, Style::new().fg(Color::Cyan))
            .with(Tone::Warn, Style::new().fg(Color::Yellow))
            .with(Tone::Bad, Style::new().fg(Color::Red).add_modifier(Modifier::BOLD))
            .with(Tone::Unknown, Style::new().fg(Color::Magenta))
    }

    /// No colour at all, for a shared screen or a bad projector: weight, and lines under words.
    const fn greyscale() -> Self {
        let bad = Modifier::BOLD.union(Modifier::UNDERLINED);
        Self::attributes()
            .with(Tone::Warn, Style::new().add_modifier(Modifier::BOLD))
            .with(Tone::Bad, Style::new().add_modifier(bad))
            .with(Tone::Unknown, Style::new().add_modifier(Modifier::UNDERLINED))
    }

    /// Nothing is dim, and what disagrees stands on a ground of its own: both colours are given, so
    /// that it is read whatever the terminal's ground is.
    const fn high_contrast() -> Self {
        let reversed = Style::new().add_modifier(Modifier::BOLD.union(Modifier::REVERSED));
        let bold = Style::new().add_modifier(Modifier::BOLD);
        Self::attributes()
            .with(Tone::Dim, Style::new())
            .with(Tone::Title, reversed)
            .with(Tone::Selected, reversed)
            .with(Tone::Info, bold.fg(Color::Black).bg(Color::LightCyan))
            .with(Tone::Warn, bold.fg(Color::Black).bg(Color::LightYellow))
            .with(Tone::Bad, bold.fg(Color::White).bg(Color::Red))
            .with(Tone::Unknown, bold.fg(Color::Black).bg(Color::LightMagenta))
    }

    /// Colours of our own choice, each readable on black and on white (a test measures it).
    const fn true_colour() -> Self {
        let bad = Style::new().fg(Color::Rgb(0xdc, 0x3c, 0x32));
        Self::attributes()
            .with(Tone::Info, Style::new().fg(Color::Rgb(0x1f, 0x8f, 0xa6)))
            .with(Tone::Warn, Style::new().fg(Color::Rgb(0xb0, 0x7a, 0x00)))
            .with(Tone::Bad, bad.add_modifier(Modifier::BOLD))
            .with(Tone::Unknown, Style::new().fg(Color::Rgb(0xb0, 0x50, 0xc8)))
    }

    /// What all of them have in common: attributes alone.
    const fn attributes() -> Self {
        Self([Style::new(); Tone::COUNT])
            .with(Tone::Dim, Style::new().add_modifier(Modifier::DIM))
            .with(Tone::Strong, Style::new().add_modifier(Modifier::BOLD))
            .with(Tone::Title, Style::new().add_modifier(Modifier::REVERSED))
            .with(Tone::Selected, Style::new().add_modifier(Modifier::REVERSED))
    }

    /// Whether any tone has a colour: a context's frame has none where nothing else has.
    pub(in crate::tui) fn has_color(&self) -> bool {
        self.0.iter().any(|style| style.fg.is_some() || style.bg.is_some())
    }

    /// The same with another style for a tone.
    pub(super) const fn with(mut self, tone: Tone, style: Style) -> Self {
        self.0[tone as usize] = style;
        self
    }

    /// The style of a tone.
    pub(super) fn style(&self, tone: Tone) -> Style {
        // The array has a place for each tone.
        self.0[tone as usize]
    }

    /// The same without colours.
    pub(in crate::tui) fn without_colors(mut self) -> Self {
        for style in &mut self.0 {
            (style.fg, style.bg) = (None, None);
        }
        self
    }

    /// The same for a terminal that knows sixteen colours: of each colour, the nearest.
    pub(super) fn in_sixteen(mut self) -> Self {
        for style in &mut self.0 {
            style.fg = style.fg.map(nearest);
            style.bg = style.bg.map(nearest);
        }
        self
    }

    /// Whether any tone has a colour of 24 bits.
    pub(super) fn has_true_color(&self) -> bool {
        let is_rgb = |color: Option<Color>| matches!(color, Some(Color::Rgb(..)));
        Tone::iter().map(|tone| self.style(tone)).any(|it| is_rgb(it.fg) || is_rgb(it.bg))
    }
}

/// The sixteen colours as xterm has them (XTerm-col.ad).
const SIXTEEN: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// Below this spread between its strongest and weakest part a colour is a grey.
const GREY: u8 = 32;

/// The nearest of the sixteen. A colour stays a colour: the nearest grey would tell nothing.
fn nearest(color: Color) -> Color {
    let Color::Rgb(red, green, blue) = color else { return color };
    let own = [red, green, blue];
    let spread = |rgb: [u8; 3]| {
        rgb.iter().max().unwrap_or(&0).saturating_sub(*rgb.iter().min().unwrap_or(&0))
    };
    let is_grey = spread(own) < GREY;
    let distance = |rgb: [u8; 3]| -> u32 {
        own.iter().zip(rgb).map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
    };
    let like = SIXTEEN.iter().filter(|(_, rgb)| (spread(*rgb) < GREY) == is_grey);
    like.min_by_key(|(_, rgb)| distance(*rgb)).map_or(Color::Reset, |(color, _)| *color)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of WCAG 2.
    fn luminance(rgb: [u8; 3]) -> f64 {
        let part = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(rgb[0]) + 0.7152 * part(rgb[1]) + 0.0722 * part(rgb[2])
    }

    fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn true_colours_are_readable_on_black_and_on_white() {
        let palette = Palette::true_colour();
        let mut seen = 0;
        for tone in Tone::iter() {
            let Some(Color::Rgb(red, green, blue)) = palette.style(tone).fg else { continue };
            seen += 1;
            for ground in [[0; 3], [255; 3]] {
                let contrast = contrast([red, green, blue], ground);
                // WCAG 2 wants 3 of large text and of signs; the words beside them say the same.
                assert!(contrast >= 3.0, "{tone:?} on {ground:?}: {contrast:.2}");
            }
        }
        assert_eq!(seen, 4);
    }

    #[test]
    fn high_contrast_dims_nothing_and_grounds_what_disagrees() {
        let palette = Palette::high_contrast();
        for tone in Tone::iter() {
            let style = palette.style(tone);
            assert!(!style.add_modifier.contains(Modifier::DIM), "{tone:?}");
            assert_eq!(style.fg.is_some(), style.bg.is_some(), "{tone:?}");
            let (Some(letters), Some(ground)) = (style.fg, style.bg) else { continue };
            let rgb = |color| SIXTEEN.iter().find(|(one, _)| *one == color).unwrap().1;
            let contrast = contrast(rgb(letters), rgb(ground));
            // WCAG 2, enhanced: 7 of text, 4.5 of large text, which bold is.
            assert!(contrast >= 4.5, "{tone:?}: {contrast:.2}");
        }
    }

    #[test]
    fn greyscale_has_no_colour_and_tells_the_tones_apart() {
        let palette = Palette::greyscale();
        assert_eq!(palette, palette.without_colors());
        let style = |tone| palette.style(tone);
        assert_ne!(style(Tone::Warn), style(Tone::Bad));
        assert_ne!(style(Tone::Warn), style(Tone::Plain));
        assert_ne!(style(Tone::Bad), style(Tone::Strong));
        assert_ne!(style(Tone::Unknown), style(Tone::Plain));
    }

    #[test]
    fn on_sixteen_colours_true_ones_become_what_the_default_has() {
        let (near, default) = (Palette::true_colour().in_sixteen(), Palette::sixteen());
        assert!(!near.has_true_color());
        for tone in Tone::iter() {
            assert_eq!(near.style(tone), default.style(tone), "{tone:?}");
        }
        assert_eq!(nearest(Color::Rgb(120, 125, 122)), Color::DarkGray);
        assert_eq!(nearest(Color::Indexed(208)), Color::Indexed(208));
    }
}
