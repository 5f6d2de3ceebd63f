//! What the operator reads of refused webhooks.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use calltrail_domain::time::Timestamp;
use calltrail_event_log::ports::{EventLog, LogError};
use calltrail_ingest::{Intake, ServerLimits, SpoolOptions};
use serde_json::{Value, json};
use tracing::Level;

use crate::elsewhere::{Elsewhere, Fate, Running, open, roomy, site_on, until};
use crate::overload::Gate;
use crate::site::{EVENT, NOW, Site, TestLog};

thread_local! {
    /// Each test has its own thread, and its site runs on it.
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct OwnThread;

impl io::Write for OwnThread {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.extend_from_slice(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to collect lines, of whatever test runs.
fn listen() {
    static LISTENING: OnceLock<()> = OnceLock::new();
    LISTENING.get_or_init(|| {
        let lines = tracing_subscriber::fmt().json().flatten_event(true).without_time().with_target(false);
        lines.with_max_level(Level::DEBUG).with_writer(|| OwnThread).init();
        // Another test may have come by a line before anyone listened; that would have switched it off.
        tracing::callsite::rebuild_interest_cache();
    });
}

/// The lines of this test's thread since the last call, of these levels.
fn lines(levels: &[&str]) -> Vec<Value> {
    let written = String::from_utf8(WRITTEN.take()).expect("lines are text");
    assert!(!written.contains("canary"), "{written}");
    let lines = written.lines().map(|line| serde_json::from_str::<Value>(line).expect("lines are JSON"));
    lines.filter(|line| levels.iter().any(|level| line["level"] == *level)).collect()
}

fn warning(account: &str, reason: &str, refused: u64) -> Value {
    json!({"level":"WARN","message":"webhooks refused","account":account,"reason":reason,"refused":refused})
}

/// A site whose clock the test puts forward.
async fn site_with_clock(log: Arc<dyn EventLog>) -> (Site, Arc<AtomicI64>) {
    listen();
    let millis = Arc::new(AtomicI64::new(NOW.as_millis()));
    let clock = Arc::clone(&millis);
    let now = Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)));
    (Site::start_at(log, ServerLimits::default(), now).await, millis)
}

#[tokio::test]
async fn refused_webhooks_are_one_warning_a_minute_for_each_account_and_reason() {
    let log = TestLog::open();
    let (site, millis) = site_with_clock(log.log.clone()).await;
    let wrong = EVENT.replace("good", "canary");
    for _ in 0..3 {
        site.post("/webhooks/acme/aircall", &[], &wrong).await;
        site.post("/webhooks/plain/aircall", &[], &wrong).await;
        site.post("/webhooks/acme/aircall", &[], "canary").await;
    }
    let expect = [
        warning("acme", "unauthenticated", 1),
        warning("plain", "unauthenticated", 1),
        warning("acme", "malformed", 1),
    ];
    assert_eq!(lines(&["WARN", "ERROR"]), expect);
    millis.fetch_add(60_000, Ordering::SeqCst);
    site.post("/webhooks/acme/aircall", &[], &wrong).await;
    assert_eq!(lines(&["WARN", "ERROR"]), [warning("acme", "unauthenticated", 3)]);
}

#[tokio::test]
async fn requests_to_no_account_are_one_warning_a_minute_for_each_reason() {
    let log = TestLog::open();
    let (site, millis) = site_with_clock(log.log.clone()).await;
    for path in
        ["/webhooks/canary/aircall", "/webhooks/canary/front", "/canary", "/", "/webhooks/canary2/front"]
    {
        site.post(path, &[], EVENT).await;
    }
    let line = |reason: &str, refused: u64| json!({"level":"WARN","message":"requests to no account refused","reason":reason,"refused":refused});
    assert_eq!(lines(&["INFO", "WARN", "ERROR"]), [line("unknown_account", 1), line("not_found", 1)]);
    millis.fetch_add(60_000, Ordering::SeqCst);
    site.post("/webhooks/canary/aircall", &[], EVENT).await;
    assert_eq!(lines(&["INFO", "WARN", "ERROR"]), [line("unknown_account", 3)]);
}

#[tokio::test]
async fn calls_that_cannot_be_read_are_one_warning_a_minute_without_content() {
    let log = TestLog::open();
    let (site, millis) = site_with_clock(log.log.clone()).await;
    let body = r#"{"event":"call.ended","token":"good","data":{"id":"canary","raw_digits":"canary"}}"#;
    for _ in 0..3 {
        assert_eq!(site.post("/webhooks/acme/aircall", &[], body).await.status, 200);
    }
    let line = |webhooks: u64| json!({"level":"WARN","message":"no call can be read from webhooks about calls","account":"acme","webhooks":webhooks});
    assert_eq!(lines(&["INFO", "WARN", "ERROR"]), [line(1)]);
    millis.fetch_add(60_000, Ordering::SeqCst);
    site.post("/webhooks/acme/aircall", &[], body).await;
    assert_eq!(lines(&["INFO", "WARN", "ERROR"]), [line(3)]);
}

#[tokio::test]
async fn each_stranger_is_a_line_for_who_asks_for_more() {
    let log = TestLog::open();
    let (site, _) = site_with_clock(log.log.clone()).await;
    for path in ["/webhooks/canary/aircall", "/canary", "/webhooks/canary/aircall", "/canary"] {
        site.post(path, &[], EVENT).await;
    }
    let line = |reason: &str| json!({"level":"DEBUG","message":"webhook refused","reason":reason});
    assert_eq!(lines(&["DEBUG"]), [line("unknown_account"), line("not_found")]);
}

#[tokio::test]
async fn a_log_that_refuses_is_one_error_a_minute_for_the_whole_process() {
    let (site, millis) = site_with_clock(Gate::open(Err(LogError::storage("disk full")))).await;
    let plain = EVENT.replace("good", "plain-token");
    for _ in 0..3 {
        site.post("/webhooks/acme/aircall", &[], EVENT).await;
        site.post("/webhooks/plain/aircall", &[], &plain).await;
    }
    let error = |not_stored: u64| json!({"level":"ERROR","message":"webhooks not stored","error":"the storage refused","cause":"disk full","not_stored":not_stored});
    assert_eq!(lines(&["ERROR"]), [error(1)]);
    millis.fetch_add(60_000, Ordering::SeqCst);
    site.post("/webhooks/plain/aircall", &[], &plain).await;
    assert_eq!(lines(&["WARN", "ERROR"]), [error(6), warning("plain", "log_unavailable", 3)]);
}

#[tokio::test]
async fn a_spool_that_is_full_is_one_error_a_minute_that_says_why() {
    listen();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = open(folder.path(), SpoolOptions { high_water_bytes: 0, ..roomy() }).await;
    let site = Site::start_on(Intake::Spool(spool), ServerLimits::default(), Arc::new(|| NOW)).await;
    for _ in 0..3 {
        site.post("/webhooks/acme/aircall", &[], EVENT).await;
    }
    let why = "the spool holds 0 bytes, its high-water mark is 0: see why the log takes nothing";
    let error = json!({"level":"ERROR","message":"webhooks not stored","error":why,"not_stored":1});
    assert_eq!(lines(&["WARN", "ERROR"]), [error, warning("acme", "spool_full", 1)]);
}

#[tokio::test]
async fn a_log_that_is_away_is_one_warning_a_minute_and_one_line_when_it_is_back() {
    listen();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = open(folder.path(), roomy()).await;
    site_on(&spool).await.post("/webhooks/acme/aircall", &[], EVENT).await;
    let log = Elsewhere::new(|_| Fate::Refused(LogError::storage("no server at all")));
    let forwarder = Running::start(&spool, &log);
    until(&spool, |now| now.failures > 3).await;
    let warning = json!({
        "level":"WARN","message":"spool is not forwarded","error":"the log did not take the records",
        "cause":"no server at all","failures":1,"records":1,"retry_in_ms":1,
    });
    assert_eq!(lines(&["INFO", "WARN", "ERROR"]), [warning]);
    log.change(|_| Fate::Taken);
    until(&spool, |now| now.records == 0).await;
    let [back] = &lines(&["INFO", "WARN", "ERROR"])[..] else { panic!("one line") };
    assert_eq!(back["message"], "spool is forwarded again");
    forwarder.stop().await;
}

#[tokio::test]
async fn what_is_set_aside_is_named_by_its_sequence_and_nothing_else_of_it() {
    listen();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = open(folder.path(), roomy()).await;
    let site = site_on(&spool).await;
    for _ in 0..3 {
        site.post("/webhooks/acme/aircall", &[], &EVENT.replace("+44 7700 900123", "canary")).await;
    }
    let refusal = || LogError::TooLarge { kind: "aircall.event".to_owned(), size_bytes: 9, limit_bytes: 8 };
    let log = Elsewhere::new(move |_| Fate::Refused(refusal()));
    let forwarder = Running::start(&spool, &log);
    until(&spool, |now| now.set_aside == 3).await;
    let error = json!({
        "level":"ERROR","message":"log refuses records for good; set aside in the spool","account":"acme",
        "kind":"aircall.event","sequence":1,"error":"the body of aircall.event is 9 bytes; at most 8 are taken",
        "untold":1,"set_aside":1,
    });
    assert_eq!(lines(&["INFO", "WARN", "ERROR"]), [error]);
    forwarder.stop().await;
}
