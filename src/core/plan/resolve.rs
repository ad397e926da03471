//! From what an operator types to exact ids: an instance id, a unique beginning of one, or a
//! private address; a fleet's name. Nothing is guessed: two candidates are named, none is refused,
//! and an empty selection is never everything (invariant 8).

use super::refusal::RefusalKind;
use super::view::listed;
use super::{Intent, Picture, Refusal};
use crate::core::ids::{InstanceId, ServiceId, StackId};
use crate::core::lock::LockView;
use crate::core::observed::Observed;
use crate::core::rollback_record::RollbackView;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// So many candidates of an ambiguous text are named.
const NAMED: usize = 5;

/// The nodes that texts stand for, each once, in the order given.
///
/// # Errors
/// Nothing is selected, or a text stands for no node or for several.
pub fn nodes(texts: &[String], picture: &Picture<'_>) -> Result<Vec<InstanceId>, Refusal> {
    each(texts, |text| {
        let known = &picture.estate.nodes;
        if known.contains_key(&InstanceId::from(text)) {
            return Ok(InstanceId::from(text));
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            let at = known.values().filter(|node| node.private_ip == Some(ip));
            return one(text, at.map(|node| &node.id).collect(), picture);
        }
        one(text, known.keys().filter(|id| id.as_str().starts_with(text)).collect(), picture)
    })
}

/// The ids of registry entries that texts stand for. An address stands for the entry that is
/// registered with it.
///
/// # Errors
/// As [`nodes`].
pub fn members(texts: &[String], picture: &Picture<'_>) -> Result<Vec<InstanceId>, Refusal> {
    let entries = || {
        let all = picture.inventory.members.values().filter_map(Observed::value);
        all.flat_map(|members| members.iter())
    };
    each(texts, |text| {
        let fits = |id: &InstanceId| id.as_str().starts_with(text);
        let exact = entries().find(|member| member.id.as_str() == text);
        if let Some(member) = exact {
            return Ok(member.id.clone());
        }
        let at = entries().filter(|member| member.ipv4() == Some(text) || fits(&member.id));
        one(text, at.map(|member| &member.id).collect(), picture)
    })
}

/// The fleet of this name.
///
/// # Errors
/// There is none; the fleets there are, are named.
pub fn fleet(name: &StackId, picture: &Picture<'_>) -> Result<(), Refusal> {
    if picture.fleet(name).is_some() {
        return Ok(());
    }
    let names: Vec<&str> = picture.estate.fleets.keys().map(StackId::as_str).collect();
    let next = match names.len() {
        0 => "`quarterdeck sources` says what could be read.".to_owned(),
        _ => format!("The fleets are {}.", listed(&names)),
    };
    Err(Refusal::new(unfound(picture), format!("there is no fleet {name}"), next))
}

/// The lock that a text stands for: its id, the load balancer it is held on, its run, or a fleet that
/// shares it. Without a text, the only lock there is.
///
/// # Errors
/// There is none, or there are several.
pub fn lock(text: Option<&str>, picture: &Picture<'_>) -> Result<ServiceId, Refusal> {
    let fits = |lock: &&LockView| {
        text.is_none_or(|text| {
            lock.service_id.as_str() == text
                || lock.scope == text
                || lock.record().is_some_and(|said| said.run == text)
                || lock.fleets.iter().any(|stack| stack.as_str() == text)
        })
    };
    let found: Vec<&LockView> = picture.estate.locks.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok(one.service_id.clone()),
        [] => {
            let what = text.map_or("nobody holds a lock".to_owned(), |text| {
                format!("{text} names no lock that is held")
            });
            let next = "`quarterdeck findings` names what dead runs left.";
            Err(Refusal::new(unfound(picture), what, next))
        }
        // Those of one run are taken over together.
        [first, others @ ..] if others.iter().all(|other| of_one_run(first, other)) => {
            Ok(first.service_id.clone())
        }
        several => {
            let names: Vec<&str> = several.iter().map(|lock| lock.scope.as_str()).collect();
            let why = format!("several locks are held: {}", listed(&names));
            Err(Refusal::new(RefusalKind::Usage, why, "Name the load balancer."))
        }
    }
}

fn of_one_run(one: &LockView, other: &LockView) -> bool {
    let run = |lock: &LockView| lock.record().map(|said| said.run.clone());
    run(one).is_some_and(|run| !run.is_empty()) && run(one) == run(other)
}

/// What puts back what a dead run left: a take-over of its lock, or, where that is gone and its rollback
/// record is not, a rollback from the record.
///
/// # Errors
/// There is neither, or there are several.
pub fn left_run(text: Option<&str>, picture: &Picture<'_>) -> Result<Intent, Refusal> {
    let refused = match lock(text, picture) {
        Ok(lock) => return Ok(Intent::Takeover { lock }),
        Err(refusal) => refusal,
    };
    let fits = |view: &&RollbackView| {
        text.is_none_or(|text| {
            view.service_id.as_str() == text
                || view.scope == text
                || view.is_of(text)
                || view.fleets.iter().any(|stack| stack.as_str() == text)
        })
    };
    let found: Vec<&RollbackView> = picture.estate.rollbacks.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => match &one.said {
            Ok(said) => Ok(Intent::Rollback { run: said.run.clone() }),
            Err(why) => {
                let why = format!("the rollback record of {} is not whole: {why}", one.scope);
                let next = "Nothing of it is restored. Roll the run back on its own host, or write \
                            the listeners by hand (`run show --by-hand` there has the commands).";
                Err(Refusal::new(RefusalKind::Blocked, why, next))
            }
        },
        [] => Err(Refusal {
            why: format!(
                "{}, and no rollback record is left: nothing is to be put back",
                refused.why
            ),
            ..refused
        }),
        several => {
            let names: Vec<&str> = several.iter().map(|view| view.scope.as_str()).collect();
            let why = format!("there are several rollback records: {}", listed(&names));
            Err(Refusal::new(RefusalKind::Usage, why, "Name the load balancer."))
        }
    }
}

fn each(
    texts: &[String],
    resolve: impl Fn(&str) -> Result<InstanceId, Refusal>,
) -> Result<Vec<InstanceId>, Refusal> {
    if texts.is_empty() {
        let why = "nothing is selected, and nothing is never everything";
        return Err(Refusal::new(RefusalKind::Usage, why, "Name the nodes by id or address."));
    }
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    for text in texts {
        let id = resolve(text.trim())?;
        if seen.insert(id.clone()) {
            all.push(id);
        }
    }
    Ok(all)
}

fn one(
    text: &str,
    found: BTreeSet<&InstanceId>,
    picture: &Picture<'_>,
) -> Result<InstanceId, Refusal> {
    if text.is_empty() {
        let next = "Name each node by id or address.";
        return Err(Refusal::new(RefusalKind::Usage, "an empty name stands for no node", next));
    }
    let mut candidates = found.iter();
    match (candidates.next(), found.len()) {
        (Some(id), 1) => Ok((*id).clone()),
        (Some(_), number) => {
            let named: Vec<_> = found.iter().take(NAMED).map(|id| id.to_string()).collect();
            let more = if number > NAMED { ", among others" } else { "" };
            let why = format!("{text} stands for {number} nodes: {}{more}", listed(&named));
            Err(Refusal::new(RefusalKind::Usage, why, "Write more of the id, or all of it."))
        }
        (None, _) => {
            let why = format!("{text} stands for no node");
            let next = "`quarterdeck nodes` lists them.";
            Err(Refusal::new(unfound(picture), why, next))
        }
    }
}

/// Where not everything could be listed, what is not found may only not have been read.
fn unfound(picture: &Picture<'_>) -> RefusalKind {
    if picture.estate.whole { RefusalKind::Usage } else { RefusalKind::Unknown }
}
