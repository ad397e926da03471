//! Words of Markdown that nothing from outside can break.

use jiff::Timestamp;

/// A time, in the words of logs and of AWS.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A text as one line; a fence of code in it ends nothing.
pub(super) fn clean(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.replace("```", "'''")
}

/// A text in a table's cell.
pub(super) fn cell(text: &str) -> String {
    clean(text).replace('|', "\\|")
}

/// A table; nothing where there are no rows.
pub(super) fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<String> = rows
        .map(|row| {
            let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
            format!("| {} |\n", cells.join(" | "))
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let rule = vec!["---"; heads.len()].join(" | ");
    format!("\n| {} |\n| {rule} |\n{}", heads.join(" | "), rows.concat())
}
