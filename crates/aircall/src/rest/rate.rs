//! What an answer says about Aircall's rate limit.

use calltrail_domain::time::Timestamp;
use http::HeaderMap;

/// What is greater than this is no second of this millennium: Aircall's clients disagree on whether the reset comes in
/// seconds or in milliseconds.
const SECONDS_MAX: i64 = 100_000_000_000;

/// The limit is the company's: other integrations use it up too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests a minute.
    pub limit: Option<u32>,
    pub remaining: Option<u32>,
    /// When there will be some again, by Aircall's clock.
    pub reset: Option<Timestamp>,
}

impl RateLimit {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
        let count = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
        Self {
            limit: count("x-aircallapi-limit"),
            remaining: count("x-aircallapi-remaining"),
            reset: number("x-aircallapi-reset").map(moment),
        }
    }
}

fn moment(reset: i64) -> Timestamp {
    if reset > SECONDS_MAX { Timestamp::from_millis(reset) } else { Timestamp::from_seconds(reset) }
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, RateLimit, Timestamp};

    #[test]
    fn a_reset_is_read_in_seconds_and_in_milliseconds() {
        for (given, expect_ms) in [("1700000000", 1_700_000_000_000), ("1700000000123", 1_700_000_000_123)] {
            let mut headers = HeaderMap::new();
            headers.insert("x-aircallapi-reset", given.parse().expect("a value"));
            headers.insert("x-aircallapi-limit", "120".parse().expect("a value"));
            headers.insert("x-aircallapi-remaining", "-1".parse().expect("a value"));
            let expect = RateLimit {
                limit: Some(120),
                remaining: None,
                reset: Some(Timestamp::from_millis(expect_ms)),
            };
            assert_eq!(RateLimit::of(&headers), expect, "{given}");
        }
    }
}
