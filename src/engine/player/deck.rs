//! The deck plays a recording: the same `update` from the same events, with no world attached. A join
//! is computed again, of the inventory that stood when it began.

use crate::app::{self, Effects, Event, EventKind, Model};
use crate::core::error::SourceError;
use crate::core::estate::Policy;
use crate::core::inventory::Inventory;
use crate::core::joined::Joined;
use crate::core::source::{Fragment, Scope, SourceEvent};
use crate::engine::console::{Operator, Reconcile};
use crate::engine::recording::{Record, Same, Tape, TapeError};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What was played.
#[derive(Clone, Debug, PartialEq)]
pub enum Played {
    /// An event was taken in, and would have had these effects.
    Event(Effects),
    /// The console had painted this model now.
    Painted(Operator),
    /// A whole model; a part of the recording begins.
    Whole,
    /// Something is missing here, before the next whole model.
    Gap,
    /// Nothing that could be seen.
    Nothing,
}

/// A recording that is being played.
pub struct Deck {
    tape: Tape,
    reconcile: Reconcile,
    model: Model,
    policy: Policy,
    /// The frame that is read next, and what is left of the one before it.
    next: usize,
    left: VecDeque<Record>,
    /// What each scope brought last.
    brought: BTreeMap<Scope, Result<Fragment, SourceError>>,
    /// What the join that is under way is a join of.
    joining: Option<Arc<Inventory>>,
}

impl Deck {
    /// Puts a recording in, at its beginning.
    ///
    /// # Errors
    /// Its first whole model is not one that this program knows.
    pub fn new(tape: Tape, reconcile: Reconcile) -> Result<Self, TapeError> {
        let (from, _) = tape.span();
        let first = tape.start_before(from);
        let (model, policy) = whole(&tape, first)?;
        let (left, brought) = (VecDeque::new(), BTreeMap::new());
        let next = first + 1;
        Ok(Self { tape, reconcile, model, policy, next, left, brought, joining: None })
    }

    /// The console as it stood.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The recording.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Goes to the last whole model at or before a time; to the very last one, where none is told.
    ///
    /// # Errors
    /// It is not one that this program knows.
    pub fn wind(&mut self, at: Option<Timestamp>) -> Result<(), TapeError> {
        let start = at.map_or_else(|| self.tape.last_start(), |at| self.tape.start_before(at));
        let (model, policy) = whole(&self.tape, start)?;
        (self.model, self.policy) = (model, policy);
        self.begin_part();
        (self.next, self.left) = (start + 1, VecDeque::new());
        Ok(())
    }

    /// What was known at the very end.
    ///
    /// # Errors
    /// It cannot be played to there.
    pub fn at_end(mut self) -> Result<Arc<Inventory>, TapeError> {
        self.wind(None)?;
        while self.play()?.is_some() {}
        Ok(self.model.inventory)
    }

    /// When what is played next happened; `None` at the end.
    pub fn next_at(&self) -> Option<Timestamp> {
        match self.left.front() {
            Some(Record::Event(event)) => Some(event.at),
            Some(Record::Same(same)) => Some(same.at),
            Some(_) => Some(self.model.now),
            None => self.tape.time_of(self.next),
        }
    }

    /// Plays one record; `None` at the end.
    ///
    /// # Errors
    /// It is none that this program knows.
    pub fn play(&mut self) -> Result<Option<Played>, TapeError> {
        while self.left.is_empty() {
            let Some(frame) = self.tape.frame(self.next) else { return Ok(None) };
            self.left = frame?.1.into();
            self.next += 1;
        }
        let Some(record) = self.left.pop_front() else { return Ok(None) };
        Ok(Some(match record {
            Record::Start(model, policy) => {
                (self.model, self.policy) = (*model, policy);
                self.begin_part();
                Played::Whole
            }
            Record::Event(event) => self.take(*event),
            Record::Same(same) => self.take_again(same),
            Record::Joining => {
                self.joining = Some(Arc::clone(&self.model.inventory));
                Played::Nothing
            }
            Record::Painted(operator) => Played::Painted(operator),
            Record::Gap => Played::Gap,
            Record::End => Played::Nothing,
        }))
    }

    fn begin_part(&mut self) {
        self.brought.clear();
        self.joining = None;
    }

    fn take(&mut self, mut event: Event) -> Played {
        match &mut event.kind {
            EventKind::Source(news) => {
                self.brought.insert(news.scope.clone(), news.result.clone());
            }
            EventKind::Reconciled { as_of, joined, .. } => {
                if let Some(inventory) = self.joining.take() {
                    let before = self.model.estate.as_deref();
                    let estate = (self.reconcile)(&inventory, before, *as_of, &self.policy);
                    *joined = Some(Joined::new(before, estate, *as_of));
                }
            }
            _ => {}
        }
        Played::Event(app::update(&mut self.model, event))
    }

    fn take_again(&mut self, same: Same) -> Played {
        // The chain is whole, so the news that this is the same as stands before it in its part.
        let Some(result) = self.brought.get(&same.scope).cloned() else { return Played::Nothing };
        let Same { at, scope, observed_at, every, calls, missing } = same;
        let news = SourceEvent { scope, observed_at, every, calls, result, missing };
        Played::Event(app::update(&mut self.model, Event::new(at, EventKind::Source(news))))
    }
}

fn whole(tape: &Tape, index: usize) -> Result<(Model, Policy), TapeError> {
    let frame = tape.frame(index).unwrap_or(Err(TapeError::Nothing { byte: 0 }))?;
    match frame.1.into_iter().next() {
        Some(Record::Start(model, policy)) => Ok((*model, policy)),
        _ => Err(TapeError::Nothing { byte: 0 }),
    }
}
