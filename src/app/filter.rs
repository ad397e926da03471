//! What leaves rows out.

use serde::{Deserialize, Serialize};

/// What the operator wants to see of a screen's rows. The text as typed, and what it means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    text: String,
}

impl Filter {
    /// As typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it leaves anything out.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }
}
