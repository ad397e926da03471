//! What the operator does to the terminal, in our own words: a chord has one spelling whatever the
//! terminal reports, and a recording can be read by people.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A key without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A character as typed: `g` and `G` are two keys.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key, from 1.
    F(u8),
}

/// The keys that have a name of their own. The characters among them could not be told from the
/// punctuation of a keymap.
const NAMES: [(&str, Key); 16] = [
    ("enter", Key::Enter),
    ("esc", Key::Esc),
    ("tab", Key::Tab),
    ("backspace", Key::Backspace),
    ("delete", Key::Delete),
    ("insert", Key::Insert),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("home", Key::Home),
    ("end", Key::End),
    ("pageup", Key::PageUp),
    ("pagedown", Key::PageDown),
    ("space", Key::Char(' ')),
    ("minus", Key::Char('-')),
];

/// A key with the modifiers held down with it, in one canonical form (see [`Chord::new`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Chord {
    key: Key,
    ctrl: bool,
    alt: bool,
    shift: bool,
}

/// A name that no key has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no key: write a character, or a name such as enter, esc, pageup, f5, ctrl-c")]
pub struct UnknownKey(String);

impl Chord {
    /// The canonical chord: terminals differ in whether they report Shift beside a character that
    /// already shows it, and control characters have no case.
    pub fn new(key: Key, ctrl: bool, alt: bool, shift: bool) -> Self {
        match key {
            Key::Char(c) if ctrl => {
                Self { key: Key::Char(c.to_ascii_lowercase()), ctrl, alt, shift: false }
            }
            Key::Char(c) => {
                let c = if shift { c.to_ascii_uppercase() } else { c };
                Self { key: Key::Char(c), ctrl, alt, shift: false }
            }
            _ => Self { key, ctrl, alt, shift },
        }
    }

    /// The character that this key writes into a line of text.
    pub fn typed(self) -> Option<char> {
        match self.key {
            Key::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// Whether neither Ctrl nor Alt is held: a slip of the finger is enough.
    pub fn is_bare(self) -> bool {
        !self.ctrl && !self.alt
    }

    /// Whether this key is pressed by habit, to be rid of whatever asks.
    pub fn is_habit(self) -> bool {
        matches!(self.key, Key::Enter | Key::Char(' ') | Key::Tab | Key::Esc)
    }

    /// A key alone.
    pub fn plain(key: Key) -> Self {
        Self::new(key, false, false, false)
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            if held {
                f.write_str(name)?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, key)| *key == self.key) {
            return f.write_str(name);
        }
        match self.key {
            Key::Char(c) => write!(f, "{c}"),
            Key::F(number) => write!(f, "f{number}"),
            // Every other key stands in NAMES.
            _ => Ok(()),
        }
    }
}

impl FromStr for Chord {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let (mut ctrl, mut alt, mut shift, mut rest) = (false, false, false, text);
        loop {
            let (held, after) = if let Some(after) = rest.strip_prefix("ctrl-") {
                (&mut ctrl, after)
            } else if let Some(after) = rest.strip_prefix("alt-") {
                (&mut alt, after)
            } else if let Some(after) = rest.strip_prefix("shift-") {
                (&mut shift, after)
            } else {
                break;
            };
            *held = true;
            rest = after;
        }
        let key = key(rest).ok_or_else(|| UnknownKey(text.to_owned()))?;
        Ok(Self::new(key, ctrl, alt, shift))
    }
}

fn key(name: &str) -> Option<Key> {
    let mut chars = name.chars();
    if let (Some(one), None) = (chars.next(), chars.next()) {
        return Some(Key::Char(one));
    }
    if let Some((_, key)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*key);
    }
    // Terminals know function keys up to 35 (terminfo kf1 to kf63; xterm sends up to 35).
    let number: u8 = name.strip_prefix('f')?.parse().ok()?;
    (1..=35).contains(&number).then_some(Key::F(number))
}

impl From<Chord> for String {
    fn from(chord: Chord) -> Self {
        chord.to_string()
    }
}

impl TryFrom<String> for Chord {
    type Error = UnknownKey;

    fn try_from(text: String) -> Result<Self, UnknownKey> {
        text.parse()
    }
}

/// The size of the terminal in character cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Cells across.
    pub columns: u16,
    /// Cells down.
    pub rows: u16,
}

/// One thing the operator did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Pressed a key.
    Chord(Chord),
    /// Pasted a text.
    Paste(String),
    /// Gave the terminal another size.
    Resize(Size),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_each_chord() {
        for (text, canonical) in [
            ("g", "g"),
            ("shift-g", "G"),
            ("G", "G"),
            ("ctrl-C", "ctrl-c"),
            ("shift-tab", "shift-tab"),
            ("alt-ctrl-x", "ctrl-alt-x"),
            ("space", "space"),
            (" ", "space"),
            ("-", "minus"),
            ("ctrl--", "ctrl-minus"),
            ("f12", "f12"),
            ("f", "f"),
            ("?", "?"),
        ] {
            assert_eq!(text.parse::<Chord>().unwrap().to_string(), canonical, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_key() {
        for text in ["", "ctrl-", "return", "f0", "f99", "ab", "hyper-x"] {
            assert!(text.parse::<Chord>().is_err(), "{text:?}");
        }
    }
}
