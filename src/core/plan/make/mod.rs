//! Planners: from what is wanted and a picture of the world to exact steps. Pure; what cannot be
//! planned is refused with the reason and the next thing to do.

mod arithmetic;
mod attach;
mod cutover;
mod draft;
mod drain;
mod entries;
pub(in crate::core::plan) mod ledger;
mod left;
mod locks;
mod pairing;
mod pins;
mod registry;
mod rollback;
mod takeover;
mod targets;
mod undo_of;
mod undrain;
mod weights;

pub use pins::REPLACING;

use super::refusal::RefusalKind;
use super::view::listed;
use super::{Context, Intent, LockScope, Options, Picture, Plan, Refusal};
use crate::core::ids::{InstanceId, StackId, arn_name};
use crate::core::observed::Why;
use crate::core::rollback_record::{RollbackRecord, pack};
use crate::core::run::RunId;
use crate::core::run::rules::plan_needs_record;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// What an operator wants, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What.
    pub intent: Intent,
    /// How.
    pub options: Options,
}

impl Request {
    /// A wish with the defaults.
    pub fn new(intent: Intent) -> Self {
        Self { intent, options: Options::default() }
    }
}

/// A target that is registered gets traffic after the first passed check, and a registration takes
/// minutes to reach the load balancer (ELB documentation, "Register targets with your target group").
const REGISTERED_AFTER: Duration = Duration::from_secs(180);
/// A registration that is not healthy after so long will not become it by waiting.
const HEALTHY_WITHIN: Duration = Duration::from_secs(900);
/// AWS's deregistration delay where none is set.
const DEREGISTRATION_DELAY: u32 = 300;
/// What may pass beyond the deregistration delay before something is wrong.
const DELAY_SLACK: Duration = Duration::from_secs(300);

/// Why an NLB takes so long to take a target in.
const REGISTRATION_TAKES: &str =
    "a network load balancer needs 3 to 5 minutes before a new target gets traffic";

/// Plans what is wanted.
///
/// # Errors
/// Why it cannot be planned: a mistaken wish, a change for the worse, or something that could not
/// be read.
pub fn plan(picture: &Picture<'_>, request: &Request, context: &Context) -> Result<Plan, Refusal> {
    check_options(request)?;
    if !matches!(
        request.intent,
        Intent::Deregister { .. } | Intent::Rollback { .. } | Intent::Takeover { .. }
    ) {
        wired(picture)?;
    }
    let made = match &request.intent {
        Intent::Reregister { nodes } => registry::reregister(*picture, request, context, nodes),
        Intent::Repair { stack } => registry::repair(*picture, request, context, stack),
        Intent::Deregister { members } => registry::deregister(*picture, request, context, members),
        Intent::Drain { nodes } => drain::plan(*picture, request, context, nodes),
        Intent::Undrain { nodes } => undrain::plan(*picture, request, context, nodes),
        Intent::Cutover { from, to } => cutover::plan(*picture, request, context, (from, to)),
        Intent::Rollback { run } => rollback::plan(*picture, request, context, run),
        Intent::Takeover { lock } => takeover::plan(*picture, request, context, lock),
    };
    made.and_then(fits)
}

/// How fleets, groups and load balancers hang together must be known as a whole: what is not listed
/// would be planned around as if it were not there.
fn wired(picture: &Picture<'_>) -> Result<(), Refusal> {
    let (inventory, now) = (picture.inventory, picture.now);
    let reads = [
        ("the Auto Scaling groups", inventory.groups.whole(now).map(|_| ())),
        ("the target groups", inventory.target_groups.whole(now).map(|_| ())),
        ("the load balancers", inventory.load_balancers.whole(now).map(|_| ())),
    ];
    reads.into_iter().try_for_each(|(what, read)| read.map_err(|why| unread(&why, what)))
}

fn check_options(request: &Request) -> Result<(), Refusal> {
    let (options, verb) = (&request.options, request.intent.verb());
    if options.at_a_time == 0 {
        let next = "Say --at-a-time 1 or more.";
        return Err(Refusal::new(RefusalKind::Usage, "0 nodes at a time is never", next));
    }
    if let super::MinHealthy::Percent(percent @ 101..) = options.min_healthy {
        let why = format!("{percent}% of the nodes can never be healthy");
        return Err(Refusal::new(RefusalKind::Usage, why, "Say --min-healthy 0% to 100%."));
    }
    let no_reason = options.reason.as_deref().is_none_or(|reason| reason.trim().is_empty());
    if !options.overrides.is_empty() && no_reason {
        let names: Vec<_> = options.overrides.iter().map(ToString::to_string).collect();
        let why = format!("{} overridden without a reason", listed(&names));
        return Err(Refusal::new(RefusalKind::Usage, why, "Say why with --reason TEXT."));
    }
    if let Some(name) = options.overrides.iter().find(|name| !name.may_be_overridden(verb)) {
        let why = format!("the guard {name} cannot be overridden");
        return Err(Refusal::new(RefusalKind::Usage, why, "Mend what it says instead."));
    }
    if let Some(schedule) = &options.schedule {
        let ascends = schedule.windows(2).all(|two| two[0] < two[1]);
        if schedule.first().is_none_or(|first| *first == 0)
            || schedule.last() != Some(&100)
            || !ascends
        {
            let steps: Vec<_> = schedule.iter().map(ToString::to_string).collect();
            let why = format!("{:?} is no schedule", steps.join(","));
            let next = "Name ascending percentages that end in 100, like 10,50,100.";
            return Err(Refusal::new(RefusalKind::Usage, why, next));
        }
    }
    Ok(())
}

impl LockScope {
    /// What it is called in the names of its records.
    pub fn record_name(&self) -> &str {
        crate::core::record::suffix(self)
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        match self {
            Self::LoadBalancer(arn, name) if name.is_empty() => arn_name(arn.as_str()),
            Self::LoadBalancer(_, name) | Self::Namespace(_, name) => name,
        }
    }
}

/// A plan whose rollback record does not fit is refused: another host could not undo it.
fn fits(plan: Plan) -> Result<Plan, Refusal> {
    if !plan_needs_record(&plan) {
        return Ok(plan);
    }
    let record = RollbackRecord::of_plan(&RunId::from("20260101-000000-aaaa"), "", &plan);
    let number = record.listeners.len();
    match pack(&record) {
        Ok(_) => Ok(plan),
        Err(why) => Err(blocked(
            format!("{why} ({number} listener actions): another host could not roll this back"),
            "Use a shorter --schedule, or move fewer listeners at once.",
        )),
    }
}

/// The one fleet that all of these nodes belong to.
fn one_fleet(picture: &Picture<'_>, nodes: &[InstanceId]) -> Result<StackId, Refusal> {
    if nodes.is_empty() {
        let why = "nothing is selected, and nothing is never everything";
        return Err(Refusal::new(RefusalKind::Usage, why, "Name the nodes by id or address."));
    }
    let mut stacks = BTreeSet::new();
    for id in nodes {
        let Some(node) = picture.node(id) else {
            let next = "`quarterdeck nodes` lists them.";
            return Err(Refusal::new(RefusalKind::Usage, format!("there is no node {id}"), next));
        };
        let Some(stack) = &node.stack_id else {
            let why = format!("{id} belongs to no fleet: no group of one lists it");
            let next = "Tag its Auto Scaling group with STACK, or see to it by hand.";
            return Err(Refusal::new(RefusalKind::Blocked, why, next));
        };
        stacks.insert(stack.clone());
    }
    let names: Vec<_> = stacks.iter().map(StackId::as_str).collect();
    let why = format!("the nodes belong to {}: a plan is about one fleet", listed(&names));
    let mut each = stacks.iter().cloned();
    match (each.next(), each.next()) {
        (Some(stack), None) => Ok(stack),
        _ => Err(Refusal::new(RefusalKind::Usage, why, "Make a plan for each fleet.")),
    }
}

/// What could not be read, as a refusal.
fn unread(why: &Why, what: &str) -> Refusal {
    let next = "Wait a moment and try again; `quarterdeck sources` says how each read stands.";
    Refusal::new(RefusalKind::Unknown, format!("{what} could not be known: {why}"), next)
}

/// Why there is nothing to do.
fn nothing(why: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::NothingToDo, why, "Nothing was changed.")
}

fn blocked(why: impl Into<String>, next: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::Blocked, why, next)
}
