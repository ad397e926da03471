//! The log: a file or nothing, never the terminal.

use super::{ExitCode, Failure};
use crate::config::Settings;
use std::fs::OpenOptions;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

/// Our own words in detail; of libraries only what went wrong (the SDK's own debug output holds
/// whole requests).
const FILTER: &str = "warn,quarterdeck=debug";

/// Starts logging when a file is configured; the log is complete once the guard is dropped.
pub(super) fn start(settings: &Settings) -> Result<Option<WorkerGuard>, Failure> {
    let Some(path) = &settings.log else { return Ok(None) };
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
        let next = "Name a file that can be written with --log, or leave it out.";
        Failure::new(ExitCode::Usage, format!("open the log {}", path.display()), &error, next)
    })?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(FILTER))
        .with_ansi(false)
        .with_writer(writer)
        .finish();
    // Only a process that logs already refuses, and then its log is the one wanted.
    let _ = tracing::subscriber::set_global_default(subscriber);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
    Ok(Some(guard))
}
