//! A disk that refuses what is written: webhooks are answered 503, the process is not ready meanwhile, and it is again by itself.

use std::net::SocketAddr;
use std::time::Instant;

use calltrail_simulator::front::RepeatAnswer;

use super::hostile::webhook;
use super::limits::{LOOK_EVERY, QUIET_MAX};
use super::site::{ACCOUNT, Site};
use super::up::Up;

/// More than it has open.
const OPEN_FILES_MAX: u32 = 4_096;
const REASON: &str = "nothing can be stored: the disk of `log.path` refuses";

async fn ready_answer(operator_at: SocketAddr) -> (u16, String) {
    let answer = reqwest::get(format!("http://{operator_at}/health/ready")).await.expect("it answers");
    (answer.status().as_u16(), answer.text().await.expect("in words"))
}

async fn post(address: SocketAddr) -> u16 {
    let url = format!("http://{address}/webhooks/{ACCOUNT}/aircall");
    let client = reqwest::Client::builder().no_proxy().build().expect("an http client");
    let answer = client.post(url).body(webhook("fixture-token")).send().await;
    answer.expect("an answer").status().as_u16()
}

/// Breaks the disk under a process that is up, and lets it work again.
async fn check(site: &Site, role: &str) {
    let mut up = Up::start_role_with_files(site.folder(), role, OPEN_FILES_MAX);
    let address = up.ready().await;
    let operator_at = up.operator_at();
    assert_eq!(post(address).await, 200);
    assert!(!ready_answer(operator_at).await.1.contains(REASON));

    up.limit_file_bytes(Some(1));
    assert_eq!(post(address).await, 503);
    for _ in 0..3 {
        let (status, answer) = ready_answer(operator_at).await;
        assert!(status == 503 && answer.contains(REASON), "{status} {answer}");
    }
    assert_eq!(post(address).await, 503);

    // No webhook comes: only who asks for readiness can find that the disk works again.
    up.limit_file_bytes(None);
    let started = Instant::now();
    while ready_answer(operator_at).await.0 != 200 {
        assert!(started.elapsed() < QUIET_MAX, "it never notices:\n{}", up.said());
        tokio::time::sleep(LOOK_EVERY).await;
    }
    assert_eq!(post(address).await, 200);
    up.terminated().await.with_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_disk_refuses_is_not_ready_until_it_takes_something() {
    check(&Site::new(1, RepeatAnswer::AcceptedAndResolves).await, "up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_whose_disk_refuses_is_not_ready_until_it_takes_something() {
    let site = Site::new(1, RepeatAnswer::AcceptedAndResolves).await;
    let file = site.file("calltrail.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration is there");
    let elsewhere = "[log]\nbackend = \"jetstream\"\njetstream = { url = \"nats://127.0.0.1:9\" }";
    std::fs::write(&file, text.replace("[log]", elsewhere)).expect("the configuration is written");
    check(&site, "ingest").await;
}
