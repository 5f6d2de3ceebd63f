//! What Aircall tells in a day: calls of every kind, and what the network does to their webhooks.

use calltrail_simulator::aircall::{AGENTS, CallScript, Disturbance, LINES, Step, disturb};

use super::company::Caller;
use super::limits::{DAY_STARTS_AT_S, DELIVERY_MS_MAX, LATE_MS_MAX};
use crate::dice::Dice;

const FIRST_CALL: i64 = 700_000;
/// One call in so many comes from somebody who has just called.
const AGAIN_EVERY: u64 = 6;
/// Calls back that "just" reaches.
const JUST: u64 = 6;
/// One call in so many is never told to have ended.
const SILENT_EVERY: u64 = 50;
/// Reasons that Aircall gives for a missed call.
const REASONS: [&str; 4] =
    ["out_of_opening_hours", "abandoned_in_ivr", "no_available_agent", "agents_did_not_answer"];

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
        let again = recent.len() as u64 >= JUST && dice.roll(AGAIN_EVERY) == 0;
        let caller = match again {
            true => recent[recent.len() - 1 - dice.place(usize::try_from(JUST).expect("small"))],
            false => dice.place(callers.len()),
        };
        recent.push(caller);
        let outside = &callers[caller].numbers[dice.place(callers[caller].numbers.len())];
        let after_s = lasts_s * u64::from(place) / u64::from(calls);
        let starts_at_s = DAY_STARTS_AT_S + i64::try_from(after_s).expect("a day is short");
        let script = call(&mut dice, FIRST_CALL + i64::from(place), outside, starts_at_s);
        let is_silent = dice.roll(SILENT_EVERY) == 0;
        let told = script.events().into_iter().filter(|event| !(is_silent && event.name == "call.ended"));
        steps.extend(
            told.map(|event| Step::Webhook { at_ms: event.at_s * 1000, body: event.body.to_string() }),
        );
    }
    arriving(seed, &steps)
}

fn call(dice: &mut Dice, id: i64, outside: &str, at_s: i64) -> CallScript {
    let outside = spaced(outside);
    let line = LINES[dice.place(LINES.len())];
    let place = dice.place(AGENTS.len());
    let (agent, other) = (AGENTS[place], AGENTS[(place + 1) % AGENTS.len()]);
    let talk_s = 20 + i64::try_from(dice.roll(400)).expect("small");
    let ring_s = 4 + i64::try_from(dice.roll(20)).expect("small");
    let inbound = CallScript::inbound(id, line, &outside, at_s);
    let outbound = CallScript::outbound(id, line, &outside, agent, at_s);
    match dice.roll(10) {
        0 | 1 => inbound.rings(agent, 0).answered(agent, ring_s).ends(ring_s + talk_s),
        2 => inbound.rings(agent, 0).answered(agent, 5).transferred(other, 15).ends(16 + talk_s),
        3 => inbound.rings(agent, 0).answered(agent, 5).transfer_failed(other, 15).ends(16 + talk_s),
        4 | 5 => outbound.answered(agent, ring_s).ends(ring_s + talk_s),
        6 => outbound.ends(ring_s),
        7 | 8 => inbound.missed(REASONS[dice.place(REASONS.len())]).ends(ring_s),
        _ => inbound.rings(agent, 0).voicemail().ends(ring_s + 20),
    }
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
