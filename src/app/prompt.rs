//! Lines that are typed: into a filter, to go somewhere, to run a command, to confirm. Part of
//! `update`.

use super::act;
use super::effect::{Effect, Effects};
use super::elsewhere;
use super::field::Reach;
use super::filter::Filter;
use super::jump::{self, Found, Wanted};
use super::layer::{Answering, Choice, Dialog, Layer, Problem, Prompt, Purpose, Then};
use super::model::Model;
use super::navigate;
use super::notice::NoticeKind;
use super::operate;
use super::palette;

/// Opens a line to type into.
pub(super) fn open(model: &mut Model, purpose: Purpose, text: &str) {
    let prompt = match purpose {
        Purpose::Filter => Prompt::filter(&model.screen().list.filter),
        _ => Prompt::new(purpose, text),
    };
    navigate::show(model, Layer::Prompt(prompt));
    typed(model);
}

/// Puts a text at the cursor of the topmost layer. False where it has no field.
pub(super) fn insert(model: &mut Model, text: &str) -> bool {
    let Some(field) = model.layers.last_mut().and_then(Layer::field_mut) else { return false };
    let whole = field.insert(text);
    typed(model);
    if !whole {
        let text = "The text was cut: a line takes 256 characters.";
        model.notices.say(model.now, NoticeKind::Warning, text);
    }
    true
}

/// Moves the cursor of the topmost field.
pub(super) fn go(model: &mut Model, reach: Reach) {
    if let Some(field) = model.layers.last_mut().and_then(Layer::field_mut) {
        field.go(reach);
    }
}

/// Deletes in the topmost field.
pub(super) fn delete(model: &mut Model, reach: Reach) {
    if let Some(field) = model.layers.last_mut().and_then(Layer::field_mut) {
        field.delete(reach);
        typed(model);
    }
}

/// Looks at the text after it has changed: rows are left out, choices are found.
fn typed(model: &mut Model) {
    let Some(Layer::Prompt(prompt)) = model.layers.last() else { return };
    let text = prompt.field.text().to_owned();
    let (found, problem) = match prompt.purpose {
        Purpose::Filter => (Found::default(), narrow(model, &text)),
        Purpose::Jump => (jump::everywhere(model, &text, Wanted::Both), None),
        Purpose::Palette => (palette::complete(model, &text), None),
    };
    if let Some(Layer::Prompt(prompt)) = model.layers.last_mut() {
        prompt.chosen = found.sure.then_some(0);
        (prompt.choices, prompt.matches) = (found.choices, found.matches);
        prompt.problem = problem;
    }
}

/// Leaves out the rows that the filter does not hold for.
fn narrow(model: &mut Model, text: &str) -> Option<Problem> {
    filter(model, text);
    let error = model.screen().list.filter.error()?;
    Some(Problem { at: error.at, text: error.kind.to_string() })
}

/// Filters the rows of the screen by a text.
pub(super) fn filter(model: &mut Model, text: &str) {
    let screen = model.screen_mut();
    screen.list.filter.set(text, screen.kind.filter_keys());
    navigate::rearrange(model);
}

/// Shows all rows of the screen again.
pub(super) fn unfilter(model: &mut Model) {
    model.screen_mut().list.filter = Filter::default();
    navigate::rearrange(model);
}

/// Gives up the topmost layer.
pub(super) fn cancel(model: &mut Model) {
    if let Some(Layer::Prompt(Prompt { purpose: Purpose::Filter, .. })) = model.layers.pop() {
        unfilter(model);
    }
}

/// Chooses among the choices.
pub(super) fn choose(model: &mut Model, by: isize) {
    let Some(Layer::Prompt(prompt)) = model.layers.last_mut() else { return };
    let last = prompt.choices.len().saturating_sub(1);
    prompt.chosen = match prompt.chosen {
        _ if prompt.choices.is_empty() => None,
        Some(chosen) => Some(chosen.saturating_add_signed(by).min(last)),
        None => Some(if by < 0 { last } else { 0 }),
    };
}

/// Puts the chosen choice, or the likeliest, into the field.
pub(super) fn complete(model: &mut Model) {
    let Some(Layer::Prompt(prompt)) = model.layers.last_mut() else { return };
    let Some(choice) = prompt.choices.get(prompt.chosen.unwrap_or(0)) else { return };
    let text = match &choice.then {
        Then::Run(line) | Then::Complete(line) => line.clone(),
        Then::Go(_) | Then::Enter(..) => match prompt.field.text().split_once(' ') {
            Some((command, _)) if prompt.purpose == Purpose::Palette => {
                format!("{command} {}", choice.name)
            }
            _ => choice.name.clone(),
        },
    };
    prompt.field = super::field::TextField::holding(&text);
    typed(model);
}

/// Takes what has been typed, or the answer to a question.
pub(super) fn accept(model: &mut Model) -> Effects {
    match model.layers.last() {
        Some(Layer::Prompt(prompt)) => match prompt.purpose {
            Purpose::Filter => keep(model),
            Purpose::Jump | Purpose::Palette => {
                let chosen = prompt.chosen.and_then(|chosen| prompt.choices.get(chosen)).cloned();
                let text = prompt.field.text().to_owned();
                match (chosen, prompt.purpose == Purpose::Palette) {
                    (Some(choice), _) => take(model, choice),
                    (None, true) => run(model, &text),
                    (None, false) => ask_for_more(model, &text),
                }
            }
        },
        Some(Layer::Dialog(_)) => answer(model),
        Some(Layer::Review(_)) => operate::approve(model),
        _ => Effects::none(),
    }
}

/// Keeps the filter, unless it means nothing.
fn keep(model: &mut Model) -> Effects {
    if model.screen().list.filter.error().is_none() {
        model.layers.pop();
    }
    Effects::none()
}

fn take(model: &mut Model, choice: Choice) -> Effects {
    match choice.then {
        Then::Go(kind) => {
            model.layers.clear();
            navigate::enter(model, kind);
            Effects::none()
        }
        Then::Enter(context, stack) => {
            model.layers.clear();
            elsewhere::set_out(model, &context, Some(stack))
        }
        Then::Run(line) => run(model, &line),
        Then::Complete(_) => {
            complete(model);
            Effects::none()
        }
    }
}

/// Runs a line of the palette. One with a mistake stays, with what is wrong.
fn run(model: &mut Model, text: &str) -> Effects {
    let line = match palette::parse(model, text) {
        Ok(line) => line,
        Err(text) => {
            wrong(model, text);
            return Effects::none();
        }
    };
    let layers = std::mem::take(&mut model.layers);
    match act::act_on(model, line.action, &line.argument) {
        Ok(effects) => effects,
        Err(text) => {
            model.layers = layers;
            wrong(model, text);
            Effects::none()
        }
    }
}

fn ask_for_more(model: &mut Model, text: &str) -> Effects {
    let Some(Layer::Prompt(prompt)) = model.layers.last_mut() else { return Effects::none() };
    let problem = match prompt.matches {
        0 if text.trim().is_empty() => {
            "Type an id, the beginning of one, an address or a STACK.".into()
        }
        0 => format!("No node and no fleet is called {:?}.", text.trim()),
        many => {
            prompt.chosen = Some(0);
            format!("{many} are called so: choose one.")
        }
    };
    wrong(model, problem);
    Effects::none()
}

fn wrong(model: &mut Model, text: String) {
    if let Some(Layer::Prompt(prompt)) = model.layers.last_mut() {
        let at = prompt.field.parts().0.chars().count();
        prompt.problem = Some(Problem { at, text });
    }
}

/// Does what was asked about, if the answer is yes.
fn answer(model: &mut Model) -> Effects {
    let Some(Layer::Dialog(Dialog { answer, then, .. })) = model.layers.last() else {
        return Effects::none();
    };
    let wanted = match answer {
        Answering::YesNo => None,
        Answering::TypeName { name, field } if field.text() == name => None,
        Answering::TypeName { name, .. } => Some(format!("Type {name} to go on, or leave.")),
    };
    match wanted {
        None => {
            let then = then.clone();
            model.layers.pop();
            if then == Effect::Arm {
                operate::armed(model);
                return Effects::none();
            }
            then.into()
        }
        Some(text) => {
            model.notices.say(model.now, NoticeKind::Warning, text);
            Effects::none()
        }
    }
}
