//! Views that tell the same are kept once. In a ring of 500 every node lists all 500: each view for
//! itself would be a quarter of a million members, which differ in nothing but when a heartbeat came.

use crate::core::inventory::{Gossip, Ring, RingMember};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// Views whose heartbeats differ by no more than this many seconds tell the same: two intervals of
/// Loki's and Tempo's heartbeats, half of what makes them call a member unhealthy.
const SAME_WITHIN: u64 = 30;
/// With more views than this, those are let go that nobody else holds.
const SWEPT_AT: usize = 64;

/// The views of late.
#[derive(Debug)]
pub struct Views {
    rings: Mutex<Kept<Ring>>,
    gossip: Mutex<Kept<Gossip>>,
}

#[derive(Debug)]
struct Kept<T> {
    all: HashMap<u64, Arc<T>>,
    sweep_at: usize,
}

impl Default for Views {
    fn default() -> Self {
        Self { rings: Mutex::new(Kept::new()), gossip: Mutex::new(Kept::new()) }
    }
}

impl Views {
    /// The ring, or the one that another node has shown and that tells the same.
    pub(super) fn ring(&self, ring: Ring) -> Arc<Ring> {
        let mut kept = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(|hasher| ring.members.iter().for_each(|one| fixed(one).hash(hasher)));
        kept.shared(key, ring, tells_the_same)
    }

    /// The same of the gossip cluster, whose members every node lists in an order of its own.
    pub(super) fn gossip(&self, mut gossip: Gossip) -> Arc<Gossip> {
        gossip.members.sort_unstable();
        let mut kept = self.gossip.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(|hasher| {
            gossip.members.iter().for_each(|one| one.name.hash(hasher));
            gossip.keys.hash(hasher);
        });
        kept.shared(key, gossip, PartialEq::eq)
    }
}

impl<T> Kept<T> {
    fn new() -> Self {
        Self { all: HashMap::new(), sweep_at: SWEPT_AT }
    }

    fn shared(&mut self, key: u64, fresh: T, same: impl Fn(&T, &T) -> bool) -> Arc<T> {
        if let Some(known) = self.all.get(&key).filter(|known| same(known, &fresh)) {
            return Arc::clone(known);
        }
        if self.all.len() >= self.sweep_at {
            self.all.retain(|_, one| Arc::strong_count(one) > 1);
            self.sweep_at = SWEPT_AT.max(self.all.len() * 2);
        }
        let fresh = Arc::new(fresh);
        self.all.insert(key, Arc::clone(&fresh));
        fresh
    }
}

fn key(hash: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(&mut hasher);
    hasher.finish()
}

/// What a member is told with, its ages aside.
fn fixed(of: &RingMember) -> impl Hash + PartialEq + '_ {
    (&of.id, &of.address, &of.state, &of.zone, of.tokens)
}

fn tells_the_same(one: &Ring, other: &Ring) -> bool {
    let near = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) <= SAME_WITHIN,
        (None, None) => true,
        _ => false,
    };
    one.members.len() == other.members.len()
        && one.members.iter().zip(&other.members).all(|(one, other)| {
            fixed(one) == fixed(other)
                && near(one.heartbeat_age, other.heartbeat_age)
                && near(one.registered_age, other.registered_age)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::inventory::{GossipMember, RingState};

    fn member(number: u64, beat: u64) -> RingMember {
        RingMember {
            id: format!("loki-{number}").into(),
            address: format!("127.0.1.{number}:9095").into(),
            state: RingState::Active,
            heartbeat_age: Some(beat),
            registered_age: Some(3_600),
            zone: None,
            tokens: Some(128),
        }
    }

    fn ring(beat: u64) -> Ring {
        Ring { members: (1..=3).map(|number| member(number, beat)).collect() }
    }

    #[test]
    fn views_that_differ_in_nothing_but_seconds_are_one() {
        let views = Views::default();
        let first = views.ring(ring(2));
        assert!(Arc::ptr_eq(&first, &views.ring(ring(32))));
        let later = views.ring(ring(33));
        assert_eq!(later.members[0].heartbeat_age, Some(33), "too far from the first");
        assert!(Arc::ptr_eq(&later, &views.ring(ring(40))), "what came last is kept");
    }

    #[test]
    fn whatever_else_differs_is_another_view() {
        let views = Views::default();
        let first = views.ring(ring(2));
        let changes: [fn(&mut RingMember); 6] = [
            |of| of.state = RingState::Leaving,
            |of| of.address = "127.0.1.9:9095".into(),
            |of| of.zone = Some("a".into()),
            |of| of.tokens = None,
            |of| of.heartbeat_age = None,
            |of| of.registered_age = Some(9),
        ];
        for change in changes {
            let mut other = ring(2);
            change(&mut other.members[1]);
            let shown = views.ring(other.clone());
            assert!(*shown == other && !Arc::ptr_eq(&first, &shown));
        }
        let mut fewer = ring(2);
        fewer.members.pop();
        assert_eq!(*views.ring(fewer.clone()), fewer);
    }

    #[test]
    fn gossip_is_one_in_any_order_and_another_where_a_member_died() {
        let views = Views::default();
        let one = |number: u8, alive| GossipMember {
            name: format!("node-{number}").into(),
            address: format!("127.0.1.{number}:7946").into(),
            alive,
        };
        let of = |members: Vec<GossipMember>| Gossip { members, keys: ["ring".into()].into() };
        let first = views.gossip(of(vec![one(1, true), one(2, true)]));
        assert!(Arc::ptr_eq(&first, &views.gossip(of(vec![one(2, true), one(1, true)]))));
        let died = views.gossip(of(vec![one(1, true), one(2, false)]));
        assert!(!died.members[1].alive);
    }

    #[test]
    fn what_nobody_shows_any_more_is_let_go() {
        let views = Views::default();
        let held = views.ring(ring(1));
        for number in 0..1_000 {
            drop(views.ring(Ring { members: vec![member(number, 1)] }));
        }
        let kept = views.rings.lock().unwrap();
        assert!(kept.all.len() <= SWEPT_AT + 1, "{}", kept.all.len());
        assert!(kept.all.values().any(|one| Arc::ptr_eq(one, &held)));
    }
}
