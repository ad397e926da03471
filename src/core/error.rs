//! Why a read failed: one closed list of kinds, so that every source tells them apart in the same
//! words and a screen, a script and a guard can act on them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What went wrong with a read, from the operator's point of view.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ErrorKind {
    /// The service refused because of the rate (`ThrottlingException`, `Throttling`,
    /// `RequestLimitExceeded`, `RateExceeded`, …).
    Throttled,
    /// These credentials may not make this call.
    Denied,
    /// The credentials were good once.
    Expired,
    /// There are no credentials, or they could not be loaded.
    NoCredentials,
    /// No connection: DNS, refused, no route, TLS.
    Unreachable,
    /// A connection, but no (complete) answer within the limit.
    TimedOut,
    /// The connection ended in the middle of the answer.
    Truncated,
    /// An answer that is not what the API promises (HTML, half a document, missing fields).
    Malformed,
    /// This endpoint does not implement the call.
    Unsupported,
    /// What was asked about does not exist (any more).
    NotFound,
    /// This program refused to make the call (not on the read list).
    Refused,
    /// The service answered with an error that is none of the above.
    Failed,
}

impl ErrorKind {
    /// What the operator can do next, as a sentence.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::Throttled => "Wait: reads back off by themselves. Other tools share this bucket.",
            Self::Denied => {
                "Ask for the permission that the message names; `quarterdeck policy` prints all that are needed."
            }
            Self::Expired => "Log in again (`aws sso login`, or renew the session token).",
            Self::NoCredentials => {
                "Set AWS_PROFILE or --profile, or export credentials; `quarterdeck doctor` shows what was tried."
            }
            Self::Unreachable => {
                "Check the region, the endpoint URL and the way out of this network."
            }
            Self::TimedOut => "Try again, or raise --timeout; check the way out of this network.",
            Self::Truncated | Self::Malformed => {
                "Something between here and AWS answers in its place: check proxies and the endpoint URL."
            }
            Self::Unsupported => "Nothing to do: this endpoint has no such call.",
            Self::NotFound => "It may just have been deleted; the next round will tell.",
            Self::Refused => "This is a fault of quarterdeck: please report it.",
            Self::Failed => "Try again; if it stays, the request id helps AWS support.",
        }
    }
}

/// A failed read. `message` is a lowercase fragment that completes "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{operation}: {kind}: {message}")]
pub struct SourceError {
    /// What it means.
    pub kind: ErrorKind,
    /// The API operation, `DescribeTargetHealth`.
    pub operation: String,
    /// The service's own words, or the chain of causes.
    pub message: String,
    /// The service's error code, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The service's request id, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The HTTP status, where it was a server's fault (500 and above).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl SourceError {
    /// An error with neither code nor request id.
    pub fn new(kind: ErrorKind, operation: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            operation: operation.into(),
            message: message.into(),
            code: None,
            request_id: None,
            status: None,
        }
    }
}

impl SourceError {
    /// The same, beginning with what is to be done, where credentials are over.
    #[must_use]
    pub fn with_remedy(mut self, remedy: &str) -> Self {
        if self.kind == ErrorKind::Expired && !remedy.is_empty() && !self.message.contains(remedy) {
            self.message = format!("{remedy} ({})", self.message);
        }
        self
    }
}

/// A value and when it was so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated<T> {
    /// When it was observed.
    pub at: Timestamp,
    /// What was observed.
    pub value: T,
}
