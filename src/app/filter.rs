//! What leaves rows out: a text in the language of `core::query`, and what it means.

use crate::core::query::{Query, QueryError};
use serde::{Deserialize, Serialize};

/// What the operator wants to see of a screen's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    text: String,
    query: Query,
    error: Option<QueryError>,
}

impl Filter {
    /// Takes a text as typed. One with a mistake leaves out what the last good one did, so that
    /// the rows do not jump while a word is half typed.
    pub(super) fn set(&mut self, text: &str, keys: &[&str]) {
        text.clone_into(&mut self.text);
        match Query::parse(text, keys) {
            Ok(query) => (self.query, self.error) = (query, None),
            Err(error) => self.error = Some(error),
        }
    }

    /// As typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it means.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Why the text means nothing, and where.
    pub fn error(&self) -> Option<&QueryError> {
        self.error.as_ref()
    }

    /// Whether it leaves nothing out.
    pub fn is_empty(&self) -> bool {
        self.query.is_empty()
    }
}
