//! A fleet at a glance, under what is wrong with it: its last hour, and how it differs from the
//! fleet it would change places with.
//!
//! ```text
//!  healthy   ▇▇▇▇▇▇▇▇▇▅▅▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇  12, fewest 8 in the last hour
//!  answers   ▁▁▁▁▂▁▁   ▁▁▁▁▁▁▁▁▁█▁▁▁▁▁▁▁▁▁▁  14 ms, slowest 2100 ms
//!  requests  ▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃  42/s, most 55/s
//!  Against blue-412: loki 3.0.0, there 2.9.1; image ami-2, there ami-1. Not known: tempo.
//! ```

use super::{Line, Span, cells};
use crate::app::Model;
use crate::core::compare::{compare, counterpart};
use crate::core::history::Series;
use crate::core::ids::StackId;
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};
use strum::IntoEnumIterator;

/// With fewer columns there is no room beside what is wrong.
pub(super) const COLUMNS: u16 = 120;
/// Cells of a line of bars: two minutes each.
const CELLS: usize = 30;

/// Its last hour, a line a series; none before anything was known.
pub(super) fn hour(model: &Model, stack: &StackId, theme: Theme) -> Vec<Line> {
    let series = Series::iter();
    series.filter_map(|one| line_of(one, &model.history.of(stack, one, model.now), theme)).collect()
}

fn line_of(series: Series, minutes: &[Option<f64>], theme: Theme) -> Option<Line> {
    let known = || minutes.iter().flatten().copied();
    let most = known().reduce(f64::max)?;
    let least = known().reduce(f64::min)?;
    // The minute that has just begun may have brought nothing yet.
    let now = minutes.iter().rev().take(2).find_map(|one| *one);
    let now =
        |unit: &str| now.map_or_else(|| "?".to_owned(), |now| format!("{}{unit}", short(now)));
    let (name, worst, words): (_, fn(f64, f64) -> f64, _) = match series {
        Series::Healthy => ("healthy", f64::min, format!("{}, fewest {}", now(""), short(least))),
        Series::Answer => {
            ("answers", f64::max, format!("{}, slowest {} ms", now(" ms"), short(most)))
        }
        Series::Requests => {
            ("requests", f64::max, format!("{}, most {}/s", now("/s"), short(most)))
        }
    };
    let tone = if words.starts_with('?') { Tone::Unknown } else { Tone::Plain };
    Some(vec![
        Span::new(format!(" {name:<9} "), Tone::Dim),
        Span::new(bars(minutes, most, worst, theme), Tone::Plain),
        Span::new(format!("  {words}"), tone),
    ])
}

/// A bar for each part of the hour, the worst of it. A gap is a gap.
fn bars(minutes: &[Option<f64>], most: f64, worst: fn(f64, f64) -> f64, theme: Theme) -> String {
    let each = minutes.len().div_ceil(CELLS).max(1);
    let cells = minutes.chunks(each).map(|part| part.iter().flatten().copied().reduce(worst));
    cells.map(|value| value.map_or(" ", |value| theme.spark(value, most))).collect()
}

/// Three digits say enough at a glance, and change less often than more would.
fn short(value: f64) -> String {
    if value >= 10.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// How it differs from its counterpart.
pub(super) fn against(lines: &mut Vec<Line>, model: &Model, stack: &StackId, columns: u16) {
    let Some(estate) = model.estate.as_deref() else { return };
    let Some(other) = counterpart(estate, stack) else { return };
    let Some(of) = compare(&model.inventory, estate, (stack, other)) else { return };
    let differs: Vec<_> =
        of.differs.iter().map(|of| format!("{} {}, there {}", of.what, of.own, of.other)).collect();
    let mut sentence = match (differs.is_empty(), of.same.is_empty()) {
        (false, _) => format!("Against {other}: {}.", differs.join("; ")),
        (true, false) => format!("As {other}: {}.", of.same.join(", ")),
        (true, true) => return,
    };
    if !of.unknown.is_empty() {
        sentence.push_str(&format!(" Not known: {}.", of.unknown.join(", ")));
    }
    let tone = if differs.is_empty() { Tone::Plain } else { Tone::Info };
    cells::wrapped(lines, (" ", &text::clean(&sentence), tone), columns);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCII: Theme = Theme::of(false, true, false);
    const SHAPES: Theme = Theme::of(false, false, false);

    fn text(line: Option<Line>) -> String {
        line.unwrap().into_iter().map(|span| span.text).collect()
    }

    #[test]
    fn a_gap_is_a_gap_nothing_is_low_and_the_end_is_now() {
        let mut minutes = vec![None; 60];
        assert_eq!(line_of(Series::Healthy, &minutes, SHAPES), None, "nothing was ever known");
        minutes[0] = Some(0.0);
        minutes[1] = Some(12.0);
        minutes[57] = Some(6.0);
        minutes[59] = Some(12.0);
        let healthy = text(line_of(Series::Healthy, &minutes, SHAPES));
        let gap = " ".repeat(27);
        assert_eq!(healthy, format!(" healthy   ▁{gap}▄█  12, fewest 0"));
        let ascii = text(line_of(Series::Answer, &minutes, ASCII));
        assert_eq!(ascii, format!(" answers   #{gap}=#  12 ms, slowest 12 ms"));
        minutes[58] = None;
        minutes[59] = None;
        let old = line_of(Series::Requests, &minutes, SHAPES).unwrap();
        assert_eq!(old[2], Span::new("  ?, most 12/s", Tone::Unknown));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 0.25, 3.0, 9.96, 41.7].map(short), ["0", "0.2", "3", "10.0", "42"]);
    }
}
