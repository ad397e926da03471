//! From crossterm's events to our own words.

use crate::app::{Chord, Input, Key};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A paste is kept up to here; nothing in the console takes a longer text.
const PASTE_BYTES: usize = 64 * 1024;

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
