//! What the answer to a mutation means for the world.

use crate::core::error::{ErrorKind, SourceError};

/// What is known of the world after a mutation was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It was carried out.
    Done,
    /// What it asks for was so already: nothing is left to send.
    AlreadySo,
    /// It was refused and changed nothing.
    NotDone,
    /// It was refused for its rate, and changed nothing. Never a sign that something is absent.
    Throttled,
    /// It may have been carried out or not: the world is read and compared before anything more is
    /// sent.
    Unknown,
}

/// How AWS refused a call, or why no answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// The kind of error.
    pub kind: ErrorKind,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The service's error code, where it gave one.
    pub code: Option<&'a str>,
}

impl<'a> Refusal<'a> {
    /// An error whose status is not known.
    pub fn of(error: &'a SourceError) -> Self {
        Self { kind: error.kind, status: None, code: error.code.as_deref() }
    }
}

/// Codes with which a service says that it did nothing, beside those that have a kind of their own.
/// A code that is not listed is not known, and what it did is not known either.
const DID_NOTHING: &[&str] = &[
    "DuplicateRequest",
    "DuplicateTargetGroupName",
    "IncompatibleProtocols",
    "InstanceRefreshInProgress",
    "InvalidConfigurationRequest",
    "InvalidInput",
    "InvalidLoadBalancerAction",
    "InvalidTarget",
    "OperationNotPermitted",
    "ResourceContention",
    "ResourceInUse",
    "ResourceLimitExceeded",
    "ScalingActivityInProgress",
    "ServiceAlreadyExists",
    "TooManyActions",
    "TooManyRegistrationsForTargetId",
    "TooManyTargets",
    "TooManyUniqueTargetGroupsPerLoadBalancer",
    "ValidationError",
    "ValidationException",
];

/// What a refusal means. `is_removal`: the call takes something away, so that "not found" is its
/// goal. (Read by itself "not found" of anything else is a plain refusal.)
pub fn meaning(refusal: Refusal<'_>, is_removal: bool) -> Answer {
    if refusal.kind == ErrorKind::Throttled {
        return Answer::Throttled;
    }
    if refusal.status.is_some_and(|status| status >= 500) {
        return Answer::Unknown;
    }
    match refusal.kind {
        ErrorKind::NotFound if is_removal => Answer::AlreadySo,
        ErrorKind::NotFound
        | ErrorKind::Denied
        | ErrorKind::Expired
        | ErrorKind::NoCredentials
        | ErrorKind::Unsupported
        | ErrorKind::Refused => Answer::NotDone,
        ErrorKind::Failed if did_nothing(refusal.code) => Answer::NotDone,
        ErrorKind::Failed
        | ErrorKind::TimedOut
        | ErrorKind::Truncated
        | ErrorKind::Malformed
        | ErrorKind::Unreachable => Answer::Unknown,
        ErrorKind::Throttled => Answer::Throttled,
    }
}

fn did_nothing(code: Option<&str>) -> bool {
    let code = code.unwrap_or_default();
    let code = code.rsplit('.').next().unwrap_or(code);
    let bare = |text: &'static str| text.strip_suffix("Exception").unwrap_or(text);
    let code = code.strip_suffix("Fault").unwrap_or(code);
    let code = code.strip_suffix("Exception").unwrap_or(code);
    DID_NOTHING.iter().any(|known| bare(known) == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: ErrorKind, status: u16, code: &str, is_removal: bool) -> Answer {
        let status = (status > 0).then_some(status);
        let code = (!code.is_empty()).then_some(code);
        meaning(Refusal { kind, status, code }, is_removal)
    }

    #[test]
    fn what_each_refusal_means() {
        use ErrorKind::*;
        let rows = [
            (Throttled, 400, "ThrottlingException", false, Answer::Throttled),
            (Throttled, 503, "SlowDown", false, Answer::Throttled),
            (Failed, 500, "InternalFailure", false, Answer::Unknown),
            (Failed, 502, "", false, Answer::Unknown),
            (NotFound, 500, "ServiceNotFound", true, Answer::Unknown),
            (Denied, 403, "AccessDenied", false, Answer::NotDone),
            (NotFound, 400, "InstanceNotFound", true, Answer::AlreadySo),
            (NotFound, 400, "ListenerNotFound", false, Answer::NotDone),
            (Failed, 400, "ValidationError", false, Answer::NotDone),
            (Failed, 400, "ScalingActivityInProgressFault", false, Answer::NotDone),
            (Failed, 400, "ResourceInUseException", false, Answer::NotDone),
            (Failed, 400, "SomethingNew", false, Answer::Unknown),
            (Failed, 0, "", false, Answer::Unknown),
            (TimedOut, 0, "", true, Answer::Unknown),
            (Truncated, 200, "", false, Answer::Unknown),
            (Malformed, 200, "", false, Answer::Unknown),
            (Unreachable, 0, "", false, Answer::Unknown),
            (Expired, 403, "ExpiredToken", false, Answer::NotDone),
        ];
        for (kind, status, code, is_removal, expected) in rows {
            let meant = answer(kind, status, code, is_removal);
            assert_eq!(meant, expected, "{kind} {status} {code} {is_removal}");
        }
    }
}
