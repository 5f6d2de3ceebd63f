//! The ports: what every backend promises.
//!
//! The doc comment above each trait is its contract; `conformance` holds the cases that prove it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

pub use crate::error::LogError;

/// A record to be appended. `account` is one token of lower-case letters, digits, `-` and `_`; `kind` is such tokens
/// joined by single dots.
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
///
/// - **Durable:** a returned sequence survives the loss of power. `Closed` and refusals of names or sizes mean that
///   nothing was stored; after `Storage`, or when the future is dropped, the group may or may not be there.
/// - **Ordered:** sequences grow and are never given twice, also not after an erasure or a restart. The records of a
///   group stand next to each other. Readers see a record only when it is durable, and never one before an earlier one.
/// - **May repeat:** nothing by itself; but who appends again after a lost answer stores the group twice.
#[async_trait]
pub trait EventLog: Send + Sync + std::fmt::Debug {
    /// Appends all records of the group or none, in order, next to each other, and returns their sequences once they
    /// are durable. An empty group appends nothing. Fails with `BadName`, `TooLarge` and `GroupTooLarge`.
    async fn append(&self, group: Vec<NewRecord>) -> Result<Vec<u64>, LogError>;
    /// Appends a group that may have been appended before under this id; whoever uses an id again brings the same group.
    /// A backend that still knows the id need not store it again. At worst the group is stored twice, which readers
    /// must bear; it is never left out. Fails as `append` does. `id` is printable ASCII without spaces and holds no
    /// personal data.
    async fn append_once(&self, id: &str, group: Vec<NewRecord>) -> Result<(), LogError> {
        let _ = id;
        self.append(group).await.map(drop)
    }
    /// Up to `max` records after `sequence`, in order; waits for the first one when there is none yet. Returns fewer
    /// than there are when they are many or long, but always one, except for a `max` of 0.
    async fn read_after(&self, sequence: u64, max: usize) -> Result<Vec<LoggedRecord>, LogError>;
    /// The sequence of the last durable record that can be read, 0 for an empty log: who has read so far has read all.
    async fn tail(&self) -> Result<u64, LogError>;
    /// Removes the records; readers skip the gaps. Sequences that are not there are ignored.
    async fn erase(&self, sequences: &[u64]) -> Result<(), LogError>;
    /// Removes every record before `sequence`, however many they are. What was removed when it fails stays removed: who asks
    /// again goes on there. Sequences are never given twice, as after an erasure.
    async fn trim(&self, before: u64) -> Result<(), LogError>;
}

/// The kind of the records that hold the place of a gap during an import; see [`Import`].
pub const FILLER_KIND: &str = "filler";

/// A log that takes over the records of another one, each at its own sequence, before anything is appended to it.
///
/// - **Durable:** when it returns. After an error the first of the records may be there, and records of the kind
///   [`FILLER_KIND`] where gaps belong: whoever goes on erases those.
/// - **Ordered:** sequences that were given before are never given again.
#[async_trait]
pub trait Import: Send + Sync + std::fmt::Debug {
    /// The last sequence that was ever given, also to a record that was erased since; 0 for a log that never had any.
    async fn last_given(&self) -> Result<u64, LogError>;
    /// Stores the records, whose sequences grow, and leaves gaps in between and up to `through`, which is the last
    /// sequence given from then on. Fails with `Conflict` where a sequence was given before, and as `append` does.
    async fn import(&self, records: Vec<LoggedRecord>, through: u64) -> Result<(), LogError>;
}

/// Work items of the accounts `live` before those of `bulk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Live,
    Bulk,
}

/// An item to be published. A second item with an `id` that the outbox still holds for this account and class is
/// dropped. `id` is printable ASCII without spaces and holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    pub account: String,
    pub class: Class,
    pub id: String,
    pub body: Bytes,
}

/// The queue of work items, at-least-once.
///
/// - **Durable:** an item whose ticket was returned is held until a claim of it is `done`, also across restarts.
/// - **Ordered:** within an account and class, of the items that nobody has claimed or delayed the one that was
///   published first is handed out next. Accounts and classes never wait for one another.
/// - **May repeat:** an item comes again when its claim lapses, and possibly after a restart; so two holders of one item
///   may overlap, and only a fence keeps them apart.
#[async_trait]
pub trait Outbox: Send + Sync + std::fmt::Debug {
    /// Stores the item durably; the ticket answers `holds`. Publishing an id that is still held returns the ticket of
    /// the held item. Fails with `BadName` and `TooLarge`.
    async fn publish(&self, item: NewItem) -> Result<u64, LogError>;
    /// True while the item of this ticket has not been `done`.
    async fn holds(&self, account: &str, class: Class, ticket: u64) -> Result<bool, LogError>;
    /// The next item nobody has claimed; waits up to `wait`, then `None`. A claim lasts `ack_wait` of the backend and
    /// then lapses: the item is claimed again by somebody else. Dropping the future claims nothing.
    async fn claim(
        &self,
        account: &str,
        class: Class,
        wait: Duration,
    ) -> Result<Option<Box<dyn Claim>>, LogError>;
}

/// One writer's hold on one item. Dropping it neither acknowledges nor releases: the claim lapses.
///
/// Once a claim has lapsed, `extend` and `release` may fail with `Conflict`, and do so at the embedded backend when
/// somebody else has claimed the item. `done` removes the item all the same, because the work was done.
#[async_trait]
pub trait Claim: Send + Sync + std::fmt::Debug {
    fn id(&self) -> &str;
    fn body(&self) -> &Bytes;
    /// Starts the claim's time anew.
    async fn extend(&self) -> Result<(), LogError>;
    /// Removes the item for good; durable when it returns.
    async fn done(self: Box<Self>) -> Result<(), LogError>;
    /// Gives the item back; nobody is handed it before `after` has passed. A restart may forget the delay.
    async fn release(self: Box<Self>, after: Duration) -> Result<(), LogError>;
}

/// A value and the revision to name when it is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    pub value: Bytes,
    pub revision: u64,
}

/// A key was changed by somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub key: String,
    pub revision: u64,
}

/// Small records changed by compare-and-set. Bucket names are fixed words; keys hold `[a-zA-Z0-9._-]` without empty
/// parts between dots, no personal data.
///
/// - **Durable:** a returned revision survives the loss of power. After `Storage`, or when the future is dropped, the
///   change may or may not have taken place: `get` tells.
/// - **Ordered:** of several changes that name the same revision exactly one succeeds. A key's revisions grow and never
///   come again, also not after a deletion.
#[async_trait]
pub trait KeyValue: Send + Sync + std::fmt::Debug {
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Versioned>, LogError>;
    /// Creates the key; `LogError::Conflict` when it exists. Returns the revision.
    async fn create(&self, bucket: &str, key: &str, value: Bytes) -> Result<u64, LogError>;
    /// Replaces the value that has `revision`; `LogError::Conflict` when the key has another one or is not there.
    /// Returns the new revision.
    async fn update(&self, bucket: &str, key: &str, value: Bytes, revision: u64) -> Result<u64, LogError>;
    /// Deletes the value that has `revision`; `LogError::Conflict` when the key has another one or is not there.
    async fn delete(&self, bucket: &str, key: &str, revision: u64) -> Result<(), LogError>;
    /// Tells, as they take place, of changes of the bucket's keys that begin with `first` and a dot. A hint: a change may be
    /// told late or never, and none is told twice. A backend of one process has nobody else to tell of.
    fn changes(&self, bucket: &str, first: &str) -> BoxStream<'static, Changed> {
        let _ = (bucket, first);
        futures_util::stream::pending().boxed()
    }
    /// The store's clock, in milliseconds since the Unix epoch: the one clock that all replicas share.
    async fn now_ms(&self) -> Result<i64, LogError>;
}
