//! The arithmetic of weights. Traffic moves between two groups within what the two have together;
//! what other groups have, their order and stickiness stay as they are.

use crate::core::ids::TargetGroupArn;
use crate::core::inventory::{Forward, WeightedGroup};

/// A forward action takes so many groups at most (ELB quotas).
const GROUPS_AT_MOST: usize = 5;
/// Together the two groups have at least this where nobody else has weight: percentages then are
/// whole weights.
const FINE: u32 = 100;

/// Why a share cannot be written as weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unwritable {
    /// The action has five groups already.
    TooMany,
    /// The two groups have so little weight together that the percentage is none of theirs.
    TooCoarse {
        /// Percent.
        percent: u8,
        /// What they have together.
        together: u32,
    },
}

/// The action with both groups in it, sending as it does now: the receiving group is added at
/// weight 0 where it is missing.
pub(super) fn with_both(
    forward: &Forward,
    from: &TargetGroupArn,
    to: &TargetGroupArn,
) -> Result<Forward, Unwritable> {
    let mut all = forward.clone();
    if let [only] = all.groups.as_mut_slice() {
        // The weight of a single group says nothing: it gets all there is.
        only.weight = FINE;
    }
    if !all.groups.iter().any(|of| &of.target_group == to) {
        if all.groups.len() >= GROUPS_AT_MOST {
            return Err(Unwritable::TooMany);
        }
        all.groups.push(WeightedGroup { target_group: to.clone(), weight: 0 });
    }
    let ours = |of: &WeightedGroup| &of.target_group == from || &of.target_group == to;
    let others: u32 = all.groups.iter().filter(|of| !ours(of)).map(|of| of.weight).sum();
    let together = together(&all, from, to);
    if others == 0 && (1..FINE).contains(&together) {
        let times = FINE.div_ceil(together);
        all.groups.iter_mut().for_each(|of| of.weight *= times);
    }
    Ok(all)
}

/// What two groups have together.
pub(super) fn together(forward: &Forward, from: &TargetGroupArn, to: &TargetGroupArn) -> u32 {
    weight(forward, from) + if from == to { 0 } else { weight(forward, to) }
}

/// What a group has.
pub(super) fn weight(forward: &Forward, group: &TargetGroupArn) -> u32 {
    forward.groups.iter().filter(|of| &of.target_group == group).map(|of| of.weight).sum()
}

/// The action with so many percent of what the two have together at the receiving group.
pub(super) fn at(
    both: &Forward,
    (from, to): (&TargetGroupArn, &TargetGroupArn),
    percent: u8,
) -> Result<Forward, Unwritable> {
    let together = together(both, from, to);
    let receives = (together * u32::from(percent) + 50) / 100;
    if percent < 100 && (receives == 0 || receives == together) {
        return Err(Unwritable::TooCoarse { percent, together });
    }
    let mut all = both.clone();
    for of in &mut all.groups {
        if &of.target_group == to {
            of.weight = receives;
        } else if &of.target_group == from {
            of.weight = together - receives;
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(name: &str) -> TargetGroupArn {
        TargetGroupArn::from(name)
    }

    fn forward(groups: &[(&str, u32)]) -> Forward {
        let groups = groups
            .iter()
            .map(|(name, weight)| WeightedGroup { target_group: arn(name), weight: *weight });
        Forward { groups: groups.collect(), sticky: true, sticky_seconds: Some(300) }
    }

    fn moved(from: &[(&str, u32)], percent: u8) -> Result<Forward, Unwritable> {
        let (b, g) = (arn("b"), arn("g"));
        at(&with_both(&forward(from), &b, &g)?, (&b, &g), percent)
    }

    #[test]
    fn a_share_moves_and_everything_else_stays() {
        type Weights = [(&'static str, u32)];
        let rows: [(&Weights, u8, &Weights); 9] = [
            (&[("b", 1)], 10, &[("b", 90), ("g", 10)]),
            (&[("b", 0)], 100, &[("b", 0), ("g", 100)]),
            (&[("b", 100), ("g", 0)], 50, &[("b", 50), ("g", 50)]),
            (&[("g", 0), ("b", 100)], 10, &[("g", 10), ("b", 90)]),
            (&[("b", 999)], 10, &[("b", 90), ("g", 10)]),
            (&[("b", 999), ("g", 0)], 10, &[("b", 899), ("g", 100)]),
            (&[("b", 2), ("g", 1)], 50, &[("b", 51), ("g", 51)]),
            (&[("x", 40), ("b", 60)], 50, &[("x", 40), ("b", 30), ("g", 30)]),
            (&[("b", 60), ("x", 40), ("g", 20)], 100, &[("b", 0), ("x", 40), ("g", 80)]),
        ];
        for (before, percent, after) in rows {
            assert_eq!(moved(before, percent), Ok(forward(after)), "{before:?} {percent}%");
        }
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let coarse = Unwritable::TooCoarse { percent: 10, together: 2 };
        assert_eq!(moved(&[("b", 2), ("x", 3)], 10), Err(coarse));
        let full = [("b", 1), ("v", 1), ("w", 1), ("x", 1), ("y", 1)];
        assert_eq!(moved(&full, 100), Err(Unwritable::TooMany));
    }
}
