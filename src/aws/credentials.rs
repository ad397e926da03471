//! Credentials: resolved once when connecting, so that their absence is said once, and what their
//! failures mean.

use super::errors::{causes, chain};
use crate::core::error::{ErrorKind, SourceError};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, oneshot};

/// How long the first resolution may take. The chain can ask the instance metadata service (four
/// attempts of one second), an SSO endpoint, or a process that asks a person for a code.
const FIRST_RESOLUTION_LIMIT: Duration = Duration::from_secs(30);

/// The name under which failures to get credentials are reported.
const OPERATION: &str = "credentials";

/// The SDK's chain, with a place for an answer that nobody has claimed yet.
///
/// What the chain answered when connecting is kept there for the first call: a credential process
/// may ask a person, and must not ask twice. And a renewal runs on when the call that wanted it
/// runs into its time limit, and its answer is kept for the next call: a renewal that takes longer
/// than one call would otherwise be given up and begun anew for ever.
#[derive(Debug)]
struct Primed {
    unclaimed: Arc<Mutex<Option<Credentials>>>,
    chain: SharedCredentialsProvider,
}

impl Primed {
    async fn claim(&self) -> Result<Credentials, CredentialsError> {
        let (kept, chain) = (self.unclaimed.clone(), self.chain.clone());
        let (give, claimed) = oneshot::channel();
        tokio::spawn(async move {
            let mut kept = kept.lock().await;
            let answer = match kept.take() {
                Some(credentials) => Ok(credentials),
                None => chain.provide_credentials().await,
            };
            if let Err(Ok(credentials)) = give.send(answer) {
                *kept = Some(credentials);
            }
        });
        let gone = |_| Err(CredentialsError::unhandled("the load was abandoned"));
        claimed.await.unwrap_or_else(gone)
    }
}

impl ProvideCredentials for Primed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.claim())
    }
}

/// Asks the chain, and gives back a chain that remembers the answer for one call.
///
/// # Errors
/// The chain's own error, or that it took too long.
pub(super) async fn resolve(
    chain: SharedCredentialsProvider,
) -> Result<(SharedCredentialsProvider, Lasting), CredentialsError> {
    let first = tokio::time::timeout(FIRST_RESOLUTION_LIMIT, chain.provide_credentials())
        .await
        .unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(FIRST_RESOLUTION_LIMIT)))?;
    let lasting = match (first.session_token(), first.expiry()) {
        (None, None) => Lasting::Forever,
        (_, Some(_)) => Lasting::Renewed,
        (Some(_), None) => Lasting::Unknown,
    };
    let unclaimed = Arc::new(Mutex::new(Some(first)));
    Ok((SharedCredentialsProvider::new(Primed { unclaimed, chain }), lasting))
}

/// How long credentials last, as far as they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// Keys without a session: until somebody takes them away.
    Forever,
    /// Whoever handed them out said until when, and is asked for new ones by then.
    Renewed,
    /// A session that does not say when it ends.
    Unknown,
}

/// What a failure to get credentials means.
pub(super) fn kind(error: &CredentialsError) -> ErrorKind {
    match error {
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
            ErrorKind::NoCredentials
        }
        CredentialsError::ProviderTimedOut(_) => ErrorKind::TimedOut,
        _ => provider_kind(error),
    }
}

/// A provider of the chain was asked and failed. Its types are private to the SDK, its words are
/// not. An SSO token that is not there, cannot be read or is refused has one remedy: log in.
fn provider_kind(error: &CredentialsError) -> ErrorKind {
    let said: Vec<String> = causes(error).map(|cause| cause.to_string().to_lowercase()).collect();
    let says =
        |words: &[&str]| said.iter().any(|line| words.iter().any(|word| line.contains(word)));
    if says(&["expired", "sso token", "unauthorizedexception"]) {
        ErrorKind::Expired
    } else if says(&["accessdenied", "access denied", "not authorized"]) {
        ErrorKind::Denied
    } else if says(&["timed out", "timeout"]) {
        ErrorKind::TimedOut
    } else if says(&["dispatch failure", "io error", "connection refused", "dns error"]) {
        ErrorKind::Unreachable
    } else {
        ErrorKind::NoCredentials
    }
}

/// Whether the profile's own settings are at fault. A profile that refers to one that is not there
/// comes as "not loaded", as if it had been skipped; only its words tell.
pub(super) fn is_profile_fault(error: &CredentialsError) -> bool {
    match error {
        CredentialsError::InvalidConfiguration(_) => true,
        CredentialsError::CredentialsNotLoaded(_) => {
            causes(error).any(|cause| cause.to_string().contains("was not defined"))
        }
        _ => false,
    }
}

/// The failure as the sources say failures.
pub(super) fn source_error(error: &CredentialsError) -> SourceError {
    // Of an empty chain the SDK first says that its provider "was not enabled", which is no help.
    let message = match (error, error.source()) {
        (CredentialsError::CredentialsNotLoaded(_), Some(cause)) => chain(cause),
        _ => chain(error),
    };
    SourceError::new(kind(error), OPERATION, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::time::timeout;

    /// Hands out a numbered key after a while.
    #[derive(Debug)]
    struct Slow(Arc<AtomicU32>, Duration);

    impl ProvideCredentials for Slow {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(async {
                let turn = self.0.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::time::sleep(self.1).await;
                Ok(Credentials::new(format!("KEY{turn}"), "s", None, None, "test"))
            })
        }
    }

    async fn key(provider: &SharedCredentialsProvider) -> String {
        provider.provide_credentials().await.unwrap().access_key_id().to_owned()
    }

    fn slow(seconds: u64) -> (Arc<AtomicU32>, SharedCredentialsProvider) {
        let asked = Arc::<AtomicU32>::default();
        let provider = Slow(asked.clone(), Duration::from_secs(seconds));
        (asked, SharedCredentialsProvider::new(provider))
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_serves_the_first_call() {
        let (asked, chain) = slow(1);
        let (provider, _) = resolve(chain).await.unwrap();
        assert_eq!(key(&provider).await, "KEY1");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(key(&provider).await, "KEY2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_outlives_the_call_that_wanted_it() {
        let (asked, chain) = slow(25);
        let (provider, _) = resolve(chain).await.unwrap();
        key(&provider).await;
        for _ in 0..2 {
            let limit = Duration::from_secs(10);
            assert!(timeout(limit, provider.provide_credentials()).await.is_err());
        }
        assert_eq!(key(&provider).await, "KEY2");
        assert_eq!(asked.load(Ordering::SeqCst), 2, "one renewal, not one a call");
    }

    #[tokio::test(start_paused = true)]
    async fn a_chain_that_never_answers() {
        let (_, chain) = slow(3600);
        let error = resolve(chain).await.unwrap_err();
        assert_eq!(source_error(&error).kind, ErrorKind::TimedOut);
    }

    #[test]
    fn what_failures_mean() {
        let provider = |words: &str| CredentialsError::provider_error(words.to_owned());
        let cases = [
            (CredentialsError::not_loaded("x"), ErrorKind::NoCredentials),
            (CredentialsError::invalid_configuration("x"), ErrorKind::NoCredentials),
            (CredentialsError::provider_timed_out(Duration::ZERO), ErrorKind::TimedOut),
            (provider("the SSO token has expired"), ErrorKind::Expired),
            (provider("failed to load the cached SSO token"), ErrorKind::Expired),
            (provider("UnauthorizedException: Session token not found"), ErrorKind::Expired),
            (provider("AccessDenied: sts:AssumeRole"), ErrorKind::Denied),
            (provider("dispatch failure"), ErrorKind::Unreachable),
            (provider("exit status: 1"), ErrorKind::NoCredentials),
        ];
        for (error, expected) in cases {
            assert_eq!(kind(&error), expected, "{error:?}");
        }
    }
}
