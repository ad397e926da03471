//! Arming, and what is typed under a plan: the name that approves it, or the guard that is to be
//! overridden.

use super::{ARMED_FOR, Review, Stage, choose, is_too_old};
use crate::app::command::Action;
use crate::app::effect::{Effect, Effects};
use crate::app::layer::{Answering, Dialog, Layer};
use crate::app::model::Model;
use crate::app::notice::NoticeKind;
use crate::core::plan::guard::{Effect as Meaning, Weight};
use crate::core::plan::{Confirmation, GuardName, Plan};
use std::sync::Arc;

/// The word that stands before an overridden guard's name.
const OVERRIDE: &str = "override ";

/// Asks whether plans may be approved for a while.
pub(in crate::app) fn arm(model: &mut Model) {
    if !model.operation.allowed {
        warn(model, READ_ONLY);
        return;
    }
    let place = &model.place;
    let region = place.region.as_deref().unwrap_or("the default region");
    let context = place.context.as_deref().map(|name| format!("{name} ")).unwrap_or_default();
    let production = if place.production { " It is marked production." } else { "" };
    model.ask(Dialog {
        title: "Arm this console?".into(),
        lines: vec![
            format!("For 15 minutes plans for {context}{region} may be approved here.{production}"),
            "Nothing is done by this: each plan is still read and approved.".into(),
        ],
        answer: Answering::YesNo,
        then: Effect::Arm,
    });
}

/// Ends it before its time.
pub(in crate::app) fn disarm(model: &mut Model) {
    model.operation.armed_until = None;
    model.notices.say(model.now, NoticeKind::Info, "This console is no longer armed.");
}

const READ_ONLY: &str =
    "This console is read-only. Start it with --operate, or set mode = \"operate\" in the context.";

/// Arms: what a yes to the question of [`arm`] does.
pub(in crate::app) fn armed(model: &mut Model) {
    let until =
        jiff::SignedDuration::try_from(ARMED_FOR.saturating_mul(model.place.times.max(1))).ok();
    model.operation.armed_until = until.and_then(|span| model.now.checked_add(span).ok());
    model.notices.say(model.now, NoticeKind::Warning, "Armed for 15 minutes.");
}

/// What has been typed under a plan is meant.
pub(in crate::app) fn approve(model: &mut Model) -> Effects {
    let Some(Layer::Review(review)) = model.layers.last().cloned() else { return Effects::none() };
    let typed = review.field.text().trim().to_owned();
    if let Some(rest) = typed.strip_prefix(OVERRIDE) {
        return overridden(model, *review, rest);
    }
    match ready(model, &review, &typed) {
        Ok(plan) => {
            if let Some(Layer::Review(review)) = model.layers.last_mut() {
                review.stage = Stage::Starting(Arc::clone(&plan));
            }
            Effect::Start { number: review.number, plan, typed }.into()
        }
        Err(why) => {
            warn(model, why);
            Effects::none()
        }
    }
}

/// The plan, if all that approving takes is there.
fn ready(model: &Model, review: &Review, typed: &str) -> Result<Arc<Plan>, String> {
    let (Stage::Ready(plan) | Stage::NotStarted(plan, _)) = &review.stage else {
        return Err("There is nothing to approve here.".into());
    };
    if let Some(guard) = blocking(plan) {
        return Err(format!("The guard {guard} stands in the way; it says why above."));
    }
    if is_too_old(plan, model) {
        return Err("This plan is too old. Leave it and plan again.".into());
    }
    if !model.operation.may_approve(plan, model.now) {
        return Err(not_armed(model));
    }
    match &plan.confirmation {
        Confirmation::YesNo if matches!(typed, "y" | "yes") => Ok(Arc::clone(plan)),
        Confirmation::YesNo => Err("Type y and Enter to run it, or leave with Esc.".into()),
        Confirmation::Type(name) if typed == name.as_str() => Ok(Arc::clone(plan)),
        Confirmation::Type(name) => {
            Err(format!("Type {name} and Enter to run it, or leave with Esc."))
        }
    }
}

/// Why this console changes nothing now, and what arms it.
pub(super) fn not_armed(model: &Model) -> String {
    match arms(model) {
        _ if !model.operation.allowed => READ_ONLY.to_owned(),
        Some(key) => format!("This console is not armed: {key} arms it for 15 minutes."),
        None => "This console is not armed: leave with Esc, then `:arm`.".to_owned(),
    }
}

/// The first guard that keeps a plan from being run.
fn blocking(plan: &Plan) -> Option<GuardName> {
    let blocks = |meaning| matches!(meaning, Meaning::Blocks | Meaning::CannotTell);
    plan.guards.iter().find(|report| blocks(report.effect)).map(|report| report.guard)
}

/// `override GUARD REASON…`: the same plan is asked for again, with the guard overridden.
fn overridden(model: &mut Model, review: Review, rest: &str) -> Effects {
    let (name, reason) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
    let may = |plan: &Plan| {
        let weak = |weight| weight == Weight::BlocksUnlessOverridden;
        let names = plan.guards.iter().filter(|report| weak(report.weight));
        names.map(|report| report.guard).collect::<Vec<_>>()
    };
    let allowed = review.stage.plan().map(may).unwrap_or_default();
    let guard: Option<GuardName> = name.parse().ok().filter(|guard| allowed.contains(guard));
    let Some(guard) = guard else {
        let names: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        warn(
            model,
            format!("{name:?} cannot be overridden here; these can: {}.", names.join(", ")),
        );
        return Effects::none();
    };
    let reason = reason.trim();
    if reason.is_empty() {
        warn(model, format!("Say why: override {guard} REASON."));
        return Effects::none();
    }
    let mut request = review.request;
    request.options.overrides.insert(guard);
    let before = request.options.reason.take().map(|text| format!("{text}; ")).unwrap_or_default();
    request.options.reason = Some(format!("{before}{guard}: {reason}"));
    choose::open(model, request)
}

fn warn(model: &mut Model, text: impl Into<String>) {
    model.notices.say(model.now, NoticeKind::Warning, text);
}

/// The key that arms this console while a plan is looked at, where the keymap has one.
pub fn arms(model: &Model) -> Option<String> {
    let hints = model.keymap.hints(&model.contexts(), &[]);
    hints.into_iter().find(|hint| hint.action == Action::Arm).map(|hint| hint.keys)
}

#[cfg(test)]
mod tests {
    use super::armed;
    use crate::app::fixture::{at, model};

    /// The quarter of an hour is the operator's: a world that runs fast takes none of it away.
    #[test]
    fn armed_for_a_persons_quarter_of_an_hour() {
        let mut model = model(80, 24);
        model.operation.allowed = true;
        for (times, lasts) in [(0, 900), (1, 900), (60, 60 * 900)] {
            model.place.times = times;
            armed(&mut model);
            assert!(model.operation.is_armed(at(lasts - 1)), "{times}");
            assert!(!model.operation.is_armed(at(lasts)), "{times}");
        }
    }
}
