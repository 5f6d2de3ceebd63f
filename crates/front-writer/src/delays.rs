//! Delays that grow, by the `backoff` crate's arithmetic and our own seeded jitter.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

use crate::limits::{
    CONDITION_FIRST, CONDITION_MAX, CONFIRM_FIRST, CONFIRM_MAX, DELAY_STEPS_MAX, INVISIBLE_FIRST,
    INVISIBLE_MAX, JITTER_PERMILLE_MAX, RETRIES_SOON, RETRY_FIRST, RETRY_MAX, RETRY_SOON_MAX, SPREAD_MILLIS,
};

/// The delay after so many failures in a row (1, 2, 3, …).
#[must_use]
pub fn retry(failures: u32, seed: u64) -> Duration {
    let most = if failures <= RETRIES_SOON { RETRY_SOON_MAX } else { RETRY_MAX };
    jittered(grown(RETRY_FIRST, most, failures.max(1)), seed.wrapping_add(u64::from(failures)))
}

/// The delay before it is looked for the time number `probe` (1, 2, 3, …) whether an operator has repaired something.
#[must_use]
pub fn condition(probe: u32) -> Duration {
    grown(CONDITION_FIRST, CONDITION_MAX, probe.max(1))
}

/// The delay before the look number `look` (1, 2, 3, …) for an accepted import.
#[must_use]
pub fn confirm(look: u32) -> Duration {
    grown(CONFIRM_FIRST, CONFIRM_MAX, look.max(1))
}

/// How many looks for an import that was accepted `ago` lie behind a claim that knows of none.
#[must_use]
pub fn looks_before(ago: Duration) -> u32 {
    let (mut looks, mut due) = (0, confirm(1));
    while due + confirm(looks + 1) <= ago {
        looks += 1;
        due += confirm(looks);
    }
    looks
}

/// The delay before an accepted import that did not appear is sent again for the time number `resend` (1, 2, 3, …).
#[must_use]
pub fn resend(resend: u32) -> Duration {
    grown(INVISIBLE_FIRST, INVISIBLE_MAX, resend.max(1))
}

/// Up to a fifth longer. The same seed gives the same delay.
fn jittered(delay: Duration, seed: u64) -> Duration {
    let permille = mixed(seed) % (JITTER_PERMILLE_MAX + 1);
    let added = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX).saturating_mul(permille) / 1000;
    delay + Duration::from_millis(added)
}

/// A short time that differs from claim to claim, for those who wait for the same moment.
#[must_use]
pub fn spread(seed: u64) -> Duration {
    Duration::from_millis(mixed(seed) % SPREAD_MILLIS)
}

/// The randomization of the crate is off and it never gives up, so its clock and its random numbers change nothing.
fn grown(first: Duration, max: Duration, steps: u32) -> Duration {
    let mut backoff = ExponentialBackoff {
        current_interval: first,
        initial_interval: first,
        randomization_factor: 0.0,
        multiplier: 2.0,
        max_interval: max,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    let mut delay = first;
    for _ in 0..steps.min(DELAY_STEPS_MAX) {
        delay = backoff.next_backoff().unwrap_or(max);
    }
    Duration::from_millis(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
}

/// One step of `splitmix64`.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Duration, RETRY_MAX, confirm, jittered, looks_before, retry};

    #[test]
    fn delays_double_up_to_a_bound_and_are_the_same_for_the_same_seed() {
        let plain: Vec<_> = (1..=4).map(|look| confirm(look).as_millis()).collect();
        assert_eq!(plain, [300, 600, 1200, 2400]);
        assert_eq!(retry(3, 7), retry(3, 7));
        assert!(retry(u32::MAX, 7) <= RETRY_MAX * 12 / 10);
    }

    #[test]
    fn the_looks_that_lie_behind_are_counted_from_the_time_that_has_passed() {
        let looks = [0, 300, 599, 600, 1_199, 1_200, 2_400].map(|ms| looks_before(Duration::from_millis(ms)));
        assert_eq!(looks, [0, 0, 0, 1, 1, 2, 3]);
    }

    #[test]
    fn jitter_adds_at_most_a_fifth_and_differs_by_seed() {
        let delays: std::collections::BTreeSet<_> =
            (0..50).map(|seed| jittered(Duration::from_secs(10), seed)).collect();
        assert!(delays.len() > 10);
        assert!(delays.iter().all(|delay| (10_000..=12_000).contains(&delay.as_millis())));
    }
}
