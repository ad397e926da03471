//! Nodes: every instance that any source knows, with all truths side by side.

use super::index::Index;
use crate::core::estate::{Node, NodeMember, NodeProbe, NodeTarget};
use crate::core::ids::{InstanceId, StackId};
use crate::core::inventory::{Held, ProbeOutcome, Verdict};
use crate::core::observed::{Observed, age};
use indexmap::IndexMap;
use std::time::Duration;

/// All nodes by id, in the order in which they were met.
pub(super) type Nodes = IndexMap<InstanceId, Node>;

/// Builds the nodes: those of fleets' groups first, then who is only in a registry or a target
/// group. Instances of groups that belong to no fleet are nobody's business here.
pub(super) fn build(index: &Index<'_>) -> Nodes {
    let mut nodes = Nodes::new();
    for (group, _) in index.fleet_groups() {
        for instance in &group.instances {
            nodes.insert(instance.id.clone(), node(index, &instance.id));
        }
    }
    add_members(index, &mut nodes);
    add_targets(index, &mut nodes);
    add_probes(index, &mut nodes);
    nodes
}

fn node(index: &Index<'_>, id: &InstanceId) -> Node {
    let listed = index.listed.get(id);
    let ec2 = index.ec2(id);
    let launched = ec2.and_then(|instance| instance.launched);
    let lifecycle = listed.map(|(_, instance)| instance.lifecycle.clone());
    let grace = listed.map(|(group, _)| Duration::from_secs(u64::from(group.grace_seconds)));
    Node {
        id: id.clone(),
        private_ip: ec2.and_then(|instance| instance.private_ip),
        zone: listed
            .map(|(_, instance)| instance.zone.clone())
            .or_else(|| ec2.and_then(|instance| instance.zone.clone())),
        stack_id: index.listed_stack(id).cloned(),
        group: listed.map(|(group, _)| group.name.clone()),
        drained_on_purpose: lifecycle
            .as_deref()
            .is_some_and(|lifecycle| matches!(lifecycle, "Standby" | "EnteringStandby")),
        lifecycle,
        unlisted: index.is_unlisted(id),
        asg_health: listed.map(|(_, instance)| instance.health.clone()),
        launch_template_version: listed
            .and_then(|(_, instance)| instance.launch_template_version.clone()),
        ec2_state: ec2.map(|instance| instance.state.clone()),
        existence: index.existence(id),
        launched,
        in_grace: launched
            .zip(grace)
            .is_some_and(|(launched, grace)| age(launched, index.now) < grace),
        members: Vec::new(),
        targets: Vec::new(),
        probes: Vec::new(),
        worst: None,
    }
}

fn entry<'n>(index: &Index<'_>, nodes: &'n mut Nodes, id: InstanceId) -> &'n mut Node {
    nodes.entry(id).or_insert_with_key(|id| node(index, id))
}

fn add_members(index: &Index<'_>, nodes: &mut Nodes) {
    for (service, observed) in &index.services {
        let health = index.inventory.member_health.get(&service.id).and_then(Observed::value);
        for member in observed.value().into_iter().flat_map(|all| all.iter()) {
            let stack: Option<StackId> = member.stack();
            let node = entry(index, nodes, index.resolve_member(member));
            if node.stack_id.is_none() {
                node.stack_id.clone_from(&stack);
            }
            node.members.push(NodeMember {
                service_id: service.id.clone(),
                service: service.name.clone(),
                member_id: member.id.clone(),
                ipv4: member.ipv4().map(str::to_owned),
                stack,
                attributes: member.attributes.clone(),
                health: health.and_then(|health| health.get(&member.id)).copied(),
                observed_at: observed.observed_at(),
            });
        }
    }
}

/// Targets of groups that belong to a fleet; other groups are not ours to show.
fn add_targets(index: &Index<'_>, nodes: &mut Nodes) {
    for arn in index.owners.keys() {
        let Some((group, observed)) =
            index.target_groups.get(arn).zip(index.inventory.target_health.get(*arn))
        else {
            continue;
        };
        let current = observed.current(index.now).map(|_| ());
        for held in index.targets(arn) {
            let target = &held.value;
            let node = entry(index, nodes, index.resolve(&target.id, None));
            node.targets.push(NodeTarget {
                target_group: group.arn.clone(),
                name: group.name.clone(),
                port: target.port,
                state: current.clone().map(|()| target.state.clone()),
                since: held.since,
                reason: target.reason.clone(),
                description: target.description.clone(),
                observed_at: observed.observed_at(),
            });
        }
    }
}

fn add_probes(index: &Index<'_>, nodes: &mut Nodes) {
    let silent = nobody_answers(index);
    for (id, observed) in index.inventory.probes.iter() {
        let (Some(node), Some(at)) = (nodes.get_mut(id), observed.observed_at()) else { continue };
        let current = observed.current(index.now).is_ok();
        node.probes = observed
            .value()
            .into_iter()
            .flatten()
            .map(|held| NodeProbe {
                verdict: if current && !silent { held.value.verdict } else { Verdict::Unknown },
                since: held.since,
                observed_at: at,
                outcome: held.value.clone(),
            })
            .collect();
    }
}

/// Whether no node answers at all: then the fault is more likely between here and there than in
/// every node at once, and nothing is known about any of them.
pub(super) fn nobody_answers(index: &Index<'_>) -> bool {
    let mut asked = current_outcomes(index).filter(|held| was_asked(index, &held.value)).peekable();
    asked.peek().is_some() && asked.all(|held| held.value.reason.is_silence())
}

fn current_outcomes<'a>(index: &'a Index<'_>) -> impl Iterator<Item = &'a Held<ProbeOutcome>> {
    index
        .inventory
        .probes
        .values()
        .filter_map(|observed| observed.current(index.now).ok())
        .flatten()
}

fn was_asked(index: &Index<'_>, outcome: &ProbeOutcome) -> bool {
    use crate::core::inventory::ProbeReason::{NoAddress, NotPresent};
    !matches!(outcome.reason, NoAddress | NotPresent)
        && !index.policy.optional_products.contains(&outcome.product)
}
