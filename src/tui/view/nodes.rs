//! The nodes of a fleet: a row per instance with all truths side by side. At 80×24:
//!
//! ```text
//! ─ green-413 nodes 6 ────────────────────────────────────────────────────────────
//!   INSTANCE   IP              LIFECYCLE  MEMBER TARGETS  PROBES     RING  FINDING
//! ▶ i-0ab…0001 127.0.0.2       InService  ok     4/4      3/3        ok    –
//!   i-0ab…0003 127.0.0.4       InService  none   BAD:3100 loki FAIL  ALONE ! fai…
//! ─ i-0ab2c4d500000001 ───────────────────────────────────────────────────────────
//!  127.0.0.2 us-west-2b  InService Healthy  running  template 7  launched 1d
//!  rings: loki ACTIVE, tempo ACTIVE  requests/s: loki 12, tempo 3.2
//!  Nothing disagrees.
//! ```
//!
//! From 90 columns on there are zones, from 120 on whole ids and a column a port, from 140 on
//! requests a second.

use super::cells::{self, Kinds, add_kinds, nothing, unknown};
use super::table::{self, Column, Row, Table};
use super::{Body, Layout, Line, Main, Span, Text, line, locks, shown};
use crate::app::{Column as By, Model, RowId, Size};
use crate::core::cause::Cause;
use crate::core::estate::{Existence, Fleet, Node, NodeProbe, NodeTarget};
use crate::core::finding::{Finding, Severity};
use crate::core::ids::{InstanceId, Product, StackId};
use crate::core::inventory::{MemberHealth, RingState, Verdict};
use crate::core::observed::age;
use crate::core::rings::{NodeRing, RingStanding};
use crate::tui::text;
use crate::tui::theme::{Theme, Tone};

/// The body of the screen.
pub(super) fn body(model: &Model, stack: Option<&StackId>, theme: Theme, layout: Layout) -> Body {
    let name = match stack {
        Some(stack) => format!("{stack} nodes"),
        None => "Nodes of no fleet".to_owned(),
    };
    let fleet = stack.and_then(|stack| model.fleet(stack));
    if let Some(stack) = stack.filter(|_| fleet.is_none()) {
        let sentence =
            format!("The fleet {stack} is not there any more: nothing carries its name.");
        let failures = cells::failures(model, theme, layout.columns);
        return Body::Text(cells::message(&name, &sentence, failures, layout.columns));
    }
    let list = &model.screen().list;
    let (above, below) = layout.split(list.rows().len());
    let (page, heads) = table::page(list.place(), list.rows().len(), above);
    let cut = Cut::of(model, layout.columns);
    let mut columns = cut.columns();
    let room = layout.columns.saturating_sub(cut.after());
    let folded = (if cut.lean { 8 } else { 10 }, 10);
    let kinds = add_kinds(&mut columns, fleet.into_iter(), folded, room);
    columns.push(Column::new("RING", RING).by(By::Ring));
    if cut.requests {
        columns.push(Column::new("REQ/S", REQUESTS).by(By::Requests));
    }
    columns.push(Column::new("FINDING", 0).by(By::Finding));
    let seen = &list.rows()[page.clone()];
    let about =
        cells::by(model.findings(), seen.iter().filter_map(id), |one| one.instance_id.as_ref());
    let of_fleet: Vec<_> = of_fleet(model, stack).collect();
    let rows = seen.iter().filter_map(|row| Some((row, id(row)?))).map(|(seen, id)| Row {
        selected: list.selected() == Some(seen),
        name: id.to_string(),
        cells: model.node(id).map_or_else(Line::new, |node| {
            let mut cells = row(model, fleet, node, (&kinds, &cut), theme);
            let own = about.get(id).map_or(&[][..], Vec::as_slice);
            let said = finding(&cells, fleet, (own, &of_fleet), theme);
            cells.push(ring(model, fleet, node, theme));
            cells.extend(cut.requests.then(|| shown::of_node(node)));
            cells.push(said);
            cells
        }),
    });
    let columns = table::marked(columns, list);
    let title = table::title(&name, &page, list, theme);
    let table = Table { title, columns, rows: rows.collect(), heads, height: above };
    let selected = list.selected().and_then(id).and_then(|id| model.node(id));
    let room = Size { columns: layout.columns, rows: below.saturating_sub(1) };
    let details = (below > 0).then(|| details(model, selected, theme, room));
    Body::Screen(Main::Table(table), details.into())
}

fn id(row: &RowId) -> Option<&InstanceId> {
    match row {
        RowId::Node(id) => Some(id),
        _ => None,
    }
}

/// Cells of the column of rings: `ALONE`.
const RING: u16 = 5;
/// Cells of the column of requests: `>1.2k`.
const REQUESTS: u16 = 6;

/// How the columns are cut: what is wide, and what is left out.
#[derive(Clone, Copy)]
struct Cut {
    width: u16,
    /// Zones stand in the details only.
    lean: bool,
    /// There is a column of requests.
    requests: bool,
}

impl Cut {
    fn of(model: &Model, width: u16) -> Self {
        Self { width, lean: width < 90, requests: width >= 140 && shown::is_read(model) }
    }

    /// The columns before those of ports and products.
    fn columns(self) -> Vec<Column> {
        let lifecycle = match self.width {
            0..120 => 10,
            120..140 => 12,
            _ => 17,
        };
        let mut columns = vec![
            Column::new("INSTANCE", if self.width >= 120 { 19 } else { 10 }).by(By::Instance),
            Column::new("IP", 15).by(By::Ip),
        ];
        if !self.lean {
            columns.push(Column::new("AZ", 2).by(By::Zone));
        }
        columns.extend([
            Column::new("LIFECYCLE", lifecycle).by(By::Lifecycle),
            Column::new("MEMBER", 6).by(By::Member),
        ]);
        columns
    }

    /// Cells of the columns between those of products and the finding.
    fn after(self) -> u16 {
        RING + 1 + if self.requests { REQUESTS + 1 } else { 0 }
    }
}

fn row(
    model: &Model,
    fleet: Option<&Fleet>,
    node: &Node,
    (kinds, cut): (&Kinds, &Cut),
    theme: Theme,
) -> Line {
    let ip = node.private_ip.map_or_else(unknown, |ip| Span::new(ip.to_string(), Tone::Plain));
    let mut cells = vec![ip];
    cells.extend((!cut.lean).then(|| zone(node)));
    cells.extend([lifecycle(model, node, theme), member(fleet, node, theme)]);
    match &kinds.ports {
        Some(ports) => cells.extend(ports.iter().map(|port| target(fleet, node, *port, theme))),
        None => cells.push(worst_target(fleet, node, theme)),
    }
    match &kinds.products {
        Some(products) => cells.extend(products.iter().map(|it| probe(node, it, theme))),
        None => cells.push(worst_probe(node, theme)),
    }
    cells
}

/// The worst that is said of the node, or of its fleet where that explains what is odd about it.
fn finding(
    cells: &[Span],
    fleet: Option<&Fleet>,
    (own, of_fleet): (&[&Finding], &[&Finding]),
    theme: Theme,
) -> Span {
    let odd = cells.iter().any(|cell| matches!(cell.tone, Tone::Warn | Tone::Bad));
    let clear = cells.iter().all(|cell| cell.tone != Tone::Unknown) && members_are_known(fleet);
    if let Some(one) = of_fleet.first().filter(|_| odd && own.is_empty()) {
        let text = format!("{} fleet", theme.severity(one.severity));
        return Span::new(text, one.severity.into());
    }
    cells::finding(own, clear, theme)
}

/// Whether it is known which nodes of the fleet are registered. Of no fleet, nothing is expected.
fn members_are_known(fleet: Option<&Fleet>) -> bool {
    fleet.is_none_or(|fleet| fleet.members.is_some())
}

/// What disagrees about the node's fleet as a whole.
fn of_fleet<'a>(model: &'a Model, stack: Option<&'a StackId>) -> impl Iterator<Item = &'a Finding> {
    let about = move |one: &&Finding| {
        one.instance_id.is_none()
            && stack.is_some()
            && one.stack_id.as_ref() == stack
            && one.severity >= Severity::Warning
    };
    model.findings().iter().filter(about)
}

fn own<'a>(model: &'a Model, node: &'a Node) -> impl Iterator<Item = &'a Finding> {
    model.findings().iter().filter(|one| one.instance_id.as_ref() == Some(&node.id))
}

/// The end of the zone's name: the region stands in the head.
fn zone(node: &Node) -> Span {
    let Some(zone) = &node.zone else { return unknown() };
    let short = zone.as_str().rsplit('-').next().unwrap_or_default();
    Span::new(short.to_owned(), Tone::Plain)
}

/// AWS's word; marked where it is too old to be the present.
fn lifecycle(model: &Model, node: &Node, theme: Theme) -> Span {
    match (&node.lifecycle, node.existence) {
        (Some(word), _) if !model.groups_are_current() => {
            Span::new(format!("{word}?"), Tone::Unknown)
        }
        (_, Existence::Gone) => Span::new("GONE", Tone::Bad),
        (Some(word), _) if node.is_in_service() => Span::new(word.to_string(), Tone::Plain),
        (Some(word), _) => Span::new(word.to_string(), Tone::Warn),
        (None, Existence::Unknown) => unknown(),
        (None, _) => nothing(theme),
    }
}

/// What the registry says of the node, in a word.
fn member(fleet: Option<&Fleet>, node: &Node, theme: Theme) -> Span {
    if node.members.is_empty() {
        let expected = fleet.is_some_and(|fleet| !fleet.registry.is_empty());
        return match members_are_known(fleet) {
            false => unknown(),
            true if node.is_living() && expected => Span::new("none", Tone::Warn),
            true => nothing(theme),
        };
    }
    let ip = node.private_ip.map(|ip| ip.to_string());
    let wrong_ip = node.members.iter().any(|one| ip.is_some() && one.ipv4() != ip.as_deref());
    let wrong_stack = node.members.iter().any(|one| one.stack != node.stack_id);
    let sick = node.members.iter().any(|one| one.health == Some(MemberHealth::Unhealthy));
    match (wrong_ip, wrong_stack, sick) {
        (true, _, _) => Span::new("IP!", Tone::Warn),
        (_, true, _) => Span::new("STACK!", Tone::Warn),
        (_, _, true) => Span::new("SICK", Tone::Warn),
        _ if ip.is_none() => Span::new("ok?", Tone::Unknown),
        _ => Span::new("ok", Tone::Plain),
    }
}

/// AWS's word for a target's state in five cells. A word we do not know is shown as it is.
fn short(target: &NodeTarget) -> Span {
    let Ok(state) = &target.state else { return unknown() };
    let (word, tone) = match &**state {
        "healthy" => ("ok", Tone::Plain),
        "unhealthy" => ("BAD", Tone::Bad),
        "initial" => ("init", Tone::Warn),
        "draining" => ("drain", Tone::Warn),
        "unhealthy.draining" => ("BAD-d", Tone::Bad),
        "unused" => ("idle", Tone::Dim),
        "unavailable" => ("?off", Tone::Unknown),
        other => (other, Tone::Warn),
    };
    Span::new(word, tone)
}

fn target(fleet: Option<&Fleet>, node: &Node, port: u16, theme: Theme) -> Span {
    let own = node.targets.iter().filter(|target| target.port == port);
    // Of several groups on one port, the one that is not well tells more.
    if let Some(target) = own.min_by_key(|target| target.is_healthy()) {
        return short(target);
    }
    let groups = fleet.into_iter().flat_map(|fleet| &fleet.targets);
    let mut groups = groups.filter(|target| target.port == port);
    if groups.any(|group| group.capacity.is_none()) { unknown() } else { nothing(theme) }
}

fn worst_target(fleet: Option<&Fleet>, node: &Node, theme: Theme) -> Span {
    let sick = node.targets.iter().filter(|target| !target.is_healthy()).collect::<Vec<_>>();
    let all = node.targets.len();
    if let Some(first) = sick.first() {
        let mut cell = short(first);
        let alike = sick.iter().all(|target| target.state == first.state);
        if sick.len() < all || !alike {
            cell.text = format!("{}:{}", cell.text, first.port);
        }
        return cell;
    }
    let mut groups = fleet.into_iter().flat_map(|fleet| &fleet.targets);
    if groups.any(|group| group.capacity.is_none()) {
        return unknown();
    }
    if all == 0 { nothing(theme) } else { Span::new(format!("{all}/{all}"), Tone::Plain) }
}

fn verdict(probe: &NodeProbe) -> Span {
    match probe.verdict {
        Verdict::Pass => Span::new("pass", Tone::Plain),
        Verdict::Fail => Span::new("FAIL", Tone::Bad),
        Verdict::Unknown => unknown(),
    }
}

fn probe(node: &Node, product: &Product, theme: Theme) -> Span {
    let own = node.probes.iter().find(|probe| probe.outcome.product == *product);
    own.map_or_else(|| nothing(theme), verdict)
}

fn worst_probe(node: &Node, theme: Theme) -> Span {
    let rank = |probe: &&NodeProbe| match probe.verdict {
        Verdict::Fail => 2,
        Verdict::Unknown => 1,
        Verdict::Pass => 0,
    };
    let all = node.probes.len();
    let Some(worst) = node.probes.iter().max_by_key(rank) else { return nothing(theme) };
    let same = node.probes.iter().filter(|probe| probe.verdict == worst.verdict).count();
    match worst.verdict {
        Verdict::Pass => Span::new(format!("{all}/{all}"), Tone::Plain),
        _ if same == all => verdict(worst),
        _ => {
            let cell = verdict(worst);
            let name = cells::short_name(&worst.outcome.product);
            Span::new(format!("{name} {}", cell.text), cell.tone)
        }
    }
}

/// How the node stands in its rings, the worst of them in a word.
fn ring(model: &Model, fleet: Option<&Fleet>, node: &Node, theme: Theme) -> Span {
    let apart = |product: &Product| {
        let ring = fleet.into_iter().flat_map(|it| &it.rings).find(|it| it.product == *product);
        let others = ring.filter(|it| it.is_split()).and_then(|it| it.groups.split_first());
        others.is_some_and(|(_, others)| others.iter().any(|group| group.contains(&node.id)))
    };
    let word = |ring: &NodeRing| match &ring.standing {
        RingStanding::Alone => (0, "ALONE", Tone::Bad),
        RingStanding::Member(RingState::Unhealthy) => (1, "SICK", Tone::Bad),
        RingStanding::Member(_) if apart(&ring.product) => (2, "SPLIT", Tone::Bad),
        RingStanding::Missing => (3, "MISS", Tone::Warn),
        RingStanding::Member(RingState::Pending) => (4, "PEND", Tone::Warn),
        RingStanding::Member(RingState::Joining) => (4, "JOIN", Tone::Warn),
        RingStanding::Member(RingState::Leaving) => (4, "LEAVE", Tone::Warn),
        RingStanding::Left | RingStanding::Member(RingState::Left) => (5, "LEFT", Tone::Warn),
        RingStanding::Member(RingState::Other(_)) => (5, "ODD", Tone::Warn),
        RingStanding::Unknown(_) => (6, "?", Tone::Unknown),
        RingStanding::Member(RingState::Active) => (7, "ok", Tone::Plain),
        RingStanding::NotShared => (8, "own", Tone::Dim),
    };
    let worst = node.rings.iter().map(word).min_by_key(|(rank, _, _)| *rank);
    let some_well = node.rings.iter().any(|ring| word(ring).1 == "ok");
    match worst {
        Some((6, _, tone)) if some_well => Span::new("ok?", tone),
        Some((_, word, tone)) => Span::new(word, tone),
        None if model.place.probing && node.is_living() => unknown(),
        None => nothing(theme),
    }
}

/// Rings and requests, a product each, where anything is known of them.
fn told(node: &Node) -> Option<Line> {
    let rings = node.rings.iter().map(|ring| format!("{} {}", ring.product, ring.standing));
    let rings: Vec<_> = rings.collect();
    let mut parts = Vec::new();
    if !rings.is_empty() {
        parts.push(format!("rings: {}", rings.join(", ")));
    }
    parts.extend(shown::by_product(node).map(|each| format!("requests/s: {each}")));
    (!parts.is_empty()).then(|| line(format!(" {}", parts.join("  ")), Tone::Dim))
}

fn details(model: &Model, node: Option<&Node>, theme: Theme, room: Size) -> Text {
    let Some(node) = node else {
        let sentence = line(" There is no node here.", Tone::Plain);
        return Text { title: String::new(), lines: vec![sentence] };
    };
    let mut lines = vec![facts(model, node, theme)];
    let lock = node.stack_id.as_ref().and_then(|stack| locks::on(model, stack));
    if let Some(lock) = lock {
        locks::line_of(&mut lines, model, lock, room.columns);
    }
    lines.extend(told(node));
    let taken = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let room = Size { rows: room.rows.saturating_sub(taken), ..room };
    let mut findings = cells::sentences(model, own(model, node), theme, room);
    let taken = u16::try_from(findings.len()).unwrap_or(u16::MAX);
    let rest = Size { rows: room.rows.saturating_sub(taken), ..room };
    if rest.rows > 1 {
        let causes = causes_of_fleet(model, node.stack_id.as_ref());
        findings.extend(cells::causes(model, causes, theme, rest));
    }
    let answers = answers(model, node);
    if findings.is_empty() && answers.is_empty() {
        lines.push(line(" Nothing disagrees.", Tone::Plain));
    }
    lines.extend(findings);
    for (answer, tone) in answers {
        cells::wrapped(&mut lines, (" ", &answer, tone), room.columns);
    }
    Text { title: node.id.to_string(), lines }
}

/// What is wrong with the node's fleet as a whole, and so matters to the node.
pub(super) fn causes_of_fleet<'a>(
    model: &'a Model,
    stack: Option<&'a StackId>,
) -> impl Iterator<Item = &'a Cause> {
    let all = model.findings();
    model.causes.iter().filter(move |cause| {
        let mut cases = cause.cases.iter().filter_map(|place| all.get(*place));
        stack.is_some()
            && cause.key.stack_id.as_ref() == stack
            && cause.severity >= Severity::Warning
            && cases.all(|one| one.instance_id.is_none())
    })
}

/// What is known of the machine itself.
fn facts(model: &Model, node: &Node, theme: Theme) -> Line {
    let or_unknown = |text: Option<&str>| text.unwrap_or("?").to_owned();
    let ip = node.private_ip.map(|ip| ip.to_string());
    let mut facts = vec![
        or_unknown(ip.as_deref()),
        or_unknown(node.zone.as_ref().map(|zone| zone.as_str())),
        match node.lifecycle {
            Some(_) => format!(
                "{} {}",
                lifecycle(model, node, theme).text,
                node.asg_health.as_deref().unwrap_or_default()
            ),
            None => "in no group".to_owned(),
        },
        format!("ec2 {}", or_unknown(node.ec2_state.as_deref())),
    ];
    if let Some(version) = &node.launch_template_version {
        facts.push(format!("template {version}"));
    }
    if let Some(launched) = node.launched {
        facts.push(format!("launched {}", text::age(age(launched, model.now))));
    }
    line(format!(" {}", facts.join("  ")), Tone::Dim)
}

/// The answers that are not as they should be, in their source's own words.
fn answers(model: &Model, node: &Node) -> Vec<(String, Tone)> {
    let mut all = Vec::new();
    for target in node.targets.iter().filter(|target| !target.is_healthy()) {
        let (said, tone) = match &target.state {
            Ok(state) => (state.to_string(), short(target).tone),
            Err(why) => (format!("? ({why})"), Tone::Unknown),
        };
        let reason = target.reason.as_deref().unwrap_or_default();
        all.push((format!("{}:{} {said} {reason}", target.name, target.port), tone));
    }
    for probe in node.probes.iter().filter(|probe| probe.verdict != Verdict::Pass) {
        let (outcome, cell) = (&probe.outcome, verdict(probe));
        let text = match probe.verdict {
            Verdict::Unknown => {
                let since = text::age(age(probe.observed_at, model.now));
                format!("{} ? (last answer {since} ago: {})", outcome.product, outcome.detail)
            }
            _ => format!("{} {}: {}", outcome.product, cell.text, outcome.detail),
        };
        all.push((text, cell.tone));
    }
    all
}
