//! Every bound of the configuration.

/// A configuration is written by hand; more is another file.
pub(super) const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// A token or a signing key; the longest are JSON web tokens of a few kilobytes.
pub(super) const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Live Aircall webhook tokens of one account: the old and the new one while they are rotated, twice.
pub(super) const WEBHOOK_TOKENS_MAX: usize = 4;
/// No wait of `[account.timing]` or `[log]` is longer than a week.
pub(super) const WAIT_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;
/// Each poll of Front's events takes a request or more of the rate that calls need.
pub(super) const EVENTS_POLL_SECONDS_MIN: u64 = 5;
/// Aircall lists the calls of six months.
pub(super) const HISTORY_AFTER_HOURS_MAX: u64 = 183 * 24;
/// What the writer's budget can count.
pub(super) const REQUESTS_PER_MINUTE_MAX: u32 = calltrail_front_writer::limits::REQUESTS_PER_MINUTE_MAX;
/// A subject stands in one line of Front's list.
pub(super) const SUBJECT_CHARS_MAX: usize = 200;
/// Names of inboxes and paths are short; this only bounds what is stored in every policy record.
pub(super) const NAME_BYTES_MAX: usize = 200;
/// Minutes of a day, the last end of business hours.
pub(super) const DAY_MINUTES: u16 = 24 * 60;
/// A word that differs in more letters than this is no misspelling.
pub(super) const MISSPELT_LETTERS_MAX: usize = 3;
/// A NATS server keeps at most five copies of a stream.
pub(super) const REPLICAS_MAX: u64 = 5;
/// A pebibyte: more is a slip.
pub(super) const LOG_GIB_MAX: u64 = 1024 * 1024;
/// A tebibyte: more is a slip.
pub(super) const ROOM_MIB_MAX: u64 = 1024 * 1024;
/// Servers of one cluster that are named.
pub(super) const URLS_MAX: usize = 16;
