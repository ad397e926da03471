//! Taking out of a text what must not leave this host: passwords in addresses, keys, tokens. What
//! operators hand to others (evidence) passes through here, wherever its words came from.

/// Words after which a secret stands.
const NAMES: [&str; 10] = [
    "password",
    "passwd",
    "secret",
    "token",
    "signature",
    "credential",
    "authorization",
    "bearer",
    "api_key",
    "access_key",
];

/// Stands in the place of a secret.
const HIDDEN: &str = "[hidden]";

/// The text without its secrets. Everything else stays as it is, lines and blanks too.
pub fn scrub(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text;
    // Whether the word before said that a secret follows.
    let mut secret = false;
    while let Some(first) = rest.chars().next() {
        let blank = first.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != blank).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if blank {
            all.push_str(word);
            secret &= !word.contains('\n');
        } else if secret && !is_scheme(word) {
            all.push_str(HIDDEN);
            secret = false;
        } else {
            all.push_str(&scrub_word(word));
            secret = names_secret(word);
        }
    }
    all
}

/// `Bearer` and `Basic` stand between the name and the secret.
fn is_scheme(word: &str) -> bool {
    ["bearer", "basic"].contains(&word.to_lowercase().as_str())
}

/// Whether what follows this word is a secret: `token:`, `Bearer`, `secret =`.
fn names_secret(word: &str) -> bool {
    let lower = word.to_lowercase();
    let name = lower.trim_end_matches([':', '=']);
    name == "bearer" || (name.len() < lower.len() && NAMES.iter().any(|it| name.ends_with(it)))
}

fn scrub_word(word: &str) -> String {
    if let Some(at) = word.find("://") {
        return scrub_address(word, at);
    }
    let lower = word.to_lowercase();
    for (at, _) in word.match_indices(['=', ':']) {
        // Lowercase letters may be longer than their capitals: then the name is not one of ours.
        let name = lower.get(..at).unwrap_or_default().trim_end_matches(['"', '\'']);
        if at + 1 < word.len() && NAMES.iter().any(|it| name.ends_with(it)) {
            return format!("{}{HIDDEN}", &word[..=at]);
        }
    }
    scrub_key_ids(word)
}

/// An address: its password goes, and whatever follows a `?`. The path stays only where the host is
/// an address of numbers (a node): other paths may be all there is of a secret (webhooks).
fn scrub_address(word: &str, at: usize) -> String {
    let (before, rest) = word.split_at(at + 3);
    let end = rest.find(['/', '?', '#', '"', '\'', ')', '>', ',', '`']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let host =
        host.rsplit_once('@').map_or(host.to_owned(), |(_, host)| format!("{HIDDEN}@{host}"));
    let numbers = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':' | '[' | ']');
    let node = !host.is_empty() && host.chars().all(numbers);
    let path = match (path.find(['?', '#']), node) {
        _ if !path.starts_with(['/', '?', '#']) => path.to_owned(),
        (Some(query), true) => format!("{}?{HIDDEN}", &path[..query]),
        (None, true) => path.to_owned(),
        (_, false) if path.len() > 1 => format!("/{HIDDEN}"),
        (_, false) => path.to_owned(),
    };
    format!("{before}{host}{path}")
}

/// Ids of access keys: AKIA or ASIA and 16 capitals and digits.
fn scrub_key_ids(word: &str) -> String {
    const LENGTH: usize = 20;
    let mut all = word.to_owned();
    for begin in ["AKIA", "ASIA"] {
        while let Some(at) = all.find(begin) {
            let id = all.get(at..at + LENGTH).unwrap_or_default();
            let whole = id.len() == LENGTH && id.chars().all(|c| c.is_ascii_alphanumeric());
            if !whole {
                break;
            }
            all.replace_range(at..at + LENGTH, HIDDEN);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_go_and_everything_else_stays() {
        for (text, scrubbed) in [
            ("loki: no answer within 2 s", "loki: no answer within 2 s"),
            ("http://10.0.0.4:3100/ready, 503", "http://10.0.0.4:3100/ready, 503"),
            ("proxy http://ana:pw@proxy:3128 refused", "proxy http://[hidden]@proxy:3128 refused"),
            (
                "POST https://hooks.slack.com/services/T0/B0/xyz: 500",
                "POST https://hooks.slack.com/[hidden] 500",
            ),
            ("https://10.0.0.1/x?key=1 a", "https://10.0.0.1/x?[hidden] a"),
            ("AWS_SECRET_ACCESS_KEY: x", "AWS_SECRET_ACCESS_KEY: [hidden]"),
            ("secret=hunter2 next", "secret=[hidden] next"),
            ("Token: abc def", "Token: [hidden] def"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer [hidden]"),
            ("key AKIAIOSFODNN7EXAMPLE is denied", "key [hidden] is denied"),
            ("(ASIAIOSFODNN7EXAMPLE)", "([hidden])"),
            ("the token expired", "the token expired"),
            ("security token\nnext line", "security token\nnext line"),
            ("X-Amz-Security-Token=abc", "X-Amz-Security-Token=[hidden]"),
            ("128 tokens: fine", "128 tokens: fine"),
        ] {
            assert_eq!(scrub(text), scrubbed);
        }
    }

    proptest! {
        /// No text brings it down, and the number of lines stays.
        #[test]
        fn any_text_is_scrubbed(text in "\\PC*", lines in prop::collection::vec("\\PC{0,20}", 0..5)) {
            let all = format!("{text}\n{}", lines.join("\n"));
            prop_assert_eq!(scrub(&all).lines().count(), all.lines().count());
        }
    }
}
