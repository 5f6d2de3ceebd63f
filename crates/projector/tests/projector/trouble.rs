//! What is no damage: a disk that does not answer, a store in use, a panic that has nothing to do with the store.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use calltrail_event_log::embedded::Embedded;
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord, NewRecord};
use calltrail_projector::{ProjectorError, StoreError};

use crate::company::{Company, webhook};
use crate::copies::{Copies, remove};

/// Refused with the disk's own words, and nothing is set aside: a new store would fare no better.
async fn check_refused(copies: &Copies, what: &str, harm: impl FnOnce(&Path)) {
    copies.harmed("nothing", |_| {}).await;
    let store = copies.company.store();
    harm(&store);
    let ended = copies.company.start();
    let mut progress = ended.progress();
    while progress.changed().await.is_ok() {}
    let ended = ended.stop().await;
    let is_io = matches!(&ended, Err(ProjectorError::Store(StoreError::Io { .. })));
    assert!(is_io, "{what}: {ended:?}");
    assert!(!copies.aside().exists(), "{what}: it was set aside");
}

#[tokio::test]
async fn a_disk_that_does_not_answer_is_no_damage() {
    let copies = Copies::new().await;
    check_refused(&copies, "a db that leads to itself", |store| loop_at(&store.join("db"))).await;
    check_refused(&copies, "a folder that leads to itself", loop_at).await;
    remove(&copies.company.store());
    check_refused(&copies, "another process that has it open", |store| {
        // Not given back before the test's process ends.
        std::mem::forget(sled::open(store).expect("it opens"));
    })
    .await;
}

/// A privileged user may read everything; then there is nothing to see here but a store that opens.
#[tokio::test]
async fn a_folder_that_may_not_be_read_is_no_damage() {
    let copies = Copies::new().await;
    let store = copies.company.store();
    let close = |path: &Path| fs::set_permissions(path, Permissions::from_mode(0o000)).expect("owned");
    close(&store);
    if fs::read_dir(&store).is_ok() {
        let handle = copies.company.start();
        copies.company.folded(&handle).await;
        return handle.stop().await.expect("it ends well");
    }
    check_refused(&copies, "a folder of somebody else", close).await;
    fs::set_permissions(&store, Permissions::from_mode(0o700)).expect("owned");
}

fn loop_at(path: &Path) {
    remove(path);
    symlink(path, path).expect("writable");
}

/// A log with which the loop panics once.
#[derive(Debug)]
struct Panics {
    log: Embedded,
    next: Arc<AtomicBool>,
}

#[async_trait]
impl EventLog for Panics {
    async fn append(&self, group: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        self.log.append(group).await
    }

    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        let records = self.log.read_after(sequence, max).await;
        assert!(!self.next.swap(false, Ordering::SeqCst), "as sled does on damage");
        records
    }

    async fn tail(&self) -> Result<u64, LogError> {
        self.log.tail().await
    }

    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError> {
        self.log.erase(sequences).await
    }

    async fn trim(&self, before: u64) -> Result<(), LogError> {
        self.log.trim(before).await
    }
}

#[tokio::test]
async fn a_panic_in_the_loop_leaves_nothing_locked() {
    let company = Company::new();
    let next = Arc::new(AtomicBool::new(false));
    let handle = company.start_on(Arc::new(Panics { log: company.log.clone(), next: next.clone() }));
    company.folded(&handle).await;
    company.append(webhook(1, "+447700900123", "call.ended")).await;
    company.settle_next().await;
    company.settle_next().await;
    for call in 2..4 {
        next.store(true, Ordering::SeqCst);
        company.append(webhook(call, "+447700900123", "call.ended")).await;
        // A read, and the activity that rests on it.
        company.settle_next().await;
        company.settle_next().await;
        assert!(!next.load(Ordering::SeqCst), "it has panicked");
        assert!(company.store().with_extension("set-aside").exists(), "and started anew");
    }
    company.folded(&handle).await;
    handle.stop().await.expect("it ends well");
    let handle = company.start();
    company.folded(&handle).await;
    handle.stop().await.expect("and can be opened again");
}
