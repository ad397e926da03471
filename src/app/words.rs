//! A line of words as a shell would split it, without a shell: blanks between words, quotes around
//! words with blanks. Nothing is ever expanded.

/// Words of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The words, without their quotes.
    pub all: Vec<String>,
    /// Where the last word begins, in bytes; the end of the line where it ends with a blank.
    pub last: usize,
    /// The quote that was opened and not closed.
    pub open: Option<char>,
}

/// Splits a line.
pub fn split(line: &str) -> Words {
    let mut words = Words { all: Vec::new(), last: line.len(), open: None };
    let mut word: Option<String> = None;
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        if words.open.is_none() && c.is_whitespace() {
            words.all.extend(word.take());
            words.last = line.len();
            continue;
        }
        if word.is_none() {
            words.last = at;
        }
        let own = word.get_or_insert_default();
        match (words.open, c) {
            (Some(quote), c) if c == quote => words.open = None,
            (None, '"' | '\'') => words.open = Some(c),
            (None | Some('"'), '\\') => own.extend(chars.next().map(|(_, next)| next)),
            _ => own.push(c),
        }
    }
    words.all.extend(word);
    words
}

/// A word as it is to be written, in quotes where it needs them.
pub fn quote(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_split_as_a_shell_does_and_nothing_is_expanded() {
        for (line, all, last) in [
            ("", &[][..], 0),
            ("  ", &[], 2),
            ("drain i-1", &["drain", "i-1"], 6),
            ("drain i-1 ", &["drain", "i-1"], 10),
            ("a \"b c\" d", &["a", "b c", "d"], 8),
            ("a 'b \"c'", &["a", "b \"c"], 2),
            ("a \"\"", &["a", ""], 2),
            ("a\\ b", &["a b"], 0),
            ("--reason=\"x y\"z", &["--reason=x yz"], 0),
            ("a $HOME `id` *;b", &["a", "$HOME", "`id`", "*;b"], 13),
            ("a\\", &["a"], 0),
        ] {
            let words = split(line);
            assert_eq!(
                (words.all.as_slice(), words.last, words.open),
                (&*all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>(), last, None),
                "{line:?}"
            );
        }
        assert_eq!(split("a \"b c").open, Some('"'));
        assert_eq!(split("a \"b c").all, ["a", "b c"]);
    }

    proptest! {
        /// What is quoted is one word again, whatever is in it.
        #[test]
        fn a_quoted_word_is_one_word(word in any::<String>(), other in any::<String>()) {
            let line = format!("{} {}", quote(&word), quote(&other));
            prop_assert_eq!(split(&line), Words { last: line.len() - quote(&other).len(), all: vec![word, other], open: None });
        }
    }
}
