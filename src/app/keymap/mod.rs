//! Keys as data: a trie of chords for each context. What a key means is found here, in `app`,
//! because a recording holds keys and a replay must find the same meaning.

mod build;
mod mistake;
mod sheet;

pub use build::{Bound, Made};
pub use mistake::{Mistake, MistakeKind};
pub use sheet::{Binding, Origin, Sheet, Table, Written};

use super::command::{Action, COMMANDS, Context};
use super::input::Chord;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What follows a chord.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Node {
    /// Its meaning.
    Action(Action),
    /// More chords.
    Prefix(BTreeMap<Chord, Node>),
}

/// All bindings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keymap {
    contexts: BTreeMap<Context, BTreeMap<Chord, Node>>,
}

/// What a chord means after the chords before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It begins or continues a sequence.
    Pending,
    /// This.
    Matched(Action),
    /// Nothing.
    NotFound,
    /// Nothing, and the sequence it should have continued is over.
    Cancelled,
}

/// A key and what it does, for the line of hints and for help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The keys, as a keymap writes them: `g g`.
    pub keys: String,
    /// What they mean.
    pub action: Action,
}

impl Keymap {
    /// What `chord` means after `pending`. The first of `contexts` that knows the sequence decides.
    pub fn resolve(&self, contexts: &[Context], pending: &[Chord], chord: Chord) -> Resolution {
        for context in contexts {
            match self.branch(*context, pending).and_then(|branch| branch.get(&chord)) {
                Some(Node::Action(action)) => return Resolution::Matched(*action),
                Some(Node::Prefix(_)) => return Resolution::Pending,
                None => {}
            }
        }
        if pending.is_empty() { Resolution::NotFound } else { Resolution::Cancelled }
    }

    /// Everything that works in these contexts after `pending`, in the registry's order. A key
    /// that an inner context has taken is not shown for an outer one, and none that writes a character
    /// where a line is typed.
    pub fn hints(&self, contexts: &[Context], pending: &[Chord]) -> Vec<Hint> {
        let mut found: BTreeMap<String, Action> = BTreeMap::new();
        let mut typing = false;
        for context in contexts {
            typing |= matches!(context, Context::Prompt | Context::Review);
            let Some(branch) = self.branch(*context, pending) else { continue };
            let mut of_context = BTreeMap::new();
            let reached = branch.iter().filter(|(chord, _)| !typing || chord.typed().is_none());
            collect(reached, "", &mut of_context);
            for (keys, action) in of_context {
                found.entry(keys).or_insert(action);
            }
        }
        let mut hints: Vec<_> =
            found.into_iter().map(|(keys, action)| Hint { keys, action }).collect();
        // Short keys first: the hint for an action is the first of its keys.
        hints.sort_by_key(|hint| (hint.action, hint.keys.len()));
        hints
    }

    /// Every action that some key reaches in these contexts, with all its keys, shortest first.
    pub fn help(&self, contexts: &[Context]) -> Vec<Hint> {
        let mut lines: Vec<Hint> = Vec::new();
        for hint in self.hints(contexts, &[]) {
            match lines.last_mut().filter(|last| last.action == hint.action) {
                Some(last) => last.keys = format!("{}, {}", last.keys, hint.keys),
                None => lines.push(hint),
            }
        }
        lines
    }

    /// The same, of the context that each stands in; an inner context's own keys first.
    pub fn help_by_context(&self, contexts: &[Context]) -> Vec<(Context, Hint)> {
        let all = self.hints(contexts, &[]);
        let mut lines: Vec<(Context, Hint)> = Vec::new();
        for context in contexts {
            let own = self.contexts.get(context);
            let mut bound = BTreeMap::new();
            own.into_iter().for_each(|branch| collect(branch, "", &mut bound));
            let first = lines.len();
            for hint in all.iter().filter(|hint| bound.get(&hint.keys) == Some(&hint.action)) {
                let of_context = &mut lines[first..];
                match of_context.last_mut().filter(|(_, last)| last.action == hint.action) {
                    Some((_, last)) => last.keys = format!("{}, {}", last.keys, hint.keys),
                    None => lines.push((*context, hint.clone())),
                }
            }
        }
        lines
    }

    /// Actions that no key reaches.
    pub fn unbound(&self) -> Vec<Action> {
        let mut bound = BTreeMap::new();
        for (context, branch) in &self.contexts {
            collect(branch, &format!("{context} "), &mut bound);
        }
        let has = |action| bound.values().any(|one| *one == action);
        COMMANDS.iter().map(|command| command.action).filter(|action| !has(*action)).collect()
    }

    fn branch(&self, context: Context, pending: &[Chord]) -> Option<&BTreeMap<Chord, Node>> {
        pending.iter().try_fold(self.contexts.get(&context)?, |branch, chord| {
            match branch.get(chord)? {
                Node::Prefix(next) => Some(next),
                Node::Action(_) => None,
            }
        })
    }
}

fn collect<'b>(
    branch: impl IntoIterator<Item = (&'b Chord, &'b Node)>,
    before: &str,
    found: &mut BTreeMap<String, Action>,
) {
    for (chord, node) in branch {
        let keys = format!("{before}{chord}");
        match node {
            Node::Action(action) => {
                found.insert(keys, *action);
            }
            Node::Prefix(next) => collect(next, &format!("{keys} "), found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chord(text: &str) -> Chord {
        text.parse().unwrap()
    }

    fn keymap(bindings: &[(&str, &str, &str)]) -> Keymap {
        let one = |(context, keys, command): &(&str, &str, &str)| {
            Table::of(context, &[(*keys, *command)])
        };
        let sheet = Sheet { name: "test".into(), tables: bindings.iter().map(one).collect() };
        Keymap::make([&sheet]).keymap
    }

    #[test]
    fn inner_contexts_come_first_and_sequences_wait() {
        let keymap = keymap(&[
            ("global", "q", "quit"),
            ("list", "g g", "first"),
            ("list", "j", "down"),
            ("layer", "q", "back"),
        ]);
        let on_list = [Context::List, Context::Global];
        let in_layer = [Context::Layer, Context::Global];
        let say = |contexts: &[Context], before: &[Chord], key| {
            keymap.resolve(contexts, before, chord(key))
        };
        assert_eq!(say(&on_list, &[], "q"), Resolution::Matched(Action::Quit));
        assert_eq!(say(&in_layer, &[], "q"), Resolution::Matched(Action::Back));
        assert_eq!(say(&in_layer, &[], "j"), Resolution::NotFound);
        assert_eq!(say(&on_list, &[], "g"), Resolution::Pending);
        assert_eq!(say(&on_list, &[chord("g")], "g"), Resolution::Matched(Action::First));
        assert_eq!(say(&on_list, &[chord("g")], "q"), Resolution::Cancelled);
    }

    #[test]
    fn hints_come_from_the_trie() {
        let keymap = keymap(&[
            ("global", "ctrl-c", "quit"),
            ("global", "q", "quit"),
            ("list", "g g", "first"),
        ]);
        let keys = |pending: &[Chord]| -> Vec<String> {
            let hints = keymap.hints(&[Context::List, Context::Global], pending);
            hints.into_iter().map(|hint| hint.keys).collect()
        };
        assert_eq!(keys(&[]), ["q", "ctrl-c", "g g"]);
        assert_eq!(keys(&[chord("g")]), ["g"]);
        // Where a line is typed, what writes a character does nothing else.
        for context in [Context::Prompt, Context::Review] {
            let hints = keymap.hints(&[context, Context::List, Context::Global], &[]);
            let keys: Vec<_> = hints.into_iter().map(|hint| hint.keys).collect();
            assert_eq!(keys, ["ctrl-c"]);
        }
    }
}
