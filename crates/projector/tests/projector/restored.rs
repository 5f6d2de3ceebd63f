//! The running projector on a log that is put back to an earlier state under it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use calltrail_domain::record::{Record, RecordBody};
use calltrail_event_log::embedded::{Embedded, Options};
use calltrail_event_log::ports::{EventLog, LogError, LoggedRecord, NewRecord};
use calltrail_projector::verify;
use tokio::sync::watch;

use crate::company::{Company, PATIENCE, webhook};

/// A log that another one takes the place of; who waits for records at the first one then reads the second.
#[derive(Debug)]
struct Restored {
    log: Mutex<Embedded>,
    changed: watch::Sender<()>,
}

impl Restored {
    fn log(&self) -> Embedded {
        self.log.lock().expect("nobody panicked").clone()
    }

    fn put(&self, log: Embedded) {
        *self.log.lock().expect("nobody panicked") = log;
        self.changed.send_replace(());
    }
}

#[async_trait]
impl EventLog for Restored {
    async fn append(&self, group: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        self.log().append(group).await
    }

    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError> {
        let mut changed = self.changed.subscribe();
        loop {
            let log = self.log();
            tokio::select! {
                read = log.read_after(sequence, max) => return read,
                _ = changed.changed() => {}
            }
        }
    }

    async fn tail(&self) -> Result<u64, LogError> {
        self.log().tail().await
    }

    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError> {
        self.log().erase(sequences).await
    }

    async fn trim(&self, before: u64) -> Result<(), LogError> {
        self.log().trim(before).await
    }
}

/// A copy of the company's log as it is now.
async fn copied(company: &Company, name: &str) -> Embedded {
    let path = company.folder.path().join(name);
    let copy = Embedded::open(&path, &Options::default()).expect("a new log");
    for LoggedRecord { account, kind, body, .. } in company.records().await {
        copy.append(vec![NewRecord { account, kind, body }]).await.expect("the copy takes it");
    }
    copy
}

/// The calls that the log has decisions of.
async fn decided(company: &Company) -> BTreeSet<u64> {
    let mut calls = BTreeSet::new();
    for record in company.records().await.iter().filter(|record| record.kind == "effects.decided") {
        let record = Record::decode(&record.body).expect("it can be read");
        let RecordBody::EffectsDecided(decided) = record.body else { panic!("a record of decisions") };
        calls.extend(decided.decisions.iter().map(|decision| decision.call.0));
    }
    calls
}

/// Calls are logged; then a log takes over that lacks the last of them, with `come` new calls in it.
async fn check(come: u64) {
    let mut company = Company::new();
    let log = Arc::new(Restored { log: Mutex::new(company.log.clone()), changed: watch::Sender::new(()) });
    let handle = company.start_on(log.clone());
    company.folded(&handle).await;
    company.append(webhook(1, "+447700900123", "call.ended")).await;
    company.decided(&handle, 1).await;
    let backup = copied(&company, "backup.redb").await;
    for call in 2..6 {
        company.append(webhook(call, &format!("+4477009003{call:02}"), "call.ended")).await;
        company.decided(&handle, call as usize).await;
    }
    let mut progress = handle.progress();
    company.log = backup;
    for call in 6..6 + come {
        company.append(webhook(call, &format!("+4477009005{call:02}"), "call.ended")).await;
    }
    progress.mark_unchanged();
    log.put(company.log.clone());
    // It is not taken for ready while it folds again.
    let again = progress.wait_for(|progress| !progress.caught_up);
    tokio::time::timeout(PATIENCE, again).await.expect("in time").expect("it runs");
    company.folded(&handle).await;
    company.append(webhook(90, "+447700900190", "call.ended")).await;
    let expect: BTreeSet<u64> = [1, 90].into_iter().chain(6..6 + come).collect();
    let all_decided = async {
        while decided(&company).await != expect {
            progress.changed().await.expect("it runs");
        }
    };
    tokio::time::timeout(PATIENCE, all_decided).await.expect("calls are left undecided");
    company.folded(&handle).await;
    let live = handle.digest().await.expect("it runs");
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let same = verify(&company.log, &live, &scratch.path().join("a"), |_| {}).await.expect("readable");
    assert_eq!((same.live_hash, same.differences.len()), (same.replayed_hash, 0));
    assert!(company.store().with_extension("set-aside").exists());
    handle.stop().await.expect("it ends well");
}

#[tokio::test]
async fn a_log_put_back_under_a_running_projector_is_folded_again() {
    check(0).await;
}

#[tokio::test]
async fn a_log_put_back_that_has_grown_beyond_the_checkpoint_is_folded_again() {
    check(20).await;
}
