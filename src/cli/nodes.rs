//! `nodes [STACK]`: a row a node, every source's word side by side.

use super::args::{Format, Output};
use super::json::{self, NodesView};
use super::read::Answer;
use super::table::{NONE, Table, UNKNOWN};
use super::words::{or_none, or_unknown};
use super::world::Round;
use super::{ExitCode, Failure};
use crate::core::estate::{Node, NodeProbe};
use crate::core::ids::{Product, StackId};
use crate::core::inventory::{Inventory, ProbeReason, Verdict};
use crate::core::rings::{NodeRing, RingStanding};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn answer(
    round: &Round,
    stack: Option<&StackId>,
    format: Format,
) -> Result<Answer, Failure> {
    check_stack(round, stack)?;
    Ok(Answer::of(match format.output {
        Output::Json => json::document(&NodesView::of(round, stack))?,
        Output::Table => render(round, stack),
    }))
}

/// A fleet that nobody has heard of is a wrong argument, unless what names it could not be read.
fn check_stack(round: &Round, stack: Option<&StackId>) -> Result<(), Failure> {
    let Some(stack) = stack.filter(|stack| !round.estate.fleets.contains_key(*stack)) else {
        return Ok(());
    };
    let known: Vec<_> = round.estate.fleets.keys().map(StackId::as_str).collect();
    let causes = vec![match known.as_slice() {
        [] => "there are no fleets".to_owned(),
        known => format!("the fleets are {}", known.join(", ")),
    }];
    let what = format!("find the fleet {:?}", stack.as_str());
    Err(if round.lacking.is_empty() {
        let next = "Give one of their names, or none for all nodes.".into();
        Failure { what, causes, next, code: ExitCode::Usage }
    } else {
        let next = "Some reads are missing: `quarterdeck sources` says which and why.".into();
        Failure { what, causes, next, code: ExitCode::LacksData }
    })
}

fn render(round: &Round, stack: Option<&StackId>) -> String {
    let nodes: Vec<&Node> = round
        .estate
        .nodes
        .values()
        .map(Arc::as_ref)
        .filter(|node| stack.is_none() || node.stack_id.as_ref() == stack)
        .collect();
    if nodes.is_empty() {
        let partly = if round.lacking.is_empty() { "" } else { " in what could be read" };
        return format!("no nodes{partly}\n");
    }
    let ports: BTreeSet<u16> =
        nodes.iter().flat_map(|node| node.targets.iter().map(|of| of.port)).collect();
    let products: BTreeSet<&Product> =
        nodes.iter().flat_map(|node| node.probes.iter().map(|of| &of.outcome.product)).collect();
    let head = ["INSTANCE", "IP", "ZONE", "STACK", "LIFECYCLE", "HEALTH", "REGISTERED"];
    let head = head.map(str::to_owned).into_iter();
    let head = head
        .chain(ports.iter().map(|port| format!(":{port}")))
        .chain(products.iter().map(|product| product.as_str().to_uppercase()))
        .chain(told(&nodes).into_iter().map(|(column, _)| column.to_owned()))
        .chain(["FINDINGS".to_owned()]);
    let mut table = Table::new(head);
    let known = Known::of(&round.inventory, round.as_of);
    let told = told(&nodes);
    for node in nodes {
        let mut row = facts(node, &known);
        row.extend(ports.iter().map(|port| target(node, *port, &known)));
        row.extend(products.iter().map(|product| probe(node, product)));
        row.extend(told.iter().map(|(_, cell)| cell(node)));
        row.push(findings(round, node));
        table.row(row);
    }
    table.render()
}

/// Which absences prove something: "not there" may only be said of what was read whole.
struct Known {
    groups: bool,
    registry: bool,
    targets: bool,
}

impl Known {
    fn of(inventory: &Inventory, now: Timestamp) -> Self {
        let services = inventory.services.values();
        Self {
            groups: inventory.groups.whole(now).is_ok(),
            registry: inventory.namespaces.whole(now).is_ok()
                && services.into_iter().all(|of| of.whole(now).is_ok())
                && inventory.members.values().all(|of| of.whole(now).is_ok()),
            targets: inventory.target_groups.whole(now).is_ok()
                && inventory.target_health.values().all(|of| of.whole(now).is_ok()),
        }
    }

    fn absent(known: bool) -> String {
        if known { NONE.into() } else { UNKNOWN.into() }
    }
}

fn facts(node: &Node, known: &Known) -> Vec<String> {
    let of_group = |word: &Option<std::sync::Arc<str>>| {
        word.as_deref().map_or_else(|| Known::absent(known.groups), str::to_owned)
    };
    let lifecycle = match (&node.lifecycle, node.drained_on_purpose) {
        (Some(word), true) => format!("{word} (on purpose)"),
        _ => of_group(&node.lifecycle),
    };
    vec![
        node.id.to_string(),
        or_unknown(node.private_ip),
        or_unknown(node.zone.as_ref()),
        or_none(node.stack_id.as_ref()),
        lifecycle,
        of_group(&node.asg_health),
        registered(node, known),
    ]
}

/// The registry's word for the node: its address, and its STACK where that is another.
fn registered(node: &Node, known: &Known) -> String {
    if node.members.is_empty() {
        return Known::absent(known.registry);
    }
    let entry = |member: &crate::core::estate::NodeMember| {
        let ip = or_none(member.ipv4());
        match &member.stack {
            stack if stack == &node.stack_id => ip,
            stack => format!("{ip} as {}", or_none(stack.as_ref())),
        }
    };
    let entries: BTreeSet<String> = node.members.iter().map(entry).collect();
    entries.into_iter().collect::<Vec<_>>().join(", ")
}

fn target(node: &Node, port: u16, known: &Known) -> String {
    let states: BTreeSet<&str> = node
        .targets
        .iter()
        .filter(|of| of.port == port)
        .map(|of| of.state.as_deref().unwrap_or(UNKNOWN))
        .collect();
    if states.is_empty() {
        return Known::absent(known.targets);
    }
    states.into_iter().collect::<Vec<_>>().join(",")
}

fn probe(node: &Node, product: &Product) -> String {
    let Some(NodeProbe { outcome, verdict, .. }) =
        node.probes.iter().find(|of| &of.outcome.product == product)
    else {
        return UNKNOWN.into();
    };
    match (verdict, outcome.status, outcome.latency_ms) {
        (Verdict::Pass, _, Some(ms)) => format!("pass {ms}ms"),
        (Verdict::Pass, _, None) => "pass".into(),
        (Verdict::Fail, Some(status), _) => format!("fail {status}"),
        (Verdict::Fail, None, _) => format!("fail {}", outcome.detail),
        (Verdict::Unknown, _, _) if outcome.reason == ProbeReason::NotPresent => NONE.into(),
        (Verdict::Unknown, _, _) => UNKNOWN.into(),
    }
}

/// A column of what nodes tell, and its cells.
type Column = (&'static str, fn(&Node) -> String);

/// The columns of what nodes tell of themselves; there are none where nothing of it is known.
fn told(nodes: &[&Node]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let known = |ring: &NodeRing| !matches!(ring.standing, RingStanding::Unknown(_));
    if nodes.iter().any(|node| node.rings.iter().any(known)) {
        columns.push(("RINGS", rings));
    }
    if nodes.iter().any(|node| node.requests.iter().any(|of| of.per_second.is_some())) {
        columns.push(("REQUESTS/S", requests));
    }
    columns
}

fn rings(node: &Node) -> String {
    let each = node.rings.iter().map(|ring| format!("{} {}", ring.product, ring.standing));
    all_or_unknown(each.collect())
}

/// Requests a second, a product each; one sample alone makes no rate.
fn requests(node: &Node) -> String {
    let each = node.requests.iter().map(|of| match of.per_second {
        Some(rate) => format!("{} {rate:.1}", of.product),
        None => format!("{} {UNKNOWN}", of.product),
    });
    all_or_unknown(each.collect())
}

fn all_or_unknown(each: Vec<String>) -> String {
    if each.is_empty() { UNKNOWN.into() } else { each.join(", ") }
}

fn findings(round: &Round, node: &Node) -> String {
    let mine = round.estate.findings.iter();
    let mine = mine.filter(|finding| finding.instance_id.as_ref() == Some(&node.id));
    let kinds: BTreeSet<_> = mine.map(|finding| finding.kind.to_string()).collect();
    kinds.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::example;

    #[test]
    fn nodes_as_a_table() {
        insta::assert_snapshot!(render(&example::round(), None));
    }

    #[test]
    fn what_could_not_be_read_is_not_absent() {
        insta::assert_snapshot!(render(&example::lacking_round(), None));
    }

    #[test]
    fn one_fleet_as_json_and_back() {
        let view = NodesView::of(&example::round(), Some(&StackId::from("blue-412")));
        let text = json::document(&view).unwrap();
        assert_eq!(serde_json::from_str::<NodesView>(&text).unwrap(), view);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn an_unknown_fleet_is_wrong_usage_unless_data_is_missing() {
        let nobody = StackId::from("red");
        let failure = check_stack(&example::round(), Some(&nobody)).unwrap_err();
        assert_eq!(failure.code, ExitCode::Usage);
        assert_eq!(failure.causes, ["the fleets are blue-412, green-413"]);
        let failure = check_stack(&example::lacking_round(), Some(&nobody)).unwrap_err();
        assert_eq!(failure.code, ExitCode::LacksData);
    }
}
