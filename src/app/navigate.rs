//! Moving about: rows, screens, layers. Part of `update`; nothing else calls it.

use super::model::{Layer, Model, Screen};
use super::notice::NoticeKind;
use super::selection::Selection;

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

/// Opens the nodes of the selected fleet.
pub(super) fn open(model: &mut Model) {
    let Some(Screen::Fleets { selection }) = model.screens().last() else { return };
    let Some(stack) = selection.id().cloned() else {
        let text = "There is no fleet to open yet.";
        model.notices.say(model.now, NoticeKind::Info, text);
        return;
    };
    let mut selection = Selection::default();
    selection.take(model.node_rows(&stack), 0);
    model.push(Screen::Nodes { stack, selection });
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
    let fleets = model.fleet_rows();
    let estate = model.estate.clone();
    match model.screens_mut().last_mut() {
        Some(Screen::Fleets { selection }) => moved(selection, &fleets, motion),
        Some(Screen::Nodes { stack, selection }) => {
            let fleet = estate.as_ref().and_then(|estate| estate.fleets.get(stack));
            moved(selection, fleet.map_or(&[], |fleet| &fleet.nodes), motion);
        }
        None => {}
    }
}

fn moved<Id: Clone + PartialEq>(selection: &mut Selection<Id>, rows: &[Id], motion: Motion) {
    match motion {
        Motion::By(by) => selection.step(rows, by),
        Motion::To(place) => selection.take(rows, place),
    }
}

/// Finds every screen's selection in the new estate. What vanished is said, so that no key that is
/// already on its way is given to something else unseen.
pub(super) fn settle(model: &mut Model) {
    let fleets = model.fleet_rows();
    let estate = model.estate.clone();
    let mut gone = Vec::new();
    for screen in model.screens_mut() {
        match screen {
            Screen::Fleets { selection } => {
                let lost = selection.settle(&fleets).map(|id| ("fleet", id.to_string()));
                gone.extend(lost.map(|lost| (lost, selection.id().map(ToString::to_string))));
            }
            Screen::Nodes { stack, selection } => {
                let fleet = estate.as_ref().and_then(|estate| estate.fleets.get(stack));
                let rows = fleet.map_or(&[][..], |fleet| &fleet.nodes);
                let lost = selection.settle(rows).map(|id| ("node", id.to_string()));
                gone.extend(lost.map(|lost| (lost, selection.id().map(ToString::to_string))));
            }
        }
    }
    for ((what, lost), now) in gone {
        let text = match now {
            Some(now) => format!("The {what} {lost} is gone; {now} is selected instead."),
            None => format!("The {what} {lost} is gone; nothing is selected."),
        };
        model.notices.say(model.now, NoticeKind::Warning, text);
    }
}
