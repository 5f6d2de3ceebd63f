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
/// Open connections, inclusive; further ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 512;
/// Appends that are under way at once, inclusive; a further one is 503.
pub const APPENDS_MAX: usize = 256;
/// What `Retry-After` says with a 503.
pub const RETRY_AFTER_SECONDS: u64 = 5;
/// After an accept that failed (no more file descriptors, say) the next one waits so long.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The operator is told of refusals of one account and reason, and of a log that does not store, once in so long.
pub const LINE_INTERVAL: Duration = Duration::from_secs(60);
/// Requests under way when the process is asked to stop get so long to end.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// A record holds the body as JSON text: escaping doubles it at most, as control characters are no JSON. Then the
/// longest body still fits into the log.
const RECORD_BYTES_MAX: usize = 2 * BODY_BYTES_MAX + 1024;
const _: () = assert!(RECORD_BYTES_MAX <= calltrail_event_log::limits::BODY_BYTES_MAX);
/// How long a connection lasts, however busy it is: a client that sends and does not read holds nothing up longer.
pub const CONNECTION_LIFE: Duration = Duration::from_secs(60);
