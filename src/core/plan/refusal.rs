//! Why there is no plan. A refusal is not a guard that blocks: it says that the wish itself makes
//! no sense here, and what would.

use serde::{Deserialize, Serialize};

/// What kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RefusalKind {
    /// The wish is mistaken: nothing selected, unknown or ambiguous names, one fleet twice, a
    /// schedule that is none (exit code 2).
    Usage,
    /// It would make things worse, or cannot be done here (exit code 3).
    Blocked,
    /// What it needs to know could not be known (exit code 4).
    Unknown,
    /// There is nothing to do (exit code 0).
    NothingToDo,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// What kind.
    pub kind: RefusalKind,
    /// What is wrong, in a sentence.
    pub why: String,
    /// What to do next, in a sentence.
    pub next: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(kind: RefusalKind, why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { kind, why: why.into(), next: next.into() }
    }
}
