//! On the way back every listener is tried: one that cannot be written does not keep the others on a
//! fleet that failed. What could not be written is said at the end, in one hold.

use super::Stop;
use crate::core::run::HoldReason;

/// Whether the next listener is tried after this one was not written. A run without its lock, its
/// journal or its credentials can write nothing, and one that was told to hold holds.
pub(super) fn tries_the_next(reason: HoldReason) -> bool {
    match reason {
        HoldReason::Denied
        | HoldReason::Failed
        | HoldReason::FactBroken
        | HoldReason::Unknown
        | HoldReason::TooLong
        | HoldReason::Guard => true,
        HoldReason::Asked
        | HoldReason::Gate
        | HoldReason::LockLost
        | HoldReason::Journal
        | HoldReason::Credentials => false,
    }
}

/// The hold after all listeners were tried, where some could not be written.
pub(super) fn split(failed: &mut Vec<(String, HoldReason, String)>) -> Option<Stop> {
    let reason = failed.first()?.1;
    let each: Vec<String> =
        failed.drain(..).map(|(title, _, why)| format!("{title}: {why}")).collect();
    let because = format!(
        "listeners_split: every listener was tried, and {} could not be written. {} Resume tries \
         these again; `quarterdeck run show --by-hand` prints the commands.",
        each.len(),
        each.join("; ")
    );
    Some(Stop::Hold(reason, because))
}
