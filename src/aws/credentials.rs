//! Credentials: resolved once when connecting, so that their absence is said once, and what their
//! failures mean.

use super::errors::{causes, chain};
use crate::core::error::{ErrorKind, SourceError};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the first resolution may take. The chain can ask the instance metadata service (four
/// attempts of one second), an SSO endpoint, or a process that asks a person for a code.
const FIRST_RESOLUTION_LIMIT: Duration = Duration::from_secs(30);

/// The name under which failures to get credentials are reported.
const OPERATION: &str = "credentials";

/// The SDK's chain, with what it answered when connecting kept for the first call: a credential
/// process may ask a person, and must not ask twice.
#[derive(Debug)]
struct Primed {
    first: Mutex<Option<Credentials>>,
    chain: SharedCredentialsProvider,
}

impl ProvideCredentials for Primed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        match first {
            Some(credentials) => future::ProvideCredentials::ready(Ok(credentials)),
            None => self.chain.provide_credentials(),
        }
    }
}

/// Asks the chain, and gives back a chain that remembers the answer for one call.
///
/// # Errors
/// The chain's own error, or that it took too long.
pub(super) async fn resolve(
    chain: SharedCredentialsProvider,
) -> Result<SharedCredentialsProvider, CredentialsError> {
    let first = tokio::time::timeout(FIRST_RESOLUTION_LIMIT, chain.provide_credentials())
        .await
        .unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(FIRST_RESOLUTION_LIMIT)))?;
    Ok(SharedCredentialsProvider::new(Primed { first: Mutex::new(Some(first)), chain }))
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

/// The failure as the sources say failures.
pub(super) fn source_error(error: &CredentialsError) -> SourceError {
    // Of an empty chain the SDK first says that its provider "was not enabled", which is no help.
    let message = match (error, error.source()) {
        (CredentialsError::CredentialsNotLoaded(_), Some(cause)) => chain(cause),
        _ => chain(error),
    };
    SourceError::new(kind(error), OPERATION, message)
}
