//! Every bound of the doctor, and what its figures are made of.

use std::time::Duration;

/// How long any one request may take.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Our clock may differ from Front's by so much before it is worth a word: `Date` is cut to seconds and was on its way.
pub(super) const SKEW_LOW: Duration = Duration::from_secs(30);
/// A webhook of Front that is older than this is refused, so that a clock that differs by more loses all of them.
pub(super) const SKEW_MAX: Duration = calltrail_front::limits::WEBHOOK_WINDOW;
/// Room for some 30,000 calls, at ten webhooks of 3 KB each.
pub(super) const DISK_FREE_BYTES_LOW: u64 = 1024 * 1024 * 1024;
/// Requests for a typical call: one import for the call, one for its duration, one listing that confirms both, and one
/// look-up, observation or assignment. The demo's day takes 52 for 13 calls.
pub(super) const REQUESTS_PER_CALL: u32 = 4;
/// An answer of more bytes than this is not our receiver's.
pub(super) const RECEIVER_ANSWER_BYTES_MAX: usize = 4 * 1024;
/// Ids that are named before the rest is only counted.
pub(super) const NAMED_MAX: usize = 10;
/// What a server says of itself is some ten kilobytes long.
pub(super) const MONITOR_ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Major and minor: the first release with everything that the backend uses.
pub(super) const NATS_VERSION_MIN: (u32, u32) = (2, 14);
/// The default of a server; the longest record and its headers fit into it.
pub(super) const NATS_PAYLOAD_BYTES_MIN: usize = 1024 * 1024;
