//! Fleets of other places among one's own: how they are told apart, and that nothing unknown of them
//! looks like a number or like health.

use super::{THEME, buffer, dump};
use crate::app::elsewhere::fixture::{alone, seen, tell, theirs, with_others};
use crate::app::fixture::{feed, press};
use crate::app::{EventKind, Model};
use crate::core::error::ErrorKind;
use crate::tui::theme::Theme;

fn text(model: &Model) -> String {
    dump(&buffer(model, THEME))
}

fn row<'a>(text: &'a str, words: &str) -> &'a str {
    text.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("no {words}: {text}"))
}

#[test]
fn frames() {
    for (columns, rows) in [(80, 24), (120, 40), (20, 5)] {
        let mut model = with_others(columns, rows);
        press(&mut model, "down down down");
        insta::assert_snapshot!(format!("elsewhere_{columns}x{rows}"), text(&model));
        press(&mut model, "down");
        insta::assert_snapshot!(format!("elsewhere_lost_{columns}x{rows}"), text(&model));
    }
}

#[test]
fn every_row_says_whose_it_is_and_only_where_there_are_others() {
    for columns in [80, 99, 100, 119, 120, 200] {
        let model = with_others(columns, 40);
        let text = text(&model);
        for words in ["amber-7", "apac"] {
            assert!(row(&text, words).contains("→ "), "{columns}: {text}");
        }
        assert!(row(&text, "green-413").contains(" here "), "{columns}: {text}");
        assert!(row(&text, "apac").contains("UNREACHABLE <"), "{columns}: {text}");
        assert!(text.contains("Fleets 7, 4 elsewhere"), "{columns}: {text}");
    }
    let ascii = dump(&buffer(&with_others(80, 24), Theme::of(true, true, true)));
    assert!(row(&ascii, "amber-7").contains("-> east"), "{ascii}");
    let alone = dump(&buffer(&super::world("healthy", 120, 40), THEME));
    assert!(!alone.contains("PLACE") && !alone.contains(" here "), "{alone}");
}

#[test]
fn a_place_that_falls_silent_is_question_marks() {
    let mut model = with_others(120, 40);
    press(&mut model, "down down");
    feed(&mut model, 200, EventKind::Tick);
    let text = text(&model);
    let amber = row(&text, "amber-7");
    assert!(!amber.contains("3/3 ") && !amber.contains('%') && !amber.contains('–'), "{amber}");
    assert!(text.contains("STALE 3m: nothing is heard of it."), "{text}");
    assert!(text.contains("? Not known now: its role"), "{text}");
}

#[test]
fn a_place_says_why_it_cannot_be_read_and_what_to_do() {
    let mut model = alone(80, 24);
    tell(&mut model, 5, seen("east", (1, 5), theirs(), Some(ErrorKind::Expired)));
    press(&mut model, "down");
    let told = text(&model);
    assert!(row(&told, "(lacking)").contains("EXPIRED <5s: "), "{told}");
    assert!(told.contains("Log in again"), "{told}");
    // Of this place nothing is known yet, and that stands there too.
    assert!(row(&told, "(reading)").contains("here"), "{told}");
    press(&mut model, "up");
    assert!(text(&model).contains("Reading. Nothing is known yet."), "{}", text(&model));
}
