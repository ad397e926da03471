//! What the console knows and shows. Only `update` changes it; screens are drawn from it alone.

use super::command::Context;
use super::input::{Chord, Size};
use super::keymap::Keymap;
use super::notice::Notices;
use super::selection::Selection;
use super::sources::{self, SourceLine};
use crate::core::estate::{Estate, Fleet, Node};
use crate::core::finding::Finding;
use crate::core::ids::{InstanceId, StackId};
use crate::core::inventory::Inventory;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where this console looks, as the operator named it; on every screen, so that nobody mistakes
/// one environment for another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The context of the configuration.
    pub context: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// Whether the context is marked `production`.
    pub production: bool,
    /// Whether nodes are probed at all.
    pub probing: bool,
}

/// A screen, with what is selected on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Screen {
    /// All fleets.
    Fleets {
        /// The selected fleet.
        selection: Selection<StackId>,
    },
    /// The nodes of a fleet.
    Nodes {
        /// The fleet.
        stack: StackId,
        /// The selected node.
        selection: Selection<InstanceId>,
    },
}

impl Screen {
    /// The home screen.
    pub fn home() -> Self {
        Self::Fleets { selection: Selection::default() }
    }

    /// The context its own bindings stand in.
    pub fn context(&self) -> Context {
        match self {
            Self::Fleets { .. } => Context::Fleets,
            Self::Nodes { .. } => Context::Nodes,
        }
    }
}

/// Something that lies over the screen and takes the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Every key that works on the screen below.
    Help {
        /// The first line that is shown.
        scroll: usize,
    },
    /// The notices so far, the latest first.
    Messages {
        /// The first line that is shown.
        scroll: usize,
    },
}

/// Everything the screens are drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Where this console looks.
    pub place: Place,
    /// The keys.
    pub keymap: Arc<Keymap>,
    /// When the console started.
    pub started: Timestamp,
    /// The time of the latest event. Ages are counted to here.
    pub now: Timestamp,
    /// The size of the terminal.
    pub size: Size,
    /// What each source said.
    pub inventory: Arc<Inventory>,
    /// How many source events the inventory has taken in.
    pub generation: u64,
    /// The inventory, joined; `None` until that has happened once.
    pub estate: Option<Arc<Estate>>,
    /// For when the estate was joined, and from which generation.
    pub reconciled: Option<(Timestamp, u64)>,
    /// How each source stands.
    pub sources: Vec<SourceLine>,
    /// Where the operator is, and the way there. Never empty.
    screens: Vec<Screen>,
    /// What lies over the screen, the topmost last.
    pub layers: Vec<Layer>,
    /// The chords of a sequence that has begun.
    pub pending: Vec<Chord>,
    /// What the console has said.
    pub notices: Notices,
}

impl Model {
    /// A console that knows nothing yet.
    pub fn new(place: Place, keymap: Arc<Keymap>, size: Size, now: Timestamp) -> Self {
        let inventory = Inventory::default();
        Self {
            place,
            keymap,
            started: now,
            now,
            size,
            sources: sources::lines(&inventory, now),
            inventory: Arc::new(inventory),
            generation: 0,
            estate: None,
            reconciled: None,
            screens: vec![Screen::home()],
            layers: Vec::new(),
            pending: Vec::new(),
            notices: Notices::default(),
        }
    }

    /// The screen the operator is on, and all screens on the way there, home first.
    pub fn screens(&self) -> &[Screen] {
        &self.screens
    }

    pub(super) fn screens_mut(&mut self) -> &mut [Screen] {
        &mut self.screens
    }

    pub(super) fn push(&mut self, screen: Screen) {
        self.screens.push(screen);
    }

    /// Leaves the screen; home stays.
    pub(super) fn pop(&mut self) -> bool {
        let can = self.screens.len() > 1;
        if can {
            self.screens.pop();
        }
        can
    }

    /// Where keys are looked up now, innermost first. A layer takes all keys but the global ones.
    pub fn contexts(&self) -> Vec<Context> {
        if self.layers.is_empty() {
            self.screen_contexts()
        } else {
            vec![Context::Layer, Context::Global]
        }
    }

    /// Where keys are looked up when nothing lies over the screen.
    pub fn screen_contexts(&self) -> Vec<Context> {
        let own = self.screens.last().map(Screen::context);
        own.into_iter().chain([Context::List, Context::Global]).collect()
    }

    /// The fleets in the order of their rows.
    pub fn fleet_rows(&self) -> Vec<StackId> {
        self.estate.iter().flat_map(|estate| estate.fleets.keys().cloned()).collect()
    }

    /// The nodes of a fleet in the order of their rows.
    pub fn node_rows(&self, stack: &StackId) -> &[InstanceId] {
        self.fleet(stack).map_or(&[], |fleet| &fleet.nodes)
    }

    /// A fleet.
    pub fn fleet(&self, stack: &StackId) -> Option<&Fleet> {
        self.estate.as_ref()?.fleets.get(stack)
    }

    /// A node.
    pub fn node(&self, id: &InstanceId) -> Option<&Node> {
        self.estate.as_ref()?.nodes.get(id)
    }

    /// The fleet that the operator is looking at.
    pub fn focus(&self) -> Option<&StackId> {
        match self.screens.last()? {
            Screen::Fleets { selection } => selection.id(),
            Screen::Nodes { stack, .. } => Some(stack),
        }
    }

    /// Whether what the groups said (nodes in service, lifecycles) is said of the present.
    pub fn groups_are_current(&self) -> bool {
        self.inventory.groups.current(self.now).is_ok()
    }

    /// All findings, worst first.
    pub fn findings(&self) -> &[Finding] {
        self.estate.as_ref().map_or(&[], |estate| &estate.findings)
    }
}
