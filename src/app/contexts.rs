//! Going to another context: what was known of the one before leaves the model at once, and nothing
//! that was allowed there is allowed here. Part of `update`.

use super::effect::{Effect, Effects};
use super::model::{Model, Place};
use super::notice::NoticeKind;
use super::operate::Trouble;
use crate::config::nearest;
use std::sync::Arc;

/// Asks for another context.
///
/// # Errors
/// A sentence: there is none of this name.
pub(super) fn go(model: &mut Model, name: &str) -> Result<Effects, String> {
    model.bound_for = None;
    let known: Vec<String> = model.place.contexts.iter().map(|one| one.name.clone()).collect();
    if !known.iter().any(|one| one == name) {
        return Err(unknown(name, &known));
    }
    if model.place.context.as_deref() == Some(name) {
        model.notices.say(model.now, NoticeKind::Info, format!("This is {name} already."));
        return Ok(Effects::none());
    }
    Ok(Effect::Enter(name.to_owned()).into())
}

fn unknown(name: &str, known: &[String]) -> String {
    if known.is_empty() {
        return format!("The configuration has no contexts: add [contexts.{name}] to it.");
    }
    let near = nearest(name, known).map(|near| format!(" Did you mean {near}?"));
    format!(
        "There is no context {name}; there is {}.{}",
        known.join(", "),
        near.unwrap_or_default()
    )
}

/// Takes the other context in. The runs of this host stay, whatever place they are about.
pub(super) fn entered(model: &mut Model, place: Place, allowed: bool) {
    let (keymap, size) = (Arc::clone(&model.keymap), model.size);
    let mut fresh = Model::new(place, keymap, size, model.now);
    fresh.desk.by = std::mem::take(&mut model.desk.by);
    fresh.looks = std::mem::take(&mut model.looks);
    fresh.notices = std::mem::take(&mut model.notices);
    fresh.operation.runs = std::mem::take(&mut model.operation.runs);
    // A late answer about the place before is nobody's.
    fresh.operation.asked = model.operation.asked + 1;
    fresh.operation.allowed = allowed;
    let here = fresh.place.context.clone();
    fresh.bound_for = model.bound_for.take().filter(|it| here.as_deref() == Some(&*it.context));
    *model = fresh;
    let name = model.place.context.as_deref().unwrap_or("no context");
    let production = if model.place.production { " It is marked production." } else { "" };
    let text = format!("This is {name} now.{production} This console is not armed.");
    model.notices.say(model.now, NoticeKind::Info, text);
}

/// There is no way into a context, or to AWS; the console goes on where it is.
pub(super) fn refused(model: &mut Model, trouble: &Trouble) {
    model.bound_for = None;
    let text = format!("{} {}", trouble.what, trouble.next);
    model.notices.say(model.now, NoticeKind::Warning, text);
}
