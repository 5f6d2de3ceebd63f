//! The shell over HTTP, with the embedded stores: what it performs is what the machine said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::{EffectKind, PartyId};
use calltrail_domain::record::RecordBody;
use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{Class, KeyValue};
use calltrail_front_writer::budget::{self, Budget};
use calltrail_front_writer::fence::{self, Fence, State};
use calltrail_front_writer::{Confirm, Rate};
use serde_json::Value;
use tokio::sync::watch;

use crate::bench::{Bench, Gate, PATIENCE, clock, outcomes};
use crate::stores::{Jumping, Watched};
use crate::world::{assign, import, item};

/// Longer than an attempt and shorter than the budget remembers.
const SLEEP_MS: i64 = 30_000;
const HOUR_MS: i64 = 3_600_000;

fn first_call() -> WorkItem {
    item(None, vec![import(7, EffectKind::Call)])
}

async fn fence_of(bench: &Bench) -> Fence {
    let stored = bench.stores.get(fence::BUCKET, "acme.p1").await.expect("the store answers");
    serde_json::from_slice(&stored.expect("a fence").value).expect("a fence is JSON")
}

async fn budget_of(bench: &Bench) -> Budget {
    let stored = bench.stores.get(budget::BUCKET, "acme").await.expect("the store answers");
    serde_json::from_slice(&stored.expect("a budget").value).expect("a budget is JSON")
}

/// A machine that is suspended once, or its clock set back, right after the bucket's first value is stored.
async fn clock_jumps_after_the_first(bucket: &'static str, jump_ms: i64) -> Bench {
    let mut bench = Bench::new().await;
    let jumped_ms = Arc::new(AtomicI64::new(0));
    let jumped = Arc::clone(&jumped_ms);
    bench.clock =
        Arc::new(move || Timestamp::from_millis(clock().as_millis() + jumped.load(Ordering::SeqCst)));
    let inner = bench.stores.clone();
    bench.store = Arc::new(Jumping { inner, bucket, jumped_ms, jump_ms });
    bench
}

#[tokio::test]
async fn a_call_goes_from_the_outbox_into_front_and_its_facts_into_the_log() {
    let bench = Bench::new().await;
    let effects =
        vec![import(7, EffectKind::Call), import(7, EffectKind::Duration), assign(7, "iris@example.com")];
    bench.publish(&item(None, effects), Class::Live).await;
    let records = bench.run_until(3).await;
    let expect = ["7:call applied cnv_1", "7:duration applied cnv_1", "7:assign applied cnv_1"];
    assert_eq!(outcomes(&records), expect);
    assert_eq!(fence_of(&bench).await.settled_through, 3);
    let front = bench.front();
    assert_eq!((front.imports.len(), front.assignee.as_deref()), (2, Some("tea_1")));
    assert_eq!(front.imports[1]["conversation_id"], "cnv_1");
    assert_eq!(bench.counters.requests_total(), front.requests.len() as u64);
    assert!(bench.counters.outcomes().contains(&("applied", 3)));
}

#[tokio::test]
async fn an_import_answered_with_500_is_sent_again_and_is_there_once() {
    let bench = Bench::new().await;
    bench.front().broken = 1;
    bench.publish(&first_call(), Class::Live).await;
    let records = bench.run_until(1).await;
    assert_eq!(outcomes(&records), ["7:call applied cnv_1"]);
    let front = bench.front();
    let sent = front.requests.iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!((sent, front.imports.len()), (2, 1));
}

#[tokio::test]
async fn the_limit_that_front_reports_is_noted_for_all_replicas() {
    let bench = Bench::new().await;
    bench.publish(&first_call(), Class::Live).await;
    bench.run_until(1).await;
    assert_eq!(budget_of(&bench).await.limit(Rate::Share(0.5)), 60);
}

#[tokio::test]
async fn a_429_is_noted_for_all_replicas() {
    let bench = Bench::new().await;
    bench.front().too_many = 1;
    bench.publish(&first_call(), Class::Live).await;
    let records = bench.run_until(1).await;
    assert_eq!(outcomes(&records), ["7:call applied cnv_1"]);
    assert!(!budget_of(&bench).await.push_back(1), "the budget knows until when to wait");
}

#[tokio::test]
async fn an_answer_after_which_nothing_is_left_stops_everybody_until_the_reset() {
    let bench = Bench::new().await;
    let reset_s = clock().as_seconds() + 3;
    bench.front().reset_s = Some(reset_s);
    bench.publish(&first_call(), Class::Live).await;
    bench.run_until(1).await;
    // Front's date is in whole seconds, so that the wait may be a little longer, and never shorter.
    assert!(!budget_of(&bench).await.push_back(reset_s * 1_000), "the budget knows until when to wait");
    assert!(clock().as_seconds() >= reset_s, "the look for the import was sent after it");
}

#[tokio::test]
async fn no_request_is_sent_before_its_slot() {
    let bench = Bench::new().await;
    let slot = clock().plus(Duration::from_millis(1_500));
    let mut budget = Budget::default();
    budget.push_back(slot.as_millis());
    let value = serde_json::to_vec(&budget).expect("a budget is JSON").into();
    bench.stores.create(budget::BUCKET, "acme", value).await.expect("the budget is stored");
    bench.publish(&first_call(), Class::Live).await;
    bench.run_until(1).await;
    assert!(bench.front().first_at.expect("a request came") >= slot);
}

#[tokio::test]
async fn no_write_is_sent_after_its_deadline() {
    let bench = clock_jumps_after_the_first(fence::BUCKET, SLEEP_MS).await;
    bench.publish(&first_call(), Class::Live).await;
    let records = bench.run_until(1).await;
    let RecordBody::EffectSettled(fact) = &records[0].body else { panic!("a fact is told") };
    // The import once and the look for it; the attempt whose deadline was slept through is none.
    assert_eq!(fact.attempts, 2);
    assert!(bench.counters.requests().iter().all(|(_, class, _)| *class == "done"));
}

#[tokio::test]
async fn a_request_is_given_up_in_time_also_when_the_clock_is_set_back() {
    let bench = clock_jumps_after_the_first(fence::BUCKET, -HOUR_MS).await;
    let gate = Arc::new(Gate::default());
    bench.front().gate = Some(Arc::clone(&gate));
    tokio::spawn(async move {
        // The first import is never answered, the second one is.
        gate.reached.notified().await;
        gate.reached.notified().await;
        gate.open.notify_one();
    });
    bench.publish(&first_call(), Class::Live).await;
    assert_eq!(outcomes(&bench.run_until(1).await), ["7:call applied cnv_1"]);
}

#[tokio::test]
async fn a_slot_that_was_slept_through_is_given_up() {
    let bench = clock_jumps_after_the_first(budget::BUCKET, SLEEP_MS).await;
    let before_ms = clock().as_millis();
    bench.publish(&first_call(), Class::Live).await;
    bench.run_until(1).await;
    let stored = bench.stores.get(budget::BUCKET, "acme").await.expect("the store answers");
    let budget: Value = serde_json::from_slice(&stored.expect("a budget").value).expect("JSON");
    let slots = budget["slots_ms"].as_array().expect("the slots are listed");
    let first = slots[0].as_i64().expect("a time");
    assert!(first - before_ms >= SLEEP_MS, "another was reserved after the sleep: {slots:?}");
    assert_eq!(bench.counters.requests_total(), slots.len() as u64, "and the first was given back");
}

#[tokio::test]
async fn a_claim_is_extended_as_long_as_its_work_takes() {
    let mut bench = Bench::with_claims_of(Duration::from_millis(300)).await;
    let gate = Arc::new(Gate::default());
    bench.front().gate = Some(Arc::clone(&gate));
    let inner = bench.stores.clone();
    // The import is answered when its claim has been extended three times.
    bench.outbox = Arc::new(Watched { inner, gate, extensions: 3, freezes: false });
    bench.publish(&first_call(), Class::Live).await;
    assert_eq!(outcomes(&bench.run_until(1).await), ["7:call applied cnv_1"]);
}

#[tokio::test]
async fn an_extension_that_takes_for_ever_holds_no_work_up() {
    let mut bench = Bench::with_claims_of(Duration::from_secs(20)).await;
    bench.extend_every = Duration::from_millis(50);
    let gate = Arc::new(Gate::default());
    bench.front().gate = Some(Arc::clone(&gate));
    let inner = bench.stores.clone();
    // The import is answered when the first extension hangs.
    bench.outbox = Arc::new(Watched { inner, gate, extensions: 1, freezes: true });
    bench.publish(&first_call(), Class::Live).await;
    assert_eq!(outcomes(&bench.run_until(1).await), ["7:call applied cnv_1"]);
}

#[tokio::test]
async fn a_request_that_is_under_way_at_shutdown_is_finished_and_noted() {
    let bench = Bench::new().await;
    let gate = Arc::new(Gate::default());
    bench.front().gate = Some(Arc::clone(&gate));
    bench.publish(&first_call(), Class::Live).await;
    let (stop, stopped) = watch::channel(false);
    let writer = tokio::spawn(bench.writer("a", stopped));
    let reached = tokio::time::timeout(PATIENCE, gate.reached.notified());
    reached.await.expect("the import is sent");
    stop.send(true).expect("the writer listens");
    // The writer has every chance to leave before the answer comes.
    tokio::time::sleep(Duration::from_millis(100)).await;
    gate.open.notify_one();
    writer.await.expect("the writer stops");
    let fence = fence_of(&bench).await;
    assert!(matches!(fence.entries[0].state, State::Accepted { .. }), "{:?}", fence.entries[0].state);
}

#[tokio::test]
async fn a_worker_that_panics_is_replaced() {
    let mut bench = Bench::with_claims_of(Duration::from_millis(300)).await;
    (bench.writers, bench.workers) = (vec!["a"], 1);
    let panicked = AtomicBool::new(false);
    bench.clock = Arc::new(move || {
        assert!(panicked.swap(true, Ordering::SeqCst), "the first look at this clock panics");
        clock()
    });
    bench.publish(&first_call(), Class::Live).await;
    assert_eq!(outcomes(&bench.run_until(1).await), ["7:call applied cnv_1"]);
}

#[tokio::test]
async fn live_items_go_first_and_every_fifth_claim_takes_a_bulk_one() {
    let mut bench = Bench::new().await;
    (bench.writers, bench.workers, bench.confirm) = (vec!["a"], 1, Confirm::Never);
    let of_party = |call: u64| {
        let effects = vec![import(call, EffectKind::Call)];
        WorkItem { party: PartyId::new(format!("p{call}")), ..item(Some("cnv_1"), effects) }
    };
    for bulk in [100, 101] {
        bench.publish(&of_party(bulk), Class::Bulk).await;
    }
    for live in 1..=6 {
        bench.publish(&of_party(live), Class::Live).await;
    }
    let told = outcomes(&bench.run_until(8).await);
    let calls: Vec<_> = told.iter().filter_map(|fact| fact.split(':').next()).collect();
    assert_eq!(calls, ["1", "2", "3", "4", "100", "5", "6", "101"]);
}
