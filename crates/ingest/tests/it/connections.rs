//! Slow, idle, garbled and many connections.

use std::sync::Arc;
use std::time::Duration;

use calltrail_event_log::ports::EventLog;
use calltrail_ingest::ServerLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::site::{EVENT, Site, TestLog, answer, read_all, request, site};

async fn impatient() -> (Site, TestLog) {
    let limits = ServerLimits {
        header_timeout: Duration::from_millis(50),
        body_timeout: Duration::from_millis(50),
        ..ServerLimits::default()
    };
    let log = TestLog::open();
    let port: Arc<dyn EventLog> = log.log.clone();
    (Site::start(port, limits).await, log)
}

#[tokio::test]
async fn a_connection_that_never_ends_its_headers_is_closed() {
    let (site, log) = impatient().await;
    for start in ["", "POST /webhooks/acme/aircall HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let answer = site.exchange(start.as_bytes()).await;
        assert!(!answer.contains(" 200 "), "{answer}");
    }
    assert!(log.is_empty().await);
}

#[tokio::test]
async fn a_connection_that_stays_idle_after_an_answer_is_closed() {
    let (site, _log) = impatient().await;
    let kept_alive = String::from_utf8(request("/webhooks/acme/aircall", &[], EVENT)).unwrap();
    let kept_alive = kept_alive.replace("connection: close\r\n", "");
    assert_eq!(answer(&site.exchange(kept_alive.as_bytes()).await).status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let (site, log) = impatient().await;
    let whole = request("/webhooks/acme/aircall", &[], EVENT);
    let answer = answer(&site.exchange(&whole[..whole.len() - 10]).await);
    assert_eq!(answer.status, 408, "{}", answer.body);
    assert!(answer.head.contains("connection: close"));
    assert!(log.is_empty().await);
    assert_eq!(site.counters("acme").refused.values().sum::<u64>(), 1);
}

#[tokio::test]
async fn garbage_behind_a_good_request_harms_only_its_own_connection() {
    let (site, log) = site().await;
    let good = String::from_utf8(request("/webhooks/acme/aircall", &[], EVENT)).unwrap();
    let good = good.replace("connection: close\r\n", "");
    let answers = site.exchange(format!("{good}\0garbage\r\n\r\n{good}").as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 1, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 400 ").count(), 1, "{answers}");
    assert_eq!(log.records().await.len(), 1, "what follows garbage is not read");
    assert_eq!(site.post("/webhooks/acme/aircall", &[], EVENT).await.status, 200);
}

#[tokio::test]
async fn one_connection_takes_many_requests() {
    let (site, log) = site().await;
    let last = String::from_utf8(request("/webhooks/acme/aircall", &[], EVENT)).unwrap();
    let kept_alive = last.replace("connection: close\r\n", "");
    let answers = site.exchange(format!("{kept_alive}{kept_alive}{last}").as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 3, "{answers}");
    assert_eq!(log.records().await.len(), 3);
}

#[tokio::test]
async fn a_connection_beyond_the_cap_waits_for_a_free_place() {
    let log = TestLog::open();
    let port: Arc<dyn EventLog> = log.log.clone();
    let limits = ServerLimits { connections_max: 1, ..ServerLimits::default() };
    let site = Site::start(port, limits).await;
    let mut first = site.connect().await;
    first.write_all(b"POST /webhooks/acme/aircall HTTP/1.1\r\n").await.unwrap();
    let mut second = site.connect().await;
    second.write_all(&request("/webhooks/acme/aircall", &[], EVENT)).await.unwrap();
    let mut byte = [0];
    let unanswered = tokio::time::timeout(Duration::from_millis(100), second.read(&mut byte)).await;
    assert!(unanswered.is_err(), "the first connection holds the only place");
    drop(first);
    assert_eq!(answer(&read_all(&mut second).await).status, 200);
}

#[tokio::test]
async fn a_connection_that_sends_and_never_reads_gives_its_place_up() {
    let log = TestLog::open();
    let port: Arc<dyn EventLog> = log.log.clone();
    let limits = ServerLimits {
        connections_max: 1,
        connection_life: Duration::from_millis(200),
        ..ServerLimits::default()
    };
    let site = Site::start(port, limits).await;
    let mut deaf = site.connect().await;
    let sending = tokio::spawn(async move {
        let refused = b"POST /webhooks/nobody/aircall HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
        // It ends when the connection is cut.
        while deaf.write_all(refused).await.is_ok() {}
    });
    let good = site.post("/webhooks/acme/aircall", &[], EVENT).await;
    assert_eq!(good.status, 200, "its place is free again");
    sending.await.expect("it was cut off");
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_closes_idle_connections_and_ends() {
    let (site, _log) = site().await;
    let mut idle = site.connect().await;
    let kept_alive = String::from_utf8(request("/webhooks/acme/aircall", &[], EVENT)).unwrap();
    let kept_alive = kept_alive.replace("connection: close\r\n", "");
    idle.write_all(kept_alive.as_bytes()).await.unwrap();
    let mut byte = [0];
    idle.read_exact(&mut byte).await.unwrap();
    site.stop().await.unwrap();
    assert!(read_all(&mut idle).await.contains("stored"), "the answer under way is still given");
}
