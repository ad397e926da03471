//! The guards: each one small pure function from a scene to a verdict, and the table that says how
//! much its verdict counts for which verb (safety.md, Guards). They are asked when a plan is made
//! and, with a fresh picture, all along its run.

mod capacity;
mod change_in_flight;
mod dependency;
mod floor;
mod fresh_reads;
mod identity;
mod limits;
mod lock;
mod own_host;
mod proven_gone;
mod ready;
mod registry;
mod rings;
mod scene;
mod undo_ready;
mod velocity;
mod versions;
mod zone_cover;

use super::guard::{Column, Effect, Verdict, Weight};
use super::{Context, GuardName, GuardReport, Picture, Plan, Verb};
use scene::Scene;
use strum::IntoEnumIterator;

/// Asks every guard that counts for a plan's verb.
pub fn evaluate(picture: &Picture<'_>, plan: &Plan, context: &Context) -> Vec<GuardReport> {
    let scene = Scene { picture: *picture, plan, context };
    let column = plan.column();
    GuardName::iter()
        .filter_map(|guard| {
            let weight = weight(guard, column);
            (weight != Weight::None).then(|| {
                let verdict = ask(guard, &scene);
                let overridden = plan.options.overrides.contains(&guard);
                let effect = verdict.effect(weight, overridden);
                GuardReport { guard, verdict, weight, effect }
            })
        })
        .collect()
}

/// How much a guard counts in a column: the table of safety.md.
pub fn weight(guard: GuardName, column: Column) -> Weight {
    use Column::{Cutover, Drain, Registry, Rollback, Takeover, TakeoverBack};
    use Weight::{Blocks, BlocksUnlessOverridden as Overridable, None, Warns};
    match (guard, column) {
        // A take-over moves no traffic and takes nothing out: what counts is whose lock it takes.
        (GuardName::Identity, Takeover) => Blocks,
        (GuardName::Lock, Takeover) => Overridable,
        (GuardName::FreshReads, Takeover) => Warns,
        (_, Takeover) => None,
        (GuardName::Lock, TakeoverBack) => Overridable,
        (_, TakeoverBack) => weight(guard, Rollback),
        (GuardName::Identity | GuardName::Floor, _) => Blocks,
        (GuardName::Lock | GuardName::FreshReads, Registry | Drain | Cutover) => Blocks,
        // A rollback takes the lock over.
        (GuardName::Lock, Rollback) => None,
        (GuardName::FreshReads, Rollback) => Warns,
        (GuardName::Ready, Registry) => Overridable,
        (GuardName::ProvenGone, Registry) => Blocks,
        (GuardName::Ready | GuardName::ProvenGone, Drain | Cutover | Rollback) => None,
        (GuardName::ZoneCover, Registry) => None,
        (GuardName::ZoneCover, Drain) => Overridable,
        (GuardName::ZoneCover, Cutover | Rollback) => Warns,
        (GuardName::Velocity, Registry) => Warns,
        (GuardName::Velocity, Drain) => Overridable,
        // A schedule has a pace of its own.
        (GuardName::Velocity, Cutover | Rollback) => None,
        (GuardName::Capacity | GuardName::Registry, Registry | Drain) => None,
        (GuardName::Capacity | GuardName::Registry, Cutover) => Overridable,
        (GuardName::Capacity | GuardName::Registry, Rollback) => Warns,
        (GuardName::Rings | GuardName::RingDebris, Registry) => None,
        (GuardName::Rings, Cutover) => Overridable,
        (GuardName::Rings, Drain | Rollback) => Warns,
        (GuardName::RingDebris, Drain | Cutover | Rollback) => Warns,
        (GuardName::ChangeInFlight, Registry | Rollback) => Warns,
        (GuardName::ChangeInFlight, Drain | Cutover) => Overridable,
        (GuardName::Dependency, Registry) => None,
        (GuardName::Dependency, Drain | Cutover) => Overridable,
        (GuardName::Dependency, Rollback) => Warns,
        (GuardName::OwnHost, Registry | Rollback) => None,
        (GuardName::OwnHost, Drain) => Overridable,
        (GuardName::OwnHost, Cutover) => Warns,
        (GuardName::UndoReady, Registry | Drain) => Warns,
        (GuardName::UndoReady, Cutover) => Overridable,
        (GuardName::UndoReady, Rollback) => None,
        (GuardName::Limits, Registry) => None,
        (GuardName::Limits, Drain | Cutover | Rollback) => Blocks,
        (GuardName::Versions, Registry | Drain) => None,
        (GuardName::Versions, Cutover | Rollback) => Warns,
    }
}

fn ask(guard: GuardName, scene: &Scene<'_>) -> Verdict {
    match guard {
        GuardName::Identity => identity::look(scene),
        GuardName::Lock => lock::look(scene),
        GuardName::FreshReads => fresh_reads::look(scene),
        GuardName::Ready => ready::look(scene),
        GuardName::ProvenGone => proven_gone::look(scene),
        GuardName::Floor => floor::look(scene),
        GuardName::ZoneCover => zone_cover::look(scene),
        GuardName::Velocity => velocity::look(scene),
        GuardName::Capacity => capacity::look(scene),
        GuardName::Registry => registry::look(scene),
        GuardName::Rings => rings::look(scene),
        GuardName::RingDebris => rings::look_for_debris(scene),
        GuardName::ChangeInFlight => change_in_flight::look(scene),
        GuardName::Dependency => dependency::look(scene),
        GuardName::OwnHost => own_host::look(scene),
        GuardName::UndoReady => undo_ready::look(scene),
        GuardName::Limits => limits::look(scene),
        GuardName::Versions => versions::look(scene),
    }
}

/// What the guards come to together: the worst of them.
pub fn worst(reports: &[GuardReport]) -> Effect {
    reports.iter().map(|report| report.effect).max().unwrap_or(Effect::Passes)
}

/// The exit code of a plan that was only printed (contract.md): 3 when a guard blocks, 4 when one
/// cannot tell, else 0.
pub fn exit_code(reports: &[GuardReport]) -> u8 {
    match worst(reports) {
        Effect::Blocks => 3,
        Effect::CannotTell => 4,
        Effect::Passes | Effect::Warns | Effect::Overridden => 0,
    }
}

impl GuardName {
    /// Whether it may be overridden by name, for a verb that moves something; the lock of a living run
    /// may be taken by a take-over and by nothing else.
    pub fn may_be_overridden(self, verb: Verb) -> bool {
        let over = |of: Column| matches!(of, Column::Takeover | Column::TakeoverBack);
        let is_own = |of: Column| over(of) == (verb == Verb::Takeover);
        Column::iter()
            .filter(|of| is_own(*of))
            .any(|of| weight(self, of) == Weight::BlocksUnlessOverridden)
    }

    /// What it watches for, in a sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Identity => {
                "This is the account and region the plan was made for, and its fleets are there."
            }
            Self::Lock => "Nobody else is changing the same load balancer.",
            Self::FreshReads => "Everything this needs was read freshly and wholly.",
            Self::Ready => "What is registered is in service, running and ready.",
            Self::ProvenGone => "What is removed is proven gone.",
            Self::Floor => "Enough stays healthy.",
            Self::ZoneCover => "No zone loses its last healthy target.",
            Self::Velocity => "Nodes go a few at a time, the next when the last has settled.",
            Self::Capacity => "The receiving fleet can carry what it is given.",
            Self::Registry => "The receiving fleet's registry is complete and right.",
            Self::Rings => "No ring is split, joined with another product's, or held up by debris.",
            Self::RingDebris => "Rings are tidy.",
            Self::ChangeInFlight => "Nothing else is changing these fleets.",
            Self::Dependency => "No shared dependency is down.",
            Self::OwnHost => "This host is no node of the fleet that loses.",
            Self::UndoReady => "The way back is open.",
            Self::Limits => "MinSize, MaxSize and quotas leave room.",
            Self::Versions => "Both fleets run the same product versions.",
        }
    }
}

fn pass(because: impl Into<String>) -> Verdict {
    Verdict::Pass { because: because.into() }
}

fn warn(because: impl Into<String>) -> Verdict {
    Verdict::Warn { because: because.into() }
}

fn block(because: impl Into<String>) -> Verdict {
    Verdict::Block { because: because.into() }
}

fn unknown(because: impl Into<String>) -> Verdict {
    Verdict::Unknown { because: because.into() }
}

fn nothing(because: impl Into<String>) -> Verdict {
    Verdict::NotApplicable { because: because.into() }
}

/// The worst of several verdicts on one thing: Block, Unknown, Warn, then Pass. None is nothing.
fn worst_of(verdicts: Vec<Verdict>, otherwise: Verdict) -> Verdict {
    let badness = |of: &Verdict| match of {
        Verdict::NotApplicable { .. } => 0,
        Verdict::Pass { .. } => 1,
        Verdict::Warn { .. } => 2,
        Verdict::Unknown { .. } => 3,
        Verdict::Block { .. } => 4,
    };
    // Of equally bad ones the first is said.
    let worst = verdicts.iter().map(badness).max();
    verdicts.into_iter().find(|of| Some(badness(of)) == worst).unwrap_or(otherwise)
}
