//! Typed identifiers. Everything in the product is keyed by one of these, never by a row or an
//! index. They are cheap to clone (`Arc<str>`), because the same id stands in many places of an
//! estate of 10,000 nodes.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as AWS writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl<S: AsRef<str>> From<S> for $name {
            fn from(text: S) -> Self {
                Self(Arc::from(text.as_ref()))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    )*};
}

ids! {
    /// The name of a fleet: the value of the STACK (or STACK_ID) attribute and tag.
    StackId
    /// An EC2 instance id, or the id under which something else is known (see [`InstanceId::is_ec2`]).
    InstanceId
    /// A Cloud Map service id (`srv-…`).
    ServiceId
    /// A Cloud Map namespace id (`ns-…`).
    NamespaceId
    /// An Auto Scaling group's name, unique in an account and region.
    GroupName
    /// The ARN of an ELBv2 load balancer.
    LoadBalancerArn
    /// The ARN of an ELBv2 listener.
    ListenerArn
    /// The ARN of an ELBv2 target group.
    TargetGroupArn
    /// An availability zone's name (`us-west-2a`).
    Zone
    /// A registry service's name in DNS, `loki.glt.internal`.
    DnsName
    /// A product that runs on a node and is probed: `grafana`, `loki`, `tempo`, `healthz`, …
    Product
}

impl InstanceId {
    /// Whether the id has the shape of an EC2 instance id: `i-` and 8 or 17 hexadecimal digits
    /// (EC2 User Guide, "Resource IDs"). Such an id names one machine for ever, so it is never
    /// joined to anything by IP address: addresses are reused, ids are not.
    pub fn is_ec2(&self) -> bool {
        self.as_str().strip_prefix("i-").is_some_and(|rest| {
            matches!(rest.len(), 8 | 17) && rest.bytes().all(|b| b.is_ascii_hexdigit())
        })
    }
}

/// The part of an ELBv2 ARN that people call its name: `…:targetgroup/NAME/HASH`,
/// `…:loadbalancer/net/NAME/HASH`. An ARN of another shape is its own name.
pub fn arn_name(arn: &str) -> &str {
    let mut parts = arn.rsplit('/');
    let hash = parts.next();
    match (hash, parts.next()) {
        (Some(_), Some(name)) => name,
        _ => arn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_an_ec2_id() {
        for yes in ["i-0123abcd", "i-0123456789abcdef0"] {
            assert!(InstanceId::from(yes).is_ec2(), "{yes}");
        }
        for no in ["", "i-", "node-1", "i-0123456789abcdeg0", "i-0123", "127.0.0.1"] {
            assert!(!InstanceId::from(no).is_ec2(), "{no}");
        }
    }

    #[test]
    fn names_in_arns() {
        let tg = "arn:aws:elasticloadbalancing:us-west-2:1:targetgroup/blue-loki/6d0e";
        assert_eq!(arn_name(tg), "blue-loki");
        let lb = "arn:aws:elasticloadbalancing:us-west-2:1:loadbalancer/net/front/50dc";
        assert_eq!(arn_name(lb), "front");
        assert_eq!(arn_name("odd"), "odd");
    }
}
