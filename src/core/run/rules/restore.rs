//! What a rollback writes to an action that a run has written.

use crate::core::ids::TargetGroupArn;
use crate::core::inventory::{Forward, WeightedGroup};
use std::collections::{BTreeMap, BTreeSet};

/// What a rollback does with an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restore {
    /// It is as it was before the run: nothing is written.
    AlreadySo,
    /// This is written.
    Write(Forward),
    /// It is neither as it was nor as the run wrote it: another wrote it since, and it is not
    /// overwritten.
    Foreign,
}

/// What puts an action back. `first`: as the run found it; `writes`: every value that the run wrote or
/// was about to write, in any order; `now`: as it was just read, `None` where it could not be read, in
/// which case the first value is written, because a rollback does not wait for reads.
///
/// The run's groups are those whose weight one of its writes changed. They divide the weight that
/// they have together now as they did at first; all other groups keep what they have. The run's
/// groups must have exactly the weights that they had at first or that one of the writes gave them.
pub fn restore(first: &Forward, writes: &[Forward], now: Option<&Forward>) -> Restore {
    let Some(now) = now else { return Restore::Write(first.clone()) };
    let ours = changed(first, writes);
    let own = |forward: &Forward| -> Vec<u32> {
        ours.iter().map(|group| weight(forward, group)).collect()
    };
    let known = |one: &Forward| own(one) == own(now);
    if !std::iter::once(first).chain(writes).any(known) {
        let same = shares(first) == shares(now);
        return if same { Restore::AlreadySo } else { Restore::Foreign };
    }
    let to = put_back(first, writes, (now, &ours));
    if is_same(&to, now) { Restore::AlreadySo } else { Restore::Write(to) }
}

/// The groups whose weight a write changed, or that it brought in.
fn changed<'a>(first: &'a Forward, writes: &'a [Forward]) -> BTreeSet<&'a TargetGroupArn> {
    let found = |of: &Forward, group: &TargetGroupArn| {
        of.groups.iter().find(|one| &one.target_group == group).map(|one| one.weight)
    };
    let all = std::iter::once(first).chain(writes);
    let named = all.flat_map(|one| &one.groups).map(|one| &one.target_group);
    named
        .filter(|group| writes.iter().any(|one| found(one, group) != found(first, group)))
        .collect()
}

fn put_back(
    first: &Forward,
    writes: &[Forward],
    (now, ours): (&Forward, &BTreeSet<&TargetGroupArn>),
) -> Forward {
    let others = |of: &Forward| -> BTreeMap<TargetGroupArn, u32> {
        let others = of.groups.iter().filter(|one| !ours.contains(&one.target_group));
        others.map(|one| (one.target_group.clone(), one.weight)).collect()
    };
    // Stickiness is another's to change, as long as the run has left it alone.
    let sticky = |of: &Forward| (of.sticky, of.sticky_seconds);
    let touched = writes.iter().any(|one| sticky(one) != sticky(first));
    let keep = if touched { first } else { now };
    let groups =
        if others(first) == others(now) { first.groups.clone() } else { divided(first, now, ours) };
    Forward { groups, sticky: keep.sticky, sticky_seconds: keep.sticky_seconds }
}

/// The groups as they are now, ours with the weight that they have together divided as at first.
fn divided(first: &Forward, now: &Forward, ours: &BTreeSet<&TargetGroupArn>) -> Vec<WeightedGroup> {
    let sum = |of: &Forward| -> u64 { ours.iter().map(|group| u64::from(weight(of, group))).sum() };
    let (had, have) = (sum(first), sum(now));
    let mut groups = now.groups.clone();
    let missing = first.groups.iter().filter(|one| {
        ours.contains(&one.target_group)
            && !now.groups.iter().any(|of| of.target_group == one.target_group)
    });
    groups.extend(missing.cloned());
    for one in groups.iter_mut().filter(|one| ours.contains(&one.target_group)) {
        let part = u64::from(weight(first, &one.target_group));
        // The run moved traffic within what its groups had, in whole multiples of it.
        let share = (have * part + had / 2).checked_div(had).unwrap_or_default();
        one.weight = u32::try_from(share).unwrap_or(u32::MAX);
    }
    groups
}

fn weight(forward: &Forward, group: &TargetGroupArn) -> u32 {
    forward.groups.iter().filter(|of| &of.target_group == group).map(|of| of.weight).sum()
}

/// The share of each group that gets traffic, as a fraction in its lowest terms.
fn shares(forward: &Forward) -> BTreeMap<&TargetGroupArn, (u32, u32)> {
    let single = forward.groups.len() == 1;
    let weight = |of: &WeightedGroup| if single { 1 } else { of.weight };
    let total: u32 = forward.groups.iter().map(weight).sum();
    let groups = forward.groups.iter().filter(|of| weight(of) > 0);
    groups
        .map(|of| {
            let by = divisor(weight(of), total);
            (&of.target_group, (weight(of) / by, total / by))
        })
        .collect()
}

fn divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { divisor(b, a % b) }
}

/// Whether two actions are the same to AWS, which keeps no order of groups.
fn is_same(a: &Forward, b: &Forward) -> bool {
    let groups = |of: &Forward| -> BTreeMap<TargetGroupArn, u32> {
        of.groups.iter().map(|one| (one.target_group.clone(), one.weight)).collect()
    };
    groups(a) == groups(b) && (a.sticky, a.sticky_seconds) == (b.sticky, b.sticky_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(groups: &[(&str, u32)]) -> Forward {
        let one = |(name, weight): &(&str, u32)| WeightedGroup {
            target_group: TargetGroupArn::from(*name),
            weight: *weight,
        };
        Forward { groups: groups.iter().map(one).collect(), sticky: false, sticky_seconds: None }
    }

    /// A run that found blue alone at 1 and shifts over 10 to 100 percent.
    fn back(now: &[(&str, u32)]) -> Restore {
        let first = forward(&[("b", 1)]);
        let writes = [(100, 0), (90, 10), (0, 100)].map(|(b, g)| forward(&[("b", b), ("g", g)]));
        restore(&first, &writes, Some(&forward(now)))
    }

    #[test]
    fn a_value_of_the_run_is_put_back() {
        let first = Restore::Write(forward(&[("b", 1)]));
        assert_eq!(back(&[("b", 90), ("g", 10)]), first);
        assert_eq!(back(&[("g", 100), ("b", 0)]), first);
        assert_eq!(back(&[("b", 100), ("g", 0)]), first);
        assert_eq!(restore(&forward(&[("b", 1)]), &[], None), first);
    }

    #[test]
    fn what_is_so_already_is_not_written() {
        assert_eq!(back(&[("b", 1)]), Restore::AlreadySo);
        // Green was taken out of the action with its fleet: blue has all of it.
        assert_eq!(back(&[("b", 50)]), Restore::AlreadySo);
        let two = forward(&[("b", 100), ("g", 0)]);
        let writes = [forward(&[("b", 90), ("g", 10)])];
        let other_order = forward(&[("g", 0), ("b", 100)]);
        assert_eq!(restore(&two, &writes, Some(&other_order)), Restore::AlreadySo);
    }

    #[test]
    fn what_another_added_stays_theirs() {
        let canary = forward(&[("b", 100), ("g", 0), ("canary", 5)]);
        assert_eq!(back(&[("b", 90), ("g", 10), ("canary", 5)]), Restore::Write(canary.clone()));
        assert_eq!(back(&[("b", 100), ("g", 0), ("canary", 5)]), Restore::AlreadySo);
    }

    #[test]
    fn another_value_is_foreign() {
        assert_eq!(back(&[("b", 70), ("g", 30)]), Restore::Foreign);
        assert_eq!(back(&[("b", 0), ("g", 0), ("purple", 100)]), Restore::Foreign);
        assert_eq!(back(&[("purple", 1)]), Restore::Foreign);
        // Another took a part of blue's weight away.
        assert_eq!(back(&[("b", 85), ("g", 10), ("canary", 5)]), Restore::Foreign);
    }

    #[test]
    fn stickiness_set_meanwhile_stays() {
        let first = forward(&[("b", 100), ("g", 0)]);
        let writes = [forward(&[("b", 90), ("g", 10)])];
        let sticky =
            |of: &Forward| Forward { sticky: true, sticky_seconds: Some(60), ..of.clone() };
        let back = restore(&first, &writes, Some(&sticky(&writes[0])));
        assert_eq!(back, Restore::Write(sticky(&first)));
    }
}
