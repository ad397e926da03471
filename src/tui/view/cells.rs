//! Cells that both tables have: what is known is a number or a word, what is not is `?`, and
//! nothing unknown ever looks like zero or like health.

use super::table::Column;
use super::{Line, Span, Text, line};
use crate::app::{Column as By, Model, Size};
use crate::core::cause::Cause;
use crate::core::estate::Fleet;
use crate::core::finding::{Finding, FindingKind, Severity};
use crate::core::ids::{Product, StackId};
use crate::core::observed::age;
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};
use std::collections::{BTreeMap, BTreeSet};

/// Not known.
pub(super) fn unknown() -> Span {
    Span::new("?", Tone::Unknown)
}

/// Nothing there, and nothing missing.
pub(super) fn nothing(theme: Theme) -> Span {
    Span::new(theme.nothing(), Tone::Dim)
}

/// So many out of so many.
pub(super) fn ratio(part: u32, whole: u32) -> Span {
    let tone = if part < whole || whole == 0 { Tone::Warn } else { Tone::Plain };
    Span::new(format!("{part}/{whole}"), tone)
}

/// Which columns a table has for ports and products: one each, or one for all of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kinds {
    /// A column a port, or `None` for one column.
    pub ports: Option<Vec<u16>>,
    /// A column a product, or `None` for one column.
    pub products: Option<Vec<Product>>,
}

/// The last column keeps at least so many cells before ports or products get columns of their own.
const LEAST_FINDING: u16 = 16;
/// A column of one port or product: `10/10`, `drain`.
const ONE: u16 = 5;

/// Adds the columns of targets and probes to `columns`: as many as fit beside a finding.
pub(super) fn add_kinds<'a>(
    columns: &mut Vec<Column>,
    fleets: impl Iterator<Item = &'a Fleet> + Clone,
    folded: (u16, u16),
    width: u16,
) -> Kinds {
    let ports: BTreeSet<u16> =
        fleets.clone().flat_map(|fleet| fleet.targets.iter().map(|target| target.port)).collect();
    let products: BTreeSet<&Product> =
        fleets.flat_map(|fleet| fleet.probes.iter().map(|probe| &probe.service)).collect();
    let left = super::table::left(columns, width);
    let each = |count: usize| u16::try_from(count).unwrap_or(u16::MAX).saturating_mul(ONE + 1);
    let fits = |cells: u16| cells.saturating_add(LEAST_FINDING) <= left;
    let all = each(ports.len()).saturating_add(each(products.len()));
    let unfold_products = !products.is_empty() && !ports.is_empty() && fits(all);
    let unfold_ports = !ports.is_empty()
        && (unfold_products || fits(each(ports.len()).saturating_add(folded.1 + 1)));
    if unfold_ports {
        columns.extend(
            ports.iter().map(|port| Column::new(port.to_string(), ONE).by(By::Port(*port))),
        );
    } else {
        columns.push(Column::new("TARGETS", folded.0).by(By::Targets));
    }
    if unfold_products {
        let short = |of: &Product| short_name(of).to_uppercase();
        columns.extend(
            products.iter().map(|product| {
                Column::new(short(product), ONE).by(By::Product((*product).clone()))
            }),
        );
    } else {
        columns.push(Column::new("PROBES", folded.1).by(By::Probes));
    }
    Kinds {
        ports: unfold_ports.then(|| ports.into_iter().collect()),
        products: unfold_products.then(|| products.into_iter().cloned().collect()),
    }
}

/// A product's name in at most five cells.
pub(super) fn short_name(product: &Product) -> String {
    let name = product.as_str();
    if text::width(name) <= usize::from(ONE) {
        return name.to_owned();
    }
    name.chars().take(4).collect()
}

/// Findings by what they are about, for the few rows that are seen: one pass over all findings,
/// of which there may be thousands.
pub(super) fn by<'a, Id: Ord>(
    findings: &'a [Finding],
    seen: impl Iterator<Item = &'a Id>,
    about: impl Fn(&'a Finding) -> Option<&'a Id>,
) -> BTreeMap<&'a Id, Vec<&'a Finding>> {
    let mut rows: BTreeMap<&Id, Vec<&Finding>> = seen.map(|id| (id, Vec::new())).collect();
    for finding in findings {
        if let Some(row) = about(finding).and_then(|id| rows.get_mut(id)) {
            row.push(finding);
        }
    }
    rows
}

/// The worst of some findings in a few words: `! 5 unregistered`.
pub(super) fn finding(own: &[&Finding], clear: bool, theme: Theme) -> Span {
    let Some(worst) = own.first() else {
        return if clear { nothing(theme) } else { unknown() };
    };
    let same = own.iter().filter(|one| one.kind == worst.kind).count();
    let count = if same > 1 { format!("{same} ") } else { String::new() };
    let mark = theme.severity(worst.severity);
    Span::new(format!("{mark} {count}{}", worst.kind.after_count()), worst.severity.into())
}

/// Text in lines of so many cells behind a mark; further lines stand under the first.
pub(super) fn wrapped(
    lines: &mut Vec<Line>,
    (mark, words, tone): (&str, &str, Tone),
    columns: u16,
) {
    let indent = " ".repeat(text::width(mark));
    let room = usize::from(columns).saturating_sub(indent.len() + 1);
    for (number, part) in text::wrap(&text::clean(words), room).into_iter().enumerate() {
        let mark = if number == 0 { mark } else { &indent };
        lines.push(vec![Span::new(mark, tone), Span::new(part, tone)]);
    }
}

/// So many seconds, as people say it: `45 s`, `2 min 20 s`, `3 h 5 min`.
pub(super) fn seconds(seconds: u64) -> String {
    crate::core::rings::span(seconds)
}

/// A share in whole percent: only nothing is 0 %, and only everything is 100 %.
pub(super) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 {
        return "<1%".to_owned();
    }
    format!("{:.0}%", (share * 100.0 + 1e-9).floor())
}

/// The worst thing that is wrong with a fleet in so many cells: `! 5 unregistered 3m +1`, that is
/// for how long, and how many other things are wrong.
pub(super) fn worst(
    model: &Model,
    stack: &StackId,
    clear: bool,
    (theme, room): (Theme, u16),
) -> Span {
    let mut own = model.causes.iter().filter(|cause| cause.key.stack_id.as_ref() == Some(stack));
    let Some(worst) = own.next() else {
        return if clear { nothing(theme) } else { unknown() };
    };
    let mark = theme.severity(worst.severity);
    // What is snoozed stands last: when it stands here, all of it is.
    if let Some(snoozed) = snoozed(model, worst) {
        let words = worst.key.kind.after_count();
        let forms = [format!("{mark} {snoozed}: {words}"), format!("{mark} {snoozed}")];
        let fits = |form: &&String| text::width(form) <= usize::from(room);
        return Span::new(forms.iter().find(fits).unwrap_or(&forms[1]).clone(), Tone::Dim);
    }
    let more = own.count();
    let since = text::age(age(worst.since, model.now));
    let short = Short { kind: worst.key.kind, cases: worst.cases.len(), since: &since, more };
    Span::new(short.fitting(mark, room), worst.severity.into())
}

/// The worst of several things that are wrong, in a few words.
pub(super) struct Short<'a> {
    pub kind: FindingKind,
    pub cases: usize,
    /// For how long.
    pub since: &'a str,
    /// How many others there are.
    pub more: usize,
}

impl Short<'_> {
    /// The most telling form that fits.
    pub(super) fn fitting(&self, mark: &str, room: u16) -> String {
        let count = match self.cases {
            1 => String::new(),
            count => format!("{count} "),
        };
        let more = match self.more {
            0 => String::new(),
            others => format!(" +{others}"),
        };
        let (words, since) = (self.kind.after_count(), self.since);
        let name = self.kind.to_string().replace('_', " ");
        let forms = [
            format!("{mark} {count}{words} {since}{more}"),
            format!("{mark} {count}{words}{more}"),
            format!("{mark} {count}{words}"),
            format!("{mark} {name}"),
        ];
        let fits = |form: &&String| text::width(form) <= usize::from(room);
        forms.iter().find(fits).unwrap_or(&forms[2]).clone()
    }
}

/// That a cause is snoozed, and for how long still, in a fragment.
pub(super) fn snoozed(model: &Model, cause: &Cause) -> Option<String> {
    let left = model.snooze(&cause.key)?.left(model.now);
    Some(format!("snoozed {}", text::age(left)))
}

/// Causes as sentences with what to do, in so much room; what does not fit is counted.
pub(super) fn causes<'a>(
    model: &Model,
    causes: impl Iterator<Item = &'a Cause>,
    theme: Theme,
    room: Size,
) -> Vec<Line> {
    let all = model.findings();
    let (mut lines, mut left) = (Vec::new(), 0);
    for cause in causes {
        if lines.len() + 1 >= usize::from(room.rows) {
            left += 1;
            continue;
        }
        let Some(first) = cause.findings(all).next() else { continue };
        if let Some(snoozed) = snoozed(model, cause) {
            let mark = format!(" {} ", theme.severity(cause.severity));
            let text = format!("{snoozed}: {}", cause.title(all));
            wrapped(&mut lines, (&mark, &text, Tone::Dim), room.columns);
            continue;
        }
        if cause.cases.len() == 1 {
            lines.extend(sentence(model, first, theme, room.columns));
        } else {
            let mark = format!(" {} ", theme.severity(cause.severity));
            let since = text::age(age(cause.since, model.now));
            let title = format!("{} ({since})", cause.title(all));
            let from = lines.len();
            wrapped(&mut lines, (&mark, &title, bold(cause.severity)), room.columns);
            lines[from][0].tone = cause.severity.into();
        }
        if !cause.follows.is_empty() {
            let with = format!("with it: {}", cause.with_it(all).join(", "));
            wrapped(&mut lines, ("   ", &with, Tone::Plain), room.columns);
        }
        lines.extend(runbook(first, theme, room.columns));
    }
    count_the_rest(&mut lines, left, theme, room)
}

/// Findings as sentences, in so much room; what does not fit is counted.
pub(super) fn cases<'a>(
    model: &Model,
    findings: impl Iterator<Item = &'a Finding>,
    theme: Theme,
    room: Size,
) -> Vec<Line> {
    let (mut lines, mut left) = (Vec::new(), 0);
    for finding in findings {
        if lines.len() + 1 >= usize::from(room.rows) {
            left += 1;
        } else {
            lines.extend(sentence(model, finding, theme, room.columns));
        }
    }
    count_the_rest(&mut lines, left, theme, room)
}

fn count_the_rest(lines: &mut Vec<Line>, left: usize, theme: Theme, room: Size) -> Vec<Line> {
    let rows = usize::from(room.rows);
    if left > 0 || lines.len() > rows {
        lines.truncate(rows.saturating_sub(1));
        let rest = match left {
            0 => theme.ellipsis().to_owned(),
            left => format!("{} and {left} more", theme.ellipsis()),
        };
        lines.push(line(format!(" {rest}"), Tone::Strong));
    }
    std::mem::take(lines)
}

/// Findings as sentences, the first of a kind with what to do, in so much room; what does not fit
/// is counted, so that nothing is hidden in silence.
pub(super) fn sentences<'a>(
    model: &Model,
    findings: impl Iterator<Item = &'a Finding>,
    theme: Theme,
    room: Size,
) -> Vec<Line> {
    let rows = usize::from(room.rows);
    let (mut lines, mut left, mut kinds) = (Vec::new(), 0, BTreeSet::new());
    for finding in findings {
        if lines.len() + 1 >= rows {
            left += 1;
            continue;
        }
        lines.extend(sentence(model, finding, theme, room.columns));
        if kinds.insert(finding.kind) {
            lines.extend(runbook(finding, theme, room.columns));
        }
    }
    if left > 0 {
        lines.truncate(rows.saturating_sub(1));
        lines.push(line(format!(" {} and {left} more", theme.ellipsis()), Tone::Strong));
    }
    lines
}

fn sentence(model: &Model, finding: &Finding, theme: Theme, columns: u16) -> Vec<Line> {
    let mut mark = format!(" {} ", theme.severity(finding.severity));
    let since = text::age(age(finding.since, model.now));
    let room = usize::from(columns).saturating_sub(text::width(&mark));
    let mut lines = Vec::new();
    for part in text::wrap(&format!("{} ({since})", finding.summary), room) {
        let mark = std::mem::replace(&mut mark, "   ".into());
        let words = Span::new(part, bold(finding.severity));
        lines.push(vec![Span::new(mark, finding.severity.into()), words]);
    }
    lines
}

fn runbook(finding: &Finding, theme: Theme, columns: u16) -> Vec<Line> {
    let mut mark = format!("   {} ", theme.arrow());
    let indent = " ".repeat(text::width(&mark));
    let room = usize::from(columns).saturating_sub(indent.len());
    let mut lines = Vec::new();
    for part in text::wrap(&finding.runbook, room) {
        let mark = std::mem::replace(&mut mark, indent.clone());
        lines.push(line(format!("{mark}{part}"), Tone::Plain));
    }
    lines
}

fn bold(severity: Severity) -> Tone {
    if severity == Severity::Critical { Tone::Strong } else { Tone::Plain }
}

/// What to say where there is no table: what failed and what to do about it.
pub(super) fn failures(model: &Model, theme: Theme, columns: u16) -> Vec<Line> {
    let room = usize::from(columns.saturating_sub(5));
    let mut lines = Vec::new();
    let mut said = BTreeSet::new();
    for (source, error) in
        model.sources.iter().filter_map(|it| Some((it.source, it.error.as_ref()?)))
    {
        for part in text::wrap(&format!("{source}: {}", error.value), room) {
            lines.push(line(format!(" {part}"), Tone::Warn));
        }
        if said.insert(error.value.kind) {
            for part in text::wrap(error.value.kind.next_step(), room) {
                lines.push(line(format!("   {} {part}", theme.arrow()), Tone::Plain));
            }
        }
    }
    lines
}

/// A body without a table.
pub(super) fn message(title: &str, sentence: &str, more: Vec<Line>, columns: u16) -> Text {
    let room = usize::from(columns.saturating_sub(2));
    let mut lines: Vec<Line> = text::wrap(sentence, room)
        .into_iter()
        .map(|part| line(format!(" {part}"), Tone::Strong))
        .collect();
    lines.extend(more);
    Text { title: title.to_owned(), lines }
}
