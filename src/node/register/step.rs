//! What `register` says as it goes: one line a step, for the journal.

use crate::core::ids::{InstanceId, ServiceId};
use crate::node::ThisNode;
use std::fmt;
use std::time::Duration;

/// A step that was taken, or a reason not to take one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Who this node is.
    Known(Box<ThisNode>, String),
    /// A service was listed.
    Listed(ServiceId, Counted),
    /// A change was accepted.
    Submitted(ServiceId, String),
    /// This node's entry is in the listing, as it was written.
    Registered(ServiceId, InstanceId, String),
    /// The entry was written and is gone again: somebody took it out.
    TakenOut(ServiceId),
    /// Waiting before the next attempt.
    Again(String, Duration),
    /// Nobody of the fleet seems gone.
    AllLive(usize),
    /// A second look at ids that EC2 left out, after so long.
    LooksAgain(usize, Duration),
    /// An entry stays, though EC2 does not say that its instance exists.
    Stays(ServiceId, InstanceId, String),
    /// An entry of a peer that is proven gone was removed, or somebody else did it.
    Removed(ServiceId, InstanceId, String),
    /// Peers could not be judged, or not be removed: all stay.
    Doubt(String),
    /// This node's own entry is out, or was not there.
    Left(ServiceId, &'static str),
}

/// How many entries a service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// All of them.
    pub all: usize,
    /// Those of the fleet, this node apart.
    pub peers: usize,
}

impl Step {
    /// Whether somebody should look into it.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::TakenOut(_) | Self::Doubt(_) | Self::Stays(..))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(node, region) => {
                write!(f, "this node is {} in {region} (", node.id)?;
                f.write_str(&node.notes.join("; "))?;
                f.write_str(")")
            }
            Self::Listed(service, Counted { all, peers }) => {
                write!(f, "{service}: {all} registered, {peers} of this fleet beside this node")
            }
            Self::Submitted(service, operation) => {
                write!(f, "{service}: the change is accepted as operation {operation}")
            }
            Self::Registered(service, id, attributes) => {
                write!(f, "{service}: {id} is registered with {attributes}")
            }
            Self::TakenOut(service) => write!(
                f,
                "{service}: this node's entry was written and is gone again; a peer that still \
                 runs the wiping boot script does that; writing it once more"
            ),
            Self::Again(why, span) => write!(f, "again in {:.1} s: {why}", span.as_secs_f64()),
            Self::AllLive(0) => f.write_str("no peers are registered"),
            Self::AllLive(peers) => write!(f, "EC2 knows all {peers} registered peers: they stay"),
            Self::LooksAgain(count, span) => write!(
                f,
                "EC2 left {count} registered peer(s) out; a second look in {} s decides",
                span.as_secs()
            ),
            Self::Stays(service, id, why) => write!(f, "{service}: {id} stays registered: {why}"),
            Self::Removed(service, id, why) => write!(f, "{service}: removed {id}: {why}"),
            Self::Doubt(why) => write!(f, "no peer is removed: {why}"),
            Self::Left(service, how) => write!(f, "{service}: {how}"),
        }
    }
}
