//! `[rings]` and `[dns]`: how a world's products gossip, and how its names are answered. Unless a
//! world says otherwise they are configured well: a label for each ring, joined anew now and then,
//! dead members forgotten. The article's products are configured in none of these ways.

use crate::sim::world::{Label, RingConfig};
use serde::Deserialize;
use std::time::Duration;

/// `[rings]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RingSpec {
    /// What tells rings apart: `fleet`, `product`, or `none`.
    pub(crate) label: LabelSpec,
    /// Whether both products join the one port, 7946.
    pub(crate) one_port: bool,
    /// How often a product joins anew; 0 is never.
    pub(crate) rejoin_seconds: u64,
    /// Whether members without a heartbeat are forgotten by themselves.
    pub(crate) forgets: bool,
    /// Whether Tempo runs as `-target=all`, which shares no ring.
    pub(crate) tempo_alone: bool,
    /// Tokens of an ingester.
    pub(crate) tokens: u32,
}

/// What tells rings apart.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LabelSpec {
    Fleet,
    Product,
    None,
}

impl Default for RingSpec {
    fn default() -> Self {
        let usual = RingConfig::default();
        Self {
            label: LabelSpec::Fleet,
            one_port: usual.one_port,
            rejoin_seconds: usual.rejoin.as_secs(),
            forgets: usual.forgets,
            tempo_alone: usual.tempo_alone,
            tokens: usual.tokens,
        }
    }
}

impl RingSpec {
    /// The same for the world.
    pub(super) fn config(&self) -> RingConfig {
        RingConfig {
            label: match self.label {
                LabelSpec::Fleet => Label::Fleet,
                LabelSpec::Product => Label::Product,
                LabelSpec::None => Label::Nobody,
            },
            one_port: self.one_port,
            rejoin: Duration::from_secs(self.rejoin_seconds),
            forgets: self.forgets,
            tempo_alone: self.tempo_alone,
            tokens: self.tokens.clamp(1, 512),
        }
    }
}

/// `[dns]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DnsSpec {
    /// How long an answer may be kept.
    pub(crate) ttl: u32,
    /// How long the word that there is none may be kept.
    pub(crate) negative_ttl: u32,
}

impl Default for DnsSpec {
    fn default() -> Self {
        let usual = crate::sim::world::Zones::default();
        Self { ttl: usual.ttl, negative_ttl: usual.negative_ttl }
    }
}
