//! Why a port did not do what was asked.

use std::error::Error;
use std::sync::Arc;

/// Why a port did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Another caller was faster, or a claim has lapsed.
    #[error("the value changed since it was read; read it again")]
    Conflict,
    /// `kind` is the record's kind, or what else the body belongs to.
    #[error("the body of {kind} is {size_bytes} bytes; at most {limit_bytes} are taken")]
    TooLarge { kind: String, size_bytes: usize, limit_bytes: usize },
    /// More records than one group may hold.
    #[error("a group of {count} records; at most {limit} are taken, append it in parts")]
    GroupTooLarge { count: usize, limit: usize },
    /// `name` is cut to the longest name that is taken.
    #[error("the name {name:?} is not taken: {rule}")]
    BadName { name: String, rule: &'static str },
    /// The disk or the server refused. Whether a change took place is unknown; the source says why.
    #[error("the storage refused")]
    Storage(#[source] Arc<dyn Error + Send + Sync>),
    /// The store was closed; nothing was changed.
    #[error("the store is shutting down")]
    Closed,
}

impl LogError {
    /// A refusal of the storage for the reason that `source` gives.
    #[must_use]
    pub fn storage(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Storage(Arc::from(source.into()))
    }

    /// True when the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict | Self::Storage(_) | Self::Closed)
    }
}
