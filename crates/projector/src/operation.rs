//! What the machine asks for, and what it is told: between any two of these a process may end or pause.

use std::time::Duration;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::record::Record;
use calltrail_event_log::ports::Class;
use thiserror::Error;

use crate::lineage::Seen;
use crate::translate::Folding;

/// One thing to be done outside. Any of them but the last may be answered by [`Came::Refused`] or [`Came::TooLarge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Answered by [`Came::Tail`].
    ReadTail,
    /// At rest until there are records after `after`: answered by [`Came::Records`] (up to `max`), or by [`Came::Tick`]
    /// when the time for a look at timers has come. Everything folded is committed now.
    Read { after: u64, max: usize },
    /// Answered by [`Came::Identity`]. The log's tail was at `sequence` or after it.
    Identify { sequence: u64 },
    /// Answered by [`Came::Published`].
    Publish { account: String, item: WorkItem },
    /// Answered by [`Came::Holds`].
    Holds { account: String, class: Class, ticket: u64 },
    /// All or none, next to each other. Answered by [`Came::Appended`].
    Append { account: String, records: Vec<Record> },
    /// A port refused. Answered by [`Came::Slept`].
    Sleep(Duration),
    /// The log is not the one that was folded: the store has to be set aside, and another machine folds the log from its
    /// first record. This one asks for nothing else any more.
    FoldAgain(WhyAgain),
}

/// How the log differs from the one that was folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WhyAgain {
    #[error("it has folded up to record {checkpoint}, and the log ends at {tail}")]
    Behind { checkpoint: u64, tail: u64 },
    #[error("the log has another record {sequence} than it has folded, or none")]
    OtherRecord { sequence: u64 },
    #[error("the log begins with another record than it has folded")]
    OtherFirst,
    #[error("it has folded up to record {checkpoint}, and what follows was trimmed off the log")]
    Trimmed { checkpoint: u64 },
    #[error("the log did not answer while it was filled from the snapshot with which the log begins")]
    NotFilled,
}

/// What came of an operation.
#[derive(Debug, Clone)]
pub enum Came {
    /// Nothing was asked yet.
    Started,
    Tail(u64),
    /// `before` is the hash of the record at the sequence after which they were read. Where that one is gone it is `None`, and `first`
    /// the sequence with which the log begins. Both were looked for after the records were read.
    Records {
        before: Option<u64>,
        first: Option<u64>,
        records: Vec<Folding>,
    },
    Tick,
    /// The hash of the record that was asked for, `None` where there is none, and the log's first record. Where the log begins
    /// after the record that was asked for, `base` is how far its whole snapshot goes.
    Identity {
        at: Option<u64>,
        first: Option<Seen>,
        base: Option<u64>,
    },
    Published {
        ticket: u64,
    },
    Holds(bool),
    Appended,
    Slept,
    /// A port refused; whether it did its part is unknown.
    Refused,
    /// A port refused what no repetition makes right: it is too large, or its name is not taken.
    TooLarge,
}
