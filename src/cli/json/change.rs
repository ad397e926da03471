//! `watch -o json`: one object a line.

use super::{SCHEMA, stamp};
use crate::cli::world::Change;
use crate::core::ids::{InstanceId, StackId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct ChangeView {
    pub schema: String,
    pub at: Timestamp,
    pub stack_id: Option<StackId>,
    pub instance_id: Option<InstanceId>,
    pub kind: String,
    pub text: String,
}

impl ChangeView {
    pub fn of(change: &Change) -> Self {
        let Change { at, kind, stack_id, instance_id, text, .. } = change.clone();
        let (schema, kind) = (SCHEMA.into(), kind.to_string());
        Self { schema, at: stamp(at), stack_id, instance_id, kind, text }
    }
}
