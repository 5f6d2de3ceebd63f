//! What work asks of the ports, one thing at a time, and what comes of it.

use std::time::Duration;

use bytes::Bytes;
use calltrail_domain::ids::{AccountId, CallId, EffectKey, PartyId};
use calltrail_domain::record::Record;
use calltrail_front::{Exchange, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::budget::{self, Budget};
use crate::command::{Fetched, Why};
use crate::dead_letter::{self, DeadLetter};
use crate::fence::{self, Fence};
use crate::work::Polled;

/// What a port is to do next.
#[derive(Clone, PartialEq, Eq)]
pub enum Operation {
    /// Answered by `Found`.
    Get(Place),
    /// Compare-and-set; `expected` is `None` for a value that must not exist. Answered by `Put`.
    Put { place: Place, value: Value, expected: Option<u64> },
    /// Answered by `StoreTime`.
    ReadStoreTime,
    /// Answered by `Appended`.
    Append(Vec<Record>),
    /// Sent at once, with this time for the answer. Answered by `Exchanged`.
    Send { request: Request, timeout: Duration },
    /// Answered by `Slept`.
    Sleep(Duration),
    /// Answered by `Audio`.
    FetchAudio { call: CallId },
    /// Give the claim back; somebody takes it again after this time. Nothing comes after it.
    Release { after: Duration, why: Option<Why> },
    /// Acknowledge the item. Nothing comes after it.
    Done,
}

/// Where a value of the key-value store is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Fence(PartyId),
    Budget,
    DeadLetter(EffectKey),
    Events,
}

/// A value of the key-value store.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    Fence(Box<Fence>),
    Budget(Box<Budget>),
    DeadLetter(Box<DeadLetter>),
    Events(Box<Polled>),
    /// A dead letter that this release cannot read. It is only ever replaced.
    Unreadable,
}

/// What came of a compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Revision(u64),
    /// Somebody else was faster.
    Conflict,
    /// The storage failed, and nobody knows whether it was written.
    Unknown,
}

/// What came of an operation.
#[derive(Clone, PartialEq, Eq)]
pub enum Came {
    /// The item was claimed: the first of all.
    Claimed,
    /// The value and its revision.
    Found(Option<(Value, u64)>),
    Put(Written),
    /// The store's clock, in milliseconds since the Unix epoch.
    StoreTime(i64),
    Appended,
    Exchanged(Exchange),
    Slept,
    Audio(Fetched),
    /// The port refused in a way that only time fixes, or its answer was lost.
    Failed,
    /// The port refused a value for its size, as it will again. Nothing was stored.
    TooLarge,
}

/// A value that cannot be read or written. Without the parser's own words: they may quote a number.
#[derive(Debug, thiserror::Error)]
#[error("the stored {what} cannot be read from byte {column} on; a later release may have written it")]
pub struct Unreadable {
    what: &'static str,
    column: usize,
}

impl Place {
    #[must_use]
    pub fn bucket(&self) -> &'static str {
        match self {
            Self::Fence(_) => fence::BUCKET,
            // The progress of polling is beside the budget: a bucket of its own would have to be made first.
            Self::Budget | Self::Events => budget::BUCKET,
            Self::DeadLetter(_) => dead_letter::BUCKET,
        }
    }

    #[must_use]
    pub fn key(&self, account: &AccountId) -> String {
        match self {
            Self::Fence(party) => fence::key(account, party),
            Self::Budget => account.as_str().to_owned(),
            Self::DeadLetter(effect) => DeadLetter::key(account, *effect),
            Self::Events => format!("{account}.events"),
        }
    }
}

impl Value {
    /// The stored form.
    pub fn encode(&self) -> Result<Bytes, Unreadable> {
        match self {
            Self::Fence(fence) => encode("fence", fence),
            Self::Budget(budget) => encode("budget", budget),
            Self::DeadLetter(letter) => encode("dead letter", letter),
            Self::Events(polled) => encode("poll of events", polled),
            Self::Unreadable => Err(Unreadable { what: "dead letter", column: 0 }),
        }
    }

    /// The value whose stored form was found at `place`.
    pub fn decode(place: &Place, bytes: &[u8]) -> Result<Self, Unreadable> {
        Ok(match place {
            Place::Fence(_) => Self::Fence(decode("fence", bytes)?),
            Place::Budget => Self::Budget(decode("budget", bytes)?),
            Place::Events => Self::Events(decode("poll of events", bytes)?),
            Place::DeadLetter(_) => decode("dead letter", bytes).map_or(Self::Unreadable, Self::DeadLetter),
        })
    }
}

fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<Bytes, Unreadable> {
    let bytes = serde_json::to_vec(value).map_err(|error| Unreadable { what, column: error.column() })?;
    Ok(Bytes::from(bytes))
}

fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes).map_err(|error| Unreadable { what, column: error.column() })
}

/// Shows nothing personal: records hold texts.
impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Get(place) => write!(f, "Get({place:?})"),
            Self::Put { place, expected, .. } => write!(f, "Put({place:?}, expected {expected:?})"),
            Self::ReadStoreTime => f.write_str("ReadStoreTime"),
            Self::Append(records) => write!(f, "Append({} records)", records.len()),
            Self::Send { request, timeout } => write!(f, "Send({request:?}, {timeout:?})"),
            Self::Sleep(span) => write!(f, "Sleep({span:?})"),
            Self::FetchAudio { call } => write!(f, "FetchAudio({call})"),
            Self::Release { after, why } => write!(f, "Release({after:?}, {why:?})"),
            Self::Done => f.write_str("Done"),
        }
    }
}

/// Shows nothing personal: a fence holds what was refused, a letter the effect.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fence(_) => "Fence(…)",
            Self::Budget(_) => "Budget(…)",
            Self::DeadLetter(_) => "DeadLetter(…)",
            Self::Events(_) => "Events(…)",
            Self::Unreadable => "Unreadable",
        })
    }
}

/// Shows nothing personal: answers hold what Front said.
impl std::fmt::Debug for Came {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Claimed => f.write_str("Claimed"),
            Self::Found(None) => f.write_str("Found(nothing)"),
            Self::Found(Some((value, revision))) => write!(f, "Found({value:?}, {revision})"),
            Self::Put(written) => write!(f, "Put({written:?})"),
            Self::StoreTime(ms) => write!(f, "StoreTime({ms})"),
            Self::Appended => f.write_str("Appended"),
            Self::Exchanged(_) => f.write_str("Exchanged(…)"),
            Self::Slept => f.write_str("Slept"),
            Self::Audio(_) => f.write_str("Audio(…)"),
            Self::Failed => f.write_str("Failed"),
            Self::TooLarge => f.write_str("TooLarge"),
        }
    }
}
