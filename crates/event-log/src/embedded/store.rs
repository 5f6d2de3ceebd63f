//! The open file, what is known of it in memory, and one commit.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use redb::{Database, ReadTransaction, ReadableDatabase};
use tokio::sync::watch;

use super::change::Change;
use super::claims::Claims;
use super::open::OpenError;
use super::tables::{self, Tables};
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

pub(super) struct Store {
    /// `None` once the file is released.
    database: RwLock<Option<Database>>,
    pub(super) claims: Claims,
    tail: watch::Sender<u64>,
    open: watch::Sender<bool>,
    commits: AtomicU64,
}

impl Store {
    pub(super) fn load(database: Database, options: &Options, path: &Path) -> Result<Self, OpenError> {
        let claims = Claims::new(options.ack_wait);
        let tail = open::guarded(path, || {
            let transaction = database.begin_read()?;
            tables::each_item(&transaction, |item| claims.publish(&item))?;
            tables::tail(&transaction)
        })?;
        Ok(Self {
            database: RwLock::new(Some(database)),
            claims,
            tail: watch::Sender::new(tail),
            open: watch::Sender::new(true),
            commits: AtomicU64::new(0),
        })
    }

    /// The sequence of the last record that can be read; marked as changed at every append.
    pub(super) fn tail(&self) -> watch::Receiver<u64> {
        self.tail.subscribe()
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
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or(LogError::Closed)?;
        database
            .begin_read()
            .map_err(redb::Error::from)
            .and_then(|transaction| read(&transaction))
            .map_err(refused)
    }

    /// Makes all changes in one transaction. Each outcome is the change's answer, or why it alone was refused; an error
    /// concerns them all.
    pub(super) fn commit(&self, changes: &[Change]) -> Result<Vec<Result<u64, LogError>>, LogError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        self.commit_to(database.as_ref().ok_or(LogError::Closed)?, changes).map_err(refused)
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

    /// Waits for the reads under way and lets go of the file.
    pub(super) fn release(&self) {
        let database = self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = database.map(Database::close) {
            tracing::warn!(%error, "embedded log closed with an error; it is repaired when it is opened next");
        }
        self.open.send_replace(false);
    }

    pub(super) fn stats(&self, records: u64, now_ms: i64) -> Stats {
        Stats { records, commits: self.commits.load(Ordering::Relaxed), outbox: self.claims.stats(now_ms) }
    }
}

fn refused(error: redb::Error) -> LogError {
    match error {
        redb::Error::DatabaseClosed => LogError::Closed,
        other => LogError::storage(other),
    }
}
