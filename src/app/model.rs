//! What the console knows and shows. Only `update` changes it; screens are drawn from it alone.

use super::command::Context;
use super::desk::Desk;
use super::elsewhere::{BoundFor, Elsewhere};
use super::input::{Chord, Size};
use super::keymap::{Hint, Keymap};
use super::layer::{Dialog, Layer};
use super::looks::Looks;
use super::notice::Notices;
use super::operate::{Operation, Trouble};
use super::replay::Replay;
use super::screen::{RowId, Screen, ScreenKind};
use super::sources::{self, SourceLine};
use crate::config::{ClockSetting, ContextLine, Frame, Settings};
use crate::core::annotations::Snooze;
use crate::core::cause::{Cause, CauseKey};
use crate::core::commands::{NextCommand, Reach};
use crate::core::estate::{Estate, Fleet, Node};
use crate::core::finding::Finding;
use crate::core::history::History;
use crate::core::ids::{InstanceId, StackId};
use crate::core::inventory::{Inventory, ScopeStatus};
use crate::core::meter::Meter;
use crate::core::run::Run;
use crate::core::timeline::Timeline;
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
    /// The colour of the context's frame.
    pub frame: Option<Frame>,
    /// Whether nodes are probed at all.
    pub probing: bool,
    /// The profile, where one was named.
    #[serde(default)]
    pub profile: Option<String>,
    /// What stands for AWS, where it is not AWS itself.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// All contexts that can be gone to.
    #[serde(default)]
    pub contexts: Vec<ContextLine>,
    /// How many times as fast as real time its clock runs; 0 where nobody said so.
    #[serde(default)]
    pub times: u32,
    /// The contexts whose fleets are shown too.
    #[serde(default)]
    pub also: Vec<String>,
}

impl Place {
    /// The place that the settings are about.
    pub fn of(settings: &Settings) -> Self {
        Self {
            context: settings.context.clone(),
            region: settings.aws.region.clone(),
            production: settings.production,
            frame: settings.frame,
            probing: settings.probes.enabled,
            profile: settings.aws.profile.clone(),
            endpoint: settings.aws.endpoint_url.clone(),
            contexts: settings.contexts.clone(),
            times: settings.clock.as_ref().map_or(1, ClockSetting::times),
            also: settings.also.clone(),
        }
    }

    /// How AWS's own command line comes here.
    pub fn reach(&self) -> Reach<'_> {
        Reach {
            region: self.region.as_deref(),
            profile: self.profile.as_deref(),
            endpoint: self.endpoint.as_deref(),
        }
    }
}

/// Everything the screens are drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Where this console looks.
    pub place: Place,
    /// Why AWS cannot be asked at all, while that is so.
    pub unconnected: Option<Trouble>,
    /// The keys.
    pub keymap: Arc<Keymap>,
    /// The keymaps and themes to choose from.
    pub looks: Looks,
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
    /// What is wrong, each thing once, worst first; of the findings of the estate.
    pub causes: Vec<Cause>,
    /// What happened since the console started.
    pub timeline: Timeline,
    /// The last hour of each fleet.
    pub history: History,
    /// How each source stands.
    pub sources: Vec<SourceLine>,
    /// How each read stands.
    pub statuses: Vec<ScopeStatus>,
    /// What each source has cost of late.
    pub meter: Meter,
    /// Where the operator is, and the way there. Never empty.
    screens: Vec<Screen>,
    /// What lies over the screen, the topmost last.
    pub layers: Vec<Layer>,
    /// The chords of a sequence that has begun.
    pub pending: Vec<Chord>,
    /// What the console has said.
    pub notices: Notices,
    /// What may be done here, and what is being done.
    pub operation: Operation,
    /// What operators wrote down.
    #[serde(default)]
    pub desk: Desk,
    /// What is seen of other places, in the order in which the configuration names them.
    #[serde(default)]
    pub elsewhere: Vec<Elsewhere>,
    /// The fleet of another place that is being gone to.
    #[serde(default)]
    pub(super) bound_for: Option<BoundFor>,
    /// How a recording is played, where this is one.
    #[serde(default)]
    pub replay: Option<Replay>,
}

impl Model {
    /// A console that knows nothing yet.
    pub fn new(place: Place, keymap: Arc<Keymap>, size: Size, now: Timestamp) -> Self {
        let inventory = Inventory::default();
        let notices = Notices::by(place.times);
        let elsewhere = place.also.iter().map(|name| Elsewhere::unread(name, now)).collect();
        Self {
            place,
            elsewhere,
            bound_for: None,
            unconnected: None,
            keymap,
            looks: Looks::default(),
            started: now,
            now,
            size,
            sources: sources::lines(&inventory.statuses(now)),
            statuses: inventory.statuses(now),
            meter: Meter::default(),
            inventory: Arc::new(inventory),
            generation: 0,
            estate: None,
            reconciled: None,
            causes: Vec::new(),
            timeline: Timeline::default(),
            history: History::default(),
            screens: vec![Screen::new(ScreenKind::Fleets)],
            layers: Vec::new(),
            pending: Vec::new(),
            notices,
            operation: Operation::default(),
            desk: Desk::default(),
            replay: None,
        }
    }

    /// The screen the operator is on, and all screens on the way there, home first.
    pub fn screens(&self) -> &[Screen] {
        &self.screens
    }

    /// The screen the operator is on.
    pub fn screen(&self) -> &Screen {
        // Home is never left, so the last is always there.
        &self.screens[self.screens.len() - 1]
    }

    pub(super) fn screen_mut(&mut self) -> &mut Screen {
        let last = self.screens.len() - 1;
        &mut self.screens[last]
    }

    pub(super) fn screens_mut(&mut self) -> &mut Vec<Screen> {
        &mut self.screens
    }

    /// Where keys are looked up now, innermost first. A layer takes all keys but the global ones.
    pub fn contexts(&self) -> Vec<Context> {
        self.contexts_under(&self.layers)
    }

    /// Where keys are looked up when only these lie over the screen.
    pub fn contexts_under(&self, layers: &[Layer]) -> Vec<Context> {
        match layers.last() {
            // Under a plan there is a line to type into.
            Some(layer @ Layer::Review(_)) => {
                vec![layer.context(), Context::Prompt, Context::Global]
            }
            Some(layer) => vec![layer.context(), Context::Global],
            None => self.screen_contexts(),
        }
    }

    /// Where keys are looked up when nothing lies over the screen.
    pub fn screen_contexts(&self) -> Vec<Context> {
        let player = self.replay.as_ref().map(|_| Context::Replay);
        let screen = [self.screen().kind.context(), Context::List, Context::Global];
        player.into_iter().chain(screen).collect()
    }

    /// Every key that works below the topmost layer, and what it does: of the context it stands in.
    pub fn help(&self) -> Vec<(Context, Hint)> {
        let below = self.layers.split_last().map_or(&[][..], |(_, below)| below);
        self.keymap.help_by_context(&self.contexts_under(below))
    }

    /// Asks a question. Its answer brings about an effect.
    pub fn ask(&mut self, dialog: Dialog) {
        self.layers.push(Layer::Dialog(dialog));
    }

    /// A fleet.
    pub fn fleet(&self, stack: &StackId) -> Option<&Fleet> {
        self.estate.as_ref()?.fleets.get(stack)
    }

    /// A node.
    pub fn node(&self, id: &InstanceId) -> Option<&Node> {
        self.estate.as_ref()?.nodes.get(id).map(Arc::as_ref)
    }

    /// The fleet that the operator is looking at.
    pub fn focus(&self) -> Option<&StackId> {
        match &self.screen().kind {
            ScreenKind::Nodes(stack) => stack.as_ref(),
            ScreenKind::Ring(stack, _) => Some(stack),
            ScreenKind::Node(id) => self.node(id)?.stack_id.as_ref(),
            _ => match self.screen().list.selected()? {
                RowId::Fleet(stack) | RowId::Ring(stack, _) => Some(stack),
                RowId::Node(id) => self.node(id)?.stack_id.as_ref(),
                _ => None,
            },
        }
    }

    /// The account that is looked at, once it is known.
    pub fn account(&self) -> Option<&str> {
        self.inventory.identity.value().map(|identity| identity.account.as_str())
    }

    /// Whether a run is about another account or region than the one that is looked at. Where that
    /// is not known yet, nothing is called strange.
    pub fn is_elsewhere(&self, run: &Run) -> bool {
        let region = self.place.region.as_deref();
        let other = |here: Option<&str>, of: &str| here.is_some_and(|here| here != of);
        other(region, &run.plan.region) || other(self.account(), &run.plan.account)
    }

    /// Whether what the groups said (nodes in service, lifecycles) is said of the present.
    pub fn groups_are_current(&self) -> bool {
        self.inventory.groups.current(self.now).is_ok()
    }

    /// The snooze of a cause, while it holds.
    pub fn snooze(&self, cause: &CauseKey) -> Option<&Snooze> {
        self.desk.kept.snooze(cause, self.now)
    }

    /// The commands that somebody may want next on a node.
    pub fn commands(&self, id: &InstanceId) -> Vec<NextCommand> {
        super::rows::commands(self, id)
    }

    /// All findings, worst first.
    pub fn findings(&self) -> &[Finding] {
        self.estate.as_ref().map_or(&[], |estate| &estate.findings)
    }
}
