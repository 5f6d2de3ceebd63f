//! Every bound of this crate.

use std::time::Duration;

/// Records folded between two commits of the projection store.
pub const BATCH_RECORDS_MAX: usize = 1_000;
/// Decisions appended in one record; the next ones follow in the next.
pub const DECISIONS_PER_RECORD_MAX: usize = 64;
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
