//! One join of the inventory in flight, off the input path; whatever was wished meanwhile becomes
//! one more join of the latest inventory.

use super::Reconcile;
use crate::app::{EventKind, Model};
use crate::core::estate::Policy;
use crate::core::joined::Joined;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Joins start at most so often: the eye reads no faster.
const AT_MOST_EVERY: Duration = Duration::from_millis(250);
/// Of a large estate, whose join takes long, they start more rarely: one join in the time of so
/// many, so that a console left open takes a small part of one processor and the probes the rest.
const REST: u32 = 8;

pub(super) struct Reconciler {
    reconcile: Reconcile,
    policy: Arc<Policy>,
    wanted: bool,
    running: Option<Running>,
    /// When the last one started, and how long it took if it is over.
    last: Option<(Duration, Duration)>,
}

struct Running {
    generation: u64,
    as_of: Timestamp,
    task: JoinHandle<Joined>,
}

impl Reconciler {
    pub(super) fn new(reconcile: Reconcile, policy: Policy) -> Self {
        let policy = Arc::new(policy);
        Self { reconcile, policy, wanted: false, running: None, last: None }
    }

    /// What joins.
    pub(super) fn reconcile(&self) -> Reconcile {
        self.reconcile
    }

    /// Wishes for a join of what is known by then.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// How long until a wished join may start; `None` while there is no wish or one is running.
    pub(super) fn starts_in(&self, real: Duration) -> Option<Duration> {
        if !self.wanted || self.running.is_some() {
            return None;
        }
        let next = |(start, took): (Duration, Duration)| start + AT_MOST_EVERY.max(took * REST);
        Some(self.last.map_or(Duration::ZERO, |last| next(last).saturating_sub(real)))
    }

    /// Starts a join of what the model knows now.
    pub(super) fn start(&mut self, model: &Model, as_of: Timestamp, real: Duration) {
        self.wanted = false;
        self.last = Some((real, Duration::ZERO));
        let (reconcile, policy) = (self.reconcile, Arc::clone(&self.policy));
        let inventory = Arc::clone(&model.inventory);
        let before = model.estate.clone();
        let task = tokio::task::spawn_blocking(move || {
            let before = before.as_deref();
            Joined::new(before, reconcile(&inventory, before, as_of, &policy), as_of)
        });
        self.running = Some(Running { generation: model.generation, as_of, task });
    }

    /// The join that was waited for is over.
    pub(super) fn over(&mut self, real: Duration) {
        if let Some((start, took)) = &mut self.last {
            *took = real.saturating_sub(*start);
        }
    }

    /// Waits for the running join, or for ever. Safe to drop while waiting.
    pub(super) async fn joined(&mut self) -> EventKind {
        loop {
            let Some(running) = &mut self.running else { return std::future::pending().await };
            let outcome = (&mut running.task).await;
            let (generation, as_of) = (running.generation, running.as_of);
            self.running = None;
            // A join that panicked has already ended the process (invariant 11); one that was
            // cancelled, at the end of the runtime, has nothing to say.
            if let Ok(joined) = outcome {
                return EventKind::Reconciled { generation, as_of, joined: Some(joined) };
            }
        }
    }
}
