//! The ports: what every backend promises.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// A record to be appended. `account` and `kind` are subject tokens: lower-case letters, digits, `.`, `-`, `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    pub account: String,
    pub kind: String,
    pub body: Bytes,
}

/// A record in the call event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRecord {
    /// Position in the log: from 1, strictly increasing; gaps are allowed (erased records).
    pub sequence: u64,
    pub account: String,
    pub kind: String,
    pub body: Bytes,
}

/// The append-only stream of everything that can influence a decision.
#[async_trait]
pub trait EventLog: Send + Sync + std::fmt::Debug {
    /// Appends all records of the group or none, in order, next to each other, and returns their sequences once they are durable.
    async fn append(&self, group: Vec<NewRecord>) -> Result<Vec<u64>, LogError>;
    /// Up to `max` records after `sequence`, in order; waits for the first one when there is none yet.
    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError>;
    /// The sequence of the last durable record, 0 for an empty log.
    async fn tail(&self) -> Result<u64, LogError>;
    /// Removes the records; readers skip the gaps.
    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError>;
}

/// Work items of the accounts `live` before those of `bulk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Live,
    Bulk,
}

/// An item to be published. A second item with an `id` that the outbox still holds is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    pub account: String,
    pub class: Class,
    pub id: String,
    pub body: Bytes,
}

/// The queue of work items, at-least-once.
#[async_trait]
pub trait Outbox: Send + Sync + std::fmt::Debug {
    /// Stores the item durably; the ticket answers `holds`. Publishing an id that is still held returns the ticket of the held item.
    async fn publish(&self, item: NewItem) -> Result<u64, LogError>;
    /// True while the item of this ticket has not been `done`.
    async fn holds(&self, account: &str, class: Class, ticket: u64) -> Result<bool, LogError>;
    /// The next item nobody has claimed; waits up to `wait`, then `None`. A claim lasts `ack_wait` of the backend and
    /// then lapses: the item is claimed again by somebody else.
    async fn claim(&self, account: &str, class: Class, wait: Duration) -> Result<Option<Box<dyn Claim>>, LogError>;
}

/// One writer's hold on one item. Dropping it neither acknowledges nor releases: the claim lapses.
#[async_trait]
pub trait Claim: Send + Sync + std::fmt::Debug {
    fn id(&self) -> &str;
    fn body(&self) -> &Bytes;
    /// Starts the claim's time anew.
    async fn extend(&self) -> Result<(), LogError>;
    /// Removes the item for good.
    async fn done(self: Box<Self>) -> Result<(), LogError>;
    /// Gives the item back; nobody is handed it before `after` has passed.
    async fn release(self: Box<Self>, after: Duration) -> Result<(), LogError>;
}

/// A value and the revision to name when it is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    pub value: Bytes,
    pub revision: u64,
}

/// Small records changed by compare-and-set. Bucket names are fixed words; keys hold `[a-zA-Z0-9._-]`, no personal data.
#[async_trait]
pub trait KeyValue: Send + Sync + std::fmt::Debug {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Versioned>, LogError>;
    /// Creates the key; `LogError::Conflict` when it exists. Returns the revision.
    async fn create(&self, bucket: &str, key: &str, value: Bytes) -> Result<u64, LogError>;
    /// Replaces the value that has `revision`; `LogError::Conflict` when the key has another one. Returns the new revision.
    async fn update(&self, bucket: &str, key: &str, value: Bytes, revision: u64) -> Result<u64, LogError>;
    /// Deletes the value that has `revision`; `LogError::Conflict` when the key has another one.
    async fn delete(&self, bucket: &str, key: &str, revision: u64) -> Result<(), LogError>;
    /// The store's clock, in milliseconds since the Unix epoch: the one clock that all replicas share.
    async fn now_ms(&self) -> Result<i64, LogError>;
}

/// Why a port did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    #[error("the value changed since it was read; read it again")]
    Conflict,
    #[error("record {kind} is {size_bytes} bytes; the log takes {limit_bytes}")]
    TooLarge { kind: String, size_bytes: usize, limit_bytes: usize },
    #[error("a group of {count} records; the log takes {limit}")]
    GroupTooLarge { count: usize, limit: usize },
    #[error("{name:?} is no subject token: use lower-case letters, digits, '.', '-' and '_'")]
    BadName { name: String },
    #[error("storage refused: {0}")]
    Storage(String),
    #[error("the store is shutting down")]
    Closed,
}

impl LogError {
    /// True when the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict | Self::Storage(_) | Self::Closed)
    }
}
