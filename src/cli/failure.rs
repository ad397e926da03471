//! A failure as the operator reads it: what failed, the chain of causes, the next step. Never a
//! backtrace: those are for panics, which are our own faults.

use super::ExitCode;
use super::table::clean;
use crate::config::ConfigError;
use crate::core::error::{ErrorKind, SourceError};
use std::error::Error;
use std::fmt;

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A fragment that completes "failed to …".
    pub what: String,
    /// The causes, the outermost first.
    pub causes: Vec<String>,
    /// What to do next, as a sentence.
    pub next: String,
    /// How the program ends.
    pub code: ExitCode,
}

impl Failure {
    /// A failure with its chain of causes.
    pub fn new(
        code: ExitCode,
        what: impl Into<String>,
        cause: &(dyn Error + 'static),
        next: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), causes: chain(cause), next: next.into(), code }
    }

    /// A failed read of AWS: whatever the reason, data is missing; only our own refusal to call is
    /// a fault of ours.
    pub fn of_source(what: impl Into<String>, error: &SourceError) -> Self {
        let code = match error.kind {
            ErrorKind::Refused => ExitCode::Failed,
            _ => ExitCode::LacksData,
        };
        Self::new(code, what, error, error.kind.next_step())
    }
}

/// An error and what caused it, each said once: many errors repeat their cause in their own text.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if causes.last().is_none_or(|last| !last.contains(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(ExitCode::Usage, "read the configuration", &error, error.next_step())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: failed to {}", self.what)?;
        for cause in &self.causes {
            // A cause may be what somebody else's server said: one line, and nothing to obey.
            let line = cause.split_whitespace().collect::<Vec<_>>().join(" ");
            writeln!(f, "  cause: {}", clean(&line))?;
        }
        writeln!(f, "  next: {}", self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer: {0}")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_cause_is_said_once_and_on_one_line() {
        let inner = std::io::Error::other("in\u{1b}[2J\n  two lines");
        let failure = Failure::new(ExitCode::Failed, "do it", &Outer(inner), "Try again.");
        assert_eq!(
            failure.to_string(),
            "error: failed to do it\n  cause: outer: in\u{fffd}[2J two lines\n  next: Try again.\n"
        );
    }

    #[test]
    fn a_failed_read_lacks_data_and_knows_its_next_step() {
        let expired = SourceError::new(ErrorKind::Expired, "GetCallerIdentity", "token expired");
        let failure = Failure::of_source("read AWS", &expired);
        assert_eq!(failure.code, ExitCode::LacksData);
        assert_eq!(failure.next, ErrorKind::Expired.next_step());
        let refused = SourceError::new(ErrorKind::Refused, "DeleteService", "not on the list");
        assert_eq!(Failure::of_source("read AWS", &refused).code, ExitCode::Failed);
    }
}
