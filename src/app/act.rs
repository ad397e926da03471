//! What each action does. Part of `update`.

use super::command::{Action, Argument};
use super::effect::{Effect, Effects, Ending};
use super::field::Reach;
use super::jump::{self, Wanted};
use super::layer::{Layer, Purpose, Then};
use super::model::Model;
use super::navigate::{self, Motion};
use super::notice::NoticeKind;
use super::operate;
use super::prompt;
use super::screen::ScreenKind;

/// Does what a key means. A command that needs an argument is put into the palette, for the
/// argument to be typed.
pub(super) fn act(model: &mut Model, action: Action) -> Effects {
    match action.argument() {
        Argument::None => plainly(model, action),
        Argument::Plan(verb) => operate::plan_for(model, Some(verb)),
        Argument::Filter => {
            prompt::open(model, Purpose::Filter, "");
            Effects::none()
        }
        _ => {
            let line = format!("{} ", action.command().name);
            prompt::open(model, Purpose::Palette, &line);
            Effects::none()
        }
    }
}

/// Does what a line of the palette says.
///
/// # Errors
/// A sentence: the argument means nothing.
pub(super) fn act_on(model: &mut Model, action: Action, argument: &str) -> Result<Effects, String> {
    if argument.is_empty() {
        return Ok(act(model, action));
    }
    match action.argument() {
        Argument::None => return Ok(plainly(model, action)),
        Argument::Plan(verb) => return operate::plan_of_words(model, verb, argument),
        Argument::Fleet => go_to(model, argument, Wanted::Fleets)?,
        Argument::Node => go_to(model, argument, Wanted::Nodes)?,
        Argument::Column => navigate::sort(model, argument)?,
        Argument::Filter => {
            prompt::filter(model, argument);
            if let Some(error) = model.screen().list.filter.error() {
                let text = error.to_string();
                prompt::unfilter(model);
                return Err(text);
            }
        }
    }
    Ok(Effects::none())
}

fn go_to(model: &mut Model, text: &str, wanted: Wanted) -> Result<(), String> {
    let found = model.estate.as_deref().map(|estate| jump::find(estate, text, wanted));
    let found = found.unwrap_or_default();
    match (found.choices.into_iter().next(), found.sure) {
        (Some(choice), true) => {
            if let Then::Go(kind) = choice.then {
                navigate::enter(model, kind);
            }
            Ok(())
        }
        (Some(_), false) => Err(format!("{} are called so: choose one.", found.matches)),
        (None, _) => Err(format!("Nothing is called {text:?}.")),
    }
}

fn plainly(model: &mut Model, action: Action) -> Effects {
    match action {
        Action::Quit => return Effect::Quit(Ending::Quit).into(),
        Action::Suspend => return Effect::Suspend.into(),
        Action::Redraw => return Effect::Repaint.into(),
        Action::PollNow => {
            let text = "Reading everything on screen now.";
            model.notices.say(model.now, NoticeKind::Info, text);
            return Effect::PollNow.into();
        }
        Action::Accept => return prompt::accept(model),
        Action::Open => navigate::open(model),
        Action::Back => back(model),
        Action::Traffic => navigate::enter(model, ScreenKind::Traffic),
        Action::Findings => navigate::enter(model, ScreenKind::Findings),
        Action::Timeline => navigate::enter(model, ScreenKind::Timeline),
        Action::Rings => navigate::enter(model, ScreenKind::Rings),
        Action::Sources => navigate::enter(model, ScreenKind::Sources),
        Action::Runs => navigate::enter(model, ScreenKind::Runs),
        Action::PlanFix => return operate::plan_for(model, None),
        Action::Mark => operate::mark(model),
        Action::Arm => operate::arm(model),
        Action::Disarm => operate::disarm(model),
        Action::RunHold => operate::hold(model),
        Action::RunGoOn => operate::go_on(model),
        Action::RunAbort => operate::abort(model),
        Action::Help => navigate::show(model, Layer::Help { scroll: 0 }),
        Action::Messages => navigate::show(model, Layer::Messages { scroll: 0 }),
        Action::Jump => prompt::open(model, Purpose::Jump, ""),
        Action::Palette => prompt::open(model, Purpose::Palette, ""),
        Action::SortNext => navigate::sort_by_next(model, 1),
        Action::SortPrevious => navigate::sort_by_next(model, -1),
        Action::SortReverse => navigate::reverse(model),
        Action::Down => navigate::step(model, 1),
        Action::Up => navigate::step(model, -1),
        Action::PageDown => navigate::half_screen(model, 1),
        Action::PageUp => navigate::half_screen(model, -1),
        Action::First => navigate::go(model, Motion::To(0)),
        Action::Last => navigate::go(model, Motion::To(usize::MAX)),
        Action::Complete => prompt::complete(model),
        Action::CursorBack => prompt::go(model, Reach::Back),
        Action::CursorForward => prompt::go(model, Reach::Forward),
        Action::WordBack => prompt::go(model, Reach::WordBack),
        Action::WordForward => prompt::go(model, Reach::WordForward),
        Action::LineStart => prompt::go(model, Reach::Start),
        Action::LineEnd => prompt::go(model, Reach::End),
        Action::DeleteBack => prompt::delete(model, Reach::Back),
        Action::DeleteForward => prompt::delete(model, Reach::Forward),
        Action::DeleteWord => prompt::delete(model, Reach::WordBack),
        Action::DeleteToStart => prompt::delete(model, Reach::Start),
        Action::DeleteToEnd => prompt::delete(model, Reach::End),
        // These need an argument, and came by it or went to the palette before.
        Action::Fleet | Action::Node | Action::Sort | Action::Filter => {}
        // These were planned before, with or without words.
        Action::PlanDrain
        | Action::PlanUndrain
        | Action::PlanReregister
        | Action::PlanRepair
        | Action::PlanDeregister
        | Action::PlanCutover
        | Action::PlanRollback => {}
    }
    Effects::none()
}

/// The innermost thing is left: a layer, a filter, the screen.
fn back(model: &mut Model) {
    if !model.layers.is_empty() {
        prompt::cancel(model);
    } else if !model.screen().list.filter().text().is_empty() {
        prompt::unfilter(model);
    } else {
        navigate::back(model);
    }
}
