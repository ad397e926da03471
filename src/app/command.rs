//! The one command registry: keys, hints, help (and the palette) all come from this table.

use crate::core::plan::Verb;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator;

/// Where a binding holds. Inner contexts are asked before outer ones.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumIter,
    strum::EnumString,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Context {
    /// Everywhere.
    Global,
    /// On every screen with rows.
    List,
    /// On the Fleets screen.
    Fleets,
    /// On the Nodes screen.
    Nodes,
    /// On a node's screen.
    Node,
    /// On the Traffic screen.
    Traffic,
    /// On the Findings screen.
    Findings,
    /// On the Timeline.
    Timeline,
    /// On the Rings screen.
    Rings,
    /// On a ring's screen.
    Ring,
    /// On the Sources screen.
    Sources,
    /// On the Runs screen.
    Runs,
    /// On a run's screen.
    Run,
    /// Where a recording is played, before the keys of its screens.
    Replay,
    /// Under a plan that is being looked at, before the keys of a line that is typed.
    Review,
    /// In every layer over a screen that is only read.
    Layer,
    /// In a line that is typed.
    Prompt,
    /// In a question.
    Dialog,
}

impl Context {
    /// The contexts whose keys hold together, innermost first: one list for each place of the
    /// console where keys are pressed. Every context that is none of the others is a screen's.
    pub fn stacks() -> Vec<Vec<Self>> {
        let stack = |context| match context {
            Self::Global | Self::List => None,
            Self::Layer | Self::Prompt | Self::Dialog | Self::Replay => {
                Some(vec![context, Self::Global])
            }
            Self::Review => Some(vec![context, Self::Prompt, Self::Global]),
            _ => Some(vec![context, Self::List, Self::Global]),
        };
        Self::iter().filter_map(stack).collect()
    }
}

/// An entry of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// What a keymap calls it.
    pub name: &'static str,
    /// One word or two for the line of hints; empty where a hint would only take room.
    pub label: &'static str,
    /// What it does, in one sentence.
    pub doc: &'static str,
    /// What it is.
    pub action: Action,
    /// Where it means something. `Global` is everywhere.
    pub contexts: &'static [Context],
}

macro_rules! commands {
    ($($action:ident, $name:literal, $label:literal, [$($context:ident),+], $doc:literal;)*) => {
        /// What the operator can ask for. Closed: every key ends in one of these.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
            strum::EnumIter,
        )]
        pub enum Action {
            $(#[doc = $doc] #[serde(rename = $name)] $action,)*
        }

        /// All commands, in the order in which help and hints show them.
        pub const COMMANDS: &[Command] = &[
            $(Command {
                name: $name,
                label: $label,
                doc: $doc,
                action: Action::$action,
                contexts: &[$(Context::$context),+],
            },)*
        ];

        impl Action {
            /// Its entry in the registry.
            pub fn command(self) -> &'static Command {
                // The enum and the table are made from one list, so the place is the entry.
                &COMMANDS[self as usize]
            }
        }
    };
}

commands! {
    ReplayPause, "pause", "pause", [Replay], "Pause the recording, or let it go on.";
    ReplayStep, "step", "step", [Replay], "Go to the next frame that was seen, and pause there.";
    ReplayRewind, "rewind", "-1m", [Replay], "Go back by a minute.";
    ReplayForward, "forward", "+1m", [Replay], "Go on by a minute.";
    ReplayNextFinding, "next_finding", "next finding", [Replay], "Go to where the next finding begins.";
    ReplayPreviousFinding, "previous_finding", "", [Replay], "Go back to where the finding before began.";
    ReplayFaster, "faster", "faster", [Replay], "Play faster.";
    ReplaySlower, "slower", "", [Replay], "Play more slowly.";
    ReplaySeek, "seek", "", [Replay], "Go to a time: `seek 14:03`, `seek +2m`, `seek 90s` from the beginning.";
    Open, "open", "open", [Fleets, Nodes, Traffic, Findings, Timeline, Rings, Ring, Runs],
        "Open the selected row; of another place, go there.";
    Accept, "accept", "take it", [Prompt, Dialog], "Take what stands there; in a question, yes.";
    Back, "back", "back",
        [Fleets, Nodes, Node, Traffic, Findings, Timeline, Rings, Ring, Sources, Runs, Run, Layer, Prompt, Dialog],
        "Go back to where you came from; drop the filter first, if there is one.";
    PlanFix, "fix", "fix", [Fleets, Nodes, Node, Findings, Runs],
        "Plan the fix that the selected finding calls for; of a fleet, every safe fix.";
    PlanDrain, "drain", "drain", [Global],
        "Plan to take the marked nodes, or the selected one, out of the load balancer.";
    PlanUndrain, "undrain", "undrain", [Global],
        "Plan to bring the marked nodes, or the selected one, back into the load balancer.";
    PlanCutover, "cutover", "cut over", [Global],
        "Plan to move the traffic between the selected fleet and another.";
    Mark, "mark", "mark", [Nodes], "Mark the selected node for the next plan, or take the mark away.";
    RunHold, "hold", "hold", [Runs, Run], "Let the run finish its step, then hold.";
    RunGoOn, "go_on", "go on", [Runs, Run], "Let the run go on: past a gate, after a hold, after its process died.";
    PlanRollback, "rollback", "roll back", [Global], "Plan the way back from this run.";
    RunAbort, "abort", "abort", [Runs, Run], "Stop the run for good; traffic stays as it is.";
    Traffic, "traffic", "traffic", [Global], "Show load balancers, and where they send.";
    Filter, "filter", "filter", [List], "Show only some rows: words, or `stack:green -az:2b`.";
    Palette, "palette", "commands", [Global], "Run a command by its name.";
    Help, "help", "help", [Global], "Show every key that works here, and what it does.";
    Quit, "quit", "quit", [Global], "Leave the console. Nothing that runs elsewhere is stopped by it.";
    Findings, "findings", "findings", [Global], "Show everything that disagrees, worst first.";
    Runs, "runs", "runs", [Global], "Show the runs of this host, the latest first.";
    Timeline, "timeline", "timeline", [Global], "Show everything that changed, the latest first.";
    Rings, "rings", "rings", [Global],
        "Show the rings: which node sees whom, what lies about in them, what is to be forgotten.";
    Sources, "sources", "sources", [Global], "Show how each read of each source stands.";
    Jump, "jump", "jump", [Global], "Go to a node or a fleet by its id, address or name.";
    Evidence, "evidence", "evidence", [Global],
        "Write what is known now to a file, and send it to the clipboard.";
    Note, "note", "", [Global], "Write a note into the timeline, about what is selected: `note TEXT`.";
    Bookmark, "bookmark", "bookmark", [Timeline], "Put a bookmark at the selected change, or take it away.";
    Snooze, "snooze", "snooze", [Findings],
        "Be told of the selected finding only when it gets worse, for a while: `snooze 2h WHY`.";
    Wake, "wake", "wake", [Findings], "Bring the selected finding back before its snooze is over.";
    Copy, "copy", "", [List],
        "Copy the id of what is selected; of a command, the command.";
    CopyRow, "copy_row", "", [List], "Copy what is selected as a line of text.";
    Fleets, "fleets", "", [Global], "Show all fleets.";
    Run, "run", "", [Global], "Show a run: `run ID`, or the beginning of one.";
    Keymap, "keymap", "", [Global], "Take another keymap: `keymap vim`.";
    Theme, "theme", "", [Global], "Take other colours: `theme greyscale`.";
    Context, "context", "", [Global], "Look at another context of the configuration: `context prod`.";
    Fleet, "fleet", "", [Global], "Show the nodes of a fleet: `fleet NAME`.";
    Node, "node", "", [Global], "Show a node: `node ID`, the beginning of one, or an address.";
    SortNext, "sort_next", "sort", [List], "Sort by the next column.";
    SortPrevious, "sort_previous", "", [List], "Sort by the column before.";
    SortReverse, "sort_reverse", "", [List], "Sort the other way round.";
    Sort, "sort", "", [List], "Sort by a column: `sort role`, `sort 3100`, `sort loki`.";
    PlanReregister, "reregister", "", [Global],
        "Plan to write the marked nodes' registry entries and targets again.";
    PlanRepair, "repair", "", [Global], "Plan every safe fix of the selected fleet.";
    PlanDeregister, "deregister", "", [Global],
        "Plan to remove registry entries of instances that are proven gone.";
    PlanTakeover, "takeover", "", [Global],
        "Plan to take the lock of a dead run over, whatever its host: `takeover front`.";
    Arm, "arm", "", [Global], "Allow plans to be approved in this console for 15 minutes.";
    Disarm, "disarm", "", [Global], "Allow it no more.";
    Down, "down", "", [List, Layer, Prompt], "Go to the next row.";
    Up, "up", "", [List, Layer, Prompt], "Go to the row before.";
    PageDown, "page_down", "", [List, Layer, Prompt], "Go down by half a screen.";
    PageUp, "page_up", "", [List, Layer, Prompt], "Go up by half a screen.";
    First, "first", "", [List, Layer], "Go to the first row.";
    Last, "last", "", [List, Layer], "Go to the last row.";
    Complete, "complete", "complete", [Prompt], "Complete what is typed.";
    CursorBack, "cursor_back", "", [Prompt], "Go to the character before.";
    CursorForward, "cursor_forward", "", [Prompt], "Go to the character after.";
    WordBack, "word_back", "", [Prompt], "Go to the word before.";
    WordForward, "word_forward", "", [Prompt], "Go to the end of the word.";
    LineStart, "line_start", "", [Prompt], "Go to the beginning of the line.";
    LineEnd, "line_end", "", [Prompt], "Go to the end of the line.";
    DeleteBack, "delete_back", "", [Prompt], "Delete the character before.";
    DeleteForward, "delete_forward", "", [Prompt], "Delete the character after.";
    DeleteWord, "delete_word", "", [Prompt], "Delete the word before.";
    DeleteToStart, "delete_to_start", "", [Prompt], "Delete everything before.";
    DeleteToEnd, "delete_to_end", "", [Prompt], "Delete everything after.";
    PollNow, "poll_now", "read now", [Global], "Read everything on screen now rather than at its time.";
    SaveRecording, "save_recording", "", [Global],
        "Keep what this console has shown of late in a file, for `quarterdeck replay`.";
    Messages, "messages", "messages", [Global], "Show what this console has said so far.";
    Redraw, "redraw", "", [Global], "Paint the whole screen again, if something else wrote on it.";
    Suspend, "suspend", "", [Global], "Stop the console and go back to the shell; `fg` resumes it.";
}

/// What follows a command's name in the palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    None,
    /// The name of a fleet.
    Fleet,
    /// What a node is known by.
    Node,
    /// A column of the screen.
    Column,
    /// A filter.
    Filter,
    /// A filter of the screen that the command leads to; none is needed.
    Rows,
    /// The name of a run, or its beginning.
    Run,
    /// The name of a keymap.
    Keymap,
    /// The name of a theme.
    Theme,
    /// Words of the operator's own.
    Words,
    /// A time of a recording.
    Time,
    /// The name of a context.
    Context,
    /// What a plan is about. Without it, what is selected.
    Plan(Verb),
}

impl Action {
    /// What it must be told beside its name.
    pub fn argument(self) -> Argument {
        match self {
            Self::Fleet => Argument::Fleet,
            Self::Node => Argument::Node,
            Self::Sort => Argument::Column,
            Self::Filter => Argument::Filter,
            Self::Run => Argument::Run,
            Self::Keymap => Argument::Keymap,
            Self::Theme => Argument::Theme,
            Self::Note | Self::Snooze => Argument::Words,
            Self::ReplaySeek => Argument::Time,
            Self::Context => Argument::Context,
            _ if super::act::screen_of(self).is_some() => Argument::Rows,
            Self::PlanDrain => Argument::Plan(Verb::Drain),
            Self::PlanUndrain => Argument::Plan(Verb::Undrain),
            Self::PlanReregister => Argument::Plan(Verb::Reregister),
            Self::PlanRepair => Argument::Plan(Verb::Repair),
            Self::PlanDeregister => Argument::Plan(Verb::Deregister),
            Self::PlanCutover => Argument::Plan(Verb::Cutover),
            Self::PlanRollback => Argument::Plan(Verb::Rollback),
            Self::PlanTakeover => Argument::Plan(Verb::Takeover),
            _ => Argument::None,
        }
    }
}

impl Command {
    /// The command of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        COMMANDS.iter().find(|command| command.name == name)
    }

    /// Whether it means something where this binding would hold.
    pub fn fits(&self, context: Context) -> bool {
        self.contexts.contains(&Context::Global) || self.contexts.contains(&context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_entry_and_a_sentence() {
        for action in Action::iter() {
            let command = action.command();
            assert_eq!(command.action, action);
            assert!(command.doc.ends_with('.'), "{}", command.name);
            assert_eq!(Command::named(command.name), Some(command), "names are unique");
        }
    }
}
