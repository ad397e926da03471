//! Chance that repeats: everything that a seed decides comes from here.

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub(super) struct Chance {
    state: u64,
}

impl Chance {
    /// The sequence of a seed.
    pub(super) fn new(seed: u64) -> Self {
        let mut this = Self { state: seed.wrapping_mul(0x2545_f491_4f6c_dd1d) };
        this.next();
        this
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `least` up to and including `most`.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most.saturating_sub(least) + 1)
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let number = usize::try_from(self.next() % (all.len().max(1) as u64)).unwrap_or_default();
        all.get(number).copied()
    }

    /// Whether it is so, one time in so many.
    pub(super) fn one_in(&mut self, many: u64) -> bool {
        self.next().is_multiple_of(many.max(1))
    }
}
