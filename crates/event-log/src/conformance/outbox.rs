//! The contract of the outbox.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{ACCOUNT, Fixture, NEVER_LAPSES, PATIENCE, claim, claim_of, is_empty, item, publish};
use crate::ports::{Class, NewItem};

/// Short enough to wait for, long enough to do something first on a busy machine.
const LAPSES: Duration = Duration::from_secs(2);

pub async fn items_come_in_the_order_of_publishing<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    publish(&ports, &["c", "a", "b"]).await;
    for id in ["c", "a", "b"] {
        let claim = claim(&ports).await;
        assert_eq!((claim.id(), &claim.body()[..]), (id, format!("body of {id}").as_bytes()));
        claim.done().await.expect("the item is done");
    }
}

pub async fn a_held_id_is_published_once<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let tickets = publish(&ports, &["a", "a", "b"]).await;
    assert_eq!(tickets[0], tickets[1]);
    assert_ne!(tickets[0], tickets[2]);
    let first = claim(&ports).await;
    assert_eq!(publish(&ports, &["a"]).await, [tickets[0]], "a claimed item is held too");
    let second = claim(&ports).await;
    assert_eq!((first.id(), second.id()), ("a", "b"));
    assert!(is_empty(&ports, ACCOUNT, Class::Live).await);
}

pub async fn an_id_may_come_again_when_it_is_done<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let before = publish(&ports, &["a"]).await[0];
    assert!(ports.outbox.holds(ACCOUNT, Class::Live, before).await.expect("holds answers"));
    claim(&ports).await.done().await.expect("the item is done");
    assert!(!ports.outbox.holds(ACCOUNT, Class::Live, before).await.expect("holds answers"));
    let after = publish(&ports, &["a"]).await[0];
    assert_ne!(before, after, "a ticket is never given twice");
    assert!(!ports.outbox.holds(ACCOUNT, Class::Live, before).await.expect("holds answers"));
    assert!(ports.outbox.holds(ACCOUNT, Class::Live, after).await.expect("holds answers"));
    assert_eq!(claim(&ports).await.id(), "a");
}

pub async fn an_item_is_claimed_by_one<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let ids: Vec<String> = (0..40).map(|number| format!("item-{number:02}")).collect();
    publish(&ports, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let ports = ports.clone();
        writers.spawn(async move {
            let mut claimed = Vec::new();
            for _ in 0..5 {
                claimed.push(claim(&ports).await.id().to_owned());
            }
            claimed
        });
    }
    let mut claimed: Vec<String> = writers.join_all().await.concat();
    claimed.sort();
    assert_eq!(claimed, ids);
}

pub async fn a_waiting_claim_gets_what_is_published<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let waiting = tokio::spawn({
        let ports = ports.clone();
        async move { claim(&ports).await.id().to_owned() }
    });
    tokio::task::yield_now().await;
    publish(&ports, &["late"]).await;
    let id = timeout(PATIENCE, waiting).await.expect("the claim is woken").expect("the claim ends");
    assert_eq!(id, "late");
}

pub async fn a_claim_of_nothing_ends_empty<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let claimed = ports.outbox.claim(ACCOUNT, Class::Live, Duration::from_millis(50)).await;
    assert!(claimed.expect("claiming works").is_none());
}

pub async fn a_lapsed_claim_comes_again<F: Fixture>() {
    let fixture = F::open(LAPSES).await;
    let ports = fixture.ports();
    publish(&ports, &["a"]).await;
    let lapsing = claim(&ports).await;
    let again = claim(&ports).await;
    assert_eq!((lapsing.id(), again.id()), ("a", "a"));
    again.done().await.expect("the item is done");
    lapsing.done().await.expect("what is done already can be done again");
    assert!(is_empty(&ports, ACCOUNT, Class::Live).await);
}

/// Both claims are taken at once and one is extended half-way, so the other lapses first.
pub async fn extending_keeps_a_claim<F: Fixture>() {
    let fixture = F::open(LAPSES).await;
    let ports = fixture.ports();
    publish(&ports, &["extended", "lapsing"]).await;
    let extended = claim(&ports).await;
    let lapsing = claim(&ports).await;
    assert_eq!((extended.id(), lapsing.id()), ("extended", "lapsing"));
    sleep(LAPSES / 2).await;
    extended.extend().await.expect("the claim is extended");
    let first = claim(&ports).await;
    let second = claim(&ports).await;
    assert_eq!((first.id(), second.id()), ("lapsing", "extended"));
}

pub async fn a_release_delays<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    publish(&ports, &["delayed", "next"]).await;
    claim(&ports).await.release(Duration::from_secs(2)).await.expect("the item is given back");
    let next = claim(&ports).await;
    let delayed = claim(&ports).await;
    assert_eq!((next.id(), delayed.id()), ("next", "delayed"));
}

pub async fn a_release_without_delay_keeps_the_order<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    publish(&ports, &["a", "b"]).await;
    claim(&ports).await.release(Duration::ZERO).await.expect("the item is given back");
    assert_eq!(claim(&ports).await.id(), "a");
}

pub async fn a_done_item_is_gone_after_a_restart<F: Fixture>() {
    let mut fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let ticket = publish(&ports, &["a"]).await[0];
    claim(&ports).await.done().await.expect("the item is done");
    drop(ports);
    fixture.restart().await;
    let ports = fixture.ports();
    assert!(is_empty(&ports, ACCOUNT, Class::Live).await);
    assert!(!ports.outbox.holds(ACCOUNT, Class::Live, ticket).await.expect("holds answers"));
    assert_ne!(publish(&ports, &["b"]).await[0], ticket, "a ticket is never given twice");
}

/// The claim of the ended process may last until it lapses, so this one lapses soon.
pub async fn held_items_survive_a_restart<F: Fixture>() {
    let mut fixture = F::open(LAPSES).await;
    let ports = fixture.ports();
    let tickets = publish(&ports, &["claimed", "waiting"]).await;
    drop(claim(&ports).await);
    drop(ports);
    fixture.restart().await;
    let ports = fixture.ports();
    assert_eq!(publish(&ports, &["claimed", "waiting"]).await, tickets);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let claim = claim(&ports).await;
        ids.push(claim.id().to_owned());
        claim.done().await.expect("the item is done");
    }
    ids.sort();
    assert_eq!(ids, ["claimed", "waiting"]);
}

pub async fn accounts_and_classes_are_apart<F: Fixture>() {
    let fixture = F::open(NEVER_LAPSES).await;
    let ports = fixture.ports();
    let lanes =
        [(ACCOUNT, Class::Live), (ACCOUNT, Class::Bulk), ("other", Class::Live), ("other", Class::Bulk)];
    let mut tickets = Vec::new();
    for (account, class) in lanes {
        let published = NewItem { account: account.to_owned(), ..item(class, "same-id") };
        tickets.push(ports.outbox.publish(published).await.expect("the item is published"));
    }
    for ((account, class), ticket) in lanes.into_iter().zip(tickets) {
        assert!(ports.outbox.holds(account, class, ticket).await.expect("holds answers"));
        let claim = claim_of(&ports, account, class).await.expect("every lane has its item");
        assert!(is_empty(&ports, account, class).await, "and only this one");
        claim.done().await.expect("the item is done");
    }
}
