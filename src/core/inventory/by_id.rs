//! A map by instance id in pieces that are shared until they change. A snapshot of a plain map of
//! 10,000 nodes costs a millisecond at the first news behind it, on the path that keys take too;
//! here one piece is copied.

use crate::core::ids::InstanceId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A piece with more entries than this becomes two.
const MOST: usize = 128;

type Piece<V> = Vec<(InstanceId, V)>;

/// Values by instance id, in the order of the ids.
#[derive(Clone, Debug)]
pub struct ById<V> {
    /// None is empty, and their entries follow one another.
    pieces: Vec<Arc<Piece<V>>>,
}

impl<V> Default for ById<V> {
    fn default() -> Self {
        Self { pieces: Vec::new() }
    }
}

impl<V> ById<V> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The value of an id.
    pub fn get(&self, id: &InstanceId) -> Option<&V> {
        let piece = self.pieces.get(self.piece_of(id))?;
        let place = piece.binary_search_by(|(one, _)| one.cmp(id)).ok()?;
        piece.get(place).map(|(_, value)| value)
    }

    /// Whether the id has a value.
    pub fn contains_key(&self, id: &InstanceId) -> bool {
        self.get(id).is_some()
    }

    /// All ids and values.
    pub fn iter(&self) -> impl Iterator<Item = (&InstanceId, &V)> {
        self.pieces.iter().flat_map(|piece| piece.iter()).map(|(id, value)| (id, value))
    }

    /// All ids.
    pub fn keys(&self) -> impl Iterator<Item = &InstanceId> {
        self.iter().map(|(id, _)| id)
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Where the piece is that holds an id, or would hold it.
    fn piece_of(&self, id: &InstanceId) -> usize {
        let starts_behind = |piece: &Arc<Piece<V>>| piece.first().is_none_or(|(one, _)| one <= id);
        self.pieces.partition_point(starts_behind).saturating_sub(1)
    }
}

impl<V: Clone> ById<V> {
    /// The value of an id, to be changed. It is made where there is none.
    pub fn entry(&mut self, id: InstanceId, make: impl FnOnce() -> V) -> &mut V {
        let (piece, found) = self.slot(&id);
        let place = found.unwrap_or_else(|place| {
            piece.insert(place, (id, make()));
            place
        });
        &mut piece[place].1
    }

    /// Sets the value of an id.
    pub fn insert(&mut self, id: InstanceId, value: V) {
        match self.slot(&id) {
            (piece, Ok(place)) => piece[place].1 = value,
            (piece, Err(place)) => piece.insert(place, (id, value)),
        }
    }

    /// The piece for an id, ours alone and with room for one more; and where the id stands in it,
    /// or would stand.
    fn slot(&mut self, id: &InstanceId) -> (&mut Piece<V>, Result<usize, usize>) {
        if self.pieces.is_empty() {
            self.pieces.push(Arc::default());
        }
        let mut at = self.piece_of(id);
        if self.pieces[at].len() >= MOST {
            let behind = Arc::make_mut(&mut self.pieces[at]).split_off(MOST / 2);
            self.pieces.insert(at + 1, Arc::new(behind));
            at = self.piece_of(id);
        }
        let piece = Arc::make_mut(&mut self.pieces[at]);
        let found = piece.binary_search_by(|(one, _)| one.cmp(id));
        (piece, found)
    }

    /// Keeps only those. Pieces that keep all of theirs are not touched.
    pub fn retain(&mut self, keep: impl Fn(&InstanceId, &V) -> bool) {
        for piece in &mut self.pieces {
            if !piece.iter().all(|(id, value)| keep(id, value)) {
                Arc::make_mut(piece).retain(|(id, value)| keep(id, value));
            }
        }
        self.pieces.retain(|piece| !piece.is_empty());
    }
}

impl<V: PartialEq> PartialEq for ById<V> {
    /// Where the pieces begin says nothing.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<V: Serialize> Serialize for ById<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, V: Deserialize<'de> + Clone> Deserialize<'de> for ById<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut all = Self::default();
        for (id, value) in BTreeMap::<InstanceId, V>::deserialize(deserializer)? {
            all.insert(id, value);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u16, u32),
        KeepBelow(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            99 => (0u16..2000, 0u32..1000).prop_map(|(id, value)| Step::Insert(id, value)),
            1 => (0u32..1000).prop_map(Step::KeepBelow),
        ];
        prop::collection::vec(step, 0..1500)
    }

    proptest! {
        /// It holds what a plain map holds, in the same order, and a snapshot never changes.
        #[test]
        fn it_is_a_map(steps in steps()) {
            let (mut ours, mut plain) = (ById::default(), BTreeMap::new());
            let mut snapshot = (ours.clone(), plain.clone());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(id, value) => {
                        let id = InstanceId::from(format!("i-{id}"));
                        ours.insert(id.clone(), value);
                        plain.insert(id, value);
                    }
                    Step::KeepBelow(limit) => {
                        ours.retain(|_, value| *value < limit);
                        plain.retain(|_, value| *value < limit);
                    }
                }
                if number % 400 == 0 {
                    snapshot = (ours.clone(), plain.clone());
                }
            }
            prop_assert!(ours.iter().eq(plain.iter()));
            prop_assert!(snapshot.0.iter().eq(snapshot.1.iter()));
            prop_assert_eq!(ours.len(), plain.len());
            prop_assert!(plain.iter().all(|(id, value)| ours.get(id) == Some(value)));
            prop_assert!(!ours.contains_key(&"i-nobody".into()));
            let text = serde_json::to_string(&ours).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&plain).unwrap());
            prop_assert_eq!(serde_json::from_str::<ById<u32>>(&text).unwrap(), ours);
        }
    }

    #[test]
    fn news_behind_a_snapshot_copies_one_piece() {
        let mut all = ById::default();
        for number in 0..10_000 {
            all.insert(InstanceId::from(format!("i-{number:05}")), number);
        }
        assert!(all.pieces.len() <= 10_000 / (MOST / 2), "{}", all.pieces.len());
        let snapshot = all.clone();
        all.insert("i-00500".into(), 0);
        let shared =
            all.pieces.iter().filter(|one| snapshot.pieces.iter().any(|of| Arc::ptr_eq(one, of)));
        assert_eq!(shared.count(), all.pieces.len() - 1);
    }
}
