//! Nodes: every instance that any source knows, with all truths side by side.

use super::index::{Index, Map};
use crate::core::estate::{Estate, Node, NodeMember, NodeProbe, NodeTarget};
use crate::core::finding::{Finding, Severity};
use crate::core::ids::{InstanceId, TargetGroupArn};
use crate::core::inventory::{
    Held, Member, Outcomes, ProbeOutcome, RegistryService, TargetGroup, TargetHealth, Verdict,
};
use crate::core::observed::{Observed, age};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// All nodes by id, in the order in which they were met, and the node behind each target.
#[derive(Default)]
pub(super) struct Nodes {
    all: Map<InstanceId, Arc<Node>>,
    /// For each target group the places of its targets' nodes in `all`, in the targets' order.
    of_targets: BTreeMap<TargetGroupArn, Vec<usize>>,
}

impl Nodes {
    pub fn get(&self, id: &InstanceId) -> Option<&Node> {
        self.all.get(id).map(Arc::as_ref)
    }

    pub fn values(&self) -> impl Iterator<Item = &Node> {
        self.all.values().map(Arc::as_ref)
    }

    /// The nodes, to be told more. One that is shared with the estate before says already what it
    /// said there; whoever tells must look before it makes it another.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Arc<Node>> {
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
        index.targets(arn).iter().zip(nodes.map(|(_, node)| &**node))
    }

    /// Puts into each node the worst finding about it.
    pub fn mark_worst(&mut self, findings: &[Finding]) {
        let mut worst: Map<&InstanceId, Severity> = Map::default();
        for finding in findings {
            if let Some(id) = &finding.instance_id {
                let of = worst.entry(id).or_insert(finding.severity);
                *of = (*of).max(finding.severity);
            }
        }
        for (id, node) in &mut self.all {
            let worst = worst.get(id).copied();
            if node.worst != worst {
                Arc::make_mut(node).worst = worst;
            }
        }
    }

    /// The nodes, in the order of their ids; those that are as they were are shared with the
    /// estate before.
    pub fn into_sorted(self, before: Option<&Estate>) -> BTreeMap<InstanceId, Arc<Node>> {
        let mut all: Vec<_> = self.all.into_iter().collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (id, node) in &mut all {
            let was = before.and_then(|before| before.nodes.get(id));
            if let Some(was) = was.filter(|was| !Arc::ptr_eq(was, node) && *was == node) {
                *node = Arc::clone(was);
            }
        }
        all.into_iter().collect()
    }
}

/// Builds the nodes: those of fleets' groups first, then who is only in a registry or a target
/// group. Instances of groups that belong to no fleet are nobody's business here.
pub(super) fn build(index: &Index<'_>, before: Option<&Estate>) -> Nodes {
    let mut met = Met::default();
    met.places.reserve(index.inventory.instances.len());
    for (group, _) in index.fleet_groups() {
        for instance in &group.instances {
            let _ = met.place(instance.id.clone());
        }
    }
    met.members(index);
    let of_targets = met.targets(index);
    met.probes(index);
    Nodes { all: met.make(index, before), of_targets }
}

/// What concerns the nodes, each by its node's place, before any is made. They are made one after
/// the other, so that one that is as it was goes before the next one takes memory.
#[derive(Default)]
struct Met<'a> {
    places: Map<InstanceId, ()>,
    members: Vec<(usize, Entry<'a>)>,
    targets: Vec<(usize, Registration<'a>)>,
    /// At most one a node.
    probes: Vec<(usize, &'a Observed<Outcomes>)>,
}

/// A registry entry.
struct Entry<'a> {
    service: &'a RegistryService,
    member: &'a Member,
    observed_at: Option<Timestamp>,
}

/// A registration as a target.
struct Registration<'a> {
    group: &'a TargetGroup,
    observed: &'a Observed<Arc<Vec<Held<TargetHealth>>>>,
    held: &'a Held<TargetHealth>,
}

impl<'a> Met<'a> {
    fn place(&mut self, id: InstanceId) -> usize {
        self.places.insert_full(id, ()).0
    }

    fn members(&mut self, index: &Index<'a>) {
        for (service, observed) in &index.services {
            let observed_at = observed.observed_at();
            for member in observed.value().into_iter().flat_map(|all| all.iter()) {
                let place = self.place(index.resolve_member(member));
                self.members.push((place, Entry { service, member, observed_at }));
            }
        }
        self.members.sort_by_key(|(place, _)| *place);
    }

    /// Targets of groups that belong to a fleet; other groups are not ours to show.
    fn targets(&mut self, index: &Index<'a>) -> BTreeMap<TargetGroupArn, Vec<usize>> {
        let mut of_targets = BTreeMap::new();
        for arn in index.owners.keys() {
            let slot = index.inventory.target_health.get(*arn);
            let Some((group, observed)) = index.target_groups.get(arn).zip(slot) else { continue };
            let mut places = Vec::with_capacity(index.targets(arn).len());
            for held in index.targets(arn) {
                let place = self.place(index.resolve(&held.value.id, None));
                places.push(place);
                self.targets.push((place, Registration { group, observed, held }));
            }
            of_targets.insert((*arn).clone(), places);
        }
        self.targets.sort_by_key(|(place, _)| *place);
        of_targets
    }

    fn probes(&mut self, index: &Index<'a>) {
        let all = index.inventory.probes.iter();
        let met = all.filter_map(|(id, observed)| Some((self.places.get_index_of(id)?, observed)));
        self.probes = met.collect();
        self.probes.sort_by_key(|(place, _)| *place);
    }

    fn make(self, index: &Index<'a>, before: Option<&Estate>) -> Map<InstanceId, Arc<Node>> {
        let (mut members, mut targets) = (&self.members[..], &self.targets[..]);
        let (mut probes, silent) = (&self.probes[..], nobody_answers(index));
        let one = |(place, (id, ())): (usize, (InstanceId, ()))| {
            let mut node = node(index, &id);
            add_members(index, &mut node, of_place(&mut members, place));
            add_targets(index, &mut node, of_place(&mut targets, place));
            for (_, observed) in of_place(&mut probes, place) {
                add_probes(index, &mut node, observed, silent);
            }
            let was = before.and_then(|before| before.nodes.get(&id));
            let node = match was.filter(|was| is_as_before(was, &node)) {
                Some(was) => Arc::clone(was),
                None => Arc::new(node),
            };
            (id, node)
        };
        self.places.into_iter().enumerate().map(one).collect()
    }
}

/// Takes what belongs to a place from the front of a list in the order of places.
fn of_place<'l, T>(list: &mut &'l [(usize, T)], place: usize) -> &'l [(usize, T)] {
    let number = list.iter().take_while(|(of, _)| *of == place).count();
    let (own, rest) = list.split_at(number);
    *list = rest;
    own
}

/// Whether a node that has just been made is the one before, in all that it has been told so far.
/// Every field is named: one that were forgotten here would never change again.
fn is_as_before(was: &Node, node: &Node) -> bool {
    let Node {
        id,
        private_ip,
        zone,
        stack_id,
        group,
        lifecycle,
        unlisted,
        asg_health,
        launch_template_version,
        ec2_state,
        existence,
        launched,
        in_grace,
        drained_on_purpose,
        members,
        targets,
        probes,
        // These are told to every node, later.
        rings: _,
        requests: _,
        versions: _,
        worst: _,
    } = node;
    *probes == was.probes
        && *targets == was.targets
        && *members == was.members
        && (id, private_ip, zone) == (&was.id, &was.private_ip, &was.zone)
        && (stack_id, group, lifecycle) == (&was.stack_id, &was.group, &was.lifecycle)
        && (asg_health, launch_template_version, ec2_state)
            == (&was.asg_health, &was.launch_template_version, &was.ec2_state)
        && (*existence, *launched) == (was.existence, was.launched)
        && (*unlisted, *in_grace, *drained_on_purpose)
            == (was.unlisted, was.in_grace, was.drained_on_purpose)
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

fn add_members(index: &Index<'_>, node: &mut Node, entries: &[(usize, Entry<'_>)]) {
    if node.stack_id.is_none() {
        node.stack_id = entries.iter().find_map(|(_, entry)| entry.member.stack.clone());
    }
    let one = |(_, Entry { service, member, observed_at }): &(usize, Entry<'_>)| {
        let health = index.inventory.member_health.get(&service.id).and_then(Observed::value);
        NodeMember {
            service_id: service.id.clone(),
            service: service.name.clone(),
            member_id: member.id.clone(),
            stack: member.stack.clone(),
            attributes: Arc::clone(&member.attributes),
            health: health.and_then(|health| health.get(&member.id)).copied(),
            observed_at: *observed_at,
        }
    };
    node.members = entries.iter().map(one).collect();
}

fn add_targets(index: &Index<'_>, node: &mut Node, registrations: &[(usize, Registration<'_>)]) {
    let one = |(_, Registration { group, observed, held }): &(usize, Registration<'_>)| {
        let target = &held.value;
        NodeTarget {
            target_group: group.arn.clone(),
            name: group.name.clone(),
            port: target.port,
            state: observed.current(index.now).map(|_| target.state.clone()),
            since: held.since,
            reason: target.reason.clone(),
            description: target.description.clone(),
            observed_at: observed.observed_at(),
        }
    };
    node.targets = registrations.iter().map(one).collect();
}

fn add_probes(index: &Index<'_>, node: &mut Node, observed: &Observed<Outcomes>, silent: bool) {
    let Some(at) = observed.observed_at() else { return };
    let told = observed.current(index.now).is_ok() && !silent;
    let one = |held: &Held<Arc<ProbeOutcome>>| NodeProbe {
        verdict: if told { held.value.verdict } else { Verdict::Unknown },
        since: held.since,
        observed_at: at,
        outcome: Arc::clone(&held.value),
    };
    node.probes = observed.value().map_or(&[][..], Vec::as_slice).iter().map(one).collect();
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
