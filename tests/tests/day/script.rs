//! What Aircall tells in a day: calls of every kind, and what the network does to their webhooks.

use calltrail_simulator::aircall::{Disturbance, Step, disturb};

use super::company::Caller;
use super::limits::{DAY_STARTS_AT_S, DELIVERY_MS_MAX, LATE_MS_MAX};
use super::scene;
use crate::dice::Dice;

const FIRST_CALL: i64 = 700_000;
/// One call in so many comes from somebody who has just called, as one of so many calls before it: at once, or a while ago,
/// with time for what comes late and for people.
const AGAIN_EVERY: u64 = 3;
const JUST: [usize; 2] = [6, 120];
/// One call in so many has no number, and what Aircall tells in its place.
const WITHHELD_EVERY: u64 = 25;
const WITHHELD: [&str; 4] = ["anonymous", "Anonymous", "", "0000000000"];

/// A webhook and when it arrives, Unix time in milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) at_ms: i64,
    pub(crate) body: String,
}

/// The webhooks of so many calls, which start one after the other for so long, as they arrive: some late, some twice, some in another order.
pub(crate) fn deliveries(seed: u64, calls: u32, lasts_s: u64, callers: &[Caller]) -> Vec<Delivery> {
    let mut dice = Dice(seed);
    let mut recent: Vec<usize> = Vec::new();
    let mut steps = Vec::new();
    for place in 0..calls {
        let outside = outside(&mut dice, callers, &mut recent);
        let after_s = lasts_s * u64::from(place) / u64::from(calls);
        let starts_at_s = DAY_STARTS_AT_S + i64::try_from(after_s).expect("a day is short");
        let told = scene::webhooks(&mut dice, FIRST_CALL + i64::from(place), &outside, starts_at_s);
        steps.extend(
            told.into_iter()
                .map(|event| Step::Webhook { at_ms: event.at_s * 1000, body: event.body.to_string() }),
        );
    }
    arriving(seed, &steps)
}

/// The digits of whoever calls next.
fn outside(dice: &mut Dice, callers: &[Caller], recent: &mut Vec<usize>) -> String {
    if dice.roll(WITHHELD_EVERY) == 0 {
        return WITHHELD[dice.place(WITHHELD.len())].to_owned();
    }
    let just = JUST[dice.place(JUST.len())];
    let caller = match recent.len() >= just && dice.roll(AGAIN_EVERY) == 0 {
        true => recent[recent.len() - 1 - dice.place(just)],
        false => dice.place(callers.len()),
    };
    recent.push(caller);
    let numbers = &callers[caller].numbers;
    spaced(&numbers[dice.place(numbers.len())])
}

/// Digits as Aircall shows them.
fn spaced(number: &str) -> String {
    format!("{} {} {}", &number[..3], &number[3..7], &number[7..])
}

fn arriving(seed: u64, steps: &[Step]) -> Vec<Delivery> {
    let every = Disturbance { duplicate_permille: 0, delay_permille: 1000, delay_ms_max: DELIVERY_MS_MAX };
    let some = Disturbance { duplicate_permille: 150, delay_permille: 80, delay_ms_max: LATE_MS_MAX };
    let steps = disturb(seed ^ 2, &disturb(seed ^ 1, steps, &every), &some);
    let delivery = |step| match step {
        Step::Webhook { at_ms, body } => Some(Delivery { at_ms, body }),
        Step::FrontAction { .. } => None,
    };
    steps.into_iter().filter_map(delivery).collect()
}
