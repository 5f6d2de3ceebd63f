//! Whole days against the oracle.

use std::time::Instant;

use super::company::Rules;
use super::coverage::{Coverage, FLOOR};
use super::play::{Plan, play};
use super::summary::summary;
use super::verdict::Verdict;

/// The variable that replaces the seeds, to look for other days.
const SEED_VARIABLE: &str = "CALLTRAIL_TEST_SEED";
const CALLS: u32 = 2_000;
const CALLERS: usize = 600;
/// 08:00 to 18:00.
const DAY_S: u64 = 10 * 3_600;
/// An hour at the same rate, for what is looked at in many variants.
const CALLS_IN_AN_HOUR: u32 = 200;
const CALLERS_IN_AN_HOUR: usize = 60;
const HOUR_S: u64 = 3_600;

/// Front's webhooks are there, and Front behaves as in its simulation by default.
const RULES: Rules = Rules {
    front_webhooks: true,
    requests_per_minute: 200,
    import_reopens: true,
    import_assigns: true,
    front_tags: true,
    comments_on_unanswered: false,
};

/// Plays a whole day; nothing may differ from what MAPPING says, and everything has to have happened often enough. Returns
/// what the day was like.
fn check(seed: u64, rules: Rules) -> String {
    let seed = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.parse().ok()).unwrap_or(seed);
    let started = Instant::now();
    let played = play(Plan { seed, calls: CALLS, callers: CALLERS, lasts_s: DAY_S, rules });
    let verdict = Verdict::of(&played);
    verdict.accept();
    let summary = summary(seed, &played, &verdict, started.elapsed());
    let too_few = Coverage::of(&played, &verdict.counts).below(&FLOOR, rules);
    assert!(too_few.is_empty(), "a day that proves little: {too_few:?}{summary}");
    summary
}

fn hour(seed: u64, rules: Rules) -> Plan {
    let (calls, callers) = (CALLS_IN_AN_HOUR, CALLERS_IN_AN_HOUR);
    Plan { seed, calls, callers, lasts_s: HOUR_S, rules }
}

#[test]
fn a_day_of_2000_calls_with_fronts_webhooks_is_as_the_mapping_says() {
    println!("{}", check(1, RULES));
}

/// Every conversation is read before each of its calls, at half the limit.
#[test]
fn a_day_of_2000_calls_without_fronts_webhooks_is_as_the_mapping_says() {
    let rules = Rules {
        front_webhooks: false,
        requests_per_minute: 100,
        front_tags: false,
        comments_on_unanswered: true,
        ..RULES
    };
    println!("{}", check(2, rules));
}

#[test]
fn an_hour_is_as_the_mapping_says_whatever_an_import_does_to_a_conversation() {
    for variant in 0..8_u64 {
        let rules = Rules {
            front_webhooks: variant & 1 == 0,
            import_reopens: variant & 2 == 0,
            import_assigns: variant & 4 == 0,
            front_tags: variant.count_ones() % 2 == 0,
            comments_on_unanswered: variant > 3,
            ..RULES
        };
        Verdict::of(&play(hour(10 + variant, rules))).accept();
    }
}

#[test]
fn the_same_seed_plays_the_same_hour_and_another_seed_another_one() {
    let [first, second, other] = [3, 3, 4].map(|seed| play(hour(seed, RULES)));
    assert!(first.records == second.records, "the logs differ");
    assert!(first.ledger == second.ledger, "Front differs");
    assert!(first.records != other.records, "the seed changes nothing");
}
