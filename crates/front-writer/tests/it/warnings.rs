//! What an operator reads in the process's log when Front refuses, fails, or does not know the token.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use calltrail_domain::effect::WorkItem;
use calltrail_domain::ids::EffectKind;
use calltrail_event_log::ports::Class;
use calltrail_front_writer::fence;
use tokio::sync::watch;

use crate::bench::{Bench, PATIENCE, outcomes};
use crate::lines;
use crate::stores::{Losing, Narrow};
use crate::world::{NUMBER, import, item};

/// A bench of one writer, with one call to bring into Front.
async fn bench_of_one() -> Bench {
    lines::keep();
    let mut bench = Bench::new().await;
    bench.writers = vec!["a"];
    bench.publish(&item(None, vec![import(7, EffectKind::Call)]), Class::Live).await;
    bench
}

/// One writer at work until so much is true of the bench.
async fn run_while(bench: &Bench, goes_on: impl Fn(&Bench) -> bool) {
    let (stop, stopped) = watch::channel(false);
    let writer = tokio::spawn(bench.writer("a", stopped));
    let waited = tokio::time::timeout(PATIENCE, async {
        while goes_on(bench) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.expect("it comes to that");
    stop.send(true).expect("the writer listens");
    writer.await.expect("the writer stops when told to");
}

fn requests_of(bench: &Bench, wanted: &str) -> u64 {
    bench.counters.requests().iter().filter(|(_, class, _)| *class == wanted).map(|(_, _, count)| count).sum()
}

#[tokio::test]
async fn a_refusal_for_good_is_one_line_that_says_what_and_where_to_look() {
    let bench = bench_of_one().await;
    bench.front().refuses = Some(StatusCode::METHOD_NOT_ALLOWED);
    let records = bench.run_until(1).await;
    assert_eq!(outcomes(&records), ["7:call rejected 405 Method Not Allowed"]);
    let told = lines::with("WARN");
    assert_eq!(told.len(), 1, "{told:?}");
    for part in [
        " account=acme",
        " party=p1",
        " effect=7:call",
        " ordinal=1",
        " status=405",
        " reason=Method Not Allowed",
        " see=calltrail trail p1",
    ] {
        assert!(told[0].contains(part), "{part} is missing: {told:?}");
    }
    assert_eq!(lines::with(&NUMBER[1..]), [""; 0]);
}

#[tokio::test]
async fn a_refusal_whose_fact_is_told_again_is_still_one_line() {
    let mut bench = bench_of_one().await;
    bench.front().refuses = Some(StatusCode::METHOD_NOT_ALLOWED);
    // The outcome is stored, the fact is told, and then the mark is not moved.
    bench.store =
        Arc::new(Losing { inner: bench.stores.clone(), bucket: fence::BUCKET, left: AtomicI64::new(1) });
    let records = bench.run_until(2).await;
    assert_eq!(outcomes(&records), ["7:call rejected 405 Method Not Allowed"; 2]);
    assert_eq!(lines::with("WARN").len(), 1);
}

#[tokio::test]
async fn a_failure_of_front_is_told_and_so_is_its_end() {
    let bench = bench_of_one().await;
    bench.front().broken = 1;
    bench.run_until(1).await;
    let told = lines::with("account=acme");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("WARN") && told[0].contains(" reason=5xx status=500 failures=1"), "{told:?}");
    assert!(told[1].starts_with("INFO") && told[1].contains("front answers again"), "{told:?}");
    assert!(told[1].contains(" lasted_s="), "{told:?}");
}

#[tokio::test]
async fn front_out_of_reach_is_one_line_for_many_attempts() {
    let mut bench = bench_of_one().await;
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port");
    bench.base = format!("http://{}", nobody.local_addr().expect("a bound port"));
    drop(nobody);
    run_while(&bench, |bench| requests_of(bench, "not_applied") < 2).await;
    let told = lines::with("account=acme");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("WARN") && told[0].contains(" reason=no_connection"), "{told:?}");
}

#[tokio::test]
async fn a_bad_token_is_told_with_the_key_that_mends_it() {
    let bench = bench_of_one().await;
    bench.front().refuses = Some(StatusCode::UNAUTHORIZED);
    run_while(&bench, |bench| !bench.counters.releases().contains(&("bad_token", 1))).await;
    let told = lines::with("WARN");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("account.front.api_token"), "{told:?}");
}

#[tokio::test]
async fn value_too_large_is_one_error_and_its_item_waits() {
    let mut bench = bench_of_one().await;
    let refused = Arc::new(AtomicU32::new(0));
    let (inner, counted) = (bench.stores.clone(), Arc::clone(&refused));
    bench.store = Arc::new(Narrow { inner, bucket: fence::BUCKET, refused: counted });
    // The same party once more: with one worker, after the first.
    let again = WorkItem { item: 2, ..item(None, vec![import(7, EffectKind::Call)]) };
    bench.publish(&again, Class::Live).await;
    bench.workers = 1;
    run_while(&bench, |_| refused.load(Ordering::SeqCst) < 2).await;
    let told = lines::with("ERROR");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(" party=p1") && told[0].contains("too large"), "{told:?}");
    assert!(bench.front().imports.is_empty(), "nothing is sent without its fence");
    assert!(!bench.stores.stats().await.expect("stats are read").outbox.is_empty(), "the items wait");
}

#[tokio::test]
async fn fence_newer_than_the_log_is_counted_and_warned_of_once() {
    let bench = bench_of_one().await;
    bench.run_until(1).await;
    assert_eq!((bench.counters.newer_fences(), lines::with("WARN").len()), (0, 0));
    // The log was restored: another call has the same ordinal.
    let other = WorkItem { item: 2, ..item(None, vec![import(8, EffectKind::Call)]) };
    bench.publish(&other, Class::Live).await;
    let records = bench.run_until(2).await;
    assert_eq!(outcomes(&records), ["7:call applied cnv_1", "8:call applied cnv_1"]);
    assert_eq!(bench.counters.newer_fences(), 1);
    let told = lines::with("WARN");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(" party=p1") && told[0].contains("fence is newer than the log"), "{told:?}");
}
