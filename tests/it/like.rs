//! Compares JSON with what is expected of it, and says every place where they differ.

use jiff::Timestamp;
use serde_json::Value;

/// Stands for any moment, as RFC 3339 text.
pub const TIME: &str = "<a time>";
/// Stands for anything but null.
pub const SOME: &str = "<something>";

/// Every place where `actual` is not like `expected`. Lists must have the same length and order;
/// objects may hold more than is expected, because the contract grows by addition.
pub fn differences(expected: &Value, actual: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("$", expected, actual, &mut found);
    found
}

/// Fails with every difference.
pub fn assert_like(expected: &Value, actual: &Value) {
    let found = differences(expected, actual);
    assert!(found.is_empty(), "\n{}\nin {actual:#}", found.join("\n"));
}

fn compare(at: &str, expected: &Value, actual: &Value, found: &mut Vec<String>) {
    match (expected, actual) {
        (Value::String(any), value) if any == SOME => {
            if value.is_null() {
                found.push(format!("{at}: null"));
            }
        }
        (Value::String(time), value) if time == TIME => {
            let is_time = value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok());
            if !is_time {
                found.push(format!("{at}: {value} is no time"));
            }
        }
        (Value::Object(fields), Value::Object(have)) => {
            for (name, value) in fields {
                let at = format!("{at}.{name}");
                match have.get(name) {
                    Some(actual) => compare(&at, value, actual, found),
                    None => found.push(format!("{at}: missing")),
                }
            }
        }
        (Value::Array(items), Value::Array(have)) if items.len() == have.len() => {
            for (n, (value, actual)) in items.iter().zip(have).enumerate() {
                compare(&format!("{at}[{n}]"), value, actual, found);
            }
        }
        (expected, actual) if expected == actual => {}
        (expected, actual) => found.push(format!("{at}: {actual} instead of {expected}")),
    }
}

#[test]
fn differences_are_found() {
    use serde_json::json;
    let expected = json!({ "at": TIME, "id": SOME, "list": [1, { "a": null }] });
    let good = json!({ "at": "2026-01-01T00:00:00Z", "id": 7, "list": [1, { "a": null, "b": 2 }] });
    assert_eq!(differences(&expected, &good), Vec::<String>::new());
    for (bad, what) in [
        (json!({ "at": "now", "id": 7, "list": [1, { "a": null }] }), "$.at: \"now\" is no time"),
        (
            json!({ "at": "2026-01-01T00:00:00Z", "id": null, "list": [1, { "a": null }] }),
            "$.id: null",
        ),
        (json!({ "at": "2026-01-01T00:00:00Z", "id": 7, "list": [1, {}] }), "$.list[1].a: missing"),
        (
            json!({ "at": "2026-01-01T00:00:00Z", "id": 7, "list": [1] }),
            "$.list: [1] instead of [1,{\"a\":null}]",
        ),
        (
            json!({ "at": "2026-01-01T00:00:00Z", "id": 7, "list": [2, { "a": null }] }),
            "$.list[0]: 2 instead of 1",
        ),
    ] {
        assert_eq!(differences(&expected, &bad), [what]);
    }
}
