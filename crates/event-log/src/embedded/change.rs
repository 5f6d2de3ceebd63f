//! What the committer can be asked to change.

use std::sync::Arc;

use bytes::Bytes;

use crate::ports::{Class, LoggedRecord, NewItem, NewRecord};

/// One change of the file; all of it takes place or none. Its answer is one number.
#[derive(Debug)]
pub(super) enum Change {
    /// Answers the first sequence; the others follow it.
    Append { group: Vec<NewRecord> },
    /// Answers 0.
    Import { records: Vec<LoggedRecord>, through: u64 },
    /// Answers 0.
    Erase { sequences: Vec<u64> },
    /// Removes some of the records before this sequence. Answers how many.
    Trim { before: u64 },
    /// Answers the ticket.
    Publish { item: NewItem, now_ms: i64 },
    /// Answers 0.
    Done { lane: LaneName, ticket: u64 },
    /// Answers the new revision.
    Set { bucket: String, key: String, expected: Revision, value: Option<Bytes> },
}

/// What a compare-and-set expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revision {
    Absent,
    Is(u64),
}

/// The items of one account and class.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LaneName {
    pub(super) account: Arc<str>,
    pub(super) class: Class,
}

impl LaneName {
    pub(super) fn new(account: &str, class: Class) -> Self {
        Self { account: Arc::from(account), class }
    }
}

impl Change {
    /// Roughly how much it adds to the transaction.
    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Self::Append { group } => group.iter().map(|record| record.body.len()).sum(),
            Self::Import { records, .. } => records.iter().map(|record| record.body.len()).sum(),
            Self::Publish { item, .. } => item.body.len(),
            Self::Set { value, .. } => value.as_ref().map_or(0, Bytes::len),
            Self::Erase { .. } | Self::Trim { .. } | Self::Done { .. } => 0,
        }
    }
}
