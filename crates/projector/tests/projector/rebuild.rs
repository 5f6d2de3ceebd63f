//! A rebuild beside a running projector, and at rest: the same state, nothing told or appended, and the live store whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use calltrail_domain::policy::Locale;
use calltrail_event_log::embedded::Embedded;
use calltrail_event_log::ports::{Claim, Class, EventLog as _, LogError, NewItem, Outbox};
use calltrail_projector::{Handle, Rebuilt, rebuild_at_rest, stored_digest};

use crate::company::{Company, policy, webhook};

/// Counts what it is told.
#[derive(Debug)]
struct Counts {
    log: Embedded,
    told: AtomicUsize,
}

#[async_trait]
impl Outbox for Counts {
    async fn publish(&self, item: NewItem) -> Result<u64, LogError> {
        self.told.fetch_add(1, Ordering::SeqCst);
        self.log.publish(item).await
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

/// Two calls that are settled, and one whose item is outstanding.
async fn company() -> (Company, Arc<Counts>, Handle) {
    let company = Company::new();
    let outbox = Arc::new(Counts { log: company.log.clone(), told: AtomicUsize::new(0) });
    let handle = company.start_with(Arc::new(company.log.clone()), outbox.clone());
    company.folded(&handle).await;
    for call in [1, 2, 3] {
        company.append(webhook(call, &format!("+44770090012{call}"), "call.ended")).await;
        company.decided(&handle, call as usize).await;
        if call < 3 {
            company.settle_next().await;
            company.folded(&handle).await;
        }
    }
    company.decided(&handle, 3).await;
    quiet(&company, &handle).await;
    (company, outbox, handle)
}

/// Returns when no record follows any more.
async fn quiet(company: &Company, handle: &Handle) {
    let mut tail = 0;
    while tail != company.log.tail().await.expect("answers") {
        tail = company.log.tail().await.expect("answers");
        company.folded(handle).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn rebuilt(handle: &Handle) -> Rebuilt {
    handle.rebuild(&mut |_| ()).await.expect("it is rebuilt")
}

fn folders(company: &Company) -> Vec<String> {
    let names = std::fs::read_dir(company.folder.path()).expect("readable").flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("projection"));
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_beside_gives_the_same_state_and_tells_and_appends_nothing() {
    let (company, outbox, handle) = company().await;
    let live = handle.digest().await.expect("it runs").state_hash();
    let before = (company.log.tail().await.expect("answers"), outbox.told.load(Ordering::SeqCst));
    for _ in 0..2 {
        let rebuilt = rebuilt(&handle).await;
        assert_eq!((rebuilt.before.as_ref(), &rebuilt.after), (Some(&live), &live));
        assert_eq!((rebuilt.records, rebuilt.kept), (before.0, None));
    }
    quiet(&company, &handle).await;
    let after = (company.log.tail().await.expect("answers"), outbox.told.load(Ordering::SeqCst));
    assert_eq!(after, before, "records, and items that the outbox was told of");
    assert_eq!(folders(&company), ["projection"]);
    // It goes on with the outstanding item and with what is new.
    company.settle_next().await;
    company.append(webhook(4, "+447700900124", "call.ended")).await;
    company.decided(&handle, 5).await;
    quiet(&company, &handle).await;
    handle.stop().await.expect("it ends well");
    let tail = company.log.tail().await.expect("answers");
    let stored = stored_digest(&company.store(), tail).expect("the store is whole");
    assert_eq!(stored.checkpoint, tail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_while_records_come_loses_none() {
    let (company, _, handle) = company().await;
    let handle = Arc::new(handle);
    let appending = async {
        for call in 10..60 {
            company.append(webhook(call, &format!("+4477009002{call}"), "call.created")).await;
        }
    };
    let rebuilding = async {
        for _ in 0..3 {
            rebuilt(&handle).await;
        }
    };
    tokio::join!(appending, rebuilding);
    quiet(&company, &handle).await;
    let live = handle.digest().await.expect("it runs");
    assert_eq!(live.checkpoint, company.log.tail().await.expect("answers"));
    assert!((10..60).all(|call| live.pieces.keys().any(|(_, key)| *key == format!("call/{call}"))));
    assert_eq!(rebuilt(&handle).await.before, Some(live.state_hash()));
    handle.stop().await.expect("it ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_with_other_texts_decides_nothing_again() {
    let (company, _, handle) = company().await;
    handle.stop().await.expect("it ends well");
    let outbox = Arc::new(Counts { log: company.log.clone(), told: AtomicUsize::new(0) });
    let mut policy = policy();
    (policy.locale, policy.subject) = (Locale::Fr, "{line}: {type}".to_owned());
    let handle = company.start_under(policy, Arc::new(company.log.clone()), outbox.clone());
    company.folded(&handle).await;
    quiet(&company, &handle).await;
    let before = (company.log.tail().await.expect("answers"), outbox.told.load(Ordering::SeqCst));
    let rebuilt = rebuilt(&handle).await;
    assert_eq!(rebuilt.before.as_ref(), Some(&rebuilt.after));
    quiet(&company, &handle).await;
    let after = (company.log.tail().await.expect("answers"), outbox.told.load(Ordering::SeqCst));
    assert_eq!(after, before, "records, and items that the outbox was told of");
    handle.stop().await.expect("it ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_dropped_leaves_the_store_and_no_folder() {
    let (company, _, handle) = company().await;
    let live = handle.digest().await.expect("it runs").state_hash();
    for polls in 0..4 {
        let mut rebuilding = Box::pin(async { handle.rebuild(&mut |_| ()).await });
        for _ in 0..polls {
            let _ = futures_util::poll!(&mut rebuilding);
        }
        drop(rebuilding);
        company.folded(&handle).await;
        assert_eq!(handle.digest().await.expect("it runs").state_hash(), live);
    }
    handle.stop().await.expect("it ends well");
    assert_eq!(folders(&company), ["projection"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_at_rest_repairs_a_store_and_keeps_the_former_one() {
    let (company, _, handle) = company().await;
    let right = handle.digest().await.expect("it runs").state_hash();
    handle.stop().await.expect("it ends well");
    let wrong = sled::open(company.store()).expect("nobody has it open");
    wrong.remove("acme\0call/2").expect("removed").expect("it was there");
    wrong.flush().expect("written");
    drop(wrong);
    std::fs::create_dir(company.folder.path().join("projection.rebuild")).expect("a leftover");
    let rebuilt = rebuild_at_rest(&company.log, &company.store(), &mut |_| ()).await.expect("it is rebuilt");
    assert_eq!(rebuilt.after, right);
    assert!(rebuilt.before.is_some_and(|before| before != right));
    assert_eq!(folders(&company), ["projection", "projection.set-aside"]);
    let again = rebuild_at_rest(&company.log, &company.store(), &mut |_| ()).await.expect("it is rebuilt");
    assert_eq!((again.before.as_ref(), &again.after), (Some(&right), &right));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_removes_what_a_killed_rebuild_left() {
    let (company, _, handle) = company().await;
    handle.stop().await.expect("it ends well");
    std::fs::create_dir(company.folder.path().join("projection.rebuild")).expect("a leftover");
    let handle = company.start();
    company.folded(&handle).await;
    assert_eq!(folders(&company), ["projection"]);
    handle.stop().await.expect("it ends well");
}

/// What was noted of the former store goes with its folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_store_of_a_shorter_log_lacks_no_commit() {
    let (company, _, handle) = company().await;
    handle.stop().await.expect("it ends well");
    let former = stored_digest(&company.store(), u64::MAX).expect("it is whole").checkpoint;
    let shorter = Company::new();
    let handle = shorter.start();
    shorter.folded(&handle).await;
    shorter.append(webhook(1, "+447700900121", "call.ringing")).await;
    shorter.folded(&handle).await;
    handle.stop().await.expect("it ends well");
    let tail = shorter.log.tail().await.expect("the log answers");
    assert!(tail < former, "{tail} and {former}");

    let rebuilt = rebuild_at_rest(&shorter.log, &company.store(), &mut |_| ()).await.expect("it is rebuilt");
    let found = stored_digest(&company.store(), tail).expect("it lacks no commit");
    assert_eq!((found.checkpoint, found.state_hash()), (tail, rebuilt.after));
}
