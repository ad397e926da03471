//! The themes to choose from: those that come with the program, and an operator's own, which is laid
//! over one of them tone by tone. A mistake costs the tone it stands in, never the console.

use super::palette::{Palette, shipped};
use super::{Theme, Tone};
use crate::config::{Settings, nearest};
use crate::tui::keymaps::line_of;
use ratatui::style::{Color, Modifier, Style};
use std::collections::BTreeMap;
use std::path::Path;
use strum::IntoEnumIterator;
use toml::de::{DeTable, DeValue};

/// What the operator's own theme is called.
const OWN: &str = "own";
/// What is used where nothing else is, or can be.
const DEFAULT: &str = "default";

/// Words for what American English spells otherwise.
const ALSO: [(&str, &str); 3] =
    [("grayscale", "greyscale"), ("true-color", "true-colour"), ("truecolor", "true-colour")];

/// All themes, and the one to start with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tui) struct Themes {
    all: BTreeMap<String, Palette>,
    chosen: String,
    base: Theme,
}

/// A mistake in a theme, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeMistake {
    /// No theme of this name comes with the program.
    #[error("There is no theme {0:?}{1}; there is {2}. The default holds.")]
    Unknown(String, String, String),
    /// The file cannot be read.
    #[error("The theme {0} cannot be read ({1}).")]
    Unreadable(String, String),
    /// It is no TOML.
    #[error("{0}: the theme is left out: it is no TOML: {1}.")]
    Syntax(String, String),
    /// No tone is called so.
    #[error("{0}: there is no tone {1:?}{2}; there is {3}.")]
    UnknownTone(String, String, String, String),
    /// The style cannot be understood.
    #[error("{0}: {1} keeps its style: {2}.")]
    BadStyle(String, String, String),
    /// The terminal does not know the colours.
    #[error(
        "This terminal does not say that it knows 24 bits of colour (COLORTERM=truecolor), so the nearest of its 16 are used."
    )]
    FewColors,
}

impl Themes {
    /// What the settings choose, and what is wrong with the choice.
    pub(in crate::tui) fn load(settings: &Settings) -> (Self, Vec<ThemeMistake>) {
        let mut mistakes = Vec::new();
        let mut all: BTreeMap<String, Palette> =
            shipped().into_iter().map(|(name, palette)| (name.to_owned(), palette)).collect();
        let name = settings.theme.name.as_str();
        let name = ALSO.iter().find(|(word, _)| *word == name).map_or(name, |(_, own)| *own);
        let mut chosen = name.to_owned();
        if !all.contains_key(&chosen) {
            let known: Vec<String> = all.keys().cloned().collect();
            let (near, known) = (meant(name, &known), known.join(", "));
            mistakes.push(ThemeMistake::Unknown(chosen, near, known));
            chosen = DEFAULT.to_owned();
        }
        if let (Some(path), Some(base)) = (&settings.theme.file, all.get(&chosen)) {
            all.insert(OWN.to_owned(), own(path, *base, &mut mistakes));
            chosen = OWN.to_owned();
        }
        let coarse = all.get(&chosen).is_some_and(Palette::has_true_color);
        if coarse && settings.color && !settings.true_color {
            mistakes.push(ThemeMistake::FewColors);
        }
        if !settings.true_color {
            all.values_mut().for_each(|palette| *palette = palette.in_sixteen());
        }
        let base = Theme {
            color: settings.color,
            ascii: settings.ascii,
            production: settings.production,
            frame: None,
            palette: Palette::sixteen(),
        };
        (Self { all, chosen, base }, mistakes)
    }

    /// The names of all themes.
    pub(in crate::tui) fn names(&self) -> Vec<String> {
        self.all.keys().cloned().collect()
    }

    /// The name of the one to start with.
    pub(in crate::tui) fn chosen(&self) -> &str {
        &self.chosen
    }

    /// The theme of this name; the one to start with where there is none.
    pub(in crate::tui) fn theme(&self, name: &str) -> Theme {
        let palette = self.all.get(name).or_else(|| self.all.get(&self.chosen));
        Theme { palette: palette.copied().unwrap_or(self.base.palette), ..self.base }
    }
}

fn meant(word: &str, known: &[String]) -> String {
    nearest(word, known).map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default()
}

/// The operator's own file over a palette.
fn own(path: &Path, base: Palette, mistakes: &mut Vec<ThemeMistake>) -> Palette {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => read(&name, &text, base, mistakes),
        Err(error) => {
            mistakes.push(ThemeMistake::Unreadable(name, error.to_string()));
            base
        }
    }
}

fn read(name: &str, text: &str, base: Palette, mistakes: &mut Vec<ThemeMistake>) -> Palette {
    let mut palette = base;
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let what = error.message().lines().collect::<Vec<_>>().join(" ");
            mistakes.push(ThemeMistake::Syntax(format!("{name}:{line}"), what));
            return base;
        }
    };
    for (key, value) in document.get_ref() {
        let place = format!("{name}:{}", line_of(text, key.span().start));
        let word = key.get_ref().to_string();
        let Ok(tone) = word.parse::<Tone>() else {
            let known: Vec<String> = Tone::iter().map(|tone| tone.to_string()).collect();
            let (near, known) = (meant(&word, &known), known.join(", "));
            mistakes.push(ThemeMistake::UnknownTone(place, word, near, known));
            continue;
        };
        let styled = match value.get_ref() {
            DeValue::String(words) => style(words),
            _ => Err("a style is a text, like \"bold red\" or \"#102030 on white\"".to_owned()),
        };
        match styled {
            Ok(style) => palette = palette.with(tone, style),
            Err(what) => mistakes.push(ThemeMistake::BadStyle(place, word, what)),
        }
    }
    palette
}

/// The colours by their names; `default` is the terminal's own.
const COLORS: [(&str, Color); 19] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("grey", Color::Gray),
    ("gray", Color::Gray),
    ("dark-grey", Color::DarkGray),
    ("dark-gray", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("white", Color::White),
];

const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

/// A style from its words: modifiers and a colour, and a ground after `on`.
fn style(words: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut ground = false;
    for word in words.split_whitespace() {
        let modifier = MODIFIERS.iter().find(|(name, _)| *name == word);
        match (modifier, word) {
            (_, "plain") => {}
            (_, "on") => ground = true,
            (Some((_, modifier)), _) => style = style.add_modifier(*modifier),
            (None, _) => {
                let color = color(word)?;
                let place = if ground { &mut style.bg } else { &mut style.fg };
                if place.replace(color).is_some() {
                    return Err(format!(
                        "{word:?} is a second colour; a ground stands behind `on`"
                    ));
                }
            }
        }
    }
    match ground && style.bg.is_none() {
        true => Err("no colour stands behind `on`".to_owned()),
        false => Ok(style),
    }
}

fn color(word: &str) -> Result<Color, String> {
    if let Some((_, color)) = COLORS.iter().find(|(name, _)| *name == word) {
        return Ok(*color);
    }
    if let Some(digits) = word.strip_prefix('#') {
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6);
        let number = number.ok_or_else(|| format!("{word:?} is no colour; write #rrggbb"))?;
        let [_, red, green, blue] = number.to_be_bytes();
        return Ok(Color::Rgb(red, green, blue));
    }
    let names = COLORS.iter().map(|(name, _)| *name).chain(MODIFIERS.iter().map(|(name, _)| *name));
    let known: Vec<String> = names.map(str::to_owned).collect();
    let meant = meant(word, &known);
    Err(format!(
        "{word:?} is no colour and no attribute{meant}; there is {}, #rrggbb",
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, load};

    fn settings(theme: &str, colorterm: &str, no_color: &str) -> Settings {
        let env: Environment =
            [("HOME", "/nonexistent"), ("COLORTERM", colorterm), ("NO_COLOR", no_color)]
                .into_iter()
                .collect();
        load(&env, &Flags { theme: Some(theme.to_owned()), ..Flags::default() }).unwrap()
    }

    fn told(theme: &str, text: &str) -> (Palette, Vec<String>) {
        let base = Themes::load(&settings(theme, "truecolor", "")).0.theme(theme).palette;
        let mut mistakes = Vec::new();
        let palette = read("own.toml", text, base, &mut mistakes);
        (palette, mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_theme_is_chosen_by_its_name_in_either_spelling() {
        for (name, chosen) in [
            ("default", "default"),
            ("high-contrast", "high-contrast"),
            ("grayscale", "greyscale"),
            ("true-color", "true-colour"),
        ] {
            let (themes, mistakes) = Themes::load(&settings(name, "truecolor", ""));
            assert_eq!((themes.chosen(), mistakes.len()), (chosen, 0));
            assert_eq!(themes.theme("nothing").palette, themes.theme(chosen).palette);
        }
        let (themes, mistakes) = Themes::load(&settings("grayscal", "", ""));
        assert_eq!(themes.chosen(), DEFAULT);
        let told = mistakes[0].to_string();
        assert!(told.starts_with("There is no theme \"grayscal\" (did you mean"), "{told}");
    }

    #[test]
    fn no_color_wins_over_every_theme() {
        for (name, _) in shipped() {
            let (themes, mistakes) = Themes::load(&settings(name, "truecolor", "1"));
            assert_eq!(mistakes, []);
            for tone in Tone::iter() {
                let style = themes.theme(name).style(tone);
                assert_eq!((style.fg, style.bg), (None, None), "{name} {tone:?}");
            }
        }
    }

    #[test]
    fn a_terminal_of_sixteen_colours_is_given_sixteen_and_told_so() {
        let (themes, mistakes) = Themes::load(&settings("true-colour", "", ""));
        assert_eq!(mistakes, [ThemeMistake::FewColors]);
        assert!(!themes.theme("true-colour").palette.has_true_color());
        let (themes, mistakes) = Themes::load(&settings("true-colour", "truecolor", ""));
        assert!(mistakes.is_empty() && themes.theme("true-colour").palette.has_true_color());
    }

    #[test]
    fn an_own_theme_is_laid_over_tone_by_tone() {
        let (palette, mistakes) = told(
            "greyscale",
            "warn = \"bold yellow\"\nbad = \"#ff0080 on white underlined\"\ninfo = \"plain\"\n",
        );
        assert_eq!(mistakes, [""; 0]);
        let warn = Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD);
        assert_eq!(palette.style(Tone::Warn), warn);
        let bad = Style::new().fg(Color::Rgb(255, 0, 128)).bg(Color::White);
        assert_eq!(palette.style(Tone::Bad), bad.add_modifier(Modifier::UNDERLINED));
        let base = told("greyscale", "").0;
        assert_eq!(palette.style(Tone::Unknown), base.style(Tone::Unknown));
    }

    #[test]
    fn mistakes_are_told_with_their_lines_and_the_rest_holds() {
        let text = "wran = \"red\"\ninfo = \"yelow\"\nbad = 7\nwarn = \"red blue\"\n\
                    dim = \"on\"\ntitle = \"#12345\"\nstrong = \"cyan\"\n";
        let (palette, mistakes) = told("default", text);
        for (line, part) in [
            (1, "there is no tone \"wran\" (did you mean \"warn\"?); there is plain, dim, strong"),
            (
                2,
                "info keeps its style: \"yelow\" is no colour and no attribute (did you mean \"yellow\"?)",
            ),
            (3, "bad keeps its style: a style is a text"),
            (4, "warn keeps its style: \"blue\" is a second colour"),
            (5, "dim keeps its style: no colour stands behind `on`"),
            (6, "title keeps its style: \"#12345\" is no colour; write #rrggbb"),
        ] {
            let start = format!("own.toml:{line}: {part}");
            assert!(mistakes.iter().any(|it| it.starts_with(&start)), "{start}: {mistakes:#?}");
        }
        assert_eq!(mistakes.len(), 6);
        assert_eq!(palette.style(Tone::Strong).fg, Some(Color::Cyan));
        assert_eq!(palette.style(Tone::Bad), Palette::sixteen().style(Tone::Bad));
        let (palette, mistakes) = told("default", "warn = \"red\"\nbad = \n");
        assert!(mistakes[0].starts_with("own.toml:2: the theme is left out"), "{mistakes:?}");
        assert_eq!(palette, Palette::sixteen());
    }
}
