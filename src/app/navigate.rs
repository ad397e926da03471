//! Moving about: rows, screens, layers. Part of `update`; nothing else calls it.

use super::model::{Layer, Model};
use super::notice::NoticeKind;
use super::rows;
use super::screen::{RowId, Screen, ScreenKind};
use crate::core::ids::{InstanceId, StackId};

/// The way back is so long at most. What lies further back than this is forgotten, home apart.
const DEEPEST: usize = 32;

/// A way to move among rows or lines.
#[derive(Clone, Copy)]
pub(super) enum Motion {
    /// By so many, and no further than the ends.
    By(isize),
    /// To this one, or the last.
    To(usize),
}

/// Brings a layer to the top. One of a kind is enough.
pub(super) fn show(model: &mut Model, layer: Layer) {
    let kind = std::mem::discriminant(&layer);
    model.layers.retain(|one| std::mem::discriminant(one) != kind);
    model.layers.push(layer);
}

/// Goes to a screen. One that lies on the way here is gone back to, so that the way stays short.
pub(super) fn enter(model: &mut Model, kind: ScreenKind) {
    let screens = model.screens_mut();
    match screens.iter().position(|screen| screen.kind == kind) {
        Some(place) => screens.truncate(place + 1),
        None => {
            if screens.len() == DEEPEST {
                screens.remove(1);
            }
            screens.push(Screen::new(kind));
        }
    }
    refresh(model);
}

/// Leaves the screen; home stays.
pub(super) fn back(model: &mut Model) {
    if model.screens().len() > 1 {
        model.screens_mut().pop();
        refresh(model);
    }
}

/// Opens what the selected row is about.
pub(super) fn open(model: &mut Model) {
    let Some(row) = model.screen().list.selected().cloned() else {
        model.notices.say(model.now, NoticeKind::Info, "There is nothing to open yet.");
        return;
    };
    match behind(model, &row) {
        Some(kind) => enter(model, kind),
        None => {
            let text = format!("Nothing lies behind the {}.", row.name());
            model.notices.say(model.now, NoticeKind::Info, text);
        }
    }
}

/// The screen that tells more of what a row is about.
fn behind(model: &Model, row: &RowId) -> Option<ScreenKind> {
    match row {
        RowId::Fleet(stack) => Some(ScreenKind::Nodes(Some(stack.clone()))),
        RowId::NoFleet => Some(ScreenKind::Nodes(None)),
        RowId::Node(id) => Some(ScreenKind::Node(id.clone())),
        RowId::Forward { .. } => {
            let forward = rows::traffic::find(model, row)?.forward?;
            // The fleet that gets most of it; one of them where nobody can say.
            let most = forward
                .fleets
                .iter()
                .max_by(|(_, one), (_, other)| one.unwrap_or(0.0).total_cmp(&other.unwrap_or(0.0)));
            most.map(|(stack, _)| ScreenKind::Nodes(Some(stack.clone())))
        }
        RowId::Cause(_) => {
            let cause = rows::findings::find(model, row)?;
            // One node is opened itself; several are looked for in their fleet.
            let mut nodes = cause.findings(model.findings()).map(|one| one.instance_id.as_ref());
            let first = nodes.next()?;
            let node = first.filter(|_| nodes.all(|other| other == first));
            about(node, cause.key.stack_id.as_ref())
        }
        RowId::Change(seq) => {
            let entry = model.timeline.get(*seq)?;
            about(entry.instance_id.as_ref(), entry.stack_id.as_ref())
        }
        RowId::Answer(_) | RowId::Balancer(_) | RowId::Listener(_) | RowId::Read(_) => None,
    }
}

fn about(node: Option<&InstanceId>, stack: Option<&StackId>) -> Option<ScreenKind> {
    let node = node.cloned().map(ScreenKind::Node);
    node.or_else(|| stack.cloned().map(|stack| ScreenKind::Nodes(Some(stack))))
}

/// Moves by half of what the terminal holds: something of the old page stays in view.
pub(super) fn half_screen(model: &mut Model, direction: isize) {
    let half = isize::try_from(model.size.rows / 2).unwrap_or(1).max(1);
    go(model, Motion::By(half.saturating_mul(direction)));
}

/// Moves in the topmost layer, or else among the rows of the screen.
pub(super) fn go(model: &mut Model, motion: Motion) {
    match model.layers.last().copied() {
        Some(layer) => scroll(model, layer, motion),
        None => walk(model, motion),
    }
}

fn scroll(model: &mut Model, layer: Layer, motion: Motion) {
    let (from, lines) = match layer {
        Layer::Help { scroll } => (scroll, model.keymap.help(&model.screen_contexts()).len()),
        Layer::Messages { scroll } => (scroll, model.notices.all().len()),
    };
    let to = match motion {
        Motion::By(by) => from.saturating_add_signed(by),
        Motion::To(place) => place,
    };
    if let Some(Layer::Help { scroll } | Layer::Messages { scroll }) = model.layers.last_mut() {
        *scroll = to.min(lines.saturating_sub(1));
    }
}

fn walk(model: &mut Model, motion: Motion) {
    let list = &mut model.screen_mut().list;
    match motion {
        Motion::By(by) => list.selection.step(&list.rows, by),
        Motion::To(place) => list.selection.take(&list.rows, place),
    }
}

/// Makes the rows of the screen the operator is on, and finds its selection among them. What
/// vanished is said, so that no key that is already on its way is given to something else unseen.
/// The screens on the way here are made again when somebody comes back to them.
pub(super) fn refresh(model: &mut Model) {
    let Screen { kind, list } = model.screen();
    let mut rows = rows::all(model, kind);
    let total = rows.len();
    if let Some(sort) = &list.sort {
        rows::sort(model, kind, &mut rows, sort);
    }
    let list = &mut model.screen_mut().list;
    (list.rows, list.total) = (rows.into(), total);
    let lost = list.selection.settle(&list.rows);
    let now = list.selection.id().map(RowId::name);
    let Some(lost) = lost.map(|row| row.name()) else { return };
    let text = match now {
        Some(now) => format!("The {lost} is gone; {now} is selected instead."),
        None => format!("The {lost} is gone; nothing is selected."),
    };
    model.notices.say(model.now, NoticeKind::Warning, text);
}
