//! What must be read afresh before a claim, a step or the guards of a plan can be judged. The run
//! engine reads exactly this; poll ages do not matter.

use crate::core::ids::{InstanceId, ListenerArn, LoadBalancerArn, StackId, TargetGroupArn};
use crate::core::observed::Observed;
use crate::core::plan::guard::Column;
use crate::core::plan::{ActionId, Claim, Fact, Picture, Plan, Step};
use crate::core::source::Scope;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What to read. Instances and probes are not scopes here: the one is asked by ids in batches of
/// the reader's choice, the other needs an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Everything else.
    pub scopes: BTreeSet<Scope>,
    /// What hardly changes (rules, attributes, which groups there are) and is looked at again only
    /// when the last read is half a minute old.
    pub seldom: BTreeSet<Scope>,
    /// Instances to ask EC2 about.
    pub instances: BTreeSet<InstanceId>,
    /// Nodes to probe, at these addresses.
    pub probes: BTreeMap<InstanceId, IpAddr>,
    /// Nodes to ask for their rings, at these addresses.
    pub rings: BTreeMap<InstanceId, IpAddr>,
}

impl Reads {
    /// Adds what another needs.
    pub fn merge(&mut self, other: Self) {
        self.scopes.extend(other.scopes);
        self.seldom.extend(other.seldom);
        self.instances.extend(other.instances);
        self.probes.extend(other.probes);
        self.rings.extend(other.rings);
    }

    /// Whether nothing needs to be read.
    pub fn is_empty(&self) -> bool {
        self.scopes.is_empty()
            && self.seldom.is_empty()
            && self.instances.is_empty()
            && self.probes.is_empty()
            && self.rings.is_empty()
    }

    fn scope(mut self, scope: Scope) -> Self {
        self.scopes.insert(scope);
        self
    }

    fn probe(&mut self, id: &InstanceId, address: Option<IpAddr>) {
        if let Some(address) = address {
            self.probes.insert(id.clone(), address);
        }
    }

    fn probe_fleet(&mut self, picture: &Picture<'_>, stack: &StackId) {
        for node in picture.nodes_of(stack) {
            self.instances.insert(node.id.clone());
            if picture.probed {
                self.probe(&node.id, node.private_ip);
            }
        }
    }
}

/// The rings of a fleet, as those of its nodes that answer show them. Who hangs would only hold up
/// the others, and says nothing.
fn rings_of_fleet(needs: &mut Reads, picture: &Picture<'_>, stack: &StackId) {
    let answers = |id: &InstanceId| {
        let outcomes = picture.inventory.probes.get(id).and_then(Observed::value);
        outcomes.into_iter().flatten().any(|held| held.value.status.is_some())
    };
    let asked = picture.nodes_of(stack).filter(|node| picture.probed && answers(&node.id));
    needs.rings.extend(asked.filter_map(|node| Some((node.id.clone(), node.private_ip?))));
}

impl Reads {
    /// What an action of a listener or a rule forwards to.
    fn action(self, picture: &Picture<'_>, action: &ActionId) -> Self {
        let known = picture.listener(&action.listener).map(|of| of.load_balancer.clone());
        let balancer = known.or_else(|| balancer_of(&action.listener));
        let needs = match balancer {
            Some(balancer) => self.scope(Scope::Listeners(balancer)),
            None => self,
        };
        match action.rule {
            Some(_) => needs.scope(Scope::Rules(action.listener.clone())),
            None => needs,
        }
    }
}

/// What a claim needs.
pub fn reads(claim: &Claim, picture: &Picture<'_>) -> Reads {
    let needs = Reads::default();
    match claim {
        Claim::Account { .. } => needs.scope(Scope::Identity),
        Claim::Member { service, .. } | Claim::MembersAtLeast { service, .. } => {
            needs.scope(Scope::Members(service.clone()))
        }
        Claim::Gone { instance, address } => {
            let mut needs = needs.scope(Scope::Groups).scope(Scope::Identity);
            needs.instances.insert(instance.clone());
            if picture.probed {
                needs.probe(instance, address.as_deref().and_then(|text| text.parse().ok()));
            }
            needs
        }
        Claim::Ready { instance, address } => {
            let mut needs = needs.scope(Scope::Groups);
            needs.instances.insert(instance.clone());
            if picture.probed {
                needs.probe(instance, address.parse().ok());
            }
            needs
        }
        Claim::Targets { group, .. } => needs.scope(Scope::TargetHealth(group.clone())),
        Claim::Healthy { group, stack, zone, .. } => {
            let mut needs = needs.scope(Scope::TargetHealth(group.clone()));
            if zone.is_some() {
                // Whether the zone is lost for everybody.
                let read = &picture.inventory.target_health;
                let beside = picture.beside(group).filter(|of| read.contains_key(*of));
                needs.scopes.extend(beside.cloned().map(Scope::TargetHealth));
            }
            let whose = stack.is_some() || zone.is_some();
            if whose { needs.scope(Scope::Groups) } else { needs }
        }
        Claim::Forwards { action, .. } => needs.action(picture, action),
        Claim::CarriesNothing { stack } => {
            let needs = needs.scope(Scope::Groups).scope(Scope::TargetGroups);
            let mut needs = needs.scope(Scope::LoadBalancers);
            needs.scopes.extend(listeners_of(picture, &picture.any_group_of(stack)));
            needs
        }
        Claim::Lifecycle { .. }
        | Claim::Attached { .. }
        | Claim::Suspended { .. }
        | Claim::AllHealthy { .. }
        | Claim::Room { .. } => needs.scope(Scope::Groups),
        Claim::ProbesPass { stack, .. } => {
            let mut needs = needs.scope(Scope::Groups);
            needs.probe_fleet(picture, stack);
            needs
        }
    }
}

/// The listeners of the load balancers that use these groups, and their rules.
fn listeners_of(picture: &Picture<'_>, groups: &BTreeSet<&TargetGroupArn>) -> Vec<Scope> {
    let balancers = picture.balancers_of(groups);
    let known = picture.inventory.all_listeners();
    let known = known.filter(|listener| balancers.contains(&listener.load_balancer));
    let rules = known.map(|listener| Scope::Rules(listener.arn.clone()));
    rules.chain(balancers.iter().map(|arn| Scope::Listeners((*arn).clone()))).collect()
}

/// The load balancer that a listener's ARN names, for a listener that was never read.
fn balancer_of(listener: &ListenerArn) -> Option<LoadBalancerArn> {
    let (balancer, _) = listener.as_str().rsplit_once('/')?;
    let named = balancer.contains(":listener/");
    named.then(|| LoadBalancerArn::from(balancer.replacen(":listener/", ":loadbalancer/", 1)))
}

/// What a step needs before it is taken.
pub fn step_reads(step: &Step, picture: &Picture<'_>) -> Reads {
    all(step.before.iter().map(|Fact { claim, .. }| claim), picture)
}

/// What all of these need.
fn all<'a>(claims: impl Iterator<Item = &'a Claim>, picture: &Picture<'_>) -> Reads {
    let mut needs = Reads::default();
    claims.for_each(|claim| needs.merge(reads(claim, picture)));
    needs
}

/// What the guards of a plan need: the fleets' groups, their targets, listeners, entries, what is
/// in flight, and probes of who receives.
pub fn guard_reads(plan: &Plan, picture: &Picture<'_>) -> Reads {
    let claims = plan
        .steps
        .iter()
        .flat_map(|step| step.before.iter().map(|fact| &fact.claim).chain(step.after.iter()))
        // The last claim of a cutover is asked once, at its end.
        .filter(|claim| !matches!(claim, Claim::CarriesNothing { .. }));
    // A claim about what comes after needs the same reads as one about what is.
    let mut needs = all(claims, picture).scope(Scope::Identity).scope(Scope::Groups);
    for stack in plan.giving.iter().chain(&plan.receiving) {
        let groups: BTreeSet<&TargetGroupArn> =
            picture.target_groups_of(stack).into_iter().collect();
        needs.scopes.extend(groups.iter().map(|arn| Scope::TargetHealth((*arn).clone())));
        needs.seldom.extend([Scope::TargetGroups, Scope::LoadBalancers]);
        for scope in listeners_of(picture, &groups) {
            let set = if matches!(scope, Scope::Rules(_)) {
                &mut needs.seldom
            } else {
                &mut needs.scopes
            };
            set.insert(scope);
        }
        let attributes = groups.iter().map(|arn| Scope::TargetGroupAttributes((*arn).clone()));
        needs.seldom.extend(attributes);
        let attributes = picture.balancers_of(&groups).into_iter().cloned();
        needs.seldom.extend(attributes.map(Scope::LoadBalancerAttributes));
        let fleet = picture.fleet(stack);
        for service in fleet.into_iter().flat_map(|fleet| &fleet.registry) {
            needs.scopes.insert(Scope::Members(service.service_id.clone()));
        }
        for group in picture.groups_of(stack) {
            needs.scopes.insert(Scope::Activities(group.name.clone()));
            needs.scopes.insert(Scope::Refreshes(group.name.clone()));
        }
        needs.probe_fleet(picture, stack);
    }
    let carrying = plan.receiving.as_ref().or(plan.giving.as_ref());
    if let Some(stack) = carrying.filter(|_| plan.intent.verb().column() != Column::Registry) {
        rings_of_fleet(&mut needs, picture, stack);
    }
    needs
}
