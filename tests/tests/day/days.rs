//! Whole days against the oracle.

use super::company::Rules;
use super::oracle::{self, Picture, calls};
use super::play::{Plan, Played, play};

const RULES: Rules =
    Rules { front_webhooks: true, requests_per_minute: 200, import_reopens: true, import_assigns: true };

fn check(plan: Plan) {
    let started = std::time::Instant::now();
    let played = play(plan);
    let took = started.elapsed();
    let Played { callers, rules, deliveries, deeds, ledger, refused, .. } = &played;
    let calls = calls::calls(deliveries, callers);
    let (expected, counts) = oracle::expect(callers, *rules, &calls, deeds);
    let found: Picture = oracle::shown(ledger, refused, callers);
    let differences = oracle::differences(&expected, &found);
    println!("{took:?} {:?} {counts:?} deeds {}", started.elapsed(), deeds.len());
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn a_day_with_fronts_webhooks() {
    check(Plan { seed: 1, calls: 2_000, callers: 600, rules: RULES });
}

#[test]
fn a_day_without_fronts_webhooks() {
    let rules = Rules { front_webhooks: false, requests_per_minute: 100, ..RULES };
    check(Plan { seed: 2, calls: 2_000, callers: 600, rules });
}
