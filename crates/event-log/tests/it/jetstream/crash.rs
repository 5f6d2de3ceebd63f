//! A server that is killed while many write to it: what was acknowledged is there, and what is claimed comes again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use calltrail_event_log::jetstream::{JetStream, declared};
use calltrail_event_log::ports::{Class, EventLog as _, KeyValue as _, LogError, NewItem, Outbox as _};
use calltrail_event_log::testing::NatsServer;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{at_last, connected, numbers, record, settings};

const ROUNDS: u64 = 4;
const WRITERS: u64 = 4;
/// Groups that are acknowledged in each round before the server is killed, and the time that they may take.
const GROUPS_A_ROUND: usize = 30;
const ROUND_MAX: Duration = Duration::from_secs(60);
const DOWN: Duration = Duration::from_millis(300);
const SHORT_CLAIM: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_acknowledged_is_there_whole_and_in_order() {
    let mut server = NatsServer::start();
    let jetstream = connected(&server.url()).await;
    declared::create_missing(&jetstream, &settings(SHORT_CLAIM)).await.expect("everything is made");
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(jetstream.clone(), writer, Arc::clone(&stop), Arc::clone(&count)));
    }
    for _ in 0..ROUNDS {
        let enough = count.load(Ordering::Relaxed) + GROUPS_A_ROUND;
        let round = async {
            while count.load(Ordering::Relaxed) < enough {
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(ROUND_MAX, round).await.expect("the server acknowledges groups");
        server.kill();
        sleep(DOWN).await;
        server.start_again();
    }
    stop.store(true, Ordering::Relaxed);
    let acknowledged = writers.join_all().await.concat();
    let kept = at_last(|| async { Ok::<_, LogError>(numbers(&jetstream).await) }).await;
    for group in &acknowledged {
        let at = kept.windows(group.len()).position(|window| window == group);
        assert!(at.is_some(), "the group {group:?} is not in the log, or not as it was appended");
    }
}

/// Appends groups of one to seven records and returns those that were acknowledged.
async fn write(
    jetstream: JetStream,
    writer: u64,
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
) -> Vec<Vec<u64>> {
    let (mut acknowledged, mut next) = (Vec::new(), writer * 1_000_000_000);
    while !stop.load(Ordering::Relaxed) {
        let group: Vec<u64> = (next..=next + next % 7).collect();
        next += group.len() as u64;
        match jetstream.append(group.iter().map(|number| record(*number)).collect()).await {
            Ok(sequences) => {
                assert!(
                    sequences.windows(2).all(|pair| pair[0] + 1 == pair[1]),
                    "{sequences:?} are neighbours"
                );
                acknowledged.push(group);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
    acknowledged
}

/// After a crash the server may say of a second delivery that it is the first: nothing here asks for that number.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_was_claimed_when_the_server_was_killed_comes_again_and_can_be_done() {
    let mut server = NatsServer::start();
    let jetstream = connected(&server.url()).await;
    declared::create_missing(&jetstream, &settings(SHORT_CLAIM)).await.expect("everything is made");
    let item = NewItem {
        account: "acme".to_owned(),
        class: Class::Live,
        id: "p4rty-1".to_owned(),
        body: "body".into(),
    };
    let ticket = jetstream.publish(item.clone()).await.expect("the item is published");
    let first = at_last(|| jetstream.claim("acme", Class::Live, SHORT_CLAIM)).await.expect("an item");
    server.kill();
    server.start_again();
    assert_eq!(at_last(|| jetstream.publish(item.clone())).await, ticket, "it is held");
    let mut again = None;
    while again.is_none() {
        again = at_last(|| jetstream.claim("acme", Class::Live, SHORT_CLAIM)).await;
    }
    let again = again.expect("the item comes again");
    assert_eq!((first.id(), again.id()), ("p4rty-1", "p4rty-1"));
    again.done().await.expect("the item is done");
    assert!(!at_last(|| jetstream.holds("acme", Class::Live, ticket)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_change_a_value_across_a_crash_one_wins() {
    let mut server = NatsServer::start();
    let (one, other) = (connected(&server.url()).await, connected(&server.url()).await);
    declared::create_missing(&one, &settings(SHORT_CLAIM)).await.expect("everything is made");
    let revision = one.create("fences", "acme.p", "before".into()).await.expect("the key is created");
    let won = one.update("fences", "acme.p", "one".into(), revision).await.expect("the value is replaced");
    server.kill();
    server.start_again();
    let late = loop {
        match other.update("fences", "acme.p", "other".into(), revision).await {
            Err(LogError::Storage(_)) => sleep(DOWN).await,
            answer => break answer,
        }
    };
    assert!(matches!(late, Err(LogError::Conflict)), "{late:?}");
    let found = at_last(|| one.get("fences", "acme.p")).await.expect("the key is there");
    assert_eq!((&found.value[..], found.revision), (&b"one"[..], won));
}
