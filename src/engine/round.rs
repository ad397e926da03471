//! One full round of reads: what the read commands show. It waits until everything that should be
//! read has been tried once, for a bounded time, and says what is missing.

use super::feed::{Feed, FeedError, Patience};
use super::memory_file;
use crate::clock::Clock;
use crate::config::Settings;
use crate::core::error::ErrorKind;
use crate::core::estate::Estate;
use crate::core::inventory::{Inventory, ScopeStatus};
use crate::core::observed::{Observed, Status};
use crate::core::reconcile::reconcile;
use crate::core::source::{Scope, SourceEvent};
use crate::sources::{Pace, SWEEP_RANK, Want, demand, policy};
use jiff::Timestamp;
use std::time::Duration;

/// What is throttled is tried so often before a command says that it lacks it: after 1, 2 and 4
/// seconds the account's bucket has refilled, or somebody else keeps it empty.
const THROTTLED_TRIES: u64 = 4;

/// Why there is no round at all.
pub type RoundError = FeedError;

/// What a full round brought.
#[derive(Clone, Debug)]
pub struct Round {
    /// What each source said.
    pub inventory: Inventory,
    /// What it means.
    pub estate: Estate,
    /// When the round ended.
    pub as_of: Timestamp,
    /// The account, if it could be read.
    pub account: Option<String>,
    /// The region.
    pub region: String,
    /// Essential reads that failed, are partial, or did not end in time.
    pub lacking: Vec<ScopeStatus>,
}

/// Reads everything once.
///
/// # Errors
/// When nothing can be read at all because the program cannot be set up.
pub async fn round(settings: &Settings, clock: &Clock) -> Result<Round, RoundError> {
    round_of(Feed::start(settings, clock, Patience::None)?, settings, clock).await
}

/// The same of a feed that was started.
///
/// # Errors
/// As [`round`].
pub async fn round_of(
    mut feed: Feed,
    settings: &Settings,
    clock: &Clock,
) -> Result<Round, RoundError> {
    let region = started(&mut feed).await?;
    let mut folded = Folded::new(region);
    let limit = tokio::time::sleep(settings.timeout);
    tokio::pin!(limit);
    loop {
        let wants = demand(&folded.inventory, settings, &Pace::default());
        if folded.is_whole(&wants) && !folded.is_being_retried(clock.now()) {
            break;
        }
        feed.want(&folded.inventory, &Pace::default());
        tokio::select! {
            biased;
            event = feed.events.recv() => match event {
                Some(event) => folded.take(settings, of_one_moment(event, settings)),
                None => break,
            },
            () = &mut limit => break,
        }
        // What has arrived meanwhile is folded before the demand is computed again.
        while let Ok(event) = feed.events.try_recv() {
            folded.take(settings, of_one_moment(event, settings));
        }
    }
    Ok(folded.finish(settings, clock))
}

/// A round is bounded by real time and is one moment. Where the world's time runs faster, a read
/// grows old in it by the world's clock before the round is whole: none is stale for that.
fn of_one_moment(mut event: SourceEvent, settings: &Settings) -> SourceEvent {
    let rate = settings.clock.as_ref().map_or(1.0, |clock| clock.rate);
    if rate > 1.0 {
        event.every = event.every.max(settings.timeout.mul_f64(rate));
    }
    event
}

/// Waits until the pollers have been set up; answers the region.
pub(super) async fn started(feed: &mut Feed) -> Result<String, FeedError> {
    match feed.started.take() {
        Some(mut started) => started.recv().await.unwrap_or_else(|| {
            Err(std::io::Error::other("the pollers ended before they began").into())
        }),
        None => Ok(String::new()),
    }
}

/// What has been folded so far.
pub(super) struct Folded {
    pub inventory: Inventory,
    pub region: String,
    recalled: bool,
}

impl Folded {
    pub fn new(region: String) -> Self {
        Self { inventory: Inventory::default(), region, recalled: false }
    }

    /// Folds one piece of news. With the account's first answer comes what is remembered of it.
    pub fn take(&mut self, settings: &Settings, event: SourceEvent) {
        let at = event.observed_at;
        let identity = event.scope == Scope::Identity && event.result.is_ok();
        self.inventory.apply(event);
        if let Some(account) = self.account().filter(|_| identity && !self.recalled) {
            let memory = memory_file::load(settings, &account, &self.region);
            self.inventory.memory.recall(memory, at);
            self.recalled = true;
        }
    }

    /// Keeps what is worth remembering.
    pub fn remember(&self, settings: &Settings) {
        if let Some(account) = self.account() {
            memory_file::save(settings, &account, &self.region, &self.inventory.memory);
        }
    }

    pub fn account(&self) -> Option<String> {
        self.inventory.identity.value().map(|identity| identity.account.clone())
    }

    /// Whether everything wanted has been tried once.
    pub fn is_whole(&self, wants: &[Want]) -> bool {
        wants.iter().all(|want| !self.is_open(want))
    }

    /// The sweep for strangers is never waited for, and what is not due yet is known already.
    fn is_open(&self, want: &Want) -> bool {
        want.not_before.is_none()
            && want.rank < SWEEP_RANK
            && !self.inventory.was_attempted(&want.scope)
    }

    /// Whether something essential was throttled, and is being tried again within seconds.
    fn is_being_retried(&self, now: Timestamp) -> bool {
        self.inventory.statuses(now).iter().any(|status| {
            let throttled =
                status.error.as_ref().is_some_and(|error| error.value.kind == ErrorKind::Throttled);
            status.essential
                && throttled
                && status.observed_at.is_none()
                && status.calls < THROTTLED_TRIES
        })
    }

    fn finish(self, settings: &Settings, clock: &Clock) -> Round {
        self.remember(settings);
        let as_of = clock.now();
        let estate = reconcile(&self.inventory, as_of, &policy(settings, &self.region));
        let mut lacking: Vec<ScopeStatus> = self
            .inventory
            .statuses(as_of)
            .into_iter()
            .filter(|status| {
                status.essential && !matches!(status.status, Status::Ok | Status::Never)
            })
            .collect();
        for want in demand(&self.inventory, settings, &Pace::default()) {
            if self.is_open(&want) && want.scope.is_essential() {
                lacking.push(never(&want));
            }
        }
        let account = self.account();
        Round { estate, as_of, account, region: self.region, lacking, inventory: self.inventory }
    }
}

/// A read that did not end in time.
fn never(want: &Want) -> ScopeStatus {
    let nothing = Observed::<()>::default();
    ScopeStatus {
        source: want.scope.source(),
        status: nothing.status(Timestamp::UNIX_EPOCH),
        observed_at: None,
        error: None,
        every: Duration::ZERO,
        calls: 0,
        essential: want.scope.is_essential(),
        scope: Some(want.scope.clone()),
    }
}
