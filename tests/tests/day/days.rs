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
    let names: std::collections::BTreeSet<_> = differences.iter().filter_map(|d| d.split(' ').next()).collect();
    for name in names { println!("{name}\n{}", story(name, &played, &calls)); }
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

/// What happened to a caller, in the order of time.
fn story(name: &str, played: &Played, calls: &[calls::Call]) -> String {
    let caller = played.callers.iter().position(|caller| caller.name == name);
    let calls = calls.iter().filter(|call| Some(call.caller) == caller);
    let deeds = played.deeds.iter().filter(|deed| Some(deed.caller) == caller);
    let told = calls.map(|call| (call.settled_at_ms, format!("{} {:?}", call.id, call.kind)));
    let mut lines: Vec<_> = told.chain(deeds.map(|deed| (deed.at_ms, format!("{:?}", deed.done)))).collect();
    lines.sort();
    lines.into_iter().map(|(at_ms, what)| format!("    {at_ms}: {what}\n")).collect()
}
