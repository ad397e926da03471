//! Looking at the world for a step, while AWS may be throttling.

use super::fence::stop_of;
use super::{Engine, Flow};
use crate::core::error::ErrorKind;
use crate::core::observed::age;
use crate::core::plan::Reads;
use crate::core::source::Scope;
use crate::exec::eye::{Missing, has};
use jiff::Timestamp;
use std::time::Duration;

/// What one look has read counts for so long by real time; a look that takes longer begins again.
const TOGETHER: Duration = Duration::from_secs(60);
/// A look that hears nothing takes as long as so many calls.
const CALLS: f64 = 3.0;

impl Engine {
    /// Looks, and gives up at a deadline: so long after a time. One look may take its time even when
    /// the deadline is near, but throttled reads do not outlast it.
    pub(super) async fn look_within(
        &mut self,
        reads: &Reads,
        (from, limit): (Timestamp, Duration),
    ) -> Flow<Option<Missing>> {
        let rate = self.settings.clock.as_ref().map_or(1.0, |clock| clock.rate);
        let one_look = self.settings.aws.call_timeout.mul_f64(CALLS * rate.max(1.0));
        let left = limit.saturating_sub(age(from, self.clock.now())).max(one_look);
        let clock = self.clock.clone();
        tokio::select! {
            biased;
            looked = self.look(reads) => looked.map(Some),
            () = clock.sleep(left) => Ok(None),
        }
    }

    /// Looks, and deals with what has its own way out: throttled reads wait, credentials that are
    /// over hold the run.
    ///
    /// Only what was throttled is asked again. Asking for everything would never end where a part
    /// of each round is throttled, and would keep the bucket empty.
    pub(super) async fn look(&mut self, reads: &Reads) -> Flow<Missing> {
        let rate = self.settings.clock.as_ref().map_or(1.0, |clock| clock.rate);
        let together = TOGETHER.mul_f64(rate.max(1.0));
        let mut from = self.clock.now();
        let mut missing = self.eye.look(reads).await;
        loop {
            if let Some(error) = has(&missing, &[ErrorKind::Expired, ErrorKind::NoCredentials]) {
                return Err(stop_of(&error, "read the world"));
            }
            let Some(error) = has(&missing, &[ErrorKind::Throttled]) else {
                self.throttled = 0;
                return Ok(missing);
            };
            self.back_off(&error.operation).await?;
            let before = missing.len();
            if age(from, self.clock.now()) > together {
                from = self.clock.now();
                missing = self.eye.look(reads).await;
            } else {
                let again = throttled(&missing, reads);
                missing.retain(|_, error| error.kind != ErrorKind::Throttled);
                missing.extend(self.eye.look(&again).await);
            }
            // Something comes through: the bucket is not empty for good.
            if missing.len() < before {
                self.throttled = self.throttled.min(1);
            }
        }
    }
}

/// What is to be asked again: what was throttled, and the nodes, whose samples must not have gaps.
fn throttled(missing: &Missing, reads: &Reads) -> Reads {
    let mut again = Reads { probes: reads.probes.clone(), ..Reads::default() };
    let throttled = missing.iter().filter(|(_, error)| error.kind == ErrorKind::Throttled);
    for (scope, _) in throttled {
        match scope {
            Scope::Instances(_) => again.instances.clone_from(&reads.instances),
            scope => {
                again.scopes.insert(scope.clone());
            }
        }
    }
    again
}
