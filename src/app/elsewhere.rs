//! Other places whose fleets stand in the Fleets table too: a summary of each, made where they are
//! read, and what the console does with it. Nothing of another place is acted on from here, and none
//! of it counts as this one's. Part of `update`.

use super::contexts;
use super::effect::Effects;
use super::model::Model;
use super::navigate;
use super::notice::NoticeKind;
use super::operate::Trouble;
use super::screen::{RowId, ScreenKind};
use super::sources::{self, SourceLine, SourceState};
use crate::core::cause::Cause;
use crate::core::error::ErrorKind;
use crate::core::estate::{Estate, Fleet, Role};
use crate::core::finding::{FindingKind, Severity};
use crate::core::ids::StackId;
use crate::core::inventory::Inventory;
use crate::core::joined::Joined;
use crate::core::observed::age;
use crate::core::source::Source;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Of a place so many fleets are told; more than any screen holds.
const FLEETS: usize = 500;
/// Of a fleet so many causes are told, worst first.
const CAUSES: usize = 16;

/// Another place, as it was last seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Its context.
    pub context: Arc<str>,
    /// Its region, once known.
    pub region: Option<String>,
    /// Its account, once known.
    pub account: Option<String>,
    /// Whether it is marked `production`.
    pub production: bool,
    /// When this was so.
    pub as_of: Timestamp,
    /// How often at least it is said again, changed or not.
    pub every: Duration,
    /// How reading it goes.
    pub standing: Standing,
    /// Its fleets.
    pub fleets: BTreeMap<StackId, FarFleet>,
}

/// How reading another place goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not everything has been looked at once.
    Waiting,
    /// All of it is young.
    Current,
    /// Some of it failed when last read, or is old.
    Lacking(Lacking),
    /// It cannot be asked at all, since then.
    Unconnected {
        /// Since when.
        since: Timestamp,
        /// Why, and what to do.
        trouble: Trouble,
    },
    /// Nothing has been heard of it for longer than it should be.
    Silent,
}

/// What is lacking of a place: what is worst, and how old the data is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lacking {
    /// The sources that stand so.
    pub sources: Vec<Source>,
    /// How they stand.
    pub state: SourceState,
    /// The oldest of their last good answers; `None` where there never was one.
    pub observed_at: Option<Timestamp>,
    /// What the first of them said.
    pub error: Option<String>,
    /// What to do, in a sentence.
    pub next: Option<String>,
}

/// A fleet of another place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FarFleet {
    /// What is known of it as a whole: nothing of single nodes, and no ages.
    pub fleet: Fleet,
    /// Whether what the groups said is said of the present.
    pub groups_are_current: bool,
    /// What is wrong with it, worst first; of many, the first few.
    pub causes: Vec<FarCause>,
}

/// Something that is wrong with a fleet of another place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarCause {
    /// What.
    pub kind: FindingKind,
    /// How bad it is.
    pub severity: Severity,
    /// How many things it is about.
    pub cases: usize,
    /// Since when.
    pub since: Timestamp,
    /// A sentence.
    pub title: String,
}

/// The fleet of another place that is being gone to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BoundFor {
    pub context: Arc<str>,
    pub stack: StackId,
}

impl Elsewhere {
    /// A place of which nothing is known yet.
    pub fn unread(context: &str, now: Timestamp) -> Self {
        Self {
            context: context.into(),
            region: None,
            account: None,
            production: false,
            as_of: now,
            every: Duration::ZERO,
            standing: Standing::Waiting,
            fleets: BTreeMap::new(),
        }
    }

    /// What is seen of the place now.
    pub fn see(&mut self, inventory: &Inventory, joined: &Joined, now: Timestamp) {
        self.as_of = now;
        let identity = inventory.identity.value();
        self.account = identity.map(|identity| identity.account.clone());
        self.standing = standing(inventory, &joined.estate, now);
        let current = inventory.groups.current(now).is_ok();
        let fleets = joined.estate.fleets.values().take(FLEETS);
        let told = fleets.map(|fleet| {
            let fleet = FarFleet {
                groups_are_current: current,
                causes: causes(joined, &fleet.stack_id),
                fleet: without_single_things(fleet),
            };
            (fleet.fleet.stack_id.clone(), fleet)
        });
        self.fleets = told.collect();
    }

    /// Whether it looks as it did then, whenever that was.
    pub fn looks_as(&self, before: &Self) -> bool {
        Self { as_of: before.as_of, ..self.clone() } == *before
    }

    /// Whether there is something to say of the place as a whole.
    pub fn has_a_word(&self) -> bool {
        self.standing != Standing::Current || self.fleets.is_empty()
    }

    /// Whether it has not been said again for twice as long as it should be.
    fn is_overdue(&self, now: Timestamp) -> bool {
        let heard = !matches!(self.standing, Standing::Waiting | Standing::Silent);
        heard && age(self.as_of, now) > self.every * 2
    }

    /// Takes back what can be said of the present no more.
    fn fall_silent(&mut self) {
        self.standing = Standing::Silent;
        for far in self.fleets.values_mut() {
            let fleet = &mut far.fleet;
            fleet.role = Role::Unknown;
            (fleet.traffic_share, fleet.members, fleet.worst) = (None, None, None);
            fleet.targets.iter_mut().for_each(|target| target.capacity = None);
            for probe in &mut fleet.probes {
                probe.unknown += probe.pass + probe.fail;
                (probe.pass, probe.fail) = (0, 0);
            }
            far.groups_are_current = false;
            far.causes.clear();
        }
    }
}

impl FarFleet {
    /// What cannot be said of it now, a fragment each.
    pub fn unknowns(&self) -> Vec<String> {
        self.fleet.unknowns(self.groups_are_current)
    }
}

/// The worst of how the place's sources stand.
fn standing(inventory: &Inventory, estate: &Estate, now: Timestamp) -> Standing {
    let lines = sources::lines(&inventory.statuses(now));
    let rank = |line: &SourceLine| match line.state {
        // A source that has no such call lacks nothing that could be had.
        SourceState::Failed(ErrorKind::Unsupported) => 0,
        SourceState::Failed(_) => 2,
        SourceState::Stale => 1,
        SourceState::Ok | SourceState::Waiting => 0,
    };
    // Of those that are alike the first: `max_by_key` would take the last.
    let worst = lines.iter().rev().max_by_key(|line| rank(line));
    match worst.filter(|worst| rank(worst) > 0) {
        Some(worst) => {
            let same = || lines.iter().filter(|line| line.state == worst.state);
            let error = worst.error.as_ref().map(|error| &error.value);
            Standing::Lacking(Lacking {
                sources: same().map(|line| line.source).collect(),
                state: worst.state,
                observed_at: same().filter_map(|line| line.observed_at).min(),
                error: error.map(ToString::to_string),
                next: error.map(|error| error.kind.next_step().to_owned()),
            })
        }
        None if !estate.whole => Standing::Waiting,
        None => Standing::Current,
    }
}

/// What stands in a row, without what only changes with time and without single nodes: it would be
/// another summary with every read, and would grow with the place.
fn without_single_things(fleet: &Fleet) -> Fleet {
    let mut own = Fleet { nodes: Vec::new(), rings: Vec::new(), ..fleet.clone() };
    own.requests = Vec::new();
    own.groups.iter_mut().for_each(|group| group.observed_at = None);
    own.registry.iter_mut().for_each(|service| service.observed_at = None);
    own.probes.iter_mut().for_each(|probe| probe.observed_at = None);
    for target in &mut own.targets {
        target.observed_at = None;
        if let Some(capacity) = &mut target.capacity {
            capacity.zones.clear();
        }
    }
    own
}

fn causes(joined: &Joined, stack: &StackId) -> Vec<FarCause> {
    let own = joined.causes.iter().filter(|cause| cause.key.stack_id.as_ref() == Some(stack));
    own.take(CAUSES).map(|cause| told(cause, &joined.estate)).collect()
}

fn told(cause: &Cause, estate: &Estate) -> FarCause {
    let single = cause.findings(&estate.findings).next().filter(|_| cause.cases.len() == 1);
    FarCause {
        kind: cause.key.kind,
        severity: cause.severity,
        cases: cause.cases.len(),
        since: cause.since,
        title: match single {
            Some(finding) => finding.summary.clone(),
            None => cause.title(&estate.findings),
        },
    }
}

/// A place that is shown too.
pub fn find<'a>(model: &'a Model, context: &str) -> Option<&'a Elsewhere> {
    model.elsewhere.iter().find(|place| *place.context == *context)
}

/// A fleet of a place that is shown too.
pub fn fleet<'a>(model: &'a Model, context: &str, stack: &StackId) -> Option<&'a FarFleet> {
    find(model, context)?.fleets.get(stack)
}

/// Takes in what another place looks like. One that is not shown here is none of ours: a late word.
pub(super) fn take(model: &mut Model, seen: Elsewhere) -> Effects {
    let place = model.elsewhere.iter_mut().find(|it| it.context == seen.context);
    if let Some(place) = place {
        let same = seen.looks_as(place);
        *place = seen;
        if !same {
            rows_changed(model);
        }
    }
    Effects::none()
}

/// A place that has not been heard of for too long is unknown from then on.
pub(super) fn settle(model: &mut Model) {
    let now = model.now;
    let overdue = model.elsewhere.iter_mut().filter(|place| place.is_overdue(now));
    if overdue.map(Elsewhere::fall_silent).count() > 0 {
        rows_changed(model);
    }
}

fn rows_changed(model: &mut Model) {
    if model.screen().kind == ScreenKind::Fleets {
        navigate::refresh(model);
    }
}

/// Opens what the selected row is about; of another place, by going there.
pub(super) fn open(model: &mut Model) -> Effects {
    match model.screen().list.selected().cloned() {
        Some(RowId::Far(context, stack)) => set_out(model, &context, Some(stack)),
        Some(RowId::Place(Some(context))) => set_out(model, &context, None),
        _ => {
            navigate::open(model);
            Effects::none()
        }
    }
}

/// Goes to another place, and to a fleet of it once that is seen there.
pub(super) fn set_out(model: &mut Model, context: &Arc<str>, stack: Option<StackId>) -> Effects {
    if model.replay.is_some() {
        let text = format!("This is a recording: {context} cannot be gone to from here.");
        model.notices.say(model.now, NoticeKind::Warning, text);
        return Effects::none();
    }
    match contexts::go(model, context) {
        Ok(effects) => {
            model.bound_for = stack.map(|stack| BoundFor { context: Arc::clone(context), stack });
            model.notices.say(model.now, NoticeKind::Info, format!("Going to {context}."));
            effects
        }
        Err(text) => {
            model.notices.say(model.now, NoticeKind::Warning, text);
            Effects::none()
        }
    }
}

/// Selects the fleet that was gone to, as soon as it is seen.
pub(super) fn arrive(model: &mut Model) {
    let Some(BoundFor { context, stack }) = model.bound_for.clone() else { return };
    // The place before goes on until the other is there.
    if model.place.context.as_deref() != Some(&*context) {
        return;
    }
    let whole = model.estate.as_ref().is_some_and(|estate| estate.whole);
    if model.fleet(&stack).is_some() {
        model.bound_for = None;
        navigate::select(model, &RowId::Fleet(stack));
    } else if whole {
        model.bound_for = None;
        let text = format!("The fleet {stack} is not here any more.");
        model.notices.say(model.now, NoticeKind::Warning, text);
    }
}

/// Whatever acts on the selected row acts on this place.
///
/// # Errors
/// A sentence: the row is another place's.
pub(super) fn not_of_another(model: &Model) -> Result<(), String> {
    let (what, context) = match model.screen().list.selected() {
        Some(RowId::Far(context, stack)) => (stack.as_str(), context),
        Some(RowId::Place(Some(context))) => (&**context, context),
        _ => return Ok(()),
    };
    Err(format!("{what} is of another place, {context}: go there first with `:context {context}`."))
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
