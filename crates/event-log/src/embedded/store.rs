//! The open file, what is known of it in memory, and one commit.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use redb::{Database, ReadTransaction, ReadableDatabase};
use tokio::sync::watch;

use super::change::Change;
use super::claims::Claims;
use super::open::OpenError;
use super::tables::{self, Numbers, Published, Tables};
use super::{Options, open};
use crate::ports::{Class, LogError};

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Records that can be read.
    pub records: u64,
    /// Durable transactions since the store was opened.
    pub commits: u64,
    /// One entry per account and class that holds items.
    pub outbox: Vec<OutboxStats>,
}

/// What the outbox holds for one account and class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxStats {
    pub account: String,
    pub class: Class,
    /// All items, also the claimed and the delayed ones.
    pub items: usize,
    /// Items that are claimed or delayed.
    pub claimed: usize,
    /// Since the oldest item was published.
    pub oldest_age: Duration,
}

/// How much the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    pub records: u64,
    /// The bodies alone, without what the file needs around them.
    pub body_bytes: u64,
}

impl Size {
    pub(super) fn add(&mut self, body: &[u8]) {
        self.records += 1;
        self.body_bytes += body.len() as u64;
    }

    /// What is left when `added` has come and `erased` has gone.
    fn after(self, added: Self, erased: Self) -> Self {
        Self {
            records: (self.records + added.records).saturating_sub(erased.records),
            body_bytes: (self.body_bytes + added.body_bytes).saturating_sub(erased.body_bytes),
        }
    }
}

/// Opens the file once more, with the same checks, and never makes a new one.
pub(super) type Reopen = Box<dyn Fn() -> Result<Database, OpenError> + Send + Sync>;

/// Where the database is.
enum File {
    Open(Database),
    /// Let go after a commit that failed, until it is opened once more.
    Away,
    Released,
}

impl File {
    fn database(&self) -> Result<&Database, LogError> {
        match self {
            Self::Open(database) => Ok(database),
            Self::Away => Err(LogError::storage("the file is being reopened after an error; try again")),
            Self::Released => Err(LogError::Closed),
        }
    }
}

/// What is kept in memory of what the file holds.
struct Known {
    items: Vec<Published>,
    tail: u64,
    numbers: Numbers,
    /// `None` when nobody asked to measure.
    size: Option<Size>,
}

pub(super) struct Store {
    file: RwLock<File>,
    reopen: Reopen,
    path: PathBuf,
    /// The last numbers that were answered: a file that lacks them is not the one that was written.
    numbers: Mutex<Numbers>,
    size: Mutex<Option<Size>>,
    pub(super) claims: Claims,
    tail: watch::Sender<u64>,
    open: watch::Sender<bool>,
    commits: AtomicU64,
    /// A commit failed, and none has succeeded since.
    refusing: AtomicBool,
}

impl Store {
    pub(super) fn load(
        database: Database,
        reopen: Reopen,
        options: &Options,
        path: &Path,
    ) -> Result<Self, OpenError> {
        let known = known(&database, path, options.measure)?;
        let claims = Claims::new(options.ack_wait);
        claims.reconcile(&known.items);
        Ok(Self {
            file: RwLock::new(File::Open(database)),
            reopen,
            path: path.to_owned(),
            numbers: Mutex::new(known.numbers),
            size: Mutex::new(known.size),
            claims,
            tail: watch::Sender::new(known.tail),
            open: watch::Sender::new(true),
            commits: AtomicU64::new(0),
            refusing: AtomicBool::new(false),
        })
    }

    /// The sequence of the last record that can be read; marked as changed at every append.
    pub(super) fn tail(&self) -> watch::Receiver<u64> {
        self.tail.subscribe()
    }

    pub(super) fn set_refusing(&self, refusing: bool) {
        self.refusing.store(refusing, Ordering::Relaxed);
    }

    pub(super) fn is_refusing(&self) -> bool {
        self.refusing.load(Ordering::Relaxed)
    }

    pub(super) fn is_open(&self) -> bool {
        *self.open.borrow()
    }

    /// Returns when the file is released.
    pub(super) async fn closed(&self) {
        // The sender lives as long as this store, so waiting cannot fail.
        drop(self.open.subscribe().wait_for(|open| !open).await);
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, LogError> {
        let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
        file.database()?
            .begin_read()
            .map_err(redb::Error::from)
            .and_then(|transaction| read(&transaction))
            .map_err(refused)
    }

    /// Makes all changes in one transaction. Each outcome is the change's answer, or why it alone was refused; an error
    /// concerns them all.
    pub(super) fn commit(&self, changes: &[Change]) -> Result<Vec<Result<u64, LogError>>, LogError> {
        let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
        self.commit_to(file.database()?, changes).map_err(refused)
    }

    fn commit_to(
        &self,
        database: &Database,
        changes: &[Change],
    ) -> Result<Vec<Result<u64, LogError>>, redb::Error> {
        let transaction = database.begin_write()?;
        let mut tables = Tables::open(&transaction)?;
        let outcomes = changes.iter().map(|change| tables.apply(change)).collect::<Result<Vec<_>, _>>()?;
        let news = tables.finish()?;
        if !news.touched {
            transaction.abort()?;
            return Ok(outcomes);
        }
        transaction.commit()?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        *self.numbers.lock().unwrap_or_else(PoisonError::into_inner) = news.numbers;
        if let Some(size) = &mut *self.size.lock().unwrap_or_else(PoisonError::into_inner) {
            *size = size.after(news.appended, news.erased);
        }
        for item in &news.published {
            self.claims.publish(item);
        }
        for (lane, ticket) in &news.done {
            self.claims.remove(lane, *ticket);
        }
        if let Some(tail) = news.tail {
            self.tail.send_replace(tail);
        }
        Ok(outcomes)
    }

    /// Moves what is held to the front of the file and cuts the rest off. Waits for the reads under way.
    pub(super) fn compact(&self) -> Result<(), LogError> {
        match &mut *self.file.write().unwrap_or_else(PoisonError::into_inner) {
            File::Open(database) => database.compact().map(drop).map_err(LogError::storage),
            elsewhere => elsewhere.database().map(drop),
        }
    }

    /// Lets go of the file and opens it once more, so that what is in memory is what is durable; claims and delays go
    /// on. Until then reads fail. A group whose commit failed is then there as a whole or not at all.
    pub(super) fn reopen(&self) -> Result<(), OpenError> {
        // Its error was answered already. Dropping it may panic when the commit did.
        let failed = self.put(File::Away);
        drop(open::guarded(&self.path, || {
            drop(failed);
            Ok(())
        }));
        let database = (self.reopen)()?;
        let known = known(&database, &self.path, self.size().is_some())?;
        if !known.numbers.reaches(*self.numbers.lock().unwrap_or_else(PoisonError::into_inner)) {
            let what = "it lacks changes that were acknowledged".to_owned();
            return Err(OpenError::Damaged { path: self.path.clone(), what });
        }
        *self.numbers.lock().unwrap_or_else(PoisonError::into_inner) = known.numbers;
        *self.size.lock().unwrap_or_else(PoisonError::into_inner) = known.size;
        // Those who are woken find the file.
        self.put(File::Open(database));
        self.claims.reconcile(&known.items);
        self.tail.send_replace(known.tail);
        Ok(())
    }

    pub(super) fn size(&self) -> Option<Size> {
        *self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Waits for the reads under way and lets go of the file.
    pub(super) fn release(&self) {
        if let File::Open(database) = self.put(File::Released)
            && let Err(error) = database.close()
        {
            tracing::warn!(%error, "embedded log closed with an error; it is repaired when it is opened next");
        }
        self.open.send_replace(false);
    }

    /// Waits for the reads under way.
    fn put(&self, file: File) -> File {
        std::mem::replace(&mut *self.file.write().unwrap_or_else(PoisonError::into_inner), file)
    }

    pub(super) fn stats(&self, records: u64, now_ms: i64) -> Stats {
        Stats { records, commits: self.commits(), outbox: self.claims.stats(now_ms) }
    }
}

fn known(database: &Database, path: &Path, measure: bool) -> Result<Known, OpenError> {
    open::guarded(path, || {
        let transaction = database.begin_read()?;
        let mut items = Vec::new();
        tables::each_item(&transaction, |item| items.push(item))?;
        let size = if measure { Some(tables::size(&transaction)?) } else { None };
        Ok(Known { items, tail: tables::tail(&transaction)?, numbers: tables::numbers(&transaction)?, size })
    })
}

fn refused(error: redb::Error) -> LogError {
    match error {
        redb::Error::DatabaseClosed => LogError::Closed,
        other => LogError::storage(other),
    }
}
