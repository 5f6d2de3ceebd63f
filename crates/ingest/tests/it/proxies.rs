//! Whom a request comes from, behind proxies that are trusted, and with headers of anyone else.

use std::sync::Arc;
use std::time::Duration;

use calltrail_event_log::ports::EventLog;
use calltrail_ingest::{Intake, ServerLimits};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::site::{Answer, EVENT, NOW, Site, TestLog};

/// Of one peer behind a proxy.
const IN_FLIGHT_MAX: usize = 2;

async fn site_behind(proxies: &[&str]) -> (Site, TestLog) {
    let log = TestLog::open();
    let port: Arc<dyn EventLog> = log.log.clone();
    let limits = ServerLimits {
        strangers_per_peer_max: IN_FLIGHT_MAX,
        room_wait: Duration::from_millis(20),
        ..ServerLimits::default()
    };
    let intake = Intake::Log { log: port, disk: None, opens: None };
    (Site::start_behind(proxies, intake, limits, Arc::new(|| NOW)).await, log)
}

/// A request through the proxy whose body does not come.
async fn stall(site: &Site, sender: &str) -> TcpStream {
    let mut stream = site.connect().await;
    let head = format!(
        "POST /webhooks/acme/aircall HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {sender}\r\nexpect: 100-continue\r\ncontent-length: 99\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("the site reads");
    // The site asks for the body once the request counts.
    let mut word = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut word).await.expect("the site answers");
    stream
}

async fn post_as(site: &Site, sender: &str) -> Answer {
    site.post("/webhooks/acme/aircall", &[("x-forwarded-for", sender.to_owned())], EVENT).await
}

#[tokio::test]
async fn a_sender_behind_a_proxy_has_its_own_share_of_requests() {
    let (site, _log) = site_behind(&["127.0.0.0/8"]).await;
    let _stalled = [stall(&site, "192.0.2.1").await, stall(&site, "192.0.2.1").await];
    let refused = post_as(&site, "192.0.2.1").await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.head.contains("retry-after: ") && refused.head.contains("connection: close"));
    assert_eq!(post_as(&site, "192.0.2.2").await.status, 200, "another sender has its own");
    assert_eq!(site.post("/webhooks/acme/aircall", &[], EVENT).await.status, 200, "unnamed");
}

#[tokio::test]
async fn a_share_is_free_again_when_its_requests_end() {
    let (site, _log) = site_behind(&["127.0.0.1"]).await;
    for _ in 0..3 * IN_FLIGHT_MAX {
        assert_eq!(post_as(&site, "192.0.2.1").await.status, 200);
    }
    drop([stall(&site, "192.0.2.1").await, stall(&site, "192.0.2.1").await]);
    while post_as(&site, "192.0.2.1").await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_proxy_keeps_more_connections_than_a_peer_may() {
    let (site, _log) = site_behind(&["127.0.0.1"]).await;
    let mut idle = Vec::new();
    for _ in 0..5 * IN_FLIGHT_MAX {
        idle.push(site.connect().await);
    }
    assert_eq!(site.post("/webhooks/acme/aircall", &[], EVENT).await.status, 200);
    assert_eq!(site.connections().closed_for_room, 0);
}

#[tokio::test]
async fn without_trusted_proxies_the_headers_mean_nothing() {
    let (site, _log) = site_behind(&["192.0.2.0/24"]).await;
    let _stalled = [stall(&site, "192.0.2.1").await, stall(&site, "192.0.2.1").await];
    // The connection itself is the third of its address, so the first one goes; the name in the header has no share.
    assert_eq!(post_as(&site, "192.0.2.1").await.status, 200);
    assert_eq!(site.connections().closed_for_room, 1);
}

#[tokio::test]
async fn each_request_of_a_proxy_authenticates_for_itself() {
    let (site, _log) = site_behind(&["127.0.0.1"]).await;
    let mut shared = site.connect().await;
    let good = String::from_utf8(crate::site::request("/webhooks/acme/aircall", &[], EVENT)).expect("text");
    shared.write_all(good.replace("connection: close\r\n", "").as_bytes()).await.expect("the site reads");
    let mut byte = [0];
    tokio::io::AsyncReadExt::read_exact(&mut shared, &mut byte).await.expect("the site answers");
    assert_eq!(site.connections().members, 1);
    let stranger = b"POST /webhooks/acme/aircall HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n";
    shared.write_all(stranger).await.expect("the site reads");
    while site.connections().members != 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(site.connections().strangers, 1);
}
