//! A small seeded generator (splitmix64).

use std::time::Duration;

/// The same seed gives the same numbers.
#[derive(Debug)]
pub(crate) struct Dice(pub(super) u64);

impl Dice {
    /// A number from 0 up to, not including, `below`.
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below.max(1)
    }

    /// A place in a list of so many.
    pub(crate) fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.roll(count as u64)).expect("less than a count of things")
    }

    /// A span from `min` up to, not including, `max`.
    pub(crate) fn span(&mut self, min: Duration, max: Duration) -> Duration {
        let width = max.saturating_sub(min).as_millis();
        min + Duration::from_millis(self.roll(u64::try_from(width).unwrap_or(u64::MAX)))
    }
}
