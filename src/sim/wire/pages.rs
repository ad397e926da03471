//! Pages: each answer a part, with a token that says where it ended. A token names the last item
//! given, so that items that come and go meanwhile neither repeat nor hide others.

use crate::sim::world::Refused;

/// One page of something, and the token of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// What every token starts with; one that does not is nobody's.
const MARK: &str = "qd1";

/// Cuts a page out of items that have a key each.
pub(super) fn page<T>(
    items: Vec<(String, T)>,
    token: Option<&str>,
    size: usize,
) -> Option<Page<T>> {
    let from = match token.filter(|text| !text.is_empty()) {
        None => 0,
        Some(token) => {
            let last = decode(token)?;
            match items.iter().position(|(key, _)| *key == last) {
                Some(at) => at + 1,
                None => items.iter().position(|(key, _)| *key > last).unwrap_or(items.len()),
            }
        }
    };
    let more = items.len() > from + size;
    let mut last = None;
    let mut cut = Vec::new();
    for (key, item) in items.into_iter().skip(from).take(size) {
        last = Some(key);
        cut.push(item);
    }
    let next = last.filter(|_| more).map(|key| encode(&key));
    Some(Page { items: cut, next })
}

/// A page size, checked against what the API allows.
pub(super) fn size(
    asked: Option<u32>,
    (default, most): (usize, usize),
    refuse: impl Fn(String) -> Refused,
) -> Result<usize, Refused> {
    match asked.map(|asked| asked as usize) {
        None => Ok(default),
        Some(asked) if (1..=most).contains(&asked) => Ok(asked),
        Some(asked) => Err(refuse(format!("page size {asked} is not between 1 and {most}"))),
    }
}

fn encode(key: &str) -> String {
    let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{MARK}{hex}")
}

fn decode(token: &str) -> Option<String> {
    let hex = token.strip_prefix(MARK)?;
    let bytes: Option<Vec<u8>> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(keys: &[&str]) -> Vec<(String, u32)> {
        keys.iter().zip(0..).map(|(key, value)| ((*key).to_owned(), value)).collect()
    }

    #[test]
    fn pages_follow_each_other_and_survive_changes() {
        let first = page(items(&["a", "b", "c"]), None, 2).unwrap();
        assert_eq!(first.items, [0, 1]);
        let token = first.next.unwrap();
        let second = page(items(&["a", "b", "c"]), Some(&token), 2).unwrap();
        assert_eq!((second.items, second.next), (vec![2], None));
        let without_last = page(items(&["a", "c"]), Some(&token), 2).unwrap();
        assert_eq!(without_last.items, [1], "b went, c comes next");
        assert!(page(items(&["a"]), Some("garbage"), 2).is_none());
        assert_eq!(page(items(&["a", "b"]), None, 2).unwrap().next, None);
    }
}
