//! Rows of other places among the fleets: each says whose it is, and a place that cannot be read says
//! so in a row of its own, with its age.

use super::cells::{self, Short, nothing, unknown};
use super::{Line, Span, Text, line};
use crate::app::elsewhere::{Lacking, find, fleet};
use crate::app::{Elsewhere, FarFleet, List, Model, RowId, Size, SourceState, Standing};
use crate::core::estate::Fleet;
use crate::core::observed::age;
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};
use jiff::Timestamp;

/// With fewer columns than this, a place is named by its context alone.
const COLUMNS_FOR_REGION: u16 = 120;

/// The fleets of all other places.
pub(super) fn fleets(model: &Model) -> impl Iterator<Item = &Fleet> + Clone {
    model.elsewhere.iter().flat_map(|place| place.fleets.values().map(|far| &far.fleet))
}

/// Cells of the column of places; none where there is only this one.
pub(super) fn column(model: &Model, columns: u16) -> u16 {
    match (model.elsewhere.is_empty(), columns >= COLUMNS_FOR_REGION) {
        (true, _) => 0,
        (false, true) => 18,
        (false, false) => 8,
    }
}

/// How many of the rows are fleets of other places, behind a title.
pub(super) fn counted(list: &List) -> String {
    match list.rows().iter().filter(|row| matches!(row, RowId::Far(..))).count() {
        0 => String::new(),
        count => format!(", {count} elsewhere"),
    }
}

/// Where a row is: `here`, or another place behind an arrow.
pub(super) fn place(row: &RowId, model: &Model, (theme, room): (Theme, u16)) -> Span {
    let (RowId::Far(context, _) | RowId::Place(Some(context))) = row else {
        return Span::new("here", Tone::Dim);
    };
    let full = find(model, context).map_or_else(|| context.to_string(), named);
    let arrow = theme.arrow();
    let fits = usize::from(room) > text::width(&full) + text::width(arrow);
    let name = if fits { &full } else { &**context };
    Span::new(format!("{arrow} {name}"), Tone::Strong)
}

/// The context and the region.
fn named(place: &Elsewhere) -> String {
    match &place.region {
        Some(region) => format!("{}/{region}", place.context),
        None => place.context.to_string(),
    }
}

/// What there is to say of a place as a whole: in the place of a name, and in words.
pub(super) fn words(model: &Model, context: Option<&str>) -> (&'static str, Span) {
    let Some(context) = context else { return here(model) };
    let Some(place) = find(model, context) else { return ("", unknown()) };
    let ago = |at| text::age(age(at, model.now));
    match &place.standing {
        Standing::Waiting => {
            ("(reading)", Span::new("? Reading; not everything is known yet.", Tone::Unknown))
        }
        Standing::Current => ("(no fleet)", Span::new("No fleet found there.", Tone::Plain)),
        Standing::Lacking(lacking) => ("(lacking)", lacking_words(lacking, model.now)),
        Standing::Unconnected { since, trouble } => {
            let text = format!("NOT READ for {}: {}", ago(*since), trouble.what);
            ("(not read)", Span::new(text, Tone::Bad))
        }
        Standing::Silent => {
            let text = format!("STALE {}: nothing is heard of it.", ago(place.as_of));
            ("(stale)", Span::new(text, Tone::Warn))
        }
    }
}

/// This place, while it has no fleet to be shown.
fn here(model: &Model) -> (&'static str, Span) {
    if let Some(trouble) = &model.unconnected {
        return ("(not read)", Span::new(trouble.what.clone(), Tone::Bad));
    }
    if model.sources.iter().any(|line| line.error.is_some()) {
        return ("(not read)", Span::new("Not every source could be read.", Tone::Bad));
    }
    match model.estate.as_ref().is_some_and(|estate| estate.whole) {
        true => ("(no fleet)", Span::new("No fleet found here.", Tone::Plain)),
        false => ("(reading)", Span::new("? Reading; nothing is known yet.", Tone::Unknown)),
    }
}

/// `UNREACHABLE 3m: autoscaling, elbv2: …`, `STALE 3m: cloudmap`.
fn lacking_words(lacking: &Lacking, now: Timestamp) -> Span {
    let (word, tone) = match lacking.state {
        SourceState::Failed(kind) => (kind.to_string().to_uppercase().replace('_', " "), Tone::Bad),
        SourceState::Stale => ("STALE".to_owned(), Tone::Warn),
        SourceState::Ok | SourceState::Waiting => ("?".to_owned(), Tone::Unknown),
    };
    let old = match lacking.observed_at {
        Some(at) => format!(" {}", text::age(age(at, now))),
        None => ", never read".to_owned(),
    };
    let sources: Vec<_> = lacking.sources.iter().map(ToString::to_string).collect();
    let error = lacking.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    Span::new(format!("{word}{old}: {}{error}", sources.join(", ")), tone)
}

/// The worst thing that is wrong with a fleet of another place, in so many cells.
pub(super) fn worst(far: &FarFleet, now: Timestamp, (theme, room): (Theme, u16)) -> Span {
    let Some(worst) = far.causes.first() else {
        return if far.unknowns().is_empty() { nothing(theme) } else { unknown() };
    };
    let since = text::age(age(worst.since, now));
    let more = far.causes.len() - 1;
    let short = Short { kind: worst.kind, cases: worst.cases, since: &since, more };
    Span::new(short.fitting(theme.severity(worst.severity), room), worst.severity.into())
}

/// Where the selected row is, what is wrong there, and that nothing is done to it from here.
pub(super) fn details(model: &Model, theme: Theme, room: Size) -> Text {
    let (context, stack) = match model.screen().list.selected() {
        Some(RowId::Far(context, stack)) => (context, Some(stack)),
        Some(RowId::Place(Some(context))) => (context, None),
        _ => return Text::default(),
    };
    let Some(place) = find(model, context) else { return Text::default() };
    let mut lines = vec![];
    let account = place.account.as_deref().unwrap_or("account ?");
    let production = if place.production { " PRODUCTION" } else { "" };
    let of = format!("{} {account}{production}", named(place));
    let said = format!(
        "Another place: {of}. It is looked at, not acted on: enter (`:context {context}`) goes there."
    );
    say(&mut lines, &said, Tone::Strong, room);
    if place.has_a_word() {
        let (_, words) = words(model, Some(context));
        say(&mut lines, &words.text, words.tone, room);
        let next = match &place.standing {
            Standing::Lacking(lacking) => lacking.next.as_deref(),
            Standing::Unconnected { trouble, .. } => Some(&*trouble.next),
            _ => None,
        };
        next.into_iter().for_each(|next| say(&mut lines, next, Tone::Plain, room));
    }
    if let Some(far) = stack.and_then(|stack| fleet(model, context, stack)) {
        of_fleet(&mut lines, far, model.now, (theme, room));
    }
    lines.truncate(room.rows.into());
    let title = stack.map_or_else(|| named(place), |it| format!("{it} of {}", named(place)));
    Text { title, lines }
}

fn of_fleet(lines: &mut Vec<Line>, far: &FarFleet, now: Timestamp, (theme, room): (Theme, Size)) {
    let unknowns = far.unknowns();
    if !unknowns.is_empty() {
        let text = format!("? Not known now: {}.", unknowns.join(", "));
        say(lines, &text, Tone::Unknown, room);
    }
    for cause in &far.causes {
        let mark = format!(" {} ", theme.severity(cause.severity));
        let text = format!("{} ({})", cause.title, text::age(age(cause.since, now)));
        let from = lines.len();
        cells::wrapped(lines, (&mark, &text, Tone::Plain), room.columns);
        lines[from][0].tone = cause.severity.into();
    }
    if far.causes.is_empty() && unknowns.is_empty() {
        lines.push(line(" Nothing disagrees there.", Tone::Plain));
    }
}

fn say(lines: &mut Vec<Line>, words: &str, tone: Tone, room: Size) {
    cells::wrapped(lines, (" ", words, tone), room.columns);
}
