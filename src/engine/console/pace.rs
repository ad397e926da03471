//! How often frames are painted. A key is answered at once; a storm of news or of key repeats is
//! answered fifteen times a second (console.md, Manners).

use std::time::Duration;

/// Frames that may follow one another at once, so that a key pressed just after news is not kept
/// waiting.
const BURST: u32 = 3;
/// The steady pace beyond the burst. Twelve a second and the burst are fifteen in any one second.
const EVERY: Duration = Duration::from_millis(84);

/// Why a frame is due. News always leaves a frame for a key, so that no key waits for news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum Due {
    /// Something happened in the world, or a second passed.
    News,
    /// The operator did something and looks for its effect.
    Key,
}

/// A bucket of frames, counted in the time at which it would be full again.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct FramePace {
    full_at: Duration,
}

impl FramePace {
    /// How long until a frame may be painted.
    pub(in crate::engine) fn next_in(self, now: Duration, due: Due) -> Duration {
        let burst = match due {
            Due::News => BURST - 1,
            Due::Key => BURST,
        };
        (self.full_at + EVERY).saturating_sub(now + EVERY * burst)
    }

    /// Counts a frame.
    pub(in crate::engine) fn took(&mut self, now: Duration) {
        self.full_at = self.full_at.max(now) + EVERY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_answered_at_once_and_no_second_sees_more_than_fifteen() {
        let mut pace = FramePace::default();
        let mut now = Duration::from_secs(5);
        let mut painted = Vec::new();
        while now < Duration::from_secs(9) {
            if pace.next_in(now, Due::Key).is_zero() {
                pace.took(now);
                painted.push(now);
            }
            now += Duration::from_millis(1);
        }
        assert_eq!(painted[2] - painted[0], Duration::from_millis(2));
        let second = Duration::from_secs(1);
        let most = painted
            .iter()
            .map(|from| painted.iter().filter(|one| (*from..*from + second).contains(*one)).count())
            .max();
        assert!(most <= Some(15), "{most:?}");
        assert!(painted.len() > 45, "and it does not starve: {}", painted.len());
    }

    #[test]
    fn a_key_never_waits_for_news() {
        let mut pace = FramePace::default();
        for millisecond in 0..5000 {
            let now = Duration::from_millis(millisecond);
            if pace.next_in(now, Due::News).is_zero() {
                pace.took(now);
            }
            assert!(pace.next_in(now, Due::Key).is_zero(), "{millisecond}");
        }
    }
}
