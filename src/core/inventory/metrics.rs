//! What `/metrics` of a node's products says: requests, what is not flushed yet, versions. And the
//! rates that follow from two samples.

use super::ring::Page;
use crate::core::ids::Product;
use crate::core::observed::age;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Two samples closer than this say little of a rate: one request more or less would be a lot.
const SPAN_AT_LEAST: Duration = Duration::from_secs(2);
/// A sample older than this is no beginning for a rate of now.
const SPAN_AT_MOST: Duration = Duration::from_secs(300);

/// The series we keep of one product's page; `None` is "this version has no such series".
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// From `…_build_info`.
    pub version: Option<Arc<str>>,
    /// When the process started, Unix seconds by its own clock. Tells a restart from a counter that
    /// stands still.
    pub started: Option<f64>,
    /// Requests from outside since the process started; not our own, not a load balancer's checks.
    pub requests: Option<f64>,
    /// Loki: chunks in memory.
    pub memory_chunks: Option<f64>,
    /// Flushes that wait.
    pub flush_queue: Option<f64>,
    /// Tempo: traces that are not in a block yet.
    pub live_traces: Option<f64>,
    /// Flushes that failed since the process started.
    pub failed_flushes: Option<f64>,
    /// Members of the gossip cluster.
    pub gossip_members: Option<u32>,
    /// Whether this node runs Loki's compactor, of which there must be one in all.
    pub compactor_running: Option<bool>,
}

/// One product's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductMetrics {
    /// The product.
    pub product: Product,
    /// What it says.
    pub sample: Page<Sample>,
}

/// A rate between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests a second.
    pub per_second: f64,
    /// How far apart the samples are.
    pub over: Duration,
}

/// A product's latest sample beside the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The product.
    pub product: Product,
    /// What its page said last.
    pub sample: Page<Sample>,
    /// When.
    pub at: Timestamp,
    /// The sample that the latest is compared with, and its time.
    pub before: Option<(Timestamp, Sample)>,
    /// Since when nothing was asked of it from outside, as far as our samples show.
    pub quiet_since: Option<Timestamp>,
    /// Since when no flush has failed, as far as our samples show.
    pub unfailing_since: Option<Timestamp>,
    /// Where the page could not be read: what was measured the last time that it could.
    #[serde(default)]
    pub last: Option<Arc<Measured>>,
}

impl Measured {
    /// Takes in a new page after an older one.
    pub fn after(older: Option<&Self>, new: ProductMetrics, at: Timestamp) -> Self {
        let before = older.and_then(|older| older.baseline(at));
        let mut measured = Self {
            product: new.product,
            sample: new.sample,
            at,
            before,
            quiet_since: None,
            unfailing_since: None,
            last: None,
        };
        if measured.sample.read().is_none() {
            measured.last = older.and_then(Self::last_read);
        }
        let last = older.and_then(|older| Some((older, older.sample.read()?)));
        if let (Some((older, was)), Some(is)) = (last, measured.sample.read()) {
            let quiet = rise(was, is, |of| of.requests) == Some(0.0);
            let unfailing = rise(was, is, |of| of.failed_flushes) == Some(0.0);
            measured.quiet_since = quiet.then(|| older.quiet_since.unwrap_or(older.at));
            measured.unfailing_since = unfailing.then(|| older.unfailing_since.unwrap_or(older.at));
        }
        measured
    }

    /// This, if its page was read, or what was measured the last time that it was.
    fn last_read(&self) -> Option<Arc<Self>> {
        let read = self.sample.read().is_some();
        if read { Some(Arc::new(self.clone())) } else { self.last.clone() }
    }

    /// The sample that one at this time is to be compared with: the last, unless it is so young
    /// that the one before it says more.
    fn baseline(&self, at: Timestamp) -> Option<(Timestamp, Sample)> {
        let last = self.sample.read().map(|sample| (self.at, sample.clone()));
        let young = age(self.at, at) < SPAN_AT_LEAST;
        let chosen = if young { self.before.clone().or(last) } else { last };
        chosen.filter(|(then, _)| age(*then, at) <= SPAN_AT_MOST)
    }

    /// Requests a second between the two samples. A counter that was set back counts from nothing,
    /// as the process that restarted did.
    pub fn rate(&self) -> Option<Rate> {
        let (then, was) = self.before.as_ref()?;
        let over = age(*then, self.at);
        let risen = rise(was, self.sample.read()?, |of| of.requests)?;
        (over >= SPAN_AT_LEAST).then(|| Rate { per_second: risen / over.as_secs_f64(), over })
    }
}

/// By how much a counter rose from one sample to the next.
fn rise(was: &Sample, is: &Sample, of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    let (before, after) = (of(was)?, of(is)?);
    let restarted = matches!((was.started, is.started), (Some(a), Some(b)) if (a - b).abs() > 1.0);
    let risen = if restarted || after < before { after } else { after - before };
    risen.is_finite().then_some(risen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn page(requests: f64, started: f64) -> ProductMetrics {
        let sample = Sample {
            requests: Some(requests),
            started: Some(started),
            failed_flushes: Some(0.0),
            ..Sample::default()
        };
        ProductMetrics { product: Product::from("loki"), sample: Page::Read(sample) }
    }

    fn folded(pages: &[(i64, f64, f64)]) -> Measured {
        let mut last: Option<Measured> = None;
        for (second, requests, started) in pages {
            last = Some(Measured::after(last.as_ref(), page(*requests, *started), at(*second)));
        }
        last.unwrap()
    }

    fn rate(pages: &[(i64, f64, f64)]) -> Option<f64> {
        folded(pages).rate().map(|rate| rate.per_second)
    }

    #[test]
    fn a_rate_takes_two_samples_far_enough_apart() {
        assert_eq!(rate(&[(0, 100.0, 1.0)]), None);
        assert_eq!(rate(&[(0, 100.0, 1.0), (10, 150.0, 1.0)]), Some(5.0));
        assert_eq!(rate(&[(0, 100.0, 1.0), (1, 150.0, 1.0)]), None, "too close");
        // Refreshed by hand a second later: still compared with the one before.
        let pages = [(0, 100.0, 1.0), (10, 150.0, 1.0), (11, 155.0, 1.0)];
        assert_eq!(rate(&pages), Some(5.0), "55 in 11 seconds");
        assert_eq!(rate(&[(0, 100.0, 1.0), (301, 150.0, 1.0)]), None, "too old to say now");
    }

    #[test]
    fn a_counter_that_was_set_back_counts_from_nothing() {
        assert_eq!(rate(&[(0, 100.0, 1.0), (10, 30.0, 1.0)]), Some(3.0));
        // Restarted, and already beyond where it was.
        assert_eq!(rate(&[(0, 100.0, 1.0), (10, 130.0, 500.0)]), Some(13.0));
    }

    #[test]
    fn quiet_is_counted_from_the_first_sample_that_showed_no_more() {
        assert_eq!(folded(&[(0, 7.0, 1.0)]).quiet_since, None, "one sample shows nothing");
        let quiet = folded(&[(0, 6.0, 1.0), (10, 7.0, 1.0), (20, 7.0, 1.0), (30, 7.0, 1.0)]);
        assert_eq!(quiet.quiet_since, Some(at(10)));
        let woken = folded(&[(0, 7.0, 1.0), (10, 7.0, 1.0), (20, 8.0, 1.0)]);
        assert_eq!(woken.quiet_since, None);
        assert_eq!(woken.unfailing_since, Some(at(0)));
    }

    #[test]
    fn a_page_that_cannot_be_read_makes_no_rate_of_zero() {
        let unread = ProductMetrics {
            product: Product::from("loki"),
            sample: Page::CannotTell("no answer".into()),
        };
        let first = folded(&[(0, 7.0, 1.0)]);
        let second = Measured::after(Some(&first), unread.clone(), at(10));
        assert_eq!((second.rate(), second.quiet_since), (None, None));
        // What was measured last is kept, however often it cannot be read.
        let third = Measured::after(Some(&second), unread, at(20));
        assert_eq!(third.last.as_deref(), Some(&first));
        let again = Measured::after(Some(&third), page(9.0, 30.0), at(30));
        assert_eq!(again.last, None);
    }
}
