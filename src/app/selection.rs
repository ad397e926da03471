//! A selection is an id, never a row (invariant 10). It survives every reordering; when its thing
//! vanishes it moves to the neighbour and says so, because a key may already be on its way.

use serde::{Deserialize, Serialize};

/// What is selected among things of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection<Id> {
    id: Option<Id>,
    /// Where it was last seen: tells the neighbour when it vanishes, and nothing else.
    place: usize,
}

impl<Id> Default for Selection<Id> {
    fn default() -> Self {
        Self { id: None, place: 0 }
    }
}

impl<Id: Clone + PartialEq> Selection<Id> {
    /// The selected thing.
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// Where it stands among these rows.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Finds the selected thing in the rows as they are now. Returns the thing that was selected
    /// and is there no more.
    #[must_use = "a selection that moved by itself must be said"]
    pub fn settle(&mut self, rows: &[Id]) -> Option<Id> {
        let Some(id) = self.id.clone() else {
            self.take(rows, 0);
            return None;
        };
        match rows.iter().position(|row| *row == id) {
            Some(place) => {
                self.place = place;
                None
            }
            None => {
                self.take(rows, self.place);
                Some(id)
            }
        }
    }

    /// Moves by so many rows and stays within them.
    pub fn step(&mut self, rows: &[Id], by: isize) {
        self.take(rows, self.place.saturating_add_signed(by));
    }

    /// Selects the row at this place, or the last one.
    pub fn take(&mut self, rows: &[Id], place: usize) {
        self.place = place.min(rows.len().saturating_sub(1));
        self.id = rows.get(self.place).cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(rows: &[u8], place: usize) -> Selection<u8> {
        let mut selection = Selection::default();
        selection.take(rows, place);
        selection
    }

    #[test]
    fn it_survives_reordering() {
        let mut selection = on(&[1, 2, 3], 1);
        assert_eq!(selection.settle(&[9, 3, 1, 2]), None);
        assert_eq!((selection.id(), selection.place()), (Some(&2), 3));
    }

    #[test]
    fn a_thing_that_vanishes_is_named_and_its_neighbour_selected() {
        for (rows, place, after, expected) in [
            (&[1, 2, 3][..], 1, &[1, 3][..], Some(3)),
            (&[1, 2, 3][..], 2, &[1, 2][..], Some(2)),
            (&[1, 2, 3][..], 0, &[][..], None),
        ] {
            let mut selection = on(rows, place);
            assert_eq!(selection.settle(after), Some(rows[place]));
            assert_eq!(selection.id().copied(), expected);
        }
    }

    #[test]
    fn steps_stay_within_the_rows() {
        let rows = [1, 2, 3];
        let mut selection = on(&rows, 0);
        selection.step(&rows, -5);
        assert_eq!(selection.id(), Some(&1));
        selection.step(&rows, 99);
        assert_eq!(selection.id(), Some(&3));
        selection.step(&[], 1);
        assert_eq!(selection.id(), None);
    }
}
