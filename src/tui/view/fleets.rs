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
use super::{Body, Layout, Line, Main, Panes, Span, Text, glance, line, locks, shown, timeline};
use crate::app::{Column as By, Model, RowId, Size};
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
    let Some(estate) = model.estate.as_ref().filter(|_| list.total() > 0) else {
        return Body::Text(empty(model, theme, layout));
    };
    let (above, below) = layout.split(list.rows().len());
    let (page, heads) = table::page(list.place(), list.rows().len(), above);
    let wide = layout.columns >= 120;
    let mut columns = vec![
        Column::new("STACK", if wide { 16 } else { 11 }).by(By::Stack),
        Column::new("ROLE", 10).by(By::Role),
        Column::new("TRAFFIC", 9).by(By::Traffic),
    ];
    let told = Told::of(model, layout.columns);
    if told.shows {
        columns.push(Column::new("SHOWS", SHOWS).by(By::Shows));
    }
    columns
        .extend([Column::new("NODES", 5).by(By::Nodes), Column::new("MEMBERS", 7).by(By::Members)]);
    let before_rings = layout.columns.saturating_sub(if told.rings { RINGS + 1 } else { 0 });
    let kinds = add_kinds(&mut columns, estate.fleets.values(), (8, 9), before_rings);
    if told.rings {
        columns.push(Column::new("RINGS", RINGS).by(By::Ring));
    }
    let room = table::left(&columns, layout.columns);
    columns.push(Column::new("FINDING", 0).by(By::Finding));
    let seen = &list.rows()[page.clone()];
    let rows = seen.iter().map(|row| {
        let selected = list.selected() == Some(row);
        let Some(fleet) = stack(row).and_then(|stack| estate.fleets.get(stack)) else {
            return stray(model, selected, told);
        };
        let mut cells = self::row(model, fleet, (&kinds, told), theme);
        cells.extend(told.rings.then(|| rings(fleet, theme)));
        let clear = unknowns(model, fleet).is_empty();
        cells.push(cells::worst(model, &fleet.stack_id, clear, (theme, room)));
        Row { marked: false, selected, name: fleet.stack_id.to_string(), cells }
    });
    let columns = table::marked(columns, list);
    let title = table::title("Fleets", &page, list, theme);
    let table = Table { title, columns, rows: rows.collect(), heads, height: above };
    let selected = list.selected().and_then(stack).and_then(|stack| estate.fleets.get(stack));
    let panes = panes(model, selected, theme, Size { columns: layout.columns, rows: below });
    Body::Screen(Main::Table(table), panes)
}

/// What is wrong with the selected fleet, and what changed: side by side where there is room.
fn panes(model: &Model, fleet: Option<&Fleet>, theme: Theme, room: Size) -> Panes {
    let stack = fleet.map(|fleet| &fleet.stack_id);
    let rows = room.rows.saturating_sub(1);
    if room.rows == 0 {
        return Panes::None;
    }
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

/// The row of the nodes that belong to no fleet.
fn stray(model: &Model, selected: bool, told: Told) -> Row {
    let nodes = model.estate.iter().flat_map(|estate| estate.nodes.values());
    let count = nodes.filter(|node| node.stack_id.is_none()).count();
    let name = Span::new(count.to_string(), Tone::Warn);
    let before = if told.shows { 3 } else { 2 };
    let cells = (0..before).map(|_| Span::default()).chain([name]).collect();
    Row { marked: false, selected, name: "(no fleet)".into(), cells }
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
}

impl Told {
    fn of(model: &Model, columns: u16) -> Self {
        Self {
            shows: columns >= SIDE_BY_SIDE && shown::is_read(model),
            rings: columns >= 120 && !model.inventory.rings.is_empty(),
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

fn row(model: &Model, fleet: &Fleet, (kinds, told): (&Kinds, Told), theme: Theme) -> Line {
    let mut cells = vec![role(fleet.role, theme), traffic(fleet, theme)];
    if told.shows {
        let estate = model.estate.as_ref();
        let share = shown::share(estate.and_then(|it| of_fleet(it, &fleet.stack_id, None)));
        cells.push(Span::new(format!("{:>4}", share.text), share.tone));
    }
    cells.extend([nodes(model, fleet, theme), members(fleet)]);
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

fn traffic(fleet: &Fleet, theme: Theme) -> Span {
    match fleet.traffic_share {
        Some(share) => {
            let percent = cells::percent(share);
            Span::new(format!("{} {percent:>4}", theme.bar(share, 4)), Tone::Plain)
        }
        None if fleet.listeners.is_empty() && fleet.role != Role::Unknown => nothing(theme),
        None => unknown(),
    }
}

/// Nodes in service; marked where the groups' word is too old to be the present.
fn nodes(model: &Model, fleet: &Fleet, theme: Theme) -> Span {
    match (fleet.in_service(), model.groups_are_current()) {
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

/// What cannot be said of a fleet now.
fn unknowns(model: &Model, fleet: &Fleet) -> Vec<String> {
    let mut all = Vec::new();
    if fleet.role == Role::Unknown {
        all.push("its role".to_owned());
    }
    if !model.groups_are_current() {
        all.push("its nodes in service".to_owned());
    }
    if fleet.members.is_none() {
        all.push("its members".to_owned());
    }
    let ports = fleet.targets.iter().filter(|target| target.capacity.is_none());
    let mut ports: Vec<_> = ports.map(|target| target.port).collect();
    ports.sort_unstable();
    ports.dedup();
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    if !ports.is_empty() {
        all.push(format!("its targets on {}", ports.join(" ")));
    }
    let probes = fleet.probes.iter().filter(|probe| probe.unknown > 0);
    all.extend(probes.map(|probe| format!("{} on {} nodes", probe.service, probe.unknown)));
    all
}

fn details(model: &Model, fleet: Option<&Fleet>, theme: Theme, room: Size) -> Text {
    if model.screen().list.selected().is_none() {
        // Of no fleet nothing is said, least of all that all is well.
        let sentence = line(" The filter leaves no fleet.", Tone::Plain);
        return Text { title: String::new(), lines: vec![sentence] };
    }
    let mut lines = Vec::new();
    let unknowns = fleet.map(|fleet| unknowns(model, fleet)).unwrap_or_default();
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
fn empty(model: &Model, theme: Theme, layout: Layout) -> Text {
    if let Some(trouble) = &model.unconnected {
        let mut more = Vec::new();
        cells::wrapped(&mut more, (" ", &trouble.next, Tone::Plain), layout.columns);
        return cells::message("Fleets", &text::clean(&trouble.what), more, layout.columns);
    }
    let failures = cells::failures(model, theme, layout.columns);
    let sentence = if !failures.is_empty() {
        "Nothing is known yet: not every source could be read."
    } else if model.estate.as_ref().is_some_and(|estate| estate.whole) {
        "No fleet found: no registered instance and no Auto Scaling group carries STACK or \
         STACK_ID here. Check the region and the account above."
    } else {
        "Reading. Nothing is known yet."
    };
    cells::message("Fleets", sentence, failures, layout.columns)
}
