//! Where findings begin in a recording: known of what has been played.

use crate::app::Model;
use crate::core::finding::Finding;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The beginnings that were seen, and the findings that are there now.
#[derive(Debug, Default)]
pub(super) struct Findings {
    began: BTreeSet<Timestamp>,
    now: BTreeSet<String>,
}

impl Findings {
    /// Takes these for known.
    pub(super) fn know(&mut self, model: &Model) {
        self.now = ids(model);
    }

    /// Looks at the model anew; whether a finding begins here.
    pub(super) fn look(&mut self, model: &Model) -> bool {
        let now = ids(model);
        let begins = now.iter().any(|id| !self.now.contains(id));
        self.now = now;
        if begins {
            self.began.insert(model.now);
        }
        begins
    }

    /// The last beginning before a time.
    pub(super) fn before(&self, at: Timestamp) -> Option<Timestamp> {
        self.began.range(..at).next_back().copied()
    }
}

fn ids(model: &Model) -> BTreeSet<String> {
    model.findings().iter().map(|finding: &Finding| finding.id.to_string()).collect()
}
