//! What the commands ask of the rest of the program, in one place: a round of reads, a stream of
//! changes, the console, a call to each service. `cli` knows nothing else of the engine.

use super::doctor::Check;
use super::{ExitCode, Failure};
use crate::clock::Clock;
use crate::config::Settings;
use crate::core::estate::Estate;
use crate::core::ids::{InstanceId, StackId};
use crate::core::inventory::{Inventory, ScopeStatus};
use jiff::Timestamp;
use tokio::sync::mpsc;

/// One full round of reads, joined.
#[derive(Clone, Debug)]
pub struct Round {
    /// What each source said.
    pub inventory: Inventory,
    /// What it means.
    pub estate: Estate,
    /// When it was joined.
    pub as_of: Timestamp,
    /// Whose account it is, once known.
    pub account: Option<String>,
    /// The region that was read.
    pub region: String,
    /// The essential reads that brought nothing, only a part, or something old.
    pub lacking: Vec<ScopeStatus>,
}

/// Something that changed, as `watch` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When it was seen.
    pub at: Timestamp,
    /// The fleet.
    pub stack_id: Option<StackId>,
    /// The node.
    pub instance_id: Option<InstanceId>,
    /// What kind of change, in one word.
    pub kind: String,
    /// What changed, as a fragment.
    pub text: String,
}

/// The rest of the program, as the commands see it.
pub trait World {
    /// One full round of reads, bounded by `settings.timeout`.
    fn round(
        &self,
        settings: &Settings,
        clock: &Clock,
    ) -> impl Future<Output = Result<Round, Failure>>;

    /// Sends every change until the receiver is dropped.
    fn watch(
        &self,
        settings: &Settings,
        clock: &Clock,
        changes: mpsc::Sender<Change>,
    ) -> impl Future<Output = Result<(), Failure>>;

    /// Calls each AWS service once.
    fn check_services(&self, settings: &Settings) -> impl Future<Output = Vec<Check>>;

    /// Runs the console until the operator leaves it.
    fn console(&self, settings: Settings, clock: Clock) -> Result<ExitCode, Failure>;
}
