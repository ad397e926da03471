//! Findings about the registry: who is missing, who is a ghost, who is registered wrongly.

use super::super::index::Map;
use super::{Scene, counted};
use crate::core::estate::{Existence, Fleet, Node};
use crate::core::finding::{Finding, FindingKind, Fix};
use crate::core::ids::InstanceId;
use crate::core::inventory::{Member, MemberHealth, RegistryService};
use std::collections::{BTreeMap, BTreeSet};

/// From so many missing nodes on beside a single registered one it is the boot script's wipe: one
/// missing node may have any reason, two at once beside a lone survivor hardly another.
const BOOT_RACE_MISSING: usize = 2;

pub(super) fn look(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    for (service, observed) in &scene.index.services {
        if let Ok(members) = observed.current(scene.index.now) {
            for member in members.iter() {
                entry(scene, service, member, found);
            }
            duplicate_addresses(scene, service, members, found);
        }
        // Only a complete list proves that somebody is missing from it.
        if let Ok(members) = observed.whole(scene.index.now) {
            if members.is_empty() {
                empty(scene, service, found);
                continue;
            }
            // Only a current word of Auto Scaling says who should be there.
            if scene.index.inventory.groups.current(scene.index.now).is_err() {
                continue;
            }
            for fleet in scene.expected.fleets(&service.id) {
                if let Some(fleet) = scene.fleets.get(fleet) {
                    missing(scene, service, fleet, found);
                }
            }
        }
    }
}

fn empty(scene: &Scene<'_>, service: &RegistryService, found: &mut Vec<Finding>) {
    let living = scene.nodes.values().filter(|node| node.is_living()).count();
    if living == 0 {
        return;
    }
    let text = format!(
        "registry service {} has no member while {} in service",
        service.name,
        if living == 1 { "1 node is".into() } else { format!("{living} nodes are") },
    );
    found.push(
        Finding::new(FindingKind::ServiceEmpty, scene.index.now, text)
            .service(&service.id)
            .fix(Fix::Reregister)
            .identified(""),
    );
}

fn missing(scene: &Scene<'_>, service: &RegistryService, fleet: &Fleet, found: &mut Vec<Finding>) {
    let due: Vec<&Node> =
        scene.nodes_of(fleet).filter(|node| scene.expected.is_due(node, &service.id)).collect();
    let (there, missing): (Vec<&Node>, Vec<&Node>) =
        due.into_iter().partition(|node| node.members.iter().any(|of| of.service_id == service.id));
    let now = scene.index.now;
    if there.len() == 1 && missing.len() >= BOOT_RACE_MISSING {
        let text = format!(
            "boot race: {} of {} in service, 1 in {}",
            counted(there.len() + missing.len(), "node"),
            fleet.stack_id,
            service.name
        );
        found.push(
            Finding::new(FindingKind::BootRace, now, text)
                .stack(Some(&fleet.stack_id))
                .service(&service.id)
                .fix(Fix::Repair)
                .identified(""),
        );
        return;
    }
    for node in missing {
        let text = format!(
            "{} of {} is in service and not registered in {}",
            node.id, fleet.stack_id, service.name
        );
        found.push(
            Finding::new(FindingKind::UnregisteredNode, now, text)
                .stack(Some(&fleet.stack_id))
                .instance(&node.id)
                .service(&service.id)
                .fix(Fix::Reregister)
                .identified(""),
        );
    }
}

/// What can be wrong with one entry. A ghost is a ghost and nothing else.
fn entry(scene: &Scene<'_>, service: &RegistryService, member: &Member, found: &mut Vec<Finding>) {
    let Some(node) = scene.nodes.get(&scene.index.resolve_member(member)) else { return };
    if node.existence == Existence::Gone {
        // Our EC2 knows nothing of another account's instances, so it proves nothing about them.
        if is_anothers(scene, member) {
            return;
        }
        found.push(ghost(scene, service, member, node));
        return;
    }
    found.extend(wrong_address(scene, service, member, node));
    found.extend(wrong_stack(scene, service, member, node));
    found.extend(unhealthy(scene, service, member, node));
}

/// Whether another account registered it, or nobody can say whether we are that account.
fn is_anothers(scene: &Scene<'_>, member: &Member) -> bool {
    let ours = scene.index.inventory.identity.value().map(|identity| &identity.account);
    member.account.is_some() && member.account.as_ref() != ours
}

fn about(finding: Finding, service: &RegistryService, member: &Member, node: &Node) -> Finding {
    let stack = node.stack_id.clone().or_else(|| member.stack.clone());
    finding.stack(stack.as_ref()).instance(&node.id).service(&service.id)
}

fn ghost(scene: &Scene<'_>, service: &RegistryService, member: &Member, node: &Node) -> Finding {
    let said = match node.ec2_state.as_deref() {
        Some(state) => format!("EC2 says {state}"),
        None => "EC2 does not know it".into(),
    };
    let address = member.ipv4().unwrap_or("no address");
    let reused = member
        .ipv4()
        .and_then(|address| scene.index.owner_of_address(address))
        .map(|owner| format!("; that address now belongs to {owner}"))
        .unwrap_or_default();
    let text = format!(
        "{} is registered in {} with {address} and is gone: {said} and no group lists it{reused}",
        member.id, service.name
    );
    let finding = Finding::new(FindingKind::GhostMember, scene.index.now, text);
    about(finding, service, member, node).fix(Fix::Deregister).identified("")
}

fn wrong_address(
    scene: &Scene<'_>,
    service: &RegistryService,
    member: &Member,
    node: &Node,
) -> Option<Finding> {
    let (true_ip, written) = (node.private_ip?, member.ipv4());
    let right = written.and_then(|text| text.parse().ok()) == Some(true_ip);
    if right || node.existence != Existence::Running {
        return None;
    }
    let stranger = written
        .and_then(|address| scene.index.owner_of_address(address))
        .map(|owner| format!(", which is {owner}'s"))
        .unwrap_or_default();
    let text = format!(
        "{} is registered in {} with {}{stranger}; its address is {true_ip}",
        member.id,
        service.name,
        written.unwrap_or("no address"),
    );
    let finding = Finding::new(FindingKind::WrongIp, scene.index.now, text);
    Some(about(finding, service, member, node).fix(Fix::Reregister).identified(""))
}

fn wrong_stack(
    scene: &Scene<'_>,
    service: &RegistryService,
    member: &Member,
    node: &Node,
) -> Option<Finding> {
    let text = if let Some((first, second)) = member.contradicting_stacks() {
        format!(
            "{} is registered in {} with STACK {first} and STACK_ID {second}",
            member.id, service.name
        )
    } else {
        let own = scene.index.listed_stack(&node.id)?;
        let written = &member.stack;
        if written.as_ref() == Some(own) {
            return None;
        }
        let written =
            written.as_ref().map_or("without a STACK".into(), |of| format!("with STACK {of}"));
        format!("{} of {own} is registered in {} {written}", member.id, service.name)
    };
    let finding = Finding::new(FindingKind::WrongStack, scene.index.now, text);
    Some(about(finding, service, member, node).fix(Fix::Reregister).identified(""))
}

fn unhealthy(
    scene: &Scene<'_>,
    service: &RegistryService,
    member: &Member,
    node: &Node,
) -> Option<Finding> {
    let health = scene.index.inventory.member_health.get(&service.id)?;
    if health.current(scene.index.now).ok()?.get(&member.id) != Some(&MemberHealth::Unhealthy) {
        return None;
    }
    let text = format!(
        "{} reads UNHEALTHY in {}: DNS leaves it out while others are healthy",
        member.id, service.name
    );
    let finding = Finding::new(FindingKind::UnhealthyMember, scene.index.now, text);
    Some(about(finding, service, member, node).identified(""))
}

/// Members that share an address and are not explained by a ghost or a wrong address.
fn duplicate_addresses(
    scene: &Scene<'_>,
    service: &RegistryService,
    members: &[Member],
    found: &mut Vec<Finding>,
) {
    let mut seen: Map<&str, &Member> = Map::default();
    let mut of_address: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
    for member in members {
        let Some(address) = member.ipv4() else { continue };
        if let Some(first) = seen.insert(address, member) {
            let sharing = of_address.entry(address).or_default();
            if sharing.is_empty() {
                sharing.push(first);
            }
            sharing.push(member);
        }
    }
    if of_address.is_empty() {
        return;
    }
    let explained: BTreeSet<InstanceId> = found
        .iter()
        .filter(|one| one.service_id.as_ref() == Some(&service.id))
        .filter(|one| matches!(one.kind, FindingKind::GhostMember | FindingKind::WrongIp))
        .filter_map(|one| one.instance_id.clone())
        .collect();
    for (address, mut sharing) in of_address {
        sharing.retain(|member| !explained.contains(&scene.index.resolve_member(member)));
        if sharing.len() < 2 {
            continue;
        }
        let names: Vec<_> = sharing.iter().map(|member| member.id.as_str()).collect();
        let text = format!("{} share {address} in {}", super::listed(&names), service.name);
        let stack = sharing.iter().find_map(|member| member.stack.clone());
        found.push(
            Finding::new(FindingKind::DuplicateIp, scene.index.now, text)
                .stack(stack.as_ref())
                .service(&service.id)
                .identified(address),
        );
    }
}
