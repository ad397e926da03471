//! What `reconcile` is told of the settings.

use crate::config::Settings;
use crate::core::estate::Policy;

/// The rules that `reconcile` is told, from the settings.
pub fn policy(settings: &Settings, region: &str) -> Policy {
    Policy {
        region: Some(region.to_owned()),
        registry: settings.registry.clone(),
        namespace: settings.namespace.clone(),
        optional_products: settings
            .probes
            .products
            .iter()
            .filter(|product| product.optional)
            .map(|product| product.product.clone())
            .collect(),
    }
}
