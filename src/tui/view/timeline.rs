//! The timeline: what changed, the newest first, and the selected change in full. At 80×24:
//!
//! ```text
//! ─ Timeline 12 ──────────────────────────────────────────────────────────────────
//!   UTC       AGE  WHAT      ABOUT                  CHANGE
//! ▶ 14:02:11  <1m  ! probe   green-413 i-0ab…0003   loki pass → fail: no answer wi…
//!   14:01:55  1m     target  green-413 i-0ab…0003   green-loki 3100: healthy → unh…
//!   13:58:02  4m     asg     green-413 i-0cd…0001   green-413-asg: Launching a new…
//! ─ 2026-11-22 14:02:11 UTC ──────────────────────────────────────────────────────
//!  green-413 i-0ab2c4d500000003
//!  loki pass → fail: no answer within 2 s
//! ```

use super::table::{self, Column, Row, Table};
use super::{Body, Layout, Line, Main, Span, Text, cells, line};
use crate::app::{Column as By, Model, RowId};
use crate::core::diff::ChangeKind;
use crate::core::finding::Severity;
use crate::core::ids::StackId;
use crate::core::observed::age;
use crate::core::timeline::{Entry, Origin};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};

/// The body of the screen.
pub(super) fn body(model: &Model, theme: Theme, layout: Layout) -> Body {
    let list = &model.screen().list;
    if list.total() == 0 {
        return Body::Text(empty(model, layout));
    }
    let (above, below) = layout.split(list.rows().len());
    let (page, heads) = table::page(list.place(), list.rows().len(), above);
    let wide = layout.columns >= 110;
    let columns = vec![
        Column::new("UTC", 8).by(By::Time),
        Column::new("AGE", 4),
        Column::new("WHAT", 11).by(By::Kind),
        Column::new("ABOUT", if wide { 32 } else { 21 }).by(By::Stack).by(By::Instance),
        Column::new("CHANGE", 0).by(By::Change),
    ];
    let about = columns[3].width;
    let rows = list.rows()[page.clone()].iter().filter_map(|row| {
        let entry = entry(model, row)?;
        Some(Row {
            marked: model.timeline.is_bookmarked(entry.seq),
            selected: list.selected() == Some(row),
            name: clock(entry),
            cells: row_of(model, entry, about.into(), theme),
        })
    });
    let rows = rows.collect();
    let columns = table::marked(columns, list);
    let title = table::title("Timeline", &page, list, theme);
    let selected = list.selected().and_then(|row| entry(model, row));
    let panes = (below > 0).then(|| details(selected, layout.columns));
    let table = Table { title, columns, rows, heads, height: above };
    Body::Screen(Main::Table(table), panes.into())
}

fn entry<'a>(model: &'a Model, row: &RowId) -> Option<&'a Entry> {
    match row {
        RowId::Change(seq) => model.timeline.get(*seq),
        _ => None,
    }
}

/// The time of day in UTC: the time that logs and AWS tell, and that other people in the call see.
fn clock(entry: &Entry) -> String {
    entry.at.strftime("%H:%M:%S").to_string()
}

fn row_of(model: &Model, entry: &Entry, about: usize, theme: Theme) -> Line {
    vec![
        Span::new(text::age(age(entry.at, model.now)), Tone::Dim),
        what(entry, theme),
        Span::new(whom(entry, about, theme), Tone::Plain),
        Span::new(entry.text.clone(), weight(entry)),
    ]
}

fn what(entry: &Entry, theme: Theme) -> Span {
    let mark = entry.severity.map_or(" ", |severity| theme.severity(severity));
    Span::new(format!("{mark} {}", entry.word()), tone(entry))
}

fn tone(entry: &Entry) -> Tone {
    entry.severity.map_or(Tone::Plain, Tone::from)
}

/// The words themselves: the mark before them has the colour.
fn weight(entry: &Entry) -> Tone {
    if entry.severity == Some(Severity::Critical) { Tone::Strong } else { Tone::Plain }
}

/// The fleet, and the node with its middle cut out where both do not fit.
fn whom(entry: &Entry, cells: usize, theme: Theme) -> String {
    let (Some(stack), Some(node)) = (&entry.stack_id, &entry.instance_id) else {
        let all = if entry.origin == Origin::Source { String::new() } else { entry.about() };
        return text::fit_name(&text::clean(&all), cells, theme.ellipsis());
    };
    let (stack, node) = (text::clean(stack.as_str()), text::clean(node.as_str()));
    let stack = text::fit_name(&stack, cells / 2, theme.ellipsis());
    let room = cells.saturating_sub(text::width(&stack) + 1);
    format!("{stack} {}", text::fit_name(&node, room, theme.ellipsis()))
}

fn details(entry: Option<&Entry>, columns: u16) -> Text {
    let Some(entry) = entry else { return Text::default() };
    let mut lines = Vec::new();
    if !entry.about().is_empty() {
        lines.push(line(format!(" {}", entry.about()), Tone::Strong));
    }
    cells::wrapped(&mut lines, (" ", &entry.text, weight(entry)), columns);
    let title = format!("{} UTC  {}", entry.at.strftime("%Y-%m-%d %H:%M:%S"), entry.word());
    Text { title, lines }
}

fn empty(model: &Model, layout: Layout) -> Text {
    let sentence = match model.timeline.since() {
        Some(since) => format!(
            "Nothing has changed since {} UTC, when this console had looked at everything once, \
             and Auto Scaling has recorded nothing that could be read.",
            since.strftime("%H:%M:%S")
        ),
        None => "Looking at everything for the first time: nothing can have changed yet.".into(),
    };
    cells::message("Timeline", &sentence, Vec::new(), layout.columns)
}

/// The newest changes in the lines of a pane: those of a fleet, and those that are nobody's.
pub(super) fn recent(model: &Model, stack: Option<&StackId>, rows: usize, theme: Theme) -> Text {
    let own = |entry: &&Entry| entry.stack_id.is_none() || entry.stack_id.as_ref() == stack;
    let mut lines: Vec<Line> = model
        .timeline
        .newest_first()
        .filter(own)
        .take(rows)
        .map(|entry| {
            let node = entry.instance_id.as_ref().map(|id| {
                let id = text::fit_name(&text::clean(id.as_str()), 9, theme.ellipsis());
                format!("{id} ")
            });
            let mark = entry.severity.map_or(" ", |severity| theme.severity(severity));
            let over = if entry.kind == Some(ChangeKind::Cleared) { "cleared: " } else { "" };
            let text = format!(" {}{over}{}", node.unwrap_or_default(), entry.text);
            vec![
                Span::new(format!(" {} ", clock(entry)), Tone::Dim),
                Span::new(mark, tone(entry)),
                Span::new(text, weight(entry)),
            ]
        })
        .collect();
    if lines.is_empty() {
        let nothing = match model.timeline.since() {
            Some(since) => format!(" Nothing since {} UTC.", since.strftime("%H:%M:%S")),
            None => " Looking at everything for the first time.".into(),
        };
        lines.push(line(nothing, Tone::Plain));
    }
    Text { title: "What changed".into(), lines }
}
