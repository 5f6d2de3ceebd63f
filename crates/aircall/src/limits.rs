//! Every bound of this crate.

use std::time::Duration;

/// The longest webhook body, inclusive. The bodies that were seen have 1 to 4 KB.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Comments and tags of one call that are brought over. Each costs requests to Front and records, and a webhook has room for
/// thousands; what is more is counted in the conversation and stays in Aircall.
pub const COMMENTS_PER_CALL_MAX: usize = 100;
pub const TAGS_PER_CALL_MAX: usize = 100;
/// How deep arrays and objects may stand in one another, inclusive. The bodies that were seen have 5 levels.
pub const NESTING_LEVELS_MAX: usize = 32;
/// The longest text that is read as a phone number, inclusive.
pub const NUMBER_BYTES_MAX: usize = 64;
/// The latest time that is believed: the end of the year 9999, in seconds since the Unix epoch.
pub const TIME_SECONDS_MAX: i64 = 253_402_300_799;
/// Whole numbers that arrive with a decimal point are exact up to 2^53.
pub const FLOAT_EXACT_MAX: f64 = 9_007_199_254_740_992.0;
/// How long a connection to the REST API may take, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request to the REST API may take, its whole answer included.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer of the REST API that is read; a longer one counts as malformed.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Entries of one page of a list: the most that Aircall gives.
pub const PAGE_ENTRIES: usize = 50;
/// The most pages that are read of one list: half of what Aircall lets a company ask in a minute.
pub const PAGES_MAX: usize = 60;
/// The longest wait that Aircall may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(10);
/// How long fetching a recording may take.
pub const AUDIO_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest recording that is fetched: Front takes attachments of 25 MB.
pub const AUDIO_BYTES_MAX: usize = 24 * 1024 * 1024;
