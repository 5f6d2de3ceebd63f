//! Waits that end by themselves.

use std::sync::atomic::Ordering;
use std::time::Duration;

use calltrail_event_log::ports::{Class, Outbox};

use crate::company::{ACCOUNT, Company, PATIENCE, webhook};

#[tokio::test]
async fn a_hung_up_call_that_never_gets_its_end_settles_after_the_wait() {
    let company = Company::new();
    let handle = company.start();
    company.folded(&handle).await;
    company.append(webhook(1, "+447700900123", "call.hungup")).await;
    company.folded(&handle).await;
    let early = company.log.claim(ACCOUNT, Class::Live, Duration::ZERO).await.expect("answers");
    assert!(early.is_none());
    company.now.fetch_add(121_000, Ordering::SeqCst);
    company.settle_next().await;
    company.settle_next().await;
    let timers = company.records().await.into_iter().filter(|record| record.kind == "timer.elapsed").count();
    assert_eq!(timers, 1);
    handle.stop().await.expect("it ends well");
}

#[tokio::test]
async fn a_work_item_that_the_outbox_lost_is_published_again_under_another_number() {
    let company = Company::new();
    let handle = company.start();
    company.folded(&handle).await;
    company.append(webhook(1, "+447700900123", "call.ended")).await;
    let claim = company.log.claim(ACCOUNT, Class::Live, PATIENCE).await.expect("answers").expect("an item");
    let lost = claim.id().to_owned();
    claim.done().await.expect("taken off without a fact");
    company.folded(&handle).await;
    company.now.fetch_add(121_000, Ordering::SeqCst);
    let again = company.log.claim(ACCOUNT, Class::Live, PATIENCE).await.expect("answers").expect("an item");
    assert_eq!(again.id(), lost.replace(".1.1", ".1.2"));
    handle.stop().await.expect("it ends well");
}
