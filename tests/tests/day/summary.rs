//! A day in figures: measured, printed and not asserted, but for the rate.

use std::collections::BTreeMap;
use std::time::Duration;

use calltrail_simulator::front::{Ledger, MessageEntry};

use super::company::share_of;
use super::coverage::Coverage;
use super::limits::{DAY_STARTS_AT_S, RATE_WINDOW_MS};
use super::neighbour;
use super::oracle::calls::Call;
use super::play::Played;
use super::verdict::Verdict;

/// What the day was like.
///
/// # Panics
/// When the engine sent more requests in a minute than its share of the limit.
pub(crate) fn summary(seed: u64, played: &Played, verdict: &Verdict, took: Duration) -> String {
    let requests = own_requests_ms(&played.ledger);
    let (peak, share) = (peak(&requests), share_of(played.rules.requests_per_minute));
    assert!(peak <= share, "{peak} requests in a minute; the engine's share is {share}");
    let calls = verdict.calls.len();
    let messages = played.ledger.messages();
    let waits = waits_ms(&verdict.calls, &messages);
    let wait = |permille: usize| waits.get((waits.len() - 1) * permille / 1000).copied().unwrap_or_default();
    let last_ms = messages.iter().map(|message| message.imported_at_ms).max().unwrap_or_default();
    let minutes = (last_ms - DAY_STARTS_AT_S * 1000) / 60_000;
    let shared = played.ledger.requests.len() - requests.len();
    let per_call = requests.len() as f64 / calls as f64;
    let coverage = Coverage::of(played, &verdict.counts);
    format!(
        "\nseed {seed}, {:?}\n  {calls:>6} calls, {} webhooks, {} records\n  {:>6} activities in {} conversations\n  \
         {:>6} requests, {per_call:.2} a call, at most {peak} of {share} in a minute; {shared} of the neighbour\n  \
         settled to visible: median {} ms, 99 % {} ms, longest {} ms\n  the last activity after {minutes} virtual \
         minutes; {:.1} s to play and to judge\n{coverage}",
        played.rules,
        played.deliveries.len(),
        played.records.len(),
        messages.len(),
        played.ledger.conversations.len(),
        requests.len(),
        wait(500),
        wait(990),
        wait(1000),
        took.as_secs_f64(),
    )
}

/// When the engine's own requests arrived, in order.
fn own_requests_ms(ledger: &Ledger) -> Vec<i64> {
    let own = ledger.requests.iter().filter(|request| request.path != neighbour::PATH);
    own.map(|request| request.at_ms).collect()
}

/// The most requests in any window of the rate limit.
fn peak(requests_ms: &[i64]) -> usize {
    let in_window = |(place, from_ms): (usize, &i64)| {
        requests_ms[place..].iter().take_while(|at_ms| **at_ms < from_ms + RATE_WINDOW_MS).count()
    };
    requests_ms.iter().enumerate().map(in_window).max().unwrap_or(0)
}

/// From each call's settling until its activity is visible, the shortest first.
fn waits_ms(calls: &[Call], messages: &[&MessageEntry]) -> Vec<i64> {
    let visible: BTreeMap<_, _> =
        messages.iter().map(|message| (message.external_id.as_str(), message.imported_at_ms)).collect();
    let wait = |call: &Call| {
        let external_id = format!("calltrail:{}:{}:call", super::company::ACCOUNT, call.id);
        visible.get(external_id.as_str()).map(|at_ms| at_ms - call.settled_at_ms)
    };
    let mut waits: Vec<_> = calls.iter().filter_map(wait).collect();
    waits.sort_unstable();
    waits
}
