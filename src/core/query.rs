//! The filter language: `loki -healthy stack:green az:2b,2c`.
//!
//! Terms are separated by spaces and must all hold. A word holds where some text of the row
//! contains it, or has a word with the same first letter in which its letters follow one another
//! (`b412` finds `blue-412`). `key:value` asks one property; several values with commas are
//! alternatives. `-` (or `!`) before a term turns it round. Quotes keep spaces together. Case never
//! matters.

use serde::{Deserialize, Serialize};

/// Something that can be filtered: it says all its properties, each a key and a value.
pub trait Facets {
    /// Calls `say` with every key and value. The same key may come several times.
    fn facets(&self, say: &mut dyn FnMut(&str, &str));
}

/// A filter. An empty one holds for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Term {
    /// Whether it must not hold.
    not: bool,
    /// The property it asks; `None` is any.
    key: Option<String>,
    /// The alternatives, in lower case.
    values: Vec<String>,
}

/// Why a filter is none, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind} (at character {})", at + 1)]
pub struct QueryError {
    /// Characters before the place.
    pub at: usize,
    /// What is wrong there.
    pub kind: QueryErrorKind,
}

/// What can be wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum QueryErrorKind {
    /// A quote that nothing closes.
    #[error("this quote is never closed")]
    OpenQuote,
    /// `-` with nothing after it.
    #[error("nothing stands after `-`")]
    NothingNegated,
    /// `key:` with nothing after it.
    #[error("no value after `{0}:`")]
    NoValue(String),
    /// A key that nothing here has.
    #[error("there is no `{0}:` here; there is {1}")]
    UnknownKey(String, String),
    /// More terms than anybody types.
    #[error("more than {MOST_TERMS} terms")]
    TooMany,
}

/// More terms than this are no filter but a paste.
const MOST_TERMS: usize = 32;

impl Query {
    /// Reads a filter. `keys` are the properties that the rows have.
    pub fn parse(text: &str, keys: &[&str]) -> Result<Self, QueryError> {
        let mut terms = Vec::new();
        for token in tokens(text)? {
            if terms.len() == MOST_TERMS {
                return Err(QueryError { at: token.at, kind: QueryErrorKind::TooMany });
            }
            terms.push(term(&token, keys)?);
        }
        Ok(Self { terms })
    }

    /// Whether it holds for everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it holds for this row.
    pub fn matches(&self, row: &(impl Facets + ?Sized)) -> bool {
        if self.terms.is_empty() {
            return true;
        }
        let mut met = [false; MOST_TERMS];
        row.facets(&mut |key, value| {
            for (term, met) in self.terms.iter().zip(&mut met) {
                *met = *met || term.holds(key, value);
            }
        });
        self.terms.iter().zip(met).all(|(term, met)| met != term.not)
    }
}

impl Term {
    fn holds(&self, key: &str, value: &str) -> bool {
        match &self.key {
            Some(own) => own == key && self.values.iter().any(|one| contains(value, one)),
            None => self.values.iter().any(|one| contains(value, one) || follows(value, one)),
        }
    }
}

/// Whether `text` contains `lower`, which is in lower case.
fn contains(text: &str, lower: &str) -> bool {
    if !text.is_ascii() || !lower.is_ascii() {
        return text.to_lowercase().contains(lower);
    }
    let (text, lower) = (text.as_bytes(), lower.as_bytes());
    lower.is_empty() || text.windows(lower.len()).any(|part| part.eq_ignore_ascii_case(lower))
}

/// Whether some word of the text has the same first letter, and then the letters in this order.
fn follows(text: &str, lower: &str) -> bool {
    text.split_whitespace().any(|word| {
        let mut wanted = lower.chars().peekable();
        for (place, letter) in word.chars().flat_map(char::to_lowercase).enumerate() {
            match wanted.peek() {
                Some(next) if *next == letter => drop(wanted.next()),
                Some(_) if place == 0 => return false,
                Some(_) => {}
                None => break,
            }
        }
        wanted.peek().is_none()
    })
}

/// A piece between spaces, quotes taken off.
struct Token {
    /// Characters before it.
    at: usize,
    not: bool,
    /// What stands before the first colon outside quotes.
    key: Option<String>,
    values: Vec<String>,
}

fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut all = Vec::new();
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, first)) = chars.peek().copied() {
        if first.is_whitespace() {
            chars.next();
            continue;
        }
        let not = matches!(first, '-' | '!');
        if not {
            chars.next();
        }
        let mut token = Token { at, not, key: None, values: Vec::new() };
        let mut value = String::new();
        while let Some((place, c)) = chars.next_if(|(_, c)| !c.is_whitespace()) {
            match c {
                ':' if token.key.is_none() && token.values.is_empty() && !value.is_empty() => {
                    token.key = Some(std::mem::take(&mut value).to_lowercase());
                }
                ',' if token.key.is_some() => token.values.push(std::mem::take(&mut value)),
                '"' => quoted(&mut chars, place, &mut value)?,
                c => value.extend(c.to_lowercase()),
            }
        }
        token.values.push(value);
        token.values.retain(|value| !value.is_empty());
        let says_something = not || token.key.is_some() || !token.values.is_empty();
        all.extend(says_something.then_some(token));
    }
    Ok(all)
}

/// What stands up to the closing quote. The opening one, at this place, has just been read.
fn quoted(
    chars: &mut impl Iterator<Item = (usize, char)>,
    at: usize,
    value: &mut String,
) -> Result<(), QueryError> {
    for (_, c) in chars {
        match c {
            '"' => return Ok(()),
            c => value.extend(c.to_lowercase()),
        }
    }
    Err(QueryError { at, kind: QueryErrorKind::OpenQuote })
}

fn term(token: &Token, keys: &[&str]) -> Result<Term, QueryError> {
    let error = |kind| Err(QueryError { at: token.at, kind });
    let sign = usize::from(token.not);
    match &token.key {
        // An address or a time has colons too: what is no property here is a word, unless it looks
        // like a property that is misspelt.
        Some(key) if !keys.contains(&key.as_str()) => {
            if key.chars().all(|c| c.is_ascii_alphabetic()) {
                let there = keys.iter().map(|key| format!("`{key}:`")).collect::<Vec<_>>();
                let kind = QueryErrorKind::UnknownKey(key.clone(), there.join(" "));
                return Err(QueryError { at: token.at + sign, kind });
            }
            let word = format!("{key}:{}", token.values.join(","));
            Ok(Term { not: token.not, key: None, values: vec![word] })
        }
        Some(key) if token.values.is_empty() => {
            let at = token.at + sign + key.chars().count() + 1;
            Err(QueryError { at, kind: QueryErrorKind::NoValue(key.clone()) })
        }
        None if token.values.is_empty() && token.not => error(QueryErrorKind::NothingNegated),
        _ => Ok(Term { not: token.not, key: token.key.clone(), values: token.values.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEYS: [&str; 3] = ["stack", "az", "state"];

    struct Row(&'static [(&'static str, &'static str)]);

    impl Facets for Row {
        fn facets(&self, say: &mut dyn FnMut(&str, &str)) {
            self.0.iter().for_each(|(key, value)| say(key, value));
        }
    }

    const ROW: Row = Row(&[
        ("id", "i-0123456789abcdef0"),
        ("stack", "blue-412"),
        ("az", "us-west-2b"),
        ("state", "InService"),
        ("finding", "unhealthy to the load balancer"),
        ("name", "Knoten Ärger"),
    ]);

    fn holds(text: &str) -> bool {
        Query::parse(text, &KEYS).unwrap().matches(&ROW)
    }

    #[test]
    fn what_holds() {
        for text in [
            "",
            "   ",
            "BLUE",
            "b412",
            "blue inserv",
            "stack:blue",
            "stack:green,blue",
            "az:2B",
            "-stack:green",
            "!loki",
            "\"to the load\"",
            "stack:\"blue-412\" -az:2a",
            "ärger",
            "k\"noten ä\"rger",
            "cdef0",
            "\"\"",
        ] {
            assert!(holds(text), "{text:?}");
        }
    }

    #[test]
    fn what_does_not_hold() {
        for text in [
            "green",
            "l412",
            "412b",
            "-blue",
            "stack:b412",
            "az:blue",
            "blue green",
            "\"the to\"",
            "10:20",
        ] {
            assert!(!holds(text), "{text:?}");
        }
    }

    #[test]
    fn mistakes_are_placed() {
        for (text, at, said) in [
            ("blue \"gre", 5, "never closed"),
            ("blue \"", 5, "never closed"),
            ("blue -", 5, "after `-`"),
            ("a -stack:", 9, "no value after `stack:`"),
            ("x -shack:blue", 3, "there is `stack:` `az:` `state:`"),
            ("é stack:", 8, "no value"),
        ] {
            let error = Query::parse(text, &KEYS).unwrap_err();
            assert_eq!(error.at, at, "{text:?}: {error}");
            assert!(error.to_string().contains(said), "{text:?}: {error}");
        }
        let paste = "x ".repeat(1000);
        assert_eq!(Query::parse(&paste, &KEYS).unwrap_err().kind, QueryErrorKind::TooMany);
    }

    proptest! {
        /// Any text is a filter or a mistake at a place within it.
        #[test]
        fn total(text in any::<String>()) {
            match Query::parse(&text, &KEYS) {
                Ok(query) => drop(query.matches(&ROW)),
                Err(error) => prop_assert!(error.at <= text.chars().count()),
            }
        }
    }
}
