//! One round of checks: every product at once, each within the limit.

use super::product::Checked;
use crate::clock::Clock;
use crate::core::inventory::{ProbeReason, Verdict};
use crate::sources::probe::{Asker, Request, read};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What one round found.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// When it ended.
    pub at: Timestamp,
    /// One for each product, in the order of the configuration.
    pub products: Vec<Seen>,
}

/// How one product was found.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Whether the node may be healthy with it.
    pub healthy: bool,
    /// Its answer's status, where one came.
    pub status: Option<u16>,
    /// How long that took.
    pub took: Duration,
    /// What it means, as a fragment.
    pub detail: String,
}

impl Round {
    /// Whether every product is as it must be.
    pub(super) fn is_healthy(&self) -> bool {
        self.products.iter().all(|one| one.healthy)
    }
}

/// Asks every product once.
pub(super) async fn round(asker: &Asker, products: &Arc<[Checked]>, clock: &Clock) -> Round {
    let mut asked = JoinSet::new();
    for index in 0..products.len() {
        let (asker, products, clock) = (asker.clone(), Arc::clone(products), clock.clone());
        asked.spawn(async move {
            let seen = match products.get(index) {
                Some(product) => ask(&asker, product, &clock).await,
                None => unseen(),
            };
            (index, seen)
        });
    }
    let mut seen: Vec<Seen> = products.iter().map(|_| unseen()).collect();
    // A check that panicked stays unseen, which is not healthy.
    while let Some(one) = asked.join_next().await {
        if let Ok((index, found)) = one
            && let Some(place) = seen.get_mut(index)
        {
            *place = found;
        }
    }
    Round { at: clock.now(), products: seen }
}

fn unseen() -> Seen {
    Seen {
        healthy: false,
        status: None,
        took: Duration::ZERO,
        detail: "could not be checked".to_owned(),
    }
}

async fn ask(asker: &Asker, product: &Checked, clock: &Clock) -> Seen {
    let started = clock.real_elapsed();
    let answer = asker.ask(Request::get(&product.url)).await;
    let took = clock.real_elapsed().saturating_sub(started);
    let (status, reading) = match answer {
        Ok(answer) => (Some(answer.status), read(&product.settings, false, &answer)),
        Err(reading) => (None, reading),
    };
    let forgiven = reading.reason == ProbeReason::DatabaseFailing && !product.needs_database;
    let mut detail = reading.detail;
    if forgiven {
        detail.push_str(", which does not fail this node: other nodes share it");
    } else if reading.reason == ProbeReason::WrongStatus {
        let wanted: Vec<String> = product.settings.status.iter().map(ToString::to_string).collect();
        detail = format!("{detail} instead of {}", wanted.join(" or "));
    } else if reading.verdict == Verdict::Pass && status != Some(200) {
        detail = "up".to_owned();
    }
    Seen { healthy: reading.verdict == Verdict::Pass || forgiven, status, took, detail }
}
