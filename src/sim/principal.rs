//! Who calls, and what they may: enough of IAM to prove that something is read-only or asks for
//! no more than it should.

use super::spec::PrincipalSpec;
use axum::http::HeaderMap;

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The access key id; empty when the request is not signed.
    pub(crate) access_key: String,
    /// The name behind it.
    pub(crate) name: String,
}

/// The access key and the service in a request's signature. Signatures themselves are not checked:
/// there is no secret here.
pub(crate) fn signer(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get("authorization")?.to_str().ok()?;
    let (_, rest) = text.split_once("Credential=")?;
    let scope = rest.split([',', ' ']).next()?;
    let mut parts = scope.split('/');
    let key = parts.next()?.to_owned();
    let service = parts.nth(2).unwrap_or_default().to_owned();
    Some((key, service))
}

/// The caller behind an access key.
pub(crate) fn caller(known: &[PrincipalSpec], access_key: &str) -> Caller {
    let name = known.iter().find(|one| one.access_key == access_key).map(|one| one.name.clone());
    Caller { access_key: access_key.to_owned(), name: name.unwrap_or_else(|| "demo".to_owned()) }
}

/// Whether a caller may make a call: it is allowed (everything is, where nothing is said) and not
/// denied.
pub(crate) fn may(known: &[PrincipalSpec], access_key: &str, call: &str) -> bool {
    let Some(one) = known.iter().find(|one| one.access_key == access_key) else { return true };
    let allowed = one.allow.as_ref().is_none_or(|list| list.iter().any(|of| matches(of, call)));
    allowed && !one.deny.iter().any(|of| matches(of, call))
}

/// Whether a text matches a pattern in which `*` stands for anything. IAM compares actions
/// without regard to case.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_actions() {
        for (pattern, text, yes) in [
            ("*", "ec2:DescribeInstances", true),
            ("ec2:*", "ec2:DescribeInstances", true),
            ("ec2:Describe*", "ec2:DescribeInstances", true),
            ("*:Describe*", "ec2:DescribeInstances", true),
            ("*:describeinstances", "ec2:DescribeInstances", true),
            ("ec2:DescribeInstance", "ec2:DescribeInstances", false),
            ("*:Register*", "ec2:DescribeInstances", false),
            ("*Target*Health", "elasticloadbalancing:DescribeTargetHealth", true),
            ("", "ec2:DescribeInstances", false),
        ] {
            assert_eq!(matches(pattern, text), yes, "{pattern} {text}");
        }
    }

    #[test]
    fn who_signed() {
        let mut headers = HeaderMap::new();
        assert_eq!(signer(&headers), None);
        let text = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-west-2/ec2/aws4_request, SignedHeaders=host, Signature=0";
        headers.insert("authorization", text.parse().unwrap());
        assert_eq!(signer(&headers), Some(("AKIDEXAMPLE".into(), "ec2".into())));
    }
}
