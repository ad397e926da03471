//! From the model to what stands on the screen, in two steps: a plain view (texts and tones), then
//! cells. Every screen is a head, a body, a status line and a line of hints:
//!
//! ```text
//!  QUARTERDECK  prod/us-west-2 123456789012  PRODUCTION  READ-ONLY              head
//!  cloudmap <5s  autoscaling <15s  elbv2 STALE 3m  ec2 <1m  probes <5s
//! ─ Fleets 2 ─────────────────────────────────────────────────────────────────  body: a table
//!   STACK          ROLE        TRAFFIC    …
//! ▶ blue-412       ◆ LIVE      ████ 100%  …
//! ─ blue-412 ─────────────────────────────────────────────────────────────────        and details
//!  Nothing disagrees.
//!  elbv2: DescribeTargetHealth: throttled: rate exceeded                        status
//!  enter nodes  r read now  m messages  ? help  q quit                          hints
//! ```

mod body;
mod cells;
mod elsewhere;
mod findings;
mod fleets;
mod glance;
mod head;
mod layers;
mod listing;
mod locks;
mod node;
mod nodes;
mod prompt;
mod review;
mod ring;
mod rings;
mod runs;
mod shown;
mod sources;
mod table;
mod timeline;
mod traffic;

use self::body::{Body, Main, Panes};
use super::text;
use super::theme::{Theme, Tone};
use crate::app::{Action, Context, Model, NoticeKind, ScreenKind, Size};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;

/// Below this a screen says only that it needs more.
const LEAST: Size = Size { columns: 20, rows: 5 };
/// With fewer rows than this, the head is one line.
const ROWS_FOR_TWO_HEADS: u16 = 10;
/// With fewer rows than this, the status stands in the place of the hints.
const ROWS_FOR_STATUS: u16 = 8;
/// With fewer rows than this in the body, the details are left out.
const ROWS_FOR_DETAILS: u16 = 9;
/// The details keep at least so many rows, their rule included, however many rows the table has.
const LEAST_DETAILS: u16 = 7;

/// With fewer columns than this, the way to the screen is left out of its title.
const COLUMNS_FOR_CRUMBS: u16 = 60;

/// A part of the way to a screen is cut to so many cells.
const LONGEST_CRUMB: usize = 20;

/// A piece of text and its tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub text: String,
    pub tone: Tone,
}

impl Span {
    /// A piece of text.
    pub(super) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

/// A line of text.
pub(super) type Line = Vec<Span>;

/// A line of one tone.
fn line(text: impl Into<String>, tone: Tone) -> Line {
    vec![Span::new(text, tone)]
}

/// Lines under a rule with a title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    pub title: String,
    pub lines: Vec<Line>,
}

/// Everything on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    theme: Theme,
    head: Vec<Line>,
    body: Body,
    /// What lies over the end of the body.
    over: Option<Text>,
    status: Option<Line>,
    hints: Line,
}

/// How the rows are shared out.
#[derive(Clone, Copy, Debug)]
struct Layout {
    columns: u16,
    /// Rows of the body.
    body: u16,
    two_heads: bool,
    status: bool,
}

impl Layout {
    fn of(size: Size) -> Self {
        let two_heads = size.rows >= ROWS_FOR_TWO_HEADS;
        let status = size.rows >= ROWS_FOR_STATUS;
        let taken = 2 + u16::from(two_heads) + u16::from(status);
        Self { columns: size.columns, body: size.rows.saturating_sub(taken), two_heads, status }
    }

    /// Rows of the table, its rule and heads included, and of the details.
    fn split(self, rows: usize) -> (u16, u16) {
        if self.body < ROWS_FOR_DETAILS {
            return (self.body, 0);
        }
        let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(2).max(4);
        let table = wanted.min(self.body - LEAST_DETAILS);
        (table, self.body - table)
    }

    /// Rows of what stands above, and of details that want so many.
    fn above(self, details: u16) -> (u16, u16) {
        if self.body < ROWS_FOR_DETAILS {
            return (self.body, 0);
        }
        let details = details.min(self.body / 2);
        (self.body - details, details)
    }
}

/// The frame that shows this model.
pub(super) fn frame(model: &Model, theme: Theme) -> Frame {
    let layout = Layout::of(model.size);
    let layer = model.layers.last().and_then(|layer| layers::text(model, layer, theme, layout));
    let body = layer.map_or_else(|| screen(model, theme, layout), Body::Text);
    let asked = prompt::asked(model, theme, layout.columns).unwrap_or_default();
    let status = Some(asked.line).filter(|line| !line.is_empty()).or_else(|| status(model, theme));
    let below = asked.below.unwrap_or_else(|| hints(model, theme));
    let (status, hints) = match (layout.status, status) {
        (true, status) => (status, below),
        (false, Some(status)) => (None, status),
        (false, None) => (None, below),
    };
    let head = head::lines(model, theme, layout.two_heads);
    Frame { theme, head, body, over: asked.choices, status, hints }
}

fn screen(model: &Model, theme: Theme, layout: Layout) -> Body {
    let mut body = match &model.screen().kind {
        ScreenKind::Fleets => fleets::body(model, theme, layout),
        ScreenKind::Nodes(stack) => nodes::body(model, stack.as_ref(), theme, layout),
        ScreenKind::Node(id) => node::body(model, id, theme, layout),
        ScreenKind::Traffic => traffic::body(model, theme, layout),
        ScreenKind::Findings => findings::body(model, theme, layout),
        ScreenKind::Timeline => timeline::body(model, theme, layout),
        ScreenKind::Rings => rings::body(model, theme, layout),
        ScreenKind::Ring(stack, product) => ring::body(model, (stack, product), theme, layout),
        ScreenKind::Sources => sources::body(model, theme, layout),
        ScreenKind::Runs => runs::all(model, theme, layout),
        ScreenKind::Run(id) => runs::one(model, id, theme, layout),
    };
    if layout.columns >= COLUMNS_FOR_CRUMBS {
        let title = body.title_mut();
        let room = usize::from(layout.columns).saturating_sub(text::width(title) + 6);
        title.insert_str(0, &crumbs(model, theme, room));
    }
    body
}

/// The way to the screen, the nearest part of it that fits: `fleets › green-413 › `.
fn crumbs(model: &Model, theme: Theme, room: usize) -> String {
    let before = model.screens().split_last().map_or(&[][..], |(_, before)| before);
    let mut crumbs = String::new();
    for screen in before.iter().rev() {
        let name = text::clean(screen.kind.crumb());
        let name = text::fit_name(&name, LONGEST_CRUMB, theme.ellipsis());
        let longer = format!("{name}{}{crumbs}", theme.crumb());
        if text::width(&longer) > room {
            break;
        }
        crumbs = longer;
    }
    crumbs
}

/// What has just been said, or else what is wrong with the sources.
fn status(model: &Model, theme: Theme) -> Option<Line> {
    if let Some(notice) = model.notices.current(model.now) {
        let tone = match notice.kind {
            NoticeKind::Info => Tone::Plain,
            NoticeKind::Warning => Tone::Warn,
        };
        return Some(line(said(model, &format!(" {}", notice.text), theme), tone));
    }
    if let Some(trouble) = &model.unconnected {
        return Some(line(text::clean(&format!(" {}", trouble.what)), Tone::Warn));
    }
    let error = model.sources.iter().find_map(|line| line.error.as_ref().map(|it| (line, it)));
    error.map(|(source, error)| {
        let text = format!(" {}: {}", source.source, error.value);
        line(text::clean(&text), Tone::Warn)
    })
}

/// What was said; where that is longer than the line, with the key that shows all of it.
fn said(model: &Model, text: &str, theme: Theme) -> String {
    let room = usize::from(model.size.columns);
    let hints = model.keymap.hints(&model.contexts(), &[]);
    let key = hints.into_iter().find(|hint| hint.action == Action::Messages);
    // What lies over the screen may want the key for itself.
    match key.filter(|_| model.layers.is_empty() && text::width(text) > room) {
        Some(hint) => {
            let more = format!("{} {}: all of it", theme.ellipsis(), hint.keys);
            format!("{}{more}", text::fit(text, room.saturating_sub(text::width(&more)), ""))
        }
        None => text.to_owned(),
    }
}

/// The keys that matter most here; within a sequence, the keys that continue it.
fn hints(model: &Model, theme: Theme) -> Line {
    let contexts: Vec<Context> = model.contexts();
    let mut hints = Line::new();
    if !model.pending.is_empty() {
        let keys: Vec<_> = model.pending.iter().map(ToString::to_string).collect();
        hints.push(Span::new(format!(" {} {}", keys.join(" "), theme.ellipsis()), Tone::Strong));
    }
    let idle = model.pending.is_empty();
    let mut shown: Vec<(Action, Line)> = Vec::new();
    for hint in model.keymap.hints(&contexts, &model.pending) {
        let command = hint.action.command();
        let last = shown.last().map(|(action, _)| *action);
        if last == Some(hint.action) || (idle && command.label.is_empty()) {
            continue;
        }
        let label = if idle { command.label } else { command.name };
        let keys = Span::new(format!(" {}", hint.keys), Tone::Strong);
        shown.push((hint.action, vec![keys, Span::new(format!(" {label} "), Tone::Dim)]));
    }
    // Whatever else there is no room for: how to get help, and how to get out.
    let (always, others): (Vec<_>, Vec<_>) =
        shown.into_iter().partition(|(action, _)| matches!(action, Action::Help | Action::Quit));
    let width = |line: &Line| line.iter().map(|span| text::width(&span.text)).sum::<usize>();
    let kept: usize = always.iter().map(|(_, line)| width(line)).sum();
    let mut room = usize::from(model.size.columns).saturating_sub(kept + width(&hints));
    for (_, line) in others {
        if width(&line) > room {
            break;
        }
        room -= width(&line);
        hints.extend(line);
    }
    hints.extend(always.into_iter().flat_map(|(_, line)| line));
    hints
}

impl Frame {
    /// Keeps to the details that are shown, where nothing but the selection has moved on the same
    /// page: the table moves at once, the details follow. They stand under the name of what they
    /// tell about, so they are never taken for another's. Returns whether anything was held back.
    pub(super) fn hold_back(&mut self, shown: Frame) -> bool {
        match (&mut self.body, shown.body) {
            (Body::Screen(main, panes), Body::Screen(before, old))
                if main.is_moved_from(&before) && *panes != old =>
            {
                *panes = old;
                true
            }
            _ => false,
        }
    }
}

/// Draws a line from a cell on, cut at `columns`; the rest of the row stays as it was.
fn draw(buffer: &mut Buffer, (x, y): (u16, u16), line: &[Span], columns: u16, theme: Theme) {
    let mut at = x;
    for span in line {
        let room = usize::from((x + columns).saturating_sub(at));
        if room == 0 || !buffer.area.contains((at, y).into()) {
            return;
        }
        let text = text::fit(&text::clean(&span.text), room, theme.ellipsis());
        let style = match span.tone {
            Tone::Title => theme.frame(Tone::Title),
            tone => theme.style(tone),
        };
        (at, _) = buffer.set_stringn(at, y, text, room, style);
    }
}

/// Draws a rule with a title across the area.
fn rule(buffer: &mut Buffer, area: Rect, y: u16, title: &str, theme: Theme) {
    let dim = theme.frame(Tone::Dim);
    buffer.set_stringn(area.x, y, theme.rule().repeat(area.width.into()), area.width.into(), dim);
    if !title.is_empty() && area.width > 4 {
        let title = text::fit(&text::clean(title), usize::from(area.width - 4), theme.ellipsis());
        let line = [Span::new(format!(" {title} "), Tone::Strong)];
        draw(buffer, (area.x + 1, y), &line, area.width - 1, theme);
    }
}

fn draw_text(buffer: &mut Buffer, area: Rect, text: &Text, theme: Theme) {
    if area.height == 0 {
        return;
    }
    rule(buffer, area, area.y, &text.title, theme);
    for (line, y) in text.lines.iter().zip(area.y + 1..area.bottom()) {
        draw(buffer, (area.x, y), line, area.width, theme);
    }
}

/// Draws a text over the end of an area; of what lies below, nothing shines through.
fn draw_over(buffer: &mut Buffer, area: Rect, text: &Text, theme: Theme) {
    let wanted = u16::try_from(text.lines.len()).unwrap_or(u16::MAX).saturating_add(1);
    let height = wanted.min(area.height);
    let area = Rect { y: area.bottom() - height, height, ..area };
    for y in area.top()..area.bottom() {
        buffer.set_stringn(
            area.x,
            y,
            " ".repeat(area.width.into()),
            area.width.into(),
            Style::reset(),
        );
    }
    draw_text(buffer, area, text, theme);
}

impl Widget for &Frame {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(buffer.area);
        if area.width < LEAST.columns || area.height < LEAST.rows {
            let text = format!("quarterdeck needs {}x{}", LEAST.columns, LEAST.rows);
            if !area.is_empty() {
                buffer.set_stringn(area.x, area.y, text, area.width.into(), Style::new());
            }
            return;
        }
        let theme = self.theme;
        let mut y = area.y;
        for line in &self.head {
            draw(buffer, (area.x, y), line, area.width, theme);
            y += 1;
        }
        let last = area.bottom() - 1;
        draw(buffer, (area.x, last), &self.hints, area.width, theme);
        let size = Size { columns: area.width, rows: area.height };
        let bottom = last - u16::from(Layout::of(size).status);
        if let Some(status) = &self.status {
            draw(buffer, (area.x, bottom), status, area.width, theme);
        }
        let body = Rect { y, height: bottom.saturating_sub(y), ..area };
        self.body.draw(body, buffer, theme);
        if let Some(over) = &self.over {
            draw_over(buffer, body, over, theme);
        }
    }
}

#[cfg(test)]
mod tests;
