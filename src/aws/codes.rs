//! What AWS's error codes mean. The protocols and services disagree on the words (facts of each
//! API's "Common errors" page and the SDKs' own lists), so every word seen is here, once.

use crate::core::error::ErrorKind;

/// Refused because of the rate.
const THROTTLED: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RateExceeded",
    "RateLimitExceeded",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
];

/// Known credentials that may not do this. `OptInRequired` is an account without the service or
/// the region.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "NotAuthorized",
    "OptInRequired",
    "UnauthorizedAccess",
    "UnauthorizedOperation",
];

/// Credentials whose time is over. AWS answers an access key or session token that it no longer
/// knows (rotated, deleted, expired and swept) with the last five, so they count as expired: the
/// remedy, logging in again, is the same.
const EXPIRED: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "TokenRefreshRequired",
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "UnrecognizedClientException",
];

/// Credentials that are none: a secret that does not belong to its key (mistyped, or this
/// machine's clock is off), or nothing signed at all.
const NO_CREDENTIALS: &[&str] = &[
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
];

/// The endpoint has no such call.
const UNSUPPORTED: &[&str] = &[
    "ActionNotSupported",
    "InvalidAction",
    "NotImplemented",
    "NotImplementedError",
    "NotImplementedException",
    "UnknownOperationException",
    "UnsupportedOperation",
    "UnsupportedOperationException",
];

/// What a code means; a code that is not known is a plain failure.
pub(super) fn kind(code: &str) -> ErrorKind {
    // EC2's SOAP-era codes carry the guilty side: `Client.UnauthorizedOperation`.
    let code = code.strip_prefix("Client.").or(code.strip_prefix("Server.")).unwrap_or(code);
    let table = [
        (THROTTLED, ErrorKind::Throttled),
        (DENIED, ErrorKind::Denied),
        (EXPIRED, ErrorKind::Expired),
        (NO_CREDENTIALS, ErrorKind::NoCredentials),
        (UNSUPPORTED, ErrorKind::Unsupported),
    ];
    let known = table.iter().find(|(codes, _)| codes.contains(&code));
    match known {
        Some((_, kind)) => *kind,
        None if is_not_found(code) => ErrorKind::NotFound,
        None => ErrorKind::Failed,
    }
}

/// `ServiceNotFound`, `TargetGroupNotFound`, `ResourceNotFoundException`,
/// `InvalidInstanceID.NotFound`.
fn is_not_found(code: &str) -> bool {
    code.strip_suffix("Exception").unwrap_or(code).ends_with("NotFound")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_its_own_words() {
        let cases = [
            ("ThrottlingException", ErrorKind::Throttled),
            ("Throttling", ErrorKind::Throttled),
            ("RateExceeded", ErrorKind::Throttled),
            ("RequestLimitExceeded", ErrorKind::Throttled),
            ("AccessDeniedException", ErrorKind::Denied),
            ("Client.UnauthorizedOperation", ErrorKind::Denied),
            ("ExpiredTokenException", ErrorKind::Expired),
            ("UnrecognizedClientException", ErrorKind::Expired),
            ("SignatureDoesNotMatch", ErrorKind::NoCredentials),
            ("TargetGroupNotFound", ErrorKind::NotFound),
            ("TargetGroupNotFoundException", ErrorKind::NotFound),
            ("InvalidInstanceID.NotFound", ErrorKind::NotFound),
            ("InvalidAction", ErrorKind::Unsupported),
            ("ValidationError", ErrorKind::Failed),
            ("HealthUnavailable", ErrorKind::Failed),
            ("", ErrorKind::Failed),
        ];
        for (code, expected) in cases {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
