//! What planners and guards must be told that no source of truth says: where we are, who else is at
//! work, what stands on the lock's record.

use crate::core::ids::{GroupName, InstanceId};
use crate::core::lock::LockView;
use crate::core::run::{Run, Who};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Who holds the lock that a plan needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "lock", rename_all = "snake_case")]
pub enum LockStanding {
    /// Nobody has looked: the run's first step takes it, or is refused.
    #[default]
    NotAsked,
    /// Nobody does.
    Free,
    /// This run does.
    Ours,
    /// Somebody else does.
    Theirs {
        /// Who and why, as the record says.
        holder: String,
    },
    /// Somebody else did, whose run is taken for dead.
    Left {
        /// Who and why, as the record says.
        holder: String,
    },
    /// It could not be read.
    Unknown {
        /// Why.
        why: String,
    },
}

/// What is known beside the picture.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The region that plans are made for.
    pub region: String,
    /// This host's own addresses; `None` where they could not be told.
    pub own_addresses: Option<BTreeSet<IpAddr>>,
    /// The runs this host knows, finished ones too.
    pub runs: Vec<Run>,
    /// Who asks.
    pub who: Who,
    /// Who holds the lock.
    pub lock: LockStanding,
    /// Locks as whoever asks for a plan has watched them.
    pub watched: Vec<LockView>,
    /// Nodes that a drain of ours took out and no undrain has brought back (the lock's record).
    /// Nodes in standby are their own mark.
    pub drained: BTreeSet<InstanceId>,
    /// Processes that runs of ours suspended and have not resumed (the lock's record).
    pub pins: BTreeMap<GroupName, BTreeSet<String>>,
}
