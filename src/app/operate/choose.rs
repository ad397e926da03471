//! From a key, or a line of the palette, to what a plan is asked for: the marked nodes, the selected
//! one, the fleet that is looked at, the cases of a finding.

use super::{Review, Stage};
use crate::app::effect::{Effect, Effects};
use crate::app::elsewhere;
use crate::app::field::TextField;
use crate::app::layer::{Layer, Purpose};
use crate::app::model::Model;
use crate::app::navigate;
use crate::app::notice::NoticeKind;
use crate::app::palette::flags;
use crate::app::prompt;
use crate::app::rows;
use crate::app::screen::{RowId, ScreenKind};
use crate::core::estate::{Estate, Fleet};
use crate::core::finding::{Finding, Fix};
use crate::core::ids::{InstanceId, ServiceId, StackId};
use crate::core::plan::{Intent, Picture, Request, Verb, resolve};
use crate::core::run::RunId;

/// Marks the selected node for the next plan, or takes the mark away.
pub(in crate::app) fn mark(model: &mut Model) {
    if let Err(why) = elsewhere::not_of_another(model) {
        say(model, why);
        return;
    }
    let Some(RowId::Node(id)) = model.screen().list.selected().cloned() else {
        say(model, "Only nodes can be marked.");
        return;
    };
    let marks = &mut model.operation.marks;
    if !marks.remove(&id) {
        marks.insert(id);
    }
    navigate::step(model, 1);
}

/// Takes the marks off nodes that are there no more, and says so: a plan made next is of fewer.
pub(in crate::app) fn drop_marks(model: &mut Model) {
    let Some(estate) = model.estate.as_deref() else { return };
    let gone = |id: &&InstanceId| !estate.nodes.contains_key(*id);
    let gone: Vec<InstanceId> = model.operation.marks.iter().filter(gone).cloned().collect();
    let Some(first) = gone.first() else { return };
    let text = match gone.len() {
        1 => format!("The mark on {first} is dropped: the node is gone."),
        many => format!("The marks on {first} and {} more are dropped: gone.", many - 1),
    };
    for id in &gone {
        model.operation.marks.remove(id);
    }
    model.notices.say(model.now, NoticeKind::Warning, text);
}

/// Asks for a plan of this verb about what is selected.
pub(in crate::app) fn plan_for(model: &mut Model, verb: Option<Verb>) -> Effects {
    match selected(model, verb) {
        Ok(Ok(intent)) => open(model, Request::new(intent)),
        Ok(Err(line)) => {
            prompt::open(model, Purpose::Palette, &line);
            Effects::none()
        }
        Err(why) => {
            say(model, why);
            Effects::none()
        }
    }
}

/// What is wanted of what is selected; `Err` within is a line for the palette, where there is a
/// choice.
fn selected(model: &Model, verb: Option<Verb>) -> Result<Result<Intent, String>, String> {
    elsewhere::not_of_another(model)?;
    Ok(Ok(match verb {
        None => fix(model)?,
        Some(Verb::Reregister) => Intent::Reregister { nodes: nodes(model)? },
        Some(Verb::Drain) => Intent::Drain { nodes: nodes(model)? },
        Some(Verb::Undrain) => Intent::Undrain { nodes: nodes(model)? },
        Some(Verb::Deregister) => Intent::Deregister { members: nodes(model)? },
        Some(Verb::Repair) => Intent::Repair { stack: fleet(model)? },
        Some(Verb::Cutover) => return cutover(model),
        Some(Verb::Rollback) => Intent::Rollback { run: run(model)? },
        Some(Verb::Takeover) => Intent::Takeover { lock: lock(model)? },
    }))
}

/// Asks for a plan of this verb about what is named, made as the flags say; about what is selected,
/// where nothing is named.
///
/// # Errors
/// A sentence: the words name nothing, or a flag is none.
pub(in crate::app) fn plan_of_words(
    model: &mut Model,
    verb: Verb,
    line: &str,
) -> Result<Effects, String> {
    let (words, options) = flags::read(verb, line)?;
    let intent = match words.is_empty() {
        true => selected(model, Some(verb))?.map_err(|_| "cutover takes two fleets: FROM TO.")?,
        false => named(model, verb, &words)?,
    };
    Ok(open(model, Request { intent, options }))
}

/// What is wanted of what is named.
fn named(model: &Model, verb: Verb, words: &[String]) -> Result<Intent, String> {
    let estate = model.estate.as_deref().ok_or("Nothing has been read yet.")?;
    let picture = Picture::new(&model.inventory, estate, model.now);
    let found = |refusal: crate::core::plan::Refusal| format!("{refusal}. {}", refusal.next);
    let nodes = || resolve::nodes(words, &picture).map_err(found);
    let fleet = |word: &String| -> Result<StackId, String> {
        let stack = StackId::from(word);
        resolve::fleet(&stack, &picture).map_err(found)?;
        Ok(stack)
    };
    Ok(match (verb, words) {
        (Verb::Reregister, _) => Intent::Reregister { nodes: nodes()? },
        (Verb::Drain, _) => Intent::Drain { nodes: nodes()? },
        (Verb::Undrain, _) => Intent::Undrain { nodes: nodes()? },
        (Verb::Deregister, _) => {
            Intent::Deregister { members: resolve::members(words, &picture).map_err(found)? }
        }
        (Verb::Repair, [stack]) => Intent::Repair { stack: fleet(stack)? },
        (Verb::Repair, _) => return Err("repair takes one fleet.".into()),
        (Verb::Cutover, [from, to]) => Intent::Cutover { from: fleet(from)?, to: fleet(to)? },
        (Verb::Cutover, _) => return Err("cutover takes two fleets: FROM TO.".into()),
        (Verb::Rollback, [run]) => Intent::Rollback { run: run_named(model, run)? },
        (Verb::Rollback, _) => return Err("rollback takes one run.".into()),
        (Verb::Takeover, [text]) => {
            Intent::Takeover { lock: resolve::lock(Some(text), &picture).map_err(found)? }
        }
        (Verb::Takeover, _) => return Err("takeover takes one lock.".into()),
    })
}

/// The run of this name, or the only one whose name begins so.
///
/// # Errors
/// A sentence: there is none, or there are several.
pub(in crate::app) fn run_named(model: &Model, text: &str) -> Result<RunId, String> {
    let runs = &model.operation.runs;
    let id = RunId::from(text);
    if runs.contains_key(&id) {
        return Ok(id);
    }
    let mut like = runs.keys().filter(|run| run.as_str().starts_with(text));
    match (like.next(), like.next()) {
        (Some(run), None) => Ok(run.clone()),
        (Some(_), Some(_)) => Err(format!("Several runs begin with {text}: type more of it.")),
        (None, _) => Err(format!("There is no run {text} here.")),
    }
}

/// Opens the review of a plan that is yet to be made.
pub(super) fn open(model: &mut Model, request: Request) -> Effects {
    model.operation.asked += 1;
    let number = model.operation.asked;
    let review = Review {
        number,
        request: request.clone(),
        stage: Stage::Reading,
        scroll: 0,
        field: TextField::default(),
    };
    navigate::show(model, Layer::Review(Box::new(review)));
    Effect::Plan { number, request: Box::new(request) }.into()
}

/// The marked nodes, else the selected one, else the one whose screen it is.
fn nodes(model: &Model) -> Result<Vec<InstanceId>, String> {
    if !model.operation.marks.is_empty() {
        return Ok(model.operation.marks.iter().cloned().collect());
    }
    match (&model.screen().kind, model.screen().list.selected()) {
        (ScreenKind::Node(id), _) | (_, Some(RowId::Node(id))) => Ok(vec![id.clone()]),
        (_, Some(row @ RowId::Cause(_))) => {
            let nodes = of_cause(model, row, |finding| finding.instance_id.clone());
            if nodes.is_empty() { Err("This finding is about no node.".into()) } else { Ok(nodes) }
        }
        _ => Err("Select or mark the nodes first.".into()),
    }
}

fn of_cause<T: PartialEq>(
    model: &Model,
    row: &RowId,
    pick: impl Fn(&Finding) -> Option<T>,
) -> Vec<T> {
    let mut all = Vec::new();
    let cause = rows::findings::find(model, row);
    for one in cause.into_iter().flat_map(|cause| cause.findings(model.findings())) {
        all.extend(pick(one).filter(|it| !all.contains(it)));
    }
    all
}

fn fleet(model: &Model) -> Result<StackId, String> {
    let selected = match model.screen().list.selected() {
        Some(RowId::Cause(key)) => key.stack_id.clone(),
        _ => model.focus().cloned(),
    };
    selected.ok_or_else(|| "Select a fleet first.".into())
}

fn run(model: &Model) -> Result<RunId, String> {
    match (&model.screen().kind, model.screen().list.selected()) {
        (ScreenKind::Run(id), _) | (_, Some(RowId::Run(id))) => Ok(id.clone()),
        _ => Err("Select a run first.".into()),
    }
}

/// The selected lock, or the one that is held on the selected fleet.
fn lock(model: &Model) -> Result<ServiceId, String> {
    if let Some(RowId::Lock(id)) = model.screen().list.selected() {
        return Ok(id.clone());
    }
    let estate = model.estate.as_deref().ok_or("Nothing has been read yet.")?;
    let held = fleet(model).ok().and_then(|stack| estate.lock_on(&stack));
    match (held, estate.locks.as_slice()) {
        (Some(lock), _) | (None, [lock]) => Ok(lock.service_id.clone()),
        (None, []) => Err("Nobody holds a lock.".into()),
        (None, _) => Err("Select a fleet or a lock first.".into()),
    }
}

/// The fix that the selected finding calls for; of a fleet, every safe fix.
fn fix(model: &Model) -> Result<Intent, String> {
    let none = || "Nothing here calls for a fix that this console can make.".to_owned();
    let (findings, stack): (Vec<&Finding>, Option<StackId>) =
        match (&model.screen().kind, model.screen().list.selected()) {
            (_, Some(row @ RowId::Cause(key))) => {
                let cause = rows::findings::find(model, row).ok_or_else(none)?;
                (cause.findings(model.findings()).collect(), key.stack_id.clone())
            }
            (ScreenKind::Node(id), _) | (_, Some(RowId::Node(id))) => {
                let own = |one: &&Finding| one.instance_id.as_ref() == Some(id);
                (model.findings().iter().filter(own).collect(), None)
            }
            (_, Some(RowId::Fleet(stack))) => {
                let own = |one: &&Finding| one.stack_id.as_ref() == Some(stack);
                (model.findings().iter().filter(own).collect(), Some(stack.clone()))
            }
            (_, Some(RowId::Lock(lock))) => return Ok(Intent::Takeover { lock: lock.clone() }),
            _ => return Err("Select a finding, a node or a fleet first.".into()),
        };
    let fixes: Vec<(Fix, &Finding)> =
        findings.iter().filter_map(|one| Some((one.fix?, *one))).collect();
    let (first, _) = *fixes.first().ok_or_else(none)?;
    // Of a fleet several kinds of fix may be due; all that are about its registry are one plan.
    let registry = |fix: Fix| matches!(fix, Fix::Reregister | Fix::Repair | Fix::Deregister);
    let several = fixes.iter().any(|(fix, _)| *fix != first && registry(*fix));
    let ids = |wanted: Fix| -> Vec<InstanceId> {
        let of = fixes.iter().filter(|(fix, _)| *fix == wanted);
        let mut ids: Vec<_> = of.filter_map(|(_, one)| one.instance_id.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    match (first, stack.or_else(|| fixes.iter().find_map(|(_, one)| one.stack_id.clone()))) {
        (fix, Some(stack)) if fix == Fix::Repair || (several && registry(fix)) => {
            Ok(Intent::Repair { stack })
        }
        (Fix::Reregister, _) if !ids(first).is_empty() => {
            Ok(Intent::Reregister { nodes: ids(first) })
        }
        (Fix::Deregister, _) if !ids(first).is_empty() => {
            Ok(Intent::Deregister { members: ids(first) })
        }
        (Fix::Undrain, _) if !ids(first).is_empty() => Ok(Intent::Undrain { nodes: ids(first) }),
        (Fix::Reregister | Fix::Deregister, Some(stack)) => Ok(Intent::Repair { stack }),
        (Fix::Takeover, _) => {
            let lock = fixes
                .iter()
                .find_map(|(fix, one)| one.service_id.clone().filter(|_| *fix == Fix::Takeover));
            Ok(Intent::Takeover { lock: lock.ok_or_else(none)? })
        }
        (Fix::Cutover, _) => {
            Err("The traffic is split: select the fleet that is to have it, then cut over.".into())
        }
        _ => Err(none()),
    }
}

/// From the fleet that has the traffic to the selected one, or from the selected one to the only
/// other; `Err` within is a line for the palette, where there are several.
fn cutover(model: &Model) -> Result<Result<Intent, String>, String> {
    let selected = fleet(model)?;
    let estate = model.estate.as_deref().ok_or("Nothing has been read yet.")?;
    let gives = |fleet: &Fleet| fleet.traffic_share.is_some_and(|share| share > 0.0);
    let own = estate.fleets.get(&selected).ok_or("That fleet is gone.")?;
    let others: Vec<&StackId> = others(estate, own, |other| gives(own) || gives(other));
    let line = |from: &str, to: &str| format!("cutover {from} {to}");
    match (gives(own), others.as_slice()) {
        (_, []) => Err(format!("There is no other fleet to cut over {selected} with.")),
        (true, [other]) => Ok(Ok(Intent::Cutover { from: selected, to: (*other).clone() })),
        (false, [other]) => Ok(Ok(Intent::Cutover { from: (*other).clone(), to: selected })),
        (true, _) => Ok(Err(line(selected.as_str(), ""))),
        (false, [other, ..]) => Ok(Err(line(other.as_str(), selected.as_str()))),
    }
}

fn others<'a>(estate: &'a Estate, own: &Fleet, fits: impl Fn(&Fleet) -> bool) -> Vec<&'a StackId> {
    let others = estate.fleets.values().filter(|fleet| fleet.stack_id != own.stack_id);
    others.filter(|fleet| !fleet.groups.is_empty() && fits(fleet)).map(|it| &it.stack_id).collect()
}

fn say(model: &mut Model, text: impl Into<String>) {
    model.notices.say(model.now, NoticeKind::Info, text);
}
