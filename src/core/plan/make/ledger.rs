//! Worst-case capacity: how many healthy targets a group keeps after each step of a plan. What is
//! taken away is gone at once; what is added counts only once a step has waited for it.

use crate::core::ids::{GroupName, InstanceId, StackId, TargetGroupArn, Zone};
use crate::core::plan::view::count;
use crate::core::plan::{
    CapacityAfter, Claim, MinHealthy, Mutation, Options, Picture, Step, StepAction, Target,
    TargetIs,
};
use std::collections::BTreeMap;

/// A group (of one fleet, or of all) that is watched, and its floor.
#[derive(Clone, Debug)]
struct Row {
    group: TargetGroupArn,
    name: String,
    stack: Option<StackId>,
    floor: u32,
    before: Option<u32>,
}

/// Whose a healthy target is, and where.
#[derive(Clone, Debug)]
struct Place {
    stack: Option<StackId>,
    zone: Option<Zone>,
}

/// A group's fleet, and the zone where one is meant.
type Corner = (TargetGroupArn, StackId, Option<Zone>);

/// The healthy targets as they will be, at worst.
#[derive(Clone, Debug)]
pub(super) struct Ledger<'a> {
    picture: Picture<'a>,
    rows: Vec<Row>,
    /// `None` where the health of a group is not known.
    healthy: BTreeMap<TargetGroupArn, Option<BTreeMap<Target, Place>>>,
    /// What a wait has promised beside single targets: so many of a fleet in a group.
    promised: BTreeMap<Corner, u32>,
}

impl<'a> Ledger<'a> {
    pub fn new(picture: Picture<'a>) -> Self {
        Self { picture, rows: Vec::new(), healthy: BTreeMap::new(), promised: BTreeMap::new() }
    }

    /// Watches a group with a floor.
    pub fn watch(&mut self, group: &TargetGroupArn, stack: Option<&StackId>, floor: u32) {
        if self.rows.iter().any(|row| &row.group == group && row.stack.as_ref() == stack) {
            return;
        }
        let picture = self.picture;
        self.healthy.entry(group.clone()).or_insert_with(|| {
            let targets = picture.targets(group).ok()?.iter().map(|held| &held.value);
            let place = |target: &crate::core::inventory::TargetHealth| Place {
                stack: picture.behind(target).and_then(|node| node.stack_id.clone()),
                zone: picture.zone_of(target),
            };
            Some(
                targets
                    .filter(|target| target.is_healthy())
                    .map(|of| (Target { id: of.id.clone(), port: of.port }, place(of)))
                    .collect(),
            )
        });
        let mut row = Row {
            group: group.clone(),
            name: picture.name_of(group),
            stack: stack.cloned(),
            floor,
            before: None,
        };
        row.before = self.count(&row, None);
        self.rows.push(row);
    }

    /// What a step leaves, at worst.
    pub fn after(&mut self, step: &Step) -> Vec<CapacityAfter> {
        if let StepAction::Change(mutation) = &step.action {
            self.take(mutation);
        }
        step.after.iter().for_each(|claim| self.promise(claim));
        self.rows
            .iter()
            .map(|row| CapacityAfter {
                group: row.group.clone(),
                name: row.name.clone(),
                stack: row.stack.clone(),
                before: row.before,
                after: self.count(row, None),
                zones: self.zones(row),
                floor: row.floor,
            })
            .collect()
    }

    fn take(&mut self, mutation: &Mutation) {
        match mutation {
            Mutation::DeregisterTargets { group, targets } => {
                self.remove(|of, target| of == group && targets.contains(target));
            }
            Mutation::EnterStandby { instances, .. } => {
                self.remove(|_, target| instances.contains(&target.id));
            }
            Mutation::DetachTargetGroups { group, target_groups } => {
                let ids = self.instances(group);
                self.remove(|of, target| target_groups.contains(of) && ids.contains(&target.id));
            }
            _ => {}
        }
    }

    fn instances(&self, group: &GroupName) -> Vec<InstanceId> {
        let group = self.picture.group(group).into_iter();
        group.flat_map(|group| &group.instances).map(|one| one.id.clone()).collect()
    }

    fn remove(&mut self, goes: impl Fn(&TargetGroupArn, &Target) -> bool) {
        let mut hit = Vec::new();
        for (group, targets) in &mut self.healthy {
            let Some(targets) = targets else { continue };
            targets.retain(|target, place| {
                let goes = goes(group, target);
                if goes && let Some(stack) = &place.stack {
                    hit.push((group.clone(), stack.clone()));
                }
                !goes
            });
        }
        // A promise to a fleet that loses targets is void.
        let void =
            |(group, stack, _): &Corner| hit.iter().any(|of| of == &(group.clone(), stack.clone()));
        self.promised.retain(|corner, _| !void(corner));
    }

    fn promise(&mut self, claim: &Claim) {
        match claim {
            Claim::Targets { group, targets, are: TargetIs::Healthy } => {
                let picture = self.picture;
                let Some(Some(healthy)) = self.healthy.get_mut(group) else { return };
                for target in targets {
                    let node = picture.node(&target.id);
                    let place = Place {
                        stack: node.and_then(|node| node.stack_id.clone()),
                        zone: node.and_then(|node| node.zone.clone()),
                    };
                    healthy.insert(target.clone(), place);
                }
            }
            Claim::Healthy { group, stack: Some(stack), zone, least } => {
                let corner = (group.clone(), stack.clone(), zone.clone());
                let promised = self.promised.entry(corner).or_default();
                *promised = (*promised).max(*least);
            }
            _ => {}
        }
    }

    /// Healthy targets of a row, in a zone or in all; `None` where it is not known.
    fn count(&self, row: &Row, zone: Option<&Zone>) -> Option<u32> {
        let known = self.healthy.get(&row.group)?.as_ref();
        let fits = |place: &&Place, stack: Option<&StackId>| {
            stack.is_none_or(|stack| place.stack.as_ref() == Some(stack))
                && zone.is_none_or(|zone| place.zone.as_ref() == Some(zone))
        };
        let of = |stack: Option<&StackId>| {
            known.map(|all| count(all.values().filter(|place| fits(place, stack))))
        };
        let promised = |stack: &StackId| {
            self.promised.get(&(row.group.clone(), stack.clone(), zone.cloned())).copied()
        };
        match &row.stack {
            Some(stack) => of(Some(stack)).max(promised(stack)),
            None => {
                // What was promised to a fleet beyond what is seen of it is added to what is seen.
                let corners = self
                    .promised
                    .iter()
                    .filter(|((group, _, at), _)| group == &row.group && at.as_ref() == zone);
                let more: u32 = corners
                    .map(|((_, stack, _), least)| {
                        least.saturating_sub(of(Some(stack)).unwrap_or_default())
                    })
                    .sum();
                of(None).map(|seen| seen + more)
            }
        }
    }

    fn zones(&self, row: &Row) -> BTreeMap<Zone, u32> {
        let seen = self.healthy.get(&row.group).and_then(Option::as_ref);
        let seen = seen.into_iter().flat_map(|all| all.values()).filter_map(|of| of.zone.clone());
        let promised = self.promised.keys().filter(|(group, ..)| group == &row.group);
        let zones = seen.chain(promised.filter_map(|(_, _, zone)| zone.clone()));
        let all: std::collections::BTreeSet<Zone> = zones.collect();
        all.into_iter()
            .filter_map(|zone| Some((zone.clone(), self.count(row, Some(&zone))?)))
            .collect()
    }
}

/// How many healthy targets each group of a fleet must keep (safety.md, floor).
pub(in crate::core::plan) fn floor(
    picture: &Picture<'_>,
    options: &Options,
    stack: &StackId,
) -> u32 {
    let groups = picture.groups_of(stack);
    let standby = |group: &&crate::core::inventory::AutoScalingGroup| {
        count(group.instances.iter().filter(|one| one.lifecycle.ends_with("Standby")))
    };
    let meant: u32 = groups.iter().map(|group| group.desired + standby(group)).sum();
    // A fleet without a group is as large as it is.
    let meant = match groups.is_empty() {
        true => count(picture.nodes_of(stack).filter(|node| node.is_living())),
        false => meant,
    };
    let floor = match options.min_healthy {
        MinHealthy::Count(number) => number,
        MinHealthy::Percent(percent) => {
            u32::try_from((u64::from(meant) * u64::from(percent)).div_ceil(100)).unwrap_or(u32::MAX)
        }
    };
    floor.max(1)
}
