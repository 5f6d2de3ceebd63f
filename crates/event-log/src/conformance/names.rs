//! What every backend refuses, and that a refusal stores nothing.

use bytes::Bytes;

use super::{ACCOUNT, Fixture, NEVER_LAPSES, bytes, claim, contents, is_empty, item, record};
use crate::limits::{BODY_BYTES_MAX, GROUP_RECORDS_MAX, KEY_BYTES_MAX, NAME_BYTES_MAX};
use crate::ports::{Class, LogError, NewItem, NewRecord};

fn too_large() -> Bytes {
    Bytes::from(vec![b'x'; BODY_BYTES_MAX + 1])
}

pub async fn a_bad_record_stores_nothing<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let long = "a".repeat(NAME_BYTES_MAX + 1);
    let good = || record("call.ended", "good");
    for account in ["", "Acme", "a.b", "a b", "a*", "a>", "a\n", &long] {
        let bad = NewRecord { account: account.to_owned(), ..good() };
        let outcome = ports.log.append(vec![good(), bad]).await;
        assert!(matches!(outcome, Err(LogError::BadName { .. })), "account {account:?}: {outcome:?}");
    }
    for kind in ["", ".", "call.", ".ended", "call..ended", "call.*", "Call", &long] {
        let bad = NewRecord { kind: kind.to_owned(), ..good() };
        let outcome = ports.log.append(vec![good(), bad]).await;
        assert!(matches!(outcome, Err(LogError::BadName { .. })), "kind {kind:?}: {outcome:?}");
    }
    let outcome = ports.log.append(vec![good(), NewRecord { body: too_large(), ..good() }]).await;
    assert!(matches!(outcome, Err(LogError::TooLarge { .. })), "{outcome:?}");
    assert_eq!(contents(&ports).await, []);
}

pub async fn a_group_that_is_too_large_stores_nothing<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let group = |count| (0..count).map(|number| record("k", number)).collect::<Vec<_>>();
    let outcome = ports.log.append(group(GROUP_RECORDS_MAX + 1)).await;
    assert!(matches!(outcome, Err(LogError::GroupTooLarge { .. })), "{outcome:?}");
    assert_eq!(ports.log.tail().await.expect("the tail is known"), 0);
    let sequences = ports.log.append(group(GROUP_RECORDS_MAX)).await.expect("the largest group is taken");
    assert_eq!(sequences.len(), GROUP_RECORDS_MAX);
}

pub async fn a_bad_item_stores_nothing<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let good = || item(Class::Live, "good");
    let long = "a".repeat(KEY_BYTES_MAX + 1);
    for id in ["", "a b", "a\r\nb", "é", &long] {
        let outcome = ports.outbox.publish(NewItem { id: id.to_owned(), ..good() }).await;
        assert!(matches!(outcome, Err(LogError::BadName { .. })), "id {id:?}: {outcome:?}");
    }
    let outcome = ports.outbox.publish(NewItem { account: "a.b".to_owned(), ..good() }).await;
    assert!(matches!(outcome, Err(LogError::BadName { .. })), "{outcome:?}");
    let outcome = ports.outbox.publish(NewItem { body: too_large(), ..good() }).await;
    assert!(matches!(outcome, Err(LogError::TooLarge { .. })), "{outcome:?}");
    assert!(is_empty(&ports, ACCOUNT, Class::Live).await);
}

pub async fn a_bad_value_stores_nothing<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let long = "a".repeat(KEY_BYTES_MAX + 1);
    for (bucket, key) in
        [("", "k"), ("a.b", "k"), ("b", ""), ("b", "a..b"), ("b", "a/b"), ("b", "*"), ("b", &long)]
    {
        let created = ports.key_value.create(bucket, key, bytes("x")).await;
        assert!(matches!(created, Err(LogError::BadName { .. })), "{bucket:?} {key:?}: {created:?}");
        let read = ports.key_value.get(bucket, key).await;
        assert!(matches!(read, Err(LogError::BadName { .. })), "{bucket:?} {key:?}: {read:?}");
    }
    let outcome = ports.key_value.create("b", "k", too_large()).await;
    assert!(matches!(outcome, Err(LogError::TooLarge { .. })), "{outcome:?}");
    assert_eq!(ports.key_value.get("b", "k").await.expect("reading works"), None);
}

pub async fn the_largest_body_is_taken<F: Fixture>() {
    let mut fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let largest = Bytes::from(vec![b'x'; BODY_BYTES_MAX]);
    ports.log.append(vec![NewRecord { body: largest.clone(), ..record("k", "") }]).await.expect("a record");
    let published = NewItem { body: largest.clone(), ..item(Class::Live, "large") };
    ports.outbox.publish(published).await.expect("an item");
    ports.key_value.create("b", "k", largest.clone()).await.expect("a value");
    drop(ports);
    fixture.restart().await;
    let ports = fixture.ports();
    assert_eq!(ports.log.read_after(0, 1).await.expect("reading works")[0].body, largest);
    assert_eq!(claim(&ports).await.body(), &largest);
    let value = ports.key_value.get("b", "k").await.expect("reading works").expect("the key is there").value;
    assert_eq!(value, largest);
}
