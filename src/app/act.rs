//! What each action does. Part of `update`.

use super::command::{Action, Argument};
use super::contexts;
use super::desk;
use super::effect::{Effect, Effects, Ending};
use super::elsewhere;
use super::field::Reach;
use super::filter::Filter;
use super::jump::{self, Wanted};
use super::layer::{Layer, Purpose, Then};
use super::looks;
use super::model::Model;
use super::navigate::{self, Motion};
use super::notice::NoticeKind;
use super::operate;
use super::prompt;
use super::replay;
use super::screen::ScreenKind;

/// Does what a key means. A command that needs an argument is put into the palette, for the
/// argument to be typed.
pub(super) fn act(model: &mut Model, action: Action) -> Effects {
    if replay::refuses(model, action) || replay::play(model, action) {
        return Effects::none();
    }
    match action.argument() {
        Argument::None | Argument::Rows => plainly(model, action),
        Argument::Plan(verb) => operate::plan_for(model, Some(verb)),
        Argument::Filter => {
            prompt::open(model, Purpose::Filter, "");
            Effects::none()
        }
        _ => {
            let line = match action {
                // What is snoozed most often.
                Action::Snooze => "snooze 1h ".to_owned(),
                _ => format!("{} ", action.command().name),
            };
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
    if replay::refuses(model, action) {
        return Ok(Effects::none());
    }
    match action.argument() {
        Argument::None => return Ok(plainly(model, action)),
        Argument::Plan(verb) => return operate::plan_of_words(model, verb, argument),
        Argument::Words if action == Action::Snooze => return desk::snooze(model, argument),
        Argument::Words => return desk::note(model, argument),
        Argument::Rows => show_rows(model, action, argument)?,
        Argument::Run => {
            let run = operate::run_named(model, argument)?;
            navigate::enter(model, ScreenKind::Run(run));
        }
        Argument::Keymap => looks::take_keymap(model, argument)?,
        Argument::Theme => looks::take_theme(model, argument)?,
        Argument::Time => replay::seek(model, argument)?,
        Argument::Context => return contexts::go(model, argument),
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

/// The screen that a command leads to, where it leads to one and to the same from everywhere.
pub(super) fn screen_of(action: Action) -> Option<ScreenKind> {
    match action {
        Action::Fleets => Some(ScreenKind::Fleets),
        Action::Traffic => Some(ScreenKind::Traffic),
        Action::Findings => Some(ScreenKind::Findings),
        Action::Timeline => Some(ScreenKind::Timeline),
        Action::Rings => Some(ScreenKind::Rings),
        Action::Sources => Some(ScreenKind::Sources),
        Action::Runs => Some(ScreenKind::Runs),
        _ => None,
    }
}

/// Goes to a screen, and filters its rows. With a mistake in the filter nothing happens.
fn show_rows(model: &mut Model, action: Action, filter: &str) -> Result<(), String> {
    let Some(kind) = screen_of(action) else { return Ok(()) };
    let mut wanted = Filter::default();
    wanted.set(filter, kind.filter_keys());
    if let Some(error) = wanted.error() {
        return Err(error.to_string());
    }
    navigate::enter(model, kind);
    prompt::filter(model, filter);
    Ok(())
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
    if let Some(kind) = screen_of(action) {
        navigate::enter(model, kind);
        return Effects::none();
    }
    match action {
        Action::Quit => return Effect::Quit(Ending::Quit).into(),
        Action::Suspend => return Effect::Suspend.into(),
        Action::SaveRecording => return Effect::SaveRecording.into(),
        Action::Redraw => return Effect::Repaint.into(),
        Action::PollNow => {
            let text = "Reading everything on screen now.";
            model.notices.say(model.now, NoticeKind::Info, text);
            return Effect::PollNow.into();
        }
        Action::Accept => return prompt::accept(model),
        Action::Open => return elsewhere::open(model),
        Action::Back => back(model),
        Action::PlanFix => return operate::plan_for(model, None),
        Action::Mark => operate::mark(model),
        Action::Evidence => return desk::take_evidence(model),
        Action::Wake => return desk::wake(model),
        Action::Copy => return desk::copy(model),
        Action::CopyRow => return desk::copy_row(model),
        Action::Bookmark => return desk::bookmark(model),
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
        _ => edit(model, action),
    }
    Effects::none()
}

/// Edits a line that is typed.
fn edit(model: &mut Model, action: Action) {
    match action {
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
        // Whatever is left leads to a screen, was planned, or came by an argument or went to the
        // palette for one: all of it before.
        _ => {}
    }
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
