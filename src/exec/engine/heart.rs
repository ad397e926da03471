//! The heartbeat: what the locks' records say of this run, written again and again beside the steps,
//! so that neither a throttled read nor a long wait makes the run look dead to another host.

use crate::aws::Aws;
use crate::clock::Clock;
use crate::core::error::{ErrorKind, SourceError};
use crate::core::record::{Attributes, LockRecord};
use crate::core::run::rules::{HEARTBEAT, beat_allows};
use crate::exec::lock;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// In a fast world one heartbeat must still not follow upon the other.
const HEARTBEAT_REAL: Duration = Duration::from_millis(300);
/// One that failed is written again after this part of the time.
const SOONER: u32 = 3;

/// After so many failures in a row, 90 s of them, the run counts as dead on other hosts.
const COUNTS_AS_DEAD: u32 = 18;
/// From then on each pause is twice as long as the one before, up to so many times: a run that holds
/// while its endpoint is gone for hours asks for it a few times an hour.
const DOUBLED_AT_MOST: u32 = 6;

/// How long until the next heartbeat, after so many that failed.
fn pause(every: Duration, failed: u32) -> Duration {
    match failed {
        0 => every,
        1..=COUNTS_AS_DEAD => every / SOONER,
        more => every.saturating_mul(1 << (more - COUNTS_AS_DEAD).min(DOUBLED_AT_MOST)),
    }
}

/// The heart of a run's process.
pub(super) struct Heart {
    aws: Aws,
    clock: Clock,
    every: Duration,
    tells: Mutex<Tells>,
    /// What each lock's record says already, while its heart beats in this process. Held for a whole
    /// beat: two at once would not know what the other has written.
    written: tokio::sync::Mutex<BTreeMap<String, Attributes>>,
}

/// What is to be told, and of which locks.
#[derive(Default)]
struct Tells {
    tokens: Vec<String>,
    record: LockRecord,
    beaten: BTreeSet<String>,
    /// When the last beat began that every lock took, by the clock of real time.
    accepted: Option<Duration>,
    gone: BTreeSet<String>,
}

impl Heart {
    /// A heart that does not beat yet; `rate` is how many times as fast as real time the clock runs.
    pub fn new(aws: &Aws, clock: &Clock, rate: f64) -> Self {
        Self {
            aws: aws.clone(),
            clock: clock.clone(),
            every: HEARTBEAT.max(HEARTBEAT_REAL.mul_f64(rate.max(1.0))),
            tells: Mutex::default(),
            written: tokio::sync::Mutex::default(),
        }
    }

    /// What the next heartbeat says.
    pub fn tell(&self, tokens: Vec<String>, record: LockRecord) {
        let mut tells = self.tells();
        tells.tokens = tokens;
        tells.record = record;
    }

    /// Whether each lock has had a heartbeat of this process.
    pub fn has_beaten(&self) -> bool {
        let tells = self.tells();
        tells.tokens.iter().all(|token| tells.beaten.contains(token))
    }

    /// Whether other hosts have heard of this run lately: one that they may take for dead sends
    /// nothing. In a world faster than real time, too, these are real seconds.
    pub fn is_heard(&self) -> bool {
        let (now, tells) = (self.clock.real_elapsed(), self.tells());
        let lately = |at: Duration| beat_allows(now.saturating_sub(at));
        tells.tokens.is_empty() || tells.accepted.is_some_and(lately)
    }

    /// Beats once.
    pub async fn beat(&self) -> Result<(), SourceError> {
        let mut written = self.written.lock().await;
        let began = self.clock.real_elapsed();
        let tokens = self.tells().tokens.clone();
        written.retain(|token, _| tokens.contains(token));
        for token in tokens {
            if self.tells().gone.contains(&token) {
                continue;
            }
            let beaten = self.write(&token, &mut written).await;
            let mut tells = self.tells();
            match beaten {
                Ok(()) => drop(tells.beaten.insert(token)),
                Err(error) => {
                    // The fence says what follows from that.
                    if error.kind == ErrorKind::NotFound {
                        tells.gone.insert(token);
                    }
                    return Err(error);
                }
            }
        }
        self.tells().accepted = Some(began);
        Ok(())
    }

    async fn write(
        &self,
        token: &str,
        written: &mut BTreeMap<String, Attributes>,
    ) -> Result<(), SourceError> {
        // A process before this one may have said more than is so now.
        let had = match written.get(token) {
            Some(had) => had.clone(),
            None => lock::attributes(&self.aws, token).await?,
        };
        let record = self.tells().record.clone();
        let says = LockRecord { heartbeat: Some(self.clock.now()), ..record }.attributes();
        let said = lock::say(&self.aws, token, &had, &says).await;
        match said {
            Ok(()) => drop(written.insert(token.to_owned(), says)),
            // How much of it arrived is read before the next.
            Err(_) => drop(written.remove(token)),
        }
        said
    }

    /// Beats for as long as it is polled.
    pub async fn keep_beating(&self) -> Infallible {
        let mut failed = 0;
        loop {
            self.clock.sleep(pause(self.every, failed)).await;
            failed = match self.beat().await {
                Ok(()) => 0,
                Err(error) => {
                    tracing::warn!(%error, "a heartbeat could not be written");
                    failed + 1
                }
            };
        }
    }

    fn tells(&self) -> std::sync::MutexGuard<'_, Tells> {
        self.tells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_is_gone_for_hours_is_asked_ever_more_rarely() {
        let pauses =
            [0, 1, 18, 19, 20, 24, 25, 1000].map(|failed| pause(HEARTBEAT, failed).as_secs());
        assert_eq!(pauses, [15, 5, 5, 30, 60, 960, 960, 960]);
    }
}
