//! What our own requests to the nodes found.

use crate::core::ids::Product;
use serde::{Deserialize, Serialize};

/// What a probe says about a product.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Verdict {
    /// It answered as it should.
    Pass,
    /// It did not.
    Fail,
    /// Nothing can be said.
    Unknown,
}

/// Why a probe came to its verdict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeReason {
    /// The expected status (and body).
    Ready,
    /// Some of its services are still starting.
    Starting,
    /// Up, but waiting the usual while after becoming ready (Loki and Tempo: 15 s).
    Settling,
    /// Not ready because of another ring member, at this address.
    BlockedBy(String),
    /// Shutting down.
    Stopping,
    /// Grafana answers, its database does not.
    DatabaseFailing,
    /// An answer with another status than expected.
    WrongStatus,
    /// A redirect: something else answers on this port (a login page, a proxy).
    Redirected,
    /// The right status with a body that is not this product's.
    NotTheProduct,
    /// The host answers, and nothing listens on the port.
    Refused,
    /// No connection within the limit.
    NoRoute,
    /// A connection, but no answer within the limit: a frozen process looks like this.
    Frozen,
    /// The connection ended without a whole answer.
    CutOff,
    /// TLS failed.
    Tls,
    /// The proxy on the way failed, so nothing is known about the node.
    Proxy,
    /// The node has no such program (optional products only).
    NotPresent,
    /// Its address is not known.
    NoAddress,
}

impl ProbeReason {
    /// Whether nothing came back from the node, so that the fault may be on the way. A refusal does
    /// come back: the host is there and says that nothing listens.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::NoRoute | Self::Proxy | Self::NoAddress)
    }
}

/// The outcome of one probe of one product of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeOutcome {
    /// The product.
    pub product: Product,
    /// The URL that was asked.
    pub url: String,
    /// The port that was asked.
    pub port: u16,
    /// What it says.
    pub verdict: Verdict,
    /// Why.
    pub reason: ProbeReason,
    /// Whether the process at least answers `GET /` ("alive only"), where that was asked.
    pub alive: Option<bool>,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// From request to the end of the answer, milliseconds.
    pub latency_ms: Option<u32>,
    /// A fragment that says what was seen: "blocked by 127.0.1.3:9095".
    pub detail: String,
}
