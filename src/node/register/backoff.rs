//! Waiting between attempts, with full jitter: fifty nodes that boot in one second and are all
//! throttled must not come back in one moment. (AWS Architecture Blog, "Exponential Backoff And
//! Jitter": of the kinds compared there, this one makes the fewest calls.)

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// The ceiling of the first wait; it doubles with each attempt.
const FIRST: Duration = Duration::from_millis(200);
/// No ceiling is higher: by then waiting longer eases nothing.
const MOST: Duration = Duration::from_secs(5);

/// A wait after so many attempts (from 1): anything from nothing to the ceiling.
pub fn full_jitter(attempts: u32) -> Duration {
    spread(ceiling(attempts), chance())
}

/// Nearly a whole ceiling: for waits that give something time, where zero would be no wait.
pub(super) fn most_of(attempts: u32) -> Duration {
    let whole = ceiling(attempts);
    whole / 2 + spread(whole / 2, chance())
}

fn ceiling(attempts: u32) -> Duration {
    FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(MOST)
}

fn spread(ceiling: Duration, chance: u64) -> Duration {
    ceiling.mul_f64((chance >> 11) as f64 / (1_u64 << 53) as f64)
}

/// A number nobody can foresee: the keys that the system gives the standard library for its hash
/// maps, hashed. Enough for jitter and for request ids, and no crate is needed for it.
pub(super) fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_five_seconds() {
        let ceilings: Vec<u128> = (1..=7).map(|n| ceiling(n).as_millis()).collect();
        assert_eq!(ceilings, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(ceiling(u32::MAX), MOST);
    }

    #[test]
    fn a_wait_is_anywhere_below_the_ceiling() {
        assert_eq!(spread(MOST, 0), Duration::ZERO);
        assert_eq!(spread(MOST, 1 << 63), MOST / 2);
        assert!(spread(MOST, u64::MAX) <= MOST);
        assert!(most_of(3) >= ceiling(3) / 2 && most_of(3) <= ceiling(3));
        let some: std::collections::BTreeSet<u64> = (0..100).map(|_| chance()).collect();
        assert!(some.len() > 90, "{some:?}");
    }
}
