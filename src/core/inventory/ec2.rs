//! EC2's and STS's words: instances with addresses and states, and who we are.

use crate::core::ids::{InstanceId, Zone};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;

/// An instance as DescribeInstances gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ec2Instance {
    /// The instance id.
    pub id: InstanceId,
    /// The instance state's name: `pending`, `running`, `stopping`, `terminated`, …
    pub state: Arc<str>,
    /// The primary private address; a terminated instance has none.
    pub private_ip: Option<IpAddr>,
    /// Its zone.
    pub zone: Option<Zone>,
    /// LaunchTime.
    pub launched: Option<Timestamp>,
    /// ImageId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Arc<str>>,
}

impl Ec2Instance {
    /// Whether EC2 says that this instance exists no more.
    pub fn is_gone(&self) -> bool {
        matches!(&*self.state, "terminated" | "shutting-down")
    }
}

/// Who the credentials belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The account number.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
}
