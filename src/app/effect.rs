//! What `update` asks the engine to do. An effect is a value: `update` itself never waits and never
//! touches anything but the model.

use crate::core::annotations::Change;
use crate::core::plan::{Plan, Request};
use crate::core::run::{Ask, RunId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Join the inventory again; many wishes are one, the latest inventory wins.
    Reconcile,
    /// Tell the readers what the inventory now shows is there to be read.
    Want,
    /// Read everything on screen now rather than at its time.
    PollNow,
    /// Paint the whole screen, whatever we believe is on it.
    Repaint,
    /// Give the terminal back and stop until we are continued.
    Suspend,
    /// Take the terminal again: somebody else may have changed it while we were stopped.
    Resume,
    /// Look at the world afresh and make a plan; answered by `Answer::Planned`.
    Plan {
        /// What the answer is told by.
        number: u64,
        /// What is wanted.
        request: Box<Request>,
    },
    /// Start a run of an approved plan; answered by `Answer::Started`.
    Start {
        /// What the answer is told by.
        number: u64,
        /// The plan, as the operator saw it.
        plan: Arc<Plan>,
        /// What they typed.
        typed: String,
    },
    /// Ask something of a run; answered by `Answer::Told`.
    Tell {
        /// The run.
        run: RunId,
        /// What.
        ask: Ask,
    },
    /// Write the latest of what was recorded to a file; answered by what is said.
    SaveRecording,
    /// Arm this console: a question was answered with yes, and only the model changes.
    Arm,
    /// Keep what an operator wrote for the next start; only a failure is answered.
    Keep(Box<Change>),
    /// Write evidence to a file; answered by `desk::Answer`.
    Evidence {
        /// What the file is called.
        name: String,
        /// What it says.
        text: String,
    },
    /// Send a text to the clipboard of the operator's terminal.
    Copy(String),
    /// Look at another context; answered by `EventKind::Entered`.
    Enter(String),
    /// End the console.
    Quit(Ending),
}

/// Why a console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Ending {
    /// The operator left.
    Quit,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// SIGHUP, or the terminal is gone.
    HungUp,
}

impl Ending {
    /// The process's exit code (contract.md): leaving is success, everything else an interruption.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Quit => 0,
            Self::Interrupted | Self::Terminated | Self::HungUp => 130,
        }
    }
}

/// What is to be done, in order.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "an effect that nobody carries out is a key that does nothing"]
pub struct Effects(Vec<Effect>);

impl Effects {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether it is among them.
    pub fn contains(&self, effect: &Effect) -> bool {
        self.0.contains(effect)
    }
}

impl From<Effect> for Effects {
    fn from(one: Effect) -> Self {
        Self(vec![one])
    }
}

impl<const N: usize> From<[Effect; N]> for Effects {
    fn from(some: [Effect; N]) -> Self {
        Self(some.into())
    }
}

impl From<Vec<Effect>> for Effects {
    fn from(some: Vec<Effect>) -> Self {
        Self(some)
    }
}

impl IntoIterator for Effects {
    type Item = Effect;
    type IntoIter = std::vec::IntoIter<Effect>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
