//! What is declared is made once, compared, and never changed.

use std::time::Duration;

use calltrail_event_log::jetstream::declared::{self, Finding, Settings, State};
use calltrail_event_log::testing::NatsServer;

use super::{connected, settings};

fn states(findings: &[Finding]) -> Vec<&State> {
    findings.iter().map(|finding| &finding.state).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_made_and_then_is_as_declared() {
    let server = NatsServer::start();
    let jetstream = connected(&server.url()).await;
    let settings = settings(Duration::from_secs(30));
    let before = declared::look(&jetstream, &settings).await.expect("looking works");
    assert!(states(&before).iter().all(|state| **state == State::Missing), "{before:?}");
    let names: Vec<_> = before.iter().map(|finding| finding.name.as_str()).collect();
    let expect = [
        "stream CALLS",
        "stream OUTBOX",
        "bucket fences",
        "bucket budget",
        "bucket b",
        "consumer acme_live",
        "consumer acme_bulk",
        "consumer other_live",
        "consumer other_bulk",
    ];
    assert_eq!(names, expect);
    declared::create_missing(&jetstream, &settings).await.expect("everything is made");
    let again = declared::create_missing(&jetstream, &settings).await.expect("nothing is made");
    assert!(states(&again).iter().all(|state| **state == State::AsDeclared), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_told_field_by_field_and_left_alone() {
    let server = NatsServer::start();
    let jetstream = connected(&server.url()).await;
    let first = settings(Duration::from_secs(30));
    declared::create_missing(&jetstream, &first).await.expect("everything is made");
    let other = Settings { ack_wait: Duration::from_secs(10), log_bytes_max: 4096, ..first.clone() };
    let found = declared::create_missing(&jetstream, &other).await.expect("nothing is made");
    let told: Vec<_> = found
        .iter()
        .filter(|finding| matches!(finding.state, State::Differs(_)))
        .map(ToString::to_string)
        .collect();
    assert_eq!(told[0], "stream CALLS differs: max_bytes is 1073741824, declared is 4096;");
    assert_eq!(told[1], "consumer acme_live differs: ack_wait is 30000000000, declared is 10000000000;");
    assert_eq!(told.len(), 5, "the log and four consumers: {told:?}");
    let after = declared::look(&jetstream, &first).await.expect("looking works");
    assert!(states(&after).iter().all(|state| **state == State::AsDeclared), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_that_begin_at_once_each_finds_everything_made() {
    let server = NatsServer::start();
    let settings = settings(Duration::from_secs(30));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (url, settings) = (server.url(), settings.clone());
        all.spawn(async move {
            let jetstream = connected(&url).await;
            declared::create_missing(&jetstream, &settings).await.map(drop)
        });
    }
    for made in all.join_all().await {
        made.expect("nobody is refused");
    }
}
