//! A run in words.

use super::{HoldReason, RunState};

impl RunState {
    /// In one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Held { .. } => "held",
            Self::Done => "done",
            Self::Aborted => "aborted",
            Self::RolledBack { .. } => "rolled back",
            Self::Failed { .. } => "failed",
        }
    }

    /// With what there is to say about it, without a full stop.
    pub fn sentence(&self) -> String {
        match self {
            Self::Held { reason: HoldReason::Gate, because } => {
                format!("held at its {}", because.trim_end_matches('.'))
            }
            Self::Held { reason, because } => {
                format!("held ({reason}): {}", because.trim_end_matches('.'))
            }
            Self::Failed { because } => format!("failed: {}", because.trim_end_matches('.')),
            Self::RolledBack { by } => format!("rolled back by {by}"),
            _ => self.word().to_owned(),
        }
    }
}
