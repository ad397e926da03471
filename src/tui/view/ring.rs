//! A fleet's ring of a product, member by member, and beside each other what those nodes see that
//! do not agree: a column a view. At 80×24:
//!
//! ```text
//! ─ rings › loki of green-413, 7 members ─────────────────────────────────────────
//!   MEMBER         INSTANCE   VIEW A 5       B 1       BEAT  NOTE
//! ▶ loki-9         –          –    UNHEALTHY unseen    5m !  no instance has its address
//!   loki-6         i-0ab…0006 B    unseen    ACTIVE    <15s  ALONE in its ring
//!   loki-1         i-0ab…0001 A    ACTIVE    unseen    <15s
//! ─ loki-9 ───────────────────────────────────────────────────────────────────────
//!  10.0.0.9:9095, no instance has its address, last heartbeat 5 min 3 s ago
//! curl -sS -X POST --data-urlencode forget=loki-9 http://10.0.0.4:3100/ring
//!  A 5 nodes see 6 members: …
//! ```
//!
//! From 120 columns on: whole ids and tokens, from 150 on addresses. As many views as fit have a
//! column; the title counts them, and the details name them all.

use super::rings::{self, letter};
use super::table::{self, Column, Row, Table};
use super::{Body, Layout, Line, Main, Span, Text, cells};
use crate::app::{Column as By, Model, RowId, Size};
use crate::core::estate::Fleet;
use crate::core::ids::{InstanceId, Product, StackId};
use crate::core::inventory::{RingMember, RingState};
use crate::core::rings::{
    FleetRing, MemberSeen, RingStanding, SeenBy, members_seen, outside, views_of,
};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// From so many columns on there are whole ids and tokens.
const WIDE: u16 = 120;
/// From so many columns on there are addresses.
const WIDEST: u16 = 150;
/// Cells of a view: the longest word is UNHEALTHY.
const VIEW: u16 = 9;
/// Notes keep at least so many cells.
const LEAST_NOTE: u16 = 18;
/// Heartbeats come every 5 to 15 seconds: below that all ages are alike.
const BEAT: u64 = 5;
/// Four of the slowest heartbeats missed.
const SILENT: u64 = 60;

/// The body of the screen.
pub(super) fn body(model: &Model, of: (&StackId, &Product), theme: Theme, layout: Layout) -> Body {
    let (stack, product) = of;
    let name = format!("{product} of {stack}, members");
    let found = rings::find(model, of).zip(model.estate.as_deref());
    let Some(((fleet, ring), estate)) = found else {
        let sentence = format!(
            "? The ring of {product} in {stack} is not known now: what was read of it is too old \
             to go by, or its nodes tell nothing."
        );
        let failures = cells::failures(model, theme, layout.columns);
        return Body::Text(cells::message(&name, &sentence, failures, layout.columns));
    };
    let list = &model.screen().list;
    let (above, below) = layout.split(list.rows().len());
    let (page, heads) = table::page(list.place(), list.rows().len(), above);
    let views = views_of(estate, stack, product);
    let seen_rows = &list.rows()[page.clone()];
    let sheet = Sheet::of(model, (fleet, ring), &views, (seen_rows, theme));
    let (columns, shown) = columns(&views, layout.columns);
    let rows = seen_rows.iter().map(|row| Row {
        marked: false,
        selected: list.selected() == Some(row),
        name: sheet.name(row),
        cells: sheet.cells(row, shown, layout.columns),
    });
    let rows = rows.collect();
    let some = format!("{product} of {stack}, {shown} of {} views, members", views.len());
    let name = if shown < views.len() { some } else { name };
    let title = table::title(&name, &page, list, theme);
    let room = Size { columns: layout.columns, rows: below.saturating_sub(1) };
    let details = (below > 0).then(|| sheet.details(list.selected(), room));
    Body::Screen(Main::Table(Table { title, columns, rows, heads, height: above }), details.into())
}

/// The columns, and how many of the views have one.
fn columns(views: &[SeenBy<'_>], width: u16) -> (Vec<Column>, usize) {
    let wide = width >= WIDE;
    let mut columns = vec![
        Column::new("MEMBER", if width >= WIDEST { 24 } else { 14 }).by(By::Member),
        Column::new("INSTANCE", if wide { 19 } else { 10 }).by(By::Instance),
    ];
    if width >= WIDEST {
        columns.push(Column::new("ADDRESS", 21));
    }
    columns.push(Column::new("VIEW", 4));
    let after = 6 + if wide { 7 } else { 0 } + LEAST_NOTE;
    let left = table::left(&columns, width).saturating_sub(after);
    let fit = usize::from(left / (VIEW + 1)).max(1).min(views.len());
    for (place, view) in views.iter().take(fit).enumerate() {
        columns.push(Column::new(format!("{} {}", letter(place), view.nodes.len()), VIEW));
    }
    columns.push(Column::new("BEAT", 5).by(By::Heartbeat));
    if wide {
        columns.push(Column::new("TOKENS", 6).by(By::Tokens));
    }
    columns.push(Column::new("NOTE", 0));
    (columns, fit)
}

/// What the rows that are seen are made of.
struct Sheet<'a> {
    model: &'a Model,
    fleet: &'a Fleet,
    ring: &'a FleetRing,
    theme: Theme,
    seen: BTreeMap<(&'a str, &'a str), MemberSeen<'a>>,
    /// The view that a node has itself.
    view_of: BTreeMap<&'a InstanceId, usize>,
    outside: BTreeMap<&'a InstanceId, &'a RingStanding>,
}

impl<'a> Sheet<'a> {
    fn of(
        model: &'a Model,
        (fleet, ring): (&'a Fleet, &'a FleetRing),
        views: &[SeenBy<'a>],
        (rows, theme): (&[RowId], Theme),
    ) -> Self {
        let selected = model.screen().list.selected();
        let wanted: BTreeSet<(&str, &str)> =
            rows.iter().chain(selected).filter_map(name_of).collect();
        let seen = members_seen(views, |one| wanted.contains(&(&*one.id, &*one.address)));
        let view_of = views.iter().enumerate();
        let view_of =
            view_of.flat_map(|(place, view)| view.nodes.iter().map(move |id| (*id, place)));
        let estate = model.estate.as_deref();
        let outside = estate.into_iter().flat_map(|it| outside(it, &fleet.stack_id, &ring.product));
        let outside = outside.map(|(node, own)| (&node.id, &own.standing)).collect();
        Self { model, fleet, ring, theme, seen, view_of: view_of.collect(), outside }
    }

    fn name(&self, row: &RowId) -> String {
        match row {
            RowId::RingMember { id, .. } => id.to_string(),
            _ => "?".into(),
        }
    }

    fn cells(&self, row: &RowId, views: usize, width: u16) -> Line {
        let wide = width >= WIDE;
        let seen = name_of(row).and_then(|name| self.seen.get(&name));
        let owner = match row {
            RowId::Node(id) => Some(id),
            _ => seen.and_then(|seen| seen.owner),
        };
        let mut cells = vec![owner.map_or_else(
            || cells::nothing(self.theme),
            |id| {
                let cells = if wide { 19 } else { 10 };
                let name = text::fit_name(&text::clean(id.as_str()), cells, self.theme.ellipsis());
                Span::new(name, Tone::Plain)
            },
        )];
        if width >= WIDEST {
            let address = name_of(row).map(|(_, address)| Span::new(address, Tone::Plain));
            cells.push(address.unwrap_or_else(|| cells::nothing(self.theme)));
        }
        cells.push(self.own_view(owner));
        let states = (0..views).map(|place| match (row, seen) {
            (RowId::Node(id), _) => standing(self.outside.get(id).copied(), place, self.theme),
            (_, Some(seen)) => state(seen.by.get(place).copied().flatten()),
            (_, None) => left(place, self.theme),
        });
        cells.extend(states);
        let member = seen.and_then(MemberSeen::member);
        cells.push(member.map_or_else(|| cells::nothing(self.theme), beat));
        if wide {
            let tokens = member.and_then(|member| member.tokens);
            let tokens = tokens.map(|tokens| Span::new(tokens.to_string(), Tone::Plain));
            cells.push(tokens.unwrap_or_else(|| cells::nothing(self.theme)));
        }
        let notes = self.notes(row, seen);
        let tone = notes.iter().map(|(_, tone)| *tone).find(|tone| *tone != Tone::Plain);
        let text = notes.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(", ");
        cells.push(Span::new(text, tone.unwrap_or_default()));
        cells
    }

    /// The view that the member's own page shows.
    fn own_view(&self, owner: Option<&InstanceId>) -> Span {
        let Some(owner) = owner else { return cells::nothing(self.theme) };
        let node = self.model.node(owner);
        match self.view_of.get(owner) {
            Some(place) => Span::new(letter(*place).to_string(), Tone::Plain),
            // Another fleet's node has its view on that fleet's screen.
            None if node.is_some_and(|it| it.stack_id.as_ref() != Some(&self.fleet.stack_id)) => {
                cells::nothing(self.theme)
            }
            None if self.outside.get(owner) == Some(&&RingStanding::NotShared) => {
                Span::new("own", Tone::Dim)
            }
            None => cells::unknown(),
        }
    }

    /// What is odd about a row, in words.
    fn notes(&self, row: &RowId, seen: Option<&MemberSeen<'_>>) -> Vec<(String, Tone)> {
        let mut notes = Vec::new();
        let (RowId::RingMember { id, address }, Some(seen)) = (row, seen) else {
            notes.push(match row {
                RowId::Node(id) => match self.outside.get(id) {
                    Some(RingStanding::Missing) => ("in no ring of its peers".into(), Tone::Warn),
                    Some(RingStanding::NotShared) => {
                        ("own memory, shared with nobody".into(), Tone::Dim)
                    }
                    Some(RingStanding::Unknown(why)) => (format!("? {why}"), Tone::Unknown),
                    _ => ("left by itself".into(), Tone::Plain),
                },
                _ => ("left by itself".into(), Tone::Plain),
            });
            return notes;
        };
        let of =
            self.ring.debris.iter().find(|of| of.member.id == *id && of.member.address == *address);
        if let Some(of) = of.filter(|of| !of.blocks.is_empty()) {
            let plural = if of.blocks.len() == 1 { "NODE" } else { "NODES" };
            notes.push((format!("KEEPS {} {plural} UNREADY", of.blocks.len()), Tone::Bad));
        }
        if self.ring.foreign.contains(id) {
            let others = self.fleet.rings.iter().filter(|of| of.product != self.ring.product);
            let mut others = others.filter(|of| of.foreign.contains(id));
            let other = others.next().map_or("another ring", |of| of.product.as_str());
            notes.push((format!("ALSO IN {other}"), Tone::Bad));
        }
        match seen.owner.and_then(|owner| self.model.node(owner)) {
            None => notes.push(("no instance has its address".into(), Tone::Warn)),
            Some(node) if node.stack_id.as_ref() != Some(&self.fleet.stack_id) => {
                let stack = node.stack_id.as_ref().map_or("no fleet", |stack| stack.as_str());
                notes.push((format!("of {stack}"), Tone::Info));
            }
            Some(node) => {
                let own = node.rings.iter().find(|own| own.product == self.ring.product);
                if own.is_some_and(|own| own.standing == RingStanding::Alone) {
                    notes.push(("ALONE in its ring".into(), Tone::Bad));
                }
                if self.ring.compactors.iter().flatten().any(|id| *id == node.id) {
                    notes.push(("compactor".into(), Tone::Plain));
                }
            }
        }
        notes
    }

    fn details(&self, row: Option<&RowId>, room: Size) -> Text {
        let mut lines = Vec::new();
        let of = (&self.fleet.stack_id, &self.ring.product);
        let title = row.map_or_else(String::new, |row| match row {
            RowId::RingMember { id, .. } => id.to_string(),
            RowId::Node(id) => id.to_string(),
            _ => String::new(),
        });
        if let Some(row) = row {
            self.selected(&mut lines, row, room.columns);
        }
        lines.extend(rings::views(self.model, of, self.ring, (self.theme, room.columns)));
        lines.extend(rings::told(self.model, of, self.ring, room.columns));
        rings::cut(&mut lines, room, self.theme);
        Text { title, lines }
    }

    /// The selected member in full.
    fn selected(&self, lines: &mut Vec<Line>, row: &RowId, columns: u16) {
        let seen = name_of(row).and_then(|name| self.seen.get(&name));
        let Some(member) = seen.and_then(MemberSeen::member) else {
            for (text, tone) in self.notes(row, seen) {
                cells::wrapped(lines, (" ", &text, tone), columns);
            }
            return;
        };
        let of = self.ring.debris.iter();
        let of = of.filter(|of| of.member.id == member.id && of.member.address == member.address);
        let debris: Vec<_> = of.collect();
        if let Some(of) = debris.first() {
            if !of.blocks.is_empty() {
                let names = crate::core::rings::names(&of.blocks);
                let text = format!("{} KEEPS {names} FROM READY", member.state);
                cells::wrapped(lines, (" ", &text, Tone::Bad), columns);
            }
            rings::debris(lines, of, columns);
            return;
        }
        let owner = seen.and_then(|seen| seen.owner);
        let mut facts = vec![member.address.to_string()];
        facts.push(owner.map_or_else(|| "no instance has its address".into(), ToString::to_string));
        facts.push(member.state.to_string());
        facts.extend(member.heartbeat_age.map(|age| {
            format!("last heartbeat {} ago by the server's clock", cells::seconds(age))
        }));
        facts.extend(
            member.registered_age.map(|age| format!("registered {} ago", cells::seconds(age))),
        );
        facts.extend(member.tokens.map(|tokens| format!("{tokens} tokens")));
        facts.extend(member.zone.as_ref().map(|zone| format!("zone {zone}")));
        cells::wrapped(lines, (" ", &facts.join(", "), Tone::Plain), columns);
    }
}

fn name_of(row: &RowId) -> Option<(&str, &str)> {
    match row {
        RowId::RingMember { id, address } => Some((id, address)),
        _ => None,
    }
}

/// A member's state, as a view has it.
fn state(member: Option<&RingMember>) -> Span {
    let Some(member) = member else { return Span::new("unseen", Tone::Warn) };
    let tone = match member.state {
        RingState::Active => Tone::Plain,
        RingState::Unhealthy => Tone::Bad,
        RingState::Left => Tone::Dim,
        _ => Tone::Warn,
    };
    Span::new(member.state.to_string(), tone)
}

/// Where a node that no view has stands; said once.
fn standing(standing: Option<&RingStanding>, place: usize, theme: Theme) -> Span {
    match standing {
        _ if place > 0 => cells::nothing(theme),
        Some(RingStanding::Missing) => Span::new("MISSING", Tone::Warn),
        Some(RingStanding::NotShared) => Span::new("own", Tone::Dim),
        Some(RingStanding::Left) => Span::new("LEFT", Tone::Dim),
        _ => cells::unknown(),
    }
}

fn left(place: usize, theme: Theme) -> Span {
    if place > 0 { cells::nothing(theme) } else { Span::new("LEFT", Tone::Dim) }
}

/// How long ago the last heartbeat was, by the server's own clock.
fn beat(member: &RingMember) -> Span {
    let Some(seconds) = member.heartbeat_age else { return cells::unknown() };
    let age = text::age(Duration::from_secs(seconds.max(BEAT)));
    if seconds >= SILENT {
        Span::new(format!("{age} !"), Tone::Warn)
    } else {
        Span::new(age, Tone::Plain)
    }
}
