//! What joining an inventory into an estate must be told: rules, not facts.

use crate::core::ids::{Product, ServiceId, StackId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What `reconcile` must be told beside the inventory: rules, not facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The configured region, for the head of the output.
    pub region: Option<String>,
    /// Registry services the configuration names, and the fleets that should be in each (none
    /// named: whoever is found there).
    pub registry: BTreeMap<ServiceId, BTreeSet<StackId>>,
    /// Only the namespace of this name or id is read, where one is named.
    pub namespace: Option<String>,
    /// Products that are probed but need not be there (the node's own `/healthz`).
    pub optional_products: BTreeSet<Product>,
}
