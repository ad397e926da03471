//! What a picture says, without what is another number every time: where a world's time runs, no two
//! pictures of it are the same to the last stroke.

use super::svg::{CELL, MARGIN};

/// Bars of the last hour, in any height.
const BARS: std::ops::RangeInclusive<char> = '▁'..='█';

/// The words of a picture that begin within so many columns, in order; a number is `#`, whatever its unit, and so are bars and the name
/// of a run, which tells its time.
pub fn of(svg: &str, columns: usize) -> Vec<String> {
    let texts = svg.lines().filter_map(|line| line.strip_prefix("<text "));
    let texts = texts.filter(|text| column(text) < columns);
    let words = texts.flat_map(|line| text_of(line).split_whitespace()).map(word);
    // A busy machine is late with a source of a fast world now and then.
    let mut all: Vec<String> = words.filter(|word| word != "STALE").collect();
    // Bars with a gap between them are as many words.
    all.dedup_by(|one, other| *one == *other && *one == "#");
    all
}

/// The text of a line of a picture; where it has none, all of the line.
pub fn text_of(line: &str) -> &str {
    let text = line.split_once('>').and_then(|(_, rest)| rest.strip_suffix("</text>"));
    text.unwrap_or(line)
}

/// The column in which a text begins.
fn column(text: &str) -> usize {
    let x = text.strip_prefix("x=\"").and_then(|rest| rest.split('"').next());
    x.and_then(|x| x.parse::<usize>().ok()).unwrap().saturating_sub(MARGIN) / CELL.0
}

fn word(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_run = bytes.len() >= 20 && bytes[8] == b'-' && bytes[15] == b'-';
    if is_run && bytes[..8].iter().all(u8::is_ascii_digit) {
        return "#".into();
    }
    let mut all = String::new();
    let text = text.replace("&lt;", "");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if !c.is_ascii_digit() && !BARS.contains(&c) {
            all.push(c);
            continue;
        }
        while rest.next_if(|c| c.is_ascii_digit() || *c == '.' || BARS.contains(c)).is_some() {}
        let unit: String = std::iter::from_fn(|| rest.next_if(char::is_ascii_alphabetic)).collect();
        all.push('#');
        // Seconds become minutes; other words that begin with a digit are words.
        if !matches!(unit.as_str(), "" | "s" | "m" | "h") {
            all.push_str(&unit);
        }
    }
    all
}

#[test]
fn numbers_are_no_words_and_words_are() {
    let svg = |text: &str| format!("<title>1</title>\n<text x=\"1\" y=\"2\">{text}</text>\n");
    for (one, other, same) in [
        ("HELD  7/19 &lt;1m by ana", "HELD 12/19  40s by ana", true),
        ("20261122-140355-k3xq cutover", "20261122-150000-a0bc cutover", true),
        ("answers ▁▁▂ ▁ 14 ms", "answers ▁▂▁▁▁▇ 9 ms", true),
        ("green-413 :3100 6/6", "green-414 :3100 6/6", true),
        ("HELD 7/19", "RUNNING 7/19", false),
        ("14 ms", "14 MB", false),
        ("ana ben", "ana", false),
    ] {
        assert_eq!(of(&svg(one), 80) == of(&svg(other), 80), same, "{one} / {other}");
    }
    let svg = "<text x=\"330\" y=\"2\">here</text>\n<text x=\"338\" y=\"2\">there</text>\n";
    assert_eq!(
        (of(svg, 41), of(svg, 42)),
        (vec!["here".into()], vec!["here".into(), "there".into()])
    );
}
