//! The embedded backend: all three ports in one redb file, owned by one process.
//!
//! **Invariant:** one thread writes. It takes whatever waits in the queue, puts it into one durable transaction and
//! answers after the commit, so that the fsync itself forms the group; nothing waits for a window of time.
//!
//! After a commit that failed, nothing in memory is trusted: the file is opened once more, see `recovery`.

mod change;
mod claims;
mod committer;
#[cfg(test)]
mod disk_tests;
mod event_log;
mod format;
mod key_value;
mod lane;
mod open;
mod outbox;
mod recovery;
#[cfg(test)]
mod recovery_tests;
mod store;
mod tables;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use redb::{Database, ReadTransaction};
use tokio::sync::{mpsc, oneshot};

use crate::disk::Disk;
use crate::limits::{ACK_WAIT_DEFAULT, QUEUE_CHANGES_MAX};
use crate::ports::{KeyValue as _, LogError};
use change::Change;
use committer::Message;
use store::{Reopen, Store};

pub use open::OpenError;
pub use store::{OutboxStats, Size, Stats};

/// What [`Embedded::try_commit`] changes.
const TRIED_BUCKET: &str = "disk";
const TRIED_KEY: &str = "tried";

/// How an embedded store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a claim lasts; cut to the bounds in `limits`.
    pub ack_wait: Duration,
    /// Verifies the checksum of every page before the file is used. Reads the whole file, so opening takes longer the
    /// larger it is; after a crash the file is verified in any case.
    pub verify: bool,
    /// Keeps the size of the log in memory, for [`Embedded::size`]. Reads the whole log at the opening.
    pub measure: bool,
    /// The disk under the file, whose reserve is given up when the file cannot be opened otherwise.
    pub disk: Option<Disk>,
}

impl Default for Options {
    fn default() -> Self {
        Self { ack_wait: ACK_WAIT_DEFAULT, verify: true, measure: false, disk: None }
    }
}

/// A handle on an open store; clones share it. When the last one goes, what is queued is still committed, which blocks
/// the dropping thread until it is durable; [`Embedded::close`] does the same without blocking.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
}

/// The fields go in this order: first the queue, which ends the committer, then the thread, which is awaited.
struct Shared {
    queue: mpsc::Sender<Message>,
    _thread: Joined,
    store: Arc<Store>,
    path: PathBuf,
}

struct Joined(Option<JoinHandle<()>>);

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take()
            && thread.join().is_err()
        {
            tracing::error!("committer of the embedded log panicked");
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Embedded").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the store in the file at `path`, or creates it there, readable by its owner alone; the folder must exist.
    /// Blocks while the file is read. All claims of an earlier process are free. A file that cannot be used is left as
    /// it is; see [`OpenError`].
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        let database = open::database(path, options)?;
        let (again, path_again) = (options.clone(), path.to_owned());
        let reopen = Box::new(move || open::existing(&path_again, &again));
        Self::start(database, reopen, options, path)
    }

    fn start(database: Database, reopen: Reopen, options: &Options, path: &Path) -> Result<Self, OpenError> {
        let store = Arc::new(Store::load(database, reopen, options, path)?);
        let (queue, changes) = mpsc::channel(QUEUE_CHANGES_MAX);
        let thread = committer::spawn(Arc::clone(&store), changes)
            .map_err(|source| OpenError::Thread { path: path.to_owned(), source })?;
        let shared = Shared { queue, _thread: Joined(Some(thread)), store, path: path.to_owned() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Commits what is queued, ends all other calls with `Closed` and releases the file. May be called more than once.
    pub async fn close(&self) {
        // A queue that is closed already is as good: the store ends all the same.
        drop(self.shared.queue.send(Message::Close).await);
        self.shared.store.closed().await;
    }

    /// What the store holds now: the numbers of `calltrail status`.
    pub async fn stats(&self) -> Result<Stats, LogError> {
        let store = Arc::clone(&self.shared.store);
        let records = self.read(tables::record_count).await?;
        Ok(store.stats(records, now_ms()))
    }

    /// How much the log holds now, without a look into the file; `None` unless the options asked to measure.
    #[must_use]
    pub fn size(&self) -> Option<Size> {
        self.shared.store.size()
    }

    /// True when a commit failed and none has succeeded since.
    #[must_use]
    pub fn is_refusing(&self) -> bool {
        self.shared.store.is_refusing()
    }

    /// Makes a small change of no meaning, so that a disk that works again is noticed though nothing is stored. Fails as any
    /// other change does.
    pub async fn try_commit(&self) -> Result<(), LogError> {
        let changed = match self.get(TRIED_BUCKET, TRIED_KEY).await? {
            Some(kept) => self.update(TRIED_BUCKET, TRIED_KEY, kept.value, kept.revision).await,
            None => self.create(TRIED_BUCKET, TRIED_KEY, Bytes::new()).await,
        };
        changed.map(drop)
    }

    /// Gives the space of what was erased back to the disk. Changes and reads wait meanwhile, the longer the more is held:
    /// for a store that holds little.
    pub async fn compact(&self) -> Result<(), LogError> {
        let (answer, answered) = oneshot::channel();
        self.shared.queue.send(Message::Compact(answer)).await.map_err(|_| LogError::Closed)?;
        answered.await.map_err(|_| LogError::Closed)?.map(drop)
    }

    fn check_open(&self) -> Result<(), LogError> {
        if self.shared.store.is_open() { Ok(()) } else { Err(LogError::Closed) }
    }

    async fn change(&self, change: Change) -> Result<u64, LogError> {
        let (answer, answered) = oneshot::channel();
        self.shared.queue.send(Message::Change(change, answer)).await.map_err(|_| LogError::Closed)?;
        answered.await.map_err(|_| LogError::Closed)?
    }

    /// Reads in one snapshot, away from the threads that serve tokio's tasks.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, LogError> {
        let store = Arc::clone(&self.shared.store);
        match tokio::task::spawn_blocking(move || store.read(read)).await {
            Ok(answer) => answer,
            Err(failure) if failure.is_panic() => Err(LogError::storage("a read from the file panicked")),
            Err(_) => Err(LogError::Closed),
        }
    }
}

/// The system's clock; before 1970 it counts as 1970.
fn now_ms() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
