//! The rings of all fleets, a fleet and product each: whether its nodes see one ring, and in words
//! what is wrong with it; of the selected one who sees whom, and what must be forgotten. At 80×24:
//!
//! ```text
//! ─ Rings 4 ──────────────────────────────────────────────────────────────────────
//!   RING    FLEET        ACTIVE  VERSION  READ     SEEN AS
//! ▶ loki    blue-412     6/6     2.9.4    <1m      one ring
//!   tempo ‼ blue-412     5/6     1.5.0    <1m      ‼ SPLIT 4+2, 2 COMPACTORS
//! ─ tempo of blue-412 ────────────────────────────────────────────────────────────
//!  ‼ SPLIT 4+2
//!  A 4 nodes see 4 members: i-0ab…1, i-0ab…2, i-0ab…3, i-0ab…4
//!  B 2 nodes see 2 members: i-0ab…5, i-0ab…6
//!  ‼ tempo-7 UNHEALTHY KEEPS i-0ab…6 FROM READY
//!    10.0.0.9:9095, no instance has its address, last heartbeat 5 min 3 s ago
//! curl -sS -X POST --data-urlencode forget=tempo-7 http://10.0.0.4:3200/ingester/ring
//! ```
//!
//! From 120 columns on it says which node runs the compactor.

use super::table::{self, Column, Row, Table};
use super::{Body, Layout, Line, Main, Span, Text, cells, line, shown};
use crate::app::{Column as By, Model, RowId, Size};
use crate::core::estate::Fleet;
use crate::core::finding::Severity;
use crate::core::ids::{InstanceId, Product, StackId};
use crate::core::observed::{Observed, age};
use crate::core::rings::{Debris, FleetRing, SeenBy, troubles, views_of};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};

/// From so many columns on there is a column of compactors.
const WIDE: u16 = 120;
/// Nodes are named up to this many; of more, the number.
const NAMED: usize = 6;

/// The body of the screen.
pub(super) fn body(model: &Model, theme: Theme, layout: Layout) -> Body {
    let list = &model.screen().list;
    if list.total() == 0 {
        return Body::Text(empty(model, theme, layout));
    }
    let (above, below) = layout.split(list.rows().len());
    let (page, heads) = table::page(list.place(), list.rows().len(), above);
    let wide = layout.columns >= WIDE;
    let mut columns = vec![
        Column::new("RING", 7).by(By::Ring),
        Column::new("FLEET", if wide { 18 } else { 12 }).by(By::Stack),
        Column::new("ACTIVE", 7).by(By::Active),
        Column::new("VERSION", 8).by(By::Version),
        Column::new("READ", 8).by(By::Age),
    ];
    if wide {
        columns.push(Column::new("COMPACTOR", 19));
    }
    columns.push(Column::new("SEEN AS", 0).by(By::Finding));
    let rows = list.rows()[page.clone()].iter().filter_map(|row| {
        let RowId::Ring(stack, product) = row else { return None };
        let cells = row_of(model, (stack, product), wide, theme);
        let name = marked(model, (stack, product), theme);
        Some(Row { marked: false, selected: list.selected() == Some(row), name, cells })
    });
    let rows = rows.collect();
    let title = table::title("Rings", &page, list, theme);
    let room = Size { columns: layout.columns, rows: below.saturating_sub(1) };
    let details = match list.selected() {
        Some(RowId::Ring(stack, product)) if below > 0 => {
            Some(details(model, (stack, product), theme, room))
        }
        _ => None,
    };
    Body::Screen(Main::Table(Table { title, columns, rows, heads, height: above }), details.into())
}

/// The product's name, marked where something is wrong: the narrowest terminal shows that much.
fn marked(model: &Model, of: (&StackId, &Product), theme: Theme) -> String {
    let worst = find(model, of).and_then(|(fleet, ring)| troubles(fleet, ring).into_iter().next());
    match worst.map(|trouble| trouble.severity) {
        Some(severity @ (Severity::Warning | Severity::Critical)) => {
            format!("{} {}", of.1, theme.severity(severity))
        }
        Some(Severity::Info) | None => of.1.to_string(),
    }
}

/// A fleet's ring of a product, as far as it is known now.
pub(super) fn find<'a>(
    model: &'a Model,
    (stack, product): (&StackId, &Product),
) -> Option<(&'a Fleet, &'a FleetRing)> {
    let fleet = model.fleet(stack)?;
    fleet.rings.iter().find(|ring| ring.product == *product).map(|ring| (fleet, ring))
}

fn row_of(model: &Model, (stack, product): (&StackId, &Product), wide: bool, theme: Theme) -> Line {
    let fleet_cells = if wide { 18 } else { 12 };
    let name = text::fit_name(&text::clean(stack.as_str()), fleet_cells, theme.ellipsis());
    let mut cells = vec![Span::new(name, Tone::Plain)];
    let Some((fleet, ring)) = find(model, (stack, product)) else {
        cells.extend([cells::unknown(), cells::unknown()]);
        cells.push(read(model, model.fleet(stack), None));
        if wide {
            cells.push(cells::unknown());
        }
        cells.push(Span::new("? not known now", Tone::Unknown));
        return cells;
    };
    cells.push(active(ring, theme));
    cells.push(version(ring));
    cells.push(read(model, Some(fleet), Some(ring)));
    if wide {
        cells.push(compactor(ring, theme));
    }
    cells.push(seen_as(fleet, ring, theme));
    cells
}

/// Members that are active, of those that should be.
pub(super) fn active(ring: &FleetRing, theme: Theme) -> Span {
    if is_not_shared(ring) {
        return cells::nothing(theme);
    }
    match ring.unknown {
        0 => cells::ratio(ring.active, ring.of),
        unknown if unknown == ring.of => cells::unknown(),
        _ => Span::new(format!("{}/{}?", ring.active, ring.of), Tone::Unknown),
    }
}

/// Whether each node of the fleet has a ring in its own memory, and nothing is shared.
pub(super) fn is_not_shared(ring: &FleetRing) -> bool {
    ring.of > 0 && ring.not_shared.len() >= usize::try_from(ring.of).unwrap_or(usize::MAX)
}

fn version(ring: &FleetRing) -> Span {
    let mut versions = ring.versions.keys();
    match (versions.next(), versions.next()) {
        (None, _) => cells::unknown(),
        (Some(one), None) => Span::new(one.to_string(), Tone::Plain),
        (Some(_), Some(_)) => Span::new(format!("{} kinds", ring.versions.len()), Tone::Warn),
    }
}

fn compactor(ring: &FleetRing, theme: Theme) -> Span {
    match ring.compactors.as_deref() {
        // Only Loki says so of itself.
        None => cells::nothing(theme),
        Some([]) => Span::new("! none", Tone::Warn),
        Some([one]) => {
            let name = text::fit_name(&text::clean(one.as_str()), 19, theme.ellipsis());
            Span::new(name, Tone::Plain)
        }
        Some(several) => Span::new(format!("! {} nodes", several.len()), Tone::Warn),
    }
}

/// How old the oldest view is, at least the interval at which it is read; STALE in the word.
pub(super) fn read(model: &Model, fleet: Option<&Fleet>, ring: Option<&FleetRing>) -> Span {
    let Some(fleet) = fleet else { return cells::unknown() };
    let of = |id: &InstanceId| model.inventory.rings.get(id);
    let every = fleet.nodes.iter().find_map(of).map(Observed::every).unwrap_or_default();
    let last = || shown::last(fleet, |id| of(id).and_then(Observed::observed_at));
    let at = ring.and_then(|ring| ring.observed_at).or_else(last);
    match at.map(|at| text::age(age(at, model.now).max(every))) {
        Some(old) if ring.is_none() => Span::new(format!("STALE {old}"), Tone::Warn),
        Some(old) => Span::new(old, Tone::Plain),
        None => cells::unknown(),
    }
}

/// What the ring is, in words: the worst first.
fn seen_as(fleet: &Fleet, ring: &FleetRing, theme: Theme) -> Span {
    let all = troubles(fleet, ring);
    let text = all.iter().map(|trouble| trouble.text.as_str()).collect::<Vec<_>>().join(", ");
    match all.first().map(|trouble| trouble.severity) {
        Some(worst @ (Severity::Warning | Severity::Critical)) => {
            Span::new(format!("{} {text}", theme.severity(worst)), worst.into())
        }
        _ if is_not_shared(ring) => Span::new("not shared: each node by itself", Tone::Dim),
        _ if ring.unknown == ring.of => Span::new("? cannot be told", Tone::Unknown),
        Some(Severity::Info) => Span::new(format!("one ring {text}"), Tone::Plain),
        None => Span::new("one ring", Tone::Plain),
    }
}

/// The name of a view: A, B, C, …
pub(super) fn letter(place: usize) -> char {
    ('A'..='Z').nth(place).unwrap_or('+')
}

fn details(
    model: &Model,
    (stack, product): (&StackId, &Product),
    theme: Theme,
    room: Size,
) -> Text {
    let title = format!("{product} of {stack}");
    let mut lines = Vec::new();
    let Some((fleet, ring)) = find(model, (stack, product)) else {
        let text = "? Nothing of it is known now: what was read is too old to go by.";
        cells::wrapped(&mut lines, (" ", text, Tone::Unknown), room.columns);
        return Text { title, lines };
    };
    lines.extend(trouble_lines(fleet, ring, theme, room.columns));
    lines.extend(views(model, (stack, product), ring, (theme, room.columns)));
    lines.extend(told(model, (stack, product), ring, room.columns));
    cut(&mut lines, room, theme);
    Text { title, lines }
}

/// What does not fit is not hidden in silence.
pub(super) fn cut(lines: &mut Vec<Line>, room: Size, theme: Theme) {
    let rows = usize::from(room.rows);
    if lines.len() > rows {
        let left = lines.len() - rows + 1;
        lines.truncate(rows.saturating_sub(1));
        lines.push(line(format!(" {} and {left} more lines", theme.ellipsis()), Tone::Strong));
    }
}

/// What is wrong, worst first; members without a heartbeat in full, with what makes the ring forget
/// them.
pub(super) fn trouble_lines(
    fleet: &Fleet,
    ring: &FleetRing,
    theme: Theme,
    columns: u16,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for trouble in troubles(fleet, ring) {
        let mark = format!(" {} ", theme.severity(trouble.severity));
        cells::wrapped(&mut lines, (&mark, &trouble.text, trouble.severity.into()), columns);
        let of = ring.debris.iter().find(|of| is_told_by(of, &trouble.text));
        if let Some(of) = of {
            debris(&mut lines, of, columns);
        }
    }
    lines
}

fn is_told_by(of: &Debris, text: &str) -> bool {
    text.starts_with(&format!("{} {}", of.member.id, of.member.state))
}

/// A member without a heartbeat: where it is, for how long it is silent, and the command.
pub(super) fn debris(lines: &mut Vec<Line>, of: &Debris, columns: u16) {
    let whose = match &of.instance {
        Some(id) => format!("address of {id}"),
        None => "no instance has its address".to_owned(),
    };
    let silent = of.member.heartbeat_age.map_or_else(
        || "last heartbeat ?".to_owned(),
        |age| format!("last heartbeat {} ago", cells::seconds(age)),
    );
    let text = format!("{}, {whose}, {silent}; if it is gone for good:", of.member.address);
    cells::wrapped(lines, ("   ", &text, Tone::Plain), columns);
    match &of.forget {
        Some(command) => lines.extend(command_lines(command, columns)),
        None => {
            let text = "use Forget on the ring's page of any node";
            cells::wrapped(lines, ("   ", text, Tone::Plain), columns);
        }
    }
}

/// A command from the first cell on, so that it can be copied out of the terminal: where it needs
/// several lines, each is continued as a shell would read it.
pub(super) fn command_lines(command: &str, columns: u16) -> Vec<Line> {
    let room = usize::from(columns);
    if text::width(command) <= room {
        return vec![line(command, Tone::Strong)];
    }
    let mut parts = text::wrap(command, room.saturating_sub(2));
    // Cut within a word it would be another command.
    if parts.join(" ") != command {
        return vec![line(command, Tone::Strong)];
    }
    let last = parts.len() - 1;
    parts.iter_mut().take(last).for_each(|part| part.push_str(" \\"));
    parts.into_iter().map(|part| line(part, Tone::Strong)).collect()
}

/// Who sees how many: a line a view.
pub(super) fn views(
    model: &Model,
    (stack, product): (&StackId, &Product),
    ring: &FleetRing,
    (theme, columns): (Theme, u16),
) -> Vec<Line> {
    let mut lines = Vec::new();
    let Some(estate) = model.estate.as_deref() else { return lines };
    for (place, view) in views_of(estate, stack, product).iter().enumerate() {
        let mark = format!(" {} ", letter(place));
        let tone = if place == 0 { Tone::Plain } else { Tone::Warn };
        cells::wrapped(&mut lines, (&mark, &sees(view, theme), tone), columns);
    }
    if !ring.not_shared.is_empty() {
        let text = format!(
            "{}: a ring in their own memory (target=all), meant to be shared with nobody",
            named(ring.not_shared.iter())
        );
        cells::wrapped(&mut lines, (" ", &text, Tone::Dim), columns);
    }
    lines
}

fn sees(view: &SeenBy<'_>, theme: Theme) -> String {
    let members = view.group.members.len();
    let verb = if view.nodes.len() == 1 { "node sees" } else { "nodes see" };
    let plural = if members == 1 { "member" } else { "members" };
    let all = format!("{} {verb} {members} {plural}: ", view.nodes.len());
    let some = view.nodes.iter().take(NAMED).map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    let rest = if view.nodes.len() > NAMED { theme.ellipsis() } else { "" };
    format!("{all}{some}{rest}")
}

fn named<'a>(ids: impl ExactSizeIterator<Item = &'a InstanceId>) -> String {
    match ids.len() {
        count if count > NAMED => format!("{count} nodes"),
        _ => ids.map(InstanceId::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// Who tells nothing, who left, who leads, what runs.
pub(super) fn told(
    model: &Model,
    (stack, product): (&StackId, &Product),
    ring: &FleetRing,
    columns: u16,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let view = model.estate.as_ref().and_then(|estate| estate.rings.get(product));
    let own =
        |id: &InstanceId| model.node(id).is_some_and(|it| it.stack_id.as_ref() == Some(stack));
    let untold = view.into_iter().flat_map(|view| &view.untold).filter(|(id, _)| own(id));
    for (id, why) in untold.take(NAMED) {
        cells::wrapped(&mut lines, (" ? ", &format!("{id}: {why}"), Tone::Unknown), columns);
    }
    if !ring.left.is_empty() {
        let each = ring.left.iter().map(|one| format!("{} ({})", one.id, one.address));
        let text = format!("left of late, by themselves: {}", each.collect::<Vec<_>>().join(", "));
        cells::wrapped(&mut lines, (" ", &text, Tone::Plain), columns);
    }
    match ring.compactors.as_deref() {
        Some([]) => {
            let text = "no node runs the compactor: retention and compaction stand still";
            cells::wrapped(&mut lines, (" ", text, Tone::Warn), columns);
        }
        Some([one]) => {
            let text = format!("compactor: {one}");
            cells::wrapped(&mut lines, (" ", &text, Tone::Plain), columns);
        }
        Some(several) => {
            let text =
                format!("compactors, of which there should be one: {}", named(several.iter()));
            cells::wrapped(&mut lines, (" ", &text, Tone::Warn), columns);
        }
        None => {}
    }
    if !ring.versions.is_empty() {
        let each = ring.versions.iter().map(|(version, nodes)| format!("{version} on {nodes}"));
        let text = format!("versions: {}", each.collect::<Vec<_>>().join(", "));
        let tone = if ring.versions.len() > 1 { Tone::Warn } else { Tone::Dim };
        cells::wrapped(&mut lines, (" ", &text, tone), columns);
    }
    lines
}

/// Nothing to list: because nothing was read yet, or because there is nothing to read.
fn empty(model: &Model, theme: Theme, layout: Layout) -> Text {
    let failures = cells::failures(model, theme, layout.columns);
    let sentence = if !model.place.probing {
        "Nodes are not asked (probing is off), so nothing is known of their rings."
    } else if !failures.is_empty() {
        "Nothing is known of rings yet: not every source could be read."
    } else if model.estate.as_ref().is_some_and(|estate| estate.fleets.is_empty()) {
        "There is no fleet, and so no ring."
    } else {
        "No node has told of a ring yet."
    };
    cells::message("Rings", sentence, failures, layout.columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_copied_as_a_shell_reads_it() {
        let command = "curl -sS -X POST --data-urlencode forget=loki-3 http://10.0.0.4:3100/ring";
        let text = |columns| {
            let lines = command_lines(command, columns);
            lines.iter().map(|line| line[0].text.clone()).collect::<Vec<_>>()
        };
        assert_eq!(text(80), [command]);
        for columns in [40, 60] {
            let lines = text(columns);
            assert!(lines.iter().all(|line| text::width(line) <= usize::from(columns)));
            assert_eq!(lines.join("\n").replace("\\\n", ""), command);
        }
        assert_eq!(text(20), [command], "cut off rather than changed");
    }
}
