//! The clients that a reader reads with. Credentials that are over are got anew: some of the SDK's
//! providers read a file once and never again, so whoever logs in again would be seen by none of them.

use crate::aws::Aws;
use crate::clock::Clock;
use crate::config::AwsSettings;
use crate::core::error::{ErrorKind, SourceError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// While credentials are over, new ones are looked for so often: nobody who has logged in waits long,
/// and whoever hands credentials out is not stormed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The clients in use.
pub(super) struct Connection {
    aws: RwLock<Arc<Aws>>,
    clock: Clock,
    /// How to connect again; without it nobody does.
    settings: Option<AwsSettings>,
    over: AtomicBool,
    /// By real time, when new credentials were last looked for.
    looked: Mutex<Option<Duration>>,
}

impl Connection {
    /// These clients, for good.
    pub(super) fn new(aws: Aws, clock: Clock) -> Self {
        let (aws, looked) = (RwLock::new(Arc::new(aws)), Mutex::new(None));
        Self { aws, clock, settings: None, over: AtomicBool::new(false), looked }
    }

    /// The same, renewed by these settings.
    pub(super) fn renewed_by(mut self, settings: AwsSettings) -> Self {
        self.settings = Some(settings);
        self
    }

    /// The clients for the next read.
    pub(super) async fn aws(&self) -> Arc<Aws> {
        if self.over.load(Ordering::Relaxed) {
            self.renew().await;
        }
        self.current()
    }

    fn current(&self) -> Arc<Aws> {
        Arc::clone(&self.aws.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes what a read came to, and says with an expiry what to do about it.
    pub(super) fn judge(&self, error: SourceError) -> SourceError {
        if error.kind != ErrorKind::Expired {
            return error;
        }
        self.over.store(true, Ordering::Relaxed);
        error.with_remedy(&self.current().remedy)
    }

    /// Connects anew, one at a time; others read on with what there is and are told once more that
    /// it is over.
    async fn renew(&self) {
        let Some(settings) = &self.settings else { return };
        let Ok(mut looked) = self.looked.try_lock() else { return };
        let now = self.clock.real_elapsed();
        if looked.is_some_and(|last| now.saturating_sub(last) < LOOK_EVERY) {
            return;
        }
        *looked = Some(now);
        match Aws::connect(settings).await {
            Ok(aws) => {
                *self.aws.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(aws);
                // Whether these are good the next read tells.
                self.over.store(false, Ordering::Relaxed);
            }
            Err(error) => tracing::info!(%error, "there are no new credentials yet"),
        }
    }
}
