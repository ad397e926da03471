//! What Loki and Tempo say of themselves beyond their health: rings, gossip, versions. Everything
//! here is a server's own word, its ages by its own clock, so that clocks which disagree do not
//! matter.

use crate::core::ids::Product;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// A server that does not answer a page is not ill for it: versions differ in what they have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Page<T> {
    /// The page, understood.
    Read(T),
    /// This version, or this configuration, has no such page.
    Absent,
    /// The page says that there is no such thing here: "This instance doesn't use memberlist".
    NotUsed,
    /// It cannot be told: an unknown version's page, half an answer, no answer. The fragment says
    /// why.
    CannotTell(String),
}

impl<T> Page<T> {
    /// What the page says, if it was understood.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(page) => Some(page),
            Self::Absent | Self::NotUsed | Self::CannotTell(_) => None,
        }
    }

    /// The same page with its content made into something else.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Page<U> {
        self.and_then(|page| Ok(make(page)))
    }

    /// The same page with its content made into something else, which may fail.
    pub fn and_then<U>(self, make: impl FnOnce(T) -> Result<U, String>) -> Page<U> {
        match self {
            Self::Read(page) => make(page).map_or_else(Page::CannotTell, Page::Read),
            Self::Absent => Page::Absent,
            Self::NotUsed => Page::NotUsed,
            Self::CannotTell(why) => Page::CannotTell(why),
        }
    }
}

/// The state of a ring's member, in the servers' words.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "UPPERCASE")]
pub enum RingState {
    /// Takes part.
    Active,
    /// Registered, without tokens yet.
    Pending,
    /// Taking its tokens.
    Joining,
    /// On its way out.
    Leaving,
    /// Gone on its own.
    Left,
    /// Its heartbeat is too old; it stays so until somebody makes the ring forget it.
    Unhealthy,
    /// A word of another version.
    #[strum(to_string = "{0}")]
    Other(String),
}

impl RingState {
    /// The state a word stands for; the word's case does not matter.
    pub fn of(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "ACTIVE" => Self::Active,
            "PENDING" => Self::Pending,
            "JOINING" => Self::Joining,
            "LEAVING" => Self::Leaving,
            "LEFT" => Self::Left,
            "UNHEALTHY" => Self::Unhealthy,
            _ => Self::Other(word.to_owned()),
        }
    }

    /// The state a number in the key-value store stands for.
    pub fn of_number(number: u64) -> Self {
        match number {
            0 => Self::Active,
            1 => Self::Leaving,
            2 => Self::Pending,
            3 => Self::Joining,
            4 => Self::Left,
            other => Self::Other(other.to_string()),
        }
    }
}

/// A member of a ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingMember {
    /// The name it registered under: the host's, or the container's.
    pub id: Arc<str>,
    /// Address and port, as registered. A container may have registered its own.
    pub address: Arc<str>,
    /// Its state, by the server that was asked.
    pub state: RingState,
    /// How long ago its last heartbeat was, in seconds by the server's clock.
    pub heartbeat_age: Option<u64>,
    /// How long ago it registered, in seconds by the server's clock.
    pub registered_age: Option<u64>,
    /// Its zone, where it has one.
    pub zone: Option<Arc<str>>,
    /// How many tokens it owns; `None` where the page does not say.
    pub tokens: Option<u32>,
}

impl RingMember {
    /// The address without its port, where it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        ip_of(&self.address)
    }
}

/// The address part of `10.0.0.1:9095`, `[::1]:9095` or `10.0.0.1`.
pub fn ip_of(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| {
        let (address, _) = text.rsplit_once(':')?;
        address.trim_start_matches('[').trim_end_matches(']').parse().ok()
    })
}

/// A ring as one server sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// Its members, in the page's order.
    pub members: Vec<RingMember>,
}

impl Ring {
    /// Whether it is a ring in this process's memory alone, which is how Tempo runs with
    /// `-target=all`: itself, at 127.0.0.1.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.members.as_slice(), [one] if one.address.starts_with("127.0.0.1:"))
    }

    /// The members that did not leave, by name and address: what makes two views the same.
    pub fn names(&self) -> BTreeSet<(&str, &str)> {
        let there = self.members.iter().filter(|one| one.state != RingState::Left);
        there.map(|one| (&*one.id, &*one.address)).collect()
    }

    /// A number that stands for [`Ring::names`]: FNV-1a over all of them in order.
    pub fn digest(&self) -> u64 {
        let names = self.names();
        let bytes = names
            .iter()
            .flat_map(|(id, address)| id.bytes().chain([0]).chain(address.bytes()).chain([1]));
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }
}

/// A member of the gossip cluster that rings are spread by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GossipMember {
    /// Its name: the host's with a random end, as a rule.
    pub name: Arc<str>,
    /// Address and port.
    pub address: Arc<str>,
    /// Whether it is alive; suspect, dead and left ones are not.
    pub alive: bool,
}

/// The gossip cluster as one server sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gossip {
    /// Its members.
    pub members: Vec<GossipMember>,
    /// The keys it spreads, which say whose rings live in it.
    pub keys: BTreeSet<String>,
}

/// Who left a ring of late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftMember {
    /// The name it had.
    pub id: Arc<str>,
    /// The address it had.
    pub address: Arc<str>,
}

/// What one product of one node says of its rings. Nodes that say the same share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductRings {
    /// The product.
    pub product: Product,
    /// The ring that writes go by: ingesters, or the live stores of a newer Tempo.
    pub ring: Page<Arc<Ring>>,
    /// The path at which that ring answered, which is also where it forgets.
    pub ring_path: String,
    /// The gossip cluster.
    pub gossip: Page<Arc<Gossip>>,
    /// Who left the ring within the last minutes.
    pub left: Page<Vec<LeftMember>>,
    /// The version, by its own page.
    pub version: Page<Arc<str>>,
    /// [`Ring::digest`] of the ring, for comparing the views of many nodes.
    pub digest: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_of_states() {
        assert_eq!(RingState::of("Unhealthy"), RingState::Unhealthy);
        assert_eq!(RingState::of("READONLY"), RingState::Other("READONLY".into()));
        assert_eq!(RingState::of("READONLY").to_string(), "READONLY");
        assert_eq!(RingState::Active.to_string(), "ACTIVE");
        assert_eq!(RingState::of_number(4), RingState::Left);
        assert_eq!(RingState::of_number(9), RingState::Other("9".into()));
    }

    #[test]
    fn addresses_with_and_without_a_port() {
        for (text, ip) in [
            ("127.0.1.3:9095", Some("127.0.1.3")),
            ("127.0.2.1:0", Some("127.0.2.1")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("[fd00::1]:9095", Some("fd00::1")),
            ("tempo-1:9095", None),
            ("", None),
        ] {
            assert_eq!(ip_of(text), ip.map(|ip| ip.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn only_itself_at_the_loopback_is_a_ring_in_memory() {
        let member = |id: &str, address: &str| RingMember {
            id: id.into(),
            address: address.into(),
            state: RingState::Active,
            heartbeat_age: None,
            registered_age: None,
            zone: None,
            tokens: None,
        };
        let ring = |members: &[(&str, &str)]| Ring {
            members: members.iter().map(|(id, at)| member(id, at)).collect(),
        };
        assert!(ring(&[("told-1", "127.0.0.1:9095")]).is_in_memory());
        assert!(!ring(&[("loki-3", "127.0.1.3:9095")]).is_in_memory());
        assert!(!ring(&[("a", "127.0.0.1:9095"), ("b", "127.0.0.1:9096")]).is_in_memory());
        assert!(!ring(&[]).is_in_memory());
    }
}
