//! From crossterm's events to our own words, and from a keymap's TOML to its trie.

use crate::app::keymap::KeymapErrorKind;
use crate::app::{Chord, Input, Key, Keymap, KeymapError, KeymapText};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::path::Path;

/// A paste is kept up to here; nothing in the console takes a longer text.
const PASTE_BYTES: usize = 64 * 1024;

/// The keymap that comes with the program.
const DEFAULT: &str = include_str!("../../keymaps/default.toml");

/// The keymap that comes with the program.
///
/// # Errors
/// It has a mistake (a test sees to it that it has none).
pub fn default_keymap() -> Result<Keymap, KeymapError> {
    Keymap::build(&text(DEFAULT)?)
}

/// An operator's own keymap from its TOML, laid over the one that comes with the program.
///
/// # Errors
/// The first mistake, with its place and reason.
pub fn parse_keymap(toml: &str) -> Result<Keymap, KeymapError> {
    Keymap::over(&text(DEFAULT)?, &text(toml)?)
}

/// The keymap to start with, and what is to be said about it: an operator's own, or, where that has
/// a mistake, the one that comes with the program.
pub(super) fn keymap_of(file: Option<&Path>) -> Result<(Keymap, Option<String>), KeymapError> {
    let Some(path) = file else { return Ok((default_keymap()?, None)) };
    let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let own = read.and_then(|toml| parse_keymap(&toml).map_err(|error| error.to_string()));
    match own {
        Ok(keymap) => Ok((keymap, None)),
        Err(why) => {
            let path = path.display();
            let said = format!("The keymap {path} is left out: {why}. The built-in keys hold.");
            Ok((default_keymap()?, Some(said)))
        }
    }
}

fn text(toml: &str) -> Result<KeymapText, KeymapError> {
    toml::from_str(toml).map_err(|error| {
        let line = error.span().map_or(0, |span| toml[..span.start].lines().count());
        let kind = KeymapErrorKind::Syntax(error.message().to_owned());
        KeymapError { path: format!("line {line}"), kind }
    })
}

/// What the operator did, if it is anything to us. Sizes are not taken from here: crossterm's may
/// be a guess, the kernel's never is.
pub(super) fn input(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => chord(key).map(Input::Chord),
        Event::Paste(mut text) => {
            let end = (0..=PASTE_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or(0));
            Some(Input::Paste(text))
        }
        _ => None,
    }
}

fn chord(event: KeyEvent) -> Option<Chord> {
    let held = |modifier| event.modifiers.contains(modifier);
    let mut shift = held(KeyModifiers::SHIFT);
    let key = match event.code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => {
            shift = true;
            Key::Tab
        }
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Insert => Key::Insert,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::F(number) => Key::F(number),
        _ => return None,
    };
    Some(Chord::new(key, held(KeyModifiers::CONTROL), held(KeyModifiers::ALT), shift))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Argument;

    #[test]
    fn the_default_keymap_reaches_every_command_that_needs_no_argument() {
        let unbound = default_keymap().unwrap().unbound();
        assert!(unbound.iter().all(|one| one.argument() != Argument::None), "{unbound:?}");
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        let error = parse_keymap("[global]\n\"q\" = \"quit\"\n\"x\" = quit\n").unwrap_err();
        assert_eq!(error.path, "line 3");
        let error = parse_keymap("[global]\n\"q\" = 1\n").unwrap_err();
        assert!(matches!(error.kind, KeymapErrorKind::Syntax(_)));
    }

    #[test]
    fn a_keymap_of_ones_own_is_laid_over_ours_or_left_out_and_said() {
        let name = format!("quarterdeck-{}-keymap.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            keymap_of(Some(&path)).unwrap()
        };
        let (keymap, said) = read("[global]\nx = \"quit\"\nq = false\n");
        assert_eq!(said, None);
        assert_ne!(keymap, default_keymap().unwrap());
        for (text, part) in [
            ("[global]\nx = \"qiut\"\n", "global.\"x\": there is no command \"qiut\""),
            ("[global]\nx = true\n", "line 2: invalid value: boolean `true`, expected the name"),
            ("[glob]\nx = \"quit\"\n", "glob: there is no context of this name; there is global"),
            ("[global", "line 1"),
        ] {
            let (keymap, said) = read(text);
            let said = said.unwrap();
            assert!(said.contains(part) && said.contains("keymap.toml"), "{said}");
            assert_eq!(keymap, default_keymap().unwrap());
        }
        std::fs::remove_file(&path).unwrap();
        let (_, said) = keymap_of(Some(&path)).unwrap();
        assert!(said.unwrap().contains("No such file"));
    }

    #[test]
    fn terminals_spell_keys_in_several_ways() {
        let press = |code, modifiers| {
            let event = Event::Key(KeyEvent::new(code, modifiers));
            match input(event) {
                Some(Input::Chord(chord)) => chord.to_string(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(press(KeyCode::Char('G'), KeyModifiers::SHIFT), "G");
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), "ctrl-c");
        assert_eq!(press(KeyCode::BackTab, KeyModifiers::NONE), "shift-tab");
        assert_eq!(press(KeyCode::CapsLock, KeyModifiers::NONE), "None");
    }

    #[test]
    fn a_huge_paste_is_cut_at_a_character() {
        let pasted = input(Event::Paste("ä".repeat(1024 * 1024)));
        let Some(Input::Paste(text)) = pasted else { panic!("a paste stays a paste") };
        assert_eq!(text.len(), PASTE_BYTES);
    }
}
