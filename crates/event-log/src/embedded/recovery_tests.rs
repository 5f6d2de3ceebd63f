//! The store after its disk was full or failed.

use std::time::Duration;

use super::disk_tests::{Disk, Syncs, group, item, store};
use super::{Embedded, Size};
use crate::ports::{Claim, Class, EventLog, KeyValue, LogError, NewRecord, Outbox};

/// Only a store that never recovers makes a test wait so long.
const PATIENCE: Duration = Duration::from_secs(60);

async fn claim(store: &Embedded) -> Option<Box<dyn Claim>> {
    store.claim("acme", Class::Live, Duration::ZERO).await.expect("claiming works")
}

async fn sequences(store: &Embedded) -> Vec<u64> {
    let records = store.read_after(0, 10_000).await.expect("the log is read");
    records.iter().map(|record| record.sequence).collect()
}

/// Appends until the disk takes it; what failed before may be there or not.
async fn append_at_last(store: &Embedded) -> u64 {
    let tries = async {
        loop {
            match store.append(group(1)).await {
                Ok(sequences) => return sequences[0],
                Err(LogError::Storage(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(other) => panic!("no answer of a disk that fails: {other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, tries).await.expect("the store takes changes again")
}

/// Appends until the disk refuses; returns what was acknowledged.
async fn fill(store: &Embedded) -> Vec<u64> {
    let long = NewRecord { body: vec![b'x'; 100_000].into(), ..group(1).remove(0) };
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 10_000 {
        match store.append(vec![long.clone(); 2]).await {
            Ok(sequences) => acknowledged.extend(sequences),
            Err(LogError::Storage(_)) => return acknowledged,
            Err(other) => panic!("no answer of a full disk: {other:?}"),
        }
    }
    panic!("the disk is never full");
}

#[tokio::test]
async fn a_disk_that_was_full_for_one_change_takes_the_next_one() {
    let disk = Disk::new();
    let store = store(&disk);
    let mut acknowledged = store.append(group(3)).await.expect("appended");
    store.publish(item("one")).await.expect("published");
    let revision = store.create("fences", "k", "v".into()).await.expect("created");
    disk.set_full(true);
    acknowledged.extend(fill(&store).await);
    assert_eq!(sequences(&store).await, acknowledged, "reads go on and show nothing of the failed group");
    disk.set_full(false);
    acknowledged.extend(store.append(group(2)).await.expect("there is space"));
    assert_eq!(sequences(&store).await, acknowledged);
    assert!(acknowledged.is_sorted_by(|one, next| one < next), "{acknowledged:?}");
    assert_eq!(store.update("fences", "k", "w".into(), revision).await.expect("updated"), revision + 1);
    let claim = claim(&store).await.expect("the item is still there");
    claim.done().await.expect("done");
    assert!(store.stats().await.expect("the store is open").outbox.is_empty());
}

#[tokio::test]
async fn reads_and_claims_go_on_while_a_disk_stays_full() {
    let disk = Disk::new();
    let store = store(&disk);
    store.publish(item("one")).await.expect("published");
    let mut acknowledged = store.append(group(1)).await.expect("appended");
    disk.set_full(true);
    acknowledged.extend(fill(&store).await);
    for _ in 0..5 {
        let long = NewRecord { body: vec![b'x'; 900_000].into(), ..group(1).remove(0) };
        store.append(vec![long; 4]).await.expect_err("the disk is full");
        assert_eq!(sequences(&store).await, acknowledged);
        let claim = claim(&store).await.expect("the item can be read");
        claim.release(Duration::ZERO).await.expect("released");
    }
    disk.set_full(false);
    acknowledged.push(append_at_last(&store).await);
    assert_eq!(sequences(&store).await, acknowledged);
}

#[tokio::test]
async fn what_a_failed_commit_left_is_there_as_a_whole_or_not_at_all_and_the_same_in_memory() {
    let disk = Disk::new();
    let store = store(&disk);
    let ticket = store.publish(item("one")).await.expect("published");
    store.append(group(1)).await.expect("appended");
    let first = claim(&store).await.expect("an item");
    for round in 0..3 {
        let (before, tail) = (sequences(&store).await.len(), store.tail().await.expect("known"));
        disk.set(Syncs::FailOnce);
        store.append(group(3)).await.expect_err("the sync failed");
        let found = sequences(&store).await;
        assert!([before, before + 3].contains(&found.len()), "round {round}: {found:?}");
        assert_eq!(store.tail().await.expect("known"), *found.last().expect("a record"));
        let next = append_at_last(&store).await;
        assert!(next > tail && !found.contains(&next), "round {round}: {next} in {found:?}");
        let records = found.len() as u64 + 1;
        assert_eq!(store.size(), Some(Size { records, body_bytes: 4 * records }), "round {round}");
    }
    assert!(store.holds("acme", Class::Live, ticket).await.expect("known"));
    assert!(claim(&store).await.is_none(), "the claim goes on");
    first.extend().await.expect("the claim is the same");
    first.done().await.expect("done");
    assert!(!store.holds("acme", Class::Live, ticket).await.expect("known"));
}

#[tokio::test]
async fn the_outbox_in_memory_is_the_one_in_the_file_after_a_failed_commit() {
    let disk = Disk::new();
    let store = store(&disk);
    store.publish(item("held")).await.expect("published");
    let held = claim(&store).await.expect("an item");
    disk.set(Syncs::FailOnce);
    store.publish(item("unsure")).await.expect_err("the sync failed");
    append_at_last(&store).await;
    let again = store.publish(item("unsure")).await.expect("published, or held already");
    let unsure = claim(&store).await.expect("it is there once");
    assert_eq!(unsure.id(), "unsure");
    assert!(claim(&store).await.is_none(), "and not twice");
    disk.set(Syncs::FailOnce);
    unsure.done().await.expect_err("the sync failed");
    append_at_last(&store).await;
    held.done().await.expect("done");
    let left = store.holds("acme", Class::Live, again).await.expect("known");
    let items = store.stats().await.expect("open").outbox.first().map_or(0, |lane| lane.items);
    assert_eq!(items, usize::from(left), "done in the file and in memory, or in neither");
}

#[tokio::test]
async fn a_disk_that_stays_broken_refuses_every_change_and_is_opened_again_though_nobody_asks() {
    let disk = Disk::new();
    let store = store(&disk);
    let acknowledged = store.append(group(2)).await.expect("appended");
    store.publish(item("one")).await.expect("published");
    disk.set(Syncs::Fail);
    for _ in 0..20 {
        let refused = store.append(group(1)).await.expect_err("the disk is broken");
        assert!(matches!(&refused, LogError::Storage(_)) && refused.is_retryable(), "{refused:?}");
    }
    let refused = store.read_after(0, 1).await.expect_err("the file is away");
    assert!(matches!(&refused, LogError::Storage(_)) && refused.is_retryable(), "{refused:?}");
    assert!(store.claim("acme", Class::Live, Duration::ZERO).await.is_err(), "an item cannot be read");
    disk.set(Syncs::Succeed);
    let reads = async {
        while store.read_after(0, 1).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reads).await.expect("the file is opened without a change");
    assert!(sequences(&store).await.starts_with(&acknowledged));
    assert_eq!(claim(&store).await.expect("it was given back").id(), "one");
    assert!(append_at_last(&store).await > 2);
}

/// A process without traffic would otherwise never learn that its disk works again.
#[tokio::test]
async fn a_failed_commit_is_known_until_one_succeeds_though_nothing_is_stored() {
    let disk = Disk::new();
    let store = store(&disk);
    store.try_commit().await.expect("the disk works");
    assert!(!store.is_refusing());
    disk.set(Syncs::Fail);
    store.append(group(1)).await.expect_err("the disk is broken");
    for _ in 0..3 {
        assert!(store.is_refusing());
        store.try_commit().await.expect_err("the disk is broken");
    }
    disk.set(Syncs::Succeed);
    assert!(store.is_refusing(), "nobody has looked yet");
    let tried = async {
        while store.try_commit().await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, tried).await.expect("the store takes changes again");
    assert!(!store.is_refusing());
}

#[tokio::test]
async fn a_compaction_that_fails_is_a_commit_that_fails() {
    let disk = Disk::new();
    let store = store(&disk);
    let acknowledged = store.append(group(2)).await.expect("appended");
    disk.set(Syncs::Fail);
    let refused = store.compact().await.expect_err("the disk is broken");
    assert!(matches!(&refused, LogError::Storage(_)) && refused.is_retryable(), "{refused:?}");
    disk.set(Syncs::Succeed);
    assert!(append_at_last(&store).await > 2);
    store.compact().await.expect("compacted");
    assert!(sequences(&store).await.starts_with(&acknowledged));
}

#[tokio::test]
async fn a_store_whose_file_is_away_can_be_closed() {
    let disk = Disk::new();
    let store = store(&disk);
    disk.set(Syncs::Fail);
    store.append(group(1)).await.expect_err("the disk is broken");
    store.close().await;
    assert!(matches!(store.append(group(1)).await, Err(LogError::Closed)));
    assert!(matches!(store.get("fences", "k").await, Err(LogError::Closed)));
}
