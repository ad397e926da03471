//! What guards look at: the picture, the plan, the context, and what the plan's steps amount to.

use crate::core::estate::Node;
use crate::core::ids::{InstanceId, ServiceId, StackId, TargetGroupArn};
use crate::core::plan::check::{Reads, reads};
use crate::core::plan::make::ledger::floor;
use crate::core::plan::view::count;
use crate::core::plan::{
    Claim, Context, LockStanding, Mutation, Picture, Plan, StepAction, Target, TargetIs, Verb,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Scene<'a> {
    pub picture: Picture<'a>,
    pub plan: &'a Plan,
    pub context: &'a Context,
}

/// What a fleet has to show for itself in a group, and by whose word.
pub(super) enum Strength {
    /// By the load balancer's.
    Healthy(u32),
    /// By the probes': the load balancer does not check these nodes yet.
    Ready(u32),
    /// Nobody knows, and why.
    Unknown(String),
}

impl<'a> Scene<'a> {
    pub fn verb(&self) -> Verb {
        self.plan.intent.verb()
    }

    /// The verb whose rules count: a take-over with a rollback is held to those of a rollback.
    pub fn acts_as(&self) -> Verb {
        if self.plan.goes_back() { Verb::Rollback } else { self.verb() }
    }

    pub fn mutations(&self) -> impl Iterator<Item = &'a Mutation> + use<'a> {
        self.plan.steps.iter().filter_map(|step| match &step.action {
            StepAction::Change(mutation) => Some(mutation),
            _ => None,
        })
    }

    /// Whether the plan is being carried out: the lock is held by its run.
    pub fn is_under_way(&self) -> bool {
        self.context.lock == LockStanding::Ours
    }

    /// What must stay healthy in a group. A fleet that scales out meanwhile needs no more than when
    /// the plan was made.
    pub fn floor(&self, stack: &StackId, group: &TargetGroupArn) -> u32 {
        let rows = self.plan.steps.iter().flat_map(|step| &step.capacity);
        let rows = rows.filter(|row| &row.group == group);
        let of = rows.filter(|row| row.stack.as_ref().is_none_or(|of| of == stack));
        let planned = of.map(|row| row.floor).max();
        planned.unwrap_or_else(|| floor(&self.picture, &self.plan.options, stack))
    }

    /// Every claim of the plan's steps.
    pub fn claims(&self) -> impl Iterator<Item = &'a Claim> + use<'a> {
        self.plan
            .steps
            .iter()
            .flat_map(|step| step.before.iter().map(|fact| &fact.claim).chain(step.after.iter()))
    }

    /// What must be readable for the plan's own claims.
    pub fn needs(&self) -> Reads {
        let mut needs = Reads::default();
        self.claims().for_each(|claim| needs.merge(reads(claim, &self.picture)));
        needs
    }

    /// The targets that the plan takes away, over the whole selection.
    pub fn removed(&self) -> BTreeMap<&'a TargetGroupArn, Vec<&'a Target>> {
        let mut all: BTreeMap<_, Vec<&Target>> = BTreeMap::new();
        for claim in self.plan.steps.iter().flat_map(|step| &step.after) {
            if let Claim::Targets { group, targets, are: TargetIs::Absent } = claim {
                all.entry(group).or_default().extend(targets);
            }
        }
        all
    }

    /// The groups in which the receiving fleet must carry traffic.
    pub fn received(&self) -> BTreeSet<&'a TargetGroupArn> {
        self.claims()
            .filter_map(|claim| match claim {
                Claim::Healthy { group, stack: Some(stack), .. } => {
                    (Some(stack) == self.plan.receiving.as_ref()).then_some(group)
                }
                _ => None,
            })
            .collect()
    }

    /// The groups that get weight, or nodes, back.
    pub fn returned(&self) -> BTreeSet<&'a TargetGroupArn> {
        let mut all = BTreeSet::new();
        for mutation in self.mutations() {
            match mutation {
                Mutation::Forward { to, .. } => {
                    let weighed = to.groups.iter().filter(|of| to.share_of(&of.target_group) > 0.0);
                    all.extend(weighed.map(|of| &of.target_group));
                }
                Mutation::AttachTargetGroups { target_groups, .. } => all.extend(target_groups),
                Mutation::DetachTargetGroups { target_groups, .. } => all.extend(target_groups),
                _ => {}
            }
        }
        all
    }

    /// Entries that the plan removes.
    pub fn unregistered(&self) -> BTreeMap<&'a ServiceId, BTreeSet<&'a InstanceId>> {
        let mut all: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for mutation in self.mutations() {
            if let Mutation::DeregisterInstance { service, member } = mutation {
                all.entry(service).or_default().insert(member);
            }
        }
        all
    }

    /// Entries that the plan writes.
    pub fn registered(&self) -> BTreeSet<(&'a ServiceId, &'a InstanceId)> {
        self.mutations()
            .filter_map(|mutation| match mutation {
                Mutation::RegisterInstance { service, member, .. } => Some((service, member)),
                _ => None,
            })
            .collect()
    }

    /// The fleets the plan is about.
    pub fn stacks(&self) -> impl Iterator<Item = &'a StackId> + use<'a> {
        self.plan.giving.iter().chain(&self.plan.receiving)
    }

    /// Nodes of a fleet that are meant to serve.
    pub fn living(&self, stack: &StackId) -> Vec<&'a Node> {
        self.picture.nodes_of(stack).filter(|node| node.is_living()).collect()
    }

    /// What a fleet has in a group. Where none of its nodes is a target the load balancer judges,
    /// the probes are all there is. While a run attaches who receives, the load balancer does not
    /// judge these nodes yet: they count by their probes as well.
    pub fn strength(&self, stack: &StackId, group: &TargetGroupArn) -> Strength {
        let name = self.picture.name_of(group);
        let targets = match self.picture.targets(group) {
            Ok(targets) => targets,
            Err(why) => return Strength::Unknown(format!("target health of {name}: {why}")),
        };
        let ready = |node: &&Node| crate::core::plan::check::products(&self.picture, node).is_ok();
        let own: Vec<(&Node, &str)> = targets
            .iter()
            .filter_map(|held| Some((self.picture.behind(&held.value)?, &*held.value.state)))
            .filter(|(node, _)| node.stack_id.as_ref() == Some(stack))
            .collect();
        if own.iter().any(|(_, state)| *state != "unused") {
            let healthy = self.picture.count_healthy(targets, Some(stack), None);
            let waits = self.is_under_way() && self.plan.receiving.as_ref() == Some(stack);
            let coming = own.iter().filter(|(_, state)| waits && *state == "initial");
            return match count(coming.map(|(node, _)| *node).filter(ready)) {
                0 => Strength::Healthy(healthy),
                more => Strength::Ready(healthy + more),
            };
        }
        if !self.picture.probed {
            let why = format!("{stack} is in no listener yet and its nodes are not probed");
            return Strength::Unknown(why);
        }
        Strength::Ready(count(self.living(stack).into_iter().filter(ready)))
    }
}
