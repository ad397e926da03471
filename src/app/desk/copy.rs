//! What is selected, as somebody would paste it: an id, a command, a row in words.

use super::{CLIPBOARD, say};
use crate::app::effect::{Effect, Effects};
use crate::app::evidence;
use crate::app::model::Model;
use crate::app::rows;
use crate::app::screen::{Answer, RowId, ScreenKind};

/// So much of what is copied is said.
const SAID: usize = 60;

/// Copies the id of what is selected; of a command, the command.
pub(in crate::app) fn copy(model: &mut Model) -> Effects {
    let text = model.screen().list.selected().and_then(|row| id(model, row));
    send(model, text)
}

/// Copies what is selected as a line of text.
pub(in crate::app) fn copy_row(model: &mut Model) -> Effects {
    let text = model.screen().list.selected().and_then(|row| {
        let line = evidence::line(model, row);
        line.or_else(|| id(model, row))
    });
    send(model, text)
}

fn send(model: &mut Model, text: Option<String>) -> Effects {
    let Some(text) = text.filter(|text| !text.is_empty() && text.len() <= CLIPBOARD) else {
        say(model, "There is nothing to copy here.");
        return Effects::none();
    };
    let mut said: String = text.chars().take(SAID).collect();
    if said.len() < text.len() {
        said.push_str("...");
    }
    say(model, format!("Sent to the clipboard: {said}"));
    Effect::Copy(text).into()
}

fn id(model: &Model, row: &RowId) -> Option<String> {
    Some(match row {
        RowId::Fleet(stack) | RowId::Ring(stack, _) => stack.to_string(),
        RowId::Node(id) => id.to_string(),
        RowId::Answer(Answer::Next(next)) => {
            let ScreenKind::Node(node) = &model.screen().kind else { return None };
            rows::commands(model, node).into_iter().find(|it| it.next == *next)?.line
        }
        RowId::Answer(_) => model.screen().kind.crumb().to_owned(),
        RowId::Balancer(arn) => arn.to_string(),
        RowId::Listener(arn) => arn.to_string(),
        RowId::Forward { target_group, .. } => target_group.to_string(),
        RowId::Cause(key) => key.to_string(),
        RowId::Change(seq) => model.timeline.get(*seq)?.line(),
        RowId::RingMember { id, .. } => id.to_string(),
        RowId::Read(scope) => scope.as_ref()?.to_string(),
        RowId::Run(id) => id.to_string(),
        RowId::Lock(id) => id.to_string(),
        RowId::Step(_) => model.screen().kind.crumb().to_owned(),
        RowId::Far(_, stack) => stack.to_string(),
        RowId::Place(context) => context.as_ref()?.to_string(),
        RowId::NoFleet => return None,
    })
}
