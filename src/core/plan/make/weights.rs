//! cutover by weights: each fleet has its own groups, and the listeners weigh them. No target of
//! the giving fleet is deregistered: it stays at weight 0, so the way back is one call a listener.

use super::arithmetic::{Unwritable, at, together, weight, with_both};
use super::draft::{Do, Draft, SEEN_WITHIN};
use super::ledger::floor;
use super::locks::Locks;
use super::pairing::{Move, moves};
use super::targets::is_named;
use super::{HEALTHY_WITHIN, REGISTERED_AFTER, REGISTRATION_TAKES, RefusalKind, pins};
use crate::core::ids::{StackId, TargetGroupArn};
use crate::core::inventory::Forward;
use crate::core::plan::view::{counted, forward_text, listed};
use crate::core::plan::{Claim, FactKind, Gate, Mutation, Refusal, StepAction};
use std::collections::BTreeSet;
use std::time::Duration;

/// The schedule where none is given (safety.md, Defaults).
const SCHEDULE: [u8; 3] = [10, 50, 100];

/// A move with what its action is after each step.
struct Shift {
    of: Move,
    /// With both groups in it, sending as now.
    both: Forward,
    /// What was written last.
    last: Forward,
}

pub(super) fn add(
    draft: &mut Draft<'_>,
    locks: Locks,
    (from, to): (&StackId, &StackId),
) -> Result<(), Refusal> {
    let (moves, there) = moves(&draft.picture, from, to)?;
    if !there.is_empty() {
        draft.notes.push(format!("Listener {} sends nothing to {from} already.", listed(&there)));
    }
    let schedule = schedule(draft, &moves);
    let mut shifts = shifts(draft, moves, &schedule)?;
    let carry = carry(draft, &shifts, (from, to))?;
    watch_capacity(draft, &shifts, to);
    draft.take_lock(locks);
    for shift in &shifts {
        write_back(draft, shift);
    }
    let mut pinned = draft.pin(from, &pins::GIVING, "traffic rests on these nodes");
    pinned.extend(draft.pin(
        to,
        &pins::RECEIVING,
        "it must be free to scale out, and nothing else",
    ));
    prepare(draft, &mut shifts, to, &carry);
    draft.gate(Gate::BeforeShift);
    for percent in schedule {
        for shift in &mut shifts {
            let next = at(&shift.both, (&shift.of.from, &shift.of.to), percent);
            let next = next.map_err(|why| refuse(&shift.of, &why))?;
            // An action that has passed this percentage is not taken back to it.
            if weight(&next, &shift.of.to) > weight(&shift.last, &shift.of.to) {
                forward(draft, shift, next, format!("{percent}% to {to}"), &carry);
            }
        }
        let mut claims = own(&shifts);
        claims.extend(carry.clone());
        claims.extend(pins::held(&pinned));
        draft.settle(to, percent, claims);
    }
    let mut claims = own(&shifts);
    claims.extend(carry);
    claims.extend(draft.probes_pass(to));
    claims.extend(pins::held(&pinned));
    draft.bake(&format!("with all traffic at {to}"), claims);
    draft.gate(Gate::BeforeEnd);
    draft.see_that_it_carries_nothing(from);
    draft.remove_members_of(from, to)?;
    draft.unpin(&pinned);
    draft.give_lock_back();
    say(draft, &shifts, (from, to));
    Ok(())
}

fn schedule(draft: &Draft<'_>, moves: &[Move]) -> Vec<u8> {
    let wanted = draft.request.options.schedule.clone().unwrap_or_else(|| SCHEDULE.to_vec());
    // What every action has passed already is not written again.
    let least = moves.iter().map(|one| {
        let all = together(&one.now, &one.from, &one.to);
        (weight(&one.now, &one.to) * 100).checked_div(all).unwrap_or_default()
    });
    let least = least.min().unwrap_or_default();
    wanted.into_iter().filter(|percent| u32::from(*percent) > least).collect()
}

/// What every action becomes, tried for each step of the schedule before anything is planned.
fn shifts(draft: &Draft<'_>, moves: Vec<Move>, schedule: &[u8]) -> Result<Vec<Shift>, Refusal> {
    let mut all = Vec::new();
    for of in moves {
        let both = with_both(&of.now, &of.from, &of.to).map_err(|why| refuse(&of, &why))?;
        for percent in schedule {
            at(&both, (&of.from, &of.to), *percent).map_err(|why| refuse(&of, &why))?;
        }
        let last = of.now.clone();
        all.push(Shift { of, both, last });
    }
    if all.is_empty() {
        let giving = draft.giving.as_ref().map_or("", StackId::as_str);
        return Err(super::nothing(format!("no listener sends anything to {giving}")));
    }
    Ok(all)
}

fn refuse(of: &Move, why: &Unwritable) -> Refusal {
    match why {
        Unwritable::TooMany => super::blocked(
            format!("listener {} has five target groups already, which is AWS's limit", of.label),
            "Take a group that gets nothing out of it first.",
        ),
        Unwritable::TooCoarse { percent, together } => Refusal::new(
            RefusalKind::Blocked,
            format!(
                "listener {}: {percent}% of weight {together} is no whole weight, and the weights of \
                 others there are not ours to change",
                of.label
            ),
            "Choose a coarser --schedule, like 50,100 or 100.",
        ),
    }
}

/// What the receiving fleet must have healthy, over all pairs.
fn carry(
    draft: &Draft<'_>,
    shifts: &[Shift],
    (from, to): (&StackId, &StackId),
) -> Result<Vec<Claim>, Refusal> {
    let mut all: Vec<Claim> = Vec::new();
    for shift in shifts {
        for claim in draft.can_carry((to, &shift.of.to), (from, &shift.of.from))? {
            if !all.contains(&claim) {
                all.push(claim);
            }
        }
    }
    Ok(all)
}

fn watch_capacity(draft: &mut Draft<'_>, shifts: &[Shift], to: &StackId) {
    let least = floor(&draft.picture, &draft.request.options, to);
    for shift in shifts {
        draft.ledger.watch(&shift.of.from, None, 0);
        draft.ledger.watch(&shift.of.to, None, least);
    }
}

/// A listener that may not be changed is found while nothing has moved.
fn write_back(draft: &mut Draft<'_>, shift: &Shift) {
    let claim = |is: &Forward| Claim::Forwards { action: shift.of.action.clone(), is: is.clone() };
    let step = Do::change(
        format!("write listener {} back unchanged", shift.of.label),
        Mutation::Forward { action: shift.of.action.clone(), to: shift.of.now.clone() },
    )
    .before(FactKind::Identity, draft.place())
    .before(FactKind::Identity, claim(&shift.of.now))
    .after(claim(&shift.of.now))
    .at_least(Duration::ZERO, "a denied listener is found while nothing has moved");
    draft.add(step);
}

/// Adds the receiving groups at weight 0 where they are missing, and waits until they can carry. A
/// group whose targets are not healthy yet can take zones out of the load balancer's DNS even at weight
/// 0, so the nodes must pass their probes first, and one group is added at a time.
fn prepare(draft: &mut Draft<'_>, shifts: &mut [Shift], to: &StackId, carry: &[Claim]) {
    let picture = draft.picture;
    let window = draft.request.options.window;
    let unnamed: BTreeSet<TargetGroupArn> = shifts
        .iter()
        .map(|shift| shift.of.to.clone())
        .filter(|arn| !is_named(&picture, arn))
        .collect();
    if let Some(claim) = draft.probes_pass(to).filter(|_| !unnamed.is_empty()) {
        let because = "an unhealthy group takes zones out of DNS even at weight 0";
        draft.watch(format!("verify {to} by probes"), window, because, vec![claim]);
    }
    let mut added = BTreeSet::new();
    for shift in shifts.iter_mut().filter(|shift| shift.both != shift.last) {
        let (both, before) = (shift.both.clone(), shift.last.clone());
        let named = before.groups.iter().any(|of| of.target_group == shift.of.to);
        let what = if named { "in finer weights" } else { "with the new group at weight 0" };
        forward(draft, shift, both, what.to_owned(), &[]);
        if unnamed.contains(&shift.of.to) && added.insert(shift.of.to.clone()) {
            take_in(draft, shift, before, (to, carry));
        }
    }
    let because = "its targets are checked already";
    let step = Do::other(format!("wait until {to} is healthy"), StepAction::Wait, because)
        .afters(carry.to_vec())
        .within(HEALTHY_WITHIN);
    draft.add(step);
    let mut claims = carry.to_vec();
    claims.extend(draft.probes_pass(to));
    draft.watch(format!("verify {to}"), window, "one good look proves little", claims);
}

/// Waits until a group that was just added is healthy, before the next one is; past the limit it is
/// taken out again.
fn take_in(
    draft: &mut Draft<'_>,
    shift: &Shift,
    before: Forward,
    (to, carry): (&StackId, &[Claim]),
) {
    let of =
        |claim: &&Claim| matches!(claim, Claim::Healthy { group, .. } if group == &shift.of.to);
    let title = format!("wait until {to} is healthy on {}", shift.of.label);
    let step = Do::other(title, StepAction::Wait, REGISTRATION_TAKES)
        .afters(carry.iter().filter(of).cloned())
        .within(HEALTHY_WITHIN)
        .at_least(REGISTERED_AFTER, REGISTRATION_TAKES)
        .undo(Mutation::Forward { action: shift.of.action.clone(), to: before })
        .taken_back();
    draft.add(step);
}

/// Writes an action.
fn forward(draft: &mut Draft<'_>, shift: &mut Shift, to: Forward, how: String, carry: &[Claim]) {
    let moves = share(shift, &to) != share(shift, &shift.last);
    let claim = |is: &Forward| Claim::Forwards { action: shift.of.action.clone(), is: is.clone() };
    let kind = if shift.last == shift.of.now { FactKind::Identity } else { FactKind::Own };
    let mut step = Do::change(
        format!("listener {}: {how}", shift.of.label),
        Mutation::Forward { action: shift.of.action.clone(), to: to.clone() },
    )
    .before(FactKind::Identity, draft.place())
    .before(kind, claim(&shift.last))
    .after(claim(&to))
    .within(SEEN_WITHIN)
    .undo(Mutation::Forward { action: shift.of.action.clone(), to: shift.last.clone() })
    .shifting(moves);
    for claim in carry.iter().cloned() {
        step = step.before(FactKind::Predicate, claim);
    }
    draft.add(step);
    shift.last = to;
}

/// In thousandths, so that equal shares are equal.
fn share(shift: &Shift, forward: &Forward) -> u64 {
    let all: u64 = forward.groups.iter().map(|of| u64::from(of.weight)).sum();
    match forward.groups.len() {
        1 => {
            if forward.groups[0].target_group == shift.of.to {
                1000
            } else {
                0
            }
        }
        _ if all == 0 => 0,
        _ => u64::from(weight(forward, &shift.of.to)) * 1000 / all,
    }
}

/// Every action is as we wrote it last.
fn own(shifts: &[Shift]) -> Vec<Claim> {
    let claim =
        |shift: &Shift| Claim::Forwards { action: shift.of.action.clone(), is: shift.last.clone() };
    shifts.iter().map(claim).collect()
}

fn say(draft: &mut Draft<'_>, shifts: &[Shift], (from, to): (&StackId, &StackId)) {
    let number = counted(shifts.len() as u64, "call");
    draft.undo.push(format!(
        "`quarterdeck rollback`: {number} put the weights back as they were; {from} stays registered \
         and checked at weight 0, so it takes traffic again within a minute or two. Connections that \
         moved to {to} stay there for up to an hour."
    ));
    for shift in shifts {
        draft.notes.push(format!(
            "Whoever owns the infrastructure code must now write for listener {}: {}; or the next \
             apply puts the weights back.",
            shift.of.label,
            forward_text(&draft.picture, &shift.last)
        ));
    }
    draft.notes.push(format!("Takes {} at least, gates apart.", draft.takes()));
}
