//! The contract of the key-value store.

use super::{Fixture, NEVER_LAPSES, Ports, assert_conflict, bytes};
use crate::ports::Versioned;

const BUCKET: &str = "fences";
const KEY: &str = "acme.P4rty";

async fn get(ports: &Ports) -> Option<Versioned> {
    ports.key_value.get(BUCKET, KEY).await.expect("reading works")
}

async fn create(ports: &Ports, value: &str) -> u64 {
    ports.key_value.create(BUCKET, KEY, bytes(value)).await.expect("the key is created")
}

async fn update(ports: &Ports, value: &str, revision: u64) -> u64 {
    ports.key_value.update(BUCKET, KEY, bytes(value), revision).await.expect("the value is replaced")
}

pub async fn a_value_is_found_again<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    assert_eq!(get(&ports).await, None);
    let revision = create(&ports, "one").await;
    assert_eq!(get(&ports).await, Some(Versioned { value: bytes("one"), revision }));
    let revision = update(&ports, "two", revision).await;
    assert_eq!(get(&ports).await, Some(Versioned { value: bytes("two"), revision }));
}

pub async fn creating_twice_conflicts<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let revision = create(&ports, "one").await;
    assert_conflict(ports.key_value.create(BUCKET, KEY, bytes("two")).await);
    assert_eq!(get(&ports).await, Some(Versioned { value: bytes("one"), revision }));
}

pub async fn of_concurrent_updates_one_wins<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let revision = create(&ports, "before").await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let ports = ports.clone();
        writers.spawn(async move {
            let outcome = ports.key_value.update(BUCKET, KEY, bytes(writer), revision).await;
            (writer, outcome)
        });
    }
    let mut winners = Vec::new();
    for (writer, outcome) in writers.join_all().await {
        match outcome {
            Ok(revision) => winners.push((writer, revision)),
            refused => assert_conflict(refused),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    let (writer, revision) = winners[0];
    assert_eq!(get(&ports).await, Some(Versioned { value: bytes(writer), revision }));
}

pub async fn an_old_revision_conflicts<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let old = create(&ports, "one").await;
    let revision = update(&ports, "two", old).await;
    assert_conflict(ports.key_value.update(BUCKET, KEY, bytes("three"), old).await);
    assert_conflict(ports.key_value.update(BUCKET, KEY, bytes("three"), revision + 1).await);
    assert_conflict(ports.key_value.delete(BUCKET, KEY, old).await);
    assert_eq!(get(&ports).await, Some(Versioned { value: bytes("two"), revision }));
}

pub async fn a_missing_key_conflicts<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    assert_conflict(ports.key_value.update(BUCKET, KEY, bytes("one"), 1).await);
    assert_conflict(ports.key_value.delete(BUCKET, KEY, 1).await);
    assert_eq!(get(&ports).await, None);
}

pub async fn a_deleted_key_can_be_created_again<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let revision = create(&ports, "one").await;
    ports.key_value.delete(BUCKET, KEY, revision).await.expect("the key is deleted");
    assert_eq!(get(&ports).await, None);
    let revision = create(&ports, "two").await;
    assert_eq!(get(&ports).await, Some(Versioned { value: bytes("two"), revision }));
}

/// A writer that slept through a deletion and a creation must not pass for the owner of the new value.
pub async fn revisions_never_come_again<F: Fixture>() {
    let mut fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let first = create(&ports, "one").await;
    let second = update(&ports, "two", first).await;
    ports.key_value.delete(BUCKET, KEY, second).await.expect("the key is deleted");
    drop(ports);
    fixture.restart().await;
    let ports = fixture.ports();
    let third = create(&ports, "three").await;
    assert!(first < second && second < third, "{first}, {second} and {third} grow");
    assert_conflict(ports.key_value.update(BUCKET, KEY, bytes("late"), second).await);
    assert_conflict(ports.key_value.delete(BUCKET, KEY, first).await);
}

pub async fn values_survive_a_restart<F: Fixture>() {
    let mut fixture = F::open(NEVER_LAPSES).await;
    let revision = create(&fixture.ports(), "one").await;
    let revision = update(&fixture.ports(), "two", revision).await;
    fixture.restart().await;
    let ports = fixture.ports();
    assert_eq!(get(&ports).await, Some(Versioned { value: bytes("two"), revision }));
    assert!(update(&ports, "three", revision).await > revision);
}

pub async fn buckets_are_apart<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let revision = create(&ports, "fence").await;
    assert_eq!(ports.key_value.get("budget", KEY).await.expect("reading works"), None);
    ports.key_value.create("budget", KEY, bytes("budget")).await.expect("the key is created");
    assert_eq!(get(&ports).await, Some(Versioned { value: bytes("fence"), revision }));
}

pub async fn the_clock_is_in_milliseconds<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let now_ms = fixture.ports().key_value.now_ms().await.expect("the clock answers");
    let year_2020_ms = 1_577_836_800_000;
    let year_2200_ms = 7_258_118_400_000;
    assert!((year_2020_ms..year_2200_ms).contains(&now_ms), "{now_ms} is a time of this or the next century");
}
