//! What is probed on a node when nobody configured anything: the endpoints that every version of
//! the products answers, on the ports that everybody sets.

use super::{ProbeKind, ProbePath, ProductSettings};
use crate::core::ids::Product;
use std::collections::BTreeSet;

/// Name, kind, port, path, and whether a node may lack it.
const PRODUCTS: [(&str, ProbeKind, u16, &str, bool); 4] = [
    // Grafana has had `/api/health` since 4.3; `/healthz` only since 7.2, and it skips the database.
    ("grafana", ProbeKind::Grafana, 3000, "/api/health", false),
    // `/ready` is older than any Loki or Tempo in use, and says more than `GET /` = 404.
    ("loki", ProbeKind::Loki, 3100, "/ready", false),
    // Tempo listened on 80 up to 2.7, but its own examples and everybody set 3200.
    ("tempo", ProbeKind::Tempo, 3200, "/ready", false),
    // The node's own aggregator: a fleet may well do without.
    ("healthz", ProbeKind::Healthz, 8080, "/healthz", true),
];

/// The products that are probed by default.
pub fn default_products() -> Vec<ProductSettings> {
    PRODUCTS
        .into_iter()
        .filter_map(|(name, kind, port, path, optional)| {
            Some(ProductSettings {
                product: Product::from(name),
                kind,
                tls: false,
                port,
                path: ProbePath::new(path).ok()?,
                status: BTreeSet::from([200]),
                optional,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_allowed_and_complete() {
        let products = default_products();
        let urls: Vec<_> = products
            .iter()
            .map(|one| format!("{}:{}{}", one.product, one.port, one.path))
            .collect();
        assert_eq!(
            urls,
            [
                "grafana:3000/api/health",
                "loki:3100/ready",
                "tempo:3200/ready",
                "healthz:8080/healthz"
            ]
        );
        assert!(products.iter().all(|one| one.status == BTreeSet::from([200]) && !one.tls));
        let optional: Vec<_> = products.iter().map(|one| one.optional).collect();
        assert_eq!(optional, [false, false, false, true]);
    }
}
