//! Rows of the Nodes screen: a row per instance, by id.

use super::Key;
use super::fleets::severity;
use crate::app::column::Column;
use crate::app::model::Model;
use crate::app::screen::RowId;
use crate::core::estate::{Node, NodeProbe};
use crate::core::ids::StackId;
use crate::core::inventory::{RingState, Verdict};
use crate::core::rings::{NodeRing, RingStanding};
use std::net::IpAddr;

pub(super) fn all(model: &Model, stack: Option<&StackId>) -> Vec<RowId> {
    match stack {
        Some(stack) => {
            let fleet = model.fleet(stack);
            fleet.into_iter().flat_map(|it| &it.nodes).cloned().map(RowId::Node).collect()
        }
        None => {
            let nodes = model.estate.iter().flat_map(|estate| estate.nodes.values());
            let stray = nodes.filter(|node| node.stack_id.is_none());
            stray.map(|node| RowId::Node(node.id.clone())).collect()
        }
    }
}

pub(super) fn key(model: &Model, row: &RowId, column: &Column) -> Key {
    let RowId::Node(id) = row else { return Key::Unknown };
    let Some(node) = model.node(id) else { return Key::Unknown };
    match column {
        Column::Instance => Key::text(id.as_str()),
        Column::Ip => node.private_ip.map_or(Key::Unknown, address),
        Column::Zone => Key::maybe(node.zone.as_ref().map(|zone| zone.as_str())),
        Column::Lifecycle => Key::maybe(node.lifecycle.as_deref()),
        Column::Member => Key::count(node.members.len()),
        Column::Targets => targets(node, None),
        Column::Port(port) => targets(node, Some(*port)),
        Column::Probes => probes(node.probes.iter()),
        Column::Product(product) => {
            probes(node.probes.iter().filter(|probe| probe.outcome.product == *product))
        }
        Column::Ring => rings(node),
        Column::Requests => requests(node),
        Column::Finding => Key::Number(severity(node.worst)),
        _ => Key::Unknown,
    }
}

/// Addresses in the order of their numbers: 10.0.0.9 before 10.0.0.10.
fn address(ip: IpAddr) -> Key {
    match ip {
        IpAddr::V4(ip) => Key::Number(f64::from(u32::from(ip))),
        IpAddr::V6(ip) => Key::text(ip.segments().map(|part| format!("{part:04x}")).join(":")),
    }
}

/// The part that is healthy, of those registrations whose state is known.
fn targets(node: &Node, port: Option<u16>) -> Key {
    let own = node.targets.iter().filter(|target| port.is_none_or(|port| target.port == port));
    let known = own.filter(|target| target.state.is_ok());
    let (healthy, all) = known
        .fold((0, 0), |(healthy, all), target| (healthy + u32::from(target.is_healthy()), all + 1));
    Key::part(healthy, all)
}

/// The worst standing over the products' rings first; a ring that is not shared is well.
fn rings(node: &Node) -> Key {
    let rank = |ring: &NodeRing| match &ring.standing {
        RingStanding::Alone | RingStanding::Missing => Some(0),
        RingStanding::Member(RingState::Active) => Some(3),
        RingStanding::Member(RingState::Unhealthy) => Some(0),
        RingStanding::Member(_) => Some(1),
        RingStanding::Left => Some(2),
        RingStanding::NotShared => Some(4),
        RingStanding::Unknown(_) => None,
    };
    node.rings.iter().filter_map(rank).min().map_or(Key::Unknown, |it: u32| Key::count(it))
}

/// Over all products, as far as they are counted.
fn requests(node: &Node) -> Key {
    let rates = node.requests.iter().filter_map(|of| of.per_second);
    rates.reduce(|one, other| one + other).map_or(Key::Unknown, Key::Number)
}

fn probes<'a>(own: impl Iterator<Item = &'a NodeProbe>) -> Key {
    let known = own.filter(|probe| probe.verdict != Verdict::Unknown);
    let (pass, all) = known.fold((0, 0), |(pass, all), probe| {
        (pass + u32::from(probe.verdict == Verdict::Pass), all + 1)
    });
    Key::part(pass, all)
}
