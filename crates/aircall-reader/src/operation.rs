//! What the machines ask of their shell, and what comes back.

use std::collections::BTreeSet;
use std::time::Duration;

use calltrail_aircall::rest::{CallsAsk, CallsPage, RateLimit, ReadCall, RestError, Webhook};
use calltrail_domain::ids::{AccountId, CallId};
use calltrail_domain::record::Record;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::budget::Budget;
use crate::job::Jobs;
use crate::watch::Watch;

/// The bucket of the values below.
pub const BUCKET: &str = "budget";

/// One operation of a port.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Answered by [`Came::Found`].
    Get(Place),
    /// A compare-and-set; `expected` is the revision that is replaced, `None` to create. Answered by [`Came::Put`].
    Put { value: Value, expected: Option<u64> },
    /// Answered by [`Came::StoreTime`].
    ReadStoreTime,
    /// A request to Aircall. Answered by [`Came::Answered`].
    Send(Question),
    /// One group into the log. Answered by [`Came::Appended`].
    Append(Vec<Record>),
    /// Answered by [`Came::Tail`].
    ReadTail,
    /// The calls of which the log has an end after this position. Answered by [`Came::Heard`].
    ReadHeard { after: u64 },
    /// Up to when Front's events are known to be in the log. Answered by [`Came::FrontKnown`].
    ReadFrontKnown,
    /// Answered by [`Came::Slept`].
    Sleep(Duration),
    /// The end of a turn: the next one may begin after this.
    Rest(Duration),
}

/// What Aircall is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    Calls(CallsAsk),
    Call(CallId),
    Webhooks,
    /// Switch the webhook on, with the events that are wanted.
    SwitchOn {
        id: String,
    },
}

/// What Aircall answered.
#[derive(Debug, Clone)]
pub enum Reply {
    Calls(CallsPage),
    Call(Box<ReadCall>),
    Webhooks(Vec<Webhook>),
    SwitchedOn,
}

/// What came of an operation.
#[derive(Debug, Clone)]
pub enum Came {
    /// The first of all.
    Begun,
    /// The value and its revision.
    Found(Option<(Value, u64)>),
    Put(Written),
    /// In milliseconds since the Unix epoch.
    StoreTime(i64),
    Answered {
        result: Result<Reply, RestError>,
        rate: RateLimit,
    },
    Appended,
    Tail(u64),
    Heard(BTreeSet<CallId>),
    /// By the store's clock; `None` where Front is not asked for events.
    FrontKnown(Option<i64>),
    Slept,
    /// The port refused in a way that only time fixes, or its answer was lost.
    Failed,
    /// The log refused the group for its size. Nothing was stored.
    TooLarge,
}

/// What came of a compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Revision(u64),
    /// Another process won the compare-and-set, or the outcome is unknown: read the value again.
    Conflict,
}

/// Which value is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Budget,
    Jobs,
    Watch,
}

/// A value of the key-value store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Budget(Box<Budget>),
    Jobs(Box<Jobs>),
    Watch(Box<Watch>),
}

/// A value that cannot be read. Without the parser's own words.
#[derive(Debug, thiserror::Error)]
#[error("a value of the reader cannot be read from byte {column} on; a later release may have written it")]
pub struct Unreadable {
    column: usize,
}

impl Place {
    /// Its key in [`BUCKET`].
    #[must_use]
    pub fn key(self, account: &AccountId) -> String {
        let word = match self {
            Self::Budget => "aircall",
            Self::Jobs => "jobs",
            Self::Watch => "watch",
        };
        format!("{account}.{word}")
    }
}

impl Value {
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Budget(_) => Place::Budget,
            Self::Jobs(_) => Place::Jobs,
            Self::Watch(_) => Place::Watch,
        }
    }

    /// The bytes to be stored.
    ///
    /// # Errors
    /// When it has no JSON form, which no value lacks.
    pub fn encode(&self) -> Result<Vec<u8>, Unreadable> {
        let encoded = match self {
            Self::Budget(budget) => serde_json::to_vec(budget),
            Self::Jobs(jobs) => serde_json::to_vec(jobs),
            Self::Watch(watch) => serde_json::to_vec(watch),
        };
        encoded.map_err(|error| Unreadable { column: error.column() })
    }

    /// Reads what is stored at `place`.
    ///
    /// # Errors
    /// When the bytes are none of this release.
    pub fn decode(place: Place, bytes: &[u8]) -> Result<Self, Unreadable> {
        Ok(match place {
            Place::Budget => Self::Budget(read(bytes)?),
            Place::Jobs => Self::Jobs(read(bytes)?),
            Place::Watch => Self::Watch(read(bytes)?),
        })
    }
}

fn read<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<Box<T>, Unreadable> {
    serde_json::from_slice(bytes).map(Box::new).map_err(|error| Unreadable { column: error.column() })
}

/// The budget that was found; an account without one has used nothing.
pub(crate) fn budget_in(found: Option<(Value, u64)>) -> (Box<Budget>, Option<u64>) {
    match found {
        Some((Value::Budget(budget), revision)) => (budget, Some(revision)),
        Some((value, _)) => panic!("{value:?} is no budget"),
        None => (Box::default(), None),
    }
}

/// The jobs that were found; an account without any has none.
pub(crate) fn jobs_in(found: Option<(Value, u64)>) -> (Box<Jobs>, Option<u64>) {
    match found {
        Some((Value::Jobs(jobs), revision)) => (jobs, Some(revision)),
        Some((value, _)) => panic!("{value:?} is no list of jobs"),
        None => (Box::default(), None),
    }
}
