//! Every bound of this crate.

use std::time::Duration;

/// How long a connection may take, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An unused connection is closed after this time.
pub const IDLE_CONNECTION_MAX: Duration = Duration::from_secs(60);
/// The longest answer that is read; a longer one counts as malformed.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Entries of one page of a list: the most that Front gives.
pub const PAGE_ENTRIES: usize = 100;
/// Entries of one page of the company's events: the most that Front gives.
pub const EVENTS_PAGE_ENTRIES: usize = 15;
/// How far the time of a signed webhook may be from ours, in both directions, inclusive: what Front recommends for
/// its channels (`/docs/security-1`).
pub const WEBHOOK_WINDOW: Duration = Duration::from_mins(5);
/// The longest challenge that is echoed, inclusive.
pub const CHALLENGE_BYTES_MAX: usize = 256;
/// The latest time of an event that is believed: the end of the year 9999, in seconds since the Unix epoch.
pub const EVENT_SECONDS_MAX: f64 = 253_402_300_799.0;
/// Details of an error that are kept with its message.
pub const DETAILS_MAX: usize = 3;
/// The longest id that is taken for one of Front's, inclusive. Front's have some 12 characters, its message uids 32.
pub const ID_BYTES_MAX: usize = 128;
