//! Fleets, what sends to them, and their nodes.

use super::text::table;
use super::{TOLD, rest};
use crate::app::model::Model;
use crate::app::screen::ScreenKind;
use crate::core::estate::{Fleet, Node};
use crate::core::inventory::Verdict;
use std::sync::Arc;

pub(super) fn fleets(model: &Model) -> String {
    let fleets = model.estate.iter().flat_map(|estate| estate.fleets.values());
    let count = fleets.clone().count();
    let heads =
        ["Stack", "Role", "Traffic", "Nodes", "Members", "Targets", "Probes", "Rings", "Worst"];
    format!("\n## Fleets: {count}\n{}", table(&heads, fleets.map(cells)))
}

/// A fleet in a line of text.
pub(super) fn fleet_line(fleet: &Fleet) -> String {
    let [stack, role, traffic, nodes, members, targets, probes, rings, worst] = parts(fleet);
    format!(
        "{stack} {role}, traffic {traffic}, nodes {nodes}, members {members}, targets {targets}, \
         probes {probes}, rings {rings}, worst {worst}"
    )
}

fn cells(fleet: &Fleet) -> Vec<String> {
    parts(fleet).into()
}

fn parts(fleet: &Fleet) -> [String; 9] {
    let unknown = || "?".to_owned();
    let traffic = fleet.traffic_share.map(|share| format!("{:.0}%", share * 100.0));
    let traffic = match (traffic, fleet.listeners.is_empty()) {
        (Some(share), _) => share,
        (None, true) => "no listener".into(),
        (None, false) => unknown(),
    };
    let nodes = fleet.in_service().map(|(up, desired)| format!("{up}/{desired}"));
    let targets = fleet.targets.iter().map(|it| {
        let open = if it.fail_open == Some(true) { " FAIL OPEN" } else { "" };
        match &it.capacity {
            Some(has) => format!("{} {}/{}{open}", it.port, has.healthy, has.registered),
            None => format!("{} ?", it.port),
        }
    });
    let probes = fleet.probes.iter().map(|it| {
        let of = it.pass + it.fail + it.unknown;
        let unknown = if it.unknown > 0 { format!(" ({} ?)", it.unknown) } else { String::new() };
        format!("{} {}/{of}{unknown}", it.service, it.pass)
    });
    let rings = fleet.rings.iter().map(|it| format!("{} {}/{}", it.product, it.active, it.of));
    [
        fleet.stack_id.to_string(),
        fleet.role.to_string().to_uppercase(),
        traffic,
        nodes.unwrap_or("no group".into()),
        fleet.members.map_or_else(unknown, |count| count.to_string()),
        joined(targets),
        joined(probes),
        joined(rings),
        fleet.worst.map_or("-".into(), |worst| worst.to_string()),
    ]
}

fn joined(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    if all.is_empty() { "-".into() } else { all.join(", ") }
}

pub(super) fn traffic(model: &Model) -> String {
    let balancers = model.estate.iter().flat_map(|estate| &estate.traffic);
    let mut rows = Vec::new();
    for balancer in balancers {
        let name = balancer.name.clone();
        let listeners = match &balancer.listeners {
            Ok(listeners) => listeners,
            Err(why) => {
                rows.push(vec![name, format!("not known: {why}")]);
                continue;
            }
        };
        for listener in listeners {
            for action in &listener.actions {
                let sends = action.groups.iter().map(|it| format!("{} {}", it.name, it.weight));
                let listens = format!("{} {} ({})", listener.protocol, listener.port, action.rule);
                rows.push(vec![name.clone(), format!("{listens}: {}", joined(sends))]);
            }
        }
    }
    let told = table(&["Load balancer", "Listener, and the weights it sends by"], rows.into_iter());
    if told.is_empty() { told } else { format!("\n## Traffic\n{told}") }
}

/// The nodes that something is wrong with, those of the fleet that is looked at, and the node that
/// is looked at.
pub(super) fn telling(model: &Model) -> Vec<&Node> {
    let on_screen = |node: &Node| match &model.screen().kind {
        ScreenKind::Node(id) => node.id == *id,
        ScreenKind::Nodes(stack) => node.stack_id == *stack,
        _ => false,
    };
    let nodes = model.estate.iter().flat_map(|estate| estate.nodes.values()).map(Arc::as_ref);
    let mut all: Vec<&Node> =
        nodes.filter(|node| node.worst.is_some() || on_screen(node)).collect();
    all.sort_by_key(|node| std::cmp::Reverse(node.worst));
    all
}

pub(super) fn nodes(model: &Model) -> String {
    let nodes = telling(model);
    let heads = [
        "Node",
        "Stack",
        "Address",
        "Zone",
        "Auto Scaling",
        "EC2",
        "Members",
        "Targets",
        "Probes",
        "Worst",
    ];
    let rows = nodes.iter().take(TOLD).map(|node| node_parts(node).into());
    let told = table(&heads, rows);
    match told.is_empty() {
        true => told,
        false => {
            let head = "\n## Nodes with findings, and those on screen\n";
            format!("{head}{told}{}", rest(nodes.len()))
        }
    }
}

/// A node in a line of text.
pub(super) fn node_line(node: &Node) -> String {
    let [id, stack, ip, zone, asg, ec2, members, targets, probes, worst] = node_parts(node);
    format!(
        "{id} {stack} {ip} {zone}, Auto Scaling {asg}, EC2 {ec2}, members {members}, targets \
         {targets}, probes {probes}, worst {worst}"
    )
}

fn node_parts(node: &Node) -> [String; 10] {
    let or = |text: Option<&str>| text.unwrap_or("?").to_owned();
    let asg = match (&node.lifecycle, &node.asg_health) {
        (Some(lifecycle), Some(health)) => format!("{lifecycle} {health}"),
        (Some(lifecycle), None) => lifecycle.to_string(),
        (None, _) if node.unlisted => "in no group".into(),
        (None, _) => "?".into(),
    };
    let members =
        node.members.iter().map(|it| format!("{} {}", it.service, it.ipv4().unwrap_or("?")));
    let targets = node.targets.iter().map(|it| match &it.state {
        Ok(state) => {
            let reason = it.reason.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
            format!("{} {state}{reason}", it.port)
        }
        Err(why) => format!("{} ? ({why})", it.port),
    });
    let probes = node.probes.iter().map(|it| {
        let detail = match it.verdict {
            Verdict::Pass => String::new(),
            _ => format!(" ({})", it.outcome.detail),
        };
        format!("{} {}{detail}", it.outcome.product, it.verdict)
    });
    [
        node.id.to_string(),
        node.stack_id.as_ref().map_or("-".into(), ToString::to_string),
        node.private_ip.map_or("?".into(), |ip| ip.to_string()),
        or(node.zone.as_ref().map(|zone| zone.as_str())),
        asg,
        or(node.ec2_state.as_deref()),
        joined(members),
        joined(targets),
        joined(probes),
        node.worst.map_or("-".into(), |worst| worst.to_string()),
    ]
}
