//! Claims about targets and listeners.

use super::{Judged, at_least, broken, known, unknown};
use crate::core::ids::{StackId, TargetGroupArn, Zone, arn_name};
use crate::core::inventory::{Forward, TargetHealth};
use crate::core::observed::{Observed, Why};
use crate::core::plan::view::{Action, forward_text, listed};
use crate::core::plan::{ActionId, Answer, Picture, Target, TargetIs};

/// Each of these targets stands so.
pub(super) fn targets(
    picture: &Picture<'_>,
    group: &TargetGroupArn,
    targets: &[Target],
    are: TargetIs,
) -> Judged {
    let name = picture.name_of(group);
    let read = known(picture.targets(group), || format!("target health of {name}"))?;
    let mut other = Vec::new();
    for target in targets {
        let found = read.iter().map(|held| &held.value);
        let found = found.into_iter().find(|of| of.id == target.id && of.port == target.port);
        if !stands(found, are) {
            let state = found.map_or("absent", |of| &*of.state);
            other.push(format!("{}:{} {state}", target.id, target.port));
        }
    }
    let each: Vec<_> = targets.iter().map(|of| format!("{}:{}", of.id, of.port)).collect();
    let was = format!("{} {are} in {name}", listed(&each));
    Ok(if other.is_empty() { Answer::Holds } else { broken(was, listed(&other)) })
}

fn stands(found: Option<&TargetHealth>, are: TargetIs) -> bool {
    match are {
        TargetIs::Absent => found.is_none(),
        TargetIs::Away => found.is_none_or(TargetHealth::is_leaving),
        TargetIs::Registered => found.is_some_and(|of| !of.is_leaving()),
        TargetIs::Healthy => found.is_some_and(TargetHealth::is_healthy),
    }
}

/// A group has so many healthy targets of a fleet, in a zone.
pub(super) fn healthy(
    picture: &Picture<'_>,
    group: &TargetGroupArn,
    (stack, zone): (Option<&StackId>, Option<&Zone>),
    least: u32,
) -> Judged {
    let name = picture.name_of(group);
    let healthy =
        known(picture.healthy(group, stack, zone), || format!("target health of {name}"))?;
    if let Some(zone) = zone {
        let read = &picture.inventory.target_health;
        for of in picture.beside(group).filter(|of| read.contains_key(*of)) {
            known(picture.targets(of), || format!("target health of {}", picture.name_of(of)))?;
        }
        // A zone in which nobody has anything healthy is lost, and no fault of this fleet.
        if healthy == 0 && picture.is_dark(group, zone) {
            return Ok(Answer::Holds);
        }
    }
    if stack.is_some() || zone.is_some() {
        // Whose a target is, and where, is the word of its Auto Scaling group.
        known(picture.inventory.groups.whole(picture.now), super::groups_of)?;
    }
    let of = stack.map(|stack| format!(" of {stack}")).unwrap_or_default();
    let at = zone.map(|zone| format!(" in {zone}")).unwrap_or_default();
    Ok(at_least(healthy, least, &format!("healthy{of} in {name}{at}")))
}

/// No action anywhere gives weight to a group of a fleet: one that is attached to its Auto Scaling
/// groups, or its own otherwise.
pub(super) fn carries_nothing(picture: &Picture<'_>, stack: &StackId) -> Judged {
    known(picture.inventory.groups.whole(picture.now), super::groups_of)?;
    known(picture.inventory.target_groups.whole(picture.now), || "the target groups".into())?;
    let own = picture.any_group_of(stack);
    let actions = picture.actions(&own).map_err(|(why, what)| unknown(why, what))?;
    let sends = |action: &&Action<'_>| own.iter().any(|arn| action.forward.share_of(arn) > 0.0);
    let sending: Vec<String> = actions
        .iter()
        .filter(sends)
        .map(|action| format!("{} to {}", action.label, forward_text(picture, action.forward)))
        .collect();
    let was = format!("no listener and no rule sends to {stack}");
    Ok(if sending.is_empty() { Answer::Holds } else { broken(was, listed(&sending)) })
}

/// An action forwards exactly so.
pub(super) fn forwards(picture: &Picture<'_>, action: &ActionId, is: &Forward) -> Judged {
    let arn = &action.listener;
    let what = || format!("listener {}", arn_name(arn.as_str()));
    let Some(listener) = picture.listener(arn) else {
        let all = picture.inventory.listeners.values();
        return match all.map(|of| of.whole(picture.now)).find_map(Result::err) {
            Some(why) => Err(unknown(why, what())),
            None if picture.inventory.listeners.is_empty() => Err(unknown(Why::Never, what())),
            None => Ok(broken(what(), "there is no such listener")),
        };
    };
    let what = || format!("listener :{}", listener.port);
    let read = picture.inventory.listeners.get(&listener.load_balancer);
    known(read.map_or(Err(Why::Never), |of| of.whole(picture.now)), what)?;
    let now = match &action.rule {
        None => Some(&listener.default),
        Some(rule) => {
            let read = picture.inventory.rules.get(arn);
            let read = read.map_or(Err(Why::Never), |of: &Observed<_>| of.whole(picture.now));
            let rules = known(read, || format!("rules of {}", what()))?;
            rules.iter().find(|one| &one.arn == rule).map(|one| &one.forward)
        }
    };
    let was = || format!("{} sends to {}", what(), forward_text(picture, is));
    Ok(match now {
        Some(now) if now.is_alike(is) => Answer::Holds,
        Some(now) => broken(was(), forward_text(picture, now)),
        None => broken(was(), "there is no such rule"),
    })
}
