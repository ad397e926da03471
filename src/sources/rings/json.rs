//! The JSON forms of the pages. Tokens are counted and dropped as they pass: a ring of a hundred
//! members has twelve thousand of them, and nobody needs their values.

use super::time::{moment, seconds_before};
use crate::core::inventory::{Gossip, GossipMember, LeftMember, Ring, RingMember, RingState};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A page could be nothing of the kind; what serde says of it stays short.
fn not_as(what: &str, error: &serde_json::Error) -> String {
    let category = match error.classify() {
        serde_json::error::Category::Eof => "it ends in the middle",
        serde_json::error::Category::Syntax => "it is no JSON",
        serde_json::error::Category::Data | serde_json::error::Category::Io => {
            "its fields are others"
        }
    };
    format!("not as {what} should be: {category}")
}

#[derive(Deserialize)]
struct RingPage {
    // The field must be there, and may be null.
    #[serde(deserialize_with = "Option::deserialize")]
    shards: Option<Vec<Shard>>,
    #[serde(default)]
    now: Option<String>,
}

#[derive(Deserialize)]
struct Shard {
    id: Arc<str>,
    state: String,
    address: Arc<str>,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    registered_timestamp: Option<String>,
    #[serde(default)]
    zone: Option<Arc<str>>,
    #[serde(default)]
    tokens: Option<Count>,
}

/// A list of which only the length is kept.
struct Count(u32);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Counter;
        impl<'de> Visitor<'de> for Counter {
            type Value = Count;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Count, A::Error> {
                let mut count = 0_u32;
                while all.next_element::<IgnoredAny>()?.is_some() {
                    count = count.saturating_add(1);
                }
                Ok(Count(count))
            }
        }
        from.deserialize_seq(Counter)
    }
}

/// A ring.
pub(super) fn ring(body: &[u8]) -> Result<Ring, String> {
    let page: RingPage = serde_json::from_slice(body).map_err(|error| not_as("a ring", &error))?;
    let now = page.now.as_deref().and_then(moment);
    let members = page.shards.unwrap_or_default().into_iter();
    Ok(Ring { members: members.map(|shard| member(shard, now)).collect() })
}

fn member(shard: Shard, now: Option<Timestamp>) -> RingMember {
    let age = |text: Option<&str>| text.and_then(|text| seconds_before(now, text));
    RingMember {
        heartbeat_age: age(shard.timestamp.as_deref()),
        registered_age: age(shard.registered_timestamp.as_deref()),
        id: shard.id,
        address: shard.address,
        state: RingState::of(&shard.state),
        zone: shard.zone.filter(|zone| !zone.is_empty()),
        tokens: Some(shard.tokens.map_or(0, |count| count.0)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MemberlistPage {
    #[serde(deserialize_with = "Option::deserialize")]
    sorted_members: Option<Vec<ListedMember>>,
    #[serde(default)]
    store: Option<BTreeMap<String, IgnoredAny>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedMember {
    name: Arc<str>,
    addr: String,
    port: u16,
    #[serde(default)]
    state: u8,
}

/// The gossip cluster.
pub(super) fn gossip(body: &[u8]) -> Result<Gossip, String> {
    let page: MemberlistPage =
        serde_json::from_slice(body).map_err(|error| not_as("a member list", &error))?;
    let members = page.sorted_members.unwrap_or_default().into_iter();
    let members = members.map(|one| GossipMember {
        name: one.name,
        address: match one.addr.contains(':') {
            true => format!("[{}]:{}", one.addr, one.port).into(),
            false => format!("{}:{}", one.addr, one.port).into(),
        },
        alive: one.state == 0,
    });
    Ok(Gossip {
        members: members.collect(),
        keys: page.store.unwrap_or_default().into_keys().collect(),
    })
}

#[derive(Deserialize)]
struct GossipedRing {
    #[serde(default)]
    ingesters: Option<BTreeMap<Arc<str>, Gossiped>>,
}

#[derive(Deserialize)]
struct Gossiped {
    #[serde(default)]
    addr: Option<Arc<str>>,
    // State 0, which is ACTIVE, is left out.
    #[serde(default)]
    state: u64,
}

/// Who left, out of the ring as it is gossiped.
pub(super) fn left(body: &[u8]) -> Result<Vec<LeftMember>, String> {
    let page: GossipedRing =
        serde_json::from_slice(body).map_err(|error| not_as("a gossiped ring", &error))?;
    let all = page.ingesters.unwrap_or_default().into_iter();
    let gone = all.filter(|(_, one)| RingState::of_number(one.state) == RingState::Left);
    Ok(gone.map(|(id, one)| LeftMember { id, address: one.addr.unwrap_or_default() }).collect())
}

#[derive(Deserialize)]
struct BuildInfo {
    version: Arc<str>,
}

/// The version.
pub(super) fn version(body: &[u8]) -> Result<Arc<str>, String> {
    let page: BuildInfo =
        serde_json::from_slice(body).map_err(|error| not_as("a version", &error))?;
    if page.version.is_empty() { Err("the version is empty".into()) } else { Ok(page.version) }
}
