//! Guards: what must be so for a plan to be carried out (safety.md, Guards). Here are their names,
//! what they may answer, and which counts how much for which verb.

use super::intent::Verb;
use serde::{Deserialize, Serialize};

/// The guards, in the order in which they are printed.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumIter,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum GuardName {
    /// Account, region, one giving fleet, fleets differ, groups pair up.
    Identity,
    /// The lock is ours.
    Lock,
    /// Everything this needs was read freshly and wholly.
    FreshReads,
    /// What we register is in service, running and ready.
    Ready,
    /// What we remove is proven gone.
    ProvenGone,
    /// Enough stays healthy.
    Floor,
    /// No zone loses its last healthy target.
    ZoneCover,
    /// Not too many at a time.
    Velocity,
    /// The receiving fleet can carry what it is given.
    Capacity,
    /// The receiving fleet's registry is complete and right.
    Registry,
    /// Rings that would break: foreign product, split, debris that keeps the receiver unready.
    Rings,
    /// Rings that look untidy: other debris, foreign colour, replication factor.
    RingDebris,
    /// Nothing else is changing these fleets.
    ChangeInFlight,
    /// The same check does not fail on every node of both fleets.
    Dependency,
    /// This host is no node of the fleet that loses.
    OwnHost,
    /// The way back is open.
    UndoReady,
    /// MinSize, MaxSize, target quotas.
    Limits,
    /// Both fleets run the same versions.
    Versions,
}

/// What a guard finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// All is well.
    Pass {
        /// What was looked at, in a sentence.
        because: String,
    },
    /// Something is doubtful.
    Warn {
        /// What, in a sentence.
        because: String,
    },
    /// Something is wrong.
    Block {
        /// What, in a sentence.
        because: String,
    },
    /// Nobody can say.
    Unknown {
        /// Why not, in a sentence.
        because: String,
    },
    /// There is nothing to look at.
    NotApplicable {
        /// Why not, in a sentence.
        because: String,
    },
}

/// How much a guard's finding counts for a verb: the cells of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Weight {
    /// It is not asked.
    None,
    /// It warns.
    Warns,
    /// It blocks, and nobody may override it.
    Blocks,
    /// It blocks, and may be overridden by name.
    BlocksUnlessOverridden,
}

/// What a guard's finding means for this plan.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Effect {
    /// Nothing stands in the way.
    Passes,
    /// To be read before going on.
    Warns,
    /// It would block, and was overridden by name.
    Overridden,
    /// It cannot be told, and that blocks here (exit code 4).
    CannotTell,
    /// It blocks (exit code 3).
    Blocks,
}

/// A guard, what it found and what that means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardReport {
    /// The guard.
    pub guard: GuardName,
    /// What it found.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How much it counts here.
    pub weight: Weight,
    /// What it means here.
    pub effect: Effect,
}

impl Verdict {
    /// Its sentence.
    pub fn because(&self) -> &str {
        match self {
            Self::Pass { because }
            | Self::Warn { because }
            | Self::Block { because }
            | Self::Unknown { because }
            | Self::NotApplicable { because } => because,
        }
    }

    /// What it means where it counts so much. A warning stays a warning; unknown blocks where
    /// the cell says block and warns where it says warn.
    pub fn effect(&self, weight: Weight, overridden: bool) -> Effect {
        let bad = |blocked| match (weight, overridden) {
            (Weight::None, _) => Effect::Passes,
            (Weight::Warns, _) => Effect::Warns,
            (Weight::BlocksUnlessOverridden, true) => Effect::Overridden,
            (Weight::Blocks | Weight::BlocksUnlessOverridden, _) => blocked,
        };
        match self {
            Self::Pass { .. } | Self::NotApplicable { .. } => Effect::Passes,
            Self::Warn { .. } if weight == Weight::None => Effect::Passes,
            Self::Warn { .. } => Effect::Warns,
            Self::Block { .. } => bad(Effect::Blocks),
            Self::Unknown { .. } => bad(Effect::CannotTell),
        }
    }
}

/// The columns of the table: verbs that are held to the same guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::EnumIter)]
pub enum Column {
    /// reregister, repair, deregister.
    Registry,
    /// drain; and undrain, which gives back what drain took.
    Drain,
    /// cutover.
    Cutover,
    /// rollback.
    Rollback,
    /// takeover.
    Takeover,
    /// takeover with a rollback.
    TakeoverBack,
}

impl Verb {
    /// Its column.
    pub fn column(self) -> Column {
        match self {
            Self::Reregister | Self::Repair | Self::Deregister => Column::Registry,
            Self::Drain | Self::Undrain => Column::Drain,
            Self::Cutover => Column::Cutover,
            Self::Rollback => Column::Rollback,
            Self::Takeover => Column::Takeover,
        }
    }
}
