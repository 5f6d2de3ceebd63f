//! Every bound of this crate.

use std::time::Duration;

use calltrail_domain::limits::{DECISION_BYTES_MAX, WORK_ITEM_BYTES_MAX};
use calltrail_event_log::limits::BODY_BYTES_MAX;

/// Records folded between two commits of the projection store.
pub const BATCH_RECORDS_MAX: usize = 1_000;
/// Decisions appended in one record; the next ones follow in the next.
pub const DECISIONS_PER_RECORD_MAX: usize = 64;
/// The decisions of one record, encoded: a decision that no longer fits comes with the next record.
pub const DECISIONS_BYTES_MAX: usize = 900_000;
/// What a record of decisions has besides them, and what a later release may say more in it.
pub const DECISIONS_ENVELOPE_BYTES: usize = 50_000;
const _: () = assert!(DECISION_BYTES_MAX <= DECISIONS_BYTES_MAX);
const _: () = assert!(DECISIONS_BYTES_MAX + DECISIONS_ENVELOPE_BYTES <= BODY_BYTES_MAX);
const _: () = assert!(WORK_ITEM_BYTES_MAX + DECISIONS_ENVELOPE_BYTES <= BODY_BYTES_MAX);
/// Records that a rebuilt store may still lack when it takes the live one's place: the projector folds them then.
pub const SWAP_RECORDS_MAX: u64 = 1_000;
/// Records whose hashes are remembered, to know decisions that were made on another log.
pub const RECENT_RECORDS: u64 = 1_024;
/// Looks at a log that ends before the checkpoint, until that is taken for a log that went backwards: a new leader of
/// the servers may lack the last records for a moment.
pub const LOOKS_BEHIND_MAX: u32 = 4;
/// A log that does not name its own records after so long has not answered.
pub const IDENTIFY_WAIT: Duration = Duration::from_secs(5);
/// Publications of an account that are tried again in one tick.
pub const PUBLICATIONS_PER_TICK_MAX: usize = 500;
/// An item that is published for the third time is shown to a person: something acknowledges it without doing it.
pub const PUBLICATIONS_MAX: u32 = 3;
/// How often a publication that is refused for good is tried again where no account's rules say it.
pub const REPUBLISH_AFTER_DEFAULT: Duration = Duration::from_secs(120);
/// The wait before a store whose disk is full is opened again.
pub const ROOM_WAIT: Duration = Duration::from_secs(2);
/// With less than this free, the disk of a store counts as full: what sled then fails with is no damage, and it is not opened.
pub const ROOM_BYTES_MIN: u64 = 4 * 1024 * 1024;
/// Memory that the projection store may use for pages it has read.
pub const STORE_CACHE_BYTES: u64 = 64 * 1024 * 1024;
/// Tries to lock a store that somebody has open, before that is taken for another process.
pub const LOCK_TRIES: u32 = 50;
/// The wait between two of them.
pub const LOCK_WAIT: Duration = Duration::from_millis(20);
/// How often timers and lost work items are looked for.
pub const TIMER_TICK: Duration = Duration::from_secs(1);
/// Timers appended in one tick.
pub const TIMERS_PER_TICK_MAX: usize = 500;
/// So many records of an account without a decision, and a marker says that there was nothing to decide.
pub const RECORDS_BEFORE_MARKER: u64 = 1_000;
/// The wait before a port that refused is asked again.
pub const RETRY_WAIT: Duration = Duration::from_millis(500);
/// The operator is told of a log or an outbox that refuses once in so long.
pub const REFUSAL_LINE_EVERY: Duration = Duration::from_secs(60);
/// Times a damaged projection store is rebuilt before the projector gives up: more means that the disk is broken.
pub const REBUILDS_MAX: usize = 3;
/// Questions that wait for the projector's answer.
pub const QUERIES_MAX: usize = 16;
/// Decisions that would differ, kept to be shown one by one; more are only counted.
pub const CHANGES_KEPT_MAX: usize = 1_000;
/// A line of a text that would differ is shown so far.
pub const LINE_CHARS_MAX: usize = 200;
