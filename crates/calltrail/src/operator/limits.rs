//! Every bound of the operator listener.

use std::time::Duration;

/// Open connections, inclusive; a further one closes the one that was opened first.
pub(crate) const CONNECTIONS_MAX: usize = 64;
/// A connection that has not brought the headers of its next request after this time is closed.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// A request that is not answered after this time is 503: more than any part of the answer waits for.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection lasts, however busy it is.
pub(super) const CONNECTION_LIFE: Duration = Duration::from_secs(60);
/// Header fields of one request, inclusive.
pub(super) const HEADERS_MAX: usize = 64;
/// The read buffer of one connection, which bounds the headers' size too.
pub(super) const BUFFER_BYTES_MAX: usize = 16 * 1024;
/// After an accept that failed (no more file descriptors, say) the next one waits so long.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
