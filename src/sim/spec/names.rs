//! The names in a world: what its parts are called, and whether what events mention exists.

use super::parse::{Place, SpecError, nearest};
use super::{FleetSpec, Wiring, WorldSpec};
use crate::sim::world::{Event, NodeRef};

impl WorldSpec {
    /// Its load balancers.
    pub(super) fn balancer_names(&self) -> Vec<&str> {
        match self.load_balancer.as_slice() {
            [] => vec!["front"],
            all => all.iter().map(|one| one.name.as_str()).collect(),
        }
    }

    /// Its registry services.
    pub(super) fn service_names(&self) -> Vec<&str> {
        match self.service.as_slice() {
            [] => vec!["glt"],
            all => all.iter().map(|one| one.name.as_str()).collect(),
        }
    }

    /// The load balancer of a fleet.
    pub(super) fn balancer_of<'a>(&'a self, fleet: &'a FleetSpec) -> &'a str {
        let named = fleet.load_balancer.as_ref().map(|one| one.get_ref().as_str());
        named.or(self.balancer_names().first().copied()).unwrap_or("front")
    }

    /// The target group of a fleet for a product.
    pub(super) fn target_group_name(&self, fleet: &FleetSpec, product: &str) -> String {
        match self.wiring {
            Wiring::Weights => format!("{}-{product}", fleet.stack.get_ref()),
            Wiring::Attach => format!("{}-{product}", self.balancer_of(fleet)),
        }
    }

    /// The products that the listeners of a load balancer send to, with the listeners' index.
    pub(super) fn listeners_of<'a>(
        &'a self,
        balancer: &'a str,
    ) -> impl Iterator<Item = (usize, &'a str)> {
        let first = self.balancer_names().first().copied().unwrap_or("front").to_owned();
        self.listener.iter().enumerate().filter_map(move |(index, one)| {
            let named = one.load_balancer.as_ref().map(|one| one.get_ref().as_str());
            let own = named.unwrap_or(first.as_str()) == balancer;
            own.then_some((index, one.product.get_ref().as_str()))
        })
    }
}

/// The names of a fleet's groups.
pub(super) fn group_names(fleet: &FleetSpec) -> Vec<String> {
    let stack = fleet.stack.get_ref();
    match fleet.groups {
        0 | 1 => vec![format!("{stack}-asg")],
        many => (1..=many).map(|one| format!("{stack}-asg-{one}")).collect(),
    }
}

/// Whether everything that events mention exists.
pub(super) fn check_names(
    spec: &WorldSpec,
    events: &[Event],
    place: &Place<'_>,
) -> Result<(), SpecError> {
    let mut nodes: Vec<String> = Vec::new();
    let mut groups: Vec<String> = Vec::new();
    let mut target_groups: Vec<String> = Vec::new();
    for fleet in &spec.fleet {
        let stack = fleet.stack.get_ref();
        nodes.extend((1..=fleet.nodes).map(|one| format!("{stack}/{one}")));
        groups.extend(group_names(fleet));
        let products = spec.listeners_of(spec.balancer_of(fleet));
        target_groups.extend(products.map(|(_, product)| spec.target_group_name(fleet, product)));
    }
    for event in events {
        if let Event::LoneNode { name, .. } = event {
            nodes.push(name.clone());
        }
        if let Event::PutMember { id, .. } = event {
            nodes.push(id.clone());
        }
    }
    let services: Vec<String> = spec.service_names().iter().map(|one| (*one).to_owned()).collect();
    for (index, event) in events.iter().enumerate() {
        let at = spec.event.get(index).map(|one| one.what.span().start);
        for (what, name) in mentioned(event) {
            let known = match what {
                "node" => &nodes,
                "group" => &groups,
                "service" => &services,
                _ => &target_groups,
            };
            if known.contains(&name) || (what == "node" && name.starts_with("i-")) {
                continue;
            }
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            let said = format!("there is no {what} `{name}`");
            let mistake = place.mistake(format!("event[{index}].{what}"), at, said);
            return Err(SpecError { nearest: nearest(&name, &known), ..mistake });
        }
    }
    Ok(())
}

/// What an event mentions, by kind.
fn mentioned(event: &Event) -> Vec<(&'static str, String)> {
    let node = |node: &NodeRef| ("node", node.0.clone());
    match event {
        Event::KillNode(one)
        | Event::ReviveNode(one)
        | Event::TerminateInstance(one)
        | Event::TerminateMachine(one)
        | Event::MarkUnhealthy(one)
        | Event::EnterStandby(one)
        | Event::StopProduct(one, _)
        | Event::CrashProduct(one, _)
        | Event::StartProduct(one, _)
        | Event::FreezeProduct(one, _)
        | Event::ClockSkew(one, _) => vec![node(one)],
        Event::Forget { node: one, member, .. } => vec![node(one), node(member)],
        Event::Suspend(group, _)
        | Event::Resume(group, _)
        | Event::SetDesired(group, _)
        | Event::LaunchesFail(group, _)
        | Event::DeleteGroup(group)
        | Event::RefreshStarts(group)
        | Event::RefreshEnds(group)
        | Event::TemplateVersion(group, _)
        | Event::RingLabel(group, _) => vec![("group", group.to_string())],
        Event::PutMember { service, .. } => vec![("service", service.clone())],
        Event::RemoveMember { service, node: one }
        | Event::MemberHealth { service, node: one, .. } => {
            vec![("service", service.clone()), node(one)]
        }
        Event::AddTarget { group, node: one, .. }
        | Event::RemoveTarget { group, node: one, .. } => {
            vec![("target_group", group.clone()), node(one)]
        }
        Event::Attach(group, target) | Event::Detach(group, target) => {
            vec![("group", group.to_string()), ("target_group", target.clone())]
        }
        _ => Vec::new(),
    }
}
