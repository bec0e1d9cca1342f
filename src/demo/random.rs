//! The generator's own dice: small, seeded, the same on every machine and for ever.

/// `SplitMix64`; one number of state.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Dice that fall the same for the same seed.
    #[cfg(test)]
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for one purpose, so that a change in one place moves nothing elsewhere.
    pub(super) fn of(seed: u64, purpose: u64) -> Self {
        let mut mixed = Self(seed ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93));
        Self(mixed.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A whole number in `0..bound`; 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let wide = (self.next() >> 32) * u64::from(bound);
        u32::try_from(wide >> 32).unwrap_or(0)
    }

    /// A number in `low..high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        let share = f64::from(self.below(1 << 24)) / f64::from(1 << 24);
        low + (high - low) * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_falls_the_same_and_stays_in_bounds() {
        let rolls = |seed| {
            let mut random = Random::new(seed);
            (0..1000).map(|_| random.below(6)).collect::<Vec<_>>()
        };
        assert_eq!(rolls(7), rolls(7));
        assert_ne!(rolls(7), rolls(8));
        for face in 0..6 {
            let count = rolls(7).iter().filter(|roll| **roll == face).count();
            assert!((100..240).contains(&count), "{face}: {count}");
        }
        let mut random = Random::of(7, 1);
        assert!((0..1000).all(|_| (2.0..3.0).contains(&random.between(2.0, 3.0))));
    }
}
