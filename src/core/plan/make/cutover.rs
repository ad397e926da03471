//! cutover: who gives, who receives, by which strategy; what both strategies share.

use super::draft::{Do, Draft, SEEN_WITHIN};
use super::ledger::floor;
use super::locks::locks_of;
use super::{RefusalKind, Request, attach, unread, weights};
use crate::core::estate::Fleet;
use crate::core::ids::{StackId, TargetGroupArn};
use crate::core::plan::view::counted;
use crate::core::plan::{
    Claim, Confirmation, Context, Gate, GuardName, Mutation, OnRegression, Picture, Plan, Refusal,
    StepAction, Strategy, diff, resolve,
};
use std::collections::BTreeSet;
use std::time::Duration;

/// So many percent of the probe samples of the window must pass, and the last so many.
pub(super) const SAMPLES_PASS: u8 = 95;
pub(super) const LAST_PASS: u8 = 3;
/// What is received must be met by so many percent of the healthy targets it had (safety.md).
pub(in crate::core::plan) const ENOUGH: u32 = 80;
/// A watch that does not come good so long after its time holds the run.
const WATCH_SLACK: Duration = Duration::from_secs(600);
/// Why each step of a shift is given time.
const SETTLING: &str = "a weight reaches the data plane in seconds to minutes; open connections stay \
                        where they are for up to an hour";

pub(super) fn plan(
    picture: Picture<'_>,
    request: &Request,
    context: &Context,
    (from, to): (&StackId, &StackId),
) -> Result<Plan, Refusal> {
    if from == to {
        let why = format!("FROM and TO are both {from}");
        return Err(Refusal::new(RefusalKind::Usage, why, "Name two fleets."));
    }
    resolve::fleet(from, &picture)?;
    resolve::fleet(to, &picture)?;
    let (gives, receives) = (carried(&picture, from)?, carried(&picture, to)?);
    let swapped = format!("Did you mean `quarterdeck cutover {to} {from}`?");
    if gives == 0.0 {
        let why = format!("{from} carries no traffic, so there is nothing to move");
        let next =
            if receives > 0.0 { swapped } else { "`quarterdeck traffic` says who does.".into() };
        return Err(Refusal::new(RefusalKind::Usage, why, next));
    }
    if receives > gives {
        let why = format!("{to} carries more traffic than {from}");
        return Err(Refusal::new(RefusalKind::Usage, why, swapped));
    }
    let strategy = strategy(&picture, request, (from, to))?;
    let mut draft = Draft::new(picture, request, context)?;
    draft.giving = Some(from.clone());
    draft.receiving = Some(to.clone());
    draft.confirmation = Confirmation::Type(from.clone());
    let locks = locks_of(&picture, &[from, to])?;
    match strategy {
        Strategy::Weights => weights::add(&mut draft, locks, (from, to))?,
        Strategy::Attach => attach::add(&mut draft, locks, (from, to))?,
    }
    if request.options.on_regression == OnRegression::Rollback {
        say_way_back(&mut draft);
    }
    draft.notes.push(format!(
        "{from} is not terminated, and clients that use the registry's DNS name directly are not \
         moved."
    ));
    Ok(draft.finish())
}

/// What the run does by itself if things turn bad: each change of traffic taken back, the last first;
/// of several of one listener the first counts.
fn say_way_back(draft: &mut Draft<'_>) {
    let mut actions = BTreeSet::new();
    let mut words = Vec::new();
    for step in draft.steps() {
        match step.undo.as_ref().filter(|_| !matches!(step.action, StepAction::Wait)) {
            Some(Mutation::Forward { action, .. }) if !actions.insert(action.clone()) => continue,
            None | Some(Mutation::Suspend { .. } | Mutation::Resume { .. }) => continue,
            Some(undo) => words.push(diff::title(undo, |arn| draft.picture.name_of(arn))),
        }
    }
    words.reverse();
    draft.undo.push(format!(
        "By itself (--on-regression rollback): if a guard blocks or cannot tell while traffic moves or \
         bakes, what was done of this is undone without asking, what adds before what removes: {}. The \
         run then unpins, unlocks and ends as rolled back.",
        words.join("; ")
    ));
}

/// The sum of a fleet's shares of all listeners.
fn carried(picture: &Picture<'_>, stack: &StackId) -> Result<f64, Refusal> {
    let shares = picture.fleet(stack).into_iter().flat_map(|fleet: &Fleet| &fleet.listeners);
    let mut sum = 0.0;
    for listener in shares {
        let what = format!("what {stack} gets of listener :{}", listener.port);
        sum += listener.share.ok_or_else(|| unread(&crate::core::observed::Why::Depends, &what))?;
    }
    let groups: BTreeSet<&TargetGroupArn> = picture.target_groups_of(stack).into_iter().collect();
    picture.actions(&groups).map_err(|(why, what)| unread(&why, &what))?;
    Ok(sum)
}

/// Shared groups call for attaching, own groups for weights.
fn strategy(
    picture: &Picture<'_>,
    request: &Request,
    (from, to): (&StackId, &StackId),
) -> Result<Strategy, Refusal> {
    let giving: BTreeSet<&TargetGroupArn> = picture.target_groups_of(from).into_iter().collect();
    let receiving: BTreeSet<&TargetGroupArn> = picture.target_groups_of(to).into_iter().collect();
    let shared = receiving.is_empty() || !giving.is_disjoint(&receiving);
    let there = if shared { Strategy::Attach } else { Strategy::Weights };
    match request.options.strategy {
        Some(wanted) if wanted != there => {
            let how = if shared {
                format!("{to} has no target groups of its own to weigh")
            } else {
                format!("{from} and {to} have target groups of their own")
            };
            let next = format!("Leave --strategy out, or say --strategy {there}.");
            Err(super::blocked(format!("--strategy {wanted} does not fit: {how}"), next))
        }
        _ => Ok(there),
    }
}

impl Draft<'_> {
    /// Watches for a while that these claims, and the guards, go on holding.
    pub fn watch(&mut self, title: String, time: Duration, because: &str, claims: Vec<Claim>) {
        let moved = title.starts_with("settle") || title.starts_with("bake");
        let step = Do::other(title, StepAction::Watch, because)
            .afters(claims)
            .within(time + WATCH_SLACK)
            .at_least(time, because)
            .shifting(moved);
        self.add(step);
    }

    /// Settles after a shift.
    pub fn settle(&mut self, to: &StackId, percent: u8, claims: Vec<Claim>) {
        let title = format!("settle with {percent}% at {to}");
        self.watch(title, self.request.options.settle, SETTLING, claims);
    }

    /// Bakes a finished shift.
    pub fn bake(&mut self, how: &str, claims: Vec<Claim>) {
        let because = "what is slow to fail fails now, while the way back is short";
        self.watch(format!("bake {how}"), self.request.options.bake, because, claims);
    }

    /// The last claim of a cutover: a listener or a rule that was added meanwhile may still send to the
    /// fleet that gave.
    pub fn see_that_it_carries_nothing(&mut self, from: &StackId) {
        let because = "a listener or a rule may have been added meanwhile";
        let title = format!("see that nothing sends to {from} any more");
        let step = Do::other(title, StepAction::Wait, because);
        self.add(step.after(Claim::CarriesNothing { stack: from.clone() }).within(SEEN_WITHIN));
    }

    /// Waits for the operator, where the options say so.
    pub fn gate(&mut self, gate: Gate) {
        if self.request.options.gates.contains(&gate) {
            let because = "a word from the operator";
            self.add(Do::other(format!("gate {gate}"), StepAction::Gate(gate), because));
        }
    }

    /// A fleet's products pass for the whole window.
    pub fn probes_pass(&self, stack: &StackId) -> Option<Claim> {
        self.picture.probed.then(|| Claim::ProbesPass {
            stack: stack.clone(),
            percent: SAMPLES_PASS,
            last: LAST_PASS,
            window: self.request.options.window,
        })
    }

    /// What the receiving fleet must have healthy in a group before it is given what another group
    /// (or the giving fleet in the same one) has: enough in all, and one in each of its zones.
    pub fn can_carry(
        &self,
        to: (&StackId, &TargetGroupArn),
        from: (&StackId, &TargetGroupArn),
    ) -> Result<Vec<Claim>, Refusal> {
        let picture = &self.picture;
        let (stack, group) = to;
        let overridden = self.request.options.overrides.contains(&GuardName::Capacity);
        let what = || format!("target health of {}", picture.name_of(from.1));
        let healthy = picture.healthy(from.1, Some(from.0), None);
        let healthy = healthy.map_err(|why| unread(&why, &what()))?;
        let zones = picture.healthy_zones(from.1, from.0).map_err(|why| unread(&why, &what()))?;
        let enough = if overridden { 0 } else { (healthy * ENOUGH).div_ceil(100) };
        let least = enough.max(floor(picture, &self.request.options, stack));
        let claim = |zone, least| Claim::Healthy {
            group: group.clone(),
            stack: Some(stack.clone()),
            zone,
            least,
        };
        let zones = zones.into_iter().filter(|_| !overridden);
        Ok(std::iter::once(claim(None, least))
            .chain(zones.map(|zone| claim(Some(zone), 1)))
            .collect())
    }

    /// Removes the giving fleet's registry entries, where the options say so.
    pub fn remove_members_of(&mut self, from: &StackId, to: &StackId) -> Result<(), Refusal> {
        if !self.request.options.remove_members {
            return Ok(());
        }
        let picture = self.picture;
        for (service, read) in &picture.inventory.members {
            let what = || format!("members of {}", picture.service_name(service));
            let members = read.whole(picture.now).map_err(|why| unread(&why, &what()))?;
            for member in members.iter().filter(|one| one.stack.as_ref() == Some(from)) {
                let stays =
                    Claim::MembersAtLeast { service: service.clone(), stack: to.clone(), least: 1 };
                self.remove_entry((service, &member.id, &member.attributes), [stays]);
            }
        }
        Ok(())
    }

    /// How long all of it takes at least.
    pub fn takes(&self) -> String {
        let all: Duration = self.steps().iter().map(|step| step.at_least).sum();
        counted(all.as_secs().div_ceil(60), "minute")
    }
}
