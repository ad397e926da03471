//! Where the traffic goes, as a diagram: load balancer, listeners, target groups with their
//! weights, fleets. Read from left to right; what goes wrong is said in words. At 80×24:
//!
//! ```text
//! ─ Traffic 8 ────────────────────────────────────────────────────────────────────
//!   front  2a 2b 2c  cross-zone off
//!   ‼ 2b is out of its DNS: clients of that zone go elsewhere or fail
//!   ├─ :3000 TCP
//! ▶ │   ├─ ████ 100%  blue-grafana        6/6 healthy  ──▶ ◆ blue-412 LIVE
//!   │   └─ ░░░░   0%  green-grafana       6/6 healthy  ──▶ ◇ green-413 STANDBY
//!   └─ :3100 TCP
//!       └─ ████ 100%  blue-loki           0/6 FAILS OPEN ─▶ ◆ blue-412 LIVE
//! ─ blue-loki ────────────────────────────────────────────────────────────────────
//!  API says: front:3100 sends 100% of new connections to this group (weight 100).
//!  Traffic shows 99% for blue-412: 812 requests/s.
//!  FAILS OPEN: no target is healthy, so traffic goes to all of them regardless.
//!  Zones: us-west-2a 0/2  us-west-2b 0/2  us-west-2c 0/2
//! ```
//!
//! From 120 columns on the zones of a group stand in its line, and what the traffic shows.

use super::listing::{self, Block, Listing};
use super::{Body, Layout, Line, Main, Span, Text, cells, line, shown, table};
use crate::app::{List, Model, RowId};
use crate::core::estate::{Balancer, Capacity, Fleet, ForwardView, ListenerView};
use crate::core::explain::explain;
use crate::core::finding::{Finding, FindingKind};
use crate::core::ids::{StackId, Zone};
use crate::core::observed::age;
use crate::core::rings::{Shown, shown_at};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};

/// Rows that the details want.
const DETAILS: u16 = 8;
/// From so many columns on, zones and what the traffic shows stand in the line of their group.
const WIDE: u16 = 120;
/// From so many columns on, names of groups have more room.
const WIDEST: u16 = 140;

/// The body of the screen.
pub(super) fn body(model: &Model, theme: Theme, layout: Layout) -> Body {
    let list = &model.screen().list;
    if list.total() == 0 {
        return Body::Text(empty(model, theme, layout));
    }
    let (above, below) = layout.above(DETAILS);
    let picture = Picture { model, list, theme, columns: layout.columns };
    let room = usize::from(above.saturating_sub(1));
    let rows = list.rows();
    let (page, lines) =
        listing::page((list.place(), rows.len()), room, |row, first| picture.block(row, first));
    let title = table::title("Traffic", &page, list, theme);
    // All of it on one page: the details follow at once. On several, they stay where they are.
    let (above, below) = match page.len() == rows.len() {
        true => layout.split(lines.len().saturating_sub(1)),
        false => (above, below),
    };
    let panes = (below > 0).then(|| picture.details(layout.columns));
    Body::Screen(Main::Listing(Listing { title, lines, height: above }), panes.into())
}

/// What a row is about.
#[derive(Clone, Copy)]
struct Wire<'a> {
    balancer: &'a Balancer,
    listener: Option<&'a ListenerView>,
    /// The rule, and the group it sends to.
    forward: Option<(&'a str, &'a ForwardView)>,
}

fn wire<'a>(model: &'a Model, row: &RowId) -> Option<Wire<'a>> {
    let balancers = &model.estate.as_ref()?.traffic;
    let arn = match row {
        RowId::Balancer(arn) => {
            let balancer = balancers.iter().find(|one| one.arn == *arn)?;
            return Some(Wire { balancer, listener: None, forward: None });
        }
        RowId::Listener(arn) | RowId::Forward { listener: arn, .. } => arn,
        _ => return None,
    };
    let (balancer, listener) = balancers.iter().find_map(|balancer| {
        let all = balancer.listeners.as_ref().ok()?;
        Some((balancer, all.iter().find(|one| one.arn == *arn)?))
    })?;
    let forward = match row {
        RowId::Forward { rule, target_group, .. } => {
            let action = listener.actions.iter().find(|one| *one.rule == **rule)?;
            let group = action.groups.iter().find(|one| one.target_group == *target_group)?;
            Some((action.rule.as_str(), group))
        }
        _ => None,
    };
    Some(Wire { balancer, listener: Some(listener), forward })
}

struct Picture<'a> {
    model: &'a Model,
    list: &'a List,
    theme: Theme,
    columns: u16,
}

impl<'a> Picture<'a> {
    fn wire(&self, row: usize) -> Option<Wire<'a>> {
        wire(self.model, self.list.rows().get(row)?)
    }

    /// A row with the heads that it needs: its load balancer's where that is another than the row
    /// before's, its listener's likewise, and all of them at the top of a page.
    fn block(&self, row: usize, first: bool) -> Block {
        let Some(own) = self.wire(row) else {
            return Block { lines: vec![Line::new()], marked: 0 };
        };
        let before = row.checked_sub(1).filter(|_| !first).and_then(|row| self.wire(row));
        let after = self.wire(row + 1);
        let same_balancer = |other: Option<Wire<'_>>| {
            other.is_some_and(|other| other.balancer.arn == own.balancer.arn)
        };
        let arn = |of: Wire<'a>| of.listener.map(|listener| &listener.arn);
        let same_listener =
            |other: Option<Wire<'a>>| other.is_some_and(|other| arn(other) == arn(own));
        let mut lines = Vec::new();
        if !same_balancer(before) {
            lines.push(self.balancer(own.balancer));
            lines.extend(self.lost_zones(own.balancer));
        }
        let Some(listener) = own.listener else {
            lines.push(self.without_listeners(own.balancer));
            return Block { marked: lines.len() - 1, lines };
        };
        let last_listener = !self.another_listener_follows(row, &own);
        if !same_listener(before) {
            let branch = self.theme.branch(last_listener);
            let text = format!("{branch} :{} {}", listener.port, listener.protocol);
            lines.push(line(text, Tone::Strong));
        }
        let trunk = self.theme.trunk(last_listener);
        let branch = self.theme.branch(!same_listener(after));
        let mut own_line = line(format!("{trunk}  {branch} "), Tone::Dim);
        match own.forward {
            Some(forward) => {
                own_line.extend(self.forward(own.balancer, listener.port, forward));
            }
            None => own_line.push(Span::new("forwards to no target group", Tone::Warn)),
        }
        lines.push(own_line);
        Block { marked: lines.len() - 1, lines }
    }

    /// Whether some later row is another listener's of the same load balancer. Rows of a listener
    /// stand together, so the first that is not its own tells; sorted otherwise, the trunk ends.
    fn another_listener_follows(&self, row: usize, own: &Wire<'_>) -> bool {
        let arn = own.listener.map(|listener| &listener.arn);
        let rows = self.list.rows().iter().skip(row + 1);
        let mut later = rows.map_while(|row| wire(self.model, row));
        later
            .find(|other| other.listener.map(|listener| &listener.arn) != arn)
            .is_some_and(|other| other.balancer.arn == own.balancer.arn)
    }

    fn balancer(&self, balancer: &Balancer) -> Line {
        let zones: Vec<_> = balancer.zones.iter().map(short).collect();
        let cross = match balancer.cross_zone {
            Some(true) => Span::new("  cross-zone on", Tone::Plain),
            Some(false) => Span::new("  cross-zone off", Tone::Plain),
            None => Span::new("  cross-zone ?", Tone::Unknown),
        };
        let zones = if zones.is_empty() { "zones ?".to_owned() } else { zones.join(" ") };
        vec![
            Span::new(balancer.name.clone(), Tone::Strong),
            Span::new(format!("  zones {zones}"), Tone::Plain),
            cross,
        ]
    }

    /// A line for each zone that the load balancer's DNS leaves out.
    fn lost_zones(&self, balancer: &Balancer) -> Vec<Line> {
        let findings = self.model.findings();
        let lost = findings.iter().filter(|one| one.kind == FindingKind::ZoneOutOfDns);
        let lost = lost.filter_map(|one| {
            let zone = balancer
                .zones
                .iter()
                .find(|zone| one.is_about(&format!("{} {zone}", balancer.arn)))?;
            let mark = self.theme.severity(one.severity);
            let text =
                format!("{mark} {} is OUT OF DNS: its clients go elsewhere or fail", short(zone));
            Some(line(text, one.severity.into()))
        });
        lost.collect()
    }

    fn without_listeners(&self, balancer: &Balancer) -> Line {
        let branch = self.theme.branch(true);
        match &balancer.listeners {
            Ok(_) => line(format!("{branch} no listener: nothing is sent anywhere"), Tone::Warn),
            Err(why) => line(format!("{branch} ? listeners are not known ({why})"), Tone::Unknown),
        }
    }

    /// Share, group, health, fleets: what a row says, in columns.
    fn forward(&self, balancer: &Balancer, port: u16, (rule, group): (&str, &ForwardView)) -> Line {
        let wide = self.columns >= WIDE;
        let mut cells = vec![Span::new(
            format!("{} {:>4}", self.theme.bar(group.share, 4), cells::percent(group.share)),
            if group.share > 0.0 { Tone::Strong } else { Tone::Dim },
        )];
        if wide && shown::is_read(self.model) {
            cells.extend(self.shown(port, group));
        }
        let room = if self.columns >= WIDEST { 26 } else { 18 };
        let rule = if rule == "default" { String::new() } else { format!(" rule {rule}") };
        let room = usize::saturating_sub(room, text::width(&rule));
        let name = text::fit_name(&text::clean(&group.name), room, self.theme.ellipsis());
        cells.push(Span::new(format!("  {name:<room$}{rule}"), Tone::Plain));
        cells.push(Span::new(" ", Tone::Plain));
        cells.push(health(group));
        if wide {
            cells.extend(self.zones(balancer, group));
        }
        cells.push(Span::new(format!(" {} ", self.theme.sends()), Tone::Dim));
        cells.extend(self.fleets(group));
        cells
    }

    /// Healthy and registered in each zone of the load balancer, the zones without a healthy target
    /// marked. Nobody registered in a zone is as telling as nobody healthy.
    fn zones(&self, balancer: &Balancer, group: &ForwardView) -> Line {
        let cells = balancer.zones.iter().map(|zone| {
            let Some(capacity) = &group.capacity else {
                return Span::new(format!("{:<8} ", format!("{} ?", short(zone))), Tone::Unknown);
            };
            let (healthy, registered) = capacity.zones.get(zone).copied().unwrap_or_default();
            let (mark, tone) = if healthy == 0 { ("!", Tone::Warn) } else { ("", Tone::Plain) };
            let text = format!("{} {healthy}/{registered}{mark}", short(zone));
            Span::new(format!("{text:<8} "), tone)
        });
        cells.collect()
    }

    /// The fleets behind a group, each with its role and, where there are several, its part.
    fn fleets(&self, group: &ForwardView) -> Line {
        if group.fleets.is_empty() {
            return line("no fleet of ours", Tone::Dim);
        }
        let mut all = Line::new();
        for (stack, part) in &group.fleets {
            let comma = if all.is_empty() { "" } else { ", " };
            let part = match part {
                _ if group.fleets.len() == 1 => String::new(),
                Some(part) => format!(" {}", cells::percent(*part)),
                None => " ?".to_owned(),
            };
            let role = self.fleet(stack).map(|fleet| fleet.role);
            let shape = role.map_or("?", |role| self.theme.role(role));
            all.push(Span::new(format!("{comma}{shape} {stack}{part}"), Tone::Plain));
            if let Some(role) = role.filter(|_| group.fleets.len() == 1) {
                let word = role.to_string().to_uppercase();
                all.push(Span::new(format!(" {word}"), Tone::Strong));
            }
        }
        all
    }

    /// What the traffic shows, beside the share that the API says: of each fleet behind the group.
    fn shown(&self, port: u16, group: &ForwardView) -> Line {
        let mut line = line("  shows", Tone::Dim);
        for stack in group.fleets.keys() {
            let share = shown::share(self.seen(stack, port));
            line.push(Span::new(format!(" {:>4}", share.text), share.tone));
        }
        line
    }

    fn seen(&self, stack: &StackId, port: u16) -> Option<Shown> {
        shown_at(self.model.estate.as_ref()?, stack, port)
    }

    /// What the traffic shows of each fleet behind a group, in sentences.
    fn seen_sentences(&self, port: u16, group: &ForwardView) -> Vec<(String, Tone)> {
        if !shown::is_read(self.model) {
            return Vec::new();
        }
        let each = group.fleets.iter().map(|(stack, part)| {
            let Some(seen) = self.seen(stack, port) else {
                let text = format!(
                    "? The traffic of {stack} on {port} is not counted: no product there tells."
                );
                return (text, Tone::Unknown);
            };
            let share = shown::share(Some(seen)).text;
            let rate = shown::rate(seen.per_second);
            let text = format!("Traffic shows {share} for {stack}: {rate} requests/s.");
            let api = part.map(|part| part * group.share);
            match api {
                Some(api) if api <= 0.0 && seen.per_second > 0.0 => {
                    let text = format!(
                        "! STILL SERVED: {text} Open connections stay where they are, up to an hour."
                    );
                    (text, Tone::Warn)
                }
                _ => (text, Tone::Plain),
            }
        });
        each.collect()
    }

    fn fleet(&self, stack: &StackId) -> Option<&'a Fleet> {
        self.model.fleet(stack)
    }

    fn details(&self, columns: u16) -> Text {
        let Some(wire) = self.list.selected().and_then(|row| wire(self.model, row)) else {
            return Text::default();
        };
        let mut lines = Vec::new();
        let title = match (wire.forward, wire.listener) {
            (Some((rule, group)), Some(listener)) => {
                for (text, tone) in sentences(wire.balancer, listener, rule, group) {
                    cells::wrapped(&mut lines, (" ", &text, tone), columns);
                }
                for (text, tone) in self.seen_sentences(listener.port, group) {
                    cells::wrapped(&mut lines, (" ", &text, tone), columns);
                }
                group.name.clone()
            }
            (_, Some(listener)) => format!("{}:{}", wire.balancer.name, listener.port),
            _ => {
                let (text, tone) = nothing_sent(wire.balancer);
                cells::wrapped(&mut lines, (" ", &text, tone), columns);
                wire.balancer.name.clone()
            }
        };
        for finding in self.findings(&wire) {
            let mark = format!(" {} ", self.theme.severity(finding.severity));
            let sentence = explain(finding).sentence();
            cells::wrapped(&mut lines, (&mark, &sentence, Tone::Plain), columns);
        }
        let old = wire.balancer.observed_at.map(|at| text::age(age(at, self.model.now)));
        let old = old.unwrap_or_else(|| "?".into());
        Text { title: format!("{title}, routes read {old} ago"), lines }
    }

    /// What disagrees about what the row shows.
    fn findings(&self, wire: &Wire<'a>) -> Vec<&'a Finding> {
        let of_balancer = |one: &Finding| match one.kind {
            FindingKind::ListenersSplit | FindingKind::NlbWithoutSecurityGroup => {
                one.is_about(wire.balancer.arn.as_str())
            }
            FindingKind::ZoneOutOfDns | FindingKind::ZoneUncovered => wire
                .balancer
                .zones
                .iter()
                .any(|zone| one.is_about(&format!("{} {zone}", wire.balancer.arn))),
            _ => false,
        };
        let group = wire.forward.map(|(_, group)| &group.target_group);
        // Nodes that are unhealthy here are counted above; each has its own screen.
        let of_group = |one: &Finding| {
            one.instance_id.is_none() && group.is_some() && one.target_group.as_ref() == group
        };
        self.model.findings().iter().filter(|one| of_group(one) || of_balancer(one)).collect()
    }
}

/// The end of a zone's name: the region stands in the head.
fn short(zone: &Zone) -> String {
    text::clean(zone.as_str().rsplit('-').next().unwrap_or_default())
}

/// Healthy and registered, and out loud what a group does that fails open. The same width always,
/// so that the arrows stand under each other.
fn health(group: &ForwardView) -> Span {
    let (text, tone) = match (&group.capacity, group.fail_open) {
        (None, _) => ("? unknown".to_owned(), Tone::Unknown),
        (Some(of), Some(true)) if of.registered == 0 => ("EMPTY".to_owned(), Tone::Bad),
        (Some(of), Some(true)) => (format!("{} FAILS OPEN", counted(of)), Tone::Bad),
        (Some(of), None) => (format!("{}?", counted(of)), Tone::Unknown),
        (Some(of), Some(false)) if of.healthy < of.registered => {
            (format!("{} healthy", counted(of)), Tone::Warn)
        }
        (Some(of), Some(false)) => (format!("{} healthy", counted(of)), Tone::Plain),
    };
    Span::new(format!("{text:<15}"), tone)
}

fn counted(of: &Capacity) -> String {
    format!("{}/{}", of.healthy, of.registered)
}

/// What a forward means, in words for whoever has never seen the screen.
fn sentences(
    balancer: &Balancer,
    listener: &ListenerView,
    rule: &str,
    group: &ForwardView,
) -> Vec<(String, Tone)> {
    let by = if rule == "default" { String::new() } else { format!(" that match rule {rule}") };
    let mut all = vec![(
        format!(
            "API says: {}:{} sends {} of new connections{by} to this group (weight {}).",
            balancer.name,
            listener.port,
            cells::percent(group.share),
            group.weight
        ),
        Tone::Strong,
    )];
    match (&group.capacity, group.fail_open) {
        (None, _) => {
            let text = "? Its targets are not known now, so neither is who gets this traffic.";
            all.push((text.into(), Tone::Unknown));
        }
        (Some(of), Some(true)) if of.registered == 0 => {
            let text = "It is EMPTY: no target is registered, so its traffic goes to nobody.";
            all.push((text.into(), Tone::Bad));
        }
        (Some(of), Some(true)) => all.push((
            format!(
                "It FAILS OPEN: no target is healthy, so traffic goes to all {} regardless of health.",
                of.registered
            ),
            Tone::Bad,
        )),
        (Some(of), _) => {
            let text = format!("{} of {} targets are healthy.", of.healthy, of.registered);
            let tone = if of.healthy < of.registered { Tone::Warn } else { Tone::Plain };
            all.push((text, tone));
        }
    }
    if balancer.cross_zone == Some(false) {
        let text = "Cross-zone is off: each zone needs a healthy target of its own, or leaves DNS.";
        all.push((text.into(), Tone::Plain));
    }
    if let Some(capacity) = group.capacity.as_ref().filter(|of| !of.zones.is_empty()) {
        let each = capacity
            .zones
            .iter()
            .map(|(zone, (healthy, registered))| format!("{zone} {healthy}/{registered}"));
        let each = each.collect::<Vec<_>>().join(", ");
        all.push((format!("By zone: {each}."), Tone::Plain));
    }
    all
}

/// What it means that a load balancer has no listener to show.
fn nothing_sent(balancer: &Balancer) -> (String, Tone) {
    let name = &balancer.name;
    match &balancer.listeners {
        Ok(_) => (format!("{name} has no listener: it takes no connections."), Tone::Warn),
        Err(why) => {
            let text = format!(
                "? The listeners of {name} are not known now ({why}), so nobody here can say who \
                 gets its traffic."
            );
            (text, Tone::Unknown)
        }
    }
}

fn empty(model: &Model, theme: Theme, layout: Layout) -> Text {
    let failures = cells::failures(model, theme, layout.columns);
    let sentence = if model.inventory.load_balancers.whole(model.now).is_ok() {
        "No network load balancer here has a target group of ours."
    } else if failures.is_empty() {
        "Reading. Nothing is known yet."
    } else {
        "Not known: the load balancers could not be read."
    };
    cells::message("Traffic", sentence, failures, layout.columns)
}
