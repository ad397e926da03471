//! From what keymap files say to the keymap in force: each binding understood or told as a mistake,
//! the sheets laid over each other, and what is left looked at as a whole. What is right holds
//! whatever else is wrong.

use super::mistake::{Mistake, MistakeKind};
use super::sheet::{Binding, Origin, Sheet, Table, Written};
use super::{Keymap, Node};
use crate::app::command::{Action, Command, Context};
use crate::app::input::Chord;
use std::collections::BTreeMap;

/// A binding in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Where it holds.
    pub context: Context,
    /// The keys, as a keymap writes them.
    pub keys: String,
    /// What they mean.
    pub action: Action,
    /// Where it was written.
    pub origin: Origin,
}

/// What came of some keymap files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The keymap.
    pub keymap: Keymap,
    /// Its bindings, by context and keys.
    pub bindings: Vec<Bound>,
    /// What is wrong in the files, in their order.
    pub mistakes: Vec<Mistake>,
}

/// What must always be possible: to leave, and to answer what asks.
const ALWAYS: [(Context, Action); 6] = [
    (Context::Global, Action::Quit),
    (Context::Layer, Action::Back),
    (Context::Prompt, Action::Accept),
    (Context::Prompt, Action::Back),
    (Context::Dialog, Action::Accept),
    (Context::Dialog, Action::Back),
];

/// A binding that was understood; without an action it only unbinds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    context: Context,
    chords: Vec<Chord>,
    action: Option<Action>,
    origin: Origin,
}

impl Entry {
    fn keys(&self) -> String {
        self.chords.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    fn mistake(&self, kind: MistakeKind) -> Mistake {
        let at = format!("[{}] {:?}", self.context, self.keys());
        Mistake { origin: self.origin.clone(), at, kind }
    }

    /// Whether the keys of one are those of the other, or their beginning.
    fn clashes(&self, other: &Self) -> bool {
        self.context == other.context
            && (self.chords.starts_with(&other.chords) || other.chords.starts_with(&self.chords))
    }
}

impl Keymap {
    /// Lays sheets over each other, binding by binding: what a later one says of some keys comes in
    /// the place of everything that clashes with it there.
    pub fn make<'a>(sheets: impl IntoIterator<Item = &'a Sheet>) -> Made {
        let (mut all, mut mistakes): (Vec<Entry>, Vec<Mistake>) = Default::default();
        for sheet in sheets {
            let own = read(sheet, &mut mistakes);
            let mut kept: Vec<Entry> = all
                .iter()
                .filter(|entry| !own.iter().any(|other| other.clashes(entry)))
                .cloned()
                .collect();
            kept.extend(own);
            keep_ways_out(&mut kept, &all, &mut mistakes);
            shadows(&kept, &sheet.name, &mut mistakes);
            all = kept;
        }
        all.retain(|entry| entry.action.is_some());
        all.sort_by_cached_key(|entry| (entry.context, entry.keys()));
        let mut keymap = Self::default();
        for entry in &all {
            keymap.bind(entry);
        }
        let bound = |entry: Entry| {
            let keys = entry.keys();
            Some(Bound {
                context: entry.context,
                keys,
                action: entry.action?,
                origin: entry.origin,
            })
        };
        Made { keymap, bindings: all.into_iter().filter_map(bound).collect(), mistakes }
    }

    /// Adds a binding that clashes with none.
    fn bind(&mut self, entry: &Entry) {
        let (Some(action), Some((last, before))) = (entry.action, entry.chords.split_last()) else {
            return;
        };
        let mut branch = self.contexts.entry(entry.context).or_default();
        for chord in before {
            let next = branch.entry(*chord).or_insert_with(|| Node::Prefix(BTreeMap::new()));
            match next {
                Node::Prefix(next) => branch = next,
                Node::Action(_) => return,
            }
        }
        branch.insert(*last, Node::Action(action));
    }
}

/// What is right in a sheet, in the order of the file.
fn read(sheet: &Sheet, mistakes: &mut Vec<Mistake>) -> Vec<Entry> {
    let mut own: Vec<Entry> = Vec::new();
    for table in &sheet.tables {
        let Ok(context) = table.context.parse::<Context>() else {
            let kind = MistakeKind::unknown_context(&table.context);
            let origin = sheet.at(table.line);
            mistakes.push(Mistake { origin, at: format!("[{}]", table.context), kind });
            continue;
        };
        for written in &table.bindings {
            let at = || format!("[{}] {:?}", table.context, written.keys);
            let origin = sheet.at(written.line);
            let read = read_one(context, written).and_then(|(chords, action)| {
                let entry = Entry { context, chords, action, origin: origin.clone() };
                match own.iter().find_map(|other| clash(&entry, other)) {
                    Some(kind) => Err(kind),
                    None => Ok(entry),
                }
            });
            match read {
                Ok(entry) => own.push(entry),
                Err(kind) => mistakes.push(Mistake { origin, at: at(), kind }),
            }
        }
    }
    own
}

/// Why one binding cannot stand beside another of its sheet.
fn clash(entry: &Entry, other: &Entry) -> Option<MistakeKind> {
    if !entry.clashes(other) {
        return None;
    }
    if entry.chords == other.chords {
        return Some(MistakeKind::Twice(other.origin.clone()));
    }
    // To unbind a key is no hindrance to a sequence that begins with it.
    if entry.action.is_none() || other.action.is_none() {
        return None;
    }
    let (short, long) = match entry.chords.len() < other.chords.len() {
        true => (entry.keys(), other.keys()),
        false => (other.keys(), entry.keys()),
    };
    Some(MistakeKind::Prefix { short, long, first: other.origin.clone() })
}

fn read_one(
    context: Context,
    written: &Written,
) -> Result<(Vec<Chord>, Option<Action>), MistakeKind> {
    let chords = written.keys.split_whitespace().map(str::parse);
    let chords = chords.collect::<Result<Vec<Chord>, _>>()?;
    if chords.is_empty() {
        return Err(MistakeKind::NoKeys);
    }
    let name = match &written.binding {
        Binding::Nothing => return Ok((chords, None)),
        Binding::Other(text) => return Err(MistakeKind::NotACommand(text.clone())),
        Binding::Command(name) => name,
    };
    let command = Command::named(name).ok_or_else(|| MistakeKind::unknown_command(name))?;
    if !command.fits(context) {
        return Err(MistakeKind::out_of_place(command, context));
    }
    is_safe(context, &chords, command)?;
    Ok((chords, Some(command.action)))
}

/// Keys plan, and typing approves: what ends a run is no slip of a finger, a yes is no habit, and
/// what is typed can be typed.
fn is_safe(context: Context, chords: &[Chord], command: &Command) -> Result<(), MistakeKind> {
    let [first, rest @ ..] = chords else { return Err(MistakeKind::NoKeys) };
    let bare = rest.is_empty() && first.is_bare();
    if command.action == Action::RunAbort && bare {
        return Err(MistakeKind::OneBareKey(command.name.to_owned()));
    }
    if (context, command.action) == (Context::Dialog, Action::Accept) && bare && first.is_habit() {
        return Err(MistakeKind::Habit(first.to_string()));
    }
    if matches!(context, Context::Prompt | Context::Review) && first.typed().is_some() {
        return Err(MistakeKind::Typed(first.to_string()));
    }
    Ok(())
}

/// What must always be possible keeps the keys it had before, where a sheet has left it none.
fn keep_ways_out(kept: &mut Vec<Entry>, before: &[Entry], mistakes: &mut Vec<Mistake>) {
    for (context, action) in ALWAYS {
        let is = |entry: &&Entry| entry.context == context && entry.action == Some(action);
        if kept.iter().any(|entry| is(&entry)) {
            continue;
        }
        for old in before.iter().filter(is) {
            for taker in kept.extract_if(.., |entry| entry.clashes(old)) {
                let kind = MistakeKind::NoWayOut(action.command().name, context, old.keys());
                mistakes.push(taker.mistake(kind));
            }
            kept.push(old.clone());
        }
    }
}

/// Keys that a binding of an inner context makes unreachable in an outer one, because the one is the
/// beginning of the other. The same keys twice are no mistake: inner contexts come first on purpose.
fn shadows(all: &[Entry], sheet: &str, mistakes: &mut Vec<Mistake>) {
    let mut told: Vec<(&Entry, &Entry)> = Vec::new();
    let of = |context: Context| {
        all.iter().filter(move |entry| entry.context == context && entry.action.is_some())
    };
    for stack in Context::stacks() {
        for (depth, inner) in stack.iter().enumerate() {
            for entry in of(*inner) {
                let outer = stack[depth + 1..].iter().flat_map(|outer| of(*outer));
                let own =
                    |other: &Entry| [entry, other].iter().any(|it| *it.origin.sheet == *sheet);
                told.extend(outer.filter(|it| begins(entry, it) && own(it)).map(|it| (entry, it)));
            }
        }
    }
    // The same two may meet in several stacks.
    let mut seen: Vec<(&Entry, &Entry)> = Vec::new();
    for (entry, other) in told {
        let Some(action) = other.action.filter(|_| !seen.contains(&(entry, other))) else {
            continue;
        };
        seen.push((entry, other));
        mistakes.push(entry.mistake(MistakeKind::Shadows {
            keys: other.keys(),
            command: action.command().name,
            context: other.context,
            origin: other.origin.clone(),
        }));
    }
}

/// Whether the keys of one begin those of the other, and are not the same.
fn begins(one: &Entry, other: &Entry) -> bool {
    one.chords != other.chords
        && (one.chords.starts_with(&other.chords) || other.chords.starts_with(&one.chords))
}

impl Table {
    /// A table of the program's own making, for tests.
    #[cfg(test)]
    pub(super) fn of(context: &str, bindings: &[(&str, &str)]) -> Self {
        let written = |(place, (keys, name)): (usize, &(&str, &str))| Written {
            keys: (*keys).into(),
            binding: if *name == "false" {
                Binding::Nothing
            } else {
                Binding::Command((*name).into())
            },
            line: place + 2,
        };
        let bindings = bindings.iter().enumerate().map(written).collect();
        Self { context: context.into(), line: 1, bindings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(name: &str, tables: Vec<Table>) -> Sheet {
        Sheet { name: name.into(), tables }
    }

    /// The base that the tests lay something over.
    fn base() -> Sheet {
        let tables = vec![
            Table::of("global", &[("q", "quit"), ("ctrl-o", "help"), ("m", "messages")]),
            Table::of("list", &[("g g", "first")]),
            Table::of("layer", &[("esc", "back")]),
            Table::of("prompt", &[("enter", "accept"), ("esc", "back")]),
            Table::of("dialog", &[("y", "accept"), ("n", "back")]),
        ];
        sheet("base", tables)
    }

    fn over(context: &str, own: &[(&str, &str)]) -> Made {
        Keymap::make([&base(), &sheet("own", vec![Table::of(context, own)])])
    }

    /// The bindings of a context, as `keys command origin`.
    fn bound(made: &Made, context: Context) -> Vec<String> {
        let of = made.bindings.iter().filter(|it| it.context == context);
        of.map(|it| format!("{} {} {}", it.keys, it.action.command().name, it.origin)).collect()
    }

    /// What is wrong with bindings over the base, each as the sentence behind its place.
    fn mistakes(context: &str, own: &[(&str, &str)]) -> Vec<String> {
        over(context, own).mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_own_keymap_takes_the_place_of_what_it_clashes_with() {
        let global = |own: &[(&str, &str)]| {
            let made = over("global", own);
            assert_eq!(made.mistakes, [], "{own:?}");
            bound(&made, Context::Global)
        };
        let same = ["ctrl-o help base:3", "m messages base:4", "q quit base:2"];
        assert_eq!(global(&[]), same);
        assert_eq!(global(&[("x", "false")]), same);
        assert_eq!(global(&[("m", "false")]), [same[0], same[2]]);
        assert_eq!(global(&[("m m", "redraw")]), [same[0], "m m redraw own:2", same[2]]);
        assert_eq!(
            global(&[("ctrl-o", "redraw"), ("x", "quit"), ("q", "help")]),
            ["ctrl-o redraw own:2", same[1], "q help own:4", "x quit own:3"]
        );
        assert_eq!(
            bound(&over("list", &[("g", "last")]), Context::List),
            ["g last own:2"],
            "a key takes the place of the sequences that begin with it"
        );
    }

    #[test]
    fn what_is_right_holds_whatever_else_is_wrong() {
        let made = over("global", &[("x", "qiut"), ("z", "redraw")]);
        assert_eq!(made.mistakes.len(), 1);
        assert!(bound(&made, Context::Global).contains(&"z redraw own:3".to_owned()));
    }

    /// A context, bindings in it, and the beginning of what is said of them.
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

    #[test]
    fn every_mistake_is_told_with_its_place_and_what_may_be_meant() {
        #[rustfmt::skip]
        let rows: &[Row<'_>] = &[
            ("globl", &[("x", "quit")], "own:1: [globl]: there is no context \"globl\" (did you mean \"global\"?); there is global, list, "),
            ("global", &[("x", "qiut")], "own:2: [global] \"x\": there is no command \"qiut\" (did you mean \"quit\"?)"),
            ("sources", &[("x", "open")], "own:2: [sources] \"x\": open means nothing in this context; it does in [fleets], [nodes], "),
            ("global", &[("strg-q", "quit")], "own:2: [global] \"strg-q\": \"strg-q\" is no key: write a character, "),
            ("global", &[(" ", "quit")], "own:2: [global] \" \": a binding needs at least one key"),
            ("global", &[("a", "help"), ("a a", "help")], "own:3: [global] \"a a\": a at own:2 and a a clash: a is the beginning"),
            ("global", &[("a a", "help"), ("a", "help")], "own:3: [global] \"a\": a at own:2 and a a clash: a is the beginning"),
            ("global", &[("A", "help"), ("shift-a", "quit")], "own:3: [global] \"shift-a\": these keys are bound already, at own:2"),
            ("run", &[("x", "abort")], "own:2: [run] \"x\": abort may not stand on one key without ctrl or alt"),
            ("run", &[("f5", "abort")], "own:2: [run] \"f5\": abort may not stand on one key"),
            ("review", &[("a", "approve")], "own:2: [review] \"a\": no key approves a plan"),
            ("review", &[("ctrl-a", "accept")], "own:2: [review] \"ctrl-a\": no key approves a plan"),
            ("dialog", &[("enter", "accept")], "own:2: [dialog] \"enter\": a yes may not stand on enter, which is pressed by habit"),
            ("prompt", &[("x", "back")], "own:2: [prompt] \"x\": x could no longer be typed into a line"),
            ("fleets", &[("g", "open")], "own:2: [fleets] \"g\": it shadows g g (first) of [list], from base:2: where both hold"),
            ("fleets", &[("m m", "open")], "own:2: [fleets] \"m m\": it shadows m (messages) of [global], from base:4"),
            ("global", &[("q", "false")], "own:2: [global] \"q\": no key would be left for quit in [global], so q keeps its meaning"),
            ("prompt", &[("enter", "complete")], "own:2: [prompt] \"enter\": no key would be left for accept in [prompt], so enter"),
        ];
        for (context, own, expected) in rows {
            let told = mistakes(context, own);
            assert!(
                told.len() == 1 && told[0].starts_with(expected),
                "{told:#?} is not {expected}"
            );
        }
        for (context, keys, command) in [
            ("run", "ctrl-x", "abort"),
            ("run", "x x", "abort"),
            ("dialog", "j", "accept"),
            ("fleets", "q", "open"),
            ("list", "g h", "last"),
            ("fleets", "g h", "open"),
        ] {
            assert_eq!(mistakes(context, &[(keys, command)]), [""; 0], "{keys} in {context}");
        }
    }

    #[test]
    fn a_shadow_is_told_by_the_sheet_that_casts_it_alone() {
        let odd = sheet("base", vec![Table::of("list", &[("g g", "first")])]);
        let inner = sheet("inner", vec![Table::of("fleets", &[("g", "open")])]);
        let last = sheet("last", vec![Table::of("global", &[("x", "help")])]);
        let made = Keymap::make([&odd, &inner, &last]);
        assert_eq!(made.mistakes.len(), 1, "{:?}", made.mistakes);
    }

    #[test]
    fn a_way_out_that_is_kept_drives_out_what_would_take_it() {
        let made = over("global", &[("q", "redraw"), ("q q", "false"), ("m", "redraw")]);
        assert_eq!(made.mistakes.len(), 2, "{:?}", made.mistakes);
        let global = bound(&made, Context::Global);
        assert_eq!(global, ["ctrl-o help base:3", "m redraw own:4", "q quit base:2"]);
    }
}
