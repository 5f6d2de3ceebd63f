//! What the machine asks for, and what it is told: between any two of these a process may end or pause.

use std::time::Duration;

use calltrail_domain::effect::WorkItem;
use calltrail_domain::record::Record;

use crate::translate::Folding;

/// One thing to be done outside. Any of them may be answered by [`Came::Refused`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Answered by [`Came::Tail`].
    ReadTail,
    /// At rest until there are records after `after`: answered by [`Came::Records`] (up to `max`), or by [`Came::Tick`]
    /// when the time for a look at timers has come. Everything folded is committed now.
    Read { after: u64, max: usize },
    /// Answered by [`Came::Published`].
    Publish { account: String, item: WorkItem },
    /// Answered by [`Came::Holds`].
    Holds { account: String, ticket: u64 },
    /// All or none, next to each other. Answered by [`Came::Appended`].
    Append { account: String, records: Vec<Record> },
    /// A port refused. Answered by [`Came::Slept`].
    Sleep(Duration),
}

/// What came of an operation.
#[derive(Debug, Clone)]
pub enum Came {
    /// Nothing was asked yet.
    Started,
    Tail(u64),
    Records(Vec<Folding>),
    Tick,
    Published {
        ticket: u64,
    },
    Holds(bool),
    Appended,
    Slept,
    /// A port refused; whether it did its part is unknown.
    Refused,
}
