//! The head that every document begins with, `sources` among it.

use super::{SCHEMA, stamp, stamped};
use crate::cli::words;
use crate::cli::world::Round;
use crate::config::Settings;
use crate::core::error::{Dated, ErrorKind, SourceError};
use crate::core::inventory::ScopeStatus;
use crate::core::observed::Status;
use crate::core::source::Source;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What every document says first. `sources -o json` is this alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct Head {
    pub schema: String,
    pub as_of: Timestamp,
    pub account: Option<String>,
    pub region: String,
    pub sources: Vec<SourceView>,
}

/// How one read stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct SourceView {
    pub source: Source,
    pub scope: String,
    pub status: Status,
    pub observed_at: Option<Timestamp>,
    pub error: Option<ErrorView>,
    pub calls: u64,
}

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct ErrorView {
    pub kind: ErrorKind,
    pub operation: String,
    pub message: String,
    pub code: Option<String>,
    pub request_id: Option<String>,
    pub at: Timestamp,
}

impl Head {
    /// The head of what this host knows by itself: nothing was asked of AWS.
    pub fn local(settings: &Settings) -> Self {
        Self {
            schema: SCHEMA.into(),
            as_of: stamp(crate::cli::console::clock(settings).now()),
            account: None,
            region: settings.aws.region.clone().unwrap_or_default(),
            sources: Vec::new(),
        }
    }

    pub fn of(round: &Round) -> Self {
        Self {
            schema: SCHEMA.into(),
            as_of: stamp(round.as_of),
            account: round.account.clone(),
            region: round.region.clone(),
            sources: round.inventory.statuses(round.as_of).iter().map(SourceView::of).collect(),
        }
    }
}

impl SourceView {
    fn of(status: &ScopeStatus) -> Self {
        Self {
            source: status.source,
            scope: words::scope(status),
            status: status.status,
            observed_at: stamped(status.observed_at),
            error: status.error.as_ref().map(ErrorView::of),
            calls: status.calls,
        }
    }
}

impl ErrorView {
    fn of(error: &Dated<SourceError>) -> Self {
        let SourceError { kind, operation, message, code, request_id, .. } = error.value.clone();
        Self { kind, operation, message, code, request_id, at: stamp(error.at) }
    }
}
