//! Numbers by chance that are the same on every machine. Source: SplitMix64 (public domain).

/// A generator; the same seed gives the same numbers.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `low..high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        let share = u32::try_from(self.next() >> 32).unwrap_or_default();
        low + (high - low) * f64::from(share) / 4_294_967_296.0
    }

    /// A generator of its own for one thing, whatever the others draw.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }
}
