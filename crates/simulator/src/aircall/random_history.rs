//! Histories of any size, for crash tests: every call type, several parties, lines and agents.

use super::call::CallScript;
use super::cast::{AGENTS, LINES};
use super::{Step, steps_of};
use crate::random::Random;

/// When every random history begins: 2026-01-05 08:00 UTC.
const HISTORY_STARTS_AT_S: i64 = 1_767_600_000;
/// Reasons that Aircall gives for a missed call.
const REASONS: [&str; 6] = [
    "out_of_opening_hours",
    "short_abandoned",
    "abandoned_in_ivr",
    "abandoned_in_classic",
    "no_available_agent",
    "agents_did_not_answer",
];

/// The webhooks of `calls` calls with `parties` outside numbers, in the order of their times, undisturbed.
#[must_use]
pub fn random_history(seed: u64, calls: u32, parties: u32) -> Vec<Step> {
    steps_of(&random_calls(seed, calls, parties, HISTORY_STARTS_AT_S))
}

/// `calls` calls with `parties` outside numbers, in the order of their starts; the first begins soon after `starts_at_s` (Unix
/// time).
#[must_use]
pub fn random_calls(seed: u64, calls: u32, parties: u32, mut starts_at_s: i64) -> Vec<CallScript> {
    let mut random = Random::new(seed);
    let mut scripts = Vec::new();
    for number in 0..calls {
        starts_at_s = starts_at_s.saturating_add_unsigned(random.between(5, 240));
        let outside = format!("+44 7700 {:06}", 900_000 + random.below(u64::from(parties.max(1))));
        scripts.push(random_call(&mut random, 700_000 + i64::from(number), &outside, starts_at_s));
    }
    scripts
}

fn random_call(random: &mut Random, id: i64, outside: &str, at_s: i64) -> CallScript {
    let line = random.pick(&LINES).copied().unwrap_or(LINES[0]);
    let agent = random.pick(&AGENTS).copied().unwrap_or(AGENTS[0]);
    let other = AGENTS.into_iter().find(|other| *other != agent).unwrap_or(agent);
    let talk_s = 20 + i64::try_from(random.below(300)).unwrap_or(0);
    let inbound = CallScript::inbound(id, line, outside, at_s);
    let outbound = CallScript::outbound(id, line, outside, agent, at_s);
    match random.below(7) {
        0 => inbound.rings(agent, 0).answered(agent, 8).held(12, 15).ends(8 + talk_s),
        1 => inbound.rings(agent, 0).answered(agent, 8).transferred(other, 14).ends(16 + talk_s),
        2 => inbound.rings(agent, 0).answered(agent, 8).transfer_failed(other, 14).ends(16 + talk_s),
        3 => outbound.answered(agent, 6).ends(6 + talk_s),
        4 => outbound.ends(25),
        5 => inbound.missed(random.pick(&REASONS).copied().unwrap_or(REASONS[0])).ends(17),
        _ => inbound.rings(agent, 0).voicemail().ends(41),
    }
}
