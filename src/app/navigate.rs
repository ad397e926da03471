//! Moving about: rows, screens, layers. Part of `update`; nothing else calls it.

use super::column::Sort;
use super::layer::Layer;
use super::model::Model;
use super::notice::NoticeKind;
use super::prompt;
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
    model.layers.clear();
    let known = model.screen().list.selected().is_some();
    refresh(model);
    if !known {
        select_under_way(model);
    }
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
        // What lies there is another place's; see `elsewhere`.
        RowId::Far(..) | RowId::Place(_) => None,
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
        RowId::Run(id) => Some(ScreenKind::Run(id.clone())),
        RowId::Lock(_) => {
            let lock = rows::runs::lock(model, row)?;
            about(None, lock.giving())
        }
        RowId::Ring(stack, product) => Some(ScreenKind::Ring(stack.clone(), product.clone())),
        RowId::RingMember { .. } => {
            let ScreenKind::Ring(stack, product) = &model.screen().kind else { return None };
            let owner = rows::rings::owner(model, (stack, product), row)?;
            Some(ScreenKind::Node(owner.clone()))
        }
        RowId::Answer(_)
        | RowId::Balancer(_)
        | RowId::Listener(_)
        | RowId::Read(_)
        | RowId::Step(_) => None,
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

/// Goes by one row, line or choice.
pub(super) fn step(model: &mut Model, by: isize) {
    match model.layers.last() {
        Some(Layer::Prompt(_)) => prompt::choose(model, by),
        _ => go(model, Motion::By(by)),
    }
}

/// Moves in the topmost layer, or else among the rows of the screen.
pub(super) fn go(model: &mut Model, motion: Motion) {
    match model.layers.last() {
        Some(_) => scroll(model, motion),
        None => walk(model, motion),
    }
}

fn scroll(model: &mut Model, motion: Motion) {
    let lines = match model.layers.last() {
        Some(Layer::Help { .. }) => model.help().len(),
        Some(Layer::Messages { .. }) => model.notices.all().len(),
        // Only who draws it knows how long it is; whoever scrolls past its end sees its end.
        Some(Layer::Review(review)) => review.stage.plan().map_or(1, |plan| {
            let words = plan.undo.len() + plan.notes.len() + plan.guards.len();
            4 * (plan.steps.len() + words) + 16
        }),
        _ => return,
    };
    let scroll = match model.layers.last_mut() {
        Some(Layer::Help { scroll } | Layer::Messages { scroll }) => Some(scroll),
        Some(Layer::Review(review)) => Some(&mut review.scroll),
        _ => None,
    };
    if let Some(scroll) = scroll {
        let to = match motion {
            Motion::By(by) => scroll.saturating_add_signed(by),
            Motion::To(place) => place,
        };
        *scroll = to.min(lines.saturating_sub(1));
    }
}

fn walk(model: &mut Model, motion: Motion) {
    // Who looks elsewhere is not to be led away from there.
    model.bound_for = None;
    let list = &mut model.screen_mut().list;
    match motion {
        Motion::By(by) => list.selection.step(&list.rows, by),
        Motion::To(place) => list.selection.take(&list.rows, place),
    }
}

/// Sorts by the column after or before the one that is sorted by. Between the last and the first
/// lies the screen's own order.
pub(super) fn sort_by_next(model: &mut Model, by: isize) {
    let screen = model.screen();
    let columns = screen.kind.columns();
    let own = columns.len();
    let at = screen.list.sort.as_ref().map(|sort| columns.iter().position(|it| *it == sort.by));
    // Places 0 to own - 1 are the columns, the place after them the own order.
    let at = at.map_or(own, |place| place.unwrap_or(own));
    let next = (at + own + 1).saturating_add_signed(by) % (own + 1);
    let sort = columns.get(next).map(|column| Sort::by(column.clone()));
    model.screen_mut().list.sort = sort;
    rearrange(model);
}

/// Sorts the other way round; by the first column where nothing is sorted by yet.
pub(super) fn reverse(model: &mut Model) {
    let first = model.screen().kind.columns().first().cloned();
    let sort = &mut model.screen_mut().list.sort;
    match (sort.as_mut(), first) {
        (Some(sort), _) => sort.descending = !sort.descending,
        (None, Some(first)) => *sort = Some(Sort { by: first, descending: true }),
        (None, None) => {}
    }
    rearrange(model);
}

/// Sorts by the column of this name, or the only one that begins so.
///
/// # Errors
/// A sentence: there is no such column.
pub(super) fn sort(model: &mut Model, name: &str) -> Result<(), String> {
    let columns = rows::columns(model, &model.screen().kind);
    let name = name.to_lowercase();
    let mut like = columns.iter().filter(|column| column.to_string().starts_with(&name));
    let exact = columns.iter().find(|column| column.to_string() == name);
    let column = match (exact, like.next(), like.next()) {
        (Some(column), _, _) | (None, Some(column), None) => column.clone(),
        _ => {
            let names: Vec<_> = columns.iter().map(ToString::to_string).collect();
            return Err(format!("There is no column {name:?}; there is {}.", names.join(", ")));
        }
    };
    model.screen_mut().list.sort = Some(Sort::by(column));
    rearrange(model);
    Ok(())
}

/// Makes the rows of the screen again after news, and finds its selection among them. What vanished
/// is said, so that no key that is already on its way is given to something else unseen.
/// The screens on the way here are made again when somebody comes back to them.
pub(super) fn refresh(model: &mut Model) {
    let Some((lost, there)) = remake(model) else { return };
    // That something of this place is there now stands in its own place.
    if lost == RowId::Place(None) {
        return;
    }
    let why = if there { "is filtered out" } else { "is gone" };
    let lost = lost.name();
    let text = match model.screen().list.selected().map(RowId::name) {
        Some(now) => format!("The {lost} {why}; {now} is selected instead."),
        None => format!("The {lost} {why}; nothing is selected."),
    };
    model.notices.say(model.now, NoticeKind::Warning, text);
}

/// Makes the rows again after the operator asked for others. The selection stays where it can; where
/// it goes instead, the operator sees.
pub(super) fn rearrange(model: &mut Model) {
    drop(remake(model));
}

/// On the screen of a run: goes along with the step under way, unless the operator looks at another
/// one than that which was under way before.
pub(super) fn follow(model: &mut Model, before: Option<u32>) {
    // Before its first step, the run's first row is where nobody has looked around yet.
    let expected = RowId::Step(before.unwrap_or(1));
    if model.screen().list.selected().is_none_or(|looked_at| *looked_at == expected) {
        select_under_way(model);
    }
}

fn select_under_way(model: &mut Model) {
    if let Some(step) = at_step(model) {
        select(model, &step);
    }
}

/// Selects a row of the screen, where it is to be seen.
pub(super) fn select(model: &mut Model, row: &RowId) {
    let list = &mut model.screen_mut().list;
    if let Some(place) = list.rows.iter().position(|one| one == row) {
        let rows = std::sync::Arc::clone(&list.rows);
        list.selection.take(&rows, place);
    }
}

/// The step under way of the run on screen.
fn at_step(model: &Model) -> Option<RowId> {
    let ScreenKind::Run(id) = &model.screen().kind else { return None };
    Some(RowId::Step(model.operation.runs.get(id)?.run.at_step?))
}

/// Returns what was selected and is to be seen no more, and whether it is there nevertheless.
fn remake(model: &mut Model) -> Option<(RowId, bool)> {
    let made = rows::make(model, model.screen());
    let list = &mut model.screen_mut().list;
    (list.rows, list.total) = (made.rows.into(), made.total);
    let lost = list.selection.settle(&list.rows)?;
    Some((lost, made.there))
}
