//! Text that has to fit: widths as terminals count them, cutting, wrapping, ages in buckets.

use std::time::Duration;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many cells a text takes.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// What AWS or a node wrote, with nothing in it that moves the cursor, reorders what stands beside
/// it or cannot be seen: nobody but us places text, and two names that differ look different.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
            c if is_unseen(c) => '¤',
            c => c,
        })
        .collect()
}

/// Characters without a shape of their own: directions, joiners, selectors of a variant, marks that
/// change the character before them, fillers. Of those that terminals draw, they disagree how wide.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ff9e}'..='\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{1f3fb}'..='\u{1f3ff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The longest start of a text that fits into so many cells.
fn start(text: &str, cells: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > cells {
            return &text[..at];
        }
    }
    text
}

/// The longest end of a text that fits into so many cells.
fn end(text: &str, cells: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > cells {
            return &text[at + c.len_utf8()..];
        }
    }
    text
}

/// A text in at most so many cells, its end cut off.
pub(super) fn fit(text: &str, cells: usize, ellipsis: &str) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    match cells.checked_sub(width(ellipsis)) {
        Some(room) => format!("{}{ellipsis}", start(text, room)),
        None => String::new(),
    }
}

/// A name in at most so many cells, its middle cut out: names of a kind differ at their ends.
pub(super) fn fit_name(text: &str, cells: usize, ellipsis: &str) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    match cells.checked_sub(width(ellipsis)) {
        Some(room) => {
            format!("{}{ellipsis}{}", start(text, room.div_ceil(2)), end(text, room / 2))
        }
        None => String::new(),
    }
}

/// A text in lines of so many cells, broken between words where there are any.
pub(super) fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word = word;
        loop {
            let line = lines.last_mut().map_or("", |line| line.as_str());
            let space = usize::from(!line.is_empty());
            let room = cells.saturating_sub(width(line) + space);
            if width(word) <= room {
                break;
            }
            if space == 0 {
                // A word longer than a line, cut where it must be; a character that is wider than
                // the line itself is let through.
                let head = start(word, cells);
                let head = if head.is_empty() { word } else { head };
                if let Some(line) = lines.last_mut() {
                    line.push_str(head);
                }
                word = &word[head.len()..];
            }
            if word.is_empty() {
                break;
            }
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut().filter(|_| !word.is_empty()) {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// An age in buckets, so that an idle screen changes rarely and writes almost nothing.
pub(super) fn age(age: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match age.as_secs() {
        0..5 => "<5s".into(),
        5..15 => "<15s".into(),
        15..MINUTE => "<1m".into(),
        seconds @ MINUTE..HOUR => format!("{}m", seconds / MINUTE),
        seconds @ HOUR..DAY => format!("{}h", seconds / HOUR),
        seconds => format!("{}d", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_keeps_to_the_cells() {
        assert_eq!(fit("unregistered", 6, "…"), "unreg…");
        assert_eq!(fit("日本語", 5, "…"), "日本…");
        assert_eq!(fit("日本語", 4, "…"), "日…");
        assert_eq!(fit("abc", 0, "…"), "");
        assert_eq!(fit_name("i-0123456789abcdef0", 10, "…"), "i-012…def0");
        assert_eq!(fit_name("i-0123456789abcdef0", 1, "…"), "…");
    }

    #[test]
    fn nothing_unseen_stays_in_a_name() {
        for (written, shown) in [
            ("blue-412", "blue-412"),
            ("a\u{1b}[2Jb\nc", "a [2Jb c"),
            ("blue\u{200b}", "blue¤"),
            ("\u{202e}eulb", "¤eulb"),
            ("日本 é é שלום", "日本 é é שלום"),
            ("\u{1f469}\u{200d}\u{1f680}", "\u{1f469}¤\u{1f680}"),
            ("a\u{2028}b\u{9b}c", "a b c"),
        ] {
            assert_eq!(clean(written), shown);
        }
    }

    #[test]
    fn wrapping_keeps_words_and_loses_nothing() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a-very-long-name", 6), ["a-very", "-long-", "name"]);
        assert_eq!(wrap("x a-very-long-name y", 6), ["x", "a-very", "-long-", "name y"]);
        assert_eq!(wrap("日本", 1), ["日本"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn ages_come_in_buckets() {
        for (seconds, said) in [
            (0, "<5s"),
            (5, "<15s"),
            (15, "<1m"),
            (59, "<1m"),
            (60, "1m"),
            (3599, "59m"),
            (3600, "1h"),
            (90_000, "1d"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), said);
        }
    }
}
