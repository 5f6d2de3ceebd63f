//! Stores that are watched, and stores that do their part badly.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use calltrail_event_log::embedded::Embedded;
use calltrail_event_log::ports::{Claim, Class, KeyValue, LogError, NewItem, Outbox, Versioned};

use crate::bench::Gate;

/// An outbox that opens the gate once its claims have been extended so many times.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) inner: Embedded,
    pub(crate) gate: Arc<Gate>,
    pub(crate) extensions: u32,
    /// Extending never ends.
    pub(crate) freezes: bool,
}

#[derive(Debug)]
struct WatchedClaim {
    inner: Box<dyn Claim>,
    gate: Arc<Gate>,
    left: AtomicU32,
    freezes: bool,
}

#[async_trait]
impl Outbox for Watched {
    async fn publish(&self, item: NewItem) -> Result<u64, LogError> {
        self.inner.publish(item).await
    }

    async fn holds(&self, account: &str, class: Class, ticket: u64) -> Result<bool, LogError> {
        self.inner.holds(account, class, ticket).await
    }

    async fn claim(
        &self,
        account: &str,
        class: Class,
        wait: Duration,
    ) -> Result<Option<Box<dyn Claim>>, LogError> {
        let Some(inner) = self.inner.claim(account, class, wait).await? else { return Ok(None) };
        let (gate, left) = (Arc::clone(&self.gate), AtomicU32::new(self.extensions));
        Ok(Some(Box::new(WatchedClaim { inner, gate, left, freezes: self.freezes })))
    }
}

#[async_trait]
impl Claim for WatchedClaim {
    fn id(&self) -> &str {
        self.inner.id()
    }

    fn body(&self) -> &Bytes {
        self.inner.body()
    }

    async fn extend(&self) -> Result<(), LogError> {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.gate.open.notify_one();
        }
        if self.freezes {
            std::future::pending::<()>().await;
        }
        self.inner.extend().await
    }

    async fn done(self: Box<Self>) -> Result<(), LogError> {
        self.inner.done().await
    }

    async fn release(self: Box<Self>, after: Duration) -> Result<(), LogError> {
        self.inner.release(after).await
    }
}

/// A store of a machine whose clock jumps right after the first value of a bucket is created.
#[derive(Debug)]
pub(crate) struct Jumping {
    pub(crate) inner: Embedded,
    pub(crate) bucket: &'static str,
    /// By how much the clock has jumped.
    pub(crate) jumped_ms: Arc<AtomicI64>,
    pub(crate) jump_ms: i64,
}

#[async_trait]
impl KeyValue for Jumping {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Versioned>, LogError> {
        self.inner.get(bucket, key).await
    }

    async fn create(&self, bucket: &str, key: &str, value: Bytes) -> Result<u64, LogError> {
        let revision = self.inner.create(bucket, key, value).await?;
        if bucket == self.bucket {
            self.jumped_ms.store(self.jump_ms, Ordering::SeqCst);
        }
        Ok(revision)
    }

    async fn update(&self, bucket: &str, key: &str, value: Bytes, revision: u64) -> Result<u64, LogError> {
        self.inner.update(bucket, key, value, revision).await
    }

    async fn delete(&self, bucket: &str, key: &str, revision: u64) -> Result<(), LogError> {
        self.inner.delete(bucket, key, revision).await
    }

    async fn now_ms(&self) -> Result<i64, LogError> {
        Ok(self.inner.now_ms().await? + self.jumped_ms.load(Ordering::SeqCst))
    }
}

/// A store that lets another writer win once: so many updates of a bucket are done, the next is a conflict.
#[derive(Debug)]
pub(crate) struct Losing {
    pub(crate) inner: Embedded,
    pub(crate) bucket: &'static str,
    pub(crate) left: AtomicI64,
}

#[async_trait]
impl KeyValue for Losing {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Versioned>, LogError> {
        self.inner.get(bucket, key).await
    }

    async fn create(&self, bucket: &str, key: &str, value: Bytes) -> Result<u64, LogError> {
        self.inner.create(bucket, key, value).await
    }

    async fn update(&self, bucket: &str, key: &str, value: Bytes, revision: u64) -> Result<u64, LogError> {
        if bucket == self.bucket && self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            return Err(LogError::Conflict);
        }
        self.inner.update(bucket, key, value, revision).await
    }

    async fn delete(&self, bucket: &str, key: &str, revision: u64) -> Result<(), LogError> {
        self.inner.delete(bucket, key, revision).await
    }

    async fn now_ms(&self) -> Result<i64, LogError> {
        self.inner.now_ms().await
    }
}

/// A store that refuses new values of a bucket for their size.
#[derive(Debug)]
pub(crate) struct Narrow {
    pub(crate) inner: Embedded,
    pub(crate) bucket: &'static str,
    /// How many were refused.
    pub(crate) refused: Arc<AtomicU32>,
}

#[async_trait]
impl KeyValue for Narrow {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Versioned>, LogError> {
        self.inner.get(bucket, key).await
    }

    async fn create(&self, bucket: &str, key: &str, value: Bytes) -> Result<u64, LogError> {
        if bucket == self.bucket {
            self.refused.fetch_add(1, Ordering::SeqCst);
            let size_bytes = value.len();
            return Err(LogError::TooLarge { kind: bucket.to_owned(), size_bytes, limit_bytes: 1 });
        }
        self.inner.create(bucket, key, value).await
    }

    async fn update(&self, bucket: &str, key: &str, value: Bytes, revision: u64) -> Result<u64, LogError> {
        self.inner.update(bucket, key, value, revision).await
    }

    async fn delete(&self, bucket: &str, key: &str, revision: u64) -> Result<(), LogError> {
        self.inner.delete(bucket, key, revision).await
    }

    async fn now_ms(&self) -> Result<i64, LogError> {
        self.inner.now_ms().await
    }
}
