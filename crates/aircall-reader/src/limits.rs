//! Every bound of this crate.

use std::time::Duration;

/// Aircall lists no more than the first so many calls of a query: what lies beyond is asked for by shorter windows.
pub const LISTED_MAX: u64 = 10_000;
/// What Aircall lets a company ask in a minute, before it has said so itself.
pub const RATE_LIMIT_ASSUMED: u32 = 120;
/// What more is configured, or reported, counts as this.
pub const REQUESTS_PER_MINUTE_MAX: u32 = 6_000;
/// The window of the rate limit, and what two clocks may differ by within one.
pub const RATE_WINDOW: Duration = Duration::from_secs(60);
pub const RATE_MARGIN: Duration = Duration::from_secs(1);
/// Of the limit, one in so many requests is kept for checks of the webhook while a job is read, and at least so many as a
/// check takes: the list of webhooks, and a page of calls.
pub const KEPT_FOR_CHECKS_ONE_IN: usize = 10;
pub const KEPT_FOR_CHECKS_MIN: usize = 2;
/// A slot that is further ahead is not reserved; the reader comes back for it.
pub const SLOT_WAIT_MAX: Duration = Duration::from_secs(2);
/// The longest wait that Aircall may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);
/// Compare-and-sets lost in a row, after which the reader rests.
pub const CONFLICTS_MAX: u32 = 16;
/// A claim of a job lasts so long from its last page on; then another reader continues the job.
pub const CLAIM_MAX: Duration = Duration::from_secs(30);
/// The pause when there is nothing to read.
pub const IDLE_PAUSE: Duration = Duration::from_secs(1);
/// The pause after a port failed.
pub const STORE_TROUBLE_PAUSE: Duration = Duration::from_secs(2);
/// The pause after a failure of Aircall; it doubles up to the longest one.
pub const FAILED_PAUSE_MIN: Duration = Duration::from_secs(1);
pub const FAILED_PAUSE_MAX: Duration = Duration::from_secs(60);
/// Front's events are waited for so long before the calls are read: Front may be down for longer than that.
pub const FRONT_WAIT_MAX: Duration = Duration::from_mins(5);
/// The pause between two looks at how far Front's events are known.
pub const FRONT_PAUSE: Duration = Duration::from_secs(1);
/// Jobs that wait or run; one more is refused.
pub const JOBS_OPEN_MAX: usize = 16;
/// Jobs that are over and remembered; the oldest goes first.
pub const JOBS_OVER_MAX: usize = 16;
/// Calls of one job that are read one by one.
pub const CALLS_PER_JOB_MAX: usize = 1_000;
/// Windows of one job: each split of one makes one more.
pub const WINDOWS_MAX: usize = 256;
/// Recovery reads so far before the gap for comments, tags and recordings that came late: Aircall repeats a webhook for
/// up to 12 hours, so what is older has been told.
pub const OVERLAP_DEFAULT: Duration = Duration::from_hours(12);
/// By this long after a call has ended, its webhook should have arrived.
pub const TOLD_AFTER: Duration = Duration::from_mins(3);
/// A check looks at calls that began this long before the last one: a call may be long.
pub const CALLS_BACK: Duration = Duration::from_hours(2);
/// Pages of calls that one check asks for.
pub const CHECK_PAGES_MAX: u32 = 20;
/// Checks whose place in the log is remembered.
pub const LOOKS_MAX: usize = 64;
/// After this many periods without a check it is unknown whether webhooks arrived.
pub const PERIODS_MISSED_MAX: u32 = 3;
