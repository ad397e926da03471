//! Each theme on a world with everything wrong: the styles of its frame, and that whatever it shows
//! is the same without it.

use super::screens::{SCREENS, WORLDS, told};
use super::{THEME, buffer};
use crate::app::fixture::press;
use crate::config::{Environment, Flags, Settings, load};
use crate::tui::theme::{Theme, Themes};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::collections::BTreeMap;
use std::fmt::Write;

const NAMES: [&str; 4] = ["default", "greyscale", "high-contrast", "true-colour"];

fn settings(no_color: &str) -> Settings {
    let env: Environment =
        [("COLORTERM", "truecolor"), ("NO_COLOR", no_color), ("LANG", "C.UTF-8")]
            .into_iter()
            .chain([("HOME", "/nonexistent")])
            .collect();
    load(&env, &Flags::default()).unwrap()
}

fn theme(name: &str, no_color: &str) -> Theme {
    Theme { production: true, ..Themes::load(&settings(no_color)).0.theme(name) }
}

/// A cell's style in words, as a theme file writes it.
fn words(cell: &Cell) -> String {
    let color = |color: Color| match color {
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        other => other.to_string().to_lowercase(),
    };
    let mut all = Vec::new();
    for (modifier, name) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
    ] {
        all.extend(cell.modifier.contains(modifier).then(|| name.to_owned()));
    }
    all.extend((cell.fg != Color::Reset).then(|| color(cell.fg)));
    all.extend((cell.bg != Color::Reset).then(|| format!("on {}", color(cell.bg))));
    all.join(" ")
}

/// The rows of a frame, and under each its styles: a letter a cell, told at the end.
fn dump(buffer: &Buffer) -> String {
    let mut letters: BTreeMap<String, char> = BTreeMap::from([(String::new(), ' ')]);
    let mut all = String::new();
    for y in 0..buffer.area.height {
        let (mut text, mut styles) = (String::new(), String::new());
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let next = char::from(b'a' + u8::try_from(letters.len() - 1).unwrap());
            text.push_str(cell.symbol());
            styles.push(*letters.entry(words(cell)).or_insert(next));
        }
        writeln!(all, "|{}", text.trim_end()).unwrap();
        if !styles.trim().is_empty() {
            writeln!(all, ":{}", styles.trim_end()).unwrap();
        }
    }
    let mut told: Vec<_> = letters.into_iter().filter(|(words, _)| !words.is_empty()).collect();
    told.sort_by_key(|(_, letter)| *letter);
    for (words, letter) in told {
        writeln!(all, "{letter} {words}").unwrap();
    }
    all
}

#[test]
fn frames_of_every_theme() {
    for name in NAMES {
        let model = told("troubled", 80, 24);
        let frame = dump(&buffer(&model, theme(name, "")));
        insta::assert_snapshot!(format!("theme_{name}_80x24"), frame);
    }
    let model = told("troubled", 80, 24);
    let plain = dump(&buffer(&model, theme("true-colour", "1")));
    insta::assert_snapshot!("theme_no_color_80x24", plain);
}

/// A theme changes no character: what it tells is told by words and shapes.
#[test]
fn no_theme_changes_a_word() {
    let symbols = |buffer: &Buffer| -> Vec<String> {
        buffer.content().iter().map(|cell| cell.symbol().to_owned()).collect()
    };
    for world in WORLDS {
        for (_, keys) in SCREENS {
            let mut model = told(world, 120, 40);
            press(&mut model, keys);
            let plain = symbols(&buffer(&model, THEME));
            for name in NAMES {
                for no_color in ["", "1"] {
                    let drawn = buffer(&model, theme(name, no_color));
                    assert_eq!(symbols(&drawn), plain, "{name} {no_color} {world} {keys}");
                    let colored = drawn.content().iter().any(|cell| cell.fg != Color::Reset);
                    assert!(!colored || (no_color.is_empty() && name != "greyscale"), "{name}");
                }
            }
        }
    }
}
