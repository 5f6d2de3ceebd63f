//! Another integration of the same company: now and then it uses up the limit that all of them share.

use calltrail_simulator::front::{Front, Request};

use super::limits::DAY_STARTS_AT_S;
use crate::dice::Dice;

/// What it asks, and the engine never does: its requests are told from the engine's by it.
pub(crate) const PATH: &str = "/me";
/// A rush in every so many seconds.
const RUSH_EVERY_S: u64 = 2_400;
const RUSH_REQUESTS: i64 = 400;
const BETWEEN_REQUESTS_MS: i64 = 180;

/// When it sends in a day of this length, Unix times in milliseconds.
pub(crate) fn times(seed: u64, lasts_s: u64) -> Vec<i64> {
    let mut dice = Dice(seed);
    let mut times = Vec::new();
    for rush in 0..lasts_s / RUSH_EVERY_S {
        let after_s = rush * RUSH_EVERY_S + dice.roll(RUSH_EVERY_S);
        let starts_ms = (DAY_STARTS_AT_S + i64::try_from(after_s).expect("a day is short")) * 1000;
        times.extend((0..RUSH_REQUESTS).map(|request| starts_ms + request * BETWEEN_REQUESTS_MS));
    }
    times
}

/// Sends one request, whatever becomes of it.
pub(crate) fn send(now_ms: i64, front: &mut Front) {
    let request = Request::bare("GET", PATH, front.token());
    front.step(now_ms, &request);
}
