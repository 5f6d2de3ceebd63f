//! Every bound of this crate.

use std::time::Duration;

/// The longest body, inclusive; a longer one is 413.
pub const BODY_BYTES_MAX: usize = calltrail_aircall::limits::BODY_BYTES_MAX;
/// So much of a body that is refused for its size is read and thrown away, so that its sender gets to see the answer
/// instead of a broken connection.
pub const DISCARDED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A connection that has not brought the headers of its next request after this time is closed. It counts from the
/// moment the connection is idle, so that there is no other bound on idle connections.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// A body that is not complete after this time is 408.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// An append that is not durable after this time is 503. Aircall waits 5 s for its answer (API reference, webhooks).
pub const APPEND_TIMEOUT: Duration = Duration::from_secs(4);
/// Header fields of one request, inclusive.
pub const HEADERS_MAX: usize = 64;
/// The read buffer of one connection, which bounds the headers' size too.
pub const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// A body that arrives more slowly than this, after [`BODY_RATE_GRACE`], is 408: the longest one takes 8 s at this rate.
pub const BODY_RATE_BYTES_PER_SECOND_MIN: usize = 32 * 1024;
/// So much later than its rate asks for may each part of a body be.
pub const BODY_RATE_GRACE: Duration = Duration::from_secs(2);
/// Open connections that have not authenticated, inclusive; a further one closes the one that was opened first.
pub const STRANGERS_MAX: usize = 512;
/// Those of one address, inclusive, unless the options say otherwise; a further one closes the first of that address. Of one
/// address behind a trusted proxy: requests in flight.
pub const STRANGERS_PER_PEER_MAX_DEFAULT: usize = 256;
/// Open connections that have authenticated, inclusive. Half of them is kept for the accounts in equal parts (at least one
/// each), half is lent. A connection beyond them stays among those that have not.
pub const MEMBERS_MAX: usize = 256;
/// Connections that were closed to make room and are not gone yet; with more, none is accepted.
pub const CLOSING_MAX: usize = 48;
/// What has arrived of the bodies of connections that have not authenticated, all together, inclusive; more closes the
/// connection that was opened first of those that hold any.
pub const STRANGER_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The bodies of connections that have authenticated, all together, inclusive: half is kept for the accounts in equal parts
/// (at least the longest body each), half is lent. A further one waits for [`ROOM_WAIT`], then it is 503.
pub const MEMBER_BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Webhooks that are stored at once, inclusive, shared out likewise (at least one each); a further one waits for
/// [`ROOM_WAIT`], then it is 503.
pub const APPENDS_MAX: usize = 128;
/// How long a webhook waits for room for its body, and again for its turn to be stored.
pub const ROOM_WAIT: Duration = Duration::from_millis(400);
/// What `Retry-After` says with a 503.
pub const RETRY_AFTER_SECONDS: u64 = 5;
/// After an accept that failed (no more file descriptors, say) the next one waits so long.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The operator is told of refusals of one account and reason, and of a log that does not store, once in so long.
pub const LINE_INTERVAL: Duration = Duration::from_secs(60);
/// Requests under way when the process is asked to stop get so long to end.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// The spool takes records while it holds less than this, unless the options say otherwise: half a million webhooks of
/// the usual 2 KiB.
pub const HIGH_WATER_BYTES_DEFAULT: u64 = 1024 * MIB;
/// The spool takes records while so much of its disk is free, unless the options say otherwise.
pub const DISK_FREE_MIN_BYTES_DEFAULT: u64 = 256 * MIB;
/// When nothing waits in the spool, its file is compacted if it is as long as this, inclusive, and more than
/// [`COMPACT_SHARE_MIN`] times as long as what is held: a file does not become shorter by itself.
pub const COMPACT_FILE_BYTES_MIN: u64 = 16 * MIB;
/// See [`COMPACT_FILE_BYTES_MIN`].
pub const COMPACT_SHARE_MIN: u64 = 4;
/// The most records that are forwarded in one group, inclusive.
pub const FORWARD_RECORDS_MAX: usize = 1_000;
/// A group that is forwarded holds no further record when their bodies would be longer than this.
/// Small enough for its deadline on a slow link, and large enough that a server that syncs each group keeps up.
pub const FORWARD_BYTES_MAX: usize = 1024 * 1024;
/// So much of the hash of a group's content is in its id.
pub const CONTENT_HASH_CHARS: usize = 16;
/// A group that the log has not acknowledged after this time is sent again.
pub const FORWARD_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after the first failure to forward; it doubles up to the maximum.
pub const FORWARD_PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest such pause, inclusive: how late the forwarder notices at most that the log is back.
pub const FORWARD_PAUSE_MAX: Duration = Duration::from_secs(5);
/// When the process is asked to stop, what is left in the spool is forwarded for so long.
pub const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Aircall gives up by then (API reference, webhooks): each wait of ours ends before.
const SENDER_TIMEOUT: Duration = Duration::from_secs(5);
const _: () = assert!(APPEND_TIMEOUT.as_millis() + 2 * ROOM_WAIT.as_millis() < SENDER_TIMEOUT.as_millis());
const _: () = assert!(STRANGERS_PER_PEER_MAX_DEFAULT <= STRANGERS_MAX);
/// The longest body of one stranger never closes its own connection, unless others' hold the rest.
const _: () = assert!(BODY_BYTES_MAX < STRANGER_BODY_BYTES_MAX);

const MIB: u64 = 1024 * 1024;
const _: () = assert!(FORWARD_RECORDS_MAX <= calltrail_event_log::limits::GROUP_RECORDS_MAX);
const _: () = assert!(FORWARD_BYTES_MAX <= calltrail_event_log::limits::READ_BYTES_MAX);

/// A record holds the body as JSON text: escaping doubles it at most, as control characters are no JSON. Then the
/// longest body still fits into the log.
const RECORD_BYTES_MAX: usize = 2 * BODY_BYTES_MAX + 1024;
const _: () = assert!(RECORD_BYTES_MAX <= calltrail_event_log::limits::BODY_BYTES_MAX);
/// How long a connection lasts, however busy it is: a client that sends and does not read holds nothing up longer.
pub const CONNECTION_LIFE: Duration = Duration::from_secs(60);
