//! A server that takes what it is sent and does not answer, callers that go away, words that are lost.

use std::time::Duration;

use calltrail_event_log::jetstream::declared::{self, Settings};
use calltrail_event_log::ports::{
    Changed, Class, EventLog as _, KeyValue as _, LogError, NewItem, NewRecord, Outbox as _,
};
use calltrail_event_log::testing::{NatsServer, Signal};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::{at_last, connected, numbers, record, settings};

/// Far longer than any deadline: only what waits without one takes so long.
const PATIENCE: Duration = Duration::from_secs(60);
const NEVER_LAPSES: Duration = Duration::from_secs(3600);

fn item(id: &str) -> NewItem {
    NewItem { account: "acme".to_owned(), class: Class::Live, id: id.to_owned(), body: id.to_owned().into() }
}

async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    timeout(PATIENCE, answer).await.expect("no port waits without a deadline")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_for_a_server_that_is_stopped_and_everything_works_when_it_goes_on() {
    let server = NatsServer::start();
    let jetstream = connected(&server.url()).await;
    declared::create_missing(&jetstream, &settings(NEVER_LAPSES)).await.expect("everything is made");
    let revision = jetstream.create("fences", "k", "1".into()).await.expect("the key is created");
    server.freeze();
    let all = async {
        tokio::join!(
            jetstream.append(vec![record(1), record(2)]),
            jetstream.read_after(0, 10),
            jetstream.tail(),
            jetstream.publish(item("a")),
            jetstream.claim("acme", Class::Live, Duration::ZERO),
            jetstream.update("fences", "k", "2".into(), revision),
            jetstream.now_ms(),
        )
    };
    let (appended, read, tail, published, claimed, updated, now_ms) = in_time(all).await;
    for refused in [
        appended.map(drop),
        read.map(drop),
        tail.map(drop),
        published.map(drop),
        claimed.map(drop),
        updated.map(drop),
        now_ms.map(drop),
    ] {
        assert!(matches!(refused, Err(LogError::Storage(_))), "{refused:?}");
    }
    server.signal(Signal::CONT);
    at_last(|| jetstream.append(vec![record(3)])).await;
    let kept = numbers(&jetstream).await;
    assert!(kept == [3] || kept == [1, 2, 3], "what was cut off is there whole or not at all: {kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_after_its_claimant_has_gone_is_given_back() {
    let server = NatsServer::start();
    let jetstream = connected(&server.url()).await;
    declared::create_missing(&jetstream, &settings(NEVER_LAPSES)).await.expect("everything is made");
    for _ in 0..3 {
        let waiting = jetstream.claim("acme", Class::Live, PATIENCE);
        assert!(timeout(Duration::from_millis(50), waiting).await.is_err(), "there is nothing to claim");
    }
    jetstream.publish(item("a")).await.expect("the item is published");
    // Its first deliveries go to the pulls of those who left; claims never lapse here, so it must be given back.
    let claim = in_time(jetstream.claim("acme", Class::Live, PATIENCE)).await.expect("claiming works");
    assert_eq!(claim.expect("the item comes").id(), "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_while_the_connection_is_closed_is_given_back_too() {
    let server = NatsServer::start();
    let (leaving, staying) = (connected(&server.url()).await, connected(&server.url()).await);
    declared::create_missing(&staying, &settings(NEVER_LAPSES)).await.expect("everything is made");
    let waiting = leaving.claim("acme", Class::Live, Duration::from_secs(2));
    assert!(timeout(Duration::from_millis(50), waiting).await.is_err(), "there is nothing to claim");
    let closing = tokio::spawn(async move { leaving.close().await });
    staying.publish(item("a")).await.expect("the item is published");
    let claim = in_time(staying.claim("acme", Class::Live, PATIENCE)).await.expect("claiming works");
    assert_eq!(claim.expect("the item comes").id(), "a");
    in_time(closing).await.expect("it is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_at_the_end_is_woken_also_across_a_restart() {
    let mut server = NatsServer::start();
    let jetstream = connected(&server.url()).await;
    declared::create_missing(&jetstream, &settings(NEVER_LAPSES)).await.expect("everything is made");
    for number in 1..=3 {
        let reader = jetstream.clone();
        let reading = tokio::spawn(async move { at_last(|| reader.read_after(number - 1, 10)).await });
        tokio::task::yield_now().await;
        at_last(|| jetstream.append(vec![record(number)])).await;
        let records = in_time(reading).await.expect("the reader ends");
        assert_eq!(records[0].body, number.to_string());
        server.kill();
        server.start_again();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_not_there_is_named_with_what_to_do() {
    let server = NatsServer::start();
    let jetstream = connected(&server.url()).await;
    let refused = jetstream.claim("acme", Class::Live, Duration::ZERO).await.map(drop);
    let Err(LogError::Storage(cause)) = refused else { panic!("{refused:?}") };
    let told = cause.to_string();
    assert!(told.contains("acme_live") && told.contains("calltrail streams apply"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_sent_again_is_stored_once_and_another_range_whole() {
    let server = NatsServer::start();
    let jetstream = connected(&server.url()).await;
    declared::create_missing(&jetstream, &settings(NEVER_LAPSES)).await.expect("everything is made");
    for (id, group) in
        [("s:1-1", 1..=1), ("s:2-4", 2..=4), ("s:2-4", 2..=4), ("s:1-1", 1..=1), ("s:2-5", 2..=5)]
    {
        let group = group.map(record).collect();
        jetstream.append_once(id, group).await.expect("the group is taken");
    }
    assert_eq!(numbers(&jetstream).await, [1, 2, 3, 4, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_told_of_changed_keys_that_begin_as_they_asked() {
    let server = NatsServer::start();
    let (one, other) = (connected(&server.url()).await, connected(&server.url()).await);
    declared::create_missing(&one, &settings(NEVER_LAPSES)).await.expect("everything is made");
    let mut changes = other.changes("fences", "acme");
    // The subscription is made by the first look.
    assert!(timeout(Duration::from_millis(500), changes.next()).await.is_err(), "nothing has changed");
    for key in ["other.p", "acme.p"] {
        one.create("fences", key, "1".into()).await.expect("the key is created");
    }
    let revision = one.update("fences", "acme.p", "2".into(), 2).await.expect("the value is replaced");
    let mut told = Vec::new();
    for _ in 0..2 {
        told.push(in_time(changes.next()).await.expect("a change"));
    }
    let changed = |revision| Changed { key: "acme.p".to_owned(), revision };
    assert_eq!(told, [changed(2), changed(revision)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_for_the_server_is_refused_for_good_alone_and_in_a_group() {
    let server = NatsServer::with("max_payload: 65536");
    let jetstream = connected(&server.url()).await;
    declared::create_missing(&jetstream, &settings(NEVER_LAPSES)).await.expect("everything is made");
    let long = || NewRecord { body: vec![b'x'; 100_000].into(), ..record(1) };
    for group in [vec![long()], vec![record(1), long()], vec![long(), record(1)]] {
        let refused = jetstream.append_once("s:1-2", group).await;
        let is_for_good = matches!(&refused, Err(LogError::TooLarge { .. }));
        assert!(is_for_good && !refused.is_err_and(|error| error.is_retryable()));
    }
    jetstream.append(vec![record(2), record(3)]).await.expect("the connection is as good as before");
    assert_eq!(numbers(&jetstream).await, [2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_full_takes_nothing_more_and_keeps_what_it_has() {
    let server = NatsServer::start();
    let jetstream = connected(&server.url()).await;
    let settings = Settings { log_bytes_max: 4_096, ..settings(NEVER_LAPSES) };
    declared::create_missing(&jetstream, &settings).await.expect("everything is made");
    jetstream.append(vec![record(1), record(2)]).await.expect("there is room");
    let group = || (0..100).map(record).collect::<Vec<_>>();
    for _ in 0..2 {
        let refused = jetstream.append_once("s:1-100", group()).await;
        assert!(matches!(&refused, Err(LogError::Storage(_))), "it may be made larger: {refused:?}");
    }
    jetstream.append(vec![record(3)]).await.expect("there is room for one");
    assert_eq!(numbers(&jetstream).await, [1, 2, 3]);
}
