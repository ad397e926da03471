//! A line of text that is being typed. It lives in the model, because a replay must find the same
//! text under the same keys.

use serde::{Deserialize, Serialize};

/// A field takes so many characters: more than any name or filter needs, and so few that even what
/// is done with every key stays cheap.
pub const LONGEST: usize = 256;

/// A text and the place in it where the next character goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextField {
    text: String,
    /// In bytes; always between two characters.
    cursor: usize,
}

/// Where the cursor goes, or up to where something is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The character before.
    Back,
    /// The character after.
    Forward,
    /// The beginning of the word before.
    WordBack,
    /// The end of the word after.
    WordForward,
    /// The beginning of the text.
    Start,
    /// The end of the text.
    End,
}

impl TextField {
    /// A field with a text in it, the cursor at its end.
    pub fn holding(text: &str) -> Self {
        let mut field = Self::default();
        field.insert(text);
        field
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor and the text after it.
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Puts a text at the cursor: its first line, without what is no character to be seen. False
    /// when not all of that line fits.
    pub fn insert(&mut self, text: &str) -> bool {
        let room = LONGEST.saturating_sub(self.text.chars().count());
        let line = text.trim_start_matches(['\n', '\r']);
        let mut line = line.split(['\n', '\r']).next().unwrap_or_default().chars();
        let typed = line.by_ref().map(|c| if c == '\t' { ' ' } else { c });
        let typed: String = typed.filter(|c| !c.is_control()).take(room).collect();
        self.text.insert_str(self.cursor, &typed);
        self.cursor += typed.len();
        line.next().is_none()
    }

    /// Moves the cursor.
    pub fn go(&mut self, reach: Reach) {
        self.cursor = self.place(reach);
    }

    /// Deletes from the cursor up to there.
    pub fn delete(&mut self, reach: Reach) {
        let place = self.place(reach);
        let (from, to) = (place.min(self.cursor), place.max(self.cursor));
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn place(&self, reach: Reach) -> usize {
        let (before, after) = self.parts();
        match reach {
            Reach::Back => before.char_indices().next_back().map_or(0, |(place, _)| place),
            Reach::Forward => self.cursor + after.chars().next().map_or(0, char::len_utf8),
            Reach::WordBack => {
                let word = before.trim_end();
                word.char_indices().rev().find(|(_, c)| is_gap(*c)).map_or(0, |(place, c)| {
                    let start = place + c.len_utf8();
                    // A separator that stands alone is a word of its own.
                    if start == word.len() { place } else { start }
                })
            }
            Reach::WordForward => {
                let gap = after.len() - after.trim_start().len();
                let word = &after[gap..];
                let end = word.char_indices().skip(1).find(|(_, c)| is_gap(*c));
                self.cursor + gap + end.map_or(word.len(), |(place, _)| place)
            }
            Reach::Start => 0,
            Reach::End => self.text.len(),
        }
    }
}

/// What stands between words: `stack:green-413` is three, as far as deleting goes.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || matches!(c, ':' | ',' | '"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn on(text: &str) -> TextField {
        TextField::holding(text)
    }

    #[test]
    fn typing_goes_where_the_cursor_is() {
        let mut field = on("grün-4");
        field.go(Reach::Start);
        field.go(Reach::Forward);
        field.insert("X");
        assert_eq!(field.parts(), ("gX", "rün-4"));
        field.go(Reach::End);
        field.delete(Reach::Back);
        field.delete(Reach::Back);
        field.delete(Reach::Back);
        field.delete(Reach::Back);
        assert_eq!(field.text(), "gXr");
        field.go(Reach::Start);
        field.delete(Reach::Forward);
        assert_eq!(field.text(), "Xr");
    }

    #[test]
    fn words_are_deleted_one_at_a_time() {
        let mut field = on("loki stack:green-413  ");
        for left in ["loki stack:", "loki stack", "loki ", ""] {
            field.delete(Reach::WordBack);
            assert_eq!(field.text(), left);
        }
        let mut field = on("stack:green az");
        field.go(Reach::Start);
        field.go(Reach::WordForward);
        assert_eq!(field.parts(), ("stack", ":green az"));
        field.go(Reach::WordForward);
        field.delete(Reach::End);
        assert_eq!(field.text(), "stack:green");
        field.delete(Reach::Start);
        assert_eq!(field.text(), "");
    }

    #[test]
    fn a_huge_paste_is_cut_and_controls_are_left_out() {
        let mut field = on("");
        assert!(!field.insert(&"ä".repeat(1024 * 1024)));
        assert_eq!(field.text().chars().count(), LONGEST);
        assert!(!field.insert("x"), "a full field takes no more");
        let mut field = on("");
        assert!(field.insert("\r\nst\u{1b}a\tck\nrm -rf"));
        assert_eq!(field.text(), "sta ck");
    }

    proptest! {
        /// Whatever is typed, the cursor stands between two characters and the text is bounded.
        #[test]
        fn total(texts in prop::collection::vec(any::<String>(), 0..6), moves in any::<Vec<u8>>()) {
            let mut field = TextField::default();
            let all = [Reach::Back, Reach::Forward, Reach::WordBack, Reach::WordForward,
                Reach::Start, Reach::End];
            let mut texts = texts.iter();
            for step in moves {
                let reach = all[usize::from(step) % all.len()];
                match step % 3 {
                    0 => field.go(reach),
                    1 => field.delete(reach),
                    _ => drop(texts.next().map(|text| field.insert(text))),
                }
                prop_assert!(field.text().is_char_boundary(field.cursor));
                prop_assert!(field.text().chars().count() <= LONGEST);
            }
        }
    }
}
