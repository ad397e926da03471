//! The home screen: a row per fleet, and what is wrong with the selected one. At 80×24:
//!
//! ```text
//! ─ Fleets 2 ─────────────────────────────────────────────────────────────────────
//!   STACK       ROLE       TRAFFIC   NODES MEMBERS TARGETS  PROBES    FINDING
//! ▶ blue-412    ◆ LIVE     ████ 100% 6/6   6       6/6      6/6       –
//!   green-413   ◇ STANDBY  ░░░░   0% 6/6   1 !     5/6:3100 5/6 loki  ‼ boot race
//! ─ green-413 ────────────────────────────────────────────────────────────────────
//!  ‼ boot race: 6 nodes of green-413 in service, 1 in glt (1m)
//!    → Repair the fleet in one plan, then replace the boot script: …
//! ─ What changed ─────────────────────────────────────────────────────────────────
//!  14:02:11 ! i-0a…0003 loki pass → fail: no answer within 2 s
//! ```
//!
//! From 100 columns on the two panes stand side by side, and what the traffic shows stands beside
//! what the API says; from about 120 on there are rings and a column a port, then a column a
//! product.

use super::cells::{self, Kinds, add_kinds, nothing, ratio, unknown};
use super::table::{self, Column, Row, Table};
use super::{Body, Layout, Line, Main, Panes, Span, Text, elsewhere, glance, line, locks};
use super::{shown, timeline};
use crate::app::{Column as By, Model, RowId, Size, elsewhere as far};
use crate::core::estate::{Fleet, ProbeSummary, Role};
use crate::core::finding::Severity;
use crate::core::ids::{Product, StackId};
use crate::core::observed::{Observed, age};
use crate::core::rings::{shown as of_fleet, troubles};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};

/// From so many columns on, findings and changes stand side by side.
const SIDE_BY_SIDE: u16 = 100;

/// The body of the screen.
pub(super) fn body(model: &Model, theme: Theme, layout: Layout) -> Body {
    let list = &model.screen().list;
    if list.total() == 0 {
        return Body::Text(empty(model, theme, layout.columns));
    }
    let (above, below) = layout.split(list.rows().len());
    let (page, heads) = table::page(list.place(), list.rows().len(), above);
    let told = Told::of(model, layout.columns);
    let mut columns = first_columns(layout.columns, told);
    let before_rings = layout.columns.saturating_sub(if told.rings { RINGS + 1 } else { 0 });
    let own = model.estate.iter().flat_map(|estate| estate.fleets.values());
    let kinds = add_kinds(&mut columns, own.chain(elsewhere::fleets(model)), (8, 9), before_rings);
    if told.rings {
        columns.push(Column::new("RINGS", RINGS).by(By::Ring));
    }
    let room = table::left(&columns, layout.columns);
    columns.push(Column::new("FINDING", 0).by(By::Finding));
    let seen = &list.rows()[page.clone()];
    let rows = seen.iter().map(|row| {
        let (name, cells) = cells_of(model, row, (&kinds, told), (theme, room));
        Row { marked: false, selected: list.selected() == Some(row), name, cells }
    });
    let columns = table::marked(columns, list);
    let mut title = table::title("Fleets", &page, list, theme);
    title.push_str(&elsewhere::counted(list));
    let table = Table { title, columns, rows: rows.collect(), heads, height: above };
    let panes = panes(model, theme, Size { columns: layout.columns, rows: below });
    Body::Screen(Main::Table(table), panes)
}

/// The columns before the ports and products.
fn first_columns(columns: u16, told: Told) -> Vec<Column> {
    let wide = columns >= 120;
    let mut all = vec![Column::new("STACK", if wide { 16 } else { 11 }).by(By::Stack)];
    if told.place > 0 {
        all.push(Column::new("PLACE", told.place).by(By::Place));
    }
    all.push(Column::new("ROLE", 10).by(By::Role));
    all.push(if told.bar {
        Column::new("TRAFFIC", 9).by(By::Traffic)
    } else {
        Column::new("SHARE", 5).by(By::Traffic)
    });
    if told.shows {
        all.push(Column::new("SHOWS", SHOWS).by(By::Shows));
    }
    all.push(Column::new("NODES", 5).by(By::Nodes));
    all.push(Column::new("MEMBERS", 7).by(By::Members));
    all
}

/// A row's name and its other cells.
fn cells_of(
    model: &Model,
    row: &RowId,
    (kinds, told): (&Kinds, Told),
    (theme, room): (Theme, u16),
) -> (String, Line) {
    let place = (told.place > 0).then(|| elsewhere::place(row, model, (theme, told.place)));
    let mut line: Line = place.into_iter().collect();
    match row {
        RowId::Fleet(stack) => {
            let Some(fleet) = model.fleet(stack) else { return (stack.to_string(), line) };
            let current = model.groups_are_current();
            let share = told.shows.then(|| {
                let estate = model.estate.as_ref();
                let share = shown::share(estate.and_then(|it| of_fleet(it, stack, None)));
                Span::new(format!("{:>4}", share.text), share.tone)
            });
            line.extend(self::row(fleet, (current, share), (kinds, told), theme));
            line.extend(told.rings.then(|| rings(fleet, theme)));
            let clear = fleet.unknowns(current).is_empty();
            line.push(cells::worst(model, stack, clear, (theme, room)));
            (stack.to_string(), line)
        }
        RowId::Far(context, stack) => {
            let Some(far) = far::fleet(model, context, stack) else {
                return (stack.to_string(), line);
            };
            let share = told.shows.then(unknown);
            let seen = (far.groups_are_current, share);
            line.extend(self::row(&far.fleet, seen, (kinds, told), theme));
            line.extend(told.rings.then(unknown));
            line.push(elsewhere::worst(far, model.now, (theme, room)));
            (stack.to_string(), line)
        }
        RowId::Place(context) => {
            let (name, words) = elsewhere::words(model, context.as_deref());
            line.push(words);
            (name.to_owned(), line)
        }
        _ => {
            line.extend(stray(model, told));
            ("(no fleet)".into(), line)
        }
    }
}

/// What is wrong with the selected fleet, and what changed: side by side where there is room.
fn panes(model: &Model, theme: Theme, room: Size) -> Panes {
    let rows = room.rows.saturating_sub(1);
    if room.rows == 0 {
        return Panes::None;
    }
    let selected = model.screen().list.selected();
    match selected {
        // What changed here says nothing of another place.
        Some(RowId::Far(..) | RowId::Place(Some(_))) => {
            return Panes::One(elsewhere::details(model, theme, Size { rows, ..room }));
        }
        Some(RowId::Place(None)) => return Panes::One(empty(model, theme, room.columns)),
        _ => {}
    }
    let fleet = selected.and_then(stack).and_then(|stack| model.fleet(stack));
    let stack = fleet.map(|fleet| &fleet.stack_id);
    if room.columns >= SIDE_BY_SIDE {
        let columns = room.columns * 11 / 20;
        let findings = details(model, fleet, theme, Size { columns, rows });
        let changed = timeline::recent(model, stack, rows.into(), theme);
        return Panes::Beside(findings, columns, changed);
    }
    // Findings come first, and leave what changed two lines at least where there are enough.
    let most = if rows >= 8 { rows - 3 } else { rows };
    let findings = details(model, fleet, theme, Size { columns: room.columns, rows: most });
    let taken = u16::try_from(findings.lines.len()).unwrap_or(u16::MAX).saturating_add(1);
    match room.rows.saturating_sub(taken) {
        0..=1 => Panes::One(findings),
        left => {
            let changed = timeline::recent(model, stack, usize::from(left - 1), theme);
            Panes::Stacked(findings, taken, changed)
        }
    }
}

fn stack(row: &RowId) -> Option<&StackId> {
    match row {
        RowId::Fleet(stack) => Some(stack),
        _ => None,
    }
}

/// The cells of the nodes that belong to no fleet.
fn stray(model: &Model, told: Told) -> Line {
    let nodes = model.estate.iter().flat_map(|estate| estate.nodes.values());
    let count = nodes.filter(|node| node.stack_id.is_none()).count();
    let name = Span::new(count.to_string(), Tone::Warn);
    let before = if told.shows { 3 } else { 2 };
    (0..before).map(|_| Span::default()).chain([name]).collect()
}

/// Cells of the column of what the traffic shows: `100%?`.
const SHOWS: u16 = 5;
/// Cells of the column of rings: `L12! T12`.
const RINGS: u16 = 8;

/// Which of what nodes tell has a column: what was ever read, where there is room.
#[derive(Clone, Copy)]
struct Told {
    shows: bool,
    rings: bool,
    /// Cells of the column of places; none where there is only this one.
    place: u16,
    /// Whether a share is drawn too.
    bar: bool,
}

impl Told {
    fn of(model: &Model, columns: u16) -> Self {
        Self {
            shows: columns >= SIDE_BY_SIDE && shown::is_read(model),
            rings: columns >= 120 && !model.inventory.rings.is_empty(),
            place: elsewhere::column(model, columns),
            bar: columns >= SIDE_BY_SIDE || model.elsewhere.is_empty(),
        }
    }
}

/// Members that are active, a product each: `L6 T6`; `!` where something is wrong with the ring,
/// a dash where it is not shared.
fn rings(fleet: &Fleet, theme: Theme) -> Span {
    if fleet.rings.is_empty() {
        return unknown();
    }
    let mut worst = None;
    let each = fleet.rings.iter().map(|ring| {
        let initial = short_initial(&ring.product);
        let trouble = troubles(fleet, ring).first().map(|it| it.severity);
        worst = worst.max(trouble);
        match trouble {
            _ if ring.unknown == ring.of => format!("{initial}?"),
            _ if super::rings::is_not_shared(ring) => format!("{initial}{}", theme.nothing()),
            Some(Severity::Warning | Severity::Critical) => format!("{initial}{}!", ring.active),
            _ => format!("{initial}{}", ring.active),
        }
    });
    let text = each.collect::<Vec<_>>().join(" ");
    let tone = match worst {
        Some(worst @ (Severity::Warning | Severity::Critical)) => worst.into(),
        _ if text.contains('?') => Tone::Unknown,
        _ => Tone::Plain,
    };
    Span::new(text, tone)
}

fn short_initial(product: &Product) -> String {
    let mut letters = product.as_str().chars();
    letters.next().map(|it| it.to_uppercase().to_string()).unwrap_or_default()
}

fn row(
    fleet: &Fleet,
    (current, share): (bool, Option<Span>),
    (kinds, told): (&Kinds, Told),
    theme: Theme,
) -> Line {
    let mut cells = vec![role(fleet.role, theme), traffic(fleet, told, theme)];
    cells.extend(share);
    cells.extend([nodes(fleet, current, theme), members(fleet)]);
    match &kinds.ports {
        Some(ports) => cells.extend(ports.iter().map(|port| targets(fleet, *port, theme))),
        None => cells.push(worst_targets(fleet, theme)),
    }
    match &kinds.products {
        Some(products) => cells.extend(products.iter().map(|product| {
            let own = fleet.probes.iter().find(|probe| probe.service == *product);
            own.map_or_else(|| nothing(theme), |own| probes(own, theme))
        })),
        None => cells.push(worst_probes(fleet, theme)),
    }
    cells
}

fn role(role: Role, theme: Theme) -> Span {
    let tone = match role {
        Role::Live => Tone::Strong,
        Role::Shifting => Tone::Warn,
        Role::Standby => Tone::Plain,
        Role::Idle => Tone::Dim,
        Role::Unknown => return unknown(),
    };
    Span::new(format!("{} {}", theme.role(role), role.to_string().to_uppercase()), tone)
}

fn traffic(fleet: &Fleet, told: Told, theme: Theme) -> Span {
    match fleet.traffic_share.map(|share| (share, cells::percent(share))) {
        Some((_, percent)) if !told.bar => Span::new(format!("{percent:>4}"), Tone::Plain),
        Some((share, percent)) => {
            Span::new(format!("{} {percent:>4}", theme.bar(share, 4)), Tone::Plain)
        }
        None if fleet.listeners.is_empty() && fleet.role != Role::Unknown => nothing(theme),
        None => unknown(),
    }
}

/// Nodes in service; marked where the groups' word is too old to be the present.
fn nodes(fleet: &Fleet, current: bool, theme: Theme) -> Span {
    match (fleet.in_service(), current) {
        (Some((up, desired)), true) => ratio(up, desired),
        (Some((up, desired)), false) => Span::new(format!("{up}/{desired}?"), Tone::Unknown),
        (None, true) => nothing(theme),
        (None, false) => unknown(),
    }
}

fn members(fleet: &Fleet) -> Span {
    let Some(members) = fleet.members else { return unknown() };
    let expected: u32 = fleet.registry.iter().map(|service| service.expected).sum();
    if members == expected {
        Span::new(members.to_string(), Tone::Plain)
    } else {
        Span::new(format!("{members} !"), Tone::Warn)
    }
}

/// Healthy and registered over the fleet's groups on a port; `None` where one is unknown.
fn capacity(fleet: &Fleet, port: u16) -> Option<(u32, u32)> {
    fleet.targets.iter().filter(|target| target.port == port).try_fold((0, 0), |sum, target| {
        let own = target.capacity.as_ref()?;
        Some((sum.0 + own.healthy, sum.1 + own.registered))
    })
}

fn targets(fleet: &Fleet, port: u16, theme: Theme) -> Span {
    if fleet.targets.iter().all(|target| target.port != port) {
        return nothing(theme);
    }
    capacity(fleet, port).map_or_else(unknown, |(healthy, registered)| ratio(healthy, registered))
}

/// The port that stands worst, named where others stand better.
fn worst_targets(fleet: &Fleet, theme: Theme) -> Span {
    let mut ports: Vec<_> = fleet.targets.iter().map(|target| target.port).collect();
    ports.sort_unstable();
    ports.dedup();
    let all: Vec<_> = ports.iter().map(|port| (capacity(fleet, *port), *port)).collect();
    let worst = all.iter().min_by(|(one, _), (other, _)| part(*one).total_cmp(&part(*other)));
    let Some((worst, port)) = worst else { return nothing(theme) };
    let mut cell = targets(fleet, *port, theme);
    if all.iter().any(|(other, _)| other != worst) {
        cell.text = format!("{}:{port}", cell.text);
    }
    cell
}

/// How much of it is well; unknown is worse than nothing.
fn part(of: Option<(u32, u32)>) -> f64 {
    match of {
        None => -1.0,
        Some((_, 0)) => 0.0,
        Some((healthy, registered)) => f64::from(healthy) / f64::from(registered),
    }
}

fn probes(own: &ProbeSummary, theme: Theme) -> Span {
    let all = own.pass + own.fail + own.unknown;
    match (all, own.unknown) {
        (0, _) => nothing(theme),
        (_, 0) => ratio(own.pass, all),
        (all, unknown_ones) if unknown_ones == all => unknown(),
        (all, _) => Span::new(format!("{}/{all}?", own.pass), Tone::Unknown),
    }
}

/// The product that stands worst, named where others stand better.
fn worst_probes(fleet: &Fleet, theme: Theme) -> Span {
    let rank = |own: &&ProbeSummary| (own.fail, own.unknown);
    let probed = fleet.probes.iter().filter(|own| own.pass + own.fail + own.unknown > 0);
    let Some(worst) = probed.clone().max_by_key(rank) else { return nothing(theme) };
    let mut cell = probes(worst, theme);
    if probed.clone().any(|other| rank(&other) != rank(&worst)) {
        cell.text = format!("{} {}", cell.text, cells::short_name(&worst.service));
    }
    cell
}

fn details(model: &Model, fleet: Option<&Fleet>, theme: Theme, room: Size) -> Text {
    if model.screen().list.selected().is_none() {
        // Of no fleet nothing is said, least of all that all is well.
        let sentence = line(" The filter leaves no fleet.", Tone::Plain);
        return Text { title: String::new(), lines: vec![sentence] };
    }
    let mut lines = Vec::new();
    let unknowns =
        fleet.map(|fleet| fleet.unknowns(model.groups_are_current())).unwrap_or_default();
    if !unknowns.is_empty() {
        let sentence = format!("? Not known now: {}.", unknowns.join(", "));
        let parts = text::wrap(&sentence, usize::from(room.columns.saturating_sub(2)));
        lines.extend(parts.into_iter().map(|part| line(format!(" {part}"), Tone::Unknown)));
    }
    let lock = fleet.and_then(|fleet| locks::on(model, &fleet.stack_id));
    if let Some(lock) = lock {
        locks::line_of(&mut lines, model, lock, room.columns);
    }
    // A contradiction between API and traffic comes before everything, agreement after it.
    let said = fleet.and_then(|fleet| shown::sentence(model, fleet));
    let (odd, even): (Vec<_>, Vec<_>) = said.into_iter().partition(|(_, tone)| *tone == Tone::Warn);
    for (text, tone) in odd {
        cells::wrapped(&mut lines, (" ", &text, tone), room.columns);
    }
    let taken = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let (all_room, room_columns) = (room.rows, room.columns);
    let room = Size { rows: room.rows.saturating_sub(taken), ..room };
    // What concerns no fleet would be seen nowhere else here.
    let stack = fleet.map(|fleet| &fleet.stack_id);
    let of = |about: Option<&StackId>| {
        let about = about.cloned();
        model.causes.iter().filter(move |one| one.key.stack_id == about)
    };
    let causes = of(stack).chain(of(None).filter(|_| stack.is_some()));
    lines.extend(cells::causes(model, causes, theme, room));
    if lines.len() <= usize::from(taken) && unknowns.is_empty() {
        lines.push(line(" Nothing disagrees.", Tone::Plain));
    }
    let dns = fleet.map(|fleet| dns(model, fleet)).unwrap_or_default();
    for (text, tone) in even.into_iter().chain(dns) {
        let mut more = Vec::new();
        cells::wrapped(&mut more, (" ", &text, tone), room.columns);
        if lines.len() + more.len() <= usize::from(all_room) {
            lines.append(&mut more);
        }
    }
    if let Some(stack) = stack.filter(|_| model.size.columns >= glance::COLUMNS) {
        let room = usize::from(all_room).saturating_sub(lines.len());
        let mut against = Vec::new();
        glance::against(&mut against, model, stack, room_columns);
        let hour = glance::hour(model, stack, theme);
        // Whole or not at all: half a sentence compares nothing.
        let fits = against.len() <= room;
        lines.extend(against.into_iter().filter(|_| fits));
        let room = usize::from(all_room).saturating_sub(lines.len());
        lines.extend(hour.into_iter().take(room));
    }
    Text { title: stack.map(ToString::to_string).unwrap_or_default(), lines }
}

/// What DNS answers for the names of the fleet's registry services.
fn dns(model: &Model, fleet: &Fleet) -> Vec<(String, Tone)> {
    let views = model.estate.iter().flat_map(|estate| &estate.dns);
    let own = views.filter(|view| fleet.registry.iter().any(|it| it.service_id == view.service));
    own.flat_map(|view| {
        let every = model.inventory.dns.get(&view.name).map(Observed::every).unwrap_or_default();
        let old = view.observed_at.map(|at| age(at, model.now).max(every));
        let age = old.map(text::age);
        let age = match (age, &view.answer) {
            (Some(age), Some(_)) => format!(" ({age})"),
            (Some(age), None) => format!(" (STALE {age})"),
            (None, _) => String::new(),
        };
        let mut says = super::node::dns_words(view);
        if let Some((first, _)) = says.first_mut() {
            *first = format!("DNS {first}{age}");
        }
        says
    })
    .collect()
}

/// Nothing to list: because nothing is known yet, or because there is nothing.
fn empty(model: &Model, theme: Theme, columns: u16) -> Text {
    if let Some(trouble) = &model.unconnected {
        let mut more = Vec::new();
        cells::wrapped(&mut more, (" ", &trouble.next, Tone::Plain), columns);
        return cells::message("Fleets", &text::clean(&trouble.what), more, columns);
    }
    let failures = cells::failures(model, theme, columns);
    let sentence = if !failures.is_empty() {
        "Nothing is known yet: not every source could be read."
    } else if model.estate.as_ref().is_some_and(|estate| estate.whole) {
        "No fleet found: no registered instance and no Auto Scaling group carries STACK or \
         STACK_ID here. Check the region and the account above."
    } else {
        "Reading. Nothing is known yet."
    };
    cells::message("Fleets", sentence, failures, columns)
}
