//! The rules that a journal is held against, each in a sentence.

use serde::{Deserialize, Serialize};

/// A rule of runs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Rule {
    /// See [`Rule::sentence`].
    OpensOnce,
    /// See [`Rule::sentence`].
    NothingAfterTheEnd,
    /// See [`Rule::sentence`].
    LockFirst,
    /// See [`Rule::sentence`].
    OneLockEach,
    /// See [`Rule::sentence`].
    TakesOverWhatItMay,
    /// See [`Rule::sentence`].
    OnlyWhatIsPlanned,
    /// See [`Rule::sentence`].
    OneIntentAtATime,
    /// See [`Rule::sentence`].
    AttemptsInOrder,
    /// See [`Rule::sentence`].
    NothingTwice,
    /// See [`Rule::sentence`].
    IntentFirst,
    /// See [`Rule::sentence`].
    RecordFirst,
    /// See [`Rule::sentence`].
    RecordStays,
    /// See [`Rule::sentence`].
    StillWhileHeld,
    /// See [`Rule::sentence`].
    GoesOnByAWord,
    /// See [`Rule::sentence`].
    GatesByAPerson,
    /// See [`Rule::sentence`].
    NoTrafficInAnAbort,
    /// See [`Rule::sentence`].
    StepsInOrder,
    /// See [`Rule::sentence`].
    DoneMeansDone,
    /// See [`Rule::sentence`].
    TurnsBackOnce,
    /// See [`Rule::sentence`].
    PinsBeforeTheLock,
    /// See [`Rule::sentence`].
    UnlocksItsOwn,
    /// See [`Rule::sentence`].
    EndsClean,
}

impl Rule {
    /// The rule.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::OpensOnce => "A journal begins with the run's plan, and says it once.",
            Self::NothingAfterTheEnd => "Nothing is done after the end of a run.",
            Self::LockFirst => "A change is sent only while every lock of the plan is held.",
            Self::OneLockEach => "A run takes each lock of its plan once.",
            Self::TakesOverWhatItMay => "Only a rollback and a takeover take another run's lock.",
            Self::OnlyWhatIsPlanned => {
                "A run sends what its plan says, takes back what it has done, and nothing else."
            }
            Self::OneIntentAtATime => {
                "Nothing is sent while it is not known what became of the call before: that is compared first."
            }
            Self::AttemptsInOrder => "The tries of a step are counted without a gap.",
            Self::NothingTwice => "A change that was carried out is not sent again.",
            Self::IntentFirst => "A call's intent is written before its outcome.",
            Self::RecordFirst => {
                "The rollback record is written before the first change that needs it."
            }
            Self::RecordStays => {
                "The rollback record stays while anything is suspended or traffic is split."
            }
            Self::StillWhileHeld => "A held run does nothing but let pins go.",
            Self::GoesOnByAWord => "A held run goes on only when somebody has said so.",
            Self::GatesByAPerson => "A gate is passed by a person who resumes the run at it.",
            Self::NoTrafficInAnAbort => "An aborted run moves no traffic.",
            Self::StepsInOrder => "Steps are taken in the plan's order, each once.",
            Self::DoneMeansDone => "A step is done when what it does was done.",
            Self::TurnsBackOnce => "A run turns back by itself once, and only if its plan says so.",
            Self::PinsBeforeTheLock => {
                "The lock is given back only when all that the run suspended is resumed."
            }
            Self::UnlocksItsOwn => "A run gives back only the locks that it holds.",
            Self::EndsClean => "A run ends with its steps done and its locks given back.",
        }
    }
}
