//! What may follow a command's name: candidates for the word that is being typed.

use super::flags;
use crate::app::command::{Action, Argument};
use crate::app::jump::{self, Found, Wanted};
use crate::app::layer::{Choice, Then};
use crate::app::model::Model;
use crate::app::rows;
use crate::app::screen::ScreenKind;
use crate::app::words::{self, quote};
use crate::core::plan::Verb;

/// The candidates for what follows a name; `text` begins behind the blank after it.
pub(super) fn complete(model: &Model, (name, action): (&str, Action), text: &str) -> Found {
    let word = text.trim();
    match action.argument() {
        Argument::None | Argument::Words | Argument::Time => Found::default(),
        Argument::Plan(verb) => of_plan(model, (name, verb), text),
        // What can be gone to; what is planned for, below, is of this place only.
        Argument::Fleet if !word.is_empty() => jump::everywhere(model, word, Wanted::Fleets),
        Argument::Fleet => places(model, word, Wanted::Fleets),
        Argument::Node => places(model, word, Wanted::Nodes),
        Argument::Filter => filter(model, name, &model.screen().kind, text),
        Argument::Rows => match crate::app::act::screen_of(action) {
            Some(kind) => filter(model, name, &kind, text),
            None => Found::default(),
        },
        Argument::Column => {
            let columns = rows::columns(model, &model.screen().kind);
            let columns = columns.iter().map(|column| (column.to_string(), String::new()));
            beginning(name, word, columns)
        }
        Argument::Run => beginning(name, word, runs(model)),
        Argument::Keymap => {
            let looks = &model.looks;
            let all = looks.keymaps.keys();
            beginning(name, word, all.map(|one| (one.clone(), in_use(*one == looks.keymap))))
        }
        Argument::Theme => {
            let looks = &model.looks;
            let all = looks.themes.iter();
            beginning(name, word, all.map(|one| (one.clone(), in_use(*one == looks.theme))))
        }
        Argument::Context => {
            let here = model.place.context.as_deref();
            let all = model.place.contexts.iter().map(|one| match here == Some(&one.name) {
                true => (one.name.clone(), format!("here; {}", one.about)),
                false => (one.name.clone(), one.about.clone()),
            });
            beginning(name, word, all)
        }
    }
}

fn in_use(is: bool) -> String {
    if is { "in use".to_owned() } else { String::new() }
}

/// Runs, the latest first: their names begin with the time.
fn runs(model: &Model) -> impl Iterator<Item = (String, String)> {
    model.operation.runs.values().rev().map(|seen| {
        let run = &seen.run;
        (run.id.to_string(), format!("{}, {}", run.plan.intent.verb(), run.state.word()))
    })
}

/// The locks that are held, by the names of what they lock.
fn locks(model: &Model) -> Vec<(String, String)> {
    let held = model.estate.as_deref().into_iter().flat_map(|estate| &estate.locks);
    held.map(|lock| (lock.scope.clone(), lock.holder())).collect()
}

/// The one word that a command takes: those that begin so. Run when it is the only one, or when it
/// is written out.
fn beginning(name: &str, word: &str, all: impl IntoIterator<Item = (String, String)>) -> Found {
    let word = word.to_lowercase();
    let like = all.into_iter().filter(|(one, _)| one.starts_with(&word));
    let mut choices: Vec<Choice> = like
        .map(|(one, doc)| {
            let then = Then::Run(format!("{name} {one}"));
            Choice { name: one, keys: String::new(), doc, then }
        })
        .collect();
    // What is written out stands first: it is what Enter takes.
    choices.sort_by_key(|choice| choice.name != word);
    let sure = choices.len() == 1 || choices.first().is_some_and(|first| first.name == word);
    Found { matches: choices.len(), sure: sure && !word.is_empty(), choices }
}

/// Fleets and nodes; before anything is typed, all of them.
fn places(model: &Model, text: &str, wanted: Wanted) -> Found {
    let Some(estate) = &model.estate else { return Found::default() };
    match text.is_empty() {
        true => jump::all(estate, wanted),
        false => jump::find(estate, text, wanted),
    }
}

/// The property that a filter's last word begins to name, or the fleets that it may be.
fn filter(model: &Model, name: &str, kind: &ScreenKind, text: &str) -> Found {
    let at = text.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let (before, last) = text.split_at(at);
    let (sign, last) = match last.strip_prefix('-') {
        Some(last) => ("-", last),
        None => ("", last),
    };
    let line = |word: &str| format!("{name} {before}{sign}{word}");
    let choice = |word: &str, then: String, doc: &str| Choice {
        name: word.to_owned(),
        keys: String::new(),
        doc: doc.to_owned(),
        then: Then::Complete(then),
    };
    let keys = kind.filter_keys();
    let choices: Vec<Choice> = match last.split_once(':') {
        Some(("stack", part)) if keys.contains(&"stack") => {
            let fleets = model.estate.iter().flat_map(|estate| estate.fleets.keys());
            let like = fleets.filter(|stack| stack.as_str().starts_with(part));
            like.map(|stack| {
                let then = format!("{} ", line(&format!("stack:{}", quote(stack.as_str()))));
                choice(stack.as_str(), then, "")
            })
            .collect()
        }
        Some(_) => Vec::new(),
        None => {
            let like = keys.iter().filter(|key| key.starts_with(last));
            let doc = "rows by this property; words filter by all of them";
            like.map(|key| choice(&format!("{key}:"), line(&format!("{key}:")), doc)).collect()
        }
    };
    // A filter may be any words: nothing is taken for another.
    Found { matches: choices.len(), sure: false, choices }
}

/// What a plan may be about, or how it may be made: the last word is completed, the words before it
/// stay.
fn of_plan(model: &Model, (name, verb): (&str, Verb), text: &str) -> Found {
    let words = words::split(text);
    let (before, last) = text.split_at(words.last);
    let before_last = match last.is_empty() {
        true => words.all.last(),
        false => words.all.len().checked_sub(2).and_then(|at| words.all.get(at)),
    };
    let line = |word: &str| Then::Complete(format!("{name} {before}{word} "));
    let mut found = match before_last.and_then(|flag| flags::named(verb, flag)) {
        Some(flag) if !flag.value.is_empty() => {
            let like = flag.words.iter().filter(|word| word.starts_with(last));
            of(like.map(|word| (*word, flag.doc, line(word))))
        }
        _ if last.starts_with('-') => of_flags(verb, &words.all, last, line),
        _ => {
            let mut found = subjects(model, verb, last);
            for choice in &mut found.choices {
                choice.then = line(&quote(&choice.name));
            }
            // Once something is named, it may be said how.
            if last.is_empty() && !words.all.is_empty() {
                let flags = of_flags(verb, &words.all, "--", line);
                found.matches += flags.matches;
                found.choices.extend(flags.choices);
            }
            found
        }
    };
    // What is written out in full is run, not completed.
    found.sure = false;
    found
}

/// The flags that begin so and are not given yet.
fn of_flags(verb: Verb, given: &[String], last: &str, line: impl Fn(&str) -> Then) -> Found {
    let fresh = flags::of(verb).filter(|flag| {
        flag.name.starts_with(last)
            && (flag.name == "--override"
                || !given.iter().any(|word| word.split('=').next() == Some(flag.name)))
    });
    of(fresh.map(|flag| (flag.name, flag.doc, line(flag.name))))
}

fn of<'a>(all: impl Iterator<Item = (&'a str, &'a str, Then)>) -> Found {
    let choices: Vec<Choice> = all
        .map(|(name, doc, then)| Choice {
            name: name.to_owned(),
            keys: String::new(),
            doc: doc.to_owned(),
            then,
        })
        .collect();
    Found { matches: choices.len(), sure: false, choices }
}

fn subjects(model: &Model, verb: Verb, last: &str) -> Found {
    match verb {
        Verb::Repair | Verb::Cutover => places(model, last, Wanted::Fleets),
        Verb::Reregister | Verb::Drain | Verb::Undrain | Verb::Deregister => {
            places(model, last, Wanted::Nodes)
        }
        Verb::Rollback => beginning("rollback", last, runs(model)),
        Verb::Takeover => beginning("takeover", last, locks(model)),
    }
}
