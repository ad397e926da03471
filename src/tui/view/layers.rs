//! What lies over a screen: help, made from the keymap and the registry, and the messages so far.
//!
//! ```text
//! ─ Keys on fleets ───────────────────────────────────────────────────────────────
//!  fleets   enter, right  Open the selected row; of another place, go there.
//!  list     j, down       Go to the next row.
//!           k, up         Go to the row before.
//! ```

use super::{Layout, Line, Span, Text, line, prompt, review};
use crate::app::{Layer, Model, NoticeKind};
use crate::core::observed::age;
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};

/// With fewer columns than this, help does not say in which context a key stands.
const COLUMNS_FOR_CONTEXTS: u16 = 60;

/// Cells before the text of a message.
const AGE_CELLS: usize = 6;

/// A layer's text, from its scroll position on.
pub(super) fn text(model: &Model, layer: &Layer, theme: Theme, layout: Layout) -> Option<Text> {
    match layer {
        Layer::Help { scroll } => Some(help(model, *scroll, theme, layout)),
        Layer::Messages { scroll } => Some(messages(model, *scroll, layout)),
        Layer::Dialog(dialog) => Some(prompt::question(model, dialog, theme, layout.columns)),
        Layer::Review(of) => Some(review::text(model, of, theme, layout)),
        Layer::Prompt(_) => None,
    }
}

fn help(model: &Model, scroll: usize, theme: Theme, layout: Layout) -> Text {
    let all = model.help();
    let widest = all.iter().map(|(_, hint)| text::width(&hint.keys)).max().unwrap_or(0);
    let keys_width = widest.min(usize::from(layout.columns) / 3);
    let seen = all.iter().enumerate().skip(scroll).take(layout.body.into());
    let lines = seen.map(|(place, (context, hint))| -> Line {
        let keys = text::fit(&hint.keys, keys_width, theme.ellipsis());
        let pad = " ".repeat(keys_width.saturating_sub(text::width(&keys)) + 2);
        // The context is said where it begins, and at the top of what is seen.
        let new =
            place == scroll || all.get(place.wrapping_sub(1)).is_none_or(|it| it.0 != *context);
        let context = if new { context.to_string() } else { String::new() };
        let mut line = vec![
            Span::new(format!(" {keys}{pad}"), Tone::Strong),
            Span::new(hint.action.command().doc, Tone::Plain),
        ];
        if layout.columns >= COLUMNS_FOR_CONTEXTS {
            line.insert(0, Span::new(format!(" {context:<8}"), Tone::Dim));
        }
        line
    });
    let below = model.layers.split_last().map_or(&[][..], |(_, below)| below);
    let context = model.contexts_under(below).first().map(ToString::to_string);
    let title = format!("Keys on {} {}", context.unwrap_or_default(), all.len());
    Text { title, lines: lines.collect() }
}

fn messages(model: &Model, scroll: usize, layout: Layout) -> Text {
    let all = model.notices.all();
    let mut lines: Vec<Line> = all
        .iter()
        .rev()
        .skip(scroll)
        .flat_map(|notice| {
            let tone = match notice.kind {
                NoticeKind::Info => Tone::Plain,
                NoticeKind::Warning => Tone::Warn,
            };
            let since = text::age(age(notice.at, model.now));
            let room = usize::from(layout.columns).saturating_sub(AGE_CELLS + 1);
            let parts = text::wrap(&text::clean(&notice.text), room).into_iter().enumerate();
            parts.map(move |(number, part)| {
                let since = if number == 0 { since.as_str() } else { "" };
                vec![Span::new(format!(" {since:>4} "), Tone::Dim), Span::new(part, tone)]
            })
        })
        .take(layout.body.into())
        .collect();
    if lines.is_empty() {
        lines.push(line(" Nothing has been said yet.", Tone::Plain));
    }
    Text { title: "Messages".into(), lines }
}
