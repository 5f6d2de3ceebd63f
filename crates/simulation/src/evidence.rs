//! What a run leaves behind for the checkers: what was told, what people did, what stands in Front, what the log says.
//!
//! **Invariant:** nothing here was worked out by the code under test, except the records of the log themselves.

use std::collections::{BTreeMap, BTreeSet};

use calltrail_domain::ids::PartyId;
use calltrail_domain::record::Record;
use calltrail_simulator::front::{Action, Ledger, Teammate};

use crate::fault::Scenario;

/// Everything about one run.
#[derive(Debug)]
pub struct Evidence {
    /// The accounts of the run, in the order of their names.
    pub accounts: Vec<AccountEvidence>,
    /// The call event log from its first record on.
    pub log: Vec<LoggedRecord>,
    /// What every projector had folded at the end, and what folding the log again gives: the name of the fold, the
    /// sequence that it has folded through, and a number that is equal for equal states.
    pub folds: Vec<(String, u64, u64)>,
    /// What the projectors told the outbox of, in order.
    pub publications: Vec<Publication>,
    /// What the projectors decided, and what they knew of the log then.
    pub decided: Vec<DecidedThrough>,
    /// What the writers have claimed, in order.
    pub claims: Vec<Claimed>,
    /// The log had lost its last records at some time: what Front has may have been decided in a history that is gone.
    pub tails_lost: u64,
    /// How often a projector took the log for another one than it had folded.
    pub folded_again: u64,
    /// Older records were trimmed off.
    pub is_trimmed: bool,
    /// What the seed is about.
    pub scenario: Scenario,
    /// From then on nothing went wrong any more, Unix time in milliseconds.
    pub faults_end_ms: i64,
    /// When the run ended, and whether everything had come to rest by then.
    pub ended_ms: i64,
    pub at_rest: bool,
}

/// A record of the log.
#[derive(Debug)]
pub struct LoggedRecord {
    pub sequence: u64,
    /// When it was appended, by the clock of the simulation: that of the record may be skewed.
    pub appended_ms: i64,
    pub account: String,
    pub record: Record,
}

/// A work item that a projector told the outbox of.
#[derive(Debug)]
pub struct Publication {
    pub projector: usize,
    /// The sequence of the log's last record when this life of the projector began.
    pub started_at_tail: u64,
    pub account: String,
    pub party: PartyId,
    pub ordinals: Vec<u64>,
    /// It may wait for what is live.
    pub is_bulk: bool,
}

/// An item that a writer has claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    pub writer: usize,
    /// By its place.
    pub account: usize,
    pub is_bulk: bool,
    /// A live item could have been claimed.
    pub live_waits: bool,
}

/// A record of decisions that a projector is about to append.
#[derive(Debug)]
pub struct DecidedThrough {
    pub projector: usize,
    pub account: String,
    /// What it has folded.
    pub through: u64,
    /// The tail of the log that it was told last.
    pub tail: u64,
}

/// One account: its Aircall company, its people and its Front company.
#[derive(Debug)]
pub struct AccountEvidence {
    pub id: String,
    /// The calls as they happened, in the order of their starts.
    pub calls: Vec<PlannedCall>,
    /// Aircall's webhooks that were answered 200: call id and event name, with the time of the first such answer.
    pub taken: BTreeMap<(u64, String), i64>,
    /// The same one by one, also where two have one name: call id, event name, and Aircall's time in seconds.
    pub taken_each: BTreeSet<(u64, String, i64)>,
    /// The simulated Front at the end: messages, comments, events with their times, requests.
    pub front: Ledger,
    /// Requests that Calltrail may send in any 60 seconds.
    pub requests_per_minute: usize,
    /// Calls that the projectors count as logged, as `calltrail status` shows them; one number for each projector.
    pub logged: Vec<u64>,
    /// Whether Front's webhooks are configured; without them the status is read before each call.
    pub front_webhooks: bool,
    /// How long a conversation may be quiet before it is read, although they are.
    pub front_silence_ms: i64,
    /// Whether an import reopens an archived conversation by itself.
    pub import_reopens: bool,
    /// Whether an import that says it is archived archives an open conversation.
    pub archived_import_archives: bool,
    /// Whether imports assign (`assign_by = "import"`); else an effect of its own does.
    pub import_assigns: bool,
    /// Marker lines of comments of which an attempt reached Front, or was sent, later than its deadline and the grace: the
    /// window that nothing can close.
    pub late_comments: BTreeSet<String>,
    /// Ids of imports and comments that Front refused for good by a fault of the plan, so that they are missing rightly.
    pub refused: BTreeSet<String>,
    /// What people did in Front, in the order of the doing.
    pub deeds: Vec<Deed>,
    /// Conversations that people deleted for good, and when; nothing in Front tells of it.
    pub deleted: BTreeMap<String, i64>,
    /// The teammates whom Front knows.
    pub teammates: Vec<Teammate>,
    /// When each request was sent that has reached Front, by its place in `front.requests`, Unix time in milliseconds.
    pub sent_ms: BTreeMap<usize, i64>,
    /// Every request that was sent, whatever became of it. The rate is judged by these.
    pub sent: Vec<Sent>,
    /// Aircall, where it posts webhooks by itself and is asked for calls.
    pub aircall: Option<AircallEvidence>,
}

/// One account's Aircall, and what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AircallEvidence {
    /// When the webhook was made, Unix time in milliseconds: nothing before it was posted.
    pub installed_ms: i64,
    /// The history before that was asked for.
    pub backfilled: bool,
    /// When each call began, by its id, Unix time in milliseconds.
    pub started_ms: BTreeMap<u64, i64>,
    /// Calls of which Aircall has told the end, or would have told it, had somebody received it.
    pub over: BTreeSet<u64>,
    /// Calls that went from one agent to another, or to outside: the list does not tell of it.
    pub transferred: BTreeSet<u64>,
    /// Calls that end longer ago than this when they are read are history.
    pub history_after_ms: i64,
    /// When requests were sent, Unix time in milliseconds.
    pub sent_ms: Vec<i64>,
    /// Requests that may be sent in any 60 seconds.
    pub requests_per_minute: usize,
    /// Times that Aircall has switched the webhook off, and whether it is on at the end.
    pub switched_off: u32,
    pub is_on: bool,
    /// A webhook that was off is switched on by a retry that succeeds: what came late for calls before may be missed then.
    pub switches_on_by_itself: bool,
}

/// Aircall tells of an end within this time.
const TOLD_AFTER_MS: i64 = 180_000;

impl AircallEvidence {
    /// The call is over, and was after the webhook was made, or belongs to the history that was asked for.
    #[must_use]
    pub fn is_to_be_read(&self, call: u64) -> bool {
        self.over.contains(&call) && (!self.is_older(call) || self.backfilled)
    }

    /// A call that ended then was over well before the webhook was made.
    #[must_use]
    pub fn is_history(&self, ended_ms: i64) -> bool {
        ended_ms < self.installed_ms - TOLD_AFTER_MS
    }

    /// It began before the webhook was made.
    #[must_use]
    pub fn is_older(&self, call: u64) -> bool {
        self.started_ms.get(&call).is_some_and(|started_ms| *started_ms < self.installed_ms)
    }
}

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Unix time in milliseconds.
    pub at_ms: i64,
    pub method: &'static str,
    pub path: String,
}

/// Something that a person did in Front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// The id that [`calltrail_simulator::front::Front::act`] returned.
    pub conversation: String,
    pub action: Action,
}

/// A call as it happens in Aircall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCall {
    pub id: u64,
    /// The outside number (E.164); `None` when it was withheld.
    pub number: Option<String>,
    /// The name of the line.
    pub line: &'static str,
    pub kind: CallKind,
    /// The e-mail of the agent who ended with the call or dialled it.
    pub agent: Option<&'static str>,
    /// The recording or the voicemail gets a link in the end.
    pub recorded: bool,
    /// The ids of its comments, in the order of their writing.
    pub notes: Vec<u64>,
    /// Names of the tags that were put on before the end and not taken off again.
    pub tags: Vec<String>,
    /// Names of the tags that were put on before the end and taken off again before the end.
    pub tags_off: Vec<String>,
    /// When it ended by Aircall's clock, Unix time in milliseconds.
    pub ended_ms: i64,
}

/// The five kinds of a call, as the behaviour names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallKind {
    InboundAnswered,
    OutboundAnswered,
    OutboundUnanswered,
    Missed,
    Voicemail,
}
