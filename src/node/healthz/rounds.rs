//! One check for all who ask: a round that runs is joined, one that is younger than the interval
//! is taken as it is, and only then a new one begins. It runs in a task of its own, so that a
//! caller that goes away takes nobody's answer with it and makes nobody ask again.

use super::check::{Round, round};
use super::product::Checked;
use super::server::Note;
use crate::clock::Clock;
use crate::sources::probe::Asker;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// What is shared by everybody who asks.
#[derive(Debug)]
pub(super) struct Rounds {
    asker: Asker,
    pub(super) products: Arc<[Checked]>,
    clock: Clock,
    interval: Duration,
    last: Mutex<Option<Last>>,
    /// Rounds that were begun.
    pub(super) begun: AtomicU64,
    /// Failed checks of each product.
    pub(super) failures: Vec<AtomicU64>,
    /// What the last round said, to tell when that changes.
    was: Mutex<Option<Vec<String>>>,
    notes: mpsc::Sender<Note>,
}

/// The newest round: when it began, and what it comes to.
#[derive(Debug)]
struct Last {
    begun: Duration,
    found: watch::Receiver<Option<Arc<Round>>>,
}

impl Rounds {
    pub(super) fn new(
        asker: Asker,
        products: Vec<Checked>,
        clock: Clock,
        interval: Duration,
        notes: mpsc::Sender<Note>,
    ) -> Arc<Self> {
        let failures = products.iter().map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self {
            asker,
            products: products.into(),
            clock,
            interval,
            last: Mutex::new(None),
            begun: AtomicU64::new(0),
            failures,
            was: Mutex::new(None),
            notes,
        })
    }

    /// What the products are like: at most an interval old, or what the round finds that runs now.
    /// `None` if that round broke down, which is not healthy.
    pub(super) async fn now(self: &Arc<Self>) -> Option<Arc<Round>> {
        let mut found = self.current();
        let found = found.wait_for(Option::is_some).await;
        found.ok().and_then(|found| found.clone())
    }

    fn current(self: &Arc<Self>) -> watch::Receiver<Option<Arc<Round>>> {
        let now = self.clock.real_elapsed();
        // A panic while the lock was held is a fault of ours; what is behind it is still whole.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = &*last {
            let ended = last.found.borrow().is_some() || last.found.has_changed().is_err();
            if !ended || now.saturating_sub(last.begun) < self.interval {
                return last.found.clone();
            }
        }
        let (tell, found) = watch::channel(None);
        *last = Some(Last { begun: now, found: found.clone() });
        self.begun.fetch_add(1, Ordering::Relaxed);
        let rounds = Arc::clone(self);
        tokio::spawn(async move {
            let round = round(&rounds.asker, &rounds.products, &rounds.clock).await;
            rounds.took_place(&round);
            // Everybody who asked may be gone.
            let _nobody = tell.send(Some(Arc::new(round)));
        });
        found
    }

    /// Counts failures, and tells when the verdict changes.
    fn took_place(&self, round: &Round) {
        let mut failing = Vec::new();
        let each = self.products.iter().zip(&round.products).zip(&self.failures);
        for ((product, seen), count) in each {
            if !seen.healthy {
                count.fetch_add(1, Ordering::Relaxed);
                failing.push(format!("{} ({})", product.name, seen.detail));
            }
        }
        let names = |failing: &[String]| -> Vec<String> {
            let first = |text: &String| text.split(' ').next().unwrap_or_default().to_owned();
            failing.iter().map(first).collect()
        };
        let mut was = self.was.lock().unwrap_or_else(PoisonError::into_inner);
        if was.as_ref() == Some(&names(&failing)) {
            return;
        }
        *was = Some(names(&failing));
        let note = if failing.is_empty() { Note::Healthy } else { Note::Unhealthy(failing) };
        // A log that is not read must not hold up the checks.
        let _full = self.notes.try_send(note);
    }
}
