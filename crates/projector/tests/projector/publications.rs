//! Publications that the outbox refuses, loses or never does: they hold up nothing else.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use calltrail_event_log::embedded::Embedded;
use calltrail_event_log::ports::{Claim, Class, LogError, NewItem, Outbox};
use calltrail_projector::{Came, InMemory};

use crate::bench::{Bench, NUMBER, OTHER, introduced};
use crate::company::{ACCOUNT, Company, webhook};

/// An outbox that takes nothing.
#[derive(Debug)]
struct Refuses {
    log: Embedded,
    with: LogError,
}

#[async_trait]
impl Outbox for Refuses {
    async fn publish(&self, _: NewItem) -> Result<u64, LogError> {
        Err(self.with.clone())
    }

    async fn holds(&self, account: &str, class: Class, ticket: u64) -> Result<bool, LogError> {
        self.log.holds(account, class, ticket).await
    }

    async fn claim(
        &self,
        account: &str,
        class: Class,
        wait: Duration,
    ) -> Result<Option<Box<dyn Claim>>, LogError> {
        self.log.claim(account, class, wait).await
    }
}

/// What a running projector tells of an outbox that refuses, at the head and at the next one's gate: items refused for
/// now, and for good.
async fn check_told(with: LogError, expect: (usize, usize)) {
    let company = Company::new();
    let outbox = Arc::new(Refuses { log: company.log.clone(), with });
    for calls in 1..3 {
        let handle = company.start_with(Arc::new(company.log.clone()), outbox.clone());
        company.folded(&handle).await;
        company.append(webhook(calls, &format!("+44770090012{calls}"), "call.ended")).await;
        company.decided(&handle, usize::try_from(calls).expect("a small number")).await;
        let pending = handle.pending().await.expect("it runs")[ACCOUNT];
        let troubles = pending.troubles;
        let (now, good) = (expect.0 * pending.effects, expect.1 * pending.effects);
        assert_eq!((troubles.refused_publications, troubles.too_large), (now, good));
        handle.stop().await.expect("it ends well");
    }
    let handle = company.start();
    company.settle_next().await;
    company.settle_next().await;
    handle.stop().await.expect("it ends well");
}

#[tokio::test]
async fn an_outbox_that_is_away_stops_neither_folding_nor_a_start() {
    check_told(LogError::storage("it is away"), (1, 0)).await;
}

#[tokio::test]
async fn an_outbox_that_refuses_for_good_stops_neither_folding_nor_a_start() {
    let with = LogError::TooLarge { kind: "item".to_owned(), size_bytes: 2, limit_bytes: 1 };
    check_told(with, (0, 1)).await;
}

/// Two accounts, of which the outbox takes nothing of the first; a call of each has ended.
fn refusing(came: Came) -> Bench {
    let mut bench = Bench::of_two(InMemory::default(), Vec::new());
    bench.run();
    bench.refuses_all_of = Some((ACCOUNT, came));
    for account in [ACCOUNT, OTHER] {
        bench.append_to(account, webhook(1, NUMBER, "call.ended"));
    }
    bench.run();
    bench
}

fn publishes(bench: &mut Bench) -> usize {
    let seen = std::mem::take(&mut bench.seen);
    seen.iter().filter(|name| **name == "publish").count()
}

#[test]
fn a_refused_publication_is_tried_again_at_each_tick() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.refuses = ["publish", "publish"].into();
    bench.run();
    assert_eq!(bench.machine.progress().checkpoint, bench.log.len() as u64, "nothing waits for it");
    assert!(bench.machine.waits_for_tick() && bench.published.is_empty());
    bench.run();
    assert!(bench.published.is_empty(), "it is refused again");
    bench.run();
    assert_eq!(bench.published.len(), 1);
    bench.run();
    assert_eq!((bench.published.len(), bench.machine.waits_for_tick()), (1, false), "once");
}

#[test]
fn a_refused_account_does_not_hold_up_another() {
    let mut bench = refusing(Came::Refused);
    assert_eq!(bench.published.len(), 1, "the other account's item");
    assert_eq!(bench.machine.progress().checkpoint, bench.log.len() as u64);
    bench.append_to(OTHER, webhook(2, "+447700900124", "call.ended"));
    bench.run();
    assert_eq!((bench.published.len(), bench.machine.troubles().refused_publications), (2, 1));
    bench.refuses_all_of = None;
    bench.run();
    assert_eq!((bench.published.len(), bench.machine.troubles().refused_publications), (3, 0));
}

#[test]
fn the_gate_opens_while_one_account_is_refused() {
    let bench = refusing(Came::Refused);
    let mut next = Bench::of_two(bench.store.clone(), bench.log.clone());
    next.refuses_all_of = Some((ACCOUNT, Came::Refused));
    next.run();
    assert!(next.machine.progress().caught_up);
    assert_eq!(next.published.len(), 1, "the other account's item");
    next.refuses_all_of = None;
    next.run();
    assert_eq!(next.published.len(), 2, "the first tick brings what was refused");
}

#[test]
fn an_account_that_is_refused_once_is_left_alone_for_the_tick() {
    let mut bench = introduced();
    bench.refuses_all_of = Some((ACCOUNT, Came::Refused));
    for call in 0..7 {
        bench.append(webhook(call, &format!("+44770090013{call}"), "call.ended"));
    }
    bench.run();
    assert_eq!(publishes(&mut bench), 1, "six others are not even tried");
    bench.append(webhook(8, "+447700900140", "call.ended"));
    bench.run();
    assert_eq!(publishes(&mut bench), 1, "the tick's try");
    bench.refuses_all_of = None;
    bench.run();
    assert_eq!((publishes(&mut bench), bench.published.len()), (8, 8), "all that waited");
}

#[test]
fn what_is_too_large_waits_for_the_republish_period() {
    let mut bench = refusing(Came::TooLarge);
    assert_eq!((bench.published.len(), bench.machine.troubles().too_large), (1, 1));
    assert!(!bench.machine.waits_for_tick(), "no tick changes it");
    bench.seen.clear();
    bench.run();
    assert_eq!(publishes(&mut bench), 0);
    // What else the account has to publish does not wait.
    bench.refuses_all_of = None;
    bench.append(webhook(2, "+447700900124", "call.ended"));
    bench.run();
    assert_eq!((publishes(&mut bench), bench.published.len()), (1, 2));
    bench.now += 121_000;
    bench.run();
    assert_eq!((bench.published.len(), bench.machine.troubles().too_large), (3, 0));
}

#[test]
fn a_refused_item_that_is_settled_elsewhere_is_forgotten() {
    let mut bench = refusing(Came::Refused);
    // Another projector has published it, and a writer has done it.
    let item = bench.published[0].clone();
    bench.settle(&item);
    bench.run();
    bench.refuses_all_of = None;
    bench.run();
    let of_the_first = bench.published.iter().filter(|published| **published == item).count();
    assert_eq!((of_the_first, bench.machine.waits_for_tick()), (1, false));
}

#[test]
fn a_look_that_is_refused_does_not_hold_up_other_accounts() {
    let mut bench = Bench::of_two(InMemory::default(), Vec::new());
    bench.run();
    for account in [ACCOUNT, OTHER] {
        bench.append_to(account, webhook(1, NUMBER, "call.ended"));
    }
    bench.run();
    bench.now += 121_000;
    bench.refuses = ["holds"].into();
    bench.seen.clear();
    bench.run();
    let holds = bench.seen.iter().filter(|name| **name == "holds").count();
    assert_eq!((holds, bench.seen.contains(&"sleep")), (2, false), "{:?}", bench.seen);
}

#[test]
fn an_item_published_three_times_is_counted_as_lost() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    bench.loses = true;
    for (publication, lost_items) in [(2, 0), (3, 1), (4, 1)] {
        bench.now += 121_000;
        bench.run();
        let last = bench.published.last().expect("it was published");
        assert_eq!((last.publication, bench.machine.lost_items()), (publication, lost_items));
    }
    let item = bench.published[0].clone();
    bench.settle(&item);
    bench.run();
    assert_eq!(bench.machine.lost_items(), 0, "its facts are in the log");
}

#[test]
fn a_clock_set_back_holds_no_lost_item_for_the_jump() {
    let mut bench = introduced();
    bench.append(webhook(1, NUMBER, "call.ended"));
    bench.run();
    bench.loses = true;
    bench.now -= 3_600_000;
    bench.run();
    bench.now += 121_000;
    bench.run();
    assert_eq!(bench.published.last().map(|item| item.publication), Some(2));
}
