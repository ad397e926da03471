//! Token buckets, one a source, and the one way a call is made: wait for a token, count, call,
//! name what went wrong.

use crate::clock::Clock;
use crate::core::error::{ErrorKind, SourceError};
use crate::core::source::{Budget, Fragment, Source};
use governor::clock::Clock as GovernorClock;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter, middleware::NoOpMiddleware};
use std::num::NonZeroU32;
use std::time::Duration;

/// Time as governor wants it: real time since the clock was made. Limits of I/O run by real time.
#[derive(Clone, Debug)]
struct RealTime(Clock);

impl GovernorClock for RealTime {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.real_elapsed())
    }
}

/// A source's token bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    limiter: RateLimiter<NotKeyed, InMemoryState, RealTime, NoOpMiddleware<Nanos>>,
    time: RealTime,
}

impl Bucket {
    pub fn new(source: Source, clock: &Clock) -> Self {
        let Budget { burst, per_second } = source.budget();
        let one = NonZeroU32::MIN;
        let quota = Quota::per_second(NonZeroU32::new(per_second).unwrap_or(one))
            .allow_burst(NonZeroU32::new(burst).unwrap_or(one));
        let time = RealTime(clock.clone());
        Self { limiter: RateLimiter::direct_with_clock(quota, time.clone()), time }
    }

    /// Waits until a call may be made.
    pub async fn token(&self) {
        while let Err(not_until) = self.limiter.check() {
            let wait: Duration = not_until.wait_time_from(self.time.now());
            tokio::time::sleep(wait).await;
        }
    }
}

/// What a read came to: a fragment, and why a part of it is missing if one is.
pub(super) type Read = Result<(Fragment, Option<SourceError>), SourceError>;

/// No listing has more pages: Cloud Map holds 1,000 instances a service, Elastic Load Balancing
/// 3,000 target groups a region, Auto Scaling 500 groups; and some answer with less than a page.
const PAGES_AT_MOST: u32 = 200;

/// What an answer that never ends is called.
pub(super) fn endless(operation: &str) -> SourceError {
    let text = format!("more than {PAGES_AT_MOST} pages: the tokens go round in a circle");
    SourceError::new(ErrorKind::Malformed, operation, text)
}

/// The calls of one read.
pub(super) struct Calls<'a> {
    bucket: &'a Bucket,
    made: u32,
}

impl<'a> Calls<'a> {
    pub fn new(bucket: &'a Bucket) -> Self {
        Self { bucket, made: 0 }
    }

    /// Makes one call: waits for a token, counts it.
    pub async fn make<T>(&mut self, call: impl Future<Output = T>) -> T {
        self.bucket.token().await;
        self.made += 1;
        call.await
    }

    /// Waits for a token without making a call: what is then made has a budget of its own.
    pub async fn turn(&self) {
        self.bucket.token().await;
    }

    /// Counts calls that one call led to (further pages).
    pub fn also_made(&mut self, calls: u32) {
        self.made += calls;
    }

    /// Whether so many pages were read that the tokens must go round in a circle.
    pub fn is_endless(&self) -> bool {
        self.made >= PAGES_AT_MOST
    }

    /// How many calls were made.
    pub fn made(&self) -> u32 {
        self.made
    }
}

/// What a listing over several pages came to: everything, or what came before the page that
/// failed. A failure of the first page is a failure of the listing.
pub(super) fn pages<T>(
    items: Vec<T>,
    failed: Option<SourceError>,
    fragment: impl FnOnce(Vec<T>) -> Fragment,
) -> Read {
    match failed {
        Some(error) if items.is_empty() => Err(error),
        missing => Ok((fragment(items), missing)),
    }
}
