//! Which group of the receiving fleet takes over from which of the giving one: those on one
//! listener whose target port, protocol and health check path are equal (safety.md, Cutover).

use super::{blocked, unread};
use crate::core::ids::{StackId, TargetGroupArn};
use crate::core::inventory::{Forward, TargetGroup};
use crate::core::observed::Observed;
use crate::core::plan::view::{Action, listed};
use crate::core::plan::{ActionId, Picture, Refusal};
use std::collections::BTreeSet;

/// An action whose traffic is to move, and between which groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub action: ActionId,
    pub label: String,
    pub now: Forward,
    pub from: TargetGroupArn,
    pub to: TargetGroupArn,
}

/// Every action that gives a group of `from` weight, with its counterpart; and labels of those that
/// send to `to` alone already.
pub(super) fn moves(
    picture: &Picture<'_>,
    from: &StackId,
    to: &StackId,
) -> Result<(Vec<Move>, Vec<String>), Refusal> {
    let giving: BTreeSet<&TargetGroupArn> = picture.target_groups_of(from).into_iter().collect();
    let receiving: BTreeSet<&TargetGroupArn> = picture.target_groups_of(to).into_iter().collect();
    let both = giving.union(&receiving).copied().collect();
    let (mut moves, mut there) = (Vec::new(), Vec::new());
    for action in picture.actions(&both).map_err(|(why, what)| unread(&why, &what))? {
        let named = |groups: &BTreeSet<&TargetGroupArn>| -> Vec<TargetGroupArn> {
            let all = action.forward.groups.iter().map(|of| &of.target_group);
            all.filter(|arn| groups.contains(arn)).cloned().collect()
        };
        let weighed: Vec<_> =
            named(&giving).into_iter().filter(|arn| action.forward.share_of(arn) > 0.0).collect();
        match weighed.as_slice() {
            [] if named(&receiving).is_empty() => {}
            [] => there.push(action.label.clone()),
            [group] => {
                let to = counterpart(picture, &action, group, (to, &receiving))?;
                moves.push(Move {
                    action: action.id.clone(),
                    label: action.label.clone(),
                    now: action.forward.clone(),
                    from: group.clone(),
                    to,
                });
            }
            several => {
                let names: Vec<_> = several.iter().map(|arn| picture.name_of(arn)).collect();
                let why = format!(
                    "listener {} sends to {} groups of {from} at once: {}",
                    action.label,
                    names.len(),
                    listed(&names)
                );
                return Err(blocked(why, "Leave one group a fleet in each action first."));
            }
        }
    }
    one_balancer(picture, &moves)?;
    for one in &moves {
        movable(picture, one)?;
    }
    Ok((moves, there))
}

fn counterpart(
    picture: &Picture<'_>,
    action: &Action<'_>,
    from: &TargetGroupArn,
    (stack, receiving): (&StackId, &BTreeSet<&TargetGroupArn>),
) -> Result<TargetGroupArn, Refusal> {
    let Some(group) = picture.target_group(from) else {
        return Err(unread(&crate::core::observed::Why::Never, &picture.name_of(from)));
    };
    let like = |of: &TargetGroup| (of.port, of.protocol.clone(), of.check_path.clone());
    let wanted = like(group);
    let candidates: Vec<&TargetGroup> = receiving
        .iter()
        .filter_map(|arn| picture.target_group(arn))
        .filter(|of| like(of) == wanted)
        .collect();
    let named: Vec<&TargetGroup> = candidates
        .iter()
        .copied()
        .filter(|of| action.forward.groups.iter().any(|one| one.target_group == of.arn))
        .collect();
    let what = format!(
        "{} (port {}, {}, health check {})",
        group.name,
        group.port,
        group.protocol,
        group.check_path.as_deref().unwrap_or("by connection"),
    );
    match (candidates.as_slice(), named.as_slice()) {
        ([one], _) | (_, [one]) => Ok(one.arn.clone()),
        ([], _) => {
            let why = format!("no target group of {stack} pairs with {what} on {}", action.label);
            let next = format!(
                "Give {stack} a group of the same port, protocol and health check path, attached to \
                 its Auto Scaling group."
            );
            Err(blocked(why, next))
        }
        (several, _) => {
            let names: Vec<_> = several.iter().map(|of| of.name.to_string()).collect();
            let why =
                format!("{} groups of {stack} pair with {what}: {}", names.len(), listed(&names));
            let next = "Leave one of them on the fleet, or tag the other for another fleet.";
            Err(blocked(why, next))
        }
    }
}

/// The lock is one load balancer's.
fn one_balancer(picture: &Picture<'_>, moves: &[Move]) -> Result<(), Refusal> {
    let of = |one: &Move| picture.listener(&one.action.listener).map(|of| &of.load_balancer);
    let all: BTreeSet<_> = moves.iter().filter_map(of).collect();
    if all.len() <= 1 {
        return Ok(());
    }
    let names: Vec<_> =
        all.iter().map(|arn| crate::core::ids::arn_name(arn.as_str()).to_owned()).collect();
    let why = format!("the fleets share {} load balancers: {}", names.len(), listed(&names));
    Err(blocked(why, "Cut over one at a time: --load-balancer NAME."))
}

/// What ModifyListener alone cannot move is refused and named.
fn movable(picture: &Picture<'_>, one: &Move) -> Result<(), Refusal> {
    let name = picture.name_of(&one.to);
    let balancer = picture.listener(&one.action.listener).map(|of| &of.load_balancer);
    let elsewhere = picture.target_group(&one.to).into_iter().flat_map(|of| &of.load_balancers);
    if let Some(other) = elsewhere.into_iter().find(|arn| Some(*arn) != balancer) {
        let other = crate::core::ids::arn_name(other.as_str());
        let why = format!("{name} is used by {other}, and a group has one load balancer");
        return Err(blocked(why, format!("Take {name} out of {other} first.")));
    }
    let sticky = |arn: &TargetGroupArn| {
        let read = picture.inventory.target_group_attributes.get(arn).and_then(Observed::value);
        read.is_some_and(|of| of.sticky)
    };
    let sticks = [&one.from, &one.to].into_iter().find(|arn| sticky(arn));
    if let Some(arn) = sticks.filter(|_| !one.now.sticky) {
        let name = picture.name_of(arn);
        let why = format!(
            "{name} has stickiness on and listener {} has not: AWS refuses two groups there",
            one.label
        );
        let next =
            format!("Turn stickiness of {name} off, or group stickiness of the listener on.");
        return Err(blocked(why, next));
    }
    Ok(())
}
