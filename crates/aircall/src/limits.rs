//! Every bound of this crate.

/// The longest webhook body, inclusive. The bodies that were seen have 1 to 4 KB.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// How deep arrays and objects may stand in one another, inclusive. The bodies that were seen have 5 levels.
pub const NESTING_LEVELS_MAX: usize = 32;
/// The longest text that is read as a phone number, inclusive.
pub const NUMBER_BYTES_MAX: usize = 64;
/// The latest time that is believed: the end of the year 9999, in seconds since the Unix epoch.
pub const TIME_SECONDS_MAX: i64 = 253_402_300_799;
/// Whole numbers that arrive with a decimal point are exact up to 2^53.
pub const FLOAT_EXACT_MAX: f64 = 9_007_199_254_740_992.0;
