//! What goes into the machine and what comes out of it.

use std::time::Duration;

use calltrail_domain::ids::{CallId, TeammateId};
use calltrail_domain::record::Record;
use calltrail_domain::time::Timestamp;
use calltrail_front::{Answer, Attachment, Request, Resource};

use crate::dead_letter::DeadLetter;
use crate::fence::Fence;

/// What the shell is to do next. Every command but the last two is answered by one input.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// Answered by `Fence`.
    ReadFence,
    /// Compare-and-set; `expected` is `None` for a fence that must not exist. Answered by `Written` or `Conflict`.
    WriteFence { fence: Box<Fence>, expected: Option<u64> },
    /// Answered by `Slot` once the time of the slot has come, or by `NoSlot`. `patient` when this claim has sent a
    /// request already, or has taken an attempt over: it waits for a slot that is further away.
    Reserve { resource: Resource, patient: bool },
    /// Answered by `Answered`. Not sent any more when the deadline has passed.
    Send { request: Request, deadline: Timestamp },
    /// The key-value store's clock is read. Answered by `StoreTime`.
    ReadStoreTime,
    /// Answered by `Teammate`.
    FindTeammate { email: String },
    /// Answered by `Audio`.
    FetchAudio { call: CallId },
    /// Answered by `Appended`.
    Append(Vec<Record>),
    /// Answered by `Kept`.
    KeepDeadLetter(Box<DeadLetter>),
    /// Answered by `Woke`.
    WaitUntil(Timestamp),
    /// Give the claim back; somebody takes it again after this time.
    Release { after: Duration, why: Why },
    /// Acknowledge the item.
    Done,
}

/// Shows nothing personal: commands hold e-mail addresses, and records texts.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ReadFence => f.write_str("ReadFence"),
            Self::WriteFence { expected, .. } => write!(f, "WriteFence(expected {expected:?})"),
            Self::Reserve { resource, patient } => write!(f, "Reserve({resource:?}, patient {patient})"),
            Self::Send { request, .. } => write!(f, "Send({request:?})"),
            Self::ReadStoreTime => f.write_str("ReadStoreTime"),
            Self::FindTeammate { .. } => f.write_str("FindTeammate(…)"),
            Self::FetchAudio { call } => write!(f, "FetchAudio({call})"),
            Self::Append(records) => write!(f, "Append({} records)", records.len()),
            Self::KeepDeadLetter(letter) => write!(f, "KeepDeadLetter({letter:?})"),
            Self::WaitUntil(at) => write!(f, "WaitUntil({at:?})"),
            Self::Release { after, why } => write!(f, "Release({after:?}, {why:?})"),
            Self::Done => f.write_str("Done"),
        }
    }
}

/// Why a claim is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// No slot of the rate budget soon.
    Budget,
    /// Front does not take the token.
    BadToken,
    /// An operator has to repair something first.
    Operator,
    /// Front did not answer as it should.
    Trouble,
    /// An attempt in doubt, or another writer's, has to run out first.
    InDoubt,
    /// An accepted import has not appeared yet.
    Invisible,
    /// Another writer works on the party.
    Conflict,
}

impl Why {
    pub const ALL: [Self; 7] = [
        Self::Budget,
        Self::BadToken,
        Self::Operator,
        Self::Trouble,
        Self::InDoubt,
        Self::Invisible,
        Self::Conflict,
    ];

    /// The word that metrics and log lines show.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::BadToken => "bad_token",
            Self::Operator => "operator",
            Self::Trouble => "trouble",
            Self::InDoubt => "in_doubt",
            Self::Invisible => "invisible",
            Self::Conflict => "conflict",
        }
    }
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The item was claimed.
    Claimed,
    /// The party's fence, and when this process first saw this revision of it.
    Fence {
        found: Option<(Box<Fence>, u64)>,
        first_seen: Timestamp,
    },
    Written {
        revision: u64,
    },
    Conflict,
    /// The slot has come. `store_now_ms` is the latest that the key-value store's clock can be now.
    Slot {
        store_now_ms: i64,
    },
    /// What the key-value store's clock said.
    StoreTime {
        now_ms: i64,
    },
    NoSlot {
        wait: Duration,
    },
    /// The request must not be sent for so long: it would meet what an operator has to repair first.
    Barred {
        wait: Duration,
    },
    Answered(Answer),
    Teammate(Lookup),
    Audio(Fetched),
    Appended,
    Kept,
    Woke,
}

/// What came of fetching a recording's audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    Audio(Attachment),
    /// Aircall, or what keeps its files, is busy or away.
    Later,
    /// It may still come, but not for long.
    NotYet,
    /// Aircall does not take the credential.
    BadCredential,
    /// It will not be had, or must not be fetched.
    Never,
}

/// What the list of teammates says about an e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    Known(TeammateId),
    /// Not in Front, by a list that is fresh enough.
    Unknown,
    /// The list should be fetched first. `last` is what the old one said, for when Front does not give another.
    Stale {
        last: Option<TeammateId>,
    },
}
