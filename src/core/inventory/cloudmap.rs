//! Cloud Map's words: namespaces, services, members.

use crate::core::ids::{InstanceId, NamespaceId, ServiceId, StackId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The attributes and tags that name a node's fleet, in the order of preference.
pub const STACK_KEYS: [&str; 2] = ["STACK", "STACK_ID"];

/// A Cloud Map namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Its id.
    pub id: NamespaceId,
    /// Its name, which for a private DNS namespace is the zone's.
    pub name: String,
    /// Its HTTP name, which DiscoverInstances(Revision) wants; equals the name unless AWS says otherwise.
    pub http_name: String,
    /// Whether its services have names in DNS; a namespace for HTTP alone has none.
    #[serde(default)]
    pub has_dns: bool,
}

/// A Cloud Map service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryService {
    /// Its id.
    pub id: ServiceId,
    /// Its name.
    pub name: Arc<str>,
    /// The namespace it lives in.
    pub namespace: NamespaceId,
    /// Whether its members have custom health (HealthCheckCustomConfig).
    pub custom_health: bool,
    /// What it was described as when it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Arc<str>>,
    /// When it was created, by AWS's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// A registered instance of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The id it was registered under; by our convention the EC2 instance id.
    pub id: InstanceId,
    /// All attributes as registered.
    pub attributes: Arc<BTreeMap<String, String>>,
    /// The fleet it says it belongs to: STACK, else STACK_ID.
    pub stack: Option<StackId>,
    /// The account that registered it, where Cloud Map says so (shared namespaces).
    pub account: Option<String>,
}

impl Member {
    /// An entry as it was registered.
    pub fn new(id: InstanceId, attributes: BTreeMap<String, String>) -> Self {
        let stack = STACK_KEYS.iter().find_map(|key| attributes.get(*key)).map(StackId::from);
        Self { id, attributes: Arc::new(attributes), stack, account: None }
    }

    /// The registered address, as written.
    pub fn ipv4(&self) -> Option<&str> {
        self.attributes.get("AWS_INSTANCE_IPV4").map(String::as_str)
    }

    /// Both keys, when both are there and name different fleets.
    pub fn contradicting_stacks(&self) -> Option<(&str, &str)> {
        let [first, second] = STACK_KEYS.map(|key| self.attributes.get(key));
        match (first, second) {
            (Some(first), Some(second)) if first != second => Some((first, second)),
            _ => None,
        }
    }
}

/// Custom health of a member: Cloud Map's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MemberHealth {
    /// Answered in DNS.
    Healthy,
    /// Left out of DNS.
    Unhealthy,
    /// Not known yet.
    Unknown,
}
