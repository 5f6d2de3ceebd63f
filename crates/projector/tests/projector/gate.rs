//! From webhook to outbox, and the gate that a new projector waits at.

use calltrail_domain::effect::Action;
use calltrail_event_log::ports::EventLog;

use crate::company::{Company, webhook};

#[tokio::test]
async fn a_settled_call_becomes_a_look_up_and_then_an_activity() {
    let company = Company::new();
    let handle = company.start();
    company.folded(&handle).await;
    company.append(webhook(1, "+447700900123", "call.ended")).await;
    let first = company.settle_next().await;
    assert!(matches!(first.effects[0].effect.action, Action::LookUpContact(_)));
    let second = company.settle_next().await;
    let Action::ImportActivity(import) = &second.effects[0].effect.action else { panic!("an import") };
    assert_eq!(import.subject, "Missed call - Support line");
    handle.stop().await.expect("it ends well");
}

#[tokio::test]
async fn the_first_records_of_an_account_are_its_key_and_its_policy() {
    let company = Company::new();
    let handle = company.start();
    company.append(webhook(1, "+447700900123", "call.created")).await;
    company.folded(&handle).await;
    handle.stop().await.expect("it ends well");
    let handle = company.start();
    company.folded(&handle).await;
    handle.stop().await.expect("it ends well");
    let kinds: Vec<_> = company.records().await.into_iter().map(|record| record.kind).collect();
    let count = |kind: &str| kinds.iter().filter(|k| *k == kind).count();
    assert_eq!((count("account.created"), count("policy.changed")), (1, 1), "once, also over a restart");
}

#[tokio::test]
async fn a_projector_that_comes_up_decides_nothing_anew_and_publishes_what_is_outstanding() {
    let company = Company::new();
    let handle = company.start();
    company.folded(&handle).await;
    company.append(webhook(1, "+447700900123", "call.ended")).await;
    company.settle_next().await;
    company.settle_next().await;
    company.append(webhook(2, "+447700900124", "call.ended")).await;
    company.decided(&handle, 3).await;
    handle.stop().await.expect("it ends well");
    let before = company.log.tail().await.expect("answers");

    std::fs::remove_dir_all(company.store()).expect("the projection can always be rebuilt");
    let handle = company.start();
    company.folded(&handle).await;
    assert_eq!(company.log.tail().await.expect("answers"), before, "a rebuild appends nothing");
    let item = company.settle_next().await;
    assert!(matches!(item.effects[0].effect.action, Action::LookUpContact(_)));
    assert_eq!(item.item, 1);
    handle.stop().await.expect("it ends well");
}
