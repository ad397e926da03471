//! A new estate with all that follows from it and from the one before: worked out where the estate
//! is made, so that whoever takes it in only puts it in its place.

use super::cause::{Cause, causes};
use super::diff::{Change, diff};
use super::estate::Estate;
use jiff::Timestamp;
use std::sync::Arc;

/// An estate as it is handed on.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// The truth, its findings dated back to when they were first seen.
    pub estate: Arc<Estate>,
    /// Its findings as causes.
    pub causes: Vec<Cause>,
    /// What changed since the estate before; nothing where there was none.
    pub changes: Vec<Change>,
}

impl Joined {
    /// Works out what follows from an estate that was joined at `as_of`.
    pub fn new(before: Option<&Estate>, mut estate: Estate, as_of: Timestamp) -> Self {
        if let Some(before) = before {
            estate.carry_since(before);
        }
        let changes = before.map(|before| diff(before, &estate, as_of)).unwrap_or_default();
        Self { causes: causes(&estate), changes, estate: Arc::new(estate) }
    }
}
