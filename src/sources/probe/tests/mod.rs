//! Probes against recorded answers of real servers, and against servers on loopback that misbehave
//! in every way we tell apart.

mod answers;
pub(in crate::sources) mod node;
mod proxies;
mod wire;

use crate::clock::Clock;
use crate::config::{ProbeKind, ProbePath, ProbeSettings, ProductSettings};
use crate::core::inventory::ProbeOutcome;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

/// Long enough for loopback on a busy machine, short enough to wait for.
pub(in crate::sources) const LIMIT: Duration = Duration::from_millis(600);

pub(in crate::sources) fn product(kind: ProbeKind, port: u16, path: &str) -> ProductSettings {
    ProductSettings {
        product: format!("{kind:?}").to_lowercase().into(),
        kind,
        tls: false,
        port,
        path: ProbePath::new(path).unwrap(),
        status: BTreeSet::from([200]),
        optional: false,
    }
}

pub(in crate::sources) fn settings(products: Vec<ProductSettings>) -> ProbeSettings {
    ProbeSettings {
        enabled: true,
        timeout: LIMIT,
        proxy: None,
        products,
        route: crate::machine::Route::default(),
    }
}

/// What a probe of one product at an address finds.
async fn probe_one(
    at: SocketAddr,
    product: ProductSettings,
    proxy: Option<String>,
) -> ProbeOutcome {
    let mut settings = settings(vec![ProductSettings { port: at.port(), ..product }]);
    settings.proxy = proxy;
    let prober = super::Prober::new(&settings, Clock::real()).unwrap();
    let mut outcomes = prober.probe(at.ip()).await;
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

async fn probe_loki(at: SocketAddr) -> ProbeOutcome {
    probe_one(at, product(ProbeKind::Loki, 0, "/ready"), None).await
}
