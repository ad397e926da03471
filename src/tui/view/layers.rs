//! What lies over a screen: help, made from the keymap and the registry, and the messages so far.
//!
//! ```text
//! ─ Keys on fleets ───────────────────────────────────────────────────────────────
//!  enter, right           Show the nodes of the selected fleet.
//!  j, down                Go to the next row.
//! ```

use super::{Layout, Line, Span, Text, line};
use crate::app::{Layer, Model, NoticeKind};
use crate::core::observed::age;
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};

/// A layer's text, from its scroll position on.
pub(super) fn text(model: &Model, layer: Layer, theme: Theme, layout: Layout) -> Text {
    match layer {
        Layer::Help { scroll } => help(model, scroll, theme, layout),
        Layer::Messages { scroll } => messages(model, scroll, layout),
    }
}

fn help(model: &Model, scroll: usize, theme: Theme, layout: Layout) -> Text {
    let all = model.keymap.help(&model.screen_contexts());
    let widest = all.iter().map(|hint| text::width(&hint.keys)).max().unwrap_or(0);
    let keys_width = widest.min(usize::from(layout.columns) / 3);
    let lines = all.iter().skip(scroll).take(layout.body.into()).map(|hint| -> Line {
        let keys = text::fit(&hint.keys, keys_width, theme.ellipsis());
        let pad = " ".repeat(keys_width.saturating_sub(text::width(&keys)) + 2);
        vec![
            Span::new(format!(" {keys}{pad}"), Tone::Strong),
            Span::new(hint.action.command().doc, Tone::Plain),
        ]
    });
    let title = format!("Keys on {}", model.screen().kind.context());
    Text { title, lines: lines.collect() }
}

fn messages(model: &Model, scroll: usize, layout: Layout) -> Text {
    let all = model.notices.all();
    let mut lines: Vec<Line> = all
        .iter()
        .rev()
        .skip(scroll)
        .take(layout.body.into())
        .map(|notice| {
            let tone = match notice.kind {
                NoticeKind::Info => Tone::Plain,
                NoticeKind::Warning => Tone::Warn,
            };
            let since = text::age(age(notice.at, model.now));
            vec![Span::new(format!(" {since:>4} "), Tone::Dim), Span::new(&notice.text, tone)]
        })
        .collect();
    if lines.is_empty() {
        lines.push(line(" Nothing has been said yet.", Tone::Plain));
    }
    Text { title: "Messages".into(), lines }
}
