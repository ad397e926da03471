//! The keymaps that come with the program, an operator's own over one of them, and the way from
//! their TOML to what `app` understands. A mistake costs the binding it stands in, never the console.

use crate::app::Keymap;
use crate::app::keymap::{Binding, Made, Mistake, MistakeKind, Origin, Sheet, Table, Written};
use crate::config::Chosen;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A keymap that comes with the program.
struct Shipped {
    name: &'static str,
    /// What it is laid over.
    over: Option<&'static str>,
    toml: &'static str,
}

/// All of them. vim and emacs say only what they have otherwise than the default, so that a key of a
/// new command reaches them too; minimal stands alone, with few keys and the palette.
const SHIPPED: [Shipped; 4] = [
    Shipped { name: "default", over: None, toml: include_str!("../../keymaps/default.toml") },
    Shipped { name: "vim", over: Some("default"), toml: include_str!("../../keymaps/vim.toml") },
    Shipped {
        name: "emacs",
        over: Some("default"),
        toml: include_str!("../../keymaps/emacs.toml"),
    },
    Shipped { name: "minimal", over: None, toml: include_str!("../../keymaps/minimal.toml") },
];

/// What is used where nothing else is, or can be.
const DEFAULT: &str = "default";

/// An offending value is told up to so many characters.
const TOLD: usize = 40;

/// The keymap in force.
#[derive(Clone, Debug)]
pub struct KeysInForce {
    /// The one that came with the program.
    pub name: String,
    /// What came of it, and of the operator's own keys over it.
    pub made: Made,
}

/// The names of the keymaps that come with the program.
pub fn keymap_names() -> Vec<String> {
    SHIPPED.iter().map(|one| one.name.to_owned()).collect()
}

/// The default keymap.
pub fn default_keymap() -> Keymap {
    Keymap::make(sheets(DEFAULT).iter()).keymap
}

/// The keymap that is chosen, with everything that is wrong about the choice.
pub fn keys_in_force(chosen: &Chosen) -> KeysInForce {
    let known = keymap_names();
    let (name, mut mistakes) = match known.contains(&chosen.name) {
        true => (chosen.name.as_str(), Vec::new()),
        false => {
            let origin = Origin { sheet: "keymap".into(), line: None };
            let kind = MistakeKind::unknown_keymap(&chosen.name, &known);
            (DEFAULT, vec![Mistake { origin, at: String::new(), kind }])
        }
    };
    let mut made = over(name, chosen.file.as_deref());
    mistakes.append(&mut made.mistakes);
    made.mistakes = mistakes;
    KeysInForce { name: name.to_owned(), made }
}

/// All keymaps to choose from in the console, the operator's own keys over each.
pub(super) fn all(chosen: &Chosen, in_force: &KeysInForce) -> BTreeMap<String, Arc<Keymap>> {
    let keymap = |one: &Shipped| match one.name == in_force.name {
        true => in_force.made.keymap.clone(),
        false => over(one.name, chosen.file.as_deref()).keymap,
    };
    SHIPPED.iter().map(|one| (one.name.to_owned(), Arc::new(keymap(one)))).collect()
}

/// What is to be said about mistakes, the summary last: it is what the status line shows.
pub(super) fn said(chosen: &Chosen, mistakes: &[Mistake]) -> Vec<String> {
    let mut said: Vec<String> = mistakes.iter().map(|one| format!("Left out: {one}.")).collect();
    if said.len() > 1 && chosen.file.is_some() {
        let count = said.len();
        said.push(format!(
            "{count} mistakes in the keymap are left out: `quarterdeck keys` tells them."
        ));
    }
    said.into_iter().map(|text| super::brief(text, chosen)).collect()
}

/// A shipped keymap, with a file of the operator's own over it.
fn over(name: &str, file: Option<&Path>) -> Made {
    let mut all = sheets(name);
    let mut mistakes = Vec::new();
    if let Some(path) = file {
        let (sheet, wrong) = own(path);
        all.push(sheet);
        mistakes = wrong;
    }
    let mut made = Keymap::make(all.iter());
    mistakes.append(&mut made.mistakes);
    mistakes.sort_by_key(|one| one.origin.line);
    made.mistakes = mistakes;
    made
}

/// A shipped keymap: what it is laid over, then itself.
fn sheets(name: &str) -> Vec<Sheet> {
    let Some(one) = SHIPPED.iter().find(|one| one.name == name) else { return Vec::new() };
    let mut all = one.over.map(sheets).unwrap_or_default();
    // What is wrong in one of ours is found by a test.
    all.push(parse(name, one.toml).0);
    all
}

/// The operator's own file.
fn own(path: &Path) -> (Sheet, Vec<Mistake>) {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&name, &text),
        Err(error) => {
            let sheet = Sheet { name: name.as_str().into(), tables: Vec::new() };
            let origin = Origin { sheet: Arc::clone(&sheet.name), line: None };
            let kind = MistakeKind::Unreadable(error.to_string());
            (sheet, vec![Mistake { origin, at: String::new(), kind }])
        }
    }
}

/// Reads the text of a keymap. Where it is no TOML nothing of it is taken: what stands behind a head
/// that cannot be read would land in another context. The same key twice is no such matter.
fn parse(name: &str, text: &str) -> (Sheet, Vec<Mistake>) {
    let name: Arc<str> = name.into();
    let (document, errors) = DeTable::parse_recoverable(text);
    let usable = errors.iter().all(|error| error.message() == "duplicate key");
    let mistake = |line, at: String, kind| Mistake {
        origin: Origin { sheet: Arc::clone(&name), line },
        at,
        kind,
    };
    let mut mistakes: Vec<Mistake> = errors
        .iter()
        .map(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            let what = error.message().lines().collect::<Vec<_>>().join(" ");
            mistake(line, String::new(), MistakeKind::Syntax(what))
        })
        .collect();
    let mut tables = Vec::new();
    for (context, value) in document.get_ref().iter().filter(|_| usable) {
        let line = line_of(text, context.span().start);
        let context = context.get_ref().to_string();
        match value.get_ref() {
            DeValue::Table(table) => {
                tables.push(Table { context, line, bindings: bindings(table, text) });
            }
            _ => {
                let what = format!("{} outside of a context", written(value, text));
                mistakes.push(mistake(Some(line), context, MistakeKind::NotACommand(what)));
            }
        }
    }
    tables.sort_by_key(|table| table.line);
    (Sheet { name, tables }, mistakes)
}

fn bindings(table: &DeTable<'_>, text: &str) -> Vec<Written> {
    let mut all: Vec<Written> = table
        .iter()
        .map(|(keys, value)| Written {
            keys: keys.get_ref().to_string(),
            binding: match value.get_ref() {
                DeValue::String(name) => Binding::Command(name.to_string()),
                DeValue::Boolean(false) => Binding::Nothing,
                _ => Binding::Other(written(value, text)),
            },
            line: line_of(text, keys.span().start),
        })
        .collect();
    all.sort_by_key(|written| written.line);
    all
}

/// A value as it stands in the file.
fn written(value: &Spanned<DeValue<'_>>, text: &str) -> String {
    let all = text.get(value.span()).unwrap_or_default();
    all.lines().next().unwrap_or_default().chars().take(TOLD).collect()
}

/// The line of a byte offset, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, Argument, COMMANDS, Context};

    /// What the minimal keymap leaves to the palette on purpose. Whoever adds a command either gives
    /// it a key in keymaps/minimal.toml or names it here.
    const LEFT_TO_THE_PALETTE: &[&str] = &[
        "fix",
        "drain",
        "undrain",
        "cutover",
        "hold",
        "go_on",
        "rollback",
        "abort",
        "traffic",
        "findings",
        "runs",
        "timeline",
        "rings",
        "sources",
        "jump",
        "arm",
        "disarm",
        "mark",
        "evidence",
        "note",
        "bookmark",
        "snooze",
        "wake",
        "copy",
        "copy_row",
        "poll_now",
        "save_recording",
        "rewind",
        "forward",
        "next_finding",
        "previous_finding",
        "faster",
        "slower",
        "messages",
        "redraw",
        "suspend",
        "sort_next",
        "sort_previous",
        "sort_reverse",
    ];

    fn shipped(name: &str) -> Made {
        over(name, None)
    }

    /// An own keymap over one that comes with the program.
    fn with(name: &str, text: &str) -> Made {
        let (own, mut mistakes) = parse("own.toml", text);
        let mut made = Keymap::make(sheets(name).iter().chain([&own]));
        made.mistakes.append(&mut mistakes);
        made
    }

    #[test]
    fn every_shipped_keymap_passes_its_own_check() {
        for one in SHIPPED {
            let (_, wrong) = parse(one.name, one.toml);
            assert_eq!(wrong, [], "{}", one.name);
            let told: Vec<_> = shipped(one.name).mistakes.iter().map(ToString::to_string).collect();
            assert!(told.is_empty(), "keymaps/{}.toml: {told:#?}", one.name);
            // It is also a file that an operator may lay over the default.
            assert_eq!(with(DEFAULT, one.toml).mistakes, [], "{} over the default", one.name);
        }
    }

    /// Of the default keymap: what needs no argument has a key in every place where it means
    /// something of its own.
    #[test]
    fn the_default_keymap_reaches_every_command() {
        let mut lacking = Vec::new();
        let default = shipped(DEFAULT);
        for command in COMMANDS.iter().filter(|it| it.action.argument() == Argument::None) {
            let places: Vec<Vec<Context>> = Context::stacks()
                .into_iter()
                .filter(|stack| stack.iter().any(|it| command.contexts.contains(it)))
                .collect();
            assert!(!places.is_empty(), "{}", command.name);
            let keys =
                places.iter().filter(|stack| reaches(&default, stack, command.action)).count();
            if keys == 0 || keys < places.len() && !command.contexts.contains(&Context::Global) {
                lacking.push(format!("keymaps/default.toml has no key for {}", command.name));
            }
        }
        assert!(lacking.is_empty(), "\n{}", lacking.join("\n"));
    }

    /// Whatever has a key in the default keymap has one in the others, in the same places, or is left
    /// to the palette on purpose. The message tells which keymap lacks what.
    #[test]
    fn every_shipped_keymap_reaches_what_the_default_reaches() {
        let mut lacking = Vec::new();
        let default = shipped(DEFAULT);
        for one in SHIPPED {
            let made = shipped(one.name);
            for command in COMMANDS {
                let left = one.name == "minimal" && LEFT_TO_THE_PALETTE.contains(&command.name);
                for stack in Context::stacks().iter().filter(|_| !left) {
                    let lacks = reaches(&default, stack, command.action)
                        && !reaches(&made, stack, command.action);
                    if lacks {
                        let or = match one.name {
                            "minimal" => ", or name it in LEFT_TO_THE_PALETTE (src/tui/keymaps.rs)",
                            _ => "",
                        };
                        let (name, place) = (command.name, stack[0]);
                        lacking.push(format!(
                            "keymaps/{}.toml has no key for {name} in [{place}]: bind it{or}",
                            one.name
                        ));
                    }
                }
            }
        }
        assert!(lacking.is_empty(), "\n{}", lacking.join("\n"));
    }

    fn is_bound(name: &str, action: Action) -> bool {
        shipped(name).bindings.iter().any(|it| it.action == action)
    }

    fn reaches(made: &Made, stack: &[Context], action: Action) -> bool {
        made.bindings.iter().any(|it| stack.contains(&it.context) && it.action == action)
    }

    #[test]
    fn what_minimal_leaves_to_the_palette_it_has_no_key_for() {
        for name in LEFT_TO_THE_PALETTE {
            let command = COMMANDS.iter().find(|command| command.name == *name);
            let action = command.unwrap_or_else(|| panic!("no command {name}")).action;
            assert!(!is_bound("minimal", action), "{name} is bound: take it off the list");
        }
    }

    /// Keymap, keys, and where they lead on a world of two fleets.
    #[rustfmt::skip]
    const LEADS: &[(&str, &str, &str)] = &[
        ("vim", "j l", "fleets > green-413"),
        ("vim", "l h", "fleets"),
        ("vim", "g t", "fleets > traffic"),
        ("vim", "g f ctrl-o", "fleets"),
        ("vim", "l G g g l", "fleets > blue-412 > node 1"),
        ("vim", "g s ctrl-b", "fleets > sources"),
        ("emacs", "ctrl-n ctrl-f", "fleets > green-413"),
        ("emacs", "ctrl-f ctrl-b", "fleets"),
        ("emacs", "ctrl-f alt-> ctrl-p ctrl-f", "fleets > blue-412 > node 2"),
        ("emacs", "ctrl-f ctrl-g", "fleets"),
        ("emacs", "alt-x s o u r c e s enter", "fleets > sources"),
        ("emacs", "alt-x s o u ctrl-g", "fleets"),
        ("minimal", "down enter", "fleets > green-413"),
        ("minimal", "j t S", "fleets"),
        ("minimal", ": t r a f enter", "fleets > traffic"),
        ("minimal", ": t r a f enter esc", "fleets"),
    ];

    #[test]
    fn keys_of_each_keymap_lead_where_they_should() {
        use crate::app::{ScreenKind, fixture};
        for (name, keys, expected) in LEADS {
            let mut model = fixture::model(80, 24);
            fixture::sources_ok(&mut model, 1);
            fixture::show(&mut model, 2, fixture::healthy());
            model.keymap = Arc::new(shipped(name).keymap);
            fixture::press(&mut model, keys);
            let crumb = |kind: &ScreenKind| match kind {
                ScreenKind::Node(id) => format!("node {}", id.as_str().chars().last().unwrap()),
                kind => kind.crumb().to_owned(),
            };
            let way: Vec<_> = model.screens().iter().map(|screen| crumb(&screen.kind)).collect();
            assert_eq!(way.join(" > "), *expected, "{name}: {keys}");
            assert!(model.layers.is_empty(), "{name}: {keys}");
        }
    }

    /// Under a plan the key that arms is named, and it is one that works while a line is typed.
    #[test]
    fn what_arms_is_told_as_each_keymap_has_it() {
        use crate::app::{fixture, operate::arms};
        let keys = [("default", Some("ctrl-o")), ("vim", Some("ctrl-t")), ("minimal", None)];
        for (name, key) in keys {
            let mut model = fixture::model(80, 24);
            model.operation.allowed = true;
            fixture::sources_ok(&mut model, 1);
            fixture::show(&mut model, 2, fixture::troubled());
            fixture::press(&mut model, ": r e p a i r space g r e e n - 4 1 3 enter");
            model.keymap = Arc::new(shipped(name).keymap);
            assert_eq!(arms(&model).as_deref(), key, "{name}: {:?}", model.layers);
        }
    }

    #[test]
    fn mistakes_are_told_with_their_lines_and_the_rest_holds() {
        let made = with(
            "vim",
            "[global]\n\"x\" = \"qiut\"\n\"z\" = 7\n\"Z\" = true\n\n[list]\n\"n\" = \"down\"\n",
        );
        let told: Vec<_> = made.mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:#?}");
        assert!(told[0].starts_with("own.toml:2: [global] \"x\": there is no command \"qiut\""));
        assert!(told[1].starts_with("own.toml:3: [global] \"z\": 7 is neither the name"));
        assert!(told[2].starts_with("own.toml:4: [global] \"Z\": true is neither the name"));
        assert!(made.bindings.iter().any(|it| it.keys == "n" && it.action == Action::Down));
    }

    #[test]
    fn of_what_is_no_toml_nothing_is_taken() {
        for (text, place) in [
            ("[global]\n\"x\" = quit\n\"n\" = \"help\"\n", "own.toml:2: it is no TOML: "),
            ("[global\n\"n\" = \"help\"\n", "own.toml:1: it is no TOML: "),
        ] {
            let made = with(DEFAULT, text);
            let told: Vec<_> = made.mistakes.iter().map(ToString::to_string).collect();
            assert!(told.iter().any(|it| it.starts_with(place)), "{told:?}");
            assert_eq!(made.keymap, default_keymap());
        }
        let made = with(DEFAULT, "n = \"help\"\n[global]\nz = \"help\"\n");
        let told = made.mistakes[0].to_string();
        assert!(told.starts_with("own.toml:1: n: \"help\" outside of a context is"), "{told}");
        assert!(made.bindings.iter().any(|it| it.keys == "z"));
        let twice = with(DEFAULT, "[global]\nz = \"help\"\nz = \"quit\"\nn = \"help\"\n");
        assert!(twice.mistakes[0].to_string().starts_with("own.toml:3: it is no TOML: duplicate"));
        assert!(twice.bindings.iter().any(|it| it.keys == "n"));
    }

    #[test]
    fn a_choice_that_cannot_be_is_said_and_the_default_holds() {
        let chosen = |name: &str, file: Option<&str>| Chosen {
            name: name.into(),
            file: file.map(Into::into),
        };
        let odd = chosen("vin", Some("/nowhere/keymap.toml"));
        let made = keys_in_force(&odd);
        assert_eq!((made.name.as_str(), &made.made.keymap), (DEFAULT, &default_keymap()));
        let told = said(&odd, &made.made.mistakes);
        assert!(told[0].contains("there is no keymap \"vin\" (did you mean \"vim\"?)"), "{told:?}");
        assert!(
            told[1].contains("Left out: keymap.toml: it cannot be read (No such file"),
            "{told:?}"
        );
        assert!(told[2].starts_with("2 mistakes in the keymap are left out: "), "{told:?}");
        assert_ne!(keys_in_force(&chosen("vim", None)).made.keymap, default_keymap());
        assert_eq!(said(&odd, &[]), [""; 0]);
    }
}
