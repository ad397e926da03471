//! What probes answered over time. One round says how a node is now; whether it has been well for
//! a whole window takes a history, and this is it: bounded, pure, fed from each fresh inventory.

use crate::core::ids::{InstanceId, Product};
use crate::core::inventory::{Inventory, ProbeReason, Verdict};
use crate::core::observed::age;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// So many samples of a node's product are kept at most: an hour of one every ten seconds, which
/// is longer than any window that makes sense.
const KEPT: usize = 360;

/// One answer, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// What it said.
    pub verdict: Verdict,
}

/// The samples of every node and product, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    of: BTreeMap<InstanceId, BTreeMap<Product, VecDeque<Sample>>>,
}

impl Samples {
    /// Takes in what an inventory holds that is newer than what was taken in before. A product
    /// that a node need not have and has not is no sample.
    pub fn note(&mut self, inventory: &Inventory) {
        for (node, observed) in inventory.probes.iter() {
            let (Some(at), Some(outcomes)) = (observed.observed_at(), observed.value()) else {
                continue;
            };
            for held in outcomes {
                if held.value.reason != ProbeReason::NotPresent {
                    let sample = Sample { at, verdict: held.value.verdict };
                    self.add(node, &held.value.product, sample);
                }
            }
        }
    }

    /// Adds a sample unless one as young is there.
    pub fn add(&mut self, node: &InstanceId, product: &Product, sample: Sample) {
        let all = self.of.entry(node.clone()).or_default().entry(product.clone()).or_default();
        if all.back().is_some_and(|last| last.at >= sample.at) {
            return;
        }
        all.push_back(sample);
        if all.len() > KEPT {
            all.pop_front();
        }
    }

    /// The products of a node with their samples, oldest first.
    pub fn of_node(
        &self,
        node: &InstanceId,
    ) -> impl Iterator<Item = (&Product, &VecDeque<Sample>)> {
        self.of.get(node).into_iter().flatten()
    }

    /// Forgets what is older than `kept`.
    pub fn forget(&mut self, now: Timestamp, kept: Duration) {
        for products in self.of.values_mut() {
            for all in products.values_mut() {
                while all.front().is_some_and(|first| age(first.at, now) > kept) {
                    all.pop_front();
                }
            }
            products.retain(|_, all| !all.is_empty());
        }
        self.of.retain(|_, products| !products.is_empty());
    }
}
