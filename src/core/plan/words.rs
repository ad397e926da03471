//! What is typed of a plan's options, the same on the command line and in the console's palette.

use super::{Gate, MinHealthy};
use std::collections::BTreeSet;

/// Why a word is no value of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWord {
    /// Of `min_healthy`.
    #[error("write a number of targets, or percent like 50%")]
    MinHealthy,
    /// Of `schedule`.
    #[error("write ascending percentages that end in 100, like 10,50,100")]
    Schedule,
    /// Of `gates`.
    #[error("write before-shift, before-end, both with a comma between, or none")]
    Gates,
}

/// How many targets must stay healthy: `2`, `50%`.
///
/// # Errors
/// It is neither.
pub fn min_healthy(text: &str) -> Result<MinHealthy, BadWord> {
    let parsed = match text.strip_suffix('%') {
        Some(percent) => {
            percent.parse().ok().filter(|percent| *percent <= 100).map(MinHealthy::Percent)
        }
        None => text.parse().ok().map(MinHealthy::Count),
    };
    parsed.ok_or(BadWord::MinHealthy)
}

/// Percent of the traffic after each step: `10,50,100`.
///
/// # Errors
/// They do not ascend to 100.
pub fn schedule(text: &str) -> Result<Vec<u8>, BadWord> {
    let steps: Result<Vec<u8>, _> = text.split(',').map(|step| step.trim().parse()).collect();
    let steps = steps.map_err(|_| BadWord::Schedule)?;
    let ascends = steps.windows(2).all(|two| two[0] < two[1]);
    let whole = steps.first().is_some_and(|first| *first > 0) && steps.last() == Some(&100);
    if ascends && whole { Ok(steps) } else { Err(BadWord::Schedule) }
}

/// Where a cutover waits for a word: `before-shift,before-end`, `none`.
///
/// # Errors
/// There is no such gate.
pub fn gates(text: &str) -> Result<BTreeSet<Gate>, BadWord> {
    if text == "none" {
        return Ok(BTreeSet::new());
    }
    let gates: Result<BTreeSet<Gate>, _> =
        text.split(',').map(|gate| gate.trim().parse()).collect();
    gates.map_err(|_| BadWord::Gates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_they_are_written() {
        assert_eq!(min_healthy("2"), Ok(MinHealthy::Count(2)));
        assert_eq!(min_healthy("75%"), Ok(MinHealthy::Percent(75)));
        for text in ["", "%", "101%", "-1", "half"] {
            assert_eq!(min_healthy(text), Err(BadWord::MinHealthy), "{text}");
        }
        assert_eq!(schedule("10,50,100"), Ok(vec![10, 50, 100]));
        for text in ["", "10", "0,100", "50,10,100", "10,,100", "10,101", "all"] {
            assert_eq!(schedule(text), Err(BadWord::Schedule), "{text}");
        }
        assert_eq!(gates("none"), Ok(BTreeSet::new()));
        assert_eq!(gates("before-end"), Ok([Gate::BeforeEnd].into()));
        assert_eq!(gates("after-lunch"), Err(BadWord::Gates));
    }
}
