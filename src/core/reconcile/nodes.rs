//! Nodes: every instance that any source knows, with all truths side by side.

use super::index::{Index, Map};
use crate::core::estate::{Node, NodeMember, NodeProbe, NodeTarget};
use crate::core::ids::{InstanceId, TargetGroupArn};
use crate::core::inventory::{Held, ProbeOutcome, TargetHealth, Verdict};
use crate::core::observed::{Observed, age};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// All nodes by id, in the order in which they were met, and the node behind each target.
#[derive(Default)]
pub(super) struct Nodes {
    all: Map<InstanceId, Node>,
    /// For each target group the places of its targets' nodes in `all`, in the targets' order.
    of_targets: BTreeMap<TargetGroupArn, Vec<usize>>,
}

impl Nodes {
    pub fn get(&self, id: &InstanceId) -> Option<&Node> {
        self.all.get(id)
    }

    pub fn values(&self) -> impl Iterator<Item = &Node> {
        self.all.values()
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Node> {
        self.all.values_mut()
    }

    /// The targets of a group as last known, each with its node. Groups that belong to no fleet
    /// have no nodes here.
    pub fn targets<'n>(
        &'n self,
        index: &Index<'n>,
        arn: &TargetGroupArn,
    ) -> impl Iterator<Item = (&'n Held<TargetHealth>, &'n Node)> {
        let places = self.of_targets.get(arn).map_or(&[][..], Vec::as_slice);
        let nodes = places.iter().filter_map(|place| self.all.get_index(*place));
        index.targets(arn).iter().zip(nodes.map(|(_, node)| node))
    }

    /// The nodes, in the order of their ids. Their lists grew one by one and hold room for more;
    /// nobody adds to them any more, and of 10,000 nodes that room is nine megabytes.
    pub fn into_sorted(self) -> BTreeMap<InstanceId, Node> {
        let mut all: Vec<_> = self.all.into_iter().collect();
        for (_, node) in &mut all {
            node.members.shrink_to_fit();
            node.targets.shrink_to_fit();
        }
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        all.into_iter().collect()
    }

    fn entry(&mut self, index: &Index<'_>, id: InstanceId) -> (usize, &mut Node) {
        let entry = self.all.entry(id);
        (entry.index(), entry.or_insert_with_key(|id| node(index, id)))
    }
}

/// Builds the nodes: those of fleets' groups first, then who is only in a registry or a target
/// group. Instances of groups that belong to no fleet are nobody's business here.
pub(super) fn build(index: &Index<'_>) -> Nodes {
    let mut nodes = Nodes::default();
    nodes.all.reserve(index.inventory.instances.len());
    for (group, _) in index.fleet_groups() {
        for instance in &group.instances {
            let _ = nodes.entry(index, instance.id.clone());
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
        rings: Vec::new(),
        requests: Vec::new(),
        versions: BTreeMap::new(),
        worst: None,
    }
}

fn add_members(index: &Index<'_>, nodes: &mut Nodes) {
    for (service, observed) in &index.services {
        let health = index.inventory.member_health.get(&service.id).and_then(Observed::value);
        for member in observed.value().into_iter().flat_map(|all| all.iter()) {
            let (_, node) = nodes.entry(index, index.resolve_member(member));
            if node.stack_id.is_none() {
                node.stack_id.clone_from(&member.stack);
            }
            node.members.push(NodeMember {
                service_id: service.id.clone(),
                service: service.name.clone(),
                member_id: member.id.clone(),
                stack: member.stack.clone(),
                attributes: Arc::clone(&member.attributes),
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
        let mut places = Vec::with_capacity(index.targets(arn).len());
        for held in index.targets(arn) {
            let target = &held.value;
            let (place, node) = nodes.entry(index, index.resolve(&target.id, None));
            places.push(place);
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
        nodes.of_targets.insert((*arn).clone(), places);
    }
}

fn add_probes(index: &Index<'_>, nodes: &mut Nodes) {
    let silent = nobody_answers(index);
    for (id, observed) in index.inventory.probes.iter() {
        let (Some(node), Some(at)) = (nodes.all.get_mut(id), observed.observed_at()) else {
            continue;
        };
        let current = observed.current(index.now).is_ok();
        node.probes = observed
            .value()
            .into_iter()
            .flatten()
            .map(|held| NodeProbe {
                verdict: if current && !silent { held.value.verdict } else { Verdict::Unknown },
                since: held.since,
                observed_at: at,
                outcome: Arc::clone(&held.value),
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

fn current_outcomes<'a>(index: &'a Index<'_>) -> impl Iterator<Item = &'a Held<Arc<ProbeOutcome>>> {
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
