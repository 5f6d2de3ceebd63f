//! The committer on a disk that can be full and whose syncs can be held up or fail.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use redb::backends::InMemoryBackend;
use redb::{Builder, StorageBackend};
use tokio::task::JoinSet;

use super::{Embedded, Options, open};
use crate::limits::QUEUE_CHANGES_MAX;
use crate::ports::{Class, EventLog, KeyValue, LogError, NewItem, NewRecord, Outbox};

/// Only a broken committer makes a test wait so long.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syncs {
    Succeed,
    Wait,
    Fail,
    /// The next one fails, those after it succeed.
    FailOnce,
}

/// A place that needs space of its own once it is written.
const BLOCK_BYTES: u64 = 512;

/// What of the disk is used, and whether more can be.
#[derive(Debug, Default)]
struct Space {
    used: HashSet<u64>,
    full: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Disk {
    memory: Arc<InMemoryBackend>,
    space: Arc<Mutex<Space>>,
    /// What syncs do, and whether one waits.
    syncs: Arc<(Mutex<(Syncs, bool)>, Condvar)>,
}

impl Disk {
    pub(super) fn new() -> Self {
        let syncs = Arc::new((Mutex::new((Syncs::Succeed, false)), Condvar::new()));
        Self { memory: Arc::new(InMemoryBackend::new()), space: Arc::default(), syncs }
    }

    /// While it is full, nothing can be written where nothing was written before.
    pub(super) fn set_full(&self, full: bool) {
        self.space.lock().expect("no test panics with it").full = full;
    }

    pub(super) fn set(&self, syncs: Syncs) {
        self.syncs.0.lock().expect("no test panics with it").0 = syncs;
        self.syncs.1.notify_all();
    }

    /// Returns when the committer is in the middle of a commit.
    async fn sync_waits(&self) {
        let waits = async {
            while !self.syncs.0.lock().expect("no test panics with it").1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waits).await.expect("every commit syncs");
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.syncs.0.lock().expect("no test panics with it");
        state.1 = state.0 == Syncs::Wait;
        let waited = self.syncs.1.wait_timeout_while(state, PATIENCE, |state| state.0 == Syncs::Wait);
        let (mut state, _) = waited.expect("no test panics with it");
        state.1 = false;
        match state.0 {
            Syncs::Succeed => return Ok(()),
            Syncs::FailOnce => state.0 = Syncs::Succeed,
            Syncs::Wait | Syncs::Fail => {}
        }
        Err(io::Error::other("the disk is broken"))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut space = self.space.lock().expect("no test panics with it");
        for block in offset / BLOCK_BYTES..(offset + data.len() as u64).div_ceil(BLOCK_BYTES) {
            if !space.used.contains(&block) {
                if space.full {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                space.used.insert(block);
            }
        }
        self.memory.write(offset, data)
    }
}

pub(super) fn store(disk: &Disk) -> Embedded {
    let path = Path::new("a disk of the test");
    let open = {
        let disk = disk.clone();
        move || open::guarded(path, || Ok(Builder::new().create_with_backend(disk.clone())?))
    };
    let database = open().expect("a database");
    open::initialise(&database).expect("an empty store");
    let options = Options { measure: true, ..Options::default() };
    Embedded::start(database, Box::new(open), &options, path).expect("the store starts")
}

pub(super) fn group(count: usize) -> Vec<NewRecord> {
    let record = NewRecord {
        account: "acme".to_owned(),
        kind: "call.ended".to_owned(),
        body: Bytes::from_static(b"body"),
    };
    vec![record; count]
}

pub(super) fn item(id: &str) -> NewItem {
    NewItem {
        account: "acme".to_owned(),
        class: Class::Live,
        id: id.to_owned(),
        body: Bytes::from_static(b"item"),
    }
}

/// Queues one append, one publication and one creation for each number; returns when all are in the queue.
async fn queue_changes(store: &Embedded, count: usize) -> JoinSet<Result<(), LogError>> {
    let mut changes = JoinSet::new();
    for number in 0..count {
        let (appends, publishes, creates) = (store.clone(), store.clone(), store.clone());
        changes.spawn(async move { appends.append(group(2)).await.map(drop) });
        changes.spawn(async move { publishes.publish(item(&format!("item-{number}"))).await.map(drop) });
        changes.spawn(async move {
            creates.create("fences", &format!("k{number}"), Bytes::new()).await.map(drop)
        });
    }
    while QUEUE_CHANGES_MAX - store.shared.queue.capacity() < 3 * count {
        tokio::task::yield_now().await;
    }
    changes
}

#[tokio::test]
async fn nothing_is_answered_before_it_is_durable() {
    let disk = Disk::new();
    let store = store(&disk);
    disk.set(Syncs::Wait);
    let append = tokio::spawn({
        let store = store.clone();
        async move { store.append(group(1)).await }
    });
    disk.sync_waits().await;
    assert!(!append.is_finished());
    assert_eq!(store.tail().await.expect("the tail is known"), 0, "nobody sees what is not durable");
    disk.set(Syncs::Succeed);
    assert_eq!(append.await.expect("the append ends").expect("it is appended"), [1]);
    assert_eq!(store.tail().await.expect("the tail is known"), 1);
}

#[tokio::test]
async fn all_that_waits_during_a_commit_makes_the_next_one() {
    let disk = Disk::new();
    let store = store(&disk);
    disk.set(Syncs::Wait);
    let first = tokio::spawn({
        let store = store.clone();
        async move { store.append(group(1)).await }
    });
    disk.sync_waits().await;
    let changes = queue_changes(&store, 64).await;
    disk.set(Syncs::Succeed);
    first.await.expect("the append ends").expect("it is appended");
    assert!(changes.join_all().await.iter().all(Result::is_ok));
    let stats = store.stats().await.expect("the store is open");
    assert_eq!((stats.commits, stats.records, stats.outbox[0].items), (2, 1 + 128, 64));
}

#[tokio::test]
async fn a_failed_commit_answers_all_with_an_error() {
    let disk = Disk::new();
    let store = store(&disk);
    disk.set(Syncs::Wait);
    let first = tokio::spawn({
        let store = store.clone();
        async move { store.append(group(1)).await }
    });
    disk.sync_waits().await;
    let changes = queue_changes(&store, 4).await;
    disk.set(Syncs::Fail);
    let refused = first.await.expect("the append ends").expect_err("the disk failed");
    assert!(matches!(&refused, LogError::Storage(_)) && refused.is_retryable(), "{refused:?}");
    for outcome in changes.join_all().await {
        assert!(matches!(outcome, Err(LogError::Storage(_))), "{outcome:?}");
    }
    assert_eq!(store.tail().await.expect("the tail is known"), 0);
    assert!(store.claim("acme", Class::Live, Duration::ZERO).await.expect("claiming works").is_none());
}
