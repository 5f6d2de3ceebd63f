//! Slow, idle, garbled and many connections.

use std::sync::Arc;
use std::time::Duration;

use calltrail_event_log::ports::EventLog;
use calltrail_ingest::ServerLimits;
use calltrail_ingest::limits::BODY_BYTES_MAX;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

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

/// A site with these limits, on a log of its own.
async fn site_with(limits: ServerLimits) -> (Site, TestLog) {
    let log = TestLog::open();
    let port: Arc<dyn EventLog> = log.log.clone();
    (Site::start(port, limits).await, log)
}

fn kept_alive(path: &str, body: &str) -> Vec<u8> {
    let request = String::from_utf8(request(path, &[], body)).expect("a request is text");
    request.replace("connection: close\r\n", "").into_bytes()
}

/// Sends a webhook over a connection that is kept, and reads its answer.
async fn ask(stream: &mut TcpStream, body: &str) -> String {
    stream.write_all(&kept_alive("/webhooks/acme/aircall", body)).await.expect("the site reads");
    let mut answer = vec![0; 4096];
    let read_bytes = stream.read(&mut answer).await.expect("the site answers");
    String::from_utf8_lossy(&answer[..read_bytes]).into_owned()
}

/// Fails unless the other side closes the connection.
async fn is_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // Closed with or without a reset.
    drop(stream.read_to_end(&mut rest).await);
    assert!(rest.is_empty(), "it was answered: {}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn a_stranger_beyond_the_cap_closes_the_one_that_came_first() {
    let (site, _log) = site_with(ServerLimits { strangers_max: 2, ..ServerLimits::default() }).await;
    let mut first = site.connect().await;
    first.write_all(b"POST /webhooks/acme/aircall HTTP/1.1\r\n").await.unwrap();
    let mut second = site.connect().await;
    assert_eq!(site.post("/webhooks/acme/aircall", &[], EVENT).await.status, 200);
    is_closed(&mut first).await;
    assert!(ask(&mut second, EVENT).await.contains(" 200 "), "the second was younger");
    assert_eq!(site.connections().closed_for_room, 1);
}

#[tokio::test]
async fn a_connection_that_authenticated_outlives_every_stranger() {
    let (site, _log) = site_with(ServerLimits { strangers_max: 1, ..ServerLimits::default() }).await;
    let mut member = site.connect().await;
    assert!(ask(&mut member, EVENT).await.contains(" 200 "));
    let mut strangers = Vec::new();
    for _ in 0..20 {
        strangers.push(site.connect().await);
    }
    assert_eq!(
        site.post("/webhooks/acme/aircall", &[], EVENT).await.status,
        200,
        "accepted after all of them"
    );
    assert!(ask(&mut member, EVENT).await.contains(" 200 "));
    assert_eq!(site.connections().closed_for_room, 20);
}

#[tokio::test]
async fn refused_webhooks_make_no_connection_younger() {
    let (site, _log) = site_with(ServerLimits { strangers_max: 2, ..ServerLimits::default() }).await;
    let mut first = site.connect().await;
    assert!(ask(&mut first, &EVENT.replace("good", "bad")).await.contains(" 401 "));
    let mut second = site.connect().await;
    assert!(ask(&mut first, &EVENT.replace("good", "bad")).await.contains(" 401 "));
    let _third = site.connect().await;
    is_closed(&mut first).await;
    assert!(ask(&mut second, EVENT).await.contains(" 200 "));
}

#[tokio::test]
async fn members_beyond_the_places_of_their_account_stay_strangers() {
    let limits = ServerLimits { members_max: 2, strangers_max: 2, ..ServerLimits::default() };
    let (site, _log) = site_with(limits).await;
    let (mut first, mut second) = (site.connect().await, site.connect().await);
    for stream in [&mut first, &mut second] {
        assert!(ask(stream, EVENT).await.contains(" 200 "));
    }
    assert_eq!((site.connections().members, site.connections().strangers), (1, 1));
    let _others = (site.connect().await, site.connect().await);
    is_closed(&mut second).await;
    let plain = kept_alive("/webhooks/plain/aircall", &EVENT.replace("good", "plain-token"));
    let mut third = site.connect().await;
    third.write_all(&plain).await.unwrap();
    let mut byte = [0];
    third.read_exact(&mut byte).await.unwrap();
    assert_eq!(site.connections().members, 2, "the other account's place was kept for it");
    assert!(ask(&mut first, EVENT).await.contains(" 200 "));
}

#[tokio::test]
async fn one_address_pushes_out_its_own_connections_only() {
    let (site, _log) = site_with(ServerLimits { strangers_per_peer_max: 2, ..ServerLimits::default() }).await;
    let mut other = site.connect_from([127, 0, 0, 2]).await;
    let mut greedy = Vec::new();
    for _ in 0..5 {
        greedy.push(site.connect().await);
    }
    is_closed(&mut greedy[0]).await;
    assert!(ask(&mut other, EVENT).await.contains(" 200 "), "it came first, and stays");
    assert!(ask(greedy.last_mut().unwrap(), EVENT).await.contains(" 200 "));
}

#[tokio::test]
async fn bodies_beyond_the_memory_close_the_oldest_that_hold_any() {
    let limits = ServerLimits { stranger_body_bytes_max: 1024, ..ServerLimits::default() };
    let (site, _log) = site_with(limits).await;
    let head = "POST /webhooks/acme/aircall HTTP/1.1\r\nhost: x\r\ncontent-length: 2000\r\n\r\n";
    let mut stalled = Vec::new();
    for _ in 0..3 {
        let mut stream = site.connect().await;
        stream.write_all(format!("{head}{}", "x".repeat(900)).as_bytes()).await.unwrap();
        stalled.push(stream);
    }
    is_closed(&mut stalled[0]).await;
    is_closed(&mut stalled[1]).await;
    assert_eq!(site.post("/webhooks/acme/aircall", &[], EVENT).await.status, 200);
}

#[tokio::test]
async fn an_account_without_room_for_a_body_is_503_and_others_are_served() {
    let limits = ServerLimits {
        member_body_bytes_max: 1,
        room_wait: Duration::from_millis(20),
        ..ServerLimits::default()
    };
    let (site, _log) = site_with(limits).await;
    let (mut first, mut second) = (site.connect().await, site.connect().await);
    for stream in [&mut first, &mut second] {
        assert!(ask(stream, EVENT).await.contains(" 200 "));
    }
    // The share of an account has room for its longest body: this one takes all of it.
    let head = format!(
        "POST /webhooks/acme/aircall HTTP/1.1\r\nhost: x\r\ncontent-length: {BODY_BYTES_MAX}\r\n\r\n"
    );
    first.write_all(head.as_bytes()).await.unwrap();
    let refused = loop {
        let answer = ask(&mut second, EVENT).await;
        if !answer.contains(" 200 ") {
            break answer;
        }
    };
    assert!(refused.contains(" 503 ") && refused.contains("retry-after: "), "{refused}");
    let plain = EVENT.replace("good", "plain-token");
    assert_eq!(site.post("/webhooks/plain/aircall", &[], &plain).await.status, 200);
}

#[tokio::test]
async fn a_body_that_dribbles_is_408_before_its_time_is_over() {
    let limits = ServerLimits { body_grace: Duration::from_millis(50), ..ServerLimits::default() };
    let (site, _log) = site_with(limits).await;
    let mut stream = site.connect().await;
    let head = "POST /webhooks/acme/aircall HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let dribbling = tokio::spawn(async move {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let mut answer = Vec::new();
    drop(reading.read_to_end(&mut answer).await);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains(" 408 ") && answer.contains("bytes a second"), "{answer}");
    dribbling.await.expect("it was cut off");
}

#[tokio::test]
async fn a_connection_that_sends_and_never_reads_is_cut() {
    let limits = ServerLimits { connection_life: Duration::from_millis(200), ..ServerLimits::default() };
    let (site, _log) = site_with(limits).await;
    let mut deaf = site.connect().await;
    let sending = tokio::spawn(async move {
        let refused = b"POST /webhooks/nobody/aircall HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
        // It ends when the connection is cut.
        while deaf.write_all(refused).await.is_ok() {}
    });
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
