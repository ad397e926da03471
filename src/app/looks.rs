//! What an operator may choose of how the console listens and looks: a keymap and a theme, by name.
//! What a theme looks like is no matter of the model.

use super::keymap::{Keymap, MistakeKind};
use super::model::Model;
use super::notice::NoticeKind;
use crate::config::nearest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The keymaps and themes there are, and those in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looks {
    /// All keymaps, each with the operator's own keys laid over it.
    pub keymaps: BTreeMap<String, Arc<Keymap>>,
    /// The name of the one in use.
    pub keymap: String,
    /// The names of all themes.
    pub themes: Vec<String>,
    /// The one in use.
    pub theme: String,
    /// Whether colours may be used at all.
    pub color: bool,
}

/// Takes another keymap, from the next key on.
///
/// # Errors
/// A sentence: there is none of this name.
pub(super) fn take_keymap(model: &mut Model, name: &str) -> Result<(), String> {
    let looks = &mut model.looks;
    let Some(keymap) = looks.keymaps.get(name) else {
        let known: Vec<String> = looks.keymaps.keys().cloned().collect();
        return Err(MistakeKind::unknown_keymap(name, &known).sentence());
    };
    model.keymap = Arc::clone(keymap);
    name.clone_into(&mut looks.keymap);
    model.pending.clear();
    say(model, format!("The keymap is {name} now; help shows its keys."));
    Ok(())
}

/// Takes another theme, from the next frame on.
///
/// # Errors
/// A sentence: there is none of this name.
pub(super) fn take_theme(model: &mut Model, name: &str) -> Result<(), String> {
    let looks = &mut model.looks;
    if !looks.themes.iter().any(|one| one == name) {
        let near = nearest(name, &looks.themes).map(|near| format!(" Did you mean {near}?"));
        let known = looks.themes.join(", ");
        let near = near.unwrap_or_default();
        return Err(format!("There is no theme {name:?}; there is {known}.{near}"));
    }
    name.clone_into(&mut looks.theme);
    let text = match looks.color {
        true => format!("The theme is {name} now."),
        false => format!("The theme is {name} now; NO_COLOR or --no-color leaves its colours out."),
    };
    say(model, text);
    Ok(())
}

fn say(model: &mut Model, text: String) {
    model.notices.say(model.now, NoticeKind::Info, text);
}
